// The cable between board and chip: it counts the frames, and garbles some when asked to.

#pragma once

#include <cstdint>
#include <random>
#include <span>

#include "firmware/spi_bus.h"

namespace simulator {

// Chances per frame that one bit of it flips.
struct BusFaults {
  double answer = 0;   // In the 16 bits that the chip sends.
  double written = 0;  // In the 16 bits that the chip is to write.
  double address = 0;  // In the ten bits of the address on their way to the chip.
};

// Same seed and same frames, same faults. The bus must outlive this.
class FaultyBus final : public firmware::SpiBus {
 public:
  explicit FaultyBus(firmware::SpiBus& bus, const BusFaults& faults = {}, std::uint64_t seed = 1);

  void exchange(std::span<std::uint8_t> bytes) override;

  std::uint64_t frames() const { return frames_; }
  std::uint64_t flips() const { return flips_; }

 private:
  // Counts down to a fault, so that a frame without one costs no random number.
  struct Fault {
    double chance = 0;
    std::uint64_t after = 0;  // Good frames before the next bad one.
  };

  bool strikes(Fault&);
  void draw(Fault&);
  void flip(std::span<std::uint8_t> big_endian_word, unsigned bits);

  firmware::SpiBus& bus_;
  std::mt19937_64 random_;
  Fault answer_, written_, address_;
  std::uint64_t frames_ = 0;
  std::uint64_t flips_ = 0;
};

}  // namespace simulator
