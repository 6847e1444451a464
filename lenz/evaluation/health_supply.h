// How soon loose contacts of the supply and the branches are found, whether a trip is foretold, and
// how often something is found that is not there. In simulated homes, whose mains obey physics;
// no fault here was ever seen in a home.

#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "lenz/evaluation/health.h"

namespace lenz::evaluation {

struct SupplyPlan {
  int homes = 6;              // Of each of the two houses, for each fault.
  int healthy_days = 45;      // Of each of them, without a fault.
  int breakers = 200;         // Of each standard.
  int grid_years = 1;         // Of a grid and loads alone, for the open neutral.
  std::uint64_t seed = 1000;  // Constants were chosen on homes 1 to 18.
};

// Rows of +0.1 ohm in a leg, in the neutral and in a branch, of an open neutral and of overloads:
// `fault` is the Change's word, detection_rate what was found within 24 h (with a plug; 14 days by
// a known load; 10 s of the opening, and of the moment the legs are apart; before the trip). Rows
// without a fault: healthy homes. Severity is ohms, or of overloads 0.
std::vector<HealthRow> evaluate_supply(const SupplyPlan&,
                                       const std::function<void(const std::string&)>& progress);

// Delays in hours, of an open neutral in seconds.
void print_supply(std::span<const HealthRow>, std::ostream&);

}  // namespace lenz::evaluation
