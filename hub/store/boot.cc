#include "hub/store/boot.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "hub/store/rows.h"

namespace hub {

using measurement::Timestamp;

Timestamp Boot::time_of(measurement::Uptime uptime) const {
  // Times that no clock shows share the first and the last minute there is.
  std::int64_t time = 0;
  if (__builtin_add_overflow(booted_at.time_since_epoch().count(), uptime.count(), &time)) {
    return time_of_minute(uptime.count() < 0 ? 0 : last_minute);
  }
  return std::clamp(Timestamp(std::chrono::milliseconds(time)), time_of_minute(0),
                    time_of_minute(last_minute));
}

std::int64_t Boot::row_of(Timestamp time) const { return first_row(id) + minute_of(time); }

bool Boot::has(std::uint64_t number) const {
  // A range that does not include its end cannot tell of the last number there is.
  if (number == std::numeric_limits<std::uint64_t>::max()) return true;
  const auto after = runs.upper_bound(number);
  return after != runs.begin() && number < std::prev(after)->second.end;
}

bool Boot::joins(Timestamp before, Timestamp after) const {
  return before <= after && after - before <= period + period / 2;
}

void Boot::add(std::uint64_t number, Timestamp time) {
  const auto after = runs.upper_bound(number);
  const auto before = after == runs.begin() ? runs.end() : std::prev(after);
  const bool extends =
      before != runs.end() && before->second.end == number && joins(before->second.last, time);
  const bool precedes =
      after != runs.end() && after->first == number + 1 && joins(time, after->second.first);

  Run run{number + 1, time, time};
  if (precedes) {
    run.end = after->second.end;
    run.last = after->second.last;
    changed_runs.insert(after->first);
    runs.erase(after);
  }
  if (extends) {
    before->second.end = run.end;
    before->second.last = run.last;
    changed_runs.insert(before->first);
  } else {
    runs.emplace(number, run);
    changed_runs.insert(number);
  }
}

}  // namespace hub
