// Samples that their meter did not number.

#pragma once

#include <cstdint>

namespace hub {

// Numbers from here on the hub gave, to what a summary told: some channels at one instant. What it
// leaves out was not absent, and no answer to a meter names them.
inline constexpr std::uint64_t first_given_number = std::uint64_t{1} << 61;

}  // namespace hub
