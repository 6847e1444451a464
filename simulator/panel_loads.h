// What hangs on the circuits of random panels, and what its people do while the wiring is examined.

#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "simulator/appliances.h"
#include "simulator/chance.h"

namespace simulator {

struct PanelLoad {
  std::unique_ptr<Appliance> appliance;
  bool is_used = false;  // By people, else it goes by itself.
};

enum class PoleUse : std::uint8_t {
  single,
  all,   // One load on all its poles.
  each,  // A load on each pole: a multiwire circuit.
};

// A kind of circuit. `chance`: how many of a hundred homes have it.
struct CircuitTemplate {
  std::string_view name, kind;
  double rating_us_a, rating_eu_a;
  PoleUse us, eu3;
  int chance;
  std::vector<PanelLoad> (*loads)(Chance&, std::uint64_t seed, bool is_us);
};

const std::vector<CircuitTemplate>& circuit_templates();

}  // namespace simulator
