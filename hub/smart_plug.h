// A smart plug of another make that measures one appliance behind a circuit.

#pragma once

#include <optional>
#include <string>

#include "insight/appliance_kinds.h"

namespace hub {

struct SmartPlug {
  std::string name;                            // Of what is plugged in, as people call it.
  std::optional<insight::ApplianceKind> kind;  // Absent: nobody said.
  std::string circuit;                         // Id of the one that it hangs on.
  std::string topic;                           // Where it says its power over MQTT.
  // Where in its JSON the watts are, "ENERGY.Power"; empty: the message is the number.
  std::string power;
  // The same of the volts, "ENERGY.Voltage"; empty: it does not say them. With them the wires
  // between panel and plug are watched.
  std::string voltage;
};

}  // namespace hub
