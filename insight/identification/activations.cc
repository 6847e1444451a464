#include "insight/identification/activations.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace insight {
namespace {

using measurement::Timestamp;
using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::size_t max_open = 4;
constexpr auto half_period = hours(3);  // Twice that without a pause makes a level.
constexpr float least_w = 2;

float seconds_between(Timestamp begin, Timestamp end) {
  return std::chrono::duration<float>(end - begin).count();
}

// Of an activation that pauses. A washing machine soaks for minutes, a fridge rests longer, and
// what ran a minute does not come back.
float longest_pause_s(const Activation& activation) {
  return std::clamp(0.25F * activation.on_seconds, 15.0F, 300.0F);
}

// What it must draw not to pause: the display of a washing machine that has finished is a pause.
float draws_from_w(const Activation& activation) {
  return std::max(least_w, std::min(0.01F * activation.peak_w, 10.0F));
}

}  // namespace

bool is_spike(const Activation& activation) {
  constexpr double least_ws = 180;
  return activation.readings < 2 || activation.watt_seconds < least_ws;
}

void PowerHistogram::add(float watts, float seconds) {
  const float place = watts > 1 ? 4 * std::log2(watts) : 0;
  seconds_at_[std::min(static_cast<std::size_t>(place), bins - 1)] += seconds;
  seconds_ += seconds;
}

void PowerHistogram::decay(float share) {
  for (auto& seconds : seconds_at_) seconds *= share;
  seconds_ *= share;
}

float PowerHistogram::quantile(float share) const {
  if (seconds_ <= 0) return detail::not_measured;
  float left = share * seconds_;
  for (std::size_t i = 0; i < bins; ++i) {
    if (left <= seconds_at_[i] && seconds_at_[i] > 0) {
      return std::exp2((static_cast<float>(i) + left / seconds_at_[i]) / 4);
    }
    left -= seconds_at_[i];
  }
  return std::exp2(static_cast<float>(bins) / 4);
}

float PowerHistogram::share_above(float watts) const {
  if (seconds_ <= 0) return detail::not_measured;
  const auto from = static_cast<std::size_t>(4 * std::log2(watts));
  float above = 0;
  for (std::size_t i = from; i < bins; ++i) above += seconds_at_[i];
  return above / seconds_;
}

void PowerProfile::halve() {
  for (std::size_t i = 0; i < bins / 2; ++i) means_[i] = (means_[2 * i] + means_[2 * i + 1]) / 2;
  count_ = bins / 2;
  width_ *= 2;
}

void PowerProfile::add(float watts, float seconds) {
  while (seconds > 0) {
    const float part = std::min(seconds, width_ - filled_);
    sum_ += watts * part;
    filled_ += part;
    seconds -= part;
    if (filled_ < width_) return;
    means_[count_++] = sum_ / width_;
    sum_ = filled_ = 0;
    if (count_ == bins) halve();
  }
}

float ActivationTracker::top_w() const {
  for (std::size_t i = open_.size(); i-- > 0;) {
    if (open_[i].is_level) return open_[i].level_w;
  }
  return 0;
}

bool ActivationTracker::is_above(float watts) const {
  const float top = top_w();
  // Beside a dryer the display of its timer is no activation.
  const float small = std::min(10.0F, 0.005F * peak_w_);
  return watts > top + std::max({least_w, small, 0.3F * top, 5 * deviation_w_});
}

void ActivationTracker::begin(const Reading& reading, float watts, bool is_level) {
  Activation begun{.id = next_id_++,
                   .begin = reading.time,
                   .end = reading.time,
                   .is_level = is_level,
                   .floor_w = top_w(),
                   .level_w = is_level ? watts : 0,
                   .interval_s = interval_s_};
  change_.began.push_back(begun.id);
  open_.push_back(std::move(begun));
  watches_.push_back({.least_w = watts, .least_before_w = 0, .half_began = reading.time});
  deviation_w_ = 0;
}

void ActivationTracker::end_highest() {
  auto ended = std::move(open_.back());
  open_.pop_back();
  watches_.pop_back();
  if (is_spike(ended)) return;
  ended.ended = true;
  change_.ended.push_back(std::move(ended));
}

// Lowest first: what lies above ends with what it lies on.
void ActivationTracker::end_what_paused(const Reading& reading, float watts) {
  for (std::size_t i = 0; i < open_.size(); ++i) {
    auto& activation = open_[i];
    auto& watch = watches_[i];
    const float above = watts - activation.floor_w;
    const bool draws =
        activation.is_level
            ? above > std::max(least_w * 0.6F, 0.4F * (activation.level_w - activation.floor_w))
            : above > draws_from_w(activation);
    if (draws) {
      if (watch.below_since != Timestamp::max()) {
        ++activation.pauses;
        watch.below_since = Timestamp::max();
      }
      continue;
    }
    if (watch.below_since == Timestamp::max()) watch.below_since = reading.time;
    const float longest = activation.is_level ? 5 : longest_pause_s(activation);
    if (seconds_between(watch.below_since, reading.time) < longest) continue;
    while (open_.size() > i) end_highest();
  }
}

// The level follows what slowly changes at once downwards, and in ten minutes upwards.
void ActivationTracker::follow_levels(float watts, float seconds) {
  if (open_.empty() || !open_.back().is_level || is_above(watts)) return;
  auto& level = open_.back().level_w;
  const float share = std::min(1.0F, seconds / (watts < level ? 10 : 600));
  level += share * (watts - level);
  deviation_w_ += std::min(1.0F, seconds / 300) * (std::abs(watts - level) - deviation_w_);
}

void ActivationTracker::find_level(const Reading& reading, float watts) {
  if (open_.empty() || open_.back().is_level || open_.size() == max_open) return;
  auto& watch = watches_.back();
  auto& highest = open_.back();
  watch.least_w = std::min(watch.least_w, watts);
  if (reading.time - watch.half_began < half_period) return;
  const float least = std::min(watch.least_w, watch.least_before_w);
  const bool whole = reading.time - highest.begin >= 2 * half_period;
  if (whole && least > highest.floor_w + draws_from_w(highest)) {
    highest.is_level = true;
    highest.level_w = least;
    deviation_w_ = 0;
    return;
  }
  watch.least_before_w = watch.least_w;
  watch.least_w = watts;
  watch.half_began = reading.time;
}

void ActivationTracker::count(const Reading& reading, float watts, float seconds) {
  for (std::size_t i = 0; i < open_.size(); ++i) {
    if (watches_[i].below_since != Timestamp::max()) continue;
    const bool highest = i + 1 == open_.size();
    auto& activation = open_[i];
    const float above = std::max(
        0.0F, (highest ? watts : std::min(watts, activation.level_w)) - activation.floor_w);
    const float age = seconds_between(activation.begin, reading.time);
    activation.end = reading.time;
    activation.on_seconds += seconds;
    activation.watt_seconds += above * seconds;
    activation.peak_w = std::max(activation.peak_w, above);
    if (age <= 5) activation.surge_w = std::max(activation.surge_w, above);
    ++activation.readings;
    activation.interval_s += (interval_s_ - activation.interval_s) /
                             static_cast<float>(std::min(activation.readings, 100U));
    activation.square_watt_seconds += static_cast<double>(above) * above * seconds;
    activation.powers.add(above, seconds);
    constexpr std::array ends = {3.0F, 10.0F, 30.0F, 60.0F, 300.0F};
    static_assert(ends.size() == Activation::spans);
    for (std::size_t span = 0; span < ends.size(); ++span) {
      if (age > ends[span]) continue;
      activation.span_ws[span] += above * seconds;
      activation.span_s[span] += seconds;
      break;
    }
    if (!highest) continue;  // What changes, changes in the highest.
    if (last_ && activation.readings > 1) {
      activation.absolute_changes_w += std::abs(watts - last_->active_power.value);
    }
    if (!std::isnan(reading.reactive_power.value)) {
      activation.reactive_vs += reading.reactive_power.value * seconds;
      activation.reactive_of_ws += watts * seconds;
    }
    if (!std::isnan(reading.harmonic_power.value)) {
      activation.harmonic_ws += reading.harmonic_power.value * seconds;
      activation.harmonic_of_ws += watts * seconds;
    }
    const float sine_peak = 1.414F * watts / reading.voltage.value;
    if (reading.peak_current.value > 0 && sine_peak > 0) {
      activation.crest += reading.peak_current.value / sine_peak * seconds;
      activation.crest_seconds += seconds;
    }
  }
  // A pause is part of how the power went.
  for (auto& activation : open_) {
    activation.seconds += seconds;
    activation.profile.add(std::max(0.0F, watts - activation.floor_w), seconds);
  }
  if (open_.empty()) return;
  auto& highest = open_.back();
  // A drift is of a window that may have begun twice its span ago.
  const float age = seconds_between(highest.begin, reading.time);
  const auto follow = [&](float& ramp, measurement::Watts drift, float span_s) {
    if (age > 2 * span_s) ramp = std::max(ramp, std::abs(drift.value));
  };
  follow(highest.ramp_30s_w, edges_.drift_30s(), 30);
  follow(highest.ramp_5min_w, edges_.drift_5min(), 300);
  if (!edge_) return;
  const float size = std::abs(edge_->change.value);
  highest.edges_w += size;
  highest.overshoot_w = std::max(highest.overshoot_w, edge_->overshoot.value);
  if (edge_->change.value > 0) {
    ++highest.edges_up;
    highest.largest_up_w = std::max(highest.largest_up_w, size);
  } else {
    ++highest.edges_down;
    highest.largest_down_w = std::max(highest.largest_down_w, size);
  }
}

const ActivationChange& ActivationTracker::take(const Reading& reading) {
  change_.began.clear();
  change_.ended.clear();
  edge_.reset();
  const float watts = reading.active_power.value;
  const float seconds = last_ ? seconds_between(last_->time, reading.time) : 0;
  const bool gap = last_ && seconds > std::max(90.0F, 5 * interval_s_);
  if (std::isnan(watts) || gap) {
    while (!open_.empty()) end_highest();
    edges_.reset();
    last_.reset();
    first_above_.reset();
    if (std::isnan(watts)) return change_;
  }
  if (!last_) {
    last_ = reading;
    edges_.take(reading);
    if (is_above(watts)) begin(reading, watts, true);
    return change_;
  }
  peak_w_ = std::max(peak_w_, watts);
  interval_s_ = interval_s_ == 0 ? seconds : interval_s_ + (seconds - interval_s_) / 20;
  edge_ = edges_.take(reading);

  end_what_paused(reading, watts);
  follow_levels(watts, seconds);
  if ((open_.empty() || open_.back().is_level) && open_.size() < max_open && is_above(watts)) {
    // One reading can be a spike, if there are many.
    if (!first_above_) fell_ = !change_.ended.empty();
    if (interval_s_ > 10 || first_above_) {
      begin(first_above_.value_or(reading), watts, fell_);
      first_above_.reset();
    } else {
      first_above_ = reading;
    }
  } else {
    first_above_.reset();
  }
  count(reading, watts, seconds);
  find_level(reading, watts);
  last_ = reading;
  return change_;
}

measurement::Watts ActivationTracker::drawn(std::size_t index) const {
  if (!last_) return {};
  const float watts = std::max(0.0F, last_->active_power.value);
  const auto& activation = open_[index];
  const float to = index + 1 == open_.size() ? watts : std::min(watts, activation.level_w);
  return {std::max(0.0F, to - std::min(watts, activation.floor_w))};
}

}  // namespace insight
