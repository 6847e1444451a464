#include "hub/advice_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/measured_house.h"

namespace hub {
namespace {

using insight::ApplianceKind;
using insight::Decimal;
using namespace std::chrono_literals;
using testing::HasSubstr;

class AdviceDeskTest : public testing::Test {
 protected:
  AdviceDeskTest() {
    house.measure({begin, now});
    house.home.price_per_kwh = 0.30;
    // All that its circuit takes: 4.8 kWh a day, told from its signature.
    house.add_appliance(3, "fridge", ApplianceKind::fridge, {begin, now}, 0, 4.8);
    for (auto& run : house.runs) run.run.end = run.run.begin + 24h;
    house.open();
    open();
  }
  void open() {
    desk.emplace(
        house.disk, (house.folder / "advice.db").string(), *house.desk, house.home,
        AdviceDesk::Surroundings{
            .appliances = {.known = [this](auto) { return house.known; },
                           .runs = [this](TimeRange range) { return house.runs_in(range); }},
            .health = {},
            .offers = {}});
  }
  void weigh(measurement::Timestamp at) {
    house.prepare(at);
    for (int i = 0; i < 10'000; ++i) {
      const auto done = desk->step(at);
      ASSERT_TRUE(done);
      if (*done) return;
    }
    FAIL() << "it never comes to an end";
  }

  const measurement::Timestamp begin = MeasuredHouse::local(2026, 6, 1);
  const measurement::Timestamp now = MeasuredHouse::local(2026, 11, 11);
  MeasuredHouse house;
  std::optional<AdviceDesk> desk;
};

TEST_F(AdviceDeskTest, AFridgeIsWeighedByWhatItTookAndWhatThatCosts) {
  weigh(now);

  const auto plans = desk->plans();
  ASSERT_EQ(plans.size(), 1u);
  const auto& [number, name, circuit, kind, facts, advice, prediction] = plans[0];
  EXPECT_EQ(number, 3);
  EXPECT_EQ(name, "Fridge");
  EXPECT_EQ(circuit, house.known[0].circuit);
  EXPECT_EQ(advice.not_yet, "");
  ASSERT_FALSE(advice.candidates.empty());
  // 4.8 kWh a day are 1,752 kWh a year, and 525.60 at 0.30.
  const auto& kept = advice.candidates.front();
  EXPECT_NEAR(kept.energy_kwh.median, 1752, 60);
  EXPECT_NEAR(kept.cost_a_year.median, 525.6, 40);
  EXPECT_LT(kept.energy_kwh.low, kept.energy_kwh.median);
}

TEST_F(AdviceDeskTest, AnApplianceThatIsFoundLaterIsWeighedSoon) {
  const auto fridge = std::exchange(house.known, {});
  weigh(now);
  EXPECT_TRUE(desk->is_ready());
  EXPECT_TRUE(desk->plans().empty());

  house.known = fridge;
  weigh(now + 11min);

  EXPECT_EQ(desk->plans().size(), 1u);
}

TEST_F(AdviceDeskTest, WhatPeopleSayIsWeighedAtOnceAndStays) {
  weigh(now);
  const ApplianceFacts facts{.made = now - std::chrono::days(365 * 20),
                             .size = 250,
                             .own_price = Decimal::parse("199").value()};

  ASSERT_TRUE(desk->set(3, facts, now));

  EXPECT_EQ(desk->plans()[0].facts, facts);
  const auto yours = [](const insight::Candidate& one) { return one.price_source == "yours"; };
  EXPECT_TRUE(std::ranges::any_of(desk->plans()[0].advice.candidates, yours));
  EXPECT_THAT(desk->set(77, facts, now).error(), HasSubstr("no such appliance"));
  open();
  weigh(now);
  EXPECT_EQ(desk->plans()[0].facts, facts);
}

TEST_F(AdviceDeskTest, AReplacementIsPredictedOnceAndScoredAfterItIsDone) {
  // Two and a half times what a new one takes, and 20 years old. Its circuit is its own: told from
  // its signature, it would not be sure enough.
  house.known[0].known.certainty = insight::Certainty::measured;
  weigh(now);
  ASSERT_TRUE(desk->set(3, {.made = now - std::chrono::days(365 * 20)}, now));
  const auto plan = desk->plans()[0];
  ASSERT_EQ(plan.advice.verdict, insight::Verdict::replace) << plan.advice.why;
  ASSERT_TRUE(plan.prediction);

  ASSERT_TRUE(desk->done(*plan.prediction, now));
  EXPECT_FALSE(desk->done(*plan.prediction, now));

  const auto found = desk->predictions();
  const auto it = std::ranges::find(found, *plan.prediction, &BookedPrediction::number);
  ASSERT_NE(it, found.end());
  EXPECT_GT(it->predicted.median, 0);
  EXPECT_EQ(it->done, now);
  // The day after nothing can be said yet.
  weigh(now + 24h);
  for (const auto& one : desk->predictions()) {
    if (one.number != *plan.prediction) continue;
    EXPECT_FALSE(one.measured);
    EXPECT_NE(one.note, "");
  }
}

TEST_F(AdviceDeskTest, AForecastIsKeptAndComparedWithTheBill) {
  weigh(now);
  const auto is_forecast = [](const BookedPrediction& one) {
    return one.of == BookedPrediction::Of::forecast;
  };
  auto found = desk->predictions();
  auto forecast = std::ranges::find_if(found, is_forecast);
  ASSERT_NE(forecast, found.end());
  EXPECT_EQ(forecast->key, "2026-11");
  EXPECT_NEAR(forecast->predicted.median, 30 * 48 * 0.30, 0.5);

  house.measure({now, MeasuredHouse::local(2026, 12, 2)});
  weigh(MeasuredHouse::local(2026, 12, 2));

  found = desk->predictions();
  forecast = std::ranges::find_if(found, is_forecast);
  ASSERT_NE(forecast, found.end());
  ASSERT_TRUE(forecast->measured);
  EXPECT_NEAR(forecast->measured->median, 432, 0.01);
}

}  // namespace
}  // namespace hub
