#include "insight/report/error_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace insight {
namespace {

using testing::DoubleNear;

double percent(const std::vector<ErrorPart>& parts, std::string_view words) {
  for (const auto& part : parts) {
    if (part.words == words) return part.percent;
  }
  return 0;
}

TEST(ErrorBudget, OfACalibratedClampOfClassOneAtItsRating) {
  const Clamp clamp{.class_percent = 1, .is_calibrated = true, .is_voltage_calibrated = true};

  const auto parts = error_budget(clamp, {.kwh = 100, .amperes = 100, .power_factor = 1});

  // Limits over the root of 3: 1 % of either meter, 0.25 and 0.1 %, 2 x 15 ppm/K x 25 K = 0.075 %.
  EXPECT_THAT(percent(parts, "the meter that the clamp was set with"), DoubleNear(0.5774, 1e-4));
  EXPECT_THAT(percent(parts, "the voltmeter that the voltage was set with"),
              DoubleNear(0.5774, 1e-4));
  EXPECT_THAT(percent(parts, "warmth and cold of its resistor"), DoubleNear(0.1443, 1e-4));
  EXPECT_THAT(percent(parts, "the chip"), DoubleNear(0.0577, 1e-4));
  EXPECT_THAT(percent(parts, "warmth and cold of the chip"), DoubleNear(0.0433, 1e-4));
  EXPECT_EQ(parts.size(), 5);  // No small current, and no phase at power factor 1.
  // 1.96 x root(2 x 0.5774^2 + 0.1443^2 + 0.0577^2 + 0.0433^2) = 1.96 x 0.8324
  EXPECT_THAT(energy_of(clamp, {.kwh = 100, .amperes = 100}).measured().plus_minus,
              DoubleNear(1.6315, 1e-3));
}

TEST(ErrorBudget, OfAClampThatNobodyCalibrated) {
  const auto parts = error_budget({}, {.kwh = 100, .amperes = 10});

  EXPECT_EQ(parts.front().words, "the voltage, not calibrated");
  // root(3^2 + 1.83^2) = 3.5142; over the root of 3.
  EXPECT_THAT(parts.front().percent, DoubleNear(2.0289, 1e-4));
  EXPECT_TRUE(parts.front().is_shared);
  EXPECT_THAT(percent(parts, "the clamp, not calibrated"), DoubleNear(1.7321, 1e-4));
  EXPECT_THAT(percent(parts, "its resistor"), DoubleNear(0.7217, 1e-4));
}

TEST(ErrorBudget, APhaseErrorCountsWithTheTangent) {
  // Power factor 0.5 is 60 degrees: tangent 1.7321. A degree is 0.017453.
  const auto parts = error_budget({}, {.kwh = 1, .amperes = 100, .power_factor = 0.5});

  EXPECT_THAT(percent(parts, "phase of the clamp"), DoubleNear(2 * 1.7453, 1e-3));
  EXPECT_THAT(percent(parts, "phase of the voltage"), DoubleNear(4 * 1.7453, 1e-3));
  // 60' at its rating, 180' at 5 %: table 201.
  EXPECT_THAT(
      percent(error_budget({.class_percent = 1}, {.kwh = 1, .amperes = 5, .power_factor = 0.5}),
              "phase of the clamp"),
      DoubleNear(3 * 1.7453, 1e-3));
}

TEST(ErrorBudget, SmallCurrentsCountAsTheClassHasIt) {
  const auto small = [](double class_percent, double amperes) {
    const auto parts =
        error_budget({.class_percent = class_percent}, {.kwh = 1, .amperes = amperes});
    // Together with the class they are the limit.
    return std::sqrt(3) * std::hypot(percent(parts, "small currents"),
                                     percent(parts, "the clamp, not calibrated"));
  };

  // Table 201.
  EXPECT_THAT(small(0.5, 100), DoubleNear(0.5, 1e-9));
  EXPECT_THAT(small(0.5, 20), DoubleNear(0.75, 1e-9));
  EXPECT_THAT(small(0.5, 5), DoubleNear(1.5, 1e-9));
  EXPECT_THAT(small(1, 20), DoubleNear(1.5, 1e-9));
  EXPECT_THAT(small(1, 5), DoubleNear(3, 1e-9));
  // Half way from 20 to 5 on the scale of logarithms is 10.
  EXPECT_THAT(small(1, 10), DoubleNear(2.25, 1e-9));
  // A quarter of 5 %: twice that.
  EXPECT_THAT(small(1, 1.25), DoubleNear(6, 1e-9));
  EXPECT_THAT(small(3, 0.5), DoubleNear(3, 1e-9));
  EXPECT_THAT(small(3, 0.125), DoubleNear(6, 1e-9));
}

TEST(ErrorBudget, OneClampForTwoLegsMayMissTheMotor) {
  const auto parts =
      error_budget({.is_doubled = true}, {.kwh = 1, .amperes = 20, .power_factor = 1});

  // 300 W of 5300 W, over the root of 3.
  EXPECT_THAT(percent(parts, "one clamp for two legs"), DoubleNear(3.268, 1e-3));
}

// With a shared error of s and an own one of o, in percent, as energy_of has it.
struct Split {
  double own = 0, shared = 0;
};
Split split_of(const std::vector<ErrorPart>& parts) {
  Split sum;
  for (const auto& part : parts) {
    (part.is_shared ? sum.shared : sum.own) += part.percent * part.percent;
  }
  return {std::sqrt(sum.own), std::sqrt(sum.shared)};
}

TEST(TracedEnergy, ClampsOfOneVoltageAreOffTogether) {
  const ClampUse use{.kwh = 100, .amperes = 20};
  const auto [own, shared] = split_of(error_budget({}, use));

  auto same = energy_of({.voltage_sensor = "meter-1"}, use);
  same += energy_of({.voltage_sensor = "meter-1"}, use);
  auto apart = energy_of({.voltage_sensor = "meter-1"}, use);
  apart += energy_of({.voltage_sensor = "meter-2"}, use);

  EXPECT_DOUBLE_EQ(same.measured().kwh, 200);
  // 2 x 100 kWh: own errors are independent, root(2) x 100; the shared one is 200 times.
  EXPECT_THAT(same.measured().plus_minus,
              DoubleNear(1.96 * std::hypot(std::sqrt(2) * own, 2 * shared), 1e-9));
  EXPECT_THAT(apart.measured().plus_minus,
              DoubleNear(1.96 * std::hypot(std::sqrt(2) * own, std::sqrt(2) * shared), 1e-9));
}

TEST(TracedEnergy, WhatIsLeftOfTheMainsIsLessSureThanTheMains) {
  const auto [own, shared] = split_of(error_budget({}, {.kwh = 1, .amperes = 20}));
  auto rest = energy_of({.voltage_sensor = "meter"}, {.kwh = 400, .amperes = 20});

  rest -= energy_of({.voltage_sensor = "meter"}, {.kwh = 300, .amperes = 20});

  EXPECT_DOUBLE_EQ(rest.measured().kwh, 100);
  // Own: root(400^2 + 300^2) = 500 kWh. The voltage is off for 100 kWh only.
  EXPECT_THAT(rest.measured().plus_minus, DoubleNear(1.96 * std::hypot(5 * own, shared), 1e-9));
}

TEST(TracedEnergy, AnIdentifiedPartHasTheErrorOfItsClampAndOfTheIdentification) {
  const auto circuit = energy_of({.voltage_sensor = "meter"}, {.kwh = 50, .amperes = 20});

  const auto fridge = circuit.part(0.4).with(0.2 * 20);

  EXPECT_DOUBLE_EQ(fridge.measured().kwh, 20);
  EXPECT_THAT(fridge.measured().plus_minus,
              DoubleNear(std::hypot(0.4 * circuit.measured().plus_minus, 1.96 * 4), 1e-9));
}

TEST(TracedEnergy, MoneyIsAsUnsureAsItsEnergy) {
  const auto cost = *Decimal::parse("100.00");

  EXPECT_EQ(plus_minus_of(cost, {.kwh = 400, .plus_minus = 8}), *Decimal::parse("2"));
  EXPECT_EQ(plus_minus_of(-cost, {.kwh = 400, .plus_minus = 8}), *Decimal::parse("2"));
  EXPECT_EQ(plus_minus_of(cost, {}), Decimal{});
}

}  // namespace
}  // namespace insight
