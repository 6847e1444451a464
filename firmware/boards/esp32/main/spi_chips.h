// The metering chips on the controller's SPI.

#pragma once

#include <driver/spi_master.h>

#include "firmware/board_map.h"
#include "firmware/spi_bus.h"

namespace firmware::esp32_board {

// One device for all chips, which are selected by GPIO: a host has room for six devices only.
class SpiHost {
 public:
  // False: the pins could not be taken.
  bool begin(const SpiPins&);
  spi_device_handle_t device() const { return device_; }

 private:
  spi_device_handle_t device_ = nullptr;
};

// The host must outlive it. One task owns all chips of a host.
class SpiChip final : public SpiBus {
 public:
  // To be called for every chip before the first exchange: a chip that is not deselected listens.
  void begin(SpiHost& host, Pin select);
  void exchange(std::span<std::uint8_t> bytes) override;

 private:
  spi_device_handle_t device_ = nullptr;
  Pin select_ = no_pin;
};

}  // namespace firmware::esp32_board
