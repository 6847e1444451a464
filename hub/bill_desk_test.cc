#include "hub/bill_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "hub/home_room.h"
#include "hub/measured_house.h"

namespace hub {
namespace {

using insight::ApplianceKind;
using insight::Decimal;
using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::chrono::year_month october = std::chrono::year(2026) / 10;
constexpr std::chrono::year_month november = std::chrono::year(2026) / 11;

constexpr auto flat = R"(
name = "Flat"
country = "DE"
currency = "EUR"
source = "a contract"
source_date = 2026-01-01
[[version]]
from = 2020-01-01
[[version.standing]]
name = "Standing"
price = "0.40"
per = "day"
[[version.energy]]
name = "Energy"
price = "0.30"
[[version.tax]]
name = "VAT"
percent = 20
)";

constexpr auto night = R"(
name = "Night"
country = "DE"
currency = "EUR"
source = "a list"
source_date = 2026-02-01
[[version]]
from = 2020-01-01
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Day"
price = "0.40"
hours = "06:00-22:00"
[[version.energy.rate]]
name = "Night"
price = "0.10"
)";

Decimal decimal(std::string_view text) { return Decimal::parse(text).value(); }

class BillDeskTest : public testing::Test {
 protected:
  BillDeskTest() { house.measure({begin, now}); }

  BillDesk::Or<HomeRoom> room_of(const RoomQuestion& question) {
    RoomSearch search(*house.desk, *house.store, house.home, question, now);
    while (true) {
      if (auto found = search.step()) return *found;
    }
  }
  void set(std::string_view tariff) {
    const auto done = house.desk->set(tariff);
    ASSERT_TRUE(done) << done.error();
  }

  const measurement::Timestamp begin = MeasuredHouse::local(2026, 9, 1);
  const measurement::Timestamp now = MeasuredHouse::local(2026, 11, 11);
  MeasuredHouse house;
};

TEST_F(BillDeskTest, AMonthIsBilledAndSplit) {
  set(flat);

  const auto found = house.desk->bill(october, now);

  // 31 days of 48 kWh: 1,488 kWh x 0.30 = 446.40; 31 x 0.40 = 12.40; VAT 20 % of 458.80 = 91.76.
  ASSERT_TRUE(found) << found.error();
  const auto& bill = **found;
  EXPECT_EQ(insight::text(bill.bill.total, 2), "550.56");
  EXPECT_EQ(bill.bill.imported.value, 1'488'000'000);
  EXPECT_DOUBLE_EQ(bill.bill.covered, 1);
  EXPECT_FALSE(bill.is_running);
  EXPECT_FALSE(bill.forecast);
  // 446.40 and its VAT are 535.68, of which the oven has 0.4, the fridge 0.1 and the rest 0.5.
  ASSERT_EQ(bill.circuits.size(), 3u);
  EXPECT_EQ(bill.circuits[0].name, "oven");
  EXPECT_EQ(insight::text(bill.circuits[0].amount, 2), "214.27");
  EXPECT_EQ(insight::text(bill.circuits[1].amount, 2), "53.57");
  EXPECT_TRUE(bill.circuits[2].circuit.empty());
  EXPECT_EQ(insight::text(bill.standing, 2), "14.88");
  auto sum = bill.standing + bill.feed_in;
  for (const auto& row : bill.circuits) sum += row.amount;
  EXPECT_EQ(sum, bill.bill.total);
}

TEST_F(BillDeskTest, AnApplianceHasWhatItsRunsTookOfItsCircuit) {
  // An hour a day of 1.5 kWh, of which its circuit had 0.8: no more than that is its.
  house.add_appliance(3, "oven", ApplianceKind::oven, {begin, now}, 12, 1.5);
  set(flat);

  const auto found = house.desk->bill(october, now);

  ASSERT_TRUE(found) << found.error();
  ASSERT_EQ((*found)->appliances.size(), 2u);
  const auto& oven = (*found)->appliances[0];
  EXPECT_EQ(oven.appliance, 3);
  EXPECT_EQ(oven.name, "Oven");
  EXPECT_EQ(oven.energy.value, 31 * 800'000);
  EXPECT_EQ(insight::text(oven.amount, 2), "8.93");  // 24.8 x 0.30 x 1.2.
}

TEST_F(BillDeskTest, TheRunningMonthIsBilledUntilTodayAndForecast) {
  set(flat);

  const auto found = house.desk->bill(november, now);

  ASSERT_TRUE(found) << found.error();
  const auto& bill = **found;
  EXPECT_TRUE(bill.is_running);
  EXPECT_EQ(bill.bill.imported.value, 480'000'000);
  // 480 kWh x 0.30 and 11 days x 0.40, and their VAT. All days are alike: 30 of them are 532.80.
  EXPECT_EQ(insight::text(bill.bill.total, 2), "178.08");
  ASSERT_TRUE(bill.forecast);
  EXPECT_NEAR(bill.forecast->median, 532.80, 0.05);
}

TEST_F(BillDeskTest, WithoutATariffThePriceOfTheHomeIsOne) {
  EXPECT_THAT(house.desk->bill(october, now).error(), HasSubstr("No tariff is set"));
  EXPECT_FALSE(house.desk->price_now(now));

  house.home.price_per_kwh = 0.25;
  house.open();

  EXPECT_EQ(insight::text(house.desk->bill(october, now).value()->bill.total, 2), "372.00");
  EXPECT_EQ(house.desk->price_now(now), decimal("0.25"));
  EXPECT_EQ(house.desk->text(), "");
}

TEST_F(BillDeskTest, ThePriceIsThatOfOneMoreKilowattHourNow) {
  set(night);

  EXPECT_EQ(house.desk->price_now(MeasuredHouse::local(2026, 11, 10, 12)), decimal("0.40"));
  EXPECT_EQ(house.desk->price_now(MeasuredHouse::local(2026, 11, 10, 23)), decimal("0.10"));
}

TEST_F(BillDeskTest, AWrongTariffIsRefusedAndTheOldOneStays) {
  set(flat);

  const auto refused = house.desk->set("name = \"Flat\"\nprise = 1\n");

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("tariff.toml"));
  EXPECT_EQ(house.desk->tariff()->name, "Flat");
  EXPECT_FALSE(house.desk->set(std::string(flat).replace(std::string(flat).find("EUR"), 3, "USD")));
  house.open();
  EXPECT_EQ(house.desk->text(), flat);

  ASSERT_TRUE(house.desk->set(""));
  EXPECT_FALSE(house.desk->tariff());
}

TEST_F(BillDeskTest, AFileThatIsWrongIsSaid) {
  std::ofstream(house.folder / "tariff.toml") << "prise = 1\n";
  house.open();

  EXPECT_THAT(house.desk->trouble(), HasSubstr("tariff.toml"));
  EXPECT_EQ(house.desk->bill(october, now).error(), house.desk->trouble());
}

TEST_F(BillDeskTest, MonthsThatWereMeasuredAreListed) {
  EXPECT_THAT(house.desk->months(now),
              testing::ElementsAre(november, october, std::chrono::year(2026) / 9));
  EXPECT_THAT(house.desk->bill(std::chrono::year(2026) / 8, now).error(), HasSubstr("tariff"));
  set(flat);
  EXPECT_THAT(house.desk->bill(std::chrono::year(2026) / 8, now).error(), HasSubstr("measured"));
  EXPECT_THAT(house.desk->bill(std::chrono::year(2026) / 12, now).error(), HasSubstr("not begun"));
}

TEST_F(BillDeskTest, ThePastIsReplayedUnderOtherTariffsWithWhatCouldWait) {
  std::filesystem::create_directory(house.folder / "templates");
  std::ofstream(house.folder / "templates" / "night.toml") << night;
  // At 20:00, 0.8 kWh: it could run from 22:00 on, in the 12 hours that it may wait.
  house.add_appliance(3, "oven", ApplianceKind::dishwasher, {begin, now}, 20, 0.8);
  // By night a kWh is cleaner, in September; of October nothing is known.
  std::ofstream carbon(house.folder / "carbon.csv");
  for (auto time = begin; time < begin + 30 * 24h; time += 1h) {
    const auto hour = (time - begin) / 1h % 24;
    carbon << time.time_since_epoch().count() << ',' << (hour < 6 ? 100 : 400) << '\n';
  }
  carbon.close();
  house.open();
  set(flat);
  EXPECT_THAT(house.desk->replay(now).error(), HasSubstr("ask again"));

  house.prepare(now);
  const auto found = house.desk->replay(now);

  ASSERT_TRUE(found) << found.error();
  const auto& replay = **found;
  // September and October: 61 days of 48 kWh and 0.40.
  EXPECT_EQ(insight::text(replay.own.total, 2), "1083.36");
  ASSERT_EQ(replay.rows.size(), 1u);
  const auto& row = replay.rows[0].replay;
  // 16 hours at 0.40 and 8 at 0.10: 32 kWh and 16 kWh are 14.40 a day.
  EXPECT_EQ(insight::text(row.total, 2), "878.40");
  // 61 x 0.8 kWh at 0.30 less: 14.64.
  EXPECT_EQ(insight::text(row.shifted, 2), "863.76");
  EXPECT_THAT(replay.rows[0].source, HasSubstr("2026-02-01"));
  EXPECT_THAT(replay.shiftable, testing::ElementsAre("Dishwasher"));
  // 30 days of 36 kWh at 400 g and 12 kWh at 100 g; 0.8 kWh an evening move to where it is 300 g
  // less, but for the last: of what comes after it nothing is known.
  ASSERT_TRUE(replay.carbon);
  EXPECT_NEAR(replay.carbon->now.kg, 468, 0.01);
  EXPECT_NEAR(replay.carbon->now.known, 30.0 / 61, 1e-9);
  EXPECT_NEAR(replay.carbon->shifted.kg, 468 - 29 * 0.8 * 0.3, 0.01);
}

TEST_F(BillDeskTest, WhatIsMeasuredLaterIsBilledToo) {
  set(flat);
  const auto august = std::chrono::year(2026) / 8;
  EXPECT_FALSE(house.desk->bill(august, now));

  house.measure({MeasuredHouse::local(2026, 8, 1), begin});

  // 1,488 kWh as in October.
  const auto found = house.desk->bill(august, now + 1s);
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(insight::text((*found)->bill.total, 2), "550.56");
}

TEST_F(BillDeskTest, RoomIsWhatTheLegsHaveLeft) {
  set(flat);
  const RoomQuestion charger{.what = "charger", .power_w = 4600, .legs = {}, .hours = {}};
  EXPECT_THAT(room_of(charger).error(), HasSubstr("ask again"));
  house.prepare(now);

  const auto found = room_of(charger);

  // 2 kW are 8.7 A (in whole mA), and 4.6 kW 20 A: 6.3 of 35 A are left.
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(found->room.is_enough);
  ASSERT_EQ(found->room.legs.size(), 1u);
  EXPECT_NEAR(found->room.legs[0].highest_a, 8.695, 0.001);
  EXPECT_NEAR(found->room.legs[0].left_a, 6.305, 0.001);
  EXPECT_FALSE(found->sheet);

  house.home.panels[0].circuits[0].rating_a = 0;
  EXPECT_THAT(room_of(charger).error(), HasSubstr("rating_a"));
}

constexpr const char* day_ahead = R"(
name = "Dynamic"
country = "DE"
currency = "EUR"
source = "an exchange"
source_date = 2026-01-01
[[version]]
from = 2020-01-01
[[version.energy]]
name = "Energy"
day_ahead_factor = 1
)";

TEST_F(BillDeskTest, DayAheadPricesMakeABill) {
  ASSERT_TRUE(house.desk->set(day_ahead));
  EXPECT_EQ(house.desk->bill(october, now).value()->bill.unpriced.size(), 31u * 96);

  std::vector<PriceFrom> prices;
  for (auto time = begin; time < now; time += 1h) prices.emplace_back(time, decimal("0.20"));
  ASSERT_TRUE(house.desk->add_prices(std::move(prices)));

  EXPECT_EQ(insight::text(house.desk->bill(october, now).value()->bill.total, 2), "297.60");
  EXPECT_EQ(house.desk->prices_until(), now);
}

TEST_F(BillDeskTest, WhereOnePriceIsMissingTheRestIsTold) {
  set(day_ahead);
  std::vector<PriceFrom> prices;
  const auto missing = MeasuredHouse::local(2026, 11, 10, 17);
  for (auto time = begin; time < now; time += 1h) {
    if (time != missing) prices.emplace_back(time, decimal("0.20"));
  }
  // A price holds for at most an hour.
  ASSERT_TRUE(house.desk->add_prices(std::move(prices)));

  // 480 kWh at 0.20, less 2 kWh of that hour.
  const auto& bill = **house.desk->bill(november, now);
  EXPECT_EQ(insight::text(bill.bill.total, 2), "95.60");
  EXPECT_EQ(insight::unpriced_text(bill.bill.unpriced, house.desk->zone()),
            "No day-ahead price is known of 10 November, 17:00 to 18:00: the amount is without "
            "that of the 2.00 kWh used then.");
  EXPECT_FALSE(bill.forecast);
  const auto oven = std::ranges::find(bill.circuits, "oven", &BillPart::circuit);
  EXPECT_EQ(insight::text(oven->amount, 2), "38.24");  // 192 kWh less 0.8.

  // What the oven took from 16:00 on, in 3 hours.
  const auto use = house.desk->quarters().circuit("oven", {missing - 1h, missing + 2h}, now);
  const auto cost = house.desk->cost(use.value(), now).value();
  EXPECT_EQ(insight::text(cost.amount, 2), "0.32");
  EXPECT_EQ(cost.imported.value, 2'400'000);
  ASSERT_EQ(cost.unpriced.size(), 4u);
  EXPECT_EQ(cost.unpriced.front().imported.value, 200'000);
}

}  // namespace
}  // namespace hub
