#include "hub/store/log.h"

#include <gtest/gtest.h>

#include <random>

#include "hub/files/simulated_disk.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::ReportHeader;
using measurement::Sample;
using measurement::Stream;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

// A report that owns what it names.
struct Kept {
  std::string device;
  std::uint64_t boot = 0, lost = 0;
  Stream stream = Stream::samples;
  std::chrono::milliseconds period{};
  Timestamp booted_at;
  measurement::Origin origin;
  std::vector<Sample> samples;

  friend bool operator==(const Kept&, const Kept&) = default;
};

Kept kept(const ReportHeader& header, std::span<const Sample> samples) {
  return {std::string(header.device),
          header.boot,
          header.lost,
          header.stream,
          header.period,
          *header.booted_at,
          header.origin,
          {samples.begin(), samples.end()}};
}

std::vector<Kept> replay(SimulatedDisk& disk, std::int64_t number) {
  std::vector<Kept> found;
  Log log(disk, "/data");
  const auto done =
      log.replay(number,
                 [&](const ReportHeader& header,
                     std::span<const Sample> samples) -> std::expected<void, StoreError> {
                   found.push_back(kept(header, samples));
                   return {};
                 });
  EXPECT_TRUE(done);
  return found;
}

Kept random_report(std::mt19937_64& random) {
  const auto draw = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  Kept report{.device = draw(0, 1) ? "meter" : "attic",
              .boot = random(),
              .lost = random(),
              .stream = static_cast<Stream>(draw(0, 2)),
              .period = std::chrono::milliseconds(draw(1, 100'000)),
              .booted_at = midnight - std::chrono::milliseconds(draw(-1LL << 50, 1LL << 50)),
              .origin = {draw(0, 1) == 1, random()}};
  if (draw(0, 3)) report.boot = static_cast<std::uint64_t>(draw(0, 2));
  for (auto count = draw(0, 4); count > 0; --count) {
    Sample sample(static_cast<std::size_t>(draw(0, 14)));
    sample.number = random();
    sample.uptime = Uptime(draw(-1LL << 60, 1LL << 60));
    for (const auto& row : measurement::quantities) {
      if (row.kind == measurement::Kind::derived) continue;
      const std::int64_t most = row.kind == measurement::Kind::total ? 1LL << 60 : 2'000'000'000;
      for (std::size_t i = 0; i < sample.count(row.id); ++i) {
        if (draw(0, 3)) sample.put_steps(row.id, i, draw(0, 1) ? draw(-most, most) : 7);
      }
    }
    report.samples.push_back(sample);
  }
  return report;
}

void add(Log& log, const Kept& report) {
  log.add({.device = report.device,
           .boot = report.boot,
           .stream = report.stream,
           .period = report.period,
           .booted_at = report.booted_at,
           .lost = report.lost,
           .origin = report.origin},
          report.samples);
}

class LogTest : public testing::Test {
 protected:
  LogTest() {
    EXPECT_TRUE(disk.make_folder("/data"));
    EXPECT_TRUE(log.begin(5));
  }

  SimulatedDisk disk;
  Log log{disk, "/data"};
};

TEST_F(LogTest, WhatWasSyncedComesBackAsItWas) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    ASSERT_TRUE(log.begin(seed));
    std::vector<Kept> expected;
    for (int i = 0; i < 30; ++i) {
      expected.push_back(random_report(random));
      add(log, expected.back());
      if (random() % 3 == 0) {
        ASSERT_TRUE(log.sync());
      }
    }
    ASSERT_TRUE(log.sync());
    log.remove_before(seed);

    ASSERT_EQ(replay(disk, seed), expected);
  }
}

TEST_F(LogTest, OfWhatWasNotSyncedAPowerCutLeavesAllOrNothing) {
  std::mt19937_64 random(1);
  std::vector<Kept> synced, all;
  for (int record = 0; record < 20; ++record) {
    for (int i = 0; i < 3; ++i) {
      all.push_back(random_report(random));
      add(log, all.back());
    }
    disk.before_sync = [&] {
      for (unsigned seed = 1; seed <= 10; ++seed) {
        for (const auto cut : power_cuts) {
          const auto image = disk.crash_image(seed, cut);
          const auto found = replay(*image, 5);
          ASSERT_TRUE(found == synced || found == all) << "record " << record << ", seed " << seed;
        }
      }
    };
    ASSERT_TRUE(log.sync());
    synced = all;
  }
}

TEST_F(LogTest, AFlippedBitIsTheEndOfIt) {
  std::mt19937_64 random(2);
  std::vector<Kept> expected;
  for (int i = 0; i < 8; ++i) {
    expected.push_back(random_report(random));
    add(log, expected.back());
    ASSERT_TRUE(log.sync());
  }
  const auto size = *disk.size("/data/log-5");
  for (int i = 0; i < 300; ++i) {
    const auto damaged = disk.crash_image(1, PowerCut::kept);
    const auto file = std::move(*damaged->open("/data/log-5", How::write));
    const auto place = random() % size;
    std::uint8_t octet = 0;
    ASSERT_TRUE(file->read(place, {&octet, 1}));
    octet = static_cast<std::uint8_t>(octet ^ 1 << random() % 8);
    ASSERT_TRUE(file->write(place, {&octet, 1}));

    const auto found = replay(*damaged, 5);

    ASSERT_LT(found.size(), expected.size());
    ASSERT_TRUE(std::equal(found.begin(), found.end(), expected.begin())) << "octet " << place;
  }
}

TEST_F(LogTest, OlderLogsAreNotReadAndGo) {
  std::mt19937_64 random(3);
  const auto first = random_report(random), second = random_report(random);
  add(log, first);
  ASSERT_TRUE(log.sync());
  ASSERT_TRUE(log.begin(6));
  add(log, second);
  ASSERT_TRUE(log.sync());

  EXPECT_EQ(replay(disk, 5), (std::vector{first, second}));
  EXPECT_EQ(replay(disk, 6), std::vector{second});
  log.remove_before(6);
  EXPECT_EQ(replay(disk, 5), std::vector{second});
}

TEST_F(LogTest, AFailedSyncIsNeverTakenForDone) {
  std::mt19937_64 random(4);
  const auto first = random_report(random), second = random_report(random);
  add(log, first);
  ASSERT_TRUE(log.sync());
  add(log, second);
  disk.fail_after(1, FileError::unavailable, SimulatedDisk::Failing::once);
  EXPECT_EQ(log.sync().error(), StoreError::unavailable);

  EXPECT_FALSE(log.sync()) << "a second try tells nothing of what the first one lost";
  std::vector<Kept> found;
  ASSERT_TRUE(log.replay(5,
                         [&](const ReportHeader& header,
                             std::span<const Sample> samples) -> std::expected<void, StoreError> {
                           found.push_back(kept(header, samples));
                           return {};
                         }));
  EXPECT_EQ(found, std::vector{first});
}

TEST_F(LogTest, AQuietSecondOfFortyTwoChannelsIsAFewBytes) {
  Sample sample(14);
  for (std::size_t c = 0; c < 42; ++c) {
    sample.put_steps(Quantity::active_power, c, 1500);
    sample.put_steps(Quantity::imported, c, 0);
  }
  const ReportHeader header{.device = "meter", .boot = ~0ull, .booted_at = midnight};
  log.add(header, {&sample, 1});
  ASSERT_TRUE(log.sync());
  const auto before = log.bytes();

  ++sample.number;
  sample.uptime += 1s;
  log.add(header, {&sample, 1});
  ASSERT_TRUE(log.sync());

  // Device, a boot of ten bytes, its time and period; number, uptime and a run of zeros.
  EXPECT_LT(log.bytes() - before, 60u);
}

}  // namespace
}  // namespace hub
