// What the entities of an ESPHome node measure: the CircuitSetup package's by their names, renamed
// ones as partners.toml says. docs/esphome.md lists them.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "hub/partners.h"
#include "measurement/quantities.h"

namespace hub {

struct EsphomeMeaning {
  measurement::Quantity quantity{};
  std::size_t index = 0;  // A channel, or a chip for quantities of chips.
  double factor = 1;      // Units of the quantity for one of the entity's.
  int rank = 0;  // Of two entities that measure the same, the one of the greater rank counts.
  bool is_scaled = false;  // The factor was said by the owner: an announced unit does not matter.

  friend bool operator==(const EsphomeMeaning&, const EsphomeMeaning&) = default;
};

// Absent: it measures nothing that is kept. Totals of several clamps are among these, because what
// they count is counted by the clamps already, and so is everything that follows from other values.
std::optional<EsphomeMeaning> meaning_of(std::string_view object_id, const EsphomeNode&);

// Units of the quantity for one of `unit` ("kWh" is 1000 Wh); absent where it is no unit of it.
std::optional<double> esphome_unit(measurement::Quantity, std::string_view unit);

// In the quantity's unit; a value beyond what any home has is not a measurement.
bool is_plausible(measurement::Quantity, double value);

// ESPHome's own rule, for nodes that announce names only: lower case, spaces and whatever is not
// one of a-z, 0-9, _ and - become _.
std::string object_id_of(std::string_view name);

}  // namespace hub
