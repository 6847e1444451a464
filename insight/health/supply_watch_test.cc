#include "insight/health/supply_watch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp begin(24h * 20000);

// A split phase house whose loads are 1.2 kW on one leg, 1 kW on the other and 2 kW between them,
// each on for three minutes of each hour, every four hours one less.
struct House {
  double leg_ohm = 0.024, neutral_ohm = 0.011;
  bool open = false, one_adapter = false;
  std::mt19937 random{11};

  SupplyReading at(Timestamp time) {
    std::normal_distribution<double> noise(0, 0.06);
    const auto second = (time - begin) / 1s;
    const auto on = [&](int minute) {
      const auto in_hour = second / 60 % 60;
      return in_hour >= minute && in_hour < minute + 3;
    };
    const double one = on(5) ? 10 : 1.2, two = on(20) ? 8 : 2.4, both = on(40) ? 8 : 0.1;
    const double grid = 120 + 1.5 * std::sin(static_cast<double>(second) / 9000) + noise(random);
    const double back = one - two;
    double v1 = grid - leg_ohm * (one + both) - neutral_ohm * back + noise(random) / 2;
    double v2 = grid - 0.024 * (two + both) + neutral_ohm * back + noise(random) / 2;
    double i1 = one, i2 = two;
    if (open) {  // Two resistors in series; nothing returns by the neutral.
      v1 = 2 * grid * two / (one + two), v2 = 2 * grid * one / (one + two);
      i1 = one * v1 / 120, i2 = two * v2 / 120;
    }
    if (one_adapter) v2 = v1;
    const auto rounded = [](double volts) {
      return static_cast<float>(std::round(volts * 10) / 10);
    };
    const auto watts = [&](double volts, double amperes) {
      return static_cast<float>(volts * (amperes + both));
    };
    return {.time = time,
            .volts = {rounded(v1), rounded(v2), detail::not_measured},
            .watts = {watts(v1, i1), watts(v2, i2), detail::not_measured},
            .vars = {0, 0, detail::not_measured}};
  }
};

void live(House& house, SupplyWatch& watch, std::chrono::hours from, std::chrono::hours to) {
  for (auto at = begin + from; at < begin + to; at += 5s) watch.take(house.at(at));
}

bool has(const SupplyWatch& watch, Change change) {
  for (const auto& one : watch.findings()) {
    if (one.change == change) return true;
  }
  return false;
}

TEST(SupplyWatch, ItLearnsTheOhmsOfLegsAndNeutral) {
  House house;
  SupplyWatch watch(2, {120});
  EXPECT_EQ(watch.neutral(), NeutralView::learning);

  live(house, watch, 0h, 80h);

  EXPECT_EQ(watch.neutral(), NeutralView::watched);
  EXPECT_NEAR(watch.ohms().reference.legs[0].value, 0.024, 0.004);
  EXPECT_NEAR(watch.ohms().reference.neutral.value, 0.011, 0.004);
  EXPECT_TRUE(watch.findings().empty());
}

TEST(SupplyWatch, ATenthOfAnOhmInALegIsFoundWithinADayAndGoesWithItsRepair) {
  House house;
  SupplyWatch watch(2, {120});
  live(house, watch, 0h, 80h);

  house.leg_ohm += 0.1;
  live(house, watch, 80h, 104h);

  ASSERT_EQ(watch.findings().size(), 1u);
  const auto& finding = watch.findings().front();
  EXPECT_EQ(finding.change, Change::supply_resistance);
  EXPECT_NEAR(finding.evidence.front().before, 0.024, 0.005);
  EXPECT_NEAR(finding.evidence.front().now, 0.124, 0.01);
  EXPECT_GE(finding.since, begin + 79h);

  house.leg_ohm -= 0.1;
  live(house, watch, 104h, 130h);
  EXPECT_TRUE(watch.findings().empty());
}

TEST(SupplyWatch, ATenthOfAnOhmInTheNeutralIsFoundWithinADay) {
  House house;
  SupplyWatch watch(2, {120});
  live(house, watch, 0h, 150h);

  house.neutral_ohm += 0.1;
  live(house, watch, 150h, 174h);

  ASSERT_EQ(watch.findings().size(), 1u);
  EXPECT_EQ(watch.findings().front().change, Change::neutral_resistance);
}

TEST(SupplyWatch, AnOpenNeutralIsFoundWithinTenSeconds) {
  House house;
  SupplyWatch watch(2, {120});
  live(house, watch, 0h, 1h);

  house.open = true;
  for (auto at = begin + 1h; at <= begin + 1h + 10s; at += 5s) watch.take(house.at(at));

  EXPECT_TRUE(has(watch, Change::open_neutral));
}

// Legs that are loaded nearly alike: they part by less than loads do over the day, but at once, and
// nothing was switched.
SupplyReading parted(House& house, Timestamp at, float volts) {
  auto reading = house.at(at);
  reading.volts[0] += volts;
  reading.volts[1] -= volts;
  return reading;
}

TEST(SupplyWatch, LegsThatPartAtOnceWithoutALoadAreAnOpenNeutral) {
  House house;
  SupplyWatch watch(2, {120});
  live(house, watch, 0h, 20h);
  ASSERT_TRUE(watch.findings().empty());

  for (int i = 0; i <= 2; ++i) watch.take(parted(house, begin + 20h + i * 5s, 1.9F));

  EXPECT_TRUE(has(watch, Change::open_neutral));
}

TEST(SupplyWatch, WhereNeighboursPartTheLegsOftenItTakesMore) {
  House house;
  SupplyWatch watch(2, {120});
  for (auto at = begin; at < begin + 20h; at += 5s) {
    watch.take(
        parted(house, at, at - std::chrono::floor<std::chrono::hours>(at) < 1min ? 0.9F : 0));
  }

  for (int i = 0; i <= 100; ++i) watch.take(parted(house, begin + 20h + i * 5s, 1.9F));

  EXPECT_TRUE(watch.findings().empty());
}

TEST(SupplyWatch, ALegThatLacksOrSagsAloneIsNoOpenNeutral) {
  House house;
  SupplyWatch watch(2, {120});
  live(house, watch, 0h, 1h);

  for (int i = 0; i < 20; ++i) {
    auto reading = house.at(begin + 1h + i * 5s);
    reading.volts[0] = i < 10 ? detail::not_measured : 104;
    watch.take(reading);
  }

  EXPECT_TRUE(watch.findings().empty());
}

TEST(SupplyWatch, WithOneAdapterTheNeutralIsNotWatchedAndTheWholeWayIs) {
  House house{.one_adapter = true};
  SupplyWatch watch(2, {120});
  live(house, watch, 0h, 80h);

  EXPECT_EQ(watch.neutral(), NeutralView::not_watched);
  EXPECT_NEAR(watch.ohms().reference.legs[0].value, 0.035, 0.005);

  house.neutral_ohm += 0.1;
  live(house, watch, 80h, 104h);
  ASSERT_EQ(watch.findings().size(), 1u);
  EXPECT_EQ(watch.findings().front().change, Change::supply_resistance);
}

TEST(SupplyWatch, ASinglePhasesNeutralIsNotWatched) {
  EXPECT_EQ(SupplyWatch(1, {230}).neutral(), NeutralView::not_watched);
}

TEST(SupplyWatch, ItGoesOnFromItsMemoryAndLeavesADamagedOne) {
  House house;
  SupplyWatch watch(2, {120});
  live(house, watch, 0h, 80h);
  const auto memory = watch.memory();

  SupplyWatch restored(2, {120}, memory);
  EXPECT_EQ(restored.memory(), memory);
  house.leg_ohm += 0.1;
  live(house, restored, 80h, 104h);
  EXPECT_TRUE(has(restored, Change::supply_resistance));
  EXPECT_TRUE(has(SupplyWatch(2, {120}, restored.memory()), Change::supply_resistance));

  EXPECT_TRUE(SupplyWatch(3, {230}, memory).is_learning());
  for (std::size_t size = 0; size < memory.size(); size += 97) {
    EXPECT_TRUE(SupplyWatch(2, {120}, memory.substr(0, size)).is_learning()) << size;
  }
}

}  // namespace
}  // namespace insight
