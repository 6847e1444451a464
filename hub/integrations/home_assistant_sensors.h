// What Home Assistant is given: a device for the home and one for every circuit that has a clamp,
// and their sensors, in one table. Discovery, statistics, the Energy dashboard's proposal and the
// card's layout all name a sensor through these functions, so they cannot disagree.
//
// Ids hang on the ids of home and circuit, never on their names: a rename moves nothing.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/home.h"
#include "hub/ledger.h"

namespace hub {

enum class Direction : std::uint8_t { imported, exported };

struct SensorRow {
  std::string_view key;           // Of the state message and, within the device, of the unique id.
  std::string_view entity;        // End of the entity id that is asked for.
  std::string_view name;          // As Home Assistant shows it after the device's name.
  std::string_view device_class;  // https://www.home-assistant.io/integrations/sensor/#device-class
  std::string_view unit;          // Empty: none.
  int precision = 0;              // Decimals to show.
  std::optional<Direction> counts{};  // A counter; else a measurement.
};

// The sensors of a circuit, none where it has no clamp. A grid and a battery have two counters, the
// sun's has one, of what it made; any other circuit gets its second once it has given back a whole
// kilowatt-hour, which is more than a clamp's noise.
std::vector<SensorRow> sensors_of(const Circuit&, const Energy& counter);

// The counter of the circuit's usual direction: what the sun made, what others drew.
Direction usual_direction(CircuitKind);
SensorRow counter_of(CircuitKind, Direction);

// "lenz_HOME", "lenz_HOME_CIRCUIT", "lenz_HOME_CIRCUIT_KEY", "lenz_HOME_appliance_NUMBER".
std::string home_identifier(const Home&);
std::string circuit_identifier(const Home&, std::string_view circuit);
std::string appliance_identifier(const Home&, std::int64_t number);
std::string unique_id(const Home&, std::string_view circuit, std::string_view key);

// "sensor.lenz_HOME_CIRCUIT_ENTITY", in the characters that an entity id may have. Home Assistant
// uses it once, when it meets the sensor; what people have renamed is found by its unique id.
// Without `entity`: "sensor.lenz_HOME_CIRCUIT".
std::string default_entity_id(const Home&, std::string_view circuit, std::string_view entity);

// "lenz:HOME_CIRCUIT_ENTITY", for statistics of our own.
std::string external_statistic_id(const Home&, std::string_view circuit, std::string_view entity);

}  // namespace hub
