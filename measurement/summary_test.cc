#include "measurement/summary.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

namespace measurement {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t boot = 0x0123456789ABCDEF;
constexpr Uptime two_days = 48h + 5s;  // 172,805 s = 2 x 65,536 + 41,733, and 41,733 = 0xA305.

SummaryEntry mains() {
  return {.channel = 0, .imported = MilliwattHours{1'234'567'890}, .power = Watts{2345}};
}
SummaryEntry solar() {
  return {.channel = 0, .exported = MilliwattHours{300'999}, .power = std::nullopt};
}
SummaryEntry fridge() {
  return {.channel = 41,
          .imported = MilliwattHours{127'000},
          .exported = MilliwattHours{0},
          .power = Watts{-1}};
}

Bytes bytes_of(const SummaryHead& head, const std::vector<SummaryEntry>& entries,
               std::size_t room = max_summary_bytes) {
  Bytes bytes(room);
  bytes.resize(encode(head, entries, bytes).size);
  return bytes;
}

struct Read {
  std::expected<DecodedSummary, SummaryError> summary;
  std::vector<SummaryEntry> entries;
};
Read read(std::span<const std::uint8_t> bytes) {
  Read read{.summary = {}, .entries = std::vector<SummaryEntry>(max_summary_entries)};
  read.summary = decode_summary(bytes, read.entries);
  read.entries.resize(read.summary ? read.summary->entries : 0);
  return read;
}

TEST(Summary, ItsBytesAreThoseOfTheFormatsPage) {
  const Bytes golden = {
      0x20,              // Version 1, no flags.
      0xEF, 0xCD,        // The boot's lowest 16 bits.
      0x05, 0xA3,        // 41,733 s.
      0xA8,              // 4 x 42 + 0: imported, with power, of channel 0.
      0x87, 0xAD, 0x4B,  // 1,234,567 Wh = 75 x 2^14 + 45 x 2^7 + 7.
      0xD2, 0x24,        // 2,345 W as 4,690 = 36 x 2^7 + 82.
      0x54,              // 2 x 42 + 0: exported, of channel 0.
      0xAC, 0x02,        // 300 Wh = 2 x 2^7 + 44.
      0xA7,              // 3 x 42 + 41: imported and nothing exported, with power, of channel 41.
      0x7F, 0x01};       // 127 Wh; -1 W as 1.

  EXPECT_EQ(bytes_of({.boot = boot, .uptime = two_days}, {mains(), solar(), fridge()}), golden);

  const auto [summary, entries] = read(golden);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->short_boot, 0xCDEF);
  EXPECT_FALSE(summary->introduction);
  EXPECT_EQ(uptime_near(summary->seconds, 47h), two_days);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].imported, MilliwattHours{1'234'567'000});
  EXPECT_EQ(entries[0].power, Watts{2345});
  EXPECT_FALSE(entries[0].exported);
  EXPECT_EQ(entries[1].exported, MilliwattHours{300'000});
  EXPECT_EQ(entries[2], fridge());
}

TEST(Summary, AnIntroductionNamesTheWholeBootAndTheTime) {
  const SummaryHead head{
      .boot = boot, .uptime = two_days, .introduces = true, .booted_at = Timestamp(1'700'000'000s)};
  // 0x23, the boot, 2,880 minutes as 40 0B, the time as 00 F1 53 65, and on as above.
  std::ifstream file(LENZ_SOURCE_DIR "/tests/golden/summary_v1.bin", std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  const Bytes golden(text.begin(), text.end());

  EXPECT_EQ(bytes_of(head, {mains(), solar(), fridge()}), golden);

  const auto [summary, entries] = read(golden);
  ASSERT_TRUE(summary && summary->introduction);
  EXPECT_EQ(summary->introduction->boot, boot);
  EXPECT_EQ(summary->introduction->booted_at, head.booted_at);
  EXPECT_EQ(uptime_near(summary->seconds, uptime_near_minutes(summary->introduction->minutes, 0s)),
            two_days);
  EXPECT_EQ(entries.size(), 3u);
}

TEST(Summary, ElevenBytesCarryAnIntroductionOrTheMainsTotalAndPower) {
  const SummaryHead head{.boot = boot, .uptime = two_days};
  auto introduction = head;
  introduction.introduces = true;
  introduction.booted_at = Timestamp(1'700'000'000s);
  std::array<std::uint8_t, 11> bytes;

  const auto first = encode(introduction, std::array{mains()}, bytes);
  EXPECT_EQ(first.size, 11u);
  EXPECT_EQ(first.entries, 0u);
  EXPECT_EQ(read(bytes).summary->introduction->boot, boot);

  const auto second = encode(head, std::array{mains(), fridge()}, bytes);
  EXPECT_EQ(second.size, 11u);
  EXPECT_EQ(second.entries, 1u);
}

TEST(Summary, WhereNoBytesAreAllowedNothingIsSent) {
  const SummaryHead head{.boot = boot, .uptime = two_days};
  std::array<std::uint8_t, 6> bytes;

  for (std::size_t room = 0; room <= bytes.size(); ++room) {
    EXPECT_EQ(encode(head, std::array{mains()}, std::span(bytes).first(room)).size, 0u);
  }
}

TEST(Summary, WhatHasNoRoomWithItsPowerIsToldWithoutIt) {
  const SummaryHead head{.boot = boot, .uptime = two_days};

  const auto bytes = bytes_of(head, {mains()}, 10);

  const auto [summary, entries] = read(bytes);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].imported, MilliwattHours{1'234'567'000});
  EXPECT_FALSE(entries[0].power);
}

TEST(Summary, AnUptimeIsFoundAgainWithinNineHoursOfWhereItIsExpected) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 10'000; ++round) {
    const Uptime uptime = std::chrono::seconds(random() % 1'000'000'000);
    const Uptime off = std::chrono::seconds(random() % 64'000) - 32'000s;
    const auto seconds = static_cast<std::uint16_t>(uptime / 1s);

    ASSERT_EQ(uptime_near(seconds, uptime + off), uptime)
        << uptime / 1s << " s, off by " << off / 1s;
  }
  EXPECT_EQ(uptime_near(50, 40'000s), 50s + 65'536s);
  EXPECT_EQ(uptime_near(65'000, 10s), 65'000s);  // A meter never ran before it started.
}

// Seed and round replay it.
std::vector<SummaryEntry> random_entries(std::mt19937_64& random) {
  std::vector<SummaryEntry> entries;
  for (std::size_t c = 0; c < max_channels; ++c) {
    const auto energy = [&] {
      return MilliwattHours{static_cast<std::int64_t>(random() >> (24 + random() % 40)) * 1000};
    };
    const auto power = [&]() -> std::optional<Watts> {
      if (random() % 3 == 0) return std::nullopt;
      return Watts{static_cast<float>(static_cast<int>(random() % 40'001) - 20'000)};
    };
    switch (random() % 4) {
      case 0:
        entries.push_back({.channel = c, .imported = energy(), .power = power()});
        break;
      case 1:
        entries.push_back({.channel = c, .imported = energy(), .exported = MilliwattHours{0}});
        break;
      case 2:
        entries.push_back({.channel = c, .imported = energy(), .power = power()});
        entries.push_back({.channel = c, .exported = energy()});
        break;
      default:
        break;
    }
  }
  return entries;
}

TEST(Summary, WhateverFitsComesBackUnchangedForEveryRoom) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (std::size_t room = 0; room <= max_summary_bytes; ++room) {
    const auto sent = random_entries(random);
    const SummaryHead head{.boot = random(),
                           .uptime = std::chrono::seconds(random() % 100'000'000),
                           .introduces = random() % 2 == 0};
    Bytes bytes(room);

    const auto encoded = encode(head, sent, bytes);
    ASSERT_LE(encoded.size, room);
    if (encoded.size == 0) continue;
    const auto [summary, entries] = read(std::span(bytes).first(encoded.size));

    ASSERT_TRUE(summary) << sentence(summary.error()) << " room " << room;
    EXPECT_EQ(summary->short_boot, head.boot & 0xFFFF);
    EXPECT_EQ(summary->introduction.has_value(), head.introduces);
    ASSERT_EQ(entries.size(), encoded.entries);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      auto expected = sent[i];
      if (i + 1 == entries.size() && !entries[i].power) expected.power.reset();
      ASSERT_EQ(entries[i], expected) << "entry " << i << ", room " << room;
    }
  }
}

TEST(Summary, CutShortOrDamagedItIsRefusedOrWithinItsLimits) {
  const auto bytes = bytes_of({.boot = boot, .uptime = two_days, .introduces = true},
                              {mains(), solar(), fridge()});
  std::size_t taken = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    taken += read(std::span(bytes).first(length)).summary.has_value();
  }
  EXPECT_EQ(taken, 3u);  // Behind the introduction, and behind each entry but the last.

  std::mt19937 random(7);
  for (int round = 0; round < 200'000; ++round) {
    auto damaged = bytes;
    for (std::uint32_t hits = 1 + random() % 4; hits > 0; --hits) {
      damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    }
    for (const auto& entry : read(damaged).entries) {
      ASSERT_LT(entry.channel, max_channels);
      ASSERT_TRUE(entry.imported || entry.exported);
      ASSERT_GE(entry.imported.value_or(MilliwattHours{0}).value, 0);
    }
  }
}

TEST(Summary, WhatIsNoSummaryIsNamedAsSuch) {
  EXPECT_EQ(read(Bytes{}).summary.error(), SummaryError::cut_short);
  EXPECT_EQ(read(Bytes{0x40, 0, 0, 0, 0, 0, 0}).summary.error(), SummaryError::newer_version);
  EXPECT_EQ(read(Bytes{0x24, 0, 0, 0, 0, 0, 0}).summary.error(), SummaryError::inconsistent);
  // The total of channel 0 twice.
  EXPECT_EQ(read(Bytes{0x20, 1, 2, 3, 4, 0x00, 5, 0x00, 5}).summary.error(),
            SummaryError::inconsistent);
  // A total of 0 in two bytes, and a channel that there is not.
  EXPECT_EQ(read(Bytes{0x20, 1, 2, 3, 4, 0x00, 0x80, 0x00}).summary.error(),
            SummaryError::inconsistent);
  EXPECT_EQ(read(Bytes{0x20, 1, 2, 3, 4, 0xFC, 5}).summary.error(), SummaryError::inconsistent);
}

}  // namespace
}  // namespace measurement
