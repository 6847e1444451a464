// A bench to calibrate on: loads that somebody switches in turn, and a wattmeter beside the clamp.

#pragma once

#include <array>
#include <vector>

#include "simulator/scene.h"

namespace simulator {

// At 230 V and 50 Hz on the first channel, a minute each by the wall clock: nothing, a heater, as
// much at a power factor of 0.5, and two smaller heaters.
class Workbench final : public Scene {
 public:
  const std::vector<Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override { return {50}; }
  Moment advance(measurement::Timestamp now, std::span<ChipInput> chips) override;

  struct Wattmeter {
    measurement::Volts voltage;
    measurement::Amperes current;
    measurement::Watts power;

    friend bool operator==(const Wattmeter&, const Wattmeter&) = default;
  };
  static Wattmeter wattmeter(measurement::Timestamp now);

 private:
  std::vector<Channel> channels_ = {{"Bench", {20}}};
};

}  // namespace simulator
