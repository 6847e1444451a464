// A utility meter as the reference of the mains: its light, counted by a camera or by hand.

#pragma once

#include <expected>
#include <span>
#include <string>

#include "insight/calibration/calibrate.h"

namespace insight {

// What the utility's meter counted while ours did.
struct CountedEnergy {
  double wh = 0;
  double percent = 0;             // Limit: the meter's class.
  double limit_wh = 0;            // Limit: of when a blink was seen, or of a reading's last digit.
  double begin_s = 0, end_s = 0;  // What it is the energy of.
  int blinks = 0;                 // That must have been, seen or not.
  int missed = 0, doubled = 0;
};

// `seconds` are when a blink was seen, rising, over 2 to 10 minutes; some are missed and some are
// seen twice. `per_kwh` is printed on the meter, and `within_s` is how right the times are: a
// camera's frame, or a hand. Refused: fewer than ten blinks, or intervals that
// are no multiples of one (the load changes faster than it blinks, or the light is another one).
std::expected<CountedEnergy, std::string> count_blinks(std::span<const double> seconds,
                                                       double per_kwh, double class_percent = 1,
                                                       double within_s = 1.0 / 30);

// How much the mains' gain is to be changed, and what it may be off by afterwards.
struct MainsGain {
  double factor = 1;
  double gain_limit = 0, gain_deviation = 0;  // Percent, as in Accuracy.
  double second_gain_limit = 0;
};
// Of what the clamps say together, 95 %.
double plus_minus_percent(const MainsGain&);

// `our_wh` is what the mains' clamps counted between begin_s and end_s, less what is known not to
// have passed the utility's meter.
std::expected<MainsGain, std::string> mains_gain(const CountedEnergy&, double our_wh);

// Words with which a channel shows `factor` times as much current and power.
std::expected<measurement::ChannelWords, std::string> raised(const measurement::ChannelWords&,
                                                             double factor);

// What one clamp may be off by once it has a gain that was found with `clamps` together: of the
// only one the reference says it all, at about `amperes`; of several it says only what they are
// together, and each stays as unsure as it was.
Accuracy by_reference(const Accuracy& before, const MainsGain&, std::size_t clamps, double amperes);

}  // namespace insight
