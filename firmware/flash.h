// Flash memory as it is: erased by sectors, written by words, and worn by both.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace firmware {

// A partition of NOR flash that is not encrypted. Offsets count from its begin; program() takes
// offsets and sizes that are multiples of `word`. False: the flash failed, and what was to be
// changed may be anything.
class Flash {
 public:
  static constexpr std::size_t sector = 4096;
  static constexpr std::size_t word = 4;

  virtual std::size_t size() const = 0;  // A multiple of `sector`.
  virtual bool read(std::size_t offset, std::span<std::uint8_t> bytes) = 0;
  // Clears bits and sets none.
  virtual bool program(std::size_t offset, std::span<const std::uint8_t> bytes) = 0;
  // Sets every bit of the sector that begins at `offset`; takes some 50 ms.
  virtual bool erase(std::size_t offset) = 0;

 protected:
  ~Flash() = default;
};

}  // namespace firmware
