#include "insight/identification/pulses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace insight {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();
constexpr float least_step_w = 25, step_share = 0.04F;
constexpr float alike_w = 15, alike_share = 0.03F;  // Two slots of one level.
constexpr float pair_w = 12, pair_share = 0.08F;    // The two steps of a pulse.
constexpr float small_to_w = 300;
constexpr float least_size_w = 25, size_ratio = 1.1F;
constexpr double fades_ms = 24 * 3'600'000.0;
constexpr std::size_t most_open = 64, most_pulses = 512;

float tolerance(float watts, float share, float level_w) {
  return std::max(watts, share * std::abs(level_w));
}

std::size_t size_index(float size_w, std::size_t sizes) {
  const float index = std::log(std::max(size_w / least_size_w, 1.0F)) / std::log(size_ratio);
  return std::min(static_cast<std::size_t>(index), sizes - 1);
}

float seconds_between(std::int64_t from_ms, std::int64_t to_ms) {
  return static_cast<float>(to_ms - from_ms) / 1000;
}

}  // namespace

Pulses::Pulses() { home_.fill(unknown); }

void Pulses::take(std::int64_t at_ms, float power_w) {
  if (!has_begun_) {
    has_begun_ = true;
    first_ms_ = at_ms;
    level_w_ = power_w;
  }
  now_ms_ = at_ms;
  const bool holds = std::abs(power_w - last_w_) <= tolerance(alike_w, alike_share, power_w);
  const bool leaves = std::abs(power_w - level_w_) > tolerance(least_step_w, step_share, level_w_);
  if (is_steady_ && leaves) {
    is_steady_ = false;
    changed_ms_ = at_ms;
  } else if (is_steady_) {
    level_w_ += 0.2F * (power_w - level_w_);
  } else if (holds) {
    is_steady_ = true;
    const float level = (power_w + last_w_) / 2;
    step(changed_ms_, level - level_w_);
    level_w_ = level;
  }
  last_w_ = power_w;
}

void Pulses::step(std::int64_t at_ms, float size_w) {
  std::erase_if(open_, [&](const Step& up) { return up.at_ms < at_ms - longest_ms; });
  if (size_w >= least_step_w) {
    if (open_.size() == most_open) open_.erase(open_.begin());
    open_.push_back({at_ms, size_w});
    return;
  }
  if (size_w > -least_step_w) return;
  auto best = open_.end();
  float least = 1;
  for (auto up = open_.begin(); up != open_.end(); ++up) {
    const float mismatch = std::abs(up->size_w + size_w) / tolerance(pair_w, pair_share, size_w);
    if (mismatch <= least) {
      least = mismatch;
      best = up;
    }
  }
  if (best == open_.end()) return;
  const Pulse pulse{*best, at_ms, std::abs(best->size_w + size_w)};
  open_.erase(best);
  if (pulses_.size() == most_pulses) pulses_.pop_front();
  pulses_.push_back(pulse);
  remember(pulse);
}

void Pulses::remember(const Pulse& pulse) {
  const auto size = size_index(pulse.up.size_w, sizes);
  auto& habit = habits_[size];
  const double kept = std::exp(-static_cast<double>(pulse.end_ms - habit.at_ms) / fades_ms);
  for (auto* sum :
       {&habit.count, &habit.seconds, &habit.periods, &habit.period_s, &habit.period_s2}) {
    *sum *= kept;
  }
  habit.count += 1;
  habit.seconds += static_cast<double>(seconds_between(pulse.up.at_ms, pulse.end_ms));
  habit.at_ms = pulse.end_ms;
  std::int64_t last_up_ms = 0;  // A size may lie on the border of two.
  for (const auto& near : around(size)) last_up_ms = std::max(last_up_ms, near.last_up_ms);
  if (last_up_ms > 0 && last_up_ms < pulse.up.at_ms) {
    const double period_s = seconds_between(last_up_ms, pulse.up.at_ms);
    habit.periods += 1;
    habit.period_s += period_s;
    habit.period_s2 += period_s * period_s;
  }
  habit.last_up_ms = pulse.up.at_ms;
  if (pulse.up.size_w < small_to_w) look_at_home();
}

std::span<const Pulses::Habit> Pulses::around(std::size_t size) const {
  const auto begin = size > 0 ? size - 1 : 0;
  return std::span(habits_).subspan(begin, std::min(size + 2, sizes) - begin);
}

Pulses::HabitFigures Pulses::habit_of(std::size_t size) const {
  Habit sum;
  for (const auto& near : around(size)) {
    const double kept = std::exp(-static_cast<double>(now_ms_ - near.at_ms) / fades_ms);
    sum.count += kept * near.count;
    sum.seconds += kept * near.seconds;
    sum.periods += kept * near.periods;
    sum.period_s += kept * near.period_s;
    sum.period_s2 += kept * near.period_s2;
  }
  if (sum.count == 0) return {0, unknown, unknown};
  const double age_ms = static_cast<double>(now_ms_ - first_ms_) + 3'600'000;
  const double hours = fades_ms / 3'600'000 * (1 - std::exp(-age_ms / fades_ms));
  HabitFigures figures{static_cast<float>(sum.count / hours),
                       static_cast<float>(sum.seconds / sum.count), unknown};
  if (sum.periods > 1) {
    const double mean_s = sum.period_s / sum.periods;
    const double variance = std::max(0.0, sum.period_s2 / sum.periods - mean_s * mean_s);
    figures.irregular = static_cast<float>(std::sqrt(variance) / mean_s);
  }
  return figures;
}

void Pulses::look_at_home() {
  std::ranges::fill(home_, unknown);
  std::array<float, 2> most{};
  std::array<std::size_t, 2> best{};
  const auto small_sizes = size_index(small_to_w, sizes);
  for (std::size_t k = 0; k < most.size(); ++k) {
    for (std::size_t size = 0; size < small_sizes; ++size) {
      // What is nearly of the first size is of it.
      if (k > 0 && size + 3 >= best[0] && size <= best[0] + 3) continue;
      const float centre_w = least_size_w * std::pow(size_ratio, static_cast<float>(size) + 0.5F);
      const auto [often, lasts_s, irregular] = habit_of(size);
      if (often == 0 || centre_w * often * lasts_s <= most[k]) continue;
      most[k] = centre_w * often * lasts_s;
      best[k] = size;
      home_[3 * k] = centre_w;
      home_[3 * k + 1] = often;
      home_[3 * k + 2] = lasts_s;
    }
    if (most[k] == 0) return;
  }
}

void Pulses::live(std::int64_t at_ms, std::span<float, live_count> features) const {
  std::ranges::fill(features, unknown);
  for (const auto& up : open_) {
    const bool is_small = up.size_w < small_to_w;
    const auto [often, lasts_s, irregular] = habit_of(size_index(up.size_w, sizes));
    const auto of = features.subspan(is_small ? 0 : 4, 4);
    if (is_small && of[2] > often) continue;
    of[0] = up.size_w;
    of[1] = seconds_between(up.at_ms, at_ms);
    of[2] = often;
    of[3] = lasts_s;
    if (is_small) features.back() = irregular;
  }
}

void Pulses::settled(std::int64_t at_ms, std::span<float, settled_count> features) {
  std::ranges::fill(features, unknown);
  std::erase_if(pulses_, [&](const Pulse& pulse) { return pulse.end_ms <= at_ms; });
  for (const auto& pulse : pulses_) {
    if (pulse.up.at_ms > at_ms) continue;
    const bool is_small = pulse.up.size_w < small_to_w;
    const auto [often, lasts_s, irregular] = habit_of(size_index(pulse.up.size_w, sizes));
    const float length = seconds_between(pulse.up.at_ms, pulse.end_ms);
    const auto of = features.subspan(is_small ? 0 : 6, 6);
    if (is_small ? of[2] > often : of[4] < length) continue;
    of[0] = pulse.up.size_w;
    of[1] = seconds_between(pulse.up.at_ms, at_ms);
    of[2] = often;
    of[3] = lasts_s;
    of[4] = length;
    of[5] = pulse.mismatch_w;
    if (is_small) features.back() = irregular;
  }
}

}  // namespace insight
