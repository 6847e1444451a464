// What of the measured stays for how long.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace hub {

// Hours stay for ever: mean, least, greatest and energy of each series.
struct Retention {
  std::chrono::days samples{365};   // As they were measured.
  std::chrono::days minutes{3650};  // What each series did in every minute.
  // After it, all but totals may come back up to 0.25 % away; absent: never.
  std::optional<std::chrono::days> exact;
  // Bytes on the disk. Where they do not suffice, the oldest samples go earlier, then the oldest
  // minutes; a day of samples always stays. 0: as many as the disk has.
  std::uint64_t budget = 0;
  // Bytes that are set aside on the disk: to make room needs some first.
  std::uint64_t reserve = 0;

  friend bool operator==(const Retention&, const Retention&) = default;
};

}  // namespace hub
