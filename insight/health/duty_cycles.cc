#include "insight/health/duty_cycles.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace insight {

using measurement::Timestamp;
using measurement::Watts;

namespace {

constexpr double longest_hold_s = 600;
constexpr float least_rise_w = 8;       // Above what it draws when off.
constexpr float share_of_level = 0.4F;  // From which it counts as on.
constexpr float settling_s = 30, inrush_s = 5;
constexpr float base_follows = 0.05F;
// Of the run's own power so far, for at least so long: another part of the appliance is at work.
constexpr float other_above = 1.5F, other_below = 0.6F, least_level_s = 60;
// The level of the runs is their mean over so long a time, so that a lamp behind a door that opens
// for seconds does not count for a run.
constexpr float level_memory_s = 7200;

float seconds(Timestamp from, Timestamp to) {
  return std::chrono::duration<float>(to - from).count();
}

}  // namespace

void DutyCycles::take(Timestamp time, Watts power) {
  const auto w = power.value;
  if (std::isnan(w) || (phase_ && seconds(latest_, time) > longest_hold_s)) {
    phase_.reset();
    began_here_ = false;
    if (std::isnan(w)) return;
  }
  if (!phase_) {
    base_w_ = level_w_ == 0 ? w : std::min(base_w_, w);
  } else {
    const auto held_s = seconds(latest_, time);
    const auto since_s = seconds(cycle_.begin, latest_);
    const auto ws = static_cast<double>(latest_w_) * static_cast<double>(held_s);
    if (phase_->is_on) {
      on_ws_ += ws;
      if (since_s >= settling_s) {
        settled_ws_ += ws;
        settled_s_ += held_s;
      }
      look_for_another_level(time);
    } else {
      off_ws_ += ws;
    }
  }

  const bool is_on = w - base_w_ >= std::max(least_rise_w, share_of_level * level_w_);
  if (!is_on) base_w_ += (w < base_w_ ? 1.0F : base_follows) * (w - base_w_);
  if (!phase_) {
    phase_ = {is_on, time};
    began_here_ = false;
  } else if (is_on != phase_->is_on) {
    if (is_on) {
      if (began_here_) close(time);
      began_here_ = true;
      cycle_ = {.begin = time};
      on_ws_ = settled_ws_ = off_ws_ = other_ws_ = 0;
      settled_s_ = other_s_ = 0;
    } else if (began_here_) {
      end_run(time);
    }
    phase_ = {is_on, time};
  }
  if (is_on && began_here_ && seconds(cycle_.begin, time) <= inrush_s) {
    cycle_.peak_w = std::max(cycle_.peak_w, w);
  }
  latest_ = time;
  latest_w_ = w;
}

void DutyCycles::end_run(Timestamp end) {
  cycle_.on_s = seconds(cycle_.begin, end);
  cycle_.power_w =
      static_cast<float>(settled_s_ > 0 ? settled_ws_ / static_cast<double>(settled_s_)
                                        : on_ws_ / std::max(1.0, static_cast<double>(cycle_.on_s)));
  const auto rise = cycle_.power_w - base_w_;
  level_w_ = level_w_ == 0
                 ? rise
                 : level_w_ + (rise - level_w_) * cycle_.on_s / (cycle_.on_s + level_memory_s);
}

// A heater that follows a compressor without a pause is a cycle of its own.
void DutyCycles::look_for_another_level(Timestamp time) {
  const auto own_s = settled_s_ - other_s_;
  if (!began_here_ || own_s < least_level_s) return;
  const auto own_w = (settled_ws_ - other_ws_) / static_cast<double>(own_s);
  const auto share = (latest_w_ - base_w_) / (static_cast<float>(own_w) - base_w_);
  if (share < other_above && share > other_below) {
    other_s_ = 0;
    other_ws_ = 0;
    return;
  }
  if (other_s_ == 0) other_begin_ = latest_;
  const auto held_s = seconds(latest_, time);
  other_s_ += held_s;
  other_ws_ += static_cast<double>(latest_w_) * static_cast<double>(held_s);
  if (other_s_ < least_level_s) return;
  settled_s_ -= other_s_;
  settled_ws_ -= other_ws_;
  end_run(other_begin_);
  off_ws_ = 0;
  close(other_begin_);
  cycle_ = {.begin = other_begin_};
  on_ws_ = settled_ws_ = std::exchange(other_ws_, 0);
  settled_s_ = std::exchange(other_s_, 0);
}

void DutyCycles::close(Timestamp end) {
  cycle_.off_s = seconds(cycle_.begin, end) - cycle_.on_s;
  cycle_.standby_w = static_cast<float>(off_ws_ / std::max(1.0, static_cast<double>(cycle_.off_s)));
  cycles_.push_back(cycle_);
}

std::vector<DutyCycle> DutyCycles::take_cycles() { return std::exchange(cycles_, {}); }

}  // namespace insight
