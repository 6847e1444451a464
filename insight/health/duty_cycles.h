// What an appliance with a motor or a heater does again and again, one cycle after the other, and
// what a day of it comes to. All that is watched of its condition is made of these.
//
//   readings ──> DutyCycles ──> cycles ──> days

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "measurement/units.h"

namespace insight {

// From switching on to switching on again.
struct DutyCycle {
  measurement::Timestamp begin{};
  float on_s = 0, off_s = 0;
  float power_w = 0;    // Mean while it is on, without the first half a minute where it is longer.
  float peak_w = 0;     // Greatest reading of the first seconds.
  float standby_w = 0;  // Mean while it is off.

  friend bool operator==(const DutyCycle&, const DutyCycle&) = default;
};

// Takes readings apart into cycles. Streaming, constant memory.
class DutyCycles {
 public:
  // In the order of time. NaN, or nothing for ten minutes: the cycle that was going on is not
  // counted, since nobody saw its end.
  void take(measurement::Timestamp, measurement::Watts);

  // Those that ended since the last call.
  std::vector<DutyCycle> take_cycles();

  // Since when it has been on, or off, without a gap; absent: not measured.
  struct Phase {
    bool is_on = false;
    measurement::Timestamp since{};
  };
  const std::optional<Phase>& phase() const { return phase_; }

 private:
  void end_run(measurement::Timestamp);
  void look_for_another_level(measurement::Timestamp);
  void close(measurement::Timestamp);

  std::optional<Phase> phase_;
  measurement::Timestamp latest_{};
  float latest_w_ = 0;
  float level_w_ = 0;        // Of its runs above what it draws when off; 0: none was seen.
  float base_w_ = 0;         // What it draws when off.
  bool began_here_ = false;  // The present cycle was seen from its begin on.
  DutyCycle cycle_;
  double on_ws_ = 0, settled_ws_ = 0, off_ws_ = 0;
  float settled_s_ = 0;
  // Of the present run, at the power of something else.
  double other_ws_ = 0;
  float other_s_ = 0;
  measurement::Timestamp other_begin_{};
  std::vector<DutyCycle> cycles_;
};

}  // namespace insight
