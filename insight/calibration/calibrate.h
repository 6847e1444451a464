// From readings of a meter beside a reference to the words of a channel, and to what it may still
// be off by.
//
//   no load ──> offsets
//   loads, each with what the reference said ──> gains, phase, curve over the current ──> words, ±
//
// Pure: the readings are handed in, the words are given back.

#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>

#include "insight/calibration/accuracy.h"
#include "measurement/request.h"

namespace insight {

// What something that is right shows, and how right it is.
struct ReferenceValue {
  double value = 0;       // V, A or W.
  double percent = 0;     // Limit to each side, of the value.
  double resolution = 0;  // A step of its last digit.
};

enum class LoadKind {
  resistive,  // A heater without fan, a lamp with a filament: within 0.05 degrees.
  inductive,  // A power factor of about 0.5: the reference tells volts, amperes and watts.
};

struct CalibrationLoad {
  LoadKind kind = LoadKind::resistive;
  measurement::RawChannel raw;
  int windows = 0;  // That raw is the average of.
  // Watts, or volts and amperes, or all three.
  std::optional<ReferenceValue> volts, amperes, watts;
};

struct CalibrationInput {
  measurement::ChannelWords words;  // That the readings were taken with.
  int line_frequency = 50;
  double class_percent = 0;  // Of the transformer; 0: not known.
  double rated_a = 0;
  // With the voltage on and nothing through the clamp; absent: offsets stay as they are.
  std::optional<measurement::RawChannel> no_load;
  int no_load_windows = 0;
  std::span<const CalibrationLoad> loads;  // At least one, curve_points at most.
};

struct Calibration {
  measurement::ChannelWords words;
  Accuracy accuracy;
  double no_load_a = 0;  // What the channel shows when nothing flows.
};

// Why there is no calibration, in one sentence with what to do.
struct CalibrationRefusal {
  enum class Cause {
    no_readings,
    no_load_flows,  // "No load" is one.
    nothing_flows,  // The load does not show in this clamp.
    unstable,
    clipped,
    beyond_current_register,  // 65.5 A.
    beyond_current_gain,
    beyond_voltage_gain,
    beyond_power_gain,
    beyond_phase_delay,
    beyond_offset,
    reversed,
    no_reference,
    too_many_loads,
  };
  Cause cause{};
  std::string sentence;
};

std::expected<Calibration, CalibrationRefusal> calibrate(const CalibrationInput&);

// Why its readings of no load are none; its loads are not looked at.
std::optional<CalibrationRefusal> refused_no_load(const CalibrationInput&);

// The deviation of readings from one to the next, as a share of their mean; nothing: fewer than
// four, or nothing flows.
std::optional<double> unrest(std::span<const double> watts);
// Beyond it a load is no steady one.
inline constexpr double most_unrest = 0.01;

// With the adapter unplugged: voltage_offset as Atmel-46103A, section 4.2.5, has it.
std::expected<measurement::ChannelWords, CalibrationRefusal> without_voltage(
    const measurement::ChannelWords&, const measurement::RawChannel&);

}  // namespace insight
