// Times as programs write them for each other.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "measurement/units.h"

namespace hub {

// RFC 3339, seconds optional, fractions of one passed over: 2026-11-30T00:00Z, 2026-11-30
// 01:00:07.5+01:00. Absent: it is none.
std::optional<measurement::Timestamp> time_of(std::string_view text);

// "2026-11-30T00:00:00Z", whatever the zone of the process. Down to the second.
std::string utc_text(measurement::Timestamp);

}  // namespace hub
