// Appliances that few or no recordings which may be learnt from have: those on breakers of their own
// in North American homes, and what is plugged in and rarely metered. Of each kind many, with sizes,
// programmes, habits and meters drawn anew. What they draw is of nameplates and of how such machines
// work; no measured series is used.

#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/reading.h"

namespace lenz::evaluation {

std::vector<insight::ApplianceKind> simulated_circuit_kinds();

// Four days of one of simulated_circuit_kinds(), as a meter with an interval of 1 to 60 s reports
// them. The same seed gives the same.
void simulate_circuit(insight::ApplianceKind, std::uint64_t seed,
                      const std::function<void(const insight::Reading&)>& take);

}  // namespace lenz::evaluation
