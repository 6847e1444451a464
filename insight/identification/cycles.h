// What an appliance with a course does (washing machine, dishwasher, dryer): where it is, how long
// it will take, and when it is done.
//
// It works where it is on for a third of the time or more: a dryer that turns its laundry over for
// a few seconds now and then, and a dishwasher that only drips dry, are done. A pause of the work
// looks like an end. What tells them apart is the appliance's own past: how much energy and time
// its courses took before they ended, and how long it paused when it had got so far.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "measurement/units.h"

namespace insight {

enum class CycleState : std::uint8_t { idle, running, paused, done };

// One course, from the begin of its work to the end.
struct Cycle {
  struct Pause {
    double at_s = 0;   // Since the begin.
    double at_wh = 0;  // Drawn by then.
    double length_s = 0;

    friend bool operator==(const Pause&, const Pause&) = default;
  };
  double length_s = 0;
  double energy_wh = 0;
  std::vector<Pause> pauses;  // Of 20 s and more.

  friend bool operator==(const Cycle&, const Cycle&) = default;
};

// Of one appliance. Streaming; it keeps the last 20 courses.
class CycleWatch {
 public:
  // `on_from`: less than that is off, and less than a hundredth of the course's peak. `past`: what
  // past() gave earlier, oldest first.
  explicit CycleWatch(measurement::Watts on_from, std::vector<Cycle> past = {});

  // In the order of time. NaN: not measured; what ran is then followed no further, since nobody
  // knows whether it ended.
  void take(measurement::Timestamp, measurement::Watts);

  CycleState state() const { return state_; }
  std::optional<measurement::Timestamp> began() const;  // While it runs, pauses or is done.
  std::optional<measurement::Timestamp> ended() const;  // Once it is done: of its work.
  // Median of what is left by its own past courses that had got so far; absent: it has none.
  std::optional<double> seconds_left() const;
  std::span<const Cycle> past() const { return past_; }

 private:
  double wait_before_done() const;
  void finish();

  measurement::Watts on_from_;
  std::vector<Cycle> past_;
  CycleState state_ = CycleState::idle;
  measurement::Timestamp begin_{}, last_on_{}, latest_{};
  double peak_w_ = 0, on_share_ = 0;  // Of the course; of the last half a minute, about.
  double latest_w_ = 0, energy_wh_ = 0, energy_at_last_on_wh_ = 0;
  bool is_measured_ = false;
  Cycle cycle_;
};

// Whether something is on for longer than it ever was: longer than its longest run, by half and by
// a quarter of an hour. Never with fewer than five runs, whose lengths are given.
bool is_left_on(double running_s, std::span<const double> past_lengths_s);

}  // namespace insight
