// What the samples of a meter say of each clamp of its panel, before anything is judged.

#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insight/wiring/examination.h"
#include "insight/wiring/panel.h"
#include "insight/wiring/placement.h"
#include "insight/wiring/shares.h"

namespace insight::wiring {

enum class CurrentEnd : std::uint8_t {
  none,
  in_register,  // At 65.535 A times the meter's multiplier.
  at_input,     // At what the chip's input takes.
};

// A channel of the panel and what is found about it.
struct Clamped {
  std::size_t channel = 0;
  std::size_t circuit = 0;  // Index.
  std::size_t clamp = 0;    // Index among the circuit's.
  int own_leg = 0;          // As entered; 0: one clamp for several.
  bool is_measured = true;
  CurrentEnd current_end{};
  double end_amperes = 0;
  std::complex<double> level;         // Typical complex power as it is said; 0: too little.
  std::optional<std::size_t> like{};  // Index of another one with the same steps.
  std::complex<double> likeness;      // What it says over what that one says.
  bool changes = false;
  std::optional<std::size_t> feeder{};  // Index, of that which its shares are of.
  std::vector<Share> shares{};          // In each leg of its feeder; empty: none.
  Placement placement{};                // By its shares.
  std::vector<int> follows{};           // Legs.
  bool follows_none = false;            // Surely.
  bool is_placed = false;               // Its legs are known, by what it changes.
  std::optional<int> turn{};            // Class of rotation of what is said against what is.
  double odds = 0;                      // Of logarithms of likelihoods.
  bool is_explained = false;            // By a finding.

  // Its power ends with its current, which it does not in the register.
  bool is_cut() const { return current_end == CurrentEnd::at_input; }
  bool is_found_in(int leg) const;
};

// A circuit that others hang on.
struct Feeder {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::size_t circuit = 0;
  std::vector<std::size_t> legs{};          // Index of the clamp on each, by leg - 1; or none.
  std::vector<std::optional<int>> turns{};  // Of them.
  std::vector<double> odds{};
  std::vector<double> scales{};    // What each clamp says of what flows; 0: not measured.
  std::vector<bool> are_silent{};  // Legs where nothing is seen that would tell a circuit's.

  bool is_whole() const;  // A clamp is on each leg.
  bool is_seen() const;   // And each leg's clamp was measured while the circuits changed.
};

// Odds below which a turn is not known.
inline constexpr double least_odds = 3;
// Shares that are known to less say nothing of a clamp's type.
inline constexpr double factor_error = 0.03;
inline constexpr float no_volts = 2;                    // Below it no adapter is connected.
inline constexpr double degree = 0.017453292519943295;  // In radians.

class MeasuredPanel {
 public:
  // The recorder outlives it. Circuits' channels of `apart` are not looked for in the mains.
  MeasuredPanel(Panel, const Recorder&, std::span<const std::size_t> apart = {});

  // A piece of measuring it, of some tens of milliseconds. True: all that follows is known.
  bool measure();

  const Panel& panel() const { return panel_; }
  const Recorder& recorder() const { return recorder_; }
  // Each chip's mean voltage. NaN: not measured.
  std::span<const float> volts() const { return volts_; }
  const std::vector<Clamped>& clamps() const { return clamps_; }
  std::vector<Clamped>& clamps() { return clamps_; }
  const std::vector<Feeder>& feeders() const { return feeders_; }

  const Circuit& circuit_of(const Clamped& one) const { return panel_.circuits[one.circuit]; }
  const Clamp& clamp_of(const Clamped& one) const { return circuit_of(one).clamps[one.clamp]; }
  bool is_of_grid(const Clamped& one) const { return circuit_of(one).kind == CircuitKind::grid; }
  bool has_production() const;  // Or storage.
  const std::vector<std::size_t>& apart() const { return apart_; }
  bool is_apart(const Clamped&) const;
  // Index of a channel's clamp; Feeder::none.
  std::size_t find(std::size_t channel) const;
  double greatest_va(const Clamped&) const;

  // Rotations are told apart by half a turn, of three phases by a sixth.
  int classes() const { return panel_.phases == 3 ? 6 : 2; }
  double class_angle(int turn) const;
  int class_of(double radians) const;
  // Of a leg's voltage against the first one's.
  double leg_angle(int leg) const;

 private:
  struct Likeness {
    std::complex<double> correlation;  // Of two channels' complex powers, less their means.
    double size = 1;                   // The second's changes over the first's.

    std::complex<double> ratio() const { return std::polar(size, std::arg(correlation)); }
  };

  void collect();
  void average_volts();
  void average_level(Clamped&) const;
  void look_at_end(Clamped&) const;
  Likeness step_likeness(const Steps&, std::size_t column, std::size_t other) const;
  Likeness level_likeness(std::size_t channel, std::size_t other) const;
  void find_likes();
  void find_feeders();
  std::vector<std::size_t> channels_under(const Feeder&, bool with_apart) const;
  void share_likes();
  void follow(Feeder&);
  void measure_levels();
  std::vector<bool> where_cut(const Clamped&) const;
  void find_shares(Feeder&, std::size_t leg);
  std::complex<double> known_share(const Clamped&, const Feeder&, std::size_t leg) const;
  Placement placed(const Clamped&, const std::vector<double>& scales) const;
  bool may_be_missed(const Feeder&, const Clamped&) const;
  std::vector<double> share_sizes(std::size_t leg) const;
  double cost_of(const std::vector<double>& scales) const;
  void scale(Feeder&) const;
  void turn_feeder(Feeder&);
  std::vector<double> turn_scores(const Feeder&, std::size_t leg) const;
  void turn_circuits(const Feeder&);
  bool is_under_now(const Clamped& one) const { return one.feeder == feeder_; }

  Panel panel_;
  std::vector<std::size_t> apart_;
  const Recorder& recorder_;
  std::vector<float> volts_;
  std::vector<Clamped> clamps_;
  std::vector<Feeder> feeders_;
  // What is to be measured next, of which feeder and leg, and the steps of what hangs on it.
  enum class Next : std::uint8_t { levels, likes, steps, shares, turns, nothing };
  Next next_ = Next::levels;
  std::size_t feeder_ = 0, leg_ = 0, sweep_ = 0;
  Steps steps_;
};

// The difference to the next whole turn, from -pi to pi.
double turned(double radians);

struct ClampType {
  std::string_view name;
  double gain;      // Of current at PGA 1 and a burden of 22 ohm.
  double greatest;  // Amperes that keep the pin below 720 mV.
};
std::span<const ClampType> clamp_types();

}  // namespace insight::wiring
