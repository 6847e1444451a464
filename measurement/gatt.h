// What a meter's Bluetooth service is called by: the only thing of GATT that both sides know.
// docs/ble.md is its page.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace measurement {

using BleUuid = std::array<std::uint8_t, 16>;  // As it is written, first digit first.

constexpr BleUuid lenz_uuid(std::uint8_t n) {
  return {0xD5, 0x14, 0x00, n,    0xB9, 0xB6, 0x4E, 0x6C,
          0x91, 0x99, 0xE1, 0x12, 0xC9, 0x86, 0xA7, 0x6E};
}

inline constexpr BleUuid lenz_service = lenz_uuid(1);
inline constexpr BleUuid meter_value = lenz_uuid(2);    // Who it is.
inline constexpr BleUuid summary_value = lenz_uuid(3);  // summary.h
inline constexpr BleUuid post_value = lenz_uuid(4);     // From the meter, in chunks.
inline constexpr BleUuid mail_value = lenz_uuid(5);     // To the meter, in chunks.

// The meter's value: format, boot (8 bytes, lowest first), chips, name.
inline constexpr std::uint8_t meter_value_format = 1;
inline constexpr std::size_t meter_value_head = 10;  // Bytes before the name.

// Kinds of messages in chunks.
inline constexpr std::uint8_t report_chunks = 0, reply_chunks = 1;    // Of post.
inline constexpr std::uint8_t stored_chunks = 0, request_chunks = 1;  // Of mail.

}  // namespace measurement
