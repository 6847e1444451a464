#include "hub/mains_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/answering_meter.h"

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::HasSubstr;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 30) + 12h;

// 3 kW on the two legs of a house, of which each clamp shows 3 % too little, and five minutes of
// it.
class MainsDeskTest : public testing::Test {
 protected:
  MainsDeskTest() {
    home.nominal_voltage_v = 120;
    home.phases = 2;
    home.panels.emplace_back().circuits = {{.id = "mains",
                                            .name = "Mains",
                                            .kind = CircuitKind::grid,
                                            .legs = {1, 2},
                                            .channels = {{"meter-1", 0, 1}, {"meter-1", 1, 1}}},
                                           {.id = "oven", .channels = {{"meter-1", 2, 1}}}};
    meter.words = {{0, {.current_gain = 20'000}}, {1, {.current_gain = 30'000}}};
    meter.measure(1, noon, noon + 5min, 1s, 2, [](Timestamp, std::size_t) { return 1500 * 0.97; });
  }

  // 3 kW at 1000 blinks to the kWh: one every 1.2 s, from half a second after `begin` on.
  static SeenLight blinking(Timestamp begin, std::chrono::seconds length) {
    SeenLight seen{.within_s = 1.0 / 30};
    const double first = static_cast<double>(begin.time_since_epoch().count()) / 1000 + 0.5;
    for (double at = 0; at < static_cast<double>(length.count()) - 1; at += 1.2) {
      seen.seconds.push_back(first + at);
    }
    return seen;
  }
  std::string take(const SeenLight& seen, const std::string& circuit = "mains") {
    const auto taken = desk.take(circuit, seen, now);
    return taken ? "" : taken.error();
  }

  std::string set() {
    std::string said = "no answer";
    desk.set(meter.requests, "Ada", now, [&](const std::expected<void, std::string>& answer) {
      said = answer ? "" : answer.error();
    });
    meter.reply(now);
    return said;
  }

  AnsweringMeter meter;
  Home home{.id = "home"};
  Timestamp now = noon + 5min;
  MainsDesk desk{meter.store, home, meter.book};
};

TEST_F(MainsDeskTest, TheLightSetsAllClampsOfTheMainsAlike) {
  EXPECT_EQ(take(blinking(noon + 60s, 180s)), "");
  const auto& count = *desk.count(now);
  EXPECT_NEAR(count.gain.factor, 1 / 0.97, 1e-4);
  EXPECT_NEAR(count.plus_minus_percent(), 1, 0.1);  // Class 1.
  EXPECT_EQ(meter.words[0].current_gain, 20'000);   // Nothing is set by counting.

  EXPECT_EQ(set(), "");

  EXPECT_EQ(meter.words[0].current_gain, 20'619);  // 20'000 / 0.97
  EXPECT_EQ(meter.words[1].current_gain, 30'928);
  const auto records = load_calibrations(meter.book);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].by, "Ada");
  EXPECT_EQ(records[0].after, meter.words[0]);
  EXPECT_EQ(records[1].channel, 1);
  // The two are right together: what each may be off by is not less than before.
  EXPECT_EQ(records[0].accuracy.gain_limit, insight::uncalibrated(0, 0).gain_limit);
  EXPECT_TRUE(desk.count(now)->is_set);
  EXPECT_THAT(set(), HasSubstr("set already"));
}

TEST_F(MainsDeskTest, OfTheOnlyClampTheLightSaysItAll) {
  home.panels[0].circuits[0].channels.pop_back();
  auto seen = blinking(noon + 60s, 180s);
  seen.per_kwh = 2000;  // One clamp: half of it.
  ASSERT_EQ(take(seen), "");

  EXPECT_EQ(set(), "");

  const auto accuracy = load_calibrations(meter.book)[0].accuracy;
  EXPECT_EQ(accuracy.gain_limit, 1);
  EXPECT_EQ(accuracy.second_gain_limit, 0);
  ASSERT_EQ(accuracy.loads.size(), 1u);
  EXPECT_NEAR(accuracy.loads[0].amperes, 12.5, 0.1);
}

TEST_F(MainsDeskTest, WhatIsNoCountIsRefusedWithItsCause) {
  EXPECT_THAT(take(blinking(noon, 5s)), HasSubstr("too few"));
  EXPECT_THAT(take(blinking(noon + 60s, 180s), "oven"), HasSubstr("Only the mains"));
  EXPECT_THAT(take(blinking(noon + 240s, 180s)), HasSubstr("sampled only"));
  auto seen = blinking(noon + 60s, 180s);
  seen.per_kwh = 10'000;
  EXPECT_THAT(take(seen), HasSubstr("number of blinks to the kWh"));
  EXPECT_EQ(desk.count(now), nullptr);
  EXPECT_THAT(set(), HasSubstr("count the blinks first"));
}

TEST_F(MainsDeskTest, AGainIsGivenOnceOnly) {
  ASSERT_EQ(take(blinking(noon + 60s, 180s)), "");
  meter.refusing = 1;

  EXPECT_THAT(set(), HasSubstr("CT2 of meter-1"));

  EXPECT_EQ(meter.words[0].current_gain, 20'619);
  EXPECT_EQ(meter.words[1].current_gain, 30'000);
  EXPECT_EQ(load_calibrations(meter.book).size(), 1u);
  EXPECT_EQ(desk.count(now), nullptr);  // It must be counted anew, or CT1 would get it twice.
}

}  // namespace
}  // namespace hub
