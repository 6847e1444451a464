#include "insight/identification/activations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace insight {
namespace {

using measurement::Timestamp;
using std::chrono::seconds;

const Timestamp start{std::chrono::days(20'000)};

struct Piece {
  float watts = 0;
  int seconds = 0;
};

class Channel {
 public:
  std::vector<Activation> draw(std::vector<Piece> pieces, int interval_s = 1) {
    std::vector<Activation> ended;
    for (const auto& piece : pieces) {
      for (int i = 0; i < piece.seconds; i += interval_s) {
        now_ += seconds(interval_s);
        const auto& change = tracker.take({.time = now_, .active_power = {piece.watts}});
        ended.insert(ended.end(), change.ended.begin(), change.ended.end());
      }
    }
    return ended;
  }

  ActivationTracker tracker;

 private:
  Timestamp now_ = start;
};

double seconds_of(const Activation& one) {
  return std::chrono::duration<double>(one.end - one.begin).count();
}

TEST(ActivationsTest, AWashingMachineThatPausesIsOneRun) {
  Channel channel;
  std::vector<Piece> wash = {{0, 60}, {2000, 900}};
  for (int i = 0; i < 60; ++i) wash.insert(wash.end(), {{250, 20}, {3, 40}});  // Drum and rest.
  wash.push_back({0, 900});

  const auto ended = channel.draw(wash);

  ASSERT_EQ(ended.size(), 1U);
  EXPECT_NEAR(seconds_of(ended[0]), 900 + 60 * 60 - 40, 3);
}

TEST(ActivationsTest, AChargerThatTapersRampsAndAHeaterDoesNot) {
  Channel charger, heater;
  std::vector<Piece> charge = {{0, 60}, {3000, 1800}};
  for (int i = 0; i < 900; ++i) charge.push_back({3000 - 3.0F * static_cast<float>(i), 1});
  charge.push_back({0, 900});

  const auto charged = charger.draw(charge),
             heated = heater.draw({{0, 60}, {3000, 2700}, {0, 900}});

  ASSERT_EQ(charged.size(), 1U);
  EXPECT_NEAR(charged[0].ramp_30s_w, 90, 10);  // 3 W a second.
  EXPECT_NEAR(charged[0].ramp_5min_w, 900, 60);
  ASSERT_EQ(heated.size(), 1U);
  EXPECT_LT(heated[0].ramp_30s_w, 1);
  EXPECT_LT(heated[0].ramp_5min_w, 1);
}

TEST(ActivationsTest, AFridgeThatRestsHasManyRuns) {
  Channel channel;
  std::vector<Piece> day = {{0, 60}};
  for (int i = 0; i < 12; ++i) day.insert(day.end(), {{90, 900}, {0, 1500}});

  EXPECT_EQ(channel.draw(day).size(), 12U);
}

TEST(ActivationsTest, WhatIsOnForDaysIsOneRunWithOthersAboveIt) {
  Channel channel;
  channel.draw({{0, 600}, {60, 8 * 3600}}, 10);
  const auto above = channel.draw({{160, 1800}, {60, 3600}}, 10);

  ASSERT_EQ(above.size(), 1U);
  EXPECT_NEAR(above[0].watt_seconds, 100 * 1800, 3000);
  const auto ended = channel.draw({{0, 600}}, 10);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_NEAR(seconds_of(ended[0]), 9.5 * 3600, 30);
  EXPECT_NEAR(ended[0].watt_seconds, 60 * 9.5 * 3600, 5000);
}

TEST(ActivationsTest, TheDisplayOfAMachineThatHasFinishedDoesNotLengthenItsRun) {
  Channel channel;

  const auto ended = channel.draw({{0, 60}, {1800, 600}, {5, 1800}});

  ASSERT_EQ(ended.size(), 1U);
  EXPECT_NEAR(seconds_of(ended[0]), 600, 3);
}

TEST(ActivationsTest, AGapOfTheReadingsEndsWhatRan) {
  ActivationTracker tracker;
  std::size_t ended = 0;
  for (int i = 0; i < 100; ++i) {
    const auto now = start + seconds(i < 50 ? i : i + 3600);
    ended += tracker.take({.time = now, .active_power = {i < 5 ? 0.0F : 500.0F}}).ended.size();
  }

  EXPECT_EQ(ended, 1U);
  EXPECT_EQ(tracker.open().size(), 1U);
}

TEST(ActivationsTest, ExportIsNobodysRun) {
  Channel channel;

  EXPECT_TRUE(channel.draw({{0, 60}, {-3000, 3600}, {-10, 60}}).empty());
  EXPECT_TRUE(channel.tracker.open().empty());
}

TEST(ActivationsTest, QuantilesAreWithinTheirBin) {
  PowerHistogram powers;
  powers.add(100, 10);
  powers.add(1000, 30);

  EXPECT_NEAR(powers.quantile(0.1F), 100, 10);
  EXPECT_NEAR(powers.quantile(0.5F), 1000, 190);  // A quarter of an octave.
  EXPECT_FLOAT_EQ(powers.share_above(500), 0.75F);
}

TEST(ActivationsTest, AProfileKeepsItsShapeAtEveryLength) {
  PowerProfile profile;
  for (int i = 0; i < 3000; ++i) profile.add(i < 1500 ? 100 : 300, 1);

  ASSERT_GE(profile.count(), 32U);
  EXPECT_FLOAT_EQ(profile.mean(0), 100);
  EXPECT_FLOAT_EQ(profile.mean(profile.count() - 1), 300);
}

}  // namespace
}  // namespace insight
