// What smart plugs, thermometers and rain gauges say over MQTT, of whatever make.

#pragma once

#include <optional>

#include "hub/net/mqtt_client.h"
#include "hub/rain_gauge.h"
#include "hub/smart_plug.h"
#include "hub/thermometer.h"
#include "measurement/units.h"

namespace hub {

// Absent: the message is of another topic, says nothing of power, or is an old one that the broker
// kept.
std::optional<measurement::Watts> plug_power(const SmartPlug&, const MqttMessage&);
// The same of the voltage at the plug, where the plug is said to tell it.
std::optional<measurement::Volts> plug_voltage(const SmartPlug&, const MqttMessage&);
// The same of temperature, from -60 to 80 °C.
std::optional<measurement::Celsius> temperature(const Thermometer&, const MqttMessage&);
// The same of rain, in the gauge's unit, up to 20 m of all that fell or 300 mm per hour.
std::optional<double> rain(const RainGauge&, const MqttMessage&);

}  // namespace hub
