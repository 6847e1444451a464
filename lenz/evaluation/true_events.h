// What really happened, by the appliance's own meter. It shares no code with what is judged by it.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "insight/appliance_kinds.h"
#include "measurement/units.h"

namespace lenz::evaluation {

// A step that lasts two rows at least; one that takes several rows is one step.
struct Step {
  std::size_t row = 0;  // The first one after it.
  double size_w = 0;    // Negative: down.
};

// `held_s`: how long each row counts; where that ends before the next row there is a gap, and no
// step leads over it, nor over NaN.
std::vector<Step> steps(std::span<const measurement::Timestamp> times, std::span<const float> power,
                        std::span<const float> held_s, double least_w = 30);

// From switching on to off: rows begin to end - 1.
struct Activation {
  std::size_t begin = 0, end = 0;
};

// At or above the kind's threshold. What is off for less than the kind's least time off is one
// activation, and one that is shorter than its least time on is none (Yue et al. 2020, in the
// order of their code). A gap ends it.
std::vector<Activation> activations(std::span<const measurement::Timestamp> times,
                                    std::span<const float> power, std::span<const float> held_s,
                                    insight::ApplianceKind);

}  // namespace lenz::evaluation
