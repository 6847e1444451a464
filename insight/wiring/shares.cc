#include "insight/wiring/shares.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace insight::wiring {
namespace {

using Complex = std::complex<double>;

constexpr float least_va = 40;    // A channel that never changes so much says nothing.
constexpr float counted_va = 12;  // Nor does a time at which none does.
constexpr std::size_t most_rows = 6000;
constexpr float much = 0.4F;  // Of the greatest change.
constexpr int rounds = 8;
constexpr double least_noise_va = 2;  // Of a chip's powers and how they are rounded.
constexpr double showing = 0.15;      // Of a column's greatest change: a share is off by that.
// Rows that do not overlap say more than one thing, even where something always changes; in
// reaches.
constexpr std::size_t longest_segment = 8;

// The Hermitian systems G x = h of one G.
class Solver {
 public:
  // `matrix` by rows.
  Solver(std::vector<Complex> matrix, std::size_t n) : n_(n), matrix_(std::move(matrix)) {
    for (std::size_t pivot = 0; pivot < n_; ++pivot) {
      for (std::size_t i = pivot + 1; i < n_; ++i) {
        // Where it makes a zero lies what it was made with.
        const auto factor = matrix_[i * n_ + pivot] /= matrix_[pivot * n_ + pivot];
        if (factor == Complex()) continue;
        for (std::size_t k = pivot + 1; k < n_; ++k) {
          matrix_[i * n_ + k] -= factor * matrix_[pivot * n_ + k];
        }
      }
    }
  }

  std::vector<Complex> solve(std::vector<Complex> right) const {
    for (std::size_t pivot = 0; pivot < n_; ++pivot) {
      for (std::size_t i = pivot + 1; i < n_; ++i) {
        const auto factor = matrix_[i * n_ + pivot];
        if (factor != Complex()) right[i] -= factor * right[pivot];
      }
    }
    for (std::size_t i = n_; i-- > 0;) {
      for (std::size_t k = i + 1; k < n_; ++k) right[i] -= matrix_[i * n_ + k] * right[k];
      right[i] /= matrix_[i * n_ + i];
    }
    return right;
  }

 private:
  std::size_t n_;
  std::vector<Complex> matrix_;
};

// D^H D and D^H M over all rows, weighted.
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

  Solver solver() const {
    const auto n = right.size();
    auto matrix = gram;
    // What nothing is known of comes out as nothing.
    for (std::size_t i = 0; i < n; ++i) {
      matrix[i * n + i] += 0.002 * std::max(50., gram[i * n + i].real());
    }
    return Solver(std::move(matrix), n);
  }
};

// Of each share, with what the rows of a segment leave together (clustered sandwich estimator:
// Liang and Zeger, Biometrika 73, 1986).
std::vector<double> errors(const Steps& steps, const Sums& sums,
                           const std::vector<Complex>& residuals,
                           const std::vector<double>& weights) {
  const auto n = sums.right.size();
  std::vector<double> squares(n);
  const auto solver = sums.solver();
  for (std::size_t row = 0; row < residuals.size();) {
    std::vector<Complex> left(n);
    for (const auto segment = steps.segment[row];
         row < residuals.size() && steps.segment[row] == segment; ++row) {
      if (!(std::abs(residuals[row]) >= 0)) continue;
      for (std::size_t i = 0; i < n; ++i) {
        left[i] += weights[row] * std::conj(Complex(steps.at(row, i))) * residuals[row];
      }
    }
    const auto moved = solver.solve(std::move(left));
    for (std::size_t i = 0; i < n; ++i) squares[i] += std::norm(moved[i]);
  }
  for (auto& square : squares) square = std::sqrt(square);
  return squares;
}

float greatest(const Steps& steps, std::size_t column) {
  float most = 0;
  for (std::size_t row = 0; row < steps.rows.size(); ++row) {
    most = std::max(most, std::abs(steps.at(row, column)));
  }
  return most;
}

std::size_t times_of(const Steps& steps, std::size_t column, float most) {
  std::size_t times = 0;
  std::optional<std::size_t> last;
  for (std::size_t row = 0; row < steps.rows.size(); ++row) {
    if (std::abs(steps.at(row, column)) < much * most) continue;
    if (!last || steps.rows[row] > *last + 2 * steps.reach) ++times;
    last = steps.rows[row];
  }
  return times;
}

bool touches(const Steps& steps, std::size_t row, const std::vector<bool>& samples) {
  const auto first = samples.begin() + static_cast<std::ptrdiff_t>(steps.rows[row] - steps.reach);
  const auto end = first + static_cast<std::ptrdiff_t>(2 * steps.reach + 1);
  return std::find(first, end, true) != end;
}

// What a feeder does at the rows of some steps.
struct Feed {
  std::vector<Complex> steps;  // NaN: not measured.
  std::vector<double> own_va;  // Of all columns.
  std::vector<double> quiet;   // Sizes, at the times at which no column changes.

  // Within what clamps differ by, deviations are not told from each other.
  double weight(std::size_t row, double residual) const {
    return 1 / std::max(residual, 8 + 0.03 * own_va[row]);
  }
};

// Nothing where it was hardly measured.
std::optional<Feed> feed_of(const Recorder& recorder, const Steps& steps, std::size_t feeder,
                            const std::vector<bool>& left_out) {
  const auto n = steps.channels.size();
  if (n == 0 || steps.rows.empty()) return std::nullopt;
  Feed feed;
  feed.own_va.resize(steps.rows.size());
  std::size_t measured = 0;
  for (std::size_t row = 0; row < steps.rows.size(); ++row) {
    feed.steps.emplace_back(touches(steps, row, left_out)
                                ? Complex(std::numeric_limits<double>::quiet_NaN())
                                : Complex(step_at(recorder, steps.reach, steps.rows[row], feeder)));
    if (std::abs(feed.steps.back()) >= 0) ++measured;
    for (std::size_t i = 0; i < n; ++i) {
      feed.own_va[row] += static_cast<double>(std::abs(steps.at(row, i)));
    }
  }
  if (measured * 2 < steps.rows.size()) return std::nullopt;
  auto row = steps.rows.begin();
  for (std::size_t at = steps.reach; at + steps.reach < recorder.size(); ++at) {
    if (row != steps.rows.end() && *row == at) {
      ++row;
      continue;
    }
    const auto size = std::abs(step_at(recorder, steps.reach, at, feeder));
    if (size >= 0) feed.quiet.push_back(static_cast<double>(size));
  }
  return feed;
}

// How much, and how often, the feeder changes while column `i` does not. `left`: what is left of
// its steps.
void look_beside(const Steps& steps, const Feed& feed, std::size_t i,
                 const std::vector<Complex>& left, Share& share) {
  auto beside = feed.quiet;
  for (std::size_t row = 0; row < left.size(); ++row) {
    if (std::abs(steps.at(row, i)) < counted_va && std::abs(left[row]) >= 0) {
      beside.push_back(std::abs(left[row]));
    }
  }
  if (beside.size() < steps.reach) return;
  const auto middle = beside.begin() + static_cast<std::ptrdiff_t>(beside.size() / 2);
  std::ranges::nth_element(beside, middle);
  share.noise_va = least_noise_va + 1.5 * *middle;
  const double shows_va = std::max(3 * share.noise_va, showing * share.greatest_va);
  const auto shows = std::ranges::count_if(beside, [&](double va) { return va > shows_va; });
  // As if half of one change more had been seen, and in no time at all one of ten.
  const auto reach = static_cast<double>(steps.reach);
  share.coincidence =
      (static_cast<double>(shows) + reach) / (static_cast<double>(beside.size()) + 10 * reach);
}

// The share of one column in what the others leave, and its error.
Share fit_alone(const Steps& steps, const Feed& feed, std::size_t i,
                const std::vector<Complex>& left) {
  Share share;
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < left.size(); ++row) {
    if (std::abs(steps.at(row, i)) >= 1 && std::abs(left[row]) >= 0) rows.push_back(row);
  }
  std::vector<double> weights;
  for (const auto row : rows) weights.push_back(feed.weight(row, 0.3 * feed.own_va[row]));
  double own = 0;
  for (int round = 0; round < rounds; ++round) {
    Complex product;
    own = 1e-9;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const Complex step(steps.at(rows[k], i));
      product += weights[k] * std::conj(step) * left[rows[k]];
      own += weights[k] * std::norm(step);
    }
    share.value = product / own;
    if (round + 1 == rounds) break;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const Complex step(steps.at(rows[k], i));
      weights[k] = feed.weight(rows[k], std::abs(left[rows[k]] - share.value * step));
    }
  }
  double squares = 0;
  for (std::size_t k = 0; k < rows.size();) {
    Complex of_segment;
    for (const auto segment = steps.segment[rows[k]];
         k < rows.size() && steps.segment[rows[k]] == segment; ++k) {
      const Complex step(steps.at(rows[k], i));
      of_segment += weights[k] * std::conj(step) * (left[rows[k]] - share.value * step);
    }
    squares += std::norm(of_segment);
  }
  share.error = std::sqrt(squares) / own;
  return share;
}

void describe(const Steps& steps, std::size_t i, Share& share) {
  const float most = greatest(steps, i);
  share.times = times_of(steps, i, most);
  share.greatest_va = static_cast<double>(most);
}

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
  std::size_t begun = 0;
  for (std::size_t at = reach; at < last && steps.rows.size() < most_rows; ++at) {
    const bool changes = std::ranges::any_of(
        all, [&](const auto& own) { return std::abs(own[at - reach]) >= counted_va; });
    if (!changes) continue;
    const bool is_next = !steps.rows.empty() && steps.rows.back() + 1 == at;
    if (!is_next || at - begun == longest_segment * reach) {
      ++steps.segments;
      begun = at;
    }
    steps.rows.push_back(at);
    steps.segment.push_back(steps.segments - 1);
    for (const auto& own : all) steps.of_channels.push_back(own[at - reach]);
  }
  return steps;
}

std::vector<Share> shares_in(const Recorder& recorder, const Steps& steps, std::size_t feeder,
                             const std::vector<bool>& left_out) {
  const auto feed = feed_of(recorder, steps, feeder, left_out);
  if (!feed) return {};
  const auto n = steps.channels.size();
  std::vector<double> weights(steps.rows.size());
  for (std::size_t row = 0; row < weights.size(); ++row) {
    weights[row] = feed->weight(row, 0.3 * feed->own_va[row]);
  }
  std::vector<Complex> found(n), residuals(weights.size());
  Sums sums(n);
  for (int round = 0; round < rounds; ++round) {
    sums = Sums(n);
    for (std::size_t row = 0; row < weights.size(); ++row) {
      if (std::abs(feed->steps[row]) >= 0) sums.add(steps, row, feed->steps[row], weights[row]);
    }
    found = sums.solver().solve(sums.right);
    for (std::size_t row = 0; row < weights.size(); ++row) {
      residuals[row] = feed->steps[row];
      for (std::size_t i = 0; i < n; ++i) residuals[row] -= found[i] * Complex(steps.at(row, i));
      if (round + 1 < rounds && std::abs(residuals[row]) >= 0) {
        weights[row] = feed->weight(row, std::abs(residuals[row]));
      }
    }
  }
  const auto spread = errors(steps, sums, residuals, weights);
  std::vector<Share> shares(n);
  for (std::size_t i = 0; i < n; ++i) {
    shares[i].value = found[i];
    shares[i].error = spread[i];
    describe(steps, i, shares[i]);
    look_beside(steps, *feed, i, residuals, shares[i]);
  }
  return shares;
}

std::vector<Share> shares_beside(const Recorder& recorder, const Steps& steps, std::size_t feeder,
                                 const std::vector<bool>& left_out,
                                 std::span<const Complex> known) {
  const auto feed = feed_of(recorder, steps, feeder, left_out);
  if (!feed) return {};
  const auto n = steps.channels.size();
  auto left = feed->steps;
  const auto add = [&](std::size_t i, Complex share) {
    for (std::size_t row = 0; row < left.size(); ++row)
      left[row] += share * Complex(steps.at(row, i));
  };
  for (std::size_t i = 0; i < n; ++i) add(i, -known[i]);
  std::vector<Share> shares(n);
  for (std::size_t i = 0; i < n; ++i) {
    add(i, known[i]);
    shares[i] = fit_alone(steps, *feed, i, left);
    describe(steps, i, shares[i]);
    look_beside(steps, *feed, i, left, shares[i]);
    add(i, -known[i]);
  }
  return shares;
}

}  // namespace insight::wiring
