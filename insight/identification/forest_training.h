// Grows a forest from examples, by XGBoost with one thread. The same examples, options and seed
// give the same forest.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "insight/identification/forest.h"

namespace insight {

enum class Objective : std::uint8_t {
  classes,  // Labels are 0 to outputs - 1; a probability of each.
  yes_no,   // Labels are 0 or 1; the probability of 1.
  mean,     // Labels are values; least squares.
};

// Row by row: `inputs` numbers each, NaN where unknown.
struct Examples {
  std::size_t inputs = 0;
  std::vector<float> features;
  std::vector<float> labels;
  std::vector<float> weights;  // Empty: all weigh the same.

  std::size_t count() const { return labels.size(); }
  void add(std::span<const float> row, float label, float weight = 1);
};

struct TrainingOptions {
  Objective objective = Objective::classes;
  std::size_t outputs = 1;  // For Objective::classes.
  int rounds = 80;
  int depth = 5;
  double learning_rate = 0.1;
  double row_share = 0.8;     // Of the examples that a tree sees.
  double column_share = 0.7;  // Of the inputs.
  double least_weight = 1;    // Of the examples in a leaf (XGBoost's min_child_weight).
  double lambda = 1;          // L2 penalty of a leaf's value.
  int bins = 256;             // Of an input, between which a tree may divide.
  std::uint64_t seed = 1;
};

// Throws std::runtime_error with XGBoost's sentence where it refuses; there must be an example.
Forest train(const Examples&, const TrainingOptions&);

}  // namespace insight
