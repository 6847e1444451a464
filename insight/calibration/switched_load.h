// One load that is switched steps mains and branch by the same: with the panel closed, the branch
// takes over how right the mains are.

#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "insight/calibration/accuracy.h"

namespace insight {

// One switching, as mains and branch saw it: the means of the seconds after less those before.
struct PowerStep {
  double mains_w = 0, branch_w = 0;
  double time_s = 0;                       // As SwitchedMoment has it.
  std::array<double, 3> mains_clamps_w{};  // What each of the mains' clamps stepped by.
};

// A sample of both; NaN where a clamp has no value.
struct SwitchedMoment {
  double time_s = 0;
  double branch_w = 0;
  std::array<double, 3> mains_clamps_w{};  // Of those that there are; the others 0.
};

// Samples before and after a step that are taken, and passed over while it settles.
inline constexpr std::size_t step_samples = 4, step_settles = 2;

// The branch's steps of 50 W or more among samples of one rhythm, oldest first: those before and
// after which it is steady, and nothing is missing.
std::vector<PowerStep> steps_in(std::span<const SwitchedMoment>);

struct BranchGain {
  double factor = 1;          // What the branch's gain is to be times.
  double gain_deviation = 0;  // Percent: of the steps among each other. The mains' ± comes on top.
  int steps = 0, set_aside = 0;
};

// At least four steps of one load; those that something else switched with are set aside. Refused,
// with a sentence: fewer than four agree, or the branch does not step.
std::expected<BranchGain, std::string> branch_gain(std::span<const PowerStep>);

// A gain that a branch takes over from the mains, and how sure it is, in percent.
struct TakenGain {
  double factor = 1;
  double mains_percent = 0;   // ± of the mains, at what they carried.
  double gain_deviation = 0;  // Of steps or times among each other.
  double phase_percent = 0;   // Limit: what phases made of it, where the load was not resistive.
  double amperes = 0;         // Of a clamp of the branch, meanwhile.
};
// What a branch's clamp may be off by afterwards. Of several clamps each stays as unsure as it was,
// as by_reference() has it.
Accuracy by_mains(const Accuracy& before, const TakenGain&, std::size_t clamps);

// How a load with so many vars to the watt shifts a gain that is taken over from the mains: both
// clamps' phases, and that of the adapter unless it is the same for both.
double phase_percent(const Accuracy& branch, const Accuracy& mains, bool is_same_adapter,
                     double vars_per_watt);

// A circuit's legs against those of the mains' clamps that stepped: empty, or one sentence. Of each
// clamp of the mains the leg (from 1) that it is on.
std::string wrong_legs(std::span<const PowerStep>, std::span<const int> mains_legs,
                       std::span<const int> branch_legs);

}  // namespace insight
