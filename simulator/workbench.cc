#include "simulator/workbench.h"

#include <cmath>

namespace simulator {
namespace {

constexpr measurement::Volts volts{230};
constexpr std::chrono::milliseconds each{60'000};

struct BenchLoad {
  float amperes, factor;
};
constexpr std::array loads = {BenchLoad{0, 1}, BenchLoad{16, 1}, BenchLoad{16, 0.5f},
                              BenchLoad{4, 1}, BenchLoad{1, 1}};

std::int64_t minute_of(measurement::Timestamp now) { return now.time_since_epoch() / each; }

const BenchLoad& load_at(measurement::Timestamp now) {
  return loads[static_cast<std::size_t>(minute_of(now)) % loads.size()];
}

}  // namespace

Scene::Moment Workbench::advance(measurement::Timestamp now, std::span<ChipInput> chips) {
  const auto& load = load_at(now);
  const float apparent = volts.value * load.amperes;
  auto& chip = chips.front() = {};
  chip.voltage.fill(volts);
  chip.frequency = line_frequency();
  chip.channels.front() = {.fundamental_power = {apparent * load.factor},
                           .reactive_power = {apparent * std::sqrt(1 - load.factor * load.factor)},
                           .current = {load.amperes}};
  return {.until = measurement::Timestamp((minute_of(now) + 1) * each)};
}

Workbench::Wattmeter Workbench::wattmeter(measurement::Timestamp now) {
  const auto& load = load_at(now);
  return {volts, {load.amperes}, {volts.value * load.amperes * load.factor}};
}

}  // namespace simulator
