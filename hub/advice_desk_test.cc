#include "hub/advice_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "hub/live_feed.h"
#include "hub/measured_house.h"

namespace hub {
namespace {

using insight::ApplianceKind;
using insight::Decimal;
using namespace std::chrono_literals;
using testing::HasSubstr;

class AdviceDeskTest : public testing::Test {
 protected:
  explicit AdviceDeskTest(measurement::Timestamp from = MeasuredHouse::local(2026, 6, 1))
      : begin(from) {
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
            .health = [this] { return health ? &*health : nullptr; },
            .offers =
                [this](auto) {
                  ++asked;
                  return std::vector<insight::Offer>();
                },
            .catalogue = [this] { return catalogue; }});
  }
  // True: there was something to weigh.
  bool weighs(measurement::Timestamp at) {
    const int before = std::exchange(asked, 0);
    weigh(at);
    return std::exchange(asked, before) > 0;
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

  const measurement::Timestamp begin;
  const measurement::Timestamp now = MeasuredHouse::local(2026, 11, 11);
  MeasuredHouse house;
  LiveFeed live;
  std::optional<HealthDesk> health;
  std::int64_t catalogue = 0;
  int asked = 0;  // For offers: once for each appliance that is weighed.
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

TEST_F(AdviceDeskTest, WhatChangesTheAnswerIsWeighedAtOnce) {
  health.emplace(house.disk, (house.folder / "health.db").string(), house.folder / "rules.toml",
                 house.home, live,
                 HealthDesk::Surroundings{.analyst = [] { return nullptr; },
                                          .ledger = {},
                                          .utc_offset = [](auto) { return 60min; }});
  weigh(now);
  EXPECT_FALSE(weighs(now + 1min));

  ASSERT_TRUE(
      house.desk->set("name = \"Dear\"\ncountry = \"DE\"\ncurrency = \"EUR\"\n"
                      "source = \"a contract\"\nsource_date = 2026-01-01\n[[version]]\n"
                      "from = 2020-01-01\n[[version.energy]]\nname = \"Energy\"\n"
                      "price = \"0.60\"\n"));
  EXPECT_TRUE(weighs(now + 1min));
  // 1,752 kWh at 0.60.
  EXPECT_NEAR(desk->plans()[0].advice.candidates.front().cost_a_year.median, 1051.2, 80);

  catalogue = 1;
  EXPECT_TRUE(weighs(now + 2min));

  FindingBook::Writing writing(health->book());
  writing.put({Asset::Kind::appliance, "3"}, {.change = insight::Change::runs_longer,
                                              .since = now - 72h,
                                              .found = now,
                                              .confidence = .9f,
                                              .suspects = {},
                                              .evidence = {},
                                              .extra_wh_per_day = 210});
  ASSERT_TRUE(writing.finish());
  EXPECT_TRUE(weighs(now + 3min));
  EXPECT_FALSE(weighs(now + 4min));
}

TEST_F(AdviceDeskTest, WhatWasReplacedIsLearntAnewAndNotAdvisedAgain) {
  house.known[0].known.certainty = insight::Certainty::measured;
  weigh(now);
  ASSERT_TRUE(desk->set(3, {.made = now - std::chrono::days(365 * 20)}, now));
  ASSERT_TRUE(desk->plans()[0].prediction);

  ASSERT_TRUE(desk->done(*desk->plans()[0].prediction, now - std::chrono::days(10)));
  EXPECT_TRUE(weighs(now));

  const auto plan = desk->plans()[0];
  EXPECT_EQ(plan.advice.not_yet, "It was measured for 9 days; 28 are needed.");
  EXPECT_FALSE(plan.prediction);
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

// A heat pump of 2 kWh a day and 0.5 for each degree below 15 °C. A repair saved nothing, and then
// it became 7 degrees colder.
class AdviceWeatherTest : public AdviceDeskTest {
 protected:
  AdviceWeatherTest() : AdviceDeskTest(MeasuredHouse::local(2026, 9, 15)) {
    house.known.clear();
    house.runs.clear();
    house.add_appliance(3, "oven", ApplianceKind::heat_pump, {begin, now}, 0, 0);
    for (std::size_t day = 0; day < house.runs.size(); ++day) {
      auto& run = house.runs[day].run;
      run.end = run.begin + 24h;
      run.energy = {std::llround(1e6 * (2 + 0.5 * (15 - celsius(day))))};
    }
  }
  double celsius(std::size_t day) const {
    return (house.runs[day].run.begin < changed ? 12 : 5) + 2 * std::sin(static_cast<double>(day));
  }
  BookedPrediction of_repair() {
    for (const auto& one : desk->predictions()) {
      if (one.of == BookedPrediction::Of::finding) return one;
    }
    return {};
  }
  void repair() {
    ASSERT_TRUE(desk->book().predict({.of = BookedPrediction::Of::finding,
                                      .appliance = 3,
                                      .key = "works_harder",
                                      .what = "Heat pump: repair it",
                                      .said = changed,
                                      .predicted = {100, 200, 300}}));
    ASSERT_TRUE(desk->book().done(of_repair().number, changed));
    weigh(now);
    ASSERT_TRUE(of_repair().measured) << of_repair().note;
  }

  const measurement::Timestamp changed = MeasuredHouse::local(2026, 10, 18);
};

TEST_F(AdviceWeatherTest, ColdIsNoLossWhereAThermometerIsHeard) {
  for (std::size_t day = 0; day < house.runs.size(); ++day) {
    for (int hour = 0; hour <= 18; ++hour) {
      desk->hear_outdoors({static_cast<float>(celsius(day))},
                          house.runs[day].run.begin + std::chrono::hours(hour));
    }
  }

  repair();

  EXPECT_NEAR(of_repair().measured->median, 0, 100);  // Of some 1,800 kWh a year.
  EXPECT_EQ(of_repair().note, "");
}

TEST_F(AdviceWeatherTest, WithoutOneItIsSaidThatNothingIsAdjusted) {
  repair();

  EXPECT_LT(of_repair().measured->median, -900);  // 3.5 kWh a day more.
  EXPECT_THAT(of_repair().note, HasSubstr("Not adjusted for the weather"));
}

}  // namespace
}  // namespace hub
