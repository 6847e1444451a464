// A file that is damaged does not stop the hub: it is set aside, and begun anew.

#pragma once

#include <functional>
#include <string>

#include "measurement/units.h"

namespace lenz {

struct SetAside {
  std::string file;
  std::string anew;       // What that means: "appliances are learnt anew".
  std::string otherwise;  // What it means that none can be begun: "Appliances are not looked for".
};

// `begin` opens or creates the file, and throws std::runtime_error where it cannot. False: not even
// a new one can be begun. All of it is said.
bool begin_or_set_aside(const std::function<void()>& begin, const SetAside&,
                        measurement::Timestamp now,
                        const std::function<void(const std::string&)>& say);

}  // namespace lenz
