#include "hub/store/boot.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace hub {

using measurement::Timestamp;

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
