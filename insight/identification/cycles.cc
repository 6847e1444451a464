#include "insight/identification/cycles.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {

using measurement::Timestamp;
using measurement::Watts;

namespace {

constexpr std::size_t most_past = 20;
constexpr double least_pause_s = 20;
constexpr double least_length_s = 300, least_energy_wh = 20;  // Less is no course.
constexpr double longest_hold_s = 120;  // A reading stands no longer for what came after it.
// Longer than nearly all machines soak, rest or dry between their steps.
constexpr double longest_wait_s = 1800;
constexpr double soonest_new_s = 300;  // From "done" to what may be the next course.
constexpr double on_share_of_work = 0.3, memory_s = 20, share_of_peak = 0.01;
constexpr double minute_s = 30, minutes_s = 150;  // Of the means that forget.
constexpr double heat_w = 900;
constexpr double ask_every_s = 8, ask_every = 1.15;  // Of a pause: whichever is later.
constexpr double alike = 1.5;                        // As a distance of moments.

constexpr std::uint32_t version = 1;

double seconds(Timestamp from, Timestamp to) {
  return std::chrono::duration<double>(to - from).count();
}

void follow(double& mean, double watts, double passed_s, double memory) {
  const double kept = std::exp(-passed_s / memory);
  mean = kept * mean + (1 - kept) * watts;
}

std::uint64_t cycle_feature_hash() {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](char c) { hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3; };
  for (const auto name : cycle_feature_names) {
    for (const char c : name) add(c);
    add('\n');
  }
  return hash;
}

consteval std::size_t place_of(std::string_view name) {
  for (std::size_t i = 0; i < cycle_feature_names.size(); ++i) {
    if (cycle_feature_names[i] == name) return i;
  }
  throw "BUG: no such feature";
}

double log_ratio(double a, double b, double beside) {
  return std::log((a + beside) / (b + beside));
}

// 1: they differ about as much as two courses of one programme do. The shape alone leaves out how
// long a course was until then, which in a dryer goes with the laundry.
struct Distance {
  double whole = 0, shape = 0;
};
Distance distance(const CycleMoment& a, const CycleMoment& b) {
  const auto square = [](double part) { return std::min(part * part, 9.0); };
  const double shape = square(log_ratio(a.since_heat_s, b.since_heat_s, 60) / 0.2) +
                       square(log_ratio(a.since_heat_wh, b.since_heat_wh, 10) / 0.2) +
                       square(log_ratio(a.latest_w, b.latest_w, 20) / 0.4) +
                       square(log_ratio(a.late_w, b.late_w, 20) / 0.3);
  const double whole = shape + square(log_ratio(a.at_s, b.at_s, 60) / 0.1) +
                       square(log_ratio(a.at_wh, b.at_wh, 20) / 0.1) + square(a.heats - b.heats);
  return {std::sqrt(whole / 7), std::sqrt(shape / 4)};
}

// Moments of the past, each weighed by how near it is. Those that are far weigh nothing, however
// many there are.
struct Neighbours {
  static constexpr double farthest = 1.6;
  double nearest = std::numeric_limits<double>::quiet_NaN(), weight = 0;

  void add(double away) {
    nearest = std::fmin(nearest, away);
    const double near = std::max(0.0, 1 - away * away / (farthest * farthest));
    weight += near * near;
  }
};

double odds(const Neighbours& ends, const Neighbours& pauses) {
  constexpr double beside = 0.1;
  return std::log((ends.weight + beside) / (pauses.weight + beside));
}

}  // namespace

std::size_t cycle_place(const CycleFeatures& features) {
  constexpr float at_once_s = 65;
  constexpr std::array clear_from = {0.5F, 1.8F, 3.0F};
  constexpr auto quiet = place_of("quiet"), odds = place_of("ends_to_pauses");
  // What paused like this for longer, once, may do so again.
  const bool may_pause = features[place_of("longest_pause_alike")] > 0;
  const auto clear =
      std::ranges::count_if(clear_from, [&](float from) { return features[odds] >= from; });
  const auto how_clear = may_pause ? 0 : clear;
  const std::size_t later = features[quiet] > std::log1p(at_once_s) ? cycle_places / 2 : 0;
  return later + static_cast<std::size_t>(how_clear);
}

CycleJudge::CycleJudge(Forest forest, const Certainties& sure_from)
    : forest_(std::move(forest)), sure_from_(sure_from) {
  assert(forest_.inputs() == cycle_feature_names.size() && forest_.outputs() == 1);
}

float CycleJudge::probability(const CycleFeatures& features) const {
  float probability = 0;
  forest_.evaluate(features, std::span(&probability, 1));
  return probability;
}

std::string CycleJudge::bytes() const {
  std::string bytes;
  put(bytes, version);
  put(bytes, cycle_feature_hash());
  put(bytes, sure_from_);
  return bytes + forest_.bytes();
}

std::expected<CycleJudge, std::string> CycleJudge::read(std::string_view part) {
  std::uint32_t its_version = 0;
  std::uint64_t hash = 0;
  Certainties sure_from{};
  const bool is_whole = take(part, its_version) && take(part, hash) && take(part, sure_from);
  if (is_whole && (its_version != version || hash != cycle_feature_hash())) {
    return std::unexpected(
        std::string("the model's part \"cycles\" was trained for another version of Lenz; use the "
                    "file that came with this one, or train it again"));
  }
  auto forest = is_whole ? Forest::take(part) : std::unexpected(std::string());
  if (!forest || !part.empty() || forest->outputs() != 1 ||
      std::ranges::any_of(sure_from, [](float from) { return !(from > 0); }) ||
      forest->inputs() != cycle_feature_names.size()) {
    return std::unexpected(std::string(
        "the model's part \"cycles\" is damaged; put the file in its place that came with Lenz"));
  }
  return CycleJudge(std::move(*forest), sure_from);
}

CycleWatch::CycleWatch(ApplianceKind kind, std::vector<Cycle> past, IsEnd is_end)
    : kind_(kind), past_(std::move(past)), is_end_(std::move(is_end)) {
  if (past_.size() > most_past) {
    past_.erase(past_.begin(), past_.end() - static_cast<std::ptrdiff_t>(most_past));
  }
}

double CycleWatch::quiet_s() const { return seconds(last_on_, latest_); }

// Whether what was said to be done paused like this before.
bool CycleWatch::has_paused_so() const {
  const auto is_alike = [&](const Cycle::Pause& pause) {
    return pause.length_s >= quiet_s() && distance(moment_, pause.begin).whole < alike;
  };
  return std::ranges::any_of(
      past_, [&](const Cycle& course) { return std::ranges::any_of(course.pauses, is_alike); });
}

void CycleWatch::take(Timestamp time, Watts power) {
  if (std::isnan(power.value)) {
    state_ = CycleState::idle;
    is_measured_ = went_on_ = false;
    on_share_ = minute_w_ = minutes_w_ = 0;
    return;
  }
  const double passed_s = is_measured_ ? std::min(seconds(latest_, time), longest_hold_s) : 0;
  if (state_ == CycleState::running || state_ == CycleState::paused) {
    energy_wh_ += latest_w_ * passed_s / 3600;
  }
  follow(minute_w_, latest_w_, passed_s, minute_s);
  follow(minutes_w_, latest_w_, passed_s, minutes_s);
  latest_ = time;
  latest_w_ = static_cast<double>(power.value);
  is_measured_ = true;

  const bool is_on =
      latest_w_ >= std::max<double>(row(kind_).on_from.value, share_of_peak * peak_w_);
  follow(on_share_, is_on ? 1 : 0, passed_s, memory_s);
  if (is_on && on_share_ >= on_share_of_work) {
    work(time);
  } else {
    rest();
  }
}

void CycleWatch::begin(Timestamp time) {
  begin_ = last_on_ = heated_ = time;
  energy_wh_ = heated_wh_ = heats_ = peak_w_ = 0;
  heats_now_ = went_on_ = false;
  cycle_ = {};
}

void CycleWatch::work(Timestamp time) {
  bool was_paused = state_ == CycleState::paused;
  const bool may_go_on = quiet_s() < soonest_new_s || has_paused_so();
  if (state_ == CycleState::done && may_go_on) {  // It was a pause after all.
    cycle_ = std::move(past_.back());
    past_.pop_back();
    was_paused = went_on_ = true;
  } else if (state_ == CycleState::idle || state_ == CycleState::done) {
    begin(time);
  }
  if (was_paused) cycle_.pauses.push_back({moment_, quiet_s()});
  state_ = CycleState::running;
  peak_w_ = std::max(peak_w_, latest_w_);
  last_on_ = time;
  const bool heats = latest_w_ >= heat_w;
  if (heats && !heats_now_) ++heats_;
  heats_now_ = heats;
  if (heats) {
    heated_ = time;
    heated_wh_ = energy_wh_;
  }
  moment_ = {.at_s = seconds(begin_, time),
             .at_wh = energy_wh_,
             .since_heat_s = seconds(heated_, time),
             .since_heat_wh = energy_wh_ - heated_wh_,
             .heats = heats_,
             .latest_w = minute_w_,
             .late_w = minutes_w_};
  asked_s_ = 0;
}

void CycleWatch::rest() {
  heats_now_ = false;
  const double quiet = quiet_s();
  const bool goes_on = state_ == CycleState::running || state_ == CycleState::paused;
  if (!goes_on || quiet < least_pause_s) return;
  state_ = CycleState::paused;
  if (quiet >= longest_wait_s) return finish();
  if (quiet < std::max(asked_s_ + ask_every_s, asked_s_ * ask_every)) return;
  asked_s_ = quiet;
  const bool is_course = moment_.at_s >= least_length_s && moment_.at_wh >= least_energy_wh;
  if (is_end_ && is_course && is_end_(features(past_))) finish();
}

CycleFeatures CycleWatch::features(std::span<const Cycle> past) const {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const auto log_of = [](double value) { return std::log1p(std::max(0.0, value)); };
  const double quiet = quiet_s();

  double longest_own_s = 0, since_pause_s = moment_.at_s;
  for (const auto& pause : cycle_.pauses) longest_own_s = std::max(longest_own_s, pause.length_s);
  if (!cycle_.pauses.empty()) {
    const auto& last = cycle_.pauses.back();
    since_pause_s = moment_.at_s - last.begin.at_s - last.length_s;
  }

  const Cycle* nearest = nullptr;
  Neighbours ends, pauses, ends_of_shape, pauses_of_shape;
  double longest_alike_s = 0, longest_ever_s = 0;
  double shortest_s = none, longest_s = none, least_wh = none, greatest_wh = none;
  for (const auto& course : past) {
    const auto away = distance(moment_, course.end);
    if (!(away.whole >= ends.nearest)) nearest = &course;
    ends.add(away.whole);
    ends_of_shape.add(away.shape);
    shortest_s = std::fmin(shortest_s, course.end.at_s);
    longest_s = std::fmax(longest_s, course.end.at_s);
    least_wh = std::fmin(least_wh, course.end.at_wh);
    greatest_wh = std::fmax(greatest_wh, course.end.at_wh);
    for (const auto& pause : course.pauses) {
      longest_ever_s = std::max(longest_ever_s, pause.length_s);
      if (pause.length_s < quiet) continue;
      const auto here = distance(moment_, pause.begin);
      pauses.add(here.whole);
      pauses_of_shape.add(here.shape);
      if (here.whole < alike) longest_alike_s = std::max(longest_alike_s, pause.length_s);
    }
  }
  const auto of_nearest = [&](double CycleMoment::*part, double beside) {
    return nearest ? log_ratio(moment_.*part, nearest->end.*part, beside) : none;
  };
  const double courses = static_cast<double>(past.size());

  const std::array values = {
      log_of(quiet),
      kind_ == ApplianceKind::dishwasher ? 1.0 : 0.0,
      kind_ == ApplianceKind::tumble_dryer ? 1.0 : 0.0,
      log_of(moment_.at_s),
      log_of(moment_.at_wh),
      log_of(moment_.since_heat_s),
      log_of(moment_.since_heat_wh),
      moment_.heats,
      log_of(moment_.latest_w),
      log_of(moment_.late_w),
      log_of(peak_w_),
      static_cast<double>(cycle_.pauses.size()),
      log_of(longest_own_s),
      log_of(since_pause_s),
      courses,
      ends.nearest,
      pauses.nearest,
      past.empty() ? none : odds(ends, pauses),
      ends_of_shape.nearest,
      pauses_of_shape.nearest,
      past.empty() ? none : odds(ends_of_shape, pauses_of_shape),
      log_of(longest_alike_s),
      past.empty() ? none : log_of(longest_ever_s),
      of_nearest(&CycleMoment::at_s, 60),
      of_nearest(&CycleMoment::at_wh, 20),
      of_nearest(&CycleMoment::since_heat_s, 60),
      log_ratio(moment_.at_s, shortest_s, 60),
      log_ratio(moment_.at_s, longest_s, 60),
      log_ratio(moment_.at_wh, least_wh, 20),
      log_ratio(moment_.at_wh, greatest_wh, 20),
  };
  static_assert(values.size() == cycle_feature_names.size());
  CycleFeatures features;
  std::ranges::transform(values, features.begin(),
                         [](double value) { return static_cast<float>(value); });
  return features;
}

void CycleWatch::finish() {
  cycle_.end = moment_;
  const bool is_course = moment_.at_s >= least_length_s && moment_.at_wh >= least_energy_wh;
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
  constexpr double near = 0.2;
  const double elapsed_s = seconds(begin_, latest_);
  std::vector<double> left_s;
  for (const auto& [end, pauses] : past_) {
    if (end.at_s > elapsed_s && end.at_wh >= energy_wh_ * (1 - near)) {
      left_s.push_back(end.at_s - elapsed_s);
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
