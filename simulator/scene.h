// What the clamps and the voltage adapters of a meter would see: a simulated
// household, or the recording of a real one. The chips know only this.

#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "measurement/sample.h"
#include "measurement/units.h"

namespace simulator {

// What flows through one clamp.
struct ChannelLoad {
  measurement::Watts fundamental_power{};
  measurement::Watts harmonic_power{};  // Active power is the sum of the two.
  measurement::Vars reactive_power{};
  measurement::Amperes current{};       // True RMS, distortion included.
  measurement::Amperes peak_current{};  // Greatest instantaneous value, inrush included; 0: sqrt 2 x RMS.
};

struct ChipInput {
  std::array<measurement::Volts, measurement::channels_per_chip> voltage{};
  measurement::Hertz frequency{};
  std::array<ChannelLoad, measurement::channels_per_chip> channels{};
};

struct Channel {
  std::string name;                // As people call it; any text.
  measurement::Amperes greatest{};  // Largest current expected: the clamp is chosen to fit.
};

class Scene {
 public:
  virtual ~Scene() = default;

  // One per clamp, in the order of the meter's channels; spare ones have an empty name.
  virtual const std::vector<Channel>& channels() const = 0;
  virtual measurement::Hertz line_frequency() const = 0;  // Nominal: 50 or 60.

  struct Moment {
    bool powered = true;            // False: the meter has no mains and is off.
    measurement::Timestamp until{};  // The inputs hold from `now` until then (later than now).
  };
  // Moves the scene to `now`, which never goes back, and tells what its chips see from there on.
  virtual Moment advance(measurement::Timestamp now, std::span<ChipInput> chips) = 0;

  std::size_t chips() const {
    return (channels().size() + measurement::channels_per_chip - 1) /
           measurement::channels_per_chip;
  }
};

}  // namespace simulator
