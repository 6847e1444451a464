#include "insight/health/acute_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <optional>

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp begin = std::chrono::sys_days(std::chrono::March / 2 / 2026);

// A machine that is fed to a watch, each reading some seconds after the one before.
class Feed {
 public:
  explicit Feed(ApplianceKind kind, std::chrono::milliseconds every = 2s)
      : watch(kind), every_(every) {}

  void draw(float w, std::chrono::milliseconds length, float var = std::nanf("")) {
    for (const auto end = now + length; now < end; now += every_) {
      if (rain_mm_per_h) {
        watch.set_rain(fallen_mm += *rain_mm_per_h * (std::chrono::duration<double>(every_) / 1h));
      } else {
        watch.set_rain(std::nan(""));
      }
      watch.take({.time = now, .active_power = {w}, .reactive_power = {var}});
      if (found_after_ == 0ms && !watch.findings().empty()) found_after_ = now - mark_;
    }
  }
  // Runs and pauses by turns.
  void live(std::chrono::hours length, float on_w, std::chrono::milliseconds on, float off_w,
            std::chrono::milliseconds off, float var = std::nanf("")) {
    for (const auto end = now + length; now < end;) {
      draw(on_w, on, var);
      draw(off_w, off);
    }
  }
  void mark() {
    mark_ = now;
    found_after_ = 0ms;
  }
  std::chrono::milliseconds found_after() const { return found_after_; }  // 0: not found.

  AcuteWatch watch;
  Timestamp now = begin;
  std::optional<double> rain_mm_per_h;
  double fallen_mm = 0;

 private:
  std::chrono::milliseconds every_, found_after_{};
  Timestamp mark_ = begin;
};

// A week of 15 minutes of cooling and 30 of rest.
Feed healthy_freezer(std::chrono::milliseconds every = 10s) {
  Feed freezer(ApplianceKind::freezer, every);
  freezer.live(24h * 8, 90, 15min, 2, 30min);
  freezer.mark();
  return freezer;
}

TEST(AcuteWatch, AFreezerThatIsOffIsSaidAfterThreeOfItsPauses) {
  auto freezer = healthy_freezer();
  freezer.draw(0, 3h);

  ASSERT_EQ(freezer.watch.findings().size(), 1U);
  const auto finding = freezer.watch.findings().front();
  EXPECT_EQ(finding.change, Change::silent);
  EXPECT_EQ(finding.suspects.front().cause, Cause::no_power);
  EXPECT_EQ(finding.evidence.front().feature, Feature::off_time);
  EXPECT_NEAR(finding.evidence.front().before, 1800, 10);
  // It had rested for 30 minutes when it was to start.
  EXPECT_GE(freezer.found_after(), 59min);
  EXPECT_LE(freezer.found_after(), 61min);

  freezer.draw(90, 15min);
  freezer.draw(2, 1min);
  EXPECT_TRUE(freezer.watch.findings().empty());
}

TEST(AcuteWatch, ALampBehindTheDoorDoesNotHideThatAFreezerIsOff) {
  auto freezer = healthy_freezer();
  for (int i = 0; i < 6; ++i) {
    freezer.draw(0, 20min);
    freezer.draw(45, 20s);
  }

  EXPECT_EQ(freezer.watch.findings().size(), 1U);
}

TEST(AcuteWatch, NothingIsSaidWhileItLearns) {
  Feed freezer(ApplianceKind::freezer, 10s);
  freezer.live(24h * 5 + 1h, 90, 15min, 2, 30min);
  EXPECT_TRUE(freezer.watch.is_learning());
  EXPECT_EQ(freezer.watch.days_left(), 2);

  freezer.draw(0, 24h);

  EXPECT_TRUE(freezer.watch.findings().empty());
}

TEST(AcuteWatch, AnOutageIsNoPause) {
  auto freezer = healthy_freezer();
  freezer.now += 12h;
  freezer.draw(2, 30min);
  EXPECT_TRUE(freezer.watch.findings().empty());

  // A meter on a battery would see no power: the hub knows from the voltage.
  freezer.draw(0, 40min);
  freezer.watch.mains_were_away();
  freezer.draw(90, 20h);  // It is warm inside.
  EXPECT_TRUE(freezer.watch.findings().empty());
}

TEST(AcuteWatch, AFridgeThatNeverStopsIsSaidAfterHalfADay) {
  auto fridge = healthy_freezer();
  fridge.draw(90, 13h);

  ASSERT_EQ(fridge.watch.findings().size(), 1U);
  EXPECT_EQ(fridge.watch.findings().front().change, Change::never_stops);
  EXPECT_NEAR(static_cast<double>(fridge.found_after() / 1min), 720, 2);
}

TEST(AcuteWatch, ACompressorThatTriesToStartFourTimesInTenMinutesIsSaid) {
  auto fridge = healthy_freezer(1s);
  for (int i = 0; i < 4; ++i) {
    fridge.draw(420, 8s);
    fridge.draw(2, 2min);
  }

  ASSERT_EQ(fridge.watch.findings().size(), 1U);
  const auto finding = fridge.watch.findings().front();
  EXPECT_EQ(finding.change, Change::does_not_start);
  EXPECT_EQ(finding.suspects.front().cause, Cause::start_relay);
  EXPECT_EQ(finding.since, begin + (fridge.now - begin) - 4 * 128s);
  EXPECT_LE(fridge.found_after(), 3 * 128s + 10s);

  // It runs again, and the finding is over.
  fridge.draw(90, 15min);
  fridge.draw(2, 1min);
  EXPECT_TRUE(fridge.watch.findings().empty());
}

TEST(AcuteWatch, ThreeTriesOrFourInAnHourAreNotEnough) {
  auto fridge = healthy_freezer(1s);
  for (int i = 0; i < 8; ++i) {
    fridge.draw(420, 8s);
    fridge.draw(2, 5min);
  }

  EXPECT_TRUE(fridge.watch.findings().empty());
}

Feed healthy_well() {
  Feed pump(ApplianceKind::pump);
  pump.live(24h * 8, 1050, 1min, 0, 59min, 650);
  pump.mark();
  return pump;
}

TEST(AcuteWatch, APumpWithoutWaterIsSaidWithinTwoMinutes) {
  auto pump = healthy_well();
  pump.draw(700, 3min, 640);

  ASSERT_EQ(pump.watch.findings().size(), 1U);
  const auto finding = pump.watch.findings().front();
  EXPECT_EQ(finding.change, Change::runs_dry);
  ASSERT_EQ(finding.evidence.size(), 2U);
  EXPECT_NEAR(finding.evidence[0].before, 1050, 50);
  EXPECT_EQ(finding.evidence[0].now, 700);
  EXPECT_NEAR(finding.evidence[1].before, 650 / 1050., 0.01);
  EXPECT_NEAR(finding.evidence[1].now, 640 / 700., 0.01);
  EXPECT_LE(pump.found_after(), 2min);
}

TEST(AcuteWatch, APumpThatTurnsSlowerIsNotDry) {
  auto pump = healthy_well();
  pump.draw(700, 3min, 400);  // Its power factor is as it was.

  EXPECT_TRUE(pump.watch.findings().empty());
}

TEST(AcuteWatch, APumpThatRunsForEverIsSaid) {
  auto pump = healthy_well();
  pump.draw(1050, 12min, 650);

  ASSERT_EQ(pump.watch.findings().size(), 1U);
  EXPECT_EQ(pump.watch.findings().front().change, Change::never_stops);
}

TEST(AcuteWatch, APumpThatIsBlockedDrawsTheCurrentOfAMotorThatStands) {
  auto pump = healthy_well();
  pump.draw(4200, 30s);

  ASSERT_EQ(pump.watch.findings().size(), 1U);
  EXPECT_EQ(pump.watch.findings().front().change, Change::does_not_start);
}

// A sump pump: each 2 mm of rain it runs.
Feed sump_after_rain() {
  Feed pump(ApplianceKind::pump, 10s);
  for (int day = 0; day < 12; ++day) {
    pump.rain_mm_per_h = 0;
    pump.draw(0, 18h);
    pump.rain_mm_per_h = 2;
    for (int i = 0; i < 6; ++i) {
      pump.draw(0, 60min);
      pump.draw(500, 20s);
    }
  }
  pump.mark();
  return pump;
}

TEST(AcuteWatch, ASumpPumpThatStandsStillInTheRainIsSaid) {
  auto pump = sump_after_rain();
  pump.rain_mm_per_h = 0;
  pump.draw(0, 100h);
  EXPECT_TRUE(pump.watch.findings().empty());  // There was no need.

  pump.rain_mm_per_h = 4;
  pump.mark();
  pump.draw(0, 3h);
  ASSERT_EQ(pump.watch.findings().size(), 1U);
  EXPECT_EQ(pump.watch.findings().front().change, Change::silent);
  EXPECT_EQ(pump.watch.findings().front().evidence.front().feature, Feature::rain);
  // 10 mm at 4 mm an hour.
  EXPECT_NEAR(static_cast<double>(pump.found_after() / 1min), 150, 3);
}

TEST(AcuteWatch, WithoutRainNothingIsClaimedOfASumpPump) {
  auto pump = sump_after_rain();
  pump.rain_mm_per_h.reset();
  pump.draw(0, 24h * 30);

  EXPECT_TRUE(pump.watch.findings().empty());
}

TEST(AcuteWatch, RainThatFellWhileNobodySawTheSumpPumpDoesNotCount) {
  auto pump = sump_after_rain();
  pump.now += 6h;
  pump.fallen_mm += 30;
  pump.rain_mm_per_h = 1;
  pump.draw(0, 9h);
  EXPECT_TRUE(pump.watch.findings().empty());

  pump.draw(0, 2h);
  EXPECT_EQ(pump.watch.findings().size(), 1U);
}

TEST(AcuteWatch, AnOvenThatIsLeftOnIsSaidThoughItsThermostatPauses) {
  Feed oven(ApplianceKind::oven, 10s);
  for (int i = 0; i < 25; ++i) {
    oven.live(1h, 2900, 50s, 45, 100s);
    oven.draw(0, 11h);
  }
  ASSERT_FALSE(oven.watch.is_learning());
  oven.mark();
  oven.live(6h, 2900, 50s, 45, 100s);

  ASSERT_EQ(oven.watch.findings().size(), 1U);
  EXPECT_EQ(oven.watch.findings().front().change, Change::never_stops);
  EXPECT_NEAR(static_cast<double>(oven.found_after() / 1min), 180, 6);
}

TEST(AcuteWatch, ItGoesOnWhereItWasAfterARestart) {
  auto one = healthy_freezer(), other = healthy_freezer();
  one.draw(0, 20min);
  other.draw(0, 20min);
  other.watch = AcuteWatch(ApplianceKind::freezer, other.watch.memory());
  EXPECT_EQ(other.watch.memory(), one.watch.memory());
  one.draw(0, 2h);
  other.draw(0, 2h);

  EXPECT_GT(other.found_after(), 0ms);
  EXPECT_EQ(other.found_after(), one.found_after());
  EXPECT_LE(one.watch.memory().size(), 16384U);
}

TEST(AcuteWatch, ADamagedOrForeignMemoryIsLeft) {
  const auto memory = healthy_freezer().watch.memory();
  EXPECT_FALSE(AcuteWatch(ApplianceKind::freezer, memory).is_learning());

  for (std::size_t i = 0; i < memory.size(); i += 7) {
    auto damaged = memory;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_TRUE(AcuteWatch(ApplianceKind::freezer, damaged).is_learning()) << i;
  }
  EXPECT_TRUE(AcuteWatch(ApplianceKind::freezer, memory.substr(1)).is_learning());
  EXPECT_TRUE(AcuteWatch(ApplianceKind::fridge, memory).is_learning());
}

TEST(AcuteWatch, WhatWasWrongTakesMoreToBeSaidAgain) {
  auto freezer = healthy_freezer();
  freezer.draw(0, 61min);
  ASSERT_EQ(freezer.watch.findings().size(), 1U);
  freezer.watch.said(Change::silent, Verdict::wrong, freezer.now);
  EXPECT_TRUE(freezer.watch.findings().empty());

  freezer.draw(0, 60min);
  EXPECT_TRUE(freezer.watch.findings().empty());
  freezer.draw(0, 60min);
  EXPECT_EQ(freezer.watch.findings().size(), 1U);
}

TEST(AcuteWatch, WhatIsNeverOffIsNotJudged) {
  Feed freezer(ApplianceKind::freezer, 10s);
  freezer.live(24h * 20, 112, 10min, 101, 10min);
  freezer.draw(101, 24h);

  EXPECT_TRUE(freezer.watch.is_learning());
  EXPECT_TRUE(freezer.watch.findings().empty());
}

TEST(AcuteWatch, OtherKindsAreNotWatched) {
  EXPECT_FALSE(is_watched_acutely(ApplianceKind::television));
  Feed television(ApplianceKind::television, 10s);
  television.live(24h * 10, 100, 1h, 1, 1h);
  EXPECT_TRUE(television.watch.findings().empty());
}

}  // namespace
}  // namespace insight
