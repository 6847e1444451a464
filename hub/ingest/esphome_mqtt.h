// What an ESPHome node publishes, for its meter: states, its status, and the discovery messages
// that name units.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/ingest/esphome_meter.h"
#include "hub/net/mqtt_client.h"
#include "hub/partners.h"

namespace hub {

// What the hub's broker connection must subscribe for a node:
//   PREFIX/sensor/+/state    PREFIX/status    homeassistant/sensor/NAME/+/config
std::vector<std::string> esphome_topics(const EsphomeNode&,
                                        std::string_view discovery_prefix = "homeassistant");

// Of the meter's node; other messages are passed over. A sentence where something is wrong.
std::optional<std::string> hear_mqtt(EsphomeMeter&, const MqttMessage&, measurement::Timestamp now);

// A number as ESPHome writes it; absent: "nan", "None", nothing, or no number at all.
std::optional<double> esphome_number(std::string_view payload);

}  // namespace hub
