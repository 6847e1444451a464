#include "insight/calibration/display_readings.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace insight {
namespace {

constexpr double noticed_export = 0.01;  // Of what was drawn.

}  // namespace

std::expected<DisplayComparison, std::string> compare(const DisplayReading& first,
                                                      const DisplayReading& second,
                                                      const CountedMeanwhile& ours,
                                                      double class_percent) {
  const double imported = second.imported_kwh - first.imported_kwh;
  const bool has_export = first.exported_kwh && second.exported_kwh;
  const double exported = has_export ? *second.exported_kwh - *first.exported_kwh : 0;
  if (imported < 0 || exported < 0) {
    return std::unexpected(
        "The display went back: a reading is mistyped, or it is another meter. Take the reading "
        "back, or begin with the new meter's.");
  }
  if (!has_export && ours.exported_kwh > noticed_export * ours.imported_kwh) {
    return std::unexpected(
        fmt::format("Your clamps counted {:.3g} kWh that were given back: type both times what the "
                    "display shows for that, too.",
                    ours.exported_kwh));
  }
  DisplayComparison result;
  const double through = imported + exported;
  result.utility_kwh = ours.is_of_several ? imported - exported : through;
  result.our_kwh = ours.is_of_several ? ours.imported_kwh - ours.exported_kwh
                                      : ours.imported_kwh + ours.exported_kwh;
  // A reading is cut to its digit: the difference of two has a deviation of a digit over root 6.
  const double registers = has_export ? 2 : 1;
  const double digits = std::sqrt(registers / 12) * std::hypot(first.digit_kwh, second.digit_kwh);
  result.own_deviation_kwh = std::hypot(digits, ours.clock_kwh / std::numbers::sqrt3,
                                        ours.unseen_kwh / std::numbers::sqrt3);
  const double flowed = std::abs(result.utility_kwh);
  const double deviation = flowed > 0 ? 100 * result.own_deviation_kwh / flowed : INFINITY;
  if (1.96 * deviation > most_of_digits_percent) {
    if (ours.unseen_kwh > ours.clock_kwh && ours.unseen_kwh > digits) {
      return std::unexpected(
          fmt::format("Between the readings the meter did not count for a while, in which up to "
                      "{:.2g} kWh may have flowed: type another one after a time without gaps.",
                      ours.unseen_kwh));
    }
    return std::unexpected(fmt::format(
        "{:.3g} kWh between the readings are too little, since the last digit and the moment of "
        "reading count for {:.2g}: read it again after {:.2g} kWh{}.",
        flowed, 1.96 * result.own_deviation_kwh,
        100 / most_of_digits_percent * 1.96 * result.own_deviation_kwh,
        ours.is_of_several && exported > 0 ? " more drawn than given back" : ""));
  }
  const double sign = result.utility_kwh < 0 ? -1 : 1;
  const CountedEnergy counted{.wh = 1000 * flowed,
                              .percent = class_percent * through / flowed,
                              .limit_wh = 1000 * std::numbers::sqrt3 * result.own_deviation_kwh};
  const auto gain = mains_gain(counted, 1000 * sign * result.our_kwh);
  if (!gain) return std::unexpected(gain.error());
  result.gain = *gain;
  result.gain.second_gain_limit = ours.phase_percent;
  return result;
}

}  // namespace insight
