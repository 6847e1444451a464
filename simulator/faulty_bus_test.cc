#include "simulator/faulty_bus.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <vector>

namespace simulator {
namespace {

// Answers every read with A5A5H and keeps what it was sent.
struct Parrot final : firmware::SpiBus {
  std::vector<std::array<std::uint8_t, 4>> heard;
  void exchange(std::span<std::uint8_t> bytes) override {
    heard.push_back({bytes[0], bytes[1], bytes[2], bytes[3]});
    bytes[2] = bytes[3] = 0xA5;
  }
};

int wrong_bits(std::span<const std::uint8_t> bytes, std::array<std::uint8_t, 4> expected) {
  int count = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    count += std::popcount(static_cast<unsigned>(bytes[i] ^ expected[i]));
  }
  return count;
}

TEST(FaultyBus, FlipsOneBitOfOneAnswerInAThousand) {
  Parrot chip;
  FaultyBus bus(chip, {.answer = 1e-3}, 7);
  int garbled = 0;

  for (int i = 0; i < 1'000'000; ++i) {
    std::array<std::uint8_t, 4> frame = {0x80, 0xD9, 0, 0};
    bus.exchange(frame);
    const int wrong = wrong_bits(frame, {0x80, 0xD9, 0xA5, 0xA5});
    ASSERT_LE(wrong, 1);
    garbled += wrong;
  }

  // 1000 expected, standard deviation 32: within five of them.
  EXPECT_NEAR(garbled, 1000, 158);
  EXPECT_EQ(bus.flips(), static_cast<std::uint64_t>(garbled));
  EXPECT_EQ(bus.frames(), 1'000'000u);
}

TEST(FaultyBus, ASoundCablePassesEverything) {
  Parrot chip;
  FaultyBus bus(chip);

  std::array<std::uint8_t, 4> frame = {0x00, 0x61, 0x12, 0x34};
  bus.exchange(frame);

  EXPECT_EQ(wrong_bits(chip.heard[0], {0x00, 0x61, 0x12, 0x34}), 0);
  EXPECT_EQ(bus.frames(), 1u);
  EXPECT_EQ(bus.flips(), 0u);
}

TEST(FaultyBus, GarblesAddressesAndWrittenWordsOnlyWhenAskedTo) {
  Parrot chip;
  FaultyBus address(chip, {.address = 1}, 3);
  FaultyBus written(chip, {.written = 1}, 3);

  std::array<std::uint8_t, 4> first = {0x80, 0xD9, 0, 0};
  address.exchange(first);
  std::array<std::uint8_t, 4> second = {0x00, 0x61, 0x12, 0x34};
  written.exchange(second);

  EXPECT_EQ(wrong_bits(chip.heard[0], {0x80, 0xD9, 0, 0}), 1);
  EXPECT_EQ(chip.heard[0][0] & 0x80, 0x80);
  EXPECT_EQ(wrong_bits(chip.heard[1], {0x00, 0x61, 0x12, 0x34}), 1);
  EXPECT_EQ(chip.heard[1][1], 0x61);
}

}  // namespace
}  // namespace simulator
