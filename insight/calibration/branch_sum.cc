#include "insight/calibration/branch_sum.h"

#include <algorithm>
#include <cmath>

namespace insight {
namespace {

constexpr std::size_t least_times = 200;
constexpr int rounds = 12;
constexpr double robust = 1.345;  // Huber: 95 % as good as least squares where all is normal.
constexpr double least_deviation_w = 0.1;

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

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

// Of the changes from one time to the next: what is not measured and stays falls out, and what of
// it switches is a residual like others, far ones with less weight (Huber, 1964). The gains before
// are a prior.
std::expected<BranchSum, std::string> fit_branches(std::span<const double> mains,
                                                   std::span<const std::vector<double>> branches,
                                                   double prior_percent) {
  const std::size_t times = mains.size(), size = branches.size();
  if (times < least_times) {
    return std::unexpected("A few hours of data are too few: let the meter run for some days.");
  }
  if (size == 0 ||
      std::ranges::any_of(branches, [&](const auto& b) { return b.size() != times; })) {
    return std::unexpected("Mains and branches must cover the same times.");
  }
  const auto change = [](std::span<const double> of, std::size_t t) { return of[t] - of[t - 1]; };
  const double prior = 1e4 / (prior_percent * prior_percent);
  std::vector<double> excess(size, 0.0);  // Gain - 1.
  std::vector<double> residuals(times - 1);
  Normal covariance(size);
  double deviation = 0;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t t = 1; t < times; ++t) {
      double left = change(mains, t);
      for (std::size_t b = 0; b < size; ++b) left -= (1 + excess[b]) * change(branches[b], t);
      residuals[t - 1] = left;
    }
    deviation = std::max(1.4826 * median_size(residuals), least_deviation_w);
    Normal normal(size);
    std::vector<double> right(size, 0.0);
    double squares = 0, inside = 0;
    for (std::size_t t = 1; t < times; ++t) {
      const double off = std::abs(residuals[t - 1]) / deviation;
      const double weight = off <= robust ? 1 : robust / off;
      squares += weight * residuals[t - 1] * weight * residuals[t - 1];
      inside += off <= robust ? 1 : 0;
      double target = change(mains, t);
      for (std::size_t b = 0; b < size; ++b) target -= change(branches[b], t);
      for (std::size_t b = 0; b < size; ++b) {
        const double mine = weight * change(branches[b], t);
        if (mine == 0) continue;
        right[b] += mine * target;
        for (std::size_t c = 0; c < size; ++c) normal.at(b, c) += mine * change(branches[c], t);
      }
    }
    // The variance of a Huber estimate: what the weighed residuals have, over how many are inside.
    const auto count = static_cast<double>(times - 1);
    const double share = std::max(inside / count, 0.3);
    const double variance =
        std::max(squares / count / (share * share), least_deviation_w * least_deviation_w);
    for (std::size_t b = 0; b < size; ++b) {
      right[b] /= variance;
      for (std::size_t c = 0; c < size; ++c) normal.at(b, c) /= variance;
      normal.at(b, b) += prior;
    }
    covariance = normal.inverse();
    for (std::size_t b = 0; b < size; ++b) {
      excess[b] = 0;
      for (std::size_t c = 0; c < size; ++c) excess[b] += covariance.at(b, c) * right[c];
    }
  }
  BranchSum sum{.residual_w = deviation};
  sum.unmeasured_w = mean(mains);
  std::vector<double> means(size);
  for (std::size_t b = 0; b < size; ++b) {
    means[b] = mean(branches[b]);
    sum.unmeasured_w -= (1 + excess[b]) * means[b];
    sum.branches.push_back({1 + excess[b], 1.96 * std::sqrt(covariance.at(b, b))});
  }
  double variance = 0;
  for (std::size_t b = 0; b < size; ++b) {
    for (std::size_t c = 0; c < size; ++c) variance += means[b] * covariance.at(b, c) * means[c];
  }
  sum.unmeasured_plus_minus = 1.96 * std::sqrt(variance);
  return sum;
}

}  // namespace insight
