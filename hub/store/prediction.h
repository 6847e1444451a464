// From what a channel's quantity is predicted, and by how much: shared by the packing of samples
// and of minutes. The numbers that follow from it are on the disk.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "measurement/quantities.h"

namespace hub {

// What a channel's quantity is proportional to, if to anything.
constexpr std::optional<measurement::Quantity> source_of(measurement::Quantity quantity) {
  using measurement::Quantity;
  switch (quantity) {
    case Quantity::reactive_power:
    case Quantity::fundamental_power:
    case Quantity::harmonic_power:
      return Quantity::active_power;
    case Quantity::peak_current:
      return Quantity::current;
    default:
      return std::nullopt;
  }
}

// The sign of the active power that a total counts.
constexpr int sign_of(measurement::Quantity total) {
  return total == measurement::Quantity::exported ? -1 : 1;
}

inline constexpr int factor_bits = 16;  // Factors are whole multiples of 2^-16.
inline constexpr double factor_one = 1 << factor_bits;

inline std::int64_t factor_of(double ratio) {
  constexpr double most = std::numeric_limits<std::int32_t>::max();
  return std::isfinite(ratio) ? std::llround(std::clamp(ratio * factor_one, -most, most)) : 0;
}

}  // namespace hub
