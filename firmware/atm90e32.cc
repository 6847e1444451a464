#include "firmware/atm90e32.h"

#include <algorithm>
#include <cmath>

namespace firmware {

using atm90e32::address;
using atm90e32::Register;
using measurement::Amperes;
using measurement::Celsius;
using measurement::channels_per_chip;
using measurement::Hertz;
using measurement::MilliwattHours;
using measurement::Uptime;
using measurement::Vars;
using measurement::Volts;
using measurement::Watts;

namespace {

constexpr std::uint16_t read_command = 0x8000;
constexpr std::uint16_t full_scale = 0xFFFF;  // Where a register saturates, and what no chip says.
constexpr int most_looks = 16;
constexpr int most_attempts = 8;
constexpr Uptime reset_takes{40};  // At most, from power-on (datasheet, table 19: T1).
constexpr Uptime between_attempts{1000};
constexpr float most_power = 16'000;  // Of a clamp whose power is not known: 65.5 A at 240 V.
constexpr float milliseconds_of_watts_per_count = 14'400;  // 4 mWh.
constexpr float full_scale_amperes =
    92.68f;  // A sine that fills the converter at gain 1 and PGA 1.
constexpr float head_room =
    3;  // For twice the nominal voltage (two poles), and for no sine at all.

struct Setting {
  std::uint16_t address;
  std::uint16_t word;
};

// The peak of `share` of the nominal voltage as a threshold (Atmel-46103A, section 5.2).
std::uint16_t threshold(const ChipConfig& config, float share) {
  const float gain = config.channels[0].voltage_gain / 32768.f;
  const float word = config.nominal_voltage.value * share * 100 * 1.41421356f / (2 * gain);
  return static_cast<std::uint16_t>(std::min(word, 65535.f));
}

std::uint16_t metering_mode_1(const ChipConfig& config) {
  int word = 0;
  for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
    const int code = config.channels[phase].pga >> 1;  // 1, 2, 4: 0, 1, 2.
    word |= code << (2 * phase);
  }
  return static_cast<std::uint16_t>(word);
}

std::uint16_t phase_delay(std::int16_t delay) {
  return static_cast<std::uint16_t>(delay < 0 ? 0x8000 | -delay : delay);
}

// Two signed bytes of one register.
std::uint16_t byte_pair(std::int8_t high, std::int8_t low) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(high) << 8 |
                                    static_cast<std::uint8_t>(low));
}

constexpr std::size_t chip_settings = 22;
constexpr std::size_t channel_settings = 14;
using Settings = std::array<Setting, chip_settings + channels_per_chip * channel_settings>;

// Everything that the chip is told, but for the locks and the hidden registers.
Settings settings_of(const ChipConfig& config) {
  const auto word = [](auto value) { return static_cast<std::uint16_t>(value); };
  const bool fast = config.line_frequency == 60;
  const auto no_load = word(std::lround(config.no_load.value / atm90e32::watts_per_count));
  const std::array<Setting, chip_settings> chip = {{
      {address(Register::sag_and_peak_periods), 0xFF3F},  // Peaks of 255 ms, sags of 63 ms.
      {address(Register::over_voltage_threshold), threshold(config, 1.22f)},
      {address(Register::sag_threshold), threshold(config, 0.78f)},
      {address(Register::phase_loss_threshold), threshold(config, 0.1f)},
      {address(Register::frequency_low_threshold), word(config.line_frequency * 100 - 100)},
      {address(Register::frequency_high_threshold), word(config.line_frequency * 100 + 100)},
      {address(Register::energy_constant_high), word(Atm90e32::energy_constant >> 16)},
      {address(Register::energy_constant_low), word(Atm90e32::energy_constant & 0xFFFF)},
      {address(Register::metering_mode_0), word(fast ? 0x1087 : 0x0087)},
      {address(Register::metering_mode_1), metering_mode_1(config)},
      // The three circuits are no three-phase load: one that exports must not stop the others, so
      // there is no threshold for their sum, only one for each.
      {address(Register::active_start_threshold), 0},
      {address(Register::active_phase_threshold), no_load},
      {address(Register::reactive_phase_threshold), no_load},
      {address(Register::apparent_phase_threshold), no_load},
      {address(Register::log_current_0), config.log_current_0},
      {address(Register::log_current_1), config.log_current_1},
      {address(Register::reference_frequency), word(config.line_frequency * 100)},
      {address(Register::reference_temperature), word(config.reference_temperature)},
      {address(Register::phase_over_frequency), byte_pair(0, config.phase_over_frequency)},
      {address(Register::voltage_gain_over_temperature_ab),
       byte_pair(config.channels[1].voltage_gain_over_temperature,
                 config.channels[0].voltage_gain_over_temperature)},
      {address(Register::voltage_gain_over_temperature_c),
       byte_pair(0, config.channels[2].voltage_gain_over_temperature)},
      {address(Register::meter_enable), 1},
  }};
  Settings all{};
  auto next = std::copy(chip.begin(), chip.end(), all.begin());
  for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
    const auto& channel = config.channels[phase];
    *next++ = {address(Register::voltage_gain, phase), channel.voltage_gain};
    *next++ = {address(Register::current_gain, phase), channel.current_gain};
    *next++ = {address(Register::voltage_offset, phase), word(channel.voltage_offset)};
    *next++ = {address(Register::current_offset, phase), word(channel.current_offset)};
    *next++ = {address(Register::active_offset, phase), word(channel.active_offset)};
    *next++ = {address(Register::reactive_offset, phase), word(channel.reactive_offset)};
    *next++ = {address(Register::power_gain, phase), word(channel.power_gain)};
    *next++ = {address(Register::fundamental_gain, phase), word(channel.power_gain)};
    *next++ = {address(Register::phase_delay, phase), phase_delay(channel.phase_delay)};
    *next++ = {address(Register::fundamental_offset, phase), word(channel.fundamental_offset)};
    const auto& phases = channel.phase_slopes;
    const auto& gains = channel.gain_slopes;
    *next++ = {address(Register::phase_over_current_01, phase), byte_pair(phases[1], phases[0])};
    *next++ = {address(Register::phase_over_current_2, phase), byte_pair(0, phases[2])};
    *next++ = {address(Register::gain_over_current_01, phase), byte_pair(gains[1], gains[0])};
    *next++ = {address(Register::gain_over_current_2, phase), byte_pair(0, gains[2])};
  }
  return all;
}

}  // namespace

const char* sentence(ChipError error) {
  switch (error) {
    case ChipError::garbled_read:
      return "The chip's words arrive damaged: check its cable.";
    case ChipError::missing:
      return "No chip answers here: check that its board is seated and its select jumper is set.";
    case ChipError::was_reset:
      return "The chip lost its configuration, as in a dip of its supply, and is set up again.";
    case ChipError::starting:
      return "The chip is being set up.";
  }
  return "";
}

void Atm90e32::tend(Uptime now) {
  switch (state_) {
    case State::metering:
      return;
    case State::settling:
      if (now >= next_step_) state_ = State::metering;
      return;
    case State::lost:
      if (now < next_step_) return;
      if (health_.error == ChipError::missing) {
        if (!is_present()) {
          next_step_ = now + between_attempts;
          return;
        }
        if (is_configured()) {  // It only could not be heard, and has gone on counting.
          state_ = State::metering;
          return;
        }
      }
      exchange(address(Register::soft_reset), atm90e32::soft_reset_word);
      state_ = State::resetting;
      next_step_ = now + reset_takes;
      return;
    case State::resetting:
      if (now < next_step_) return;
      if (configure()) {
        state_ = State::settling;
        health_.error = ChipError::starting;
        next_step_ = now + settling;
        energy_read_at_ = now;
        greatest_power_ = 0;
        for (auto* totals : {&imported_, &exported_}) {
          for (auto& total : *totals) total.counted_at = now;
        }
      } else {
        state_ = State::lost;
        health_.error = is_present() ? ChipError::garbled_read : ChipError::missing;
        next_step_ = now + between_attempts;
      }
      return;
  }
}

std::expected<Sweep, ChipError> Atm90e32::sweep(Uptime now) {
  if (state_ != State::settling && state_ != State::metering) {
    return std::unexpected(*health_.error);
  }
  if (!still_reads(address(Register::meter_enable), 1)) return std::unexpected(lose(now));
  Sweep sweep;
  if (is_settled()) {
    health_.error = read_instants(sweep) ? std::nullopt : std::optional(ChipError::garbled_read);
  } else {
    health_.error = ChipError::starting;
  }
  if (!read_energy(sweep, now)) health_.error = ChipError::garbled_read;
  // Again, so that nothing is believed that a chip said after it had been reset.
  if (!still_reads(address(Register::current_gain), config_.channels[0].current_gain)) {
    return std::unexpected(lose(now));
  }
  read_state();
  return sweep;
}

std::expected<Sweep, ChipError> Atm90e32::instants(Uptime now) {
  if (!is_settled()) return std::unexpected(health_.error.value_or(ChipError::starting));
  if (!is_configured()) return std::unexpected(lose(now));
  Sweep sweep;
  read_instants(sweep);
  if (!is_configured()) return std::unexpected(lose(now));
  return sweep;
}

std::expected<Watts, ChipError> Atm90e32::fundamental_power(std::size_t phase) {
  auto power = read_power(Register::fundamental_power, Register::fundamental_power_low, phase);
  const auto& turn = turns_[phase];
  if (power) power->value = turn.gain * (power->value * turn.cosine - turn.vars * turn.sine);
  return power;
}

std::expected<Watts, ChipError> Atm90e32::harmonic_power(std::size_t phase) {
  auto power = read_power(Register::harmonic_power, Register::harmonic_power_low, phase);
  if (power) power->value *= turns_[phase].gain;
  return power;
}

std::expected<FineReading, ChipError> Atm90e32::fine_reading(std::size_t phase) {
  if (!is_settled()) return std::unexpected(health_.error.value_or(ChipError::starting));
  const auto voltage = read_pair(Register::rms_voltage, Register::rms_voltage_low, phase);
  const auto current = read_pair(Register::rms_current, Register::rms_current_low, phase);
  const auto active = read_pair(Register::active_power, Register::active_power_low, phase);
  const auto reactive = read_pair(Register::reactive_power, Register::reactive_power_low, phase);
  if (!voltage || !current || !active || !reactive || !is_present()) {
    return std::unexpected(ChipError::garbled_read);
  }
  const auto counts = [](std::int32_t pair) { return static_cast<std::uint32_t>(pair); };
  if (counts(*voltage) >> 16 == full_scale || counts(*current) >> 16 == full_scale) {
    return std::unexpected(ChipError::garbled_read);
  }
  // The low word's upper byte continues the high word.
  const float multiplier = config_.channels[phase].multiplier;
  const auto rms = [&](std::int32_t pair) { return static_cast<float>(counts(pair)) * 0x1p-16f; };
  return FineReading{
      .voltage = Volts{rms(*voltage) * atm90e32::volts_per_count},
      .current = Amperes{rms(*current) * atm90e32::amperes_per_count * multiplier},
      .active_power = Watts{static_cast<float>(*active) * atm90e32::watts_per_count * multiplier},
      .reactive_power =
          Vars{static_cast<float>(*reactive) * atm90e32::watts_per_count * multiplier}};
}

std::expected<Hertz, ChipError> Atm90e32::frequency() {
  if (!is_settled()) return std::unexpected(health_.error.value_or(ChipError::starting));
  const auto word = read(Register::frequency);
  if (!word) return std::unexpected(ChipError::garbled_read);
  return Hertz{static_cast<float>(*word) * atm90e32::hertz_per_count};
}

std::expected<void, ChipError> Atm90e32::change(std::size_t phase, const ChannelConfig& channel,
                                                Uptime now) {
  if (state_ != State::settling && state_ != State::metering) {
    return std::unexpected(health_.error.value_or(ChipError::starting));
  }
  if (!is_configured()) return std::unexpected(lose(now));
  Sweep before;
  if (!read_energy(before, now)) return std::unexpected(ChipError::garbled_read);
  auto config = config_;
  config.channels[phase] = channel;
  if (!write_changes(config_, config)) {
    const auto why = lose(now);
    return std::unexpected(why == ChipError::missing ? why : ChipError::garbled_read);
  }
  config_ = config;
  turns_[phase] = {.rest = turns_[phase].rest};
  state_ = State::settling;
  health_.error = ChipError::starting;
  next_step_ = now + settling;
  return {};
}

std::expected<Celsius, ChipError> Atm90e32::temperature() {
  if (!is_settled()) return std::unexpected(health_.error.value_or(ChipError::starting));
  const auto word = read(Register::temperature);
  if (!word) return std::unexpected(ChipError::garbled_read);
  const auto degrees = static_cast<std::int16_t>(*word);
  // What the chip is specified to stand, and what a line stuck high says.
  if (degrees < -40 || degrees > 125 || *word == full_scale) {
    return std::unexpected(ChipError::garbled_read);
  }
  return Celsius{static_cast<float>(degrees)};
}

// IPeak [A] = register x Igain / (1000 x 2^13) (datasheet, section 5.6.1); its sign is that of the
// greatest sample.
std::expected<Amperes, ChipError> Atm90e32::peak_current(std::size_t phase) {
  if (!is_settled()) return std::unexpected(health_.error.value_or(ChipError::starting));
  const auto word = read(Register::peak_current, phase);
  if (!word || *word == full_scale) return std::unexpected(ChipError::garbled_read);
  const auto& channel = config_.channels[phase];
  const auto size = std::abs(static_cast<float>(static_cast<std::int16_t>(*word)));
  return Amperes{size * channel.current_gain / (1000.f * 8192.f) * channel.multiplier};
}

// One frame: the command with the address, and 16 bits to or from the chip.
std::uint16_t Atm90e32::exchange(std::uint16_t command, std::uint16_t word) {
  std::array<std::uint8_t, 4> frame = {
      static_cast<std::uint8_t>(command >> 8), static_cast<std::uint8_t>(command),
      static_cast<std::uint8_t>(word >> 8), static_cast<std::uint8_t>(word)};
  bus_.exchange(frame);
  return static_cast<std::uint16_t>(frame[2] << 8 | frame[3]);
}

std::uint16_t Atm90e32::look(std::uint16_t at) {
  return exchange(static_cast<std::uint16_t>(read_command | at), 0);
}

// The word that `agreeing` looks in a row agree on: the first at the register, the others at the
// chip's copy of it. The copy is the only witness of a register that is emptied by being read.
std::optional<std::uint16_t> Atm90e32::settle(std::uint16_t at, int agreeing) {
  auto word = look(at);
  int same = 1;
  bool disagreed = false;
  for (int looks = 0; looks < most_looks; ++looks) {
    if (same == agreeing) return word;
    const auto copy = look(address(Register::last_spi_data));
    if (copy == word) {
      ++same;
      continue;
    }
    if (!disagreed) ++health_.garbled;
    disagreed = true;
    word = copy;
    same = 1;
  }
  return std::nullopt;
}

std::optional<std::uint16_t> Atm90e32::read(Register reg, std::size_t phase) {
  return settle(address(reg, phase), 2);
}

// The chip has no latch for the two words of a value: a window of averaging may end between them.
// The high word agreeing with itself afterwards rules that out, and is its check at once.
std::optional<std::int32_t> Atm90e32::read_pair(Register high, Register low, std::size_t phase) {
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    const auto before = look(address(high, phase));
    const auto below = settle(address(low, phase), 2);
    const auto after = look(address(high, phase));
    if (below && before == after) {
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(before) << 16 | *below);
    }
  }
  ++health_.garbled;
  return std::nullopt;
}

std::expected<Watts, ChipError> Atm90e32::read_power(Register high, Register low,
                                                     std::size_t phase) {
  if (!is_settled()) return std::unexpected(health_.error.value_or(ChipError::starting));
  const auto counts = read_pair(high, low, phase);
  if (!counts || !is_present()) return std::unexpected(ChipError::garbled_read);
  return Watts{static_cast<float>(*counts) * atm90e32::watts_per_count *
               config_.channels[phase].multiplier};
}

bool Atm90e32::write(std::uint16_t at, std::uint16_t word) {
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    exchange(at, word);
    for (int looks = 0; looks < 2; ++looks) {
      if (look(address(Register::last_spi_data)) == word) return true;
    }
    ++health_.garbled;
  }
  return false;
}

// False: some word did not arrive.
bool Atm90e32::configure() {
  const auto settings = settings_of(config_);
  if (!write(address(Register::configuration_access), atm90e32::unlock_word)) return false;
  for (const auto& [at, word] : settings) {
    if (!write(at, word)) return false;
  }
  // The temperature sensor is right only with these (Atmel-46103A, section 7).
  if (!write(address(Register::hidden_access), atm90e32::unlock_word) ||
      !write(address(Register::temperature_setup_1), 0x5183) ||
      !write(address(Register::temperature_setup_2), 0x01C1) ||
      !write(address(Register::hidden_access), 0) ||
      !write(address(Register::configuration_access), 0)) {
    return false;
  }
  // LastSPIData tells that the word arrived, but not where.
  return std::ranges::all_of(settings, [this](const Setting& setting) {
    return still_reads(setting.address, setting.word);
  });
}

// False: some word did not arrive, and which is not known.
bool Atm90e32::write_changes(const ChipConfig& from, const ChipConfig& to) {
  const auto before = settings_of(from);
  const auto after = settings_of(to);
  if (!write(address(Register::configuration_access), atm90e32::unlock_word)) return false;
  bool written = true;
  for (std::size_t i = 0; i < after.size() && written; ++i) {
    if (before[i].word != after[i].word) written = write(after[i].address, after[i].word);
  }
  const bool locked = write(address(Register::configuration_access), 0);
  return written && locked && std::ranges::all_of(after, [this](const Setting& setting) {
           return still_reads(setting.address, setting.word);
         });
}

bool Atm90e32::is_configured() {
  return still_reads(address(Register::meter_enable), 1) &&
         still_reads(address(Register::current_gain), config_.channels[0].current_gain);
}

// A word that is as expected needs no second look.
bool Atm90e32::still_reads(std::uint16_t at, std::uint16_t expected) {
  return look(at) == expected || settle(at, 2) == expected;
}

// The map of the channels is never changed, and is neither all ones nor all zeros.
bool Atm90e32::is_present() { return still_reads(address(Register::current_map), 0x0210); }

// The counts since the last reading are lost with the chip's registers, or soon will be.
ChipError Atm90e32::lose(Uptime now) {
  ++health_.doubtful;
  state_ = State::lost;
  if (is_present()) {
    ++health_.resets;
    next_step_ = now;
    health_.error = ChipError::was_reset;
  } else {
    next_step_ = now + between_attempts;
    health_.error = ChipError::missing;
  }
  return *health_.error;
}

// False: something was absent because its copies would not agree.
bool Atm90e32::read_instants(Sweep& sweep) {
  const auto voltage = read(Register::rms_voltage);
  bool complete = voltage.has_value();
  if (voltage && *voltage != full_scale) {
    sweep.voltage = Volts{static_cast<float>(*voltage) * atm90e32::volts_per_count};
  }
  for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
    if (!read_channel(sweep.channels[phase], phase, sweep.voltage)) complete = false;
  }
  const auto frequency = read(Register::frequency);
  complete = complete && frequency;
  if (frequency) {
    const Hertz hertz{static_cast<float>(*frequency) * atm90e32::hertz_per_count};
    if (hertz.value > 40 && hertz.value < 70) sweep.frequency = hertz;  // 0: no voltage.
  }
  return complete;
}

bool Atm90e32::read_channel(Sweep::Channel& channel, std::size_t phase,
                            std::optional<Volts> voltage) {
  const float multiplier = config_.channels[phase].multiplier;
  const auto current = read(Register::rms_current, phase);
  const auto active = read_pair(Register::active_power, Register::active_power_low, phase);
  const auto reactive = read_pair(Register::reactive_power, Register::reactive_power_low, phase);
  float most = HUGE_VALF;  // Power cannot exceed voltage times current, unless that is saturated.
  if (current && *current != full_scale) {
    const float amperes = static_cast<float>(*current) * atm90e32::amperes_per_count;
    channel.current = Amperes{amperes * multiplier};
    if (voltage) most = 1.02f * voltage->value * amperes + 3;
  }
  if (active) {
    const float watts = static_cast<float>(*active) * atm90e32::watts_per_count;
    if (std::abs(watts) <= most) {
      channel.active_power = Watts{watts * multiplier};
      greatest_power_ = std::max(greatest_power_, std::abs(watts));
    }
  }
  if (reactive) {
    const float vars = static_cast<float>(*reactive) * atm90e32::watts_per_count;
    if (std::abs(vars) <= most) channel.reactive_power = Vars{vars * multiplier};
  }
  correct(channel, phase);
  return current && active && reactive;
}

// Turns what was read as the curve says: S' = gain S e^(j lead), since a current that leads makes
// the angle smaller.
void Atm90e32::correct(Sweep::Channel& channel, std::size_t phase) {
  const auto& words = config_.channels[phase];
  if (words.curve[0].milliamperes == 0) return;
  auto& turn = turns_[phase];
  if (channel.current) {
    const auto correction = measurement::correction_at(words, channel.current->value);
    const float square = correction.lead * correction.lead;
    turn.gain = correction.gain;
    turn.sine = correction.lead * (1 - square / 6);  // To 1e-7 up to 4 degrees.
    turn.cosine = 1 - square / 2 + square * square / 24;
    channel.current->value *= turn.gain;
  }
  if (!channel.active_power || !channel.reactive_power) return;
  const float watts = channel.active_power->value;
  turn.vars = channel.reactive_power->value;
  turn.flows = std::abs(watts) + std::abs(turn.vars) >= config_.no_load.value * words.multiplier;
  channel.active_power->value = turn.gain * (watts * turn.cosine - turn.vars * turn.sine);
  channel.reactive_power->value = turn.gain * (turn.vars * turn.cosine + watts * turn.sine);
}

// What the curve adds to energy that was counted in `time`, in whole milliwatt-hours.
std::int64_t Atm90e32::curve_energy(std::size_t phase, std::int64_t net, Uptime time) {
  auto& turn = turns_[phase];
  if (config_.channels[phase].curve[0].milliamperes == 0 || !turn.flows) return 0;
  const float reactive = turn.vars * static_cast<float>(time.count()) / 3600.f;
  const auto energy = static_cast<float>(net);
  turn.rest += energy * (turn.gain * turn.cosine - 1) - reactive * turn.gain * turn.sine;
  const auto whole = static_cast<std::int64_t>(turn.rest);
  turn.rest -= static_cast<float>(whole);
  return whole;
}

// False: some register could not be read, and its counts are lost.
bool Atm90e32::read_energy(Sweep& sweep, Uptime now) {
  doubt(now);
  bool complete = true;
  for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
    auto& drawn = imported_[phase];
    auto& produced = exported_[phase];
    const auto since = now - drawn.counted_at;
    const auto forward =
        read_counts(address(Register::forward_active_energy, phase), phase, now, drawn);
    const auto reverse =
        read_counts(address(Register::reverse_active_energy, phase), phase, now, produced);
    complete = complete && forward && reverse;
    const std::int64_t unit = energy_per_count.value * config_.channels[phase].multiplier;
    std::int64_t in = forward.value_or(0) * unit;
    std::int64_t out = reverse.value_or(0) * unit;
    if (forward && reverse) {
      const auto more = curve_energy(phase, in - out, since);
      // A total never falls: what cannot be taken off yet is taken off later.
      const bool draws = in >= out;
      auto& direction = draws ? in : out;
      const auto wanted = draws ? more : -more;
      const auto taken = std::max(wanted, -direction);
      direction += taken;
      turns_[phase].rest += static_cast<float>(draws ? wanted - taken : taken - wanted);
    }
    drawn.energy.value += in;
    produced.energy.value += out;
    if (forward) sweep.channels[phase].imported = drawn.energy;
    if (reverse) sweep.channels[phase].exported = produced.energy;
  }
  energy_read_at_ = now;
  return complete;
}

// Looks agree on a word that was read from the wrong address, too. What no clamp could have caused
// is not energy, and the register that was meant still has its own.
std::optional<std::int64_t> Atm90e32::read_counts(std::uint16_t at, std::size_t phase, Uptime now,
                                                  Total& total) {
  const auto counts = settle(at, 3);
  const auto& channel = config_.channels[phase];
  const float clipped = full_scale_amperes * channel.current_gain / 0x8000 / channel.pga;
  const float most = head_room * config_.nominal_voltage.value * clipped *
                     static_cast<float>((now - total.counted_at).count());
  if (!counts || *counts > 2 + most / milliseconds_of_watts_per_count) {
    ++health_.doubtful;
    return std::nullopt;
  }
  if (*counts == full_scale) {  // Either the register is full, or nobody is there.
    if (!is_present()) return std::nullopt;
    ++health_.doubtful;
  }
  total.counted_at = now;
  return *counts;
}

// Whether a register may have run full since it was read. No energy is invented for that.
void Atm90e32::doubt(Uptime now) {
  const auto since = static_cast<float>((now - energy_read_at_).count());
  const float power = greatest_power_ > 0 || since <= 40'000 ? greatest_power_ : most_power;
  if (power * since > 0.98f * full_scale * milliseconds_of_watts_per_count) ++health_.doubtful;
  greatest_power_ = 0;
}

// In turn: their change can wait for a second, and frames cost time.
void Atm90e32::read_state() {
  const auto word = read(second_state_ ? Register::state_1 : Register::state_0);
  if (word) (second_state_ ? health_.state_1 : health_.state_0) = *word;
  second_state_ = !second_state_;
}

}  // namespace firmware
