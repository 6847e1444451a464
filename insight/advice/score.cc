#include "insight/advice/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace insight {

namespace {

constexpr std::size_t days_before = 28, days_after = 21;
constexpr double uses_needed = 8;
constexpr double away_below = 0.55;  // Of what the rest of the home usually takes.
constexpr double off_below = 0.25;   // Of what the appliance usually takes.
constexpr double habits = 0.035;     // By what share use wanders that no day shows.
constexpr double z80 = 1.2816;
constexpr double z_saving = 2.75;
// By what the variance of few days that go together is found too small: chosen on simulated
// changes, with `habits` and `z_saving`.
constexpr double found_small = 1.4;
constexpr int lag = 6;  // Days that go together; Newey and West 1987.
constexpr double heated_below = 15, cooled_above = 18;  // °C

// 1, uses, degrees of heating and of cooling; and the saved share.
constexpr std::size_t terms = 4, unknowns = terms + 1;
using Terms = std::array<double, terms>;
using Vector = std::array<double, unknowns>;
using Matrix = std::array<Vector, unknowns>;

struct Day {
  double kwh;
  Terms terms;
  bool is_after;
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

struct Usual {
  double kwh = 0, rest = 0;
};
Usual usual_of(std::span<const UseDay> before) {
  std::vector<double> kwh, rest;
  for (const auto& day : before) {
    if (day.kwh) kwh.push_back(*day.kwh);
    if (day.rest_kwh) rest.push_back(*day.rest_kwh);
  }
  return {median(std::move(kwh)), median(std::move(rest))};
}

bool counts(const UseDay& day, const Usual& usual) {
  if (!day.kwh) return false;
  if (day.rest_kwh && *day.rest_kwh < away_below * usual.rest) return false;
  return day.uses || *day.kwh >= off_below * usual.kwh;
}

// Those that count. Weather is looked at where it is known of all of them.
struct CountedDays {
  std::vector<Day> days;
  bool knows_weather = true;
};
CountedDays days_of(std::span<const UseDay> before, std::span<const UseDay> after) {
  const auto usual = usual_of(before);
  CountedDays counted;
  auto& [days, knows_weather] = counted;
  for (const bool is_after : {false, true}) {
    for (const auto& day : is_after ? after : before) {
      if (!counts(day, usual)) continue;
      Terms x{1, day.uses.value_or(0), 0, 0};
      if (day.outdoor) {
        x[2] = std::max(0.0, heated_below - *day.outdoor);
        x[3] = std::max(0.0, *day.outdoor - cooled_above);
      } else {
        knows_weather = false;
      }
      days.push_back({*day.kwh, x, is_after});
    }
  }
  if (!knows_weather) {
    for (auto& day : days) day.terms[2] = day.terms[3] = 0;
  }
  return counted;
}

// Of a symmetric matrix, by Gauss and Jordan. Terms that never vary get 0.
Matrix inverse(Matrix m) {
  Matrix result{};
  for (std::size_t i = 0; i < unknowns; ++i) result[i][i] = 1;
  std::array<bool, unknowns> is_used{};
  for (std::size_t i = 0; i < unknowns; ++i) {
    std::size_t pivot = unknowns;
    for (std::size_t j = 0; j < unknowns; ++j) {
      if (!is_used[j] && (pivot == unknowns || std::abs(m[j][j]) > std::abs(m[pivot][pivot]))) {
        pivot = j;
      }
    }
    if (std::abs(m[pivot][pivot]) < 1e-9) break;
    is_used[pivot] = true;
    const double scale = 1 / m[pivot][pivot];
    for (std::size_t k = 0; k < unknowns; ++k) {
      m[pivot][k] *= scale;
      result[pivot][k] *= scale;
    }
    for (std::size_t j = 0; j < unknowns; ++j) {
      if (j == pivot) continue;
      const double factor = m[j][pivot];
      for (std::size_t k = 0; k < unknowns; ++k) {
        m[j][k] -= factor * m[pivot][k];
        result[j][k] -= factor * result[pivot][k];
      }
    }
  }
  for (std::size_t i = 0; i < unknowns; ++i) {
    for (std::size_t j = 0; j < unknowns; ++j) {
      if (!is_used[i] || !is_used[j]) result[i][j] = 0;
    }
  }
  return result;
}

double dot(const Terms& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < terms; ++i) sum += a[i] * b[i];
  return sum;
}

// kwh = terms · fit, less the saved share of it afterwards.
struct Fit {
  Vector value{};  // The last is the saved share.
  Matrix covariance{};
};

Vector gradient(const Day& day, const Vector& value) {
  Vector g{};
  const double stays = day.is_after ? 1 - value[terms] : 1;
  for (std::size_t i = 0; i < terms; ++i) g[i] = stays * day.terms[i];
  g[terms] = day.is_after ? -dot(day.terms, value) : 0;
  return g;
}

double residual(const Day& day, const Vector& value) {
  return day.kwh - (day.is_after ? 1 - value[terms] : 1) * dot(day.terms, value);
}

Matrix normal_matrix(const std::vector<Day>& days, const Vector& value) {
  Matrix m{};
  for (const auto& day : days) {
    const auto g = gradient(day, value);
    for (std::size_t i = 0; i < unknowns; ++i) {
      for (std::size_t j = 0; j < unknowns; ++j) m[i][j] += g[i] * g[j];
    }
  }
  return m;
}

Vector step(const Matrix& inverted, const std::vector<Day>& days, const Vector& value) {
  Vector pull{}, moved{};
  for (const auto& day : days) {
    const auto g = gradient(day, value);
    for (std::size_t i = 0; i < unknowns; ++i) pull[i] += g[i] * residual(day, value);
  }
  for (std::size_t i = 0; i < unknowns; ++i) {
    for (std::size_t j = 0; j < unknowns; ++j) moved[i] += inverted[i][j] * pull[j];
  }
  return moved;
}

// The covariance that days which go together leave; Newey and West 1987.
Matrix covariance(const Matrix& inverted, const std::vector<Day>& days, const Vector& value) {
  Matrix meat{};
  for (std::size_t t = 0; t < days.size(); ++t) {
    const auto a = gradient(days[t], value);
    const double at = residual(days[t], value);
    for (std::size_t l = 0; l <= lag && l <= t; ++l) {
      const auto b = gradient(days[t - l], value);
      const double weight = (1 - static_cast<double>(l) / (lag + 1)) * at *
                            residual(days[t - l], value) * (l == 0 ? 0.5 : 1);
      for (std::size_t i = 0; i < unknowns; ++i) {
        for (std::size_t j = 0; j < unknowns; ++j) {
          meat[i][j] += weight * (a[i] * b[j] + b[i] * a[j]);
        }
      }
    }
  }
  const auto n = static_cast<double>(days.size());
  Matrix result{};
  for (std::size_t i = 0; i < unknowns; ++i) {
    for (std::size_t j = 0; j < unknowns; ++j) {
      for (std::size_t k = 0; k < unknowns; ++k) {
        for (std::size_t l = 0; l < unknowns; ++l) {
          result[i][j] += inverted[i][k] * meat[k][l] * inverted[l][j];
        }
      }
      result[i][j] *= found_small * n / (n - unknowns);
    }
  }
  return result;
}

// By Gauss and Newton.
Fit fit(const std::vector<Day>& days) {
  Fit result;
  double kwh = 0;
  for (const auto& day : days) kwh += day.kwh;
  result.value[0] = kwh / static_cast<double>(days.size());
  Matrix inverted{};
  for (int i = 0; i < 30; ++i) {
    inverted = inverse(normal_matrix(days, result.value));
    const auto moved = step(inverted, days, result.value);
    for (std::size_t k = 0; k < unknowns; ++k) result.value[k] += moved[k];
    result.value[terms] = std::clamp(result.value[terms], -3.0, 1.0);
  }
  result.covariance = covariance(inverted, days, result.value);
  return result;
}

std::string too_few(const std::vector<Day>& days, bool is_counted) {
  std::size_t before = 0, after = 0;
  double uses_before = 0, uses_after = 0;
  for (const auto& day : days) {
    (day.is_after ? after : before) += 1;
    (day.is_after ? uses_after : uses_before) += day.terms[1];
  }
  if (before < days_before) {
    return fmt::format("Only {} days before it can be compared; {} are needed.", before,
                       days_before);
  }
  if (after < days_after) {
    return fmt::format("Only {} days after it can be compared; {} are needed.", after, days_after);
  }
  if (is_counted && std::min(uses_before, uses_after) < uses_needed) {
    return fmt::format("It was used {:.0f} times before and {:.0f} times after; {:.0f} are needed.",
                       uses_before, uses_after, uses_needed);
  }
  return {};
}

// Of the days that are compared: weather of all, use of before.
Terms reference(const std::vector<Day>& days) {
  Terms sum{};
  double uses = 0, before = 0;
  for (const auto& day : days) {
    for (std::size_t i = 0; i < terms; ++i) sum[i] += day.terms[i];
    if (day.is_after) continue;
    uses += day.terms[1];
    before += 1;
  }
  for (auto& term : sum) term /= static_cast<double>(days.size());
  sum[1] = uses / before;
  return sum;
}

}  // namespace

std::expected<MeasuredSaving, std::string> measured_saving(std::span<const UseDay> before,
                                                           std::span<const UseDay> after) {
  const auto [days, knows_weather] = days_of(before, after);
  const bool is_counted =
      std::ranges::any_of(before, [](const UseDay& day) { return day.uses.has_value(); });
  if (auto why = too_few(days, is_counted); !why.empty()) return std::unexpected(std::move(why));

  const auto found = fit(days);
  const auto at = reference(days);
  const double yearly = 365 * dot(at, found.value), share = found.value[terms];
  Vector slope{};
  for (std::size_t i = 0; i < terms; ++i) slope[i] = share * 365 * at[i];
  slope[terms] = yearly;
  double variance = std::pow(habits * yearly, 2);
  for (std::size_t i = 0; i < unknowns; ++i) {
    for (std::size_t j = 0; j < unknowns; ++j) {
      variance += slope[i] * found.covariance[i][j] * slope[j];
    }
  }
  const double saved = share * yearly, sigma = std::sqrt(variance);
  return MeasuredSaving{{saved - z80 * sigma, saved, saved + z80 * sigma},
                        saved - z_saving * sigma > 0,
                        knows_weather};
}

bool follows_weather(ApplianceKind kind) {
  constexpr std::array kinds = {ApplianceKind::electric_heater, ApplianceKind::air_conditioner,
                                ApplianceKind::heat_pump, ApplianceKind::furnace,
                                ApplianceKind::dehumidifier};
  return std::ranges::count(kinds, kind) > 0;
}

std::optional<bool> came_true(const ScoredPrediction& prediction) {
  if (!prediction.measured) return std::nullopt;
  const double measured = prediction.measured->median;
  return measured >= prediction.predicted.low && measured <= prediction.predicted.high;
}

HitRate hit_rate(std::span<const ScoredPrediction> predictions) {
  HitRate rate;
  for (const auto& prediction : predictions) {
    const auto is_true = came_true(prediction);
    if (!is_true) continue;
    ++rate.measured;
    if (*is_true) ++rate.right;
  }
  return rate;
}

}  // namespace insight
