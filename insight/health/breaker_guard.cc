#include "insight/health/breaker_guard.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::uint32_t memory_magic = 0x31555247;  // "GRU1"

// The bands. IEC 60898-1 table 7: 1.13 and 1.45 x In; cold, at 2.55 x In, between 1 s and 60 s, or
// 120 s above 32 A. UL 489 table 7.1.1.3: 100 % for ever, 135 % within 1 h, or 2 h above 50 A; 200
// % within 2 min up to 30 A, 4 min up to 50 A, 6 min up to 100 A, 8 min above.
struct Band {
  double reference_c;
  double least_load, most_load;  // Trips between them, in the long run.
  double test_load, test_s;      // Trips within, cold.
  double longest_s;              // Within which it trips at most_load.
};

Band band(const BreakerPlate& plate) {
  const double rating = static_cast<double>(plate.rating.value);
  if (plate.standard == BreakerStandard::iec_60898) {
    return {30, 1.13, 1.45, 2.55, rating > 32 ? 120. : 60., 3600};
  }
  const double twice_s = rating > 100 ? 480 : rating > 50 ? 360 : rating > 30 ? 240 : 120;
  return {40, 1, 1.35, 2, twice_s, rating > 50 ? 7200. : 3600.};
}

// The shortest that makers draw: at 2.5 x the rating none trips within some 10 s.
constexpr double least_seconds = 35;

// The bimetal trips about 65 K above its reference: air that is warmer by one kelvin takes so much
// of (I/In)² away. Makers' tables say 5 to 10 % of the current for 20 K.
constexpr double trip_rise_k = 90;

// A warning comes when of the breakers that it may be, this share would trip within so long if the
// load stayed, have so much of the heat for it, and more than was ever carried: the same load makes
// 10 % more heat where the voltage is 5 % higher, which ANSI C84.1 allows.
constexpr double warning_share = 0.03, warning_heat = 0.95, warning_s = 900;
constexpr double above_carried = 1.1;
constexpr double end_share = 0.9;  // Of the load at which a warning would be due.

// A candidate that should have tripped and did not is as much less likely, with a margin for air
// that is some 15 K warmer another day.
constexpr double carried_margin = 1.1, carried_weight = 0.03, least_weight = 1e-6;
constexpr double falls = 0.9;  // Of a peak: it is over. Without any current it was a trip.
constexpr double flows_a = 0.1;
constexpr double carries = 0.3;  // A load that shows that it has not tripped.

constexpr double long_share = 0.8, long_s = 3 * 3600, long_pause_s = 300;
constexpr auto no_load = 1min;

constexpr float vote_a = 2, vote_share = 0.15F, enough_votes = 8;

constexpr float right_in_tests = 0.5F, long_right = 0.95F, neutral_right = 0.9F;

constexpr double infinite = std::numeric_limits<double>::infinity();

std::size_t hots(const BreakerPlate& plate) {
  return static_cast<std::size_t>(
      std::ranges::count_if(plate.legs, [](int leg) { return leg > 0; }));
}

}  // namespace

double BreakerGuard::Candidate::seconds_to_trip(double load) const {
  if (heat >= limit) return 0;
  const double end = load * load;
  return end <= limit ? infinite : seconds * std::log((end - heat) / (end - limit));
}

BreakerGuard::BreakerGuard(const BreakerPlate& plate, std::string_view bytes)
    : plate_(plate),
      finders_{StepFinder(max_legs, vote_a), StepFinder(max_legs, vote_a),
               StepFinder(max_legs, vote_a)} {
  const auto ends = band(plate);
  const auto derated = [&](double load, float air_c) {
    return load * load * (1 - (static_cast<double>(air_c) - ends.reference_c) / trip_rise_k);
  };
  const double least = derated(ends.least_load, plate.warmest_c);
  const double most = derated(ends.most_load, plate.coolest_c);
  const double test = ends.test_load * ends.test_load;
  for (std::size_t i = 0; i < limits; ++i) {
    const double limit = std::lerp(least, most, static_cast<double>(i) / (limits - 1));
    // The slowest just passes the standard's test.
    const double tested = std::min(limit, ends.most_load * ends.most_load);
    const double slowest =
        std::max(least_seconds * 2, ends.test_s / std::log(test / (test - tested)));
    for (std::size_t k = 0; k < time_constants; ++k) {
      const double share = static_cast<double>(k) / (time_constants - 1);
      candidates_[i * time_constants + k] = {
          .limit = limit, .seconds = least_seconds * std::pow(slowest / least_seconds, share)};
    }
  }
  longest_s_ = ends.longest_s;
  asked_load_ = ends.most_load;

  std::uint32_t magic = 0;
  auto kept = *this;
  bool whole = insight::take(bytes, magic) && magic == memory_magic &&
               insight::take(bytes, kept.last_) && insight::take(bytes, kept.long_s_) &&
               insight::take(bytes, kept.pause_s_) && insight::take(bytes, kept.peak_) &&
               insight::take(bytes, kept.long_since_) && insight::take(bytes, kept.votes_);
  for (auto& one : kept.candidates_) {
    float heat = 0, carried = 0, weight = 1;
    whole = whole && insight::take(bytes, heat) && insight::take(bytes, carried) &&
            insight::take(bytes, weight) && weight > 0;
    one.heat = one.peak = static_cast<double>(heat);
    one.carried = static_cast<double>(carried), one.weight = static_cast<double>(weight);
  }
  if (whole && bytes.empty()) *this = std::move(kept);
}

std::string BreakerGuard::memory() const {
  std::string bytes;
  put(bytes, memory_magic);
  put(bytes, last_);
  put(bytes, long_s_);
  put(bytes, pause_s_);
  put(bytes, peak_);
  put(bytes, long_since_);
  put(bytes, votes_);
  for (const auto& one : candidates_) {
    put(bytes, static_cast<float>(one.heat));
    put(bytes, static_cast<float>(one.carried));
    put(bytes, static_cast<float>(one.weight));
  }
  return bytes;
}

void BreakerGuard::pass(double load, double passed_s) {
  const bool is_on = load * static_cast<double>(plate_.rating.value) > flows_a;
  if (passed_s != passed_s_) {
    passed_s_ = passed_s;
    for (auto& one : candidates_) one.follows = 1 - std::exp(-passed_s / one.seconds);
  }
  for (auto& one : candidates_) {
    one.heat += (load * load - one.heat) * one.follows;
    if (one.heat > one.peak) {
      one.peak = one.heat;
    } else if (one.heat < falls * one.peak) {
      if (is_on) one.carried = std::max(one.carried, one.peak);
      one.peak = one.heat;
    }
    if (one.heat < carried_margin * one.limit || load < carries) continue;
    one.weight = std::max(least_weight, one.weight * carried_weight);
    one.heat = one.limit;  // Were it so, it would be at its limit, not beyond.
  }
}

void BreakerGuard::take(const BreakerReading& reading) {
  float most = detail::not_measured;
  for (std::size_t hot = 0; hot < hots(plate_); ++hot) most = std::fmax(most, reading.amperes[hot]);
  if (std::isnan(most) || !(plate_.rating.value > 0)) return;
  if (last_ != Timestamp{} && reading.time <= last_) return;
  const auto passed = last_ == Timestamp{} ? 0ms : reading.time - last_;
  last_ = reading.time;
  const double passed_s = std::chrono::duration<double>(passed).count();
  load_ = static_cast<double>(most / plate_.rating.value);
  // What flowed since the last reading is what flows now, which is the sooner of both to warn.
  const double flowed = passed > no_load ? 0 : load_;
  pass(flowed, passed_s);
  judge_overload(reading.time);
  judge_long_load(reading.time, passed > no_load ? long_pause_s + 60 : passed_s);
  judge_neutral(reading);
}

MinutesToTrip BreakerGuard::minutes_to_trip() const {
  std::array<std::pair<double, double>, limits * time_constants> times;  // Seconds and weight.
  double all = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    times[i] = {candidates_[i].seconds_to_trip(load_), candidates_[i].weight};
    all += candidates_[i].weight;
  }
  std::ranges::sort(times);
  double earliest = infinite, latest = infinite, before = 0;
  for (const auto& [seconds, weight] : times) {
    if (before <= warning_share * all) earliest = seconds;
    if (before <= (1 - warning_share) * all) latest = seconds;
    before += weight;
  }
  if (load_ >= asked_load_) latest = std::min(latest, longest_s_);
  return {static_cast<float>(earliest / 60), static_cast<float>(std::max(latest, earliest) / 60)};
}

void BreakerGuard::judge_overload(Timestamp now) {
  if (load_ * load_ < end_share * candidates_.front().limit) {  // The least of all.
    end(Change::breaker_overload);
    return;
  }
  double all = 0, near = 0, may_end = 0;
  for (const auto& one : candidates_) {
    all += one.weight;
    if (load_ * load_ > end_share * one.limit) may_end += one.weight;
    if (load_ * load_ <= one.limit || one.heat < warning_heat * one.limit) continue;
    if (one.heat < above_carried * one.carried) continue;
    if (one.seconds_to_trip(load_) <= warning_s) near += one.weight;
  }
  if (may_end < warning_share * all) end(Change::breaker_overload);
  if (near < warning_share * all) return;
  stand({.change = Change::breaker_overload,
         .since = now,
         .found = now,
         .confidence = right_in_tests,
         .suspects = {{Cause::overload, 0.95F}},
         .evidence = {{.feature = Feature::load_share,
                       .before = 1,
                       .now = static_cast<float>(load_),
                       .course = {}}}});
}

// By minutes: a thermostat's short pause is none.
void BreakerGuard::judge_long_load(Timestamp now, double passed_s) {
  minute_sum_ += load_ * passed_s;
  minute_s_ += passed_s;
  if (minute_s_ < 60) return;
  const double mean = minute_sum_ / minute_s_;
  const double length_s = std::exchange(minute_s_, 0);
  minute_sum_ = 0;
  if (mean > long_share) {
    if (long_s_ == 0) long_since_ = now;
    long_s_ += length_s + std::exchange(pause_s_, 0);
    peak_ = std::max(peak_, mean);
  } else if (long_s_ > 0) {
    pause_s_ += length_s;
    if (pause_s_ > long_pause_s) {
      long_s_ = pause_s_ = peak_ = 0;
      end(Change::breaker_long_load);
    }
  }
  if (long_s_ < long_s) return;
  stand({.change = Change::breaker_long_load,
         .since = long_since_,
         .found = now,
         .confidence = long_right,
         .suspects = {{Cause::overload, 0.9F}},
         .evidence = {{.feature = Feature::load_share,
                       .before = static_cast<float>(long_share),
                       .now = static_cast<float>(peak_),
                       .course = {}}}});
}

// A step of a hot is also a step of its leg; two hots of one leg return their sum by the neutral,
// which is made for one of them.
void BreakerGuard::judge_neutral(const BreakerReading& reading) {
  if (!plate_.shares_neutral) return;
  const auto count = hots(plate_);
  for (std::size_t hot = 0; hot < count; ++hot) {
    LegReading own{.time = reading.time};
    own.amperes.fill(detail::not_measured);
    own.amperes[0] = reading.amperes[hot];
    own.volts = reading.grid_amperes;  // What is found beside the step is the legs' currents.
    own.reactive_amperes.fill(0);
    const auto step = finders_[hot].take(own);
    if (!step) continue;
    for (std::size_t leg = 0; leg < max_legs; ++leg) {
      const float other = step->volts[leg] - step->amperes[0];
      const bool with = std::abs(other) < vote_share * std::abs(step->amperes[0]);
      votes_[hot][leg] += with ? 1 : 0;
    }
  }
  std::array<int, max_legs> legs = plate_.legs;
  for (std::size_t hot = 0; hot < count; ++hot) {
    const auto& votes = votes_[hot];
    const auto best = std::ranges::max_element(votes);
    const auto leg = static_cast<int>(best - votes.begin()) + 1;
    float others = 0;
    for (const float vote : votes) others += vote;
    if (*best >= enough_votes && *best > 0.8F * others) legs[hot] = leg;
  }
  float most = 0;
  for (int leg = 1; leg <= static_cast<int>(max_legs); ++leg) {
    float sum = 0;
    std::size_t on_leg = 0;
    for (std::size_t hot = 0; hot < count; ++hot) {
      if (legs[hot] != leg || !(reading.amperes[hot] > 0.5F)) continue;
      sum += reading.amperes[hot];
      ++on_leg;
    }
    if (on_leg > 1) most = std::max(most, sum);
  }
  if (most == 0) return;
  stand({.change = Change::shared_neutral,
         .since = reading.time,
         .found = reading.time,
         .confidence = neutral_right,
         .suspects = {{Cause::wired_wrong, 0.9F}},
         .evidence = {{.feature = Feature::load_share,
                       .before = 0,
                       .now = most / plate_.rating.value,
                       .course = {}}}});
}

void BreakerGuard::stand(Finding finding) {
  const auto old = std::ranges::find(findings_, finding.change, &Finding::change);
  if (old == findings_.end()) {
    findings_.push_back(std::move(finding));
    return;
  }
  finding.since = old->since;
  finding.found = old->found;
  auto& worst = finding.evidence.front().now;
  worst = std::max(worst, old->evidence.front().now);
  *old = std::move(finding);
}

void BreakerGuard::end(Change change) {
  std::erase_if(findings_, [&](auto& one) { return one.change == change; });
}

}  // namespace insight
