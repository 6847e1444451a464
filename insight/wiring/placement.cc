#include "insight/wiring/placement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace insight::wiring {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
// One standard deviation: of two clamps of one type, and what crosses from leg to leg.
constexpr double of_sizes = 0.015, of_angles = 3 * std::numbers::pi / 180, of_nothing = 0.04;
constexpr double most_times = 4;
constexpr double largest_area = 4;  // Of complex shares.
// Logarithms of how rarely a clamp is there.
constexpr double other_legs = 3.5, no_legs = 3.5, other_type = 4, other_factor = 6;
constexpr double proven = 3, proven_by_shares = 2;
// What tells a type, of a size; and of what changed only once.
constexpr double sized_error = 0.05, once_error = 0.01, once_misfit = 1.5;
constexpr double rare_coincidence = 0.02;

double square(double number) { return number * number; }

double times_of(const Share& share) {
  return std::clamp(static_cast<double>(share.times), 1., most_times);
}

double error_of(const Share& share) {
  return std::hypot(share.error,
                    share.noise_va / std::max(1., share.greatest_va) / times_of(share));
}

// How unlikely a share is that other loads have made, against one that is what it should be: they
// switch in the same second, at each more time half as rarely.
double worst(const Share& share) {
  const double area = 2 * std::numbers::pi * square(std::hypot(error_of(share), of_sizes));
  return std::max(
      1., std::log(largest_area / area) - std::log(share.coincidence) * (1 + times_of(share)) / 2);
}

// Of a deviation's square: what other loads add has long tails.
double rareness(double deviations) { return 2.2 * std::log1p(deviations / 4.4); }

// How unlikely a share is where `expected` of what is said should be found.
double cost(const Share& share, double scale, double expected, double turn) {
  if (scale == 0) return 0;
  const double size = std::abs(share.value) / scale, error = error_of(share) / scale;
  if (expected == 0) {
    return std::min(worst(share), rareness(square(size) / (square(error) + square(of_nothing))));
  }
  const double angle = std::remainder(std::arg(share.value), turn);
  const double sizes = square(size - expected) / (square(error) + square(of_sizes * expected));
  const double angles = square(angle) / (square(error / std::max(size, 0.01)) + square(of_angles));
  return std::min(worst(share), rareness(sizes + angles));
}

// What changed once only is told from another load that changed as well by how exact it is.
bool is_precise(const Share& share, double misfit) {
  const double size = std::abs(share.value);
  if (error_of(share) > sized_error * size) return false;
  return share.times > 1 || share.coincidence < rare_coincidence ||
         (share.error < once_error * size && misfit < once_misfit);
}

bool holds(const std::vector<int>& legs, std::size_t leg) {
  return std::ranges::find(legs, static_cast<int>(leg) + 1) != legs.end();
}

// The legs a clamp could be on.
std::vector<std::vector<int>> places(std::size_t legs) {
  std::vector<std::vector<int>> all{{}};
  for (int leg = 1; leg <= static_cast<int>(legs); ++leg) all.push_back({leg});
  if (legs == 1) return all;
  auto& every = all.emplace_back();
  for (int leg = 1; leg <= static_cast<int>(legs); ++leg) every.push_back(leg);
  return all;
}

double rarity(const Entry& entry, const std::vector<int>& legs) {
  if (legs.empty()) return no_legs;
  if (entry.legs.empty() || legs == entry.legs) return 0;
  return legs.size() == 1 && legs[0] == entry.own_leg ? 0 : other_legs;
}

// With the least cost of another factor at the same legs.
struct Candidate {
  Placement placement{.misfit = infinite, .cost = infinite};
  double next = infinite;
};

Candidate candidate(const Entry& entry, std::vector<int> legs, std::span<const Share> shares,
                    std::span<const double> scales, double turn) {
  Candidate best;
  const double rare = rarity(entry, legs);
  const auto consider = [&](double factor, double more) {
    double misfit = 0;
    for (std::size_t leg = 0; leg < shares.size(); ++leg) {
      misfit += cost(shares[leg], scales[leg], holds(legs, leg) ? factor : 0, turn);
    }
    const double all = misfit + rare + more;
    if (all < best.placement.cost) {
      best.next = best.placement.cost;
      best.placement.factor = factor;
      best.placement.misfit = misfit;
      best.placement.cost = all;
    } else {
      best.next = std::min(best.next, all);
    }
  };
  consider(1, 0);
  if (!legs.empty()) {
    for (const double factor : entry.type_factors) consider(factor, other_type);
    const auto first = static_cast<std::size_t>(legs[0]) - 1;
    if (entry.type_factors.empty() && scales[first] > 0) {
      consider(std::abs(shares[first].value) / scales[first], other_factor);
    }
  }
  best.placement.legs = std::move(legs);
  return best;
}

}  // namespace

Placement place(const Entry& entry, std::span<const Share> shares, std::span<const double> scales,
                double turn) {
  Candidate best;
  double next = best.placement.cost, next_misfit = next;
  for (auto& legs : places(shares.size())) {
    const auto is_measured = [&](int leg) { return scales[static_cast<std::size_t>(leg) - 1] > 0; };
    if (!legs.empty() && std::ranges::none_of(legs, is_measured)) continue;
    auto other = candidate(entry, std::move(legs), shares, scales, turn);
    if (other.placement.cost < best.placement.cost) std::swap(other, best);
    next = std::min(next, other.placement.cost);
    next_misfit = std::min(next_misfit, other.placement.misfit);
  }
  auto& found = best.placement;
  found.is_proven = next - found.cost > proven && next_misfit - found.misfit > proven_by_shares;
  found.is_sized = best.next - found.cost > proven;
  found.evidence = -found.cost;
  double least = infinite;
  for (std::size_t leg = 0; leg < shares.size(); ++leg) {
    if (scales[leg] == 0) continue;
    const double none = worst(shares[leg]);
    least = std::min(least, none);
    if (!holds(found.legs, leg)) continue;
    found.evidence += none;
    found.is_sized &= is_precise(shares[leg], found.misfit);
  }
  // What no place explains is known by its entry only.
  found.is_proven &= found.misfit < least - 2;
  return found;
}

}  // namespace insight::wiring
