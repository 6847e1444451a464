// What a channel's active power may be off by, at any load.

#pragma once

#include <string>
#include <vector>

namespace insight {

// A load at which the channel is right but for what the members of Accuracy say.
struct KnownLoad {
  double amperes = 0;
  double gain = 1;          // What power had to be raised by, against the other loads.
  double lead_degrees = 0;  // By how much the current led.
};

// Everything the ± of a channel follows from, calibrated or not; percent and degrees. A limit is
// to each side, with every value within it as likely; a deviation is one standard deviation.
struct Accuracy {
  double gain_limit = 0;         // Of the reference, or of the parts where there was none.
  double second_gain_limit = 0;  // Of what is independent of it: voltage beside current.
  double gain_deviation = 0;
  double phase_limit = 0;
  double phase_deviation = 0;
  double offset_deviation_w = 0;  // Of a power that does not go with the load.
  double class_percent = 0;       // Of the transformer; 0: not known, taken for 3.
  double rated_a = 0;
  std::vector<KnownLoad> loads;  // Rising; empty: not calibrated.
};

// The transformer's class 1 has 1 % and 60' at its rating, 1.5 % and 90' at 20 %, 3 % and 180' at
// 5 % (IEC 61869-2, table 201): how many times the value at its rating that is. Goes on with the
// root of the current below.
double class_growth(double share_of_rating);

// The ± of active power in percent, of 95 %: at this current and power factor (not 0; below 0.05
// it is taken for that), and at this voltage.
double plus_minus_percent(const Accuracy&, double volts, double amperes, double power_factor);

// Nobody has calibrated it: transformer class, parts of board (1.6 %), adapter (3 %), phase.
Accuracy uncalibrated(double class_percent, double rated_a);

}  // namespace insight
