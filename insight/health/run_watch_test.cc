#include "insight/health/run_watch.h"

#include <gtest/gtest.h>

#include <functional>

#include "simulator/appliances.h"

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp begin = std::chrono::sys_days(std::chrono::March / 2 / 2026);

// A machine of a simulated home that runs twice in three days.
class Machine {
 public:
  Machine(ApplianceKind kind, std::function<simulator::Course(simulator::Chance&)> course,
          std::uint64_t seed)
      : watch(kind), course_(std::move(course)), chance_(seed) {}

  void suffer(simulator::Defect defect, double severity) {
    defects_.add(defect, {now, 0ms, severity});
  }

  void run(int times) {
    for (int i = 0; i < times; ++i) {
      draw(1, 36h);
      for (const auto& phase : simulator::afflict(course_(chance_), defects_, now)) {
        draw(static_cast<float>(phase.power_w), phase.length);
      }
    }
    draw(1, 1h);
  }
  // Runs until something is found; 0: nothing within so many.
  int runs_until_found(int most) {
    for (int i = 1; i <= most; ++i) {
      run(1);
      if (!watch.findings().empty()) return i;
    }
    return 0;
  }

  RunWatch watch;
  Timestamp now = begin;

 private:
  void draw(float w, std::chrono::milliseconds length) {
    // Of a meter that reads every ten seconds while something changes, and each minute else.
    const auto every = length > 1h ? 60s : 10s;
    for (const auto end = now + length; now < end;) {
      const auto noise = static_cast<float>(chance_.normal(1, 0.01));
      watch.take(Reading{.time = now, .active_power = {w * noise}});
      now += std::min<std::chrono::milliseconds>(every, end - now);
    }
  }

  std::function<simulator::Course(simulator::Chance&)> course_;
  simulator::Chance chance_;
  simulator::Defects defects_;
};

struct Case {
  const char* name;
  ApplianceKind kind;
  simulator::Course (*course)(simulator::Chance&);
  simulator::Defect defect;
  double severity;
  Cause cause;
};

simulator::Course charges(simulator::Chance& chance) { return simulator::charger(chance, 7200); }

class Machines : public testing::TestWithParam<Case> {};

TEST_P(Machines, AFaultIsFoundWithinThreeWeeksOfRunsWithItsCauseFirst) {
  const auto& one = GetParam();
  Machine machine(one.kind, one.course, 1);
  machine.run(60);
  ASSERT_TRUE(machine.watch.findings().empty());
  machine.suffer(one.defect, one.severity);

  const int runs = machine.runs_until_found(14);

  ASSERT_GT(runs, 0);
  const auto finding = machine.watch.findings().front();
  EXPECT_EQ(finding.suspects.front().cause, one.cause);
  EXPECT_FALSE(finding.evidence.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Every, Machines,
    testing::Values(Case{"DishwasherHeater", ApplianceKind::dishwasher, simulator::dishwasher,
                         simulator::Defect::heater, 1, Cause::heater_open},
                    Case{"DishwasherLimescale", ApplianceKind::dishwasher, simulator::dishwasher,
                         simulator::Defect::limescale, 0.4, Cause::limescale},
                    Case{"WasherHeater", ApplianceKind::washing_machine, simulator::washing_machine,
                         simulator::Defect::heater, 1, Cause::heater_open},
                    Case{"DryerVent", ApplianceKind::tumble_dryer, simulator::tumble_dryer,
                         simulator::Defect::vent, 0.6, Cause::vent_restricted},
                    Case{"DryerElement", ApplianceKind::tumble_dryer, simulator::tumble_dryer,
                         simulator::Defect::heater, 0.5, Cause::heater_open},
                    Case{"DryerBearing", ApplianceKind::tumble_dryer, simulator::tumble_dryer,
                         simulator::Defect::bearing, 0.3, Cause::drive_worn},
                    Case{"OvenElement", ApplianceKind::oven, simulator::oven,
                         simulator::Defect::heater, 0.4, Cause::heater_open},
                    Case{"ChargerHoldsBack", ApplianceKind::ev_charger, charges,
                         simulator::Defect::reduced_current, 0.4, Cause::charging_reduced}),
    [](const auto& one) { return one.param.name; });

TEST(RunWatch, HealthyMachinesOfAYearRaiseNothing) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Machine dishwasher(ApplianceKind::dishwasher, simulator::dishwasher, seed);
    Machine washer(ApplianceKind::washing_machine, simulator::washing_machine, seed);
    Machine dryer(ApplianceKind::tumble_dryer, simulator::tumble_dryer, seed);
    Machine charger(ApplianceKind::ev_charger, charges, seed);
    for (auto* machine : {&dishwasher, &washer, &dryer, &charger}) {
      EXPECT_EQ(machine->runs_until_found(240), 0) << seed;
    }
  }
}

TEST(RunWatch, ProgrammesAreHeldBesideTheirLike) {
  // Every other run is a short one without heat: what people choose is no fault.
  int n = 0;
  Machine washer(
      ApplianceKind::washing_machine,
      [&](simulator::Chance& chance) {
        return ++n % 2 == 0 ? simulator::washing_machine(chance)
                            : simulator::washing_machine_cold_fill(chance);
      },
      1);
  washer.run(60);
  n = 0;
  EXPECT_EQ(washer.runs_until_found(40), 0);

  const auto& runs = washer.watch.runs();
  EXPECT_LT(runs[runs.size() - 2].heating_min, 1);
  EXPECT_GT(runs.back().heating_min, 10);
}

TEST(RunWatch, ItSaysHowManyRunsItNeedsYet) {
  Machine dishwasher(ApplianceKind::dishwasher, simulator::dishwasher, 1);
  EXPECT_EQ(dishwasher.watch.runs_missing(), ShiftChart::rows_to_learn);
  dishwasher.run(5);
  EXPECT_EQ(dishwasher.watch.runs_missing(), ShiftChart::rows_to_learn - 5);
  EXPECT_EQ(dishwasher.watch.condition(), Condition::learning);
  dishwasher.run(25);
  EXPECT_EQ(dishwasher.watch.condition(), Condition::as_before);
}

TEST(RunWatch, AFindingOutlivesARestartAndDamageIsSeen) {
  Machine dryer(ApplianceKind::tumble_dryer, simulator::tumble_dryer, 1);
  dryer.run(50);
  dryer.suffer(simulator::Defect::heater, 0.5);
  dryer.run(14);
  ASSERT_EQ(dryer.watch.findings().size(), 1U);
  const auto memory = dryer.watch.memory();

  const RunWatch again(ApplianceKind::tumble_dryer, memory);
  ASSERT_EQ(again.findings().size(), 1U);
  EXPECT_EQ(again.findings().front().since, dryer.watch.findings().front().since);
  EXPECT_EQ(again.memory(), memory);
  EXPECT_LE(memory.size(), 65536U);

  auto damaged = memory;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  EXPECT_TRUE(RunWatch(ApplianceKind::tumble_dryer, damaged).runs().empty());
  EXPECT_TRUE(RunWatch(ApplianceKind::dishwasher, memory).runs().empty());
}

TEST(RunWatch, WhatIsExpectedIsTakenForUsual) {
  Machine dryer(ApplianceKind::tumble_dryer, simulator::tumble_dryer, 1);
  dryer.run(50);
  dryer.suffer(simulator::Defect::heater, 0.5);
  dryer.run(14);
  ASSERT_EQ(dryer.watch.findings().size(), 1U);

  dryer.watch.said(Change::draws_less, Verdict::expected, dryer.now);
  EXPECT_EQ(dryer.watch.condition(), Condition::learning);
  dryer.run(80);
  EXPECT_TRUE(dryer.watch.findings().empty());
}

}  // namespace
}  // namespace insight
