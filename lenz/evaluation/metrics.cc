#include "lenz/evaluation/metrics.h"

#include <algorithm>
#include <array>
#include <boost/math/special_functions/beta.hpp>
#include <chrono>
#include <cmath>
#include <random>

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;

double seconds(Timestamp begin, Timestamp end) {
  return std::chrono::duration<double>(end - begin).count();
}

// The greatest number of pairs: both are in order, and each takes the first that it can.
std::size_t pairs_within(const std::vector<Timestamp>& a, const std::vector<Timestamp>& b,
                         double tolerance_s) {
  std::size_t pairs = 0, j = 0;
  for (const auto time : a) {
    while (j < b.size() && seconds(b[j], time) > tolerance_s) ++j;
    if (j == b.size()) break;
    if (seconds(time, b[j]) > tolerance_s) continue;
    ++pairs;
    ++j;
  }
  return pairs;
}

Hits hits(std::size_t pairs, std::size_t truth, std::size_t estimated) {
  return {static_cast<double>(pairs), static_cast<double>(estimated - pairs),
          static_cast<double>(truth - pairs)};
}

}  // namespace

double Hits::f1() const {
  const auto all = 2 * right + wrong + missed;
  return all > 0 ? 2 * right / all : no_figure;
}

Hits& Hits::operator+=(const Hits& other) {
  right += other.right;
  wrong += other.wrong;
  missed += other.missed;
  return *this;
}

Hits Hits::operator*(double by) const { return {right * by, wrong * by, missed * by}; }

Hits match_steps(std::span<const Timestamp> times, std::span<const Step> truth,
                 std::span<const Step> estimated, double tolerance_s) {
  std::size_t pairs = 0;
  for (const bool is_up : {true, false}) {
    const auto of = [&](std::span<const Step> all) {
      std::vector<Timestamp> found;
      for (const auto& step : all) {
        if ((step.size_w > 0) == is_up) found.push_back(times[step.row]);
      }
      return found;
    };
    pairs += pairs_within(of(truth), of(estimated), tolerance_s);
  }
  return hits(pairs, truth.size(), estimated.size());
}

Hits match_activations(std::span<const Timestamp> times, std::span<const Activation> truth,
                       std::span<const Activation> estimated) {
  std::size_t pairs = 0, j = 0;
  for (const auto& a : truth) {
    while (j < estimated.size() && estimated[j].end <= a.begin) ++j;
    for (auto k = j; k < estimated.size() && estimated[k].begin < a.end; ++k) {
      const auto& b = estimated[k];
      const auto shared =
          seconds(times[std::max(a.begin, b.begin)], times[std::min(a.end, b.end) - 1]);
      const auto both =
          seconds(times[std::min(a.begin, b.begin)], times[std::max(a.end, b.end) - 1]);
      // Rows at one instant share all.
      if (both > 0 ? shared < 0.5 * both : shared != both) continue;
      ++pairs;
      j = k + 1;
      break;
    }
  }
  return hits(pairs, truth.size(), estimated.size());
}

PowerErrors& PowerErrors::operator+=(const PowerErrors& other) {
  hours += other.hours;
  absolute_wh += other.absolute_wh;
  true_wh += other.true_wh;
  estimated_wh += other.estimated_wh;
  least_wh += other.least_wh;
  greatest_wh += other.greatest_wh;
  day_errors += other.day_errors;
  days += other.days;
  return *this;
}

PowerErrors PowerErrors::operator*(double by) const {
  return {hours * by,    absolute_wh * by, true_wh * by, estimated_wh * by,
          least_wh * by, greatest_wh * by, day_errors,   days};
}

PowerErrors power_errors(std::span<const Timestamp> times, std::span<const float> held_s,
                         std::span<const float> truth, std::span<const float> estimated) {
  constexpr double least_day_wh = 10;  // Below, a relative error says nothing.
  PowerErrors sum;
  double day_true = 0, day_estimated = 0;
  auto next_day = Timestamp::min();
  const auto finish_day = [&] {
    if (day_true >= least_day_wh) {
      sum.day_errors += std::abs(day_estimated - day_true) / day_true;
      sum.days += 1;
    }
    day_true = day_estimated = 0;
  };
  for (std::size_t row = 0; row < truth.size(); ++row) {
    if (std::isnan(truth[row]) || std::isnan(estimated[row])) continue;
    if (times[row] >= next_day) {
      finish_day();
      next_day = std::chrono::floor<std::chrono::days>(times[row]) + std::chrono::days(1);
    }
    const auto hours = static_cast<double>(held_s[row]) / 3600;
    const auto y = static_cast<double>(truth[row]), e = static_cast<double>(estimated[row]);
    sum.hours += hours;
    sum.absolute_wh += std::abs(e - y) * hours;
    sum.true_wh += y * hours;
    sum.estimated_wh += e * hours;
    sum.least_wh += std::min(y, e) * hours;
    sum.greatest_wh += std::max(y, e) * hours;
    day_true += y * hours;
    day_estimated += e * hours;
  }
  finish_day();
  return sum;
}

Figure share(double right, double n) {
  if (!(n > 0)) return {};
  constexpr double tail = 0.025;
  const auto wrong = n - right;
  return {right / n, right > 0 ? boost::math::ibeta_inv(right, wrong + 1, tail) : 0,
          wrong > 0 ? boost::math::ibeta_inv(right + 1, wrong, 1 - tail) : 1};
}

std::vector<Figure> bootstrap(
    std::size_t units, std::uint64_t seed,
    const std::function<std::vector<double>(std::span<const double> weights)>& figures) {
  std::vector<double> weights(units, 1);
  std::vector<Figure> made;
  for (const auto value : figures(weights)) made.push_back({.value = value});
  if (units < 2) return made;
  constexpr std::size_t draws = 400;
  std::mt19937_64 random(seed);
  std::vector<std::vector<double>> drawn(made.size());
  for (std::size_t draw = 0; draw < draws; ++draw) {
    std::ranges::fill(weights, 0);
    for (std::size_t i = 0; i < units; ++i) ++weights[random() % units];
    const auto values = figures(weights);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isnan(values[i])) drawn[i].push_back(values[i]);
    }
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (std::isnan(made[i].value)) continue;
    made[i].low = quantile(drawn[i], 0.025);
    made[i].high = quantile(drawn[i], 0.975);
  }
  return made;
}

double calibration_error(std::span<const std::pair<double, bool>> guesses) {
  struct Bin {
    double n = 0, probability = 0, right = 0;
  };
  std::array<Bin, 10> bins{};
  for (const auto& [probability, is_right] : guesses) {
    const auto at = static_cast<std::size_t>(std::clamp(probability * 10, 0.0, 9.0));
    bins[at].n += 1;
    bins[at].probability += probability;
    bins[at].right += is_right;
  }
  double sum = 0;
  for (const auto& bin : bins) sum += std::abs(bin.probability - bin.right);
  return guesses.empty() ? no_figure : sum / static_cast<double>(guesses.size());
}

double quantile(std::vector<double> values, double at) {
  if (values.empty()) return no_figure;
  std::ranges::sort(values);
  const auto place = at * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], place - static_cast<double>(below));
}

std::map<insight::ApplianceKind, double> type_f1(const Confusion& confusion) {
  std::map<insight::ApplianceKind, Hits> hits_of;
  for (const auto& [pair, weight] : confusion) {
    if (weight > 0) hits_of[pair.first];
  }
  for (const auto& [pair, weight] : confusion) {
    const auto& [truth, guess] = pair;
    if (weight <= 0) continue;
    if (guess == truth) {
      hits_of[truth].right += weight;
      continue;
    }
    hits_of[truth].missed += weight;
    if (!guess) continue;
    const auto found = hits_of.find(*guess);
    if (found != hits_of.end()) found->second.wrong += weight;
  }
  std::map<insight::ApplianceKind, double> made;
  for (const auto& [kind, of_kind] : hits_of) made[kind] = of_kind.f1();
  return made;
}

}  // namespace lenz::evaluation
