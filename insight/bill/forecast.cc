#include "insight/bill/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

namespace insight {
namespace {

using measurement::Timestamp;
using std::chrono::local_days;

constexpr std::size_t draws = 100;
constexpr int days_looked_back = 56, days_needed = 28;
constexpr std::size_t quarters_of_day = 96;
constexpr float enough_covered = 0.9F;

// One day as it may come again. The hour that comes twice is there once, the one that is skipped
// as the one before.
struct PastDay {
  bool is_known = false;
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

class Drawer {
 public:
  Drawer(std::vector<PastDay> past, std::uint64_t seed) : past_(std::move(past)), random_(seed) {}

  // Whole weeks that begin on the weekday of the first; a day of them that is not known is another
  // week's.
  std::vector<const PastDay*> days(std::size_t count) {
    std::vector<const PastDay*> drawn;
    while (drawn.size() < count) {
      // The day after the last of the past is the first to come; whole weeks keep its weekday.
      const auto weeks = past_.size() / 7;
      const auto first = past_.size() - 7 * (1 + random_() % weeks);
      for (std::size_t i = 0; i < 7 && drawn.size() < count; ++i) drawn.push_back(known(first + i));
    }
    return drawn;
  }

 private:
  const PastDay* known(std::size_t day) {
    std::vector<const PastDay*> alike;
    if (past_[day].is_known) return &past_[day];
    for (auto i = day % 7; i < past_.size(); i += 7) {
      if (past_[i].is_known) alike.push_back(&past_[i]);
    }
    if (!alike.empty()) return alike[random_() % alike.size()];
    for (const auto& one : past_) {
      if (one.is_known) alike.push_back(&one);
    }
    return alike[random_() % alike.size()];
  }

  const std::vector<PastDay> past_;
  std::mt19937_64 random_;
};

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
  for (auto day = today - std::chrono::days(days_looked_back); day < today;
       day += std::chrono::days(1)) {
    past.push_back(past_day(grid, day, zone, prices));
  }
  const auto known = std::ranges::count_if(past, &PastDay::is_known);
  if (known < days_needed) {
    return std::unexpected(
        fmt::format("A forecast needs {} measured days of the {} before; there are {}", days_needed,
                    days_looked_back, known));
  }

  auto drawn = until(grid, now, end);
  auto so_far = bill_of(tariff, drawn, {period.begin, today + std::chrono::days(1)}, zone, prices);
  if (!so_far) return std::unexpected(so_far.error());

  auto drawn_prices = prices;
  const auto price_index = [&](Timestamp time) {
    return static_cast<std::size_t>((time - drawn_prices.begin) / quarter);
  };
  if (!prices.prices.empty() && prices.begin < end) {
    drawn_prices.prices.resize(std::max(prices.prices.size(), price_index(end)));
  }
  const auto first_drawn =
      grid.begin + std::chrono::ceil<std::chrono::minutes>(now - grid.begin) / quarter * quarter;
  Drawer drawer(std::move(past), seed);
  std::vector<double> totals;
  for (std::size_t draw = 0; draw < draws; ++draw) {
    const auto days = drawer.days(static_cast<std::size_t>((period.end - today).count()));
    for (auto time = first_drawn; time < end; time += quarter) {
      const auto& day = *days[static_cast<std::size_t>((zone.day(time) - today).count())];
      const auto of_day = quarter_of_day(zone, time);
      const auto index = static_cast<std::size_t>((time - grid.begin) / quarter);
      drawn.imported[index] = day.imported[of_day];
      drawn.exported[index] = day.exported[of_day];
      if (time < drawn_prices.begin || drawn_prices.prices.empty() || prices.at(time)) continue;
      drawn_prices.prices[price_index(time)] = day.prices[of_day];
    }
    const auto bill = bill_of(tariff, drawn, period, zone, drawn_prices);
    if (!bill) return std::unexpected(bill.error());
    totals.push_back(bill->total.as_double());
  }
  std::ranges::sort(totals);
  return BillForecast{*so_far, quantile(totals, 0.1), quantile(totals, 0.5), quantile(totals, 0.9)};
}

}  // namespace insight
