#include "hub/power_cuts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;

measurement::Sample at_voltage(float volts) {
  measurement::Sample sample(1);
  sample.put<Quantity::voltage>(0, {volts});
  return sample;
}

class PowerCutWatchTest : public testing::Test {
 protected:
  void hear(const std::string& meter, std::uint64_t boot, Timestamp begin, Timestamp end,
            float volts = 230) {
    for (auto time = begin; time < end; time += 1s) {
      if (const auto cut = watch.take(meter, boot, time, at_voltage(volts))) cuts.push_back(*cut);
    }
  }

  PowerCutWatch watch{230};
  std::vector<Outage> cuts;
};

TEST_F(PowerCutWatchTest, MetersThatWereAllSilentAndBeganAnewTellHowLongThePowerWasAway) {
  for (int s = 0; s < 60; ++s) {
    for (const auto* meter : {"a", "b"}) {
      hear(meter, 1, noon + std::chrono::seconds(s), noon + std::chrono::seconds(s + 1));
    }
  }
  hear("a", 2, noon + 29min, noon + 29min + 4s);
  EXPECT_THAT(cuts, IsEmpty()) << "The other one could still say that it was there.";
  hear("b", 2, noon + 29min + 4s, noon + 29min + 5s);

  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].begin, noon + 59s);
  EXPECT_EQ(cuts[0].end, noon + 29min);
}

TEST_F(PowerCutWatchTest, AMeterThatIsPulledOutAloneIsNoPowerCut) {
  hear("a", 1, noon, noon + 1min);
  hear("b", 1, noon, noon + 1min);
  for (int s = 60; s < 600; ++s) {
    hear("a", 1, noon + std::chrono::seconds(s), noon + std::chrono::seconds(s + 1));
    if (s >= 300) hear("b", 2, noon + std::chrono::seconds(s), noon + std::chrono::seconds(s + 1));
  }

  EXPECT_THAT(cuts, IsEmpty());
}

TEST_F(PowerCutWatchTest, ANetworkThatWasDownIsNoPowerCutAsNoMeterBeganAnew) {
  hear("a", 1, noon, noon + 1min);
  hear("a", 1, noon + 1h, noon + 61min);

  EXPECT_THAT(cuts, IsEmpty());
}

TEST_F(PowerCutWatchTest, AMeterThatRunsOnAnotherSupplySeesTheVoltageGo) {
  hear("a", 1, noon, noon + 60s);
  hear("a", 1, noon + 60s, noon + 120s, 2);
  hear("a", 1, noon + 120s, noon + 180s);

  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].begin, noon + 59s);
  EXPECT_EQ(cuts[0].end, noon + 120s);
}

TEST_F(PowerCutWatchTest, AMeterThatDoesNotComeBackIsNotWaitedForForever) {
  for (int s = 0; s < 60; ++s) {
    for (const auto* meter : {"a", "b"}) {
      hear(meter, 1, noon + std::chrono::seconds(s), noon + std::chrono::seconds(s + 1));
    }
  }
  hear("a", 2, noon + 10min, noon + 16min);

  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].end, noon + 10min);
}

BookedRun run(ApplianceNumber appliance, Timestamp begin, Timestamp end) {
  BookedRun made{.appliance = appliance, .run = {}};
  made.run.begin = begin;
  made.run.end = end;
  return made;
}

class NotBackTest : public testing::Test {
 protected:
  NotBackTest() {
    // A fridge: on for 15 minutes of each 40, and once with a pause of 50.
    auto time = noon - 6h;
    for (int i = 0; i < 9; ++i) {
      runs.push_back(run(1, time, time + 15min));
      time += i == 4 ? 65min : 40min;
    }
    runs.push_back(run(2, noon - 30min, noon));    // A television that was on.
    runs.push_back(run(3, noon - 5h, noon - 4h));  // A washing machine that was done.
  }
  std::vector<ApplianceNumber> missing() {
    std::vector<ApplianceNumber> found;
    for (const auto& one : not_back(cut, runs)) found.push_back(one.appliance);
    return found;
  }

  const Outage cut{noon, noon + 20min};
  std::vector<BookedRun> runs;
};

TEST_F(NotBackTest, WhatRanIsDueAQuarterOfAnHourLaterAndAFridgeAfterTwiceItsLongestPause) {
  const auto found = not_back(cut, runs);

  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].appliance, 2);
  EXPECT_EQ(found[0].due, cut.end + 15min);
  EXPECT_EQ(found[1].appliance, 1);
  EXPECT_EQ(found[1].due, cut.end + 100min);
}

TEST_F(NotBackTest, WhatDrawsAgainIsBack) {
  runs.push_back(run(1, cut.end + 5min, Timestamp::max()));
  EXPECT_THAT(missing(), ElementsAre(2));

  runs.push_back(run(2, cut.end + 90min, cut.end + 91min));
  EXPECT_THAT(missing(), IsEmpty());
}

}  // namespace
}  // namespace hub
