#include "hub/store/packed_column.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

namespace hub {
namespace {

using Values = std::vector<std::int32_t>;

Bytes packed(const Values& values) {
  Bytes bytes;
  pack(bytes, values);
  return bytes;
}

// Levels with noise of some width, jumps, ramps and spikes.
Values random_values(std::mt19937& random, std::size_t count) {
  constexpr auto least = std::numeric_limits<std::int32_t>::min();
  constexpr auto most = std::numeric_limits<std::int32_t>::max();
  std::uniform_int_distribution<std::int32_t> any(least, most);
  Values values(count);
  std::int64_t level = 0, slope = 0, noise = 0;
  for (auto& value : values) {
    if (random() % 100 == 0) level = any(random) >> random() % 32;
    if (random() % 100 == 0) slope = any(random) >> (20 + random() % 12);
    if (random() % 100 == 0) noise = std::int64_t{1} << random() % 33;
    level += slope;
    value = static_cast<std::int32_t>(level +
                                      (noise ? static_cast<std::int64_t>(random()) % noise : 0));
    if (random() % 200 == 0) value = any(random);
  }
  return values;
}

TEST(PackedColumn, EveryValueComesBackAsItWas) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const auto values = random_values(random, random() % 1000);
    const auto bytes = packed(values);

    Values back(values.size());
    const auto taken = unpack(bytes, back);

    ASSERT_EQ(taken, bytes.size());
    ASSERT_EQ(back, values);
  }
}

TEST(PackedColumn, AValueComesBackNoFurtherAwayThanItsSlack) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const auto values = random_values(random, random() % 1000);
    const auto widest = random() >> 1 >> random() % 31;
    Values slack(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (random() % 10 == 0) continue;
      slack[i] = static_cast<std::int32_t>(seed % 2 ? random() % (widest + 1)
                                                    : std::abs(std::int64_t{values[i]}) / 400);
    }
    Values become = values;
    Bytes bytes;
    pack_with_slack(bytes, become, slack);

    Values back(values.size());
    ASSERT_EQ(unpack(bytes, back), bytes.size());

    ASSERT_EQ(back, become);
    ASSERT_LE(bytes.size(), packed(values).size() + 16);
    for (std::size_t i = 0; i < values.size(); ++i) {
      // Modulo 2^32, as all differences are.
      const auto off = static_cast<std::int32_t>(static_cast<std::uint32_t>(back[i]) -
                                                 static_cast<std::uint32_t>(values[i]));
      ASSERT_LE(std::abs(std::int64_t{off}), slack[i]) << "value " << i << ": " << values[i];
    }
  }
}

TEST(PackedColumn, ValuesWithSlackTakeFewerBitsThanTheirNoise) {
  std::mt19937 random(1);
  Values values(128 * 100);
  for (auto& value : values) value = 18'000 + static_cast<std::int32_t>(random() % 128);

  // Levels that are each good for 63 values: two do, and a third where the base is not between
  // them. At most two bits for each, and six bytes of head for each 128.
  Bytes bytes;
  pack_with_slack(bytes, values, Values(values.size(), 31));

  EXPECT_LE(bytes.size(), 100u * (128 * 2 / 8 + 6));
}

TEST(PackedColumn, ACircuitThatIsOffForAnHourTakesOneByte) {
  EXPECT_EQ(packed(Values(3600)).size(), 1u);
}

TEST(PackedColumn, ALevelThatStaysTakesItsValueOnce) {
  // 29 groups: the first says in four bytes how wide, which value, and the rest is one repetition.
  EXPECT_LE(packed(Values(3600, 2304)).size(), 5u);
}

TEST(PackedColumn, NoiseTakesAsManyBitsAsItHas) {
  std::mt19937 random(1);
  Values values(128 * 100);
  for (auto& value : values) value = 18'000 + static_cast<std::int32_t>(random() % 14);

  // 14 values are 4 bits, and each 128 have two or three bytes of head.
  EXPECT_LE(packed(values).size(), 100u * (128 * 4 / 8 + 3));
}

TEST(PackedColumn, ASpikeDoesNotWidenItsNeighbours) {
  Values values(128, 100);
  values[17] = 2'000'000'000;

  EXPECT_LT(packed(values).size(), 20u);
}

TEST(PackedColumn, BytesThatWereCutShortAreNoColumn) {
  std::mt19937 random(5);
  const auto values = random_values(random, 500);
  const auto bytes = packed(values);

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Values back(values.size());
    ASSERT_FALSE(unpack(std::span(bytes).first(size), back)) << size << " bytes";
  }
}

TEST(PackedColumn, NonsenseIsRefusedOrGivesSomeValuesAndNothingElse) {
  std::mt19937 random(6);
  for (int i = 0; i < 100'000; ++i) {
    Bytes bytes(random() % 300);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() >> random() % 32);
    Values back(random() % 400);

    const auto taken = unpack(bytes, back);

    ASSERT_TRUE(!taken || *taken <= bytes.size());
  }
}

}  // namespace
}  // namespace hub
