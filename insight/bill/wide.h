// Sums and products that are exact before they are rounded once.

#pragma once

#include <cstdint>

#include "insight/bill/money.h"
#include "measurement/units.h"

namespace insight {

__extension__ using Wide = __int128;

constexpr std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

// Halves away from zero. `by` is above 0.
constexpr Wide divided(Wide number, Wide by) {
  const Wide half = by / 2;
  return (number < 0 ? number - half : number + half) / by;
}

// Exact up to 9.2 GWh.
constexpr Decimal kilowatt_hours(std::int64_t milliwatt_hours) { return {milliwatt_hours * 1000}; }

}  // namespace insight
