// Days of machines that work in cycles, as they were measured.

#pragma once

#include <string>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/health/duty_cycles.h"
#include "lenz/evaluation/data_set.h"
#include "simulator/trace_faults.h"

namespace lenz::evaluation {

struct AssetHistory {
  std::string name, household;
  insight::ApplianceKind kind{};
  std::vector<insight::DutyCycle> cycles;          // In the order of time.
  std::vector<simulator::TraceHistory::Day> days;  // Those that were seen nearly whole.
  double measured_days = 0;
  bool has_defrosts() const;  // With a heater.
  // Constants of the engine were chosen on it.
  bool is_chosen_on = false;
};

// Of every trace and channel of a kind that works in cycles.
std::vector<AssetHistory> assets_of(const DataSet&);

// Cycles of readings; a reading counts until the next, but for no longer than `hold_s`.
std::vector<insight::DutyCycle> cycles_of(const std::vector<measurement::Timestamp>&,
                                          const std::vector<float>& active_power_w, double hold_s);

// Of cycles in the order of time, by the days of their clock.
std::vector<simulator::TraceHistory::Day> days_of(const std::vector<insight::DutyCycle>&);

simulator::MachineCycle machine_cycle(const insight::DutyCycle&);
insight::DutyCycle duty_cycle(const simulator::MachineCycle&);

}  // namespace lenz::evaluation
