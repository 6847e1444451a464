// Whom the hub talks to besides its own meters and the page: partners.toml in its folder.
// docs/partners_format.md is its page.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hub/rain_gauge.h"
#include "hub/smart_plug.h"
#include "hub/thermometer.h"
#include "measurement/quantities.h"

namespace hub {

// The home's broker, often that of Home Assistant.
struct MqttAddress {
  std::string host = "127.0.0.1";
  int port = 1883;
  std::string user;
  std::string password;  // From password_file.
};

// What an entity of an ESPHome node measures.
struct EsphomeEntity {
  std::string object_id;  // "fridge_watts"
  measurement::Quantity quantity{};
  std::size_t index = 0;  // A channel, or a chip for quantities of chips.
  double factor = 1;      // Units of the quantity for one of the entity's: 1000 for kWh as Wh.
};

struct EsphomeNode {
  std::string device;   // As the panel's channels name it: [a-z0-9_-]+, at most 32.
  std::string address;  // Host of the native API; empty: over MQTT.
  int port = 6053;      // Of the native API.
  std::string key;      // Base64 of 32 bytes, from key_file; empty: the node speaks plain text.
  std::string topic_prefix;                  // Over MQTT; empty: `device`.
  std::size_t channels = 6;                  // 6 to 42, six a board.
  std::chrono::milliseconds period{10'000};  // Its update_time.
  // Besides those of the CircuitSetup package (ct1_watts, voltage_1, ...), which are known.
  std::vector<EsphomeEntity> entities;
};

// A meter that is heard over LoRaWAN; it may be one that is heard over Wi-Fi too.
struct LorawanMeter {
  std::string dev_eui;                            // 16 of 0-9 a-f, as its network server has it.
  std::string device;                             // As the panel's channels name it.
  std::size_t channels = 6;                       // 6 to 42, six a board.
  std::chrono::milliseconds period{15 * 60'000};  // For which an uplink stands.
  unsigned port = 10;                             // Of LoRaWAN, 1 to 223.
};

// A meter that is heard over Bluetooth, through BlueZ.
struct BluetoothMeter {
  std::string device;   // As the panel's channels name it.
  std::string address;  // "AA:BB:CC:DD:EE:FF"
  // One of our own, whose circuits are read at visits. Else the mains of its BTHome adverts are the
  // device's first channel; they are encrypted with the key.
  bool is_visited = false;
  std::string key;           // 32 digits, of the adverts, from key_file; empty: they are not.
  std::size_t channels = 6;  // Of one that is visited: 6 to 42, six a board.
  std::chrono::milliseconds period{60'000};  // Between visits.
};

// Where late data goes in Home Assistant.
enum class StatisticsTarget : std::uint8_t {
  none,
  sensor,    // The long-term statistics of the sensors themselves.
  external,  // Statistics of our own, "lenz:...", beside them.
};

struct HomeAssistant {
  std::string discovery_prefix = "homeassistant";
  std::string url;    // "ws://homeassistant.local:8123/api/websocket"; empty: MQTT only.
  std::string token;  // Long-lived, of an administrator; from token_file.
  StatisticsTarget statistics = StatisticsTarget::sensor;
};

enum class InfluxSchema : std::uint8_t {
  lenz,            // Circuits, for people.
  home_assistant,  // Circuits, as Home Assistant would write them.
  samples,         // What is stored, for the hub itself to read.
};

struct InfluxDb {
  std::string url;                   // "http://127.0.0.1:8086"
  int version = 1;                   // 1 or 2.
  std::string database;              // 1.x
  std::string user;                  // 1.x; empty: no sign-in.
  std::string password;              // 1.x, from password_file.
  std::string organisation, bucket;  // 2.x
  std::string token;                 // 2.x, from token_file.
  InfluxSchema schema = InfluxSchema::lenz;
  bool scaled_integers = false;   // Whole steps of each quantity's resolution, of our own schema.
  std::chrono::seconds step{10};  // Of power and the like; energy goes by the minute.
  std::optional<std::chrono::days> read_before;  // What is older is read here; needs `samples`.
};

// It is given samples only: it cannot take back a point, and nothing else never changes.
struct VictoriaMetrics {
  std::string url;       // "http://127.0.0.1:8428"; of a cluster vminsert's, up to /influx.
  std::string read_url;  // Of a cluster vmselect's, up to /prometheus; empty: as url.
  std::string user;      // Empty: no sign-in.
  std::string password;  // From password_file.
  std::optional<std::chrono::days> read_before;  // What is older is read here.
};

// Where notices go by e-mail.
struct Email {
  std::string host;
  int port = 587;
  bool is_secure = false;  // TLS from the first byte on; else STARTTLS, which it must have.
  std::string user;        // Empty: no sign-in.
  std::string password;    // From password_file.
  std::string from;
  std::vector<std::string> to;  // 1 to 10.
  bool has_report = true;       // Of each month, as soon as it is over.
};

// Where notices go as JSON.
struct Webhook {
  std::string url;    // http:// or https://
  std::string token;  // Sent as Authorization: Bearer; from token_file; empty: none.
};

// Where day-ahead prices come from: an address that is asked, or a topic.
struct DayAheadSource {
  std::string url;       // http:// or https://; empty: the topic.
  std::string token;     // Sent as Authorization: Bearer; from token_file; empty: none.
  std::string topic;     // Needs mqtt; empty: the address.
  bool per_mwh = false;  // Its prices are of a MWh.
};

struct Partners {
  std::optional<MqttAddress> mqtt;
  std::vector<EsphomeNode> esphome;
  std::vector<LorawanMeter> lorawan;  // Need mqtt.
  std::vector<BluetoothMeter> bluetooth;
  std::vector<SmartPlug> plugs;                 // Need mqtt.
  std::vector<Thermometer> thermometers;        // Need mqtt.
  std::vector<RainGauge> rain_gauges;           // Need mqtt.
  std::optional<HomeAssistant> home_assistant;  // Needs mqtt.
  std::optional<InfluxDb> influxdb;
  std::optional<VictoriaMetrics> victoriametrics;  // Only one of the two has read_before.
  std::optional<Email> email;
  std::optional<Webhook> webhook;
  std::optional<DayAheadSource> day_ahead;
};

// A file that does not exist means no partners. Files of secrets are named relative to the folder
// in which partners.toml lies. Throws std::runtime_error with one sentence that names the file, the
// line where there is one, and the remedy; a key that is not known is refused.
Partners load_partners(const std::filesystem::path&);

// Replaces the file as a whole, mode 0644; secrets are written to files that only their owner reads
// (secrets/mqtt.password, secrets/DEVICE.key, ...), never into the file itself.
void save_partners(const Partners&, const std::filesystem::path&);

}  // namespace hub
