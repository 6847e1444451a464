// The way of the current from the utility's transformer to the panel, and what the grid does by
// itself.

#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>

#include "measurement/units.h"

namespace simulator {

inline constexpr std::size_t max_legs = 3;

using PerLeg = std::array<double, max_legs>;

// The voltage before the service, as a share of the nominal one. It wanders by 1.8 %, a tap changer
// moves it by 1.25 %, and neighbours on the same transformer switch, each on one leg, which lifts
// the others a little. A function of the time alone. In 35 days of a home in Canada (AMPds2, one
// minute apart) it had a standard deviation of 0.9 %, and 1.4 % between two minutes at most but
// once in a thousand.
class Grid {
 public:
  Grid(std::uint64_t seed, std::size_t legs) : seed_(seed), legs_(legs) {}

  PerLeg shares(measurement::Timestamp) const;

 private:
  std::uint64_t seed_;
  std::size_t legs_;
};

// Resistance and reactance of the way to the panel, transformer included, in ohm.
struct Service {
  std::size_t legs = 1;  // 2 is split phase: 180 degrees apart.
  std::array<std::complex<double>, max_legs> leg_ohm{};
  std::complex<double> neutral_ohm{};
  double earth_ohm = 25;  // Beside the neutral, by way of the ground.
};

// What hangs on one leg.
struct LegLoad {
  std::complex<double> to_neutral_siemens{};  // P - jQ at 1 V.
  std::complex<double> to_legs_amperes{};     // Of loads on all legs; positive real part: drawn.
};

// Between each leg and the neutral at the panel. `source_volts` are those before the service.
PerLeg panel_volts(const Service&, const PerLeg& source_volts,
                   const std::array<LegLoad, max_legs>&);

}  // namespace simulator
