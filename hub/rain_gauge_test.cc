#include "hub/rain_gauge.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

namespace hub {
namespace {

using namespace std::chrono_literals;

constexpr measurement::Timestamp noon = std::chrono::sys_days(std::chrono::March / 2 / 2026) + 12h;
constexpr RainUnit mm_per_h = rain_units[0], mm = rain_units[1], inches_per_h = rain_units[2],
                   inches = rain_units[3];

TEST(RainGauge, ARateIsRainByTheTimeThatItHolds) {
  FallenRain rain;
  EXPECT_TRUE(std::isnan(rain.mm(noon)));

  rain.hear(mm_per_h, noon, 6);
  EXPECT_DOUBLE_EQ(rain.mm(noon + 10min), 1);
  rain.hear(mm_per_h, noon + 30min, 2);
  EXPECT_DOUBLE_EQ(rain.mm(noon + 45min), 3.5);
  rain.hear(inches_per_h, noon + 60min, 0.1);
  EXPECT_DOUBLE_EQ(rain.mm(noon + 90min), 4 + 1.27);
}

TEST(RainGauge, OneThatSaysNothingForAnHourIsNotKnown) {
  FallenRain rain;
  rain.hear(mm_per_h, noon, 6);
  EXPECT_TRUE(std::isnan(rain.mm(noon + 1h)));

  rain.hear(mm_per_h, noon + 24h, 0);
  EXPECT_DOUBLE_EQ(rain.mm(noon + 24h), 6) << "Of the hour that its word held.";
}

TEST(RainGauge, ACounterThatBeginsAnewEachDayGoesOn) {
  FallenRain rain;
  rain.hear(mm, noon, 11.5);
  EXPECT_DOUBLE_EQ(rain.mm(noon), 0) << "Nobody knows since when.";

  rain.hear(mm, noon + 10min, 12);
  EXPECT_DOUBLE_EQ(rain.mm(noon + 10min), 0.5);
  rain.hear(mm, noon + 20min, 0.25);
  EXPECT_DOUBLE_EQ(rain.mm(noon + 30min), 0.75);
}

TEST(RainGauge, ACounterThatWasAwayBringsNoFlood) {
  FallenRain rain;
  rain.hear(inches, noon, 30);
  rain.hear(inches, noon + 10min, 0);
  rain.hear(inches, noon + 20min, 30);

  EXPECT_DOUBLE_EQ(rain.mm(noon + 20min), 0);
}

}  // namespace
}  // namespace hub
