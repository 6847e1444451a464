#include "measurement/chunks.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <vector>

namespace measurement {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes message_of(std::size_t size) {
  Bytes message(size);
  std::iota(message.begin(), message.end(), std::uint8_t{1});
  return message;
}

std::vector<Bytes> cut(const Bytes& message, std::uint8_t kind, std::size_t room) {
  std::vector<Bytes> chunks;
  Bytes chunk(room);
  for (Cutter cutter(kind, message); !cutter.is_over(); cutter.taken()) {
    const auto size = cutter.write(chunk);
    chunks.emplace_back(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return chunks;
}

TEST(Chunks, TheFirstByteSaysWhereAChunkBelongs) {
  const auto chunks = cut(message_of(40), 2, 20);

  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0][0], 0x80 | 0x20 | 0);
  EXPECT_EQ(chunks[1][0], 0x20 | 1);
  EXPECT_EQ(chunks[2], (Bytes{0x40 | 0x20 | 2, 39, 40}));
}

TEST(Chunks, WhatIsCutIsJoinedAgainWhateverTheLinkCarriesAtOnce) {
  std::array<std::uint8_t, 4096> buffer;
  for (const std::size_t room : {20u, 182u, 244u, 514u}) {
    for (const std::size_t size : {0u, 1u, 19u, 20u, 244u, 4096u}) {
      Joiner joiner(buffer);
      const auto message = message_of(size);
      const auto chunks = cut(message, 1, room);
      for (std::size_t i = 0; i < chunks.size(); ++i) {
        const auto whole = joiner.add(chunks[i]);
        ASSERT_EQ(whole.has_value(), i + 1 == chunks.size());
        if (!whole) continue;
        EXPECT_EQ(whole->kind, 1);
        EXPECT_EQ(Bytes(whole->bytes.begin(), whole->bytes.end()), message);
      }
    }
  }
}

TEST(Chunks, AMessageThatLostAChunkIsDroppedAndTheNextIsWhole) {
  std::array<std::uint8_t, 100> buffer;
  const auto chunks = cut(message_of(60), 0, 20);
  for (std::size_t lost = 0; lost < chunks.size(); ++lost) {
    Joiner joiner(buffer);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (i == lost) continue;
      EXPECT_FALSE(joiner.add(chunks[i])) << lost;
    }
    std::optional<Joiner::Message> whole;
    for (const auto& chunk : chunks) whole = joiner.add(chunk);
    EXPECT_TRUE(whole) << lost;
  }
}

TEST(Chunks, AMessageThatIsTooLongIsDroppedAndTheNextIsWhole) {
  std::array<std::uint8_t, 30> buffer;
  Joiner joiner(buffer);
  for (const auto& chunk : cut(message_of(31), 0, 20)) EXPECT_FALSE(joiner.add(chunk));

  const auto chunks = cut(message_of(30), 0, 20);
  EXPECT_FALSE(joiner.add(chunks[0]));
  EXPECT_TRUE(joiner.add(chunks[1]));
  EXPECT_FALSE(joiner.add({}));
}

TEST(Chunks, AChunkThatTheLinkDidNotTakeIsWrittenAgain) {
  const auto message = message_of(30);
  Cutter cutter(0, message);
  std::array<std::uint8_t, 20> first, again;

  cutter.write(first);
  cutter.write(again);

  EXPECT_EQ(first, again);
}

}  // namespace
}  // namespace measurement
