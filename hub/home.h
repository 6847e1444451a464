// A home and its panel: what stands behind the meter's channels. Stored are
// channels; circuits are views of them through the panel that was valid then,
// so a correction applies backwards.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "hub/store/retention.h"
#include "hub/store/store.h"
#include "measurement/sample.h"
#include "measurement/units.h"

namespace hub {

inline constexpr std::size_t max_circuits = 500;         // Of one panel.
inline constexpr std::size_t max_name_characters = 120;  // Of homes, circuits and rooms.

enum class CircuitKind : std::uint8_t { grid, solar, battery, ev, subpanel, load };

// How the channels of a circuit become one power before import and export are told apart.
enum class Netting : std::uint8_t {
  sum,        // Legs are added first: what one gives the other takes.
  per_phase,  // Each leg counts for itself.
};

// A clamp and what its power counts for. Two clamps whose powers are added are two of these.
struct ChannelUse {
  std::string device;
  std::uint32_t channel = 0;  // Of the meter, from 0.
  double multiplier = 1;      // Negative: the clamp is reversed. 2: one clamp stands for both legs.

  friend bool operator==(const ChannelUse&, const ChannelUse&) = default;
};

struct Circuit {
  std::string id;    // [a-z0-9_-]+, stays when the name changes.
  std::string name;  // As people say it: any text.
  CircuitKind kind = CircuitKind::load;
  std::string parent;   // Id of the circuit that this one hangs under; empty: none.
  double rating_a = 0;  // Of the breaker; 0: not known.
  int poles = 1;
  std::vector<int> legs;  // Phases it hangs on, from 1.
  int position = 0;  // Place on the panel: odd left and even right in the US, module in Europe.
  std::string room;
  Netting netting = Netting::sum;
  std::vector<ChannelUse> channels;  // None: this breaker carries no clamp. All of one device.

  friend bool operator==(const Circuit&, const Circuit&) = default;
};

enum class PanelStyle : std::uint8_t { us, din };

struct Panel {
  measurement::Timestamp
      valid_from{};  // The first panel of a home holds for all time before it too.
  PanelStyle style = PanelStyle::din;
  std::vector<Circuit> circuits;  // In the order of the wall.

  friend bool operator==(const Panel&, const Panel&) = default;
};

// How a chip is set for one clamp. Gains and offsets are the chip's own words (application note
// Atmel-46103A, section 4.2), which ESPHome calls gain_voltage, gain_ct, offset_voltage, ...; the
// defaults are CircuitSetup's 9 V transformer and its 100 A clamp.
struct MeterChannel {
  int voltage_gain = 7305;   // 1 to 65535.
  int current_gain = 27518;  // 1 to 65535. Halved where the multiplier is 2.
  int multiplier = 1;      // 1 to 255. The chip's current ends at 65.5 A: what it says, times this.
  bool reversed = false;   // The meter turns the sign of power and energy.
  int voltage_offset = 0;  // These are -32768 to 32767.
  int current_offset = 0;
  int active_offset = 0;
  int reactive_offset = 0;

  friend bool operator==(const MeterChannel&, const MeterChannel&) = default;
};

// One ATM90E32.
struct MeterChip {
  int cs_pin = 0;
  int pga = 1;  // Analogue gain of its clamps: 1, 2 or 4.
  std::array<MeterChannel, measurement::channels_per_chip> channels{};

  friend bool operator==(const MeterChip&, const MeterChip&) = default;
};

// What a meter is made of and how it is calibrated. Channel c is clamp c % 3 of chip c / 3.
struct Meter {
  std::string id;  // As the panel's channels name it: the device.
  double nominal_voltage_v = 230;
  int line_frequency_hz = 50;
  std::chrono::milliseconds period{10'000};  // From one reading to the next.
  int clock_pin = 18, miso_pin = 19, mosi_pin = 23;
  std::vector<MeterChip> chips;  // 1 to 14.

  // CircuitSetup's boards carry two chips; a split single-phase board only one.
  std::size_t boards() const { return (chips.size() + 1) / 2; }

  friend bool operator==(const Meter&, const Meter&) = default;
};

struct Home {
  std::string id;  // [a-z0-9_-]+
  std::string name;
  std::string zone;      // IANA, "Europe/Berlin".
  std::string country;   // ISO 3166, "DE".
  std::string currency;  // ISO 4217, "EUR".
  double nominal_voltage_v = 230;
  double line_frequency_hz = 50;
  int phases = 1;                       // 2 is split phase.
  std::optional<double> price_per_kwh;  // In units of the currency; absent: not known.
  std::vector<Panel> panels;            // By valid_from, oldest first; at least one.
  std::vector<Meter> meters;            // Those whose hardware was described.
  Retention retention;                  // Of what they measure.

  friend bool operator==(const Home&, const Home&) = default;
};

// The panel that was valid at a time. The home must have one.
const Panel& panel_at(const Home&, measurement::Timestamp);

// The circuit's power as one series of the store.
Series power_of(const Circuit&);

// Those of all panels' circuits that have several channels.
std::vector<Series> powers_of_several(const Home&);

// Circuit power from one sample of one device; absent when any of its channels is absent there or
// the circuit has no clamp or belongs to another device.
std::optional<measurement::Watts> active_power(const Circuit&, const std::string& device,
                                               const measurement::Sample&);

// What the breaker may carry, in watts at power factor 1: its rating times the voltage that it
// switches. Two poles of a split phase switch twice the nominal voltage, three or four poles three
// phases; two poles elsewhere are phase and neutral. Absent when the rating is not known.
std::optional<double> capacity_w(const Home&, const Circuit&);

// What is wrong with a home, and where.
struct Fault {
  std::string sentence;                // Names the home, the circuit and what to do.
  std::optional<std::size_t> panel;    // Index of the panel at fault; absent: the home itself.
  std::optional<std::size_t> circuit;  // Index of the circuit in that panel; absent: the panel.
  std::optional<std::size_t> meter;    // Index of the meter at fault.
  std::optional<std::size_t> chip;     // Index of the chip in that meter; absent: the meter.
};

// The first fault: unknown parents, loops of parents, ids that are not unique, a number out of its
// range, a channel in two circuits neither of which hangs under the other (its watt-hours would
// count twice)...
std::optional<Fault> find_fault(const Home&);

// The same as a sentence only.
std::expected<void, std::string> check(const Home&);

}  // namespace hub
