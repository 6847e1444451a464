// The ESPHome component against stand-ins for ESPHome and simulated chips.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <set>
#include <string>

#include "esphome/core/application.h"
#include "esphome/core/hal.h"
#include "firmware/boards/esphome/components/lenz/lenz.h"
#include "measurement/request_codec.h"
#include "simulator/atm90e32_chip.h"

namespace {

using measurement::Quantity;
using measurement::Sample;
using simulator::Atm90e32Chip;
using simulator::ChipInput;

constexpr std::uint16_t gain_voltage = 0x4000, gain_ct = 0x2000;

// A node of two chips, as the code that ESPHome generates builds it.
struct Node {
  Node(std::deque<Atm90e32Chip>& wired, std::uint16_t yaml_gain = gain_ct) {
    meter.set_mqtt(&client);
    meter.set_home("home");
    meter.set_device("cellar");
    meter.set_outbox(64 * 1024);
    meter.set_version("1.2.3");
    for (std::size_t chip = 0; chip < chips.size(); ++chip) {
      chips[chip].wired_to = [&target = wired[chip]](auto bytes) { target.exchange(bytes); };
      chips[chip].set_line_frequency(50);
      chips[chip].set_update_interval(10'000);
      chips[chip].set_channel(0, {.voltage_gain = gain_voltage, .current_gain = yaml_gain});
      chips[chip].add_sensor(Quantity::voltage, 0, &volts[chip]);
      chips[chip].add_sensor(Quantity::active_power, 0, &watts[chip]);
      chips[chip].setup();
      meter.add_chip(&chips[chip]);
    }
    meter.setup();
  }

  std::array<esphome::sensor::Sensor, 2> volts, watts;
  std::array<esphome::lenz::Chip, 2> chips;
  esphome::mqtt::MQTTClientComponent client;
  esphome::lenz::Meter meter;
};

class EsphomeComponent : public testing::Test {
 protected:
  void SetUp() override { esphome::stub_preferences.kept.clear(); }

  void run(Node& node, std::chrono::milliseconds how_long) {
    constexpr std::chrono::milliseconds step{50};
    for (auto passed = step; passed <= how_long; passed += step) {
      esphome::stub_millis += static_cast<std::uint32_t>(step.count());
      for (auto& chip : wired) {
        chip.apply(mains);
        chip.advance(step);
      }
      node.meter.loop();
    }
  }

  // The reports that the node published, decoded.
  static std::vector<std::pair<measurement::ReportHeader, std::vector<Sample>>> reports(
      const Node& node) {
    std::vector<std::pair<measurement::ReportHeader, std::vector<Sample>>> all;
    for (const auto& [topic, bytes] : node.client.published) {
      if (topic != "lenz/home/cellar/report") continue;
      std::vector<Sample> samples(measurement::max_samples_per_report);
      const auto decoded = measurement::decode(
          {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, samples);
      if (!decoded) continue;
      samples.resize(decoded->count);
      all.emplace_back(decoded->header, samples);
    }
    return all;
  }

  static void acknowledge(Node& node, std::uint64_t boot, std::uint64_t end) {
    const std::array ranges = {measurement::StoredRange{.boot = boot, .end = end}};
    std::array<std::uint8_t, 256> bytes;
    const auto used = measurement::encode(measurement::Answer{.ranges = ranges}, bytes);
    node.client.subscribed.at("lenz/home/cellar/stored")(
        "", {reinterpret_cast<const char*>(bytes.data()), *used});
  }

  measurement::DecodedReply ask(Node& node, const measurement::Request& request) {
    std::array<std::uint8_t, measurement::max_request_bytes> asked;
    const auto used = measurement::encode(request, asked);
    node.client.subscribed.at("lenz/home/cellar/request")(
        "", {reinterpret_cast<const char*>(asked.data()), *used});
    run(node, std::chrono::seconds(2));
    std::string bytes;
    for (const auto& [topic, said] : node.client.published) {
      if (topic == "lenz/home/cellar/reply") bytes = said;
    }
    measurement::DecodedReply reply;
    const std::span said(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    EXPECT_TRUE(measurement::decode_reply(said, reply)) << "no reply";
    return reply;
  }

  const ChipInput mains = [] {
    ChipInput input;
    input.frequency = {50};
    input.voltage.fill({230});
    for (auto& channel : input.channels) channel = {.fundamental_power = {690}, .current = {3}};
    return input;
  }();
  std::deque<Atm90e32Chip> wired = [] {
    std::deque<Atm90e32Chip> chips;
    chips.emplace_back();
    chips.emplace_back();
    return chips;
  }();
};

TEST_F(EsphomeComponent, TheHubGetsNumberedTimedSamplesAndTheEntitiesShowTheSame) {
  Node node(wired);
  run(node, std::chrono::seconds(15));

  const auto sent = reports(node);
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.front().first.device, "cellar");
  EXPECT_EQ(sent.front().first.chips, 2u);
  EXPECT_TRUE(sent.back().first.booted_at.has_value());
  std::set<std::uint64_t> numbers;
  for (const auto& [header, samples] : sent) {
    for (const auto& sample : samples) numbers.insert(sample.number);
  }
  EXPECT_THAT(numbers, testing::SizeIs(testing::Ge(13u)));
  EXPECT_EQ(*numbers.rbegin() + 1, numbers.size()) << "a number is missing";

  // What an entity shows is what some sample said; it changes every 10 s.
  for (std::size_t chip = 0; chip < 2; ++chip) {
    EXPECT_EQ(node.watts[chip].published, 1);
    bool found = false;
    for (const auto& [header, samples] : sent) {
      for (const auto& sample : samples) {
        const auto watts = sample.get<Quantity::active_power>(chip * 3);
        found |= watts && watts->value == node.watts[chip].state;
      }
    }
    EXPECT_TRUE(found) << node.watts[chip].state;
    EXPECT_GT(node.watts[chip].state, 1.0f);
    EXPECT_GT(node.volts[chip].state, 1.0f);
  }
}

TEST_F(EsphomeComponent, SamplesOfAnOutageAreSentAfterIt) {
  Node node(wired);
  run(node, std::chrono::seconds(5));
  node.client.connected = false;
  run(node, std::chrono::seconds(60));
  node.client.connected = true;
  run(node, std::chrono::seconds(5));

  std::set<std::uint64_t> numbers;
  std::uint64_t boot = 0;
  for (const auto& [header, samples] : reports(node)) {
    boot = header.boot;
    for (const auto& sample : samples) numbers.insert(sample.number);
  }
  EXPECT_GE(numbers.size(), 65u);
  EXPECT_EQ(*numbers.rbegin() + 1, numbers.size());

  acknowledge(node, boot, numbers.size());
  node.client.published.clear();
  run(node, std::chrono::seconds(10));
  const auto later = reports(node);
  ASSERT_FALSE(later.empty());
  for (const auto& [header, samples] : later) {
    for (const auto& sample : samples) EXPECT_GE(sample.number, numbers.size());
  }
}

TEST_F(EsphomeComponent, ACalibrationFromTheHubIsKeptUntilTheYamlSaysOtherwise) {
  Node node(wired);
  run(node, std::chrono::seconds(3));
  const firmware::ChannelConfig from_yaml{.voltage_gain = gain_voltage, .current_gain = gain_ct};
  auto wanted = from_yaml;
  wanted.current_gain = gain_ct + 100;
  const auto answer = ask(node, {.id = 5,
                                 .kind = measurement::Request::Kind::write_words,
                                 .channel = 0,
                                 .expected = from_yaml,
                                 .wanted = wanted});
  ASSERT_EQ(answer.reply.outcome, measurement::Reply::Outcome::done);

  Node again(wired);
  EXPECT_EQ(again.chips[0].config().channels[0].current_gain, gain_ct + 100);
  Node other(wired, gain_ct + 7);
  EXPECT_EQ(other.chips[0].config().channels[0].current_gain, gain_ct + 7);
}

TEST_F(EsphomeComponent, ItTellsItsVersionAndRestartsWhenAsked) {
  Node node(wired);
  run(node, std::chrono::seconds(3));
  const auto told = ask(node, {.id = 6, .kind = measurement::Request::Kind::diagnostics});
  EXPECT_EQ(std::string(told.firmware.data()), "1.2.3");
  EXPECT_EQ(told.reply.diagnostics.chips, 2);

  const auto before = esphome::App.reboots;
  ask(node, {.id = 7, .kind = measurement::Request::Kind::restart});
  run(node, std::chrono::seconds(3));
  EXPECT_EQ(esphome::App.reboots, before + 1);
}

TEST_F(EsphomeComponent, ItsClockGoesOnWhereMillisBeginAnew) {
  esphome::stub_millis = 0xffffffff - 3000;
  Node node(wired);
  run(node, std::chrono::seconds(10));

  std::uint64_t last = 0;
  for (const auto& [header, samples] : reports(node)) last = samples.back().number;
  EXPECT_GE(last, 8u);
}

}  // namespace
