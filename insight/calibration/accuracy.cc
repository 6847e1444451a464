#include "insight/calibration/accuracy.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "insight/calibration/error_sum.h"

namespace insight {
namespace {

constexpr double unknown_class = 3;
constexpr double least_factor = 0.05;
constexpr double radians_of_degree = std::numbers::pi / 180;
constexpr double chip_percent = 0.1;  // ATM90E32AS, from 120 uV to 720 mV (datasheet, section 6.1).
// A board's parts, from how far the gains lie apart that its maker gives for the same transformer.
constexpr double board_percent = 1.6;
constexpr double adapter_percent = 3;
// Split cores lead by 1 to 2 degrees, adapters by up to 4 (OpenEnergyMonitor).
constexpr double split_core_degrees = 2, adapter_degrees = 4;
// How much a core's curve may bend between two loads: x^(-p) with p from 0.3 to 0.9 is u^q over
// u = 1 / sqrt(x), with q from 0.6 to 1.8.
constexpr double most_bend = 0.8;

// What is not known of the transformer at a current.
struct CurveLimits {
  double percent = 0, degrees = 0;
};

// The middle of a straight line is off by at most |q - 1| h / 8 u of what changes between its ends,
// h apart around u.
CurveLimits between(const KnownLoad& low, const KnownLoad& high, double amperes) {
  const auto place = [](double at) { return 1 / std::sqrt(at); };
  const double begin = place(high.amperes), end = place(low.amperes);
  const double share = (place(amperes) - begin) / (end - begin);
  const double bend = 4 * share * (1 - share) * most_bend * (end - begin) / (4 * (begin + end));
  return {std::abs(high.gain - low.gain) * 100 * bend,
          std::abs(high.lead_degrees - low.lead_degrees) * bend};
}

CurveLimits curve_limits(const Accuracy& accuracy, double amperes) {
  if (amperes <= 0) return {};
  const double percent = accuracy.class_percent > 0 ? accuracy.class_percent : unknown_class;
  const double rated = accuracy.rated_a > 0 ? accuracy.rated_a : amperes;
  // Class 3 has no limits below half its rating; such clamps were measured to keep it down to 0.5 %
  // (SCT-013-000, OpenEnergyMonitor).
  const auto growth = [&](double at) {
    return percent < 3 ? class_growth(at / rated) : std::max(1.0, std::sqrt(0.005 * rated / at));
  };
  // Its class has as many degrees as percent.
  const auto beside = [&](double from) {
    const double more = percent * std::abs(growth(amperes) - growth(from));
    return CurveLimits{more, more};
  };
  const auto& loads = accuracy.loads;
  if (loads.empty()) return beside(rated);
  if (amperes <= loads.front().amperes) return beside(loads.front().amperes);
  if (amperes >= loads.back().amperes) return beside(loads.back().amperes);
  const auto above = std::ranges::upper_bound(loads, amperes, {}, &KnownLoad::amperes);
  return between(*(above - 1), *above, amperes);
}

}  // namespace

double class_growth(double share) {
  constexpr double points[][2] = {{1, 1}, {0.2, 1.5}, {0.05, 3}};
  if (share >= 1) return 1;
  const auto place = [](double at) { return 1 / std::sqrt(at); };
  if (share <= 0.05) return 3 * place(std::max(share, 1e-6)) / place(0.05);
  const auto& high = points[share > 0.2 ? 0 : 1];
  const auto& low = points[share > 0.2 ? 1 : 2];
  return high[1] +
         (low[1] - high[1]) * (place(share) - place(high[0])) / (place(low[0]) - place(high[0]));
}

double ErrorPart::deviation() const { return is_limit ? percent / std::numbers::sqrt3 : percent; }

std::vector<ErrorPart> error_parts(const Accuracy& accuracy, double amperes, double power_factor,
                                   double watts) {
  const double factor = std::clamp(std::abs(power_factor), least_factor, 1.0);
  // cos(phi + d) / cos(phi) is 1 - d tan(phi) - d^2 / 2.
  const double tangent = std::sqrt(1 - factor * factor) / factor;
  const auto of_phase = [&](double degrees) {
    const double radians = degrees * radians_of_degree;
    return 100 * (radians * tangent + radians * radians / 2);
  };
  std::vector<ErrorPart> parts;
  const auto add = [&](const ErrorPart& part) {
    if (part.percent > 0) parts.push_back(part);
  };
  const bool is_set = is_calibrated(accuracy);
  add({.words = is_set ? "what it was calibrated with" : "the clamp, not calibrated",
       .percent = accuracy.gain_limit,
       .is_shared = is_set});
  add({.words = is_set ? "what its voltage was calibrated with" : "the voltage, not calibrated",
       .percent = accuracy.second_gain_limit,
       .is_shared = true});
  add({.words = "readings while it was calibrated",
       .percent = accuracy.gain_deviation,
       .is_limit = false});
  add({.words = "phase of the clamp", .percent = of_phase(accuracy.phase_limit)});
  add({.words = "phase of the voltage",
       .percent = of_phase(accuracy.second_phase_limit),
       .is_shared = true});
  add({.words = "phase while it was calibrated",
       .percent = of_phase(accuracy.phase_deviation),
       .is_limit = false});
  // Ratio and phase of a core go together.
  const auto curve = curve_limits(accuracy, amperes);
  add({.words = is_set ? "currents that it was not calibrated at" : "small currents",
       .percent = curve.percent + of_phase(curve.degrees)});
  if (watts > 0) {
    add({.words = "what it shows without load",
         .percent = 100 * accuracy.offset_deviation_w / watts,
         .is_limit = false});
  }
  add({.words = "the chip", .percent = chip_percent});
  return parts;
}

double plus_minus_percent(const Accuracy& accuracy, double volts, double amperes,
                          double power_factor) {
  const double watts = volts * amperes * std::clamp(std::abs(power_factor), least_factor, 1.0);
  ErrorSum sum;
  for (const auto& part : error_parts(accuracy, amperes, power_factor, watts)) {
    if (part.is_limit) {
      sum.add_limit(part.percent);
    } else {
      sum.add_deviation(part.percent);
    }
  }
  return sum.interval();
}

Accuracy uncalibrated(double class_percent, double rated_a) {
  const double percent = class_percent > 0 ? class_percent : unknown_class;
  return {.gain_limit = percent + board_percent,
          .second_gain_limit = adapter_percent,
          .phase_limit = std::min(percent, split_core_degrees),
          .second_phase_limit = adapter_degrees,
          .offset_deviation_w = 1,
          .class_percent = class_percent,
          .rated_a = rated_a};
}

}  // namespace insight
