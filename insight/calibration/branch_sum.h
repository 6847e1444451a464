// Branches that add up to the mains: over days their sum refines each one's gain and tells what is
// not measured.

#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace insight {

struct BranchFit {
  double factor = 1;      // What the branch's gain is to be times.
  double plus_minus = 0;  // Of the factor, 95 %, without the mains' own.
};

struct BranchSum {
  std::vector<BranchFit> branches;
  double unmeasured_w = 0;           // Mean of what no branch has.
  double unmeasured_plus_minus = 0;  // 95 %.
  double residual_w = 0;             // Deviation of a minute's change that nothing explains.
};

// Means of equal lengths of time, a minute say, without gaps: `mains[t]` and `branches[b][t]`, in
// W. `prior_percent` is one standard deviation of a branch's gain before. Refused: fewer than 200
// times, or sizes that do not match.
std::expected<BranchSum, std::string> fit_branches(std::span<const double> mains,
                                                   std::span<const std::vector<double>> branches,
                                                   double prior_percent = 3);

}  // namespace insight
