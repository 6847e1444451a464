#include "insight/calibration/switched_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace insight {
namespace {

constexpr int least_steps = 4;
constexpr double least_watts = 50;
constexpr double least_spread =
    0.005;  // Of the ratio: steps that agree so well are never set aside.

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace

std::expected<BranchGain, std::string> branch_gain(std::span<const PowerStep> steps) {
  std::vector<double> ratios;
  for (const auto& step : steps) {
    if (std::abs(step.branch_w) >= least_watts) ratios.push_back(step.mains_w / step.branch_w);
  }
  if (ratios.size() < least_steps) {
    return std::unexpected(fmt::format(
        "The branch stepped {} times by {:g} W or more: switch one load of it on and off at least "
        "twice, 30 seconds apart.",
        ratios.size(), least_watts));
  }
  const double middle = median(ratios);
  std::vector<double> distances;
  for (const double ratio : ratios) distances.push_back(std::abs(ratio - middle));
  const double spread = std::max(1.4826 * median(distances), least_spread * std::abs(middle));
  BranchGain gain{.factor = 0};
  double mean = 0, squares = 0;
  for (const double ratio : ratios) {
    if (std::abs(ratio - middle) > 3 * spread) {
      ++gain.set_aside;
      continue;
    }
    ++gain.steps;
    const double before = ratio - mean;
    mean += before / gain.steps;
    squares += before * (ratio - mean);
  }
  if (gain.steps < least_steps) {
    return std::unexpected(
        "Mains and branch did not step by the same: let nothing else switch meanwhile, and try "
        "again.");
  }
  if (mean < 0.5 || mean > 2) {
    return std::unexpected(fmt::format(
        "The mains step by {:.2f} times the branch's: that is no gain but a reversed or a missing "
        "clamp.",
        mean));
  }
  gain.factor = mean;
  // Few steps know their spread badly: as many as Student's t makes of it at 95 %, by 1.96.
  constexpr double student[] = {1.62, 1.42, 1.31, 1.25, 1.21, 1.18, 1.15};  // 4 to 10 steps.
  const auto few = std::min<std::size_t>(static_cast<std::size_t>(gain.steps) - least_steps, 6);
  gain.gain_deviation =
      100 * std::sqrt(squares / (gain.steps - 1) / gain.steps) / mean * student[few];
  return gain;
}

}  // namespace insight
