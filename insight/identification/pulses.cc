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
  auto& habit = habits_[size_index(pulse.up.size_w, sizes)];
  const double kept = std::exp(-static_cast<double>(pulse.end_ms - habit.at_ms) / fades_ms);
  habit.count = kept * habit.count + 1;
  habit.seconds =
      kept * habit.seconds + static_cast<double>(seconds_between(pulse.up.at_ms, pulse.end_ms));
  habit.at_ms = pulse.end_ms;
}

std::pair<float, float> Pulses::habit_of(float size_w) const {
  const auto middle = size_index(size_w, sizes);
  double count = 0, seconds = 0;
  for (auto i = middle > 0 ? middle - 1 : 0; i < std::min(middle + 2, sizes); ++i) {
    const double kept = std::exp(-static_cast<double>(now_ms_ - habits_[i].at_ms) / fades_ms);
    count += kept * habits_[i].count;
    seconds += kept * habits_[i].seconds;
  }
  if (count == 0) return {0, unknown};
  const double age_ms = static_cast<double>(now_ms_ - first_ms_) + 3'600'000;
  const double hours = fades_ms / 3'600'000 * (1 - std::exp(-age_ms / fades_ms));
  return {static_cast<float>(count / hours), static_cast<float>(seconds / count)};
}

void Pulses::live(std::int64_t at_ms, std::span<float, live_count> features) const {
  std::ranges::fill(features, unknown);
  for (const auto& up : open_) {
    const bool is_small = up.size_w < small_to_w;
    const auto [often, lasts] = habit_of(up.size_w);
    const auto of = features.subspan(is_small ? 0 : 4, 4);
    if (is_small && of[2] > often) continue;
    of[0] = up.size_w;
    of[1] = seconds_between(up.at_ms, at_ms);
    of[2] = often;
    of[3] = lasts;
  }
}

void Pulses::settled(std::int64_t at_ms, std::span<float, settled_count> features) {
  std::ranges::fill(features, unknown);
  std::erase_if(pulses_, [&](const Pulse& pulse) { return pulse.end_ms <= at_ms; });
  for (const auto& pulse : pulses_) {
    if (pulse.up.at_ms > at_ms) continue;
    const bool is_small = pulse.up.size_w < small_to_w;
    const auto [often, lasts] = habit_of(pulse.up.size_w);
    const float length = seconds_between(pulse.up.at_ms, pulse.end_ms);
    const auto of = features.subspan(is_small ? 0 : 6, 6);
    if (is_small ? of[2] > often : of[4] < length) continue;
    of[0] = pulse.up.size_w;
    of[1] = seconds_between(pulse.up.at_ms, at_ms);
    of[2] = often;
    of[3] = lasts;
    of[4] = length;
    of[5] = pulse.mismatch_w;
  }
}

}  // namespace insight
