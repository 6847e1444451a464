#include "hub/ingest/esphome_mqtt.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace hub {
namespace {

constexpr std::size_t most_config = 16 * 1024;  // A discovery message has some 700 bytes.

const std::string& prefix_of(const EsphomeNode& node) {
  return node.topic_prefix.empty() ? node.device : node.topic_prefix;
}

// A topic prefix is a node's name unless its owner chose another.
std::string_view name_of(const EsphomeNode& node) {
  const std::string_view prefix = prefix_of(node);
  return prefix.substr(prefix.rfind('/') + 1);
}

// "energy-meter/sensor/ct1_watts/state" -> "ct1_watts"; empty where it is none of the node's.
std::string_view object_id_in(std::string_view topic, const EsphomeNode& node) {
  const auto& prefix = prefix_of(node);
  constexpr std::string_view middle = "/sensor/", end = "/state";
  if (!topic.starts_with(prefix)) return {};
  topic.remove_prefix(prefix.size());
  if (!topic.starts_with(middle) || !topic.ends_with(end)) return {};
  if (topic.size() <= middle.size() + end.size()) return {};
  topic = topic.substr(middle.size(), topic.size() - middle.size() - end.size());
  return topic.find('/') == topic.npos ? topic : std::string_view{};
}

std::string text_of(const nlohmann::json& config, const char* brief, const char* whole) {
  for (const auto* key : {brief, whole}) {
    const auto found = config.find(key);
    if (found != config.end() && found->is_string()) return found->get<std::string>();
  }
  return {};
}

std::optional<std::string> hear_config(EsphomeMeter& meter, std::string_view payload) {
  if (payload.size() > most_config) return std::nullopt;
  const auto config = nlohmann::json::parse(payload, nullptr, false);
  if (!config.is_object()) return std::nullopt;
  auto topic = text_of(config, "stat_t", "state_topic");
  const auto base = text_of(config, "~", "~");
  if (topic.starts_with('~')) topic.replace(0, 1, base);
  const auto object_id = object_id_in(topic, meter.node());
  if (object_id.empty()) return std::nullopt;
  return meter.announce(object_id, text_of(config, "unit_of_meas", "unit_of_measurement"));
}

}  // namespace

std::vector<std::string> esphome_topics(const EsphomeNode& node,
                                        std::string_view discovery_prefix) {
  const auto& prefix = prefix_of(node);
  return {fmt::format("{}/sensor/+/state", prefix), fmt::format("{}/status", prefix),
          fmt::format("{}/sensor/{}/+/config", discovery_prefix, name_of(node))};
}

std::optional<std::string> hear_mqtt(EsphomeMeter& meter, const MqttMessage& message,
                                     measurement::Timestamp now) {
  if (message.topic.ends_with("/config")) {
    const auto level = fmt::format("/sensor/{}/", name_of(meter.node()));
    return message.topic.contains(level) ? hear_config(meter, message.payload) : std::nullopt;
  }
  if (message.topic == prefix_of(meter.node()) + "/status") {
    if (message.payload == "offline") meter.fall_silent();
    return std::nullopt;
  }
  const auto object_id = object_id_in(message.topic, meter.node());
  // An empty retained message is a topic that was cleared.
  if (!object_id.empty() && !(message.is_retained && message.payload.empty())) {
    meter.hear(object_id, esphome_number(message.payload), message.is_retained, now);
  }
  return std::nullopt;
}

std::optional<double> esphome_number(std::string_view payload) {
  double value = 0;
  const auto [end, error] = std::from_chars(payload.data(), payload.data() + payload.size(), value);
  if (error != std::errc{} || end != payload.data() + payload.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

}  // namespace hub
