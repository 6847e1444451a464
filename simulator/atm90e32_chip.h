// An ATM90E32AS as its driver sees it: registers behind an SPI bus, and mains metered behind the
// registers. Scaling and behaviour: datasheet Atmel-46003B and application note Atmel-46103A; what
// neither settles is an option.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <span>

#include "firmware/atm90e32_registers.h"
#include "firmware/spi_bus.h"
#include "simulator/scene.h"

namespace simulator {

// What lies between the mains and the chip's pins, in volts at a pin.
struct FrontEnd {
  struct Clamp {
    double volts_per_ampere = 0.011;  // 100 A : 50 mA into 22 ohm.
    double phase_lead = 0;            // Degrees by which the clamp's current leads the true one.
    // A core does worse with little current: at 5 % of its rating it leads by so many degrees more
    // and gives so much less (a share) than at 100 %; between, both go with a power of the current.
    double rated_amperes = 100;
    double low_current_lead = 0, low_current_loss = 0;
    double curvature = 0.37;  // Of 60' and 180': log 3 / log 20.
    // What the board adds by itself: to the RMS in counts, to the powers in W and var at gain 1.
    double current_counts = 0;
    double active_watts = 0, reactive_vars = 0;
  };
  double volts_per_volt = 9.0 / 230 / 22;  // A 9 V adapter and the board's divider by 22.
  double volts_per_volt_per_degree = 0;    // Share of it, from 25 degrees.
  std::array<Clamp, measurement::channels_per_chip> clamps{};
};

// RMS counts per volt at the pin with every gain at 1, for voltage (0.01 V) and current (mA) alike:
// 1.2 V peak is full scale, which is 65535 x sqrt 2 counts (datasheet, section 3.7.2).
inline constexpr double counts_per_pin_volt = 109'226;

// What a clamp makes of a current beside its ratio and lead at rating.
struct CoreError {
  double lead = 0;  // Degrees.
  double loss = 0;  // Share.
};
CoreError core_error(const FrontEnd::Clamp&, double amperes);

inline constexpr double clipping_peak = 1.2;  // Volts at the converter.

struct ChipOptions {
  enum class Overflow : std::uint8_t { wraps, saturates };

  Overflow energy_overflow = Overflow::wraps;
  bool refused_write_is_last = false;       // A write to a locked register shows in LastSPIData.
  bool start_gates_phases = true;           // A sum below PStartTh stops the phases' energies too.
  double clock_error_ppm = 0;               // Of the crystal; positive runs fast.
  double window_offset = 0;                 // How far the first averaging window has gone, 0 to 1.
  std::chrono::microseconds frame_time{0};  // Metering goes on for so long in each frame.
  std::chrono::microseconds boot_time{16000};  // Deaf after power-on and reset.
  double voltage_noise = 0;                    // RMS at a pin, in volts; not in the energies.
  double current_noise = 0;
  measurement::Celsius temperature{41};
  std::uint64_t seed = 1;  // Of the noise.
};

// Metering takes piecewise-constant inputs, so energy is exact whatever the steps of advance().
class Atm90e32Chip final : public firmware::SpiBus {
 public:
  explicit Atm90e32Chip(const FrontEnd& = {}, const ChipOptions& = {});

  // What the mains do from now on.
  void apply(const ChipInput&);
  void advance(std::chrono::microseconds);
  void set_temperature(measurement::Celsius);

  // Four bytes are a frame of 32 clocks.
  void exchange(std::span<std::uint8_t> bytes) override;
  // A frame in which the chip has seen another number of clocks, bytes being what the line carried.
  // A write then counts for nothing; a read has happened once 16 clocks were in.
  void exchange_clocked(std::span<std::uint8_t> bytes, unsigned clocks);

  // The supply dips: everything is as after power-on, and the chip says nothing until it has
  // booted.
  void brown_out();
  // How the answers' line is: a chip behind a stuck line hears and obeys.
  enum class Line : std::uint8_t { sound, stuck_high, stuck_low };
  void set_line(Line line) { line_ = line; }
  // Taken out of its socket: the line floats high and nothing is heard or metered.
  void set_missing(bool missing) { missing_ = missing; }
  // Flips bits of a register behind the chip's back, as a particle does.
  void upset(firmware::atm90e32::Register reg, std::uint16_t bits);

  // What is in a register, without the side effects of a read.
  std::uint16_t peek(std::uint16_t address) const { return words_[address]; }

 private:
  static constexpr std::size_t phases = measurement::channels_per_chip;

  // Averages of a phase in the chip's units: 0.01 V, mA, and 0.00032 W.
  struct Phase {
    double voltage_squared = 0, current_squared = 0;
    double active = 0, reactive = 0, fundamental = 0, harmonic = 0;
  };
  using Levels = std::array<Phase, phases>;

  // One kind of energy of one phase or the total, below one count.
  struct Meter {
    std::int64_t power = 0;                  // 0.00032 W.
    std::int64_t residue = 0;                // Power times microseconds.
    std::uint16_t forward = 0, reverse = 0;  // Addresses.
  };

  std::uint16_t word(firmware::atm90e32::Register, std::size_t phase = 0) const;
  void put(firmware::atm90e32::Register, std::size_t phase, std::uint16_t);
  void put_pair(firmware::atm90e32::Register high, firmware::atm90e32::Register low,
                std::size_t phase, double value);
  void reset();
  std::uint16_t read(std::uint16_t address);
  void write(std::uint16_t address, std::uint16_t data);
  bool is_unlocked(std::uint16_t address) const;
  std::uint16_t digest() const;

  void refresh();
  Phase level_of(std::size_t phase);
  double over_current(firmware::atm90e32::Register first, firmware::atm90e32::Register second,
                      std::size_t phase, double milliamperes) const;
  double voltage_gain(std::size_t phase) const;
  void set_powers();
  void set_states();
  void set_frequency();
  void set_temperature_register();
  void run_meters(std::int64_t microseconds);
  void run_peaks(std::int64_t microseconds);
  void run_windows(std::int64_t microseconds);
  void close_mixed_part();
  void publish(const Levels&);
  void publish_phase(std::size_t phase, const Phase&, double& apparent_sum);

  FrontEnd front_;
  ChipOptions options_;
  ChipInput input_{};
  std::array<std::uint16_t, firmware::atm90e32::addresses> words_{};
  std::uint16_t last_ = 0;
  std::uint16_t golden_digest_ = 0;
  bool golden_ = false;
  Line line_ = Line::sound;
  bool missing_ = false;
  std::int64_t asleep_ = 0;  // Microseconds until it has booted.

  bool stale_ = true;                          // Input or configuration changed since refresh().
  Levels levels_{};                            // While the input stays.
  std::array<double, phases> voltage_peak_{};  // Share of full scale, at most 1.
  std::array<double, phases> current_peak_{};
  std::array<double, phases> peak_voltage_word_{};
  std::array<double, phases> peak_current_word_{};

  // Active, reactive, apparent, fundamental and harmonic; each the total and three phases.
  static constexpr std::size_t kinds = 5;
  std::array<Meter, kinds*(1 + phases)> meters_;
  std::int64_t per_count_ = 0;  // Residue of one count.

  // In billionths of a cycle of the mains.
  static constexpr std::int64_t window = 16'000'000'000;
  std::int64_t in_window_ = 0;
  std::int64_t level_since_ = 0;  // Where in this window the levels began.
  std::int64_t millihertz_ = 50'000;
  bool published_ = false;  // The registers show the levels.
  Levels sums_{};           // Of the levels before, in this window.

  std::int64_t in_peak_period_ = 0;
  std::array<double, phases> greatest_voltage_{};  // In this period.
  std::array<double, phases> greatest_current_{};
  std::mt19937_64 random_;
};

}  // namespace simulator
