// What to do with an appliance: keep it, repair it or put another in its place, each with what it
// costs in this home and how sure that is.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/bill/money.h"
#include "measurement/units.h"

namespace insight {

// Median and the interval that holds the truth in 80 of 100 cases.
struct Spread {
  double low = 0, median = 0, high = 0;
};

enum class Verdict : std::uint8_t { keep, use_otherwise, repair, replace };

// What a candidate stands for in the table.
enum class CandidateRole : std::uint8_t { kept, most_efficient, cheapest, best_for_you };

struct Candidate {
  std::string name;  // Of a model or an archetype; empty: the appliance as it is.
  std::vector<CandidateRole> roles;
  Spread energy_kwh;                    // A year, in this home.
  Spread cost_a_year;                   // Of that energy.
  Spread purchase;                      // With installation; less rebate.
  Spread total_cost;                    // Present value over the years looked at.
  Spread net_present_value;             // Against keeping; 0 for the kept one.
  std::optional<Spread> payback_years;  // Absent: never in most cases.
  double chance_ahead = 0;              // That its net present value is above 0.
  std::string price_source;             // "about, list of 2025-09" or "yours".
  // A year, apart from money. Absent: nobody said how much carbon a kWh costs.
  std::optional<Spread> emissions_kg = {};
};

// Where the answer flips: "at more than 210 loads a year", "above 0.38 a kWh".
struct TurningPoint {
  enum class Of : std::uint8_t { uses_a_year, price_per_kwh, purchase };
  Of of{};
  double value = 0;
};

struct Advice {
  std::string appliance;  // What it is called.
  std::string kind;       // Word of the appliance table: "fridge".
  Verdict verdict{};
  // Free things first: a setting, standby, another hour of the day. Each one sentence.
  std::vector<std::string> free_first;
  std::vector<Candidate> candidates;  // The kept one first.
  std::optional<TurningPoint> turning_point;
  std::string why;      // One or two plain sentences: "In 8 of 10 cases you come out ahead."
  std::string not_yet;  // Why nothing can be said; empty: it can. Then the rest is empty.
};

// A prediction and what became of it.
struct ScoredPrediction {
  std::string what;  // "Replace the fridge".
  measurement::Timestamp said{};
  Spread predicted;  // kWh a year saved.
  std::optional<measurement::Timestamp> done;
  std::optional<Spread> measured;  // The same, adjusted for weather and use. Absent: not yet.
  std::string note = {};           // What it is not adjusted for, or why it is not measured yet.
};

}  // namespace insight
