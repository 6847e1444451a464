#include "insight/identification/breaker_finder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::size_t circuits = 14;
constexpr int before_s = 100;

// Fourteen circuits whose power wanders by a few watts; `extra` is added to one of them.
class BreakerFinderTest : public testing::Test {
 protected:
  using Extra = float (*)(int second);

  std::optional<BreakerFinder::Finding> look(std::size_t circuit, Extra extra, int seconds = 16,
                                             float noise_w = 2) {
    std::normal_distribution<float> noise(0, noise_w);
    for (int s = 0; s < before_s + seconds; ++s) {
      const Timestamp time{std::chrono::milliseconds(1000 * s)};
      if (s == before_s) finder.begin(time);
      for (std::size_t c = 0; c < circuits; ++c) {
        float watts = 100 + 40 * static_cast<float>(c) + noise(random);
        if (c == circuit) watts += extra(s - before_s);
        if (c == noisy && s % 9 > 4) watts += 60;  // A drum that turns to and fro.
        finder.take(c, {.time = time, .active_power = {watts}});
      }
    }
    return finder.finding();
  }

  // On at 1, 5 and 9 s, off at 3, 7 and 11 s.
  static float lamp(int second) {
    return second >= 1 && second < 12 && (second - 1) % 4 < 2 ? 60 : 0;
  }

  std::mt19937 random{7};
  BreakerFinder finder{circuits};
  std::size_t noisy = circuits;
};

TEST_F(BreakerFinderTest, ThreeTimesOnAndOffOfALampNamesItsCircuit) {
  const auto found = look(5, lamp);

  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_sure);
  EXPECT_EQ(found->circuit, 5u);
  EXPECT_NEAR(found->step.value, 60, 6);
}

TEST_F(BreakerFinderTest, TwiceIsNotEnough) {
  const auto found = look(5, [](int second) { return second < 8 ? lamp(second) : 0; });

  EXPECT_FALSE(found && found->is_sure);
}

TEST_F(BreakerFinderTest, ALoadThatIsSwitchedMeanwhileIsNoHindrance) {
  const auto found =
      look(5, [](int second) { return lamp(second) + (second >= 6 ? 1500.f : 0.f); });

  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_sure);
  EXPECT_EQ(found->circuit, 5u);
}

TEST_F(BreakerFinderTest, WhatTurnsToAndFroByItselfIsNeverNamed) {
  noisy = 3;
  const auto found = look(circuits, lamp, 25);

  EXPECT_FALSE(found && found->is_sure);
}

TEST_F(BreakerFinderTest, ALampThatDrownsInTheNoiseIsNotSure) {
  const auto found = look(5, lamp, 16, 40);

  EXPECT_FALSE(found && found->is_sure);
}

TEST_F(BreakerFinderTest, WhatTheFirstTryHasShownCountsForTheSecond) {
  // In the middle of each try the whole circuit is switched on and off by somebody else.
  const auto disturbed = [](int second) {
    const int in_try = second % 40;
    return lamp(in_try) +
           (in_try >= 5 && in_try < 9 ? 90.f + 10.f * static_cast<float>(in_try) : 0);
  };
  std::normal_distribution<float> noise(0, 2);
  std::vector<std::optional<BreakerFinder::Finding>> found;
  for (int s = 0; s < before_s + 56; ++s) {
    const Timestamp time{std::chrono::milliseconds(1000 * s)};
    if (s == before_s || s == before_s + 40) finder.begin(time);
    for (std::size_t c = 0; c < circuits; ++c) {
      const float watts =
          100 + noise(random) + (c == 5 && s >= before_s ? disturbed(s - before_s) : 0);
      finder.take(c, {.time = time, .active_power = {watts}});
    }
    if (s == before_s + 16 || s == before_s + 55) found.push_back(finder.finding());
  }

  EXPECT_FALSE(found[0] && found[0]->is_sure);
  ASSERT_TRUE(found[1]);
  EXPECT_TRUE(found[1]->is_sure);
  EXPECT_EQ(found[1]->circuit, 5u);
}

TEST_F(BreakerFinderTest, AVoltageThatWandersMakesNoStepsOfAHeater) {
  for (int s = 0; s < before_s + 16; ++s) {
    const Timestamp time{std::chrono::milliseconds(1000 * s)};
    if (s == before_s) finder.begin(time);
    const float volts = s % 4 < 2 ? 230.f : 227.f;
    const float square = volts / 230 * (volts / 230);
    for (std::size_t c = 0; c < circuits; ++c) {
      const float heater = c == 2 ? 2000 * square : 0;
      const float watts = 50 * square + heater + (c == 5 ? lamp(s - before_s) * square : 0);
      finder.take(c, {.time = time, .active_power = {watts}, .voltage = {volts}});
    }
  }

  const auto found = finder.finding();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_sure);
  EXPECT_EQ(found->circuit, 5u);
}

TEST_F(BreakerFinderTest, BeforeItHasBegunThereIsNothing) {
  finder.take(0, {.time = Timestamp{1s}, .active_power = {60}});
  EXPECT_FALSE(finder.finding());
}

}  // namespace
}  // namespace insight
