#include "insight/health/acute_watch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {

using measurement::Timestamp;

namespace {

constexpr float day_s = 86400;
constexpr float learning_s = 7 * day_s;
constexpr std::uint32_t least_runs = 20;
constexpr float least_usual_share = 0.5F;  // What rises no further above its base never pauses.
constexpr float longest_hold_s = 300;      // A longer time between two readings was not seen.

constexpr float least_rise_w = 8;  // Above what it draws when off.
constexpr float base_follows = 0.05F;
constexpr float level_memory_s = 7200;
constexpr float settling_s = 5;

constexpr float failed_run_s = 20;    // A motor's protector opens within so long...
constexpr float failed_power = 1.5F;  // ...and this many times its power was drawn.
constexpr float failed_of_runs = 3;   // Its usual runs are at least so many times as long.
constexpr std::int64_t failed_within_ms = 600'000;
constexpr float stalled_power = 2.5F, stalled_over_greatest = 1.5F, stalled_after_s = 15;

constexpr float dry_power = 0.75F, dry_under_least = 0.9F;
constexpr float dry_after_s = 60;
constexpr float dry_reactive_share = 1.15F;  // Its power factor falls.

constexpr float rests_longer = 3, least_rest_s = 3600;
constexpr float rain_more = 3, least_rain_mm = 10;
constexpr std::uint32_t least_rains = 5;
constexpr float outage_patience = 3;  // How much longer it may run after an outage.

struct AcuteRow {
  ApplianceKind kind{};
  bool is_motor = false;       // May fail to start.
  bool is_pump = false;        // May run dry.
  bool rests_briefly = false;  // May be off for too long.
  // From which share of its usual power it counts as on: a dry pump draws 0.4, a lamp behind the
  // door of a small fridge half.
  float on_from = 0;
  float least_w = 0;  // What rises no further when it runs has not been seen to run.
  float longer = 0;   // Than nearly all of its runs; 0: it may run for ever.
  float at_least_s = 0;
  float bridged_s = 0;  // A pause so short is part of its run: a thermostat's.
};

constexpr float hour = 3600;
constexpr std::array acute_rows = {
    AcuteRow{ApplianceKind::fridge, true, false, true, 0.6F, 15, 3, 12 * hour, 0},
    AcuteRow{ApplianceKind::freezer, true, false, true, 0.6F, 15, 3, 12 * hour, 0},
    AcuteRow{ApplianceKind::fridge_freezer, true, false, true, 0.6F, 15, 3, 12 * hour, 0},
    AcuteRow{ApplianceKind::pump, true, true, false, 0.25F, 15, 10, hour / 6, 0},
    AcuteRow{ApplianceKind::heat_pump, true, false, false, 0.4F, 150, 0, 0, 0},
    AcuteRow{ApplianceKind::air_conditioner, true, false, false, 0.4F, 150, 0, 0, 0},
    AcuteRow{ApplianceKind::furnace, true, false, false, 0.4F, 50, 0, 0, 0},
    AcuteRow{ApplianceKind::dehumidifier, true, false, false, 0.4F, 50, 0, 0, 0},
    AcuteRow{ApplianceKind::oven, false, false, false, 0.25F, 300, 3, 3 * hour, hour / 6},
    AcuteRow{ApplianceKind::cooktop, false, false, false, 0.25F, 300, 3, 3 * hour, hour / 6},
    AcuteRow{ApplianceKind::iron, false, false, false, 0.25F, 300, 3, hour, hour / 6},
    AcuteRow{ApplianceKind::water_heater, false, false, false, 0.25F, 300, 3, 2 * hour, 0},
};

const AcuteRow* row_of(ApplianceKind kind) {
  const auto found = std::ranges::find(acute_rows, kind, &AcuteRow::kind);
  return found == acute_rows.end() ? nullptr : &*found;
}

bool is_cabinet(const AcuteRow& row) { return row.rests_briefly; }

// What is more probable is known from how such machines are built, not from counted cases.
std::vector<Suspect> suspects(Change change, const AcuteRow& row, bool in_rain) {
  using enum Cause;
  switch (change) {
    case Change::does_not_start:
      if (is_cabinet(row)) return {{start_relay, 0.7F}, {jammed, 0.15F}};
      if (row.is_pump) return {{jammed, 0.5F}, {run_capacitor, 0.35F}};
      return {{run_capacitor, 0.6F}, {start_relay, 0.2F}, {jammed, 0.1F}};
    case Change::runs_dry:
      return {{dry_run, 0.7F}, {air_in_pump, 0.15F}, {worn_impeller, 0.1F}};
    case Change::silent:
      if (in_rain) return {{float_stuck, 0.5F}, {no_power, 0.3F}};
      return {{no_power, 0.4F}, {thermostat_stuck, 0.25F}, {start_relay, 0.2F}};
    default:
      if (is_cabinet(row)) {
        return {{thermostat_stuck, 0.35F}, {low_refrigerant, 0.3F}, {gasket_leak, 0.2F}};
      }
      if (row.is_pump) return {{float_stuck, 0.4F}, {leak, 0.3F}, {dry_run, 0.15F}};
      return {{new_habit, 0.5F}, {thermostat_stuck, 0.35F}};
  }
}

// Share of findings that were right in tests: docs/health.md.
constexpr float confidence = 0.95F;

constexpr std::uint32_t memory_magic = 0x7763616c;  // "lacw"
constexpr std::uint32_t memory_version = 1;

std::int64_t ms(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp at(std::int64_t since_1970_ms) {
  return Timestamp(std::chrono::milliseconds(since_1970_ms));
}
std::int64_t whole_ms(float s) { return static_cast<std::int64_t>(s * 1000); }

}  // namespace

bool is_watched_acutely(ApplianceKind kind) { return row_of(kind) != nullptr; }

constexpr Change AcuteWatch::says(Rule rule) {
  constexpr std::array said{Change::does_not_start, Change::runs_dry, Change::never_stops,
                            Change::silent};
  return said[rule];
}

void AcuteWatch::Past::add(Timestamp end, float it) {
  ended_ms[count % size] = ms(end);
  value[count % size] = it;
  ++count;
}

std::vector<Evidence::Point> AcuteWatch::Past::course() const {
  std::vector<Evidence::Point> points;
  for (auto i = count - std::min<std::uint32_t>(count, size); i < count; ++i) {
    points.push_back({at(ended_ms[i % size]), value[i % size]});
  }
  return points;
}

// All that is kept, in its order.
template <class Self, class Each>
bool AcuteWatch::each(Self& self, const Each& one) {
  return one(self.seen_s_) && one(self.base_w_) && one(self.level_w_) && one(self.runs_) &&
         one(self.pauses_) && one(self.powers_) && one(self.rains_) && one(self.greatest_w_) &&
         one(self.reactive_share_) && one(self.past_runs_.ended_ms) && one(self.past_runs_.value) &&
         one(self.past_runs_.count) && one(self.past_pauses_.ended_ms) &&
         one(self.past_pauses_.value) && one(self.past_pauses_.count) && one(self.patience_) &&
         one(self.latest_ms_) && one(self.latest_w_) && one(self.latest_var_) &&
         one(self.phase_ms_) && one(self.paused_ms_) && one(self.is_on_) && one(self.began_here_) &&
         one(self.phase_s_) && one(self.settled_ws_) && one(self.settled_vs_) &&
         one(self.settled_s_) && one(self.peak_w_) && one(self.settled_peak_w_) &&
         one(self.held_on_s_) && one(self.before_run_s_) && one(self.pause_ms_) &&
         one(self.pause_began_here_) && one(self.low_s_) && one(self.low_w_) && one(self.well_s_) &&
         one(self.stalled_s_) && one(self.rain_mm_) && one(self.low_since_ms_) &&
         one(self.failed_ms_) && one(self.after_outage_) && one(self.standing_);
}

AcuteWatch::AcuteWatch(ApplianceKind kind, std::string_view memory) : kind_(kind) {
  std::uint32_t magic = 0, version = 0, of_kind = 0;
  auto bytes = memory;
  if (!unseal(bytes) || !insight::take(bytes, magic) || !insight::take(bytes, version) ||
      !insight::take(bytes, of_kind)) {
    return;
  }
  if (magic != memory_magic || version != memory_version ||
      of_kind != static_cast<std::uint32_t>(kind)) {
    return;
  }
  AcuteWatch known(kind);
  const bool is_whole = each(known, [&](auto& value) { return insight::take(bytes, value); });
  if (!is_whole || !bytes.empty()) return;
  *this = known;
  sum_up();
}

std::string AcuteWatch::memory() const {
  std::string bytes;
  put(bytes, memory_magic);
  put(bytes, memory_version);
  put(bytes, static_cast<std::uint32_t>(kind_));
  each(*this, [&](const auto& value) {
    put(bytes, value);
    return true;
  });
  seal(bytes);
  return bytes;
}

bool AcuteWatch::is_learning() const {
  return row_of(kind_) == nullptr || seen_s_ < static_cast<double>(learning_s) ||
         runs_.count() < least_runs ||
         level_w_ < std::max(row_of(kind_)->least_w, least_usual_share * base_w_);
}

int AcuteWatch::days_left() const {
  const double left = std::max(0.0, static_cast<double>(learning_s) - seen_s_);
  return static_cast<int>(std::ceil(left / static_cast<double>(day_s)));
}

void AcuteWatch::forget_phase() {
  phase_ms_ = paused_ms_ = pause_ms_ = 0;
  began_here_ = pause_began_here_ = false;
  phase_s_ = before_run_s_ = low_s_ = well_s_ = stalled_s_ = rain_mm_ = 0;
  failed_ms_ = {};
}

void AcuteWatch::set_rain(double fallen_mm) {
  // Less than before is another beginning.
  if (fallen_mm > fallen_mm_) rain_mm_ += static_cast<float>(fallen_mm - fallen_mm_);
  fallen_mm_ = fallen_mm;
}

void AcuteWatch::mains_were_away() {
  forget_phase();
  clear(rests);
  after_outage_ = true;
}

void AcuteWatch::take(const Reading& reading) {
  const float w = reading.active_power.value;
  if (row_of(kind_) == nullptr || std::isnan(w) || ms(reading.time) <= latest_ms_) return;
  hold(reading);
  const bool is_on = rise(w) >= std::max(least_rise_w, row_of(kind_)->on_from * level_w_);
  if (!is_on) base_w_ += (w < base_w_ ? 1.0F : base_follows) * (w - base_w_);
  if (phase_ms_ == 0) {
    phase_ms_ = ms(reading.time);
    is_on_ = is_on;
    phase_s_ = 0;
    began_here_ = false;
    settled_ws_ = settled_vs_ = 0;
    settled_s_ = settled_peak_w_ = peak_w_ = held_on_s_ = 0;
  } else {
    turn(reading.time, is_on);
  }
  if (is_on) peak_w_ = std::max(peak_w_, rise(w));
  latest_ms_ = ms(reading.time);
  latest_w_ = w;
  latest_var_ = reading.reactive_power.value;
  if (!is_learning()) judge(reading.time);
}

// What was drawn up to this reading.
void AcuteWatch::hold(const Reading& reading) {
  if (latest_ms_ == 0) {
    base_w_ = reading.active_power.value;
    return;
  }
  const float held_s = static_cast<float>(ms(reading.time) - latest_ms_) / 1000;
  if (held_s > longest_hold_s) return forget_phase();
  seen_s_ += static_cast<double>(held_s);
  if (phase_ms_ == 0) return;
  phase_s_ += held_s;
  if (!is_on_ || paused_ms_ != 0) return;
  held_on_s_ = std::max(held_on_s_, held_s);
  if (phase_s_ - held_s < settling_s) return;
  const float up = rise(latest_w_);
  settled_s_ += held_s;
  settled_ws_ += static_cast<double>(up * held_s);
  settled_vs_ += static_cast<double>(std::abs(latest_var_) * held_s);
  look_at_power(
      {.time = at(latest_ms_), .active_power = {latest_w_}, .reactive_power = {latest_var_}},
      held_s);
}

float AcuteWatch::dry_below_w() const {
  return std::min(dry_power * level_w_, dry_under_least * least_w_) / patience_[dry];
}

// A pump that moves no water, and a motor that stands.
void AcuteWatch::look_at_power(const Reading& reading, float held_s) {
  const auto& row = *row_of(kind_);
  const float up = rise(reading.active_power.value);
  settled_peak_w_ = std::max(settled_peak_w_, up);
  if (!row.is_pump || is_learning()) return;
  stalled_s_ = up >= std::max(stalled_power * level_w_, stalled_over_greatest * greatest_w_)
                   ? stalled_s_ + held_s
                   : 0;
  const float share = std::abs(reading.reactive_power.value) / up;
  const bool magnetises = std::isnan(share) || std::isnan(reactive_share_) ||
                          share > dry_reactive_share * reactive_share_;
  if (up < dry_below_w() && magnetises) {
    if (low_s_ == 0) low_since_ms_ = ms(reading.time);
    low_s_ += held_s;
    low_w_ = up;
    well_s_ = 0;
  } else {
    well_s_ += held_s;
    if (well_s_ >= dry_after_s) clear(dry);
    low_s_ = 0;
  }
}

void AcuteWatch::turn(Timestamp time, bool is_on) {
  const auto& row = *row_of(kind_);
  if (is_on_ && paused_ms_ != 0) {
    if (is_on) {
      paused_ms_ = 0;
    } else if (ms(time) - paused_ms_ >= whole_ms(row.bridged_s)) {
      const auto since = std::exchange(paused_ms_, 0);
      const float pause_s = static_cast<float>(ms(time) - since) / 1000;
      phase_s_ -= pause_s;
      end_run(at(since));
      phase_s_ += pause_s;
    }
  } else if (is_on_ && !is_on) {
    if (row.bridged_s > 0) {
      paused_ms_ = ms(time);
    } else {
      end_run(time);
    }
  } else if (!is_on_ && is_on) {
    end_pause(time);
  }
}

void AcuteWatch::sum_up() {
  least_w_ = powers_.quantile(0.02F);
  short_run_s_ = runs_.quantile_of_sum(0.02F);
  long_run_s_ = std::max(runs_.quantile(0.99F), runs_.greatest());
}

float AcuteWatch::shortest_run_s() const { return std::min(60.0F, 0.5F * short_run_s_); }

bool AcuteWatch::failed_to_start(float run_s) const {
  return row_of(kind_)->is_motor && began_here_ && !is_learning() &&
         run_s <= std::max(failed_run_s, 1.2F * held_on_s_) &&
         run_s * failed_of_runs <= short_run_s_ && peak_w_ >= failed_power * level_w_;
}

void AcuteWatch::end_run(Timestamp end) {
  const float run_s = phase_s_;
  const bool is_failed = failed_to_start(run_s) || stalled_s_ >= stalled_after_s;
  if (is_failed) {
    std::ranges::rotate(failed_ms_, failed_ms_.begin() + 1);
    failed_ms_.back() = phase_ms_;
  }
  const bool is_run = !is_failed && (is_learning() || run_s >= shortest_run_s());
  if (is_run) {
    if (pause_began_here_ && !stands(rests)) learn_pause();
    clear(stops);
    clear(rests);
    rain_mm_ = 0;
    if (run_s >= 0.5F * short_run_s_) {
      clear(starts);
      failed_ms_ = {};
    }
    if (began_here_ && low_s_ < 0.5F * run_s) learn_run(end, run_s);
    after_outage_ = false;
  }
  // What was no run, a lamp or a click, does not end the pause before it.
  const bool goes_on = !is_run && pause_ms_ != 0;
  phase_ms_ = goes_on ? pause_ms_ : ms(end);
  phase_s_ = goes_on ? before_run_s_ : 0;
  began_here_ = goes_on ? pause_began_here_ : true;
  is_on_ = false;
}

void AcuteWatch::learn_pause() {
  pauses_.add(before_run_s_);
  past_pauses_.add(at(phase_ms_), before_run_s_);
  if (!std::isnan(fallen_mm_) && rain_mm_ > 0) rains_.add(rain_mm_);
}

void AcuteWatch::learn_run(Timestamp end, float run_s) {
  if (!after_outage_ || run_s <= runs_.greatest()) runs_.add(run_s);
  past_runs_.add(end, run_s);
  const float mean_w =
      settled_s_ > 0 ? static_cast<float>(settled_ws_ / static_cast<double>(settled_s_)) : peak_w_;
  powers_.add(mean_w);
  sum_up();
  greatest_w_ = std::max(greatest_w_, settled_peak_w_);
  level_w_ += (mean_w - level_w_) * (level_w_ == 0 ? 1 : run_s / (run_s + level_memory_s));
  if (settled_ws_ <= 0 || std::isnan(settled_vs_)) return;
  const auto share = static_cast<float>(settled_vs_ / settled_ws_);
  reactive_share_ =
      std::isnan(reactive_share_) ? share : reactive_share_ + 0.1F * (share - reactive_share_);
}

void AcuteWatch::end_pause(Timestamp end) {
  pause_ms_ = phase_ms_;
  pause_began_here_ = began_here_;
  before_run_s_ = phase_s_;
  phase_ms_ = ms(end);
  phase_s_ = settled_s_ = settled_peak_w_ = peak_w_ = held_on_s_ = stalled_s_ = 0;
  settled_ws_ = settled_vs_ = 0;
  began_here_ = true;
  is_on_ = true;
}

float AcuteWatch::stops_after_s() const {
  const auto& row = *row_of(kind_);
  return patience_[stops] * (after_outage_ ? outage_patience : 1) *
         std::max(row.at_least_s, row.longer * long_run_s_);
}

float AcuteWatch::rests_after_s() const {
  return patience_[rests] * std::max(least_rest_s, rests_longer * pauses_.greatest());
}

void AcuteWatch::judge(Timestamp now) {
  const auto& row = *row_of(kind_);
  const bool on = is_on_ && phase_ms_ != 0;
  const bool off = !is_on_ && phase_ms_ != 0;
  if (row.is_motor) judge_starts(now);
  if (row.is_pump && low_s_ >= dry_after_s) {
    find(dry, at(low_since_ms_), now, level_w_, low_w_, powers_);
    standing_[dry].reactive_share = std::abs(latest_var_) / rise(latest_w_);
  }
  if (row.longer > 0 && on && phase_s_ >= stops_after_s()) {
    find(stops, at(phase_ms_), now, runs_.greatest(), phase_s_, runs_);
  }
  if (row.rests_briefly && off && phase_s_ >= rests_after_s()) {
    find(rests, at(phase_ms_), now, pauses_.greatest(), phase_s_, pauses_);
  }
  if (row.is_pump && off && rains_.count() >= least_rains &&
      rain_mm_ >= patience_[rests] * std::max(least_rain_mm, rain_more * rains_.greatest())) {
    find(rests, at(phase_ms_), now, rains_.greatest(), rain_mm_, rains_);
  }
}

void AcuteWatch::judge_starts(Timestamp now) {
  const auto needed =
      std::min<std::size_t>(static_cast<std::size_t>(4 * patience_[starts]), failed_ms_.size());
  const auto first = failed_ms_[failed_ms_.size() - needed];
  const bool often = first != 0 && failed_ms_.back() - first <= failed_within_ms;
  if (often) find(starts, at(first), now, level_w_, peak_w_, powers_);
  if (stalled_s_ >= stalled_after_s * patience_[starts]) {
    find(starts, at(phase_ms_), now, level_w_, peak_w_, powers_);
  }
}

void AcuteWatch::find(Rule rule, Timestamp since, Timestamp now, float before, float value,
                      const SizeHistogram& usual) {
  auto& standing = standing_[rule];
  if (standing.found_ms == 0) {
    const float half = (usual.quantile(0.95F) - usual.quantile(0.05F)) / 2;
    standing = {ms(since), ms(now), before, value, half, detail::not_measured};
  }
  standing.now = std::max(value, rule == dry ? 0 : standing.now);
}

std::vector<Finding> AcuteWatch::findings() const {
  std::vector<Finding> all;
  const auto* row = row_of(kind_);
  for (std::size_t i = 0; row != nullptr && i < rules; ++i) {
    const auto rule = static_cast<Rule>(i);
    if (!stands(rule)) continue;
    const auto& standing = standing_[rule];
    auto& finding = all.emplace_back();
    finding.change = says(rule);
    finding.since = at(standing.since_ms);
    finding.found = at(standing.found_ms);
    finding.confidence = confidence;
    const bool in_rain = rule == rests && row->is_pump;
    finding.suspects = suspects(finding.change, *row, in_rain);
    constexpr std::array shown{Feature::peak_power, Feature::run_power, Feature::on_time,
                               Feature::off_time};
    Evidence evidence;
    evidence.feature = in_rain ? Feature::rain : shown[rule];
    evidence.before = standing.before;
    evidence.now = standing.now;
    evidence.usual_spread = standing.spread;
    if (rule == stops) evidence.course = past_runs_.course();
    if (rule == rests && !in_rain) evidence.course = past_pauses_.course();
    finding.evidence.push_back(std::move(evidence));
    if (rule == dry && !std::isnan(standing.reactive_share) && !std::isnan(reactive_share_)) {
      finding.evidence.push_back(
          {Feature::reactive_share, reactive_share_, standing.reactive_share});
    }
  }
  return all;
}

void AcuteWatch::said(Change change, Verdict verdict, Timestamp) {
  for (std::size_t i = 0; i < rules; ++i) {
    const auto rule = static_cast<Rule>(i);
    if (says(rule) != change || !stands(rule)) continue;
    if (verdict != Verdict::fixed) patience_[rule] *= 2;
    clear(rule);
    if (verdict == Verdict::fixed) forget_phase();
  }
}

}  // namespace insight
