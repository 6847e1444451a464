// What energy may be off by, and why: what insight/calibration knows of the channel, warmth and
// cold over a month, a leg that is not measured, and what channels are off by together.
//
//   Clamp + ClampUse ──> error_budget(): parts ──> energy_of(): kWh ──> + and - ──> ± kWh ──> ±
//   money
//
// Limits become standard deviations as the GUM (JCGM 100:2008, 4.3.7) has it, and add in
// quadrature.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "insight/bill/money.h"
#include "insight/calibration/accuracy.h"

namespace insight {

// Energy with what it may be off by, 1.96 standard deviations to each side.
struct Measured {
  double kwh = 0, plus_minus = 0;
};

// What is known of a clamp and of how it is set.
struct Clamp {
  Accuracy accuracy;
  bool is_doubled = false;  // One clamp stands for both legs of the circuit.
  // Clamps that have the same are off together: the meter's id while nothing but its adapter set
  // their voltage, else the reference.
  std::string errs_with;
};

// What it measured.
struct ClampUse {
  double kwh = 0;      // Negative: produced.
  double watts = 0;    // The mean over all the time, without its sign. 0: not known.
  double amperes = 0;  // While it draws: the mean by energy. 0: not known, taken for its rating.
  double power_factor = 1;  // The mean by energy, 0 to 1.
};

// The largest part first; parts that do not apply are left out.
std::vector<ErrorPart> error_budget(const Clamp&, const ClampUse&);

// Energy that remembers what its error comes from, so that sums and differences are right: what is
// shared adds up, or falls out; what each clamp errs by itself adds in quadrature.
class TracedEnergy {
 public:
  TracedEnergy() = default;
  explicit TracedEnergy(double exact_kwh) : kwh_(exact_kwh) {}

  TracedEnergy& operator+=(const TracedEnergy&);
  // Of another clamp: what the mains have besides a circuit.
  TracedEnergy& operator-=(const TracedEnergy&);
  // So much of it, 0 to 1, as when a circuit is split over its appliances.
  TracedEnergy part(double share) const;
  // With an error of its own besides, standard deviation in kWh: how well a share is known.
  TracedEnergy with(double own_kwh) const;

  Measured measured() const;

 private:
  friend TracedEnergy energy_of(const Clamp&, const ClampUse&);

  double kwh_ = 0, own_variance_ = 0;
  std::map<std::string, double, std::less<>> shared_;  // kWh, by what errs.
};

TracedEnergy energy_of(const Clamp&, const ClampUse&);

// Of an appliance told from its signature: so much of its energy is one standard deviation of the
// error that comes with that; the second where is_printed() has it. docs/report.md says how both
// were measured.
inline constexpr double identified_deviation = 0.9, printed_deviation = 0.1;

// What the same error makes of a cost that goes with the energy; 0 where there is no energy.
Decimal plus_minus_of(Decimal cost, Measured);

}  // namespace insight
