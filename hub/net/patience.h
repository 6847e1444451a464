// How long to wait before trying again.

#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace hub {

// Twice as long each time, from `first` to `most`. A connection that stood for a minute starts the
// count anew; one that was taken and dropped at once does not, or a partner that sends us away
// would be asked every second.
class Patience {
 public:
  using Duration = std::chrono::milliseconds;

  Patience(Duration first, Duration most) : first_(first), most_(most), next_(first) {}

  // What to wait after a connection that stood so long; 0: it never did.
  Duration after(std::chrono::nanoseconds stood) {
    if (stood >= std::chrono::minutes(1)) next_ = first_;
    return std::exchange(next_, std::min(2 * next_, most_));
  }

 private:
  Duration first_, most_, next_;
};

}  // namespace hub
