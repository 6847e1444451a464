// What machines with courses do: each run of a washing machine, dishwasher, dryer, oven or charger,
// and beside which of its programmes it is to be held.
//
//   readings ──> MachineRuns ──> runs ──> Programmes ──> how a run differs from its like

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/reading.h"

namespace insight {

// NaN: there was none of it.
struct MachineRun {
  measurement::Timestamp begin{};
  float minutes = 0, energy_wh = 0;
  float heating_min = 0;                  // Of the minutes.
  float heater_w = detail::not_measured;  // Mean while it heats.
  float motor_w = detail::not_measured;   // Mean while it does not.
};

void put_run(std::string& bytes, const MachineRun&);
[[nodiscard]] bool take_run(std::string_view& bytes, MachineRun&);

// Takes readings apart into runs. Streaming, constant memory.
class MachineRuns {
 public:
  explicit MachineRuns(ApplianceKind);

  // In the order of time. A run in which nothing was seen for five minutes is not counted.
  void take(measurement::Timestamp, measurement::Watts);

  // Those that ended since the last call.
  std::vector<MachineRun> take_runs();

 private:
  void end_run();

  float on_from_w_, heats_from_w_, pause_s_, least_s_;
  std::optional<measurement::Timestamp> latest_;
  float latest_w_ = 0;
  bool runs_ = false, began_here_ = false;
  measurement::Timestamp begin_{}, drew_until_{};
  double on_s_ = 0, ws_ = 0, heating_s_ = 0, heating_ws_ = 0;
  std::vector<MachineRun> ended_;
};

// The programmes that a machine was seen to run while it was learnt, by how long a run takes and
// heats. What comes later is held beside the nearest of them.
class Programmes {
 public:
  static constexpr std::size_t most = 8;

  // While it is learnt: adds to a programme, or begins one.
  void learn(const MachineRun&);
  // Of the nearest; absent: none was learnt.
  std::optional<MachineRun> like(const MachineRun&) const;

  void put_memory(std::string& bytes) const;
  [[nodiscard]] bool take_memory(std::string_view& bytes);

 private:
  struct Programme {
    MachineRun mean;  // Of logarithms.
    float runs = 0;
  };
  const Programme* nearest(const MachineRun&) const;

  std::vector<Programme> known_;
};

}  // namespace insight
