#include "insight/wiring/shares.h"

#include <algorithm>
#include <cmath>

namespace insight::wiring {
namespace {

using Complex = std::complex<double>;

constexpr float least_va = 40;    // A channel that never changes so much says nothing.
constexpr float counted_va = 12;  // Nor does a time at which none does.
constexpr std::size_t most_rows = 6000;
constexpr std::size_t most_parts = 16;
constexpr int rounds = 8;

// The Hermitian system G x = h, in place. `matrix` by rows.
std::vector<Complex> solve(std::vector<Complex> matrix, std::vector<Complex> right) {
  const auto n = right.size();
  for (std::size_t pivot = 0; pivot < n; ++pivot) {
    for (std::size_t i = pivot + 1; i < n; ++i) {
      const auto factor = matrix[i * n + pivot] / matrix[pivot * n + pivot];
      if (factor == Complex()) continue;
      for (std::size_t k = pivot; k < n; ++k) matrix[i * n + k] -= factor * matrix[pivot * n + k];
      right[i] -= factor * right[pivot];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) right[i] -= matrix[i * n + k] * right[k];
    right[i] /= matrix[i * n + i];
  }
  return right;
}

// Sums of D^H D and D^H M over some rows, weighted.
struct Sums {
  std::vector<Complex> gram, right;

  explicit Sums(std::size_t n) : gram(n * n), right(n) {}

  void add(const Steps& steps, std::size_t row, Complex feeder, double weight) {
    const auto n = right.size();
    for (std::size_t i = 0; i < n; ++i) {
      const Complex own(steps.at(row, i));
      if (std::norm(own) < 1) continue;
      const auto turned = weight * std::conj(own);
      right[i] += turned * feeder;
      for (std::size_t k = 0; k < n; ++k) gram[i * n + k] += turned * Complex(steps.at(row, k));
    }
  }

  std::vector<Complex> solved(const Sums* without = nullptr) const {
    const auto n = right.size();
    auto matrix = gram;
    auto side = right;
    for (std::size_t i = 0; without && i < matrix.size(); ++i) matrix[i] -= without->gram[i];
    for (std::size_t i = 0; without && i < n; ++i) side[i] -= without->right[i];
    // What nothing is known of comes out as nothing.
    for (std::size_t i = 0; i < n; ++i) {
      matrix[i * n + i] += 0.002 * std::max(1e-3, gram[i * n + i].real());
    }
    return solve(std::move(matrix), std::move(side));
  }
};

}  // namespace

std::size_t reach_of(const Recorder& recorder) {
  if (recorder.size() < 2) return 1;
  const auto length = recorder.time(recorder.size() - 1) - recorder.time(0);
  const auto period = length / static_cast<std::int64_t>(recorder.size() - 1);
  if (period <= std::chrono::milliseconds(1500)) return 3;
  return period <= std::chrono::milliseconds(2500) ? 2 : 1;
}

std::complex<float> step_at(const Recorder& recorder, std::size_t reach, std::size_t sample,
                            std::size_t channel) {
  std::complex<float> before, after;
  for (std::size_t i = 1; i <= reach; ++i) {
    const auto& earlier = recorder.point(sample - i, channel);
    const auto& later = recorder.point(sample + i, channel);
    before += std::complex(earlier.watts, earlier.vars);
    after += std::complex(later.watts, later.vars);
  }
  return (after - before) / static_cast<float>(reach);
}

Steps find_steps(const Recorder& recorder, std::span<const std::size_t> channels) {
  Steps steps;
  const auto reach = steps.reach = reach_of(recorder);
  if (recorder.size() < 2 * reach + 1) return steps;
  const auto last = recorder.size() - reach;
  std::vector<std::vector<std::complex<float>>> all;
  for (const auto channel : channels) {
    std::vector<std::complex<float>> own;
    float most = 0;
    for (std::size_t at = reach; at < last; ++at) {
      own.push_back(step_at(recorder, reach, at, channel));
      if (!(std::abs(own.back()) >= 0)) own.back() = 0;  // Not measured: it says nothing there.
      most = std::max(most, std::abs(own.back()));
    }
    if (most < least_va) continue;
    steps.channels.push_back(channel);
    all.push_back(std::move(own));
  }
  for (std::size_t at = reach; at < last && steps.rows.size() < most_rows; ++at) {
    const bool changes = std::ranges::any_of(
        all, [&](const auto& own) { return std::abs(own[at - reach]) >= counted_va; });
    if (!changes) continue;
    if (steps.rows.empty() || steps.rows.back() + 1 != at) ++steps.segments;
    steps.rows.push_back(at);
    steps.segment.push_back(steps.segments - 1);
    for (const auto& own : all) steps.of_channels.push_back(own[at - reach]);
  }
  return steps;
}

std::vector<Share> shares_in(const Recorder& recorder, const Steps& steps, std::size_t feeder) {
  const auto n = steps.channels.size();
  if (n == 0 || steps.rows.empty()) return {};
  std::vector<Complex> feeds;
  std::size_t measured = 0;
  std::vector<double> own_va(steps.rows.size());
  for (std::size_t row = 0; row < steps.rows.size(); ++row) {
    feeds.emplace_back(step_at(recorder, steps.reach, steps.rows[row], feeder));
    if (std::abs(feeds.back()) >= 0) ++measured;
    for (std::size_t i = 0; i < n; ++i)
      own_va[row] += static_cast<double>(std::abs(steps.at(row, i)));
  }
  if (measured * 2 < steps.rows.size()) return {};
  std::vector<double> weights(steps.rows.size());
  const auto weigh = [&](std::size_t row, double residual) {
    // Within what clamps differ by, deviations are not told from each other.
    weights[row] = 1 / std::max(residual, 8 + 0.03 * own_va[row]);
  };
  for (std::size_t row = 0; row < weights.size(); ++row) weigh(row, 0.3 * own_va[row]);
  std::vector<Complex> found(n);
  const auto parts = std::min(most_parts, std::max<std::size_t>(steps.segments, 1));
  for (int round = 0; round <= rounds; ++round) {
    Sums sums(n);
    std::vector<Sums> by_part(round == rounds ? parts : 0, Sums(n));
    for (std::size_t row = 0; row < weights.size(); ++row) {
      if (!(std::abs(feeds[row]) >= 0)) continue;
      sums.add(steps, row, feeds[row], weights[row]);
      if (round == rounds) {
        by_part[steps.segment[row] % parts].add(steps, row, feeds[row], weights[row]);
      }
    }
    found = sums.solved();
    for (std::size_t row = 0; row < weights.size(); ++row) {
      auto residual = feeds[row];
      for (std::size_t i = 0; i < n; ++i) residual -= found[i] * Complex(steps.at(row, i));
      if (std::abs(residual) >= 0) weigh(row, std::abs(residual));
    }
    if (round < rounds) continue;
    std::vector<Share> shares(n);
    for (std::size_t i = 0; i < n; ++i) {
      shares[i].value = found[i];
      for (std::size_t row = 0; row < weights.size(); ++row) {
        shares[i].squares += std::norm(Complex(steps.at(row, i)));
      }
    }
    for (const auto& part : by_part) {
      const auto without = sums.solved(&part);
      for (std::size_t i = 0; i < n; ++i) shares[i].error += std::norm(without[i] - found[i]);
    }
    for (auto& share : shares) {
      share.error =
          std::sqrt(share.error * static_cast<double>(parts - 1) / static_cast<double>(parts));
    }
    return shares;
  }
  return {};
}

}  // namespace insight::wiring
