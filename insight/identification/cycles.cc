#include "insight/identification/cycles.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace insight {

using measurement::Timestamp;
using measurement::Watts;

namespace {

constexpr std::size_t most_past = 20;
constexpr double least_pause_s = 20;
constexpr double least_length_s = 300, least_energy_wh = 20;  // Less is no course.
constexpr double longest_hold_s = 120;  // A reading stands no longer for what came after it.
// Without a past: longer than most machines soak, rest or dry between their steps.
constexpr double unknown_wait_s = 1800;
constexpr std::size_t known_courses = 3;  // From then on no pause is longer than those seen.
constexpr double on_share_of_work = 0.3, memory_s = 20, share_of_peak = 0.01;
constexpr double soonest_s = 40;  // Between the last watts and "done", where the past is clear.
constexpr double near = 0.2;      // Shares of energy and time within which two moments are alike.
constexpr double longer = 1.3;    // A pause may last so much longer than those seen before...
constexpr double longer_s = 20;   // ...and that.

double seconds(Timestamp from, Timestamp to) {
  return std::chrono::duration<double>(to - from).count();
}

bool is_near(double a, double b) { return std::abs(a - b) <= near * std::max(a, b); }

}  // namespace

CycleWatch::CycleWatch(Watts on_from, std::vector<Cycle> past)
    : on_from_(on_from), past_(std::move(past)) {
  if (past_.size() > most_past) {
    past_.erase(past_.begin(), past_.end() - static_cast<std::ptrdiff_t>(most_past));
  }
}

void CycleWatch::take(Timestamp time, Watts power) {
  if (std::isnan(power.value)) {
    state_ = CycleState::idle;
    is_measured_ = false;
    on_share_ = 0;
    return;
  }
  const bool goes_on = state_ == CycleState::running || state_ == CycleState::paused;
  const double gap_s = is_measured_ ? seconds(latest_, time) : 0;
  if (goes_on && is_measured_) {
    energy_wh_ += latest_w_ * std::min(gap_s, longest_hold_s) / 3600;
  }
  latest_ = time;
  latest_w_ = static_cast<double>(power.value);
  is_measured_ = true;

  const bool is_on = latest_w_ >= std::max<double>(on_from_.value, share_of_peak * peak_w_);
  const double kept = std::exp(-std::min(gap_s, longest_hold_s) / memory_s);
  on_share_ = kept * on_share_ + (1 - kept) * (is_on ? 1 : 0);
  if (is_on && on_share_ >= on_share_of_work) {
    const bool comes_back =
        state_ == CycleState::done && seconds(last_on_, time) <= unknown_wait_s && !past_.empty();
    if (comes_back) {  // It was a pause after all.
      cycle_ = std::move(past_.back());
      past_.pop_back();
    }
    if (state_ == CycleState::idle || (state_ == CycleState::done && !comes_back)) {
      begin_ = time;
      energy_wh_ = 0;
      peak_w_ = 0;
      cycle_ = {};
    } else if (const double pause_s = seconds(last_on_, time); pause_s >= least_pause_s) {
      cycle_.pauses.push_back({seconds(begin_, last_on_), energy_at_last_on_wh_, pause_s});
    }
    state_ = CycleState::running;
    peak_w_ = std::max(peak_w_, latest_w_);
    last_on_ = time;
    energy_at_last_on_wh_ = energy_wh_;
    return;
  }
  if (state_ == CycleState::running && seconds(last_on_, time) >= least_pause_s) {
    state_ = CycleState::paused;
  }
  if (state_ == CycleState::paused && seconds(last_on_, time) >= wait_before_done()) finish();
}

double CycleWatch::wait_before_done() const {
  const double length_s = seconds(begin_, last_on_);
  double longest_s = 0, longest_here_s = 0;
  bool ended_here = false;
  for (const auto& cycle : past_) {
    ended_here |=
        is_near(cycle.energy_wh, energy_at_last_on_wh_) && is_near(cycle.length_s, length_s);
    for (const auto& pause : cycle.pauses) {
      longest_s = std::max(longest_s, pause.length_s);
      const bool is_here =
          is_near(pause.at_wh, energy_at_last_on_wh_) && is_near(pause.at_s, length_s);
      if (is_here) longest_here_s = std::max(longest_here_s, pause.length_s);
    }
  }
  const auto with_margin = [](double pause_s) { return pause_s * longer + longer_s; };
  if (!ended_here) {
    return std::max(past_.size() < known_courses ? unknown_wait_s : soonest_s,
                    with_margin(longest_s));
  }
  return std::max(soonest_s, longest_here_s > 0 ? with_margin(longest_here_s) : 0);
}

void CycleWatch::finish() {
  cycle_.length_s = seconds(begin_, last_on_);
  cycle_.energy_wh = energy_at_last_on_wh_;
  const bool is_course = cycle_.length_s >= least_length_s && cycle_.energy_wh >= least_energy_wh;
  state_ = is_course ? CycleState::done : CycleState::idle;
  if (!is_course) return;
  past_.push_back(std::exchange(cycle_, {}));
  if (past_.size() > most_past) past_.erase(past_.begin());
}

std::optional<Timestamp> CycleWatch::began() const {
  return state_ == CycleState::idle ? std::nullopt : std::optional(begin_);
}

std::optional<Timestamp> CycleWatch::ended() const {
  return state_ == CycleState::done ? std::optional(last_on_) : std::nullopt;
}

std::optional<double> CycleWatch::seconds_left() const {
  if (state_ != CycleState::running && state_ != CycleState::paused) return std::nullopt;
  // Programmes differ: those that had drawn about as much by now are the likeliest, and of their
  // courses only the lengths are kept, so the ones that are not over by now count.
  const double elapsed_s = seconds(begin_, latest_);
  std::vector<double> left_s;
  for (const auto& cycle : past_) {
    if (cycle.length_s > elapsed_s && cycle.energy_wh >= energy_wh_ * (1 - near)) {
      left_s.push_back(cycle.length_s - elapsed_s);
    }
  }
  if (left_s.empty()) return std::nullopt;
  const auto middle = left_s.begin() + static_cast<std::ptrdiff_t>(left_s.size() / 2);
  std::ranges::nth_element(left_s, middle);
  return *middle;
}

bool is_left_on(double running_s, std::span<const double> past_lengths_s) {
  constexpr std::size_t least_runs = 5;
  constexpr double beyond = 1.5, beyond_s = 900;
  if (past_lengths_s.size() < least_runs) return false;
  const double longest_s = std::ranges::max(past_lengths_s);
  return running_s > beyond * longest_s && running_s > longest_s + beyond_s;
}

}  // namespace insight
