#include "firmware/device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "firmware/ram_storage.h"
#include "simulator/board.h"
#include "simulator/step_load.h"

namespace firmware {
namespace {

using measurement::Answer;
using measurement::Quantity;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;

// A link with a hub at its other end.
class Hub final : public Transport {
 public:
  bool is_up() const override { return up; }
  unsigned connections() const override { return connected; }
  bool send(Post post, std::span<const std::uint8_t> report) override {
    if (post == Post::reply) {
      replies.emplace_back(report.begin(), report.end());
      return true;
    }
    if (deaf) return true;  // Taken by the link, and lost.
    std::vector<Sample> samples(measurement::max_samples_per_report);
    const auto decoded = measurement::decode(report, samples);
    EXPECT_TRUE(decoded);
    if (decoded->header.stream == measurement::Stream::edges) {
      edges = samples[decoded->count - 1].number + 1;
      edge_sweeps += decoded->count;
      return true;
    }
    for (std::size_t i = 0; i < decoded->count; ++i) {
      stored[samples[i].number] = samples[i];
      times[samples[i].number] = *decoded->header.booted_at + samples[i].uptime;
    }
    sizes.push_back(decoded->count);
    boot = decoded->header.boot;
    return true;
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    if (!requests.empty()) {
      const auto request = std::exchange(requests, {});
      std::ranges::copy(request, buffer.begin());
      return Received{Mail::request, request.size()};
    }
    if (stored.empty() || answered == stored.size()) return std::nullopt;
    answered = stored.size();
    std::vector<StoredRange> ranges;
    for (const auto& [number, sample] : stored) {
      if (ranges.empty() || ranges.back().end != number) {
        ranges.push_back({boot, measurement::Stream::samples, number, number});
      }
      ranges.back().end = number + 1;
    }
    ranges.push_back({boot, measurement::Stream::edges, 0, edges});
    return Received{Mail::stored, measurement::encode(Answer{.ranges = ranges}, buffer).value()};
  }

  bool up = true;
  bool deaf = false;
  unsigned connected = 1;
  std::uint64_t boot = 0;
  std::map<std::uint64_t, Sample> stored;
  std::map<std::uint64_t, Timestamp> times;
  std::vector<std::size_t> sizes;  // Of the reports, in samples.
  std::size_t answered = 0;
  std::uint64_t edges = 0, edge_sweeps = 0;  // The end of their numbers, and how many came.
  std::vector<std::uint8_t> requests;        // The next one.
  std::vector<std::vector<std::uint8_t>> replies;
};

// Says each request back two seconds later.
class Echo final : public Service {
 public:
  void take(std::span<const std::uint8_t> request, Uptime now) override {
    due = now + 2s;
    is_due = false;
    word.assign(request.begin(), request.end());
  }
  void step(Uptime now) override { is_due = now >= due; }
  std::span<const std::uint8_t> reply() const override {
    return is_due ? word : std::span<const std::uint8_t>();
  }
  void sent(Uptime) override { word.clear(); }
  std::optional<From> send_again() override { return std::exchange(from, std::nullopt); }

  std::optional<From> from;

 private:
  std::vector<std::uint8_t> word;
  Uptime due{};
  bool is_due = false;
};

class DeviceTest : public testing::Test {
 protected:
  DeviceTest() {
    for (std::size_t i = 0; i < board.chips(); ++i) {
      chips.emplace_back(board.bus(i), board.configs()[i]);
    }
    device.emplace(DeviceOptions{.name = "meter-1", .boot = 9}, chips, storage, window, hub);
    device->know_time(begin);
  }

  void live(std::chrono::seconds time) {
    for (const Uptime until = uptime + time; uptime < until; uptime += 250ms) {
      board.advance(begin + uptime);
      device->step(uptime);
    }
  }

  const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
  Uptime uptime{};
  simulator::StepLoad scene;
  simulator::Board board{scene};
  std::vector<Atm90e32> chips;
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(64 * 1024);
  RamStorage storage{bytes};
  std::array<Sample, 60> window;
  Hub hub;
  std::optional<Device> device;
};

TEST_F(DeviceTest, ALiveMeterSendsEachSampleAtOnce) {
  live(20s);

  // Samples at 1 s, 2 s, ... 19 s.
  EXPECT_EQ(hub.stored.size(), 19u);
  EXPECT_TRUE(std::ranges::all_of(hub.sizes, [](std::size_t n) { return n == 1; }));
  EXPECT_EQ(hub.times.at(4), begin + 5s);
}

TEST_F(DeviceTest, TwoMinutesWithoutALinkIsSentInLongRunsAfterwardsAndInFull) {
  hub.up = false;
  live(120s);
  EXPECT_TRUE(hub.stored.empty());

  hub.up = true;
  hub.connected = 2;
  live(10s);

  EXPECT_EQ(hub.stored.size(), 129u);
  EXPECT_EQ(std::ranges::max(hub.sizes), measurement::max_samples_per_report);
  EXPECT_EQ(device->outbox().lost(), 0u);
}

TEST_F(DeviceTest, ReportsThatTheLinkLostAreSentAgainAfterAWhile) {
  hub.deaf = true;
  live(5s);
  EXPECT_FALSE(device->hub_has_answered());
  hub.deaf = false;

  live(10s);

  EXPECT_TRUE(device->hub_has_answered());
  EXPECT_EQ(hub.stored.size(), 14u);
  EXPECT_TRUE(device->outbox().empty());
}

TEST_F(DeviceTest, EdgesAreToldAtOnceAndTakeNoRoomFromSamplesWhileThereIsNoHub) {
  device.emplace(DeviceOptions{.name = "meter-1", .boot = 9, .edges = usual_edges}, chips, storage,
                 window, hub);
  device->know_time(begin);
  const auto live_fast = [&](std::chrono::seconds time) {
    for (const Uptime until = uptime + time; uptime < until; uptime += 80ms) {
      board.advance(begin + uptime);
      device->step(uptime);
    }
  };
  live_fast(24s);
  // The load switches at 5, 10, 15 and 20 s: two sweeps before each, the one itself and six after.
  EXPECT_EQ(hub.edge_sweeps, 4 * 9u);

  hub.up = false;
  live_fast(15s);
  const auto waiting = device->outbox().waiting();
  live_fast(60s);
  EXPECT_EQ(device->outbox().waiting(), waiting + 60);

  hub.up = true;
  hub.connected = 2;
  live_fast(20s);
  EXPECT_EQ(device->outbox().lost(), 0u);
  EXPECT_TRUE(device->outbox().empty());
  EXPECT_GT(hub.edge_sweeps, 4 * 9 + 2 * 9u);
}

TEST_F(DeviceTest, AThinnedMeterTellsMinutesOnlyAndTheirEnergyIsTheMeters) {
  Coarse coarse;
  device->thin(coarse);

  live(200s);

  // At 1, 2 and 3 minutes; the totals are in the first.
  ASSERT_EQ(hub.stored.size(), 3u);
  EXPECT_EQ(hub.times.at(1), begin + 2min);
  EXPECT_NEAR(hub.stored.at(1).get<Quantity::active_power>(0)->value, 600, 20);
  // 600 W on average, of the first minute all but the second of the start: 10 Wh.
  EXPECT_NEAR(static_cast<double>(hub.stored.at(0).get<Quantity::imported>(0)->value), 10'000, 700);
  EXPECT_FALSE(hub.stored.at(1).get<Quantity::imported>(0));
}

TEST_F(DeviceTest, ARequestIsAnsweredWhenItsAnswerIsThereAndTheLinkIsUp) {
  Echo echo;
  device->serve(echo);
  hub.requests = {1, 2, 3};
  live(1s);
  EXPECT_TRUE(hub.replies.empty());
  hub.up = false;
  live(3s);
  EXPECT_TRUE(hub.replies.empty());

  hub.up = true;
  live(2s);

  EXPECT_EQ(hub.replies, (std::vector<std::vector<std::uint8_t>>{{1, 2, 3}}));
}

TEST_F(DeviceTest, WhatIsAskedForAgainIsSentAgainFromThereOn) {
  Echo echo;
  device->serve(echo);
  live(20s);
  ASSERT_TRUE(device->outbox().empty());
  hub.sizes.clear();

  echo.from = Service::From{.number = 10};
  live(1s);

  // Samples 10 to 18 again, and with them the next.
  EXPECT_EQ(hub.sizes, (std::vector<std::size_t>{10}));
}

TEST_F(DeviceTest, AMeterThatTakesNoRequestsGoesOn) {
  hub.requests = {1, 2, 3};

  live(5s);

  EXPECT_TRUE(hub.replies.empty());
  EXPECT_EQ(hub.stored.size(), 4u);
}

TEST_F(DeviceTest, WhatTheClampSeesIsWhatArrives) {
  live(30s);

  // The load is 100 W or 1,100 W, five seconds each. A sample just after a step may lie between.
  const auto is_a_step = [](const auto& entry) {
    const auto power = entry.second.template get<Quantity::active_power>(0);
    return power && (std::abs(power->value - 100) < 1 || std::abs(power->value - 1100) < 1);
  };
  EXPECT_GE(std::ranges::count_if(hub.stored, is_a_step), 20);
  // Fifteen seconds each: 30 s x 600 W = 5 Wh, less the second of the start.
  const auto imported = hub.stored.rbegin()->second.get<Quantity::imported>(0);
  ASSERT_TRUE(imported);
  EXPECT_NEAR(static_cast<double>(imported->value), 5'000, 700);
}

}  // namespace
}  // namespace firmware
