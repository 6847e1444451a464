#include "firmware/outbox.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace firmware {
namespace {

using measurement::DecodedAnswer;
using measurement::Quantity;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Stream;
using measurement::Uptime;

class MemoryStorage final : public Storage {
 public:
  explicit MemoryStorage(std::size_t size) : bytes_(size, 0xFF) {}
  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> into) override {
    if (fails) return false;
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return true;
  }
  bool write(std::size_t offset, std::span<const std::uint8_t> from) override {
    if (fails) return false;
    std::copy(from.begin(), from.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return true;
  }
  std::uint8_t& operator[](std::size_t i) { return bytes_[i]; }

  bool fails = false;

 private:
  std::vector<std::uint8_t> bytes_;
};

struct Meter {
  explicit Meter(MemoryStorage& disk, std::uint64_t its_boot = 1)
      : boot(its_boot), outbox(disk, window) {}

  void measure(std::uint64_t count) {
    for (; count > 0; --count) {
      Sample sample(1);
      sample.number = number++;
      sample.uptime = Uptime(static_cast<std::int64_t>(sample.number) * 1000 + 1000);
      sample.put<Quantity::active_power>(0, measurement::Watts{static_cast<float>(sample.number)});
      outbox.add({.device = "meter", .boot = boot, .chips = 1}, sample);
    }
  }

  // Sends all that may be sent and returns the numbers.
  std::vector<std::uint64_t> send(std::size_t most = 60) {
    std::vector<std::uint64_t> numbers;
    while (const auto report = outbox.next(most)) {
      for (const auto& sample : report->samples) numbers.push_back(sample.number);
      outbox.sent(report->samples.size());
    }
    return numbers;
  }

  std::uint64_t boot;
  std::uint64_t number = 0;
  std::array<Sample, 60> window;
  Outbox outbox;
};

DecodedAnswer has(std::initializer_list<StoredRange> ranges, bool asking_again = false) {
  DecodedAnswer answer;
  for (const auto& range : ranges) answer.ranges[answer.count++] = range;
  answer.asking_again = asking_again;
  return answer;
}

std::vector<std::uint64_t> counted(std::uint64_t begin, std::uint64_t end) {
  std::vector<std::uint64_t> numbers;
  for (; begin < end; ++begin) numbers.push_back(begin);
  return numbers;
}

TEST(Outbox, EverySampleIsSentOnceAndInOrder) {
  MemoryStorage disk(64 * 1024);
  Meter meter(disk);

  meter.measure(100);

  EXPECT_EQ(meter.send(), counted(0, 100));
  EXPECT_TRUE(meter.send().empty());
  EXPECT_EQ(meter.outbox.waiting(), 100u);
}

TEST(Outbox, WhatTheHubDoesNotConfirmIsSentAgain) {
  MemoryStorage disk(64 * 1024);
  Meter meter(disk);
  meter.measure(100);
  meter.send();

  meter.outbox.stored(has({{1, Stream::samples, 0, 40}}));
  meter.outbox.send_again();

  EXPECT_EQ(meter.send(), counted(40, 100));
}

TEST(Outbox, AHoleInWhatTheHubHasIsFilledAndNothingElse) {
  MemoryStorage disk(64 * 1024);
  Meter meter(disk);
  meter.measure(30);
  meter.send();

  meter.outbox.stored(has({{1, Stream::samples, 20, 30}, {1, Stream::samples, 0, 10}}));

  EXPECT_EQ(meter.send(), counted(10, 20));
}

TEST(Outbox, AMeterThatWasSwitchedOffStillHasItsSamples) {
  MemoryStorage disk(64 * 1024);
  {
    Meter meter(disk, 1);
    meter.measure(50);
    meter.send();
    meter.outbox.stored(has({{1, Stream::samples, 0, 20}}));
  }

  Meter again(disk, 2);
  again.measure(2);

  auto expected = counted(20, 50);
  expected.insert(expected.end(), {0, 1});  // Of the new boot.
  EXPECT_EQ(again.send(), expected);
  again.outbox.stored(has({{1, Stream::samples, 0, 50}, {2, Stream::samples, 0, 2}}));
  EXPECT_TRUE(again.outbox.empty());
}

TEST(Outbox, ARunNeverMixesTwoStartsOfTheMeter) {
  MemoryStorage disk(64 * 1024);
  { Meter(disk, 1).measure(3); }
  Meter again(disk, 2);
  again.measure(3);

  const auto first = again.outbox.next(60);

  ASSERT_TRUE(first);
  EXPECT_EQ(first->header.boot, 1u);
  EXPECT_EQ(first->samples.size(), 3u);
}

TEST(Outbox, WhenItIsFullTheOldestGoesAndIsCounted) {
  MemoryStorage disk(4 * 1024);
  Meter meter(disk);

  meter.measure(500);
  const auto numbers = meter.send();

  ASSERT_FALSE(numbers.empty());
  EXPECT_EQ(numbers, counted(numbers.front(), 500));
  EXPECT_EQ(meter.outbox.lost(), numbers.front());
  EXPECT_GT(numbers.size(), 20u);  // 4 KiB hold more than 20 records of one chip.
}

TEST(Outbox, OverwritingWhatTheHubHasIsNoLoss) {
  MemoryStorage disk(4 * 1024);
  Meter meter(disk);

  for (std::uint64_t second = 1; second <= 500; ++second) {
    meter.measure(1);
    meter.send();
    meter.outbox.stored(has({{1, Stream::samples, 0, second}}));
  }

  EXPECT_EQ(meter.outbox.lost(), 0u);
  EXPECT_TRUE(meter.outbox.empty());
}

TEST(Outbox, AHubRestoredFromABackupGetsWhatIsStillThere) {
  MemoryStorage disk(64 * 1024);
  Meter meter(disk);
  meter.measure(100);
  meter.send();
  meter.outbox.stored(has({{1, Stream::samples, 0, 100}}));
  ASSERT_TRUE(meter.outbox.empty());

  meter.outbox.stored(has({{1, Stream::samples, 0, 70}}, true));

  EXPECT_EQ(meter.send(), counted(70, 100));
}

TEST(Outbox, AHubThatLostAWholeStartAsksForItAgain) {
  MemoryStorage disk(64 * 1024);
  Meter meter(disk);
  meter.measure(10);
  meter.send();
  meter.outbox.stored(has({{1, Stream::samples, 0, 10}}));

  meter.outbox.stored(has({}, true));

  EXPECT_EQ(meter.send(), counted(0, 10));
}

TEST(Outbox, WhatSomebodyElseKeepsIsNotAskedOfItAgain) {
  MemoryStorage disk(64 * 1024);
  Meter meter(disk);
  meter.measure(10);
  ASSERT_TRUE(meter.outbox.next(6));
  meter.outbox.settle(6);

  meter.outbox.stored(has({{1, Stream::samples, 8, 9}}, true));

  EXPECT_EQ(meter.send(), (std::vector<std::uint64_t>{6, 7, 9}));
}

TEST(Outbox, ADamagedRecordIsCountedAndTheOthersAreSent) {
  MemoryStorage disk(64 * 1024);
  Meter meter(disk);
  meter.measure(3);
  disk[50] ^= 1;  // In the first record's report.

  EXPECT_EQ(meter.send(), counted(1, 3));
  EXPECT_EQ(meter.outbox.lost(), 1u);
}

TEST(Outbox, AStorageThatFailsCountsItsLosses) {
  MemoryStorage disk(64 * 1024);
  Meter meter(disk);
  meter.measure(1);
  disk.fails = true;
  meter.measure(2);
  disk.fails = false;

  EXPECT_EQ(meter.send(), counted(0, 1));
  EXPECT_EQ(meter.outbox.lost(), 2u);
}

TEST(Outbox, ARandomLifeLosesNothingThatFits) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  MemoryStorage disk(32 * 1024);
  std::set<std::pair<std::uint64_t, std::uint64_t>> hub;
  std::uint64_t measured = 0;
  std::uint64_t lost = 0;
  std::uint64_t boot = 1;
  for (int life = 0; life < 30; ++life, ++boot) {
    Meter meter(disk, boot);
    for (int round = 0; round < 60; ++round) {
      const auto count = random() % 6;
      meter.measure(count);
      measured += count;
      while (const auto report = meter.outbox.next(1 + random() % 10)) {
        const bool arrives = random() % 3 != 0;
        for (const auto& sample : report->samples) {
          if (arrives) hub.emplace(report->header.boot, sample.number);
        }
        meter.outbox.sent(report->samples.size());
      }
      // The hub names every range of this boot, and of the one before.
      DecodedAnswer answer;
      for (const std::uint64_t b : {boot, boot - 1}) {
        std::uint64_t begin = 0;
        for (std::uint64_t n = 0; n <= 400; ++n) {
          if (hub.contains({b, n}) && (n == 0 || !hub.contains({b, n - 1}))) begin = n;
          if (!hub.contains({b, n}) && n > 0 && hub.contains({b, n - 1}) && answer.count < 16) {
            answer.ranges[answer.count++] = {b, Stream::samples, begin, n};
          }
        }
      }
      meter.outbox.stored(answer);
      if (random() % 4 == 0) meter.outbox.send_again();
    }
    lost += meter.outbox.lost();
  }
  Meter last(disk, boot);
  last.outbox.send_again();
  while (const auto report = last.outbox.next(60)) {
    for (const auto& sample : report->samples) hub.emplace(report->header.boot, sample.number);
    last.outbox.sent(report->samples.size());
  }

  EXPECT_EQ(hub.size() + lost, measured);
}

}  // namespace
}  // namespace firmware
