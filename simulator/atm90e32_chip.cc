#include "simulator/atm90e32_chip.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace simulator {

using firmware::atm90e32::Access;
using firmware::atm90e32::address;
using firmware::atm90e32::Lock;
using firmware::atm90e32::Register;
using firmware::atm90e32::RegisterRow;
using std::numbers::pi;
using std::numbers::sqrt2;

namespace {

constexpr auto accesses =
    firmware::atm90e32::by_address<Access>([](const RegisterRow& row) { return row.access; });
constexpr auto locks =
    firmware::atm90e32::by_address<Lock>([](const RegisterRow& row) { return row.lock; });
constexpr auto reset_words =
    firmware::atm90e32::by_address<std::uint16_t>([](const RegisterRow& row) { return row.reset; });

constexpr std::size_t configured_addresses = 0x70;  // The range of the CRC.
constexpr double watts_per_unit = 0.00032;
constexpr double delay_clock = 2'048'000;  // Hz.
constexpr std::uint16_t digest_override_word = 0xAA55;

// std::round is a call into the library, and a year of seconds has a billion of them.
double rounded(double value) {
  return static_cast<double>(static_cast<std::int64_t>(value + (value < 0 ? -0.5 : 0.5)));
}

std::uint16_t clamp_word(double value) {
  return static_cast<std::uint16_t>(std::clamp(rounded(value), 0.0, 65535.0));
}

std::uint16_t clamp_signed_word(double value) {
  return static_cast<std::uint16_t>(
      static_cast<std::int16_t>(std::clamp(rounded(value), -32768.0, 32767.0)));
}

double signed_word(std::uint16_t word) { return static_cast<std::int16_t>(word); }
double signed_byte(unsigned byte) { return static_cast<std::int8_t>(byte & 0xFF); }

// A sine of `peak` cut off at clipping_peak: its fundamental and its RMS, as shares of the uncut.
struct Clipped {
  double fundamental = 1, rms = 1;
};
Clipped clip(double peak) {
  if (peak <= clipping_peak) return {};
  const double share = clipping_peak / peak;
  const double angle = std::asin(share);
  const double cosine = std::cos(angle);
  return {2 / pi * (angle + share * cosine),
          std::sqrt(2 / pi * (angle - share * cosine) + 2 * share * share * (1 - 2 * angle / pi))};
}

}  // namespace

CoreError core_error(const FrontEnd::Clamp& clamp, double amperes) {
  if (clamp.low_current_lead == 0 && clamp.low_current_loss == 0) return {};
  const double share = std::clamp(amperes / clamp.rated_amperes, 0.002, 1.2);
  const double grown =
      (std::pow(share, -clamp.curvature) - 1) / (std::pow(0.05, -clamp.curvature) - 1);
  return {clamp.low_current_lead * grown, clamp.low_current_loss * grown};
}

Atm90e32Chip::Atm90e32Chip(const FrontEnd& front, const ChipOptions& options)
    : front_(front), options_(options), random_(options.seed) {
  static constexpr std::array<std::array<Register, 2>, kinds> totals = {{
      {Register::forward_active_energy_total, Register::reverse_active_energy_total},
      {Register::forward_reactive_energy_total, Register::reverse_reactive_energy_total},
      {Register::apparent_energy_total, Register::apparent_energy_total},
      {Register::forward_fundamental_energy_total, Register::reverse_fundamental_energy_total},
      {Register::forward_harmonic_energy_total, Register::reverse_harmonic_energy_total},
  }};
  for (std::size_t i = 0; i < meters_.size(); ++i) {
    const auto& total = totals[i / (1 + phases)];
    const auto offset = i % (1 + phases);
    meters_[i].forward = static_cast<std::uint16_t>(address(total[0]) + offset);
    meters_[i].reverse = static_cast<std::uint16_t>(address(total[1]) + offset);
  }
  reset();
  in_window_ = static_cast<std::int64_t>(options.window_offset * static_cast<double>(window));
  level_since_ = in_window_;
}

void Atm90e32Chip::apply(const ChipInput& input) {
  input_ = input;
  stale_ = true;
}

void Atm90e32Chip::set_temperature(measurement::Celsius temperature) {
  options_.temperature = temperature;
  stale_ = true;
  set_temperature_register();
}

void Atm90e32Chip::brown_out() { reset(); }

void Atm90e32Chip::upset(Register reg, std::uint16_t bits) {
  words_[address(reg)] ^= bits;
  stale_ = true;
}

void Atm90e32Chip::reset() {
  words_ = reset_words;
  last_ = 0;
  golden_ = false;
  asleep_ = options_.boot_time.count();
  stale_ = true;
  for (auto& meter : meters_) meter.residue = meter.power = 0;
  in_window_ = level_since_ = in_peak_period_ = 0;
  levels_ = sums_ = {};
  greatest_voltage_ = greatest_current_ = {};
  peak_voltage_word_ = peak_current_word_ = {};
  set_temperature_register();
}

// ---- The bus ----

void Atm90e32Chip::exchange(std::span<std::uint8_t> bytes) {
  if (bytes.size() != 4) {
    exchange_clocked(bytes, static_cast<unsigned>(8 * bytes.size()));
    return;
  }
  const auto at = static_cast<std::uint16_t>((bytes[0] << 8 | bytes[1]) & 0x3FF);
  std::uint16_t answer = 0xFFFF;  // The line is pulled up while no chip drives it.
  if (!missing_ && asleep_ == 0) {
    if (bytes[0] & 0x80) {
      answer = read(at);
    } else {
      write(at, static_cast<std::uint16_t>(bytes[2] << 8 | bytes[3]));
    }
  }
  if (line_ != Line::sound) answer = line_ == Line::stuck_high ? 0xFFFF : 0;
  bytes[2] = static_cast<std::uint8_t>(answer >> 8);
  bytes[3] = static_cast<std::uint8_t>(answer);
  if (options_.frame_time.count() > 0) advance(options_.frame_time);
}

void Atm90e32Chip::exchange_clocked(std::span<std::uint8_t> bytes, unsigned clocks) {
  if (clocks == 32 && bytes.size() == 4) {
    exchange(bytes);
    return;
  }
  std::uint16_t answer = 0xFFFF;
  if (clocks >= 16 && bytes.size() >= 2 && (bytes[0] & 0x80) && !missing_ && asleep_ == 0) {
    answer = read(static_cast<std::uint16_t>((bytes[0] << 8 | bytes[1]) & 0x3FF));
  }
  if (line_ != Line::sound) answer = line_ == Line::stuck_high ? 0xFFFF : 0;
  const std::size_t whole = std::min<std::size_t>(bytes.size(), clocks / 8);
  if (whole > 2) bytes[2] = static_cast<std::uint8_t>(answer >> 8);
  if (whole > 3) bytes[3] = static_cast<std::uint8_t>(answer);
  for (std::size_t i = 4; i < whole; ++i) bytes[i] = 0xFF;
}

std::uint16_t Atm90e32Chip::read(std::uint16_t at) {
  if (at == address(Register::last_spi_data)) return last_;
  if (at == address(Register::crc_digest)) return last_ = digest();
  if (at == address(Register::crc_status)) {
    return last_ = golden_ && digest() != golden_digest_ ? 1 : 0;
  }
  last_ = words_[at];
  if (accesses[at] == Access::read_clears) words_[at] = 0;
  return last_;
}

bool Atm90e32Chip::is_unlocked(std::uint16_t at) const {
  switch (locks[at]) {
    case Lock::open:
      return true;
    case Lock::configuration:
      return word(Register::configuration_access) == firmware::atm90e32::unlock_word;
    case Lock::hidden:
      return word(Register::hidden_access) == firmware::atm90e32::unlock_word;
  }
  return false;
}

void Atm90e32Chip::write(std::uint16_t at, std::uint16_t data) {
  if (!is_unlocked(at)) {
    if (options_.refused_write_is_last) last_ = data;
    return;
  }
  last_ = data;
  if (at == address(Register::soft_reset)) {
    if (data == firmware::atm90e32::soft_reset_word) reset();
    return;
  }
  if (at == address(Register::crc_digest)) {
    if (word(Register::configuration_access) == digest_override_word) golden_digest_ = data;
    return;
  }
  if (accesses[at] == Access::write_one_clears) {
    words_[at] = static_cast<std::uint16_t>(words_[at] & ~data);
    return;
  }
  if (accesses[at] != Access::read_write) return;
  words_[at] = data;
  if (at == address(Register::configuration_access)) {
    // In normal operation the digest of the moment is what later ones must equal.
    const bool normal = data != firmware::atm90e32::unlock_word && data != digest_override_word;
    if (normal) golden_digest_ = digest();
    golden_ = normal || data == digest_override_word;
  }
  if (locks[at] == Lock::hidden) set_temperature_register();
  stale_ = true;
}

// CRC-16 with x^16 + x^12 + x^5 + 1 (datasheet, section 5.2.5). Its start and the order of words
// and bits are not documented: here all ones, and address, high byte, highest bit first.
std::uint16_t Atm90e32Chip::digest() const {
  unsigned crc = 0xFFFF;
  for (std::size_t at = 0; at < configured_addresses; ++at) {
    crc ^= words_[at];
    for (int bit = 0; bit < 16; ++bit) crc = (crc << 1) ^ (crc & 0x8000 ? 0x11021 : 0);
  }
  return static_cast<std::uint16_t>(crc);
}

std::uint16_t Atm90e32Chip::word(Register reg, std::size_t phase) const {
  return words_[address(reg, phase)];
}

void Atm90e32Chip::put(Register reg, std::size_t phase, std::uint16_t value) {
  words_[address(reg, phase)] = value;
}

void Atm90e32Chip::put_pair(Register high, Register low, std::size_t phase, double value) {
  const auto counts = static_cast<std::uint32_t>(
      static_cast<std::int32_t>(std::clamp(rounded(value), -2147483648.0, 2147483647.0)));
  put(high, phase, static_cast<std::uint16_t>(counts >> 16));
  put(low, phase, static_cast<std::uint16_t>(counts));
}

// ---- Metering ----

void Atm90e32Chip::advance(std::chrono::microseconds time) {
  if (missing_) return;
  auto left = time.count();
  const auto slept = std::min(left, asleep_);
  asleep_ -= slept;
  left -= slept;
  if (left == 0) return;
  if (stale_) refresh();
  while (left > 0) {
    const std::int64_t step = std::min<std::int64_t>(left, 1'000'000'000);  // Fits the arithmetic.
    run_meters(step);
    run_peaks(step);
    run_windows(step);
    left -= step;
  }
}

void Atm90e32Chip::refresh() {
  stale_ = false;
  close_mixed_part();
  for (std::size_t phase = 0; phase < phases; ++phase) levels_[phase] = level_of(phase);
  published_ = false;
  set_powers();
  set_frequency();
  set_states();
}

// What the slopes of three segments of the current's logarithm add up to (Atmel-46103A, section
// 4.2.7), which says how steep they are. That they are continuous and begin with 0 at LOGIrms0 is
// an assumption.
double Atm90e32Chip::over_current(Register first, Register second, std::size_t phase,
                                  double milliamperes) const {
  const unsigned slopes = word(first, phase);
  const unsigned last = word(second, phase);
  if ((slopes | last) == 0 || milliamperes <= 0) return 0;
  const double begin = word(Register::log_current_0) & 0xFF;
  const double middle = word(Register::log_current_1) & 0xFF;
  const double at = 16 * std::log2(milliamperes);
  if (at >= begin) return signed_byte(slopes) * (at - begin);
  if (at >= middle) return signed_byte(slopes >> 8) * (at - begin);
  return signed_byte(slopes >> 8) * (middle - begin) + signed_byte(last) * (at - middle);
}

// With UGainT: 1 / 2^20 a degree from T0.
double Atm90e32Chip::voltage_gain(std::size_t phase) const {
  const unsigned both = word(phase == 2 ? Register::voltage_gain_over_temperature_c
                                        : Register::voltage_gain_over_temperature_ab);
  const double over = signed_byte(phase == 1 ? both >> 8 : both);
  const double degrees =
      options_.temperature.value - signed_word(word(Register::reference_temperature));
  return counts_per_pin_volt * word(Register::voltage_gain, phase) / 32768 *
         (1 + over * degrees / 0x1p20);
}

// From the mains to the converter to the chip's units: clipping, gains, delay, offsets, in the
// order in which the application note calibrates them.
Atm90e32Chip::Phase Atm90e32Chip::level_of(std::size_t phase) {
  const auto voltage_source = word(Register::voltage_map) >> (4 * phase) & 7;
  const auto current_source = word(Register::current_map) >> (4 * phase) & 7;
  voltage_peak_[phase] = current_peak_[phase] = 0;
  peak_voltage_word_[phase] = peak_current_word_[phase] = 0;
  if (voltage_source < 4 || voltage_source > 6 || current_source > 2) return {};
  const auto which = static_cast<std::size_t>(current_source);
  const auto& load = input_.channels[which];
  const double volts = input_.voltage[static_cast<std::size_t>(voltage_source) - 4].value;
  const double amperes = load.current.value;

  const double pga = 1 << (word(Register::metering_mode_1) >> (2 * which) & 3);
  const auto& clamp = front_.clamps[which];
  const auto core = core_error(clamp, amperes);
  const double volts_per_volt = front_.volts_per_volt * (1 + front_.volts_per_volt_per_degree *
                                                                 (options_.temperature.value - 25));
  const double volts_per_ampere = clamp.volts_per_ampere * (1 - core.loss);
  const double voltage_at_pin = volts_per_volt * volts;
  const double current_at_pin = volts_per_ampere * amperes * pga;
  const auto voltage_cut = clip(voltage_at_pin * sqrt2);
  const auto current_cut = clip(current_at_pin * sqrt2);
  const double volt_counts = voltage_gain(phase);
  const double current_gain = counts_per_pin_volt * word(Register::current_gain, phase) / 32768;

  const double peak_amperes =
      load.peak_current.value > 0 ? load.peak_current.value : sqrt2 * amperes;
  const double current_peak = std::min(volts_per_ampere * peak_amperes * pga, clipping_peak);
  voltage_peak_[phase] = std::min(voltage_at_pin * sqrt2, clipping_peak) / clipping_peak;
  current_peak_[phase] = current_peak / clipping_peak;
  // UPeak [V] = register x Ugain / (100 x 2^13), and the volts are counts / 100 after the gain.
  peak_voltage_word_[phase] = voltage_peak_[phase] * clipping_peak * counts_per_pin_volt / 4;
  peak_current_word_[phase] = current_peak * counts_per_pin_volt / 4;

  // Offsets are in 1/512 of a count (Atmel-46103A, section 4.2.5).
  const double voltage =
      std::max(0.0, voltage_at_pin * voltage_cut.rms * volt_counts +
                        signed_word(word(Register::voltage_offset, phase)) / 512);
  const double current =
      std::max(0.0, current_at_pin * current_cut.rms * current_gain + clamp.current_counts +
                        signed_word(word(Register::current_offset, phase)) / 512);

  // Units of power per watt at the clamps.
  const double scale = volts_per_volt * volt_counts / 100 * voltage_cut.fundamental *
                       volts_per_ampere * pga * current_gain / 1000 * current_cut.fundamental /
                       watts_per_unit;
  const auto delay = word(Register::phase_delay, phase);
  const double hertz = input_.frequency.value;
  const double off_frequency = 100 * hertz - word(Register::reference_frequency);
  const double cycles = (delay & 0x8000 ? -1 : 1) * (delay & 0xFF) +
                        over_current(Register::phase_over_current_01,
                                     Register::phase_over_current_2, phase, current) /
                            0x1p8 +
                        signed_byte(word(Register::phase_over_frequency)) * off_frequency / 0x1p9;
  const double lag =
      2 * pi * hertz * cycles / delay_clock - (clamp.phase_lead + core.lead) * pi / 180;
  const double fundamental =
      load.fundamental_power.value * std::cos(lag) - load.reactive_power.value * std::sin(lag);
  const double reactive =
      load.reactive_power.value * std::cos(lag) + load.fundamental_power.value * std::sin(lag);
  const double segment_gain = 1 + over_current(Register::gain_over_current_01,
                                               Register::gain_over_current_2, phase, current) /
                                      0x1p19;
  const double power_gain =
      (1 + signed_word(word(Register::power_gain, phase)) / 32768) * segment_gain;
  const double fundamental_gain =
      (1 + signed_word(word(Register::fundamental_gain, phase)) / 32768) * segment_gain;
  const double added_watts = clamp.active_watts / watts_per_unit;
  const double added_vars = clamp.reactive_vars / watts_per_unit;
  return {.voltage_squared = voltage * voltage,
          .current_squared = current * current,
          .active = (fundamental + load.harmonic_power.value) * scale * power_gain + added_watts +
                    signed_word(word(Register::active_offset, phase)),
          .reactive = reactive * scale * power_gain + added_vars +
                      signed_word(word(Register::reactive_offset, phase)),
          .fundamental = fundamental * scale * fundamental_gain + added_watts +
                         signed_word(word(Register::fundamental_offset, phase)),
          .harmonic = load.harmonic_power.value * scale};
}

// What the energy registers count, behind the gates against creep.
void Atm90e32Chip::set_powers() {
  struct Gate {
    Register start, phase;
  };
  static constexpr Gate active_gate{Register::active_start_threshold,
                                    Register::active_phase_threshold};
  static constexpr std::array<Gate, kinds> gates = {{
      active_gate,
      {Register::reactive_start_threshold, Register::reactive_phase_threshold},
      {Register::apparent_start_threshold, Register::apparent_phase_threshold},
      active_gate,
      active_gate,
  }};
  const auto mode = word(Register::metering_mode_0);
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    auto* const meters = &meters_[kind * (1 + phases)];
    const bool absolute = (kind == 1 ? mode >> 4 : mode >> 3) & 1;
    double sum = 0;
    std::array<double, phases> powers{};
    for (std::size_t phase = 0; phase < phases; ++phase) {
      const auto& level = levels_[phase];
      const double apparent =
          std::sqrt(level.voltage_squared * level.current_squared) / 1e5 / watts_per_unit;
      const std::array<double, kinds> all = {level.active, level.reactive, apparent,
                                             level.fundamental, level.harmonic};
      if (std::abs(level.active) + std::abs(level.reactive) < word(gates[kind].phase)) continue;
      powers[phase] = all[kind];
      const bool enabled = mode >> (2 - phase) & 1;
      if (enabled) sum += absolute ? std::abs(all[kind]) : all[kind];
    }
    const bool started = std::abs(sum) >= word(gates[kind].start);
    const double fast = 1 + options_.clock_error_ppm * 1e-6;
    meters[0].power = started ? std::llround(sum * fast) : 0;
    for (std::size_t phase = 0; phase < phases; ++phase) {
      const bool counts = started || !options_.start_gates_phases;
      meters[1 + phase].power = counts ? std::llround(powers[phase] * fast) : 0;
    }
  }
  if ((word(Register::meter_enable) & 0xFF) == 0) {
    for (auto& meter : meters_) meter.power = 0;
  }
  // The accumulator gains 4000 units a second per unit of power and gives a count at the energy
  // constant; with the residue in microseconds that is 250 to one.
  const auto constant = static_cast<std::int64_t>(word(Register::energy_constant_high)) << 16 |
                        word(Register::energy_constant_low);
  per_count_ = std::max<std::int64_t>(constant, 1) * 250;
}

void Atm90e32Chip::set_frequency() {
  const double loss = word(Register::phase_loss_threshold) / 65535.0;
  double hertz = 0;
  for (const std::size_t phase : {0, 2, 1}) {
    if (hertz == 0 && voltage_peak_[phase] > loss) hertz = input_.frequency.value;
  }
  const double seen = hertz / (1 + options_.clock_error_ppm * 1e-6);
  put(Register::frequency, 0, clamp_word(seen * 100));
  const double nominal = word(Register::metering_mode_0) & 0x1000 ? 60 : 50;
  millihertz_ = std::llround((hertz > 0 ? hertz : nominal) * 1000);
}

void Atm90e32Chip::set_states() {
  unsigned state_0 = 0, state_1 = 0;
  const auto over = [this](double peak, Register threshold) {
    return peak * 65535 > word(threshold) ? 1u : 0u;
  };
  for (std::size_t phase = 0; phase < phases; ++phase) {
    state_0 |= over(current_peak_[phase], Register::over_current_threshold) << (15 - phase);
    state_0 |= over(voltage_peak_[phase], Register::over_voltage_threshold) << (12 - phase);
    state_1 |= (1 - over(voltage_peak_[phase], Register::sag_threshold)) << (14 - phase);
    state_1 |= (1 - over(voltage_peak_[phase], Register::phase_loss_threshold)) << (10 - phase);
    state_1 |= (levels_[phase].reactive < 0 ? 1u : 0u) << (6 - phase);
    state_1 |= (levels_[phase].active < 0 ? 1u : 0u) << (2 - phase);
  }
  state_0 |= (meters_[4].power == 0 ? 1u : 0u) << 6;  // No reactive load in sum.
  state_0 |= (meters_[0].power == 0 ? 1u : 0u) << 5;  // No active load in sum.
  state_0 |= (meters_[8].power == 0 ? 1u : 0u) << 4;  // No apparent load in sum.
  state_1 |= (meters_[4].power < 0 ? 1u : 0u) << 7;
  state_1 |= (meters_[0].power < 0 ? 1u : 0u) << 3;
  const auto frequency = word(Register::frequency);
  state_1 |= (frequency > word(Register::frequency_high_threshold) ? 1u : 0u) << 15;
  state_1 |= (frequency < word(Register::frequency_low_threshold) ? 1u : 0u) << 11;

  put(Register::change_0, 0,
      static_cast<std::uint16_t>(word(Register::change_0) | (word(Register::state_0) ^ state_0)));
  put(Register::change_1, 0,
      static_cast<std::uint16_t>(word(Register::change_1) | (word(Register::state_1) ^ state_1)));
  put(Register::state_0, 0, static_cast<std::uint16_t>(state_0));
  put(Register::state_1, 0, static_cast<std::uint16_t>(state_1));
}

// Without its set-up words the sensor is far off.
void Atm90e32Chip::set_temperature_register() {
  const bool set_up = word(Register::temperature_setup_1) == 0x5183 &&
                      word(Register::temperature_setup_2) == 0x01C1;
  put(Register::temperature, 0, clamp_signed_word(options_.temperature.value + (set_up ? 0 : 30)));
}

void Atm90e32Chip::run_meters(std::int64_t microseconds) {
  for (auto& meter : meters_) {
    if (meter.power == 0) continue;
    meter.residue += meter.power * microseconds;
    if (std::abs(meter.residue) < per_count_) continue;
    const auto counts = meter.residue / per_count_;
    meter.residue -= counts * per_count_;
    auto& reg = words_[counts > 0 ? meter.forward : meter.reverse];
    const auto sum = reg + std::abs(counts);
    reg = static_cast<std::uint16_t>(options_.energy_overflow == ChipOptions::Overflow::wraps
                                         ? sum & 0xFFFF
                                         : std::min<std::int64_t>(sum, 0xFFFF));
  }
}

void Atm90e32Chip::run_peaks(std::int64_t microseconds) {
  const std::int64_t period = std::max(word(Register::sag_and_peak_periods) >> 8, 1) * 1000;
  for (std::size_t phase = 0; phase < phases; ++phase) {
    greatest_voltage_[phase] = std::max(greatest_voltage_[phase], peak_voltage_word_[phase]);
    greatest_current_[phase] = std::max(greatest_current_[phase], peak_current_word_[phase]);
  }
  in_peak_period_ += microseconds;
  if (in_peak_period_ < period) return;
  // After a second edge the period before has seen nothing but the present input.
  const bool only_present = in_peak_period_ >= 2 * period;
  in_peak_period_ %= period;
  for (std::size_t phase = 0; phase < phases; ++phase) {
    const double voltage = only_present ? peak_voltage_word_[phase] : greatest_voltage_[phase];
    const double current = only_present ? peak_current_word_[phase] : greatest_current_[phase];
    put(Register::peak_voltage, phase, clamp_signed_word(voltage));
    put(Register::peak_current, phase, clamp_signed_word(current));
  }
  greatest_voltage_ = greatest_current_ = {};
  if (in_peak_period_ > 0) {
    greatest_voltage_ = peak_voltage_word_;
    greatest_current_ = peak_current_word_;
  }
}

void Atm90e32Chip::run_windows(std::int64_t microseconds) {
  in_window_ += millihertz_ * microseconds;
  if (in_window_ < window) return;
  if (level_since_ > 0) {
    // The first window that ends here has seen more than the present levels.
    const auto end = in_window_;
    in_window_ = window;
    close_mixed_part();
    in_window_ = end - window;
    const Levels means = sums_;
    sums_ = {};
    level_since_ = 0;
    published_ = false;
    if (in_window_ < window) {  // Else nobody can have read it before the next one ended.
      publish(means);
      return;
    }
  }
  in_window_ %= window;
  const bool noisy = options_.voltage_noise > 0 || options_.current_noise > 0;
  if (!published_ || noisy) publish(levels_);
  published_ = true;
}

// Adds the present levels, weighed by their share of the window so far, to its averages.
void Atm90e32Chip::close_mixed_part() {
  const double share = static_cast<double>(in_window_ - level_since_) / static_cast<double>(window);
  level_since_ = in_window_;
  if (share == 0) return;
  for (std::size_t phase = 0; phase < phases; ++phase) {
    auto& sum = sums_[phase];
    const auto& level = levels_[phase];
    sum.voltage_squared += share * level.voltage_squared;
    sum.current_squared += share * level.current_squared;
    sum.active += share * level.active;
    sum.reactive += share * level.reactive;
    sum.fundamental += share * level.fundamental;
    sum.harmonic += share * level.harmonic;
  }
}

void Atm90e32Chip::publish(const Levels& levels) {
  const auto mode = word(Register::metering_mode_0);
  Phase sum{};
  double apparent = 0;
  for (std::size_t phase = 0; phase < phases; ++phase) {
    publish_phase(phase, levels[phase], apparent);
    if ((mode >> (2 - phase) & 1) == 0) continue;
    const auto& level = levels[phase];
    sum.active += mode & 0x08 ? std::abs(level.active) : level.active;
    sum.reactive += mode & 0x10 ? std::abs(level.reactive) : level.reactive;
    sum.fundamental += level.fundamental;
    sum.harmonic += level.harmonic;
  }
  put_pair(Register::active_power_total, Register::active_power_total_low, 0, sum.active);
  put_pair(Register::reactive_power_total, Register::reactive_power_total_low, 0, sum.reactive);
  put_pair(Register::apparent_power_total, Register::apparent_power_total_low, 0, apparent);
  put_pair(Register::fundamental_power_total, Register::fundamental_power_total_low, 0,
           sum.fundamental);
  put_pair(Register::harmonic_power_total, Register::harmonic_power_total_low, 0, sum.harmonic);
  put(Register::power_factor_total, 0,
      apparent > 0 ? clamp_signed_word(std::clamp(sum.active / apparent, -1.0, 1.0) * 1000) : 0);
}

void Atm90e32Chip::publish_phase(std::size_t phase, const Phase& level, double& apparent_sum) {
  const auto put_rms = [&](Register high, Register low, double counts) {
    const double capped = std::min(rounded(counts * 256) / 256, 65535 + 255.0 / 256);
    const double whole = std::floor(capped);
    put(high, phase, static_cast<std::uint16_t>(whole));
    put(low, phase, static_cast<std::uint16_t>(static_cast<unsigned>((capped - whole) * 256) << 8));
  };
  double voltage_noise = 0, current_noise = 0, active_noise = 0, reactive_noise = 0;
  if (options_.voltage_noise > 0 || options_.current_noise > 0) {
    voltage_noise =
        options_.voltage_noise * counts_per_pin_volt * word(Register::voltage_gain, phase) / 32768;
    current_noise =
        options_.current_noise * counts_per_pin_volt * word(Register::current_gain, phase) / 32768;
    // White noise of 4 kHz width, averaged over a window of 0.3 s: 1 / sqrt(2560 samples).
    const double noise = std::numbers::sqrt3 / 50.6 * std::sqrt(level.voltage_squared) *
                         current_noise / 1e5 / watts_per_unit;
    const auto uniform = [this] { return static_cast<double>(random_() >> 11) * 0x1p-53 * 2 - 1; };
    active_noise = noise * uniform();
    reactive_noise = noise * uniform();
  }
  const double voltage = std::sqrt(level.voltage_squared + voltage_noise * voltage_noise);
  const double current = std::sqrt(level.current_squared + current_noise * current_noise);
  const double apparent = voltage * current / 1e5 / watts_per_unit;
  const double active = level.active + active_noise;
  const double reactive = level.reactive + reactive_noise;
  put_rms(Register::rms_voltage, Register::rms_voltage_low, voltage);
  put_rms(Register::rms_current, Register::rms_current_low, current);
  put_pair(Register::active_power, Register::active_power_low, phase, active);
  put_pair(Register::reactive_power, Register::reactive_power_low, phase, reactive);
  put_pair(Register::apparent_power, Register::apparent_power_low, phase, apparent);
  put_pair(Register::fundamental_power, Register::fundamental_power_low, phase, level.fundamental);
  put_pair(Register::harmonic_power, Register::harmonic_power_low, phase, level.harmonic);
  const double factor = apparent > 0 ? std::clamp(active / apparent, -1.0, 1.0) : 0;
  put(Register::power_factor, phase, clamp_signed_word(factor * 1000));
  const double degrees = reactive == 0 && active >= 0 ? 0 : std::atan2(reactive, active) * 180 / pi;
  put(Register::power_angle, phase, clamp_word((degrees < 0 ? degrees + 360 : degrees) * 10));
  apparent_sum += apparent;
}

}  // namespace simulator
