#include "hub/integrations/home_assistant_energy.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hub {
namespace {

using measurement::Timestamp;
using nlohmann::json;
using Answer = HomeAssistantConversation::Answer;

bool is_device(const Circuit& circuit) {
  return !circuit.channels.empty() &&
         (circuit.kind == CircuitKind::load || circuit.kind == CircuitKind::ev ||
          circuit.kind == CircuitKind::subpanel);
}

// The nearest circuit above that is a device too.
const Circuit* device_above(const Panel& panel, const Circuit& circuit) {
  for (auto at = &circuit; !at->parent.empty();) {
    const auto parent = std::ranges::find(panel.circuits, at->parent, &Circuit::id);
    if (parent == panel.circuits.end()) return nullptr;
    if (is_device(*parent)) return &*parent;
    at = &*parent;
  }
  return nullptr;
}

json number_or_null(const std::optional<double>& number) { return number ? json(*number) : json(); }

// An external statistic may have no price of its own in Home Assistant.
json price(const Home& home, const std::string& statistic_id) {
  return statistic_id.contains(':') ? json() : number_or_null(home.price_per_kwh);
}

json grid_source(const Home& home, EnergyForm form, const std::string& from,
                 const std::string& to) {
  if (form == EnergyForm::unified) {
    return {{"type", "grid"},
            {"stat_energy_from", from},
            {"stat_energy_to", to},
            {"stat_cost", nullptr},
            {"entity_energy_price", nullptr},
            {"number_energy_price", price(home, from)},
            {"stat_compensation", nullptr},
            {"entity_energy_price_export", nullptr},
            {"number_energy_price_export", nullptr},
            {"cost_adjustment_day", 0}};
  }
  return {{"type", "grid"},
          {"flow_from",
           {{{"stat_energy_from", from},
             {"stat_cost", nullptr},
             {"entity_energy_price", nullptr},
             {"number_energy_price", price(home, from)}}}},
          {"flow_to",
           {{{"stat_energy_to", to},
             {"stat_compensation", nullptr},
             {"entity_energy_price", nullptr},
             {"number_energy_price", nullptr}}}},
          {"cost_adjustment_day", 0}};
}

// One preference's construction.
struct Proposal {
  const Home& home;
  const Panel& panel;
  EnergyForm form;
  const StatisticIdOf& statistic_id;
  ProposedPreferences result;

  // The circuit's source, or null where Home Assistant does not know its counters.
  json source_of(const Circuit& circuit) const {
    const auto from = statistic_id(circuit, Direction::imported);
    const auto to = statistic_id(circuit, Direction::exported);
    const bool is_solar = circuit.kind == CircuitKind::solar;
    if (to.empty() || (!is_solar && from.empty())) return nullptr;
    if (is_solar) {
      return {
          {"type", "solar"}, {"stat_energy_from", to}, {"config_entry_solar_forecast", nullptr}};
    }
    if (circuit.kind == CircuitKind::battery) {
      return {{"type", "battery"}, {"stat_energy_from", to}, {"stat_energy_to", from}};
    }
    return grid_source(home, form, from, to);
  }

  // The statistic by which a source of Home Assistant is known.
  static json key_of(const json& source) {
    if (!source.contains("flow_from")) return source.value("stat_energy_from", json());
    const auto& flows = source["flow_from"];
    return flows.is_array() && !flows.empty() ? flows[0].value("stat_energy_from", json()) : json();
  }

  void add_sources(CircuitKind kind, const char* type) {
    auto& sources = result.preferences["energy_sources"];
    std::vector<std::pair<const Circuit*, json>> ours;
    for (const auto& circuit : panel.circuits) {
      if (circuit.kind != kind || circuit.channels.empty()) continue;
      auto source = source_of(circuit);
      if (!source.is_null())
        ours.emplace_back(&circuit, std::move(source));
      else
        result.lines.push_back(circuit.name + ": Home Assistant does not know its counters yet.");
    }
    const auto is_ours = [&](const json& source) {
      return std::ranges::any_of(
          ours, [&](const auto& our) { return key_of(our.second) == key_of(source); });
    };
    for (const auto& source : sources) {
      if (source.value("type", json()) != type || is_ours(source)) continue;
      if (!ours.empty()) {
        result.lines.push_back(fmt::format(
            "{}: not added, since the dashboard already has another {} source ({}), which would "
            "count the same energy again; remove that one there first.",
            ours.front().first->name, type, key_of(source).dump()));
      }
      return;
    }
    for (auto& [circuit, source] : ours) {
      const bool is_there = std::ranges::any_of(
          sources, [&](const json& other) { return key_of(other) == key_of(source); });
      if (is_there) continue;
      result.lines.push_back(fmt::format("{}: added as {}.", circuit->name, type));
      result.is_changed = true;
      sources.push_back(std::move(source));
    }
  }

  void add_device(const Circuit& circuit) {
    const auto id = statistic_id(circuit, Direction::imported);
    if (id.empty()) {
      result.lines.push_back(circuit.name + ": Home Assistant does not know its counter yet.");
      return;
    }
    const auto above = device_above(panel, circuit);
    const auto included_in = above ? statistic_id(*above, Direction::imported) : std::string();
    auto& devices = result.preferences["device_consumption"];
    const auto found = std::ranges::find_if(devices, [&](const json& device) {
      return device.is_object() && device.value("stat_consumption", json()) == id;
    });
    const bool is_new = found == devices.end();
    json device = is_new ? json{{"stat_consumption", id}, {"name", circuit.name}} : *found;
    if (included_in.empty()) {
      device.erase("included_in_stat");
    } else {
      device["included_in_stat"] = included_in;
    }
    if (!is_new && device == *found) return;
    result.lines.push_back(fmt::format("{}: {} device{}.", circuit.name,
                                       is_new ? "added as" : "changed as",
                                       included_in.empty() ? "" : ", included in " + above->name));
    result.is_changed = true;
    if (is_new)
      devices.push_back(device);
    else
      *found = device;
  }
};

}  // namespace

ProposedPreferences proposed_preferences(const Home& home, Timestamp now, const json& existing,
                                         EnergyForm form, const StatisticIdOf& statistic_id) {
  const auto& panel = panel_at(home, now);
  Proposal proposal{home, panel, form, statistic_id, {}};
  auto& preferences = proposal.result.preferences;
  preferences = existing.is_object() ? existing : json::object();
  for (const auto* key : {"energy_sources", "device_consumption"}) {
    if (!preferences[key].is_array()) preferences[key] = json::array();
  }
  proposal.add_sources(CircuitKind::grid, "grid");
  proposal.add_sources(CircuitKind::solar, "solar");
  proposal.add_sources(CircuitKind::battery, "battery");
  for (const auto& circuit : panel.circuits) {
    if (is_device(circuit)) proposal.add_device(circuit);
  }
  return std::move(proposal.result);
}

EnergyProposal::EnergyProposal(const Home& home, StatisticsTarget target,
                               HomeAssistantConversation& conversation)
    : home_(home), target_(target), conversation_(conversation) {}

void EnergyProposal::run(bool save, Timestamp now, Done done) {
  if (done_) return done(std::unexpected("A run is already under way; wait for its end."));
  wants_to_save_ = save;
  now_ = now;
  done_ = std::move(done);
  result_ = {};
  conversation_.ask({{"type", "config/entity_registry/list"}}, [this](Answer answer) {
    if (!answer) return end(std::unexpected(answer.error().sentence));
    entity_ids_ = entity_ids(*answer);
    read_preferences();
  });
}

void EnergyProposal::read_preferences() {
  conversation_.ask({{"type", "energy/get_prefs"}}, [this](Answer answer) {
    // Nobody has set the dashboard up yet.
    if (!answer && answer.error().code != "not_found") {
      return end(std::unexpected(answer.error().sentence));
    }
    existing_ = answer ? *answer : json();
    auto form = EnergyForm::unified;
    if (existing_.is_object()) {
      for (const auto& source : existing_.value("energy_sources", json::array())) {
        if (source.contains("flow_from")) form = EnergyForm::flows;
      }
    }
    propose(form);
    if (!wants_to_save_ || !result_.proposed.is_changed) return end(result_);
    save(form);
  });
}

void EnergyProposal::propose(EnergyForm form) {
  result_.proposed = proposed_preferences(
      home_, now_, existing_, form, [this](const Circuit& circuit, Direction direction) {
        const auto row = counter_of(circuit.kind, direction);
        if (target_ == StatisticsTarget::external) {
          return external_statistic_id(home_, circuit.id, row.entity);
        }
        const auto found = entity_ids_.find(unique_id(home_, circuit.id, row.key));
        return found == entity_ids_.end() ? std::string() : found->second;
      });
}

void EnergyProposal::save(EnergyForm form) {
  const auto& preferences = result_.proposed.preferences;
  json request = {{"type", "energy/save_prefs"},
                  {"energy_sources", preferences["energy_sources"]},
                  {"device_consumption", preferences["device_consumption"]}};
  conversation_.ask(std::move(request), [this, form](Answer answer) {
    if (answer) {
      result_.is_saved = true;
      return end(result_);
    }
    // Which form this Home Assistant knows is not told anywhere before somebody has a grid.
    if (answer.error().code == "invalid_format" && form == EnergyForm::unified) {
      propose(EnergyForm::flows);
      return save(EnergyForm::flows);
    }
    end(std::unexpected(answer.error().sentence));
  });
}

void EnergyProposal::end(std::expected<Result, std::string> result) {
  std::exchange(done_, {})(std::move(result));
}

}  // namespace hub
