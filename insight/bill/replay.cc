#include "insight/bill/replay.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace insight {
namespace {

using measurement::MilliwattHours;
using measurement::Timestamp;

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// What a run costs that begins at a quarter; NaN where any is unknown or beyond what is known.
double cost_at(const ShiftableRun& run, std::ptrdiff_t first, std::span<const double> costs) {
  const auto size = static_cast<std::ptrdiff_t>(run.used.size());
  if (first < 0 || first + size > std::ssize(costs)) return unknown;
  double cost = 0;
  for (std::size_t i = 0; i < run.used.size(); ++i) {
    cost += static_cast<double>(run.used[i].value) * costs[static_cast<std::size_t>(first) + i];
  }
  return cost;
}

void take_off(QuarterHours& grid, std::size_t at, MilliwattHours used) {
  const auto imported = std::min(grid.imported[at], used);
  grid.imported[at] = grid.imported[at] - imported;
  grid.exported[at] = grid.exported[at] + (used - imported);
}

void put_on(QuarterHours& grid, std::size_t at, MilliwattHours used) {
  const auto own = std::min(grid.exported[at], used);
  grid.exported[at] = grid.exported[at] - own;
  grid.imported[at] = grid.imported[at] + (used - own);
}

// Of the grid's quarters; NaN outside the periods.
std::vector<double> marginal_costs(const Tariff& tariff, const QuarterHours& grid,
                                   std::span<const BillingPeriod> periods, const Zone& zone,
                                   const DayAhead& prices) {
  std::vector<double> costs(grid.imported.size(), unknown);
  for (const auto& period : periods) {
    auto index = (zone.begin(period.begin) - grid.begin) / quarter;
    for (const auto& price : marginal_prices(tariff, grid, period, zone, prices)) {
      if (price && index >= 0 && index < std::ssize(costs)) {
        costs[static_cast<std::size_t>(index)] = price->as_double();
      }
      ++index;
    }
  }
  return costs;
}

std::expected<Decimal, std::string> total_of(const Tariff& tariff, const QuarterHours& grid,
                                             std::span<const BillingPeriod> periods,
                                             const Zone& zone, const DayAhead& prices) {
  Decimal total;
  for (const auto& period : periods) {
    const auto bill = bill_of(tariff, grid, period, zone, prices);
    if (!bill) return std::unexpected(bill.error());
    if (!bill->unpriced.empty()) return std::unexpected(price_needed_text(bill->unpriced, zone));
    total += bill->total;
  }
  return total;
}

}  // namespace

QuarterHours shifted(const QuarterHours& grid, std::span<const ShiftableRun> runs,
                     std::span<const double> costs, MilliwattHours& moved) {
  auto into = grid;
  for (const auto& run : runs) {
    const auto index_of = [&](Timestamp time) {
      return static_cast<std::ptrdiff_t>((time - grid.begin) / quarter);
    };
    const auto now = index_of(run.begin);
    auto best = now;
    auto least = cost_at(run, now, costs);
    const auto last = index_of(run.latest) - std::ssize(run.used);
    for (auto first = index_of(run.earliest); first <= last && !std::isnan(least); ++first) {
      const auto cost = cost_at(run, first, costs);
      if (std::isnan(cost)) {
        best = now;
        break;
      }
      if (cost < least) {
        least = cost;
        best = first;
      }
    }
    if (best == now) continue;
    for (std::size_t i = 0; i < run.used.size(); ++i) {
      take_off(into, static_cast<std::size_t>(now) + i, run.used[i]);
      put_on(into, static_cast<std::size_t>(best) + i, run.used[i]);
      moved = moved + run.used[i];
    }
  }
  return into;
}

std::vector<Replay> replay_of(std::span<const Tariff> tariffs, const QuarterHours& grid,
                              std::span<const BillingPeriod> periods,
                              std::span<const ShiftableRun> runs, const Zone& zone,
                              const DayAhead& prices) {
  std::vector<Replay> replays;
  for (const auto& tariff : tariffs) {
    auto& replay = replays.emplace_back();
    replay.tariff = tariff.name;
    replay.currency = tariff.currency;
    const auto total = total_of(tariff, grid, periods, zone, prices);
    if (!total) {
      replay.trouble = total.error();
      continue;
    }
    replay.total = replay.shifted = *total;
    if (runs.empty()) continue;
    MilliwattHours moved;
    const auto costs = marginal_costs(tariff, grid, periods, zone, prices);
    const auto other = total_of(tariff, shifted(grid, runs, costs, moved), periods, zone, prices);
    // A demand charge may cost more than the hours save: then the runs stay.
    if (!other || *other >= *total) continue;
    replay.shifted = *other;
    replay.moved = moved;
  }
  return replays;
}

double CarbonIntensity::at(Timestamp time) const {
  if (time < begin) return unknown;
  const auto index = static_cast<std::size_t>((time - begin) / quarter);
  return index < grams_per_kwh.size() ? grams_per_kwh[index] : unknown;
}

Carbon carbon_of(const QuarterHours& use, Timestamp begin, Timestamp end,
                 const CarbonIntensity& intensity) {
  Carbon carbon;
  double known = 0, whole = 0;
  for (std::size_t i = 0; i < use.imported.size(); ++i) {
    const auto now = use.begin + static_cast<int>(i) * quarter;
    if (now < begin || now >= end) continue;
    const double kwh = static_cast<double>(use.imported[i].value) * 1e-6;
    whole += kwh;
    if (const auto grams = intensity.at(now); !std::isnan(grams)) {
      known += kwh;
      carbon.kg += kwh * grams * 1e-3;
    }
  }
  if (whole > 0) carbon.known = known / whole;
  return carbon;
}

}  // namespace insight
