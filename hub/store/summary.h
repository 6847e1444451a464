// What a series did in each minute of an hour, without its samples: whole numbers throughout, so
// that the mean of a day is exactly the mean of its samples.

#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "measurement/sample.h"

namespace hub {

// In steps of the quantity's resolution. All values are 0 where count is. Of a total only count
// and max are kept: a total never falls, so the greatest is the last.
struct MinuteSummary {
  std::int64_t count = 0;  // Samples in which the value was present.
  std::int64_t sum = 0, min = 0, max = 0;

  friend bool operator==(const MinuteSummary&, const MinuteSummary&) = default;
};
using HourSummary = std::array<MinuteSummary, 60>;

// `index` may be beyond what the samples have: then nothing is present.
MinuteSummary summarise(std::span<const measurement::Sample>, measurement::Quantity,
                        std::size_t index);

}  // namespace hub
