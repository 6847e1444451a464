#include "lenz/evaluation/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;
using measurement::Timestamp;
using testing::DoubleNear;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

std::vector<Timestamp> every(double seconds, std::size_t rows) {
  std::vector<Timestamp> times;
  for (std::size_t row = 0; row < rows; ++row) {
    times.emplace_back(
        std::chrono::milliseconds(std::llround(static_cast<double>(row) * seconds * 1000)));
  }
  return times;
}

TEST(MetricsTest, PowerErrorsAreCountedByTime) {
  const auto times = every(1800, 4);
  const std::vector<float> held(4, 1800);
  const std::vector<float> truth = {100, 0, missing, 100}, guess = {60, 20, 500, 100};

  const auto errors = power_errors(times, held, truth, guess);

  // Half hours: |60 - 100| and |20 - 0| are 20 and 10 Wh; the third row is not known.
  EXPECT_DOUBLE_EQ(errors.hours, 1.5);
  EXPECT_DOUBLE_EQ(errors.absolute_wh, 30);
  EXPECT_DOUBLE_EQ(errors.true_wh, 100);
  EXPECT_DOUBLE_EQ(errors.estimated_wh, 90);
  EXPECT_DOUBLE_EQ(errors.least_wh, 30 + 0 + 50);
  EXPECT_DOUBLE_EQ(errors.greatest_wh, 50 + 10 + 50);
  EXPECT_DOUBLE_EQ(errors.days, 1);
  EXPECT_DOUBLE_EQ(errors.day_errors, 0.1);
}

TEST(MetricsTest, ADayThatHardlyUsedAnythingHasNoRelativeError) {
  const auto times = every(12 * 3600, 4);
  const std::vector<float> held(4, 12 * 3600);
  const std::vector<float> truth = {0.1F, 0.1F, 100, 100}, guess = {50, 50, 50, 50};

  const auto errors = power_errors(times, held, truth, guess);

  // The first day used 2.4 Wh, the second 2,400 Wh of which 1,200 were seen.
  EXPECT_DOUBLE_EQ(errors.days, 1);
  EXPECT_NEAR(errors.day_errors, 0.5, 1e-6);
}

TEST(MetricsTest, AStepIsFoundOnlyOnceAndOnlyInItsDirection) {
  const auto times = every(1, 100);
  const std::vector<Step> truth = {{10, 50}, {40, -50}, {80, 50}};
  // Two near the first, one near the second but up, one 11 s from the third.
  const std::vector<Step> guess = {{8, 40}, {12, 40}, {41, 60}, {91, 50}};

  const auto hits = match_steps(times, truth, guess, 10);

  EXPECT_EQ(hits.right, 1);
  EXPECT_EQ(hits.wrong, 3);
  EXPECT_EQ(hits.missed, 2);
  EXPECT_DOUBLE_EQ(hits.f1(), 2.0 / 7);
}

TEST(MetricsTest, AnActivationIsFoundWhereHalfOfBothIsShared) {
  const auto times = every(1, 100);
  // Of 20 s: 11 shared of 21 in all; of 10 s: 4 shared of 16; a third one is nowhere.
  const std::vector<Activation> truth = {{0, 21}, {40, 51}, {80, 91}};
  const std::vector<Activation> guess = {{9, 22}, {46, 57}, {60, 70}};

  const auto hits = match_activations(times, truth, guess);

  EXPECT_EQ(hits.right, 1);
  EXPECT_EQ(hits.wrong, 2);
  EXPECT_EQ(hits.missed, 2);
}

TEST(MetricsTest, NothingToFindAndNothingFoundIsNoFigure) {
  EXPECT_TRUE(std::isnan(Hits{}.f1()));
  EXPECT_EQ((Hits{0, 3, 0}.f1()), 0);
}

// Clopper & Pearson's own: 8 of 10 lie between 0.4439 and 0.9748; none of 10 below 0.3085.
TEST(MetricsTest, SharesHaveTheirExactInterval) {
  const auto most = share(8, 10), none = share(0, 10), all = share(10, 10);

  EXPECT_DOUBLE_EQ(most.value, 0.8);
  EXPECT_NEAR(most.low, 0.4439, 5e-5);
  EXPECT_NEAR(most.high, 0.9748, 5e-5);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.3085, 5e-5);
  EXPECT_NEAR(all.low, 1 - 0.3085, 5e-5);
  EXPECT_EQ(all.high, 1);
  EXPECT_TRUE(std::isnan(share(0, 0).value));
}

TEST(MetricsTest, ABootstrapOfEqualUnitsHasNoWidthAndOfOneUnitNone) {
  const auto mean_of = [](std::vector<double> units) {
    return [units](std::span<const double> weights) {
      double sum = 0, all = 0;
      for (std::size_t i = 0; i < units.size(); ++i) {
        sum += units[i] * weights[i];
        all += weights[i];
      }
      return std::vector{sum / all};
    };
  };

  const auto equal = bootstrap(5, 1, mean_of({2, 2, 2, 2, 2})).front();
  const auto spread = bootstrap(5, 1, mean_of({0, 1, 2, 3, 4})).front();
  const auto alone = bootstrap(1, 1, mean_of({7})).front();

  EXPECT_EQ(equal.low, 2);
  EXPECT_EQ(equal.high, 2);
  // The mean of 5 draws has a deviation of sqrt(2 / 5) = 0.63.
  EXPECT_NEAR(spread.low, 2 - 1.96 * 0.63, 0.3);
  EXPECT_NEAR(spread.high, 2 + 1.96 * 0.63, 0.3);
  EXPECT_EQ(alone.value, 7);
  EXPECT_TRUE(std::isnan(alone.low));
}

TEST(MetricsTest, CalibrationIsTheDistanceOfPromiseAndTruth) {
  const std::vector<std::pair<double, bool>> guesses = {
      {0.95, true}, {0.95, false}, {0.25, false}, {0.25, false}};

  // Two promised 1.9 and held 1, two promised 0.5 and held 0: 0.9 + 0.5 of 4.
  EXPECT_NEAR(calibration_error(guesses), 1.4 / 4, 1e-12);
  EXPECT_TRUE(std::isnan(calibration_error({})));
}

TEST(MetricsTest, TypesAreJudgedByWeight) {
  using enum ApplianceKind;
  const Confusion confusion = {{{kettle, kettle}, 3},
                               {{kettle, iron}, 1},
                               {{fridge, kettle}, 1},
                               {{fridge, std::nullopt}, 1},
                               {{fridge, fridge}, 2}};

  const auto f1 = type_f1(confusion);

  // Nothing is an iron, so that only misses a kettle.
  EXPECT_DOUBLE_EQ(f1.at(kettle), 2 * 3.0 / (2 * 3 + 1 + 1));
  EXPECT_DOUBLE_EQ(f1.at(fridge), 2 * 2.0 / (2 * 2 + 0 + 2));
  EXPECT_EQ(f1.size(), 2U);
}

TEST(MetricsTest, AQuantileLiesBetweenItsNeighbours) {
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
}

}  // namespace
}  // namespace lenz::evaluation
