// Panels as electricians and their owners leave them: a random home's circuits and loads, the
// meter's clamps on its wires, and what went wrong when they were put there. What the wiring doctor
// is judged by; it knows nothing of it.

#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "measurement/sample.h"
#include "measurement/units.h"
#include "simulator/chance.h"

namespace simulator {

// Clamps of CircuitSetup's boards with their burden of 22 ohm.
struct ClampType {
  std::string_view name;
  double gain;      // The chip's current gain at PGA 1 (vendor's tables).
  double greatest;  // Amperes that keep the pin below 720 mV.
};
inline constexpr std::array clamp_types = {
    ClampType{"SCT-006", 11143, 26},     ClampType{"SCT-013-030", 8650, 21},
    ClampType{"SCT-013-050", 15420, 36}, ClampType{"SCT-013-000", 27518, 65},
    ClampType{"SCT-010", 41660, 98},     ClampType{"SCT-016", 41787, 98},
    ClampType{"SCT-024", 55036, 131},
};

enum class Mistake : std::uint8_t {
  reversed,
  wrong_leg,      // The circuit hangs on another leg than the one entered.
  swapped,        // Two clamps are exchanged, of circuits that differ in legs or in production.
  doubled,        // The second clamp is on the first one's wire.
  entered_apart,  // A two-pole breaker with two clamps is entered as two circuits.
  half_counted,   // One clamp for two poles is entered without its factor 2.
  before_mains,   // The circuit is tapped before the mains' clamps.
  wrong_type,     // Another clamp than the one set.
  limit,          // The current's register ends below what flows.
  clipped,        // The clamp is too small for what flows.
  dead_chip,
  no_voltage,   // The chip's voltage input is open.
  one_adapter,  // Of three phases: all chips see the first one's voltage. Not drawn by chance.
};

inline constexpr std::size_t mistakes = 13;

struct Misdeed {
  Mistake what{};
  std::vector<std::size_t> channels{};
  std::optional<std::size_t> chip{};
  int leg = 0;              // Where the circuit really hangs.
  std::string_view type{};  // What the clamp really is.
  // The largest change of power within the examination, of the circuits' wires: the least of them.
  double swing_w = 0;
};

// As its owner entered it.
struct EnteredClamp {
  std::size_t channel = 0;
  double multiplier = 1;
  const ClampType* type = nullptr;
  int hardware_multiplier = 1;
};
struct EnteredCircuit {
  std::string name;
  std::string_view kind;  // grid, solar, load.
  double rating_a = 0;
  std::vector<int> legs;  // From 1.
  std::vector<EnteredClamp> clamps;
};

enum class Supply : std::uint8_t { split_phase, single_phase, three_phases };

struct PanelOptions {
  std::uint64_t seed = 1;
  std::size_t mistakes = 0;
  int minutes = 20;
};

class WiredPanel {
 public:
  explicit WiredPanel(const PanelOptions&);

  int phases() const { return phases_; }
  double nominal_volts() const { return nominal_; }
  std::size_t chips() const { return chip_legs_.size(); }
  const std::vector<EnteredCircuit>& entered() const { return entered_; }
  const std::vector<Misdeed>& misdeeds() const { return misdeeds_; }
  // The largest change of power that a channel's circuit made.
  double swing_w(std::size_t channel) const;
  // Whether its converter ever cut a peak, also where that is nobody's mistake.
  bool is_cut(std::size_t channel) const;

  // What hides others is as it should be from now on: a chip, or a clamp that is too small.
  void repair(const Misdeed&);

  std::size_t seconds() const { return seconds_; }
  // What the meter says, a second apart.
  measurement::Sample sample(std::size_t second) const;

 private:
  // One hot conductor of a circuit, or of the mains.
  struct Wire {
    std::size_t circuit = 0;
    int leg = 1;  // Where it really hangs.
  };
  // What flows in a wire: active and reactive power in the frame of its own leg, at its volts.
  struct Flow {
    std::complex<float> va;
    float harmonic_w = 0, harmonic_a = 0;
  };
  struct Installed {
    bool is_there = false;
    std::size_t wire = 0;  // The mains' come after the circuits'.
    double sign = 1;
    const ClampType* type = nullptr;
    double gain = 1, lead = 0;                // What calibration left over: a factor, and radians.
    double set_gain = 1, most_amperes = 1e9;  // As entered.
    double offset_w = 0, offset_var = 0, floor_a = 0;
  };
  // A circuit before it is entered.
  struct Plan {
    std::string name;
    std::string_view kind;
    double rating_a = 0;
    std::vector<int> legs;
    bool is_multiwire = false;
    std::vector<std::size_t> wires;
  };

  void design(Chance&);
  void live(Chance&);
  void install(Chance&);
  void put_behind(std::size_t wire, float sign);
  bool try_mistake(Mistake, Chance&);
  std::optional<std::size_t> pick(Chance&, const std::vector<std::size_t>&) const;
  bool is_free(std::size_t channel) const;
  const Flow& flow(std::size_t wire, std::size_t second) const;
  double angle(int leg) const;
  double greatest_amperes(std::size_t wire) const;
  double lasting_amperes(std::size_t wire) const;  // Exceeded for some seconds.
  double swing_of_wire(std::size_t wire) const;
  EnteredClamp* clamp_of(std::size_t channel, EnteredCircuit** circuit = nullptr);

  std::uint64_t seed_;
  std::size_t seconds_;
  Supply supply_{};
  int phases_ = 2;
  double nominal_ = 120;
  std::vector<Plan> plans_;
  std::vector<Wire> wires_;                  // Of the circuits, then the mains' legs.
  std::vector<Flow> flows_;                  // By second, then wire.
  std::vector<std::array<float, 3>> volts_;  // By second, of each leg.
  std::vector<int> chip_legs_;
  std::vector<double> chip_lags_s_, chip_gains_, chip_leads_;
  std::vector<bool> is_dead_, is_open_;
  std::vector<Installed> installed_;  // By channel.
  std::vector<EnteredCircuit> entered_;
  std::vector<Misdeed> misdeeds_;
};

}  // namespace simulator
