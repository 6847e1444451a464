#include "hub/ingest/lorawan_uplink.h"

#include <sodium.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hub/time_text.h"

namespace hub {
namespace {

using nlohmann::json;

// Where each server says it.
struct Places {
  const char *dev_eui, *port, *payload, *time;
};
constexpr Places chirpstack = {"/deviceInfo/devEui", "/fPort", "/data", "/time"};
constexpr Places things_stack = {"/end_device_ids/dev_eui", "/uplink_message/f_port",
                                 "/uplink_message/frm_payload", "/uplink_message/received_at"};

constexpr std::size_t most_payload = 255;

std::string text_at(const json& root, const char* place) {
  const json::json_pointer pointer(place);
  if (!root.contains(pointer)) return {};
  const auto& at = root.at(pointer);
  return at.is_string() ? at.get<std::string>() : std::string();
}

std::optional<std::string> eui_in(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const bool is_eui = text.size() == 16 && std::ranges::all_of(text, [](char c) {
                        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                      });
  return is_eui ? std::optional(text) : std::nullopt;
}

std::optional<std::vector<std::uint8_t>> bytes_in(const std::string& base64) {
  std::vector<std::uint8_t> bytes(most_payload);
  std::size_t size = 0;
  if (sodium_base642bin(bytes.data(), bytes.size(), base64.data(), base64.size(), nullptr, &size,
                        nullptr, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size == 0) {
    return std::nullopt;
  }
  bytes.resize(size);
  return bytes;
}

std::optional<LorawanUplink> uplink_in(std::string_view text, const Places& places) {
  const auto root = json::parse(text, nullptr, false);
  if (!root.is_object()) return std::nullopt;
  auto dev_eui = eui_in(text_at(root, places.dev_eui));
  auto payload = bytes_in(text_at(root, places.payload));
  if (!dev_eui || !payload) return std::nullopt;
  LorawanUplink uplink{.dev_eui = std::move(*dev_eui),
                       .payload = std::move(*payload),
                       .heard_at = time_of(text_at(root, places.time))};
  const json::json_pointer port(places.port);
  if (root.contains(port)) {
    const auto& number = root.at(port);
    if (!number.is_number_unsigned() || number.get<std::uint64_t>() > 255) return std::nullopt;
    uplink.port = number.get<unsigned>();
  }
  return uplink;
}

}  // namespace

std::optional<LorawanUplink> lorawan_uplink(std::string_view topic, std::string_view payload) {
  if (payload.size() > most_uplink_bytes) return std::nullopt;
  if (topic.starts_with("application/") && topic.ends_with("/event/up")) {
    return uplink_in(payload, chirpstack);
  }
  if (topic.starts_with("v3/") && topic.ends_with("/up")) return uplink_in(payload, things_stack);
  return std::nullopt;
}

}  // namespace hub
