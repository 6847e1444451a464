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
    return found ? found->as_double() : 0;
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
