// Branches that add up to the mains: over days their sum refines each one's gain and tells what is
// not measured.

#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "insight/calibration/accuracy.h"

namespace insight {

struct BranchFit {
  double factor = 1;      // What the branch's gain is to be times.
  double plus_minus = 0;  // Of the factor, 95 %, without the mains' own.
};

struct BranchSum {
  std::vector<BranchFit> branches;
  double unmeasured_w = 0;           // Mean of what no branch has.
  double unmeasured_plus_minus = 0;  // 95 %, without the mains' own.
  double always_w = 0;               // What of it is there in 95 of 100 times.
  double residual_w = 0;             // Deviation of a change that nothing explains.
  std::size_t minutes = 0;           // That were compared.
};

// Means of equal lengths of time, a minute say: `mains[t]` and `branches[b][t]`, in W; NaN where
// one is missing, and then the time counts for none. `prior_percents` are one standard deviation of
// each branch's gain beside the mains' before. Refused: fewer than 200 whole times, or sizes that
// do not match.
std::expected<BranchSum, std::string> fit_branches(std::span<const double> mains,
                                                   std::span<const std::vector<double>> branches,
                                                   std::span<const double> prior_percents);

// The same in pieces: of a week of thirty branches some milliseconds each. What it is made of
// outlives it.
class BranchFitting {
 public:
  BranchFitting(std::span<const double> mains, std::span<const std::vector<double>> branches,
                std::span<const double> prior_percents);
  ~BranchFitting();
  BranchFitting(BranchFitting&&) noexcept;
  BranchFitting& operator=(BranchFitting&&) noexcept;

  // Nothing: it is to be called again.
  std::optional<std::expected<BranchSum, std::string>> step();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

// What the unmeasured may be off by in W, 95 %: the fit, the mains themselves, and that a core
// shows a little current otherwise than much, so that many loads are not what each of them is.
// `mains_w` is the mean of what the mains carry.
double unmeasured_plus_minus(const BranchSum&, const Accuracy& mains, double mains_w, double volts);

}  // namespace insight
