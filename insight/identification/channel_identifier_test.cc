#include "insight/identification/channel_identifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

namespace insight {
namespace {

using measurement::Timestamp;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
const Timestamp start{std::chrono::days(20'000)};

// A channel that is read every second.
class Channel {
 public:
  explicit Channel(ChannelIdentifier& identifier, Timestamp begin = start)
      : identifier_(identifier), now_(begin) {}

  void draw(float watts, int for_s) {
    for (int i = 0; i < for_s; ++i) {
      now_ += seconds(1);
      // A little noise: the same each time.
      const float ripple = watts == 0 ? 0 : static_cast<float>((i * 7) % 5) * 0.002F * watts;
      identifier_.take({.time = now_, .active_power = {watts + ripple}});
    }
  }
  void kettle() {
    draw(2000, 150);
    draw(0, 1800);
  }
  void lamp() {
    draw(40, 1200);
    draw(0, 1800);
  }

 private:
  ChannelIdentifier& identifier_;
  Timestamp now_;
};

std::vector<Run> ended(std::vector<Run> runs) {
  std::erase_if(runs, [](const Run& run) { return run.end == Timestamp::max(); });
  return runs;
}

TEST(ChannelIdentifierTest, RunsAreFoundWithTheirEnergy) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);

  for (int i = 0; i < 3; ++i) channel.kettle();

  const auto runs = ended(identifier.take_runs());
  ASSERT_EQ(runs.size(), 3U);
  for (const auto& run : runs) {
    EXPECT_NEAR(std::chrono::duration<double>(run.end - run.begin).count(), 150, 3);
    // 2000 W and 0.4 % of ripple for 150 s.
    EXPECT_NEAR(static_cast<double>(run.energy.value), 2008.0 * 150 / 3.6, 2000);
    EXPECT_EQ(run.appliance, runs.front().appliance);
  }
  ASSERT_EQ(identifier.appliances().size(), 1U);
  EXPECT_EQ(identifier.appliances()[0].certainty, Certainty::unknown);
  EXPECT_EQ(identifier.appliances()[0].description, "about 2.0 kW heater, 3 times this week");

  channel.draw(0, 8 * 24 * 3600);
  channel.draw(2000, 60);
  EXPECT_EQ(identifier.appliances()[0].description, "about 2.0 kW heater");
}

TEST(ChannelIdentifierTest, TwoAppliancesOfOneCircuitAreTwo) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);

  for (int i = 0; i < 4; ++i) {
    channel.kettle();
    channel.lamp();
  }

  EXPECT_EQ(identifier.appliances().size(), 2U);
}

TEST(ChannelIdentifierTest, ACircuitThatIsNamedForItsApplianceNamesIt) {
  ChannelIdentifier identifier(nullptr, {.words = "Kettle, Kitchen"});
  Channel channel(identifier);
  channel.draw(0, 60);

  for (int i = 0; i < 4; ++i) channel.kettle();
  ASSERT_EQ(identifier.appliances().size(), 1U);
  EXPECT_EQ(identifier.appliances()[0].certainty, Certainty::measured);
  EXPECT_EQ(identifier.appliances()[0].kind, ApplianceKind::kettle);
  EXPECT_FALSE(identifier.question());

  // What else hangs there does not get its name.
  for (int i = 0; i < 12; ++i) channel.lamp();
  ASSERT_EQ(identifier.appliances().size(), 2U);
  EXPECT_EQ(identifier.appliances()[0].certainty, Certainty::confirmed);
  EXPECT_EQ(identifier.appliances()[1].certainty, Certainty::unknown);

  // Who answers knows better than who wrote the label.
  identifier.answer({.appliance = identifier.appliances()[0].id,
                     .kind = ApplianceKind::electric_heater,
                     .name = {}});
  EXPECT_EQ(identifier.appliances()[0].kind, ApplianceKind::electric_heater);
}

TEST(ChannelIdentifierTest, AChargerThatStandsByDoesNotRunAndIsCalledByItsCircuitsName) {
  ChannelIdentifier identifier(nullptr, {.words = "EV charger, Garage"});
  Channel channel(identifier);
  // It was charging when the meter began.
  channel.draw(7000, 1200);
  channel.draw(4, 1800);

  ASSERT_EQ(identifier.shares().size(), 1U);
  EXPECT_EQ(identifier.shares()[0].appliance, unexplained);

  for (int i = 0; i < 3; ++i) {
    channel.draw(7200, 3 * 3600);
    channel.draw(2500, 120);  // It tapers.
    channel.draw(4, 1800);
    channel.draw(7200, 300);
    channel.draw(4, 1800);
  }

  for (const auto& appliance : identifier.appliances()) {
    EXPECT_EQ(appliance.kind, ApplianceKind::ev_charger);
    EXPECT_EQ(appliance.certainty, Certainty::measured);
    EXPECT_THAT(appliance.description, testing::Not(HasSubstr("heater")));
  }
}

TEST(ChannelIdentifierTest, TheStandbyOfWhatACircuitIsNamedForIsNoSecondOneOfItsKind) {
  ChannelIdentifier identifier(nullptr, {.words = "EV charger, Garage"});
  Channel channel(identifier);
  channel.draw(4, 6 * 3600);  // What stands by when the meter begins is all that is there.

  for (int i = 0; i < 3; ++i) {
    channel.draw(7200, 3 * 3600);
    channel.draw(4, 12 * 3600);
  }
  channel.draw(0, 60);  // A power cut.

  ASSERT_EQ(identifier.appliances().size(), 2U);
  const auto& standby = identifier.appliances()[0];
  EXPECT_EQ(standby.certainty, Certainty::unknown);
  EXPECT_EQ(standby.description, "about 4 W, always on");
  EXPECT_EQ(identifier.appliances()[1].kind, ApplianceKind::ev_charger);
  EXPECT_EQ(identifier.appliances()[1].certainty, Certainty::measured);
}

TEST(ChannelIdentifierTest, ANamedCircuitNamesWhatRunsForTheFirstTime) {
  ChannelIdentifier identifier(nullptr, {.words = "EV charger"});
  Channel channel(identifier);
  channel.draw(4, 60);

  channel.draw(7200, 600);

  const auto id = std::ranges::max(identifier.shares(), {}, [](const Share& share) {
                    return share.active_power.value;
                  }).appliance;
  const auto it = std::ranges::find(identifier.appliances(), id, &KnownAppliance::id);
  ASSERT_NE(it, identifier.appliances().end());
  EXPECT_EQ(it->kind, ApplianceKind::ev_charger);
}

TEST(ChannelIdentifierTest, WhatAlwaysDrawsBecomesAnApplianceAndLeavesRoomForOthers) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);

  channel.draw(12, 3 * 3600);
  channel.draw(112, 1200);
  channel.draw(12, 600);

  ASSERT_EQ(identifier.appliances().size(), 2U);
  EXPECT_THAT(identifier.appliances()[1].description, HasSubstr("about 100 W"));
  ASSERT_FALSE(identifier.shares().empty());
  EXPECT_NEAR(identifier.shares()[0].active_power.value, 12, 0.5);
}

TEST(ChannelIdentifierTest, SharesAreTheMeasurementWhateverIsMeasured) {
  ChannelIdentifier identifier(nullptr, {});
  std::mt19937 random(5);
  std::uniform_real_distribution<float> watts(-500, 9000), choice(0, 1);
  Timestamp now = start;
  float level = 0;
  for (int i = 0; i < 50'000; ++i) {
    now += std::chrono::milliseconds(choice(random) < 0.01F ? 400'000 : 1000);
    if (choice(random) < 0.01F) level = watts(random);
    const float power = choice(random) < 0.001F ? nan : level + choice(random);

    identifier.take({.time = now, .active_power = {power}});

    if (std::isnan(power)) {
      EXPECT_TRUE(identifier.shares().empty());
      continue;
    }
    double sum = 0;
    for (const auto& share : identifier.shares()) {
      sum += share.active_power.value;
      if (share.appliance != unexplained) {
        EXPECT_GE(share.active_power.value, 0);
      }
    }
    ASSERT_NEAR(sum, power, 0.1) << "seed 5, reading " << i;
  }
}

TEST(ChannelIdentifierTest, APulseBelongsToTheOnlyApplianceThereIs) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);
  channel.kettle();

  channel.draw(1500, 1);

  ASSERT_EQ(identifier.shares().size(), 2U);
  EXPECT_EQ(identifier.shares()[0].appliance, identifier.appliances()[0].id);
  EXPECT_EQ(identifier.shares()[0].active_power.value, 1500);

  channel.draw(0, 60);
  channel.lamp();
  channel.draw(1500, 1);

  ASSERT_EQ(identifier.shares().size(), 1U);
  EXPECT_EQ(identifier.shares()[0].appliance, unexplained);
}

TEST(ChannelIdentifierTest, AGapEndsWhatRan) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);
  channel.draw(2000, 100);
  channel.draw(nan, 1);

  const auto runs = ended(identifier.take_runs());

  ASSERT_EQ(runs.size(), 1U);
  EXPECT_NEAR(std::chrono::duration<double>(runs[0].end - start).count(), 160, 2);
  EXPECT_TRUE(identifier.shares().empty());
}

TEST(ChannelIdentifierTest, AClampThatClipsTellsRunsOfWhatItShows) {
  constexpr float most_w = 2400;
  ChannelIdentifier identifier(nullptr, {});
  Timestamp now = start;
  for (int i = 0; i < 3 * 1800; ++i) {
    now += seconds(1);
    const int at = i % 1800;
    // 3 kW for five minutes, beside it 1 kW that the clamp cannot show.
    const float truth = (at >= 600 && at < 900 ? 3000.0F : 0) + (at >= 700 && at < 800 ? 1000 : 0);
    const float shown = std::min(truth, most_w);
    identifier.take({.time = now, .active_power = {shown}});
    float sum = 0;
    for (const auto& share : identifier.shares()) sum += share.active_power.value;
    ASSERT_NEAR(sum, shown, 0.1);
  }

  const auto runs = ended(identifier.take_runs());
  ASSERT_EQ(runs.size(), 3U);
  for (const auto& run : runs) {
    EXPECT_NEAR(std::chrono::duration<double>(run.end - run.begin).count(), 300, 3);
    EXPECT_NEAR(static_cast<double>(run.energy.value), most_w * 300 / 3.6, 2000);
    EXPECT_EQ(run.peak.value, most_w);
    EXPECT_EQ(run.appliance, runs.front().appliance);
  }
}

TEST(ChannelIdentifierTest, AReadingThatIsNotLaterIsLeftOut) {
  ChannelIdentifier identifier(nullptr, {});
  identifier.take({.time = start, .active_power = {5}});
  identifier.take({.time = start, .active_power = {7000}});
  identifier.take({.time = start - seconds(5), .active_power = {7000}});

  ASSERT_EQ(identifier.shares().size(), 1U);
  EXPECT_EQ(identifier.shares()[0].active_power.value, 5);
}

TEST(ChannelIdentifierTest, AnAnswerHoldsForEarlierAndLaterRunsAndIsRemembered) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);
  channel.kettle();
  channel.kettle();
  const auto question = identifier.question();
  ASSERT_TRUE(question);
  identifier.take_runs();

  identifier.answer({.appliance = question->appliance, .kind = ApplianceKind::kettle, .name = ""});

  EXPECT_EQ(identifier.take_runs().size(), 2U);
  EXPECT_EQ(identifier.appliances()[0].certainty, Certainty::confirmed);
  EXPECT_FALSE(identifier.question());
  ChannelIdentifier later(nullptr, {}, identifier.memory());
  EXPECT_EQ(later.appliances()[0], identifier.appliances()[0]);
  Channel next_day(later, start + std::chrono::days(1));
  next_day.draw(0, 60);
  next_day.kettle();
  ASSERT_EQ(later.appliances().size(), 1U);
  EXPECT_EQ(later.appliances()[0].kind, ApplianceKind::kettle);
}

TEST(ChannelIdentifierTest, AnAnswerIsOfWhatDrawsLikeTheRunThatWasAskedAbout) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);
  const auto cook = [&](float watts) {
    channel.draw(watts, 150);
    channel.draw(0, 1800);
  };
  for (const float watts : {1500.0F, 1150.0F, 1500.0F, 1150.0F, 1500.0F}) cook(watts);
  ASSERT_EQ(identifier.appliances().size(), 1U);  // They are taken for one.
  const auto kettle = identifier.appliances()[0].id;
  identifier.take_runs();

  identifier.answer({.appliance = kettle, .kind = ApplianceKind::kettle, .name = {}});
  cook(1150);
  cook(1500);

  std::size_t kettles = 0;
  const auto runs = ended(identifier.take_runs());
  ASSERT_EQ(runs.size(), 7U);
  for (const auto& run : runs) {
    EXPECT_EQ(run.appliance == kettle, run.peak.value > 1400);
    kettles += run.appliance == kettle;
  }
  EXPECT_EQ(kettles, 4U);

  // Who says that both are one is believed of later runs, too.
  identifier.merge(identifier.appliances()[1].id, kettle);
  cook(1150);
  cook(1500);
  for (const auto& run : ended(identifier.take_runs())) EXPECT_EQ(run.appliance, kettle);
  EXPECT_EQ(identifier.appliances().size(), 1U);
}

TEST(ChannelIdentifierTest, WhatIsMergedIntoOneWithoutAnAnswerBringsItsOwnAndAllItsRuns) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);
  channel.kettle();
  channel.kettle();
  channel.lamp();
  const auto kettle = identifier.appliances()[0].id, lamp = identifier.appliances()[1].id;
  identifier.answer({.appliance = kettle, .kind = ApplianceKind::kettle, .name = "Odd pair"});

  identifier.merge(kettle, lamp);

  ASSERT_EQ(identifier.appliances().size(), 1U);
  EXPECT_EQ(identifier.appliances()[0].id, lamp);
  EXPECT_EQ(identifier.appliances()[0].name, "Odd pair");
  EXPECT_EQ(identifier.appliances()[0].kind, ApplianceKind::kettle);
  EXPECT_EQ(identifier.appliances()[0].certainty, Certainty::confirmed);
  const auto runs = ended(identifier.take_runs());
  ASSERT_EQ(runs.size(), 3U);
  for (const auto& run : runs) EXPECT_EQ(run.appliance, lamp);
}

TEST(ChannelIdentifierTest, MergedAppliancesAreOneAndASplitRunIsAnother) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);
  channel.kettle();
  channel.kettle();
  channel.lamp();
  ASSERT_EQ(identifier.appliances().size(), 2U);
  const auto first = identifier.appliances()[0].id, second = identifier.appliances()[1].id;

  identifier.merge(second, first);

  ASSERT_EQ(identifier.appliances().size(), 1U);
  const auto runs = ended(identifier.take_runs());
  ASSERT_EQ(runs.size(), 3U);
  for (const auto& run : runs) EXPECT_EQ(run.appliance, first);

  identifier.split(runs[2].id);

  EXPECT_EQ(identifier.appliances().size(), 2U);
  EXPECT_NE(identifier.take_runs().back().appliance, first);
}

TEST(ChannelIdentifierTest, WhatIsUnknownIsLeftAsItIs) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);
  channel.kettle();
  const auto before = identifier.memory();

  identifier.answer({.appliance = 99, .kind = ApplianceKind::kettle, .name = "x"});
  identifier.merge(99, 1);
  identifier.split(99);

  EXPECT_EQ(identifier.memory(), before);
}

TEST(ChannelIdentifierTest, DamagedMemoryIsRefusedInOneSentence) {
  ChannelIdentifier identifier(nullptr, {});
  Channel channel(identifier);
  channel.draw(0, 60);
  channel.kettle();
  const auto memory = identifier.memory();

  for (std::size_t at = 0; at < memory.size(); at += 7) {
    auto damaged = memory;
    damaged[at] = static_cast<char>(~damaged[at]);
    EXPECT_THAT([&] { ChannelIdentifier(nullptr, {}, damaged); },
                ThrowsMessage<std::runtime_error>(HasSubstr("what was learnt of a channel")))
        << "byte " << at;
  }
  EXPECT_THROW(ChannelIdentifier(nullptr, {}, memory.substr(0, 40)), std::runtime_error);
}

TEST(ChannelIdentifierTest, AModelForOtherFeaturesIsRefused) {
  Model model;
  model.parts["kinds"] = std::string("\1\0\0\0", 4) + std::string(40, 'x');

  EXPECT_THAT([&] { ChannelIdentifier(std::make_shared<Model>(model), {}); },
              ThrowsMessage<std::runtime_error>(HasSubstr("trained for another version")));

  model.parts["kinds"] = "short";
  EXPECT_THAT([&] { ChannelIdentifier(std::make_shared<Model>(model), {}); },
              ThrowsMessage<std::runtime_error>(HasSubstr("is damaged")));
}

}  // namespace
}  // namespace insight
