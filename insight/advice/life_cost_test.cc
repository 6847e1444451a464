#include "insight/advice/life_cost.h"

#include <gtest/gtest.h>

#include <cmath>

#include "insight/advice/chance.h"

namespace insight {
namespace {

// Prices grow as fast as money is worth less, so that every year counts the same.
const Fate even{.price_per_kwh = 0.2,
                .growth = 0.05,
                .interest = 0.05,
                .years_left = 10,
                .life = 10,
                .usual_life = 10,
                .wear = 0,
                .wear_of_new = 0};

TEST(LifeCost, EnergyIsPaidEachYear) {
  // 20 years of 100 kWh at 0.20; and 10 of 300 before 10 of 100.
  EXPECT_NEAR(cost_of_replacing(even, 100, 0).energy, 400, 1e-9);
  EXPECT_NEAR(cost_of_keeping(even, 300, 100, 0).energy, 600 + 200, 1e-9);
}

TEST(LifeCost, APurchaseIsPaidWhenTheLastOneFails) {
  const double of_10 = std::pow(1.05, -10);  // 0.6139

  EXPECT_NEAR(cost_of_replacing(even, 0, 1000).purchases, 1000 * (1 + of_10), 1e-9);
  EXPECT_NEAR(cost_of_keeping(even, 0, 0, 1000).purchases, 1000 * of_10, 1e-9);
}

TEST(LifeCost, OfAPurchaseThatLastsLongerOnlyAPartCounts) {
  auto fate = even;
  fate.life = 40;
  fate.interest = 0.03;

  // As if it were paid by the year: (1 - 1.03^-20) / (1 - 1.03^-40) = 0.4463 / 0.6934.
  EXPECT_NEAR(cost_of_replacing(fate, 0, 1000).purchases, 643.6, 0.1);
}

TEST(LifeCost, WearRaisesWhatItTakes) {
  auto fate = even;
  fate.wear = 0.1;
  fate.years_left = 2;

  // 100 kWh, then 110; then a new one of 0.
  EXPECT_NEAR(cost_of_keeping(fate, 100, 0, 0).energy, 20 + 22, 1e-9);
}

TEST(Chance, WhatIsOldFailsSooner) {
  Chance chance(1);
  double young = 0, old = 0;
  for (int i = 0; i < 4000; ++i) {
    young += chance.years_left(14, 3, 0) / 4000;
    old += chance.years_left(14, 3, 15) / 4000;
  }

  EXPECT_NEAR(young, 14, 0.3);  // The mean itself.
  // Weibull of shape 3 and scale 14 / 0.8930 = 15.68: the integral of exp(-(t / 15.68)³) from 15 on
  // over its value at 15 is 3.9.
  EXPECT_NEAR(old, 3.9, 0.2);
}

}  // namespace
}  // namespace insight
