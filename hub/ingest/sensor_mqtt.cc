#include "hub/ingest/sensor_mqtt.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "hub/ingest/esphome_mqtt.h"

namespace hub {
namespace {

constexpr std::size_t most_message = 16 * 1024;
constexpr double most_watts = 100'000, most_volts = 1'000, coldest_c = -60, warmest_c = 80;
constexpr double most_mm = 20'000, most_mm_per_h = 300;

std::optional<double> number_at(std::string_view payload, std::string_view path) {
  const auto json = nlohmann::json::parse(payload, nullptr, false);
  const auto* at = &json;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('.', begin), path.size());
    if (!at->is_object()) return std::nullopt;
    const auto found = at->find(path.substr(begin, end - begin));
    if (found == at->end()) return std::nullopt;
    at = &*found;
    begin = end + 1;
  }
  if (!at->is_number()) return std::nullopt;
  return at->get<double>();
}

std::optional<double> number_in(const MqttMessage& message, const std::string& topic,
                                const std::string& path) {
  if (message.topic != topic || message.is_retained) return std::nullopt;
  if (message.payload.size() > most_message) return std::nullopt;
  return path.empty() ? esphome_number(message.payload) : number_at(message.payload, path);
}

}  // namespace

std::optional<measurement::Watts> plug_power(const SmartPlug& plug, const MqttMessage& message) {
  const auto watts = number_in(message, plug.topic, plug.power);
  if (!watts || !(std::abs(*watts) < most_watts)) return std::nullopt;
  return measurement::Watts{static_cast<float>(*watts)};
}

std::optional<measurement::Volts> plug_voltage(const SmartPlug& plug, const MqttMessage& message) {
  if (plug.voltage.empty()) return std::nullopt;
  const auto volts = number_in(message, plug.topic, plug.voltage);
  if (!volts || !(0 < *volts && *volts < most_volts)) return std::nullopt;
  return measurement::Volts{static_cast<float>(*volts)};
}

std::optional<measurement::Celsius> temperature(const Thermometer& thermometer,
                                                const MqttMessage& message) {
  const auto celsius = number_in(message, thermometer.topic, thermometer.value);
  if (!celsius || !(coldest_c <= *celsius && *celsius <= warmest_c)) return std::nullopt;
  return measurement::Celsius{static_cast<float>(*celsius)};
}

std::optional<double> rain(const RainGauge& gauge, const MqttMessage& message) {
  const auto& unit = rain_units.at(gauge.unit);
  const auto said = number_in(message, gauge.topic, gauge.value);
  if (!said || !(0 <= *said && *said * unit.mm <= (unit.is_rate ? most_mm_per_h : most_mm))) {
    return std::nullopt;
  }
  return said;
}

}  // namespace hub
