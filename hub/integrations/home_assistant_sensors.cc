#include "hub/integrations/home_assistant_sensors.h"

#include <algorithm>
#include <array>

namespace hub {
namespace {

constexpr measurement::MilliwattHours a_kilowatt_hour{1'000'000};

constexpr std::array measurements = {
    SensorRow{"power", "power", "Power", "power", "W", 0},
    SensorRow{"voltage", "voltage", "Voltage", "voltage", "V", 1},
    SensorRow{"current", "current", "Current", "current", "A", 2},
    SensorRow{"power_factor", "power_factor", "Power factor", "power_factor", "", 2},
};

struct CounterNames {
  std::string_view imported, exported;
};

CounterNames counter_names(CircuitKind kind) {
  switch (kind) {
    case CircuitKind::grid:
      return {"Energy imported", "Energy exported"};
    case CircuitKind::battery:
      return {"Energy charged", "Energy discharged"};
    case CircuitKind::solar:
      return {"Energy used", "Energy produced"};
    case CircuitKind::ev:
    case CircuitKind::subpanel:
    case CircuitKind::load:
      break;
  }
  return {"Energy", "Energy returned"};
}

// Ids of homes and circuits may have dashes, and several in a row or at an end; an entity id only
// has single underscores between its words.
std::string object_id(const Home& home, std::string_view circuit, std::string_view entity) {
  std::string id;
  for (const char c : circuit_identifier(home, circuit) + "_" + std::string(entity)) {
    const bool parts = c == '-' || c == '_';
    if (!parts) id += c;
    if (parts && !id.ends_with('_')) id += '_';
  }
  if (id.ends_with('_')) id.pop_back();
  return id;
}

}  // namespace

Direction usual_direction(CircuitKind kind) {
  return kind == CircuitKind::solar ? Direction::exported : Direction::imported;
}

SensorRow counter_of(CircuitKind kind, Direction direction) {
  const bool is_import = direction == Direction::imported;
  const auto names = counter_names(kind);
  return {.key = is_import ? "imported" : "exported",
          .entity = direction == usual_direction(kind) ? "energy" : "energy_returned",
          .name = is_import ? names.imported : names.exported,
          .device_class = "energy",
          .unit = "kWh",
          .precision = 2,
          .counts = direction};
}

std::vector<SensorRow> sensors_of(const Circuit& circuit, const Energy& counter) {
  if (circuit.channels.empty()) return {};
  std::vector<SensorRow> rows(measurements.begin(), measurements.end());
  rows.push_back(counter_of(circuit.kind, usual_direction(circuit.kind)));
  const bool gives_and_takes =
      circuit.kind == CircuitKind::grid || circuit.kind == CircuitKind::battery;
  const bool has_given = circuit.kind != CircuitKind::solar && counter.exported >= a_kilowatt_hour;
  if (gives_and_takes || has_given) {
    rows.push_back(counter_of(circuit.kind, Direction::exported));
  }
  return rows;
}

std::string home_identifier(const Home& home) { return "lenz_" + home.id; }

std::string circuit_identifier(const Home& home, std::string_view circuit) {
  return home_identifier(home) + "_" + std::string(circuit);
}

std::string appliance_identifier(const Home& home, std::int64_t number) {
  return home_identifier(home) + "_appliance_" + std::to_string(number);
}

std::string unique_id(const Home& home, std::string_view circuit, std::string_view key) {
  return circuit_identifier(home, circuit) + "_" + std::string(key);
}

std::string default_entity_id(const Home& home, std::string_view circuit, std::string_view entity) {
  return "sensor." + object_id(home, circuit, entity);
}

std::string external_statistic_id(const Home& home, std::string_view circuit,
                                  std::string_view entity) {
  return "lenz:" + object_id(home, circuit, entity).substr(std::string_view("lenz_").size());
}

}  // namespace hub
