#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "insight/advice/score.h"
#include "lenz/evaluation/advice.h"
#include "simulator/chance.h"

namespace lenz::evaluation {

namespace {

using insight::UseDay;
using simulator::Chance;

// An appliance that is followed day by day.
struct Followed {
  double base_kwh = 0;   // A day.
  double kwh_a_use = 0;  // 0: it works all the time.
  double uses_a_day = 0;
  double per_warm_degree = 0, per_cold_degree = 0;  // kWh; of 20 °C and 12 °C.
  double noise = 0.06;                              // A share of a day.
};
struct Range {
  double low, high;
};
struct FollowedRow {
  Range base_kwh, kwh_a_use, uses_a_day, warm, cold;
  double noise;
};
// Fridges, freezers, dryers, dishwashers, washers, water heaters, air conditioners.
constexpr std::array followed_rows = {
    FollowedRow{{0.6, 2.2}, {0, 0}, {0, 0}, {0.01, 0.05}, {0, 0}, 0.07},
    FollowedRow{{0.5, 1.8}, {0, 0}, {0, 0}, {0.01, 0.04}, {0, 0.01}, 0.05},
    FollowedRow{{0.01, 0.05}, {1.2, 3.0}, {0.3, 1.2}, {0, 0}, {0, 0}, 0.2},
    FollowedRow{{0.01, 0.05}, {0.8, 1.5}, {0.4, 1.2}, {0, 0}, {0, 0}, 0.15},
    FollowedRow{{0.01, 0.05}, {0.4, 1.1}, {0.4, 1.4}, {0, 0}, {0, 0}, 0.3},
    FollowedRow{{3, 10}, {0, 0}, {0, 0}, {0, 0}, {0.03, 0.1}, 0.2},
    FollowedRow{{0.2, 0.6}, {0, 0}, {0, 0}, {0.8, 2.5}, {0, 0}, 0.15},
};

Followed followed(Chance& chance) {
  const auto& row =
      followed_rows[static_cast<std::size_t>(chance.uniform() * followed_rows.size())];
  const auto of = [&](const Range& range) { return chance.between(range.low, range.high); };
  return {of(row.base_kwh), of(row.kwh_a_use), of(row.uses_a_day),
          of(row.warm),     of(row.cold),      row.noise};
}

enum class What : std::uint8_t { replaced, away, unused, meter_gap, nothing };
struct WhatRow {
  What id;
  std::string_view word;
};
constexpr std::array whats = {WhatRow{What::replaced, "replaced"}, WhatRow{What::away, "away"},
                              WhatRow{What::unused, "unused"},
                              WhatRow{What::meter_gap, "meter_gap"},
                              WhatRow{What::nothing, "nothing"}};

struct Change {
  What what{};
  double saved = 0;  // Share.
  std::vector<UseDay> before, after;
  double true_kwh = 0;  // Saved, of 365 days with the weather of these and the use of before.
};

double expected_kwh(const Followed& appliance, double uses, double outdoor) {
  return appliance.base_kwh + appliance.kwh_a_use * uses +
         appliance.per_warm_degree * std::max(0.0, outdoor - 20) +
         appliance.per_cold_degree * std::max(0.0, 12 - outdoor);
}

int uses_on(Chance& chance, double mean) {
  // Poisson, by Knuth.
  const double limit = std::exp(-mean);
  int count = -1;
  for (double product = 1; product > limit; product *= chance.uniform()) ++count;
  return count;
}

// Up to how many days after the change nobody is there, or nobody uses it, or nothing is measured.
struct Absence {
  int begin = 0, end = 0;
  bool holds(int day) const { return day >= begin && day < end; }
};

// One day as it was, and as it was measured.
class DayByDay {
 public:
  DayByDay(const Followed& appliance, Chance& chance)
      : appliance_(appliance),
        chance_(chance),
        first_day_(chance.between(0, 365)),
        rest_(chance.between(4, 14)) {}

  UseDay day(int number, double share, bool is_away, bool is_unused) {
    weather_ = 0.7 * weather_ + chance_.normal(0, 2);
    drift_ = 0.6 * drift_ + chance_.normal(0, 0.8);
    outdoor_ = 11 + 10 * std::sin(2 * 3.14159265 * (first_day_ + number - 105) / 365) + weather_;
    const bool is_counted = appliance_.kwh_a_use > 0;
    uses_ = is_counted && !is_away && !is_unused ? uses_on(chance_, appliance_.uses_a_day) : 0;
    double kwh = share * expected_kwh(appliance_, uses_, outdoor_);
    if (!is_counted && is_away) kwh *= chance_.between(0.3, 0.95);
    if (!is_counted && is_unused) kwh *= 0.03;  // It is unplugged.
    kwh *= std::max(0.05, 1 + appliance_.noise * drift_);
    const double rest =
        rest_ * (is_away ? chance_.between(0.12, 0.5) : 1) * std::exp(chance_.normal(0, 0.18));
    UseDay day{.kwh = kwh, .uses = {}, .outdoor = outdoor_, .rest_kwh = rest};
    if (is_counted) day.uses = uses_;
    if (chance_.happens(0.02)) day.kwh.reset();
    return day;
  }

  double outdoor() const { return outdoor_; }
  double uses() const { return uses_; }

 private:
  const Followed& appliance_;
  Chance& chance_;
  double first_day_, rest_;
  double weather_ = 0, drift_ = 0, outdoor_ = 0, uses_ = 0;
};

Change simulated_change(What what, Chance& chance) {
  const auto appliance = followed(chance);
  Change change{.what = what,
                .saved = what == What::replaced ? chance.between(0.1, 0.6) : 0,
                .before = {},
                .after = {}};
  const int before = static_cast<int>(chance.between(35, 180));
  const int after = static_cast<int>(chance.between(24, 120));
  // What no day shows: people's habits are not quite as before.
  const double habits = std::exp(chance.normal(0, 0.025));
  Absence absence;
  if (what != What::replaced && what != What::nothing) {
    absence.begin = static_cast<int>(chance.between(0, 5));
    absence.end = absence.begin + static_cast<int>(chance.between(5, after));
  }
  DayByDay world(appliance, chance);
  double warmth = 0, uses = 0;
  for (int i = 0; i < before + after; ++i) {
    const bool is_after = i >= before;
    const bool is_absent = is_after && absence.holds(i - before);
    auto day = world.day(i, is_after ? (1 - change.saved) * habits : 1,
                         what == What::away && is_absent, what == What::unused && is_absent);
    if (what == What::meter_gap && is_absent) day.kwh.reset();
    (is_after ? change.after : change.before).push_back(day);
    warmth += expected_kwh(appliance, 0, world.outdoor());
    if (!is_after) uses += world.uses();
  }
  change.true_kwh =
      365 * change.saved * (warmth / (before + after) + appliance.kwh_a_use * uses / before);
  return change;
}

}  // namespace

std::vector<ScoreRow> evaluate_score(int changes, std::uint64_t seed) {
  struct Tally {
    int simulated = 0, judged = 0, covered = 0, savings = 0;
  };
  const auto row_of = [](std::string_view word, const Tally& tally) {
    ScoreRow row{.change = std::string(word), .simulated = tally.simulated, .judged = tally.judged};
    if (tally.judged > 0) row.interval_coverage = double(tally.covered) / tally.judged;
    if (tally.simulated > 0) row.called_saving = double(tally.savings) / tally.simulated;
    return row;
  };
  std::vector<ScoreRow> rows;
  Tally absences;
  for (const auto& [what, word] : whats) {
    Tally tally{.simulated = changes};
    for (int i = 0; i < changes; ++i) {
      Chance chance(simulator::mix(seed, word) ^ simulator::mix(static_cast<std::uint64_t>(i)));
      const auto change = simulated_change(what, chance);
      const auto measured = insight::measured_saving(change.before, change.after);
      if (!measured) continue;
      ++tally.judged;
      if (measured->kwh.low <= change.true_kwh && change.true_kwh <= measured->kwh.high) {
        ++tally.covered;
      }
      if (measured->is_saving) ++tally.savings;
    }
    rows.push_back(row_of(word, tally));
    if (what == What::replaced) continue;
    absences.simulated += tally.simulated;
    absences.judged += tally.judged;
    absences.covered += tally.covered;
    absences.savings += tally.savings;
  }
  rows.push_back(row_of("absences", absences));
  return rows;
}

}  // namespace lenz::evaluation
