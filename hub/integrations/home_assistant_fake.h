// A Home Assistant for tests, written from its documentation and from what its recorder is
// documented to do: MQTT discovery in device bundles, the entity registry, the statistics compiler
// (five-minute rows that continue the last one's state and sum, an hour's row from its last), the
// WebSocket commands that we use. It is stricter than the real one: whatever is not documented is
// put into `complaints`.

#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "measurement/units.h"

namespace hub {

// Retains, and gives what it retains to whoever comes. Topics are matched as MQTT does for "+".
class FakeBroker {
 public:
  using Listener =
      std::function<void(const std::string& topic, const std::string& payload, bool is_retained)>;

  // Level by level; "#" is the last one's.
  static bool matches(std::string_view filter, std::string_view topic) {
    while (true) {
      const auto wanted = filter.substr(0, filter.find('/')),
                 level = topic.substr(0, topic.find('/'));
      if (wanted == "#") return true;
      if (wanted != "+" && wanted != level) return false;
      if (wanted.size() == filter.size() || level.size() == topic.size()) {
        return wanted.size() == filter.size() && level.size() == topic.size();
      }
      filter.remove_prefix(wanted.size() + 1);
      topic.remove_prefix(level.size() + 1);
    }
  }

  void subscribe(const std::string& name, std::vector<std::string> filters, Listener listener) {
    listeners_[name] = {filters, listener};
    for (const auto& [topic, payload] : std::map(retained)) {
      for (const auto& filter : filters) {
        if (matches(filter, topic)) listener(topic, payload, true);
      }
    }
  }
  void leave(const std::string& name) { listeners_.erase(name); }

  bool publish(const std::string& topic, const std::string& payload, bool retain) {
    log.emplace_back(topic, payload);
    if (retain && payload.empty()) retained.erase(topic);
    if (retain && !payload.empty()) retained[topic] = payload;
    for (const auto& [name, listener] : std::map(listeners_)) {
      for (const auto& filter : listener.first) {
        if (matches(filter, topic)) listener.second(topic, payload, false);
      }
    }
    return true;
  }

  std::map<std::string, std::string> retained;
  std::vector<std::pair<std::string, std::string>> log;

 private:
  std::map<std::string, std::pair<std::vector<std::string>, Listener>> listeners_;
};

class FakeHomeAssistant {
 public:
  using Timestamp = measurement::Timestamp;
  using json = nlohmann::json;

  struct Row {
    double state = 0, sum = 0;
  };
  struct Entity {
    std::string entity_id, device_name, area;
    json config;
    std::optional<double> value;                      // Absent: unknown.
    std::map<std::string, std::string> availability;  // Last payload of each topic.
    Timestamp expires = Timestamp::max();
    std::vector<double> seen;  // Numeric states of the present five minutes.
    std::vector<json> events;  // Of an event entity.
  };

  FakeHomeAssistant(FakeBroker& broker, Timestamp start) : broker_(broker), now_(start) { join(); }

  // ---- MQTT ----------------------------------------------------------------------------------
  std::map<std::string, Entity> entities;       // By unique id: what is there now.
  std::map<std::string, std::string> registry;  // unique id -> entity id, never forgotten.
  std::vector<std::string> complaints;
  int dips = 0;        // Falls of a counter by less than a tenth, which it warns of.
  int resets = 0;      // Falls by more.
  int lost_hours = 0;  // Whose row somebody had written before it was compiled.

  const Entity* by_id(const std::string& entity_id) const {
    for (const auto& [unique, entity] : entities) {
      if (entity.entity_id == entity_id) return &entity;
    }
    return nullptr;
  }
  bool is_available(const Entity& entity) const {
    if (now_ >= entity.expires) return false;
    return std::ranges::all_of(entity.availability,
                               [](const auto& topic) { return topic.second == "online"; });
  }
  std::optional<double> shown(const std::string& entity_id) const {
    const auto* entity = by_id(entity_id);
    return entity && is_available(*entity) ? entity->value : std::nullopt;
  }

  void rename(const std::string& from, const std::string& to) {
    for (auto& [unique, id] : registry) {
      if (id == from) id = to;
    }
    for (auto& [unique, entity] : entities) {
      if (entity.entity_id == from) entity.entity_id = to;
    }
    for (auto* table : {&short_term, &hours}) {
      auto rows = table->extract(from);
      if (rows.empty()) continue;
      rows.key() = to;
      table->insert(std::move(rows));
    }
    auto unit = units.extract(from);
    if (unit.empty()) return;
    unit.key() = to;
    units.insert(std::move(unit));
  }

  void join() {
    broker_.subscribe(
        "home assistant", {"homeassistant/device/+/config", "lenz/#"},
        [this](const auto& topic, const auto& payload, bool) { hear(topic, payload); });
  }

  void go_down() {
    is_up = false;
    broker_.leave("home assistant");
  }
  void come_up(Timestamp now) {
    is_up = true;
    // It compiles what it missed before anything else: flat, from the last state that it has.
    advance(now);
    for (auto& [unique, entity] : entities) entity.expires = Timestamp::min();
    entities.clear();
    join();
    broker_.publish("homeassistant/status", "online", false);
  }

  // ---- Recorder ------------------------------------------------------------------------------
  std::map<std::string, std::map<Timestamp, Row>> short_term, hours;  // By statistic id.
  std::map<std::string, std::string> units;
  bool is_up = true;

  void advance(Timestamp now) {
    using std::chrono::minutes;
    while (is_up && compiled_ + minutes(5) <= now) {
      const auto begin = compiled_;
      compiled_ += minutes(5);
      now_ = std::max(now_, begin);
      compile(begin);
      if (compiled_ == std::chrono::floor<std::chrono::hours>(compiled_)) compile_hour(begin);
    }
    now_ = now;
  }

  // What a dashboard shows for the hours of a statistic: differences of the sums.
  std::map<Timestamp, double> changes(const std::string& id) const {
    std::map<Timestamp, double> result;
    double before = 0;
    const auto rows = hours.find(id);
    if (rows == hours.end()) return result;
    for (const auto& [start, row] : rows->second) {
      result[start] = row.sum - before;
      before = row.sum;
    }
    return result;
  }

  // ---- WebSocket -----------------------------------------------------------------------------
  std::string token = "secret";
  bool knows_unified_grid = true;
  json preferences;  // Null: nobody has set the dashboard up.
  std::vector<json> requests;
  std::function<void(std::string)> reply;

  void greet() { reply(json{{"type", "auth_required"}, {"ha_version", "2026.11.0"}}.dump()); }

  void receive(const std::string& text) {
    const auto message = json::parse(text);
    if (message.at("type") == "auth") {
      const bool is_right = message.at("access_token") == token;
      reply(json{{"type", is_right ? "auth_ok" : "auth_invalid"}}.dump());
      return;
    }
    requests.push_back(message);
    const auto id = message.at("id");
    if (id <= last_id_) return refuse(id, "id_reuse", "Identifier values have to increase.");
    last_id_ = id;
    const std::string type = message.at("type");
    if (type == "config/entity_registry/list") {
      json list = json::array();
      for (const auto& [unique, entity_id] : registry) {
        list.push_back({{"platform", "mqtt"}, {"unique_id", unique}, {"entity_id", entity_id}});
      }
      list.push_back({{"platform", "met"}, {"unique_id", "x"}, {"entity_id", "weather.home"}});
      answer(id, list);
    } else if (type == "recorder/get_statistics_metadata") {
      json list = json::array();
      for (const auto& statistic : message.at("statistic_ids")) {
        if (!units.contains(statistic)) continue;
        list.push_back({{"statistic_id", statistic},
                        {"statistics_unit_of_measurement", units[statistic]},
                        {"has_sum", true}});
      }
      answer(id, list);
    } else if (type == "recorder/statistics_during_period") {
      during_period(message);
    } else if (type == "recorder/import_statistics") {
      import(message);
    } else if (type == "recorder/adjust_sum_statistics") {
      adjust(message);
    } else if (type == "energy/get_prefs") {
      if (preferences.is_null()) return refuse(id, "not_found", "No prefs");
      answer(id, preferences);
    } else if (type == "energy/save_prefs") {
      save(message);
    } else {
      refuse(id, "unknown_command", "Unknown command.");
    }
  }

  void new_connection() { last_id_ = 0; }

  static Timestamp time_of(const std::string& iso) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (std::sscanf(iso.c_str(), "%d-%d-%dT%d:%d:%d+00:00", &year, &month, &day, &hour, &minute,
                    &second) != 6) {
      throw std::invalid_argument("not a time with a zone: " + iso);
    }
    return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second);
  }

 private:
  void hear(const std::string& topic, const std::string& payload) {
    static const std::regex config("homeassistant/device/([a-zA-Z0-9_-]+)/config");
    std::smatch match;
    if (std::regex_match(topic, match, config)) return discover(match[1], payload);
    for (auto& [unique, entity] : entities) {
      const auto available = entity.availability.find(topic);
      if (available != entity.availability.end()) available->second = payload;
      if (entity.config.value("state_topic", "") == topic) take_state(entity, payload);
    }
  }

  void take_state(Entity& entity, const std::string& payload) {
    static const std::regex plain(R"(\{\{ value_json\.([a-z_]+)( \| length)? \}\})");
    if (entity.config.at("p") == "event") {
      const auto event = json::parse(payload);
      const auto& types = entity.config.at("event_types");
      if (std::ranges::count(types, event.at("event_type")) == 0) complaints.push_back(payload);
      return entity.events.push_back(event);
    }
    const std::string wanted = entity.config.at("value_template");
    std::smatch match;
    if (!std::regex_match(wanted, match, plain)) return complaints.push_back(wanted);
    const auto message = json::parse(payload);
    if (!message.contains(match[1].str())) return complaints.push_back("no key in " + payload);
    const auto value = message.at(match[1].str());
    entity.value.reset();  // null renders as None: unknown.
    if (match[2].matched)
      entity.value = static_cast<double>(value.size());
    else if (value.is_number())
      entity.value = value.template get<double>();
    if (entity.config.contains("expire_after")) {
      entity.expires = now_ + std::chrono::seconds(entity.config["expire_after"].get<int>());
    }
    if (entity.value) entity.seen.push_back(*entity.value);
  }

  void discover(const std::string& object, const std::string& payload) {
    std::set<std::string> named;
    if (!payload.empty()) {
      const auto bundle = json::parse(payload);
      check_bundle(bundle);
      for (const auto& [key, component] : bundle.at("components").items()) {
        if (component.size() == 1) continue;  // Only its platform: to be removed.
        const std::string unique = component.at("unique_id");
        named.insert(unique);
        auto& entity = entities[unique];
        if (!registry.contains(unique)) registry[unique] = component.at("default_entity_id");
        entity.entity_id = registry[unique];
        entity.device_name = bundle.at("device").at("name");
        entity.area = bundle["device"].value("suggested_area", "");
        entity.config = component;
        // Entities of a bundle that are not named at all stay, and are warned of.
        const auto availability = component.contains("availability")
                                      ? component["availability"]
                                      : bundle.value("availability", json::array());
        std::map<std::string, std::string> topics;
        for (const auto& entry : availability) {
          topics[entry.at("topic")] = entity.availability[entry.at("topic")];
        }
        entity.availability = topics;
        for (const auto& [topic, last] : topics) {
          const auto kept = broker_.retained.find(topic);
          if (kept != broker_.retained.end()) entity.availability[topic] = kept->second;
        }
        const auto kept = broker_.retained.find(component.at("state_topic"));
        if (kept != broker_.retained.end()) take_state(entity, kept->second);
      }
    }
    for (const auto& unique : std::set(bundles_[object])) {
      if (!named.contains(unique)) entities.erase(unique);
    }
    bundles_[object] = named;
  }

  // home-assistant.io, MQTT: the keys of a device bundle, of a sensor and of a binary sensor.
  void check_bundle(const json& bundle) {
    const auto only = [&](const json& object, const std::set<std::string>& keys, const char* what) {
      for (const auto& [key, value] : object.items()) {
        if (!keys.contains(key)) complaints.push_back(std::string(what) + " may not have " + key);
      }
    };
    only(bundle, {"device", "origin", "components", "availability", "availability_mode"},
         "a bundle");
    only(bundle.at("device"),
         {"identifiers", "name", "manufacturer", "model", "via_device", "suggested_area",
          "sw_version", "configuration_url"},
         "a device");
    if (bundle["device"].at("identifiers").empty()) complaints.push_back("no identifiers");
    if (!bundle.at("origin").at("name").is_string()) complaints.push_back("no origin");
    static const std::map<std::string, std::string> units_of = {
        {"power", "W"}, {"energy", "kWh"}, {"voltage", "V"}, {"current", "A"}, {"frequency", "Hz"}};
    for (const auto& [key, component] : bundle.at("components").items()) {
      const bool is_binary = component.at("p") == "binary_sensor";
      const bool is_event = component.at("p") == "event";
      if (!is_binary && !is_event && component.at("p") != "sensor") {
        complaints.push_back(key + " is no sensor");
      }
      if (component.size() == 1) continue;
      if (is_event != component.contains("event_types")) {
        complaints.push_back(key + " has event types and is no event, or has none");
      }
      only(component,
           {"p", "unique_id", "default_entity_id", "name", "device_class", "state_class",
            "unit_of_measurement", "suggested_display_precision", "state_topic", "value_template",
            "expire_after", "availability", "availability_mode", "entity_category",
            "json_attributes_topic", "options", "event_types"},
           "a sensor");
      static const std::regex entity_id("((binary_)?sensor|event)\\.[a-z0-9]+(_[a-z0-9]+)*");
      const bool is_enum = component.value("device_class", "") == "enum";
      const bool is_number =
          component.contains("state_class") || component.contains("unit_of_measurement");
      if (is_enum != component.contains("options") || ((is_enum || is_binary) && is_number)) {
        complaints.push_back(key + " is an enumeration or a binary sensor, and a number too");
      }
      if (!std::regex_match(component.at("default_entity_id").get<std::string>(), entity_id)) {
        complaints.push_back(component.at("default_entity_id"));
      }
      const auto device_class = component.value("device_class", "");
      const auto unit = units_of.find(device_class);
      if (unit != units_of.end() && component.value("unit_of_measurement", "") != unit->second) {
        complaints.push_back(key + " has a wrong unit");
      }
      if (device_class == "power_factor" && component.contains("unit_of_measurement")) {
        complaints.push_back("a power factor has no unit");
      }
      if ((device_class == "energy") !=
          (component.value("state_class", "") == "total_increasing")) {
        complaints.push_back(key + " has a wrong state class");
      }
      if (key != "panel" && component.contains("availability") == bundle.contains("availability")) {
        complaints.push_back(key + " has none or two availabilities");
      }
    }
  }

  // sensor/recorder.py, for total_increasing.
  void compile(Timestamp begin) {
    for (auto& [unique, entity] : entities) {
      const auto seen = std::exchange(entity.seen, {});
      const bool is_there = is_available(entity) && entity.value;
      if (is_there) entity.seen.push_back(*entity.value);  // The state at the next period's start.
      if (entity.config.value("state_class", "") != "total_increasing" || seen.empty()) continue;
      auto& rows = short_term[entity.entity_id];
      units.try_emplace(entity.entity_id, "kWh");
      const double factor = units[entity.entity_id] == "Wh" ? 1000 : 1;
      std::optional<double> old_state, new_state;
      double sum = 0;
      if (!rows.empty()) {
        old_state = new_state = rows.rbegin()->second.state;
        sum = rows.rbegin()->second.sum;
      }
      for (const double state : seen) {
        const double value = state * factor;
        if (!old_state) {
          old_state = value;
        } else if (value < 0.9 * *new_state) {
          ++resets;
          sum += *new_state - *old_state;
          old_state = 0;
        } else if (value < *new_state) {
          ++dips;
        }
        new_state = value;
      }
      rows[begin] = {*new_state, sum + *new_state - *old_state};
    }
  }

  void compile_hour(Timestamp last_begin) {
    const auto hour = std::chrono::floor<std::chrono::hours>(last_begin);
    std::map<std::string, Row> compiled;
    for (const auto& [id, rows] : short_term) {
      const auto row = std::prev(rows.end());
      if (!rows.empty() && row->first >= hour) compiled[id] = row->second;
    }
    // One insert for all: a row that is already there undoes it.
    for (const auto& [id, row] : compiled) {
      if (!hours[id].contains(hour)) continue;
      ++lost_hours;
      return;
    }
    for (const auto& [id, row] : compiled) hours[id][hour] = row;
  }

  void answer(const json& id, const json& result) {
    reply(json{{"type", "result"}, {"id", id}, {"success", true}, {"result", result}}.dump());
  }
  void refuse(const json& id, const char* code, const char* text) {
    reply(json{{"type", "result"},
               {"id", id},
               {"success", false},
               {"error", {{"code", code}, {"message", text}}}}
              .dump());
  }

  static double per_kwh(const std::string& unit) {
    return unit == "Wh" ? 1000 : unit == "MWh" ? 0.001 : 1;
  }

  void during_period(const json& message) {
    if (message.at("period") != "hour" || message.at("units") != json{{"energy", "kWh"}} ||
        message.at("types") != json{"state", "sum"}) {
      complaints.push_back(message.dump());
    }
    const auto from = time_of(message.at("start_time"));
    json result = json::object();
    for (const std::string id : message.at("statistic_ids")) {
      if (!hours.contains(id)) continue;
      const double factor = per_kwh(units.at(id));
      for (const auto& [start, row] : hours[id]) {
        if (start < from) continue;
        const auto ms = start.time_since_epoch().count();
        result[id].push_back({{"start", ms},
                              {"end", ms + 3'600'000},
                              {"state", row.state / factor},
                              {"sum", row.sum / factor}});
      }
    }
    answer(message.at("id"), result);
  }

  void import(const json& message) {
    const auto& metadata = message.at("metadata");
    const std::set<std::string> keys = {
        "statistic_id",       "source", "name", "has_sum", "mean_type", "unit_class",
        "unit_of_measurement"};
    for (const auto& [key, value] : metadata.items()) {
      if (!keys.contains(key)) return refuse(message["id"], "invalid_format", "extra keys");
    }
    for (const auto& key : keys) {
      if (!metadata.contains(key)) return refuse(message["id"], "invalid_format", "missing key");
    }
    const std::string id = metadata.at("statistic_id"), source = metadata.at("source");
    const auto colon = id.find(':');
    const bool is_entity = colon == std::string::npos;
    if (is_entity ? source != "recorder" : source != id.substr(0, colon)) {
      return refuse(message["id"], "home_assistant_error", "Invalid source");
    }
    if (metadata["mean_type"] != 0 || metadata["unit_class"] != "energy" ||
        metadata["has_sum"] != true) {
      complaints.push_back(metadata.dump());
    }
    const std::string unit = metadata.at("unit_of_measurement");
    if (units.contains(id) && units[id] != unit) complaints.push_back("changed the unit of " + id);
    units[id] = unit;
    if (message.at("stats").size() > 1000) complaints.push_back("too many rows");
    for (const auto& row : message.at("stats")) {
      const auto start = time_of(row.at("start"));
      if (start != std::chrono::floor<std::chrono::hours>(start)) {
        return refuse(message["id"], "home_assistant_error", "not the top of the hour");
      }
      if (start + std::chrono::hours(1) > now_) complaints.push_back("wrote the running hour");
      hours[id][start] = {row.at("state"), row.at("sum")};
    }
    answer(message["id"], nullptr);
  }

  void adjust(const json& message) {
    const std::string id = message.at("statistic_id");
    const auto from = time_of(message.at("start_time"));
    if (message.at("adjustment_unit_of_measurement") != "kWh")
      complaints.push_back("adjusts no kWh");
    for (auto* table : {&short_term, &hours}) {
      for (auto& [start, row] : (*table)[id]) {
        if (start >= from) row.sum += message["adjustment"].get<double>() * per_kwh(units.at(id));
      }
    }
    answer(message["id"], nullptr);
  }

  void save(const json& message) {
    for (const auto& source : message.at("energy_sources")) {
      if (source.at("type") == "grid" && source.contains("flow_from") == knows_unified_grid) {
        return refuse(message["id"], "invalid_format", "extra keys not allowed");
      }
    }
    if (preferences.is_null()) preferences = json{{"device_consumption_water", json::array()}};
    preferences["energy_sources"] = message["energy_sources"];
    preferences["device_consumption"] = message.at("device_consumption");
    answer(message["id"], preferences);
  }

  FakeBroker& broker_;
  Timestamp now_;
  Timestamp compiled_ = std::chrono::floor<std::chrono::hours>(now_);
  std::map<std::string, std::set<std::string>> bundles_;
  std::uint64_t last_id_ = 0;
};

}  // namespace hub
