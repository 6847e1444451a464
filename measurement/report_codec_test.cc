#include "measurement/report_codec.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <vector>

namespace measurement {
namespace {

// Two chips, three seconds: a kettle on channel 1 that switches on in the third, solar on channel
// 4, and a value of chip 1 that failed its check in the second.
std::vector<Sample> three_seconds() {
  std::vector<Sample> samples(3, Sample(2));
  for (std::size_t s = 0; s < samples.size(); ++s) {
    auto& sample = samples[s];
    const auto second = static_cast<std::int64_t>(s);
    sample.number = 41 + s;
    sample.uptime = Uptime(60'000 + 1'000 * second);
    for (std::size_t chip = 0; chip < 2; ++chip) {
      sample.put<Quantity::voltage>(chip, Volts{230.4f});
      sample.put<Quantity::frequency>(chip, Hertz{49.98f});
    }
    for (std::size_t c = 0; c < 6; ++c) {
      sample.put<Quantity::current>(c, Amperes{0});
      sample.put<Quantity::active_power>(c, Watts{0});
      sample.put<Quantity::reactive_power>(c, Vars{0});
      sample.put<Quantity::imported>(c, MilliwattHours{0});
      sample.put<Quantity::exported>(c, MilliwattHours{0});
    }
    sample.put<Quantity::active_power>(1, Watts{s == 2 ? 2200.0f : 1.5f});
    sample.put<Quantity::imported>(1, MilliwattHours{1'000'000'000'000 + 4 * second});
    sample.put<Quantity::active_power>(4, Watts{-1800.5f});
    sample.put<Quantity::exported>(4, MilliwattHours{500 * second});
  }
  samples[1].put_steps(Quantity::voltage, 1, std::nullopt);
  samples[2].put<Quantity::chip_temperature>(0, Celsius{41});
  return samples;
}

ReportHeader header_of(std::size_t chips) {
  return {.device = "meter-1",
          .boot = 0xFEDCBA9876543210,
          .stream = Stream::samples,
          .period = std::chrono::milliseconds(1000),
          .chips = chips,
          .booted_at = Timestamp(std::chrono::milliseconds(1'700'000'000'000)),
          .lost = 7};
}

std::vector<std::uint8_t> bytes_of(const std::vector<Sample>& samples) {
  std::vector<std::uint8_t> bytes(max_report_bytes);
  const auto used = encode({header_of(samples[0].chips()), samples}, bytes);
  EXPECT_TRUE(used) << sentence(used.error());
  bytes.resize(used.value_or(0));
  return bytes;
}

TEST(ReportCodec, WhatAMeterSendsIsWhatTheHubReads) {
  const auto sent = three_seconds();

  const auto bytes = bytes_of(sent);
  std::vector<Sample> read(max_samples_per_report);
  const auto decoded = decode(bytes, read);

  ASSERT_TRUE(decoded) << sentence(decoded.error());
  EXPECT_EQ(decoded->header.device, "meter-1");
  EXPECT_EQ(decoded->header.boot, 0xFEDCBA9876543210);
  EXPECT_EQ(decoded->header.booted_at->time_since_epoch().count(), 1'700'000'000'000);
  EXPECT_EQ(decoded->header.lost, 7u);
  ASSERT_EQ(decoded->count, 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(read[i], sent[i]) << "sample " << i;
}

TEST(ReportCodec, AReportWrittenByTheFirstVersionIsStillWrittenAndReadTheSameWay) {
  std::ifstream file(LENZ_SOURCE_DIR "/tests/golden/report_v1.bin", std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  const std::vector<std::uint8_t> golden(text.begin(), text.end());
  std::vector<Sample> read(max_samples_per_report);

  EXPECT_EQ(bytes_of(three_seconds()), golden);
  const auto decoded = decode(golden, read);

  ASSERT_TRUE(decoded);
  EXPECT_EQ(read[2].get<Quantity::active_power>(1), Watts{2200});
  EXPECT_EQ(read[2].get<Quantity::imported>(1), MilliwattHours{1'000'000'000'008});
}

TEST(ReportCodec, AValueThatWasNotMeasuredArrivesAsNothingAndNotAsZero) {
  const auto bytes = bytes_of(three_seconds());
  std::vector<Sample> read(max_samples_per_report);

  ASSERT_TRUE(decode(bytes, read));

  EXPECT_FALSE(read[1].get<Quantity::voltage>(1));
  EXPECT_FALSE(read[0].get<Quantity::chip_temperature>(0));
  EXPECT_EQ(read[2].get<Quantity::chip_temperature>(0), Celsius{41});
}

TEST(ReportCodec, EveryReportOfARandomHouseComesBackUnchanged) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&random](std::uint32_t n) { return random() % n; };
  for (int round = 0; round < 300; ++round) {
    const std::size_t chips = 1 + below(max_chips);
    std::vector<Sample> sent(1 + below(8), Sample(chips));
    for (std::size_t s = 0; s < sent.size(); ++s) {
      sent[s].number = 1'000'000 + s;
      sent[s].uptime = Uptime(5'000 + 1'000 * static_cast<std::int64_t>(s) + below(900));
      for (std::size_t q = 0; q < measured_quantities; ++q) {
        const auto quantity = static_cast<Quantity>(q);
        for (std::size_t i = 0; i < sent[s].count(quantity); ++i) {
          if (below(5) == 0) continue;
          const auto value = static_cast<std::int64_t>(below(200'000));
          sent[s].put_steps(quantity, i,
                            row(quantity).kind == Kind::total ? value : value - 100'000);
        }
      }
    }

    std::vector<std::uint8_t> bytes(64 * 1024);
    const auto used = encode({header_of(chips), sent}, bytes);
    ASSERT_TRUE(used);
    std::vector<Sample> read(max_samples_per_report);
    const auto decoded = decode(std::span(bytes).first(*used), read);

    ASSERT_TRUE(decoded) << sentence(decoded.error());
    ASSERT_EQ(decoded->count, sent.size());
    for (std::size_t s = 0; s < sent.size(); ++s) ASSERT_EQ(read[s], sent[s]);
  }
}

TEST(ReportCodec, AReportCutShortAnywhereIsRefused) {
  const auto bytes = bytes_of(three_seconds());
  std::vector<Sample> read(max_samples_per_report);
  std::size_t refused = 0;

  for (std::size_t length = 0; length < bytes.size(); ++length) {
    refused += !decode(std::span(bytes).first(length), read).has_value();
  }

  // Between two columns the rest is a whole, shorter message; everywhere else it is not.
  EXPECT_GE(refused, bytes.size() - measured_quantities);
}

TEST(ReportCodec, DamagedBytesNeverDoMoreThanBeRefused) {
  const auto bytes = bytes_of(three_seconds());
  std::mt19937 random(7);
  std::vector<Sample> read(max_samples_per_report);

  for (int round = 0; round < 50'000; ++round) {
    auto damaged = bytes;
    for (std::uint32_t hits = 1 + random() % 4; hits > 0; --hits) {
      damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    }
    const auto decoded = decode(damaged, read);
    if (decoded) {
      ASSERT_LE(decoded->count, max_samples_per_report);
      ASSERT_LE(decoded->header.chips, max_chips);
    }
  }
}

TEST(ReportCodec, AReportOfALaterFormatIsNamedAsSuch) {
  auto bytes = bytes_of(three_seconds());
  ASSERT_EQ(bytes[0], 0x08);  // Field 1, a varint: the version.
  bytes[1] = report_version + 1;
  std::vector<Sample> read(max_samples_per_report);

  EXPECT_EQ(decode(bytes, read).error(), CodecError::newer_version);
}

TEST(ReportCodec, ARunTooLongForItsBufferIsRefusedWhole) {
  const auto samples = three_seconds();
  std::array<std::uint8_t, 100> small;

  const auto used = encode({header_of(2), samples}, small);

  EXPECT_EQ(used.error(), CodecError::does_not_fit);
}

TEST(ReportCodec, TheAnswerOfTheHubComesBackUnchanged) {
  const std::array ranges = {StoredRange{1, Stream::samples, 0, 500},
                             StoredRange{0xFFFFFFFFFFFFFFFF, Stream::edges, 7, 8}};
  std::array<std::uint8_t, 256> bytes;

  const auto used = encode({.ranges = ranges, .asking_again = true}, bytes);
  const auto decoded = decode_answer(std::span(bytes).first(used.value()));

  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->asking_again);
  ASSERT_EQ(decoded->count, 2u);
  EXPECT_EQ(decoded->ranges[0], ranges[0]);
  EXPECT_EQ(decoded->ranges[1], ranges[1]);
}

}  // namespace
}  // namespace measurement
