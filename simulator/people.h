// The people of a simulated house: when they are up and at home, and what they do there.

#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "measurement/units.h"

namespace simulator {

enum class Activity : std::uint8_t {
  water,  // A toilet, a hand wash.
  shower,
  hot_drink,
  snack,  // Something is warmed up.
  breakfast,
  dinner,
  roast,  // A dinner from the oven.
  dishes,
  laundry,
  television,
  desk,   // Work or play at a computer.
  drive,  // The car comes home.
};

// What somebody does, and when: local time since midnight.
struct Use {
  Activity activity{};
  std::chrono::milliseconds at{};
};

// A day from midnight to midnight. All times are local, since midnight.
struct Day {
  std::chrono::milliseconds wakes{}, leaves{}, returns{}, sleeps{};
  bool goes_out = false;  // Else leaves and returns mean nothing.
  std::vector<Use> uses;  // In any order.

  bool is_awake(std::chrono::milliseconds at) const { return at >= wakes && at < sleeps; }
  bool is_home(std::chrono::milliseconds at) const {
    return !goes_out || at < leaves || at >= returns;
  }
};

// The same seed and day give the same Day. Weekends begin late and are mostly spent at home; the
// washing is done on Wednesdays and at weekends.
Day live(std::chrono::local_days day, std::uint64_t seed);

}  // namespace simulator
