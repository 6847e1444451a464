#include "firmware/flash_log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "firmware/ram_storage.h"
#include "simulator/flash.h"

namespace firmware {
namespace {

using measurement::DecodedAnswer;
using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Report;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Stream;
using measurement::Uptime;
using measurement::Watts;
using simulator::SimulatedFlash;
using testing::ElementsAre;
using namespace std::chrono_literals;

// One chip, a sample each second: channel 0 draws 360 W in even minutes and 720 W in odd ones, so
// 100 or 200 mWh a second.
struct Meter {
  explicit Meter(SimulatedFlash& flash, FlashLogOptions options = {.fine_sectors = 4},
                 std::uint64_t its_boot = 1)
      : boot(its_boot), outbox(ram, window), log(flash, window, options) {}

  void measure(Uptime time, Stream stream = Stream::samples) {
    for (const Uptime until = now + time; now < until;) {
      now += 1s;
      const bool odd = now.count() / 60'000 % 2 == 1;
      imported += odd ? 200 : 100;
      Sample sample(1);
      sample.number = numbers[stream]++;
      sample.uptime = now;
      sample.put<Quantity::active_power>(0, Watts{odd ? 720.f : 360.f});
      sample.put<Quantity::imported>(0, MilliwattHours{imported});
      sample.put<Quantity::exported>(1, MilliwattHours{7});
      outbox.add({.device = "meter", .boot = boot, .stream = stream, .chips = 1}, sample);
      if (now % 10s == 0s) log.take(outbox);
    }
  }

  // All that is sent now, each report's first number.
  std::vector<std::uint64_t> send(Stream stream) {
    std::vector<std::uint64_t> sent;
    while (const auto report = log.next()) {
      for (const auto& sample : report->samples) {
        received[{report->header.boot, report->header.stream, sample.number}] = sample;
      }
      if (report->header.stream == stream) sent.push_back(report->samples[0].number);
      log.sent();
    }
    return sent;
  }

  // Everything, to a hub that confirms at once.
  void drain() {
    while (!log.empty()) {
      send(Stream::samples);
      DecodedAnswer answer;
      for (const auto& [name, sample] : received) {
        const auto& [of, stream, number] = name;
        auto* last = answer.count > 0 ? &answer.ranges[answer.count - 1] : nullptr;
        if (!last || last->boot != of || last->stream != stream || last->end != number) {
          last = &answer.ranges.at(answer.count++);
          *last = {of, stream, number, number};
        }
        ++last->end;
      }
      log.stored(answer);
    }
  }

  std::uint64_t boot;
  Uptime now{};
  std::int64_t imported = 0;
  std::map<Stream, std::uint64_t> numbers;
  std::map<std::tuple<std::uint64_t, Stream, std::uint64_t>, Sample> received;
  std::array<std::uint8_t, 8192> bytes;
  RamStorage ram{bytes};
  std::array<Sample, 20> window;
  Outbox outbox;
  FlashLog log;
};

DecodedAnswer has(std::initializer_list<StoredRange> ranges, bool asking_again = false) {
  DecodedAnswer answer;
  for (const auto& range : ranges) answer.ranges[answer.count++] = range;
  answer.asking_again = asking_again;
  return answer;
}

TEST(FlashLog, WhatTheHubDidNotConfirmIsThereAfterAPowerCut) {
  SimulatedFlash flash(8 * Flash::sector, 1);
  {
    Meter meter(flash);
    meter.measure(34s);
    EXPECT_EQ(meter.outbox.waiting(), 4u);
  }

  Meter again(flash, {.fine_sectors = 4}, 2);

  EXPECT_THAT(again.send(Stream::samples), ElementsAre(0, 10, 20));
  const auto& last = again.received.at({1, Stream::samples, 29});
  EXPECT_EQ(last.uptime, 30s);
  EXPECT_EQ(last.get<Quantity::active_power>(0)->value, 360);
  EXPECT_EQ(last.get<Quantity::imported>(0)->value, 3000);
}

TEST(FlashLog, WhatTheHubHasIsNotSentAgainEvenAfterARestart) {
  SimulatedFlash flash(8 * Flash::sector, 1);
  {
    Meter meter(flash);
    meter.measure(40s);
    meter.send(Stream::samples);
    meter.log.stored(has({{1, Stream::samples, 0, 25}}));
    meter.log.send_again();
    EXPECT_THAT(meter.send(Stream::samples), ElementsAre(20, 30));
  }

  Meter again(flash, {.fine_sectors = 4}, 2);
  EXPECT_THAT(again.send(Stream::samples), ElementsAre(20, 30));
  again.log.stored(has({{1, Stream::samples, 0, 40}}));
  EXPECT_TRUE(again.log.empty());
  EXPECT_FALSE(again.log.under_way());
}

TEST(FlashLog, AReportThatWasLostIsSentAgainAsSoonAsALaterOneIsConfirmed) {
  SimulatedFlash flash(8 * Flash::sector, 1);
  Meter meter(flash);
  meter.measure(50s);
  meter.send(Stream::samples);

  meter.log.stored(has({{1, Stream::samples, 0, 10}, {1, Stream::samples, 20, 40}}));

  EXPECT_THAT(meter.send(Stream::samples), ElementsAre(10));
}

TEST(FlashLog, AHubRestoredFromABackupGetsWhatIsStillThere) {
  SimulatedFlash flash(8 * Flash::sector, 1);
  Meter meter(flash);
  meter.measure(50s);
  meter.send(Stream::samples);
  meter.log.stored(has({{1, Stream::samples, 0, 50}}));
  ASSERT_TRUE(meter.log.empty());

  meter.log.stored(has({{1, Stream::samples, 0, 30}}, true));
  EXPECT_THAT(meter.send(Stream::samples), ElementsAre(30, 40));
  meter.log.stored(has({{1, Stream::samples, 0, 50}}));
  EXPECT_TRUE(meter.log.empty());

  meter.log.stored(has({{1, Stream::samples, 0, 50}}, true));
  EXPECT_TRUE(meter.log.empty());
}

TEST(FlashLog, WhatAgesBecomesMinutesOfMeanPowerAndTotals) {
  SimulatedFlash flash(12 * Flash::sector, 1);
  Meter meter(flash);

  meter.measure(45min);
  meter.drain();

  EXPECT_EQ(meter.log.lost(), 0u);
  std::set<std::uint64_t> fine, minutes;
  for (const auto& [name, sample] : meter.received) {
    (std::get<Stream>(name) == Stream::samples ? fine : minutes).insert(sample.number);
  }
  // Together they are whole: the samples reach back to where the minutes end.
  ASSERT_FALSE(minutes.empty());
  EXPECT_EQ(*minutes.begin(), 0u);
  EXPECT_EQ(minutes.size(), *minutes.rbegin() + 1);
  EXPECT_EQ(*fine.rbegin(), 2699u);
  EXPECT_EQ(fine.size(), *fine.rbegin() - *fine.begin() + 1);
  EXPECT_LE(*fine.begin(), 60 * minutes.size());
  // Minute 0 has the samples at 1 s to 59 s, minute 1 those at 60 s to 119 s.
  const auto& first = meter.received.at({1, Stream::coarse, 0});
  EXPECT_EQ(first.uptime, 59s);
  EXPECT_EQ(first.get<Quantity::active_power>(0)->value, 360);
  EXPECT_EQ(first.get<Quantity::imported>(0)->value, 5900);
  EXPECT_EQ(first.get<Quantity::exported>(1)->value, 7);
  EXPECT_FALSE(first.get<Quantity::active_power>(1));
  const auto& second = meter.received.at({1, Stream::coarse, 1});
  EXPECT_EQ(second.get<Quantity::active_power>(0)->value, 720);
  EXPECT_EQ(second.get<Quantity::imported>(0)->value, 5900 + 60 * 200);
}

TEST(FlashLog, AMinuteThatAPowerCutEndedIsKeptToo) {
  SimulatedFlash flash(12 * Flash::sector, 1);
  { Meter(flash).measure(150s); }
  Meter again(flash, {.fine_sectors = 4}, 2);
  again.measure(45min);

  again.drain();

  const auto& last = again.received.at({1, Stream::coarse, 2});
  EXPECT_EQ(last.uptime, 150s);
  EXPECT_EQ(last.get<Quantity::imported>(0)->value, 59 * 100 + 60 * 200 + 31 * 100);
  EXPECT_TRUE(again.received.contains({2, Stream::coarse, 0}));
  EXPECT_EQ(again.log.lost(), 0u);
}

TEST(FlashLog, WhatTheHubHasIsNotThinned) {
  SimulatedFlash flash(12 * Flash::sector, 1);
  Meter meter(flash);
  for (std::uint64_t minute = 1; minute <= 45; ++minute) {
    meter.measure(1min);
    meter.send(Stream::samples);
    meter.log.stored(has({{1, Stream::samples, 0, minute * 60}}));
  }

  for (const auto& [name, sample] : meter.received) {
    ASSERT_EQ(std::get<Stream>(name), Stream::samples);
  }
  EXPECT_TRUE(meter.log.empty());
}

TEST(FlashLog, EdgesThatFindNoRoomAreCounted) {
  SimulatedFlash flash(12 * Flash::sector, 1);
  Meter meter(flash);
  meter.measure(10s, Stream::edges);
  meter.measure(45min);

  meter.drain();

  EXPECT_EQ(meter.log.lost(), 10u);
  EXPECT_EQ(meter.received.count({1, Stream::edges, 0}), 0u);
}

TEST(FlashLog, WhenMinutesFindNoRoomTheOldestGoAndAreCounted) {
  SimulatedFlash flash(7 * Flash::sector, 1);
  Meter meter(flash);

  meter.measure(24h);
  meter.drain();

  std::uint64_t first = 24 * 60;
  for (const auto& [name, sample] : meter.received) {
    if (std::get<Stream>(name) == Stream::coarse) first = std::min(first, sample.number);
  }
  EXPECT_GT(first, 0u);
  EXPECT_EQ(meter.log.lost(), first);
}

}  // namespace
}  // namespace firmware
