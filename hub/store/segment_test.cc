#include "hub/store/segment.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "hub/files/simulated_disk.h"
#include "hub/store/packed_hour.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;

// Boot 3 in two hours of 1970 + 472,222 h, a sample each 10 s: segment 7.
constexpr std::int64_t golden_boot = 3, golden_number = 7;
constexpr std::int64_t golden_hours[] = {(3LL << 32) + 60 * 472'222, (3LL << 32) + 60 * 472'223};

Bytes golden() {
  std::ifstream file(LENZ_SOURCE_DIR "/tests/golden/segment_v1", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(SimulatedDisk& disk, const Bytes& bytes) {
  const auto file = std::move(*disk.open("/segment", How::create));
  ASSERT_TRUE(file->resize(0));
  ASSERT_TRUE(file->write(0, bytes));
}

TEST(Segment, AFileOfFormatVersionOneIsStillRead) {
  SimulatedDisk disk;
  put(disk, golden());
  const auto segment = Segment::open(disk, "/segment", golden_number);
  ASSERT_TRUE(segment);

  for (std::int64_t h = 0; h < 2; ++h) {
    SegmentReader reader(**segment, golden_boot, golden_hours[0], golden_hours[1]);
    auto hour = PackedHour::open(reader.hour(golden_hours[h]));
    ASSERT_TRUE(hour);
    const auto samples = hour->samples();
    ASSERT_TRUE(samples && samples->size() == 200);
    for (std::int64_t i = 0; i < 200; ++i) {
      const auto& sample = (*samples)[static_cast<std::size_t>(i)];
      ASSERT_EQ(sample.number, static_cast<std::uint64_t>(1000 * h + i));
      ASSERT_EQ(sample.uptime.count(), 3'600'000 * h + 10'000 * i);
      ASSERT_EQ(sample.steps(Quantity::voltage, 1), 2300 + i % 7);
      ASSERT_EQ(sample.steps(Quantity::active_power, 4), 1000 + i % 5 * 10);
      ASSERT_EQ(sample.steps(Quantity::reactive_power, 4), 500 + i % 5 * 5);
      ASSERT_EQ(sample.steps(Quantity::current, 4), (1118 + i % 5 * 11) * 1000 / (2300 + i % 7));
      ASSERT_EQ(sample.steps(Quantity::imported, 4), h * 100'000 + i * 278);
      ASSERT_EQ(sample.steps(Quantity::chip_temperature, 1),
                i % 30 == 0 ? std::optional<std::int64_t>(41) : std::nullopt);
      ASSERT_EQ(sample.steps(Quantity::active_power, 3), std::nullopt);
    }
  }
}

TEST(Segment, AFlippedBitOrACutAnywhereIsNoticedOrHarmsNothing) {
  const auto whole = golden();
  SimulatedDisk disk;
  // All parts that can be read, by place; what cannot be is left out.
  const auto readable = [&](const Bytes& bytes) {
    std::map<PartPlace, Bytes> parts;
    put(disk, bytes);
    const auto segment = Segment::open(disk, "/segment", golden_number);
    if (!segment) return parts;
    for (const auto series : (*segment)->series_of(golden_boot)) {
      SegmentReader reader(**segment, golden_boot, golden_hours[0], golden_hours[1]);
      for (const auto hour : golden_hours) {
        const auto part = reader.hour(hour)(series);
        if (part) parts[{golden_boot, series, hour}] = Bytes(part->begin(), part->end());
      }
    }
    return parts;
  };
  const auto expected = readable(whole);
  ASSERT_EQ(expected.size(), 2u * 8);  // A clock, two voltages, P, Q, I, energy and temperature.
  const auto expect_no_other = [&](const Bytes& bytes) {
    const auto found = readable(bytes);
    for (const auto& [place, part] : found) {
      ASSERT_TRUE(expected.contains(place) && expected.at(place) == part);
    }
  };

  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    SCOPED_TRACE(testing::Message() << "bit " << bit);
    auto damaged = whole;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ 1 << bit % 8);
    expect_no_other(damaged);
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(testing::Message() << size << " bytes");
    expect_no_other({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
  }
}

TEST(Segment, AFileThatTookTheNameOfAnotherIsNotTakenForIt) {
  SimulatedDisk disk;
  put(disk, golden());

  EXPECT_EQ(Segment::open(disk, "/segment", golden_number + 1).error(), StoreError::corrupted);
}

}  // namespace
}  // namespace hub
