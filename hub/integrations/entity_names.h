// How Home Assistant names Lenz's sensors, wherever their names are needed.

#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace hub {

// The part of an entity id behind "sensor.": entity_name("home", "tv-room", "power") is
// "home_tv_room_power". Ids of homes and circuits are [a-z0-9_-]+; an entity id has no hyphen.
// `what` is power, energy, energy_exported, voltage, current, power_factor or frequency.
inline std::string entity_name(std::string_view home, std::string_view circuit,
                               std::string_view what) {
  std::string name;
  for (const auto part : {home, circuit, what}) {
    if (!name.empty()) name += '_';
    name += part;
  }
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace hub
