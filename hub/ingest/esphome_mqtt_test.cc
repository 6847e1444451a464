#include "hub/ingest/esphome_mqtt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/ingest/esphome_like_node.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Timestamp;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

class EsphomeMqttTest : public testing::Test {
 protected:
  std::optional<std::string> hear(const EsphomeLikeNode::Message& message,
                                  bool is_retained = false) {
    return hear_mqtt(meter, {message.topic, message.payload, is_retained}, now);
  }
  std::optional<measurement::Sample> sample() {
    now += 10s;
    const auto report = meter.next(now);
    return report ? std::optional(report->samples.front()) : std::nullopt;
  }

  Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
  EsphomeLikeNode node{"energy-meter", 6, false};
  EsphomeMeter meter{{.device = "garage", .topic_prefix = "energy-meter"}, {}, [] { return 7; }};
};

TEST_F(EsphomeMqttTest, AStockBoardsMessagesBecomeASample) {
  node.set_power(1, 812.5);
  for (const std::size_t chip : {0u, 1u}) {
    for (const auto* one : node.measure(chip)) hear(node.state(*one));
  }

  const auto heard = sample();

  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->steps(Quantity::active_power, 1), 8125);
  EXPECT_EQ(heard->steps(Quantity::current, 1), 3530);  // 812.5 / 230.4 = 3.53 A, as it says it.
  EXPECT_EQ(heard->steps(Quantity::voltage, 1), 2304);
  EXPECT_EQ(heard->steps(Quantity::chip_temperature, 1), 41);
}

TEST_F(EsphomeMqttTest, ItsTopicsAreNamedByItsPrefix) {
  EXPECT_THAT(esphome_topics({.device = "garage"}),
              ElementsAre("garage/sensor/+/state", "garage/status",
                          "homeassistant/sensor/garage/+/config"));
  EXPECT_THAT(
      esphome_topics({.device = "garage", .topic_prefix = "home/em-1"}, "ha"),
      ElementsAre("home/em-1/sensor/+/state", "home/em-1/status", "ha/sensor/em-1/+/config"));
}

TEST_F(EsphomeMqttTest, UnitsComeFromItsDiscoveryMessages) {
  node.sensor("ct1_watts").unit = "kW";
  hear(node.config(node.sensor("ct1_watts")), true);

  hear({"energy-meter/sensor/ct1_watts/state", "0.72"});

  EXPECT_EQ(sample()->steps(Quantity::active_power, 0), 7200);
}

TEST_F(EsphomeMqttTest, AUnitThatDoesNotFitIsTold) {
  node.sensor("ct1_watts").unit = "bananas";

  EXPECT_THAT(hear(node.config(node.sensor("ct1_watts")), true).value_or(""),
              HasSubstr("given in \"bananas\""));
}

TEST_F(EsphomeMqttTest, NoNumberIsNoValue) {
  for (const auto* text : {"nan", "None", "", "inf", "-", "12,5", "12 W", "0x10", "1e999"}) {
    EXPECT_FALSE(esphome_number(text)) << text;
  }
  EXPECT_EQ(esphome_number("-12.50"), -12.5);
  EXPECT_FALSE(esphome_number(std::string(100'000, '9')));
}

TEST_F(EsphomeMqttTest, WhatTheBrokerKeptIsNoMeasurement) {
  hear({"energy-meter/sensor/ct1_watts/state", "812.5"}, true);

  EXPECT_FALSE(sample());
}

TEST_F(EsphomeMqttTest, ANodeThatWentOfflineIsAGapInItsEnergy) {
  hear({"energy-meter/sensor/ct1_watts/state", "720"});
  ASSERT_TRUE(sample());
  hear({"energy-meter/status", "offline"});
  hear({"energy-meter/status", "online"});
  hear({"energy-meter/sensor/ct1_watts/state", "720"});

  EXPECT_EQ(sample()->steps(Quantity::imported, 0), 0);
}

TEST_F(EsphomeMqttTest, OtherTopicsAndNonsenseArePassedOver) {
  for (const auto& [topic, payload] : std::vector<EsphomeLikeNode::Message>{
           {"energy-meter-2/sensor/ct1_watts/state", "1"},
           {"energy-meter/sensor/ct1_watts", "1"},
           {"energy-meter/sensor//state", "1"},
           {"energy-meter/sensor/state", "1"},
           {"energy-meter/sensor/a/b/state", "1"},
           {"energy-meter/text_sensor/ct1_status/state", "Okay"},
           {"homeassistant/sensor/energy-meter/ct1_watts/config", "{\"stat_t\": 5}"},
           {"homeassistant/sensor/energy-meter/ct1_watts/config", "[[[["},
           {"homeassistant/sensor/energy-meter/ct1_watts/config", std::string(100'000, '[')},
           {"homeassistant/sensor/energy-meter/ct1_watts/config", ""},
           {"", ""}}) {
    EXPECT_FALSE(hear({topic, payload})) << topic;
  }

  EXPECT_FALSE(sample());
}

}  // namespace
}  // namespace hub
