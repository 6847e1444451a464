// Which appliances stand in a house, on which circuit, and what people do that starts them.

#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "simulator/appliances.h"
#include "simulator/blueprint.h"
#include "simulator/people.h"

namespace simulator {

// When somebody does this, the appliance is used with this chance, so much later.
struct Habit {
  Activity activity{};
  double chance = 1;
  std::chrono::minutes later{};
};

struct Furnishing {
  std::string_view name;     // As people call it.
  std::string_view word;     // Its kind: fridge, kettle... or solar.
  std::string_view circuit;  // Id of the circuit it hangs on.
  std::unique_ptr<Appliance> appliance;
  std::vector<Habit> habits;
};

// Thermostats look every `look`. An appliance's seed is of the house's seed and its name.
std::vector<Furnishing> furnish(House, std::uint64_t seed, std::chrono::milliseconds look);

}  // namespace simulator
