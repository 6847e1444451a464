// What an identifier makes of single runs that somebody spoke of.

#include <gtest/gtest.h>

#include <chrono>

#include "insight/identification/channel_identifier.h"

namespace insight {
namespace {

using measurement::Timestamp;

// A channel that is read every second, from 2024-10-04 on.
class Circuit {
 public:
  explicit Circuit(ChannelIdentifier& identifier, int begin_s = 0)
      : identifier_(identifier), now_(std::chrono::days(20'000) + std::chrono::seconds(begin_s)) {}

  void draw(float watts, int for_s) {
    for (int i = 0; i < for_s; ++i) {
      now_ += std::chrono::seconds(1);
      identifier_.take({.time = now_, .active_power = {watts}});
    }
  }
  Run kettle() {
    draw(2000, 150);
    draw(0, 1800);
    return identifier_.take_runs().back();
  }

 private:
  ChannelIdentifier& identifier_;
  Timestamp now_;
};

TEST(SaidRunsTest, WhatRunsNowIsWhatSomebodySaysAlsoWhenItEnds) {
  ChannelIdentifier identifier(nullptr, {});
  Circuit circuit(identifier);
  circuit.draw(0, 60);
  const auto kettle = circuit.kettle().appliance;
  circuit.kettle();
  circuit.draw(2000, 60);
  const auto open = identifier.take_runs().back();
  ASSERT_EQ(open.appliance, kettle) << "It looks like one.";

  const auto iron = identifier.assign(open.id, unexplained);
  circuit.draw(2000, 90);
  circuit.draw(0, 600);

  EXPECT_NE(iron, kettle);
  const auto run = identifier.take_runs().back();
  EXPECT_EQ(run.id, open.id);
  EXPECT_EQ(run.appliance, iron);
  EXPECT_EQ(identifier.assign(999, iron), unexplained);
  EXPECT_EQ(identifier.assign(run.id, 999), unexplained);
}

TEST(SaidRunsTest, WhatWasSaidIsLearntAgainAndNoApplianceIsLost) {
  ChannelIdentifier identifier(nullptr, {});
  Circuit circuit(identifier);
  circuit.draw(0, 60);
  std::vector<insight::Run> runs;
  for (int i = 0; i < 4; ++i) {
    runs.push_back(circuit.kettle());
    circuit.draw(40, 1200);  // A lamp, of which nobody says anything.
    circuit.draw(0, 600);
  }
  EXPECT_FALSE(identifier.refit()) << "Nothing was said.";
  for (int i = 0; i < 3; ++i)
    identifier.assign(runs[static_cast<std::size_t>(i)].id, runs[0].appliance);

  const auto before = identifier.memory();
  const auto refit = identifier.refit();

  ASSERT_TRUE(refit);
  EXPECT_EQ(refit->runs, 3u);
  EXPECT_EQ(refit->right_after, 3u);
  EXPECT_TRUE(refit->is_taken);
  EXPECT_EQ(identifier.appliances().size(), 2u);
  EXPECT_EQ(circuit.kettle().appliance, runs[0].appliance);
  ChannelIdentifier remembered(nullptr, {}, before);
  EXPECT_EQ(remembered.refit()->runs, 3u) << "What was said is remembered.";
}

TEST(SaidRunsTest, OneThatBeginsInTheMiddleOfARunKnowsWhoseItIs) {
  ChannelIdentifier identifier(nullptr, {});
  Circuit circuit(identifier);
  circuit.draw(0, 60);
  const auto kettle = circuit.kettle().appliance;
  circuit.kettle();
  circuit.draw(2000, 60);

  ChannelIdentifier next(nullptr, {}, identifier.memory());
  Circuit goes_on(next, 60 + 2 * 1950 + 60);
  goes_on.draw(2000, 60);

  const auto runs = next.take_runs();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].appliance, kettle);
}

}  // namespace
}  // namespace insight
