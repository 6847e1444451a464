#include "hub/partners.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "hub/partner_faults.h"
#include "hub/toml_file.h"

namespace hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_file_bytes = 64 * 1024;

// In the order of the enumerations.
constexpr std::array<std::string_view, 3> targets = {"none", "sensor", "external"};
constexpr std::array<std::string_view, 2> tells_words = {"mains", "circuits"};
constexpr std::array<std::string_view, 2> tls_words = {"starttls", "at_once"};
constexpr std::array<std::string_view, 2> per_words = {"kWh", "MWh"};
constexpr auto rain_words = [] {
  std::array<std::string_view, rain_units.size()> words;
  std::ranges::transform(rain_units, words.begin(), &RainUnit::word);
  return words;
}();
constexpr std::array<std::string_view, 3> schemas = {"lenz", "home_assistant", "samples"};

class Reader {
 public:
  explicit Reader(const fs::path& path) : file_(path, most_file_bytes, "a list of partners") {}

  Partners partners() const;

 private:
  MqttAddress mqtt(const toml::table&) const;
  EsphomeNode node(const toml::table&) const;
  EsphomeEntity entity(const toml::table&) const;
  LorawanMeter lorawan(const toml::table&) const;
  BluetoothMeter bluetooth(const toml::table&) const;
  SmartPlug plug(const toml::table&) const;
  Thermometer thermometer(const toml::table&) const;
  RainGauge rain_gauge(const toml::table&) const;
  HomeAssistant home_assistant(const toml::table&) const;
  InfluxDb influxdb(const toml::table&) const;
  VictoriaMetrics victoriametrics(const toml::table&) const;
  Email email(const toml::table&) const;
  Webhook webhook(const toml::table&) const;
  DayAheadSource day_ahead(const toml::table&) const;

  void want_days(const toml::table& from, std::optional<std::chrono::days>& into) const;
  void take_circuits(const toml::node& from, std::vector<std::string>& into) const;
  void want_secret(const toml::table& from, std::string_view key, std::string& into) const;
  void want_period(const toml::table& from, std::chrono::milliseconds& into) const;
  measurement::Quantity quantity(const toml::table& from) const;
  const toml::node& place(const PartnerFault&) const;

  // Reads a section that may be missing.
  template <class Section>
  void want_section(std::string_view key, std::optional<Section>& into,
                    Section (Reader::*read)(const toml::table&) const) const {
    if (const auto* node = file_.root().get(key)) into = (this->*read)(file_.table(*node, key));
  }

  const TomlFile file_;
};

void Reader::want_secret(const toml::table& from, std::string_view key, std::string& into) const {
  const auto* node = from.get(key);
  if (!node) return;
  std::string name;
  file_.take(*node, key, name);
  const auto path = file_.path().parent_path() / name;  // An absolute name stays what it is.
  std::ifstream file(path);
  std::string line(most_secret_bytes + 1, '\0');
  file.read(line.data(), static_cast<std::streamsize>(line.size()));
  if (!file.is_open() || file.bad()) {
    file_.refuse(node->source(),
                 fmt::format("{} cannot be read ({}); create it with the secret as its first line",
                             path.string(), std::strerror(errno)));
  }
  line.resize(static_cast<std::size_t>(file.gcount()));
  line.resize(std::min(line.size(), line.find_first_of("\r\n")));
  if (line.empty() || !is_line(line)) {
    file_.refuse(node->source(),
                 fmt::format("{} must hold the secret, of at most {} characters, as its first line",
                             path.string(), most_secret_bytes));
  }
  into = line;
}

MqttAddress Reader::mqtt(const toml::table& from) const {
  file_.allow(from, "[mqtt]", {"host", "port", "user", "password_file"});
  MqttAddress mqtt;
  file_.want(from, "host", mqtt.host);
  file_.want(from, "port", mqtt.port);
  file_.want(from, "user", mqtt.user);
  want_secret(from, "password_file", mqtt.password);
  return mqtt;
}

measurement::Quantity Reader::quantity(const toml::table& from) const {
  std::array<std::string_view, measurement::measured_quantities> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = measurement::quantities[i].name;
  measurement::Quantity quantity{};
  file_.choose(file_.required(from, "quantity"), "quantity", names, quantity);
  return quantity;
}

EsphomeEntity Reader::entity(const toml::table& from) const {
  EsphomeEntity entity;
  entity.quantity = quantity(from);
  const bool is_of_a_chip = measurement::row(entity.quantity).scope == measurement::Scope::chip;
  const std::string_view index = is_of_a_chip ? "chip" : "channel";
  file_.allow(from, is_of_a_chip ? "an entity of a chip" : "an entity of a channel",
              {"object_id", "quantity", index, "factor"});
  file_.need(from, "object_id", entity.object_id);
  file_.need(from, index, entity.index);
  file_.want(from, "factor", entity.factor);
  return entity;
}

EsphomeNode Reader::node(const toml::table& from) const {
  file_.allow(
      from, "[[esphome]]",
      {"device", "address", "port", "key_file", "topic_prefix", "channels", "period_s", "entity"});
  EsphomeNode node;
  file_.need(from, "device", node.device);
  file_.want(from, "address", node.address);
  file_.want(from, "port", node.port);
  want_secret(from, "key_file", node.key);
  file_.want(from, "topic_prefix", node.topic_prefix);
  file_.want(from, "channels", node.channels);
  want_period(from, node.period);
  file_.each(from, "entity", [&](const auto& one) { node.entities.push_back(entity(one)); });
  return node;
}

LorawanMeter Reader::lorawan(const toml::table& from) const {
  file_.allow(from, "[[lorawan]]", {"dev_eui", "device", "channels", "period_s", "port"});
  LorawanMeter meter;
  file_.need(from, "dev_eui", meter.dev_eui);
  std::ranges::transform(meter.dev_eui, meter.dev_eui.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  file_.need(from, "device", meter.device);
  file_.want(from, "channels", meter.channels);
  auto period_s = static_cast<std::int32_t>(meter.period / std::chrono::seconds(1));
  file_.want(from, "period_s", period_s);
  meter.period = std::chrono::seconds(period_s);
  file_.want(from, "port", meter.port);
  return meter;
}

BluetoothMeter Reader::bluetooth(const toml::table& from) const {
  file_.allow(from, "[[bluetooth]]",
              {"device", "address", "tells", "key_file", "channels", "period_s"});
  BluetoothMeter meter;
  file_.need(from, "device", meter.device);
  file_.need(from, "address", meter.address);
  file_.want_choice(from, "tells", tells_words, meter.is_visited);
  want_secret(from, "key_file", meter.key);
  file_.want(from, "channels", meter.channels);
  want_period(from, meter.period);
  return meter;
}

SmartPlug Reader::plug(const toml::table& from) const {
  file_.allow(from, "[[plug]]", {"name", "kind", "circuit", "topic", "power", "voltage"});
  SmartPlug plug;
  file_.need(from, "name", plug.name);
  if (const auto* kind = from.get("kind")) {
    std::array<std::string_view, insight::appliance_kinds.size()> words;
    std::ranges::transform(insight::appliance_kinds, words.begin(),
                           &insight::ApplianceKindRow::word);
    file_.choose(*kind, "kind", words, plug.kind.emplace());
  }
  file_.need(from, "circuit", plug.circuit);
  file_.need(from, "topic", plug.topic);
  file_.want(from, "power", plug.power);
  file_.want(from, "voltage", plug.voltage);
  return plug;
}

Thermometer Reader::thermometer(const toml::table& from) const {
  file_.allow(from, "[[thermometer]]", {"name", "circuits", "topic", "value"});
  Thermometer thermometer;
  file_.need(from, "name", thermometer.name);
  if (const auto* circuits = from.get("circuits")) take_circuits(*circuits, thermometer.circuits);
  file_.need(from, "topic", thermometer.topic);
  file_.want(from, "value", thermometer.value);
  return thermometer;
}

RainGauge Reader::rain_gauge(const toml::table& from) const {
  file_.allow(from, "[[rain_gauge]]", {"name", "circuits", "topic", "value", "unit"});
  RainGauge gauge;
  file_.need(from, "name", gauge.name);
  take_circuits(file_.required(from, "circuits"), gauge.circuits);
  file_.need(from, "topic", gauge.topic);
  file_.want(from, "value", gauge.value);
  file_.want_choice(from, "unit", rain_words, gauge.unit);
  return gauge;
}

void Reader::take_circuits(const toml::node& from, std::vector<std::string>& into) const {
  for (const auto& node : file_.array(from, "circuits")) {
    file_.take(node, "circuits", into.emplace_back());
  }
}

HomeAssistant Reader::home_assistant(const toml::table& from) const {
  file_.allow(from, "[home_assistant]", {"discovery_prefix", "url", "token_file", "statistics"});
  HomeAssistant home_assistant;
  file_.want(from, "discovery_prefix", home_assistant.discovery_prefix);
  file_.want(from, "url", home_assistant.url);
  want_secret(from, "token_file", home_assistant.token);
  file_.want_choice(from, "statistics", targets, home_assistant.statistics);
  return home_assistant;
}

InfluxDb Reader::influxdb(const toml::table& from) const {
  file_.allow(from, "[influxdb]",
              {"url", "version", "database", "user", "password_file", "organisation", "bucket",
               "token_file", "schema", "scaled_integers", "step_s", "read_before_days"});
  InfluxDb influxdb;
  file_.need(from, "url", influxdb.url);
  file_.want(from, "version", influxdb.version);
  file_.want(from, "database", influxdb.database);
  file_.want(from, "user", influxdb.user);
  want_secret(from, "password_file", influxdb.password);
  file_.want(from, "organisation", influxdb.organisation);
  file_.want(from, "bucket", influxdb.bucket);
  want_secret(from, "token_file", influxdb.token);
  file_.want_choice(from, "schema", schemas, influxdb.schema);
  file_.want(from, "scaled_integers", influxdb.scaled_integers);
  auto step_s = static_cast<std::int32_t>(influxdb.step.count());
  file_.want(from, "step_s", step_s);
  influxdb.step = std::chrono::seconds(step_s);
  want_days(from, influxdb.read_before);
  return influxdb;
}

VictoriaMetrics Reader::victoriametrics(const toml::table& from) const {
  file_.allow(from, "[victoriametrics]",
              {"url", "read_url", "user", "password_file", "read_before_days"});
  VictoriaMetrics victoria;
  file_.need(from, "url", victoria.url);
  file_.want(from, "read_url", victoria.read_url);
  file_.want(from, "user", victoria.user);
  want_secret(from, "password_file", victoria.password);
  want_days(from, victoria.read_before);
  return victoria;
}

Email Reader::email(const toml::table& from) const {
  file_.allow(from, "[email]",
              {"host", "port", "tls", "user", "password_file", "from", "to", "report"});
  Email email;
  file_.need(from, "host", email.host);
  file_.want(from, "port", email.port);
  file_.want_choice(from, "tls", tls_words, email.is_secure);
  file_.want(from, "user", email.user);
  want_secret(from, "password_file", email.password);
  file_.need(from, "from", email.from);
  for (const auto& node : file_.array(file_.required(from, "to"), "to")) {
    file_.take(node, "to", email.to.emplace_back());
  }
  file_.want(from, "report", email.has_report);
  return email;
}

Webhook Reader::webhook(const toml::table& from) const {
  file_.allow(from, "[webhook]", {"url", "token_file"});
  Webhook webhook;
  file_.need(from, "url", webhook.url);
  want_secret(from, "token_file", webhook.token);
  return webhook;
}

DayAheadSource Reader::day_ahead(const toml::table& from) const {
  file_.allow(from, "[day_ahead]", {"url", "token_file", "topic", "per"});
  DayAheadSource source;
  file_.want(from, "url", source.url);
  want_secret(from, "token_file", source.token);
  file_.want(from, "topic", source.topic);
  file_.want_choice(from, "per", per_words, source.per_mwh);
  return source;
}

void Reader::want_period(const toml::table& from, std::chrono::milliseconds& into) const {
  const auto* period = from.get("period_s");
  if (!period) return;
  double period_s = 0;
  file_.take(*period, "period_s", period_s);
  if (!(period_s >= 1 && period_s <= 3600)) {
    file_.refuse(period->source(), "\"period_s\" must be from 1 to 3600");
  }
  into = std::chrono::milliseconds(std::llround(period_s * 1000));
}

void Reader::want_days(const toml::table& from, std::optional<std::chrono::days>& into) const {
  const auto* node = from.get("read_before_days");
  if (!node) return;
  std::int32_t days = 0;
  file_.take(*node, "read_before_days", days);
  into = std::chrono::days(days);
}

const toml::node& Reader::place(const PartnerFault& fault) const {
  const auto* at = file_.root().get(fault.section);
  if (at->is_array()) at = at->as_array()->get(fault.node);
  if (fault.entity < 0) return *at;
  return *at->as_table()->get("entity")->as_array()->get(static_cast<std::size_t>(fault.entity));
}

Partners Reader::partners() const {
  file_.allow(file_.root(), "the file",
              {"mqtt", "esphome", "lorawan", "bluetooth", "plug", "thermometer", "rain_gauge",
               "home_assistant", "influxdb", "victoriametrics", "email", "webhook", "day_ahead"});
  Partners partners;
  want_section("mqtt", partners.mqtt, &Reader::mqtt);
  file_.each(file_.root(), "esphome",
             [&](const auto& one) { partners.esphome.push_back(node(one)); });
  file_.each(file_.root(), "lorawan",
             [&](const auto& one) { partners.lorawan.push_back(lorawan(one)); });
  file_.each(file_.root(), "bluetooth",
             [&](const auto& one) { partners.bluetooth.push_back(bluetooth(one)); });
  file_.each(file_.root(), "plug", [&](const auto& one) { partners.plugs.push_back(plug(one)); });
  file_.each(file_.root(), "thermometer",
             [&](const auto& one) { partners.thermometers.push_back(thermometer(one)); });
  file_.each(file_.root(), "rain_gauge",
             [&](const auto& one) { partners.rain_gauges.push_back(rain_gauge(one)); });
  want_section("home_assistant", partners.home_assistant, &Reader::home_assistant);
  want_section("influxdb", partners.influxdb, &Reader::influxdb);
  want_section("victoriametrics", partners.victoriametrics, &Reader::victoriametrics);
  want_section("email", partners.email, &Reader::email);
  want_section("webhook", partners.webhook, &Reader::webhook);
  want_section("day_ahead", partners.day_ahead, &Reader::day_ahead);
  if (const auto fault = find_fault(partners)) {
    file_.refuse(place(fault).source(), fault.sentence);
  }
  return partners;
}

// The text of the file, and what must not stand in it: file names and secrets.
class Writer {
 public:
  explicit Writer(const Partners&);

  const std::string& text() const { return text_; }
  const std::vector<std::pair<std::string, std::string>>& secrets() const { return secrets_; }

 private:
  void write(const MqttAddress&);
  void write(const EsphomeNode&);
  void write(const EsphomeEntity&);
  void write(const LorawanMeter&);
  void write(const BluetoothMeter&);
  void write(const Thermometer&);
  void write(const RainGauge&);
  void write(const SmartPlug&);
  void write(const HomeAssistant&);
  void write(const InfluxDb&);
  void write(const VictoriaMetrics&);
  void write(const Email&);
  void write(const Webhook&);
  void write(const DayAheadSource&);

  void section(std::string_view name) {
    text_ += fmt::format("{}{}\n", text_.empty() ? "" : "\n", name);
  }
  template <class Value>
  void line(std::string_view key, const Value& value) {
    text_ += fmt::format("{} = {}\n", key, value);
  }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    std::vector<std::string> quoted;
    std::ranges::transform(values, std::back_inserter(quoted), toml_text);
    line(key, fmt::format("[{}]", fmt::join(quoted, ", ")));
  }
  void text(std::string_view key, const std::string& value) {
    if (!value.empty()) line(key, toml_text(value));
  }
  void secret(std::string_view key, const std::string& name, const std::string& value) {
    if (value.empty()) return;
    secrets_.emplace_back("secrets/" + name, value);
    text(key, secrets_.back().first);
  }

  std::string text_;
  std::vector<std::pair<std::string, std::string>> secrets_;
};

Writer::Writer(const Partners& partners) {
  if (partners.mqtt) write(*partners.mqtt);
  for (const auto& node : partners.esphome) write(node);
  for (const auto& meter : partners.lorawan) write(meter);
  for (const auto& meter : partners.bluetooth) write(meter);
  for (const auto& plug : partners.plugs) write(plug);
  for (const auto& thermometer : partners.thermometers) write(thermometer);
  for (const auto& gauge : partners.rain_gauges) write(gauge);
  if (partners.home_assistant) write(*partners.home_assistant);
  if (partners.influxdb) write(*partners.influxdb);
  if (partners.victoriametrics) write(*partners.victoriametrics);
  if (partners.email) write(*partners.email);
  if (partners.webhook) write(*partners.webhook);
  if (partners.day_ahead) write(*partners.day_ahead);
}

void Writer::write(const MqttAddress& mqtt) {
  section("[mqtt]");
  text("host", mqtt.host);
  line("port", mqtt.port);
  text("user", mqtt.user);
  secret("password_file", "mqtt.password", mqtt.password);
}

void Writer::write(const EsphomeNode& node) {
  section("[[esphome]]");
  text("device", node.device);
  text("address", node.address);
  if (!node.address.empty()) line("port", node.port);
  secret("key_file", node.device + ".key", node.key);
  text("topic_prefix", node.topic_prefix);
  line("channels", node.channels);
  line("period_s", static_cast<double>(node.period.count()) / 1000);
  for (const auto& entity : node.entities) write(entity);
}

void Writer::write(const EsphomeEntity& entity) {
  const auto& row = measurement::row(entity.quantity);
  section("[[esphome.entity]]");
  text("object_id", entity.object_id);
  text("quantity", std::string(row.name));
  line(row.scope == measurement::Scope::chip ? "chip" : "channel", entity.index);
  line("factor", entity.factor);
}

void Writer::write(const LorawanMeter& meter) {
  section("[[lorawan]]");
  text("dev_eui", meter.dev_eui);
  text("device", meter.device);
  line("channels", meter.channels);
  line("period_s", meter.period / std::chrono::seconds(1));
  line("port", meter.port);
}

void Writer::write(const BluetoothMeter& meter) {
  section("[[bluetooth]]");
  text("device", meter.device);
  text("address", meter.address);
  text("tells", std::string(tells_words[meter.is_visited ? 1 : 0]));
  secret("key_file", meter.device + ".key", meter.key);
  if (!meter.is_visited) return;
  line("channels", meter.channels);
  line("period_s", static_cast<double>(meter.period.count()) / 1000);
}

void Writer::write(const SmartPlug& plug) {
  section("[[plug]]");
  text("name", plug.name);
  if (plug.kind) text("kind", std::string(insight::row(*plug.kind).word));
  text("circuit", plug.circuit);
  text("topic", plug.topic);
  text("power", plug.power);
  text("voltage", plug.voltage);
}

void Writer::write(const Thermometer& thermometer) {
  section("[[thermometer]]");
  text("name", thermometer.name);
  texts("circuits", thermometer.circuits);
  text("topic", thermometer.topic);
  text("value", thermometer.value);
}

void Writer::write(const RainGauge& gauge) {
  section("[[rain_gauge]]");
  text("name", gauge.name);
  texts("circuits", gauge.circuits);
  text("topic", gauge.topic);
  text("value", gauge.value);
  text("unit", std::string(rain_words.at(gauge.unit)));
}

void Writer::write(const HomeAssistant& home_assistant) {
  section("[home_assistant]");
  text("discovery_prefix", home_assistant.discovery_prefix);
  text("url", home_assistant.url);
  secret("token_file", "home_assistant.token", home_assistant.token);
  text("statistics", std::string(targets.at(static_cast<std::size_t>(home_assistant.statistics))));
}

void Writer::write(const InfluxDb& influxdb) {
  section("[influxdb]");
  text("url", influxdb.url);
  line("version", influxdb.version);
  text("database", influxdb.database);
  text("user", influxdb.user);
  secret("password_file", "influxdb.password", influxdb.password);
  text("organisation", influxdb.organisation);
  text("bucket", influxdb.bucket);
  secret("token_file", "influxdb.token", influxdb.token);
  text("schema", std::string(schemas.at(static_cast<std::size_t>(influxdb.schema))));
  line("scaled_integers", influxdb.scaled_integers);
  line("step_s", influxdb.step.count());
  if (influxdb.read_before) line("read_before_days", influxdb.read_before->count());
}

void Writer::write(const VictoriaMetrics& victoria) {
  section("[victoriametrics]");
  text("url", victoria.url);
  text("read_url", victoria.read_url);
  text("user", victoria.user);
  secret("password_file", "victoriametrics.password", victoria.password);
  if (victoria.read_before) line("read_before_days", victoria.read_before->count());
}

void Writer::write(const Email& email) {
  section("[email]");
  text("host", email.host);
  line("port", email.port);
  text("tls", std::string(tls_words.at(email.is_secure)));
  text("user", email.user);
  secret("password_file", "email.password", email.password);
  text("from", email.from);
  texts("to", email.to);
  if (!email.has_report) line("report", false);
}

void Writer::write(const Webhook& webhook) {
  section("[webhook]");
  text("url", webhook.url);
  secret("token_file", "webhook.token", webhook.token);
}

void Writer::write(const DayAheadSource& source) {
  section("[day_ahead]");
  text("url", source.url);
  secret("token_file", "day_ahead.token", source.token);
  text("topic", source.topic);
  text("per", std::string(per_words.at(source.per_mwh)));
}

// A folder that only its owner enters.
void make_secret_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::create_directory(folder, error) && !error) return;
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) {
    throw std::runtime_error(fmt::format(
        "{} cannot be created ({}); make room or give the hub the right to write in its folder.",
        folder.string(), error.message()));
  }
}

}  // namespace

Partners load_partners(const fs::path& path) {
  std::error_code error;
  if (fs::status(path, error).type() == fs::file_type::not_found) return {};
  return Reader(path).partners();
}

void save_partners(const Partners& partners, const fs::path& path) {
  if (const auto fault = find_fault(partners)) {
    throw std::runtime_error(
        fmt::format("{} was not written: [{}], {}.", path.string(), fault.section, fault.sentence));
  }
  const Writer writer(partners);
  if (writer.text().size() > most_file_bytes) {
    throw std::runtime_error(
        fmt::format("{} was not written: it would be larger than {} bytes; take out entities.",
                    path.string(), most_file_bytes));
  }
  // Secrets first: a file never names one that is not there.
  if (!writer.secrets().empty()) make_secret_folder(path.parent_path() / "secrets");
  for (const auto& [name, secret] : writer.secrets()) {
    replace_file(path.parent_path() / name, secret + "\n", 0600);
  }
  replace_file(path, writer.text(), 0644);
}

}  // namespace hub
