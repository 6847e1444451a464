#include "hub/ingest/sensor_mqtt.h"

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

TEST(SensorMqttTest, PlugsOfSeveralMakesAreUnderstood) {
  EXPECT_EQ(watts(text, "1820.5"), 1820.5F);
  EXPECT_EQ(watts(zigbee2mqtt, R"({"linkquality":120,"power":1820.5,"state":"ON"})"), 1820.5F);
  EXPECT_EQ(watts(tasmota, R"({"Time":"2026-03-01T12:00:00","ENERGY":{"Power":3,"Factor":0.9}})"),
            3.0F);
}

TEST(SensorMqttTest, WhatIsNoPowerIsNoPower) {
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

TEST(SensorMqttTest, APlugThatTellsItsVoltageIsHeardToo) {
  const SmartPlug plug{.topic = "t", .power = "ENERGY.Power", .voltage = "ENERGY.Voltage"};
  const auto volts = [&](const SmartPlug& of, const std::string& payload) {
    const auto voltage = plug_voltage(of, {"t", payload, false});
    return voltage ? std::optional(voltage->value) : std::nullopt;
  };

  EXPECT_EQ(volts(plug, R"({"ENERGY":{"Power":3,"Voltage":229}})"), 229.0F);
  EXPECT_FALSE(volts(plug, R"({"ENERGY":{"Power":3,"Voltage":0}})")) << "It does not measure it.";
  EXPECT_FALSE(volts(plug, R"({"ENERGY":{"Power":3,"Voltage":1e6}})"));
  EXPECT_FALSE(volts(plug, R"({"ENERGY":{"Power":3}})"));
  EXPECT_FALSE(volts(tasmota, R"({"ENERGY":{"Power":3,"Voltage":229}})")) << "Nobody said where.";
}

TEST(SensorMqttTest, ThermometersOfSeveralMakesAreUnderstood) {
  const Thermometer zigbee{.topic = "t", .value = "temperature"}, plain{.topic = "t"};

  EXPECT_EQ(temperature(zigbee, {"t", R"({"temperature":21.5,"humidity":40})", false})->value,
            21.5F);
  EXPECT_EQ(temperature(plain, {"t", "-12.5", false})->value, -12.5F);
  EXPECT_FALSE(temperature(plain, {"t", "-127", false})) << "A probe that is not connected.";
  EXPECT_FALSE(temperature(plain, {"t", "21", true})) << "Nobody knows how old it is.";
}

TEST(SensorMqttTest, RainGaugesOfSeveralMakesAreUnderstood) {
  const RainGauge rate{.topic = "t"}, counter{.topic = "t", .value = "rain", .unit = 3};

  EXPECT_EQ(rain(rate, {"t", "2.5", false}), 2.5);
  EXPECT_EQ(rain(counter, {"t", R"({"rain":31.25,"battery":80})", false}), 31.25);
  EXPECT_FALSE(rain(rate, {"t", "-1", false}));
  EXPECT_FALSE(rain(rate, {"t", "900", false})) << "It never rained so hard.";
  EXPECT_FALSE(rain(rate, {"t", "unavailable", false}));
  EXPECT_FALSE(rain(rate, {"t", "2", true})) << "Nobody knows how old it is.";
}

}  // namespace
}  // namespace hub
