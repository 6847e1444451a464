// BTHome v2 (https://bthome.io/format): what a Bluetooth advert says to whoever hears it, Home
// Assistant among them. It has room for the mains; circuits go over GATT. docs/ble.md is its page.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "measurement/ccm.h"
#include "measurement/units.h"

namespace measurement {

inline constexpr std::size_t max_advert_bytes = 31;    // Of Bluetooth 4 to 5 alike.
inline constexpr std::uint16_t bthome_uuid = 0xFCD2;   // Of the service data.
using BluetoothAddress = std::array<std::uint8_t, 6>;  // As it is written, first pair first.

// Of a type that comes more than once in an advert, the first counts.
struct BthomeReading {
  std::optional<std::uint8_t> packet{};    // The same in repetitions.
  std::optional<Volts> voltage{};          // 0.1 V where we send it.
  std::optional<Amperes> current{};        // Not sent by us.
  std::optional<MilliwattHours> energy{};  // A counter, in whole Wh.
  std::optional<Watts> power{};            // 0.01 W

  friend bool operator==(const BthomeReading&, const BthomeReading&) = default;
};

// What encrypts: the bind key is in the cipher, which outlives this. No counter is used twice.
struct BthomeSeal {
  AesBlock& cipher;
  BluetoothAddress address;  // Of the sender.
  std::uint32_t counter = 0;
};

// A whole advert, flags and all, for `seal` or, where it is null, for everybody; returns its size.
// Values that are absent or beyond the format are left out, and so is the current.
std::size_t encode_bthome(const BthomeReading&, const BthomeSeal* seal,
                          std::span<std::uint8_t, max_advert_bytes> advert);

enum class BthomeError : std::uint8_t {
  malformed,      // Not BTHome, or cut short.
  other_version,  // Not version 2.
  encrypted,      // And there is no key.
  not_encrypted,  // And there is a key: anybody may have sent it.
  wrong_key,      // Or it was altered.
};
const char* sentence(BthomeError);

struct DecodedBthome {
  BthomeReading reading;
  std::optional<std::uint32_t> counter;  // Of what was encrypted: it must rise.
};
// Service data of the UUID, without it. `cipher` is null for a sender without a bind key. What
// comes behind an object that is not known is passed over, as the format says.
std::expected<DecodedBthome, BthomeError> decode_bthome(std::span<const std::uint8_t> service_data,
                                                        AesBlock* cipher, BluetoothAddress sender);

}  // namespace measurement
