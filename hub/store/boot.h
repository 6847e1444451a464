// What is known of one stream of one start of a meter, without its samples.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>

#include "measurement/report.h"
#include "measurement/units.h"

namespace hub {

// Numbers [the map's key, end), without a hole in number or time.
struct Run {
  std::uint64_t end = 0;
  measurement::Timestamp first, last;  // Of its first and its last sample.
};

struct Boot {
  std::int64_t id = 0;
  measurement::Timestamp booted_at;
  std::chrono::milliseconds period{};
  std::uint64_t lost = 0;
  measurement::Origin origin;
  std::map<std::uint64_t, Run> runs;
  std::int64_t newest = 0;  // Row of its newest minute; 0 before there is one.
  // Since it was last written to the tables.
  bool is_changed = true;
  std::set<std::uint64_t> changed_runs;  // Begins of those that were changed or removed.

  measurement::Timestamp time_of(measurement::Uptime) const;
  std::int64_t row_of(measurement::Timestamp) const;
  bool has(std::uint64_t number) const;
  void add(std::uint64_t number, measurement::Timestamp);
  bool joins(measurement::Timestamp before, measurement::Timestamp after) const;
};

}  // namespace hub
