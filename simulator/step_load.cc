#include "simulator/step_load.h"

#include <cassert>

namespace simulator {

StepLoad::StepLoad(std::chrono::milliseconds period) : period_(period), channels_{{"Step", {16}}} {
  assert(period.count() > 0 && "BUG: a step load needs a period above zero");
}

Scene::Moment StepLoad::advance(measurement::Timestamp now, std::span<ChipInput> chips) {
  assert(!chips.empty() && "BUG: a step load needs a chip");
  const auto since = now.time_since_epoch();
  const auto begin = since - (since % period_ + period_) % period_;
  const bool high = begin / period_ % 2 != 0;
  const float power = high ? 1100 : 100;

  auto& chip = chips.front() = {};
  chip.voltage.fill({230});
  chip.frequency = line_frequency();
  chip.channels.front().fundamental_power = {power};
  chip.channels.front().current = {power / 230};
  return {.until = measurement::Timestamp(begin + period_)};
}

}  // namespace simulator
