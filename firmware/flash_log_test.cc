#include "firmware/flash_log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "firmware/device.h"
#include "firmware/ram_storage.h"
#include "simulator/board.h"
#include "simulator/flash.h"
#include "simulator/household.h"
#include "simulator/neighbours.h"

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
  // Together they are whole: the samples reach back to where the minutes end, and hardly further.
  ASSERT_FALSE(minutes.empty());
  EXPECT_EQ(*minutes.begin(), 0u);
  EXPECT_EQ(minutes.size(), *minutes.rbegin() + 1);
  EXPECT_EQ(*fine.rbegin(), 2699u);
  EXPECT_EQ(fine.size(), *fine.rbegin() - *fine.begin() + 1);
  EXPECT_LE(*fine.begin(), 60 * minutes.size());
  EXPECT_GE(*fine.begin() + 11, 60 * minutes.size());
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

// ---- Capacity and wear --------------------------------------------------------------------------

// Four simulated households on 42 clamps, from 18:00 on: one hour, which then repeats.
class Evening {
 public:
  Evening() {
    const measurement::Timestamp begin =
        std::chrono::sys_days(std::chrono::year(2026) / 4 / 1) + 18h;
    std::vector<std::unique_ptr<simulator::Scene>> homes;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      homes.push_back(std::make_unique<simulator::Household>(simulator::HouseholdOptions{
          .house = simulator::House::us, .seed = seed, .begin = begin}));
    }
    simulator::Repeated scene(std::move(homes), measurement::max_channels);
    simulator::Board board(scene);
    std::vector<Atm90e32> chips;
    for (std::size_t i = 0; i < board.chips(); ++i)
      chips.emplace_back(board.bus(i), board.configs()[i]);
    Sampler sampler(chips);
    for (Uptime now{}; seconds_.size() < 3600; now += 1s) {
      board.advance(begin + now);
      if (const auto* sample = sampler.step(now)) seconds_.push_back(*sample);
    }
  }

  Sample at(std::uint64_t second) const {
    auto sample = seconds_[second % 3600];
    sample.number = second;
    sample.uptime = Uptime(1000 * static_cast<std::int64_t>(second + 1));
    for (std::size_t c = 0; c < sample.channels(); ++c) {
      for (const auto total : {Quantity::imported, Quantity::exported}) {
        const auto an_hour = seconds_.back().steps(total, c);
        const auto steps = sample.steps(total, c);
        if (!steps || !an_hour) continue;
        sample.put_steps(total, c, *steps + *an_hour * static_cast<std::int64_t>(second / 3600));
      }
    }
    return sample;
  }

 private:
  std::vector<Sample> seconds_;
};

struct Held {
  double fine_s = 0, coarse_s = 0;  // What is in the flash, by its samples.
  double coarse_full = 0;           // Share of the coarse ring that this takes.
  std::uint64_t lost = 0;
  double erases_a_day = 0;  // Of the most worn sector.
};

// What a partition holds after so long without a hub.
Held fill(const Evening& evening, std::size_t partition, const FlashLogOptions& options,
          std::chrono::seconds time) {
  SimulatedFlash flash(partition, 1);
  std::array<Sample, 20> window;
  std::vector<std::uint8_t> bytes(32 * 1024);
  RamStorage ram(bytes);
  Outbox outbox(ram, window);
  FlashLog log(flash, window, options);
  for (std::uint64_t second = 0; second < static_cast<std::uint64_t>(time.count()); ++second) {
    outbox.add({.device = "meter", .boot = 1, .chips = measurement::max_chips}, evening.at(second));
    if (second % 10 == 9) log.take(outbox);
  }
  Held held{.lost = log.lost()};
  const auto sectors = partition / Flash::sector;
  const auto span = [&](FlashRing& ring) {
    FlashRing::Place place = ring.tail();
    std::uint64_t samples = 0;
    for (auto head = ring.find(place); head; head = ring.find(place)) {
      if (!head->is_thinned()) samples += head->count;
      place = ring.after(place, *head);
    }
    return static_cast<double>(samples);
  };
  FlashRing fine(flash, 0, options.fine_sectors);
  FlashRing coarse(flash, options.fine_sectors, sectors - options.fine_sectors);
  held.fine_s = span(fine);
  held.coarse_s = span(coarse) * std::chrono::duration<double>(options.coarse_period).count();
  held.coarse_full = static_cast<double>(coarse.head() - coarse.tail()) /
                     static_cast<double>(coarse.sectors() * FlashRing::room);
  const double days = std::chrono::duration<double>(time).count() / 86'400;
  held.erases_a_day = *std::ranges::max_element(flash.erases()) / days;
  return held;
}

TEST(FlashLog, HoldsADayOf42ChannelsIn900KilobytesAndFourDaysInTwelveMegabytes) {
  const Evening evening;
  const std::size_t small = 220 * Flash::sector;
  const std::size_t large = 3072 * Flash::sector;
  // A sixteenth of the large one for a sixteenth of the time.
  const auto of_large = FlashLogOptions::of(large);
  const FlashLogOptions sixteenth{.fine_sectors = of_large.fine_sectors / 16,
                                  .coarse_period = of_large.coarse_period};

  const auto day = fill(evening, small, FlashLogOptions::of(small), 24h + 20min);
  const auto days = fill(evening, large / 16, sixteenth, (4 * 24h + 1h) / 16);

  EXPECT_EQ(day.lost, 0u);
  EXPECT_GE(day.fine_s, 20 * 60);
  EXPECT_GE(day.fine_s + day.coarse_s, (24 * 60 + 20) * 60);
  EXPECT_EQ(days.lost, 0u);
  EXPECT_GE(16 * days.fine_s, 3600);
  EXPECT_GE(16 * (days.coarse_s + days.fine_s), 4 * 86'400);
  for (const auto& [name, held, scale] :
       {std::tuple("0.9 MB, minutes", day, 1.0), std::tuple("12 MB, 10 s", days, 16.0)}) {
    fmt::print(
        "{}: {:.1f} h at 1 s, {:.1f} h thinned in {:.0f} % of its room, {} lost; {:.1f} erases a "
        "day "
        "of the most worn sector while the hub is away, {:.0f} years to 100,000.\n",
        name, held.fine_s * scale / 3600, held.coarse_s * scale / 3600, 100 * held.coarse_full,
        held.lost, held.erases_a_day / scale, 100'000 / (held.erases_a_day / scale) / 365);
  }
  EXPECT_GE(100'000 / day.erases_a_day / 365, 5);
}

TEST(FlashLog, ItsStateFitsTheMemoryOfAMeter) {
  fmt::print(
      "Bytes of state: outbox {}, flash log {}, edge watch {}, device with them {}; a sample {}.\n",
      sizeof(Outbox), sizeof(FlashLog), sizeof(EdgeWatch), sizeof(Device) + sizeof(FlashLog),
      sizeof(Sample));
  EXPECT_LE(sizeof(Outbox), 2304u);
  EXPECT_LE(sizeof(FlashLog), 4608u);
  EXPECT_LE(sizeof(Device) + sizeof(FlashLog), 24u * 1024);
}

}  // namespace
}  // namespace firmware
