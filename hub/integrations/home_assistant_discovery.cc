#include "hub/integrations/home_assistant_discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "hub/integrations/home_assistant_sensors.h"
#include "hub/integrations/notice_event.h"
#include "hub/time_text.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Timestamp;
using nlohmann::json;

constexpr auto online = "online", offline = "offline";
constexpr double most_kwh = 1e7;  // More than a house uses in a thousand years.

// In the order of the enumerations.
constexpr std::array kinds = {"grid", "solar", "battery", "ev", "subpanel", "load"};
constexpr std::array styles = {"us", "din"};

std::string text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json rounded(double value, double steps_per_unit) {
  return std::round(value * steps_per_unit) / steps_per_unit;
}

// What the circuit's clamps see together. Absent values are null: Home Assistant shows "unknown".
json live_state(const Circuit& circuit, const measurement::Sample& sample) {
  json state = {
      {"power", nullptr}, {"voltage", nullptr}, {"current", nullptr}, {"power_factor", nullptr}};
  const auto& device = circuit.channels.front().device;
  const auto power = active_power(circuit, device, sample);
  if (power) state["power"] = rounded(power->value, 10);

  double apparent = 0, volts = 0, amperes = 0;
  for (const auto& use : circuit.channels) {
    if (use.channel >= sample.channels()) return state;
    const auto u = sample.get<Quantity::voltage>(measurement::chip_of(use.channel));
    const auto i = sample.get<Quantity::current>(use.channel);
    if (!u || !i) return state;
    apparent += std::abs(use.multiplier) * static_cast<double>(u->value) * i->value;
    volts += u->value;
    amperes = std::max<double>(amperes, i->value);
  }
  // Mean of the legs' voltages to neutral; the current is that of the leg that carries most.
  state["voltage"] = rounded(volts / static_cast<double>(circuit.channels.size()), 10);
  state["current"] = rounded(amperes, 1000);
  if (power && apparent >= 1) {
    state["power_factor"] = rounded(std::clamp(power->value / apparent, -1.0, 1.0), 1000);
  }
  return state;
}

// Whole watt-hours, rounded down, so that the outside is never told more than was counted.
json kwh(measurement::MilliwattHours energy) {
  return static_cast<double>(energy.value / 1000) / 1000;
}

json panel_message(const Home& home, const Panel& panel) {
  json circuits = json::array();
  const auto known = [](const auto& value, bool is_known) {
    return is_known ? json(value) : json();
  };
  for (const auto& circuit : panel.circuits) {
    const bool has_clamp = !circuit.channels.empty();
    const auto capacity = capacity_w(home, circuit);
    circuits.push_back(
        {{"id", circuit.id},
         {"name", circuit.name},
         {"kind", kinds[static_cast<std::size_t>(circuit.kind)]},
         {"parent", known(circuit.parent, !circuit.parent.empty())},
         {"rating_a", known(circuit.rating_a, circuit.rating_a > 0)},
         {"poles", circuit.poles},
         {"legs", circuit.legs},
         {"position", circuit.position},
         {"room", circuit.room},
         {"capacity_w", known(capacity.value_or(0), capacity.has_value())},
         {"power", known(default_entity_id(home, circuit.id, "power"), has_clamp)},
         {"energy", known(default_entity_id(home, circuit.id, "energy"), has_clamp)}});
  }
  return {
      {"home",
       {{"id", home.id},
        {"name", home.name},
        {"style", styles[static_cast<std::size_t>(panel.style)]},
        {"nominal_voltage_v", home.nominal_voltage_v},
        {"line_frequency_hz", home.line_frequency_hz},
        {"phases", home.phases},
        {"currency", home.currency},
        {"price_per_kwh", known(home.price_per_kwh.value_or(0), home.price_per_kwh.has_value())}}},
      {"circuits", circuits}};
}

json component(const SensorRow& row, const std::string& unique, const std::string& entity_id,
               const std::string& state_topic) {
  json sensor = {{"p", "sensor"},
                 {"unique_id", unique},
                 {"default_entity_id", entity_id},
                 {"name", row.name},
                 {"device_class", row.device_class},
                 {"state_class", row.counts ? "total_increasing" : "measurement"},
                 {"suggested_display_precision", row.precision},
                 {"state_topic", state_topic},
                 {"value_template", "{{ value_json." + std::string(row.key) + " }}"}};
  if (!row.unit.empty()) sensor["unit_of_measurement"] = row.unit;
  // A counter that stands still is true as long as its meter is there; a power that does is not.
  if (!row.counts) {
    sensor["expire_after"] =
        std::chrono::seconds(HomeAssistantPublisher::silent_after).count() + 30;
  }
  return sensor;
}

// Of each component of a bundle, by key.
std::map<std::string, std::string> platforms(const std::string& bundle) {
  std::map<std::string, std::string> found;
  const auto parsed = json::parse(bundle, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("components")) return found;
  for (const auto& [key, value] : parsed["components"].items()) {
    found[key] = value.is_object() ? value.value("p", "sensor") : "sensor";
  }
  return found;
}

std::string name_of(const ApplianceState& appliance) {
  if (!appliance.known.name.empty()) return appliance.known.name;
  auto name = std::string(insight::row(*appliance.known.kind).name);
  if (name.front() >= 'a' && name.front() <= 'z')
    name.front() = static_cast<char>(name.front() - 32);
  return name;
}

bool is_shown(const ApplianceState& appliance) {
  const auto& known = appliance.known;
  const bool is_sure = known.kind && known.certainty != insight::Certainty::unknown;
  return !appliance.is_past && (is_sure || !known.name.empty());
}

json appliance_state(const ApplianceState& appliance) {
  json state = {{"power", rounded(appliance.power.value, 10)},
                {"energy_today", static_cast<double>(appliance.today.value / 1000) / 1000},
                {"running", appliance.running_since ? "ON" : "OFF"},
                {"left_on", appliance.is_left_on ? "ON" : "OFF"}};
  if (!appliance.course) return state;
  constexpr std::array states = {"idle", "running", "paused", "done"};
  const auto& [course, left, ended, went_on] = *appliance.course;
  state["course"] = states.at(static_cast<std::size_t>(course));
  state["minutes_left"] = left ? json(std::ceil(*left / 60)) : json();
  state["done"] = course == insight::CycleState::done ? "ON" : "OFF";
  state["went_on"] = went_on ? "ON" : "OFF";
  return state;
}

// Of a sensor's, that of another platform.
std::string entity_id(const std::string& platform, const std::string& of_sensor) {
  constexpr std::string_view usual = "sensor";
  return platform + of_sensor.substr(usual.size());
}

struct PowerCutSensor {
  const char *key, *platform, *name, *device_class;
};
constexpr std::array power_cut_sensors = {
    PowerCutSensor{"power_cut", "sensor", "Last power cut", "timestamp"},
    PowerCutSensor{"power_cut_missing", "binary_sensor", "Not back after the power cut",
                   "problem"}};

// Of an asset as a part of topics and ids: "appliance_3".
std::string key_of(const Asset& asset) {
  auto key = text_of(asset);
  std::ranges::replace(key, ' ', '_');
  return key;
}

json asset_state(HealthDesk& desk, const std::vector<BookedFinding>& found, Timestamp now) {
  json findings = json::array();
  for (const auto& booked : found) {
    const auto text = desk.text_of(booked, now);
    findings.push_back({{"changed", text.changed},
                        {"since", utc_text(booked.finding.since)},
                        {"sure", text.sure},
                        {"danger", text.danger},
                        {"check", text.check},
                        {"causes", text.causes}});
  }
  return {{"problem", found.empty() ? "OFF" : "ON"}, {"findings", std::move(findings)}};
}

// What an appliance is told as, in the order in which Home Assistant shows it.
struct ApplianceSensor {
  std::string_view key, platform, name;
  json more;  // Beyond name, ids and topic.
  bool is_of_course = false;
};
const std::array<ApplianceSensor, 8>& appliance_sensors() {
  static const std::array<ApplianceSensor, 8> sensors = {{
      {"power", "sensor", "Power",
       json::object({{"device_class", "power"},
                     {"state_class", "measurement"},
                     {"unit_of_measurement", "W"}})},
      // It begins anew at midnight, which this state class allows.
      {"energy_today", "sensor", "Energy today",
       json::object({{"device_class", "energy"},
                     {"state_class", "total_increasing"},
                     {"unit_of_measurement", "kWh"},
                     {"suggested_display_precision", 2}})},
      {"running", "binary_sensor", "Running", json::object({{"device_class", "running"}})},
      {"left_on", "binary_sensor", "Left on", json::object({{"device_class", "problem"}})},
      {"course", "sensor", "Course",
       json::object({{"device_class", "enum"},
                     {"options", json::array({"idle", "running", "paused", "done"})}}),
       true},
      {"minutes_left", "sensor", "Time left",
       json::object({{"device_class", "duration"}, {"unit_of_measurement", "min"}}), true},
      {"done", "binary_sensor", "Done", json::object(), true},
      {"went_on", "binary_sensor", "Went on after all", json::object(), true},
  }};
  return sensors;
}

}  // namespace

HomeAssistantPublisher::HomeAssistantPublisher(const Home& home, Ledger& ledger, LiveFeed& feed,
                                               std::string discovery_prefix, Publish publish)
    : home_(home),
      ledger_(ledger),
      prefix_(std::move(discovery_prefix)),
      publish_(std::move(publish)) {
  subscription_ = feed.subscribe([this](const LiveFeed::Moment& moment) {
    auto& meter = meters_[std::string(moment.device)];
    if (moment.time < meter.time) return;
    meter.time = moment.time;
    meter.sample = moment.sample;
    meter.is_told = false;
  });
}

std::string HomeAssistantPublisher::topic(std::string_view end) const {
  return "lenz/" + home_.id + "/ha/" + std::string(end);
}

std::string HomeAssistantPublisher::config_topic(std::string_view identifier) const {
  return prefix_ + "/device/" + std::string(identifier) + "/config";
}

std::vector<std::string> HomeAssistantPublisher::topics() const {
  return {prefix_ + "/status", config_topic("+"), topic("+/energy")};
}

HomeAssistantPublisher::Will HomeAssistantPublisher::will() const {
  return {topic("status"), offline};
}

void HomeAssistantPublisher::connected(Timestamp now) {
  now_ = now;
  connected_at_ = now;
  must_tell_devices_ = true;
  energy_at_ = {};
  told_.clear();
  for (auto& [device, meter] : meters_) meter.online.reset();
}

void HomeAssistantPublisher::lost() { connected_at_.reset(); }

void HomeAssistantPublisher::panel_changed(Timestamp now) {
  now_ = now;
  must_tell_devices_ = true;
}

void HomeAssistantPublisher::heard(std::string_view heard_topic, std::string_view payload,
                                   bool is_retained, Timestamp now) {
  now_ = now;
  const auto before = topic("");
  constexpr std::string_view after = "/energy";
  if (heard_topic == prefix_ + "/status") {
    // A Home Assistant that has just started knows the retained topics, but no live value.
    if (!is_retained && payload == online) must_tell_devices_ = true;
    is_listening_ = payload != offline;
  } else if (!is_retained) {
    return;  // Our own words.
  } else if (heard_topic.starts_with(before) && heard_topic.ends_with(after)) {
    heard_topic.remove_prefix(before.size());
    heard_topic.remove_suffix(std::min(after.size(), heard_topic.size()));
    take_back(heard_topic, payload);
  } else {
    keep_bundle(heard_topic, payload);
  }
}

void HomeAssistantPublisher::take_back(std::string_view circuit, std::string_view payload) {
  const auto& circuits = panel().circuits;
  if (std::ranges::find(circuits, circuit, &Circuit::id) == circuits.end()) return;
  const auto parsed = json::parse(payload, nullptr, false);
  if (!parsed.is_object()) return;
  const auto energy = [&](const char* key) {
    const auto found = parsed.find(key);
    if (found == parsed.end() || !found->is_number()) return measurement::MilliwattHours{0};
    const auto value = found->get<double>();
    if (!(value > 0 && value < most_kwh)) return measurement::MilliwattHours{0};
    return measurement::MilliwattHours{std::llround(value * 1e6)};
  };
  ledger_.told(circuit, {energy("imported"), energy("exported")});
}

// The home's own bundle, or one whose device says that it hangs under the home: a name alone could
// belong to another hub's home.
void HomeAssistantPublisher::keep_bundle(std::string_view heard_topic, std::string_view payload) {
  const auto parsed = json::parse(payload, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("device") || !parsed["device"].is_object()) return;
  const bool is_ours = heard_topic == config_topic(home_identifier(home_)) ||
                       parsed["device"].value("via_device", json()) == home_identifier(home_);
  if (is_ours) bundles_.insert_or_assign(std::string(heard_topic), std::string(payload));
}

bool HomeAssistantPublisher::is_live(const std::string& device) const {
  const auto meter = meters_.find(device);
  return meter != meters_.end() && now_ - meter->second.time < silent_after;
}

void HomeAssistantPublisher::tick(Timestamp now) {
  now_ = now;
  // A meter whose clock is ahead must not seem to be there long after it has gone.
  for (auto& [device, meter] : meters_) meter.time = std::min(meter.time, now);
  if (!connected_at_ || now < *connected_at_ + listen_first) return;
  look_at_appliances();
  look_at_health();
  if (must_tell_devices_) {
    if (!tell_devices()) return;
    must_tell_devices_ = false;
    devices_at_ = now_;
    energy_at_ = {};
    told_.clear();
    appliances_told_.clear();
    health_told_.clear();
    power_cut_told_.clear();
    power_cut_at_ = {};
    for (auto& [device, meter] : meters_) meter.online.reset();
  }
  for (const auto& appliance : appliances_) tell_appliance(appliance);
  tell_power_cut();
  tell_health();
  tell_meters();
  const bool is_time_for_energy = now >= energy_at_ + energy_every;
  if (is_time_for_energy) energy_at_ = now;
  for (const auto& circuit : panel().circuits) {
    if (circuit.channels.empty()) continue;
    if (is_time_for_energy) tell_energy(circuit);
    tell_live(circuit);
  }
}

json HomeAssistantPublisher::availability(const std::string& device) const {
  return {{{"topic", topic("status")}}, {{"topic", topic("meter/" + device + "/status")}}};
}

bool HomeAssistantPublisher::tell_bundle(const std::string& config, const std::string& bundle) {
  const auto kept = bundles_.find(config);
  if (kept != bundles_.end()) {
    // What had been there and is no longer: named once without anything but its platform.
    const auto now = platforms(bundle);
    auto farewell = json::parse(bundle);
    bool is_needed = false;
    for (const auto& [key, platform] : platforms(kept->second)) {
      if (now.contains(key)) continue;
      farewell["components"][key] = {{"p", platform}};
      is_needed = true;
    }
    if (is_needed && !publish_(config, text(farewell), true)) return false;
  }
  if (!publish_(config, bundle, true)) return false;
  bundles_.insert_or_assign(config, bundle);
  return true;
}

// Meters of circuits, in alphabetical order.
std::set<std::string> HomeAssistantPublisher::devices() const {
  std::set<std::string> found;
  for (const auto& circuit : panel().circuits) {
    if (!circuit.channels.empty()) found.insert(circuit.channels.front().device);
  }
  return found;
}

std::string HomeAssistantPublisher::home_bundle() const {
  json bundle = {{"device",
                  {{"identifiers", {home_identifier(home_)}},
                   {"name", home_.name},
                   {"manufacturer", "Lenz"},
                   {"model", "Panel"}}},
                 {"origin", {{"name", "Lenz"}}}};
  auto& components = bundle["components"];
  components["panel"] = {{"p", "sensor"},
                         {"unique_id", home_identifier(home_) + "_panel"},
                         {"default_entity_id", default_entity_id(home_, "panel", "")},
                         {"name", "Panel"},
                         {"entity_category", "diagnostic"},
                         {"state_topic", topic("panel")},
                         {"json_attributes_topic", topic("panel")},
                         {"value_template", "{{ value_json.circuits | length }}"},
                         // An unavailable sensor would lose its attributes: the wall stays.
                         {"availability", json::array()}};
  const auto meters = devices();
  for (const auto& device : meters) {
    const auto name = meters.size() > 1 ? "Frequency " + device : "Frequency";
    const SensorRow frequency{"frequency", "frequency", name, "frequency", "Hz", 2};
    auto& sensor = components["frequency_" + device];
    sensor = component(frequency, unique_id(home_, "meter_" + device, frequency.key),
                       default_entity_id(home_, device, frequency.entity),
                       topic("meter/" + device + "/state"));
    sensor["availability"] = availability(device);
    sensor["availability_mode"] = "all";
  }
  if (health_of_) {
    components["notice"] = {
        {"p", "event"},
        {"unique_id", home_identifier(home_) + "_notice"},
        {"default_entity_id", entity_id("event", default_entity_id(home_, "notice", ""))},
        {"name", "Notice"},
        {"event_types", {"notice", "danger"}},
        {"state_topic", topic("notice")},
        {"availability", {{{"topic", topic("status")}}}}};
  }
  for (const auto& asset : assets_) {
    const auto key = "health_" + asset.key;
    components[key] = {
        {"p", "binary_sensor"},
        {"unique_id", home_identifier(home_) + "_" + key},
        {"default_entity_id", entity_id("binary_sensor", default_entity_id(home_, key, ""))},
        {"name", "Health: " + asset.name},
        {"device_class", "problem"},
        {"state_topic", topic("health/" + asset.key)},
        {"value_template", "{{ value_json.problem }}"},
        {"json_attributes_topic", topic("health/" + asset.key)},
        {"availability", {{{"topic", topic("status")}}}}};
  }
  if (!power_cut_of_) return text(bundle);
  for (const auto& [key, platform, name, device_class] : power_cut_sensors) {
    auto& sensor = components[key];
    sensor = {{"p", platform},
              {"unique_id", home_identifier(home_) + "_" + key},
              {"default_entity_id", entity_id(platform, default_entity_id(home_, key, ""))},
              {"name", name},
              {"device_class", device_class},
              {"state_topic", topic("power_cut")},
              {"value_template", "{{ value_json." + std::string(key) + " }}"},
              {"json_attributes_topic", topic("power_cut")},
              {"availability", {{{"topic", topic("status")}}}}};
  }
  return text(bundle);
}

std::string HomeAssistantPublisher::circuit_bundle(const Circuit& circuit,
                                                   const std::vector<SensorRow>& rows) const {
  json bundle = {{"device",
                  {{"identifiers", {circuit_identifier(home_, circuit.id)}},
                   {"name", circuit.name},
                   {"manufacturer", "Lenz"},
                   {"model", "Circuit"},
                   {"via_device", home_identifier(home_)}}},
                 {"origin", {{"name", "Lenz"}}},
                 {"availability", availability(circuit.channels.front().device)},
                 {"availability_mode", "all"}};
  if (!circuit.room.empty()) bundle["device"]["suggested_area"] = circuit.room;
  for (const auto& row : rows) {
    bundle["components"][std::string(row.key)] =
        component(row, unique_id(home_, circuit.id, row.key),
                  default_entity_id(home_, circuit.id, row.entity),
                  topic(circuit.id + (row.counts ? "/energy" : "/state")));
  }
  return text(bundle);
}

// The home first: the others hang under it. What is no longer there goes last.
bool HomeAssistantPublisher::tell_devices() {
  std::set<std::string> wanted{config_topic(home_identifier(home_))};
  if (!tell_bundle(*wanted.begin(), home_bundle())) return false;
  if (!publish_(topic("panel"), text(panel_message(home_, panel())), true)) return false;
  for (const auto& circuit : panel().circuits) {
    const auto rows = sensors_of(circuit, ledger_.counter(circuit.id));
    if (rows.empty()) continue;
    const auto config = config_topic(circuit_identifier(home_, circuit.id));
    wanted.insert(config);
    if (!tell_bundle(config, circuit_bundle(circuit, rows))) return false;
  }
  for (const auto& appliance : appliances_) {
    const auto config = config_topic(appliance_identifier(home_, appliance.number));
    wanted.insert(config);
    if (!tell_bundle(config, appliance_bundle(appliance))) return false;
  }
  for (auto kept = bundles_.begin(); kept != bundles_.end();) {
    if (wanted.contains(kept->first)) {
      ++kept;
      continue;
    }
    if (!publish_(kept->first, "", true)) return false;
    kept = bundles_.erase(kept);
  }
  return publish_(topic("status"), online, true);
}

void HomeAssistantPublisher::tell_meters() {
  for (const auto& device : devices()) {
    auto& meter = meters_[device];
    const bool is_online = is_live(device);
    if (meter.online != is_online &&
        publish_(topic("meter/" + device + "/status"), is_online ? online : offline, true)) {
      meter.online = is_online;
    }
    if (!is_online || meter.is_told || now_ < meter.told_at + live_every) continue;
    json state = {{"frequency", nullptr}};
    if (meter.sample.chips() > 0) {
      const auto frequency = meter.sample.get<Quantity::frequency>(0);
      if (frequency) state["frequency"] = rounded(frequency->value, 100);
    }
    if (publish_(topic("meter/" + device + "/state"), text(state), false)) {
      meter.is_told = true;
      meter.told_at = now_;
    }
  }
}

void HomeAssistantPublisher::tell_live(const Circuit& circuit) {
  const auto& device = circuit.channels.front().device;
  if (!is_live(device)) return;
  const auto& meter = meters_.at(device);
  auto& told = told_[circuit.id];
  if (now_ < told.live_at + live_every || told.sample_at == meter.time) return;
  if (publish_(topic(circuit.id + "/state"), text(live_state(circuit, meter.sample)), false)) {
    told.live_at = now_;
    told.sample_at = meter.time;
  }
}

// One that got a name, lost it or has courses now is announced before its state is told.
void HomeAssistantPublisher::look_at_appliances() {
  if (!appliances_of_ || now_ < appliances_at_ + live_every) return;
  appliances_at_ = now_;
  auto found = appliances_of_(now_);
  std::erase_if(found, [](const ApplianceState& one) { return !is_shown(one); });
  const auto is_same_device = [](const ApplianceState& a, const ApplianceState& b) {
    return a.number == b.number && name_of(a) == name_of(b) && a.circuit == b.circuit &&
           a.course.has_value() == b.course.has_value();
  };
  if (!std::ranges::equal(found, appliances_, is_same_device)) must_tell_devices_ = true;
  appliances_ = std::move(found);
}

std::string HomeAssistantPublisher::appliance_bundle(const ApplianceState& appliance) const {
  const auto id = appliance_identifier(home_, appliance.number);
  json bundle = {{"device",
                  {{"identifiers", {id}},
                   {"name", name_of(appliance)},
                   {"manufacturer", "Lenz"},
                   {"model", "Appliance"},
                   {"via_device", home_identifier(home_)}}},
                 {"origin", {{"name", "Lenz"}}},
                 {"availability", {{{"topic", topic("status")}}}}};
  const auto& circuits = panel().circuits;
  const auto circuit = std::ranges::find(circuits, appliance.circuit, &Circuit::id);
  if (circuit != circuits.end()) {
    if (!circuit->room.empty()) bundle["device"]["suggested_area"] = circuit->room;
    if (!circuit->channels.empty()) {
      bundle["availability"] = availability(circuit->channels.front().device);
      bundle["availability_mode"] = "all";
    }
  }
  const auto state_topic = topic("appliance/" + std::to_string(appliance.number) + "/state");
  for (const auto& sensor : appliance_sensors()) {
    if (sensor.is_of_course && !appliance.course) continue;
    const std::string key(sensor.key), platform(sensor.platform);
    auto& made = bundle["components"][key];
    made = sensor.more;
    made["p"] = platform;
    made["name"] = sensor.name;
    made["unique_id"] = id + "_" + key;
    made["default_entity_id"] = entity_id(
        platform, default_entity_id(home_, "appliance_" + std::to_string(appliance.number), key));
    made["state_topic"] = state_topic;
    made["value_template"] = "{{ value_json." + key + " }}";
  }
  return text(bundle);
}

void HomeAssistantPublisher::tell_appliance(const ApplianceState& appliance) {
  const auto state = text(appliance_state(appliance));
  auto& told = appliances_told_[appliance.number];
  const auto to = topic("appliance/" + std::to_string(appliance.number) + "/state");
  if (told != state && publish_(to, state, true)) told = state;
}

// Names of appliances, where they have one, and of circuits.
void HomeAssistantPublisher::tell_power_cut() {
  if (!power_cut_of_ || now_ < power_cut_at_ + live_every) return;
  power_cut_at_ = now_;
  json state = {{"power_cut", nullptr},
                {"until", nullptr},
                {"minutes", nullptr},
                {"not_back", json::array()},
                {"power_cut_missing", "OFF"}};
  if (const auto report = power_cut_of_(now_)) {
    const auto& [begin, end] = report->cut;
    state["power_cut"] = utc_text(begin);
    state["until"] = utc_text(end);
    state["minutes"] = rounded(std::chrono::duration<double>(end - begin).count() / 60, 10);
    auto& missing = state["not_back"];
    for (const auto number : report->not_back) {
      const auto known = std::ranges::find(appliances_, number, &ApplianceState::number);
      if (known != appliances_.end()) missing.push_back(name_of(*known));
    }
    for (const auto& id : report->dark) {
      const auto circuit = std::ranges::find(panel().circuits, id, &Circuit::id);
      if (circuit != panel().circuits.end()) missing.push_back(circuit->name);
    }
    if (!missing.empty()) state["power_cut_missing"] = "ON";
  }
  const auto told = text(state);
  if (told != power_cut_told_ && publish_(topic("power_cut"), told, true)) power_cut_told_ = told;
}

// One of which something was found is announced before its state is told.
void HomeAssistantPublisher::look_at_health() {
  if (!health_of_ || now_ < health_at_ + live_every) return;
  health_at_ = now_;
  auto* desk = health_of_();
  if (!desk) return;
  std::map<Asset, std::vector<BookedFinding>> found;
  for (const auto& condition : desk->book().conditions()) found[condition.asset];
  for (auto& booked : desk->book().open_findings()) {
    found[booked.asset].push_back(std::move(booked));
  }
  std::vector<AssetState> assets;
  for (const auto& [asset, findings] : found) {
    assets.push_back(
        {key_of(asset), desk->name_of(asset, now_), text(asset_state(*desk, findings, now_))});
  }
  const auto is_same = [](const AssetState& a, const AssetState& b) {
    return a.key == b.key && a.name == b.name;
  };
  if (!std::ranges::equal(assets, assets_, is_same)) must_tell_devices_ = true;
  assets_ = std::move(assets);
}

void HomeAssistantPublisher::tell_health() {
  for (const auto& asset : assets_) {
    auto& told = health_told_[asset.key];
    if (told != asset.state && publish_(topic("health/" + asset.key), asset.state, true)) {
      told = asset.state;
    }
  }
  auto* desk = health_of_ ? health_of_() : nullptr;
  if (!desk || !is_listening_ || now_ < devices_at_ + heard_after) return;
  const std::string channel = "mqtt";
  while (const auto notice = desk->notices().next(channel, now_)) {
    if (!publish_(topic("notice"), notice_event(*notice, home_.id), false)) return;
    desk->notices().done(channel, *notice, true, now_);
  }
}

void HomeAssistantPublisher::tell_energy(const Circuit& circuit) {
  const auto counter = ledger_.counter(circuit.id);
  auto& told = told_[circuit.id];
  const auto sensors = sensors_of(circuit, counter).size();
  // It has begun to give back: its second counter is to be announced first.
  if (told.sensors != 0 && told.sensors != sensors) must_tell_devices_ = true;
  told.sensors = sensors;
  const auto energy =
      text({{"imported", kwh(counter.imported)}, {"exported", kwh(counter.exported)}});
  if (energy != told.energy && publish_(topic(circuit.id + "/energy"), energy, true)) {
    told.energy = energy;
  }
}

}  // namespace hub
