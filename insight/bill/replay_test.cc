#include "insight/bill/replay.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "insight/bill/forecast.h"
#include "insight/bill/house_test.h"

namespace insight {
namespace {

using measurement::MilliwattHours;

const auto first = period(2026y / 6 / 1, 2026y / 6 / 2);

Tariff night_tariff() {
  auto tariff = steady("EUR", R"(
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Night"
price = 0.20
hours = "22:00-06:00"
[[version.energy.rate]]
name = "Day"
price = 0.40
)");
  tariff.name = "Night";
  return tariff;
}

Tariff flat_tariff() {
  auto tariff = steady("EUR", "[[version.energy]]\nname = \"Energy\"\nprice = 0.30");
  tariff.name = "Flat";
  return tariff;
}

// A washing machine at 18:00 local time, two hours of 1 kWh, which may run from 16:00 until
// midnight.
ShiftableRun washer() {
  const auto midnight = berlin.begin(first.begin);
  return {midnight + 18h, std::vector(8, MilliwattHours{250'000}), midnight + 16h,
          berlin.begin(first.end)};
}

TEST(Replay, SaysWhatOtherTariffsWouldHaveCost) {
  // 0.4 x 24 = 9.6 kWh and 2 of the washer. Flat 11.6 x 0.30 = 3.48. Night: 8 h x 0.4 = 3.2 x 0.20
  // = 0.64 and 8.4 x 0.40 = 3.36: 4.00; with the washer from 22:00 2 x 0.20 less: 3.60.
  const auto grid = House(first, berlin).draws(0.4, first).draws(1, first, 18, 20).quarters();
  const std::vector tariffs = {flat_tariff(), night_tariff()};
  const std::vector runs = {washer()};

  const auto replays = replay_of(tariffs, grid, {&first, 1}, runs, berlin);

  ASSERT_EQ(replays.size(), 2U);
  EXPECT_EQ(replays[0].tariff, "Flat");
  EXPECT_EQ(text(replays[0].total, 2), "3.48");
  EXPECT_EQ(text(replays[0].shifted, 2), "3.48");
  EXPECT_EQ(replays[0].moved.value, 0);
  EXPECT_EQ(text(replays[1].total, 2), "4.00");
  EXPECT_EQ(text(replays[1].shifted, 2), "3.60");
  EXPECT_EQ(replays[1].moved.value, 2'000'000);
}

TEST(Replay, MovesNoRunOutOfItsWindow) {
  // Until 22:30 it could have two of its eight quarters at night, and does: 1.5 kWh by day.
  auto run = washer();
  run.latest = berlin.begin(first.begin) + 22h + 30min;
  const auto grid = House(first, berlin).draws(0.4, first).draws(1, first, 18, 20).quarters();
  const std::vector tariffs = {night_tariff()};
  // 4.00 - 0.5 kWh x 0.20.
  EXPECT_EQ(text(replay_of(tariffs, grid, {&first, 1}, {&run, 1}, berlin)[0].shifted, 2), "3.90");
}

TEST(Replay, LeavesRunsWhereADemandChargeWouldEatTheSaving) {
  // At night a charger draws 8 kW. With the washer above it the peak is 9 kW: 1 kW x 10 more, for
  // 0.40 less.
  auto with_demand = steady("EUR", R"(
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Night"
price = 0.20
hours = "22:00-06:00"
[[version.energy.rate]]
name = "Day"
price = 0.40
[[version.demand]]
name = "Demand"
price = 300
)");
  const auto grid = House(first, berlin).draws(8, first, 22, 24).draws(1, first, 18, 20).quarters();
  const auto run = washer();
  const auto replay = replay_of({&with_demand, 1}, grid, {&first, 1}, {&run, 1}, berlin)[0];
  EXPECT_EQ(replay.shifted, replay.total);
  EXPECT_EQ(replay.moved.value, 0);
}

TEST(Replay, MovesARunIntoOwnProduction) {
  // From 16:00 to 18:00 1.5 kW are exported at 0.08: 2 kWh x (0.30 - 0.08) = 0.44 less.
  auto both = steady("EUR", R"(
[[version.energy]]
name = "Energy"
price = 0.30
[[version.feed_in]]
name = "Feed-in"
price = 0.08
)");
  const auto grid =
      House(first, berlin).draws(1, first, 18, 20).gives(1.5, first, 16, 18).quarters();
  const auto run = washer();
  const auto replay = replay_of({&both, 1}, grid, {&first, 1}, {&run, 1}, berlin)[0];
  EXPECT_EQ(text(replay.total - replay.shifted, 2), "0.44");
}

TEST(Replay, SaysWhyATariffHasNoTotal) {
  auto market = steady("EUR", "[[version.energy]]\nname = \"M\"\nday_ahead_factor = 1");
  const auto grid = House(first, berlin).draws(1, first).quarters();
  EXPECT_EQ(replay_of({&market, 1}, grid, {&first, 1}, {}, berlin)[0].trouble,
            "No day-ahead price is known of 1 June, 00:00 to 24:00; give the prices of the whole "
            "time.");
}

TEST(Replay, OfSeveralPeriodsIsTheirSum) {
  const auto both = period(2026y / 6 / 1, 2026y / 6 / 3);
  const std::vector periods = {first, period(2026y / 6 / 2, 2026y / 6 / 3)};
  const auto grid = House(both, berlin).draws(0.4, both).quarters();
  const std::vector tariffs = {flat_tariff()};
  EXPECT_EQ(text(replay_of(tariffs, grid, periods, {}, berlin)[0].total, 2), "5.76");
}

TEST(Carbon, IsOfTheEnergyWhoseIntensityIsKnown) {
  // 1 kWh at 400 g, 1 kWh at 100 g, 2 kWh unknown: 0.5 kg of half of it.
  const auto grid = House(first, berlin).draws(1, first, 0, 4).quarters();
  CarbonIntensity intensity{.begin = grid.begin};
  intensity.grams_per_kwh.assign(4, 400);
  intensity.grams_per_kwh.insert(intensity.grams_per_kwh.end(), 4, 100);
  const auto carbon = carbon_of(grid, grid.begin, grid.begin + 24h, intensity);
  EXPECT_DOUBLE_EQ(carbon.kg, 0.5);
  EXPECT_DOUBLE_EQ(carbon.known, 0.5);
}

TEST(Carbon, IsLessWhereARunIsShiftedToCleanerHours) {
  const auto grid = House(first, berlin).draws(1, first, 18, 20).quarters();
  std::vector<double> grams(grid.imported.size(), 400);
  std::fill(grams.begin() + 22 * 4, grams.end(), 150);
  MilliwattHours moved;
  const auto run = washer();
  const auto greener = shifted(grid, {&run, 1}, grams, moved);
  const CarbonIntensity intensity{grid.begin, grams};
  EXPECT_DOUBLE_EQ(carbon_of(grid, grid.begin, grid.begin + 24h, intensity).kg, 0.8);
  EXPECT_DOUBLE_EQ(carbon_of(greener, grid.begin, grid.begin + 24h, intensity).kg, 0.3);
  EXPECT_EQ(moved.value, 2'000'000);
}

TEST(Carbon, LeavesARunWhereAnIntensityIsUnknown) {
  const auto grid = House(first, berlin).draws(1, first, 18, 20).quarters();
  std::vector<double> grams(grid.imported.size(), 400);
  std::fill(grams.begin() + 22 * 4, grams.end(), 150);
  grams[17 * 4] = std::numeric_limits<double>::quiet_NaN();
  MilliwattHours moved;
  const auto run = washer();
  static_cast<void>(shifted(grid, {&run, 1}, grams, moved));
  EXPECT_EQ(moved.value, 0);
}

// --- Forecast ---

TEST(Forecast, IsExactWhereEachWeekIsAsTheOneBefore) {
  // A year of 10 kWh on weekdays and 20 on weekends, at 0.30 a kWh and 0.25 a day: June 2026 has
  // 22 weekdays and 8 days of weekends: 380 kWh = 114.00, and 7.50.
  const auto all = period(2025y / 6 / 1, 2026y / 7 / 1);
  House house(all, berlin);
  for (auto day = all.begin; day < all.end; day += std::chrono::days(1)) {
    const bool is_weekend = std::chrono::weekday(day).iso_encoding() > 5;
    house.draws(is_weekend ? 2 : 1, {day, day + std::chrono::days(1)}, 8, 18);
  }
  const auto both = steady("EUR", R"(
[[version.standing]]
name = "Standing"
price = 0.25
per = "day"
[[version.energy]]
name = "Energy"
price = 0.30
)");
  const auto june = period(2026y / 6 / 1, 2026y / 7 / 1);
  // Until Wednesday 10 June, 12:00: 7 whole weekdays, 2 days of a weekend and 4 kWh: 114 kWh
  // = 34.20; 10 days x 0.25.
  const auto now = berlin.begin(local_days(2026y / 6 / 10)) + 12h;

  const auto forecast = forecast_of(both, house.quarters(), june, now, berlin, {}, 1).value();

  EXPECT_EQ(text(forecast.so_far.total, 2), "36.70");
  EXPECT_NEAR(forecast.low, 121.5, 0.05);
  EXPECT_NEAR(forecast.median, 121.5, 0.05);
  EXPECT_NEAR(forecast.high, 121.5, 0.05);
}

TEST(Forecast, IsWiderWhereTheHomeHasNoPastToTellByHowMuchItErrs) {
  // Eight weeks that are all alike: what is assumed of homes decides.
  const auto all = period(2026y / 4 / 13, 2026y / 7 / 1);
  const auto june = period(2026y / 6 / 1, 2026y / 7 / 1);
  const auto grid = House(all, berlin).draws(0.4, all).quarters();
  const auto now = berlin.begin(local_days(2026y / 6 / 10));
  const auto forecast = forecast_of(flat_tariff(), grid, june, now, berlin, {}, 1).value();
  EXPECT_NEAR(forecast.median, 86.4, 2);
  // 21 days of 2.88: 60.48 x 1.2816 x hypot(0.08, 0.25/sqrt(21)) x 2 = 15.0 between low and high.
  EXPECT_NEAR(forecast.high - forecast.low, 15, 4);
}

TEST(Forecast, FillsTheHoursOfTodayThatAreNotThereYet) {
  // The readings end at 06:00, it is noon: the six hours between are drawn, too.
  const auto all = period(2025y / 6 / 1, 2026y / 7 / 1);
  const auto june = period(2026y / 6 / 1, 2026y / 7 / 1);
  auto grid = House(all, berlin).draws(0.4, all).quarters();
  const auto now = berlin.begin(local_days(2026y / 6 / 10)) + 12h;
  const auto known = static_cast<std::size_t>((now - 6h - grid.begin) / quarter);
  grid.imported.resize(known);
  grid.exported.resize(known);
  const auto forecast = forecast_of(flat_tariff(), grid, june, now, berlin, {}, 1).value();
  EXPECT_NEAR(forecast.median, 86.4, 0.05);
  // 9.25 days.
  EXPECT_EQ(text(forecast.so_far.total, 2), "26.64");
}

TEST(Forecast, KeepsWhatTodayHasTakenAlready) {
  // 10 kWh more than ever this morning: 3.00.
  const auto all = period(2025y / 6 / 1, 2026y / 7 / 1);
  const auto june = period(2026y / 6 / 1, 2026y / 7 / 1);
  const auto today = period(2026y / 6 / 10, 2026y / 6 / 11);
  const auto grid = House(all, berlin).draws(0.4, all).draws(10, today, 8, 9).quarters();
  const auto now = berlin.begin(today.begin) + 12h;
  const auto forecast = forecast_of(flat_tariff(), grid, june, now, berlin, {}, 1).value();
  EXPECT_NEAR(forecast.median, 86.4 + 3, 0.05);
}

TEST(Forecast, IsTheSameForTheSameSeed) {
  const auto all = period(2026y / 4 / 1, 2026y / 7 / 1);
  House house(all, berlin);
  int turn = 0;
  for (auto day = all.begin; day < all.end; day += std::chrono::days(1)) {
    house.draws(0.5 + 0.1 * (turn++ * 7 % 11), {day, day + std::chrono::days(1)});
  }
  const auto june = period(2026y / 6 / 1, 2026y / 7 / 1);
  const auto now = berlin.begin(local_days(2026y / 6 / 10));
  const auto at = [&](std::uint64_t seed) {
    return forecast_of(flat_tariff(), house.quarters(), june, now, berlin, {}, seed).value();
  };
  EXPECT_EQ(at(1).low, at(1).low);
  EXPECT_NE(at(1).low, at(2).low);
  EXPECT_LT(at(1).low, at(1).high);
}

TEST(Forecast, TakesTheDayAheadPricesThatAreThereAndEarlierOnesForTheRest) {
  // 1 kWh a day at noon, at 0.20 until tomorrow, which is known to be 0.90; then 0.20 again.
  const auto all = period(2026y / 4 / 1, 2026y / 6 / 5);
  const auto grid = House(all, berlin).draws(1, all, 12, 13).quarters();
  const auto market = steady("EUR", "[[version.energy]]\nname = \"M\"\nday_ahead_factor = 1");
  DayAhead prices{.begin = grid.begin};
  prices.prices.assign(
      static_cast<std::size_t>((berlin.begin(local_days(2026y / 6 / 2)) - grid.begin) / quarter),
      Decimal::parse("0.20").value());
  prices.prices.insert(prices.prices.end(), 96, Decimal::parse("0.90").value());
  const auto days = period(2026y / 6 / 1, 2026y / 6 / 5);
  const auto forecast =
      forecast_of(market, grid, days, berlin.begin(days.begin), berlin, prices, 1).value();
  EXPECT_NEAR(forecast.median, 3 * 0.20 + 0.90, 0.1);
}

TEST(Forecast, IsNotMadeWhereWhatWasUsedHasNoPrice) {
  const auto all = period(2026y / 4 / 1, 2026y / 6 / 3);
  const auto grid = House(all, berlin).draws(1, all, 12, 13).quarters();
  const auto market = steady("EUR", "[[version.energy]]\nname = \"M\"\nday_ahead_factor = 1");
  DayAhead prices{.begin = grid.begin};
  prices.prices.assign(grid.imported.size(), Decimal::parse("0.20").value());
  const auto days = period(2026y / 6 / 1, 2026y / 6 / 5);
  const auto noon = berlin.begin(days.begin) + 12h;
  const auto forecast = [&] {
    return forecast_of(market, grid, days, berlin.begin(days.begin) + 36h, berlin, prices, 1);
  };
  ASSERT_TRUE(forecast());
  prices.prices[static_cast<std::size_t>((noon - grid.begin) / quarter)].reset();
  EXPECT_EQ(forecast().error(),
            "No day-ahead price is known of 1 June, 12:00 to 12:15; give the prices of the whole "
            "time.");
}

TEST(Forecast, NeedsFourWeeks) {
  const auto all = period(2026y / 5 / 10, 2026y / 7 / 1);
  const auto june = period(2026y / 6 / 1, 2026y / 7 / 1);
  const auto grid = House(all, berlin).draws(0.4, all).quarters();
  EXPECT_EQ(
      forecast_of(flat_tariff(), grid, june, berlin.begin(local_days(2026y / 6 / 3)), berlin, {}, 1)
          .error(),
      "A forecast needs 28 measured days of the 56 before; there are 24");
  EXPECT_TRUE(forecast_of(flat_tariff(), grid, june, berlin.begin(local_days(2026y / 6 / 8)),
                          berlin, {}, 1));
  EXPECT_FALSE(forecast_of(flat_tariff(), grid, june, berlin.begin(local_days(2026y / 7 / 1)),
                           berlin, {}, 1));
}

}  // namespace
}  // namespace insight
