// The serial line of a modem.

#pragma once

#include <driver/uart.h>

#include "firmware/board_map.h"
#include "firmware/serial_port.h"

namespace firmware::esp32_board {

inline constexpr uart_port_t modem_port = UART_NUM_1;
inline constexpr int modem_baud_rate = 115'200;

class ModemUart final : public SerialPort {
 public:
  // False: the pins could not be taken.
  bool begin(const ModemPins&);

  std::size_t read(std::span<std::uint8_t> into) override;
  std::size_t write(std::span<const std::uint8_t>) override;

 private:
  // Of 11,520 bytes a second, for the longest step of the meter and an erased sector.
  static constexpr int most_waiting = 4096;
};

}  // namespace firmware::esp32_board
