#include "insight/health/size_histogram.h"

#include <gtest/gtest.h>

namespace insight {
namespace {

TEST(SizeHistogram, QuantilesAreRightToWithinHalfAStep) {
  SizeHistogram spread;
  for (int i = 1; i <= 1000; ++i) spread.add(static_cast<float>(i));

  EXPECT_EQ(spread.count(), 1000U);
  for (const float share : {0.05F, 0.5F, 0.95F}) {
    EXPECT_NEAR(spread.quantile(share), 1000 * share, 0.05 * 1000 * static_cast<double>(share));
  }
  EXPECT_LE(spread.quantile(1), 1000);
  EXPECT_EQ(SizeHistogram().quantile(0.5F), 0);
}

TEST(SizeHistogram, WhatIsFrequentAndSmallCountsForLittleInTheSum) {
  SizeHistogram spread;
  for (int i = 0; i < 900; ++i) spread.add(5);     // Lamps behind a door,
  for (int i = 0; i < 100; ++i) spread.add(1200);  // and runs: 96 % of all the time.

  EXPECT_NEAR(spread.quantile(0.5F), 5, 0.3);
  EXPECT_NEAR(spread.quantile_of_sum(0.05F), 1200, 60);
}

TEST(SizeHistogram, OneThatIsFarBeyondAllOthersIsNotTheGreatest) {
  SizeHistogram spread;
  for (const float value : {10.F, 30.F, 25.F}) spread.add(value);
  EXPECT_EQ(spread.greatest(), 30);

  spread.add(500);
  EXPECT_EQ(spread.greatest(), 30);
  spread.add(400);
  EXPECT_EQ(spread.greatest(), 500);
}

TEST(SizeHistogram, ItForgetsHalfWhenAStepIsFull) {
  SizeHistogram spread;
  for (int i = 0; i < 65535; ++i) spread.add(10);
  EXPECT_EQ(spread.count(), 65535U);
  spread.add(10);

  EXPECT_EQ(spread.count(), 65535U / 2 + 1);
  EXPECT_NEAR(spread.quantile(0.5F), 10, 0.5);
}

}  // namespace
}  // namespace insight
