// Long histories of a machine that works in cycles, made of the days that one was measured on, and
// what faults do to them. The physics is that of a thermostat between two limits: with a load of
// heat Q and a capacity K it is on for Q/K of the time, a run lasts C/(K-Q) and a pause C/Q, C
// being the heat between the limits.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "measurement/units.h"
#include "simulator/chance.h"

namespace simulator {

// From switching on to switching on again.
struct MachineCycle {
  measurement::Timestamp begin{};
  float on_s = 0, off_s = 0;
  float power_w = 0, peak_w = 0, standby_w = 0;
};

enum class TraceFault : std::uint8_t {
  gasket_leak,
  dirty_condenser,
  low_refrigerant,
  defrost_heater_open,
  thermostat_stuck,
  start_relay,
};

struct TraceFaultRow {
  TraceFault id;
  std::string_view word;  // Of the cause, and as --faults takes it.
  std::string_view does;  // At severity s.
};

inline constexpr std::array trace_faults = {
    TraceFaultRow{TraceFault::gasket_leak, "gasket_leak", "load x (1 + s)"},
    TraceFaultRow{TraceFault::dirty_condenser, "dirty_condenser",
                  "power x (1 + s/2), energy x (1 + s)"},
    TraceFaultRow{TraceFault::low_refrigerant, "low_refrigerant",
                  "power x (1 - 0.6 s), energy x (1 + s)"},
    TraceFaultRow{TraceFault::defrost_heater_open, "defrost_heater_open",
                  "no defrosts; capacity / (1 + s) within ten days"},
    TraceFaultRow{TraceFault::thermostat_stuck, "thermostat_stuck",
                  "distance of the limits x (1 + 3 s), load x (1 + s)"},
    TraceFaultRow{TraceFault::start_relay, "start_relay",
                  "10 s failed starts before each, at six times the power"},
};

struct InjectedFault {
  TraceFault fault{};
  double severity = 0;
  measurement::Timestamp begin{};
  double ramp_days = 0;  // 0: a step.
};

// The room of a machine, and the people who use it.
struct Surrounding {
  double kelvin = 0;  // Off the mean of the year.
  double use = 1;     // Of the load.
};

struct TraceHistoryOptions {
  std::uint64_t seed = 1;
  measurement::Timestamp begin{};
  bool has_seasons = true;  // And holidays, and habits that change.
  // Of energy, and the part of it that is power, per kelvin. Absent: by chance 4 to 7 %, and 0.7 to
  // 1.3 %, as compressors differ.
  std::optional<double> energy_per_kelvin, power_per_kelvin;
  std::optional<InjectedFault> fault;
};

// Blocks of seven days, in the order they were measured, one after the other by chance, so that
// days that follow each other are as alike as they were.
class TraceHistory {
 public:
  using Day = std::vector<MachineCycle>;

  // At least seven days. The days outlive it.
  TraceHistory(const std::vector<Day>& days, const TraceHistoryOptions&);

  // In the order of time, without end.
  MachineCycle next();

  Surrounding surrounding(measurement::Timestamp) const;

 private:
  struct Factors {
    double load = 1, capacity = 1, power = 1, limits = 1;
    double failed_starts = 0;
    bool has_defrosts = true;
  };
  Factors factors(measurement::Timestamp) const;
  void draw_block();
  void make_year(int);

  struct Span {
    double begin_day = 0, end_day = 0, value = 0;
  };

  const std::vector<Day>& days_;
  TraceHistoryOptions options_;
  Chance chance_;
  double duty_ = 0, power_w_ = 0;  // Of the machine as it was measured.
  double phase_ = 0, energy_per_kelvin_ = 0, power_per_kelvin_ = 0;
  std::vector<double> wander_;  // Kelvin, by day.
  std::vector<Span> heat_waves_, uses_;
  std::vector<MachineCycle> block_;
  std::size_t at_ = 0;
  measurement::Timestamp now_{};
  std::vector<MachineCycle> waiting_;  // Failed starts and the start that follows, the last first.
};

}  // namespace simulator
