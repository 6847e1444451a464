#include "simulator/atm90e32_chip.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>

namespace simulator {
namespace {

using namespace measurement::literals;
using namespace std::chrono_literals;
using firmware::atm90e32::address;
using firmware::atm90e32::Register;
using measurement::Amperes;
using measurement::Volts;
using measurement::Watts;

// One volt at a pin per volt or ampere at the mains, times a small number, so that the counts can
// be computed by hand: 0.001 V at a pin is 109.226 counts.
constexpr FrontEnd millivolts{.volts_per_volt = 0.001, .clamps = {{{0.001}, {0.001}, {0.001}}}};

std::uint16_t read(Atm90e32Chip& chip, std::uint16_t at) {
  std::array<std::uint8_t, 4> frame = {static_cast<std::uint8_t>(0x80 | at >> 8),
                                       static_cast<std::uint8_t>(at)};
  chip.exchange(frame);
  return static_cast<std::uint16_t>(frame[2] << 8 | frame[3]);
}
std::uint16_t read(Atm90e32Chip& chip, Register reg, std::size_t phase = 0) {
  return read(chip, address(reg, phase));
}
void write(Atm90e32Chip& chip, Register reg, std::uint16_t word, std::size_t phase = 0) {
  const auto at = address(reg, phase);
  std::array<std::uint8_t, 4> frame = {
      static_cast<std::uint8_t>(at >> 8), static_cast<std::uint8_t>(at),
      static_cast<std::uint8_t>(word >> 8), static_cast<std::uint8_t>(word)};
  chip.exchange(frame);
}

struct Powered {
  Atm90e32Chip chip;
  explicit Powered(const ChipOptions& options = {}, const FrontEnd& front = millivolts)
      : chip(front, options) {
    chip.advance(options.boot_time);
  }
  void set(Register reg, std::uint16_t word, std::size_t phase = 0) {
    write(chip, Register::configuration_access, 0x55AA);
    write(chip, reg, word, phase);
    write(chip, Register::configuration_access, 0);
  }
  std::uint16_t get(Register reg, std::size_t phase = 0) { return read(chip, reg, phase); }
  double watts(Register high, Register low, std::size_t phase = 0) {
    const auto counts =
        static_cast<std::int32_t>(std::uint32_t{get(high, phase)} << 16 | get(low, phase));
    return counts * 0.00032;
  }
};

ChipInput mains(float volts, const std::array<ChannelLoad, 3>& loads, float hertz = 50) {
  return {.voltage = {Volts{volts}, Volts{volts}, Volts{volts}},
          .frequency = measurement::Hertz{hertz},
          .channels = loads};
}
ChannelLoad load(float watts, float amperes) {
  return {.fundamental_power = Watts{watts}, .current = Amperes{amperes}};
}

TEST(Atm90e32Chip, WakesWithTheDatasheetsDefaults) {
  Powered board;

  EXPECT_EQ(board.get(Register::meter_enable), 0x0000);
  EXPECT_EQ(board.get(Register::current_map), 0x0210);
  EXPECT_EQ(board.get(Register::voltage_map), 0x0654);
  EXPECT_EQ(board.get(Register::sag_and_peak_periods), 0x143F);
  EXPECT_EQ(board.get(Register::energy_constant_high), 0x0861);
  EXPECT_EQ(board.get(Register::energy_constant_low), 0xC468);
  EXPECT_EQ(board.get(Register::metering_mode_0), 0x0087);
  EXPECT_EQ(read(board.chip, 0x69), 0x8000);  // UgainC.
}

TEST(Atm90e32Chip, IsDeafUntilItHasBooted) {
  Atm90e32Chip chip;

  EXPECT_EQ(read(chip, Register::current_map), 0xFFFF);
  chip.advance(16ms);
  EXPECT_EQ(read(chip, Register::current_map), 0x0210);
}

TEST(Atm90e32Chip, ALockedRegisterKeepsItsWord) {
  for (const bool shows : {false, true}) {
    Powered board({.refused_write_is_last = shows});
    board.get(Register::current_map);

    write(board.chip, Register::voltage_gain, 0x1234);

    EXPECT_EQ(board.get(Register::last_spi_data), shows ? 0x1234 : 0x0210);
    EXPECT_EQ(board.get(Register::voltage_gain), 0x8000);
    board.set(Register::voltage_gain, 0x1234);
    EXPECT_EQ(board.get(Register::voltage_gain), 0x1234);
  }
}

TEST(Atm90e32Chip, AFrameWithAClockTooManyOrTooFewWritesNothing) {
  Powered board;
  write(board.chip, Register::configuration_access, 0x55AA);

  for (const unsigned clocks : {31u, 33u, 16u, 8u}) {
    std::array<std::uint8_t, 4> frame = {0x00, 0x61, 0x12, 0x34};
    board.chip.exchange_clocked(frame, clocks);
  }

  EXPECT_EQ(board.get(Register::last_spi_data), 0x55AA);
  EXPECT_EQ(board.get(Register::voltage_gain), 0x8000);
}

TEST(Atm90e32Chip, ASoftResetRestoresTheDefaults) {
  Powered board;
  board.set(Register::voltage_gain, 0x1234);

  write(board.chip, Register::soft_reset, 0x1111);
  EXPECT_EQ(board.get(Register::voltage_gain), 0x1234);
  write(board.chip, Register::soft_reset, 0x789A);
  board.chip.advance(16ms);

  EXPECT_EQ(board.get(Register::voltage_gain), 0x8000);
}

TEST(Atm90e32Chip, TellsVoltageCurrentAndPowerOfWhatIsAtItsPins) {
  Powered board;
  // At 0.1 V and 0.2 V of pin: 10,922.6 and 21,845.2 counts, so 109.226 V and 21.8452 A.
  board.chip.apply(mains(100, {load(10000, 200), {}, {}}));

  board.chip.advance(1s);

  EXPECT_EQ(board.get(Register::rms_voltage), 10922);
  EXPECT_EQ(board.get(Register::rms_voltage_low), 154 << 8);  // 0.6 of 256.
  EXPECT_EQ(board.get(Register::rms_current), 21845);
  // PF 0.5: 109.226 x 21.8452 / 2 = 1193.03 W.
  EXPECT_NEAR(board.watts(Register::active_power, Register::active_power_low), 1193.03, 0.01);
  EXPECT_NEAR(board.watts(Register::active_power_total, Register::active_power_total_low), 1193.03,
              0.01);
  EXPECT_NEAR(board.watts(Register::apparent_power, Register::apparent_power_low), 2386.07, 0.01);
  EXPECT_EQ(board.get(Register::power_factor), 500);
  EXPECT_EQ(board.get(Register::frequency), 5000);
}

// One count is PL_Constant / (power x 4000 / 0.00032 W) seconds: at 3200 impulses a kWh, 11.25 J.
TEST(Atm90e32Chip, EnergyIsCountedToTheLastCountWhateverTheSteps) {
  for (const auto step : {1s, 5s}) {
    Powered board;
    board.set(Register::meter_enable, 1);
    board.chip.apply(mains(100, {load(20000, 200), load(-20000, 200), load(20000, 200)}));

    for (auto time = 0s; time < 10s; time += step) board.chip.advance(step);

    // 2386.07 W for 10 s: 23,860.7 J are 2120.95 counts.
    EXPECT_EQ(board.get(Register::forward_active_energy, 0), 2120);
    EXPECT_EQ(board.get(Register::reverse_active_energy, 1), 2120);
    EXPECT_EQ(board.get(Register::forward_active_energy, 1), 0);
    EXPECT_EQ(board.get(Register::forward_active_energy_total), 2120);
    EXPECT_EQ(board.get(Register::forward_active_energy, 0), 0) << "read clears";
    EXPECT_EQ(board.get(Register::last_spi_data), 0);
  }
}

TEST(Atm90e32Chip, NothingIsCountedWhileMeteringIsOff) {
  Powered board;
  board.chip.apply(mains(100, {load(20000, 200), {}, {}}));

  board.chip.advance(10s);

  EXPECT_EQ(board.get(Register::forward_active_energy), 0);
}

// A common threshold for the sum silences two legs that cancel; a threshold for each does not.
TEST(Atm90e32Chip, AThresholdForTheSumHidesLegsThatCancel) {
  for (const auto start : std::to_array<std::uint16_t>({0, 7500})) {
    Powered board;
    board.set(Register::meter_enable, 1);
    board.set(Register::active_start_threshold, start);
    board.chip.apply(mains(100, {load(20000, 200), load(-20000, 200), {}}));

    board.chip.advance(10s);

    EXPECT_EQ(board.get(Register::forward_active_energy, 0), start ? 0 : 2120);
    EXPECT_EQ(board.get(Register::reverse_active_energy, 1), start ? 0 : 2120);
  }
}

TEST(Atm90e32Chip, LessThanThePhaseThresholdIsNotCounted) {
  Powered board;
  board.set(Register::meter_enable, 1);
  board.set(Register::active_phase_threshold, 750);  // 0.24 W.
  // 0.001193 W each of W at the mains per pin: 190 and 210 give 0.2267 and 0.2505 W.
  board.chip.apply(mains(100, {load(1.90f, 0.1f), load(2.10f, 0.1f), {}}));

  board.chip.advance(1000s);

  EXPECT_EQ(board.get(Register::forward_active_energy, 0), 0);
  // 0.25054 W for 1000 s are 22.27 counts.
  EXPECT_EQ(board.get(Register::forward_active_energy, 1), 22);
}

TEST(Atm90e32Chip, AWindowIsSixteenCyclesAndAveragesWhatItSaw) {
  Powered board;
  board.chip.apply(mains(100, {load(20000, 200), {}, {}}));

  board.chip.advance(160ms);
  board.chip.apply(mains(100, {}));
  board.chip.advance(159ms);
  EXPECT_EQ(board.get(Register::active_power), 0);
  board.chip.advance(1ms);

  // Half of the window at 2386.07 W. The RMS is that of the squares: 21,845.2 / sqrt 2.
  EXPECT_NEAR(board.watts(Register::active_power, Register::active_power_low), 1193.03, 0.01);
  EXPECT_EQ(board.get(Register::rms_current), 15446);
  board.chip.advance(320ms);
  EXPECT_EQ(board.get(Register::rms_current), 0);
}

TEST(Atm90e32Chip, ConvertersClipAtOneAndAFifthVolt) {
  Powered board;
  board.set(Register::current_gain, 0x2000);

  // 2 V RMS at the pin is nearly a square wave: more than 1.2 V / sqrt 2, less than 1.2 V.
  board.chip.apply(mains(100, {load(200000, 2000), {}, {}}));
  board.chip.advance(1s);

  const double volts = board.get(Register::rms_current) * 4 / counts_per_pin_volt;
  EXPECT_GT(volts, 1.0);
  EXPECT_LT(volts, 1.2);
  // IPeak [A] = register x Igain / (1000 x 2^13): 1.2 V are 1.2 x 109,226 / 4 / 1000 = 32.77 A.
  EXPECT_EQ(board.get(Register::peak_current), 32767);
  EXPECT_EQ(board.get(Register::rms_voltage), 10922);
}

TEST(Atm90e32Chip, RmsRegistersSaturate) {
  Powered board;

  board.chip.apply(mains(100, {load(70000, 700), {}, {}}));
  board.chip.advance(1s);

  EXPECT_EQ(board.get(Register::rms_current), 65535);  // 0.7 V would be 76,458.
  // 109.226 V x 76.458 A: power does not.
  EXPECT_NEAR(board.watts(Register::active_power, Register::active_power_low), 8351.2, 0.1);
}

TEST(Atm90e32Chip, DelayingTheCurrentTurnsActiveIntoReactivePower) {
  Powered board;
  board.set(Register::phase_delay, 114);
  board.chip.apply(mains(100, {load(20000, 200), {}, {}}));

  board.chip.advance(1s);

  // 114 / 2.048 MHz of a cycle of 20 ms is 1.00195 degrees: 2386.07 x cos and sin of that.
  EXPECT_NEAR(board.watts(Register::active_power, Register::active_power_low), 2385.70, 0.02);
  EXPECT_NEAR(board.watts(Register::reactive_power, Register::reactive_power_low), 41.72, 0.02);
}

TEST(Atm90e32Chip, AppliesGainsAndOffsetsInTheOrderTheyAreCalibratedIn) {
  Powered board;
  board.set(Register::metering_mode_1, 0x01);  // Current A x 2.
  board.set(Register::current_gain, 0x2000);   // x 1/4.
  board.set(Register::current_offset, 512);    // + 1 mA.
  board.set(Register::power_gain, 0x1475);     // + 15.98 %, the example of Atmel-46103A.
  board.set(Register::active_offset, static_cast<std::uint16_t>(-3125));  // - 1 W.
  board.chip.apply(mains(100, {load(20000, 200), {}, {}}));

  board.chip.advance(1s);

  EXPECT_EQ(board.get(Register::rms_current), 10923);  // 10,922.6 + 1.
  // 2386.07 / 2 x (1 + 5237 / 32768) - 1.
  EXPECT_NEAR(board.watts(Register::active_power, Register::active_power_low), 1382.71, 0.02);
}

TEST(Atm90e32Chip, PeaksAreOfTheLastPeriodOnly) {
  Powered board;
  board.set(Register::sag_and_peak_periods, 0xFF3F);  // 255 ms.
  auto inrush = load(2000, 20);
  inrush.peak_current = 300.0_A;
  board.chip.apply(mains(100, {inrush, {}, {}}));
  board.chip.advance(10ms);
  board.chip.apply(mains(100, {load(2000, 20), {}, {}}));

  board.chip.advance(245ms);
  // 0.3 V: 0.3 x 109,226 / 4.
  EXPECT_EQ(board.get(Register::peak_current), 8192);
  board.chip.advance(255ms);
  // 0.02 V x sqrt 2.
  EXPECT_EQ(board.get(Register::peak_current), 772);
}

TEST(Atm90e32Chip, FlagsWhatIsWrongWithTheMainsAndRemembersThatItChanged) {
  Powered board;
  board.chip.apply(mains(500, {load(0, 0), {}, {}}));  // 0.7071 V peak of 1.2: 38,616.
  board.chip.advance(1s);
  write(board.chip, Register::change_0, 0xFFFF);
  write(board.chip, Register::change_1, 0xFFFF);
  EXPECT_EQ(board.get(Register::state_1) & 0xF700, 0);

  board.chip.apply(mains(20, {load(-10, 700), {}, {}}, 52));  // 1545 of FFFFH; 0.99 V of current.
  board.chip.advance(1s);

  EXPECT_EQ(board.get(Register::state_1) & 0xF700, 0xF000);  // FreqHi and three sags, no loss.
  EXPECT_EQ(board.get(Register::state_1) & 0x0007, 0x0004);  // Phase A is negative.
  EXPECT_EQ(board.get(Register::state_0) & 0xE000, 0x8000);  // Over-current on A.
  EXPECT_EQ(board.get(Register::change_1) & 0xF000, 0xF000);
  write(board.chip, Register::change_1, 0x8000);
  EXPECT_EQ(board.get(Register::change_1) & 0xF000, 0x7000);
}

TEST(Atm90e32Chip, WithoutAnyVoltageThereIsNoFrequency) {
  Powered board;
  auto input = mains(0, {});
  input.voltage[2] = 230.0_V;
  board.chip.apply(input);
  board.chip.advance(1s);
  EXPECT_EQ(board.get(Register::frequency), 5000);

  board.chip.apply(mains(0, {}));
  board.chip.advance(1s);

  EXPECT_EQ(board.get(Register::frequency), 0);
}

TEST(Atm90e32Chip, TheConfigurationsChecksumNoticesAParticle) {
  Powered board;
  board.set(Register::voltage_gain, 0x1234);
  EXPECT_EQ(board.get(Register::crc_status), 0);

  board.chip.upset(Register::voltage_gain, 0x0010);

  EXPECT_EQ(board.get(Register::crc_status), 1);
}

TEST(Atm90e32Chip, TemperatureIsRightOnlyWithItsHiddenSetUp) {
  Powered board({.temperature = {35}});
  EXPECT_NE(board.get(Register::temperature), 35);

  write(board.chip, Register::temperature_setup_1, 0x5183);  // Still hidden: dropped.
  write(board.chip, Register::hidden_access, 0x55AA);
  EXPECT_EQ(board.get(Register::temperature_setup_1), 0);
  write(board.chip, Register::temperature_setup_1, 0x5183);
  write(board.chip, Register::temperature_setup_2, 0x01C1);

  EXPECT_EQ(board.get(Register::temperature), 35);
}

TEST(Atm90e32Chip, AFastCrystalCountsMoreEnergyAndFewerHertz) {
  Powered board({.clock_error_ppm = 1000});
  board.set(Register::meter_enable, 1);
  board.chip.apply(mains(100, {load(20000, 200), {}, {}}));

  board.chip.advance(100s);

  EXPECT_EQ(board.get(Register::frequency), 4995);
  EXPECT_NEAR(board.get(Register::forward_active_energy), 21209.5 * 1.001, 1);
}

TEST(Atm90e32Chip, AFullEnergyRegisterWrapsOrStays) {
  for (const auto overflow : {ChipOptions::Overflow::wraps, ChipOptions::Overflow::saturates}) {
    Powered board({.energy_overflow = overflow});
    board.set(Register::meter_enable, 1);
    board.chip.apply(mains(100, {load(20000, 200), {}, {}}));

    board.chip.advance(400s);

    // 2386.07 W x 400 s / 11.25 J = 84,838; less 65,536 is 19,302.
    const bool wraps = overflow == ChipOptions::Overflow::wraps;
    EXPECT_NEAR(board.get(Register::forward_active_energy), wraps ? 19302 : 65535, wraps ? 1 : 0);
  }
}

TEST(Atm90e32Chip, AStuckLineSaysOneWordAndAnEmptySocketNothing) {
  Powered board;
  board.chip.set_line(Atm90e32Chip::Line::stuck_low);
  EXPECT_EQ(board.get(Register::current_map), 0);
  board.chip.set_line(Atm90e32Chip::Line::stuck_high);
  EXPECT_EQ(board.get(Register::current_map), 0xFFFF);
  board.chip.set_line(Atm90e32Chip::Line::sound);
  EXPECT_EQ(board.get(Register::last_spi_data), 0x0210) << "the chip has heard all the while";
  board.chip.set_missing(true);
  EXPECT_EQ(board.get(Register::current_map), 0xFFFF);
}

TEST(Atm90e32Chip, AnInputsNoiseShowsInTheCurrentAndNotInTheEnergy) {
  Powered board({.current_noise = 50e-6});
  board.set(Register::meter_enable, 1);
  board.chip.apply(mains(100, {}));

  board.chip.advance(100s);

  EXPECT_EQ(board.get(Register::rms_current), 5);  // 50 uV x 109,226 = 5.46 mA.
  EXPECT_EQ(board.get(Register::forward_active_energy), 0);
}

}  // namespace
}  // namespace simulator
