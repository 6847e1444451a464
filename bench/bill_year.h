// A year of a home with thirty circuits and ten tariffs, as bench and test bill it.

#pragma once

#include <filesystem>
#include <vector>

#include "hub/tariff_file.h"
#include "insight/bill/replay.h"

namespace insight {

struct YearOfCircuits {
  QuarterHours grid;
  std::vector<QuarterHours> circuits;
  std::vector<BillingPeriod> months;
  std::vector<ShiftableRun> runs;  // Two a day.
  std::vector<Tariff> tariffs;
  DayAhead prices;
  Zone zone;
};

// The tariffs are the hub's templates, in `templates`.
inline YearOfCircuits year_of_circuits(const std::filesystem::path& templates) {
  using namespace std::chrono_literals;
  using std::chrono::local_days;
  YearOfCircuits year;
  const auto begin = 2026y / std::chrono::January;
  year.zone = Zone({{std::chrono::sys_days(2025y / 10 / 26) + 1h, 60min},
                    {std::chrono::sys_days(2026y / 3 / 29) + 1h, 120min},
                    {std::chrono::sys_days(2026y / 10 / 25) + 1h, 60min}});
  for (int i = 0; i < 12; ++i) {
    const auto month = begin + std::chrono::months(i);
    year.months.push_back(
        {local_days(month / 1), local_days((month + std::chrono::months(1)) / 1)});
  }
  year.grid.begin = year.prices.begin = year.zone.begin(year.months.front().begin);
  const auto end = year.zone.begin(year.months.back().end);
  const auto count = static_cast<std::size_t>((end - year.grid.begin) / quarter);
  year.grid.imported.resize(count);
  year.grid.exported.resize(count);
  std::uint32_t state = 1;
  const auto below = [&](std::uint32_t most) {
    state = state * 1664525U + 1013904223U;
    return static_cast<std::int64_t>((state >> 8U) % most);
  };
  for (int circuit = 0; circuit < 30; ++circuit) {
    auto& use = year.circuits.emplace_back(year.grid);
    for (std::size_t i = 0; i < count; ++i) {
      use.imported[i] = {below(8) == 0 ? below(400'000) : below(8'000)};  // mWh.
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (const auto& use : year.circuits) {
      year.grid.imported[i] = year.grid.imported[i] + use.imported[i];
    }
    if (i / 4 % 24 >= 10 && i / 4 % 24 < 15) year.grid.exported[i] = {below(300'000)};
    year.prices.prices.emplace_back(Decimal{below(300'000'000)});
  }
  for (auto day = year.grid.begin; day + 24h < end; day += 24h) {
    for (const auto at : {9h, 18h}) {
      year.runs.push_back({day + at, std::vector(6, measurement::MilliwattHours{200'000}),
                           day + at - 6h, day + at + 6h});
    }
  }
  for (const auto& one : hub::tariff_templates(templates)) {
    auto tariff = hub::parse_tariff(one.text, one.id);
    tariff.versions.front().from = year.months.front().begin;
    tariff.versions.front().until.reset();
    year.tariffs.push_back(std::move(tariff));
  }
  return year;
}

// Billed and split under its first tariff, month by month, and replayed under all. The number of
// bills, so that nothing is left out.
inline std::size_t bill_split_and_replay(const YearOfCircuits& year) {
  std::size_t bills = 0;
  for (const auto& month : year.months) {
    bills +=
        shares_of(year.tariffs.front(), year.grid, year.circuits, month, year.zone, year.prices)
            .has_value();
  }
  for (const auto& replay :
       replay_of(year.tariffs, year.grid, year.months, year.runs, year.zone, year.prices)) {
    if (replay.trouble.empty()) bills += year.months.size();
  }
  return bills;
}

}  // namespace insight
