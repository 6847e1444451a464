// What smart plugs say over MQTT, of whatever make.

#pragma once

#include <optional>

#include "hub/net/mqtt_client.h"
#include "hub/smart_plug.h"
#include "measurement/units.h"

namespace hub {

// Absent: the message is of another topic, says nothing of power, or is an old one that the broker
// kept.
std::optional<measurement::Watts> plug_power(const SmartPlug&, const MqttMessage&);

}  // namespace hub
