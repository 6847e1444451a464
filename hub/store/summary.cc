#include "hub/store/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hub {

using measurement::Kind;
using measurement::Quantity;
using measurement::Sample;

void derive(Quantity quantity, const Points& voltage, const Points& current, const Points& power,
            std::span<float> means) {
  for (std::size_t i = 0; i < means.size(); ++i) {
    const float apparent = voltage.mean[i] * current.mean[i];
    means[i] = quantity == Quantity::apparent_power ? apparent
               : apparent >= 1 ? std::clamp(power.mean[i] / apparent, -1.0f, 1.0f)
                               : std::numeric_limits<float>::quiet_NaN();
  }
}

MinuteSummary summarise(std::span<const Sample> samples, Quantity quantity, std::size_t index) {
  MinuteSummary minute;
  const bool is_total = measurement::row(quantity).kind == Kind::total;
  for (const auto& sample : samples) {
    if (index >= sample.count(quantity)) continue;
    if (const auto value = sample.steps(quantity, index)) add(minute, *value, is_total);
  }
  return minute;
}

MinuteSummary summarise(std::span<const Sample> samples, std::span<const Share> together) {
  MinuteSummary minute;
  for (const auto& sample : samples) {
    double sum = 0;
    const bool is_there = std::ranges::all_of(together, [&](const Share& share) {
      if (share.channel >= sample.channels()) return false;
      const auto value = sample.measured_steps(Quantity::active_power, share.channel);
      sum += share.multiplier * static_cast<double>(value);
      return value != Sample::absent;
    });
    if (is_there) add(minute, std::llround(sum), false);
  }
  return minute;
}

void summarise(std::span<const Sample> samples, std::span<MinuteSummary> all) {
  for (const auto& sample : samples) {
    for (const auto& quantity : measured) {
      auto* minute = &all[slot_of(quantity.id, 0)];
      for (std::size_t index = 0; index < sample.count(quantity.id); ++index, ++minute) {
        const auto value = sample.measured_steps(quantity.id, index);
        if (value != Sample::absent) add(*minute, value, quantity.kind == Kind::total);
      }
    }
  }
}

}  // namespace hub
