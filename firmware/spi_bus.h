// The only thing a chip driver needs from a board.

#pragma once

#include <cstdint>
#include <span>

namespace firmware {

// One chip's place on the bus: a select, a full-duplex exchange and a deselect.
// The bytes received replace the bytes sent. Boards implement this with their
// SPI peripheral, the simulator with a register map.
class SpiBus {
 public:
  virtual void exchange(std::span<std::uint8_t> bytes) = 0;

 protected:
  ~SpiBus() = default;
};

}  // namespace firmware
