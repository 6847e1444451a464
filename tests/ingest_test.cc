// Meter's link, broker, ingest, hub and store together, with bytes as they come over the air.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <vector>

#include "firmware/boards/linux/mqtt_transport.h"
#include "hub/files/disk.h"
#include "hub/hub.h"
#include "hub/ingest/mqtt_ingest.h"
#include "hub/net/mqtt_client.h"
#include "hub/store/sqlite_store.h"
#include "lenz/broker.h"
#include "measurement/report_codec.h"

namespace {

using firmware::linux_board::MqttTransport;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Timestamp;
using namespace std::chrono_literals;

class IngestTest : public testing::Test {
 protected:
  IngestTest() { hub.admit("meter-1"); }
  ~IngestTest() override { std::filesystem::remove_all(folder); }

  // What is sent before is lost by the broker: a meter would send it again.
  void SetUp() override {
    ASSERT_TRUE(comes_true([&] { return ingest.is_connected(); }));
  }

  static std::string make_folder() {
    auto name = (std::filesystem::temp_directory_path() / "lenz-test-XXXXXX").string();
    return mkdtemp(name.data());
  }

  // Lets everybody work until it is so, or three seconds have gone by.
  bool comes_true(const std::function<bool()>& is_so) {
    const auto until = std::chrono::steady_clock::now() + 3s;
    while (!is_so() && std::chrono::steady_clock::now() < until) {
      meter.poll(2);
      context.poll();
      context.restart();
      while (const auto received = meter.receive(buffer)) {
        const auto answer = measurement::decode_answer(std::span(buffer).first(received->size));
        if (answer) stored.assign(answer->ranges.begin(), answer->ranges.begin() + answer->count);
      }
    }
    return is_so();
  }

  bool send(std::uint64_t number, const char* name = "meter-1") {
    Sample sample(1);
    sample.number = number;
    sample.uptime = measurement::Uptime(1000 * (static_cast<std::int64_t>(number) + 1));
    sample.put<measurement::Quantity::active_power>(0, measurement::Watts{100});
    std::vector<std::uint8_t> bytes(4096);
    const auto used = measurement::encode(
        {{.device = name, .boot = 7, .chips = 1, .booted_at = booted}, {&sample, 1}}, bytes);
    return meter.send(firmware::Post::report, std::span(bytes).first(used.value()));
  }

  bool has(std::uint64_t begin, std::uint64_t end) const {
    return stored == std::vector<StoredRange>{{7, measurement::Stream::samples, begin, end}};
  }

  const std::string folder = make_folder();
  const Timestamp booted = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1);
  Timestamp now = booted;  // At the hub.
  std::vector<std::string> said;
  lenz::Broker broker{"home", {{lenz::hub_user, "one"}, {"meter-1", "two"}, {"meter-2", "three"}}};
  boost::asio::io_context context;
  hub::Disk disk;
  hub::SqliteStore store{disk, folder};
  hub::LiveFeed live;
  hub::Hub hub{store, live};
  hub::MqttIngest ingest{
      context,
      {{"home", &hub}},
      {.port = broker.port(), .password = "one"},
      [this] { return now; },
      [this](const std::string& text) { said.push_back(text); },
      {.replied = [this](std::string_view home, std::string_view device, std::string_view bytes) {
        said.push_back(fmt::format("{}/{}: {}", home, device, bytes));
      }}};
  MqttTransport meter{
      {.port = broker.port(), .home = "home", .device = "meter-1", .password = "two"}};
  std::array<std::uint8_t, 1024> buffer;
  std::vector<StoredRange> stored;
};

TEST_F(IngestTest, WhatIsStoredIsAcknowledgedToTheMeter) {
  ASSERT_TRUE(comes_true([&] { return meter.is_up(); }));

  ASSERT_TRUE(comes_true([&] { return send(0); }));

  EXPECT_TRUE(comes_true([&] { return has(0, 1); }));
}

TEST_F(IngestTest, BytesThatAreNoReportAreRefusedWithASentenceAndTheNextReportIsTaken) {
  ASSERT_TRUE(comes_true([&] { return meter.is_up() && send(0); }));
  ASSERT_TRUE(comes_true([&] { return has(0, 1); }));

  const std::vector<std::uint8_t> noise = {0xDE, 0xAD, 0xBE, 0xEF};
  ASSERT_TRUE(meter.send(firmware::Post::report, noise));
  ASSERT_TRUE(comes_true([&] { return ingest.traffic().refused == 1; }));
  ASSERT_TRUE(send(1));

  EXPECT_TRUE(comes_true([&] { return has(0, 2); }));
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0],
            "A report of meter-1 was refused: These bytes are not a report, or a part of one is "
            "missing.");
}

TEST_F(IngestTest, AMeterCannotSpeakForAnother) {
  ASSERT_TRUE(comes_true([&] { return meter.is_up() && send(0); }));
  ASSERT_TRUE(comes_true([&] { return has(0, 1); }));

  ASSERT_TRUE(send(1, "meter-2"));  // On its own topic, in another's name.

  ASSERT_TRUE(comes_true([&] { return ingest.traffic().refused == 1; }));
  EXPECT_EQ(store.devices().value(), std::vector<std::string>{"meter-1"});
}

TEST_F(IngestTest, AMeterCannotWriteToTheTopicsOfAnother) {
  hub.admit("meter-2");
  MqttTransport intruder(
      {.port = broker.port(), .home = "home", .device = "meter-2", .password = "two"});

  EXPECT_FALSE(comes_true([&] {
    intruder.poll(0);
    return intruder.is_up();
  }));
  EXPECT_NE(intruder.trouble().find("does not answer"), std::string::npos);
}

TEST_F(IngestTest, AMeterIsAskedAndReplies) {
  std::string told;
  hub::MqttClient board(context,
                        {.port = broker.port(),
                         .user = "meter-1",
                         .password = "two",
                         .topics = {"lenz/home/meter-1/request"}},
                        {.connected = [] {},
                         .heard = [&](const hub::MqttMessage& message) { told = message.payload; },
                         .heard_all = [] {},
                         .lost = [](const std::string&) {}});
  ASSERT_TRUE(
      comes_true([&] { return ingest.ask("home", "meter-1", "request") && !told.empty(); }));
  EXPECT_EQ(told, "request");

  ASSERT_TRUE(board.publish("lenz/home/meter-1/reply", "reply", false));

  ASSERT_TRUE(comes_true([&] { return !said.empty(); }));
  EXPECT_EQ(said[0], "home/meter-1: reply");
}

TEST_F(IngestTest, AHubWhoseClockJumpsBackAnHourLosesNothing) {
  ASSERT_TRUE(comes_true([&] { return meter.is_up() && send(0); }));
  ASSERT_TRUE(comes_true([&] { return has(0, 1); }));

  now -= 1h;
  ASSERT_TRUE(send(1));

  EXPECT_TRUE(comes_true([&] { return has(0, 2); }));
  EXPECT_EQ(ingest.traffic().refused, 0u);
}

TEST_F(IngestTest, WhenTheBrokerIsGoneTheHubSaysSoOnceAndComesBack) {
  ASSERT_TRUE(comes_true([&] { return meter.is_up() && send(0); }));
  ASSERT_TRUE(comes_true([&] { return has(0, 1); }));

  broker.kill();
  ASSERT_TRUE(comes_true([&] { return !meter.is_up() && !said.empty(); }));
  broker.start();
  ASSERT_TRUE(comes_true([&] { return meter.is_up() && meter.connections() == 2; }));

  // What is sent before the hub is back, too, is lost by the broker: a meter sends it again.
  EXPECT_TRUE(comes_true([&] {
    send(1);
    return has(0, 2);
  }));
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("meters keep their samples"), std::string::npos);
}

TEST_F(IngestTest, AHubThatStartsTellsMetersWhatItHas) {
  ASSERT_TRUE(comes_true([&] { return meter.is_up() && send(0); }));
  ASSERT_TRUE(comes_true([&] { return has(0, 1); }));
  stored.clear();

  const hub::MqttIngest second(
      context, {{"home", &hub}}, {.port = broker.port(), .password = "one"}, [this] { return now; },
      [](const std::string&) {}, {});

  EXPECT_TRUE(comes_true([&] { return has(0, 1); }));
}

}  // namespace
