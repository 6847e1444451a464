// A channel on an even grid, with what its windows hold: the inputs of the trees.

#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "lenz/evaluation/scenes.h"

namespace lenz::evaluation {

class WindowGrid {
 public:
  explicit WindowGrid(const Channel&);

  std::size_t points() const { return power_.size(); }
  // The latest point that is not after the row; absent: the row is missing.
  std::optional<std::size_t> point(std::size_t row) const;
  float power(std::size_t point) const { return power_[point]; }

  static constexpr std::size_t past_inputs = 26, inputs = 51;
  // Values at growing offsets, then least, greatest and mean of 1, 5 and 30 minutes; those that
  // look back come first. NaN: beyond a gap of an hour or missing.
  void fill(std::size_t point, std::span<float> row) const;

 private:
  struct Window {
    std::size_t points = 1;
    std::vector<float> least, greatest, mean;  // Of the window that ends at a point.
  };

  std::size_t steps(double seconds) const;
  void look_back(Window&) const;

  double step_s_ = 6;
  std::vector<float> power_;
  std::vector<std::size_t> segments_;  // Of each point.
  std::vector<std::size_t> points_;    // Of each row.
  std::array<Window, 3> windows_;
};

}  // namespace lenz::evaluation
