// How soon faults of machines with courses are found, run by run: measured runs of washing
// machines, dishwashers and dryers, drawn in blocks, with faults injected into them.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lenz/evaluation/data_set.h"
#include "lenz/evaluation/health.h"

namespace lenz::evaluation {

// Detection within 28 runs after the fault began; delays are in days, at the rate at which the
// machine was used. Rows without a fault: runs drawn in blocks of ten ("runs") and as they were
// recorded ("runs, unaltered"), whose alarms `progress` is told.
std::vector<HealthRow> evaluate_runs(const DataSet&, std::uint64_t seed,
                                     const std::function<void(const std::string&)>& progress);

}  // namespace lenz::evaluation
