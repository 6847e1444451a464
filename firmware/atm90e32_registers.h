// Every register of the Microchip ATM90E32AS in one table, shared by the driver and by the
// simulated chip so that the two cannot disagree about where things are. Source: Atmel-46003B,
// M90E32AS datasheet (02/2015), tables 5 to 17; hidden registers from application note
// Atmel-46103A, section 7.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace firmware::atm90e32 {

// The first address of each row. Of a row of three, that is phase A.
enum class Register : std::uint16_t {
  meter_enable = 0x00,
  current_map = 0x01,
  voltage_map = 0x02,
  sag_and_peak_periods = 0x05,
  over_voltage_threshold = 0x06,
  zero_crossing = 0x07,
  sag_threshold = 0x08,
  phase_loss_threshold = 0x09,
  neutral_warning_threshold = 0x0A,
  over_current_threshold = 0x0B,
  frequency_low_threshold = 0x0C,
  frequency_high_threshold = 0x0D,
  power_control = 0x0E,
  irq_merge = 0x0F,
  detector_control = 0x10,
  detector_threshold = 0x11,
  current_dc_offset = 0x14,
  voltage_dc_offset = 0x17,
  voltage_gain_over_temperature_ab = 0x1A,
  voltage_gain_over_temperature_c = 0x1B,
  phase_over_frequency = 0x1C,
  log_current_0 = 0x20,
  log_current_1 = 0x21,
  reference_frequency = 0x22,
  reference_temperature = 0x23,
  phase_over_current_01 = 0x24,
  phase_over_current_2 = 0x25,
  gain_over_current_01 = 0x26,
  gain_over_current_2 = 0x27,
  energy_constant_high = 0x31,
  energy_constant_low = 0x32,
  metering_mode_0 = 0x33,
  metering_mode_1 = 0x34,
  active_start_threshold = 0x35,
  reactive_start_threshold = 0x36,
  apparent_start_threshold = 0x37,
  active_phase_threshold = 0x38,
  reactive_phase_threshold = 0x39,
  apparent_phase_threshold = 0x3A,
  active_offset = 0x41,
  reactive_offset = 0x42,
  power_gain = 0x47,
  phase_delay = 0x48,
  fundamental_offset = 0x51,
  fundamental_gain = 0x54,
  voltage_gain = 0x61,
  current_gain = 0x62,
  voltage_offset = 0x63,
  current_offset = 0x64,
  soft_reset = 0x70,
  state_0 = 0x71,
  state_1 = 0x72,
  change_0 = 0x73,
  change_1 = 0x74,
  interrupt_enable_0 = 0x75,
  interrupt_enable_1 = 0x76,
  last_spi_data = 0x78,
  crc_status = 0x79,
  crc_digest = 0x7A,
  configuration_access = 0x7F,
  forward_active_energy_total = 0x80,
  forward_active_energy = 0x81,
  reverse_active_energy_total = 0x84,
  reverse_active_energy = 0x85,
  forward_reactive_energy_total = 0x88,
  forward_reactive_energy = 0x89,
  reverse_reactive_energy_total = 0x8C,
  reverse_reactive_energy = 0x8D,
  apparent_energy_total = 0x90,
  apparent_energy = 0x91,
  forward_fundamental_energy_total = 0xA0,
  forward_fundamental_energy = 0xA1,
  reverse_fundamental_energy_total = 0xA4,
  reverse_fundamental_energy = 0xA5,
  forward_harmonic_energy_total = 0xA8,
  forward_harmonic_energy = 0xA9,
  reverse_harmonic_energy_total = 0xAC,
  reverse_harmonic_energy = 0xAD,
  active_power_total = 0xB0,
  active_power = 0xB1,
  reactive_power_total = 0xB4,
  reactive_power = 0xB5,
  apparent_power_total = 0xB8,
  apparent_power = 0xB9,
  power_factor_total = 0xBC,
  power_factor = 0xBD,
  active_power_total_low = 0xC0,
  active_power_low = 0xC1,
  reactive_power_total_low = 0xC4,
  reactive_power_low = 0xC5,
  apparent_power_total_low = 0xC8,
  apparent_power_low = 0xC9,
  fundamental_power_total = 0xD0,
  fundamental_power = 0xD1,
  harmonic_power_total = 0xD4,
  harmonic_power = 0xD5,
  rms_voltage = 0xD9,
  rms_neutral_current = 0xDC,
  rms_current = 0xDD,
  fundamental_power_total_low = 0xE0,
  fundamental_power_low = 0xE1,
  harmonic_power_total_low = 0xE4,
  harmonic_power_low = 0xE5,
  rms_voltage_low = 0xE9,
  rms_current_low = 0xED,
  peak_voltage = 0xF1,
  peak_current = 0xF5,
  frequency = 0xF8,
  power_angle = 0xF9,
  temperature = 0xFC,
  voltage_angle = 0xFD,
  band_gap_curve = 0x201,
  band_gap_segment = 0x202,
  temperature_setup_1 = 0x216,
  temperature_setup_2 = 0x219,
  hidden_access = 0x2FF,
};

enum class Access : std::uint8_t { none, read_write, read, read_clears, write_one_clears, write };

// What must have been written where before a write counts.
enum class Lock : std::uint8_t {
  open,
  configuration,  // unlock_word into configuration_access.
  hidden,         // unlock_word into hidden_access.
};

struct RegisterRow {
  Register first;
  std::string_view name;  // In the datasheet, without the phase.
  Access access;
  std::uint16_t reset;  // After power-on and soft reset.
  Lock lock;
  std::uint8_t count = 1;   // Registers of this row: 3 are phases A, B and C.
  std::uint8_t stride = 1;  // From one phase's address to the next.
};

// clang-format off
inline constexpr auto registers = [] {
  using enum Register;
  using enum Access;
  using enum Lock;
  return std::to_array<RegisterRow>({
    {meter_enable,                     "MeterEn",        read_write,       0x0000, configuration},
    {current_map,                      "ChannelMapI",    read_write,       0x0210, configuration},
    {voltage_map,                      "ChannelMapU",    read_write,       0x0654, configuration},
    {sag_and_peak_periods,             "SagPeakDetCfg",  read_write,       0x143F, configuration},
    {over_voltage_threshold,           "OVth",           read_write,       0xC000, configuration},
    {zero_crossing,                    "ZXConfig",       read_write,       0x0001, configuration},
    {sag_threshold,                    "SagTh",          read_write,       0x1000, configuration},
    {phase_loss_threshold,             "PhaseLossTh",    read_write,       0x0400, configuration},
    {neutral_warning_threshold,        "InWarnTh",       read_write,       0xFFFF, configuration},
    {over_current_threshold,           "OIth",           read_write,       0xC000, configuration},
    {frequency_low_threshold,          "FreqLoTh",       read_write,       0x1324, configuration},
    {frequency_high_threshold,         "FreqHiTh",       read_write,       0x13EC, configuration},
    {power_control,                    "PMPwrCtrl",      read_write,       0x010F, configuration},
    {irq_merge,                        "IRQ0MergeCfg",   read_write,       0x0000, configuration},
    {detector_control,                 "DetectCtrl",     read_write,       0x0000, configuration},
    {detector_threshold,               "DetectTh",       read_write,       0x0000, configuration, 3},
    {current_dc_offset,                "IDCoffset",      read_write,       0x0000, configuration, 3},
    {voltage_dc_offset,                "UDCoffset",      read_write,       0x0000, configuration, 3},
    {voltage_gain_over_temperature_ab, "UGainTAB",       read_write,       0x0000, configuration},
    {voltage_gain_over_temperature_c,  "UGainTC",        read_write,       0x0000, configuration},
    {phase_over_frequency,             "PhiFreqComp",    read_write,       0x0000, configuration},
    {log_current_0,                    "LOGIrms0",       read_write,       0x0000, configuration},
    {log_current_1,                    "LOGIrms1",       read_write,       0x0000, configuration},
    {reference_frequency,              "F0",             read_write,       0x1388, configuration},
    {reference_temperature,            "T0",             read_write,       0x0019, configuration},
    {phase_over_current_01,            "PhiIrms01",      read_write,       0x0000, configuration, 3, 4},
    {phase_over_current_2,             "PhiIrms2",       read_write,       0x0000, configuration, 3, 4},
    {gain_over_current_01,             "GainIrms01",     read_write,       0x0000, configuration, 3, 4},
    {gain_over_current_2,              "GainIrms2",      read_write,       0x0000, configuration, 3, 4},
    {energy_constant_high,             "PLconstH",       read_write,       0x0861, configuration},
    {energy_constant_low,              "PLconstL",       read_write,       0xC468, configuration},
    {metering_mode_0,                  "MMode0",         read_write,       0x0087, configuration},
    {metering_mode_1,                  "MMode1",         read_write,       0x0000, configuration},
    {active_start_threshold,           "PStartTh",       read_write,       0x0000, configuration},
    {reactive_start_threshold,         "QStartTh",       read_write,       0x0000, configuration},
    {apparent_start_threshold,         "SStartTh",       read_write,       0x0000, configuration},
    {active_phase_threshold,           "PPhaseTh",       read_write,       0x0000, configuration},
    {reactive_phase_threshold,         "QPhaseTh",       read_write,       0x0000, configuration},
    {apparent_phase_threshold,         "SPhaseTh",       read_write,       0x0000, configuration},
    {active_offset,                    "Poffset",        read_write,       0x0000, configuration, 3, 2},
    {reactive_offset,                  "Qoffset",        read_write,       0x0000, configuration, 3, 2},
    {power_gain,                       "PQGain",         read_write,       0x0000, configuration, 3, 2},
    {phase_delay,                      "Phi",            read_write,       0x0000, configuration, 3, 2},
    {fundamental_offset,               "PoffsetF",       read_write,       0x0000, configuration, 3},
    {fundamental_gain,                 "PGainF",         read_write,       0x0000, configuration, 3},
    {voltage_gain,                     "Ugain",          read_write,       0x8000, configuration, 3, 4},
    {current_gain,                     "Igain",          read_write,       0x8000, configuration, 3, 4},
    {voltage_offset,                   "Uoffset",        read_write,       0x0000, configuration, 3, 4},
    {current_offset,                   "Ioffset",        read_write,       0x0000, configuration, 3, 4},
    {soft_reset,                       "SoftReset",      write,            0x0000, open},
    {state_0,                          "EMMState0",      read,             0x0000, open},
    {state_1,                          "EMMState1",      read,             0x0000, open},
    {change_0,                         "EMMIntState0",   write_one_clears, 0x0000, open},
    {change_1,                         "EMMIntState1",   write_one_clears, 0x0000, open},
    {interrupt_enable_0,               "EMMIntEn0",      read_write,       0x0000, open},
    {interrupt_enable_1,               "EMMIntEn1",      read_write,       0x0000, open},
    {last_spi_data,                    "LastSPIData",    read,             0x0000, open},
    {crc_status,                       "CRCErrStatus",   read,             0x0000, open},
    {crc_digest,                       "CRCDigest",      read,             0x0000, open},
    {configuration_access,             "CfgRegAccEn",    read_write,       0x0000, open},
    {forward_active_energy_total,      "APenergyT",      read_clears,      0x0000, open},
    {forward_active_energy,            "APenergy",       read_clears,      0x0000, open, 3},
    {reverse_active_energy_total,      "ANenergyT",      read_clears,      0x0000, open},
    {reverse_active_energy,            "ANenergy",       read_clears,      0x0000, open, 3},
    {forward_reactive_energy_total,    "RPenergyT",      read_clears,      0x0000, open},
    {forward_reactive_energy,          "RPenergy",       read_clears,      0x0000, open, 3},
    {reverse_reactive_energy_total,    "RNenergyT",      read_clears,      0x0000, open},
    {reverse_reactive_energy,          "RNenergy",       read_clears,      0x0000, open, 3},
    {apparent_energy_total,            "SAenergyT",      read_clears,      0x0000, open},
    {apparent_energy,                  "Senergy",        read_clears,      0x0000, open, 3},
    {forward_fundamental_energy_total, "APenergyTF",     read_clears,      0x0000, open},
    {forward_fundamental_energy,       "APenergyF",      read_clears,      0x0000, open, 3},
    {reverse_fundamental_energy_total, "ANenergyTF",     read_clears,      0x0000, open},
    {reverse_fundamental_energy,       "ANenergyF",      read_clears,      0x0000, open, 3},
    {forward_harmonic_energy_total,    "APenergyTH",     read_clears,      0x0000, open},
    {forward_harmonic_energy,          "APenergyH",      read_clears,      0x0000, open, 3},
    {reverse_harmonic_energy_total,    "ANenergyTH",     read_clears,      0x0000, open},
    {reverse_harmonic_energy,          "ANenergyH",      read_clears,      0x0000, open, 3},
    {active_power_total,               "PmeanT",         read,             0x0000, open},
    {active_power,                     "Pmean",          read,             0x0000, open, 3},
    {reactive_power_total,             "QmeanT",         read,             0x0000, open},
    {reactive_power,                   "Qmean",          read,             0x0000, open, 3},
    {apparent_power_total,             "SmeanT",         read,             0x0000, open},
    {apparent_power,                   "Smean",          read,             0x0000, open, 3},
    {power_factor_total,               "PFmeanT",        read,             0x0000, open},
    {power_factor,                     "PFmean",         read,             0x0000, open, 3},
    {active_power_total_low,           "PmeanTLSB",      read,             0x0000, open},
    {active_power_low,                 "PmeanLSB",       read,             0x0000, open, 3},
    {reactive_power_total_low,         "QmeanTLSB",      read,             0x0000, open},
    {reactive_power_low,               "QmeanLSB",       read,             0x0000, open, 3},
    {apparent_power_total_low,         "SAmeanTLSB",     read,             0x0000, open},
    {apparent_power_low,               "SmeanLSB",       read,             0x0000, open, 3},
    {fundamental_power_total,          "PmeanTF",        read,             0x0000, open},
    {fundamental_power,                "PmeanF",         read,             0x0000, open, 3},
    {harmonic_power_total,             "PmeanTH",        read,             0x0000, open},
    {harmonic_power,                   "PmeanH",         read,             0x0000, open, 3},
    {rms_voltage,                      "Urms",           read,             0x0000, open, 3},
    {rms_neutral_current,              "IrmsN",          read,             0x0000, open},
    {rms_current,                      "Irms",           read,             0x0000, open, 3},
    {fundamental_power_total_low,      "PmeanTFLSB",     read,             0x0000, open},
    {fundamental_power_low,            "PmeanFLSB",      read,             0x0000, open, 3},
    {harmonic_power_total_low,         "PmeanTHLSB",     read,             0x0000, open},
    {harmonic_power_low,               "PmeanHLSB",      read,             0x0000, open, 3},
    {rms_voltage_low,                  "UrmsLSB",        read,             0x0000, open, 3},
    {rms_current_low,                  "IrmsLSB",        read,             0x0000, open, 3},
    {peak_voltage,                     "UPeak",          read,             0x0000, open, 3},
    {peak_current,                     "IPeak",          read,             0x0000, open, 3},
    {frequency,                        "Freq",           read,             0x0000, open},
    {power_angle,                      "PAngle",         read,             0x0000, open, 3},
    {temperature,                      "Temp",           read,             0x0000, open},
    {voltage_angle,                    "Uangle",         read,             0x0000, open, 3},
    {band_gap_curve,                   "BGCurveK",       read_write,       0x0000, hidden},
    {band_gap_segment,                 "BGTempSegment",  read_write,       0x0000, hidden, 8},
    {temperature_setup_1,              "TempSetup1",     read_write,       0x0000, hidden},
    {temperature_setup_2,              "TempSetup2",     read_write,       0x0000, hidden},
    {hidden_access,                    "HiddenAccEn",    read_write,       0x0000, open},
  });
}();
// clang-format on

inline constexpr std::size_t addresses = 1024;  // Ten bits.

// An array with f(row) at each address of each row.
template <class Value, class F>
constexpr std::array<Value, addresses> by_address(F f) {
  std::array<Value, addresses> result{};
  for (const auto& row : registers) {
    for (std::size_t i = 0; i < row.count; ++i) {
      result[static_cast<std::size_t>(row.first) + i * row.stride] = f(row);
    }
  }
  return result;
}

constexpr std::uint16_t address(Register reg) { return static_cast<std::uint16_t>(reg); }

// From one phase's address to the next, for the rows below 100H: the others have no phases.
inline constexpr auto strides = [] {
  std::array<std::uint8_t, 256> result{};
  for (const auto& row : registers) {
    if (address(row.first) < result.size()) result[address(row.first)] = row.stride;
  }
  return result;
}();

// Of phase 0 (A), 1 (B) or 2 (C); `first` is of phase A.
constexpr std::uint16_t address(Register first, std::size_t phase) {
  const std::size_t at = address(first);
  return static_cast<std::uint16_t>(at + (at < strides.size() ? strides[at] * phase : 0));
}

inline constexpr std::uint16_t unlock_word = 0x55AA;
inline constexpr std::uint16_t soft_reset_word = 0x789A;

inline constexpr float volts_per_count = 0.01f;
inline constexpr float amperes_per_count = 0.001f;
inline constexpr float watts_per_count = 0.00032f;  // Of a 32-bit power; var and VA alike.
inline constexpr float hertz_per_count = 0.01f;

}  // namespace firmware::atm90e32
