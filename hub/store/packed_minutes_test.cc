#include "hub/store/packed_minutes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "hub/store/block.h"
#include "hub/store/rows.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using Series = std::map<std::int64_t, HourSummary>;

PackedMinutes::Parts reader_of(const std::vector<MinutesPart>& parts) {
  return [&parts](std::int64_t number) -> std::expected<std::span<const std::uint8_t>, StoreError> {
    for (const auto& part : parts) {
      if (part.part == number) return std::span(part.bytes);
    }
    return std::span<const std::uint8_t>();
  };
}

void expect_back(const Series& series) {
  const auto parts = pack_minutes(series);
  auto hour = PackedMinutes::open(reader_of(parts));
  ASSERT_TRUE(hour);
  for (const auto& [number, expected] : series) {
    SCOPED_TRACE(testing::Message() << "series " << number);
    const auto sums = hour->sums(number);
    ASSERT_TRUE(sums);
    for (std::size_t m = 0; m < 60; ++m) {
      ASSERT_EQ((*sums)->count[m], expected[m].count);
      ASSERT_EQ((*sums)->sum[m], is_total(number) ? expected[m].max : expected[m].sum);
    }
    ASSERT_EQ(hour->summary(number), expected);
  }
}

// Summaries of anything at all, of as many samples as a minute can have.
Series random_series(std::mt19937& random) {
  const auto number = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  Series series;
  const auto add = [&](std::int64_t name, bool total) {
    if (number(0, 5) == 0) return;
    auto& hour = series[name];
    const auto usual = number(0, 3) == 0 ? number(1, 6000) : 60;
    const auto widest = most >> number(0, 31);
    for (auto& minute : hour) {
      if (number(0, 9) == 0) continue;
      minute.count = number(0, 9) == 0 ? number(1, usual) : usual;
      if (total) {
        minute.max = number(0, 1) ? number(-(1LL << 62), 1LL << 62) : number(0, 1000) * 4;
        continue;
      }
      minute.min = number(-widest, widest);
      minute.max = number(minute.min, widest);
      // Some samples at the one end, some at the other.
      const auto low = number(0, minute.count);
      minute.sum = low * minute.min + (minute.count - low) * minute.max;
    }
  };
  for (const auto& quantity : measured) {
    for (std::size_t i = 0; i < 6; ++i) {
      add(series_number(quantity.id, i), quantity.kind == measurement::Kind::total);
    }
  }
  add(composite_series(3), false);
  return series;
}

// Two chips on one leg with a motor on each of six channels, minute by minute from whole samples.
Series minutes_of_motors() {
  std::mt19937 random(5);
  const auto noise = [&](std::uint32_t most) {
    return static_cast<std::int64_t>(random() % (2 * most + 1)) - most;
  };
  std::array<std::int64_t, 6> drawn{};  // In 0.1 W x s.
  Series series;
  for (std::size_t m = 0; m < 60; ++m) {
    std::vector<Sample> samples;
    for (std::size_t s = 0; s < 60; ++s) {
      auto& sample = samples.emplace_back(2u);
      const auto volts = 2300 + noise(9);
      for (std::size_t chip = 0; chip < 2; ++chip) {
        sample.put_steps(Quantity::voltage, chip, volts);
      }
      for (std::size_t c = 0; c < 6; ++c) {
        // P : Q : S is about 4 : 3 : 5.
        const auto part = m / 10 % 2 == 0 ? 300 * static_cast<std::int64_t>(c + 1) : 0;
        const auto p = 4 * part + noise(7);
        drawn[c] += std::max<std::int64_t>(p, 0);
        sample.put_steps(Quantity::active_power, c, p);
        sample.put_steps(Quantity::reactive_power, c, 3 * part + noise(7));
        sample.put_steps(Quantity::current, c, 5 * part * 1000 / volts + noise(3));
        sample.put_steps(Quantity::imported, c, drawn[c] / 144 * 4);  // 36 x 0.1 Ws is 1 mWh.
        sample.put_steps(Quantity::exported, c, 0);
      }
    }
    for (const auto& quantity : measured) {
      for (std::size_t i = 0; i < samples.front().count(quantity.id); ++i) {
        series[series_number(quantity.id, i)][m] = summarise(samples, quantity.id, i);
      }
    }
  }
  return series;
}

std::size_t size_of(const std::vector<MinutesPart>& parts, Quantity quantity, std::size_t index) {
  const auto part =
      std::ranges::find(parts, minutes_part(series_number(quantity, index)), &MinutesPart::part);
  return part == parts.end() ? 0 : part->bytes.size();
}

TEST(PackedMinutes, EveryMinuteComesBackAsItWas) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    expect_back(random_series(random));
  }
  expect_back(minutes_of_motors());
}

TEST(PackedMinutes, AnHourWithoutAValueHasNoPart) {
  EXPECT_TRUE(pack_minutes({{series_number(Quantity::voltage, 0), HourSummary{}}}).empty());

  const std::vector<MinutesPart> none;
  auto hour = PackedMinutes::open(reader_of(none));
  ASSERT_TRUE(hour);
  EXPECT_EQ(hour->summary(series_number(Quantity::voltage, 0)), HourSummary{});
}

TEST(PackedMinutes, AMinuteOfAsManySamplesAsThereCanBeKeepsItsSum) {
  HourSummary hour{};
  constexpr std::int64_t least = std::numeric_limits<std::int32_t>::min();
  constexpr auto count = static_cast<std::int64_t>(most_samples_in_block);
  hour[0] = {count, count * least, least, least};
  hour[59] = {count, count * -(least + 1), -(least + 1), -(least + 1)};

  expect_back({{series_number(Quantity::active_power, 0), hour}});
}

TEST(PackedMinutes, WhatFollowsFromOtherSeriesTakesNextToNothing) {
  const auto parts = pack_minutes(minutes_of_motors());

  // 60 samples in each minute.
  EXPECT_LE(parts.front().bytes.size(), 4u);
  // A head, its twin's number and three columns of nothing.
  EXPECT_LE(size_of(parts, Quantity::voltage, 1), 5u);
  // It is off by less than a count of 4 mWh: two bits a minute and some bytes of head.
  EXPECT_LE(size_of(parts, Quantity::imported, 5), 60u * 2 / 8 + 12);
  EXPECT_LE(size_of(parts, Quantity::exported, 5), 8u);
  const auto current = series_number(Quantity::current, 5);
  const auto alone = pack_minutes({{current, minutes_of_motors().at(current)}});
  EXPECT_LT(size_of(parts, Quantity::current, 5), size_of(alone, Quantity::current, 5) * 9 / 10);
}

TEST(PackedMinutes, AMeanIsReadWithoutTheExtremesAndWithoutOtherSeries) {
  const auto series = minutes_of_motors();
  const auto power = series_number(Quantity::active_power, 3);
  auto parts = pack_minutes(series);
  // What comes after the sums is not looked at.
  for (auto& part : parts) {
    if (part.part == minutes_part(power)) part.bytes.resize(part.bytes.size() - 20);
  }
  std::vector<std::int64_t> asked;
  auto hour = PackedMinutes::open([&](std::int64_t part) {
    asked.push_back(part);
    return reader_of(parts)(part);
  });
  ASSERT_TRUE(hour);

  const auto sums = hour->sums(power);

  ASSERT_TRUE(sums);
  EXPECT_EQ((*sums)->sum[10], series.at(power)[10].sum);
  EXPECT_EQ(asked, (std::vector{minutes_clock_part, minutes_part(power)}));
  EXPECT_EQ(hour->summary(power), std::unexpected(StoreError::corrupted));
}

TEST(PackedMinutes, AnHourIsItsMinutesTakenTogether) {
  HourSummary energy{}, power{};
  power[3] = {2, 30, 10, 20};
  power[7] = {3, -15, -9, 0};
  energy[3] = {2, 0, 0, 400};
  energy[7] = {3, 0, 0, 404};

  const auto parts = pack_minutes({{series_number(Quantity::active_power, 0), power},
                                   {series_number(Quantity::imported, 0), energy}});

  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].hour, (MinuteSummary{5, 0, 0, 0}));
  EXPECT_EQ(parts[1].hour, (MinuteSummary{5, 15, -9, 20}));
  EXPECT_EQ(parts[2].hour, (MinuteSummary{5, 0, 0, 404}));
}

TEST(PackedMinutes, DamageWithoutAChecksumNeverDoesMoreThanGiveOtherValues) {
  const auto series = minutes_of_motors();
  const auto whole = pack_minutes(series);
  std::mt19937 random(11);
  std::size_t refused = 0;
  for (int i = 0; i < 3000; ++i) {
    auto parts = whole;
    auto& bytes = parts[random() % parts.size()].bytes;
    for (auto flips = 1 + random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());

    auto hour = PackedMinutes::open(reader_of(parts));
    if (!hour) {
      ++refused;
      continue;
    }
    for (const auto& [number, unused] : series) {
      if (const auto summary = hour->summary(number); !summary) {
        ASSERT_EQ(summary.error(), StoreError::corrupted);
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100u);
}

TEST(Summaries, OfAnyNumberComeBackAsTheyWere) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    for (const auto& [number, hour] : random_series(random)) {
      const auto summaries = std::span(hour).first(random() % 61);
      Bytes bytes;
      put_summaries(bytes, summaries, is_total(number));

      std::vector<MinuteSummary> back(summaries.size());
      ColumnReader reader(bytes);

      ASSERT_TRUE(take_summaries(reader, back, is_total(number)) && reader.is_at_end());
      ASSERT_TRUE(std::ranges::equal(back, summaries));
    }
  }
}

}  // namespace
}  // namespace hub
