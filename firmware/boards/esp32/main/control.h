// What the hub may ask of this board alone.

#pragma once

#include "firmware/device.h"
#include "firmware/service.h"
#include "firmware/settings.h"
#include "light.h"
#include "network.h"

namespace firmware::esp32_board {

class Control final : public BoardControl {
 public:
  Control(Calibrations& calibrations, Light& light, const Network& network)
      : calibrations_(calibrations), light_(light), network_(network) {}
  // Whose samples it counts; the device is built after its service.
  void watch(const Device& device) { device_ = &device; }

  bool keep(std::size_t channel, const ChannelConfig& words) override {
    return calibrations_.keep(channel, words);
  }
  bool identify() override;
  bool restart() override;
  void tell(measurement::Diagnostics&) const override;

 private:
  Calibrations& calibrations_;
  Light& light_;
  const Network& network_;
  const Device* device_ = nullptr;
};

}  // namespace firmware::esp32_board
