#include "insight/health/branch_watch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp begin(24h * 20000);

// A kettle of 10 A for three minutes, every four hours, behind wires of some ohms.
struct Kitchen {
  double wire_ohm = 0.25;
  std::mt19937 random{3};

  bool boils(Timestamp time) const {
    const auto minute = (time - begin) / 1min % 240;
    return minute >= 30 && minute < 33;
  }
  double panel_volts(Timestamp time) {
    std::normal_distribution<double> noise(0, 0.2);
    return 232 + 3 * std::sin(static_cast<double>((time - begin) / 1s) / 7000) + noise(random);
  }
  double amperes(Timestamp time, double volts) const {
    return boils(time) ? volts / (23 + wire_ohm) : 0;
  }
  BranchReading with_plug(Timestamp time) {
    const double volts = panel_volts(time), amps = amperes(time, volts);
    return {time,
            {static_cast<float>(std::round(volts * 10) / 10)},
            {static_cast<float>(std::round((volts * 1.005 - wire_ohm * amps) * 10) / 10)},
            {static_cast<float>(amps)}};
  }
  Reading at_the_panel(Timestamp time) {
    const double volts = panel_volts(time);
    return {.time = time,
            .active_power = {static_cast<float>(volts * amperes(time, volts) + 40)},
            .reactive_power = {3},
            .voltage = {static_cast<float>(std::round(volts * 10) / 10)}};
  }
};

TEST(BranchWatch, WithAPlugATenthOfAnOhmIsFoundWithinADay) {
  Kitchen kitchen;
  BranchWatch watch({}, {230});
  EXPECT_EQ(watch.view(), BranchView::not_visible);
  auto at = begin;
  for (; at < begin + 72h; at += 10s) watch.take(kitchen.with_plug(at));
  EXPECT_EQ(watch.view(), BranchView::at_the_load);
  EXPECT_TRUE(watch.findings().empty());

  kitchen.wire_ohm += 0.1;
  for (; at < begin + 96h; at += 10s) watch.take(kitchen.with_plug(at));

  ASSERT_EQ(watch.findings().size(), 1u);
  const auto& finding = watch.findings().front();
  EXPECT_EQ(finding.change, Change::branch_resistance);
  EXPECT_NEAR(finding.evidence.front().before, 0.25, 0.02);
  EXPECT_NEAR(finding.evidence.front().now, 0.35, 0.03);
}

TEST(BranchWatch, WithoutAPlugAKnownLoadTellsItWithinTwoWeeks) {
  Kitchen kitchen;
  BranchWatch watch(measurement::Watts{2300}, {230});
  auto at = begin;
  for (; at < begin + 24h * 10; at += 5s) watch.take(kitchen.at_the_panel(at));
  EXPECT_EQ(watch.view(), BranchView::by_known_load);
  EXPECT_TRUE(watch.findings().empty());

  kitchen.wire_ohm += 0.1;
  for (; at < begin + 24h * 24; at += 5s) watch.take(kitchen.at_the_panel(at));

  ASSERT_EQ(watch.findings().size(), 1u);
  EXPECT_EQ(watch.findings().front().change, Change::element_resistance);
  // 1 / (23.25 ohm) before, 1 / (23.35 ohm) now.
  EXPECT_NEAR(watch.findings().front().evidence.front().before, 0.04301, 0.00003);
  EXPECT_NEAR(watch.findings().front().evidence.front().now, 0.04283, 0.00003);
}

TEST(BranchWatch, WithNeitherNothingIsVisible) {
  Kitchen kitchen;
  BranchWatch watch({}, {230});
  for (auto at = begin; at < begin + 24h; at += 5s) watch.take(kitchen.at_the_panel(at));

  EXPECT_EQ(watch.view(), BranchView::not_visible);
}

TEST(BranchWatch, ItGoesOnFromItsMemoryAndLeavesADamagedOne) {
  Kitchen kitchen;
  BranchWatch watch({}, {230});
  auto at = begin;
  for (; at < begin + 72h; at += 10s) watch.take(kitchen.with_plug(at));
  const auto memory = watch.memory();
  BranchWatch restored({}, {230}, memory);
  EXPECT_EQ(restored.memory(), memory);

  kitchen.wire_ohm += 0.1;
  for (; at < begin + 96h; at += 10s) restored.take(kitchen.with_plug(at));

  EXPECT_EQ(restored.findings().size(), 1u);
  EXPECT_EQ(BranchWatch({}, {230}, memory.substr(0, 40)).view(), BranchView::not_visible);
}

}  // namespace
}  // namespace insight
