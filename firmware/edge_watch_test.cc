#include "firmware/edge_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace firmware {
namespace {

using measurement::Amperes;
using measurement::Quantity;
using measurement::Sample;
using measurement::Uptime;
using measurement::Watts;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr EdgeRule rule = {.sweep_period = 333ms, .before = 2, .after = 3};

// Two chips, six channels of 100 W at 230 V; sweeps are numbered from 0.
struct Sweeps {
  explicit Sweeps(const EdgeRule& its_rule = rule) : watch(its_rule, 2) {}

  void sweep(std::size_t times = 1) {
    for (; times > 0; --times) {
      auto& next = watch.next(sweeps * 333ms);
      for (std::size_t chip = 0; chip < 2; ++chip) {
        next.put<Quantity::voltage>(chip, measurement::Volts{230});
      }
      for (std::size_t c = 0; c < 6; ++c) {
        next.put<Quantity::active_power>(c, Watts{power[c]});
        next.put<Quantity::current>(c, Amperes{power[c] / 230});
        next.put<Quantity::peak_current>(c, Amperes{power[c] / 230 * 1.414f});
      }
      ++sweeps;
      if (const auto* edge = watch.add()) picked.push_back(*edge);
    }
  }

  // When the picked sweeps were made.
  std::vector<std::int64_t> of(std::size_t channel) const {
    std::vector<std::int64_t> found;
    for (const auto& edge : picked) {
      if (edge.steps(Quantity::active_power, channel)) found.push_back(edge.uptime / 333ms);
    }
    return found;
  }

  std::array<float, 6> power = {100, 100, 100, 100, 100, 100};
  std::int64_t sweeps = 0;
  EdgeWatch watch;
  std::vector<Sample> picked;
};

TEST(EdgeWatch, PicksTheSweepsBeforeDuringAndAfterAnEdgeOfTheChannelThatHasIt) {
  Sweeps world;
  world.sweep(10);
  world.power[4] = 600;
  world.sweep(10);

  EXPECT_THAT(world.of(4), ElementsAre(8, 9, 10, 11, 12, 13));
  EXPECT_THAT(world.of(3), IsEmpty());
  for (std::size_t i = 0; i < world.picked.size(); ++i) EXPECT_EQ(world.picked[i].number, i);
  EXPECT_EQ(world.picked[0].get<Quantity::active_power>(4)->value, 100);
  EXPECT_EQ(world.picked[2].get<Quantity::active_power>(4)->value, 600);
  EXPECT_NEAR(world.picked[2].get<Quantity::peak_current>(4)->value, 3.689f, 0.001f);
  EXPECT_FALSE(world.picked[0].get<Quantity::voltage>(0));
  EXPECT_TRUE(world.picked[0].get<Quantity::voltage>(1));
}

TEST(EdgeWatch, AStepThatTwoWindowsOfTheChipShareIsOneEdge) {
  Sweeps world;
  world.sweep(10);
  world.power[0] = 130;  // Less than 40 W above.
  world.sweep();
  world.power[0] = 160;
  world.sweep(10);

  EXPECT_THAT(world.of(0), ElementsAre(9, 10, 11, 12, 13, 14));
}

TEST(EdgeWatch, TheSecondLegOfALoadMaySwitchASweepLater) {
  Sweeps world;
  world.sweep(10);
  world.power[0] = 2000;
  world.sweep();
  world.power[3] = 2000;
  world.sweep(10);

  EXPECT_THAT(world.of(0), ElementsAre(8, 9, 10, 11, 12, 13));
  EXPECT_THAT(world.of(3), ElementsAre(9, 10, 11, 12, 13, 14));
  EXPECT_EQ(world.picked.size(), 7u);
}

TEST(EdgeWatch, AStepThatIsSmallBesideWhatFlowsIsNone) {
  Sweeps world;
  world.power[1] = 5000;
  world.sweep(10);
  world.power[1] = 5400;  // 8 % of the power and of the current.
  world.sweep(10);

  EXPECT_THAT(world.picked, IsEmpty());
}

TEST(EdgeWatch, AChannelThatFlickersIsPickedOnceInItsCoolDown) {
  auto slow = rule;
  slow.cool_down = 10s;
  Sweeps world(slow);
  world.sweep(10);
  for (int i = 0; i < 30; ++i) {
    world.power[2] = i % 2 == 0 ? 900 : 100;
    world.sweep();
  }
  // From sweep 10 at 3.33 s to sweep 40 at 13.3 s.
  EXPECT_EQ(world.picked.size(), 6u);
}

TEST(EdgeWatch, WhatTheBudgetDoesNotCoverIsCountedAndAnHourLaterThereIsBudgetAgain) {
  auto poor = rule;
  poor.sweeps_an_hour = 12;
  Sweeps world(poor);
  world.sweep(10);
  for (int i = 0; i < 5; ++i) {
    world.power[5] += 3000;
    world.sweep(20);
  }
  EXPECT_EQ(world.picked.size(), 12u);
  EXPECT_EQ(world.watch.skipped(), 3u);

  world.sweep(3600 * 3);
  world.power[5] = 0;
  world.sweep(20);

  EXPECT_EQ(world.picked.size(), 18u);
}

TEST(EdgeWatch, WhatCouldNotBeReadIsNoEdge) {
  Sweeps world;
  world.sweep(10);
  world.watch.next(world.sweeps++ * 333ms);  // Neither chip answers.
  EXPECT_EQ(world.watch.add(), nullptr);
  world.sweep(10);

  EXPECT_THAT(world.picked, IsEmpty());
}

}  // namespace
}  // namespace firmware
