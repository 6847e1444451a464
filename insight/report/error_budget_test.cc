#include "insight/report/error_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace insight {
namespace {

using testing::DoubleNear;

// One standard deviation.
double percent(const std::vector<ErrorPart>& parts, std::string_view words) {
  for (const auto& part : parts) {
    if (part.words == words) return part.deviation();
  }
  return 0;
}

const Clamp bare = {.accuracy = uncalibrated(0, 100), .errs_with = "meter"};

TEST(ErrorBudget, OfACalibratedClampIsWhatItsCalibrationLeaves) {
  const Clamp clamp{.accuracy = {.gain_limit = 0.2,
                                 .gain_deviation = 0.05,
                                 .offset_deviation_w = 0.1,
                                 .class_percent = 1,
                                 .rated_a = 20,
                                 .loads = {{1, 1.01, 1}, {10, 1, 0.2}}}};
  const ClampUse use{.kwh = 100, .watts = 100, .amperes = 10};

  const auto parts = error_budget(clamp, use);

  // Limits over the root of 3: 0.2 % of the reference, 0.25 and 0.1 %, 2 x 15 ppm/K x 25 K = 0.075
  // %.
  EXPECT_THAT(percent(parts, "what it was calibrated with"), DoubleNear(0.1155, 1e-4));
  EXPECT_THAT(percent(parts, "warmth and cold of its resistor"), DoubleNear(0.1443, 1e-4));
  EXPECT_THAT(percent(parts, "the chip"), DoubleNear(0.0577, 1e-4));
  EXPECT_THAT(percent(parts, "warmth and cold of the chip"), DoubleNear(0.0433, 1e-4));
  EXPECT_DOUBLE_EQ(percent(parts, "readings while it was calibrated"), 0.05);
  // 0.1 W of 100 W.
  EXPECT_DOUBLE_EQ(percent(parts, "what it shows without load"), 0.1);
  EXPECT_EQ(parts.size(), 6);  // At a load that was measured, and no phase at power factor 1.
  // 1.96 x root(0.1155^2 + 0.1443^2 + 0.0577^2 + 0.0433^2 + 0.05^2 + 0.1^2) = 1.96 x 0.2278
  EXPECT_THAT(energy_of(clamp, use).measured().plus_minus, DoubleNear(0.4464, 1e-4));
}

TEST(ErrorBudget, OfAClampThatNobodyCalibrated) {
  const auto parts = error_budget(bare, {.kwh = 100, .watts = 100, .amperes = 100});

  // 3 % and 1.6 % of the board's parts; 3 % of the adapter; each over the root of 3.
  EXPECT_EQ(parts.front().words, "the clamp, not calibrated");
  EXPECT_THAT(parts.front().deviation(), DoubleNear(2.6558, 1e-4));
  EXPECT_FALSE(parts.front().is_shared);
  EXPECT_EQ(parts[1].words, "the voltage, not calibrated");
  EXPECT_THAT(parts[1].deviation(), DoubleNear(1.7321, 1e-4));
  EXPECT_TRUE(parts[1].is_shared);
  EXPECT_DOUBLE_EQ(percent(parts, "what it shows without load"), 1);  // 1 W of 100.
}

TEST(ErrorBudget, IsThePlusMinusThatCalibrationSaysAndWarmthAndCold) {
  const auto accuracy = uncalibrated(1, 100);
  const double volts = 230, amperes = 10, factor = 0.8;
  double of_month = 0, of_day = 0;
  for (const auto& part : error_budget({.accuracy = accuracy}, {.kwh = 1,
                                                               .watts = volts * amperes * factor,
                                                               .amperes = amperes,
                                                               .power_factor = factor})) {
    const double square = part.deviation() * part.deviation();
    of_month += square;
    if (!part.words.starts_with("warmth")) of_day += square;
  }

  // The greatest limit is carried exactly there, and as a deviation here.
  EXPECT_THAT(1.96 * std::sqrt(of_day) / plus_minus_percent(accuracy, volts, amperes, factor),
              DoubleNear(1, 0.05));
  EXPECT_THAT(of_month - of_day, DoubleNear((0.25 * 0.25 + 0.075 * 0.075) / 3, 1e-9));
}

TEST(ErrorBudget, APhaseErrorCountsWithTheTangent) {
  // Power factor 0.5 is 60 degrees: tangent 1.7321. A degree is 0.017453; half its square is added.
  const auto parts = error_budget(bare, {.kwh = 1, .amperes = 100, .power_factor = 0.5});

  EXPECT_THAT(percent(parts, "phase of the clamp") * std::sqrt(3),
              DoubleNear(100 * (2 * 0.0174533 * 1.7320508 + 2 * 0.0174533 * 0.0174533), 1e-3));
  EXPECT_THAT(percent(parts, "phase of the voltage") * std::sqrt(3),
              DoubleNear(100 * (4 * 0.0174533 * 1.7320508 + 8 * 0.0174533 * 0.0174533), 1e-3));
}

TEST(ErrorBudget, SmallCurrentsCountAsTheClassHasIt) {
  const auto small = [](double class_percent, double amperes) {
    const Clamp clamp{.accuracy = uncalibrated(class_percent, 100)};
    return std::sqrt(3) *
           percent(error_budget(clamp, {.kwh = 1, .amperes = amperes}), "small currents");
  };

  // Table 201, beyond the class; as many degrees, of which half the square counts.
  const auto more = [](double limit) { return limit + 50 * std::pow(limit * 0.0174533, 2); };
  EXPECT_THAT(small(0.5, 100), DoubleNear(0, 1e-9));
  EXPECT_THAT(small(0.5, 20), DoubleNear(more(0.25), 1e-6));
  EXPECT_THAT(small(1, 20), DoubleNear(more(0.5), 1e-6));
  EXPECT_THAT(small(1, 5), DoubleNear(more(2), 1e-6));
  // A quarter of 5 %: twice its 3 %.
  EXPECT_THAT(small(1, 1.25), DoubleNear(more(5), 1e-6));
  EXPECT_THAT(small(3, 0.5), DoubleNear(0, 1e-9));
  EXPECT_THAT(small(3, 0.125), DoubleNear(more(3), 1e-6));
}

TEST(ErrorBudget, OneClampForTwoLegsMayMissTheMotor) {
  const auto parts = error_budget({.is_doubled = true}, {.kwh = 1, .amperes = 20});

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
    (part.is_shared ? sum.shared : sum.own) += part.deviation() * part.deviation();
  }
  return {std::sqrt(sum.own), std::sqrt(sum.shared)};
}

TEST(TracedEnergy, ClampsOfOneVoltageAreOffTogether) {
  const ClampUse use{.kwh = 100, .amperes = 20};
  const auto [own, shared] = split_of(error_budget(bare, use));
  auto other = bare;
  other.errs_with = "another meter";

  auto same = energy_of(bare, use);
  same += energy_of(bare, use);
  auto apart = energy_of(bare, use);
  apart += energy_of(other, use);

  EXPECT_DOUBLE_EQ(same.measured().kwh, 200);
  // 2 x 100 kWh: own errors are independent, root(2) x 100; the shared one is 200 times.
  EXPECT_THAT(same.measured().plus_minus,
              DoubleNear(1.96 * std::hypot(std::sqrt(2) * own, 2 * shared), 1e-9));
  EXPECT_THAT(apart.measured().plus_minus,
              DoubleNear(1.96 * std::hypot(std::sqrt(2) * own, std::sqrt(2) * shared), 1e-9));
}

TEST(TracedEnergy, WhatIsLeftOfTheMainsIsLessSureThanTheMains) {
  const auto [own, shared] = split_of(error_budget(bare, {.kwh = 1, .amperes = 20}));
  auto rest = energy_of(bare, {.kwh = 400, .amperes = 20});

  rest -= energy_of(bare, {.kwh = 300, .amperes = 20});

  EXPECT_DOUBLE_EQ(rest.measured().kwh, 100);
  // Own: root(400^2 + 300^2) = 500 kWh. The voltage is off for 100 kWh only.
  EXPECT_THAT(rest.measured().plus_minus, DoubleNear(1.96 * std::hypot(5 * own, shared), 1e-9));
}

TEST(TracedEnergy, AnIdentifiedPartHasTheErrorOfItsClampAndOfTheIdentification) {
  const auto circuit = energy_of(bare, {.kwh = 50, .amperes = 20});

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
