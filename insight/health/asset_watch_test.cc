#include "insight/health/asset_watch.h"

#include <gtest/gtest.h>

#include <cmath>

namespace insight {
namespace {

using measurement::Timestamp;

constexpr Timestamp begin{std::chrono::sys_days{std::chrono::year{2026} / 3 / 2}};

Timestamp day(double n) { return begin + std::chrono::milliseconds(std::llround(n * 86400e3)); }

// A fridge of 80 W that is on for a third of the time, in a room that gets warmer and cooler. Day
// by day its load is a few per cent off, in a fixed manner. Warmth raises the power by 1 %, and the
// load by 4 % per kelvin.
class Fridge {
 public:
  double load = 1, power = 1, kelvin = 0;

  // Until the end of day `until`.
  void run(AssetWatch& watch, double until) {
    while (now_ < until) {
      const auto today = std::floor(now_);
      const auto unrest = 0.05 * std::sin(today * 2.399963) + 0.03 * std::sin(today * 1.1);
      const auto q = load * (1 + unrest) * (1 + 0.04 * kelvin);
      DutyCycle cycle{.begin = day(now_)};
      cycle.on_s = static_cast<float>(1200.0 * (1 - duty) / (1 - duty * q));
      cycle.off_s = static_cast<float>(2400 / q);
      cycle.power_w = static_cast<float>(80 * power * (1 + 0.01 * kelvin) *
                                         (1 + 0.002 * std::sin(today * 1.7)));
      cycle.peak_w = 5 * cycle.power_w;
      cycle.standby_w = 1;
      now_ += static_cast<double>(cycle.on_s + cycle.off_s) / 86400;
      watch.take(cycle);
    }
  }

 private:
  static constexpr double duty = 1.0 / 3;
  double now_ = 0;
};

TEST(AssetWatch, LearnsForTenDaysAndSaysSo) {
  AssetWatch watch(ApplianceKind::fridge);
  Fridge fridge;

  fridge.run(watch, 5.5);
  EXPECT_EQ(watch.condition().condition, Condition::learning);
  EXPECT_EQ(watch.condition().days_left, 5);

  fridge.run(watch, 30);
  EXPECT_EQ(watch.condition().condition, Condition::as_before);
  EXPECT_TRUE(watch.findings().empty());
}

TEST(AssetWatch, SeesADoorThatDoesNotSealAndWhatItCosts) {
  AssetWatch watch(ApplianceKind::fridge);
  Fridge fridge;
  fridge.run(watch, 90);
  fridge.load = 1.25;

  fridge.run(watch, 104);

  ASSERT_EQ(watch.findings().size(), 1U);
  const auto finding = watch.findings().front();
  EXPECT_EQ(finding.change, Change::works_harder);
  EXPECT_EQ(finding.suspects.front().cause, Cause::gasket_leak);
  EXPECT_NEAR(std::chrono::duration<double>(finding.since - day(90)).count() / 86400, 0, 3);
  // 80 W x 24 h x 1/3 + standby is 656 Wh a day; a quarter more load of 640 Wh is 160 Wh.
  EXPECT_NEAR(finding.extra_wh_per_day, 160, 30);
  EXPECT_GE(finding.evidence.size(), 2U);
  EXPECT_EQ(watch.condition().condition, Condition::changed);
}

// The days of this fridge differ by some 5 %.
TEST(AssetWatch, SeesADoorThatLeaksATenthWithinAMonth) {
  AssetWatch watch(ApplianceKind::fridge);
  Fridge fridge;
  fridge.run(watch, 90);
  ASSERT_TRUE(watch.findings().empty());
  fridge.load = 1.1;

  fridge.run(watch, 120);

  ASSERT_EQ(watch.findings().size(), 1U);
  EXPECT_EQ(watch.findings()[0].suspects.front().cause, Cause::gasket_leak);
}

TEST(AssetWatch, TakesAHeatWaveForWarmth) {
  AssetWatch watch(ApplianceKind::fridge);
  Fridge fridge;
  fridge.run(watch, 90);
  fridge.kelvin = 5;

  fridge.run(watch, 100);

  EXPECT_TRUE(watch.findings().empty());
}

TEST(AssetWatch, DoesNotJudgeARoomItHasNotLearnt) {
  AssetWatch watch(ApplianceKind::fridge);
  watch.set_surroundings({.room_c = 20});
  Fridge fridge;
  fridge.run(watch, 60);
  watch.set_surroundings({.room_c = 32});
  fridge.kelvin = 12;
  fridge.load = 1.3;

  fridge.run(watch, 66);

  EXPECT_TRUE(watch.findings().empty());
  EXPECT_EQ(watch.condition().condition, Condition::unusual);
}

TEST(AssetWatch, TakesForUsualWhatPeopleExpect) {
  AssetWatch watch(ApplianceKind::fridge);
  Fridge fridge;
  fridge.run(watch, 90);
  fridge.load = 1.3;
  fridge.run(watch, 110);
  ASSERT_EQ(watch.findings().size(), 1U);

  watch.said(Change::works_harder, Verdict::expected, day(110));

  EXPECT_TRUE(watch.findings().empty());
  EXPECT_EQ(watch.condition().condition, Condition::learning);
  fridge.run(watch, 200);
  EXPECT_TRUE(watch.findings().empty());
}

TEST(AssetWatch, FindsItAgainWhereARepairDidNotHelp) {
  AssetWatch watch(ApplianceKind::fridge);
  Fridge fridge;
  fridge.run(watch, 90);
  fridge.load = 1.3;
  fridge.run(watch, 110);

  watch.said(Change::works_harder, Verdict::fixed, day(110));
  EXPECT_TRUE(watch.findings().empty());
  fridge.run(watch, 125);

  EXPECT_EQ(watch.findings().size(), 1U);
}

TEST(AssetWatch, LetsGoOfAFindingWhenAllIsAsBefore) {
  AssetWatch watch(ApplianceKind::fridge);
  Fridge fridge;
  fridge.run(watch, 90);
  fridge.load = 1.3;
  fridge.run(watch, 105);
  ASSERT_EQ(watch.findings().size(), 1U);

  fridge.load = 1;
  fridge.run(watch, 125);

  EXPECT_TRUE(watch.findings().empty());
}

TEST(AssetWatch, GoesOnAfterARestartAsIfThereWasNone) {
  AssetWatch first(ApplianceKind::fridge);
  Fridge fridge;
  fridge.run(first, 90);
  fridge.load = 1.3;
  fridge.run(first, 110);

  const auto memory = first.memory();
  AssetWatch second(ApplianceKind::fridge, memory);

  EXPECT_LE(memory.size(), 64U << 10);
  ASSERT_EQ(second.findings().size(), 1U);
  EXPECT_EQ(second.findings()[0].since, first.findings()[0].since);
  EXPECT_EQ(second.findings()[0].suspects.front().cause,
            first.findings()[0].suspects.front().cause);
  EXPECT_EQ(second.days().size(), first.days().size());
  EXPECT_EQ(second.memory(), memory);
}

TEST(AssetWatch, LearnsAnewFromAMemoryThatIsDamagedOrOfAnotherKind) {
  AssetWatch watch(ApplianceKind::fridge);
  Fridge fridge;
  fridge.run(watch, 60);
  const auto memory = watch.memory();

  for (std::size_t size = 0; size < memory.size(); size += 97) {
    EXPECT_EQ(AssetWatch(ApplianceKind::fridge, memory.substr(0, size)).condition().condition,
              Condition::learning)
        << size;
  }
  EXPECT_EQ(AssetWatch(ApplianceKind::freezer, memory).condition().condition, Condition::learning);
}

TEST(AssetWatch, SaysNothingOfAHeatPumpWhileNobodyKnowsTheWeather) {
  AssetWatch watch(ApplianceKind::heat_pump);
  Fridge machine;
  machine.run(watch, 90);
  machine.load = 1.6;

  machine.run(watch, 130);

  EXPECT_TRUE(watch.findings().empty());
  EXPECT_EQ(watch.condition().condition, Condition::learning);
}

}  // namespace
}  // namespace insight
