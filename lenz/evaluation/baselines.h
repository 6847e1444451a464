// What ours is compared with, in the same run and on the same folds: plain ideas, each done as well
// as it can be.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lenz/evaluation/method.h"

namespace lenz::evaluation {

// Nothing runs.
std::unique_ptr<Method> zero();

// Each kind draws what it draws in the mean of the training.
std::unique_ptr<Method> mean();

// Pairs of steps up and down, each the kind whose steps in the training are the likeliest of that
// size.
std::unique_ptr<Method> delta_p(std::uint64_t seed);

// The same pairs in clusters of one size (Hart 1992), each the kind that its size and duration are
// the likeliest of.
std::unique_ptr<Method> hart(std::uint64_t seed);

// Gradient-boosted trees for each kind, least squares, on windows of the channel.
std::unique_ptr<Method> trees(std::uint64_t seed);

std::vector<std::unique_ptr<Method>> baselines(std::uint64_t seed);

}  // namespace lenz::evaluation
