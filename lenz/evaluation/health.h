// How soon faults of equipment are found, and how often one is found that is not there. Faults are
// injected into long histories made of healthy days; no fault here was ever seen in a home.

#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lenz/evaluation/asset_days.h"

namespace lenz::evaluation {

// Figures that were not measured are NaN, and null in JSON.
struct HealthRow {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  std::string equipment;  // A kind's word, home or real.
  std::string fault;      // A cause's word; empty: none was injected.
  // What the engine was told and shown: "room unknown", "room known"; "estimated", "measured": a
  // fridge of the same house by both, room unknown; "unaltered": as it was recorded.
  std::string scene;
  std::string machines = "others";  // Or chosen_on: those that constants were chosen on.
  double severity = 0;              // 0.2: +20 %.
  double ramp_days = 0;             // 0: a step.
  int machine_count = 0, histories = 0;
  double detection_rate = none;
  double delay_median_days = none, delay_p90_days = none;  // Of ramps from half severity on.
  double top1 = none, top2 = none;                         // Of those found.
  double asset_days = none, alarms = none;
  double false_per_asset_year = none, false_per_asset_year_upper = none;
  double false_per_home_year = none;
  double caution = 1;  // Times the threshold that ships.
};

struct HealthPlan {
  std::vector<std::string> faults = {"all"};
  std::vector<double> severities = {0.05, 0.1, 0.2, 0.3, 0.6};
  std::vector<double> ramps_days = {0, 7, 30, 90};
  int histories = 24;  // Of each machine, fault, severity and ramp.
  std::uint64_t seed = 1;
};

// A fridge as identification saw it in the mains of its house, and as its own meter did.
struct EstimatedPair {
  AssetHistory estimated, measured;
};

// An alarm where none was to be.
struct HealthAlarm {
  std::string machine;
  measurement::Timestamp since{}, found{};
  std::string what;  // Change, suspects and figures, in one line.
};

struct HealthReport {
  std::vector<HealthRow> rows;
  std::vector<HealthAlarm> real_alarms;  // On unaltered histories.
  double home_year_s = HealthRow::none;  // To analyse 20 assets for a year, a reading a minute.
  // Whether readings led to the same as the cycles they are made of.
  bool readings_agree = false;
};

// Upper bound of a Poisson count; Garwood 1936. Of an interval with 2.5 % on each side: 3.69 for 0.
double poisson_upper_95(double count);

// Alarms where none was to be: how many, in how many days of assets, and what that is a year.
void count_false(HealthRow&, double asset_days, double alarms);

HealthReport evaluate_health(const std::vector<AssetHistory>&, const std::vector<EstimatedPair>&,
                             const HealthPlan&,
                             const std::function<void(const std::string&)>& progress);

void print(std::span<const HealthRow>, std::ostream&);
void print(const HealthReport&, std::ostream&);

// {"rows": [...]}
std::string json_of(std::span<const HealthRow>);

}  // namespace lenz::evaluation
