#include "hub/engine/victoria_engine.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>

#include "hub/engine/engine_labels.h"

namespace hub {
namespace {

using measurement::Timestamp;
using nlohmann::json;
using namespace std::chrono_literals;

// Of one answer: VictoriaMetrics gives no more than 30,000 by default, and looks at no more than
// 30 million samples of a series.
constexpr std::size_t steps_at_once = 10'000;
constexpr std::chrono::hours time_at_once{24 * 300};

constexpr std::array<std::pair<std::string_view, std::int64_t MinuteSummary::*>, 4> rollups = {
    {{"count_over_time", &MinuteSummary::count},
     {"sum_over_time", &MinuteSummary::sum},
     {"min_over_time", &MinuteSummary::min},
     {"max_over_time", &MinuteSummary::max}}};

// Whole numbers, which may be written with an exponent.
std::int64_t whole(const json& text) { return std::llround(std::stod(text.get<std::string>())); }

}  // namespace

VictoriaEngine::VictoriaEngine(VictoriaMetrics victoria, std::string home, EngineLine& line)
    : dialect_(std::move(victoria)), home_(std::move(home)), line_(line) {}

std::string VictoriaEngine::selector(const Series& series) const {
  return fmt::format("{}_{}{{home={}, meter={}}}", sample_measurement,
                     field_of(series.quantity, series.index), label_text(home_),
                     label_text(series.device));
}

// A value at a time is of the step that ends with it, itself included.
std::expected<std::vector<Engine::Part>, StoreError> VictoriaEngine::parts(const Series& series,
                                                                           const Steps& steps) {
  const auto question = fmt::format(
      "aggr_over_time((\"count_over_time\", \"sum_over_time\", \"min_over_time\", "
      "\"max_over_time\"), {}[{}ms])",
      selector(series), steps.step.count());
  const auto end_of = [&](std::size_t i) {
    return steps.begin + static_cast<std::int64_t>(i + 1) * steps.step - 1ms;
  };
  const auto at_once = std::clamp<std::size_t>(static_cast<std::size_t>(time_at_once / steps.step),
                                               1, steps_at_once);
  std::vector<Part> parts;
  for (std::size_t first = 0; first < steps.count; first += at_once) {
    const auto last = std::min(first + at_once, steps.count) - 1;
    const auto answer =
        line_.ask(dialect_.query(question, end_of(first), end_of(last), steps.step));
    if (answer.status != 200) return std::unexpected(StoreError::unavailable);
    try {
      const auto text = json::parse(answer.text);
      for (const auto& found : text.at("data").at("result")) {
        const auto& labels = found.at("metric");
        const auto rollup = std::ranges::find(rollups, labels.at("rollup").get<std::string>(),
                                              [](const auto& known) { return known.first; });
        if (rollup == rollups.end()) continue;
        auto& part = part_in(parts, labels, steps.count);
        for (const auto& value : found.at("values")) {
          const std::chrono::milliseconds time(std::llround(value.at(0).get<double>() * 1000));
          const auto step = (Timestamp(time) - steps.begin) / steps.step;
          part.steps.at(static_cast<std::size_t>(step)).*rollup->second = whole(value.at(1));
        }
      }
    } catch (const std::exception&) {
      return std::unexpected(StoreError::unavailable);
    }
  }
  return parts;
}

std::expected<std::vector<Engine::Value>, StoreError> VictoriaEngine::values(const Series& series,
                                                                             TimeRange range) {
  const auto answer = line_.ask(dialect_.stored(selector(series), range.begin, range.end - 1ms));
  if (answer.status != 200) return std::unexpected(StoreError::unavailable);
  std::vector<Value> values;
  try {
    for (std::size_t at = 0; at < answer.text.size();) {
      const auto end = std::min(answer.text.find('\n', at), answer.text.size());
      const auto found = json::parse(answer.text.begin() + static_cast<std::ptrdiff_t>(at),
                                     answer.text.begin() + static_cast<std::ptrdiff_t>(end));
      at = end + 1;
      const auto part = part_of(found.at("metric"));
      const auto& times = found.at("timestamps");
      for (std::size_t i = 0; i < times.size(); ++i) {
        const Timestamp time(std::chrono::milliseconds(times.at(i).get<std::int64_t>()));
        values.push_back(
            {part.boot, part.stream, time, std::llround(found.at("values").at(i).get<double>())});
      }
    }
  } catch (const std::exception&) {
    return std::unexpected(StoreError::unavailable);
  }
  return values;
}

std::expected<std::optional<Timestamp>, StoreError> VictoriaEngine::began(std::string_view device) {
  const auto answer =
      line_.ask(dialect_.series(fmt::format("{}_number{{home={}, meter={}}}", sample_measurement,
                                            label_text(home_), label_text(device))));
  if (answer.status != 200) return std::unexpected(StoreError::unavailable);
  std::optional<Timestamp> first;
  try {
    const auto text = json::parse(answer.text);
    for (const auto& labels : text.at("data")) {
      const auto since = part_of(labels).since;
      first = std::min(first.value_or(since), since);
    }
  } catch (const std::exception&) {
    return std::unexpected(StoreError::unavailable);
  }
  return first;
}

}  // namespace hub
