#include "insight/health/breaker_guard.h"

#include <gtest/gtest.h>

#include <cmath>

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp begin(24h * 20000);
constexpr float none = detail::not_measured;

BreakerPlate iec(float rating_a) { return {BreakerStandard::iec_60898, {rating_a}, {1}}; }

BreakerReading reading(Timestamp at, float amperes) {
  return {at, {amperes, none, none}, {none, none, none}};
}

const Finding* find(const BreakerGuard& guard, Change change) {
  for (const auto& one : guard.findings()) {
    if (one.change == change) return &one;
  }
  return nullptr;
}

Timestamp carry(BreakerGuard& guard, Timestamp from, std::chrono::seconds length, float amperes) {
  for (auto at = from; at < from + length; at += 1s) guard.take(reading(at, amperes));
  return from + length;
}

TEST(BreakerGuard, AnOverloadIsWarnedOfBeforeAnyBreakerOfTheBandMayTrip) {
  BreakerGuard guard(iec(16));
  auto at = carry(guard, begin, 600s, 8);

  // 1.45 x In. One that trips at 1.13 x In with 50 s of time constant holds 40 s more:
  // 50 s x ln((1.45² - 0.5²) / (1.45² - 1.13²)).
  at = carry(guard, at, 35s, 1.45F * 16);
  EXPECT_NE(find(guard, Change::breaker_overload), nullptr);
  EXPECT_GT(guard.minutes_to_trip().latest, guard.minutes_to_trip().earliest);
  EXPECT_LE(guard.minutes_to_trip().latest, 60);  // IEC 60898-1: within the hour.

  carry(guard, at, 60s, 8);
  EXPECT_EQ(find(guard, Change::breaker_overload), nullptr);
}

TEST(BreakerGuard, BelowItsRatingItNeverTrips) {
  BreakerGuard guard(iec(16));
  carry(guard, begin, 2h, 15);

  EXPECT_TRUE(std::isinf(guard.minutes_to_trip().earliest));
  EXPECT_EQ(find(guard, Change::breaker_overload), nullptr);
}

TEST(BreakerGuard, AMotorsStartIsNoOverload) {
  BreakerGuard guard(iec(16));
  auto at = carry(guard, begin, 60s, 0);
  at = carry(guard, at, 1s, 80);
  carry(guard, at, 60s, 12);

  EXPECT_EQ(find(guard, Change::breaker_overload), nullptr);
}

TEST(BreakerGuard, WhatItHasCarriedIsNotWarnedOfAgain) {
  BreakerGuard guard(iec(16));
  auto at = begin;
  int warned = 0;
  for (int day = 0; day < 10; ++day) {
    at = carry(guard, at, 600s, 4);
    at = carry(guard, at, 120s, 1.3F * 16);
    warned += find(guard, Change::breaker_overload) ? 1 : 0;
  }

  EXPECT_EQ(warned, 1);
}

TEST(BreakerGuard, FourFifthsForThreeHoursAreTooMuchAndForTwoAreNot) {
  BreakerGuard guard(iec(20));
  auto at = carry(guard, begin, 2h, 17);
  EXPECT_EQ(find(guard, Change::breaker_long_load), nullptr);
  at = carry(guard, at, 120s, 0);  // A thermostat's pause.
  at = carry(guard, at, 62min, 17);
  ASSERT_NE(find(guard, Change::breaker_long_load), nullptr);
  EXPECT_EQ(find(guard, Change::breaker_long_load)->since, begin + 60s);

  carry(guard, at, 10min, 0);
  EXPECT_EQ(find(guard, Change::breaker_long_load), nullptr);
}

TEST(BreakerGuard, TwoHotsOfOneLegOnOneNeutralAreFoundByThePanel) {
  BreakerPlate plate{BreakerStandard::ul_489, {20}, {1, 1}};
  plate.shares_neutral = true;
  BreakerGuard guard(plate);

  guard.take({begin, {9, 8, none}, {none, none, none}});

  const auto* found = find(guard, Change::shared_neutral);
  ASSERT_NE(found, nullptr);
  EXPECT_FLOAT_EQ(found->evidence.front().now, 17.F / 20);
}

TEST(BreakerGuard, TheyAreFoundByTheirCurrentsWhereThePanelIsWrong) {
  for (const bool on_one_leg : {true, false}) {
    BreakerPlate plate{BreakerStandard::ul_489, {20}, {1, 2}};
    plate.shares_neutral = true;
    BreakerGuard guard(plate);

    for (int second = 0; second < 1200; ++second) {
      const float one = second / 20 % 2 == 0 ? 9 : 1, two = second / 30 % 2 == 0 ? 7 : 1;
      const PerLeg legs{3 + one + (on_one_leg ? two : 0), 2 + (on_one_leg ? 0 : two), none};
      guard.take({begin + second * 1s, {one, two, none}, legs});
    }

    EXPECT_EQ(find(guard, Change::shared_neutral) != nullptr, on_one_leg);
  }
}

TEST(BreakerGuard, ItGoesOnFromItsMemory) {
  BreakerGuard guard(iec(16));
  const auto at = carry(guard, begin, 100s, 20);
  BreakerGuard restored(iec(16), guard.memory());

  guard.take(reading(at, 20));
  restored.take(reading(at, 20));

  EXPECT_NEAR(restored.minutes_to_trip().earliest, guard.minutes_to_trip().earliest, 0.01);
  EXPECT_TRUE(
      std::isinf(BreakerGuard(iec(16), guard.memory().substr(1)).minutes_to_trip().earliest));
}

TEST(BreakerGuard, NobodyIsToldToTakeALargerBreaker) {
  for (const auto& cause : causes) {
    for (const auto* word : {"larger", "bigger", "stronger", "upgrade"}) {
      EXPECT_EQ(cause.check.find(word), std::string_view::npos) << cause.word;
    }
  }
}

}  // namespace
}  // namespace insight
