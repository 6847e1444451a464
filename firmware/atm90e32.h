// One ATM90E32AS metering chip: three clamps against one voltage.
//
// Every word is checked against the chip's own copy of it (LastSPIData), since a glitch on a long
// cable is otherwise a reading. An energy register is emptied by being read, so its value is only
// believed after three agreeing looks: it becomes part of a total for ever.

#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>

#include "firmware/atm90e32_registers.h"
#include "firmware/spi_bus.h"
#include "measurement/channel_words.h"
#include "measurement/sample.h"
#include "measurement/units.h"

namespace firmware {

// The calibration of one clamp and of the voltage it is held against.
using ChannelConfig = measurement::ChannelWords;

struct ChipConfig {
  int line_frequency = 50;                  // 50 or 60 Hz.
  measurement::Volts nominal_voltage{230};  // For the thresholds of sag and over-voltage.
  measurement::Watts no_load{0.24f};        // Less than this on a clamp counts as nothing.
  // Where the slopes of the channels change, 16 log2 of mA: 5 A and 0.5 A.
  std::uint8_t log_current_0 = 0xC5;
  std::uint8_t log_current_1 = 0x8F;
  std::int8_t reference_temperature = 25;  // Degrees, of voltage_gain_over_temperature.
  std::int8_t phase_over_frequency = 0;    // PhiFreqComp, from the nominal frequency.
  std::array<ChannelConfig, measurement::channels_per_chip> channels{};
};

enum class ChipError : std::uint8_t {
  garbled_read,  // The chip's copies of a word would not agree.
  missing,       // No chip answers: all ones or all zeros.
  was_reset,     // It lost its configuration and is being set up again.
  starting,      // It was set up less than `settling` ago, or is about to be.
};

const char* sentence(ChipError);

struct ChipHealth {
  std::optional<ChipError> error = ChipError::starting;  // Of the last sweep.
  std::uint32_t resets = 0;    // Times that the chip was found to have lost its configuration.
  std::uint32_t garbled = 0;   // Words whose copies disagreed at first.
  std::uint32_t doubtful = 0;  // Energy readings that may have lost counts: polled too late, say.
  std::uint16_t state_0 = 0;   // EMMState0 and EMMState1, see the datasheet, section 5.2.2.
  std::uint16_t state_1 = 0;
};

// What one sweep read. Absent: could not be verified, or cannot be true.
struct Sweep {
  struct Channel {
    std::optional<measurement::Amperes> current;
    std::optional<measurement::Watts> active_power;
    std::optional<measurement::Vars> reactive_power;
    std::optional<measurement::MilliwattHours> imported;  // Since the driver started.
    std::optional<measurement::MilliwattHours> exported;
  };
  std::optional<measurement::Volts> voltage;
  std::optional<measurement::Hertz> frequency;
  std::array<Channel, measurement::channels_per_chip> channels{};
};

// One channel as finely as the chip tells it, multiplier included, the curve of its words not
// applied.
struct FineReading {
  measurement::Volts voltage;
  measurement::Amperes current;
  measurement::Watts active_power;
  measurement::Vars reactive_power;
};

// The bus must outlive the driver. Not thread-safe: one task owns a chip. Allocates nothing.
class Atm90e32 {
 public:
  Atm90e32(SpiBus& bus, const ChipConfig& config) : bus_(bus), config_(config) {}

  // Sets the chip up when it is new, lost its configuration, or was missing a second ago. Never
  // waits: what is not done yet goes on at the next call. To be called before any reading.
  void tend(measurement::Uptime now);

  // Reads everything of a Sweep; 56 frames when nothing is garbled. At most every 10 s, since the
  // energy registers hold 262 Wh. Nothing: the chip is missing or being set up.
  std::expected<Sweep, ChipError> sweep(measurement::Uptime now);

  // As sweep(), without the energy, which stays in the chip's registers; 38 frames. For a chip that
  // has settled.
  std::expected<Sweep, ChipError> instants(measurement::Uptime now);

  // These are read when asked for; `phase` is the clamp, 0 to 2. ChipError::starting until the chip
  // has settled.
  std::expected<measurement::Watts, ChipError> fundamental_power(std::size_t phase);
  std::expected<measurement::Watts, ChipError> harmonic_power(std::size_t phase);
  std::expected<measurement::Celsius, ChipError> temperature();
  // The greatest instantaneous value of the last 255 ms.
  std::expected<measurement::Amperes, ChipError> peak_current(std::size_t phase);

  // ChipError::starting until the chip has settled, garbled_read where words would not agree. A
  // register that is full is missing its value: garbled_read too.
  std::expected<FineReading, ChipError> fine_reading(std::size_t phase);
  std::expected<measurement::Hertz, ChipError> frequency();

  // Sets one channel anew while the chip goes on metering: what flowed before counts with the old
  // words, nothing is lost, and the readings are good again after `settling`. On an error the chip
  // has the old words, or is being set up with them.
  std::expected<void, ChipError> change(std::size_t phase, const ChannelConfig&,
                                        measurement::Uptime now);

  const ChipHealth& health() const { return health_; }
  const ChipConfig& config() const { return config_; }

  // 450e9 / MC with MC 2500: one count is 10 / 2500 Wh (Atmel-46103A, section 4.1).
  static constexpr std::uint32_t energy_constant = 180'000'000;
  static constexpr measurement::MilliwattHours energy_per_count{4};
  // Two windows of 16 cycles and one update of the phase delay, from being set up to good values.
  static constexpr measurement::Uptime settling{1000};

 private:
  enum class State : std::uint8_t { lost, resetting, settling, metering };

  std::uint16_t exchange(std::uint16_t command, std::uint16_t word);
  std::uint16_t look(std::uint16_t address);
  std::optional<std::uint16_t> settle(std::uint16_t address, int agreeing);
  std::optional<std::uint16_t> read(atm90e32::Register, std::size_t phase = 0);
  std::optional<std::int32_t> read_pair(atm90e32::Register high, atm90e32::Register low,
                                        std::size_t phase);
  std::expected<measurement::Watts, ChipError> read_power(atm90e32::Register high,
                                                          atm90e32::Register low,
                                                          std::size_t phase);
  bool write(std::uint16_t address, std::uint16_t word);
  bool configure();
  bool write_changes(const ChipConfig& from, const ChipConfig& to);
  bool is_configured();
  bool still_reads(std::uint16_t address, std::uint16_t expected);
  bool is_present();
  ChipError lose(measurement::Uptime now);
  bool is_settled() const { return state_ == State::metering; }

  bool read_instants(Sweep&);
  bool read_channel(Sweep::Channel&, std::size_t phase, std::optional<measurement::Volts>);
  bool read_energy(Sweep&, measurement::Uptime now);
  // A running total of one clamp in one direction.
  struct Total {
    measurement::MilliwattHours energy{};
    measurement::Uptime counted_at{};  // When its register was emptied last.
  };
  std::optional<std::int64_t> read_counts(std::uint16_t address, std::size_t phase,
                                          measurement::Uptime now, Total&);
  void correct(Sweep::Channel&, std::size_t phase);
  std::int64_t curve_energy(std::size_t phase, std::int64_t net, measurement::Uptime time);
  void doubt(measurement::Uptime now);
  void read_state();

  SpiBus& bus_;
  ChipConfig config_;
  ChipHealth health_;
  State state_ = State::lost;
  bool second_state_ = false;        // Which state word is next.
  measurement::Uptime next_step_{};  // Of the set-up.
  measurement::Uptime energy_read_at_{};
  float greatest_power_ = 0;  // Of a clamp at the chip, in W, since energy_read_at_.
  std::array<Total, measurement::channels_per_chip> imported_{};
  std::array<Total, measurement::channels_per_chip> exported_{};
  // What the curve says of a channel at its last current.
  struct Turn {
    float gain = 1, sine = 0, cosine = 1;
    float vars = 0;  // Before it was turned.
    float rest = 0;  // Energy below one milliwatt-hour.
    bool flows = false;
  };
  std::array<Turn, measurement::channels_per_chip> turns_{};
};

}  // namespace firmware
