// What the wiring doctor says, as JSON; docs/http_api.yaml.

#pragma once

#include <string>
#include <string_view>

#include "insight/wiring/examination.h"

namespace hub {

// One meter's object.
std::string wiring_text(std::string_view device, const insight::wiring::Report&);

}  // namespace hub
