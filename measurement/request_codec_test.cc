#include "measurement/request_codec.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace measurement {
namespace {

ChannelWords some_words() {
  ChannelWords words;
  words.voltage_gain = 7305;
  words.current_gain = 65535;
  words.pga = 4;
  words.multiplier = 255;
  words.voltage_offset = -32768;
  words.current_offset = 32767;
  words.active_offset = -1;
  words.reactive_offset = 2;
  words.fundamental_offset = -3;
  words.power_gain = -4;
  words.phase_delay = -255;
  words.gain_slopes = {1, -128, 127};
  words.phase_slopes = {-1, 0, 5};
  words.voltage_gain_over_temperature = -7;
  words.curve = {{{500, -4000, 30'000}, {20'000, 12, -9}, {100'000, 0, 0}, {}}};
  return words;
}

TEST(RequestCodec, ARequestArrivesAsItWasSent) {
  const Request sent{.id = 0xFEDCBA9876543210,
                     .kind = Request::Kind::write_words,
                     .channel = 41,
                     .windows = max_raw_windows,
                     .stream = 2,
                     .number = 1'000'000'007,
                     .expected = some_words(),
                     .wanted = {}};
  std::array<std::uint8_t, max_request_bytes> bytes;

  const auto size = encode(sent, bytes);
  ASSERT_TRUE(size);
  const auto got = decode_request(std::span(bytes).first(*size));

  ASSERT_TRUE(got) << sentence(got.error());
  EXPECT_EQ(got->id, sent.id);
  EXPECT_EQ(got->kind, sent.kind);
  EXPECT_EQ(got->channel, 41);
  EXPECT_EQ(got->windows, max_raw_windows);
  EXPECT_EQ(got->stream, 2);
  EXPECT_EQ(got->number, sent.number);
  EXPECT_EQ(got->expected, sent.expected);
  EXPECT_EQ(got->wanted, sent.wanted);
}

TEST(RequestCodec, AReplyArrivesAsItWasSentAndFitsItsBytes) {
  Reply sent{.id = 7, .kind = Request::Kind::read_raw, .channel = 3};
  sent.raw.windows = 30;
  sent.raw.begin = Uptime(1000);
  sent.raw.end = Uptime(11'500);
  sent.raw.frequency = 59.98f;
  sent.raw.temperature = 41;
  for (auto& channel : sent.raw.channels) {
    channel = {{230.123f, 0.01f}, {10.5f, 0.002f}, {-2400.25f, 0.5f}, {12.5f, 0.5f}, 15.1f};
  }
  std::array<std::uint8_t, max_reply_bytes> bytes;

  const auto size = encode(sent, bytes);
  ASSERT_TRUE(size);
  DecodedReply got;
  ASSERT_TRUE(decode_reply(std::span(bytes).first(*size), got));

  EXPECT_EQ(got.reply.id, 7u);
  EXPECT_EQ(got.reply.outcome, Reply::Outcome::done);
  EXPECT_EQ(got.reply.raw.windows, 30);
  EXPECT_EQ(got.reply.raw.end, Uptime(11'500));
  EXPECT_EQ(got.reply.raw.channels[2].active.mean, -2400.25f);
  EXPECT_EQ(got.reply.raw.channels[2].voltage.deviation, 0.01f);
  EXPECT_EQ(got.reply.raw.channels[0].peak_current, 15.1f);
}

TEST(RequestCodec, DiagnosticsNameTheFirmware) {
  Reply sent{.id = 9, .kind = Request::Kind::diagnostics};
  sent.diagnostics = {.uptime = Uptime(5),
                      .chips = 14,
                      .chips_missing = 1 << 13,
                      .garbled = 77,
                      .signal_dbm = -67,
                      .lost = 3,
                      .firmware = "0.1.0"};
  std::array<std::uint8_t, max_reply_bytes> bytes;

  const auto size = encode(sent, bytes);
  ASSERT_TRUE(size);
  DecodedReply got;
  ASSERT_TRUE(decode_reply(std::span(bytes).first(*size), got));

  EXPECT_EQ(got.reply.diagnostics.firmware, "0.1.0");
  EXPECT_EQ(got.reply.diagnostics.signal_dbm, -67);
  EXPECT_EQ(got.reply.diagnostics.chips_missing, 1 << 13);
}

TEST(RequestCodec, WhatIsNoRequestIsRefused) {
  std::array<std::uint8_t, max_request_bytes> bytes;
  const auto size = encode(Request{.id = 0}, bytes);
  ASSERT_TRUE(size);
  EXPECT_FALSE(decode_request(std::span(bytes).first(*size))) << "An id of 0 is none.";
  EXPECT_FALSE(decode_request({}));
}

// Mutated bytes are refused or are another request: never more than that. Run with the sanitizers.
TEST(RequestCodec, DamagedBytesDoNoHarm) {
  std::array<std::uint8_t, max_request_bytes> bytes;
  const Request sent{.id = 3, .kind = Request::Kind::write_words, .expected = some_words()};
  const auto size = encode(sent, bytes).value_or(0);
  constexpr unsigned seed = 1;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::uint8_t> damaged(bytes.begin(), bytes.begin() + static_cast<long>(size));
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
      damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1u << random() % 8);
    }
    if (random() % 3 == 0) damaged.resize(random() % damaged.size());
    if (!decode_request(damaged)) ++refused;
    DecodedReply reply;
    if (!decode_reply(damaged, reply)) ++refused;
  }
  EXPECT_GT(refused, 10'000);
}

TEST(ChannelWords, ACurveIsStraightBetweenItsPointsAndFlatOutside) {
  ChannelWords words;
  words.curve = {{{1000, 8000, 40'000}, {4000, 0, 0}, {}, {}}};

  EXPECT_FLOAT_EQ(correction_at(words, 0.1f).gain, 1.008f);
  EXPECT_FLOAT_EQ(correction_at(words, 1).gain, 1.008f);
  // 1 / sqrt: 1 at 1 A, 0.5 at 4 A, so in the middle at 1.7778 A.
  EXPECT_FLOAT_EQ(correction_at(words, 16.f / 9).gain, 1.004f);
  EXPECT_FLOAT_EQ(correction_at(words, 16.f / 9).lead, 0.02f);
  EXPECT_FLOAT_EQ(correction_at(words, 4).gain, 1);
  EXPECT_FLOAT_EQ(correction_at(words, 60).lead, 0);
  EXPECT_FLOAT_EQ(correction_at({}, 5).gain, 1);
}

}  // namespace
}  // namespace measurement
