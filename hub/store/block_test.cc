#include "hub/store/block.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Uptime;

std::vector<Sample> random_samples(std::mt19937& random, std::size_t count, std::size_t chips) {
  const auto number = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  std::vector<Sample> samples(count, Sample(chips));
  std::uint64_t at = static_cast<std::uint64_t>(number(0, 1LL << 62));
  for (auto& sample : samples) {
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

TEST(Block, EverySampleComesBackAsItWas) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const auto samples = random_samples(random, 1 + seed * 3 % 61, seed % 15);

    const auto back = decode_block(42, encode_block(42, samples));

    ASSERT_TRUE(back);
    EXPECT_EQ(*back, samples);
  }
}

TEST(Block, AQuietMinuteIsSmall) {
  std::vector<Sample> samples(60, Sample(6));
  for (std::size_t s = 0; s < samples.size(); ++s) {
    samples[s].number = 1000 + s;
    samples[s].uptime = Uptime(5000 + 1000 * static_cast<std::int64_t>(s));
    for (std::size_t c = 0; c < 18; ++c) {
      samples[s].put_steps(Quantity::active_power, c, 15);
      samples[s].put_steps(Quantity::imported, c, 4 * static_cast<std::int64_t>(s));
    }
  }

  // 18 channels x (1 byte of presence, the value, a run of zeros in 2; for a total 2 differences)
  // and about 130 series that say in one byte that they are nowhere: below 400 bytes.
  EXPECT_LT(encode_block(1, samples).size(), 400u);
}

TEST(Block, OneFlippedBitAnywhereIsNoticed) {
  std::mt19937 random(7);
  const auto block = encode_block(42, random_samples(random, 5, 2));

  for (std::size_t bit = 0; bit < 8 * block.size(); ++bit) {
    auto damaged = block;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1 << bit % 8);
    ASSERT_EQ(decode_block(42, damaged).error(), StoreError::corrupted) << "bit " << bit;
  }
}

TEST(Block, ABlockThatWasCutShortOrPutElsewhereIsNoticed) {
  std::mt19937 random(8);
  const auto block = encode_block(42, random_samples(random, 5, 2));

  for (std::size_t size = 0; size < block.size(); ++size) {
    ASSERT_FALSE(decode_block(42, std::span(block).first(size))) << size << " bytes";
  }
  EXPECT_FALSE(decode_block(43, block));
}

TEST(Block, NonsenseUnderAGoodChecksumIsRefusedToo) {
  std::mt19937 random(9);
  for (int i = 0; i < 20'000; ++i) {
    Bytes body(random() % 40);
    for (auto& byte : body)
      byte = static_cast<std::uint8_t>(random() % 4 ? random() % 4 : random());
    const auto decoded = decode_block(1, seal({1}, body));
    ASSERT_TRUE(!decoded || decoded->size() <= most_samples_in_block);
  }
}

TEST(Block, ABlockOfFormatVersionOneIsStillRead) {
  std::ifstream file(LENZ_SOURCE_DIR "/tests/golden/store_block_v1", std::ios::binary);
  ASSERT_TRUE(file);
  const Bytes block{std::istreambuf_iterator<char>(file), {}};

  const auto samples = decode_block((3LL << 32) + 28'333'334, block);

  // One chip; 230.4 V, 15.2 W on channel 1, 4 mWh a second, and no voltage in the second sample.
  ASSERT_TRUE(samples);
  ASSERT_EQ(samples->size(), 2u);
  const auto& [first, second] = std::tie((*samples)[0], (*samples)[1]);
  EXPECT_EQ(first.number, 41u);
  EXPECT_EQ(first.uptime, Uptime(60'000));
  EXPECT_EQ(first.steps(Quantity::voltage, 0), 2304);
  EXPECT_EQ(second.number, 42u);
  EXPECT_EQ(second.uptime, Uptime(61'000));
  EXPECT_EQ(second.steps(Quantity::voltage, 0), std::nullopt);
  EXPECT_EQ(second.steps(Quantity::active_power, 1), 152);
  EXPECT_EQ(first.steps(Quantity::imported, 1), 1000);
  EXPECT_EQ(second.steps(Quantity::imported, 1), 1004);
  EXPECT_EQ(second.steps(Quantity::imported, 0), std::nullopt);
}

}  // namespace
}  // namespace hub
