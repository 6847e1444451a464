#include "hub/store/segment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "hub/files/simulated_disk.h"
#include "hub/store/packed_hour.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/rows.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;

// Boot 3 in two hours of 1970 + 472,222 h, a sample each 10 s: segment 7.
constexpr std::int64_t golden_boot = 3, golden_number = 7;
constexpr std::int64_t golden_hours[] = {(3LL << 32) + 60 * 472'222, (3LL << 32) + 60 * 472'223};

Bytes golden(const std::string& name) {
  std::ifstream file(LENZ_SOURCE_DIR "/tests/golden/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr std::int64_t power_series = series_number(Quantity::active_power, 4);
constexpr std::int64_t energy_series = series_number(Quantity::imported, 4);

// The samples of the golden files.
std::vector<Sample> golden_samples(std::int64_t h) {
  std::vector<Sample> samples;
  for (std::int64_t i = 0; i < 200; ++i) {
    auto& sample = samples.emplace_back(2u);
    sample.number = static_cast<std::uint64_t>(1000 * h + i);
    sample.uptime = measurement::Uptime(3'600'000 * h + 10'000 * i);
    sample.put_steps(Quantity::voltage, 0, 2300 + i % 7);
    sample.put_steps(Quantity::voltage, 1, 2300 + i % 7);
    if (i % 30 == 0) sample.put_steps(Quantity::chip_temperature, 1, 41);
    sample.put_steps(Quantity::active_power, 4, 1000 + i % 5 * 10);
    sample.put_steps(Quantity::reactive_power, 4, 500 + i % 5 * 5);
    sample.put_steps(Quantity::current, 4, (1118 + i % 5 * 11) * 1000 / (2300 + i % 7));
    sample.put_steps(Quantity::imported, 4, h * 100'000 + i * 278);
  }
  return samples;
}

// Minutes of power and energy: of 6 samples each, five minutes of the first hour and all of the
// second.
std::map<std::int64_t, HourSummary> golden_minutes(std::int64_t h) {
  std::map<std::int64_t, HourSummary> series;
  for (std::int64_t m = 0; m < (h == 0 ? 5 : 60); ++m) {
    const auto minute = static_cast<std::size_t>(m);
    series[power_series][minute] = {6, 6200 + m, 1000, 1040 + m};
    series[energy_series][minute] = {6, 0, 0, h * 100'000 + m * 1668};
  }
  return series;
}

// A part at its place, as a store adds them.
struct Part {
  PartPlace place;
  Bytes sealed;
  MinuteSummary hour = {};
};
std::vector<Part> golden_parts(std::int64_t h) {
  std::vector<Part> parts;
  const auto row = golden_hours[h];
  for (const auto& [series, bytes] : pack_hour(golden_samples(h))) {
    parts.push_back({{golden_boot, series, row}, seal({row, series}, bytes)});
  }
  for (const auto& [part, bytes, hour] : pack_minutes(golden_minutes(h))) {
    parts.push_back({{golden_boot, part, row}, seal({row, part}, bytes), hour});
  }
  return parts;
}

void write(SimulatedDisk& disk, const std::string& path, std::vector<Part> parts) {
  std::ranges::sort(parts, {}, &Part::place);
  auto writer = SegmentWriter::create(disk, path, golden_number);
  ASSERT_TRUE(writer);
  for (const auto& [place, sealed, hour] : parts) ASSERT_TRUE(writer->add(place, sealed, hour));
  ASSERT_TRUE(writer->finish());
}

Bytes bytes_of(SimulatedDisk& disk, const std::string& path) {
  const auto file = std::move(*disk.open(path, How::read));
  Bytes bytes(*file->size());
  EXPECT_EQ(file->read(0, bytes), bytes.size());
  return bytes;
}

void put(SimulatedDisk& disk, const Bytes& bytes) {
  const auto file = std::move(*disk.open("/segment", How::create));
  ASSERT_TRUE(file->resize(0));
  ASSERT_TRUE(file->write(0, bytes));
}

void expect_golden_samples(Segment& segment) {
  for (std::int64_t h = 0; h < 2; ++h) {
    SegmentReader reader(segment, golden_boot, golden_hours[0], golden_hours[1]);
    auto hour = PackedHour::open(reader.hour(golden_hours[h]));
    ASSERT_TRUE(hour);
    EXPECT_EQ(hour->samples(), golden_samples(h));
  }
}

TEST(Segment, AFileOfFormatVersionOneIsStillRead) {
  SimulatedDisk disk;
  put(disk, golden("segment_v1"));
  const auto segment = Segment::open(disk, "/segment", golden_number);
  ASSERT_TRUE(segment);

  EXPECT_TRUE((*segment)->has_magic());
  expect_golden_samples(**segment);
  EXPECT_TRUE((*segment)->hours_of_minutes().empty());
  EXPECT_EQ((*segment)->summaries(golden_boot, power_series, 0, golden_hours[1])->size(), 0u);
}

TEST(Segment, AFileOfFormatVersionTwoIsRead) {
  SimulatedDisk disk;
  put(disk, golden("segment_v2"));
  const auto segment = Segment::open(disk, "/segment", golden_number);
  ASSERT_TRUE(segment);

  EXPECT_TRUE((*segment)->has_magic());
  expect_golden_samples(**segment);
  for (std::int64_t h = 0; h < 2; ++h) {
    SegmentReader reader(**segment, golden_boot, golden_hours[0], golden_hours[1]);
    auto hour = PackedMinutes::open(reader.hour(golden_hours[h]));
    ASSERT_TRUE(hour);
    for (const auto& [series, expected] : golden_minutes(h)) {
      EXPECT_EQ(hour->summary(series), expected);
    }
  }
}

TEST(Segment, AYearByTheHourIsReadFromTheHeads) {
  SimulatedDisk disk;
  put(disk, golden("segment_v2"));
  const auto segment = Segment::open(disk, "/segment", golden_number);
  ASSERT_TRUE(segment);

  const auto power =
      (*segment)->summaries(golden_boot, power_series, golden_hours[0], golden_hours[1]);
  const auto energy =
      (*segment)->summaries(golden_boot, energy_series, golden_hours[1], golden_hours[1]);

  ASSERT_TRUE(power && power->size() == 2u);
  // 5 minutes of 6,200 to 6,204, and 60 of 6,200 to 6,259.
  EXPECT_EQ((*power)[0].row, golden_hours[0]);
  EXPECT_EQ((*power)[0].summary, (MinuteSummary{30, 31'010, 1000, 1044}));
  EXPECT_EQ((*power)[1].row, golden_hours[1]);
  EXPECT_EQ((*power)[1].summary, (MinuteSummary{360, 373'770, 1000, 1099}));
  ASSERT_TRUE(energy && energy->size() == 1u);
  EXPECT_EQ((*energy)[0].summary, (MinuteSummary{360, 0, 0, 100'000 + 59 * 1668}));
}

TEST(Segment, JoinedOnesHaveWhatTheirPartsHad) {
  SimulatedDisk disk;
  write(disk, "/first", golden_parts(0));
  write(disk, "/second", golden_parts(1));
  std::vector<Part> parts;
  for (const auto* path : {"/first", "/second"}) {
    const auto segment = Segment::open(disk, path, golden_number);
    ASSERT_TRUE(segment);
    for (const auto series : (*segment)->series_of(golden_boot)) {
      auto found = (*segment)->parts(golden_boot, series, 0, golden_hours[1]);
      ASSERT_TRUE(found && found->size() == 1u);
      auto& [row, bytes] = *found->begin();
      auto& part = parts.emplace_back(PartPlace{golden_boot, series, row}, std::move(bytes));
      if (!is_of_minutes(series)) continue;
      const auto summaries =
          (*segment)->summaries(golden_boot, series_of_minutes(series), row, row);
      ASSERT_TRUE(summaries && summaries->size() == 1u);
      part.hour = summaries->front().summary;
    }
  }

  write(disk, "/joined", std::move(parts));

  auto both = golden_parts(0);
  std::ranges::move(golden_parts(1), std::back_inserter(both));
  write(disk, "/at once", std::move(both));
  EXPECT_EQ(bytes_of(disk, "/joined"), bytes_of(disk, "/at once"));
}

TEST(Segment, HoursMayKeepTheirMinutesWhenTheirSamplesAreGone) {
  SimulatedDisk disk;
  auto parts = golden_parts(0);
  std::erase_if(parts, [](const auto& part) { return !is_of_minutes(part.place.series); });
  std::ranges::move(golden_parts(1), std::back_inserter(parts));
  write(disk, "/segment", std::move(parts));

  const auto segment = Segment::open(disk, "/segment", golden_number);

  ASSERT_TRUE(segment);
  EXPECT_EQ((*segment)->hours(),
            (std::vector{PartPlace{golden_boot, clock_part, golden_hours[1]}}));
  EXPECT_EQ((*segment)->hours_of_minutes().size(), 2u);
  SegmentReader reader(**segment, golden_boot, golden_hours[0], golden_hours[1]);
  auto samples = PackedHour::open(reader.hour(golden_hours[1]));
  ASSERT_TRUE(samples);
  EXPECT_EQ(samples->samples(), golden_samples(1));
  auto minutes = PackedMinutes::open(reader.hour(golden_hours[0]));
  ASSERT_TRUE(minutes);
  EXPECT_EQ(minutes->summary(power_series), golden_minutes(0).at(power_series));
}

class EveryVersion : public testing::TestWithParam<const char*> {};

TEST_P(EveryVersion, AFlippedBitOrACutAnywhereIsNoticedOrHarmsNothing) {
  const auto whole = golden(GetParam());
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
  // A clock, two voltages, P, Q, I, energy and temperature; another clock, P and energy.
  ASSERT_EQ(expected.size(), GetParam() == std::string("segment_v1") ? 2u * 8 : 2u * 11);
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

INSTANTIATE_TEST_SUITE_P(Segment, EveryVersion, testing::Values("segment_v1", "segment_v2"));

TEST(Segment, AFileThatTookTheNameOfAnotherIsNotTakenForIt) {
  SimulatedDisk disk;
  put(disk, golden("segment_v2"));

  EXPECT_EQ(Segment::open(disk, "/segment", golden_number + 1).error(), StoreError::corrupted);
}

}  // namespace
}  // namespace hub
