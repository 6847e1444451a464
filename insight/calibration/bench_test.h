// Simulated boards on a bench: what is wrong with them is drawn, what they read comes through the
// meter's own driver from the registers of its chip.

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <random>

#include "firmware/atm90e32.h"
#include "insight/calibration/calibrate.h"
#include "insight/calibration/transformers.h"
#include "simulator/board.h"

namespace insight {

using std::numbers::pi;

inline constexpr double bench_volts = 230;

struct Chance {
  std::mt19937_64 random;
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;
  }
  double limit(double to) { return between(-to, to); }
  bool one_in(double share) { return between(0, 1) < share; }
};

// What is drawn of a board: everything in it is off.
struct BenchBoard {
  simulator::FrontEnd front;
  simulator::ChipOptions chip;
  measurement::ChannelWords words;
  int line_frequency = 50;
  double rated_a = 50;
  double class_percent = 1;
};

// A transformer of 50 A : 16.6 mA into 22 ohm: gains up to 10 % off, as far beside the voltage as
// the chip can turn (2.2 degrees at 50 Hz, 2.6 at 60 Hz) at all loads from a seventh of its rating
// on, between a third and all of what class 1 allows at 5 %.
inline BenchBoard draw_board(Chance& chance) {
  BenchBoard board;
  const double secondary_a = 0.0166;
  simulator::FrontEnd nominal;
  board.line_frequency = chance.one_in(0.5) ? 60 : 50;
  auto& clamp = board.front.clamps[0];
  clamp.volts_per_ampere = nominal.clamps[0].volts_per_ampere = 22 * secondary_a / board.rated_a;
  board.words = simulator::calibrated(nominal, 0, board.line_frequency, measurement::Amperes{65});
  board.front.volts_per_volt *= 1 + chance.limit(0.1);
  clamp.volts_per_ampere *= 1 + chance.limit(0.1);
  clamp.rated_amperes = board.rated_a;
  // Of any shape that keeps class 1: at most 1.5 % and 90' at 20 %, 3 % and 180' at 5 %.
  clamp.curvature = chance.between(0.4, 0.9);
  clamp.low_current_lead = 2;
  const double at_a_fifth = simulator::core_error(clamp, board.rated_a / 5).lead;
  const double most = std::min(1.0, 0.5 / at_a_fifth);
  clamp.low_current_lead = 2 * most * chance.between(0.33, 1);
  clamp.low_current_loss = 0.02 * most * chance.between(0.33, 1);
  const double reach = board.line_frequency == 60 ? 2.6 : 2.2;
  const double grown = simulator::core_error(clamp, board.rated_a / 7).lead;
  clamp.phase_lead = chance.between(-reach, reach - grown);
  clamp.active_watts = chance.limit(2.5);
  clamp.reactive_vars = chance.limit(2.5);
  clamp.current_counts = chance.between(0, 20);
  // 10 to 45 mA of noise.
  board.chip.current_noise = clamp.volts_per_ampere * chance.between(0.010, 0.045);
  board.chip.seed = chance.random();
  board.chip.window_offset = chance.between(0, 1);
  return board;
}

class Bench {
 public:
  explicit Bench(const BenchBoard& board)
      : board_(board), chip_(board.front, board.chip), driver_(chip_, config(board)) {
    driver_.tend(now_);
    pass(measurement::Uptime(40));
    pass(measurement::Uptime(1000));
  }

  // What flows: amperes at an angle by which the current lags, in degrees.
  void apply(double amperes, double lag) {
    const double apparent = bench_volts * amperes;
    simulator::ChannelLoad load{
        .fundamental_power = {static_cast<float>(apparent * std::cos(lag * pi / 180))},
        .reactive_power = {static_cast<float>(apparent * std::sin(lag * pi / 180))},
        .current = {static_cast<float>(amperes)}};
    const measurement::Volts volts{static_cast<float>(bench_volts)};
    chip_.apply({.voltage = {volts, volts, volts},
                 .frequency = {static_cast<float>(board_.line_frequency)},
                 .channels = {load, {}, {}}});
    pass(measurement::Uptime(1000));
  }

  measurement::RawChannel read(int windows) {
    std::array<double, 4> mean{}, squares{};
    measurement::RawChannel raw;
    for (int i = 1; i <= windows; ++i) {
      pass(measurement::Uptime(350));
      const auto fine = driver_.fine_reading(0);
      const auto peak = driver_.peak_current(0);
      if (!fine || !peak) return {};
      raw.peak_current = std::max(raw.peak_current, peak->value);
      const std::array<double, 4> values = {fine->voltage.value, fine->current.value,
                                            fine->active_power.value, fine->reactive_power.value};
      for (std::size_t k = 0; k < 4; ++k) {
        const double before = values[k] - mean[k];
        mean[k] += before / i;
        squares[k] += before * (values[k] - mean[k]);
      }
    }
    std::array<measurement::Spread*, 4> to = {&raw.voltage, &raw.current, &raw.active,
                                              &raw.reactive};
    for (std::size_t k = 0; k < 4; ++k) {
      *to[k] = {static_cast<float>(mean[k]),
                static_cast<float>(std::sqrt(squares[k] / std::max(windows - 1, 1)))};
    }
    return raw;
  }

  // Mean of the power that the meter reports, its curve applied.
  double watts(int windows) {
    double sum = 0;
    for (int i = 0; i < windows; ++i) {
      pass(measurement::Uptime(350));
      const auto sweep = driver_.sweep(now_);
      sum += sweep && sweep->channels[0].active_power
                 ? static_cast<double>(sweep->channels[0].active_power->value)
                 : NAN;
    }
    return sum / windows;
  }

  bool set(const measurement::ChannelWords& words) {
    const bool done = driver_.change(0, words, now_).has_value();
    pass(measurement::Uptime(1000));
    return done;
  }

  measurement::ChannelWords words() const { return driver_.config().channels[0]; }

 private:
  static firmware::ChipConfig config(const BenchBoard& board) {
    firmware::ChipConfig config;
    config.line_frequency = board.line_frequency;
    config.channels[0] = board.words;
    return config;
  }
  void pass(measurement::Uptime time) {
    chip_.advance(time);
    now_ += time;
    driver_.tend(now_);
  }

  BenchBoard board_;
  simulator::Atm90e32Chip chip_;
  firmware::Atm90e32 driver_;
  measurement::Uptime now_{};
};

}  // namespace insight
