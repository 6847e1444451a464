#include "insight/identification/known_mix.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace insight {
namespace {

// What a meter and the line add of their own, beside a share of the power.
constexpr float noise_w = 2, noise_share = 0.01F;
// So unlike a combination no reading is, for there are surges and what nobody knows.
constexpr float worst_misfit = 25;
// A state is worth its place when it makes the rest this much alike, in squares of log watts.
constexpr double least_gain = 0.0004;
constexpr double seen_before = 0.3;  // Of each change, as if it had been seen so often.

struct Point {
  double log_power = 0;
  std::size_t reading = 0;
};

double log_power(float power_w) { return std::log1p(std::max(power_w, 0.0F) / 20.0); }

// Of values in order, sums of themselves and of their squares.
class Sums {
 public:
  explicit Sums(std::span<const Point> points) : first_(points.size() + 1), second_(first_) {
    for (std::size_t i = 0; i < points.size(); ++i) {
      first_[i + 1] = first_[i] + points[i].log_power;
      second_[i + 1] = second_[i] + points[i].log_power * points[i].log_power;
    }
  }

  // Sum of the squares of distances to the mean.
  double spread(std::size_t begin, std::size_t end) const {
    const double sum = first_[end] - first_[begin];
    return second_[end] - second_[begin] - sum * sum / static_cast<double>(end - begin);
  }

 private:
  std::vector<double> first_, second_;
};

// Borders of clusters, each time of that which gains most by being divided.
std::vector<std::size_t> borders(std::span<const Point> points, std::size_t most) {
  const Sums sums(points);
  std::vector<std::size_t> borders{0, points.size()};
  while (borders.size() - 1 < most) {
    double best_gain = least_gain * static_cast<double>(points.size());
    std::size_t best = 0;
    for (std::size_t c = 0; c + 1 < borders.size(); ++c) {
      const auto begin = borders[c], end = borders[c + 1];
      for (auto at = begin + 1; at < end; ++at) {
        const double gain = sums.spread(begin, end) - sums.spread(begin, at) - sums.spread(at, end);
        if (gain > best_gain) std::tie(best_gain, best) = std::pair(gain, at);
      }
    }
    if (best == 0) break;
    borders.insert(std::ranges::upper_bound(borders, best), best);
  }
  return borders;
}

}  // namespace

ApplianceStates::ApplianceStates(std::span<const Reading> readings) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    if (!std::isfinite(readings[i].active_power.value)) continue;
    points.push_back({log_power(readings[i].active_power.value), i});
    has_reactive_power_ &= std::isfinite(readings[i].reactive_power.value);
  }
  states_.emplace_back();
  std::ranges::stable_sort(points, {}, &Point::log_power);
  const auto limits = borders(points, most - 1);
  std::vector<std::uint8_t> state_of(readings.size(), most);
  for (std::size_t c = 0; c + 1 < limits.size() && !points.empty(); ++c) {
    const auto members = std::span(points).subspan(limits[c], limits[c + 1] - limits[c]);
    double p = 0, q = 0, pp = 0, pq = 0, qq = 0;
    for (const auto& member : members) {
      const double power = readings[member.reading].active_power.value;
      const double reactive =
          has_reactive_power_ ? static_cast<double>(readings[member.reading].reactive_power.value)
                              : 0;
      p += power;
      q += reactive;
      pp += power * power;
      pq += power * reactive;
      qq += reactive * reactive;
    }
    const auto n = static_cast<double>(members.size());
    p /= n;
    q /= n;
    const State state{static_cast<float>(p), static_cast<float>(q),
                      static_cast<float>(std::max(0.0, pp / n - p * p)),
                      static_cast<float>(pq / n - p * q),
                      static_cast<float>(std::max(0.0, qq / n - q * q))};
    // Off is there already.
    const bool is_off = c == 0 && p < 3;
    if (is_off) {
      states_[0] = state;
    } else {
      states_.push_back(state);
    }
    for (const auto& member : members) {
      state_of[member.reading] = static_cast<std::uint8_t>(states_.size() - 1);
    }
  }

  std::array<double, most * most> changes{};
  std::array<double, most> seen{};
  for (std::size_t i = 1; i < readings.size(); ++i) {
    if (state_of[i - 1] == most || state_of[i] == most) continue;
    ++changes[state_of[i - 1] * most + state_of[i]];
    ++seen[state_of[i - 1]];
  }
  for (std::size_t from = 0; from < states_.size(); ++from) {
    for (std::size_t to = 0; to < states_.size(); ++to) {
      const double share = (changes[from * most + to] + seen_before) /
                           (seen[from] + seen_before * static_cast<double>(states_.size()));
      costs_[from * most + to] = static_cast<float>(-std::log(share));
    }
  }
}

KnownMix::KnownMix(std::vector<ApplianceStates> appliances) : appliances_(std::move(appliances)) {
  if (appliances_.size() > most_appliances) {
    throw std::invalid_argument("too many appliances are known on one channel to be told apart");
  }
  combinations_.emplace_back();
  for (std::size_t a = 0; a < appliances_.size(); ++a) {
    std::vector<Combination> with;
    for (const auto& combination : combinations_) {
      for (std::size_t s = 0; s < appliances_[a].states().size(); ++s) {
        const auto& state = appliances_[a].states()[s];
        auto& next = with.emplace_back(combination);
        next.state[a] = static_cast<std::uint8_t>(s);
        next.sum.power_w += state.power_w;
        next.sum.reactive_var += state.reactive_var;
        next.sum.power_variance += state.power_variance;
        next.sum.covariance += state.covariance;
        next.sum.reactive_variance += state.reactive_variance;
      }
    }
    combinations_ = std::move(with);
  }
  for (auto& combination : combinations_) {
    const auto noise = [](float of) {
      return noise_w * noise_w + std::pow(noise_share * of, 2.0F);
    };
    combination.sum.power_variance += noise(combination.sum.power_w);
    combination.sum.reactive_variance += noise(combination.sum.reactive_var);
  }
  costs_.assign(combinations_.size(), 0);
}

// The last appliance's states lie side by side, then those of the one before it.
void KnownMix::move(std::vector<std::uint16_t>& from) {
  from.resize(combinations_.size());
  std::iota(from.begin(), from.end(), std::uint16_t{0});
  std::array<float, ApplianceStates::most> costs{};
  std::array<std::uint16_t, ApplianceStates::most> origins{};
  std::size_t stride = 1;
  for (auto a = appliances_.size(); a-- > 0;) {
    const auto count = appliances_[a].states().size();
    for (std::size_t first = 0; first < combinations_.size(); ++first) {
      if (first / stride % count != 0) continue;
      for (std::size_t s = 0; s < count; ++s) {
        costs[s] = costs_[first + s * stride];
        origins[s] = from[first + s * stride];
      }
      for (std::size_t to = 0; to < count; ++to) {
        std::size_t best = to;
        float least = costs[to] + appliances_[a].cost(to, to);
        for (std::size_t s = 0; s < count; ++s) {
          const float cost = costs[s] + appliances_[a].cost(s, to);
          if (cost < least) std::tie(least, best) = std::pair(cost, s);
        }
        costs_[first + to * stride] = least;
        from[first + to * stride] = origins[best];
      }
    }
    stride *= count;
  }
}

bool KnownMix::sees_reactive_power(const Reading& reading) const {
  return std::isfinite(reading.reactive_power.value) &&
         std::ranges::all_of(appliances_, &ApplianceStates::has_reactive_power);
}

// -log of the likelihood, but for a constant.
float KnownMix::misfit(const Reading& reading, const Combination& combination) const {
  const auto& sum = combination.sum;
  const float p = reading.active_power.value - sum.power_w;
  if (!sees_reactive_power(reading)) {
    return std::min(worst_misfit, p * p / sum.power_variance / 2) +
           std::log(sum.power_variance) / 2;
  }
  const float q = reading.reactive_power.value - sum.reactive_var;
  const float determinant =
      sum.power_variance * sum.reactive_variance - sum.covariance * sum.covariance;
  const float square =
      (sum.reactive_variance * p * p - 2 * sum.covariance * p * q + sum.power_variance * q * q) /
      determinant;
  return std::min(worst_misfit, square / 2) + std::log(determinant) / 2;
}

void KnownMix::take(const Reading& reading) {
  if (last_ && reading.time <= *last_) return;
  last_ = reading.time;
  if (!std::isfinite(reading.active_power.value)) {
    live_.reset();
    return;
  }
  auto& step = steps_.emplace_back(reading);
  move(step.from);
  for (std::size_t c = 0; c < combinations_.size(); ++c) {
    costs_[c] += misfit(reading, combinations_[c]);
  }
  const auto best = std::ranges::min_element(costs_);
  const float least = *best;
  live_ = shares_of(reading, combinations_[static_cast<std::size_t>(best - costs_.begin())]);
  for (auto& cost : costs_) cost -= least;
  if (steps_.size() >= 2 * lag) settle(lag);
}

void KnownMix::end() { settle(0); }

// Follows the likeliest path back from now.
void KnownMix::settle(std::size_t keep) {
  if (steps_.size() <= keep) return;
  std::vector<std::size_t> path(steps_.size());
  auto at = static_cast<std::size_t>(std::ranges::min_element(costs_) - costs_.begin());
  for (auto i = steps_.size(); i-- > 0;) {
    path[i] = at;
    at = steps_[i].from[at];
  }
  for (std::size_t i = 0; i + keep < path.size(); ++i) {
    settled_.push_back(shares_of(steps_.front().reading, combinations_[path[i]]));
    steps_.pop_front();
  }
}

// What the states do not say is shared out by how much each of them varies, as a Kalman filter
// does.
KnownMix::Shares KnownMix::shares_of(const Reading& reading, const Combination& combination) const {
  const float measured = reading.active_power.value;
  Shares shares{.time = reading.time, .measured = reading.active_power};
  const auto& sum = combination.sum;
  const float p = measured - sum.power_w;
  float by_p = p / sum.power_variance, by_q = 0;
  if (sees_reactive_power(reading)) {
    const float q = reading.reactive_power.value - sum.reactive_var;
    const float determinant =
        sum.power_variance * sum.reactive_variance - sum.covariance * sum.covariance;
    by_p = (sum.reactive_variance * p - sum.covariance * q) / determinant;
    by_q = (sum.power_variance * q - sum.covariance * p) / determinant;
  }
  float total = 0;
  for (std::size_t a = 0; a < appliances_.size(); ++a) {
    const auto& state = appliances_[a].states()[combination.state[a]];
    auto& share = shares.of[a].value;
    share = std::max(0.0F, state.power_w + state.power_variance * by_p + state.covariance * by_q);
    total += share;
  }
  const float room = std::max(measured, 0.0F);
  if (total > room) {
    for (auto& share : shares.of) share.value *= room / total;
    total = room;
  }
  shares.unexplained.value = measured > 0 ? std::max(0.0F, measured - total) : measured;
  return shares;
}

std::optional<KnownMix::Shares> KnownMix::take_settled() {
  if (settled_.empty()) return std::nullopt;
  const auto shares = settled_.front();
  settled_.pop_front();
  return shares;
}

}  // namespace insight
