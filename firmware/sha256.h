// SHA-256 (FIPS 180-4), without a heap.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace firmware {

using Digest = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  void add(std::span<const std::uint8_t> bytes);
  // Of all that was added. Ends the sum: begin a new one for the next.
  Digest digest();

 private:
  void add_block(std::span<const std::uint8_t, 64>);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> block_{};
  std::uint64_t size_ = 0;
};

}  // namespace firmware
