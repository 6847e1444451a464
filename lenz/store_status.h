// How well a device was heard.

#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "hub/store/store.h"

namespace lenz {

struct Coverage {
  double share = 0;  // Of the range; 0 to 1.
  // Pieces of the range, the longest first.
  std::vector<hub::TimeRange> gaps;
};
// Of a device that was first heard at life.begin and was silent in between. After its newest sample
// it is silent too, except for the minutes that a hub takes until they can be read. Absent where
// the range ends before its first sample.
std::optional<Coverage> coverage(hub::TimeRange life, const std::vector<hub::TimeRange>& silences,
                                 hub::TimeRange range);

}  // namespace lenz
