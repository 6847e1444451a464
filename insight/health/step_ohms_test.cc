#include "insight/health/step_ohms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp begin(24h * 20000);

// Steps of a split phase with 0.03 and 0.05 ohm in its legs and 0.02 in its neutral.
std::vector<VoltageStep> split_phase_steps(int count, double noise_v) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, noise_v);
  std::vector<VoltageStep> steps;
  for (int i = 0; i < count; ++i) {
    const double one = i % 3 == 1 ? 0 : (i % 2 == 0 ? 10 : -10);
    const double two = i % 3 == 0 ? 0 : (i % 2 == 0 ? 8 : -8);
    const double back = one - two;
    steps.push_back({.time = begin + i * 10min,
                     .amperes = {static_cast<float>(one), static_cast<float>(two)},
                     .volts = {static_cast<float>(-0.03 * one - 0.02 * back + noise(random)),
                               static_cast<float>(-0.05 * two + 0.02 * back + noise(random))}});
  }
  return steps;
}

TEST(StepOhms, LegsAndNeutralAreToldApart) {
  const auto ohms = fit_conductors(split_phase_steps(60, 0.1), 2);

  EXPECT_NEAR(ohms.legs[0].value, 0.03, 0.006);
  EXPECT_NEAR(ohms.legs[1].value, 0.05, 0.006);
  EXPECT_NEAR(ohms.neutral.value, 0.02, 0.004);
  EXPECT_TRUE(ohms.neutral.is_known());
}

TEST(StepOhms, ATapChangeAtAStepDoesNotCount) {
  auto steps = split_phase_steps(60, 0.05);
  for (std::size_t i = 0; i < steps.size(); i += 10) {
    for (auto& volts : steps[i].volts) volts += 2.5F;
  }

  const auto ohms = fit_conductors(steps, 2);

  EXPECT_NEAR(ohms.legs[0].value, 0.03, 0.006);
  EXPECT_NEAR(ohms.neutral.value, 0.02, 0.006);
}

TEST(StepOhms, ANeutralOfThreePhasesIsToldWithItsReactance) {
  std::vector<VoltageStep> steps;
  for (int i = 0; i < 30; ++i) {
    PerLeg amperes{}, volts{};
    amperes[static_cast<std::size_t>(i % 3)] = i % 2 == 0 ? 9 : -9;
    for (std::size_t leg = 0; leg < 3; ++leg) {
      const double own = static_cast<double>(amperes[leg]);
      const double next = static_cast<double>(amperes[(leg + 1) % 3]);
      const double last = static_cast<double>(amperes[(leg + 2) % 3]);
      // 0.1 ohm in the leg, 0.07 ohm and 0.04 ohm of reactance in the neutral.
      volts[leg] = static_cast<float>(-0.1 * own - 0.07 * (own - (next + last) / 2) -
                                      0.04 * (next - last) * std::numbers::sqrt3 / 2);
    }
    steps.push_back({begin + i * 10min, amperes, volts});
  }

  const auto ohms = fit_conductors(steps, 3);

  for (const auto& leg : ohms.legs) EXPECT_NEAR(leg.value, 0.1, 0.001);
  EXPECT_NEAR(ohms.neutral.value, 0.07, 0.001);
}

TEST(StepOhms, OneGreatStepAloneIsNotKnowledge) {
  auto steps = split_phase_steps(12, 0.05);
  for (auto& step : steps) step.amperes[0] /= 20, step.volts[0] = 0;
  steps[0].amperes[0] = 40, steps[0].volts[0] = -8;  // 0.2 ohm, or a tap.

  EXPECT_FALSE(fit_conductors(steps, 2).legs[0].is_known());
}

LegReading reading(int second, float amperes, float reactive = 0) {
  return {.time = begin + second * 1s,
          .volts = {120 - amperes / 10},
          .amperes = {amperes},
          .reactive_amperes = {reactive}};
}

TEST(StepFinder, AStepIsTakenOnceAndItsSurgeIsNot) {
  StepFinder finder(1, 2);
  std::vector<VoltageStep> steps;
  int second = 0;
  for (const float amperes : {1.F, 1.F, 1.F, 45.F, 11.F, 11.F, 11.F, 11.F, 1.F, 1.F, 1.F}) {
    if (const auto step = finder.take(reading(second++, amperes))) steps.push_back(*step);
  }

  ASSERT_EQ(steps.size(), 2u);
  EXPECT_FLOAT_EQ(steps[0].amperes[0], 10);
  EXPECT_FLOAT_EQ(steps[0].volts[0], -1);
  EXPECT_FLOAT_EQ(steps[1].amperes[0], -10);
}

TEST(StepFinder, AMotorAndAGapAreNoSteps) {
  StepFinder finder(1, 2);
  for (int second = 0; second < 3; ++second) EXPECT_FALSE(finder.take(reading(second, 1)));
  for (int second = 3; second < 8; ++second) EXPECT_FALSE(finder.take(reading(second, 9, 6)));
  for (int second = 60; second < 62; ++second) EXPECT_FALSE(finder.take(reading(second, 1)));
  for (int second = 62; second < 64; ++second) EXPECT_FALSE(finder.take(reading(second, 1)));
}

}  // namespace
}  // namespace insight
