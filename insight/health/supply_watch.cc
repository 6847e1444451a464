#include "insight/health/supply_watch.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "insight/identification/bytes.h"

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::uint32_t memory_magic = 0x32505553;  // "SUP2"

constexpr float least_step_a = 2;
constexpr auto learning_time = 72h;
constexpr std::size_t learning_steps = 60, most_steps = 512;
constexpr double learnt_spread = 0.012;  // Ohm.
constexpr auto look_every = 1h;
constexpr auto kept_time = 72h;
constexpr auto least_time = 20min;
constexpr std::size_t least_steps = 8;

// With the neutral open: half of what is between the highest and the lowest leg. Usual differences
// of the legs are learnt. A sound neutral has a tenth of an ohm.
constexpr float apart_share = 0.03F, apart_unlearnt_share = 0.08F, moved_share = 0.0125F;
constexpr float mean_share = 0.10F;  // A star point that moves leaves the mean within it.
constexpr float open_ohm = 0.4F;
constexpr int apart_readings = 3;
constexpr std::uint32_t levels_learnt = 100, levels_full = 20'000, recent_readings = 300;
// Of split phase, legs that part at once although nothing was switched that would do it. The grid
// does it too, by less: so many times the most that it did here is taken for the neutral.
constexpr float parted_share = 0.01F, parted_more = 3, parted_forgets = 1e-6F;
constexpr std::uint32_t parting_learnt = 10'000, lately_readings = 10;
constexpr auto stands_after = 24h;
constexpr auto follows_within = 30s;
constexpr auto long_pause = 10min;

constexpr float right_in_tests = 0.95F, probably_loose = 0.85F;

std::size_t known_legs(const PerLeg& values) {
  return static_cast<std::size_t>(
      std::ranges::count_if(values, [](float value) { return !std::isnan(value); }));
}

// The legs' volts move as one although their currents do not: it is one adapter.
bool is_one_adapter(const std::deque<VoltageStep>& steps, std::size_t legs) {
  constexpr float uneven_a = 5, same_volts = 0.11F;
  constexpr std::size_t enough = 8;
  std::size_t uneven = 0, same = 0;
  for (const auto& step : steps) {
    for (std::size_t leg = 1; leg < legs; ++leg) {
      if (!(std::abs(step.amperes[leg] - step.amperes[0]) > uneven_a)) continue;
      if (std::isnan(step.volts[leg] + step.volts[0])) continue;
      ++uneven;
      same += std::abs(step.volts[leg] - step.volts[0]) <= same_volts ? 1 : 0;
    }
  }
  return uneven >= enough && same > uneven * 9 / 10;
}

}  // namespace

SupplyWatch::SupplyWatch(std::size_t legs, measurement::Volts nominal, std::string_view memory)
    : legs_(std::clamp<std::size_t>(legs, 1, max_legs)),
      nominal_volts_(nominal.value),
      finder_(legs_, least_step_a) {
  if (!restore(memory)) learn_anew();
}

void SupplyWatch::learn_anew() {
  steps_.clear();
  days_.clear();
  findings_.clear();
  reference_.reset();
  only_leg_.reset();
  now_ = {};
  levels_ = {};
  begin_ = {};
}

NeutralView SupplyWatch::neutral() const {
  if (legs_ == 1 || only_leg_) return NeutralView::not_watched;
  return reference_ ? NeutralView::watched : NeutralView::learning;
}

SupplyWatch::Ohms SupplyWatch::ohms() const { return {reference_.value_or(ConductorOhms{}), now_}; }

void SupplyWatch::take(const SupplyReading& reading) {
  LegReading legs{.time = reading.time, .volts = reading.volts};
  for (std::size_t leg = 0; leg < max_legs; ++leg) {
    // Where a leg has no adapter of its own, its current is near enough by the nominal voltage.
    const bool has_volts = leg < legs_ && reading.volts[leg] > nominal_volts_ / 4;
    if (!has_volts) legs.volts[leg] = detail::not_measured;
    const float volts = has_volts ? reading.volts[leg] : nominal_volts_;
    legs.amperes[leg] = reading.watts[leg] / volts;
    legs.reactive_amperes[leg] = std::isnan(reading.vars[leg]) ? 0 : reading.vars[leg] / volts;
  }
  if (begin_ == Timestamp{}) begin_ = reading.time, next_look_ = begin_ + look_every;
  if (legs_ > 1 && !only_leg_) watch_levels(legs);
  if (const auto step = finder_.take(legs)) {
    steps_.push_back(*step);
    if (steps_.size() > most_steps) steps_.pop_front();
  }
  if (reading.time < next_look_) return;
  next_look_ = reading.time + look_every;
  if (reference_) {
    look(reading.time);
  } else if (reading.time - begin_ >= learning_time) {
    learn();
  }
}

// One leg up and another down, by load and for good, is a neutral that carries nothing.
bool SupplyWatch::is_apart(const LegReading& reading) const {
  const auto& levels = levels_;
  const bool learnt = levels.seen > levels_learnt;
  float mean = 0, usual = 0;
  for (std::size_t leg = 0; leg < legs_; ++leg) {
    mean += reading.volts[leg] / static_cast<float>(legs_);
    usual += (learnt ? levels.usual[leg] : nominal_volts_) / static_cast<float>(legs_);
  }
  if (std::abs(mean / usual - 1) > mean_share) return false;
  float up = 0, down = 0, rise = 0, fall = 0;
  float least_a = reading.amperes[0], most_a = least_a;
  for (std::size_t leg = 0; leg < legs_; ++leg) {
    const float moved = reading.volts[leg] / mean - (learnt ? levels.usual[leg] / usual : 1);
    const float since = reading.volts[leg] / (learnt ? levels.recent[leg] : nominal_volts_) - 1;
    up = std::max(up, moved), down = std::max(down, -moved);
    rise = std::max(rise, since), fall = std::max(fall, -since);
    least_a = std::fmin(least_a, reading.amperes[leg]);
    most_a = std::fmax(most_a, reading.amperes[leg]);
  }
  const float apart = (up + down) / 2;
  if (apart < (learnt ? apart_share : apart_unlearnt_share)) return false;
  // A leg that sags alone leaves the other where it was.
  if (std::min(rise, fall) < moved_share) return false;
  // What returns by the neutral is at most the difference of the legs.
  const float back_a = most_a - least_a;
  return std::isnan(back_a) ? apart > apart_unlearnt_share : apart * mean > open_ohm * back_a;
}

// How far one leg has risen and the other fallen since just before; 0 where what was switched may
// have done it.
float SupplyWatch::parting(const LegReading& reading) const {
  const float first = reading.volts[0] - levels_.lately[0];
  const float second = reading.volts[1] - levels_.lately[1];
  const float more_a = (reading.amperes[0] - levels_.lately_amperes[0]) -
                       (reading.amperes[1] - levels_.lately_amperes[1]);
  const bool is_switched = !(std::abs(first - second) / 2 > open_ohm * std::abs(more_a));
  if (is_switched || first * second > 0) return 0;
  return std::min(std::abs(first / levels_.lately[0]), std::abs(second / levels_.lately[1]));
}

void SupplyWatch::watch_levels(const LegReading& reading) {
  auto& levels = levels_;
  if (known_legs(reading.volts) < legs_) return;
  const auto pause = reading.time - levels.last;
  levels.last = reading.time;
  if (pause > long_pause) levels.recent = levels.usual;
  if (pause > follows_within) {
    levels.lately = reading.volts;
    levels.lately_amperes = reading.amperes;
  }
  std::ranges::rotate(levels.parted, levels.parted.begin() + 1);
  const float parted = levels.parted.back() = legs_ == 2 ? parting(reading) : 0;
  const bool parts = levels.seen > parting_learnt &&
                     parted > std::max(parted_share, parted_more * levels.most_parted);
  if (!parts && !is_apart(reading)) {
    levels.apart = 0;
    levels.most_parted =
        std::max((1 - parted_forgets) * levels.most_parted, std::ranges::min(levels.parted));
    levels.seen = std::min(levels.seen + 1, levels_full);
    for (std::size_t leg = 0; leg < legs_; ++leg) {
      const auto follow = [&](float& level, float now, std::uint32_t of) {
        const float share = 1 / static_cast<float>(std::min(levels.seen, of));
        level = std::isnan(level) ? now : level + share * (now - level);
      };
      follow(levels.usual[leg], reading.volts[leg], levels_full);
      follow(levels.recent[leg], reading.volts[leg], recent_readings);
      follow(levels.lately[leg], reading.volts[leg], lately_readings);
      follow(levels.lately_amperes[leg], reading.amperes[leg], lately_readings);
    }
    if (levels.together_since == Timestamp{}) levels.together_since = reading.time;
    if (reading.time - levels.together_since > stands_after) {
      std::erase_if(findings_, [](auto& one) { return one.change == Change::open_neutral; });
    }
    return;
  }
  if (pause > follows_within) levels.apart = 0;
  if (levels.apart == 0) levels.apart_since = reading.time;
  levels.together_since = {};
  if (++levels.apart < apart_readings || standing(Change::open_neutral)) return;
  Finding finding{.change = Change::open_neutral,
                  .since = levels.apart_since,
                  .found = reading.time,
                  .confidence = right_in_tests,
                  .suspects = {{Cause::loose_contact, probably_loose}},
                  .evidence = {}};
  for (std::size_t leg = 0; leg < legs_; ++leg) {
    finding.evidence.push_back(
        {.feature = Feature::leg_voltage,
         .before = levels.seen > levels_learnt ? levels.usual[leg] : nominal_volts_,
         .now = reading.volts[leg],
         .course = {}});
  }
  std::ranges::sort(finding.evidence, std::greater{},
                    [](auto& one) { return std::abs(one.now - one.before); });
  findings_.push_back(std::move(finding));
}

// Of the steps from `first` on.
ConductorOhms SupplyWatch::fit(std::size_t first) const {
  const std::vector<VoltageStep> steps(steps_.begin() + static_cast<std::ptrdiff_t>(first),
                                       steps_.end());
  if (!only_leg_) return fit_conductors(steps, legs_);
  ConductorOhms ohms;
  ohms.legs[*only_leg_] = fit_loop(steps, legs_, *only_leg_);
  return ohms;
}

void SupplyWatch::learn() {
  if (steps_.size() < learning_steps) return;
  std::size_t adapters = 0;
  for (std::size_t leg = 0; leg < legs_; ++leg) {
    adapters += std::ranges::any_of(steps_, [&](auto& s) { return !std::isnan(s.volts[leg]); });
  }
  if (adapters == 0) return;
  if (legs_ > 1 && (adapters == 1 || is_one_adapter(steps_, legs_))) {
    const std::vector<VoltageStep> steps(steps_.begin(), steps_.end());
    double most = 0;
    for (std::size_t leg = 0; leg < legs_; ++leg) {
      const auto loop = fit_loop(steps, legs_, leg);
      if (loop.is_known() && loop.value > most) most = loop.value, only_leg_ = leg;
    }
    if (!only_leg_) return;
  }
  const auto fitted = fit(0);
  const auto is_sure = [](const Ohm& ohm) { return ohm.spread < learnt_spread; };
  const bool enough = only_leg_ ? is_sure(fitted.legs[*only_leg_])
                                : std::any_of(fitted.legs.begin(), fitted.legs.end(), is_sure) &&
                                      (legs_ == 1 || is_sure(fitted.neutral));
  if (!enough) return;
  reference_ = fitted;
  now_ = fitted;
  steps_.clear();
}

Finding* SupplyWatch::standing(Change change) {
  const auto found = std::ranges::find(findings_, change, &Finding::change);
  return found == findings_.end() ? nullptr : &*found;
}

// The latest steps, ever more of them: the fewer, the sooner a new contact outweighs what was
// before it; the more, the surer.
void SupplyWatch::look(Timestamp now) {
  while (!steps_.empty() && now - steps_.front().time > kept_time) steps_.pop_front();
  std::array<std::optional<bool>, max_legs + 1> risen{};
  for (std::size_t count = least_steps;; count = std::min(count * 3 / 2, steps_.size())) {
    if (count > steps_.size()) break;
    const auto first = steps_.end() - static_cast<std::ptrdiff_t>(count);
    now_ = fit(steps_.size() - count);
    if (steps_.back().time - first->time < least_time && count < steps_.size()) continue;
    for (std::size_t place = 0; place <= max_legs; ++place) {
      const auto& before = place < max_legs ? reference_->legs[place] : reference_->neutral;
      const auto& present = place < max_legs ? now_.legs[place] : now_.neutral;
      if (risen[place]) continue;  // The latest steps that are enough have said it.
      if (has_risen(before, present)) {
        risen[place] = true;
        stand(place, first->time, now);
      } else if (has_not_risen(before, present)) {
        risen[place] = false;
      }
    }
    if (count == steps_.size()) break;
  }
  const auto is_over = [&](const Finding& one) {
    if (one.change == Change::neutral_resistance) return risen[max_legs] == false;
    if (one.change != Change::supply_resistance) return false;
    const auto legs = std::span(risen).first(max_legs);
    return std::ranges::count(legs, true) == 0 && std::ranges::count(legs, false) > 0 &&
           (!loose_leg_ || risen[*loose_leg_] == false);
  };
  std::erase_if(findings_, is_over);
  if (days_.empty() || now - days_.back().time >= 24h) {
    Day day{.time = now};
    day.ohm.fill(detail::not_measured);
    for (std::size_t i = 0; i <= max_legs; ++i) {
      const auto& ohm = i < max_legs ? now_.legs[i] : now_.neutral;
      if (ohm.spread < learnt_spread * 2) day.ohm[i] = static_cast<float>(ohm.value);
    }
    days_.push_back(day);
    if (days_.size() > 120) days_.pop_front();
  }
}

// `place` is a leg, or max_legs: the neutral.
void SupplyWatch::stand(std::size_t place, Timestamp since, Timestamp time) {
  const bool is_neutral = place == max_legs;
  const auto change = is_neutral ? Change::neutral_resistance : Change::supply_resistance;
  const auto before = is_neutral ? reference_->neutral : reference_->legs[place];
  const auto now = is_neutral ? now_.neutral : now_.legs[place];
  if (!is_neutral) loose_leg_ = place;
  const double spread = std::hypot(now.spread, before.spread);
  auto* old = standing(change);
  Finding finding{.change = change,
                  .since = old ? old->since : since,
                  .found = old ? old->found : time,
                  .confidence = right_in_tests,
                  .suspects = {{Cause::loose_contact, probably_loose}},
                  .evidence = {{.feature = is_neutral ? Feature::neutral_ohm : Feature::supply_ohm,
                                .before = static_cast<float>(before.value),
                                .now = static_cast<float>(now.value),
                                .usual_spread = static_cast<float>(1.645 * spread),
                                .course = {}}}};
  auto& course = finding.evidence.front().course;
  for (const auto& day : days_) course.push_back({day.time, day.ohm[place]});
  course.push_back({time, static_cast<float>(now.value)});
  if (!old) old = &findings_.emplace_back();
  *old = std::move(finding);
}

std::string SupplyWatch::memory() const {
  std::string bytes;
  put(bytes, memory_magic);
  put(bytes, static_cast<std::uint8_t>(legs_));
  put(bytes, nominal_volts_);
  put(bytes, begin_);
  put(bytes, next_look_);
  put(bytes, levels_.usual);
  put(bytes, levels_.seen);
  put(bytes, levels_.most_parted);
  put(bytes, static_cast<std::uint8_t>(only_leg_.value_or(max_legs)));
  put(bytes, static_cast<std::uint8_t>(reference_.has_value()));
  put(bytes, reference_.value_or(ConductorOhms{}));
  put(bytes, now_);
  put(bytes, static_cast<std::uint32_t>(steps_.size()));
  for (const auto& step : steps_) put(bytes, step);
  put(bytes, static_cast<std::uint32_t>(days_.size()));
  for (const auto& day : days_) put(bytes, day);
  // Findings of ohms come back with the next look; an open neutral with the next readings.
  put(bytes, static_cast<std::uint32_t>(findings_.size()));
  for (const auto& one : findings_) {
    put(bytes, one.change);
    put(bytes, one.since);
    put(bytes, one.found);
    const auto& evidence = one.evidence.front();
    put(bytes, evidence.feature);
    put(bytes, evidence.before);
    put(bytes, evidence.now);
    put(bytes, evidence.usual_spread);
  }
  return bytes;
}

bool SupplyWatch::restore(std::string_view bytes) {
  std::uint32_t magic = 0, count = 0;
  std::uint8_t legs = 0, only_leg = 0, learnt = 0;
  float nominal = 0;
  ConductorOhms reference;
  const bool fits = insight::take(bytes, magic) && magic == memory_magic &&
                    insight::take(bytes, legs) && legs == legs_ && insight::take(bytes, nominal) &&
                    nominal == nominal_volts_ && insight::take(bytes, begin_) &&
                    insight::take(bytes, next_look_) && insight::take(bytes, levels_.usual) &&
                    insight::take(bytes, levels_.seen) &&
                    insight::take(bytes, levels_.most_parted) && insight::take(bytes, only_leg) &&
                    insight::take(bytes, learnt) && insight::take(bytes, reference) &&
                    insight::take(bytes, now_) && insight::take(bytes, count) &&
                    count <= most_steps && only_leg <= max_legs;
  if (!fits) return false;
  if (only_leg < legs_) only_leg_ = only_leg;
  if (learnt != 0) reference_ = reference;
  for (; count > 0; --count) {
    if (!insight::take(bytes, steps_.emplace_back())) return false;
  }
  if (!insight::take(bytes, count) || count > 120) return false;
  for (; count > 0; --count) {
    if (!insight::take(bytes, days_.emplace_back())) return false;
  }
  if (!insight::take(bytes, count) || count > 3) return false;
  for (; count > 0; --count) {
    auto& one = findings_.emplace_back();
    auto& evidence = one.evidence.emplace_back();
    const bool whole = insight::take(bytes, one.change) && insight::take(bytes, one.since) &&
                       insight::take(bytes, one.found) && insight::take(bytes, evidence.feature) &&
                       insight::take(bytes, evidence.before) &&
                       insight::take(bytes, evidence.now) &&
                       insight::take(bytes, evidence.usual_spread);
    const bool known = whole && static_cast<std::size_t>(one.change) < changes.size() &&
                       static_cast<std::size_t>(evidence.feature) < health_features.size();
    if (!known) return false;
    one.confidence = right_in_tests;
    one.suspects = {{Cause::loose_contact, probably_loose}};
  }
  return bytes.empty();
}

}  // namespace insight
