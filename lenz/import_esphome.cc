#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "hub/config.h"
#include "hub/partners.h"
#include "lenz/commands.h"
#include "lenz/esphome_yaml.h"
#include "lenz/workplace.h"
#include "lenz/yaml_tree.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using measurement::channels_per_chip;

// The owner's word wins over the file's.
void take_options(const ImportEsphomeOptions& options, EsphomeFile& file) {
  if (!options.device.empty() && options.device != file.node.device) {
    if (file.mqtt && file.node.topic_prefix.empty()) file.node.topic_prefix = file.node.device;
    file.meter.id = file.node.device = options.device;
  }
  if (!options.address.empty()) {
    file.mqtt.reset();
    file.node.topic_prefix.clear();
    file.node.address = options.address;
  }
}

void show(const EsphomeFile& file) {
  const auto& meter = file.meter;
  fmt::print("Meter {}: {} board(s), {} Hz, {} V, a reading every {} s\n\n", meter.id,
             meter.boards(), meter.line_frequency_hz, meter.nominal_voltage_v,
             static_cast<double>(meter.period.count()) / 1000);
  fmt::print("{:>7}  {:>6}  {:>3}  {:>7}  {:>7}  {:>6}  {}\n", "channel", "cs_pin", "PGA",
             "voltage", "current", "times", "name");
  for (std::size_t channel = 0; channel < meter.chips.size() * channels_per_chip; ++channel) {
    const auto& chip = meter.chips.at(channel / channels_per_chip);
    const auto& clamp = chip.channels.at(channel % channels_per_chip);
    const auto name = file.clamps.find(channel);
    fmt::print("{:>7}  {:>6}  {:>2}X  {:>7}  {:>7}  {:>6}  {}\n", channel, chip.cs_pin, chip.pga,
               clamp.voltage_gain, clamp.current_gain,
               clamp.reversed ? -clamp.multiplier : clamp.multiplier,
               name == file.clamps.end() ? "(no clamp)" : shown(name->second));
  }
  fmt::print("\n");
  for (const auto& remark : file.remarks) fmt::print("{}\n", remark);
}

// A home to begin with. 60 Hz is taken for North America's split phase.
hub::Home home_of(const EsphomeFile& file) {
  hub::Home home;
  home.id = "home";
  home.name = "Home";
  home.zone = file.zone.empty() ? "Etc/UTC" : file.zone;
  home.country = "ZZ";
  home.currency = "EUR";
  home.nominal_voltage_v = file.meter.nominal_voltage_v;
  home.line_frequency_hz = file.meter.line_frequency_hz;
  const bool is_split_phase = file.meter.line_frequency_hz == 60;
  home.phases = is_split_phase ? 2 : 1;
  home.panels.emplace_back().style = is_split_phase ? hub::PanelStyle::us : hub::PanelStyle::din;
  return home;
}

// Puts the meter in and circuits for clamps that the newest panel does not know.
void add_to(hub::Home& home, const EsphomeFile& file) {
  const auto meter = std::ranges::find(home.meters, file.meter.id, &hub::Meter::id);
  if (meter == home.meters.end()) {
    home.meters.push_back(file.meter);
  } else {
    *meter = file.meter;
  }
  auto& circuits = home.panels.back().circuits;
  const auto is_known = [&](const hub::ChannelUse& use) {
    return std::ranges::any_of(circuits, [&](const hub::Circuit& circuit) {
      return std::ranges::any_of(circuit.channels, [&](const hub::ChannelUse& other) {
        return other.device == use.device && other.channel == use.channel;
      });
    });
  };
  std::size_t added = 0;
  for (auto& circuit : circuits_of(file, circuits)) {
    if (is_known(circuit.channels.front())) continue;
    circuits.push_back(std::move(circuit));
    ++added;
  }
  fmt::print("{} circuit(s) are new, {} are on the panel already and stay as they are.\n", added,
             file.clamps.size() - added);
}

bool same(const hub::EsphomeNode& a, const hub::EsphomeNode& b) {
  const auto same_entity = [](const hub::EsphomeEntity& x, const hub::EsphomeEntity& y) {
    return x.object_id == y.object_id && x.quantity == y.quantity && x.index == y.index &&
           x.factor == y.factor;
  };
  return a.address == b.address && a.port == b.port && a.key == b.key &&
         a.topic_prefix == b.topic_prefix && a.channels == b.channels && a.period == b.period &&
         std::ranges::equal(a.entities, b.entities, same_entity);
}

// How the node is reached stays as the owner has written it, unless an address is given now.
// Returns whether anything changed.
bool add_to(hub::Partners& partners, const EsphomeFile& file, const std::string& address) {
  auto node = file.node;
  node.period = std::clamp<std::chrono::milliseconds>(node.period, std::chrono::seconds(1),
                                                      std::chrono::hours(1));
  const auto known = std::ranges::find(partners.esphome, node.device, &hub::EsphomeNode::device);
  const bool is_new = known == partners.esphome.end();
  if (!is_new) {
    const auto key = known->key.empty() ? node.key : known->key;
    if (address.empty()) {
      node.address = known->address;
      node.port = known->port;
      node.topic_prefix = known->topic_prefix;
    }
    node.key = node.address.empty() ? "" : key;
    if (same(*known, node)) return false;
    *known = node;
  } else {
    partners.esphome.push_back(node);
  }
  if (node.address.empty() && !partners.mqtt) {
    partners.mqtt = file.mqtt.value_or(hub::MqttAddress{});
  }
  return true;
}

// An error of our own in what is to be written would be found at the hub's next start only.
void check(const hub::Home& home, const fs::path& path) {
  if (const auto fault = hub::find_fault(home)) {
    throw std::runtime_error(fmt::format("{}: {}", path.string(), fault->sentence));
  }
}

}  // namespace

int import_esphome(const ImportEsphomeOptions& options) {
  auto file = read_esphome(options.file);
  take_options(options, file);
  show(file);

  const fs::path folder = options.data.empty() ? Workplace::usual_folder() : options.data;
  const auto home_file = folder / "home.toml";
  const auto partners_file = folder / "partners.toml";
  const bool is_new = !fs::exists(home_file);
  const auto old_home = is_new ? home_of(file) : hub::load_home(home_file);
  auto home = old_home;
  add_to(home, file);
  check(home, home_file);
  auto partners = hub::load_partners(partners_file);
  const bool has_new_partner = add_to(partners, file, options.address);

  if (options.dry_run) {
    fmt::print("Nothing was written, as you wished.\n");
    return 0;
  }
  if (!is_new && home == old_home && !has_new_partner) {
    fmt::print("Nothing has changed.\n");
    return 0;
  }
  const Workplace place(folder.string());
  if (is_new || home != old_home) {
    hub::save_home(home, place.home_file());
    fmt::print("{} was written.{}\n", place.home_file(),
               is_new ? " Set its name, zone, country and currency." : "");
  }
  if (has_new_partner) {
    hub::save_partners(partners, place.partners_file());
    fmt::print("{} was written.\n", place.partners_file());
  }
  fmt::print("Start the hub again to use them.\n");
  return 0;
}

}  // namespace lenz
