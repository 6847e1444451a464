#include "hub/home.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "measurement/report.h"

namespace hub {
namespace {

using measurement::Quantity;

constexpr int most_phases = 3;
constexpr int most_poles = 4;  // Three phases and the neutral.
constexpr double most_volts = 1000;
constexpr double most_amperes = 10000;
constexpr double greatest_multiplier = 1000;
constexpr int greatest_pin = 63;
constexpr std::chrono::milliseconds least_period{200};
constexpr std::chrono::milliseconds greatest_period{3'600'000};

bool is_id(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool is_capitals(std::string_view text, std::size_t size) {
  return text.size() == size &&
         std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Characters of a UTF-8 text (RFC 3629); absent when it is not one.
std::optional<std::size_t> characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t size = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
    if (size == 0 || i + size > text.size()) return std::nullopt;
    for (std::size_t k = 1; k < size; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return std::nullopt;
    }
    const auto second = size > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool surrogate = first == 0xED && second > 0x9F;
    const bool beyond = first == 0xF4 && second > 0x8F;
    if (overlong || surrogate || beyond) return std::nullopt;
    i += size;
  }
  return count;
}

bool is_name(std::string_view text) {
  const auto count = characters(text);
  return count && *count <= max_name_characters;
}

// A sentence without its subject, or nothing.
using Complaint = std::optional<std::string>;

Complaint complain_about(const Home& home) {
  if (!is_id(home.id)) {
    return fmt::format("its id \"{}\" may only have the characters a-z, 0-9, _ and -; change it",
                       home.id);
  }
  if (home.name.empty() || !is_name(home.name)) {
    return fmt::format("its name must be a text of 1 to {} characters; change it",
                       max_name_characters);
  }
  if (home.zone.empty() || !is_name(home.zone)) {
    return "it has no time zone; give one like \"Europe/Berlin\"";
  }
  if (!is_capitals(home.country, 2)) {
    return fmt::format("its country \"{}\" must be two capitals like \"DE\"; change it",
                       home.country);
  }
  if (!is_capitals(home.currency, 3)) {
    return fmt::format("its currency \"{}\" must be three capitals like \"EUR\"; change it",
                       home.currency);
  }
  if (!(home.nominal_voltage_v > 0 && home.nominal_voltage_v <= most_volts)) {
    return fmt::format("its voltage of {} V cannot be; give that of one phase, like 230 or 120",
                       home.nominal_voltage_v);
  }
  if (home.line_frequency_hz != 50 && home.line_frequency_hz != 60) {
    return fmt::format("its line frequency of {} Hz must be 50 or 60; change it",
                       home.line_frequency_hz);
  }
  if (home.phases < 1 || home.phases > most_phases) {
    return fmt::format("it cannot have {} phases; give 1, 2 for split phase, or 3", home.phases);
  }
  if (home.price_per_kwh && !(std::abs(*home.price_per_kwh) < 1e6)) {
    return fmt::format("its price of {} per kWh cannot be; change it", *home.price_per_kwh);
  }
  if (home.panels.empty()) return "it has no panel; add one";
  return std::nullopt;
}

Complaint complain_about(const Home& home, const Circuit& circuit) {
  if (!is_id(circuit.id)) return "its id may only have the characters a-z, 0-9, _ and -; change it";
  if (circuit.name.empty() || !is_name(circuit.name)) {
    return fmt::format("its name must be a text of 1 to {} characters; change it",
                       max_name_characters);
  }
  if (!is_name(circuit.room)) {
    return fmt::format("its room must be a text of at most {} characters; change it",
                       max_name_characters);
  }
  if (!(circuit.rating_a >= 0 && circuit.rating_a <= most_amperes)) {
    return fmt::format("its rating of {} A cannot be; give what is printed on the breaker",
                       circuit.rating_a);
  }
  if (circuit.poles < 1 || circuit.poles > most_poles) {
    return fmt::format("it cannot have {} poles; give 1 to {}", circuit.poles, most_poles);
  }
  if (circuit.position < 0) {
    return fmt::format("its position {} cannot be; count places from 1", circuit.position);
  }
  for (auto leg = circuit.legs.begin(); leg != circuit.legs.end(); ++leg) {
    if (*leg < 1 || *leg > home.phases) {
      return fmt::format("leg {} is not one of the home's {} phases; count them from 1", *leg,
                         home.phases);
    }
    if (std::find(circuit.legs.begin(), leg, *leg) != leg) {
      return fmt::format("it names leg {} twice; take one out", *leg);
    }
  }
  return std::nullopt;
}

Complaint complain_about_channels(const Circuit& circuit) {
  for (auto use = circuit.channels.begin(); use != circuit.channels.end(); ++use) {
    if (!is_id(use->device) || use->device.size() > measurement::max_device_name) {
      return fmt::format(
          "its meter \"{}\" must be named by at most {} of the characters a-z, 0-9, _ and -; "
          "give the name that the meter has",
          use->device, measurement::max_device_name);
    }
    if (use->channel >= measurement::max_channels) {
      return fmt::format("a meter has no channel {}; count them from 0 to {}", use->channel,
                         measurement::max_channels - 1);
    }
    if (!(std::abs(use->multiplier) <= greatest_multiplier) || use->multiplier == 0) {
      return fmt::format(
          "the multiplier {} of channel {} cannot be; give 1, or -1 for a reversed "
          "clamp, or 2 for one clamp that stands for two legs",
          use->multiplier, use->channel);
    }
    if (use->device != circuit.channels.front().device) {
      return fmt::format(
          "its clamps are on the meters \"{}\" and \"{}\", which do not measure at "
          "the same instant; move them to one meter",
          circuit.channels.front().device, use->device);
    }
    const bool twice = std::any_of(circuit.channels.begin(), use, [&](const ChannelUse& other) {
      return other.channel == use->channel;
    });
    if (twice) {
      return fmt::format(
          "it counts channel {} twice; take one out, or give the other a multiplier "
          "of 2 if one clamp stands for two legs",
          use->channel);
    }
  }
  return std::nullopt;
}

// A panel's circuits by id, in which ids are unique.
using ById = std::map<std::string_view, const Circuit*>;

Complaint complain_about_parents(const ById& by_id, const Circuit& circuit) {
  std::size_t steps = 0;
  for (auto child = &circuit; !child->parent.empty(); ++steps) {
    const auto parent = by_id.find(child->parent);
    if (parent == by_id.end()) {
      return fmt::format("its parent \"{}\" is not on this panel; name one that is, or none",
                         child->parent);
    }
    child = parent->second;
    if (child == &circuit || steps > by_id.size()) {
      return "its parents lead back to itself; let one of them have no parent";
    }
  }
  return std::nullopt;
}

// Parents are known and free of loops.
bool hangs_under(const ById& by_id, const Circuit& circuit, const Circuit& above) {
  for (auto at = &circuit; !at->parent.empty();) {
    at = by_id.at(at->parent);
    if (at == &above) return true;
  }
  return false;
}

std::optional<Fault> find_shared_channel(const Home& home, std::size_t panel, const ById& by_id) {
  const auto& circuits = home.panels[panel].circuits;
  std::map<std::pair<std::string_view, std::uint32_t>, std::vector<const Circuit*>> users;
  for (std::size_t c = 0; c < circuits.size(); ++c) {
    for (const auto& use : circuits[c].channels) {
      auto& others = users[{use.device, use.channel}];
      for (const auto* other : others) {
        if (hangs_under(by_id, circuits[c], *other) || hangs_under(by_id, *other, circuits[c])) {
          continue;
        }
        return Fault{fmt::format("Home \"{}\", circuit \"{}\": channel {} of meter \"{}\" is "
                                 "already counted by circuit \"{}\"; take it out of one of them, "
                                 "or make one the parent of the other.",
                                 home.id, circuits[c].id, use.channel, use.device, other->id),
                     panel, c};
      }
      others.push_back(&circuits[c]);
    }
  }
  return std::nullopt;
}

std::optional<Fault> find_fault(const Home& home, std::size_t panel) {
  const auto& circuits = home.panels[panel].circuits;
  const auto fault_of = [&](std::size_t circuit, const std::string& complaint) {
    return Fault{
        fmt::format("Home \"{}\", circuit \"{}\": {}.", home.id, circuits[circuit].id, complaint),
        panel, circuit};
  };
  ById by_id;
  for (std::size_t c = 0; c < circuits.size(); ++c) {
    if (const auto complaint = complain_about(home, circuits[c])) return fault_of(c, *complaint);
    if (const auto complaint = complain_about_channels(circuits[c])) return fault_of(c, *complaint);
    if (!by_id.try_emplace(circuits[c].id, &circuits[c]).second) {
      return fault_of(c, "another circuit of this panel has the same id; give it one of its own");
    }
  }
  for (std::size_t c = 0; c < circuits.size(); ++c) {
    if (const auto complaint = complain_about_parents(by_id, circuits[c])) {
      return fault_of(c, *complaint);
    }
  }
  return find_shared_channel(home, panel, by_id);
}

// Of the panel itself.
Complaint complain_about_panel(const Home& home, std::size_t panel) {
  const auto& [valid_from, style, circuits] = home.panels[panel];
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(valid_from));
  if (day.year() < std::chrono::year(0) || day.year() > std::chrono::year(9999)) {
    return "its valid_from is not in the years 0 to 9999; change it";
  }
  if (panel > 0 && valid_from <= home.panels[panel - 1].valid_from) {
    return "it is not valid later than the one before; put the oldest first";
  }
  if (circuits.size() > max_circuits) {
    return fmt::format("it has {} circuits and may have {}; take some out", circuits.size(),
                       max_circuits);
  }
  return std::nullopt;
}

Complaint complain_about(const MeterChannel& channel) {
  const struct {
    std::string_view name;
    int value, least, most;
  } words[] = {
      {"voltage_gain", channel.voltage_gain, 1, 65535},
      {"current_gain", channel.current_gain, 1, 65535},
      {"multiplier", channel.multiplier, 1, 255},
      {"voltage_offset", channel.voltage_offset, -32768, 32767},
      {"current_offset", channel.current_offset, -32768, 32767},
      {"active_offset", channel.active_offset, -32768, 32767},
      {"reactive_offset", channel.reactive_offset, -32768, 32767},
  };
  for (const auto& [name, value, least, most] : words) {
    if (value >= least && value <= most) continue;
    return fmt::format("its {} of {} cannot be; give {} to {}", name, value, least, most);
  }
  return std::nullopt;
}

bool is_pin(int pin) { return pin >= 0 && pin <= greatest_pin; }

Complaint complain_about_chip(const Meter& meter, std::size_t at) {
  const auto& chip = meter.chips[at];
  if (!is_pin(chip.cs_pin)) {
    return fmt::format("its cs_pin {} cannot be; give 0 to {}", chip.cs_pin, greatest_pin);
  }
  for (const int taken : {meter.clock_pin, meter.miso_pin, meter.mosi_pin}) {
    if (chip.cs_pin == taken) {
      return fmt::format("its cs_pin {} is one of the bus; give the pin of its own", chip.cs_pin);
    }
  }
  for (std::size_t other = 0; other < at; ++other) {
    if (meter.chips[other].cs_pin == chip.cs_pin) {
      return fmt::format("its cs_pin {} is that of chip {} too; give each its own", chip.cs_pin,
                         other + 1);
    }
  }
  if (chip.pga != 1 && chip.pga != 2 && chip.pga != 4) {
    return fmt::format("its pga of {} cannot be; give 1, 2 or 4", chip.pga);
  }
  for (std::size_t c = 0; c < chip.channels.size(); ++c) {
    if (const auto complaint = complain_about(chip.channels[c])) {
      return fmt::format("of its clamp {}, {}", c + 1, *complaint);
    }
  }
  return std::nullopt;
}

Complaint complain_about(const Meter& meter) {
  if (!is_id(meter.id) || meter.id.size() > measurement::max_device_name) {
    return fmt::format(
        "its id must be at most {} of the characters a-z, 0-9, _ and -; give the name that the "
        "meter has",
        measurement::max_device_name);
  }
  if (!(meter.nominal_voltage_v > 0 && meter.nominal_voltage_v <= most_volts)) {
    return fmt::format("its voltage of {} V cannot be; give that of one phase, like 230 or 120",
                       meter.nominal_voltage_v);
  }
  if (meter.line_frequency_hz != 50 && meter.line_frequency_hz != 60) {
    return fmt::format("its line frequency of {} Hz must be 50 or 60; change it",
                       meter.line_frequency_hz);
  }
  if (meter.period < least_period || meter.period > greatest_period) {
    return fmt::format("its period of {} ms cannot be; give {} to {}", meter.period.count(),
                       least_period.count(), greatest_period.count());
  }
  for (const int pin : {meter.clock_pin, meter.miso_pin, meter.mosi_pin}) {
    if (!is_pin(pin)) {
      return fmt::format("its bus has no pin {}; give 0 to {}", pin, greatest_pin);
    }
  }
  if (meter.clock_pin == meter.miso_pin || meter.clock_pin == meter.mosi_pin ||
      meter.miso_pin == meter.mosi_pin) {
    return "two lines of its bus are on one pin; give each its own";
  }
  if (meter.chips.empty() || meter.chips.size() > measurement::max_chips) {
    return fmt::format("it has {} chips and may have 1 to {}; change them", meter.chips.size(),
                       measurement::max_chips);
  }
  return std::nullopt;
}

std::optional<Fault> find_fault_of_meters(const Home& home) {
  for (std::size_t m = 0; m < home.meters.size(); ++m) {
    const auto& meter = home.meters[m];
    const auto fault_of = [&](const std::string& complaint, std::optional<std::size_t> chip = {}) {
      const auto part = chip ? fmt::format(", chip {}", *chip + 1) : "";
      return Fault{
          fmt::format("Home \"{}\", meter \"{}\"{}: {}.", home.id, meter.id, part, complaint),
          {},
          {},
          m,
          chip};
    };
    if (const auto complaint = complain_about(meter)) return fault_of(*complaint);
    for (std::size_t other = 0; other < m; ++other) {
      if (home.meters[other].id == meter.id) {
        return fault_of("another meter has the same id; give it one of its own");
      }
    }
    for (std::size_t c = 0; c < meter.chips.size(); ++c) {
      if (const auto complaint = complain_about_chip(meter, c)) return fault_of(*complaint, c);
    }
  }
  return std::nullopt;
}

}  // namespace

const Panel& panel_at(const Home& home, measurement::Timestamp time) {
  assert(!home.panels.empty() && "BUG: a home has at least one panel");
  const auto later = std::ranges::upper_bound(home.panels, time, {}, &Panel::valid_from);
  return later == home.panels.begin() ? *later : *std::prev(later);
}

Series power_of(const Circuit& circuit) {
  Series series{circuit.channels.front().device, measurement::Quantity::active_power};
  for (const auto& use : circuit.channels) {
    series.together.push_back({use.channel, use.multiplier});
  }
  return series;
}

std::vector<Series> powers_of_several(const Home& home) {
  std::vector<Series> found;
  for (const auto& panel : home.panels) {
    for (const auto& circuit : panel.circuits) {
      if (circuit.channels.size() > 1) found.push_back(power_of(circuit));
    }
  }
  return found;
}

std::optional<measurement::Watts> active_power(const Circuit& circuit, const std::string& device,
                                               const measurement::Sample& sample) {
  if (circuit.channels.empty()) return std::nullopt;
  double sum = 0;
  for (const auto& use : circuit.channels) {
    if (use.device != device || use.channel >= sample.channels()) return std::nullopt;
    const auto power = sample.get<Quantity::active_power>(use.channel);
    if (!power) return std::nullopt;
    sum += use.multiplier * static_cast<double>(power->value);
  }
  return measurement::Watts{static_cast<float>(sum)};
}

std::optional<double> capacity_w(const Home& home, const Circuit& circuit) {
  if (circuit.rating_a <= 0) return std::nullopt;
  const bool split_phase = home.phases == 2;
  const int times = circuit.poles >= 3 ? 3 : circuit.poles == 2 && split_phase ? 2 : 1;
  return circuit.rating_a * home.nominal_voltage_v * times;
}

std::optional<Fault> find_fault(const Home& home) {
  if (const auto complaint = complain_about(home)) {
    return Fault{fmt::format("Home \"{}\": {}.", home.id, *complaint), {}, {}};
  }
  for (std::size_t panel = 0; panel < home.panels.size(); ++panel) {
    if (const auto complaint = complain_about_panel(home, panel)) {
      return Fault{
          fmt::format("Home \"{}\", panel {}: {}.", home.id, panel + 1, *complaint), panel, {}};
    }
    if (auto fault = find_fault(home, panel)) return fault;
  }
  return find_fault_of_meters(home);
}

std::expected<void, std::string> check(const Home& home) {
  if (auto fault = find_fault(home)) return std::unexpected(std::move(fault->sentence));
  return {};
}

}  // namespace hub
