#include "insight/calibration/branch_sum.h"

#include <algorithm>
#include <cmath>

namespace insight {
namespace {

constexpr std::size_t least_times = 200;
constexpr int rounds = 12;
constexpr double robust = 1.345;  // Huber: 95 % as good as least squares where all is normal.
constexpr double least_deviation_w = 0.1;
constexpr std::size_t blocks = 24;
// Student's t of 23 degrees of freedom over 1.96, and how much a fit draws its residuals in.
constexpr double few_blocks = 2.069 / 1.96 * 1.1;
// Power factors of what a home draws, and of the small loads that have no clamp.
constexpr double usual_factor = 0.95, least_factor = 0.6;
constexpr double always_share = 0.05;  // Of the time: below what is left then it hardly ever is.

// A symmetric matrix that is positive definite, row by row.
class Normal {
 public:
  explicit Normal(std::size_t size) : size_(size), cells_(size * size) {}
  double& at(std::size_t row, std::size_t column) { return cells_[row * size_ + column]; }
  double at(std::size_t row, std::size_t column) const { return cells_[row * size_ + column]; }

  Normal inverse() const {
    Normal lower(size_), result(size_);
    for (std::size_t i = 0; i < size_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = at(i, j);
        for (std::size_t k = 0; k < j; ++k) sum -= lower.at(i, k) * lower.at(j, k);
        lower.at(i, j) = i == j ? std::sqrt(std::max(sum, 1e-30)) : sum / lower.at(j, j);
      }
    }
    for (std::size_t column = 0; column < size_; ++column) {
      std::vector<double> x(size_);
      for (std::size_t i = 0; i < size_; ++i) {
        double sum = i == column ? 1 : 0;
        for (std::size_t k = 0; k < i; ++k) sum -= lower.at(i, k) * x[k];
        x[i] = sum / lower.at(i, i);
      }
      for (std::size_t i = size_; i-- > 0;) {
        double sum = x[i];
        for (std::size_t k = i + 1; k < size_; ++k) sum -= lower.at(k, i) * x[k];
        x[i] = sum / lower.at(i, i);
        result.at(i, column) = x[i];
      }
    }
    return result;
  }

 private:
  std::size_t size_;
  std::vector<double> cells_;
};

double median_size(std::vector<double> values) {
  for (auto& value : values) value = std::abs(value);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Whole times, without those at which anything is missing.
struct Changes {
  std::vector<double> mains;
  std::vector<std::vector<double>> branches;  // branches[t][b]
  std::vector<std::size_t> block;             // Of each, rising from 0.
  std::vector<double> means;                  // Of the branches.
};

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

Changes changes_of(std::span<const double> mains, std::span<const std::vector<double>> branches) {
  const std::size_t size = branches.size();
  Changes changes;
  changes.means.resize(size);
  const auto is_whole = [&](std::size_t t) {
    return !std::isnan(mains[t]) &&
           std::ranges::none_of(branches, [&](const auto& b) { return std::isnan(b[t]); });
  };
  std::size_t whole = 0;
  bool was_whole = false;
  for (std::size_t t = 0; t < mains.size(); ++t) {
    const bool is = is_whole(t);
    if (is) {
      ++whole;
      for (std::size_t b = 0; b < size; ++b) changes.means[b] += branches[b][t];
    }
    if (is && was_whole) {
      changes.mains.push_back(mains[t] - mains[t - 1]);
      auto& row = changes.branches.emplace_back(size);
      for (std::size_t b = 0; b < size; ++b) row[b] = branches[b][t] - branches[b][t - 1];
    }
    was_whole = is;
  }
  for (auto& mean : changes.means) mean /= static_cast<double>(std::max<std::size_t>(whole, 1));
  for (std::size_t t = 0; t < changes.mains.size(); ++t) {
    changes.block.push_back(t * blocks / changes.mains.size());
  }
  return changes;
}

}  // namespace

// Of the changes from one time to the next: what is not measured and stays falls out, and what of
// it switches is a residual like others, far ones with less weight (Huber, 1964). The gains before
// are a prior. Residuals are no independent ones: what switches off has switched on, and noise that
// rises falls. So the scores are added up by blocks of hours, and how far the blocks disagree is
// the error (a sandwich by clusters: Liang and Zeger, 1986).
struct BranchFitting::Work {
  const std::span<const double> mains;
  const std::span<const std::vector<double>> branches;
  const std::span<const double> prior_percents;
  const std::size_t size = branches.size();
  bool has_begun = false;
  Changes changes = {};
  std::vector<double> excess = std::vector<double>(size);  // Gain - 1.
  std::vector<std::vector<double>> scores = {};
  Normal covariance{size};
  double deviation = 0;
  int rounds_left = rounds;

  double prior(std::size_t b) const { return 1e4 / (prior_percents[b] * prior_percents[b]); }

  std::expected<void, std::string> begin() {
    has_begun = true;
    if (size == 0 || prior_percents.size() != size ||
        std::ranges::any_of(branches, [&](const auto& b) { return b.size() != mains.size(); })) {
      return std::unexpected("Mains and branches must cover the same times.");
    }
    changes = changes_of(mains, branches);
    if (changes.mains.size() < least_times) {
      return std::unexpected("A few hours of data are too few: let the meter run for some days.");
    }
    return {};
  }

  void refine() {
    const std::size_t times = changes.mains.size();
    std::vector<double> residuals(times);
    for (std::size_t t = 0; t < times; ++t) {
      double left = changes.mains[t];
      for (std::size_t b = 0; b < size; ++b) left -= (1 + excess[b]) * changes.branches[t][b];
      residuals[t] = left;
    }
    deviation = std::max(1.4826 * median_size(residuals), least_deviation_w);
    Normal normal(size);
    scores.assign(blocks, std::vector<double>(size, 0.0));
    double squares = 0, inside = 0;
    for (std::size_t t = 0; t < times; ++t) {
      const double off = std::abs(residuals[t]) / deviation;
      const double weight = off <= robust ? 1 : robust / off;
      squares += weight * residuals[t] * weight * residuals[t];
      inside += off <= robust ? 1 : 0;
      const auto& row = changes.branches[t];
      auto& score = scores[changes.block[t]];
      for (std::size_t b = 0; b < size; ++b) {
        if (row[b] == 0) continue;
        const double mine = weight * row[b];
        score[b] += mine * residuals[t];
        for (std::size_t c = 0; c <= b; ++c) normal.at(b, c) += mine * row[c];
      }
    }
    // The variance of a Huber estimate: what the weighed residuals have, over how many are inside.
    const auto count = static_cast<double>(times);
    const double share = std::max(inside / count, 0.3);
    const double variance =
        std::max(squares / count / (share * share), least_deviation_w * least_deviation_w);
    for (std::size_t b = 0; b < size; ++b) {
      for (std::size_t c = 0; c <= b; ++c) {
        normal.at(b, c) /= variance;
        normal.at(c, b) = normal.at(b, c);
      }
      normal.at(b, b) += prior(b);
    }
    covariance = normal.inverse();
    // One step of Newton from the gains so far.
    std::vector<double> slope(size);
    for (std::size_t b = 0; b < size; ++b) {
      slope[b] = -prior(b) * excess[b];
      for (auto& score : scores) slope[b] += (score[b] /= variance);
    }
    for (std::size_t b = 0; b < size; ++b) {
      for (std::size_t c = 0; c < size; ++c) excess[b] += covariance.at(b, c) * slope[c];
    }
  }

  BranchSum result() const {
    // What each block pulls the gains by, and what the prior may be off by.
    Normal spread(size);
    const auto add_square = [&](const std::vector<double>& score, double times_it) {
      std::vector<double> pull(size, 0.0);
      for (std::size_t b = 0; b < size; ++b) {
        for (std::size_t c = 0; c < size; ++c) pull[b] += covariance.at(b, c) * score[c];
      }
      for (std::size_t b = 0; b < size; ++b) {
        for (std::size_t c = 0; c < size; ++c) spread.at(b, c) += times_it * pull[b] * pull[c];
      }
    };
    for (const auto& score : scores) add_square(score, few_blocks * few_blocks);
    for (std::size_t b = 0; b < size; ++b) {
      std::vector<double> own(size, 0.0);
      own[b] = std::sqrt(prior(b));
      add_square(own, 1);
    }
    BranchSum sum{.residual_w = deviation, .minutes = changes.mains.size()};
    double by_blocks = 0, by_residuals = 0;
    for (std::size_t b = 0; b < size; ++b) {
      const double variance = std::max(covariance.at(b, b), spread.at(b, b));
      sum.branches.push_back({1 + excess[b], 1.96 * std::sqrt(variance)});
      for (std::size_t c = 0; c < size; ++c) {
        by_residuals += changes.means[b] * covariance.at(b, c) * changes.means[c];
        by_blocks += changes.means[b] * spread.at(b, c) * changes.means[c];
      }
    }
    sum.unmeasured_plus_minus = 1.96 * std::sqrt(std::max(by_residuals, by_blocks));
    std::vector<double> left;
    for (std::size_t t = 0; t < mains.size(); ++t) {
      double watts = mains[t];
      for (std::size_t b = 0; b < size; ++b) watts -= (1 + excess[b]) * branches[b][t];
      if (!std::isnan(watts)) left.push_back(watts);
    }
    sum.unmeasured_w = mean(left);
    const auto low =
        left.begin() + static_cast<std::ptrdiff_t>(always_share * static_cast<double>(left.size()));
    std::ranges::nth_element(left, low);
    sum.always_w = *low;
    return sum;
  }
};

BranchFitting::BranchFitting(std::span<const double> mains,
                             std::span<const std::vector<double>> branches,
                             std::span<const double> prior_percents)
    : work_(new Work{mains, branches, prior_percents}) {}
BranchFitting::~BranchFitting() = default;
BranchFitting::BranchFitting(BranchFitting&&) noexcept = default;
BranchFitting& BranchFitting::operator=(BranchFitting&&) noexcept = default;

std::optional<std::expected<BranchSum, std::string>> BranchFitting::step() {
  if (!work_->has_begun) {
    if (const auto begun = work_->begin(); !begun) return std::unexpected(begun.error());
    return std::nullopt;
  }
  if (work_->rounds_left > 0) {
    work_->refine();
    --work_->rounds_left;
    return std::nullopt;
  }
  return work_->result();
}

std::expected<BranchSum, std::string> fit_branches(std::span<const double> mains,
                                                   std::span<const std::vector<double>> branches,
                                                   std::span<const double> prior_percents) {
  BranchFitting fitting(mains, branches, prior_percents);
  while (true) {
    if (auto found = fitting.step()) return *std::move(found);
  }
}

double unmeasured_plus_minus(const BranchSum& sum, const Accuracy& mains, double mains_w,
                             double volts) {
  const double amperes = std::abs(mains_w) / volts;
  const double whole = plus_minus_percent(mains, volts, amperes, least_factor) / 100;
  auto shape = mains;
  shape.gain_limit = shape.second_gain_limit = shape.gain_deviation = 0;
  shape.phase_limit = shape.second_phase_limit = shape.phase_deviation = 0;
  // Between a part of it and all together.
  const double curve = std::max(plus_minus_percent(shape, volts, amperes / 2, usual_factor),
                                plus_minus_percent(shape, volts, amperes, usual_factor)) /
                       100;
  return std::hypot(sum.unmeasured_plus_minus, whole * sum.unmeasured_w, curve * mains_w);
}

}  // namespace insight
