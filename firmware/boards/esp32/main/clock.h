// The steady clock, and the time of day from the network.

#pragma once

#include <optional>

#include "measurement/units.h"

namespace firmware::esp32_board {

measurement::Uptime uptime();

// Asks the network for the time from now on; the network must be set up.
void begin_clock();

// UTC at uptime 0; nothing until the network has told it. It is what is known now: a later look may
// differ by the clocks' drift.
std::optional<measurement::Timestamp> booted_at();

}  // namespace firmware::esp32_board
