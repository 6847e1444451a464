// Readings of the utility meter's display, hours to months apart, beside what the mains' clamps
// counted between them.

#pragma once

#include <expected>
#include <optional>
#include <string>

#include "insight/calibration/meter_light.h"

namespace insight {

struct DisplayReading {
  double imported_kwh = 0;
  std::optional<double> exported_kwh;  // Absent: it shows none.
  double digit_kwh = 1;                // A step of the last digit that was read.
};

// What our clamps counted between two readings.
struct CountedMeanwhile {
  double imported_kwh = 0, exported_kwh = 0;
  double clock_kwh = 0;        // Limit: when the display was read is right to so much.
  double unseen_kwh = 0;       // Limit: what may have flowed while nothing was counted.
  double phase_percent = 0;    // Limit: what current and voltage may be apart, at what flowed.
  bool is_of_several = false;  // Clamps: meters net what they do against each other differently.
};

struct DisplayComparison {
  // Of one clamp what flowed either way, of several what flowed in less what flowed out.
  double utility_kwh = 0, our_kwh = 0;
  MainsGain gain;                // Ours would have to be raised by.
  double own_deviation_kwh = 0;  // Of digits, clock and what was not seen.

  double off_percent() const { return 100 * (our_kwh / utility_kwh - 1); }
  double plus_minus() const { return plus_minus_percent(gain); }  // Of the difference.
};

// Beyond it readings say nothing useful.
inline constexpr double most_of_digits_percent = 2;

// Refused, in one sentence with what to do: a display that went back, one that shows what is given
// back though only one of the readings has it, too little between them for a ± of 2 % beside the
// class, clamps that counted nothing or half of it.
std::expected<DisplayComparison, std::string> compare(const DisplayReading& first,
                                                      const DisplayReading& second,
                                                      const CountedMeanwhile&,
                                                      double class_percent);

}  // namespace insight
