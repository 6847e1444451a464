// Calibration with what a house has: the utility meter's light, a switch, some days.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "insight/calibration/branch_sum.h"
#include "insight/calibration/display_readings.h"
#include "insight/calibration/drift.h"
#include "insight/calibration/meter_light.h"
#include "insight/calibration/switched_load.h"

namespace insight {
namespace {

struct Chance {
  std::mt19937_64 random;
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;
  }
  double normal() {  // Sum of twelve uniform ones.
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += between(0, 1);
    return sum;
  }
};

// `watts` of a meter with 1000 blinks to the kWh, as a camera sees it.
std::vector<double> blinks(Chance& chance, double seconds, auto watts, double missed,
                           double doubled) {
  std::vector<double> seen;
  double wh = chance.between(0, 1);
  for (double at = 0; at < seconds; at += 0.001) {
    wh += watts(at) / 3600 * 0.001;
    if (wh < 1) continue;
    wh -= 1;
    if (chance.between(0, 1) < missed) continue;
    seen.push_back(at + chance.between(0, 1.0 / 30));
    if (chance.between(0, 1) < doubled) seen.push_back(seen.back() + chance.between(0.03, 0.1));
  }
  return seen;
}

TEST(MeterLight, CountsWhatBlinkedThoughOneInTenIsMissedAndOneInTenSeenTwice) {
  Chance chance{std::mt19937_64(11)};
  for (const double watts : {1500.0, 4000.0, 12'000.0}) {
    const auto seen = blinks(
        chance, 300, [&](double) { return watts; }, 0.1, 0.1);

    const auto counted = count_blinks(seen, 1000);

    ASSERT_TRUE(counted) << counted.error();
    const double shown = counted->wh * 3600 / (counted->end_s - counted->begin_s);
    EXPECT_NEAR(shown, watts, watts * 3 * counted->limit_wh / counted->wh + 1e-9) << watts;
    EXPECT_GT(counted->missed, 0);
    EXPECT_GT(counted->doubled, 0);
  }
}

TEST(MeterLight, FollowsALoadThatChangesSlowly) {
  Chance chance{std::mt19937_64(12)};
  const auto rising = [](double at) { return 3000 + 10 * at; };
  const auto seen = blinks(chance, 300, rising, 0.05, 0.05);

  const auto counted = count_blinks(seen, 1000);

  ASSERT_TRUE(counted) << counted.error();
  const double middle = (counted->begin_s + counted->end_s) / 2;
  const double wh = rising(middle) * (counted->end_s - counted->begin_s) / 3600;
  EXPECT_NEAR(counted->wh, wh, 1.1);  // One blink.
}

TEST(MeterLight, RefusesTooFewBlinksAndALightThatDoesNotBlinkEvenly) {
  Chance chance{std::mt19937_64(13)};
  EXPECT_FALSE(count_blinks(std::vector<double>{1, 2, 3}, 1000));
  std::vector<double> sunshine;
  for (double at = 0; at < 200; at += chance.between(0.2, 5)) sunshine.push_back(at);
  EXPECT_FALSE(count_blinks(sunshine, 1000));
}

// Ours between two readings; the first at 1000.1 kWh.
DisplayComparison compared(double second, const CountedMeanwhile& ours) {
  const auto found = compare({.imported_kwh = 1000.1, .digit_kwh = 0.1},
                             {.imported_kwh = second, .digit_kwh = 0.1}, ours, 1);
  EXPECT_TRUE(found) << found.error();
  return found ? *found : DisplayComparison{};
}
std::string refused(const DisplayReading& first, const DisplayReading& second,
                    const CountedMeanwhile& ours) {
  const auto found = compare(first, second, ours, 1);
  return found ? "" : found.error();
}

TEST(DisplayReadings, GiveTheGainWithTheClassAndWhatTheirDigitsAllow) {
  const auto found = compared(1016.4, {.imported_kwh = 16});

  EXPECT_NEAR(found.gain.factor, 16.3 / 16, 1e-9);
  EXPECT_NEAR(found.off_percent(), -100 * 0.3 / 16.3, 1e-9);
  EXPECT_DOUBLE_EQ(found.gain.gain_limit, 1);
  // Two readings, each cut by anything up to a digit: 0.1 / root 6 of 16.3.
  EXPECT_NEAR(found.gain.gain_deviation, 100 * 0.1 / std::sqrt(6.0) / 16.3, 1e-9);
  // Between the class alone and both as if they were normal: 1.96 x hypot(1 / root 3, 0.25).
  EXPECT_GT(found.plus_minus(), 0.95);
  EXPECT_LT(found.plus_minus(), 1.24);
}

TEST(DisplayReadings, TooLittleBetweenThemIsRefusedWithHowMuchItTakes) {
  const DisplayReading first{.imported_kwh = 1000.1, .digit_kwh = 0.1};
  const auto read = [](double kwh) {
    return DisplayReading{.imported_kwh = kwh, .digit_kwh = 0.1};
  };

  // 1.96 x 0.1 / root 6 is 0.08 kWh: 2 % of 4.
  EXPECT_NE(refused(first, read(1003.2), {.imported_kwh = 3}).find("after 4 kWh"),
            std::string::npos);
  EXPECT_EQ(refused(first, read(1005.2), {.imported_kwh = 5}), "");
  EXPECT_NE(refused(first, read(900), {.imported_kwh = 5}).find("went back"), std::string::npos);
  EXPECT_NE(
      refused(first, read(1030.1), {.imported_kwh = 30, .unseen_kwh = 1}).find("did not count"),
      std::string::npos);
  EXPECT_NE(refused(first, read(1030.1), {.imported_kwh = 14}).find("missing leg"),
            std::string::npos)
      << "Half is no gain.";
  EXPECT_NE(
      refused(first, read(1030.1), {.imported_kwh = 30, .exported_kwh = 3}).find("given back"),
      std::string::npos);
}

TEST(DisplayReadings, OfSeveralClampsOnlyTheDifferenceIsComparedWhereTheSunShines) {
  const DisplayReading first{.imported_kwh = 1000, .exported_kwh = 500, .digit_kwh = 0.1};
  const DisplayReading second{.imported_kwh = 1300, .exported_kwh = 600, .digit_kwh = 0.1};

  // A meter that nets each leg for itself shows 40 kWh more both ways than ours.
  const auto legs =
      compare(first, second, {.imported_kwh = 260, .exported_kwh = 60, .is_of_several = true}, 1);
  const auto one = compare(first, second, {.imported_kwh = 297, .exported_kwh = 99}, 1);

  ASSERT_TRUE(legs && one);
  EXPECT_NEAR(legs->gain.factor, 1, 1e-9);
  EXPECT_NEAR(legs->gain.gain_limit, 2, 1e-9) << "1 % of 400 kWh is 2 % of 200.";
  EXPECT_NEAR(one->gain.factor, 400.0 / 396, 1e-9);
  EXPECT_NEAR(one->gain.gain_limit, 1, 1e-9);
}

TEST(DisplayReadings, TheStatedPlusMinusHoldsTheTrueGain) {
  Chance chance{std::mt19937_64(41)};
  int contained = 0;
  constexpr int trials = 4000;
  for (int trial = 0; trial < trials; ++trial) {
    const double gain = chance.between(0.93, 1.07), digit = trial % 2 == 0 ? 0.1 : 1;
    const double kwh = digit * chance.between(60, 900), begin = chance.between(0, 50'000);
    const double of_class = 1 + 0.01 * chance.between(-1, 1);
    const auto shown = [&](double value) {
      return DisplayReading{.imported_kwh = std::floor(value / digit) * digit, .digit_kwh = digit};
    };
    // Read up to half a minute early or late, at 500 W.
    const double clock = 0.5 / 120 * (chance.between(-1, 1) - chance.between(-1, 1));
    const CountedMeanwhile ours{.imported_kwh = kwh / gain + clock,
                                .clock_kwh = 0.5 / 120 * std::sqrt(2.0)};
    const auto found = compare(shown(begin), shown(begin + kwh * of_class), ours, 1);
    ASSERT_TRUE(found) << found.error();
    if (std::abs(100 * (found->gain.factor / gain - 1)) <= found->plus_minus()) ++contained;
  }
  fmt::print("gains from two readings: contained in {:.1f} % of {}\n", 100.0 * contained / trials,
             trials);
  EXPECT_GE(contained, 0.94 * trials);
}

TEST(SwitchedLoad, TheBranchTakesOverTheMainsGainThoughOthersSwitchToo) {
  Chance chance{std::mt19937_64(21)};
  int contained = 0;
  constexpr int trials = 1000;
  for (int trial = 0; trial < trials; ++trial) {
    const double gain = chance.between(0.9, 1.1);
    std::vector<PowerStep> steps;
    for (int i = 0; i < 8; ++i) {
      const double watts = (i % 2 == 0 ? 1 : -1) * 1800 * (1 + 0.002 * chance.normal());
      PowerStep step{.mains_w = watts + 4 * chance.normal(), .branch_w = watts / gain};
      if (chance.between(0, 1) < 0.1) step.mains_w += 150;  // The fridge.
      steps.push_back(step);
    }
    const auto found = branch_gain(steps);
    ASSERT_TRUE(found) << found.error();
    const double error = 100 * (found->factor / gain - 1);
    if (std::abs(error) <= 1.96 * found->gain_deviation) ++contained;
    EXPECT_LT(std::abs(error), 4);
  }
  fmt::print("a branch's gain from eight steps: contained in {:.1f} %\n",
             100.0 * contained / trials);
  EXPECT_GE(contained, 0.93 * trials);
}

// A kettle of 2 kW on the second leg, on for ten seconds and off for ten, five times; one sample a
// second, of which that in which it switches has half of it.
std::vector<SwitchedMoment> kettle(double gain) {
  std::vector<SwitchedMoment> moments;
  for (int second = 0; second < 100; ++second) {
    const bool is_on = second / 10 % 2 == 1;
    const double watts = second % 10 == 0 && second > 0 ? 1000 : is_on ? 2000 : 0;
    moments.push_back({.time_s = 1000.0 + second,
                       .branch_w = 40 + watts / gain,
                       .mains_clamps_w = {300, 200 + watts, 0}});
  }
  return moments;
}

TEST(SwitchedLoad, StepsAreFoundInSamplesWithoutThoseReadWhileItSwitched) {
  const auto steps = steps_in(kettle(1.03));

  ASSERT_EQ(steps.size(), 9u);
  for (const auto& step : steps) {
    EXPECT_NEAR(std::abs(step.mains_w), 2000, 1e-6);
    EXPECT_NEAR(std::abs(step.branch_w), 2000 / 1.03, 1e-6);
  }
  const auto gain = branch_gain(steps);
  ASSERT_TRUE(gain) << gain.error();
  EXPECT_NEAR(gain->factor, 1.03, 1e-6);
}

TEST(SwitchedLoad, ALegThatThePanelDoesNotHaveIsNamed) {
  const auto steps = steps_in(kettle(1));
  const std::vector legs{1, 2};

  EXPECT_EQ(wrong_legs(steps, legs, std::vector{2}), "");
  EXPECT_NE(wrong_legs(steps, legs, std::vector{1}).find("leg 1"), std::string::npos);
  EXPECT_NE(wrong_legs(steps, legs, std::vector{1, 2}).find("leg 1"), std::string::npos);
  EXPECT_EQ(wrong_legs(steps, std::vector{1}, std::vector{1}), "") << "One leg tells nothing.";
}

TEST(SwitchedLoad, ASampleThatIsMissingIsNoStep) {
  auto moments = kettle(1);
  moments[27].branch_w = NAN;

  EXPECT_EQ(steps_in(moments).size(), 8u) << "That after it has not enough before it.";
}

TEST(SwitchedLoad, RefusesABranchThatDoesNotStepAndStepsThatDisagree) {
  EXPECT_FALSE(branch_gain({}));
  const std::vector<PowerStep> reversed(6, {.mains_w = 1000, .branch_w = -1000});
  EXPECT_FALSE(branch_gain(reversed));
  const std::vector<PowerStep> little(6, {.mains_w = 20, .branch_w = 20});
  EXPECT_FALSE(branch_gain(little));
}

// Days of minutes of branches with loads of their own, and of something that nobody measures.
struct Days {
  std::vector<double> mains;
  std::vector<std::vector<double>> branches;
  std::vector<double> gains;
  double unmeasured = 0;
};
Days simulate(Chance& chance, std::size_t size, std::size_t minutes) {
  Days days{.mains = std::vector<double>(minutes),
            .branches = std::vector(size, std::vector<double>(minutes))};
  double others = 0;
  bool lamp = false;
  std::vector<double> running(size);
  for (std::size_t b = 0; b < size; ++b) days.gains.push_back(chance.between(0.95, 1.05));
  for (std::size_t t = 0; t < minutes; ++t) {
    if (chance.between(0, 1) < 0.02) lamp = !lamp;
    others = 60 + (lamp ? 90 : 0) + 5 * chance.normal();
    double sum = others;
    for (std::size_t b = 0; b < size; ++b) {
      if (chance.between(0, 1) < 0.03) {
        running[b] = chance.between(0, 1) < 0.5
                         ? 0
                         : chance.between(100, 200.0 * (1 + static_cast<double>(b)));
      }
      const double watts = running[b] * (1 + 0.003 * chance.normal());
      days.branches[b][t] = watts / days.gains[b];
      sum += watts;
    }
    days.mains[t] = sum + 3 * chance.normal();
    days.unmeasured += others / static_cast<double>(minutes);
  }
  return days;
}

TEST(BranchSum, DaysOfSumsGiveEachBranchsGainAndWhatIsNotMeasured) {
  Chance chance{std::mt19937_64(31)};
  int contained = 0, all = 0, unmeasured_contained = 0;
  constexpr int trials = 40;
  double width = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const auto days = simulate(chance, 8, 2 * 24 * 60);
    const auto sum = fit_branches(days.mains, days.branches, std::vector(8, 3.0));
    ASSERT_TRUE(sum) << sum.error();
    for (std::size_t b = 0; b < days.gains.size(); ++b) {
      const auto& fit = sum->branches[b];
      ++all;
      width += 100 * fit.plus_minus;
      if (std::abs(fit.factor - days.gains[b]) <= fit.plus_minus) ++contained;
    }
    if (std::abs(sum->unmeasured_w - days.unmeasured) <= sum->unmeasured_plus_minus) {
      ++unmeasured_contained;
    }
    EXPECT_NEAR(sum->unmeasured_w, days.unmeasured, 30);
  }
  fmt::print(
      "gains from two days of sums: mean +- {:.2f} %, contained in {:.1f} %; unmeasured "
      "contained in {} of {}\n",
      width / all, 100.0 * contained / all, unmeasured_contained, trials);
  EXPECT_GE(contained, 0.92 * all);
  EXPECT_GE(unmeasured_contained, 0.85 * trials);
  EXPECT_LT(width / all, 2);
}

TEST(BranchSum, ABranchThatNeverSwitchesKeepsItsGainAndItsDoubt) {
  Chance chance{std::mt19937_64(32)};
  auto days = simulate(chance, 2, 1000);
  days.branches.emplace_back(1000, 40.0);

  const auto sum = fit_branches(days.mains, days.branches, std::vector(3, 3.0));

  ASSERT_TRUE(sum);
  EXPECT_NEAR(sum->branches[2].factor, 1, 1e-6);
  EXPECT_NEAR(sum->branches[2].plus_minus, 1.96 * 0.03, 1e-6);
}

TEST(BranchSum, WhatIsMissingCountsForNoTimeAndTheRestGoesOn) {
  Chance chance{std::mt19937_64(33)};
  auto days = simulate(chance, 3, 2000);
  for (std::size_t t = 0; t < 2000; t += 7) days.branches[1][t] = NAN;
  for (std::size_t t = 900; t < 950; ++t) days.mains[t] = NAN;

  const auto sum = fit_branches(days.mains, days.branches, std::vector(3, 3.0));

  ASSERT_TRUE(sum) << sum.error();
  EXPECT_NEAR(static_cast<double>(sum->minutes), 2000 * 5.0 / 7 - 36, 3);
  for (std::size_t b = 0; b < 3; ++b) {
    EXPECT_NEAR(sum->branches[b].factor, days.gains[b], 2 * sum->branches[b].plus_minus);
  }
  EXPECT_GT(sum->always_w, 40);
  EXPECT_LT(sum->always_w, 80) << "60 W are always there, and a lamp of 90 W half the time.";
}

TEST(BranchSum, RefusesTooLittleAndWhatDoesNotMatch) {
  EXPECT_FALSE(fit_branches(std::vector<double>(50), std::vector<std::vector<double>>{}, {}));
  EXPECT_FALSE(fit_branches(std::vector<double>(500),
                            std::vector<std::vector<double>>{std::vector<double>(499)},
                            std::vector{3.0}));
}

TEST(Drift, IsSeenWhenItIsMoreThanBothPlusMinuses) {
  std::vector<CheckedSpan> sound, drifted;
  for (int month = 0; month < 12; ++month) {
    const double days = 15 + 30.0 * month;
    sound.push_back({days, 300, 301.5, 1});
    drifted.push_back({days, 300, 300 * (1 + 0.02 * days / 365), 1});
  }

  const auto held = drift(sound, 1), moved = drift(drifted, 0.8);

  ASSERT_TRUE(held && moved);
  EXPECT_NEAR(held->percent, 0.5, 1e-9);
  EXPECT_FALSE(held->has_drifted);
  EXPECT_NEAR(moved->percent_per_year, 2, 0.01);
  EXPECT_LT(moved->per_year_plus_minus, 2);
  EXPECT_TRUE(moved->has_drifted);
  EXPECT_FALSE(drift({}, 1));
}

}  // namespace
}  // namespace insight
