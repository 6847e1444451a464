#include "hub/partner_faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>
#include <utility>

namespace hub {
namespace {

constexpr std::size_t most_nodes = 32;
constexpr std::size_t most_entities = 1000;  // Of a node.
constexpr std::size_t most_plugs = 64;
constexpr std::size_t most_plug_name = 120;
constexpr std::size_t most_characters = 255;
constexpr std::size_t channels_per_board = 6;
constexpr std::size_t channels_per_chip = 3;
constexpr std::size_t most_channels = 42;
constexpr std::size_t most_recipients = 10;

bool consists_of(std::string_view text, std::string_view besides_letters_and_digits) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           besides_letters_and_digits.contains(c);
  });
}

bool is_one_word(std::string_view text) {
  return !text.empty() && text.size() <= most_characters &&
         std::ranges::none_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7F; });
}

bool is_topic(std::string_view text) {
  return is_one_word(text) && text.find_first_of("+#") == text.npos && !text.starts_with('/') &&
         !text.ends_with('/');
}

bool is_url(std::string_view text, std::string_view scheme) {
  const auto rest = text.substr(0, text.find("://"));
  return is_one_word(text) && (rest == scheme || rest == std::string(scheme) + "s") &&
         text.size() > rest.size() + 3;
}

bool is_port(int port) { return port >= 1 && port <= 65535; }

// 32 bytes are 10 groups of 3 and 2 left over: 43 characters, and "=" to fill the last group.
bool is_key(std::string_view text) {
  return text.size() == 44 && text.ends_with('=') &&
         std::ranges::all_of(text.substr(0, 43), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
         });
}

bool is_a_step(std::chrono::seconds step) {
  return (step.count() >= 1 && step.count() <= 59) ||
         (step.count() >= 60 && step.count() <= 3600 && step.count() % 60 == 0);
}

std::string fault_of(const MqttAddress& mqtt) {
  if (!is_one_word(mqtt.host)) return "\"host\" must be the name or address of the broker";
  if (!is_port(mqtt.port)) return "\"port\" must be from 1 to 65535";
  if (!is_line(mqtt.user) || !is_line(mqtt.password)) {
    return "user and password must be one line each";
  }
  if (mqtt.user.empty() && !mqtt.password.empty()) return "a password needs a \"user\"; add it";
  return {};
}

std::string fault_of(const EsphomeEntity& entity, const EsphomeNode& node) {
  if (!consists_of(entity.object_id, "_-") || entity.object_id.size() > most_characters) {
    return "\"object_id\" must be what ESPHome calls it: a-z, 0-9, _ and -";
  }
  const auto& row = measurement::row(entity.quantity);
  if (row.kind == measurement::Kind::derived) {
    return fmt::format("\"{}\" is computed by the hub; take the entity out", row.name);
  }
  const bool is_of_a_chip = row.scope == measurement::Scope::chip;
  const auto count = is_of_a_chip ? node.channels / channels_per_chip : node.channels;
  if (entity.index >= count) {
    return fmt::format("\"{}\" must be from 0 to {}", is_of_a_chip ? "chip" : "channel", count - 1);
  }
  const bool is_total = row.kind == measurement::Kind::total;
  if (!std::isfinite(entity.factor) || std::abs(entity.factor) > 1e6 || entity.factor == 0 ||
      (is_total && entity.factor < 0)) {
    return is_total ? "\"factor\" must be greater than 0 and at most 1000000, since totals rise"
                    : "\"factor\" must not be 0, and from -1000000 to 1000000";
  }
  return {};
}

std::string fault_of_channels(std::size_t channels) {
  if (channels < channels_per_board || channels > most_channels ||
      channels % channels_per_board != 0) {
    return "\"channels\" must be 6, 12, 18, 24, 30, 36 or 42: six a board";
  }
  return {};
}

std::string fault_of(const EsphomeNode& node) {
  if (!consists_of(node.device, "_-") || node.device.size() > 32) {
    return "\"device\" must be 1 to 32 of a-z, 0-9, _ and -";
  }
  if (node.address.empty() && (!node.key.empty() || node.port != EsphomeNode{}.port)) {
    return "key_file and port belong to the native API; add the \"address\" of the node";
  }
  if (!node.address.empty() && !node.topic_prefix.empty()) {
    return "a node speaks over its native API or over MQTT; take out \"address\" or "
           "\"topic_prefix\"";
  }
  if (!node.address.empty() && !is_one_word(node.address)) {
    return "\"address\" must be a name or an address";
  }
  if (!is_port(node.port)) return "\"port\" must be from 1 to 65535";
  if (!node.key.empty() && !is_key(node.key)) {
    return "the key must be the base64 of 32 bytes, as api: encryption: key: in the node's YAML";
  }
  if (!node.topic_prefix.empty() && !is_topic(node.topic_prefix)) {
    return "\"topic_prefix\" must be a topic without + and #";
  }
  if (auto sentence = fault_of_channels(node.channels); !sentence.empty()) return sentence;
  using namespace std::chrono_literals;
  if (node.period < 1s || node.period > 1h) return "\"period_s\" must be from 1 to 3600";
  if (node.entities.size() > most_entities) {
    return fmt::format("it has more than {} entities; take some out", most_entities);
  }
  return {};
}

std::string fault_of(const LorawanMeter& meter) {
  const bool is_eui = meter.dev_eui.size() == 16 && std::ranges::all_of(meter.dev_eui, [](char c) {
                        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                      });
  if (!is_eui)
    return "\"dev_eui\" must be the 16 digits, 0-9 and a-f, that the network server shows";
  if (!consists_of(meter.device, "_-") || meter.device.size() > 32) {
    return "\"device\" must be 1 to 32 of a-z, 0-9, _ and -";
  }
  if (auto sentence = fault_of_channels(meter.channels); !sentence.empty()) return sentence;
  using namespace std::chrono_literals;
  if (meter.period < 60s || meter.period > 24h) return "\"period_s\" must be from 60 to 86400";
  if (meter.port < 1 || meter.port > 223) return "\"port\" must be from 1 to 223";
  return {};
}

bool is_hexadecimal(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c); });
}

// "AA:BB:CC:DD:EE:FF"
bool is_bluetooth_address(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'F');
    if (i % 3 == 2 ? text[i] != ':' : !is_digit) return false;
  }
  return true;
}

std::string fault_of(const BluetoothMeter& meter) {
  if (!consists_of(meter.device, "_-") || meter.device.size() > 32) {
    return "\"device\" must be 1 to 32 of a-z, 0-9, _ and -";
  }
  if (!is_bluetooth_address(meter.address)) {
    return "\"address\" must be like \"54:48:E6:8F:80:A5\"";
  }
  const BluetoothMeter usual;
  if (meter.is_visited && !meter.key.empty()) {
    return "key_file is of adverts, and circuits need none; take it out";
  }
  if (!meter.is_visited && (meter.channels != usual.channels || meter.period != usual.period)) {
    return "channels and period_s belong to tells = \"circuits\"; take them out";
  }
  if (!meter.key.empty() && (meter.key.size() != 32 || !is_hexadecimal(meter.key))) {
    return "the bind key must be 32 digits, 0-9 and a-f";
  }
  if (auto sentence = fault_of_channels(meter.channels); !sentence.empty()) return sentence;
  using namespace std::chrono_literals;
  if (meter.period < 10s || meter.period > 1h) return "\"period_s\" must be from 10 to 3600";
  return {};
}

std::string fault_of(const SmartPlug& plug) {
  if (plug.name.empty() || plug.name.size() > most_plug_name || !is_line(plug.name)) {
    return fmt::format("\"name\" must be 1 to {} characters in one line", most_plug_name);
  }
  if (!consists_of(plug.circuit, "_-"))
    return "\"circuit\" must be the id of a circuit of home.toml";
  if (!is_topic(plug.topic)) return "\"topic\" must be a topic without + and #";
  if (!plug.power.empty() && !is_one_word(plug.power)) {
    return "\"power\" must be like \"ENERGY.Power\"";
  }
  if (!plug.voltage.empty() && !is_one_word(plug.voltage)) {
    return "\"voltage\" must be like \"ENERGY.Voltage\"";
  }
  return {};
}

// Of a thermometer or a rain gauge.
template <class Sensor>
std::string fault_of_sensor(const Sensor& sensor, std::string_view like) {
  if (sensor.name.empty() || sensor.name.size() > most_plug_name || !is_line(sensor.name)) {
    return fmt::format("\"name\" must be 1 to {} characters in one line", most_plug_name);
  }
  for (const auto& circuit : sensor.circuits) {
    if (!consists_of(circuit, "_-")) return "\"circuits\" must be ids of circuits of home.toml";
  }
  if (!is_topic(sensor.topic)) return "\"topic\" must be a topic without + and #";
  if (!sensor.value.empty() && !is_one_word(sensor.value)) {
    return fmt::format("\"value\" must be like \"{}\"", like);
  }
  return {};
}

std::string fault_of(const Thermometer& thermometer) {
  return fault_of_sensor(thermometer, "temperature");
}

std::string fault_of(const RainGauge& gauge) {
  if (gauge.circuits.empty()) return "\"circuits\" must name those of sump pumps";
  return fault_of_sensor(gauge, "rain_rate");
}

std::string fault_of(const HomeAssistant& home_assistant) {
  if (!is_topic(home_assistant.discovery_prefix)) {
    return "\"discovery_prefix\" must be a topic without + and #";
  }
  if (home_assistant.url.empty() != home_assistant.token.empty()) {
    return "url and token_file go together; add the other one";
  }
  if (!home_assistant.url.empty() && !is_url(home_assistant.url, "ws")) {
    return "\"url\" must be like \"ws://homeassistant.local:8123/api/websocket\"";
  }
  if (!is_line(home_assistant.token)) return "the token must be one line";
  return {};
}

std::string fault_of(std::optional<std::chrono::days> read_before) {
  if (read_before && (read_before->count() < 1 || read_before->count() > 36'500)) {
    return "\"read_before_days\" must be from 1 to 36500";
  }
  return {};
}

std::string fault_of(const InfluxDb& influxdb) {
  if (!is_url(influxdb.url, "http")) return "\"url\" must be like \"http://127.0.0.1:8086\"";
  if (influxdb.version != 1 && influxdb.version != 2) return "\"version\" must be 1 or 2";
  for (const auto* text : {&influxdb.database, &influxdb.user, &influxdb.password,
                           &influxdb.organisation, &influxdb.bucket, &influxdb.token}) {
    if (!is_line(*text)) return "each text must be one line";
  }
  const bool has_1 =
      !influxdb.database.empty() || !influxdb.user.empty() || !influxdb.password.empty();
  const bool has_2 =
      !influxdb.organisation.empty() || !influxdb.bucket.empty() || !influxdb.token.empty();
  if (influxdb.version == 1 && (influxdb.database.empty() || has_2)) {
    return "version 1 takes database, user and password_file, and needs \"database\"";
  }
  if (influxdb.version == 2 && (influxdb.organisation.empty() || influxdb.bucket.empty() ||
                                influxdb.token.empty() || has_1)) {
    return "version 2 needs organisation, bucket and token_file, and takes no others";
  }
  if (influxdb.user.empty() && !influxdb.password.empty()) {
    return "a password needs a \"user\"; add it";
  }
  if (influxdb.scaled_integers && influxdb.schema != InfluxSchema::lenz) {
    return "scaled_integers is of the schema \"lenz\" only; take one of them out";
  }
  if (!is_a_step(influxdb.step)) {
    return "\"step_s\" must be from 1 to 59, or whole minutes up to 3600";
  }
  if (influxdb.read_before && influxdb.schema != InfluxSchema::samples) {
    return "read_before_days needs the schema \"samples\"; change one of them";
  }
  return fault_of(influxdb.read_before);
}

std::string fault_of(const VictoriaMetrics& victoria) {
  if (!is_url(victoria.url, "http")) return "\"url\" must be like \"http://127.0.0.1:8428\"";
  if (!victoria.read_url.empty() && !is_url(victoria.read_url, "http")) {
    return "\"read_url\" must be like \"http://vmselect:8481/select/0/prometheus\"";
  }
  if (!is_line(victoria.user) || !is_line(victoria.password)) {
    return "user and password must be one line each";
  }
  if (victoria.user.empty() && !victoria.password.empty()) {
    return "a password needs a \"user\"; add it";
  }
  return fault_of(victoria.read_before);
}

// One that can stand between < and > in a mail's envelope.
bool is_address(std::string_view text) {
  const auto at = text.find('@');
  return is_one_word(text) && at != text.npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == text.npos && text.find_first_of("<>\"\\,;:()[]") == text.npos &&
         std::ranges::all_of(text, [](unsigned char c) { return c < 0x80; });
}

std::string fault_of(const Email& email) {
  if (!is_one_word(email.host)) return "\"host\" must be the name or address of the mail server";
  if (!is_port(email.port)) return "\"port\" must be from 1 to 65535";
  if (!is_line(email.user) || !is_line(email.password)) {
    return "user and password must be one line each";
  }
  if (email.user.empty() != email.password.empty()) {
    return "user and password_file go together; add the other one";
  }
  if (!is_address(email.from)) return "\"from\" must be like \"lenz@example.org\"";
  if (email.to.empty() || email.to.size() > most_recipients ||
      !std::ranges::all_of(email.to, is_address)) {
    return fmt::format("\"to\" must be 1 to {} addresses like [\"ann@example.org\"]",
                       most_recipients);
  }
  return {};
}

std::string fault_of(const Webhook& webhook) {
  if (!is_url(webhook.url, "http")) return "\"url\" must be like \"https://example.org/hook\"";
  if (!is_line(webhook.token)) return "the token must be one line";
  return {};
}

std::string fault_of(const DayAheadSource& source, bool has_mqtt) {
  if (source.url.empty() == source.topic.empty()) {
    return "it needs either \"url\" or \"topic\"; give one of them";
  }
  if (!source.url.empty() && !is_url(source.url, "http")) {
    return "\"url\" must be like \"https://example.org/prices\"";
  }
  if (!source.topic.empty() && !is_topic(source.topic)) {
    return "\"topic\" must be a topic without + and #";
  }
  if (!source.topic.empty() && !has_mqtt) return "a topic is of MQTT; add [mqtt]";
  if (!is_line(source.token)) return "the token must be one line";
  return {};
}

// The entities of a node, and what they are of, must be different ones.
PartnerFault fault_of_entities(const EsphomeNode& node, std::size_t index) {
  std::set<std::string_view> ids;
  std::set<std::pair<measurement::Quantity, std::size_t>> series;
  for (std::size_t i = 0; i < node.entities.size(); ++i) {
    const auto& entity = node.entities[i];
    auto sentence = fault_of(entity, node);
    if (sentence.empty() && !ids.insert(entity.object_id).second) {
      sentence = fmt::format("\"{}\" is here twice; take one out", entity.object_id);
    }
    if (sentence.empty() && !series.emplace(entity.quantity, entity.index).second) {
      sentence = "another entity measures the same; take one of them out";
    }
    if (!sentence.empty()) return {sentence, "esphome", index, static_cast<int>(i)};
  }
  return {};
}

// `devices` are those that others measure.
PartnerFault fault_of_bluetooth(const Partners& partners, std::set<std::string_view> devices) {
  std::set<std::string_view> addresses;
  for (std::size_t i = 0; i < partners.bluetooth.size(); ++i) {
    const auto& meter = partners.bluetooth[i];
    auto sentence = fault_of(meter);
    if (i >= most_nodes) {
      sentence = fmt::format("there are more than {} meters; take some out", most_nodes);
    } else if (sentence.empty() && !devices.insert(meter.device).second) {
      sentence = fmt::format("the device \"{}\" is here twice; rename one", meter.device);
    } else if (sentence.empty() && !addresses.insert(meter.address).second) {
      sentence = fmt::format("{} is here twice; take one of them out", meter.address);
    } else if (sentence.empty() && !meter.is_visited &&
               std::ranges::count(partners.lorawan, meter.device, &LorawanMeter::device) > 0) {
      sentence = fmt::format(
          "\"{}\" is heard over LoRaWAN too, and its mains would count twice; rename this one",
          meter.device);
    }
    if (!sentence.empty()) return {sentence, "bluetooth", i};
  }
  return {};
}

}  // namespace

bool is_line(std::string_view text) {
  return text.size() <= most_secret_bytes &&
         std::ranges::none_of(text, [](unsigned char c) { return c < ' ' || c == 0x7F; });
}

PartnerFault find_fault(const Partners& partners) {
  const bool has_mqtt = partners.mqtt.has_value();
  if (has_mqtt) {
    if (auto sentence = fault_of(*partners.mqtt); !sentence.empty()) return {sentence, "mqtt"};
  }
  std::set<std::string_view> devices;
  for (std::size_t i = 0; i < partners.esphome.size(); ++i) {
    const auto& node = partners.esphome[i];
    auto sentence = fault_of(node);
    if (i >= most_nodes) {
      sentence = fmt::format("there are more than {} nodes; take some out", most_nodes);
    } else if (sentence.empty() && !devices.insert(node.device).second) {
      sentence = fmt::format("the device \"{}\" is here twice; rename one", node.device);
    } else if (sentence.empty() && node.address.empty() && !has_mqtt) {
      sentence = "a node without \"address\" speaks over MQTT; add [mqtt]";
    }
    if (!sentence.empty()) return {sentence, "esphome", i};
    if (auto fault = fault_of_entities(node, i)) return fault;
  }
  std::set<std::string_view> heard;
  for (std::size_t i = 0; i < partners.lorawan.size(); ++i) {
    const auto& meter = partners.lorawan[i];
    auto sentence = fault_of(meter);
    if (i >= most_nodes) {
      sentence = fmt::format("there are more than {} meters; take some out", most_nodes);
    } else if (sentence.empty() && !heard.insert(meter.dev_eui).second) {
      sentence = fmt::format("\"{}\" is here twice; take one out", meter.dev_eui);
    } else if (sentence.empty() && !heard.insert(meter.device).second) {
      sentence = fmt::format("the device \"{}\" is here twice; rename one", meter.device);
    } else if (sentence.empty() && !has_mqtt) {
      sentence = "network servers speak over MQTT; add [mqtt]";
    }
    if (!sentence.empty()) return {sentence, "lorawan", i};
  }
  if (auto fault = fault_of_bluetooth(partners, std::move(devices))) return fault;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < partners.plugs.size(); ++i) {
    auto sentence = fault_of(partners.plugs[i]);
    if (i >= most_plugs) {
      sentence = fmt::format("there are more than {} plugs; take some out", most_plugs);
    } else if (sentence.empty() && !names.insert(partners.plugs[i].name).second) {
      sentence = fmt::format("the plug \"{}\" is here twice; rename one", partners.plugs[i].name);
    } else if (sentence.empty() && !has_mqtt) {
      sentence = "plugs speak over MQTT; add [mqtt]";
    }
    if (!sentence.empty()) return {sentence, "plug", i};
  }
  const auto fault_among = [&](const auto& sensors, const std::string& section,
                               std::string_view several) -> PartnerFault {
    for (std::size_t i = 0; i < sensors.size(); ++i) {
      auto sentence = fault_of(sensors[i]);
      if (i >= most_plugs) {
        sentence = fmt::format("there are more than {} {}; take some out", most_plugs, several);
      } else if (sentence.empty() && !has_mqtt) {
        sentence = fmt::format("{} speak over MQTT; add [mqtt]", several);
      }
      if (!sentence.empty()) return {sentence, section, i};
    }
    return {};
  };
  if (auto fault = fault_among(partners.thermometers, "thermometer", "thermometers")) {
    return fault;
  }
  if (auto fault = fault_among(partners.rain_gauges, "rain_gauge", "rain gauges")) return fault;
  if (partners.home_assistant) {
    auto sentence = fault_of(*partners.home_assistant);
    if (!has_mqtt) sentence = "Home Assistant is told over MQTT; add [mqtt]";
    if (!sentence.empty()) return {sentence, "home_assistant"};
  }
  if (partners.influxdb) {
    if (auto sentence = fault_of(*partners.influxdb); !sentence.empty()) {
      return {sentence, "influxdb"};
    }
  }
  if (partners.victoriametrics) {
    auto sentence = fault_of(*partners.victoriametrics);
    if (sentence.empty() && partners.victoriametrics->read_before && partners.influxdb &&
        partners.influxdb->read_before) {
      sentence = "[influxdb] has read_before_days too; take one of them out";
    }
    if (!sentence.empty()) return {sentence, "victoriametrics"};
  }
  if (partners.email) {
    if (auto sentence = fault_of(*partners.email); !sentence.empty()) return {sentence, "email"};
  }
  if (partners.webhook) {
    if (auto sentence = fault_of(*partners.webhook); !sentence.empty()) {
      return {sentence, "webhook"};
    }
  }
  if (partners.day_ahead) {
    auto sentence = fault_of(*partners.day_ahead, has_mqtt);
    if (!sentence.empty()) return {sentence, "day_ahead"};
  }
  return {};
}

}  // namespace hub
