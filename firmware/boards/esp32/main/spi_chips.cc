#include "spi_chips.h"

#include <driver/gpio.h>
#include <esp_rom_sys.h>

#include <algorithm>

namespace firmware::esp32_board {
namespace {

constexpr auto host = SPI2_HOST;
constexpr int clock_hz = 1'000'000;  // The chip takes 1.2 MHz: datasheet Atmel-46003B, table 6-3.

}  // namespace

bool SpiHost::begin(const SpiPins& pins) {
  spi_bus_config_t bus{};
  bus.mosi_io_num = pins.mosi;
  bus.miso_io_num = pins.miso;
  bus.sclk_io_num = pins.clock;
  bus.quadwp_io_num = -1;
  bus.quadhd_io_num = -1;
  spi_device_interface_config_t chips{};
  chips.mode = 3;
  chips.clock_speed_hz = clock_hz;
  chips.spics_io_num = -1;
  chips.queue_size = 1;
  return spi_bus_initialize(host, &bus, SPI_DMA_DISABLED) == ESP_OK &&
         spi_bus_add_device(host, &chips, &device_) == ESP_OK;
}

void SpiChip::begin(SpiHost& spi, Pin select) {
  device_ = spi.device();
  select_ = select;
  const auto pin = static_cast<gpio_num_t>(select_);
  gpio_reset_pin(pin);
  gpio_set_level(pin, 1);
  gpio_set_direction(pin, GPIO_MODE_OUTPUT);
}

// A select holds 193 ns and stays away 132 ns: a microsecond is both.
void SpiChip::exchange(std::span<std::uint8_t> bytes) {
  const auto pin = static_cast<gpio_num_t>(select_);
  spi_transaction_t transaction{};
  transaction.flags = SPI_TRANS_USE_TXDATA | SPI_TRANS_USE_RXDATA;
  const auto size = std::min(bytes.size(), sizeof transaction.tx_data);
  transaction.length = 8 * size;
  std::copy_n(bytes.begin(), size, transaction.tx_data);
  gpio_set_level(pin, 0);
  esp_rom_delay_us(1);
  const auto result = spi_device_polling_transmit(device_, &transaction);
  esp_rom_delay_us(1);
  gpio_set_level(pin, 1);
  if (result == ESP_OK) {
    std::copy_n(transaction.rx_data, size, bytes.begin());
  } else {
    std::ranges::fill(bytes, std::uint8_t{0xff});  // As if no chip were there.
  }
}

}  // namespace firmware::esp32_board
