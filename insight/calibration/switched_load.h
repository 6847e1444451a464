// One load that is switched steps mains and branch by the same: with the panel closed, the branch
// takes over how right the mains are.

#pragma once

#include <expected>
#include <span>
#include <string>

namespace insight {

// One switching, as mains and branch saw it: the means of the seconds after less those before.
struct PowerStep {
  double mains_w = 0, branch_w = 0;
};

struct BranchGain {
  double factor = 1;          // What the branch's gain is to be times.
  double gain_deviation = 0;  // Percent: of the steps among each other. The mains' ± comes on top.
  int steps = 0, set_aside = 0;
};

// At least four steps of one load; those that something else switched with are set aside. Refused,
// with a sentence: fewer than four agree, or the branch does not step.
std::expected<BranchGain, std::string> branch_gain(std::span<const PowerStep>);

}  // namespace insight
