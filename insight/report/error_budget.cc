#include "insight/report/error_budget.h"

#include <algorithm>
#include <cmath>

namespace insight {
namespace {

// Limits to each side, in percent, of what calibration holds for the warmth of its day. The chip's
// reference drifts by 15 ppm/°C at most, over 25 °C, and power goes with the square of it.
constexpr double chip_drift = 2 * 15e-6 * 25 * 100;
// "Sources of error in the emonTx voltage and current inputs", OpenEnergyMonitor: over 25 °C.
constexpr double burden_drift = 0.25;
// A dryer of 5 kW on two legs with a motor of 300 W on one of them: twice one leg is 5.0 or 5.6 kW.
constexpr double doubled_leg = 100 * 300.0 / 5300;

}  // namespace

std::vector<ErrorPart> error_budget(const Clamp& clamp, const ClampUse& use) {
  auto parts = error_parts(clamp.accuracy, use.amperes, use.power_factor, use.watts);
  parts.push_back({.words = "warmth and cold of its resistor", .percent = burden_drift});
  parts.push_back({.words = "warmth and cold of the chip", .percent = chip_drift});
  if (clamp.is_doubled)
    parts.push_back({.words = "one clamp for two legs", .percent = doubled_leg});
  std::ranges::stable_sort(parts, std::ranges::greater(), &ErrorPart::deviation);
  return parts;
}

TracedEnergy& TracedEnergy::operator+=(const TracedEnergy& other) {
  kwh_ += other.kwh_;
  own_variance_ += other.own_variance_;
  for (const auto& [errs_with, kwh] : other.shared_) shared_[errs_with] += kwh;
  return *this;
}

TracedEnergy& TracedEnergy::operator-=(const TracedEnergy& other) {
  kwh_ -= other.kwh_;
  own_variance_ += other.own_variance_;
  for (const auto& [errs_with, kwh] : other.shared_) shared_[errs_with] -= kwh;
  return *this;
}

TracedEnergy TracedEnergy::part(double share) const {
  auto part = *this;
  part.kwh_ *= share;
  part.own_variance_ *= share * share;
  for (auto& [errs_with, kwh] : part.shared_) kwh *= share;
  return part;
}

TracedEnergy TracedEnergy::with(double own_kwh) const {
  auto wider = *this;
  wider.own_variance_ += own_kwh * own_kwh;
  return wider;
}

Measured TracedEnergy::measured() const {
  double variance = own_variance_;
  for (const auto& [errs_with, kwh] : shared_) variance += kwh * kwh;
  return {kwh_, 1.96 * std::sqrt(variance)};
}

TracedEnergy energy_of(const Clamp& clamp, const ClampUse& use) {
  double own = 0, shared = 0;  // Variances, in percent.
  for (const auto& part : error_budget(clamp, use)) {
    (part.is_shared ? shared : own) += part.deviation() * part.deviation();
  }
  TracedEnergy energy(use.kwh);
  energy.own_variance_ = own * use.kwh * use.kwh / 1e4;
  energy.shared_[clamp.errs_with] = std::sqrt(shared) * use.kwh / 100;
  return energy;
}

Decimal plus_minus_of(Decimal cost, Measured energy) {
  if (energy.kwh == 0) return {};
  return Decimal::nearest(std::abs(cost.as_double() * energy.plus_minus / energy.kwh));
}

}  // namespace insight
