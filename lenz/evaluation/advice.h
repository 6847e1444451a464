// Whether advice is good: simulated homes that follow it, or simple rules in its place, and what
// that costs them; and whether kept score tells savings from absences. All of it is simulated.

#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace lenz::evaluation {

// Figures that were not measured are NaN, and null in JSON.
struct AdviceRow {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  // lenz; best_label: buys the best label now; label_payback: does so where by labels alone it pays
  // over ten years, and keeps else; never_replace: keeps until it fails and buys the cheapest;
  // replace_at_10_years.
  std::string policy;
  std::string misleading;  // all; none; or alone: lifetimes, prices, rebound, labels, facts
                           // (in 10 % of homes), all_facts (in all of them).
  int households = 0;
  int replaced = 0;                 // At once.
  double replace_precision = none;  // Of those, the share that comes out ahead.
  double mean_regret = none;        // Currency: cost above that of the best that could be done.
  double interval_coverage = none;  // Of net present values by their 80 % intervals.
  double interval_width = none;     // Median, currency.
};

// What came of changes as measured_saving() tells.
struct ScoreRow {
  // replaced; or nothing was, and for some of the days after: away, unused, meter_gap, nothing;
  // absences are all of these.
  std::string change;
  int simulated = 0;
  int judged = 0;                   // It said something.
  double interval_coverage = none;  // Of the true saving, by the 80 % interval.
  double called_saving = none;      // Share of the simulated.
  static constexpr double none = AdviceRow::none;
};

struct AdviceReport {
  std::vector<AdviceRow> rows;
  std::vector<ScoreRow> scores;
  double advice_ms = AdviceRow::none;  // Mean, of an appliance.
};

struct AdvicePlan {
  int households = 2000;  // Of each row.
  int changes = 500;      // And as many of each absence.
  std::uint64_t seed = 1;
};

AdviceReport evaluate_advice(const AdvicePlan&,
                             const std::function<void(const std::string&)>& progress);

// So many of each.
std::vector<ScoreRow> evaluate_score(int changes, std::uint64_t seed);

void print(const AdviceReport&, std::ostream&);

// {"rows": [...], "scores": [...]}
std::string json_of(const AdviceReport&);

}  // namespace lenz::evaluation
