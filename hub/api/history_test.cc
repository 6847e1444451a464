#include "hub/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/api/small_world.h"

namespace hub {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::IsEmpty;
using testing::IsNan;

Steps steps(std::chrono::milliseconds step, std::size_t count) { return {new_year, step, count}; }

CircuitHistory history_of(const Home& home, HandmadeStore& store, const Steps& cut) {
  return history(home, home.panels.back().circuits.front().id, cut, store).value();
}

TEST(History, AStepThatIsOnlyPartlyInTheRangeCountsWhole) {
  const auto cut = steps_over({new_year + 61s, new_year + 121s}, 1min);

  EXPECT_EQ(cut.begin, new_year + 60s);
  EXPECT_EQ(cut.count, 2u);
  EXPECT_EQ(cut.end(), new_year + 180s);
}

TEST(History, AFridgeReadsAsItsClampDoes) {
  const auto home = home_with({circuit("fridge", {{"meter-1", 0, 1}})});
  HandmadeStore store;
  store.seconds["meter-1"] = {{0, {{0, {100, 0, 0}}}}, {1, {{0, {60, 30, 0}}}}};

  const auto found = history_of(home, store, steps(2s, 1));

  EXPECT_THAT(found.mean, ElementsAre(FloatEq(80)));  // (100 + 60) / 2
  EXPECT_THAT(found.min, ElementsAre(FloatEq(60)));
  EXPECT_THAT(found.max, ElementsAre(FloatEq(100)));
  EXPECT_EQ(found.imported.value, 30);
  EXPECT_EQ(found.exported.value, 0);
}

TEST(History, AReversedClampIsTurnedRoundWithItsExtremesAndCounters) {
  const auto home = home_with({circuit("oven", {{"meter-1", 0, -1}})});
  HandmadeStore store;
  store.seconds["meter-1"] = {{0, {{0, {-100, 0, 0}}}}, {1, {{0, {-60, 0, 30}}}}};

  const auto found = history_of(home, store, steps(2s, 1));

  EXPECT_THAT(found.mean, ElementsAre(FloatEq(80)));
  EXPECT_THAT(found.min, ElementsAre(FloatEq(60)));
  EXPECT_THAT(found.max, ElementsAre(FloatEq(100)));
  EXPECT_EQ(found.imported.value, 30);  // What the chip counted as exported.
  EXPECT_EQ(found.exported.value, 0);
}

TEST(History, OneClampThatStandsForTwoLegsCountsTwice) {
  const auto home = home_with({circuit("dryer", {{"meter-1", 0, 2}})});
  HandmadeStore store;
  store.seconds["meter-1"] = {{0, {{0, {1500, 400, 0}}}}};

  const auto found = history_of(home, store, steps(1s, 1));

  EXPECT_THAT(found.mean, ElementsAre(FloatEq(3000)));
  EXPECT_THAT(found.max, ElementsAre(FloatEq(3000)));
  EXPECT_EQ(found.imported.value, 800);
}

// One leg takes 500 mWh while the other gives 300 mWh; in the next second it is 100 and 250.
HandmadeStore give_and_take() {
  HandmadeStore store;
  store.seconds["meter-1"] = {
      {0, {{0, {1800, 500, 0}}, {1, {-1080, 0, 300}}}},
      {1, {{0, {360, 600, 0}}, {1, {-900, 0, 550}}}},
  };
  return store;
}

TEST(History, LegsThatAreSummedAreNettedWithinEachStep) {
  const auto home = home_with({circuit("grid", {{"meter-1", 0, 1}, {"meter-1", 1, 1}})});
  auto store = give_and_take();

  const auto found = history_of(home, store, steps(1s, 2));

  EXPECT_THAT(found.mean, ElementsAre(FloatEq(720), FloatEq(-540)));
  EXPECT_EQ(found.imported.value, 200);  // 500 - 300
  EXPECT_EQ(found.exported.value, 150);  // 250 - 100
}

TEST(History, LegsThatCountForThemselvesAreNotNetted) {
  auto home = home_with({circuit("grid", {{"meter-1", 0, 1}, {"meter-1", 1, 1}})});
  home.panels[0].circuits[0].netting = Netting::per_phase;
  auto store = give_and_take();

  const auto found = history_of(home, store, steps(1s, 2));

  EXPECT_EQ(found.imported.value, 600);
  EXPECT_EQ(found.exported.value, 550);
}

TEST(History, ALongStepDoesNotNetTheNightsImportAgainstTheDaysExport) {
  const auto home = home_with({circuit("grid", {{"meter-1", 0, 1}, {"meter-1", 1, 1}})});
  HandmadeStore store;
  store.seconds["meter-1"] = {
      {0, {{0, {0, 700, 0}}, {1, {0, 0, 0}}}},
      {600, {{0, {0, 700, 0}}, {1, {0, 0, 900}}}},
  };

  const auto found = history_of(home, store, steps(60min, 1));

  EXPECT_EQ(found.imported.value, 700);  // In the first minute.
  EXPECT_EQ(found.exported.value, 900);  // In the eleventh.
}

TEST(History, OneClampIsNeverNettedAgainstItself) {
  const auto home = home_with({circuit("solar", {{"meter-1", 0, 1}})});
  HandmadeStore store;
  store.seconds["meter-1"] = {{0, {{0, {5, 40, 1000}}}}};

  const auto found = history_of(home, store, steps(24h, 1));

  EXPECT_EQ(found.imported.value, 40);
  EXPECT_EQ(found.exported.value, 1000);
}

TEST(History, TheExtremesOfASumAreThoseOfItsSamples) {
  const auto home = home_with({circuit("stove", {{"meter-1", 0, 1}, {"meter-1", 1, 1}})});
  HandmadeStore store;
  // The legs take turns: each reaches 1000 W, their sum never exceeds 1100 W.
  store.seconds["meter-1"] = {
      {0, {{0, {1000, 0, 0}}, {1, {100, 0, 0}}}},
      {1, {{0, {50, 0, 0}}, {1, {1000, 0, 0}}}},
  };

  const auto seconds = history_of(home, store, steps(2s, 1));
  const auto minutes = history_of(home, store, steps(1min, 1));

  EXPECT_THAT(seconds.max, ElementsAre(FloatEq(1100)));
  EXPECT_THAT(seconds.min, ElementsAre(FloatEq(1050)));
  EXPECT_THAT(minutes.mean, ElementsAre(FloatEq(1075)));  // (1050 + 1100) / 2
  EXPECT_THAT(minutes.max, ElementsAre(FloatEq(1100)));
  EXPECT_THAT(minutes.min, ElementsAre(FloatEq(1050)));
}

TEST(History, TheEnergyOfEachHourIsToldAndThatOfAGapAtItsEnd) {
  const auto home = home_with({circuit("fridge", {{"meter-1", 0, 1}})});
  HandmadeStore store;
  store.seconds["meter-1"] = {{0, {{0, {100, 10, 1}}}}, {10'000, {{0, {100, 90, 1}}}}};

  const auto found = history(home, "fridge", steps(1h, 3), store,
                             {.mean = false, .min = false, .max = false, .energy = true})
                         .value();

  EXPECT_THAT(found.step_imported, ElementsAre(10, IsNan(), 80));
  EXPECT_THAT(found.step_exported, ElementsAre(1, IsNan(), 0));
  EXPECT_EQ(found.imported.value, 90);
  EXPECT_THAT(found.mean, IsEmpty());
  EXPECT_THAT(found.max, IsEmpty());
}

TEST(History, TheEnergyOfAnHourIsNettedMinuteByMinute) {
  const auto home = home_with({circuit("grid", {{"meter-1", 0, 1}, {"meter-1", 1, -1}})});
  HandmadeStore store;
  store.seconds["meter-1"] = {
      {0, {{0, {0, 700, 0}}, {1, {0, 300, 0}}}},    // 700 - 300 imported.
      {600, {{0, {0, 700, 0}}, {1, {0, 1200, 0}}}}  // Of the turned clamp 900 more: exported.
  };

  const auto found = history(home, "grid", steps(1h, 2), store, {.energy = true}).value();

  EXPECT_THAT(found.step_imported, ElementsAre(400, IsNan()));
  EXPECT_THAT(found.step_exported, ElementsAre(900, IsNan()));
  EXPECT_EQ(found.imported.value, 400);
  EXPECT_EQ(found.exported.value, 900);
}

TEST(History, TheExtremesOfASumOverALongRangeAreThoseOfItsSeconds) {
  const auto home = home_with({circuit("stove", {{"meter-1", 0, 1}, {"meter-1", 1, 1}})});
  HandmadeStore store;
  store.most_steps = Store::max_steps;
  const std::int64_t late = 50 * 2'500;  // Beyond what the store reads at once, by the second.
  store.seconds["meter-1"] = {{late, {{0, {1000, 0, 0}}, {1, {100, 0, 0}}}}};

  const auto found = history_of(home, store, steps(50s, 2'501));

  EXPECT_THAT(found.max.back(), FloatEq(1100));
  EXPECT_THAT(found.max.front(), IsNan());
}

TEST(History, AGapStaysAGapAndItsEnergyIsNotLost) {
  const auto home = home_with({circuit("fridge", {{"meter-1", 0, 1}})});
  HandmadeStore store;
  store.seconds["meter-1"] = {{0, {{0, {100, 10, 0}}}}, {3, {{0, {100, 90, 0}}}}};

  const auto found = history_of(home, store, steps(1s, 4));

  EXPECT_THAT(found.mean, ElementsAre(FloatEq(100), IsNan(), IsNan(), FloatEq(100)));
  EXPECT_EQ(found.imported.value, 90);
}

TEST(History, ACircuitWithOneSilentLegIsUnknownNotHalf) {
  const auto home = home_with({circuit("stove", {{"meter-1", 0, 1}, {"meter-1", 1, 1}})});
  HandmadeStore store;
  store.seconds["meter-1"] = {{0, {{0, {1000, 0, 0}}}}};

  const auto found = history_of(home, store, steps(1s, 1));

  EXPECT_THAT(found.mean, ElementsAre(IsNan()));
  EXPECT_THAT(found.max, ElementsAre(IsNan()));
}

TEST(History, EachTimeIsSeenThroughThePanelThatWasValidThen) {
  auto home = home_with({circuit("oven", {{"meter-1", 0, 1}})});
  auto corrected = home.panels[0];
  corrected.valid_from = new_year + 2s;
  corrected.circuits[0].channels = {{"meter-1", 1, -1}};
  home.panels.push_back(corrected);
  HandmadeStore store;
  for (std::int64_t second = 0; second < 4; ++second) {
    const auto total = 10.0 * static_cast<double>(second + 1);
    store.seconds["meter-1"][second] = {{0, {5, total, 0}}, {1, {-70, 0, 3 * total}}};
  }

  const auto found = history_of(home, store, steps(1s, 4));

  EXPECT_THAT(found.mean, ElementsAre(FloatEq(5), FloatEq(5), FloatEq(70), FloatEq(70)));
  EXPECT_EQ(found.imported.value, 80);  // 2 x 10 of the first channel, 2 x 30 of the second.
}

TEST(History, ABreakerWithoutAClampHasNoPower) {
  const auto home = home_with({circuit("spare", {})});
  HandmadeStore store;

  EXPECT_THAT(history_of(home, store, steps(1s, 1)).mean, ElementsAre(IsNan()));
}

TEST(History, AStoreThatFailsIsNotAnEmptyAnswer) {
  const auto home = home_with({circuit("fridge", {{"meter-1", 0, 1}})});
  HandmadeStore store;
  store.is_broken = true;

  EXPECT_EQ(history(home, "fridge", steps(1s, 1), store).error(), StoreError::unavailable);
}

}  // namespace
}  // namespace hub
