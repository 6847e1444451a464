#include "hub/ingest/esphome_entities.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "measurement/sample.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Scope;

// Names of the CircuitSetup package; # is a number from 1: of a CT, of a voltage, or of the first
// CT of a chip.
struct Known {
  std::string_view before, after;
  Quantity quantity;
  double factor;
  int rank;
};
constexpr int said_by_the_owner = 2;
constexpr std::array known = {
    Known{"ct", "_amps", Quantity::current, 1, 0},
    Known{"ct", "_watts", Quantity::active_power, 1, 0},
    Known{"ct", "_var", Quantity::reactive_power, 1, 0},
    Known{"ct", "_harmonic", Quantity::harmonic_power, 1, 0},
    Known{"ct", "_peak_a", Quantity::peak_current, 1, 0},
    Known{"voltage_", "", Quantity::voltage, 1, 0},
    Known{"frequency_", "", Quantity::frequency, 1, 0},
    // "meter_4-6_chip_temp" is the chip of CT 4 to 6.
    Known{"meter_", "_chip_temp", Quantity::chip_temperature, 1, 0},
    Known{"ct", "_kwh", Quantity::imported, 1000, 0},
    Known{"ct", "_forward_active_energy", Quantity::imported, 1, 1},
    Known{"ct", "_reverse_active_energy", Quantity::exported, 1, 1},
};

struct Unit {
  std::string_view name;
  std::string_view of;  // The unit of a quantity.
  double factor;
};
constexpr std::array units = {
    Unit{"V", "V", 1},        Unit{"mV", "V", 1e-3}, Unit{"Hz", "Hz", 1},   Unit{"°C", "°C", 1},
    Unit{"A", "A", 1},        Unit{"mA", "A", 1e-3}, Unit{"W", "W", 1},     Unit{"mW", "W", 1e-3},
    Unit{"kW", "W", 1e3},     Unit{"MW", "W", 1e6},  Unit{"var", "var", 1}, Unit{"VAR", "var", 1},
    Unit{"kvar", "var", 1e3}, Unit{"VAr", "var", 1}, Unit{"Wh", "Wh", 1},   Unit{"kWh", "Wh", 1e3},
    Unit{"MWh", "Wh", 1e6},
};

// What a panel of 63 A to 400 A never exceeds, by far.
constexpr double most(Quantity quantity) {
  switch (quantity) {
    case Quantity::voltage:
      return 1000;
    case Quantity::frequency:
      return 100;
    case Quantity::chip_temperature:
      return 200;
    case Quantity::current:
    case Quantity::peak_current:
      return 2000;
    case Quantity::imported:
    case Quantity::exported:
      return 1e10;  // 10 GWh.
    default:
      return 500e3;
  }
}

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

// "1-3" -> 1: the chip of these CTs.
std::optional<std::size_t> chip_in(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto first = number_in(text.substr(0, dash));
  const auto last = number_in(text.substr(dash + 1));
  if (!first || !last || *last != *first + 2 || *first % 3 != 1) return std::nullopt;
  return (*first + 2) / 3;
}

}  // namespace

std::optional<EsphomeMeaning> meaning_of(std::string_view object_id, const EsphomeNode& node) {
  for (const auto& entity : node.entities) {
    if (entity.object_id != object_id) continue;
    return EsphomeMeaning{entity.quantity, entity.index, entity.factor, said_by_the_owner,
                          entity.factor != 1};
  }
  for (const auto& row : known) {
    if (object_id.size() <= row.before.size() + row.after.size() ||
        !object_id.starts_with(row.before) || !object_id.ends_with(row.after)) {
      continue;
    }
    auto middle = object_id.substr(row.before.size());
    middle.remove_suffix(row.after.size());
    const auto number =
        row.quantity == Quantity::chip_temperature ? chip_in(middle) : number_in(middle);
    const bool is_of_a_chip = measurement::row(row.quantity).scope == Scope::chip;
    const auto count =
        is_of_a_chip ? node.channels / measurement::channels_per_chip : node.channels;
    if (!number || *number > count) return std::nullopt;
    return EsphomeMeaning{row.quantity, *number - 1, row.factor, row.rank, false};
  }
  return std::nullopt;
}

std::optional<double> esphome_unit(Quantity quantity, std::string_view unit) {
  for (const auto& row : units) {
    if (row.name == unit && row.of == measurement::row(quantity).unit) return row.factor;
  }
  return std::nullopt;
}

bool is_plausible(Quantity quantity, double value) {
  const bool is_never_negative = quantity == Quantity::voltage || quantity == Quantity::frequency ||
                                 measurement::row(quantity).kind == measurement::Kind::total;
  return std::abs(value) <= most(quantity) && (!is_never_negative || value >= 0);
}

std::string object_id_of(std::string_view name) {
  std::string id(name);
  std::erase_if(id, [](char c) { return (c & 0xC0) == 0x80; });  // The rest of one UTF-8 character.
  std::ranges::transform(id, id.begin(), [](char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    const bool stays = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    return stays ? c : '_';
  });
  return id;
}

}  // namespace hub
