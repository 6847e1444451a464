// The rules of a verdict, and how advice is said.

#pragma once

#include "insight/advice/adviser.h"

namespace insight {

// "Replace" is said only from here on: chance of coming out ahead, and payback as a part of how
// long such things last.
inline constexpr double sure_from = 0.8, longest_payback = 0.7;

// Fills in cost and emissions of its energy.
void price_energy(Candidate&, const ApplianceUse&, const AdviceSettings&);

// Each one sentence, the largest first.
std::vector<std::string> free_options(const ApplianceUse&, const AdviceSettings&);
// Whether what is free saves enough to be the verdict: 5 % of what the energy costs.
bool is_worth_saying(const ApplianceUse&);

std::string why(const Advice&, const Candidate& best, const ApplianceUse&, const AdviceSettings&);

}  // namespace insight
