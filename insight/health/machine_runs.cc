#include "insight/health/machine_runs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {

using measurement::Timestamp;
using measurement::Watts;

namespace {

constexpr float longest_hold_s = 300;
constexpr float other_programme = 0.15F;  // Apart by so much.
// How long a run takes says more of what was chosen: what does not heat any more was to heat.
constexpr float heating_counts = 0.3F;

// Kinds with a heater heat from half of the weakest that is common.
struct CourseRow {
  ApplianceKind kind{};
  float on_from_w = 0, heats_from_w = 0;
  float pause_s = 0;  // So long a pause ends a run.
  float least_s = 0;  // What is shorter is no run.
};
constexpr std::array course_rows = {
    CourseRow{ApplianceKind::dishwasher, 15, 600, 900, 900},
    CourseRow{ApplianceKind::washing_machine, 15, 600, 600, 900},
    CourseRow{ApplianceKind::washer_dryer, 15, 600, 600, 900},
    CourseRow{ApplianceKind::tumble_dryer, 40, 600, 600, 600},
    CourseRow{ApplianceKind::oven, 40, 600, 900, 600},
    CourseRow{ApplianceKind::ev_charger, 500, 500, 600, 600},
};
constexpr CourseRow other_course{ApplianceKind::other, 15, 600, 600, 600};

const CourseRow& row_of(ApplianceKind kind) {
  const auto found = std::ranges::find(course_rows, kind, &CourseRow::kind);
  return found == course_rows.end() ? other_course : *found;
}

float seconds(Timestamp from, Timestamp to) {
  return std::chrono::duration<float>(to - from).count();
}

// Below a minute nothing is heated.
float apart(const MachineRun& one, const MachineRun& other) {
  const auto log = [](float minutes) { return std::log(std::max(minutes, 1.0F)); };
  return std::abs(log(one.minutes) - log(other.minutes)) +
         heating_counts * std::abs(log(one.heating_min) - log(other.heating_min));
}

}  // namespace

void put_run(std::string& bytes, const MachineRun& run) {
  put(bytes, run.begin);
  for (const float value :
       {run.minutes, run.energy_wh, run.heating_min, run.heater_w, run.motor_w}) {
    put(bytes, value);
  }
}

bool take_run(std::string_view& bytes, MachineRun& run) {
  return take(bytes, run.begin) && take(bytes, run.minutes) && take(bytes, run.energy_wh) &&
         take(bytes, run.heating_min) && take(bytes, run.heater_w) && take(bytes, run.motor_w);
}

MachineRuns::MachineRuns(ApplianceKind kind)
    : on_from_w_(row_of(kind).on_from_w),
      heats_from_w_(row_of(kind).heats_from_w),
      pause_s_(row_of(kind).pause_s),
      least_s_(row_of(kind).least_s) {}

void MachineRuns::take(Timestamp time, Watts power) {
  const float w = power.value;
  if (std::isnan(w) || (latest_ && time <= *latest_)) return;
  const float held_s = latest_ ? seconds(*latest_, time) : 0;
  const bool seen = latest_ && held_s <= longest_hold_s;
  if (runs_ && !seen) runs_ = began_here_ = false;
  if (runs_ && latest_w_ >= on_from_w_) {
    const auto ws = static_cast<double>(latest_w_ * held_s);
    on_s_ += static_cast<double>(held_s);
    ws_ += ws;
    if (latest_w_ >= heats_from_w_) {
      heating_s_ += static_cast<double>(held_s);
      heating_ws_ += ws;
    }
    drew_until_ = time;
  }
  if (runs_ && seconds(drew_until_, time) >= pause_s_) end_run();
  if (!runs_ && w >= on_from_w_) {
    runs_ = true;
    // One that was going on when it was first seen began before.
    began_here_ = seen && latest_w_ < on_from_w_;
    begin_ = drew_until_ = time;
    on_s_ = ws_ = heating_s_ = heating_ws_ = 0;
  }
  latest_ = time;
  latest_w_ = w;
}

void MachineRuns::end_run() {
  runs_ = false;
  const float length_s = seconds(begin_, drew_until_);
  if (!began_here_ || length_s < least_s_) return;
  MachineRun run{.begin = begin_,
                 .minutes = length_s / 60,
                 .energy_wh = static_cast<float>(ws_ / 3600),
                 .heating_min = static_cast<float>(heating_s_ / 60)};
  if (heating_s_ >= 60) run.heater_w = static_cast<float>(heating_ws_ / heating_s_);
  if (on_s_ - heating_s_ >= 60) {
    run.motor_w = static_cast<float>((ws_ - heating_ws_) / (on_s_ - heating_s_));
  }
  ended_.push_back(run);
}

std::vector<MachineRun> MachineRuns::take_runs() { return std::exchange(ended_, {}); }

const Programmes::Programme* Programmes::nearest(const MachineRun& run) const {
  const Programme* best = nullptr;
  for (const auto& one : known_) {
    if (best == nullptr || apart(one.mean, run) < apart(best->mean, run)) best = &one;
  }
  return best;
}

void Programmes::learn(const MachineRun& run) {
  const auto* near = nearest(run);
  if (near == nullptr || (apart(near->mean, run) > other_programme && known_.size() < most)) {
    known_.push_back({run, 1});
    return;
  }
  auto& programme = known_[static_cast<std::size_t>(near - known_.data())];
  programme.runs += 1;
  const auto follow = [&](float& mean, float value) {
    if (std::isnan(mean)) mean = value;
    if (std::isnan(value) || value <= 0 || mean <= 0) return;
    mean *= std::pow(value / mean, 1 / programme.runs);
  };
  follow(programme.mean.minutes, run.minutes);
  follow(programme.mean.energy_wh, run.energy_wh);
  follow(programme.mean.heating_min, run.heating_min);
  follow(programme.mean.heater_w, run.heater_w);
  follow(programme.mean.motor_w, run.motor_w);
}

std::optional<MachineRun> Programmes::like(const MachineRun& run) const {
  const auto* near = nearest(run);
  if (near == nullptr) return {};
  return near->mean;
}

void Programmes::put_memory(std::string& bytes) const {
  put(bytes, static_cast<std::uint32_t>(known_.size()));
  for (const auto& [mean, runs] : known_) {
    put_run(bytes, mean);
    put(bytes, runs);
  }
}

bool Programmes::take_memory(std::string_view& bytes) {
  std::uint32_t count = 0;
  if (!take(bytes, count) || count > most) return false;
  known_.resize(count);
  return std::ranges::all_of(
      known_, [&](Programme& one) { return take_run(bytes, one.mean) && take(bytes, one.runs); });
}

}  // namespace insight
