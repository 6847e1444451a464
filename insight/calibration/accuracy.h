// What a channel's active power may be off by, at any load.

#pragma once

#include <string_view>
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
  double second_phase_limit = 0;  // Of the voltage adapter, where nothing set it.
  double phase_deviation = 0;
  double offset_deviation_w = 0;  // Of a power that does not go with the load.
  double class_percent = 0;       // Of the transformer; 0: not known, taken for 3.
  double rated_a = 0;
  std::vector<KnownLoad> loads;  // Rising; empty: not calibrated.
};

inline bool is_calibrated(const Accuracy& accuracy) { return !accuracy.loads.empty(); }

// One of the independent reasons for which a channel's power is off.
struct ErrorPart {
  std::string_view words;  // "the clamp, not calibrated".
  double percent = 0;      // Of the power: a limit to each side, or one standard deviation.
  bool is_limit = true;
  // By all channels of the same voltage, or of the same reference where they were calibrated.
  bool is_shared = false;

  double deviation() const;  // Of a limit that of an even distribution (JCGM 100:2008, 4.3.7).
};

// At this current (0: not known, taken for the rating) and power factor (below 0.05 it is taken for
// that), where what is off by watts counts against `watts`. Parts that do not apply are left out.
std::vector<ErrorPart> error_parts(const Accuracy&, double amperes, double power_factor,
                                   double watts);

// The transformer's class 1 has 1 % and 60' at its rating, 1.5 % and 90' at 20 %, 3 % and 180' at
// 5 % (IEC 61869-2, table 201): how many times the value at its rating that is. Goes on with the
// root of the current below.
double class_growth(double share_of_rating);

// The ± of active power in percent, of 95 %: all of its parts, at this voltage too.
double plus_minus_percent(const Accuracy&, double volts, double amperes, double power_factor);

// Nobody has calibrated it: transformer class, parts of board (1.6 %), adapter (3 %), phases. Class
// 0: not known.
Accuracy uncalibrated(double class_percent, double rated_a);

}  // namespace insight
