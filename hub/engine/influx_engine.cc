#include "hub/engine/influx_engine.h"

#include <fmt/format.h>

#include "hub/engine/engine_labels.h"

namespace hub {
namespace {

using measurement::Timestamp;
using nlohmann::json;

std::int64_t milliseconds(Timestamp time) { return time.time_since_epoch().count(); }

// The series of the one result. Throws std::exception where it is no such answer.
json series_of(const EngineAnswer& answer) {
  if (answer.status != 200) throw std::runtime_error("refused");
  const auto result = json::parse(answer.text).at("results").at(0);
  if (result.contains("error")) throw std::runtime_error("refused");
  return result.value("series", json::array());
}

}  // namespace

InfluxEngine::InfluxEngine(InfluxDb influx, std::string home, EngineLine& line)
    : dialect_(std::move(influx)), home_(std::move(home)), line_(line) {}

// Names of homes and meters have no quotes in them.
std::string InfluxEngine::from(const Series& series, TimeRange range) const {
  return fmt::format("FROM {} WHERE home = '{}' AND meter = '{}' AND time >= {}ms AND time < {}ms",
                     sample_measurement, home_, series.device, milliseconds(range.begin),
                     milliseconds(range.end));
}

std::expected<std::vector<Engine::Part>, StoreError> InfluxEngine::parts(const Series& series,
                                                                         const Steps& steps) {
  const auto field = field_of(series.quantity, series.index);
  const auto end = steps.begin + static_cast<std::int64_t>(steps.count) * steps.step;
  const auto answer = line_.ask(dialect_.query(fmt::format(
      "SELECT count({0}), sum({0}), min({0}), max({0}) {1} GROUP BY boot, since, stream, "
      "time({2}ms, {3}ms) fill(none)",
      field, from(series, {steps.begin, end}), steps.step.count(),
      milliseconds(steps.begin) % steps.step.count())));
  std::vector<Part> parts;
  try {
    for (const auto& found : series_of(answer)) {
      auto& part = part_in(parts, found.at("tags"), steps.count);
      for (const auto& row : found.at("values")) {
        const Timestamp time(std::chrono::milliseconds(row.at(0).get<std::int64_t>()));
        part.steps.at(static_cast<std::size_t>((time - steps.begin) / steps.step)) = {
            row.at(1), row.at(2), row.at(3), row.at(4)};
      }
    }
  } catch (const std::exception&) {
    return std::unexpected(StoreError::unavailable);
  }
  return parts;
}

std::expected<std::vector<Engine::Value>, StoreError> InfluxEngine::values(const Series& series,
                                                                           TimeRange range) {
  const auto answer = line_.ask(
      dialect_.query(fmt::format("SELECT {} {} GROUP BY boot, since, stream",
                                 field_of(series.quantity, series.index), from(series, range))));
  std::vector<Value> values;
  try {
    for (const auto& found : series_of(answer)) {
      const auto part = part_of(found.at("tags"));
      for (const auto& row : found.at("values")) {
        const Timestamp time(std::chrono::milliseconds(row.at(0).get<std::int64_t>()));
        values.push_back({part.boot, part.stream, time, row.at(1)});
      }
    }
  } catch (const std::exception&) {
    return std::unexpected(StoreError::unavailable);
  }
  return values;
}

std::expected<std::optional<Timestamp>, StoreError> InfluxEngine::began(std::string_view device) {
  const auto answer = line_.ask(dialect_.query(
      fmt::format("SHOW TAG VALUES FROM {} WITH KEY = since WHERE home = '{}' AND meter = '{}'",
                  sample_measurement, home_, device)));
  std::optional<Timestamp> first;
  try {
    for (const auto& found : series_of(answer)) {
      for (const auto& row : found.at("values")) {
        const Timestamp since(std::chrono::milliseconds(std::stoll(row.at(1).get<std::string>())));
        first = std::min(first.value_or(since), since);
      }
    }
  } catch (const std::exception&) {
    return std::unexpected(StoreError::unavailable);
  }
  return first;
}

}  // namespace hub
