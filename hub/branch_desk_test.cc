#include "hub/branch_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "hub/answering_meter.h"

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::HasSubstr;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 10 / 1) + 12h;

// One leg of mains that were calibrated, a kitchen that shows 3 % too little, a heater that shows
// 2 % too much.
class BranchDeskTest : public testing::Test {
 protected:
  BranchDeskTest() {
    home.panels.emplace_back().circuits = {
        {.id = "mains", .kind = CircuitKind::grid, .legs = {1}, .channels = {{"meter-1", 0, 1}}},
        {.id = "kitchen", .parent = "mains", .legs = {1}, .channels = {{"meter-1", 1, 1}}},
        {.id = "heater", .parent = "mains", .legs = {1}, .channels = {{"meter-1", 2, 1}}},
        {.id = "lamp", .parent = "kitchen", .legs = {1}, .channels = {{"meter-1", 3, 1}}},
        {.id = "garage", .parent = "mains"}};
    for (int c = 0; c < 3; ++c) meter.words[c].current_gain = 20'000;
    calibrate_mains(noon - 48h);
  }
  void calibrate_mains(Timestamp at) {
    insight::Accuracy accuracy{.gain_limit = 0.2, .loads = {{.amperes = 10}}};
    add_calibration({.device = "meter-1",
                     .channel = 0,
                     .time = at,
                     .reference = "Wattmeter",
                     .by = "Ada",
                     .volts = 230,
                     .accuracy = accuracy},
                    meter.book);
  }

  AnsweringMeter meter;
  Home home{.id = "home"};
  BranchDesk desk{meter.store, home, meter.book};
};

TEST_F(BranchDeskTest, AKettleThatIsSwitchedSetsItsCircuitByTheMains) {
  ASSERT_TRUE(desk.begin_switching("kitchen", noon));
  EXPECT_THAT(meter.set(desk.switching_changes(noon), noon), HasSubstr("stepped 0 times"));
  meter.measure(1, noon, noon + 2min, 1s, 4, [](Timestamp at, std::size_t clamp) {
    const bool is_on = (at - noon) / 10s % 2 == 1;
    const double kettle = is_on ? 2000 : 0;
    return clamp == 0 ? 300 + kettle : clamp == 1 ? (100 + kettle) * 0.97 : 0;
  });

  const auto& found = *desk.switching(noon + 2min);

  EXPECT_EQ(found.steps.size(), 11u);
  ASSERT_TRUE(found.gain) << found.gain.error();
  EXPECT_NEAR(found.gain->factor, 1 / 0.97, 1e-4);
  EXPECT_GT(found.before_percent, 4);
  EXPECT_LT(found.after_percent, 0.6);
  EXPECT_EQ(meter.set(desk.switching_changes(noon + 2min), noon + 2min), "");
  EXPECT_EQ(meter.words[1].current_gain, 20'619);
  EXPECT_EQ(meter.words[0].current_gain, 20'000);
  const auto newest = *newest_calibration(load_calibrations(meter.book), "meter-1", 1);
  EXPECT_EQ(newest.reference, "One load, switched, against the mains: 11 steps");
  EXPECT_NEAR(insight::plus_minus_percent(newest.accuracy, 230, 2000 / 230.0, 1),
              found.after_percent, 1e-9);
}

TEST_F(BranchDeskTest, MainsThatNobodySetMakeNoBranchSurer) {
  std::filesystem::remove(meter.book);
  ASSERT_TRUE(desk.begin_switching("kitchen", noon));
  meter.measure(1, noon, noon + 2min, 1s, 4, [](Timestamp at, std::size_t clamp) {
    return clamp < 2 && (at - noon) / 10s % 2 == 1 ? 2000.0 : 0.0;
  });

  EXPECT_THAT(desk.switching(noon + 2min)->gain.error(), HasSubstr("Set the mains first"));
  EXPECT_THAT(meter.set(desk.switching_changes(noon + 2min), noon),
              HasSubstr("Set the mains first"));
}

TEST_F(BranchDeskTest, WhatCannotBeSwitchedAgainstTheMainsIsRefused) {
  EXPECT_THAT(desk.begin_switching("mains", noon).error(), HasSubstr("behind the mains"));
  EXPECT_THAT(desk.begin_switching("garage", noon).error(), HasSubstr("with a clamp"));
  EXPECT_THAT(desk.begin_switching("moon", noon).error(), HasSubstr("with a clamp"));
  home.panels[0].circuits[0].channels.clear();
  EXPECT_THAT(desk.begin_switching("kitchen", noon).error(), HasSubstr("leg of the mains"));
}

TEST_F(BranchDeskTest, APanelThatChangesEndsWhatIsSwitched) {
  for (const auto& change : std::vector<std::function<void(std::vector<Circuit>&)>>{
           [](auto& circuits) { circuits.erase(circuits.begin() + 1); },
           [](auto& circuits) { circuits.erase(circuits.begin()); },
           [](auto& circuits) { circuits[1].channels[0].multiplier = -1; },
           [](auto& circuits) { circuits[0].channels.resize(5, circuits[0].channels[0]); }}) {
    const auto before = home.panels[0].circuits;
    ASSERT_TRUE(desk.begin_switching("kitchen", noon));
    change(home.panels[0].circuits);
    EXPECT_EQ(desk.switching(noon + 1min), nullptr);
    EXPECT_THAT(meter.set(desk.switching_changes(noon + 1min), noon),
                HasSubstr("begin with a circuit"));
    home.panels[0].circuits = before;
    EXPECT_EQ(desk.switching(noon + 1min), nullptr);
  }
}

TEST_F(BranchDeskTest, TheSumSetsWhatGetsSurerAndSaysWhatIsNotMeasured) {
  EXPECT_THAT(desk.look_at_sum(noon).error(), HasSubstr("A day of minutes is needed"));
  std::mt19937_64 random(5);
  std::vector<double> kitchen, heater, other;
  for (int minute = 0; minute < 2 * 1440; ++minute) {
    const auto next = [&](std::vector<double>& list, unsigned share, double watts) {
      const bool changes = list.empty() || random() % 1000 < share;
      list.push_back(changes ? static_cast<double>(random() % 2) * watts : list.back());
    };
    next(kitchen, 50, 1500);
    next(heater, 30, 2200);
    next(other, 20, 80);
  }
  meter.measure(1, noon - 48h, noon, 20s, 4, [&](Timestamp at, std::size_t clamp) {
    const auto minute = static_cast<std::size_t>((at - (noon - 48h)) / 1min);
    if (clamp == 1) return kitchen[minute] * 0.97;
    if (clamp == 2) return heater[minute] * 1.02;
    if (clamp == 3) return 0.0;
    return kitchen[minute] + heater[minute] + other[minute] + 50;
  });

  const auto looked = desk.look_at_sum(noon);

  ASSERT_TRUE(looked) << looked.error();
  const auto& sum = *desk.sum();
  ASSERT_EQ(sum.branches.size(), 2u) << "The lamp is seen through the kitchen, the garage not.";
  EXPECT_NEAR(sum.branches[0].taken.factor, 1 / 0.97, 0.005);
  EXPECT_NEAR(sum.branches[1].taken.factor, 1 / 1.02, 0.005);
  EXPECT_TRUE(sum.branches[0].is_better() && sum.branches[1].is_better());
  const double unmeasured = 50 + 80 * static_cast<double>(std::ranges::count(other, 80.0)) / 2880;
  EXPECT_NEAR(sum.unmeasured_w, unmeasured, sum.plus_minus_w);
  EXPECT_NEAR(sum.always_w, 50, sum.plus_minus_w);
  EXPECT_LT(sum.plus_minus_w, 15);
  EXPECT_EQ(meter.words[1].current_gain, 20'000) << "Nothing is set by looking.";
  EXPECT_THAT(meter.set(desk.sum_changes({}), noon), HasSubstr("No circuit was chosen"));

  EXPECT_EQ(meter.set(desk.sum_changes({"kitchen"}), noon), "");

  EXPECT_NEAR(meter.words[1].current_gain, 20'619, 100);
  EXPECT_EQ(meter.words[2].current_gain, 20'000);
  EXPECT_THAT(newest_calibration(load_calibrations(meter.book), "meter-1", 1)->reference,
              HasSubstr("Sum of branches against mains"));
  // What was sampled before it was set says nothing any more.
  EXPECT_THAT(desk.look_at_sum(noon + 1h).error(), HasSubstr("A day of minutes is needed"));
}

TEST_F(BranchDeskTest, ABranchThatWasSetBetterThanTheMainsStaysAsItIs) {
  insight::Accuracy accuracy{.gain_limit = 0.05, .loads = {{.amperes = 5}}};
  add_calibration({.device = "meter-1",
                   .channel = 1,
                   .time = noon - 48h,
                   .reference = "Better",
                   .by = "Ada",
                   .volts = 230,
                   .accuracy = accuracy},
                  meter.book);
  meter.measure(1, noon - 48h, noon, 20s, 4, [](Timestamp at, std::size_t clamp) {
    const bool is_on = (at - noon) / 7min % 2 == 0;
    return clamp < 2 && is_on ? 1000.0 : 0.0;
  });
  ASSERT_TRUE(desk.look_at_sum(noon));

  EXPECT_FALSE(desk.sum()->branches[0].is_better());
  EXPECT_THAT(meter.set(desk.sum_changes({"kitchen"}), noon), HasSubstr("would not become surer"));
}

}  // namespace
}  // namespace hub
