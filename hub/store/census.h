// How much a store keeps.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "hub/files/files.h"
#include "hub/store/store.h"

namespace hub {

struct Census {
  // On the disk. The database is lenz.db with its log of changes.
  std::uint64_t segments = 0, segment_bytes = 0, database_bytes = 0, log_bytes = 0;
  // Measured values in segments, totals too: all but those of the last hour.
  std::uint64_t values = 0;
  std::uint64_t recent_values = 0;  // Of them measured at `since` or later, by whole hours.
};

// May run beside the one who writes. Throws std::runtime_error with one
// sentence where the store cannot be read.
Census count_store(Files&, const std::string& folder, measurement::Timestamp since,
                   const std::function<void(double share)>& progress);

}  // namespace hub
