#include "modem_uart.h"

namespace firmware::esp32_board {

bool ModemUart::begin(const ModemPins& pins) {
  uart_config_t config{};
  config.baud_rate = modem_baud_rate;
  config.data_bits = UART_DATA_8_BITS;
  config.parity = UART_PARITY_DISABLE;
  config.stop_bits = UART_STOP_BITS_1;
  config.flow_ctrl = UART_HW_FLOWCTRL_DISABLE;
  config.source_clk = UART_SCLK_DEFAULT;
  // No buffer for sending: then what its FIFO takes is taken without waiting.
  return uart_driver_install(modem_port, most_waiting, 0, 0, nullptr, 0) == ESP_OK &&
         uart_param_config(modem_port, &config) == ESP_OK &&
         uart_set_pin(modem_port, pins.transmit, pins.receive, UART_PIN_NO_CHANGE,
                      UART_PIN_NO_CHANGE) == ESP_OK;
}

std::size_t ModemUart::read(std::span<std::uint8_t> into) {
  const int size =
      uart_read_bytes(modem_port, into.data(), static_cast<std::uint32_t>(into.size()), 0);
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

std::size_t ModemUart::write(std::span<const std::uint8_t> bytes) {
  const int size = uart_tx_chars(modem_port, reinterpret_cast<const char*>(bytes.data()),
                                 static_cast<std::uint32_t>(bytes.size()));
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

}  // namespace firmware::esp32_board
