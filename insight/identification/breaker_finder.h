// Finds the breaker behind an outlet: somebody switches a lamp on and off three times, and exactly
// one circuit shows six steps of one size, up and down in turn.
//
// Of each circuit, the steps from reading to reading are held against the best such pattern; what
// it explains must be far more than on any other circuit now, and than on this one in its own past.
// What a try has shown counts for the next one too.

#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "insight/reading.h"

namespace insight {

// The last 600 readings of each circuit are kept.
class BreakerFinder {
 public:
  explicit BreakerFinder(std::size_t circuits) : circuits_(circuits) {}

  // In the order of time; from a minute or so before begin() on, so that each circuit's own past is
  // known. A gap (NaN) ends what was before.
  void take(std::size_t circuit, const Reading&);

  // Now the lamp is being switched. Within two minutes of a begin that found nothing sure, it is
  // the same lamp's next try.
  void begin(measurement::Timestamp);

  struct Finding {
    std::size_t circuit = 0;
    measurement::Watts step{};  // Of the lamp.
    bool is_sure = false;       // Else: ask for another try.
  };
  // Of all that came since begin(), and of the tries before; absent: nothing that looks like it, so
  // far.
  std::optional<Finding> finding() const;

 private:
  struct Point {
    measurement::Timestamp time{};
    float watts = 0;  // At the voltage of the first reading, as a resistor would draw them.
  };
  static constexpr std::size_t sizes = 51;  // Of lamps that are tried: 10 to 500 W.
  using Gains = std::array<float, sizes>;   // What a pattern of each size explains.
  struct Circuit {
    std::deque<Point> points;
    float voltage = 0;  // Of the first reading that had one.
    Gains earlier{};    // Of the tries before.
  };
  std::vector<Circuit> circuits_;
  measurement::Timestamp first_begin_{};  // Of the same lamp's tries.
  measurement::Timestamp begin_ = measurement::Timestamp::max();
  std::size_t tries_ = 0;

  friend struct BreakerScores;
};

}  // namespace insight
