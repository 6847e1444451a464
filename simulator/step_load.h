// One resistive load that switches at known times of the wall clock: what a latency is measured
// against.

#pragma once

#include <chrono>
#include <vector>

#include "simulator/scene.h"

namespace simulator {

// 1,100 W through odd periods since the epoch and 100 W through even ones, at 230 V and 50 Hz on
// the first channel. So the load toggles at every whole multiple of the period.
class StepLoad final : public Scene {
 public:
  // The period must be positive.
  explicit StepLoad(std::chrono::milliseconds period = std::chrono::seconds(5));

  const std::vector<Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override { return {50}; }
  Moment advance(measurement::Timestamp now, std::span<ChipInput> chips) override;

 private:
  std::chrono::milliseconds period_;
  std::vector<Channel> channels_;
};

}  // namespace simulator
