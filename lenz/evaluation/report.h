// How right a report is about each appliance of a house that nothing was learnt from, week by week:
// ours, one that only has the names on the panel, and one that only knows the country.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "insight/identification/model.h"

namespace lenz::evaluation {

struct ReportPlan {
  std::filesystem::path data;
  std::optional<std::filesystem::path> train;  // Absent: `shipped` is judged.
  std::shared_ptr<const insight::Model> shipped;
  std::set<std::string> trained_on;  // Recordings that `shipped` has seen: left out.
  std::vector<std::string> houses;   // Empty: all.
  int answers = 10;                  // Questions answered in each house, two a day.
  bool all_identified = false;       // Not only what a report prints: to choose what it may.
  std::uint64_t seed = 1;
};

struct ReportRow {
  std::string method;  // lenz, circuit_names, national_average.
  std::string house;   // all: of all houses together.
  // A kind's word; all; shown: those that ours gives a figure for; identified: of these, those that
  // no circuit is named after.
  std::string appliance;
  std::size_t weeks = 0;  // Appliance-weeks.
  // |reported - measured| / measured of a week, of which each appliance of a house weighs the same.
  // What is not said is 0 kWh, and so an error of 1.
  double median_error = 0, mean_error = 0;
  // Of the energy of these homes: what is reported under the names, and how much of that is true.
  double share_named = 0, share_right = 0;
};

// `tell` gets progress, a line each. Throws std::runtime_error with one sentence.
std::vector<ReportRow> evaluate_report(const ReportPlan&,
                                       const std::function<void(const std::string&)>& tell);

// Those of all houses.
void print(std::span<const ReportRow>, std::ostream&);

// {"rows": [...]}
std::string json_of(std::span<const ReportRow>);

}  // namespace lenz::evaluation
