#include "hub/ingest/esphome_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Report;
using measurement::Sample;
using measurement::Timestamp;
using testing::HasSubstr;
using namespace std::chrono_literals;

// One board, one clamp of interest; a reading every 10 s.
class EsphomeMeterTest : public testing::Test {
 protected:
  EsphomeMeterTest() { start({}); }

  void start(EsphomeMemory memory) {
    meter.emplace(node, std::move(memory), [this] { return ++boots; });
  }

  struct Heard {
    Timestamp time{};
    Sample sample{2};
    std::uint64_t boot = 0;
    measurement::Origin origin;
  };
  // Everything that is finished now.
  std::vector<Heard> take() {
    std::vector<Heard> all;
    while (const auto report = meter->next(now)) {
      const auto& sample = report->samples.front();
      all.push_back({*report->header.booted_at + sample.uptime, sample, report->header.boot,
                     report->header.origin});
    }
    return all;
  }

  // The next reading: what the entities say, 10 s after the last.
  Heard reading(const std::vector<std::pair<std::string, double>>& states) {
    now += 10s;
    const auto begin = now;
    for (const auto& [object_id, value] : states) {
      meter->hear(object_id, std::isnan(value) ? std::nullopt : std::optional(value), false, now);
    }
    now += 6s;
    auto all = take();
    now = begin;
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Heard{} : all.back();
  }

  static std::int64_t imported(const Heard& heard, std::size_t channel = 0) {
    return heard.sample.steps(Quantity::imported, channel).value_or(-1);
  }

  Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
  EsphomeNode node{.device = "garage", .address = ""};
  std::uint64_t boots = 100;
  std::optional<EsphomeMeter> meter;
};

TEST_F(EsphomeMeterTest, AReadingIsOneSampleOfTheTimeAtWhichItArrived) {
  const auto heard = reading({{"voltage_1", 230.4}, {"ct1_amps", 3.53}, {"ct1_watts", 812.5}});

  EXPECT_EQ(heard.time, now);
  EXPECT_TRUE(heard.origin.timed_on_arrival);
  EXPECT_EQ(heard.sample.steps(Quantity::voltage, 0), 2304);
  EXPECT_EQ(heard.sample.steps(Quantity::current, 0), 3530);
  EXPECT_EQ(heard.sample.steps(Quantity::active_power, 0), 8125);
  EXPECT_FALSE(heard.sample.steps(Quantity::active_power, 1));
}

TEST_F(EsphomeMeterTest, OneTransformersVoltageHoldsForAllChips) {
  node.channels = 12;
  start({});

  const auto heard = reading({{"voltage_1", 230.4}, {"voltage_3", 119.0}, {"frequency_1", 50.02}});

  // Chips 3 and 4 (of CT 7 to 12): the third has a voltage of its own, the fourth hangs after it.
  for (const auto& [chip, volts] : {std::pair{0u, 2304}, {1u, 2304}, {2u, 1190}, {3u, 1190}}) {
    EXPECT_EQ(heard.sample.steps(Quantity::voltage, chip), volts) << chip;
    EXPECT_EQ(heard.sample.steps(Quantity::frequency, chip), 5002) << chip;
  }
}

TEST_F(EsphomeMeterTest, ChipsThatMeasureAtDifferentTimesAreOneReading) {
  std::size_t samples = 0, whole = 0;
  for (int i = 0; i < 10; ++i, now += 10s) {
    meter->hear("ct1_watts", 100 + i, false, now);
    now += 3700ms;
    meter->hear("ct4_watts", 200 + i, false, now);
    for (const auto& one : take()) {
      ++samples;
      whole += one.sample.steps(Quantity::active_power, 0) == 1000 + 10 * i &&
               one.sample.steps(Quantity::active_power, 3) == 2000 + 10 * i;
    }
    now -= 3700ms;
  }
  now += 10s;
  samples += take().size();

  EXPECT_EQ(samples, 10u);
  EXPECT_EQ(whole, 9u);  // The first waits to the end of its round: nothing was known of the node.
}

TEST_F(EsphomeMeterTest, PowerThatTheNodeDoesNotCountIsIntegratedAndMarkedSo) {
  reading({{"ct1_watts", 720}, {"ct2_watts", -360}});
  const auto heard = reading({{"ct1_watts", 0}, {"ct2_watts", 0}});

  // 720 W for 10 s are 2 Wh, 360 W are 1 Wh.
  EXPECT_EQ(imported(heard, 0), 2000);
  EXPECT_EQ(heard.sample.steps(Quantity::exported, 0), 0);
  EXPECT_EQ(imported(heard, 1), 0);
  EXPECT_EQ(heard.sample.steps(Quantity::exported, 1), 1000);
  EXPECT_FALSE(heard.sample.steps(Quantity::imported, 2));
  EXPECT_EQ(heard.origin.integrated, 0b11u);
}

TEST_F(EsphomeMeterTest, AGapAddsNothingToIntegratedEnergy) {
  reading({{"ct1_watts", 720}});
  now += 15s;  // 25 s after the first: held for 2.5 periods, 5 Wh.
  EXPECT_EQ(imported(reading({{"ct1_watts", 720}})), 5000);
  now += 16s;

  EXPECT_EQ(imported(reading({{"ct1_watts", 720}})), 5000);
  EXPECT_EQ(imported(reading({{"ct1_watts", 720}})), 7000);
}

TEST_F(EsphomeMeterTest, AValueThatTheNodeDoesNotHaveIsAbsent) {
  reading({{"ct1_watts", 720}});
  const auto heard = reading({{"ct1_watts", NAN}, {"voltage_1", 1e9}, {"ct2_watts", 10}});

  EXPECT_FALSE(heard.sample.steps(Quantity::active_power, 0));
  EXPECT_FALSE(heard.sample.steps(Quantity::voltage, 0));    // Beyond what any home has.
  EXPECT_EQ(imported(reading({{"ct1_watts", 720}})), 2000);  // Nothing while it was absent.
}

TEST_F(EsphomeMeterTest, TheNodesOwnCountIsTakenOverAndNotIntegrated) {
  reading({{"ct1_watts", 5000}, {"ct1_kwh", 17.200}, {"ct1_reverse_active_energy", 3}});
  const auto heard =
      reading({{"ct1_watts", 5000}, {"ct1_kwh", 17.204}, {"ct1_reverse_active_energy", 3.5}});

  EXPECT_EQ(imported(heard), 4000);
  EXPECT_EQ(heard.sample.steps(Quantity::exported, 0), 500);
  EXPECT_EQ(heard.origin.integrated, 0u);
}

TEST_F(EsphomeMeterTest, AtMidnightTheCountBeginsAnewAndEnergyGoesOn) {
  reading({{"ct1_watts", 360}, {"ct1_kwh", 17.200}});
  reading({{"ct1_watts", 360}, {"ct1_kwh", 17.201}});
  reading({{"ct1_watts", 360}, {"ct1_kwh", 0.001}});
  const auto heard = reading({{"ct1_watts", 360}, {"ct1_kwh", 0.002}});

  EXPECT_EQ(imported(heard), 3000);  // 1 Wh before midnight, 2 after.
}

TEST_F(EsphomeMeterTest, ASingleZeroBetweenTwoValuesCountsNothing) {
  reading({{"ct1_watts", 360}, {"ct1_kwh", 0.050}});
  reading({{"ct1_watts", 360}, {"ct1_kwh", 0}});
  const auto heard = reading({{"ct1_watts", 360}, {"ct1_kwh", 0.052}});

  EXPECT_EQ(imported(heard), 2000);
}

TEST_F(EsphomeMeterTest, ACountThatJumpsBeyondReasonCountsNothing) {
  reading({{"ct1_watts", 360}, {"ct1_kwh", 17.200}});
  reading({{"ct1_watts", 360}, {"ct1_kwh", 90000}});
  EXPECT_EQ(imported(reading({{"ct1_watts", 360}, {"ct1_kwh", 90000.001}})), 0);

  EXPECT_EQ(imported(reading({{"ct1_watts", 360}, {"ct1_kwh", 90000.003}})), 2000);
}

TEST_F(EsphomeMeterTest, ACountThatANodeRestoredFromItsFlashCountsNothingTwice) {
  reading({{"ct1_watts", 360}, {"ct1_kwh", 17.200}});
  reading({{"ct1_watts", 360}, {"ct1_kwh", 12.000}});
  EXPECT_EQ(imported(reading({{"ct1_watts", 360}, {"ct1_kwh", 12.001}})), 0);

  EXPECT_EQ(imported(reading({{"ct1_watts", 360}, {"ct1_kwh", 12.004}})), 3000);
}

TEST_F(EsphomeMeterTest, WhatABrokerHasKeptIsNoMeasurementButACountBeginsThere) {
  meter->hear("ct1_watts", 9000, true, now);
  meter->hear("ct1_kwh", 17.200, true, now);
  now += 20s;
  EXPECT_TRUE(take().empty());

  EXPECT_EQ(imported(reading({{"ct1_watts", 360}, {"ct1_kwh", 17.203}})), 3000);
}

TEST_F(EsphomeMeterTest, ARepetitionIsIgnored) {
  now += 10s;
  for (const double watts : {720.0, 720.0, 3.0}) {
    meter->hear("ct1_watts", watts, false, now);
    now += 1s;
  }
  now += 10s;

  const auto all = take();

  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].sample.steps(Quantity::active_power, 0), 7200);
}

TEST_F(EsphomeMeterTest, AfterTheHubsRestartEnergyGoesOnWhereItStood) {
  reading({{"ct1_watts", 720}, {"ct1_kwh", 17.200}, {"ct2_watts", 720}});
  const auto before = reading({{"ct1_watts", 720}, {"ct1_kwh", 17.202}, {"ct2_watts", 720}});
  start(EsphomeMemory(meter->memory()));
  now += 1h;
  meter->hear("ct1_kwh", 17.202, true, now);

  const auto after = reading({{"ct1_watts", 720}, {"ct1_kwh", 17.922}, {"ct2_watts", 720}});

  EXPECT_EQ(after.boot, before.boot);
  EXPECT_EQ(after.sample.number, 2u);
  EXPECT_EQ(imported(after, 0), 722'000);  // 722 Wh since 17.200 kWh.
  EXPECT_EQ(imported(after, 1), 2000);     // Nobody integrated while the hub was away.
}

TEST_F(EsphomeMeterTest, ARenamedEntityIsTakenUpWhenTheOldOneIsSilent) {
  node.entities = {
      {.object_id = "fridge_watts", .quantity = Quantity::active_power, .index = 0, .factor = 1}};
  start({});
  reading({{"ct1_watts", 720}});
  meter->fall_silent();
  now += 60s;

  const auto heard = reading({{"fridge_watts", 100}, {"ct1_watts", 720}});

  EXPECT_EQ(heard.sample.steps(Quantity::active_power, 0), 1000);
}

TEST_F(EsphomeMeterTest, TwoCountsOfTheSameClampAreNotMixed) {
  double wh = 5, kwh = 17;
  reading({{"ct1_watts", 360}, {"ct1_kwh", kwh}, {"ct1_forward_active_energy", wh}});
  Heard heard;
  for (int i = 0; i < 5; ++i) {
    heard = reading(
        {{"ct1_watts", 360}, {"ct1_kwh", kwh += 0.001}, {"ct1_forward_active_energy", wh += 1}});
  }

  EXPECT_EQ(imported(heard), 5000);
}

TEST_F(EsphomeMeterTest, AClockThatIsSetBackBeginsANewBootAndLosesNoEnergy) {
  reading({{"ct1_watts", 720}, {"ct1_kwh", 17.200}});
  const auto before = reading({{"ct1_watts", 720}, {"ct1_kwh", 17.202}});
  now -= 1h;
  const auto after = reading({{"ct1_watts", 720}, {"ct1_kwh", 17.205}});

  EXPECT_NE(after.boot, before.boot);
  EXPECT_EQ(imported(before), 2000);
  EXPECT_EQ(imported(after), 3000);  // Since the boot; the store adds boots.
  EXPECT_EQ(after.sample.number, 0u);
}

TEST_F(EsphomeMeterTest, UnitsAreThoseThatTheNodeAnnounces) {
  meter->announce("ct1_watts", "kW");
  meter->announce("ct1_forward_active_energy", "kWh");

  reading({{"ct1_watts", 0.72}, {"ct1_forward_active_energy", 1}});
  const auto heard = reading({{"ct1_watts", 0.72}, {"ct1_forward_active_energy", 1.25}});

  EXPECT_EQ(heard.sample.steps(Quantity::active_power, 0), 7200);
  EXPECT_EQ(imported(heard), 250'000);
}

TEST_F(EsphomeMeterTest, AnEntityInAUnitOfSomethingElseIsToldAndIgnored) {
  const auto trouble = meter->announce("ct1_watts", "°C");

  EXPECT_THAT(trouble.value_or(""), HasSubstr("ct1_watts of garage"));
  EXPECT_FALSE(
      reading({{"ct1_watts", 21}, {"ct2_watts", 1}}).sample.steps(Quantity::active_power, 0));
}

TEST_F(EsphomeMeterTest, WhenTheNodeGoesAwayItsPowerHoldsNoLonger) {
  reading({{"ct1_watts", 720}});
  meter->fall_silent();

  EXPECT_EQ(imported(reading({{"ct1_watts", 720}})), 0);
}

TEST_F(EsphomeMeterTest, AFileWithItsMemoryIsReadAsItWasWritten) {
  meter->set_mac("acbc32890ea9");
  reading({{"ct1_watts", 720}, {"ct1_kwh", 17.200}});
  const auto& memory = meter->memory();

  EXPECT_EQ(memory_from(memory_text(memory)), memory);
  EXPECT_FALSE(memory_from(""));
  EXPECT_FALSE(memory_from("{\"version\": 1, \"mac\": 7}"));
  EXPECT_FALSE(memory_from(memory_text(memory).substr(0, 500)));
}

TEST(EsphomeEntities, TheStockNamesAreKnownAndTotalsOfAllClampsAreNot) {
  const EsphomeNode node{.device = "garage", .channels = 42};

  const auto watts = meaning_of("ct42_watts", node);
  ASSERT_TRUE(watts);
  EXPECT_EQ(watts->quantity, Quantity::active_power);
  EXPECT_EQ(watts->index, 41u);
  const auto chip = meaning_of("meter_4-6_chip_temp", node);
  ASSERT_TRUE(chip);
  EXPECT_EQ(chip->index, 1u);
  EXPECT_EQ(meaning_of("ct1_kwh", node)->factor, 1000);
  for (const auto* ignored :
       {"circuitsetup_energy_meter_total_watts_main", "circuitsetup_energy_meter_total_amps_main",
        "circuitsetup_energy_meter_total_kwh", "ct1_va", "ct1_power_factor", "ct1_phase_angle",
        "ct43_watts", "ct0_watts", "ct_watts", "ct1x_watts", "ct99999999999999999999_watts",
        "voltage_15", "meter_2-4_chip_temp", "wifi_signal", ""}) {
    EXPECT_FALSE(meaning_of(ignored, node)) << ignored;
  }
}

}  // namespace
}  // namespace hub
