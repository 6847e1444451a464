#include "insight/identification/cycles.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "insight/identification/forest_training.h"

namespace insight {
namespace {

using measurement::Timestamp;
using measurement::Watts;
using namespace std::chrono_literals;

// Stretches of a course, second by second.
struct Stretch {
  int seconds;
  float watts;
};

class Machine {
 public:
  explicit Machine(CycleWatch& watch) : watch_(watch) {}

  void run(const std::vector<Stretch>& stretches) {
    for (const auto& [seconds, watts] : stretches) {
      for (int i = 0; i < seconds; ++i) {
        now += 1s;
        watch_.take(now, Watts{watts});
        if (watch_.state() == CycleState::done && !is_done_) ++done;
        is_done_ = watch_.state() == CycleState::done;
        if (is_done_ && done_at == Timestamp{}) done_at = now;
        if (!is_done_) done_at = {};
      }
    }
  }

  Timestamp now{}, done_at{};
  int done = 0;  // How often it was said.

 private:
  CycleWatch& watch_;
  bool is_done_ = false;
};

// Heats, washes, soaks for ten minutes, rinses and spins.
const std::vector<Stretch> wash = {{900, 2000}, {1200, 120}, {600, 2}, {900, 120}, {300, 400}};

// Says that it is an end wherever the appliance's own past is beyond doubt.
bool own_past_is_clear(const CycleFeatures& features) {
  return cycle_place(features) % (cycle_places / 2) == cycle_places / 2 - 1;
}

TEST(CycleWatch, AfterAFewCoursesDoneIsSaidWithinAMinuteAndAPauseIsNotTakenForTheEnd) {
  CycleWatch watch(ApplianceKind::washing_machine, {}, own_past_is_clear);
  Machine machine(watch);
  for (int i = 0; i < 3; ++i) {
    machine.run(wash);
    machine.run({{7200, 1}});
  }
  ASSERT_EQ(machine.done, 3);

  machine.run(wash);
  const auto ended = machine.now;
  machine.run({{60, 1}});

  EXPECT_EQ(watch.state(), CycleState::done);
  EXPECT_EQ(machine.done, 4) << "The soak was no end.";
  EXPECT_LE(machine.done_at - ended, 60s);
  EXPECT_LE(std::chrono::abs(*watch.ended() - ended), 1s);
}

TEST(CycleWatch, WhatGoesOnAfterDoneSaysSoAndIsStillOneCourse) {
  CycleWatch watch(ApplianceKind::washing_machine, {}, [](const CycleFeatures&) { return true; });
  Machine machine(watch);
  machine.run({{900, 2000}, {60, 1}});
  ASSERT_EQ(watch.state(), CycleState::done);

  machine.run({{900, 120}});
  EXPECT_EQ(watch.state(), CycleState::running);
  EXPECT_TRUE(watch.went_on());
  machine.run({{7200, 1}});

  ASSERT_EQ(watch.past().size(), 1u);
  EXPECT_NEAR(watch.past()[0].end.at_s, 1860, 10);
  ASSERT_EQ(watch.past()[0].pauses.size(), 1u);
  EXPECT_NEAR(watch.past()[0].pauses[0].length_s, 60, 10);
}

TEST(CycleWatch, TheNextLoadIsAnotherCourseEvenIfItFollowsSoon) {
  CycleWatch watch(ApplianceKind::washing_machine, {}, [](const CycleFeatures&) { return true; });
  Machine machine(watch);
  machine.run({{1800, 400}, {600, 1}, {1800, 400}, {600, 1}});

  EXPECT_EQ(watch.past().size(), 2u);
  EXPECT_FALSE(watch.went_on());
}

TEST(CycleJudge, WhatWasLearntIsTheSameWhenItIsReadAgain) {
  Examples examples{.inputs = cycle_feature_names.size()};
  for (int i = 0; i < 200; ++i) {
    CycleFeatures features{};
    features[0] = static_cast<float>(i % 100);
    examples.add(features, i % 100 < 50 ? 0 : 1);
  }
  CycleJudge::Certainties certainties{};
  certainties.fill(0.6f);
  const CycleJudge judge(train(examples, {.objective = Objective::yes_no, .rounds = 5}),
                         certainties);

  const auto read = CycleJudge::read(judge.bytes());

  ASSERT_TRUE(read);
  CycleFeatures end{};
  end[0] = 80;
  EXPECT_EQ(read->probability(end), judge.probability(end));
  EXPECT_TRUE(read->is_sure(end));
  EXPECT_FALSE(read->is_sure({}));
  auto damaged = judge.bytes();
  damaged.pop_back();
  EXPECT_FALSE(CycleJudge::read(damaged));
  damaged = judge.bytes();
  damaged[0] = 9;
  EXPECT_NE(CycleJudge::read(damaged).error().find("another version"), std::string::npos);
}

TEST(CycleWatch, TheFirstCourseOfAllWaitsHalfAnHourRatherThanTakeASoakForTheEnd) {
  CycleWatch watch(ApplianceKind::washing_machine);
  Machine machine(watch);

  machine.run(wash);
  EXPECT_EQ(machine.done, 0);
  machine.run({{1790, 1}});
  EXPECT_EQ(watch.state(), CycleState::paused);
  machine.run({{20, 1}});
  EXPECT_EQ(watch.state(), CycleState::done);
}

TEST(CycleWatch, TurningTheLaundryOverNowAndThenIsNoWork) {
  CycleWatch watch(ApplianceKind::washing_machine);
  Machine machine(watch);
  machine.run({{3600, 2500}});
  for (int i = 0; i < 40; ++i) machine.run({{56, 9}, {4, 450}});

  EXPECT_EQ(watch.state(), CycleState::done);
  EXPECT_EQ(machine.done, 1);
}

TEST(CycleWatch, WhatIsLeftIsToldByItsOwnPast) {
  CycleWatch watch(ApplianceKind::washing_machine);
  EXPECT_FALSE(watch.seconds_left());
  Machine machine(watch);
  machine.run(wash);
  machine.run({{7200, 1}});

  machine.run({{900, 2000}, {1000, 120}});

  // 3900 s in all, of which 1900 have gone by.
  ASSERT_TRUE(watch.seconds_left());
  EXPECT_NEAR(*watch.seconds_left(), 2000, 30);
}

TEST(CycleWatch, WhereNothingWasMeasuredNobodyKnowsWhetherItEnded) {
  CycleWatch watch(ApplianceKind::washing_machine);
  Machine machine(watch);
  machine.run({{900, 2000}, {5, std::nanf("")}, {7200, 1}});

  EXPECT_EQ(watch.state(), CycleState::idle);
  EXPECT_EQ(machine.done, 0);
}

TEST(CycleWatch, AShortBurstIsNoCourse) {
  CycleWatch watch(ApplianceKind::washing_machine);
  Machine machine(watch);
  machine.run({{120, 2000}, {7200, 1}});

  EXPECT_EQ(machine.done, 0);
  EXPECT_EQ(watch.past().size(), 0u);
}

TEST(LeftOn, IsSaidOnlyBeyondAnAppliancesOwnHabit) {
  const std::vector<double> iron = {600, 1200, 1800, 900, 1500};
  EXPECT_FALSE(is_left_on(1900, iron));
  EXPECT_FALSE(is_left_on(2650, iron)) << "Not yet a quarter of an hour more.";
  EXPECT_TRUE(is_left_on(2750, iron));
  EXPECT_FALSE(is_left_on(90'000, std::vector<double>{600, 700})) << "Two runs are no habit.";
}

}  // namespace
}  // namespace insight
