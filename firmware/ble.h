// What the meter is to a Bluetooth LE central: its services as one table, and the stack below them.
// docs/ble.md is the page of all that goes over the air.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "measurement/gatt.h"

namespace firmware {

using measurement::BleUuid;

// Improv's (https://www.improv-wifi.com/ble): n is the last digit.
constexpr BleUuid improv_uuid(std::uint8_t n) {
  return {0x00, 0x46, 0x77, 0x68, 0x62, 0x28, 0x22, 0x72,
          0x46, 0x63, 0x27, 0x74, 0x78, 0x26, 0x80, n};
}

using measurement::lenz_service;
inline constexpr BleUuid improv_service = improv_uuid(0);

enum class BleValue : std::uint8_t {
  meter,    // Who it is.
  summary,  // measurement/summary.h, at most some seconds old; notified in chunks.
  post,     // Chunks of reports and replies, as over MQTT; notified as long as the hub lacks some.
  mail,     // Chunks of answers and requests.
  improv_state,
  improv_error,
  improv_command,
  improv_result,
  improv_capabilities,
};

struct BleCharacteristic {
  BleValue value;
  BleUuid service;
  BleUuid uuid;
  bool reads = false;
  bool writes = false;
  bool notifies = false;
  bool needs_bond = true;  // Only encrypted, and only for whom the window once stood open.
};

inline constexpr std::array ble_characteristics = {
    BleCharacteristic{.value = BleValue::meter,
                      .service = lenz_service,
                      .uuid = measurement::meter_value,
                      .reads = true},
    BleCharacteristic{.value = BleValue::summary,
                      .service = lenz_service,
                      .uuid = measurement::summary_value,
                      .reads = true,
                      .notifies = true},
    BleCharacteristic{.value = BleValue::post,
                      .service = lenz_service,
                      .uuid = measurement::post_value,
                      .notifies = true},
    BleCharacteristic{.value = BleValue::mail,
                      .service = lenz_service,
                      .uuid = measurement::mail_value,
                      .writes = true},
    BleCharacteristic{.value = BleValue::improv_state,
                      .service = improv_service,
                      .uuid = improv_uuid(1),
                      .reads = true,
                      .notifies = true,
                      .needs_bond = false},
    BleCharacteristic{.value = BleValue::improv_error,
                      .service = improv_service,
                      .uuid = improv_uuid(2),
                      .reads = true,
                      .notifies = true,
                      .needs_bond = false},
    BleCharacteristic{.value = BleValue::improv_command,
                      .service = improv_service,
                      .uuid = improv_uuid(3),
                      .writes = true,
                      .needs_bond = false},
    BleCharacteristic{.value = BleValue::improv_result,
                      .service = improv_service,
                      .uuid = improv_uuid(4),
                      .reads = true,
                      .notifies = true,
                      .needs_bond = false},
    BleCharacteristic{.value = BleValue::improv_capabilities,
                      .service = improv_service,
                      .uuid = improv_uuid(5),
                      .reads = true,
                      .needs_bond = false},
};

constexpr const BleCharacteristic& row(BleValue value) {
  return ble_characteristics[static_cast<std::size_t>(value)];
}

// Of the attribute protocol (Bluetooth Core, vol. 3, part F, 3.4.1.1).
enum class AttError : std::uint8_t {
  read_not_permitted = 0x02,
  write_not_permitted = 0x03,
  insufficient_authentication = 0x05,  // Makes a central pair, if it may.
  invalid_offset = 0x07,
  insufficient_resources = 0x11,  // Try again.
};

inline constexpr std::size_t least_mtu = 23;       // Of every link, before it has agreed on more.
inline constexpr std::size_t max_att_value = 512;  // Bytes of a characteristic's value.

// What one notification carries.
constexpr std::size_t room_of(std::size_t mtu) {
  return std::clamp(mtu, least_mtu, max_att_value + 3) - 3;
}

using BleLink = std::uint16_t;  // The stack's name of a connection.

// The only thing the meter needs from a Bluetooth stack. Calls come from, and go to, one task.
class BleStack {
 public:
  // What is sent from now on, each at most 31 bytes. False: not taken.
  virtual bool advertise(std::span<const std::uint8_t> advert,
                         std::span<const std::uint8_t> scan_response) = 0;

  // Whether a central that is not bonded may pair. Bonds that stand are not touched.
  virtual void let_pair(bool may) = 0;

  // At most mtu - 3 bytes. False: there is no room now, the same is offered again later.
  virtual bool notify(BleLink, BleValue, std::span<const std::uint8_t>) = 0;

  virtual void hang_up(BleLink) = 0;

 protected:
  ~BleStack() = default;
};

}  // namespace firmware
