#include "insight/health/run_watch.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "insight/identification/bytes.h"

namespace insight {

using measurement::Timestamp;

namespace {

constexpr std::uint32_t memory_magic = 0x776e7572;  // "runw"
constexpr std::uint32_t memory_version = 2;
constexpr std::size_t runs_of_programmes = 20;  // From so many it knows the programmes.
constexpr float none_min = 0.5F;                // Of heating that a run ought to have.
// Runs differ by what people choose, more than days do.
constexpr float least_shift = 0.12F, caution = 1.34F;
constexpr std::size_t fewest_runs = 5;
// Share of findings that were right in tests: docs/health.md.
constexpr float confidence_in_tests = 0.9F;

// The order of a row: heater power, heating time, run time, motor power, energy.
constexpr std::array shown{Feature::heater_power, Feature::heating_time, Feature::run_time,
                           Feature::motor_power, Feature::run_energy};

ShiftRules rules_with(std::vector<ShiftPattern> patterns) {
  for (auto& pattern : patterns) {
    // What heats no more does so in every run.
    pattern.least_size = pattern.change == Change::lacks_phase ? 1 : least_shift;
    pattern.caution = caution;
    pattern.fewest_rows = fewest_runs;
  }
  return {.count = shown.size(),
          .noise = {0.02F, 0.12F, 0.08F, 0.08F, 0.1F},
          .floor = {0.006F, 0.03F, 0.025F, 0.02F, 0.03F},
          .patterns = std::move(patterns)};
}

// Water is heated as long as its heat takes; what is open heats no more.
std::vector<ShiftPattern> water_patterns() {
  return {
      {Cause::heater_open, Change::lacks_phase, {0, -2, 0.1F, -0.15F, -0.9F}},
      {Cause::heater_open, Change::draws_less, {-1, 1, 0.25F, 0, 0}},
      {Cause::limescale, Change::runs_longer, {0, 1, 0.3F, 0, 0.7F}},
      {Cause::slow_drain, Change::runs_longer, {0, 0, 1, -0.3F, 0.05F}},
      {Cause::drive_worn, Change::draws_more, {0, 0, 0, 1, 0.2F}},
      {Cause::new_habit, Change::works_harder, {0, 1, 0.5F, 0.2F, 1}, 1, 0.4F, false},
      {Cause::new_habit, Change::works_less, {0, -1, -0.5F, -0.2F, -1}, 1, 0.4F, false},
  };
}

std::vector<ShiftPattern> dryer_patterns() {
  return {
      {Cause::vent_restricted, Change::runs_longer, {0, 0.5F, 1, 0, 0.5F}},
      {Cause::heater_open, Change::draws_less, {-1, 1, 0.8F, 0, 0.1F}},
      {Cause::heater_open, Change::lacks_phase, {0, -2, 0.5F, 0, -0.8F}},
      {Cause::drive_worn, Change::draws_more, {0.1F, 0, 0, 1, 0.15F}},
      {Cause::new_habit, Change::works_harder, {0, 1, 1, 0, 1}, 1, 0.25F, false},
      {Cause::new_habit, Change::works_less, {0, -1, -1, 0, -1}, 1, 0.25F, false},
  };
}

std::vector<ShiftPattern> oven_patterns() {
  return {
      {Cause::heater_open, Change::draws_less, {-1, 0.8F, 0.1F, 0, -0.1F}},
      {Cause::new_habit, Change::works_harder, {0, 1, 1, 0, 1}, 1, 0.4F, false},
      {Cause::new_habit, Change::works_less, {0, -1, -1, 0, -1}, 1, 0.4F, false},
  };
}

std::vector<ShiftPattern> charger_patterns() {
  return {
      {Cause::charging_reduced, Change::draws_less, {-1, 1, 1, 0, 0}},
      {Cause::new_habit, Change::works_harder, {0, 1, 1, 0, 1}, 1, 0.4F, false},
      {Cause::new_habit, Change::works_less, {0, -1, -1, 0, -1}, 1, 0.4F, false},
  };
}

ShiftRules run_rules(ApplianceKind kind) {
  switch (kind) {
    case ApplianceKind::tumble_dryer:
      return rules_with(dryer_patterns());
    case ApplianceKind::oven:
      return rules_with(oven_patterns());
    case ApplianceKind::ev_charger:
      return rules_with(charger_patterns());
    default:
      return rules_with(water_patterns());
  }
}

// Of a run, in the units of its feature.
float value_of(const MachineRun& run, Feature feature) {
  switch (feature) {
    case Feature::heater_power:
      return run.heater_w;
    case Feature::heating_time:
      return run.heating_min * 60;
    case Feature::run_time:
      return run.minutes * 60;
    case Feature::motor_power:
      return run.motor_w;
    default:
      return run.energy_wh;
  }
}

float log_ratio(float now, float usual) {
  return now > 0 && usual > 0 ? std::log(now / usual) : detail::not_measured;
}

}  // namespace

bool is_watched_by_runs(ApplianceKind kind) {
  using enum ApplianceKind;
  return kind == dishwasher || kind == washing_machine || kind == washer_dryer ||
         kind == tumble_dryer || kind == oven || kind == ev_charger;
}

RunWatch::RunWatch(ApplianceKind kind, std::string_view memory)
    : kind_(kind), machine_(kind), chart_(run_rules(kind)) {
  if (memory.empty()) return;
  RunWatch known(kind);
  if (known.take_memory(memory)) *this = std::move(known);
}

void RunWatch::take(const Reading& reading) {
  if (!is_watched_by_runs(kind_)) return;
  machine_.take(reading.time, reading.active_power);
  for (const auto& run : machine_.take_runs()) take(run);
}

void RunWatch::take(const MachineRun& run) {
  if (!runs_.empty() && run.begin <= runs_.back().begin) return;
  runs_.push_back(run);
  if (runs_.size() > most_runs) runs_.erase(runs_.begin());
  if (learnt_ < runs_of_programmes) {
    if (++learnt_ == runs_of_programmes) learn_programmes();
    return;
  }
  chart_.add(row_of(run));
}

// The first runs are held beside programmes that all of them made.
void RunWatch::learn_programmes() {
  const auto first = runs_.end() - static_cast<std::ptrdiff_t>(runs_of_programmes);
  programmes_ = {};
  for (auto run = first; run != runs_.end(); ++run) programmes_.learn(*run);
  for (auto run = first; run != runs_.end(); ++run) chart_.add(row_of(*run));
}

ShiftRow RunWatch::row_of(const MachineRun& run) const {
  ShiftRow row{.time = run.begin, .values = {}};
  row.values.fill(detail::not_measured);
  const auto like = programmes_.like(run);
  if (!like) return row;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    row.values[i] = log_ratio(value_of(run, shown[i]), value_of(*like, shown[i]));
  }
  if (like->heating_min >= 1) {
    row.values[1] = log_ratio(std::max(run.heating_min, none_min), like->heating_min);
  } else {
    row.values[1] = detail::not_measured;
  }
  return row;
}

std::vector<Finding> RunWatch::findings() const {
  const auto& shift = chart_.shift();
  if (!shift) return {};
  Finding finding{.change = shift->change,
                  .since = shift->since,
                  .found = shift->found,
                  .confidence = confidence_in_tests,
                  .suspects = shift->suspects,
                  .evidence = {}};
  std::vector<float> before, now;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (std::isnan(shift->before[i]) || std::isnan(shift->now[i])) continue;
    Evidence evidence{.feature = shown[i], .course = {}};
    before.clear();
    for (const auto& run : runs_) {
      const float value = value_of(run, shown[i]);
      evidence.course.push_back({run.begin, value});
      if (run.begin < shift->since && !std::isnan(value)) before.push_back(value);
    }
    if (before.empty()) continue;
    std::ranges::nth_element(before,
                             before.begin() + static_cast<std::ptrdiff_t>(before.size() / 2));
    // As it would be of the programme that is usual.
    evidence.before = before[before.size() / 2];
    evidence.now = evidence.before * std::exp(shift->now[i] - shift->before[i]);
    evidence.usual_spread = 1.64F * shift->spread[i] * evidence.before;
    finding.evidence.push_back(std::move(evidence));
  }
  std::ranges::stable_sort(finding.evidence, std::ranges::greater{}, [](const Evidence& e) {
    return std::abs(e.now - e.before) / std::max(e.usual_spread, 1e-6F);
  });
  return {std::move(finding)};
}

Condition RunWatch::condition() const {
  if (chart_.shift()) return Condition::changed;
  return runs_missing() > 0 ? Condition::learning : Condition::as_before;
}

std::size_t RunWatch::runs_missing() const {
  // Those that wait for their programmes will be in the chart.
  const auto waiting = learnt_ < runs_of_programmes ? learnt_ : 0;
  return chart_.rows_missing() - std::min(chart_.rows_missing(), waiting);
}

void RunWatch::said(Change change, Verdict verdict, Timestamp) {
  if (!chart_.shift() || chart_.shift()->change != change) return;
  switch (verdict) {
    case Verdict::fixed:
      return chart_.forget_shift();
    case Verdict::wrong:
      return chart_.shift_was_wrong();
    case Verdict::expected:
      chart_ = ShiftChart(run_rules(kind_));
      learnt_ = 0;
  }
}

std::string RunWatch::memory() const {
  std::string bytes;
  put(bytes, memory_magic);
  put(bytes, memory_version);
  put(bytes, static_cast<std::uint32_t>(kind_));
  put(bytes, static_cast<std::uint32_t>(learnt_));
  put(bytes, static_cast<std::uint32_t>(runs_.size()));
  for (const auto& run : runs_) put_run(bytes, run);
  programmes_.put_memory(bytes);
  chart_.put_memory(bytes);
  seal(bytes);
  return bytes;
}

bool RunWatch::take_memory(std::string_view bytes) {
  std::uint32_t magic = 0, version = 0, kind = 0, learnt = 0, count = 0;
  if (!unseal(bytes) || !insight::take(bytes, magic) || magic != memory_magic ||
      !insight::take(bytes, version) || version != memory_version || !insight::take(bytes, kind) ||
      kind != static_cast<std::uint32_t>(kind_) || !insight::take(bytes, learnt) ||
      learnt > runs_of_programmes || !insight::take(bytes, count) || count > most_runs) {
    return false;
  }
  learnt_ = learnt;
  runs_.resize(count);
  for (auto& run : runs_) {
    if (!take_run(bytes, run)) return false;
  }
  return learnt_ <= runs_.size() && std::ranges::is_sorted(runs_, {}, &MachineRun::begin) &&
         programmes_.take_memory(bytes) && chart_.take_memory(bytes) && bytes.empty();
}

}  // namespace insight
