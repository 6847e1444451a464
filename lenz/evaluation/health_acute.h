// How soon faults that matter within minutes are found, and how often one is found that is not
// there. Measured traces, and machines of simulated homes where none were to be had; the faults are
// injected into both.

#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "lenz/evaluation/data_set.h"
#include "lenz/evaluation/health.h"

namespace lenz::evaluation {

struct AcutePlan {
  int trials = 40;         // Of each asset, fault and interval of readings.
  int healthy_days = 365;  // Drawn of each asset.
  int houses = 2;          // Simulated; each with a sump pump.
  std::uint64_t seed = 1;
};

// Whether within ten minutes of the moment at which the trace leaves its healthy range: the fourth
// start that failed; the begin of a run without water; a run or pause of the stated multiple of the
// longest healthy one. Delays count from there. Rows without a fault: healthy days, drawn in blocks
// of a week ("acute") and as they were recorded ("acute, unaltered"). `progress` is told what is
// alarmed there.
std::vector<HealthRow> evaluate_acute(const DataSet&, const AcutePlan&,
                                      const std::function<void(const std::string&)>& progress);

// Delays in minutes.
void print_acute(std::span<const HealthRow>, std::ostream&);

}  // namespace lenz::evaluation
