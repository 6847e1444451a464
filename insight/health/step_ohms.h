// Ohms from steps: how far a voltage falls for each ampere that is switched on. The grid's own
// changes are the noise of it.

#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "insight/reading.h"
#include "measurement/units.h"

namespace insight {

inline constexpr std::size_t max_legs = 3;
using PerLeg = std::array<float, max_legs>;  // NaN: not measured, or no such leg.

// From a plateau to the next.
struct VoltageStep {
  measurement::Timestamp time{};
  PerLeg amperes{};  // Of active current; positive: more is drawn.
  PerLeg volts{};
};

// Volts, amperes and vars of all legs at one instant.
struct LegReading {
  measurement::Timestamp time{};
  PerLeg volts{}, amperes{}, reactive_amperes{};
};

// Finds steps between two plateaus of two readings each, with one reading between them that may be
// anything: a surge, or half of the step. Readings are 0.3 to 12 s apart; a longer gap begins anew.
class StepFinder {
 public:
  // `least_amperes` that one leg changes by.
  StepFinder(std::size_t legs, float least_amperes) : legs_(legs), least_amperes_(least_amperes) {}

  std::optional<VoltageStep> take(const LegReading&);

 private:
  std::size_t legs_;
  float least_amperes_;
  std::array<LegReading, 5> last_{};
  std::size_t count_ = 0;
};

struct Ohm {
  double value = 0;
  double spread = unknown;  // Standard deviation of the estimate.
  double steps = 0;         // How many equal ones would say as much.

  static constexpr double unknown = 1e9;
  // Said by enough steps, none of which weighs too much.
  bool is_known(double least_steps = 5) const { return spread < 0.03 && steps > least_steps; }
};

// Surely so many ohms more that a contact must have come loose: copper that is 20 K warmer has 8 %
// more, and is let pass.
bool has_risen(const Ohm& before, const Ohm& now, double least_steps = 5);
// Surely not.
bool has_not_risen(const Ohm& before, const Ohm& now, double least_steps = 5);

// A service's conductors, by the voltage of the legs at the panel:
//   a leg falls by leg ohm x its current + neutral ohm x what returns by the neutral along it.
struct ConductorOhms {
  std::array<Ohm, max_legs> legs{};
  Ohm neutral;
  double noise_volts = 0;  // Of one step, robust: 1.48 x the median of what is left.
};

// Robust to steps at which the grid itself moved, as long as they are the fewer. `legs` 2 is split
// phase, 180 degrees apart, 3 are three phases. Legs whose volts or amperes are not in a step are
// left out of it. At most some hundred steps: about 1 µs each.
ConductorOhms fit_conductors(std::span<const VoltageStep>, std::size_t legs);

// One way there and back: `leg`'s volts against its amperes, what the others carry taken into
// account where it is known.
Ohm fit_loop(std::span<const VoltageStep>, std::size_t legs, std::size_t leg);

}  // namespace insight
