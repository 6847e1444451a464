// Everything that is said about a channel or a chip, in one table. The report
// codec, the store's columns, the API's JSON and Home Assistant's discovery are
// loops over it, so a new quantity is one row here and one line in a driver.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "measurement/units.h"

namespace measurement {

// The numbers are on the wire and on disk: append, never renumber.
enum class Quantity : std::uint8_t {
  voltage = 0,
  frequency = 1,
  chip_temperature = 2,
  current = 3,
  active_power = 4,
  reactive_power = 5,
  fundamental_power = 6,
  harmonic_power = 7,
  peak_current = 8,
  imported = 9,
  exported = 10,
  apparent_power = 11,
  power_factor = 12,
};

enum class Scope : std::uint8_t { chip, channel };

enum class Kind : std::uint8_t {
  instant,  // Measured at the sample's time.
  slow,     // Measured in turn: most samples do not have it.
  total,    // A running total since the meter started. It never falls.
  derived,  // Computed from the others of the same sample: neither sent nor stored.
};

struct QuantityRow {
  Quantity id;
  std::string_view name;  // In columns, JSON keys and topics alike.
  std::string_view unit;
  double resolution;  // Units per step: what is kept on the wire and on disk.
  Scope scope;
  Kind kind;
};

inline constexpr std::array quantities = {
    QuantityRow{Quantity::voltage, "voltage", "V", 0.1, Scope::chip, Kind::instant},
    QuantityRow{Quantity::frequency, "frequency", "Hz", 0.01, Scope::chip, Kind::instant},
    QuantityRow{Quantity::chip_temperature, "chip_temperature", "°C", 1, Scope::chip, Kind::slow},
    QuantityRow{Quantity::current, "current", "A", 0.001, Scope::channel, Kind::instant},
    QuantityRow{Quantity::active_power, "active_power", "W", 0.1, Scope::channel, Kind::instant},
    QuantityRow{Quantity::reactive_power, "reactive_power", "var", 0.1, Scope::channel,
                Kind::instant},
    QuantityRow{Quantity::fundamental_power, "fundamental_power", "W", 0.1, Scope::channel,
                Kind::slow},
    QuantityRow{Quantity::harmonic_power, "harmonic_power", "W", 0.1, Scope::channel, Kind::slow},
    QuantityRow{Quantity::peak_current, "peak_current", "A", 0.001, Scope::channel, Kind::instant},
    QuantityRow{Quantity::imported, "imported", "Wh", 0.001, Scope::channel, Kind::total},
    QuantityRow{Quantity::exported, "exported", "Wh", 0.001, Scope::channel, Kind::total},
    QuantityRow{Quantity::apparent_power, "apparent_power", "VA", 0.1, Scope::channel,
                Kind::derived},
    QuantityRow{Quantity::power_factor, "power_factor", "", 0.001, Scope::channel, Kind::derived},
};

inline constexpr std::size_t measured_quantities = 11;  // The rows before the derived ones.

constexpr const QuantityRow& row(Quantity q) { return quantities[static_cast<std::size_t>(q)]; }

// The unit in which code speaks of a quantity.
template <Quantity>
struct UnitOf;
template <>
struct UnitOf<Quantity::voltage> {
  using type = Volts;
};
template <>
struct UnitOf<Quantity::frequency> {
  using type = Hertz;
};
template <>
struct UnitOf<Quantity::chip_temperature> {
  using type = Celsius;
};
template <>
struct UnitOf<Quantity::current> {
  using type = Amperes;
};
template <>
struct UnitOf<Quantity::active_power> {
  using type = Watts;
};
template <>
struct UnitOf<Quantity::reactive_power> {
  using type = Vars;
};
template <>
struct UnitOf<Quantity::fundamental_power> {
  using type = Watts;
};
template <>
struct UnitOf<Quantity::harmonic_power> {
  using type = Watts;
};
template <>
struct UnitOf<Quantity::peak_current> {
  using type = Amperes;
};
template <>
struct UnitOf<Quantity::imported> {
  using type = MilliwattHours;
};
template <>
struct UnitOf<Quantity::exported> {
  using type = MilliwattHours;
};
template <>
struct UnitOf<Quantity::apparent_power> {
  using type = VoltAmperes;
};
template <>
struct UnitOf<Quantity::power_factor> {
  using type = PowerFactor;
};

namespace detail {
constexpr bool table_is_in_order() {
  for (std::size_t i = 0; i < quantities.size(); ++i) {
    if (static_cast<std::size_t>(quantities[i].id) != i) return false;
    if ((quantities[i].kind == Kind::derived) != (i >= measured_quantities)) return false;
  }
  return true;
}
static_assert(table_is_in_order(), "BUG: quantities must stand in the order of their numbers");
}  // namespace detail

}  // namespace measurement
