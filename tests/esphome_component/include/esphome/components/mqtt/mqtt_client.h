#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace esphome::mqtt {

using mqtt_callback_t = std::function<void(const std::string&, const std::string&)>;

class MQTTClientComponent {
 public:
  bool is_connected() { return connected; }
  void subscribe(const std::string& topic, mqtt_callback_t callback, std::uint8_t) {
    subscribed[topic] = std::move(callback);
  }
  bool publish(const std::string& topic, const char* bytes, std::size_t size, std::uint8_t, bool) {
    if (connected) published.emplace_back(topic, std::string(bytes, size));
    return connected;
  }

  bool connected = true;
  std::map<std::string, mqtt_callback_t> subscribed;
  std::vector<std::pair<std::string, std::string>> published;
};

}  // namespace esphome::mqtt
