// The wiring of one circuit, behind its breaker. The panel's adapter does not show it: it needs a
// plug or a second meter that reports the voltage at the load, or, far more slowly, a resistive
// load whose power at a voltage is known.

#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/health/finding.h"
#include "insight/health/step_ohms.h"
#include "insight/reading.h"

namespace insight {

enum class BranchView : std::uint8_t {
  not_visible,    // "Not visible here": neither voltage at the load nor a resistive load was seen.
  by_known_load,  // By the lasting fall of P/V² of a resistive load.
  at_the_load,    // By the voltage there.
};

// What the panel and a plug say at about one instant: the plug's latest report, and the panel's
// values of that time. Amperes are the circuit's, by its clamp, or the plug's own without one.
struct BranchReading {
  measurement::Timestamp time{};
  measurement::Volts at_panel{detail::not_measured};  // Of the circuit's leg.
  measurement::Volts at_load{detail::not_measured};
  measurement::Amperes amperes{detail::not_measured};
};

// Streaming, constant memory; about 0.1 µs a reading. Whether the ohms are the wiring's, a
// contact's or the plug's own is not told.
class BranchWatch {
 public:
  // `load` is the power of the resistive load that is known on the circuit, at the nominal voltage;
  // absent: none is known. `memory` as memory() gave it; what is damaged is left.
  explicit BranchWatch(std::optional<measurement::Watts> load, measurement::Volts nominal,
                       std::string_view memory = {});

  // A report of a plug, each once, at most a minute apart where they are to say something.
  void take(const BranchReading&);
  // The circuit's own power and the panel's voltage of its leg, 0.3 to 12 s apart; where the
  // circuit hangs between legs, their sum.
  void take(const Reading&);

  // Those that stand now: branch_resistance, element_resistance.
  const std::vector<Finding>& findings() const { return findings_; }

  BranchView view() const;

  // What is now is usual from now on.
  void learn_anew();

  std::string memory() const;  // At most 16 KiB.

 private:
  struct Level {
    measurement::Timestamp time{};
    float amperes = 0, drop_v = 0;
  };
  // P/V² of one run of the known load.
  struct Run {
    measurement::Timestamp time{};
    float siemens = 0;
  };
  // A run that is on.
  struct Plateau {
    measurement::Timestamp begin{};
    double base_w = 0, siemens_sum = 0;
    int readings = 0;
  };

  void look_at_steps(measurement::Timestamp);
  void look_at_runs(measurement::Timestamp);
  void end_plateau(measurement::Timestamp);
  void stand(Change, Finding);
  bool restore(std::string_view);

  std::optional<float> load_w_;
  float nominal_volts_;

  std::optional<Level> level_;  // Of the latest report.
  std::deque<VoltageStep> steps_;
  std::optional<Ohm> reference_ohm_;

  std::deque<Reading> latest_;  // Some readings before the present one.
  std::optional<Plateau> plateau_;
  std::deque<Run> runs_;
  std::optional<Run> reference_run_;  // Time: that of its last run.
  float run_spread_ = 0;              // Robust, of the runs that were learnt from: a share.
  measurement::Timestamp begin_{};
  std::vector<Finding> findings_;
};

}  // namespace insight
