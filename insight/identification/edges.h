// Where the power of a channel steps: something switched. Streaming, O(1) a reading; an edge is
// told once the power after it has settled, at the latest 6 s or two readings later.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include "insight/reading.h"

namespace insight {

// Of what does not move with the line's voltage: G = P/V², B = Q/V².
struct Admittance {
  float conductance_s = detail::not_measured;
  float susceptance_s = detail::not_measured;
};

struct Edge {
  measurement::Timestamp time{};     // Of the first reading that differs.
  measurement::Timestamp settled{};  // Of the reading that told it.
  measurement::Watts before{}, change{};
  measurement::Vars reactive_change{detail::not_measured};
  Admittance admittance_change;
  measurement::Watts overshoot{};  // Of the greatest reading around it over what it settled at.
};

// Readings over which the two states of an edge are compared.
inline constexpr std::size_t edge_window = 5;

class EdgeDetector {
 public:
  // In the order of time, without gaps: reset() where there is one. Power must be known.
  std::optional<Edge> take(const Reading&);
  void reset();

  // Standard deviation of what does not step, from the mean absolute difference of readings.
  measurement::Watts noise() const;

  // Change of the power over the latest 30 s and 5 min that no edge explains: an inverter that
  // speeds up, a charger that tapers.
  measurement::Watts drift_30s() const { return {drift(short_)}; }
  measurement::Watts drift_5min() const { return {drift(long_)}; }

 private:
  struct Sums {
    measurement::Timestamp from{};
    float power_w = 0, edges_w = 0, last_drift_w = 0;
  };

  float threshold_w(float level_w) const;
  Edge edge(const Reading& last) const;
  void follow(Sums&, std::chrono::milliseconds span, const Reading&, float edge_w);
  static float drift(const Sums& sums) { return sums.last_drift_w; }

  std::array<Reading, edge_window> steady_{};  // A ring: the latest of the state before.
  std::size_t steady_count_ = 0, steady_next_ = 0;
  std::array<Reading, edge_window> moving_{};  // A ring: the latest since it left that state.
  std::size_t moving_count_ = 0;
  measurement::Timestamp left_{};
  float greatest_w_ = 0;
  float last_w_ = detail::not_measured;
  float mean_difference_w_ = 0;
  Sums short_, long_;
};

}  // namespace insight
