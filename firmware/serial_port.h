// The only thing a driver of a modem needs from a UART.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace firmware {

// Neither waits.
class SerialPort {
 public:
  // Returns how many bytes were waiting and are now in `into`.
  virtual std::size_t read(std::span<std::uint8_t> into) = 0;
  // Returns how many of the first bytes were taken.
  virtual std::size_t write(std::span<const std::uint8_t>) = 0;

 protected:
  ~SerialPort() = default;
};

}  // namespace firmware
