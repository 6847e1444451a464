// What a LoRaWAN network server publishes of an uplink: ChirpStack 4 and The Things Stack 3.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measurement/units.h"

namespace hub {

struct LorawanUplink {
  std::string dev_eui;  // 16 of 0-9 a-f.
  unsigned port = 0;
  std::vector<std::uint8_t> payload;
  std::optional<measurement::Timestamp> heard_at;  // By the gateway or its network server.
};

// By the topic:
//   application/APPLICATION/device/DEV_EUI/event/up    ChirpStack
//   v3/APPLICATION@TENANT/devices/DEVICE/up            The Things Stack
// Fields that are zero, false or empty may be left out. Absent: it is no uplink, has no payload, is
// wrong or longer than most_uplink_bytes.
std::optional<LorawanUplink> lorawan_uplink(std::string_view topic, std::string_view payload);
inline constexpr std::size_t most_uplink_bytes = 64 * 1024;  // With what many gateways say of it.

}  // namespace hub
