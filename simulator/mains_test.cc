#include "simulator/mains.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace simulator {
namespace {

using namespace std::chrono_literals;

Service split_phase(double leg_ohm, double neutral_ohm) {
  return {.legs = 2, .leg_ohm = {leg_ohm, leg_ohm}, .neutral_ohm = neutral_ohm, .earth_ohm = 1e9};
}

LegLoad amperes(double a, double volts) { return {.to_neutral_siemens = a / volts}; }

TEST(Mains, ALoadOnOneLegLowersItAndLiftsTheOther) {
  const auto volts = panel_volts(split_phase(0.02, 0.01), {120, 120}, {amperes(10, 120)});

  // About 10 A through 0.02 + 0.01 ohm on the way there and back, and 0.1 V at the neutral.
  EXPECT_NEAR(volts[0], 119.7, 0.002);
  EXPECT_NEAR(volts[1], 120.1, 0.002);
}

TEST(Mains, ALoadBetweenTheLegsLeavesTheNeutralAlone) {
  const LegLoad both{.to_legs_amperes = 20};
  const auto volts = panel_volts(split_phase(0.02, 5), {120, 120}, {both, both});

  EXPECT_NEAR(volts[0], 120 - 20 * 0.02, 1e-9);
  EXPECT_NEAR(volts[1], 120 - 20 * 0.02, 1e-9);
}

TEST(Mains, WithoutANeutralTheLegsShareTheVoltageByTheirLoads) {
  const auto volts =
      panel_volts(split_phase(0.001, 1e6), {120, 120}, {amperes(10, 120), amperes(5, 120)});

  // Two resistors of 12 and 24 ohm in series at 240 V.
  EXPECT_NEAR(volts[0], 80, 0.1);
  EXPECT_NEAR(volts[1], 160, 0.1);
}

TEST(Mains, OnThreePhasesTheNeutralsOhmsLiftTheOtherTwoByHalf) {
  Service service{.legs = 3, .neutral_ohm = 0.1, .earth_ohm = 1e9};
  service.leg_ohm.fill(0.1);
  const auto volts = panel_volts(service, {230, 230, 230}, {amperes(10, 230)});

  EXPECT_NEAR(volts[0], 228, 0.02);    // 10 A x 0.2 ohm.
  EXPECT_NEAR(volts[1], 230.5, 0.02);  // 10 A x 0.1 ohm x cos 60.
  EXPECT_NEAR(volts[2], 230.5, 0.02);
}

TEST(Mains, TheGridWandersWithinItsLimitsAndJumps) {
  const Grid grid(7, 2);
  double least = 2, most = 0, jump = 0, last = 0;
  for (auto at = measurement::Timestamp{}; at < measurement::Timestamp(24h * 30); at += 60s) {
    const double share = grid.shares(at)[0];
    least = std::min(least, share), most = std::max(most, share);
    if (last > 0) jump = std::max(jump, std::abs(share - last));
    last = share;
  }

  EXPECT_GT(least, 0.95);
  EXPECT_LT(least, 0.985);
  EXPECT_LT(most, 1.05);
  EXPECT_GT(most, 1.015);
  EXPECT_GT(jump, 0.01);  // A tap.
}

}  // namespace
}  // namespace simulator
