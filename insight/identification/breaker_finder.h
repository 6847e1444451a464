// Finds the breaker behind an outlet: somebody switches a lamp on and off three times, and exactly
// one circuit shows six steps of one size, up and down in turn.
//
// Of each circuit, the steps from reading to reading are held against the best such pattern; what
// it explains must be far more than on any other circuit now, and than on this one in its own past.

#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "insight/identification/reading.h"

namespace insight {

// The last 400 readings of each circuit are kept.
class BreakerFinder {
 public:
  explicit BreakerFinder(std::size_t circuits) : circuits_(circuits) {}

  // In the order of time; from a minute or so before begin() on, so that each circuit's own past is
  // known. A gap (NaN) ends what was before.
  void take(std::size_t circuit, const Reading&);

  // Now the lamp is being switched.
  void begin(measurement::Timestamp);

  struct Finding {
    std::size_t circuit = 0;
    measurement::Watts step{};  // Of the lamp.
    bool is_sure = false;       // Else: ask for another try.
  };
  // Of all that came since begin(); absent: nothing that looks like it, so far.
  std::optional<Finding> finding() const;

 private:
  struct Point {
    measurement::Timestamp time{};
    float watts = 0;
  };
  std::vector<std::deque<Point>> circuits_;
  measurement::Timestamp begin_ = measurement::Timestamp::max();

  friend struct BreakerScores;
};

}  // namespace insight
