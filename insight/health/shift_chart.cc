#include "insight/health/shift_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {

namespace {

using Matrix = std::array<std::array<double, shift_features>, shift_features>;
using Vector = std::array<double, shift_features>;

// All chosen on the devices that `lenz evaluate health` calls "chosen on".
constexpr float limit = 3.65F;  // Of a score, to be found.
// Where the temperature is known, it competes no more: habits look like what is left.
constexpr float known_temperature_caution = 1.07F;
// While the asset's own noise is known by few rows.
constexpr std::size_t early_rows = 35;
constexpr float early_caution = 1.35F;
constexpr float least_scale = 0.7F;
constexpr float level_prior_rows = 30;   // Scores of deviation 1 that are taken for seen.
constexpr float level_forgets = 0.995F;  // A row.
constexpr float most_past_score = 4;
constexpr float least_probability_of_fault = 0.6F;  // Else it is the place, or the people.
constexpr float wrong_raises = 1.15F;
constexpr double noise_prior_rows = 10;
constexpr double rows_depend = 1.4;  // Variance of a mean of rows beside independent ones.
constexpr double most_deviations = 3.5;
constexpr std::size_t rows_before = 60, rows_between = 42, fewest_before = 7, noise_rows = 180,
                      trend_rows = 7;
constexpr double temperature_sensor_spread_c = 0.5;
constexpr double unknown_kelvin_of_a_year = 5;
constexpr double most_guessed_kelvin = 5;
constexpr std::size_t rows_to_know_warmth = 14;
constexpr float margin_c = 3;  // Beyond what was learnt, from which it is not judged.
constexpr double smallest_size = 0.02, greatest_size = 2;
constexpr int sizes = 24;

// Two unusual rows easily move the middle of less than a week: 1.5 for 3 rows, 1.15 for 5.
float few_rows_caution(std::size_t rows) {
  constexpr float by_share = 2.625F, enough = 7;
  return 1 + by_share * std::max(0.F, 1 / static_cast<float>(rows) - 1 / enough);
}

// Of a slope that was thought to be off by `spread`.
double precision(double noise2, float spread) {
  const auto s = static_cast<double>(spread);
  return s > 0 ? noise2 / (s * s) : 1e9;
}

// Mean without the greatest and the smallest fifth, at least one each.
float middle_mean(std::vector<float>& values) {
  if (values.empty()) return detail::not_measured;
  std::ranges::sort(values);
  const auto drop = values.size() < 3 ? 0 : std::max<std::size_t>(1, values.size() / 5);
  double sum = 0;
  for (std::size_t i = drop; i < values.size() - drop; ++i) sum += static_cast<double>(values[i]);
  return static_cast<float>(sum / static_cast<double>(values.size() - 2 * drop));
}

// Of a symmetric positive matrix.
struct Cholesky {
  Matrix lower{};
  std::size_t size = 0;
  double log_determinant = 0;

  Cholesky(const Matrix& m, std::size_t n) : size(n) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = m[i][j];
        for (std::size_t k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k];
        lower[i][j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / lower[j][j];
      }
      log_determinant += 2 * std::log(lower[i][i]);
    }
  }

  // L^-1 v: products of such are products over the inverse of the matrix.
  Vector whiten(const Vector& v) const {
    Vector out{};
    for (std::size_t i = 0; i < size; ++i) {
      double sum = v[i];
      for (std::size_t k = 0; k < i; ++k) sum -= lower[i][k] * out[k];
      out[i] = sum / lower[i][i];
    }
    return out;
  }
};

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < shift_features; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

// Of the features that both show, in their order.
struct ShiftChart::Comparison {
  std::size_t count = 0;
  bool is_temperature_known = false;
  std::array<std::size_t, shift_features> feature{};
  Vector delta{};
  Matrix covariance{};
  ShiftValues before{}, now{};

  Vector direction(const ShiftPattern& pattern) const {
    Vector d{};
    for (std::size_t i = 0; i < count; ++i)
      d[i] = static_cast<double>(pattern.direction[feature[i]]);
    return d;
  }

  // What the temperature hardly touches has to have moved as the pattern says.
  bool shows_itself(const ShiftPattern& pattern, const ShiftRules& rules, float size) const {
    constexpr float hardly = 0.016F, least_share = 0.6F;
    float most = 0;
    for (const auto d : pattern.direction) most = std::max(most, std::abs(d));
    for (std::size_t i = 0; i < count; ++i) {
      const auto d = pattern.direction[feature[i]];
      if (std::abs(d) < most / 2 || std::abs(rules.per_kelvin[feature[i]]) > hardly) {
        continue;
      }
      if (static_cast<float>(delta[i]) / d < least_share * size) return false;
    }
    return true;
  }
};

struct ShiftChart::Candidate {
  Comparison comparison;
  std::size_t pattern = 0;
  float score = 0, size = 0;
  float margin = 0;  // Of the score, over the least that is found.
};

std::size_t ShiftChart::rows_missing() const {
  const auto seen = rows_.size() - begins_;
  return seen < rows_to_learn ? rows_to_learn - seen : 0;
}

void ShiftChart::add(const ShiftRow& row) {
  rows_.push_back(row);
  if (rows_.size() > most_rows) drop_oldest();
  if (rows_missing() > 0) return;
  if (shift_) {
    follow_shift();
    return;
  }
  learn_noise();
  look_for_shift();
}

void ShiftChart::drop_oldest() {
  rows_.erase(rows_.begin());
  if (begins_ > 0) --begins_;
  if (shift_row_ > 0) --shift_row_;
}

ShiftChart::Comparison ShiftChart::compare(Range before, Range now, bool is_long_ago) const {
  Comparison out;
  out.before.fill(detail::not_measured);
  out.now.fill(detail::not_measured);
  std::vector<float> values;
  const auto mean = [&](Range range, auto value) {
    values.clear();
    for (auto i = range.begin; i < range.end; ++i) {
      if (const auto v = value(rows_[i]); !std::isnan(v)) values.push_back(v);
    }
    const bool is_enough = 2 * values.size() >= range.end - range.begin;
    return is_enough ? middle_mean(values) : detail::not_measured;
  };
  for (std::size_t i = 0; i < rules_.count; ++i) {
    const auto value = [i](const ShiftRow& row) { return row.values[i]; };
    out.before[i] = mean(before, value);
    out.now[i] = mean(now, value);
    if (std::isnan(out.before[i]) || std::isnan(out.now[i])) continue;
    out.feature[out.count] = i;
    out.delta[out.count++] = static_cast<double>(out.now[i] - out.before[i]);
  }
  const auto temperature = [](const ShiftRow& row) { return row.temperature_c; };
  const auto kelvin = static_cast<double>(mean(now, temperature) - mean(before, temperature));
  const bool is_known = !std::isnan(kelvin);
  out.is_temperature_known = is_known;

  double assumed_kelvin = is_known ? kelvin : 0;
  double spread_kelvin = is_known      ? temperature_sensor_spread_c
                         : is_long_ago ? unknown_kelvin_of_a_year
                                       : static_cast<double>(rules_.unknown_kelvin);
  if (!is_known && out.count > 0 && out.feature[0] == 0 && rules_.per_kelvin[0] != 0) {
    assumed_kelvin = std::clamp(out.delta[0] / static_cast<double>(rules_.per_kelvin[0]),
                                -most_guessed_kelvin, most_guessed_kelvin);
  }
  const auto rows = [](Range r) { return static_cast<double>(r.end - r.begin); };
  const double share = rows_depend * (1 / rows(now) + 1 / rows(before));
  const double drift = is_long_ago ? 2 : 1;
  const double load_floor = drift * static_cast<double>(rules_.load_floor),
               load_slope = static_cast<double>(load_per_kelvin_spread_) * assumed_kelvin,
               load2 = load_floor * load_floor + load_slope * load_slope;
  for (std::size_t a = 0; a < out.count; ++a) {
    const auto i = out.feature[a];
    for (std::size_t b = 0; b < out.count; ++b) {
      const auto j = out.feature[b];
      const auto product = [&](const ShiftValues& v) {
        return static_cast<double>(v[i]) * static_cast<double>(v[j]);
      };
      out.covariance[a][b] = noise_[i][j] * share +
                             product(per_kelvin_) * spread_kelvin * spread_kelvin +
                             product(rules_.load) * load2;
    }
    const double floor = drift * static_cast<double>(rules_.floor[i]);
    const double slope = static_cast<double>(per_kelvin_spread_[i]) * assumed_kelvin;
    out.covariance[a][a] += floor * floor + slope * slope;
    if (is_known) out.delta[a] -= static_cast<double>(per_kelvin_[i]) * kelvin;
  }
  return out;
}

// Rows less the mean of those around them: trends and shifts do not count for noise. Where the
// temperature is known, its effect is learnt of the same and taken off.
void ShiftChart::learn_noise() {
  const auto begin = std::max(begins_, rows_.size() - std::min(rows_.size(), noise_rows));
  const auto count = rules_.count;
  const auto length = rows_.size() - begin;
  std::vector<std::array<double, shift_features + 1>> rest(length);
  std::vector<double> sums(length + 1), counts(length + 1);
  for (std::size_t i = 0; i <= count; ++i) {
    const auto value = [&](std::size_t t) {
      const auto& row = rows_[begin + t];
      return static_cast<double>(i < count ? row.values[i] : row.temperature_c);
    };
    for (std::size_t t = 0; t < length; ++t) {
      const bool is_there = !std::isnan(value(t));
      sums[t + 1] = sums[t] + (is_there ? value(t) : 0);
      counts[t + 1] = counts[t] + (is_there ? 1 : 0);
    }
    for (std::size_t t = 0; t < length; ++t) {
      const auto from = t - std::min(t, trend_rows), to = std::min(length, t + trend_rows + 1);
      const auto n = counts[to] - counts[from];
      // A row is a part of the mean that is taken off it.
      rest[t][i] =
          n < 3 ? std::nan("") : (value(t) - (sums[to] - sums[from]) / n) * std::sqrt(n / (n - 1));
    }
  }

  std::vector<float> sizes_of;
  for (std::size_t i = 0; i < count; ++i) {
    const auto prior_noise = static_cast<double>(rules_.noise[i]);
    const auto prior = static_cast<double>(rules_.per_kelvin[i]);
    double xx = 0, xy = 0;
    for (const auto& row : rest) {
      const auto x = row[count], y = row[i];
      if (!std::isnan(x) && !std::isnan(y)) xx += x * x, xy += x * y;
    }
    const auto noise2 = prior_noise * prior_noise;
    const auto weight = precision(noise2, rules_.per_kelvin_spread[i]);
    const auto spread_after = [&](float spread) {
      return static_cast<float>(std::sqrt(noise2 / (precision(noise2, spread) + xx)));
    };
    per_kelvin_[i] = static_cast<float>((weight * prior + xy) / (weight + xx));
    per_kelvin_spread_[i] = spread_after(rules_.per_kelvin_spread[i]);
    if (rules_.load[i] == 1) load_per_kelvin_spread_ = spread_after(rules_.load_per_kelvin_spread);
    sizes_of.clear();
    for (auto& row : rest) {
      if (!std::isnan(row[count])) row[i] -= static_cast<double>(per_kelvin_[i]) * row[count];
      if (!std::isnan(row[i])) sizes_of.push_back(static_cast<float>(std::abs(row[i])));
    }
    if (sizes_of.empty()) continue;
    std::ranges::nth_element(sizes_of,
                             sizes_of.begin() + static_cast<std::ptrdiff_t>(sizes_of.size() / 2));
    const auto deviation =
        std::max(1.4826 * static_cast<double>(sizes_of[sizes_of.size() / 2]), 0.3 * prior_noise);
    for (auto& row : rest) {
      row[i] = std::clamp(row[i], -most_deviations * deviation, most_deviations * deviation);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      const auto prior =
          static_cast<double>(rules_.noise[i]) * static_cast<double>(rules_.noise[j]);
      double sum = i == j ? noise_prior_rows * prior : 0;
      double n = noise_prior_rows;
      for (const auto& row : rest) {
        if (!std::isnan(row[i]) && !std::isnan(row[j])) sum += row[i] * row[j], n += 1;
      }
      noise_[i][j] = sum / n;
    }
  }
}

bool ShiftChart::is_outside_learned() const {
  const auto now = rows_.back().temperature_c;
  if (std::isnan(now)) return false;
  auto low = std::numeric_limits<float>::infinity(), high = -low;
  for (auto t = begins_; t + rows_to_know_warmth < rows_.size(); ++t) {
    if (std::isnan(rows_[t].temperature_c)) continue;
    low = std::min(low, rows_[t].temperature_c);
    high = std::max(high, rows_[t].temperature_c);
  }
  return low > high || now < low - margin_c || now > high + margin_c;
}

void ShiftChart::look_for_shift() {
  is_unusual_ = is_outside_learned();
  std::optional<Candidate> best;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    const auto [rows, against_first] = windows[w];
    if (rows_.size() - begins_ < rows + fewest_before) continue;
    const auto now_begin = rows_.size() - rows;
    Range before{std::max(begins_, now_begin - std::min(now_begin, rows_before)), now_begin};
    if (against_first) {
      before = {begins_, begins_ + rows_before};
      if (before.end + rows_between > now_begin) continue;
    }
    const auto comparison = compare(before, {now_begin, rows_.size()}, against_first);
    if (comparison.count < 2) continue;
    const auto candidate = strongest(comparison, rows, levels_[w]);
    if (candidate && !is_unusual_ && (!best || candidate->margin > best->margin)) {
      best = candidate;
      shift_row_ = now_begin;
    }
  }
  if (!best) return;
  Shift shift{.since = rows_[shift_row_].time,
              .found = rows_.back().time,
              .score = best->score,
              .change = rules_.patterns[best->pattern].change,
              .before = {},
              .now = {},
              .spread = {},
              .suspects = {}};
  describe(best->comparison, shift);
  if (probability_of_fault(shift) < least_probability_of_fault) return;
  shift_ = std::move(shift);
  pattern_ = best->pattern;
  size_ = best->size;
  rows_back_ = 0;
}

std::optional<ShiftChart::Candidate> ShiftChart::strongest(const Comparison& comparison,
                                                           std::size_t rows, Level& level) const {
  const Cholesky cholesky(comparison.covariance, comparison.count);
  const auto delta = cholesky.whiten(comparison.delta);
  const auto scale = std::max(least_scale, std::sqrt((level_prior_rows + level.squares) /
                                                     (level_prior_rows + level.weight)));
  const auto least_score = limit * limit_factor_ * few_rows_caution(rows) *
                           (comparison.is_temperature_known ? known_temperature_caution : 1) *
                           (rows_.size() - begins_ < early_rows ? early_caution : 1);
  std::optional<Candidate> best;
  float squares = 0, scored = 0;
  for (std::size_t p = 0; p < rules_.patterns.size(); ++p) {
    const auto& pattern = rules_.patterns[p];
    if (!pattern.is_fault) continue;
    const auto d = cholesky.whiten(comparison.direction(pattern));
    const auto dd = dot(d, d);
    if (dd <= 0) continue;
    const auto raw = static_cast<float>(dot(d, delta) / std::sqrt(dd));
    const auto size = static_cast<float>(dot(d, delta) / dd);
    squares += std::min(raw * raw, most_past_score * most_past_score);
    scored += 1;
    const auto score = raw / scale / pattern.caution;
    const bool is_found = rows >= pattern.fewest_rows && size >= pattern.least_size &&
                          score >= least_score && comparison.shows_itself(pattern, rules_, size);
    if (is_found && (!best || score > best->score)) {
      best = Candidate{comparison, p, score, size, score / least_score};
    }
  }
  if (scored > 0) {
    level.weight = level_forgets * level.weight + 1;
    level.squares = level_forgets * level.squares + squares / scored;
  }
  return best;
}

float ShiftChart::probability_of_fault(const Shift& shift) const {
  float sum = 0;
  for (const auto& suspect : shift.suspects) {
    const auto pattern = std::ranges::find(rules_.patterns, suspect.cause, &ShiftPattern::cause);
    if (pattern->is_fault) sum += suspect.probability;
  }
  return sum;
}

void ShiftChart::describe(const Comparison& comparison, Shift& shift) const {
  shift.before = comparison.before;
  shift.now = comparison.now;
  for (std::size_t i = 0; i < rules_.count; ++i) {
    shift.spread[i] = static_cast<float>(std::sqrt(noise_[i][i]));
  }
  std::vector<double> likelihoods;
  double all = 0, most = -1e300;
  for (const auto& pattern : rules_.patterns) {
    const auto d = comparison.direction(pattern);
    std::array<double, sizes> logs{};
    for (int s = 0; s < sizes; ++s) {
      const auto size = smallest_size * std::pow(greatest_size / smallest_size,
                                                 static_cast<double>(s) / (sizes - 1));
      auto covariance = comparison.covariance;
      auto rest = comparison.delta;
      for (std::size_t i = 0; i < comparison.count; ++i) {
        rest[i] -= size * d[i];
        const auto spread =
            size * static_cast<double>(pattern.spread) * std::max(0.15, std::abs(d[i]));
        covariance[i][i] += spread * spread;
      }
      const Cholesky cholesky(covariance, comparison.count);
      const auto white = cholesky.whiten(rest);
      logs[static_cast<std::size_t>(s)] = -0.5 * (dot(white, white) + cholesky.log_determinant);
    }
    const auto top = *std::ranges::max_element(logs);
    double sum = 0;
    for (const auto log : logs) sum += std::exp(log - top);
    likelihoods.push_back(std::log(static_cast<double>(pattern.prior) * sum / sizes) + top);
    most = std::max(most, likelihoods.back());
  }
  for (auto& l : likelihoods) all += (l = std::exp(l - most));
  shift.suspects.clear();
  for (std::size_t p = 0; p < likelihoods.size(); ++p) {
    const auto probability = static_cast<float>(likelihoods[p] / all);
    if (probability < 0.02F) continue;
    const auto same = std::ranges::find(shift.suspects, rules_.patterns[p].cause, &Suspect::cause);
    if (same != shift.suspects.end())
      same->probability += probability;
    else
      shift.suspects.push_back({rules_.patterns[p].cause, probability});
  }
  std::ranges::sort(shift.suspects, std::ranges::greater{}, &Suspect::probability);
}

void ShiftChart::follow_shift() {
  const auto end = rows_.size();
  const Range before{std::max(begins_, shift_row_ - std::min(shift_row_, rows_before)), shift_row_};
  const Range now{std::max(shift_row_, end - std::min(end, windows.back().rows)), end};
  if (before.end - before.begin < fewest_before) return;
  if (const auto comparison = compare(before, now, false); comparison.count >= 2) {
    describe(comparison, *shift_);
  }
  constexpr std::size_t rows_to_be_back = 7;
  constexpr float share_left = 0.35F;
  if (end - shift_row_ < 2 * rows_to_be_back) return;
  const auto latest = compare(before, {end - rows_to_be_back, end}, false);
  const Cholesky cholesky(latest.covariance, latest.count);
  const auto d = cholesky.whiten(latest.direction(rules_.patterns[pattern_]));
  const auto size = dot(d, cholesky.whiten(latest.delta)) / std::max(dot(d, d), 1e-12);
  rows_back_ = size < static_cast<double>(share_left * size_) ? rows_back_ + 1 : 0;
  if (rows_back_ >= static_cast<int>(rows_to_be_back)) forget_shift();
}

void ShiftChart::learn_anew() {
  begins_ = rows_.size();
  levels_ = {};
  shift_.reset();
}

void ShiftChart::forget_shift() {
  if (!shift_) return;
  // What was while it lasted is not compared with.
  rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(shift_row_), rows_.end());
  shift_.reset();
}

void ShiftChart::shift_was_wrong() {
  limit_factor_ *= wrong_raises;
  learn_anew();
}

void ShiftChart::put_memory(std::string& bytes) const {
  put(bytes, static_cast<std::uint32_t>(rows_.size()));
  for (const auto& row : rows_) put(bytes, row);
  put(bytes, static_cast<std::uint32_t>(begins_));
  put(bytes, levels_);
  put(bytes, limit_factor_);
  put(bytes, static_cast<std::uint8_t>(shift_.has_value()));
  if (!shift_) return;
  put(bytes, shift_->since);
  put(bytes, shift_->found);
  put(bytes, shift_->score);
  put(bytes, static_cast<std::uint32_t>(shift_row_));
  put(bytes, static_cast<std::uint32_t>(pattern_));
  put(bytes, size_);
  put(bytes, static_cast<std::int32_t>(rows_back_));
}

bool ShiftChart::take_memory(std::string_view& bytes) {
  std::uint32_t count = 0, begins = 0, shift_row = 0, pattern = 0;
  std::int32_t back = 0;
  std::uint8_t has_shift = 0;
  if (!take(bytes, count) || count > most_rows) return false;
  rows_.resize(count);
  for (auto& row : rows_) {
    if (!take(bytes, row)) return false;
  }
  if (!std::ranges::is_sorted(rows_, {}, &ShiftRow::time)) return false;
  if (!take(bytes, begins) || begins > count || !take(bytes, levels_) ||
      !take(bytes, limit_factor_) || !take(bytes, has_shift)) {
    return false;
  }
  const bool is_level =
      std::ranges::all_of(levels_, [](const Level& l) { return l.weight >= 0 && l.squares >= 0; });
  if (!is_level || !(limit_factor_ > 0)) return false;
  begins_ = begins;
  if (rows_missing() == 0) learn_noise();
  if (has_shift == 0) return true;
  shift_.emplace();
  if (!take(bytes, shift_->since) || !take(bytes, shift_->found) || !take(bytes, shift_->score) ||
      !take(bytes, shift_row) || shift_row < begins_ || shift_row >= count ||
      !take(bytes, pattern) || pattern >= rules_.patterns.size() || !take(bytes, size_) ||
      !take(bytes, back)) {
    return false;
  }
  shift_row_ = shift_row;
  pattern_ = pattern;
  rows_back_ = back;
  shift_->change = rules_.patterns[pattern_].change;
  const Range before{std::max(begins_, shift_row_ - std::min(shift_row_, rows_before)), shift_row_};
  const Range now{std::max(shift_row_, rows_.size() - std::min(rows_.size(), windows.back().rows)),
                  rows_.size()};
  describe(compare(before, now, false), *shift_);
  return true;
}

}  // namespace insight
