// Whether a calibration still holds, from readings of the utility's meter that come later.

#pragma once

#include <optional>
#include <span>

namespace insight {

// Between two readings.
struct CheckedSpan {
  double days = 0;  // Its middle, since the calibration.
  double utility_kwh = 0, our_kwh = 0;
  double digit_kwh = 1;  // A step of the display's last digit.
};

struct Drift {
  double percent = 0;     // Ours over the utility's, all spans together.
  double plus_minus = 0;  // 95 %, of the readings' digits; the meter's class does not change.
  double percent_per_year = 0, per_year_plus_minus = 0;  // 0 with fewer than three spans.
  bool has_drifted = false;  // More than its own ± and the one that was stated.
};

// `stated_percent` is the ± that the mains were calibrated to. Nothing: no energy was compared.
std::optional<Drift> drift(std::span<const CheckedSpan>, double stated_percent);

}  // namespace insight
