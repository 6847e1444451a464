// An appliance in words, as long as nobody knows more: "about 1.8 kW heater, 9 times this week".

#pragma once

#include <cstddef>
#include <string>

#include "insight/identification/activation_features.h"

namespace insight {

struct DescribedAppliance {
  const Features& latest;    // Of its latest run.
  bool is_standing = false;  // It draws all the time.
  bool is_named = false;     // What it is need not be said again.
  std::size_t times_a_week = 0;  // Ended within the last week.
};

std::string description_of(const DescribedAppliance&);

}  // namespace insight
