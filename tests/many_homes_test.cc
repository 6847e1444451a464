// Several homes, and several hubs, at one broker.

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "firmware/boards/linux/mqtt_transport.h"
#include "hub/files/simulated_disk.h"
#include "hub/hub.h"
#include "hub/ingest/mqtt_ingest.h"
#include "hub/store/sqlite_store.h"
#include "lenz/broker.h"
#include "measurement/report_codec.h"

namespace {

using firmware::linux_board::MqttTransport;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Timestamp;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

const Timestamp booted = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);

// A home's disk and what is on it.
struct StoredHome {
  StoredHome() { hub.admit("meter-1"); }

  std::uint64_t samples() {
    const auto ranges = store.stored("meter-1", 1000).value();
    std::uint64_t count = 0;
    for (const auto& range : ranges) count += range.end - range.begin;
    return count;
  }

  hub::SimulatedDisk disk;
  hub::SqliteStore store{disk, "/data"};
  hub::LiveFeed live;
  hub::Hub hub{store, live};
};

struct Meter {
  Meter(int port, const std::string& home)
      : link({.port = port,
              .home = home,
              .device = "meter-1",
              .user = lenz::broker_user(home, "meter-1", false),
              .password = "meter"}) {}

  bool send(std::uint64_t number) {
    Sample sample(1);
    sample.number = number;
    sample.uptime = measurement::Uptime(1000 * (static_cast<std::int64_t>(number) + 1));
    sample.put<measurement::Quantity::active_power>(0, measurement::Watts{100});
    std::array<std::uint8_t, 4096> bytes;
    const auto used = measurement::encode(
        {{.device = "meter-1", .boot = 7, .chips = 1, .booted_at = booted}, {&sample, 1}}, bytes);
    return link.send(firmware::Post::report, std::span(bytes).first(used.value()));
  }

  void poll() {
    link.poll(1);
    std::array<std::uint8_t, 1024> buffer;
    while (const auto received = link.receive(buffer)) {
      const auto answer = measurement::decode_answer(std::span(buffer).first(received->size));
      if (!answer) continue;
      for (std::size_t i = 0; i < answer->count; ++i) {
        for (auto n = answer->ranges[i].begin; n < answer->ranges[i].end; ++n)
          acknowledged.insert(n);
      }
    }
  }

  MqttTransport link;
  std::set<std::uint64_t> acknowledged;
};

class ManyHomesTest : public testing::Test {
 protected:
  // Lets everybody work until it is so, or five seconds have gone by.
  bool comes_true(const std::function<bool()>& is_so) {
    const auto until = steady_clock::now() + 5s;
    while (!is_so() && steady_clock::now() < until) {
      for (auto& meter : meters) meter.poll();
      context.poll();
      context.restart();
    }
    return is_so();
  }

  std::unique_ptr<hub::MqttIngest> ingest_of(hub::MqttIngest::Hubs hubs,
                                             hub::MqttIngest::Options options = {}) {
    auto ingest = std::make_unique<hub::MqttIngest>(
        context, std::move(hubs), hub::BrokerAddress{.port = broker.port(), .password = "hub"},
        [] { return booted; }, [this](const std::string& text) { said.push_back(text); },
        std::move(options));
    EXPECT_TRUE(comes_true([&] { return ingest->is_connected(); }));
    return ingest;
  }

  Meter& meter_of(const std::string& home) {
    auto& meter = meters.emplace_back(broker.port(), home);
    EXPECT_TRUE(comes_true([&] { return meter.link.is_up(); }));
    return meter;
  }

  lenz::Broker broker{std::vector<lenz::BrokerAccount>{
      {"hub", "hub", "+", "+", true},
      {"elm/meter-1", "meter", "elm", "meter-1"},
      {"oak/meter-1", "meter", "oak", "meter-1"},
  }};
  boost::asio::io_context context;
  std::vector<std::string> said;
  StoredHome elm, oak;
  std::deque<Meter> meters;
};

TEST_F(ManyHomesTest, TwoMetersOfOneNameAreStoredEachInItsOwnHome) {
  const auto ingest = ingest_of({{"elm", &elm.hub}, {"oak", &oak.hub}});
  auto& at_elm = meter_of("elm");
  auto& at_oak = meter_of("oak");

  ASSERT_TRUE(at_elm.send(0) && at_elm.send(1) && at_oak.send(0));

  EXPECT_TRUE(comes_true([&] {
    return at_elm.acknowledged == std::set<std::uint64_t>{0, 1} &&
           at_oak.acknowledged == std::set<std::uint64_t>{0};
  }));
  EXPECT_EQ(elm.samples(), 2u);
  EXPECT_EQ(oak.samples(), 1u);
}

TEST_F(ManyHomesTest, AHomeWhoseDiskIsFullDisturbsNoOther) {
  const auto ingest = ingest_of({{"elm", &elm.hub}, {"oak", &oak.hub}});
  auto& at_elm = meter_of("elm");
  auto& at_oak = meter_of("oak");
  elm.disk.set_capacity(elm.disk.used());

  ASSERT_TRUE(at_elm.send(0) && at_oak.send(0));

  EXPECT_TRUE(comes_true([&] { return at_oak.acknowledged.contains(0) && !said.empty(); }));
  EXPECT_TRUE(at_elm.acknowledged.empty());
  EXPECT_NE(said.at(0).find("elm"), std::string::npos) << said.at(0);
}

TEST_F(ManyHomesTest, WhatArrivesWithinTheGroupCommitSharesOneSync) {
  const auto ingest = ingest_of({{"elm", &elm.hub}}, {.commit_every = 300ms});
  auto& meter = meter_of("elm");
  ASSERT_TRUE(meter.send(0));
  ASSERT_TRUE(comes_true([&] { return meter.acknowledged.contains(0); }));
  const auto before = elm.disk.written().syncs;

  for (std::uint64_t n = 1; n <= 10; ++n) ASSERT_TRUE(meter.send(n));
  ASSERT_TRUE(comes_true([&] { return meter.acknowledged.contains(10); }));

  EXPECT_EQ(elm.disk.written().syncs - before, 1u);
}

TEST_F(ManyHomesTest, TheLivePageDoesNotWaitForAGroupCommitOfThirtySeconds) {
  const auto ingest = ingest_of({{"elm", &elm.hub}}, {.commit_every = 30s});
  auto& meter = meter_of("elm");
  int told = 0;
  const auto listening = elm.live.subscribe([&](const hub::LiveFeed::Moment&) { ++told; });

  ASSERT_TRUE(meter.send(0));

  EXPECT_TRUE(comes_true([&] { return told == 1; }));
  EXPECT_TRUE(meter.acknowledged.empty());
}

TEST_F(ManyHomesTest, WhatTheInboxHasNoRoomForIsNotAcknowledgedAndSaidOnce) {
  const auto ingest = ingest_of({{"elm", &elm.hub}}, {.most_inbox_bytes = 1});
  auto& meter = meter_of("elm");

  ASSERT_TRUE(meter.send(0) && meter.send(1));

  ASSERT_TRUE(comes_true([&] { return ingest->traffic().overflowed == 2; }));
  EXPECT_FALSE(elm.store.last("meter-1")->has_value());
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("More reports come than this hub can store"), std::string::npos);
}

TEST_F(ManyHomesTest, HomesThatAreDividedOverTwoHubsReachTheirOwn) {
  const auto first = ingest_of({{"elm", &elm.hub}});
  const auto second = ingest_of({{"oak", &oak.hub}});
  auto& at_elm = meter_of("elm");
  auto& at_oak = meter_of("oak");

  ASSERT_TRUE(at_elm.send(0) && at_oak.send(0));

  EXPECT_TRUE(comes_true(
      [&] { return at_elm.acknowledged.contains(0) && at_oak.acknowledged.contains(0); }));
  EXPECT_EQ(first->traffic().reports, 1u);
  EXPECT_EQ(second->traffic().reports, 1u);
  EXPECT_EQ(first->traffic().refused + second->traffic().refused, 0u);
}

// One engine behind two hubs: here the same store.
TEST_F(ManyHomesTest, HubsThatShareASubscriptionDivideTheReportsAndLoseNone) {
  const auto first = ingest_of({{"elm", &elm.hub}}, {.share = "hubs"});
  const auto second = ingest_of({{"elm", &elm.hub}}, {.share = "hubs"});
  auto& meter = meter_of("elm");

  for (std::uint64_t n = 0; n < 20; ++n) {
    bool is_sent = false;
    ASSERT_TRUE(comes_true([&] { return is_sent = is_sent || meter.send(n); }));
  }

  EXPECT_TRUE(comes_true([&] { return meter.acknowledged.size() == 20; }));
  EXPECT_EQ(elm.samples(), 20u);
  EXPECT_GT(first->traffic().reports, 0u);
  EXPECT_GT(second->traffic().reports, 0u);
  EXPECT_EQ(first->traffic().reports + second->traffic().reports, 20u);
}

TEST_F(ManyHomesTest, WhenOneOfTheHubsThatShareEndsTheOtherTakesAll) {
  auto first = ingest_of({{"elm", &elm.hub}}, {.share = "hubs"});
  const auto second = ingest_of({{"elm", &elm.hub}}, {.share = "hubs"});
  auto& meter = meter_of("elm");
  ASSERT_TRUE(meter.send(0));
  ASSERT_TRUE(comes_true([&] { return meter.acknowledged.size() == 1; }));

  first.reset();

  // What the broker had given to the one that ended, a meter sends again.
  EXPECT_TRUE(comes_true([&] {
    for (std::uint64_t n = 1; n <= 5; ++n) {
      if (!meter.acknowledged.contains(n)) meter.send(n);
    }
    return meter.acknowledged.size() == 6;
  }));
  EXPECT_EQ(elm.samples(), 6u);
}

}  // namespace
