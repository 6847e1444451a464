// When the meter started, by a clock that is corrected now and then.

#pragma once

#include <chrono>
#include <optional>

#include "measurement/units.h"

namespace firmware {

// Small corrections would move the times of samples back and forth: what was said first stays until
// the clock has moved by more than `tolerance`, half of a sample's period.
class TimeBase {
 public:
  // Takes UTC at uptime 0 as the clock has it now; returns it as samples are to have it.
  measurement::Timestamp settle(measurement::Timestamp booted_at) {
    if (!said_ || std::chrono::abs(booted_at - *said_) > tolerance) said_ = booted_at;
    return *said_;
  }

  static constexpr std::chrono::milliseconds tolerance{500};

 private:
  std::optional<measurement::Timestamp> said_;
};

}  // namespace firmware
