#include "insight/bill/zone.h"

#include <algorithm>

namespace insight {

Zone::Zone(std::vector<Change> by_time) : changes_(std::move(by_time)) {}

std::chrono::minutes Zone::offset(measurement::Timestamp time) const {
  if (changes_.empty()) return {};
  const auto after = std::ranges::upper_bound(changes_, time, {}, &Change::from);
  return after == changes_.begin() ? after->offset : std::prev(after)->offset;
}

std::chrono::local_time<std::chrono::milliseconds> Zone::local(measurement::Timestamp time) const {
  return std::chrono::local_time<std::chrono::milliseconds>(time.time_since_epoch() + offset(time));
}

std::chrono::local_days Zone::day(measurement::Timestamp time) const {
  return std::chrono::floor<std::chrono::days>(local(time));
}

measurement::Timestamp Zone::begin(std::chrono::local_days day) const {
  const measurement::Timestamp midnight{day.time_since_epoch()};
  // Of a midnight that comes twice it is the first; where the clocks skip it, the moment they do.
  std::chrono::minutes ahead = offset(midnight - std::chrono::days(1));
  auto begin = midnight - ahead;
  for (const auto& change : changes_) {
    if (change.from > midnight - std::chrono::days(1) && change.from <= begin) {
      begin = std::max(change.from, midnight - change.offset);
    }
  }
  return begin;
}

}  // namespace insight
