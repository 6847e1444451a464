// What is known of one stream of one start of a meter, without its samples.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "hub/store/rows.h"
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
  // Tables have no row of it after this one; absent: nobody has looked yet.
  std::optional<std::int64_t> in_tables;
  // Since it was last written to the tables.
  bool is_changed = true;
  std::set<std::uint64_t> changed_runs;  // Begins of those that were changed or removed.

  // Times that no clock shows share the first and the last minute there is.
  measurement::Timestamp time_of(measurement::Uptime uptime) const {
    std::int64_t time = 0;
    if (__builtin_add_overflow(booted_at.time_since_epoch().count(), uptime.count(), &time)) {
      return time_of_minute(uptime.count() < 0 ? 0 : last_minute);
    }
    return std::clamp(measurement::Timestamp(std::chrono::milliseconds(time)), time_of_minute(0),
                      time_of_minute(last_minute));
  }
  std::int64_t row_of(measurement::Timestamp time) const { return first_row(id) + minute_of(time); }
  bool has(std::uint64_t number) const;
  void add(std::uint64_t number, measurement::Timestamp);
  bool joins(measurement::Timestamp before, measurement::Timestamp after) const;
};

}  // namespace hub
