#include "simulator/trace_faults.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace simulator {

using measurement::Timestamp;

namespace {

constexpr std::size_t block_days = 7;
constexpr int years = 3;
constexpr double year = 365;
constexpr double season_k = 4;
// Of what the machine usually draws, what its compressor does not: lamps, and heaters of defrosts.
constexpr double least_run = 0.6, greatest_run = 1.7;
constexpr double least_run_s = 60;
constexpr double greatest_duty = 0.97;
constexpr double frost_days = 10;

double days_between(Timestamp from, Timestamp to) {
  return std::chrono::duration<double, std::ratio<86400>>(to - from).count();
}

Timestamp after(Timestamp t, double s) {
  return t + std::chrono::milliseconds(std::llround(s * 1000));
}

}  // namespace

TraceHistory::TraceHistory(const std::vector<Day>& days, const TraceHistoryOptions& options)
    : days_(days), options_(options), chance_(options.seed), now_(options.begin) {
  double on_s = 0, on_ws = 0, seen_s = 0;
  for (const auto& day : days_) {
    for (const auto& cycle : day) {
      on_s += static_cast<double>(cycle.on_s);
      on_ws += static_cast<double>(cycle.on_s) * static_cast<double>(cycle.power_w);
      seen_s += static_cast<double>(cycle.on_s + cycle.off_s);
    }
  }
  power_w_ = on_s > 0 ? on_ws / on_s : 0;
  duty_ = std::clamp(seen_s > 0 ? on_s / seen_s : 0, 0.02, 0.95);

  phase_ = chance_.between(0, year);
  energy_per_kelvin_ = options.energy_per_kelvin.value_or(chance_.between(0.04, 0.07));
  power_per_kelvin_ = options.power_per_kelvin.value_or(chance_.between(0.007, 0.013));
  double kelvin = 0;
  for (int day = 0; day < years * 365; ++day) {
    kelvin = 0.8 * kelvin + chance_.normal(0, 0.4);
    wander_.push_back(kelvin);
  }
  for (int y = -1; y <= years; ++y) make_year(y);
}

void TraceHistory::make_year(int y) {
  const double begin = y * year - phase_;
  const auto many = [&](double least, double most) {
    return static_cast<int>(chance_.between(least, most + 1));
  };
  for (int n = many(1, 3); n > 0; --n) {
    const auto warmest = begin + year / 4;  // Of the sine below.
    const auto day = warmest + chance_.between(-50, 50);
    heat_waves_.push_back({day, day + chance_.between(3, 9), chance_.between(1.5, 3.5)});
  }
  for (int n = many(1, 2); n > 0; --n) {  // Nobody is at home.
    const auto day = begin + chance_.between(0, year);
    uses_.push_back({day, day + chance_.between(7, 21), chance_.between(0.88, 0.95)});
  }
  for (int n = many(0, 2); n > 0; --n) {  // A guest, a child, another way to shop.
    const auto day = begin + chance_.between(0, year);
    uses_.push_back({day, day + chance_.between(30, 120), 1 + chance_.normal(0, 0.03)});
  }
}

Surrounding TraceHistory::surrounding(Timestamp t) const {
  Surrounding out;
  if (!options_.has_seasons) return out;
  const auto day = days_between(options_.begin, t);
  const auto index = std::min(static_cast<std::size_t>(std::max(day, 0.0)), wander_.size() - 1);
  out.kelvin = season_k * std::sin(2 * std::numbers::pi * (day + phase_) / year) + wander_[index];
  double wave = 0;
  for (const auto& w : heat_waves_) {
    if (day >= w.begin_day && day < w.end_day) wave = std::max(wave, w.value);
  }
  out.kelvin += wave;
  for (const auto& u : uses_) {
    if (day >= u.begin_day && day < u.end_day) out.use *= u.value;
  }
  return out;
}

TraceHistory::Factors TraceHistory::factors(Timestamp t) const {
  const auto [kelvin, use] = surrounding(t);
  // Of what a kelvin does to the duty, one per cent is lost capacity, the rest load.
  constexpr double capacity_per_kelvin = 0.01;
  Factors f;
  f.power = 1 + power_per_kelvin_ * kelvin;
  f.capacity = 1 - capacity_per_kelvin * kelvin;
  f.load = use * (1 + energy_per_kelvin_ * kelvin) / f.power * f.capacity;
  if (!options_.fault || t < options_.fault->begin) return f;

  const auto& fault = *options_.fault;
  const auto age = days_between(fault.begin, t);
  const auto s =
      fault.severity * (fault.ramp_days > 0 ? std::min(1.0, age / fault.ramp_days) : 1.0);
  switch (fault.fault) {
    case TraceFault::gasket_leak:
      f.load *= 1 + s;
      break;
    case TraceFault::dirty_condenser:
      f.power *= 1 + s / 2;
      f.capacity *= (1 + s / 2) / (1 + s);
      break;
    case TraceFault::low_refrigerant:
      f.power *= 1 - 0.6 * s;
      f.capacity *= (1 - 0.6 * s) / (1 + s);
      break;
    case TraceFault::defrost_heater_open:
      f.has_defrosts = false;
      f.capacity /= 1 + s * std::min(1.0, age / frost_days);
      break;
    case TraceFault::thermostat_stuck:
      f.limits *= 1 + 3 * s;
      f.load *= 1 + s;
      break;
    case TraceFault::start_relay:
      f.failed_starts = 10 * s;
      break;
  }
  return f;
}

void TraceHistory::draw_block() {
  block_.clear();
  at_ = 0;
  const auto starts = days_.size() - std::min(days_.size() - 1, block_days - 1);
  const auto first = static_cast<std::size_t>(chance_.uniform() * static_cast<double>(starts));
  for (auto day = first; day < std::min(first + block_days, days_.size()); ++day) {
    block_.insert(block_.end(), days_[day].begin(), days_[day].end());
  }
}

MachineCycle TraceHistory::next() {
  if (!waiting_.empty()) {
    auto cycle = waiting_.back();
    waiting_.pop_back();
    cycle.begin = now_;
    now_ = after(now_, static_cast<double>(cycle.on_s + cycle.off_s));
    return cycle;
  }
  while (at_ >= block_.size()) draw_block();
  auto cycle = block_[at_++];
  const auto f = factors(now_);
  const auto w = static_cast<double>(cycle.power_w);
  const bool is_run = w >= least_run * power_w_ && w <= greatest_run * power_w_ &&
                      static_cast<double>(cycle.on_s) >= least_run_s;
  const bool is_defrost =
      w > greatest_run * power_w_ && static_cast<double>(cycle.on_s) >= least_run_s;

  const auto free_capacity =
      std::max(f.capacity - duty_ * f.load, f.capacity * (1 - greatest_duty));
  const auto pause = f.limits / f.load;
  if (is_run) {
    cycle.on_s *= static_cast<float>(f.limits * (1 - duty_) / free_capacity);
    cycle.power_w *= static_cast<float>(f.power);
    cycle.peak_w *= static_cast<float>(f.power);
  }
  cycle.off_s *= static_cast<float>(pause);
  if (is_defrost && !f.has_defrosts) {
    cycle.off_s += cycle.on_s;
    cycle.on_s = 0;
  }
  if (is_run && f.failed_starts > 0) {
    waiting_.push_back(cycle);
    const auto most = f.failed_starts * 2;
    for (auto n = std::floor(chance_.between(0, most + 1)); n >= 1; --n) {
      auto failed = cycle;
      failed.on_s = static_cast<float>(chance_.between(4, 8));
      failed.off_s = static_cast<float>(chance_.between(120, 240));
      failed.power_w = failed.peak_w = 6 * cycle.power_w;
      waiting_.push_back(failed);
    }
    return next();
  }
  if (cycle.on_s == 0) {  // Nobody saw it.
    now_ = after(now_, static_cast<double>(cycle.off_s));
    return next();
  }
  cycle.begin = now_;
  now_ = after(now_, static_cast<double>(cycle.on_s + cycle.off_s));
  return cycle;
}

}  // namespace simulator
