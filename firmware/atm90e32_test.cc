#include "firmware/atm90e32.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "simulator/board.h"

namespace firmware {
namespace {

using namespace measurement::literals;
using namespace std::chrono_literals;
using measurement::Amperes;
using measurement::Hertz;
using measurement::Uptime;
using measurement::Vars;
using measurement::Volts;
using measurement::Watts;
using simulator::Atm90e32Chip;
using simulator::ChannelLoad;
using simulator::ChipInput;
using simulator::ChipOptions;
using testing::FloatNear;

constexpr Amperes hundred_ampere_clamp{65};  // SCT-013-000: to 65 A with 22 ohm.

ChipInput house(Volts volts, Hertz hertz, const std::array<ChannelLoad, 3>& loads) {
  return {.voltage = {volts, volts, volts}, .frequency = hertz, .channels = loads};
}

// `watts` of a heater or of solar panels at 230 V.
ChannelLoad resistive(float watts) {
  return {.fundamental_power = Watts{watts}, .current = Amperes{std::abs(watts) / 230}};
}

ChipInput heater(float watts) { return house(230.0_V, 50.0_Hz, {resistive(watts), {}, {}}); }

// A chip, its cable and its driver, on one clock.
struct Bench {
  Atm90e32Chip chip;
  simulator::FaultyBus bus;
  Atm90e32 driver;
  Uptime now{};

  explicit Bench(const ChipOptions& options = {}, const simulator::BusFaults& faults = {},
                 std::uint64_t seed = 1, int line_frequency = 50)
      : chip({}, options), bus(chip, faults, seed), driver(bus, config(line_frequency)) {}

  static ChipConfig config(int line_frequency) {
    ChipConfig config;
    config.line_frequency = line_frequency;
    for (std::size_t phase = 0; phase < 3; ++phase) {
      config.channels[phase] =
          simulator::calibrated({}, phase, line_frequency, hundred_ampere_clamp);
    }
    return config;
  }

  void pass(Uptime time) {
    chip.advance(time);
    now += time;
    driver.tend(now);
  }
  // From power-on until the readings are good.
  void start() {
    driver.tend(now);
    pass(40ms);
    pass(1000ms);
  }
  Sweep sweep() {
    const auto read = driver.sweep(now);
    EXPECT_TRUE(read) << sentence(read.error());
    return read.value_or(Sweep{});
  }
};

// Voltage and current gains are off by up to half a step: 1 in 33,734 and 1 in 54,546. Together
// with the steps of 0.01 V and 1 mA that is less than one part in 10,000.
constexpr float part = 1e-4f;

struct OperatingPoint {
  const char* name;
  int line_frequency;
  Volts volts;
  ChannelLoad load;
  Vars reactive;
};

// Volts and amperes give, by hand: P = V I cos, Q = V I sin, with sin of PF 0.5 = 0.8660254.
const std::array points = {
    OperatingPoint{"heater, 230 V x 10 A",
                   50,
                   230.0_V,
                   {.fundamental_power = 2300.0_W, .current = 10.0_A},
                   {}},
    OperatingPoint{"solar, 240 V x 12.5 A, exported",
                   60,
                   240.0_V,
                   {.fundamental_power = -3000.0_W, .current = 12.5_A},
                   {}},
    OperatingPoint{"motor, 230 V x 8 A at power factor 0.5",
                   50,
                   230.0_V,
                   {.fundamental_power = 920.0_W, .reactive_power = 1593.487_var, .current = 8.0_A},
                   1593.487_var},
    OperatingPoint{"oven and car, 230 V x 65 A",
                   50,
                   230.0_V,
                   {.fundamental_power = 14950.0_W, .current = 65.0_A},
                   {}},
    // I = 5 A, of which harmonic power is 40 W of 600 W: PF = 600 / (120 x 5) = 1.
    OperatingPoint{"distorted, 120 V x 5 A",
                   60,
                   120.0_V,
                   {.fundamental_power = 560.0_W, .harmonic_power = 40.0_W, .current = 5.0_A},
                   {}},
};

TEST(Atm90e32, ReadsEveryQuantityAsItIsAtTheClamps) {
  for (const auto& point : points) {
    SCOPED_TRACE(point.name);
    Bench bench({}, {}, 1, point.line_frequency);
    const Hertz hertz{static_cast<float>(point.line_frequency)};
    bench.chip.apply(house(point.volts, hertz, {{{}, point.load, {}}}));
    bench.start();

    const auto sweep = bench.sweep();

    const auto& channel = sweep.channels[1];
    const float amperes = point.load.current.value;
    const float apparent = point.volts.value * amperes;
    const float watts = point.load.fundamental_power.value + point.load.harmonic_power.value;
    ASSERT_TRUE(sweep.voltage && sweep.frequency);
    ASSERT_TRUE(channel.current && channel.active_power && channel.reactive_power);
    EXPECT_NEAR(sweep.voltage->value, point.volts.value, point.volts.value * part + 0.01f);
    EXPECT_FLOAT_EQ(sweep.frequency->value, hertz.value);
    EXPECT_NEAR(channel.current->value, amperes, amperes * part + 0.001f);
    EXPECT_NEAR(channel.active_power->value, watts, apparent * part);
    EXPECT_NEAR(channel.reactive_power->value, point.reactive.value, apparent * part);
    const auto fundamental = bench.driver.fundamental_power(1);
    const auto harmonic = bench.driver.harmonic_power(1);
    const auto peak = bench.driver.peak_current(1);
    const auto temperature = bench.driver.temperature();
    ASSERT_TRUE(fundamental && harmonic && peak && temperature);
    EXPECT_NEAR(fundamental->value, point.load.fundamental_power.value, apparent * part);
    EXPECT_NEAR(harmonic->value, point.load.harmonic_power.value, apparent * part);
    // A step of the peak is Igain / (1000 x 2^13) = 3.3 mA.
    EXPECT_NEAR(peak->value, amperes * 1.41421356f, amperes * part + 0.0034f);
    EXPECT_EQ(temperature->value, 41);
    EXPECT_EQ(sweep.channels[0].current->value, 0);
  }
}

TEST(Atm90e32, ReadsAMilliampere) {
  Bench bench;
  bench.chip.apply(
      house(230.0_V, 50.0_Hz, {{{.fundamental_power = 0.23_W, .current = 0.001_A}, {}, {}}}));
  bench.start();

  const auto sweep = bench.sweep();

  EXPECT_FLOAT_EQ(sweep.channels[0].current->value, 0.001f);
  EXPECT_NEAR(sweep.channels[0].active_power->value, 0.23f, 0.0004f);  // A step is 0.32 mW.
}

TEST(Atm90e32, CountsWhatWasDrawnAndWhatWasProducedApart) {
  Bench bench;
  bench.chip.apply(house(230.0_V, 50.0_Hz, {{resistive(1000), resistive(-500), {}}}));
  bench.start();
  const auto before = bench.sweep();

  for (int second = 0; second < 3600; ++second) {
    bench.pass(1000ms);
    bench.sweep();
  }

  const auto after = bench.sweep();
  const auto grown = [&](std::size_t phase, auto member) {
    return static_cast<double>(
        ((after.channels[phase].*member)->value - (before.channels[phase].*member)->value));
  };
  // 1 kW and 0.5 kW for an hour, to the calibration's 1 in 10,000 and a count of 4 mWh.
  EXPECT_NEAR(grown(0, &Sweep::Channel::imported), 1'000'000, 104);
  EXPECT_NEAR(grown(1, &Sweep::Channel::exported), 500'000, 54);
  EXPECT_EQ(grown(0, &Sweep::Channel::exported), 0);
  EXPECT_EQ(grown(1, &Sweep::Channel::imported), 0);
  EXPECT_EQ(bench.driver.health().doubtful, 0u);
}

TEST(Atm90e32, OpposingLegsDoNotHideEachOther) {
  Bench bench;
  bench.chip.apply(house(230.0_V, 50.0_Hz, {{resistive(2000), resistive(-2000), {}}}));
  bench.start();
  bench.sweep();

  bench.pass(3600ms);  // 2 kW for 3.6 s is 2 Wh.

  const auto total = bench.chip.peek(address(atm90e32::Register::forward_active_energy_total));
  const auto sweep = bench.sweep();
  EXPECT_EQ(total, 0);
  // And 1.04 s of set-up before: 578 mWh, to one count.
  EXPECT_NEAR(static_cast<double>(sweep.channels[0].imported->value), 2000 + 556, 5);
  EXPECT_NEAR(static_cast<double>(sweep.channels[1].exported->value), 2000 + 556, 5);
}

TEST(Atm90e32, MultipliesWhatALargeClampReads) {
  simulator::FrontEnd front;
  front.clamps[0].volts_per_ampere = 22.0 / 4000;  // 200 A : 50 mA into 22 ohm.
  auto config = Bench::config(50);
  config.channels[0] = simulator::calibrated(front, 0, 50, 130.0_A);
  ASSERT_EQ(config.channels[0].multiplier, 2);
  Atm90e32Chip chip(front);
  Atm90e32 driver(chip, config);
  chip.apply(house(240.0_V, 50.0_Hz, {{{.fundamental_power = 28800.0_W, .current = 120.0_A}}}));
  driver.tend(Uptime(0));
  chip.advance(40ms);
  driver.tend(Uptime(40));
  chip.advance(1s);
  driver.tend(Uptime(1040));

  const auto sweep = driver.sweep(Uptime(1040));

  ASSERT_TRUE(sweep);
  EXPECT_NEAR(sweep->channels[0].current->value, 120, 0.014);
  EXPECT_NEAR(sweep->channels[0].active_power->value, 28800, 2.9);
  // 28.8 kW for 1 s is 8 Wh; a count is 8 mWh.
  EXPECT_NEAR(static_cast<double>(sweep->channels[0].imported->value), 8000, 9);
  EXPECT_NEAR(driver.peak_current(0)->value, 169.706, 0.03);
}

TEST(Atm90e32, ASweepOfFourteenChipsTakesAtMost800Frames) {
  std::vector<std::unique_ptr<Bench>> benches;
  std::uint64_t frames = 0;
  for (int i = 0; i < 14; ++i) {
    auto& bench = *benches.emplace_back(std::make_unique<Bench>());
    bench.chip.apply(heater(1000));
    bench.start();
    const auto before = bench.bus.frames();
    bench.sweep();
    frames += bench.bus.frames() - before;
  }

  EXPECT_LE(frames, 800u);
  EXPECT_EQ(frames, 14u * 56u);
}

TEST(Atm90e32, ACurrentBeyondTheRegisterIsAbsentButItsPowerIsRead) {
  Bench bench;
  bench.chip.apply(
      house(230.0_V, 50.0_Hz, {{{.fundamental_power = 15640.0_W, .current = 68.0_A}, {}, {}}}));
  bench.start();

  const auto sweep = bench.sweep();

  EXPECT_FALSE(sweep.channels[0].current);
  EXPECT_NEAR(sweep.channels[0].active_power->value, 15640, 1.6);
}

TEST(Atm90e32, PowerThatVoltageAndCurrentCannotMakeIsAbsent) {
  Bench bench;
  bench.chip.apply(
      house(230.0_V, 50.0_Hz, {{{.fundamental_power = 500.0_W, .current = 1.0_A}, {}, {}}}));
  bench.start();

  const auto sweep = bench.sweep();

  EXPECT_FALSE(sweep.channels[0].active_power);
  EXPECT_TRUE(sweep.channels[0].current);
}

TEST(Atm90e32, ACutVoltageLeavesTheFrequencyAbsent) {
  Bench bench;
  bench.chip.apply(house(0.0_V, 50.0_Hz, {}));
  bench.start();

  const auto sweep = bench.sweep();

  EXPECT_EQ(sweep.voltage->value, 0);
  EXPECT_FALSE(sweep.frequency);
}

// 2 kW for 30 s is 16.7 Wh of the register's 262; at 15 kW it is full after 63 s.
TEST(Atm90e32, ARegisterPolledTooLateIsDoubtedAndNothingIsInvented) {
  for (const auto overflow : {ChipOptions::Overflow::wraps, ChipOptions::Overflow::saturates}) {
    Bench bench({.energy_overflow = overflow});
    bench.chip.apply(heater(14950));
    bench.start();
    bench.sweep();
    const auto before = bench.sweep().channels[0].imported->value;
    bench.pass(30'000ms);

    const auto in_time = bench.sweep().channels[0].imported->value - before;
    const auto doubtful_in_time = bench.driver.health().doubtful;
    bench.pass(90'000ms);
    const auto late = bench.sweep().channels[0].imported->value - before - in_time;

    // 14,950 W for 30 s is 124,583 mWh.
    EXPECT_NEAR(static_cast<double>(in_time), 124'583, 17);
    EXPECT_EQ(doubtful_in_time, 0u);
    // 90 s are 373,750 mWh, of which 65,535 counts of 4 mWh are left, or what is beyond 65,536.
    const double left = overflow == ChipOptions::Overflow::wraps ? 373'750 - 262'144 : 262'140;
    EXPECT_NEAR(static_cast<double>(late), left, 42);
    EXPECT_GE(bench.driver.health().doubtful, 1u);
  }
}

TEST(Atm90e32, IsRightWhetherOrNotARefusedWriteShows) {
  for (const bool shows : {false, true}) {
    Bench bench({.refused_write_is_last = shows});
    bench.chip.apply(heater(2300));
    bench.start();

    EXPECT_NEAR(bench.sweep().channels[0].active_power->value, 2300, 0.23);
    EXPECT_EQ(bench.driver.health().garbled, 0u);
  }
}

TEST(Atm90e32, AWindowThatEndsBetweenTwoWordsIsNeverRead) {
  // 2305.56 W is 0x6DF000 and 2308.18 W is 0x6E1000 in steps of 0.32 mW: one's high word with the
  // other's low word would be 2287.2 or 2326.5 W.
  Bench bench({.frame_time = 42us});
  bench.start();
  int read = 0;
  for (int i = 0; i < 400'000; ++i) {
    // The load changes about as often as a window ends, so that nearly every end changes the words.
    if (i % 97 == 0) bench.chip.apply(heater(i / 97 % 2 == 0 ? 2308.18f : 2305.56f));
    bench.pass(1ms);
    const auto sweep = bench.driver.sweep(bench.now);
    ASSERT_TRUE(sweep);
    const auto& watts = sweep->channels[0].active_power;
    if (i < 500 || !watts) continue;
    ++read;
    ASSERT_GT(watts->value, 2305.3f) << i;
    ASSERT_LT(watts->value, 2308.5f) << i;
  }
  EXPECT_GT(read, 399'000);
}

TEST(Atm90e32, ADipOfTheSupplyKeepsTheTotalsAndIsHealed) {
  Bench bench;
  bench.chip.apply(heater(3600));  // 1 Wh a second.
  bench.start();
  bench.sweep();
  bench.pass(1000ms);
  const auto before = bench.sweep().channels[0].imported->value;

  bench.chip.brown_out();
  bench.pass(1000ms);
  const auto refused = bench.driver.sweep(bench.now);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), ChipError::was_reset);
  EXPECT_EQ(bench.driver.health().resets, 1u);

  bench.driver.tend(bench.now);
  bench.pass(40ms);
  bench.pass(500ms);
  const auto settling = bench.sweep();
  EXPECT_FALSE(settling.voltage);
  EXPECT_FALSE(settling.channels[0].active_power);
  // 0.5 s at 1 Wh a second has been counted since it was set up again.
  EXPECT_NEAR(static_cast<double>(settling.channels[0].imported->value - before), 500, 5);

  bench.pass(500ms);
  EXPECT_NEAR(bench.sweep().channels[0].active_power->value, 3600, 0.36);
}

TEST(Atm90e32, AnUpsetGainIsNoticedBeforeAnythingIsBelieved) {
  Bench bench;
  bench.chip.apply(heater(2300));
  bench.start();
  bench.sweep();

  bench.chip.upset(atm90e32::Register::current_gain, 0x4000);
  bench.pass(1000ms);

  ASSERT_FALSE(bench.driver.sweep(bench.now));
  EXPECT_EQ(bench.driver.health().error, ChipError::was_reset);
}

TEST(Atm90e32, AStuckLineOrAnEmptySocketIsAMissingChip) {
  for (const auto line : {Atm90e32Chip::Line::stuck_high, Atm90e32Chip::Line::stuck_low}) {
    Bench bench;
    bench.chip.set_line(line);
    bench.start();
    const auto sweep = bench.driver.sweep(bench.now);
    ASSERT_FALSE(sweep);
    EXPECT_EQ(sweep.error(), ChipError::missing);
  }
  Bench bench;
  bench.chip.set_missing(true);
  bench.start();
  EXPECT_EQ(bench.driver.sweep(bench.now).error(), ChipError::missing);

  // It is looked for once a second, and found when it is there.
  const auto before = bench.bus.frames();
  for (int i = 0; i < 4; ++i) bench.pass(200ms);
  EXPECT_EQ(bench.bus.frames(), before);
  bench.chip.set_missing(false);
  bench.chip.apply(heater(2300));
  for (int i = 0; i < 15; ++i) bench.pass(200ms);
  EXPECT_NEAR(bench.sweep().channels[0].active_power->value, 2300, 0.23);
}

TEST(Atm90e32, WhatAChipCountedWhileItsLineWasCutIsNotLostTwice) {
  Bench bench;
  bench.chip.apply(heater(3600));
  bench.start();
  const auto before = bench.sweep().channels[0].imported->value;
  bench.chip.set_line(Atm90e32Chip::Line::stuck_high);
  bench.pass(1000ms);
  EXPECT_EQ(bench.driver.sweep(bench.now).error(), ChipError::missing);
  bench.pass(2000ms);

  bench.chip.set_line(Atm90e32Chip::Line::sound);
  bench.pass(1000ms);

  // The check came before the energies, so the chip still had all 4 s of 1 Wh.
  EXPECT_NEAR(static_cast<double>(bench.sweep().channels[0].imported->value - before), 4000, 5);
  EXPECT_EQ(bench.driver.health().resets, 0u);
}

TEST(Atm90e32, SetsAChipUpOverACableThatGarblesEveryTenthWord) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Bench bench({}, {.answer = 0.1, .written = 0.1}, seed);
    bench.chip.apply(heater(2300));
    bench.driver.tend(bench.now);
    for (int i = 0; i < 400 && bench.chip.peek(address(atm90e32::Register::meter_enable)) != 1; ++i)
      bench.pass(100ms);

    const auto expected = Bench::config(50).channels[2].current_gain;
    EXPECT_EQ(bench.chip.peek(address(atm90e32::Register::current_gain, 2)), expected) << seed;
    EXPECT_EQ(bench.chip.peek(address(atm90e32::Register::energy_constant_low)), 0x9500) << seed;
  }
}

// Reads the voltage gain where the energy of clamp A was meant, once.
class Misled final : public SpiBus {
 public:
  explicit Misled(SpiBus& bus) : bus_(bus) {}
  void exchange(std::span<std::uint8_t> bytes) override {
    const bool is_energy = bytes[0] == 0x80 && bytes[1] == 0x81;
    if (is_energy && armed) {
      bytes[1] = 0x61;  // Three bits of the address.
      armed = false;
    }
    bus_.exchange(bytes);
  }
  bool armed = false;

 private:
  SpiBus& bus_;
};

TEST(Atm90e32, AWordFromTheWrongRegisterIsNotTakenForEnergyThatNoClampCouldCarry) {
  Atm90e32Chip chip{{}, {}};
  Misled bus(chip);
  Atm90e32 driver(bus, Bench::config(50));
  chip.apply(heater(2300));
  const auto sweep_at = [&](Uptime now) {
    driver.tend(now);
    return driver.sweep(now);
  };
  driver.tend(0ms);
  for (const Uptime now : {40ms, 1040ms}) {
    chip.advance(now == Uptime(40) ? Uptime(40) : Uptime(1000));
    driver.tend(now);
  }
  const auto before = sweep_at(1040ms);

  bus.armed = true;
  chip.advance(Uptime(1000));
  const auto misled = sweep_at(2040ms);
  chip.advance(Uptime(1000));
  const auto after = sweep_at(3040ms);

  // The gain is some 16,000 counts, 64 Wh in a second. The clamp clips at 78 A.
  EXPECT_FALSE(misled->channels[0].imported);
  EXPECT_EQ(driver.health().doubtful, 1u);
  // Two seconds of 2,300 W are 1,278 mWh; counts are of 4 mWh.
  const auto gained = after->channels[0].imported->value - before->channels[0].imported->value;
  EXPECT_NEAR(static_cast<double>(gained), 1278, 4);
}

// 3 clamps, 200,000 sweeps, 11 million frames with some 11,000 flipped bits.
TEST(Atm90e32, AGarbledCableDoesNotChangeATotalByAMilliwattHour) {
  constexpr std::uint64_t seed = 20'240'229;
  SCOPED_TRACE(seed);
  Bench sound;
  Bench garbled({}, {.answer = 1e-3}, seed);
  for (auto* bench : {&sound, &garbled}) {
    bench->start();
    for (int i = 0; i < 200'000; ++i) {
      if (i % 10 == 0) {
        const auto watts = static_cast<float>(i % 7000);
        bench->chip.apply(
            house(230.0_V, 50.0_Hz, {{resistive(watts), resistive(-watts / 3), resistive(40)}}));
      }
      bench->pass(1000ms);
      ASSERT_TRUE(bench->driver.sweep(bench->now)) << i;
    }
  }

  const auto expected = sound.sweep();
  const auto sweep = garbled.sweep();

  for (std::size_t phase = 0; phase < 3; ++phase) {
    EXPECT_EQ(sweep.channels[phase].imported, expected.channels[phase].imported);
    EXPECT_EQ(sweep.channels[phase].exported, expected.channels[phase].exported);
  }
  EXPECT_GT(garbled.bus.flips(), 10'000u);
  EXPECT_EQ(sound.bus.flips(), 0u);
  EXPECT_EQ(garbled.driver.health().resets, 0u);
  EXPECT_EQ(garbled.driver.health().doubtful, 0u);
}

}  // namespace
}  // namespace firmware
