#include "firmware/flash_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "simulator/flash.h"

namespace firmware {
namespace {

using simulator::SimulatedFlash;
using testing::ElementsAre;

std::vector<std::uint8_t> payload_of(std::uint64_t number, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(number * 31 + i * 7);
  return bytes;
}

bool write(FlashRing& ring, std::uint64_t number, std::size_t size) {
  return ring.append({.boot = 1, .first = number, .count = 1}, payload_of(number, size));
}

// The numbers of the records that are whole.
std::vector<std::uint64_t> read(FlashRing& ring) {
  std::vector<std::uint64_t> numbers;
  std::vector<std::uint8_t> payload(FlashRing::longest_payload);
  FlashRing::Place place = ring.tail();
  while (const auto head = ring.find(place)) {
    if (ring.load(place, *head, payload)) {
      payload.resize(head->length);
      EXPECT_EQ(payload, payload_of(head->first, head->length));
      payload.resize(FlashRing::longest_payload);
      numbers.push_back(head->first);
    }
    place = ring.after(place, *head);
  }
  return numbers;
}

TEST(FlashRing, WhatWasWrittenIsReadInOrderAndAfterARestart) {
  SimulatedFlash flash(4 * Flash::sector, 1);
  FlashRing ring(flash, 0, 4);
  for (const std::uint64_t n : {0u, 1u, 2u}) ASSERT_TRUE(write(ring, n, 1501));

  EXPECT_THAT(read(ring), ElementsAre(0, 1, 2));
  FlashRing again(flash, 0, 4);
  EXPECT_EQ(again.head(), ring.head());
  ASSERT_TRUE(write(again, 3, 10));
  EXPECT_THAT(read(again), ElementsAre(0, 1, 2, 3));
}

TEST(FlashRing, WhenItIsFullTheOldestSectorGoes) {
  SimulatedFlash flash(4 * Flash::sector, 1);
  FlashRing ring(flash, 0, 4);

  // Records of 1,020 bytes: four to a sector.
  for (std::uint64_t n = 0; n < 17; ++n) ASSERT_TRUE(write(ring, n, 980));

  EXPECT_THAT(read(ring), ElementsAre(4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16));
  FlashRing again(flash, 0, 4);
  EXPECT_EQ(again.tail(), ring.tail());
}

TEST(FlashRing, SaysBeforehandWhatAnAppendWillErase) {
  SimulatedFlash flash(4 * Flash::sector, 1);
  FlashRing ring(flash, 0, 4);
  for (std::uint64_t n = 0; n < 15; ++n) ASSERT_TRUE(write(ring, n, 980));

  EXPECT_EQ(ring.kept_from(980), ring.tail());
  const auto kept = ring.kept_from(2000);  // Runs into a fifth sector.
  ASSERT_TRUE(write(ring, 15, 2000));
  EXPECT_EQ(ring.tail(), kept);
  EXPECT_THAT(read(ring), ElementsAre(4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

TEST(FlashRing, MarksOutliveARestartAndLeaveTheRecordWhole) {
  SimulatedFlash flash(4 * Flash::sector, 1);
  FlashRing ring(flash, 0, 4);
  ASSERT_TRUE(write(ring, 0, 100));
  ring.mark_stored(0);

  FlashRing again(flash, 0, 4);
  FlashRing::Place place = 0;
  const auto head = again.find(place);

  ASSERT_TRUE(head);
  EXPECT_TRUE(head->is_stored());
  EXPECT_FALSE(head->is_thinned());
  EXPECT_THAT(read(again), ElementsAre(0));
}

// docs/flash_log_format.md; the checksums are zlib's.
TEST(FlashRing, ItsBytesAreThoseOfTheFormatsPage) {
  SimulatedFlash flash(4 * Flash::sector, 1);
  FlashRing ring(flash, 0, 4);
  const std::array<std::uint8_t, 5> report = {1, 2, 3, 4, 5};

  ASSERT_TRUE(
      ring.append({.boot = 0x0102030405060708, .first = 9, .count = 10, .stream = 2}, report));
  ring.mark_stored(0);

  std::array<std::uint8_t, 16 + 40 + 12> bytes;
  ASSERT_TRUE(flash.read(0, bytes));
  const std::array<std::uint8_t, 16 + 40 + 12> expected = {
      'L',  'L',  'G',  '1',  0,    0,    0,    0, 0, 0, 0,    0,    0x7E, 0x7F, 0xC2, 0xD7, 'L',
      'R',  5,    0,    0x1F, 0xB0, 0x7F, 0xA0, 8, 7, 6, 5,    4,    3,    2,    1,    9,    0,
      0,    0,    0,    0,    0,    0,    10,   0, 2, 0, 0,    0,    0,    0,    0xFF, 0xFF, 0xFF,
      0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1,    2,    3, 4, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  EXPECT_EQ(bytes, expected);
}

TEST(FlashRing, ARandomPartitionIsNoLog) {
  SimulatedFlash flash(4 * Flash::sector, 1);
  flash.cut_after(0);
  for (std::size_t i = 0; i < 4; ++i) flash.erase(i * Flash::sector);
  std::vector<std::uint8_t> noise = payload_of(3, 4 * Flash::sector);
  flash.power_on();
  flash.program(0, noise);

  FlashRing ring(flash, 0, 4);

  EXPECT_THAT(read(ring), ElementsAre());
  ASSERT_TRUE(write(ring, 0, 100));
  EXPECT_THAT(read(ring), ElementsAre(0));
}

// Twelve records through a ring that is full after the tenth; each cut has bits of its own.
TEST(FlashRing, APowerCutAtAnyByteLosesAtMostTheRecordThatWasBeingWritten) {
  constexpr std::size_t size = 1500;
  std::uint64_t total = 0;
  {
    SimulatedFlash flash(4 * Flash::sector, 1);
    FlashRing ring(flash, 0, 4);
    for (std::uint64_t n = 0; n < 12; ++n) write(ring, n, size);
    total = flash.changed();
  }

  for (std::uint64_t cut = 0; cut < total; cut += 5) {
    SimulatedFlash flash(4 * Flash::sector, cut + 1);
    flash.cut_after(cut);
    std::vector<std::uint64_t> written;
    std::uint64_t torn = 0;
    {
      FlashRing ring(flash, 0, 4);
      for (std::uint64_t n = 0; n < 12 && !flash.is_off(); ++n) {
        torn = n;
        if (write(ring, n, size)) written.push_back(n);
      }
    }
    flash.power_on();

    FlashRing ring(flash, 0, 4);
    const auto found = read(ring);

    // Whatever was written is there, but for the oldest sector when its room was being taken.
    ASSERT_TRUE(std::ranges::is_sorted(found)) << "cut at byte " << cut;
    const auto last = found.empty() ? 0 : found.back();
    ASSERT_GE(last, written.empty() ? 0 : written.back()) << "cut at byte " << cut;
    ASSERT_LE(last, torn) << "cut at byte " << cut;
    for (std::size_t i = 1; i < found.size(); ++i) ASSERT_EQ(found[i], found[i - 1] + 1) << cut;
    const std::size_t erased = torn >= 10 ? 6 : 0;  // Two sectors of three records at most.
    ASSERT_GE(found.size() + erased, written.size()) << "cut at byte " << cut;

    // And the ring goes on.
    for (std::uint64_t n = 100; n < 104; ++n) ASSERT_TRUE(write(ring, n, size)) << cut;
    FlashRing later(flash, 0, 4);
    const auto all = read(later);
    ASSERT_GE(all.size(), 4u);
    ASSERT_THAT(std::vector(all.end() - 4, all.end()), ElementsAre(100, 101, 102, 103)) << cut;
  }
}

}  // namespace
}  // namespace firmware
