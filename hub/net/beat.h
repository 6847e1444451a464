// When to look again at what is looked at now and then.

#pragma once

#include <chrono>

namespace hub {

// The next of the steady clock's whole multiples of `every`: all who wait for beats of one length,
// or of multiples of it, are woken together, and the machine sleeps in between.
inline std::chrono::steady_clock::time_point next_beat(std::chrono::milliseconds every) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::steady_clock::time_point((now / every + 1) * every);
}

}  // namespace hub
