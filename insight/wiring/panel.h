// The panel as its owner entered it and the meter as it was set: what the wiring is held against.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measurement/units.h"

namespace insight::wiring {

enum class CircuitKind : std::uint8_t { grid, production, storage, load };

struct Clamp {
  std::size_t channel = 0;  // Of the meter.
  double multiplier = 1;    // The panel's. Negative: turned. 2: one clamp stands for both legs.
  // The chip's gain of current at PGA 1 times the meter's own multiplier: tells the type that was
  // set. 0: not known.
  double current_gain = 0;
  int hardware_multiplier = 1;  // The chip's current ends at 65.535 A: what it says, times this.
};

struct Circuit {
  std::string id, name;
  CircuitKind kind = CircuitKind::load;
  std::optional<std::size_t> parent{};  // Index of a circuit.
  double rating_a = 0;                  // 0: not known.
  std::vector<int> legs{};              // From 1. Empty: not entered.
  std::vector<Clamp> clamps{};          // As many as legs: one on each, in their order.
};

struct Chip {
  std::optional<int> cs_pin{};  // Chip select.
  int leg = 0;                  // Of its voltage adapter; 0: not entered.
};

struct Panel {
  int phases = 1;  // 2 is split phase: 180 degrees apart.
  measurement::Volts nominal{230};
  std::vector<Circuit> circuits{};
  std::vector<Chip> chips{};  // Channel c hangs on chip c / 3.
};

}  // namespace insight::wiring
