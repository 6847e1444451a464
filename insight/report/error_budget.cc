#include "insight/report/error_budget.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace insight {
namespace {

// Limits to each side, in percent, where nothing else is said.
constexpr double chip = 0.1;  // ATM90E32AS datasheet, 6.1: active energy.
// Its reference drifts by 15 ppm/°C at most, over 25 °C, and power goes with the square of it.
constexpr double chip_drift = 2 * 15e-6 * 25 * 100;
constexpr double unknown_class = 3;  // As the SCT-013-000 is specified from 10 to 120 A.
// "Sources of error in the emonTx voltage and current inputs", OpenEnergyMonitor: a resistor of 1 %
// that changes by 0.25 % over 25 °C, an adapter of 3 %, a divider of two resistors of 1 %.
constexpr double burden = 1.25, burden_drift = 0.25, adapter = 3, divider = 1.83;
constexpr double reference_meter = 1;  // Of the household meter that a gain is set with.
// A dryer of 5 kW on two legs with a motor of 300 W on one of them: twice one leg is 5.0 or 5.6 kW.
constexpr double doubled_leg = 100 * 300.0 / 5300;

// Degrees. Split cores have 1 to 2 ("Measurement errors due to CT phase shift", Continental Control
// Systems). Adapters were measured to lead by 4 to 7.6, and the clamp by some 3.5 of that (reports
// on the Ideal Power adapter and the SCT-013-000, OpenEnergyMonitor).
constexpr double split_core_phase = 2, adapter_phase = 4;

constexpr double least_power_factor = 0.1;
constexpr double radians_of_degree = std::numbers::pi / 180;

bool has_class(const Clamp& clamp) { return clamp.class_percent > 0 && clamp.class_percent < 3; }

// How many times the limit at its rating holds at this share of it. IEC 61869-2, table 201, has
// the classes 0.5 and 1 at 100, 20 and 5 %, for ratio and phase alike. Below that it is continued
// with the root of the current. Others were measured to keep their limit down to 0.5 % (report on
// the SCT-013-000).
double growth(const Clamp& clamp, double share) {
  if (share <= 0) return 1;
  if (!has_class(clamp)) return std::max(1.0, std::sqrt(0.005 / share));
  constexpr std::pair<double, double> points[] = {{1, 1}, {0.2, 1.5}, {0.05, 3}};
  if (share >= 1) return 1;
  if (share <= points[2].first) return points[2].second * std::sqrt(points[2].first / share);
  const auto& [from, low] = share > points[1].first ? points[0] : points[1];
  const auto& [to, high] = share > points[1].first ? points[1] : points[2];
  return low + (high - low) * std::log(share / from) / std::log(to / from);
}

double phase_limit(const Clamp& clamp, double times) {
  return has_class(clamp) ? clamp.class_percent * times : split_core_phase;  // 60' at class 1.
}

// Of a limit to each side: an even distribution.
double deviation(double limit) { return limit / std::numbers::sqrt3; }

}  // namespace

std::vector<ErrorPart> error_budget(const Clamp& clamp, const ClampUse& use) {
  const double ratio = clamp.class_percent > 0 ? clamp.class_percent : unknown_class;
  const double times = growth(clamp, clamp.rated_a > 0 ? use.amperes / clamp.rated_a : 0);
  const double factor = std::clamp(std::abs(use.power_factor), least_power_factor, 1.0);
  const double tangent = std::sqrt(1 - factor * factor) / factor;
  // cos(phi + d) / cos(phi) is 1 - d tan(phi) for small d.
  const auto of_phase = [&](double degrees) { return degrees * radians_of_degree * tangent * 100; };

  std::vector<ErrorPart> parts;
  const auto add = [&](std::string_view words, double limit, bool is_shared = false) {
    if (limit > 0) parts.push_back({words, deviation(limit), is_shared});
  };
  if (clamp.is_calibrated) {
    add("the meter that the clamp was set with", reference_meter);
    add("warmth and cold of its resistor", burden_drift);
  } else {
    add("the clamp, not calibrated", ratio);
    add("its resistor", burden);
  }
  add("small currents", ratio * std::sqrt(times * times - 1));
  add("phase of the clamp", of_phase(phase_limit(clamp, times)));
  if (clamp.is_doubled) add("one clamp for two legs", doubled_leg);
  add("the chip", chip);
  add("warmth and cold of the chip", chip_drift);
  if (clamp.is_voltage_calibrated) {
    add("the voltmeter that the voltage was set with", reference_meter, true);
  } else {
    add("the voltage, not calibrated", std::hypot(adapter, divider), true);
  }
  add("phase of the voltage", of_phase(adapter_phase), true);
  std::ranges::stable_sort(parts, std::ranges::greater(), &ErrorPart::percent);
  return parts;
}

TracedEnergy& TracedEnergy::operator+=(const TracedEnergy& other) {
  kwh_ += other.kwh_;
  own_variance_ += other.own_variance_;
  for (const auto& [sensor, kwh] : other.shared_) shared_[sensor] += kwh;
  return *this;
}

TracedEnergy& TracedEnergy::operator-=(const TracedEnergy& other) {
  kwh_ -= other.kwh_;
  own_variance_ += other.own_variance_;
  for (const auto& [sensor, kwh] : other.shared_) shared_[sensor] -= kwh;
  return *this;
}

TracedEnergy TracedEnergy::part(double share) const {
  auto part = *this;
  part.kwh_ *= share;
  part.own_variance_ *= share * share;
  for (auto& [sensor, kwh] : part.shared_) kwh *= share;
  return part;
}

TracedEnergy TracedEnergy::with(double own_kwh) const {
  auto wider = *this;
  wider.own_variance_ += own_kwh * own_kwh;
  return wider;
}

Measured TracedEnergy::measured() const {
  double variance = own_variance_;
  for (const auto& [sensor, kwh] : shared_) variance += kwh * kwh;
  return {kwh_, 1.96 * std::sqrt(variance)};
}

TracedEnergy energy_of(const Clamp& clamp, const ClampUse& use) {
  double own = 0, shared = 0;  // Variances, in percent.
  for (const auto& part : error_budget(clamp, use)) {
    (part.is_shared ? shared : own) += part.percent * part.percent;
  }
  TracedEnergy energy(use.kwh);
  energy.own_variance_ = own * use.kwh * use.kwh / 1e4;
  energy.shared_[clamp.voltage_sensor] = std::sqrt(shared) * use.kwh / 100;
  return energy;
}

Decimal plus_minus_of(Decimal cost, Measured energy) {
  if (energy.kwh == 0) return {};
  return Decimal::nearest(std::abs(cost.as_double() * energy.plus_minus / energy.kwh));
}

}  // namespace insight
