#include "lenz/evaluation/circuit.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

namespace lenz::evaluation {

using measurement::Timestamp;
using std::chrono::milliseconds;

Circuit::Circuit(std::uint64_t seed) : chance(seed) {
  constexpr std::array intervals = {1, 1, 2, 3, 3, 6, 10, 60};
  interval_s_ = intervals[static_cast<std::size_t>(chance.between(0, intervals.size()))];
  energy_ws_.assign(static_cast<std::size_t>(days * day_s / interval_s_), 0);
}

void Circuit::draw(double begin_s, double length_s, double watts, double surge) {
  const double end_s = std::min(begin_s + length_s, days * day_s);
  for (double at = std::max(begin_s, 0.0); at < end_s;) {
    const auto bin = static_cast<std::size_t>(at / interval_s_);
    if (bin >= energy_ws_.size()) return;
    const double next = std::min(end_s, (static_cast<double>(bin) + 1) * interval_s_);
    const double more = surge > 0 ? surge * std::exp((begin_s - at) / 90) : 0;
    energy_ws_[bin] += watts * (1 + more) * (next - at);
    at = std::max(next, at + 1e-6);
  }
}

double Circuit::cycle(double begin_s, double length_s, double watts, double on_s, double off_s,
                      double surge) {
  double at = begin_s;
  while (at < begin_s + length_s) {
    const double on = on_s * chance.between(0.8, 1.2);
    draw(at, on, watts, surge);
    at += on + off_s * chance.between(0.8, 1.2);
  }
  return at;
}

void Circuit::report(const std::function<void(const insight::Reading&)>& take) {
  const double noise = chance.between(0.001, 0.01), noise_w = chance.between(0.1, 1);
  const double resolution_w = chance.happens(0.5) ? 1 : 0.1;
  const auto voltage_seed = static_cast<std::uint64_t>(chance.between(0, 1e9));
  for (std::size_t bin = 0; bin < energy_ws_.size(); ++bin) {
    const Timestamp time{milliseconds(std::llround(static_cast<double>(bin) * interval_s_ * 1000))};
    const double volts = 1 + 0.01 * simulator::wander(voltage_seed, time, std::chrono::hours(1));
    double watts = energy_ws_[bin] / interval_s_ * volts * volts;
    if (watts > 0.5) watts += chance.normal(0, noise * watts + noise_w);
    watts = std::max(0.0, std::round(watts / resolution_w) * resolution_w);
    take({.time = time, .active_power = {static_cast<float>(watts)}});
  }
}

}  // namespace lenz::evaluation
