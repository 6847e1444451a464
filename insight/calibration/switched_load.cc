#include "insight/calibration/switched_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include "insight/calibration/error_sum.h"
#include "insight/calibration/meter_light.h"

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

constexpr double most_restless = 0.03;  // Of the step: what a steady branch moves.
constexpr double has_leg = 0.2;         // Of the step, on a leg of the circuit.

double sum(const std::array<double, 3>& clamps) { return clamps[0] + clamps[1] + clamps[2]; }

struct Level {
  double branch_w = 0, spread_w = 0;
  std::array<double, 3> mains_clamps_w{};
};

std::optional<Level> level_of(std::span<const SwitchedMoment> moments) {
  Level level;
  double low = INFINITY, high = -INFINITY;
  for (const auto& moment : moments) {
    if (std::isnan(moment.branch_w + sum(moment.mains_clamps_w))) return std::nullopt;
    const auto count = static_cast<double>(moments.size());
    level.branch_w += moment.branch_w / count;
    for (std::size_t i = 0; i < 3; ++i) {
      level.mains_clamps_w[i] += moment.mains_clamps_w[i] / count;
    }
    low = std::min(low, moment.branch_w);
    high = std::max(high, moment.branch_w);
  }
  level.spread_w = high - low;
  return level;
}

constexpr std::size_t window = 2 * step_samples + step_settles;

// Of a window; nothing: the branch is not steady on both sides of a step.
std::optional<PowerStep> step_at(std::span<const SwitchedMoment> moments) {
  const auto before = level_of(moments.first(step_samples));
  const auto after = level_of(moments.last(step_samples));
  if (!before || !after) return std::nullopt;
  PowerStep step{.branch_w = after->branch_w - before->branch_w,
                 .time_s = moments[step_samples].time_s};
  const double size = std::abs(step.branch_w);
  const double restless = std::max(most_restless * size, 2.0);
  if (size < least_watts || before->spread_w > restless || after->spread_w > restless) {
    return std::nullopt;
  }
  for (std::size_t c = 0; c < 3; ++c) {
    step.mains_clamps_w[c] = after->mains_clamps_w[c] - before->mains_clamps_w[c];
  }
  step.mains_w = sum(step.mains_clamps_w);
  return step;
}

}  // namespace

std::vector<PowerStep> steps_in(std::span<const SwitchedMoment> moments) {
  std::vector<PowerStep> steps;
  for (std::size_t i = 0; i + window <= moments.size(); ++i) {
    auto step = step_at(moments.subspan(i, window));
    if (!step) continue;
    // One sample further on, neither side has one that was read while it switched.
    if (i + 1 + window <= moments.size()) {
      if (const auto middle = step_at(moments.subspan(i + 1, window))) step = middle;
    }
    steps.push_back(*step);
    i += step_samples + step_settles;  // What came after it may be before the next one.
  }
  return steps;
}

Accuracy by_mains(const Accuracy& before, const TakenGain& taken, std::size_t clamps) {
  // A limit of which 95 of 100 values are within that ±.
  return by_reference(before,
                      {.gain_limit = taken.mains_percent / 0.95,
                       .gain_deviation = taken.gain_deviation,
                       .second_gain_limit = taken.phase_percent},
                      clamps, taken.amperes);
}

double phase_percent(const Accuracy& branch, const Accuracy& mains, bool is_same_adapter,
                     double vars_per_watt) {
  ErrorSum apart;
  for (const auto* one : {&branch, &mains}) {
    apart.add_limit(one->phase_limit);
    apart.add_deviation(one->phase_deviation);
  }
  // It falls out where it is off in both.
  const bool falls_out =
      is_same_adapter && branch.second_phase_limit > 0 && mains.second_phase_limit > 0;
  if (!falls_out) {
    apart.add_limit(branch.second_phase_limit);
    apart.add_limit(mains.second_phase_limit);
  }
  return 100 * apart.interval() * std::numbers::pi / 180 * std::abs(vars_per_watt);
}

std::string wrong_legs(std::span<const PowerStep> steps, std::span<const int> mains_legs,
                       std::span<const int> branch_legs) {
  if (mains_legs.size() < 2 || mains_legs.size() > 3 || branch_legs.empty()) return {};
  for (std::size_t c = 0; c < mains_legs.size(); ++c) {
    std::vector<double> shares;
    for (const auto& step : steps) shares.push_back(step.mains_clamps_w.at(c) / step.mains_w);
    if (shares.empty()) return {};
    const double share = median(shares);
    const bool is_told = std::ranges::find(branch_legs, mains_legs[c]) != branch_legs.end();
    if ((share > has_leg) == is_told) continue;
    return is_told ? fmt::format(
                         "The panel has this circuit on leg {}, whose clamp does not step "
                         "with it: correct the panel, or look at Wiring.",
                         mains_legs[c])
                   : fmt::format(
                         "Leg {} steps with this circuit, and the panel does not have it "
                         "there: correct the panel, or look at Wiring.",
                         mains_legs[c]);
  }
  return {};
}

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
