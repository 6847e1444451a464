// The condition of a machine that works in runs: a washing machine, dishwasher, dryer, oven or
// charger. Each run is held beside its like, and what shifts in them for good is found.
//
//   readings ──> runs ──> how they differ from their like ──> shift ──> finding
//
// Streaming; constant memory.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/health/asset_watch.h"
#include "insight/health/finding.h"
#include "insight/health/machine_runs.h"
#include "insight/health/shift_chart.h"
#include "insight/reading.h"

namespace insight {

bool is_watched_by_runs(ApplianceKind);

class RunWatch {
 public:
  static constexpr std::size_t most_runs = 400;

  // `memory` as memory() gave it; what is damaged or of another kind is left, and it learns anew.
  explicit RunWatch(ApplianceKind, std::string_view memory = {});

  // Its own power, 0.3 s to a minute apart, in the order of time.
  void take(const Reading&);
  // Instead of readings, where runs are known already.
  void take(const MachineRun&);

  // Those that stand now.
  std::vector<Finding> findings() const;

  Condition condition() const;
  std::size_t runs_missing() const;  // Until it has learnt; 0: it has.

  // Whole runs, the oldest first.
  const std::vector<MachineRun>& runs() const { return runs_; }

  // To a finding that stands; nothing happens where none does.
  void said(Change, Verdict, measurement::Timestamp);

  // At most 64 KiB. A run that goes on is not in it.
  std::string memory() const;

 private:
  bool take_memory(std::string_view bytes);
  void learn_programmes();
  ShiftRow row_of(const MachineRun&) const;

  ApplianceKind kind_;
  MachineRuns machine_;
  std::vector<MachineRun> runs_;
  std::size_t learnt_ =
      0;  // Of the first runs, for their programmes; they are not in the chart yet.
  Programmes programmes_;
  ShiftChart chart_;
};

}  // namespace insight
