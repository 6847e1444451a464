#include "simulator/mains.h"

#include <chrono>
#include <numbers>

#include "simulator/chance.h"

namespace simulator {

using measurement::Timestamp;
using namespace std::chrono_literals;

PerLeg Grid::shares(Timestamp at) const {
  constexpr std::array<std::chrono::milliseconds, 3> neighbours{7min, 13min, 41min};
  constexpr double neighbour = 0.0025;  // Some 10 A through what both homes share.
  constexpr double lift = 0.3;          // Of it, on the other legs.

  const double tap = switched(seed_ ^ 1, at, 3h) < 0.5 ? 0 : 0.0125;
  const double together =
      0.995 + tap + 0.014 * wander(seed_, at, 6h) + 0.004 * wander(seed_ + 1, at, 10min);
  PerLeg shares{};
  for (std::size_t leg = 0; leg < legs_; ++leg) {
    shares[leg] += together + 0.0012 * wander(seed_ + 2 + leg, at, 4s);
    for (std::size_t n = 0; n < neighbours.size(); ++n) {
      const auto seed = mix(seed_ + 16 * (leg + 1) + n);
      if (switched(seed, at, neighbours[n]) > 0.3) continue;
      for (std::size_t other = 0; other < legs_; ++other) {
        shares[other] += other == leg ? -neighbour : lift * neighbour;
      }
    }
  }
  return shares;
}

PerLeg panel_volts(const Service& service, const PerLeg& source_volts,
                   const std::array<LegLoad, max_legs>& loads) {
  std::array<std::complex<double>, max_legs> turn, behind;
  std::complex<double> admittance = 1. / service.neutral_ohm + 1 / service.earth_ohm;
  std::complex<double> current = 0;
  for (std::size_t leg = 0; leg < service.legs; ++leg) {
    turn[leg] = std::polar(
        1., -2 * std::numbers::pi * static_cast<double>(leg) / static_cast<double>(service.legs));
    // All loads between legs draw a given current; behind it the leg is a source with its ohms.
    behind[leg] =
        turn[leg] * (source_volts[leg] - service.leg_ohm[leg] * loads[leg].to_legs_amperes);
    const auto siemens =
        loads[leg].to_neutral_siemens / (1. + service.leg_ohm[leg] * loads[leg].to_neutral_siemens);
    admittance += siemens;
    current += siemens * behind[leg];
  }
  const auto neutral = current / admittance;  // Against the transformer's (Millman's theorem).
  PerLeg volts{};
  for (std::size_t leg = 0; leg < service.legs; ++leg) {
    volts[leg] = std::abs((behind[leg] - neutral) /
                          (1. + service.leg_ohm[leg] * loads[leg].to_neutral_siemens));
  }
  return volts;
}

}  // namespace simulator
