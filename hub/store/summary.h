// What a series did in each minute of an hour, without its samples: whole numbers throughout, so
// that the mean of a day is exactly the mean of its samples.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "hub/store/rows.h"
#include "hub/store/store.h"
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

// Every series that a sample may have, in the order of their numbers.
inline constexpr auto first_slots = [] {
  std::array<std::size_t, measurement::measured_quantities + 1> first{};
  for (std::size_t q = 0; q < measured.size(); ++q) {
    first[q + 1] =
        first[q] + (measured[q].scope == measurement::Scope::chip ? measurement::max_chips
                                                                  : measurement::max_channels);
  }
  return first;
}();
constexpr std::size_t slot_of(measurement::Quantity quantity, std::size_t index) {
  return first_slots[static_cast<std::size_t>(quantity)] + index;
}
inline constexpr std::size_t slots = first_slots.back();

inline void add(MinuteSummary& to, const MinuteSummary& more) {
  if (more.count == 0) return;
  to.min = to.count == 0 ? more.min : std::min(to.min, more.min);
  to.max = to.count == 0 ? more.max : std::max(to.max, more.max);
  to.sum += more.sum;
  to.count += more.count;
}

// One more value.
inline void add(MinuteSummary& to, std::int64_t value, bool is_of_total) {
  to.max = to.count == 0 ? value : std::max(to.max, value);
  if (!is_of_total) {
    to.min = to.count == 0 ? value : std::min(to.min, value);
    to.sum += value;
  }
  ++to.count;
}

// The means of a derived quantity of whole minutes, from those of what it derives from; all have as
// many steps. NaN where it is not known.
void derive(measurement::Quantity, const Points& voltage, const Points& current,
            const Points& power, std::span<float> means);

// Where the series is not in the samples, nothing is present. Derived quantities too.
MinuteSummary summarise(std::span<const measurement::Sample>, measurement::Quantity,
                        std::size_t index);
MinuteSummary summarise(std::span<const measurement::Sample>, std::span<const Share> together);

// All series at once, by slot; `all` has as many.
void summarise(std::span<const measurement::Sample>, std::span<MinuteSummary> all);

}  // namespace hub
