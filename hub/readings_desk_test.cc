#include "hub/readings_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "hub/answering_meter.h"

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::HasSubstr;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 10 / 1) + 12h;

// 3 kW in all, of which the two clamps of the mains show 3 % too little; it is 36 kWh in 12 hours.
class ReadingsDeskTest : public testing::Test {
 protected:
  ReadingsDeskTest() {
    home.panels.emplace_back().circuits = {{.id = "mains",
                                            .kind = CircuitKind::grid,
                                            .legs = {1, 2},
                                            .channels = {{"meter-1", 0, 1}, {"meter-1", 1, 1}}},
                                           {.id = "oven", .channels = {{"meter-1", 2, 1}}}};
    meter.words = {{0, {.current_gain = 20'000}}, {1, {.current_gain = 30'000}}};
  }
  void measure(Timestamp begin, Timestamp end, double shown = 0.97, std::uint64_t boot = 1) {
    meter.measure(boot, begin, end, 10s, 2, [=](Timestamp, std::size_t) { return 1500 * shown; });
  }
  std::string read(const std::string& kwh, Timestamp at, bool is_new_meter = false,
                   const std::string& circuit = "mains", const std::string& exported = "") {
    const auto done = desk.add({.circuit = circuit,
                                .imported_kwh = kwh,
                                .exported_kwh = exported,
                                .is_new_meter = is_new_meter,
                                .by = "Ada"},
                               at);
    return done ? "" : done.error();
  }
  ReadingsDesk::Standing standing(Timestamp at) { return desk.standings(at).at(0); }
  std::string set(Timestamp at) { return meter.set(desk.changes("mains", at), at); }

  AnsweringMeter meter;
  Home home{.id = "home"};
  ReadingsDesk desk{meter.store, home, meter.folder / "utility_readings.toml", meter.book};
};

TEST_F(ReadingsDeskTest, TwoReadingsGiveTheGainAndSetAllClampsOfTheMains) {
  measure(noon - 1h, noon + 13h);
  EXPECT_EQ(read("1000,0", noon), "");
  EXPECT_THAT(set(noon), HasSubstr("Two readings"));
  EXPECT_EQ(read("1036.0", noon + 12h), "");

  const auto found = standing(noon + 12h);
  ASSERT_TRUE(found.may_set()) << found.gain->error();
  const auto& gain = (*found.gain)->gain;
  EXPECT_NEAR((*found.gain)->our_kwh, 36 * 0.97, 1e-3);
  EXPECT_NEAR(gain.factor, 1 / 0.97, 1e-4);
  // 30 s at 3 kW, twice: 0.035 kWh; and the digits 0.041: 0.13 % of 36 kWh.
  EXPECT_NEAR(gain.gain_deviation, 0.13, 0.01);
  EXPECT_EQ(set(noon + 12h + 5min), "");

  EXPECT_EQ(meter.words[0].current_gain, 20'619);  // 20'000 / 0.97
  EXPECT_EQ(meter.words[1].current_gain, 30'928);
  const auto records = load_calibrations(meter.book);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].reference, "The utility's meter, class 1, 1000.0 to 1036.0 kWh");
  EXPECT_EQ(records[0].by, "Ada");
}

TEST_F(ReadingsDeskTest, AReadingAMonthTellsWhetherItStillHolds) {
  measure(noon - 1h, noon + 12h);
  ASSERT_EQ(read("1000.0", noon), "");
  ASSERT_EQ(read("1036.0", noon + 12h), "");
  ASSERT_EQ(set(noon + 12h), "");
  // Right for a day, then 8 % too little: it is 72 kWh a day.
  measure(noon + 12h, noon + 36h, 1, 2);
  ASSERT_EQ(read("1108.0", noon + 36h), "");
  auto found = standing(noon + 36h);
  ASSERT_TRUE(found.drift);
  EXPECT_NEAR(found.drift->percent, 0, 0.02);
  EXPECT_FALSE(found.drift->has_drifted);
  measure(noon + 36h, noon + 84h, 0.92, 3);
  ASSERT_EQ(read("1252.0", noon + 84h), "");

  found = standing(noon + 84h);

  ASSERT_EQ(found.rows.size(), 4u);
  EXPECT_FALSE(found.rows[0].since_last);
  EXPECT_NEAR((*found.rows[3].since_last)->off_percent(), -8, 0.1);
  // 8 % of two days of three since it was set.
  EXPECT_NEAR(found.drift->percent, -8 * 2 / 3.0, 0.1);
  EXPECT_GT(found.stated_percent, 1) << "The class of the utility's meter, too.";
  EXPECT_EQ(load_calibrations(meter.book).size(), 2u) << "Nothing is set unasked.";
}

TEST_F(ReadingsDeskTest, AMeterThatCountedThroughAGapLosesNothingAndARestartThatLastedIsRefused) {
  measure(noon - 1h, noon + 2h, 1, 1);
  measure(noon + 5h, noon + 13h, 1, 2);  // Off for three hours.
  ASSERT_EQ(read("1000.0", noon), "");
  ASSERT_EQ(read("1036.0", noon + 12h), "");

  const auto found = standing(noon + 12h);

  ASSERT_TRUE(found.gain);
  ASSERT_FALSE(found.gain->has_value());
  EXPECT_THAT(found.gain->error(), HasSubstr("did not count"));
  EXPECT_THAT(set(noon + 12h), HasSubstr("did not count"));
  EXPECT_EQ(meter.words[0].current_gain, 20'000);
}

TEST_F(ReadingsDeskTest, ALinkThatWasDownIsNoGap) {
  // The hub has no sample of three hours, the totals have them.
  std::vector<measurement::Sample> samples;
  const auto begin = noon - 1h;
  for (std::uint64_t i = 0; i < 14 * 360; ++i) {
    if (i > 3 * 360 && i < 6 * 360) continue;
    auto& sample = samples.emplace_back(1);
    sample.number = i;
    sample.uptime = std::chrono::seconds(10 * i);
    for (const std::size_t c : {0U, 1U}) {
      sample.put<measurement::Quantity::active_power>(c, {1500.0F});
      sample.put<measurement::Quantity::imported>(
          c, {std::llround(1500.0 * 1000 / 360 * static_cast<double>(i))});
    }
    if (i + 1 == 3 * 360 + 1) {
      ASSERT_TRUE(meter.store.append(
          {.device = "meter-1", .boot = 1, .period = 10s, .chips = 1, .booted_at = begin},
          samples));
      samples.clear();
    }
  }
  ASSERT_TRUE(meter.store.append(
      {.device = "meter-1", .boot = 1, .period = 10s, .chips = 1, .booted_at = begin}, samples));
  ASSERT_TRUE(meter.store.commit());
  ASSERT_EQ(read("1000.0", noon), "");
  ASSERT_EQ(read("1036.0", noon + 12h), "");

  const auto found = standing(noon + 12h);

  ASSERT_TRUE(found.may_set()) << found.gain->error();
  EXPECT_NEAR((*found.gain)->our_kwh, 36, 0.02);
}

TEST_F(ReadingsDeskTest, WhatIsNoReadingIsRefusedAndAMistypedOneCanBeTakenBack) {
  EXPECT_THAT(read("12 kWh", noon), HasSubstr("with its decimals"));
  EXPECT_THAT(read("-5", noon), HasSubstr("with its decimals"));
  EXPECT_THAT(read("", noon), HasSubstr("with its decimals"));
  EXPECT_THAT(read("1000", noon, false, "oven"), HasSubstr("Only the mains"));
  ASSERT_EQ(read("1000", noon), "");
  EXPECT_THAT(read("1001", noon + 10s), HasSubstr("of this minute"));
  EXPECT_THAT(read("90", noon + 1h), HasSubstr("another meter"));
  ASSERT_EQ(read("90", noon + 1h, true), "");
  EXPECT_FALSE(standing(noon + 1h).rows[1].since_last) << "A new meter begins anew.";
  EXPECT_FALSE(standing(noon + 1h).gain);

  EXPECT_TRUE(desk.take_back("mains"));

  EXPECT_EQ(standing(noon + 1h).rows.size(), 1u);
  EXPECT_TRUE(desk.take_back("mains"));
  EXPECT_FALSE(desk.take_back("mains"));
}

TEST_F(ReadingsDeskTest, SunThatIsNotTypedIsAskedForAndThenCountedBothWays) {
  home.panels[0].circuits[0].channels.pop_back();
  home.panels[0].circuits[0].legs.pop_back();
  meter.measure(1, noon - 1h, noon + 13h, 10s, 2, [](Timestamp at, std::size_t) {
    return at < noon + 8h ? 2000.0 : -3000.0;  // 16 kWh in, 12 kWh out in the 12 hours.
  });
  ASSERT_EQ(read("1000.0", noon), "");
  ASSERT_EQ(read("1016.0", noon + 12h), "");
  EXPECT_THAT(standing(noon + 12h).gain->error(), HasSubstr("given back"));
  ASSERT_TRUE(desk.take_back("mains"));
  ASSERT_TRUE(desk.take_back("mains"));
  ASSERT_EQ(read("1000.0", noon, false, "mains", "500.0"), "");
  ASSERT_EQ(read("1016.0", noon + 12h, false, "mains", "512.0"), "");

  const auto found = standing(noon + 12h);

  ASSERT_TRUE(found.may_set()) << found.gain->error();
  EXPECT_NEAR((*found.gain)->utility_kwh, 28, 1e-9);
  EXPECT_NEAR((*found.gain)->gain.factor, 1, 1e-3);
}

TEST_F(ReadingsDeskTest, TheBookIsReadAsItWasWrittenAndSaysWhatIsWrongInIt) {
  ASSERT_EQ(read("1000.25", noon, false, "mains", "3"), "");
  const auto file = meter.folder / "utility_readings.toml";
  const auto readings = load_readings(file);
  ASSERT_EQ(readings.size(), 1u);
  EXPECT_EQ(readings[0].imported_kwh, "1000.25");
  EXPECT_EQ(readings[0].time, noon);
  EXPECT_DOUBLE_EQ(readings[0].display().digit_kwh, 1) << "The coarser of the two.";

  std::ofstream(file) << "[[reading]]\ncircuit = \"mains\"\ntime = 2026-10-01T12:00:00Z\n"
                         "imported_kwh = \"much\"\n";
  EXPECT_THROW(desk.standings(noon), std::runtime_error);
}

}  // namespace
}  // namespace hub
