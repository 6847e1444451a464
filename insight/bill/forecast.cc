#include "insight/bill/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>
#include <span>

namespace insight {
namespace {

using measurement::Timestamp;
using std::chrono::local_days;

constexpr std::size_t draws = 200;
constexpr int days_looked_back = 56, days_needed = 28, days_of_profile = 28;
constexpr int weeks_of_errors = 52;
constexpr std::size_t quarters_of_day = 96;
constexpr float enough_covered = 0.9F;
// What a home's use deviates from its last four weeks, until its own past says it: in the long run,
// and of a single day. Assumed.
constexpr double drift = 0.08, drift_of_day = 0.25;
constexpr double weight_of_assumed = 8;  // As so many earlier forecasts.

// One day as it may come again. The hour that comes twice is there once, the one that is skipped
// as the one before.
struct PastDay {
  bool is_known = false;
  double kwh = 0;  // Imported.
  std::array<measurement::MilliwattHours, quarters_of_day> imported{}, exported{};
  std::array<std::optional<Decimal>, quarters_of_day> prices{};
};

std::size_t quarter_of_day(const Zone& zone, Timestamp time) {
  return static_cast<std::size_t>((zone.local(time) - zone.day(time)) / quarter);
}

PastDay past_day(const QuarterHours& grid, local_days day, const Zone& zone,
                 const DayAhead& prices) {
  PastDay past;
  const auto begin = zone.begin(day), end = zone.begin(day + std::chrono::days(1));
  if (begin < grid.begin ||
      static_cast<std::size_t>((end - grid.begin) / quarter) > grid.imported.size()) {
    return past;
  }
  float covered = 0;
  std::size_t next = 0;
  for (auto now = begin; now < end; now += quarter) {
    const auto index = static_cast<std::size_t>((now - grid.begin) / quarter);
    covered += grid.covered.empty() ? 1.0F : grid.covered[index];
    past.kwh += static_cast<double>(grid.imported[index].value) * 1e-6;
    const auto of_day = quarter_of_day(zone, now);
    for (next = std::min(next, of_day); next <= of_day; ++next) {
      past.imported[next] = grid.imported[index];
      past.exported[next] = grid.exported[index];
      past.prices[next] = prices.at(now);
    }
  }
  past.is_known = covered >= enough_covered * static_cast<float>((end - begin) / quarter);
  return past;
}

// What so many days from past[from] on should take: each as the last four of its weekday.
std::optional<double> expected_kwh(std::span<const PastDay> past, std::size_t from,
                                   std::size_t days) {
  std::array<double, 7> sums{}, counts{};
  double sum = 0, count = 0;
  for (std::size_t i = from - days_of_profile; i < from; ++i) {
    if (!past[i].is_known) continue;
    sums[i % 7] += past[i].kwh;
    counts[i % 7] += 1;
    sum += past[i].kwh;
    count += 1;
  }
  if (count < days_of_profile / 2.0 || sum <= 0) return std::nullopt;
  double expected = 0;
  for (std::size_t i = from; i < from + days; ++i) {
    expected += counts[i % 7] > 0 ? sums[i % 7] / counts[i % 7] : sum / count;
  }
  return expected;
}

// What so many days took against what was to be expected, as logarithms: once a week of the past.
std::vector<double> errors_of(std::span<const PastDay> past, std::size_t days) {
  std::vector<double> errors;
  for (std::size_t from = past.size(); from >= days_of_profile + days; from -= 7) {
    const auto begin = from - days;
    if (begin < days_of_profile) break;
    const auto expected = expected_kwh(past, begin, days);
    const auto seen = past.subspan(begin, days);
    double sum = 0, known = 0;
    for (const auto& one : seen) {
      if (!one.is_known) continue;
      sum += one.kwh;
      known += 1;
    }
    if (!expected || known < 0.9 * static_cast<double>(days) || sum <= 0) continue;
    errors.push_back(std::log(sum / known * static_cast<double>(days) / *expected));
    if (from < 7) break;
  }
  return errors;
}

class Drawer {
 public:
  // Of so many days after the past.
  Drawer(std::vector<PastDay> past, std::size_t days, std::uint64_t seed)
      : past_(std::move(past)),
        days_(days),
        expected_(expected_kwh(past_, past_.size(), days).value_or(0)),
        errors_(errors_of(past_, days)),
        random_(seed) {}

  struct Days {
    std::vector<const PastDay*> days;
    double factor = 1;  // Of what they took.
  };

  // Whole weeks that begin on the weekday of the first, and together take what the home's use may
  // have become; a day of them that is not known is another week's.
  Days draw() {
    Days drawn;
    double kwh = 0;
    while (drawn.days.size() < days_) {
      // The day after the last of the past is the first to come; whole weeks keep its weekday.
      const auto weeks = std::min<std::size_t>(past_.size(), days_looked_back) / 7;
      const auto first = past_.size() - 7 * (1 + random_() % weeks);
      for (std::size_t i = 0; i < 7 && drawn.days.size() < days_; ++i) {
        drawn.days.push_back(known(first + i));
        kwh += drawn.days.back()->kwh;
      }
    }
    if (kwh > 0 && expected_ > 0) drawn.factor = expected_ / kwh * std::exp(error());
    return drawn;
  }

 private:
  const PastDay* known(std::size_t day) {
    std::vector<const PastDay*> alike;
    if (past_[day].is_known) return &past_[day];
    for (auto i = past_.size() - days_looked_back; i < past_.size(); ++i) {
      if (past_[i].is_known && i % 7 == day % 7) alike.push_back(&past_[i]);
    }
    if (!alike.empty()) return alike[random_() % alike.size()];
    for (auto i = past_.size() - days_looked_back; i < past_.size(); ++i) {
      if (past_[i].is_known) alike.push_back(&past_[i]);
    }
    return alike[random_() % alike.size()];
  }

  double uniform() { return (static_cast<double>(random_() >> 11U) + 0.5) * 0x1p-53; }

  double error() {
    const auto known = static_cast<double>(errors_.size());
    if (uniform() < known / (known + weight_of_assumed)) return errors_[random_() % errors_.size()];
    const double normal =
        std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
    return normal * std::hypot(drift, drift_of_day / std::sqrt(static_cast<double>(days_)));
  }

  const std::vector<PastDay> past_;
  const std::size_t days_;
  const double expected_;
  const std::vector<double> errors_;
  std::mt19937_64 random_;
};

measurement::MilliwattHours scaled(measurement::MilliwattHours energy, double factor) {
  return {std::llround(static_cast<double>(energy.value) * factor)};
}

// The grid until `now`, and room until the period's end.
QuarterHours until(const QuarterHours& grid, Timestamp now, Timestamp end) {
  auto known = grid;
  const auto size = static_cast<std::size_t>((end - grid.begin) / quarter);
  const auto seen = static_cast<std::size_t>((now - grid.begin) / quarter);
  for (auto* series : {&known.imported, &known.exported}) {
    series->resize(std::min(seen, series->size()));
    series->resize(size);
  }
  known.covered.clear();
  return known;
}

double quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

std::expected<BillForecast, std::string> forecast_of(const Tariff& tariff, const QuarterHours& grid,
                                                     BillingPeriod period, Timestamp now,
                                                     const Zone& zone, const DayAhead& prices,
                                                     std::uint64_t seed) {
  const auto today = zone.day(now);
  const auto end = zone.begin(period.end);
  if (now < zone.begin(period.begin) || now >= end) {
    return std::unexpected("Only the bill of the running period is forecast; choose that");
  }
  std::vector<PastDay> past;
  for (auto day = today - std::chrono::days(7 * weeks_of_errors); day < today;
       day += std::chrono::days(1)) {
    past.push_back(past_day(grid, day, zone, prices));
  }
  const auto known = std::ranges::count_if(std::span(past).last(days_looked_back),
                                           [](const PastDay& day) { return day.is_known; });
  if (known < days_needed) {
    return std::unexpected(
        fmt::format("A forecast needs {} measured days of the {} before; there are {}", days_needed,
                    days_looked_back, known));
  }

  auto drawn = until(grid, now, end);
  auto so_far = bill_of(tariff, drawn, {period.begin, today + std::chrono::days(1)}, zone, prices);
  if (!so_far) return std::unexpected(so_far.error());
  if (!so_far->unpriced.empty()) {
    return std::unexpected(price_needed_text(so_far->unpriced, zone));
  }

  auto drawn_prices = prices;
  const auto price_index = [&](Timestamp time) {
    return static_cast<std::size_t>((time - drawn_prices.begin) / quarter);
  };
  if (!prices.prices.empty() && prices.begin < end) {
    drawn_prices.prices.resize(std::max(prices.prices.size(), price_index(end)));
  }
  const auto seen =
      std::min<std::ptrdiff_t>((now - grid.begin) / quarter, std::ssize(grid.imported));
  const auto first_drawn = std::max(grid.begin + seen * quarter, zone.begin(today));
  Drawer drawer(std::move(past), static_cast<std::size_t>((period.end - today).count()), seed);
  std::vector<double> totals;
  for (std::size_t draw = 0; draw < draws; ++draw) {
    const auto [days, factor] = drawer.draw();
    for (auto time = first_drawn; time < end; time += quarter) {
      const auto& day = *days[static_cast<std::size_t>((zone.day(time) - today).count())];
      const auto of_day = quarter_of_day(zone, time);
      const auto index = static_cast<std::size_t>((time - grid.begin) / quarter);
      drawn.imported[index] = scaled(day.imported[of_day], factor);
      drawn.exported[index] = day.exported[of_day];
      if (time < drawn_prices.begin || drawn_prices.prices.empty() || prices.at(time)) continue;
      drawn_prices.prices[price_index(time)] = day.prices[of_day];
    }
    const auto bill = bill_of(tariff, drawn, period, zone, drawn_prices);
    if (!bill) return std::unexpected(bill.error());
    if (!bill->unpriced.empty()) return std::unexpected(price_needed_text(bill->unpriced, zone));
    totals.push_back(bill->total.as_double());
  }
  std::ranges::sort(totals);
  return BillForecast{*so_far, quantile(totals, 0.1), quantile(totals, 0.5), quantile(totals, 0.9)};
}

}  // namespace insight
