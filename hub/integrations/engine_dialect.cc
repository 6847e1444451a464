#include "hub/integrations/engine_dialect.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "hub/integrations/base64.h"
#include "hub/integrations/line_protocol.h"
#include "hub/integrations/sample_points.h"

namespace hub {
namespace {

using measurement::Timestamp;
using nlohmann::json;
using namespace std::chrono_literals;

// RFC 3986: everything but unreserved characters.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                          (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

void refuse_secret(std::string_view name, const std::string& url) {
  if (url.find('@') == std::string::npos) return;
  throw std::runtime_error(
      fmt::format("{}'s address holds a user or password: put them in user and password_file of "
                  "partners.toml.",
                  name));
}

void sign_in(EngineRequest& request, const std::string& user, const std::string& password) {
  if (user.empty()) return;
  request.headers.emplace_back("Authorization", "Basic " + base64(user + ":" + password));
}

constexpr auto plain_text = "text/plain; charset=utf-8";
constexpr auto form_text = "application/x-www-form-urlencoded";

std::int64_t milliseconds(Timestamp time) { return time.time_since_epoch().count(); }

// A number of seconds would be rounded on its way.
std::string rfc_3339(Timestamp time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                     (time - second).count());
}

json parsed(const EngineAnswer& answer) {
  if (answer.status / 100 != 2) return json::value_t::discarded;
  return json::parse(answer.text, nullptr, false);
}

// The series of a VictoriaMetrics' answer. Throws where it is no such answer.
json result_of(const EngineAnswer& answer) { return parsed(answer).at("data").at("result"); }

}  // namespace

std::string label_text(std::string_view text) { return json(text).dump(); }

// ---- InfluxDB ----------------------------------------------------------------------------------

InfluxDialect::InfluxDialect(InfluxDb influx) : influx_(std::move(influx)) {
  if (influx_.version != 1 && influx_.version != 2) {
    throw std::runtime_error(fmt::format(
        "There is no way to write to InfluxDB {}: take version 1 or 2 in partners.toml.",
        influx_.version));
  }
  refuse_secret(name(), influx_.url);
}

std::string InfluxDialect::base() const { return without_slash(influx_.url); }

std::string InfluxDialect::place() const {
  return influx_.version == 2 ? fmt::format("{}/{}", influx_.organisation, influx_.bucket)
                              : influx_.database;
}

EngineRequest InfluxDialect::request(std::string_view target, std::string body) const {
  EngineRequest request{base() + std::string(target), {}, std::move(body)};
  if (influx_.version == 2) {
    request.headers.emplace_back("Authorization", "Token " + influx_.token);
  } else {
    sign_in(request, influx_.user, influx_.password);
  }
  return request;
}

EngineRequest InfluxDialect::write(std::string lines) const {
  auto made = request(influx_.version == 2
                          ? fmt::format("/api/v2/write?org={}&bucket={}&precision=ms",
                                        escaped(influx_.organisation), escaped(influx_.bucket))
                          : fmt::format("/write?db={}&precision=ms", escaped(influx_.database)),
                      std::move(lines));
  made.headers.emplace_back("Content-Type", plain_text);
  return made;
}

EngineRequest InfluxDialect::query(std::string_view question) const {
  const auto& place = influx_.version == 2 ? influx_.bucket : influx_.database;
  auto made =
      request("/query", fmt::format("db={}&epoch=ms&q={}", escaped(place), escaped(question)));
  made.headers.emplace_back("Content-Type", form_text);
  return made;
}

EngineRequest InfluxDialect::health() const { return query("SELECT value FROM lenz_none LIMIT 1"); }

std::string InfluxDialect::remedy(unsigned status) const {
  const bool is_new = influx_.version == 2;
  switch (status) {
    case 401:
      return is_new ? "check token_file in partners.toml"
                    : "check user and password_file in partners.toml";
    case 403:
      return is_new ? "give the token the right to write to the bucket"
                    : "give the user the right to write: GRANT WRITE ON \"DATABASE\" TO \"USER\"";
    case 404:
      return is_new ? fmt::format("create the bucket {} or correct partners.toml", place())
                    : fmt::format(
                          "create the database with CREATE DATABASE \"{}\" or correct "
                          "partners.toml",
                          place());
    default:
      return "nothing is lost, it is tried again";
  }
}

EngineRequest InfluxDialect::find_marker(const std::string& home, Timestamp time) const {
  return query(fmt::format("SELECT value FROM {} WHERE home = '{}' AND time = {}ms",
                           marker_measurement, home, milliseconds(time)));
}

std::optional<bool> InfluxDialect::has_marker(const EngineAnswer& answer) const {
  const auto text = parsed(answer);
  if (!text.is_object() || !text.contains("results") || text["results"].empty()) {
    return std::nullopt;
  }
  const auto& result = text["results"][0];
  if (result.contains("error")) return std::nullopt;
  return result.contains("series");
}

// ---- VictoriaMetrics ---------------------------------------------------------------------------

VictoriaDialect::VictoriaDialect(VictoriaMetrics victoria) : victoria_(std::move(victoria)) {
  refuse_secret(name(), victoria_.url);
  refuse_secret(name(), victoria_.read_url);
}

std::string VictoriaDialect::base() const { return without_slash(victoria_.url); }

std::string VictoriaDialect::read_base() const {
  return victoria_.read_url.empty() ? base() : without_slash(victoria_.read_url);
}

EngineRequest VictoriaDialect::write(std::string lines) const {
  EngineRequest made{base() + "/write?precision=ms", {}, std::move(lines)};
  made.headers.emplace_back("Content-Type", plain_text);
  sign_in(made, victoria_.user, victoria_.password);
  return made;
}

// What was answered before is not what is there: no cache.
EngineRequest VictoriaDialect::request(const std::string& target, std::string_view form) const {
  EngineRequest made{read_base() + target, {}, fmt::format("{}&nocache=1", form)};
  made.headers.emplace_back("Content-Type", form_text);
  sign_in(made, victoria_.user, victoria_.password);
  return made;
}

EngineRequest VictoriaDialect::query(std::string_view question, Timestamp time) const {
  return request("/api/v1/query",
                 fmt::format("query={}&time={}", escaped(question), escaped(rfc_3339(time))));
}

EngineRequest VictoriaDialect::query(std::string_view question, Timestamp first, Timestamp last,
                                     std::chrono::milliseconds step) const {
  return request("/api/v1/query_range",
                 fmt::format("query={}&start={}&end={}&step={}ms", escaped(question),
                             escaped(rfc_3339(first)), escaped(rfc_3339(last)), step.count()));
}

EngineRequest VictoriaDialect::stored(std::string_view selector, Timestamp begin,
                                      Timestamp end) const {
  return request("/api/v1/export", fmt::format("match[]={}&start={}&end={}", escaped(selector),
                                               escaped(rfc_3339(begin)), escaped(rfc_3339(end))));
}

EngineRequest VictoriaDialect::series(std::string_view selector) const {
  const Timestamp first(24h);  // 0 would be a few minutes ago.
  return request("/api/v1/series",
                 fmt::format("match[]={}&start={}", escaped(selector), escaped(rfc_3339(first))));
}

EngineRequest VictoriaDialect::health() const { return query("1", Timestamp{}); }

std::string VictoriaDialect::remedy(unsigned status) const {
  switch (status) {
    case 401:
    case 403:
      return "check user and password_file in partners.toml";
    case 404:
      return "check url and read_url in partners.toml";
    default:
      return "nothing is lost, it is tried again";
  }
}

EngineRequest VictoriaDialect::find_marker(const std::string& home, Timestamp time) const {
  return stored(fmt::format("{}_value{{home={}}}", marker_measurement, label_text(home)), time,
                time);
}

std::optional<bool> VictoriaDialect::has_marker(const EngineAnswer& answer) const {
  if (answer.status / 100 != 2) return std::nullopt;
  return !answer.text.empty();
}

// A minute holds a time twice, and the next millisecond: any coarser interval would make one of
// them.
EngineRequest VictoriaDialect::write_probe(const std::string& home, Timestamp minute) const {
  std::string lines;
  for (const auto time : {minute + 1ms, minute + 1ms, minute + 2ms, minute + 1ms - probed_age}) {
    lines += *Line("lenz_probe").tag("home", home).integer("value", 1).at(time);
  }
  return write(std::move(lines));
}

EngineRequest VictoriaDialect::read_probe(const std::string& home, Timestamp minute) const {
  const auto counted = fmt::format("lenz_probe_value{{home={}}}[1m]", label_text(home));
  return query(fmt::format("label_set(count_over_time({0}), \"age\", \"new\") or "
                           "label_set(count_over_time({0} offset {1}d), \"age\", \"old\")",
                           counted, probed_age.count()),
               minute + 59s);
}

std::string VictoriaDialect::complaint(const EngineAnswer& answer) const {
  double fresh = 0, old = 0;
  try {
    for (const auto& series : result_of(answer)) {
      const double count = std::stod(series.at("value").at(1).get<std::string>());
      (series.at("metric").value("age", "") == "new" ? fresh : old) = count;
    }
  } catch (const std::exception&) {
    fresh = 0;  // No such answer.
  }
  if (fresh == 0) {
    return fmt::format(
        "VictoriaMetrics at {} does not show what was written: check url and "
        "read_url in partners.toml.",
        base());
  }
  if (fresh != 2) {
    return fmt::format("VictoriaMetrics at {} {}: start it with -dedup.minScrapeInterval=1ms.",
                       base(),
                       fresh > 2 ? "keeps a point twice when it is sent twice"
                                 : "leaves out points that lie close together");
  }
  if (old == 0) {
    return fmt::format(
        "VictoriaMetrics at {} drops what is ten years old: start it with -retentionPeriod=100y.",
        base());
  }
  return {};
}

EngineRequest VictoriaDialect::count(const std::string& home, std::string_view meter,
                                     Timestamp first_minute, Timestamp last_minute) const {
  return query(fmt::format("sum(count_over_time({{__name__=~\"{}_.+\", home={}, meter={}}}[1m]))",
                           sample_measurement, label_text(home), label_text(meter)),
               first_minute + 1min - 1ms, last_minute + 1min - 1ms, 1min);
}

std::optional<std::map<Timestamp, std::uint64_t>> VictoriaDialect::counts(
    const EngineAnswer& answer) const {
  std::map<Timestamp, std::uint64_t> found;
  try {
    for (const auto& series : result_of(answer)) {
      for (const auto& point : series.at("values")) {
        const std::chrono::milliseconds time(std::llround(point.at(0).get<double>() * 1000));
        found[std::chrono::floor<std::chrono::minutes>(Timestamp(time))] =
            std::stoull(point.at(1).get<std::string>());
      }
    }
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return found;
}

}  // namespace hub
