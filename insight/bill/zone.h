// Local time of a home as a value: when its clocks changed, and to what.

#pragma once

#include <chrono>
#include <vector>

#include "measurement/units.h"

namespace insight {

class Zone {
 public:
  struct Change {
    measurement::Timestamp from;
    std::chrono::minutes offset;  // Ahead of UTC.
  };

  // By time; the first holds for all time before it too. None: UTC.
  explicit Zone(std::vector<Change> = {});

  std::chrono::minutes offset(measurement::Timestamp) const;
  std::chrono::local_time<std::chrono::milliseconds> local(measurement::Timestamp) const;
  std::chrono::local_days day(measurement::Timestamp) const;
  // When a local day begins: its first instant, which is not midnight where the clocks skip it.
  measurement::Timestamp begin(std::chrono::local_days) const;

 private:
  std::vector<Change> changes_;
};

}  // namespace insight
