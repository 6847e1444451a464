// A model of the engines, from the cases that a fold may learn from.

#pragma once

#include <cstdint>
#include <set>

#include "insight/identification/model.h"
#include "lenz/evaluation/method.h"

namespace lenz::evaluation {

// The part "kinds" from channels with one appliance, "mains" from mains with meters below them;
// each where there are such.
insight::Model fit_lenz(CaseList, const std::set<ApplianceKind>& wanted, std::uint64_t seed);

}  // namespace lenz::evaluation
