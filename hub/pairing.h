// Lets a new meter in: a window that somebody opens, with a code that opens it to one meter.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "measurement/units.h"

namespace hub {

// One window at a time. It closes by itself, after the first meter, and after too many wrong codes.
class Pairing {
 public:
  static constexpr std::chrono::minutes window_life{10};
  static constexpr int most_wrong = 5;

  struct Window {
    std::string home, device;
    std::string code;  // "7KQ2-M4XD": 40 random bits.
    measurement::Timestamp until;
  };
  using Random = std::array<std::uint8_t, 5>;  // Fit for secrets.

  // Closes one that is open.
  const Window& open(std::string home, std::string device, const Random&,
                     measurement::Timestamp now);
  void close() { window_.reset(); }
  const Window* window(measurement::Timestamp now);  // Null: none is open.

  // For whom the window is, which is closed now. Nothing: none is open, or the code is wrong. Case,
  // spaces and hyphens of the code do not count, nor which of O and 0, or I, L and 1, was read.
  std::optional<Window> claim(std::string_view code, measurement::Timestamp now);

 private:
  std::optional<Window> window_;
  measurement::Timestamp opened_{};
  int wrong_ = 0;
};

}  // namespace hub
