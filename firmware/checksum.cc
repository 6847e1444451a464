#include "firmware/checksum.h"

#include <array>

namespace firmware {

// Four bits at a time: a table of 16 words is small enough for a meter.
std::uint32_t crc32(std::uint32_t crc, std::span<const std::uint8_t> bytes) {
  static constexpr std::array<std::uint32_t, 16> table = {
      0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
      0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
      0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
  crc = ~crc;
  for (const auto byte : bytes) {
    crc = table[(crc ^ byte) & 15] ^ crc >> 4;
    crc = table[(crc ^ byte >> 4) & 15] ^ crc >> 4;
  }
  return ~crc;
}

}  // namespace firmware
