#include "hub/devices.h"

#include <algorithm>

#include "measurement/report.h"

namespace hub {

bool is_device_name(std::string_view name) {
  return !name.empty() && name.size() <= measurement::max_device_name &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

std::set<std::string> devices(const Home& home) {
  std::set<std::string> found;
  for (const auto& panel : home.panels) {
    for (const auto& circuit : panel.circuits) {
      for (const auto& use : circuit.channels) found.insert(use.device);
    }
  }
  return found;
}

}  // namespace hub
