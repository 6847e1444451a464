// The YAML of an ESPHome node with ATM90E32 chips, as CircuitSetup's boards are shipped with: read
// into a meter, and written from one. docs/esphome.md is its page.

#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/home.h"
#include "hub/partners.h"

namespace lenz {

// What a node's YAML says.
struct EsphomeFile {
  hub::Meter meter;
  std::map<std::size_t, std::string> clamps;  // Names of the channels that a clamp hangs on.
  hub::EsphomeNode node;                      // `entities`: those that are not called as in stock.
  std::optional<hub::MqttAddress> mqtt;       // Where the node sends to, if it does.
  std::string zone;                           // IANA; empty: the node does not say.
  std::vector<std::string> remarks;           // What was left out or assumed, each with its place.
};

// Substitutions, !include, !extend, !remove, local packages, and secrets.yaml beside the file are
// followed. Remote packages are not fetched: a copy beside the file is taken, else what is known of
// CircuitSetup's; others are remarked on by name. Throws std::runtime_error with one sentence that
// names the file, the line where there is one, and the remedy, when no meter can be had from it.
EsphomeFile read_esphome(const std::filesystem::path&);

// One circuit for each named clamp; ids are unique, also among `taken`.
std::vector<hub::Circuit> circuits_of(const EsphomeFile&, const std::vector<hub::Circuit>& taken);

// A clamp's name: that of the circuit which it alone measures, "Mains 1" and so on where a circuit
// has several clamps; absent where the panel knows no clamp.
std::map<std::size_t, std::string> clamps_of(const hub::Panel&, std::string_view device);

// YAML for ESPHome 2025.5 or newer with the structure of CircuitSetup's files, without packages
// from the net. Its secrets are named (!secret) and not given. read_esphome gives back the meter
// and the names.
std::string write_esphome(const hub::Meter&, const std::map<std::size_t, std::string>& clamps);

}  // namespace lenz
