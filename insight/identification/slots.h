// Readings of any interval as slots of about the same power: one reading each from 6 s on, else up
// to 6 s of them, cut where the power steps.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "measurement/units.h"

namespace insight {

struct Slot {
  measurement::Timestamp begin{};
  measurement::Watts active_power{};  // Mean of its readings.
  std::size_t readings = 0;
};

class Slots {
 public:
  // Slots that this reading completes. Power must be a number and time must rise.
  std::span<const Slot> take(measurement::Timestamp, measurement::Watts);

  // What is begun is complete as it is.
  std::span<const Slot> end();

  std::chrono::milliseconds interval() const { return interval_; }  // Of the last readings.

 private:
  void close();

  Slot open_;  // No readings: none is open.
  double sum_w_ = 0;
  bool after_step_ = false;
  std::optional<measurement::Timestamp> last_;
  std::chrono::milliseconds interval_{1000};
  std::array<Slot, 2> closed_{};
  std::size_t closed_count_ = 0;
};

}  // namespace insight
