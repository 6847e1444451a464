// Ctrl-C and SIGTERM, as something the loops can ask.

#pragma once

namespace lenz {

// From now on the two signals end no process at once.
void catch_stop_signals();
bool stop_requested();

}  // namespace lenz
