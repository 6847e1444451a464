#include "hub/store/packed_hour.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <random>

#include "hub/store/rows.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Uptime;

std::expected<PackedHour, StoreError> open(const std::vector<HourPart>& parts) {
  return PackedHour::open(
      [&parts](std::int64_t series) -> std::expected<std::span<const std::uint8_t>, StoreError> {
        for (const auto& part : parts) {
          if (part.series == series) return std::span(part.bytes);
        }
        return std::span<const std::uint8_t>();
      });
}

// Anything at all, in order of the numbers.
std::vector<Sample> random_samples(std::mt19937& random, std::size_t count, std::size_t chips) {
  const auto number = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  std::vector<Sample> samples;
  auto at = static_cast<std::uint64_t>(number(0, 1LL << 62));
  for (std::size_t s = 0; s < count; ++s) {
    auto& sample = samples.emplace_back(chips);
    at += static_cast<std::uint64_t>(number(1, 3));
    sample.number = at;
    sample.uptime = Uptime(number(0, 1LL << 40));
    for (const auto& row : measurement::quantities) {
      if (row.kind == measurement::Kind::derived) continue;
      const std::int64_t most = row.kind == measurement::Kind::total ? 1LL << 60 : 2'000'000'000;
      for (std::size_t i = 0; i < sample.count(row.id); ++i) {
        if (number(0, 3) > 0) sample.put_steps(row.id, i, number(0, 1) ? number(-most, most) : 7);
      }
    }
  }
  return samples;
}

// An hour of two chips on one leg, with a motor on each channel: P, Q and V with noise, current and
// energy that follow from them, temperature every 30 s.
std::vector<Sample> hour_of_motors() {
  std::mt19937 random(4);
  std::normal_distribution<double> noise;
  std::vector<Sample> samples;
  std::array<double, 6> energy{};
  for (std::size_t s = 0; s < 3600; ++s) {
    auto& sample = samples.emplace_back(2u);
    sample.number = 7000 + s;
    sample.uptime = Uptime(50'000 + 1000 * static_cast<std::int64_t>(s));
    const auto volts = std::lround(2300 + 4 * noise(random));
    for (std::size_t chip = 0; chip < 2; ++chip) {
      sample.put_steps(Quantity::voltage, chip, volts);
      if (s % 30 == 0) sample.put_steps(Quantity::chip_temperature, chip, 41);
    }
    for (std::size_t c = 0; c < 6; ++c) {
      const double level = s / 600 % 2 == 0 ? 1000.0 * static_cast<double>(c + 1) : 0;
      const auto p = std::lround(level + level * 0.001 * noise(random));
      const auto q = std::lround(0.75 * static_cast<double>(p) + level * 0.001 * noise(random));
      energy[c] += static_cast<double>(p) / 36;
      sample.put_steps(Quantity::active_power, c, p);
      sample.put_steps(Quantity::reactive_power, c, q);
      sample.put_steps(Quantity::current, c,
                       std::lround(std::hypot(p, q) * 1000 / static_cast<double>(volts)));
      sample.put_steps(Quantity::imported, c, std::lround(energy[c] / 4) * 4);
      sample.put_steps(Quantity::exported, c, 0);
    }
  }
  return samples;
}

TEST(PackedHour, EverySampleComesBackAsItWas) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const auto samples = random_samples(random, 1 + seed * 13 % 400, seed % 15);
    const auto parts = pack_hour(samples);

    auto hour = open(parts);

    ASSERT_TRUE(hour);
    EXPECT_EQ(hour->samples(), samples);
  }
}

TEST(PackedHour, AnHourOfMotorsComesBackAsItWas) {
  const auto samples = hour_of_motors();
  const auto parts = pack_hour(samples);

  auto hour = open(parts);

  ASSERT_TRUE(hour);
  EXPECT_EQ(hour->samples(), samples);
}

TEST(PackedHour, SamplesOfUnlikeWidthComeBackWithWhatTheyHad) {
  Sample narrow(1), wide(2);
  narrow.put_steps(Quantity::active_power, 2, 5);
  wide.number = 1;
  wide.put_steps(Quantity::active_power, 5, -6);
  const auto parts = pack_hour(std::vector{narrow, wide});

  auto hour = open(parts);

  ASSERT_TRUE(hour);
  const auto samples = hour->samples();
  ASSERT_TRUE(samples && samples->size() == 2);
  EXPECT_EQ((*samples)[0].steps(Quantity::active_power, 2), 5);
  EXPECT_EQ((*samples)[0].steps(Quantity::active_power, 5), std::nullopt);
  EXPECT_EQ((*samples)[1].steps(Quantity::active_power, 2), std::nullopt);
  EXPECT_EQ((*samples)[1].steps(Quantity::active_power, 5), -6);
}

TEST(PackedHour, WhatFollowsFromOtherSeriesTakesNextToNothing) {
  const auto parts = pack_hour(hour_of_motors());
  const auto size = [&](Quantity quantity, std::size_t index) {
    for (const auto& part : parts) {
      if (part.series == series_number(quantity, index)) return part.bytes.size();
    }
    return std::size_t{0};
  };

  // The second chip hangs on the same leg: nothing is left but one byte for 29 groups of it.
  EXPECT_LE(size(Quantity::voltage, 1), 5u);
  // A current is its prediction to the milliampere, but for a factor of 16 bits.
  EXPECT_LT(size(Quantity::current, 5), size(Quantity::active_power, 5) / 4);
  // A temperature 120 times an hour, always the same.
  EXPECT_LE(size(Quantity::chip_temperature, 0), 20u);
  // Counts of 4 mWh beside the energy that the power says: about 2.5 bits.
  EXPECT_LT(size(Quantity::imported, 5), 3600u * 4 / 8);
  EXPECT_LE(size(Quantity::exported, 5), 8u);
}

TEST(PackedHour, ASeriesIsReadWithoutTheOthers) {
  const auto samples = hour_of_motors();
  const auto parts = pack_hour(samples);
  std::vector<std::int64_t> asked;
  auto hour = PackedHour::open(
      [&](std::int64_t series) -> std::expected<std::span<const std::uint8_t>, StoreError> {
        asked.push_back(series);
        for (const auto& part : parts) {
          if (part.series == series) return std::span(part.bytes);
        }
        return std::span<const std::uint8_t>();
      });
  ASSERT_TRUE(hour);

  const auto power = hour->instants(Quantity::active_power, 3);

  ASSERT_TRUE(power);
  ASSERT_EQ((*power)->values.size(), samples.size());
  EXPECT_EQ((*power)->values[100], samples[100].steps(Quantity::active_power, 3));
  EXPECT_EQ(asked, (std::vector{clock_part, series_number(Quantity::active_power, 3)}));
}

TEST(PackedHour, DamageWithoutAChecksumNeverDoesMoreThanGiveOtherValues) {
  const auto whole = pack_hour(hour_of_motors());
  std::mt19937 random(11);
  for (int i = 0; i < 3000; ++i) {
    auto parts = whole;
    auto& bytes = parts[random() % parts.size()].bytes;
    for (auto flips = 1 + random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());

    auto hour = open(parts);
    if (!hour) continue;
    const auto power = hour->instants(Quantity::current, random() % 6);
    ASSERT_TRUE(!power || (*power)->values.empty() || (*power)->values.size() == hour->count());
    const auto energy = hour->totals(Quantity::imported, random() % 6);
    ASSERT_TRUE(!energy || energy->values.empty() || energy->values.size() == hour->count());
  }
}

}  // namespace
}  // namespace hub
