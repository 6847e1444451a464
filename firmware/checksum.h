// CRC-32 of IEEE 802.3.

#pragma once

#include <cstdint>
#include <span>

namespace firmware {

// Goes on from `crc`, the checksum of what comes before; 0 for the begin.
std::uint32_t crc32(std::uint32_t crc, std::span<const std::uint8_t> bytes);

}  // namespace firmware
