// A meter on this machine: chips on its SPI bus, set as home.toml says.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "firmware/boards/linux/spidev_bus.h"
#include "firmware/device.h"
#include "firmware/settings.h"
#include "hub/home.h"

namespace lenz {

// How each chip is to be set. Throws std::runtime_error, one sentence, for what the chips cannot.
std::vector<firmware::ChipConfig> chip_configs(const hub::Meter&);

struct BoardMeterOptions {
  hub::Meter meter;
  std::uint64_t boot = 0;
  firmware::linux_board::SpidevOptions bus;  // No selects: those of the meter's chips.
};

// Storage, transport, values and kernel must outlive it. One thread.
class BoardMeter : private firmware::BoardControl {
 public:
  // What a calibration has set is in `kept` and goes before what the meter's description says.
  // Throws std::runtime_error, one sentence with the remedy.
  BoardMeter(const BoardMeterOptions&, firmware::Storage&, firmware::Transport&,
             firmware::KeyValues& kept,
             firmware::linux_board::Kernel& = firmware::linux_board::running_kernel());

  // To be called four times in 320 ms, for edges. `booted_at` is the time of day at uptime 0, where
  // it is known.
  void step(measurement::Uptime, std::optional<measurement::Timestamp> booted_at);

  // What has changed about the chips since it was last asked: a sentence for each.
  std::vector<std::string> news();

 private:
  bool keep(std::size_t channel, const firmware::ChannelConfig&) override;
  bool identify() override { return false; }
  bool restart() override { return false; }
  void tell(measurement::Diagnostics&) const override;

  hub::Meter meter_;
  firmware::Calibrations calibrations_;
  firmware::linux_board::SpidevBus bus_;
  std::vector<firmware::Atm90e32> chips_;
  std::vector<measurement::Sample> window_;
  firmware::MeterService service_;
  firmware::Device device_;
  std::vector<std::optional<firmware::ChipError>> said_;
};

}  // namespace lenz
