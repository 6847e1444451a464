#include "insight/identification/pulses.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>

namespace insight {
namespace {

constexpr std::int64_t slot_ms = 6000;

// A fridge of 90 W, on for 15 minutes of every 45, above 200 W.
float home_w(std::int64_t at_ms) {
  return at_ms / 60'000 % 45 < 15 && at_ms >= 45 * 60'000 ? 290.0F : 200.0F;
}

TEST(PulsesTest, AFridgeIsSeenToComeAgainAndAgain) {
  Pulses pulses;
  const std::int64_t day_ms = 24 * 3'600'000;
  for (std::int64_t at = 0; at < day_ms; at += slot_ms) pulses.take(at, home_w(at));
  const std::int64_t in_pulse = day_ms - 40 * 60'000;  // 5 minutes after switching on.

  std::array<float, Pulses::settled_count> of{};
  pulses.settled(in_pulse, of);

  EXPECT_NEAR(of[0], 90, 1);
  EXPECT_NEAR(of[1], 300, 7);
  EXPECT_NEAR(of[2], 60.0 / 45, 0.1);
  EXPECT_NEAR(of[3], 900, 15);
  EXPECT_NEAR(of[4], 900, 7);
  EXPECT_TRUE(std::isnan(of[6]));  // Nothing large.
  EXPECT_LT(of.back(), 0.05);      // As regular as can be.
  EXPECT_NEAR(pulses.home()[0], 90, 0.12 * 90);
  EXPECT_NEAR(pulses.home()[1], 60.0 / 45, 0.1);
  EXPECT_NEAR(pulses.home()[2], 900, 15);
  EXPECT_TRUE(std::isnan(pulses.home()[3]));  // There is no other.
}

TEST(PulsesTest, WhatComesWhenItPleasesIsIrregular) {
  Pulses pulses;
  std::int64_t at = 0;
  const auto draw = [&](int slots, float power_w) {
    for (int i = 0; i < slots; ++i, at += slot_ms) pulses.take(at, power_w);
  };
  for (int i = 0; i < 20; ++i) {
    draw(i % 2 == 0 ? 20 : 200, 200);
    draw(50, 290);
  }
  draw(20, 200);

  std::array<float, Pulses::settled_count> of{};
  pulses.settled(at - 40 * slot_ms, of);

  // From one to the next 70 or 250 slots: 160, give or take 90.
  EXPECT_NEAR(of.back(), 90.0 / 160, 0.1);
}

TEST(PulsesTest, WhatIsOnAndNotOffYetIsLive) {
  Pulses pulses;
  std::int64_t at = 0;
  for (; at < 60'000; at += slot_ms) pulses.take(at, 150);
  for (; at < 120'000; at += slot_ms) pulses.take(at, 2150);

  std::array<float, Pulses::live_count> of{};
  pulses.live(at - slot_ms, of);

  EXPECT_TRUE(std::isnan(of[0]));
  EXPECT_NEAR(of[4], 2000, 1);
  EXPECT_NEAR(of[5], 54, 1);
}

TEST(PulsesTest, StepsOfOtherSizesAreNoPair) {
  Pulses pulses;
  std::int64_t at = 0;
  for (const float power : {100.0F, 1100.0F, 600.0F, 100.0F}) {
    for (int i = 0; i < 10; ++i, at += slot_ms) pulses.take(at, power);
  }

  std::array<float, Pulses::settled_count> of{};
  pulses.settled(15 * slot_ms, of);

  EXPECT_TRUE(std::isnan(of[6]));
}

}  // namespace
}  // namespace insight
