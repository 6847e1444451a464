#include "insight/health/equipment_watch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {

using measurement::Timestamp;

namespace {

// `value` of the latest `most` of `all`; without any measured one it is no trend.
template <typename Each, typename Value>
void add_trend(std::vector<Evidence>& trends, Feature feature, const std::vector<Each>& all,
               std::size_t most, Value value) {
  Evidence trend{.feature = feature};
  for (auto i = all.size() > most ? all.size() - most : 0; i < all.size(); ++i) {
    trend.course.push_back({all[i].begin, value(all[i])});
    if (!std::isnan(trend.course.back().value)) trend.now = trend.course.back().value;
  }
  if (!std::isnan(trend.now)) trends.push_back(std::move(trend));
}

}  // namespace

bool is_watched(ApplianceKind kind) {
  return is_watched_by_cycles(kind) || is_watched_by_runs(kind) || is_watched_acutely(kind);
}

EquipmentWatch::EquipmentWatch(ApplianceKind kind, std::string_view memory) {
  std::string of_days, of_runs, of_the_acute;
  if (!take_text(memory, of_days) || !take_text(memory, of_runs) ||
      !take_text(memory, of_the_acute)) {
    of_days = of_runs = of_the_acute = {};
  }
  if (is_watched_by_cycles(kind)) days_.emplace(kind, of_days);
  if (is_watched_by_runs(kind)) runs_.emplace(kind, of_runs);
  if (is_watched_acutely(kind)) acute_.emplace(kind, of_the_acute);
}

void EquipmentWatch::set_surroundings(const Surroundings& around) {
  if (days_) days_->set_surroundings(around);
  if (acute_) acute_->set_rain(around.rain_mm);
}

void EquipmentWatch::mains_were_away() {
  if (acute_) acute_->mains_were_away();
}

void EquipmentWatch::take(const Reading& reading) {
  if (days_) days_->take(reading);
  if (runs_) runs_->take(reading);
  if (acute_) acute_->take(reading);
}

std::vector<Finding> EquipmentWatch::findings() const {
  auto all = acute_ ? acute_->findings() : std::vector<Finding>{};
  const auto add = [&](std::vector<Finding> more) {
    for (auto& finding : more) {
      if (std::ranges::find(all, finding.change, &Finding::change) != all.end()) continue;
      all.push_back(std::move(finding));
    }
  };
  if (days_) add(days_->findings());
  if (runs_) add(runs_->findings());
  return all;
}

EquipmentWatch::State EquipmentWatch::state() const {
  State state{.condition = Condition::as_before};
  if (days_) {
    const auto of_days = days_->condition();
    state = {.condition = of_days.condition, .days_left = of_days.days_left};
  } else if (runs_) {
    state = {.condition = runs_->condition(), .runs_left = static_cast<int>(runs_->runs_missing())};
  } else if (acute_->is_learning()) {
    state = {.condition = Condition::learning, .days_left = acute_->days_left()};
  }
  if (acute_ && !acute_->findings().empty()) state.condition = Condition::changed;
  return state;
}

std::vector<Evidence> EquipmentWatch::trends(std::size_t most) const {
  std::vector<Evidence> trends;
  for (const auto feature : {Feature::energy, Feature::run_power}) {
    if (!days_) break;
    add_trend(trends, feature, days_->days(), most,
              [feature](const AssetDay& day) { return day[feature]; });
  }
  if (runs_) {
    add_trend(trends, Feature::run_energy, runs_->runs(), most,
              [](const MachineRun& run) { return run.energy_wh; });
    add_trend(trends, Feature::run_time, runs_->runs(), most,
              [](const MachineRun& run) { return 60 * run.minutes; });
  }
  return trends;
}

void EquipmentWatch::said(Change change, Verdict verdict, Timestamp now) {
  if (days_) days_->said(change, verdict, now);
  if (runs_) runs_->said(change, verdict, now);
  if (acute_) acute_->said(change, verdict, now);
}

std::string EquipmentWatch::memory() const {
  std::string bytes;
  put_text(bytes, days_ ? days_->memory() : "");
  put_text(bytes, runs_ ? runs_->memory() : "");
  put_text(bytes, acute_ ? acute_->memory() : "");
  return bytes;
}

}  // namespace insight
