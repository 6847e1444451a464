// A thermometer of another make: of the room that some appliances stand in, or outdoors.

#pragma once

#include <string>
#include <vector>

namespace hub {

struct Thermometer {
  std::string name;                   // Of its place, as people call it.
  std::vector<std::string> circuits;  // Ids of those whose appliances stand there; none: outdoors.
  std::string topic;                  // Where it says °C over MQTT.
  // Where in its JSON they are, "temperature"; empty: the message is the number.
  std::string value;
};

}  // namespace hub
