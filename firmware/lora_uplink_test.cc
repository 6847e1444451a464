#include "firmware/lora_uplink.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "simulator/lora_modem.h"

namespace firmware {
namespace {

using measurement::max_channels;
using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Sample;
using measurement::SummaryEntry;
using measurement::Uptime;
using measurement::Watts;
using namespace std::chrono_literals;

// Two mains and forty circuits from 1,500 W down to some that stand still; what the mains import is
// the sum of the circuits, half each. Channel 2 is solar, 1 kW for half of each hour.
struct House {
  static double watts(std::size_t channel, Uptime now) {
    if (channel == 2) return now % 60min < 30min ? -1000 : 0;
    if (channel > 2) return channel > 34 ? 0 : 1500 * std::pow(0.8, static_cast<double>(channel));
    double sum = 0;
    for (std::size_t c = 2; c < max_channels; ++c) sum += watts(c, now);
    return sum / 2;
  }

  Sample sample(Uptime now) {
    Sample sample(measurement::max_chips);
    sample.number = number++;
    sample.uptime = now;
    const double hours = static_cast<double>((now - last).count()) / 3'600'000;
    last = now;
    for (std::size_t c = 0; c < max_channels; ++c) {
      const auto power = watts(c, now);
      (power < 0 ? exported : imported)[c] += std::abs(power) * 1000 * hours;
      sample.put<Quantity::active_power>(c, Watts{static_cast<float>(power)});
      sample.put<Quantity::imported>(c, MilliwattHours{std::llround(imported[c])});
      sample.put<Quantity::exported>(c, MilliwattHours{std::llround(exported[c])});
    }
    return sample;
  }

  std::uint64_t number = 0;
  Uptime last{};
  std::array<double, max_channels> imported{}, exported{};  // mWh
};

// What the other end knows of a day of uplinks.
struct Told {
  std::size_t uplinks = 0, bytes = 0, introductions = 0;
  std::array<std::vector<Uptime>, max_channels> times;
  std::array<std::int64_t, max_channels> imported{}, exported{};

  void hear(const simulator::LoraModem::Uplink& uplink) {
    std::vector<SummaryEntry> entries(measurement::max_summary_entries);
    const auto summary = measurement::decode_summary(uplink.bytes, entries);
    ASSERT_TRUE(summary) << measurement::sentence(summary.error());
    ++uplinks;
    bytes += uplink.bytes.size();
    introductions += summary->introduction.has_value();
    for (const auto& entry : std::span(entries).first(summary->entries)) {
      if (times[entry.channel].empty() || times[entry.channel].back() != uplink.time) {
        times[entry.channel].push_back(uplink.time);
      }
      if (entry.imported) imported[entry.channel] = entry.imported->value;
      if (entry.exported) exported[entry.channel] = entry.exported->value;
    }
  }

  // The longest that a channel was not told of; from the first hour on, in which all begins.
  Uptime longest_silence(std::size_t channel, Uptime end) const {
    Uptime longest{}, last = 1h;
    for (const auto time : times[channel]) {
      if (time > last) longest = std::max(longest, time - std::exchange(last, time));
    }
    return std::max(longest, end - last);
  }
};

Told day_of(LoraRegion region, unsigned data_rate, std::vector<std::size_t> room,
            std::chrono::milliseconds air_time_a_day, const simulator::LoraFaults& faults = {}) {
  simulator::LoraModem world(1);
  world.data_rate = data_rate;
  world.room = std::move(room);
  world.faults = faults;
  LoraModem modem(world, {.region = region, .air_time_a_day = air_time_a_day});
  Summaries summaries({.boot = 0x1122334455667788, .mains = 3});
  LoraUplink uplink(modem, summaries);
  House house;
  for (Uptime now{}; now < 24h; now += 500ms) {
    if (now % 10s == 0s) summaries.add(house.sample(now));
    world.advance(now);
    uplink.step(now);
  }
  Told told;
  for (const auto& heard : world.heard()) told.hear(heard);
  return told;
}

const std::vector<std::size_t> eu_room = {51, 51, 51, 115, 242, 242};
const std::vector<std::size_t> us_room = {11, 53, 125, 242, 242};

Uptime longest_of_all(const Told& told) {
  Uptime longest{};
  for (std::size_t c = 0; c < max_channels; ++c) {
    longest = std::max(longest, told.longest_silence(c, 24h));
  }
  return longest;
}

double minutes(Uptime time) { return static_cast<double>(time.count()) / 60'000; }

void print(const char* network, const char* region, unsigned rate, const Told& told) {
  const auto mains = told.times[0].size();
  fmt::print(
      "{:<12} {} DR{}: {:>4} uplinks, {:>6} bytes a day; mains every {:>5.1f} min, all 42 channels "
      "within {:>6.1f} min\n",
      network, region, rate, told.uplinks, told.bytes,
      mains == 0 ? NAN : 24.0 * 60 / static_cast<double>(mains), minutes(longest_of_all(told)));
}

TEST(LoraUplink, OnAnOwnNetworkMainsComeEveryFewMinutesAndAllWithinTheHourFromDataRateThreeOn) {
  for (unsigned rate = 0; rate < 6; ++rate) {
    const auto told = day_of(LoraRegion::eu868, rate, eu_room, 24h);
    print("own network", "EU868", rate, told);
    EXPECT_GE(told.times[0].size(), 24u * 60 / 15);
    EXPECT_GE(told.introductions, 24u);
    EXPECT_TRUE(rate < 3 || longest_of_all(told) <= 60min) << rate;
  }
  for (unsigned rate = 0; rate < 5; ++rate) {
    const auto told = day_of(LoraRegion::us915, rate, us_room, 24h);
    print("own network", "US915", rate, told);
    EXPECT_TRUE(rate < 2 || longest_of_all(told) <= 60min) << rate;
  }
}

TEST(LoraUplink, FairUseOfThirtySecondsADayIsKeptAtEveryDataRate) {
  for (unsigned rate = 0; rate < 6; ++rate) {
    const auto told = day_of(LoraRegion::eu868, rate, eu_room, 30s);
    print("30 s a day", "EU868", rate, told);
    // The day's share, and what a full one has saved.
    EXPECT_LE(told.uplinks * lora_air_time(LoraRegion::eu868, rate, told.bytes / told.uplinks),
              60s);
    EXPECT_GE(told.uplinks, 10u);
  }
}

TEST(LoraUplink, WhatIsLostOnTheWayCostsNoEnergy) {
  const auto told =
      day_of(LoraRegion::eu868, 5, eu_room, 24h,
             {.lost_line = 0.01, .lost_event = 0.05, .lost_uplink = 0.3, .reset = 0.02});

  House house;
  for (Uptime now{}; now < 24h; now += 10s) house.sample(now);
  for (std::size_t c = 0; c < max_channels; ++c) {
    // What is not told yet is younger than an hour.
    const auto hour = House::watts(c, 59min) * 1000;
    EXPECT_LE(told.imported[c], std::llround(house.imported[c]));
    EXPECT_GE(static_cast<double>(told.imported[c]), house.imported[c] - 1.5 * hour - 1000) << c;
    EXPECT_GE(static_cast<double>(told.exported[c]), house.exported[c] - 600'000) << c;
  }
}

TEST(LoraUplink, TheBusyCircuitIsToldMoreOftenThanTheIdleOne) {
  const auto told = day_of(LoraRegion::us915, 0, us_room, 24h);

  EXPECT_GT(told.times[0].size(), told.times[3].size());
  EXPECT_GT(told.times[3].size(), told.times[20].size());
  EXPECT_GT(told.times[41].size(), 0u);
}

TEST(LoraUplink, ADownlinkHasTheMeterIntroduceItselfAgain) {
  simulator::LoraModem world(1);
  LoraModem modem(world, {.air_time_a_day = 24h});
  Summaries summaries({.boot = 7});
  LoraUplink uplink(modem, summaries);
  House house;
  for (Uptime now{}; now < 17min; now += 500ms) {
    if (now % 10s == 0s) summaries.add(house.sample(now));
    if (now == 6min) world.send_down(10, {1});  // Behind the uplink after 10 minutes.
    world.advance(now);
    uplink.step(now);
  }

  std::vector<bool> introduces;
  for (const auto& heard : world.heard()) introduces.push_back((heard.bytes[0] & 1) != 0);
  EXPECT_EQ(introduces, (std::vector{true, false, false, true}));
}

TEST(Summaries, APowerIsTheMeanSinceItWasLastTold) {
  Summaries summaries({.boot = 7});
  Sample sample(1);
  std::array<std::uint8_t, 100> bytes;
  std::vector<SummaryEntry> entries(measurement::max_summary_entries);
  const auto add = [&](Uptime uptime, float watts) {
    sample.uptime = uptime;
    sample.put<Quantity::active_power>(0, Watts{watts});
    sample.put<Quantity::imported>(0, MilliwattHours{5000});
    summaries.add(sample);
  };
  const auto told = [&] {
    const auto size = summaries.next(bytes);
    EXPECT_TRUE(measurement::decode_summary(std::span(bytes).first(size), entries));
    return entries[0].power;
  };

  EXPECT_EQ(summaries.next(bytes), 0u);  // Nothing was measured yet.
  add(1s, 100);
  add(2s, 300);
  EXPECT_EQ(told(), Watts{200});
  add(3s, 800);
  EXPECT_EQ(told(), Watts{400});  // The one before was not handed over.
  summaries.told();
  EXPECT_EQ(summaries.next(bytes), 0u);  // Of this second one was told.
  add(4s, 1000);
  EXPECT_EQ(told(), Watts{1000});
}

TEST(Summaries, ADirectionInWhichNothingFlowsCostsNoEntryOfItsOwn) {
  Summaries summaries({.boot = 7});
  Sample sample(1);
  sample.uptime = 1s;
  sample.put<Quantity::imported>(0, MilliwattHours{5000});
  sample.put<Quantity::exported>(0, MilliwattHours{999});
  sample.put<Quantity::imported>(1, MilliwattHours{6000});
  sample.put<Quantity::exported>(1, MilliwattHours{1000});
  summaries.add(sample);
  std::array<std::uint8_t, 100> bytes;
  std::vector<SummaryEntry> entries(measurement::max_summary_entries);

  const auto size = summaries.next(bytes);
  ASSERT_EQ(measurement::decode_summary(std::span(bytes).first(size), entries)->entries, 3u);

  const auto find = [&](std::size_t channel, bool exports) {
    return std::ranges::find_if(entries, [&](const SummaryEntry& entry) {
      return entry.channel == channel && entry.exported.has_value() == exports;
    });
  };
  EXPECT_EQ(find(0, true)->imported, MilliwattHours{5000});
  EXPECT_EQ(find(0, true)->exported, MilliwattHours{0});
  EXPECT_FALSE(find(1, true)->imported);
  EXPECT_EQ(find(1, false)->imported, MilliwattHours{6000});
}

}  // namespace
}  // namespace firmware
