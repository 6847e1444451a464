#include "insight/advice/score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "insight/advice/chance.h"

namespace insight {
namespace {

using ::testing::HasSubstr;

// Days of a fridge of `kwh`, 1 % more a day that is a degree above 18 °C, and 8 % of noise.
std::vector<UseDay> fridge_days(int count, double kwh, double outdoor, Chance& chance) {
  std::vector<UseDay> days;
  for (int i = 0; i < count; ++i) {
    const double warm = outdoor + 3 * chance.normal();
    days.push_back(
        {.kwh = kwh * (1 + 0.01 * std::max(0.0, warm - 18)) * (1 + 0.08 * chance.normal()),
         .uses = {},
         .outdoor = warm,
         .rest_kwh = 10 + chance.normal()});
  }
  return days;
}

// Of a dryer that takes `kwh` a run.
std::vector<UseDay> dryer_days(int count, double kwh, double share_used, Chance& chance) {
  std::vector<UseDay> days;
  for (int i = 0; i < count; ++i) {
    const double uses = chance.uniform() < share_used ? 1 : 0;
    days.push_back({.kwh = 0.02 + uses * kwh * (1 + 0.1 * chance.normal()),
                    .uses = uses,
                    .outdoor = {},
                    .rest_kwh = {}});
  }
  return days;
}

TEST(Score, WhatAFridgeSavesIsMeasured) {
  Chance chance(1);
  const auto before = fridge_days(90, 2, 15, chance), after = fridge_days(60, 1, 15, chance);

  const auto saving = measured_saving(before, after);

  ASSERT_TRUE(saving) << saving.error();
  EXPECT_TRUE(saving->is_saving);
  EXPECT_NEAR(saving->kwh.median, 365, 20);  // 1 kWh a day.
  EXPECT_LT(saving->kwh.low, 365);
  EXPECT_GT(saving->kwh.high, 365);
}

TEST(Score, ACoolAutumnIsNoSaving) {
  Chance chance(2);
  const auto before = fridge_days(90, 2, 25, chance), after = fridge_days(60, 2, 16, chance);

  const auto saving = measured_saving(before, after);

  ASSERT_TRUE(saving);
  EXPECT_FALSE(saving->is_saving);
  EXPECT_NEAR(saving->kwh.median, 0, 40);
}

TEST(Score, OneDayWithoutItsWeatherLeavesAllUnadjusted) {
  Chance chance(2);
  const auto before = fridge_days(90, 2, 25, chance);
  auto after = fridge_days(60, 2, 16, chance);
  EXPECT_TRUE(measured_saving(before, after)->knows_weather);

  after[7].outdoor.reset();
  const auto saving = measured_saving(before, after);

  EXPECT_FALSE(saving->knows_weather);
  // 2 kWh a day and 1 % of it for each of some 7 degrees above 18 °C: 51 kWh a year.
  EXPECT_NEAR(saving->kwh.median, 51, 25);
}

TEST(Score, WhereNobodyIsThereNothingIsCompared) {
  Chance chance(3);
  const auto before = fridge_days(90, 2, 15, chance);
  auto after = fridge_days(30, 1.6, 15, chance);  // Nobody opens it.
  for (auto& day : after) day.rest_kwh = 3;

  const auto saving = measured_saving(before, after);

  ASSERT_FALSE(saving);
  EXPECT_EQ(saving.error(), "Only 0 days after it can be compared; 21 are needed.");
}

TEST(Score, ADryerThatIsNotUsedSavesNothing) {
  Chance chance(4);
  const auto before = dryer_days(90, 2.5, 0.7, chance);

  EXPECT_THAT(measured_saving(before, dryer_days(60, 2.5, 0.05, chance)).error(),
              HasSubstr("8 are needed"));

  const auto seldom = measured_saving(before, dryer_days(60, 2.5, 0.3, chance));
  ASSERT_TRUE(seldom);
  EXPECT_FALSE(seldom->is_saving);
}

TEST(Score, ABetterDryerSavesByTheUseOfBefore) {
  Chance chance(5);
  const auto before = dryer_days(120, 2.5, 0.7, chance), after = dryer_days(90, 1, 0.4, chance);
  double uses = 0;
  for (const auto& day : before) uses += *day.uses;

  const auto saving = measured_saving(before, after);

  ASSERT_TRUE(saving);
  EXPECT_TRUE(saving->is_saving);
  // 1.5 kWh a run, and the standby that the share takes with it.
  EXPECT_NEAR(saving->kwh.median, 1.5 * 365 * uses / 120, 30);
}

TEST(Score, WhatIsSwitchedOffOrNotMeasuredIsNotCompared) {
  Chance chance(6);
  const auto before = fridge_days(60, 2, 15, chance);
  auto after = fridge_days(40, 2, 15, chance);
  for (int i = 0; i < 10; ++i) after[static_cast<std::size_t>(i)].kwh = 0.02;
  for (int i = 10; i < 18; ++i) after[static_cast<std::size_t>(i)].kwh.reset();

  const auto saving = measured_saving(before, after);

  ASSERT_TRUE(saving) << saving.error();
  EXPECT_FALSE(saving->is_saving);
  after.resize(30);
  EXPECT_EQ(measured_saving(before, after).error(),
            "Only 12 days after it can be compared; 21 are needed.");
}

TEST(Score, APredictionIsRightWhereItsIntervalHoldsWhatWasMeasured) {
  ScoredPrediction prediction{.what = "Replace the fridge",
                              .said = {},
                              .predicted = {200, 300, 400},
                              .done = {},
                              .measured = {}};
  EXPECT_EQ(came_true(prediction), std::nullopt);
  std::vector<ScoredPrediction> all{prediction};
  prediction.measured = Spread{150, 210, 270};
  all.push_back(prediction);
  prediction.measured = Spread{50, 120, 190};
  all.push_back(prediction);

  const auto rate = hit_rate(all);

  EXPECT_EQ(rate.right, 1);
  EXPECT_EQ(rate.measured, 2);
}

}  // namespace
}  // namespace insight
