// The panels of the simulated houses, as data: from it the demo writes a home's configuration.

#pragma once

#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "simulator/weather.h"

namespace simulator {

enum class House : std::uint8_t {
  us,   // Split phase, 120/240 V, 60 Hz.
  eu3,  // Three phases, 230/400 V, 50 Hz.
};

struct BlueprintChannel {
  std::size_t channel = 0;  // Of the meter, from 0.
  double multiplier = 1;    // One clamp stands for so many equal legs.
};

struct BlueprintCircuit {
  std::string id, name;
  std::string kind;    // grid, solar, battery, ev, subpanel or load.
  std::string parent;  // Empty for the grid itself.
  double rating_a = 0;
  int poles = 1;
  std::vector<int> legs;  // From 1.
  int position = 0;       // US: odd left, even right, two poles take n and n + 2. DIN: module.
  std::string room;
  // None: no clamp. As many as legs: one clamp on each, in their order. Else one clamp on the
  // leg of its chip, and the others carry the same.
  std::vector<BlueprintChannel> channels;
};

struct Blueprint {
  std::string name, zone, country, currency;
  double nominal_voltage = 230;  // V per leg.
  double frequency = 50;         // Hz
  int phases = 3;                // 2 is split phase.
  double price_per_kwh = 0;
  std::string style;  // us or din.
  // The people's local time, the whole year through: there is no summer time in the simulated
  // house, so from spring to autumn its people live an hour later by the zone's clock.
  std::chrono::minutes utc_offset{};
  Climate climate{};
  // Resistance and reactance from the transformer to the panel, of each leg and of the neutral.
  std::complex<double> leg_ohm{}, neutral_ohm{};
  std::vector<int> chip_legs;  // The leg of each chip's voltage adapter.
  std::vector<BlueprintCircuit> circuits;
};

const Blueprint& blueprint(House);

}  // namespace simulator
