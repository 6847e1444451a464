#include "lenz/evaluation/cycle_training.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "lenz/evaluation/kind_training.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;
using measurement::Timestamp;
using namespace std::chrono_literals;

// Minutes of a constant power.
struct Stretch {
  int minutes;
  float watts;
};

Machine machine_of(const std::vector<Stretch>& stretches) {
  Machine machine{.name = "machine", .household = "home", .kind = ApplianceKind::washing_machine};
  Timestamp now{std::chrono::days(20'000)};
  for (const auto& [minutes, watts] : stretches) {
    for (int s = 0; s < 60 * minutes; ++s, now += 1s) {
      machine.times.push_back(now);
      machine.active_power_w.push_back(watts);
    }
  }
  return machine;
}

TEST(TrueCourses, APauseIsNoEndAndTwoWholeCoursesAreTwo) {
  const std::vector<Stretch> wash = {{20, 2000}, {4, 2}, {40, 200}};
  std::vector<Stretch> day = {{60, 1}};
  for (const int pause : {120, 15, 120}) {
    day.insert(day.end(), wash.begin(), wash.end());
    day.push_back({pause, 1});
  }

  const auto courses = true_courses(machine_of(day));

  ASSERT_EQ(courses.size(), 3u);
  for (const auto& course : courses) {
    EXPECT_TRUE(course.is_known);
    EXPECT_LE(std::chrono::abs(course.end - course.begin - 64min), 1min);
  }
}

TEST(TrueCourses, WhereARecordingBreaksOffTheEndIsNotKnown) {
  auto machine = machine_of({{60, 1}, {50, 500}, {60, 1}, {50, 500}, {10, 1}});

  const auto courses = true_courses(machine);

  ASSERT_EQ(courses.size(), 2u);
  EXPECT_TRUE(courses[0].is_known);
  EXPECT_FALSE(courses[1].is_known);
}

TEST(FollowedCourses, DoneIsTimedFromTheEndAndCountedWhereItCameTooEarly) {
  const auto machine = machine_of({{60, 1}, {20, 2000}, {10, 2}, {40, 200}, {120, 1}});
  const auto at = [](double quiet_s) {
    return [=](const insight::CycleFeatures& features) {
      return std::exp(features[0]) - 1 >= quiet_s;
    };
  };

  const auto early = follow_courses(machine, at(30)), late = follow_courses(machine, at(900));

  ASSERT_EQ(early.size(), 1u);
  EXPECT_TRUE(early[0].was_false);
  EXPECT_NEAR(*early[0].delay_s, 35, 10);
  EXPECT_FALSE(late[0].was_false);
  EXPECT_NEAR(*late[0].delay_s, 950, 100);
}

TEST(FollowedCourses, OfSimulatedMachinesThatAreKnownTheirOwnPastTellsTheEnd) {
  std::vector<SaidOfCourse> said;
  for (const auto& machine : simulated_machines(9, 7)) {
    const auto one = follow_courses(machine, [](const insight::CycleFeatures& features) {
      constexpr auto beyond_doubt = insight::cycle_places / 2 - 1;
      return insight::cycle_place(features) % (insight::cycle_places / 2) == beyond_doubt;
    });
    said.insert(said.end(), one.begin(), one.end());
  }

  const auto known = cycle_errors(said, 5, 100);
  EXPECT_GE(known.courses, 12);
  EXPECT_GE(known.within_minute.value, 0.9);
  EXPECT_EQ(known.false_share.value, 0);
}

// Of machines that were read so often, judged without their household.
std::vector<SaidOfCourse> said_of_recorded(double longest_interval_s) {
  auto machines = machines_of(DataSet(std::getenv("LENZ_DATA")));
  std::erase_if(machines, [&](const Machine& one) {
    return !may_ship(one.licence) || one.interval_s > longest_interval_s;
  });
  std::vector<CycleExamples> examples;
  for (const auto& machine : machines) examples.push_back(cycle_examples(machine));
  std::vector<const Machine*> all;
  std::vector<const CycleExamples*> their_examples;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    all.push_back(&machines[i]);
    their_examples.push_back(&examples[i]);
  }
  std::vector<SaidOfCourse> said;
  for (const auto& one : cross_validate(all, their_examples, {})) {
    said.insert(said.end(), one.begin(), one.end());
  }
  return said;
}

TEST(CycleTraining, OnRecordedMachinesOfUnseenHouseholdsDoneIsHardlyEverSaidTooEarly) {
  if (!std::getenv("LENZ_DATA")) GTEST_SKIP() << "LENZ_DATA names no recordings.";

  const auto errors = cycle_errors(said_of_recorded(10), 0, 1000);

  EXPECT_GE(errors.courses, 150);
  EXPECT_LE(errors.false_share.value, 0.03);
  EXPECT_GE(errors.within_minute.value, 0.15);
}

}  // namespace
}  // namespace lenz::evaluation
