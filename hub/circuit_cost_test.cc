#include "hub/circuit_cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "hub/measured_house.h"

namespace hub {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;
using testing::HasSubstr;

// The oven takes 0.8 kW all the time; by day a kWh costs 0.40, by night 0.20, and from 16 October
// on 0.60 all day.
class CircuitCostTest : public testing::Test {
 protected:
  CircuitCostTest() {
    house.measure({MeasuredHouse::local(2026, 9, 25), now});
    house.open();
    EXPECT_TRUE(house.desk->set(
        "name = \"Day and night\"\ncountry = \"DE\"\ncurrency = \"EUR\"\nsource = \"a contract\"\n"
        "source_date = 2026-01-01\n"
        "[[version]]\nfrom = 2020-01-01\nuntil = 2026-10-16\n"
        "[[version.energy]]\nname = \"Energy\"\n"
        "[[version.energy.rate]]\nname = \"Day\"\nhours = \"06:00-22:00\"\nprice = \"0.40\"\n"
        "[[version.energy.rate]]\nname = \"Night\"\nprice = \"0.20\"\n"
        "[[version]]\nfrom = 2026-10-16\n"
        "[[version.energy]]\nname = \"Energy\"\nprice = \"0.60\"\n"));
  }
  double cost(Timestamp begin, Timestamp end, std::chrono::milliseconds step) {
    const auto found = circuit_cost(*house.desk, house.home, *house.store, "oven",
                                    steps_over({begin, end}, step), now);
    EXPECT_TRUE(found) << found.error();
    return found ? found->amount.as_double() : 0;
  }

  const Timestamp now = MeasuredHouse::local(2026, 11, 11, 12);
  MeasuredHouse house;
};

TEST_F(CircuitCostTest, IsThatOfTheHourNotOfThePresent) {
  const auto day = MeasuredHouse::local(2026, 10, 6);

  EXPECT_DOUBLE_EQ(cost(day + 12h, day + 15h, 15min), 0.96);  // 3 h x 0.8 kW x 0.40.
  EXPECT_DOUBLE_EQ(cost(day, day + 3h, 15min), 0.48);
  EXPECT_DOUBLE_EQ(cost(day + 20h, day + 24h, 15min), 0.96);  // Half of it at night.
}

TEST_F(CircuitCostTest, OfFineStepsIsThatOfTheSameEnergy) {
  const auto day = MeasuredHouse::local(2026, 10, 6);

  for (const auto step : {60s, 300s, 1200s, 3600s}) {
    EXPECT_DOUBLE_EQ(cost(day + 20h, day + 24h, step), 0.96) << step.count() << " s";
  }
}

TEST_F(CircuitCostTest, IsOfTheEnergyBesideItWhereSomethingIsMissing) {
  const auto day = MeasuredHouse::local(2026, 9, 10);
  house.measure({day, day + 12h});
  house.measure({day + 36h, day + 48h});

  for (const auto step : {60s, 300s, 900s, 3600s}) {
    // From the day before until noon, over a silence, within it, and by parts of quarters.
    for (const auto& [begin, end] :
         {std::pair<std::chrono::minutes, std::chrono::minutes>(-24h, 12h),
          {6h, 38h},
          {20h, 21h},
          {7h + 7min, 37h + 8min}}) {
      const auto found = circuit_cost(*house.desk, house.home, *house.store, "oven",
                                      steps_over({day + begin, day + end}, step), now);
      ASSERT_TRUE(found) << found.error();
      const auto kwh = static_cast<double>(found->imported.value) * 1e-6;
      EXPECT_GE(found->amount.as_double(), kwh * 0.20 - 0.006);
      EXPECT_LE(found->amount.as_double(), kwh * 0.40 + 0.006);
    }
  }
}

TEST_F(CircuitCostTest, HasAllThatIsMeasuredByNow) {
  const auto until = MeasuredHouse::local(2026, 9, 24);
  const auto cost_in = [&](TimeRange range, Timestamp at) {
    return circuit_cost(*house.desk, house.home, *house.store, "oven", steps_over(range, 15min), at)
        .value();
  };
  const TimeRange week{until - 7 * 24h, until};
  ASSERT_EQ(cost_in(week, now).imported.value, 0);

  // The same week comes in a day each second.
  for (int days = 1; days <= 7; ++days) {
    house.measure({week.begin + (days - 1) * 24h, week.begin + days * 24h});
    const auto found = cost_in(week, now + std::chrono::seconds(days));
    // 24 h x 0.8 kW, and of the quarter that ends the silence, which lies evenly in it.
    EXPECT_NEAR(static_cast<double>(found.imported.value), days * 19'200'000, 200'000);
    EXPECT_NEAR(found.amount.as_double(), days * (16 * 0.32 + 8 * 0.16), 0.08);
  }
}

TEST_F(CircuitCostTest, OfAMonthIsItsShareOfTheBill) {
  const auto october = std::chrono::year(2026) / std::chrono::October;
  const auto bill = house.desk->bill(october, now);
  ASSERT_TRUE(bill) << bill.error();
  const auto oven = std::ranges::find((*bill)->circuits, "oven", &BillPart::circuit);

  EXPECT_NEAR(cost(MeasuredHouse::local(2026, 10, 1), MeasuredHouse::local(2026, 11, 1), 1h),
              oven->amount.as_double(), 0.011);
  // 15 days of 16 h x 0.32 and 8 h x 0.16, 16 days of 24 h x 0.48.
  EXPECT_NEAR(oven->amount.as_double(), 15 * (16 * 0.32 + 8 * 0.16) + 16 * 24 * 0.48, 0.011);
}

TEST_F(CircuitCostTest, GoesOverTheEndOfAMonthAndUntilNow) {
  // October at 0.60, September at 0.20 by night; nothing of what has not begun.
  EXPECT_DOUBLE_EQ(
      cost(MeasuredHouse::local(2026, 9, 30, 23), MeasuredHouse::local(2026, 10, 1, 1), 15min),
      0.32);
  EXPECT_DOUBLE_EQ(cost(now - 1h, now + 24h * 40, 1h), 0.48);
}

TEST_F(CircuitCostTest, WithoutATariffItIsSaid) {
  ASSERT_TRUE(house.desk->set(""));

  const auto found = circuit_cost(*house.desk, house.home, *house.store, "oven",
                                  steps_over({now - 1h, now}, 15min), now);

  EXPECT_THAT(found.error(), HasSubstr("No tariff is set"));
}

}  // namespace
}  // namespace hub
