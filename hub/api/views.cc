#include "hub/api/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;

std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::int64_t milliseconds(measurement::Timestamp time) { return time.time_since_epoch().count(); }

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json or_null(const std::optional<measurement::Timestamp>& time) {
  return time ? Json(milliseconds(*time)) : Json(nullptr);
}

constexpr std::array kinds = {"grid", "solar", "battery", "ev", "subpanel", "load"};

Json circuit_json(const Home& home, const Circuit& circuit) {
  const auto capacity = capacity_w(home, circuit);
  return {
      {"id", circuit.id},
      {"name", circuit.name},
      {"kind", kinds.at(static_cast<std::size_t>(circuit.kind))},
      {"parent", circuit.parent.empty() ? Json(nullptr) : Json(circuit.parent)},
      {"rating_a", circuit.rating_a > 0 ? Json(circuit.rating_a) : Json(nullptr)},
      {"poles", circuit.poles},
      {"legs", circuit.legs},
      {"position", circuit.position},
      {"room", circuit.room},
      {"metered", !circuit.channels.empty()},
      {"capacity_w", or_null(capacity)},
  };
}

// `value` in units of 1/10 or 1/1000, without trailing zeros: much faster than a float's way, which
// counts when there are a million of them.
void append_decimal(std::string& out, std::int64_t value, std::int64_t unit) {
  if (value < 0) out += '-';
  const auto size = static_cast<std::uint64_t>(std::abs(value));
  const auto parts = static_cast<std::uint64_t>(unit);
  fmt::format_int whole(size / parts);
  out.append(whole.data(), whole.size());
  auto rest = size % parts;
  if (rest == 0) return;
  out += '.';
  for (auto digit = parts / 10; rest > 0; digit /= 10) {
    out += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
}

void append_watts(std::string& out, float watts) {
  if (std::isfinite(watts)) {
    append_decimal(out, std::llround(static_cast<double>(watts) * 10), 10);
  } else {
    out += "null";
  }
}

void append_series(std::string& out, std::string_view name, const std::vector<float>& watts) {
  fmt::format_to(std::back_inserter(out), "\"{}\":[", name);
  for (const float value : watts) {
    append_watts(out, value);
    out += ',';
  }
  if (!watts.empty()) out.pop_back();
  out += "],";
}

void append_energy(std::string& out, std::string_view name, measurement::MilliwattHours energy) {
  fmt::format_to(std::back_inserter(out), "\"{}\":", name);
  append_decimal(out, energy.value, 1000);
}

}  // namespace

std::string error_text(std::string_view sentence) { return text({{"error", sentence}}); }

std::string homes_text(std::span<const HomeName> homes) {
  auto list = Json::array();
  for (const auto& [id, name, trouble] : homes) {
    list.push_back({{"id", id}, {"name", name}});
    if (!trouble.empty()) list.back()["error"] = trouble;
  }
  return text(list);
}

std::string home_text(const Home& home, measurement::Timestamp now) {
  const Panel& panel = panel_at(home, now);
  auto circuits = Json::array();
  for (const auto& circuit : panel.circuits) circuits.push_back(circuit_json(home, circuit));
  return text({
      {"id", home.id},
      {"name", home.name},
      {"zone", home.zone},
      {"country", home.country},
      {"currency", home.currency},
      {"nominal_voltage_v", home.nominal_voltage_v},
      {"line_frequency_hz", home.line_frequency_hz},
      {"phases", home.phases},
      {"price_per_kwh", or_null(home.price_per_kwh)},
      {"panel",
       {{"valid_from", milliseconds(panel.valid_from)},
        {"style", panel.style == PanelStyle::us ? "us" : "din"},
        {"circuits", circuits}}},
  });
}

std::optional<std::string> live_text(const Home& home, const LiveFeed::Moment& moment,
                                     measurement::Timestamp now) {
  std::string circuits;
  const std::string device(moment.device);
  for (const auto& circuit : panel_at(home, moment.time).circuits) {
    if (!std::ranges::count(circuit.channels, device, &ChannelUse::device)) continue;
    fmt::format_to(std::back_inserter(circuits), "{}:", text(circuit.id));
    const auto power = active_power(circuit, device, moment.sample);
    append_watts(circuits, power ? power->value : std::nanf(""));
    circuits += ',';
  }
  if (circuits.empty()) return std::nullopt;
  circuits.pop_back();
  return fmt::format(R"({{"now":{},"time":{},"device":{},"circuits":{{{}}}}})", milliseconds(now),
                     milliseconds(moment.time), text(device), circuits);
}

std::string history_text(const Steps& steps, std::span<const NamedHistory> circuits) {
  std::string out = fmt::format(R"({{"begin":{},"step_ms":{},"circuits":{{)",
                                milliseconds(steps.begin), steps.step.count());
  for (const auto& [id, history] : circuits) {
    out += text(id) + ":{";
    append_series(out, "mean", history.mean);
    append_series(out, "min", history.min);
    append_series(out, "max", history.max);
    append_energy(out, "imported_wh", history.imported);
    out += ',';
    append_energy(out, "exported_wh", history.exported);
    out += "},";
  }
  if (!circuits.empty()) out.pop_back();
  return out + "}}";
}

std::string gaps_text(std::span<const DeviceGap> gaps) {
  auto list = Json::array();
  for (const auto& [device, gap] : gaps) {
    list.push_back({{"device", device},
                    {"channel", or_null(gap.channel)},
                    {"begin", milliseconds(gap.range.begin)},
                    {"end", milliseconds(gap.range.end)}});
  }
  return text(list);
}

std::string meters_text(std::span<const MeterRecord> meters) {
  auto list = Json::array();
  for (const auto& meter : meters) {
    auto integrated = Json::array();
    for (std::size_t c = 0; c < measurement::max_channels; ++c) {
      if (meter.origin.integrated >> c & 1) integrated.push_back(c);
    }
    list.push_back({{"device", meter.device},
                    {"last", or_null(meter.last)},
                    {"first", or_null(meter.first)},
                    {"reports", meter.tally.reports},
                    {"duplicate", meter.tally.duplicate},
                    {"lost", meter.tally.lost},
                    {"timed_on_arrival", meter.origin.timed_on_arrival},
                    {"integrated_channels", std::move(integrated)}});
  }
  return text(list);
}

}  // namespace hub
