// Names of meters.

#pragma once

#include <set>
#include <string>
#include <string_view>

#include "hub/home.h"

namespace hub {

// [a-z0-9_-]+, at most 32: it is a topic's level too.
bool is_device_name(std::string_view);

// The meters that any panel of the home names.
std::set<std::string> devices(const Home&);

}  // namespace hub
