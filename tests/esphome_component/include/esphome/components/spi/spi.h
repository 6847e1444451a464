#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace esphome::spi {

enum SPIBitOrder { BIT_ORDER_LSB_FIRST, BIT_ORDER_MSB_FIRST };
enum SPIClockPolarity { CLOCK_POLARITY_LOW, CLOCK_POLARITY_HIGH };
enum SPIClockPhase { CLOCK_PHASE_LEADING, CLOCK_PHASE_TRAILING };
enum SPIDataRate : std::uint32_t { DATA_RATE_1MHZ = 1000000 };

template <SPIBitOrder order, SPIClockPolarity polarity, SPIClockPhase phase, SPIDataRate rate>
class SPIDevice {
  // Mode 3, the greater byte first: datasheet Atmel-46003B, section 4.2.
  static_assert(order == BIT_ORDER_MSB_FIRST && polarity == CLOCK_POLARITY_HIGH &&
                phase == CLOCK_PHASE_TRAILING && rate <= 1'200'000);

 public:
  void spi_setup() { is_set_up = true; }
  void enable() { is_selected = true; }
  void disable() { is_selected = false; }
  void transfer_array(std::uint8_t* bytes, std::size_t size) {
    if (is_set_up && is_selected) wired_to({bytes, size});
  }

  std::function<void(std::span<std::uint8_t>)> wired_to;
  bool is_set_up = false, is_selected = false;
};

}  // namespace esphome::spi
