// What one channel says at one instant: a clamp, a circuit of several, the mains, or what is left
// of them.

#pragma once

#include <limits>

#include "measurement/units.h"

namespace insight {

namespace detail {
inline constexpr float not_measured = std::numeric_limits<float>::quiet_NaN();
}

// NaN: not measured.
struct Reading {
  measurement::Timestamp time{};
  measurement::Watts active_power{detail::not_measured};
  measurement::Vars reactive_power{detail::not_measured};
  measurement::Volts voltage{detail::not_measured};
  measurement::Watts harmonic_power{detail::not_measured};
  measurement::Amperes peak_current{detail::not_measured};
};

}  // namespace insight
