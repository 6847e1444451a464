#include "hub/ingest/plug_mqtt.h"

#include <gtest/gtest.h>

namespace hub {
namespace {

std::optional<float> watts(const SmartPlug& plug, const std::string& payload,
                           const std::string& topic = "t", bool is_retained = false) {
  const auto power = plug_power(plug, {topic, payload, is_retained});
  return power ? std::optional(power->value) : std::nullopt;
}

const SmartPlug text{.topic = "t"};
const SmartPlug zigbee2mqtt{.topic = "t", .power = "power"};
const SmartPlug tasmota{.topic = "t", .power = "ENERGY.Power"};

TEST(PlugMqttTest, PlugsOfSeveralMakesAreUnderstood) {
  EXPECT_EQ(watts(text, "1820.5"), 1820.5F);
  EXPECT_EQ(watts(zigbee2mqtt, R"({"linkquality":120,"power":1820.5,"state":"ON"})"), 1820.5F);
  EXPECT_EQ(watts(tasmota, R"({"Time":"2026-03-01T12:00:00","ENERGY":{"Power":3,"Factor":0.9}})"),
            3.0F);
}

TEST(PlugMqttTest, WhatIsNoPowerIsNoPower) {
  EXPECT_FALSE(watts(text, ""));
  EXPECT_FALSE(watts(text, "nan"));
  EXPECT_FALSE(watts(text, "1e9"));
  EXPECT_FALSE(watts(text, "unavailable"));
  EXPECT_FALSE(watts(text, "5", "another"));
  EXPECT_FALSE(watts(text, "5", "t", true)) << "Nobody knows how old it is.";
  EXPECT_FALSE(watts(zigbee2mqtt, "5"));
  EXPECT_FALSE(watts(zigbee2mqtt, R"({"power":null})"));
  EXPECT_FALSE(watts(zigbee2mqtt, R"({"power":"5"})"));
  EXPECT_FALSE(watts(zigbee2mqtt, R"([{"power":5}])"));
  EXPECT_FALSE(watts(tasmota, R"({"ENERGY":5})"));
  EXPECT_FALSE(watts(tasmota, R"({"ENERGY":{"Today":5}})"));
  EXPECT_FALSE(watts(zigbee2mqtt, "{\"power\":5" + std::string(20'000, ' ') + "}"));
}

}  // namespace
}  // namespace hub
