// Channels that are set anew while the chip meters, and what a transformer does with little
// current.

#include <gtest/gtest.h>

#include <cmath>

#include "firmware/atm90e32.h"
#include "simulator/board.h"

namespace firmware {
namespace {

using namespace measurement::literals;
using namespace std::chrono_literals;
using measurement::Amperes;
using measurement::Uptime;
using measurement::Vars;
using measurement::Watts;
using simulator::Atm90e32Chip;
using simulator::ChannelLoad;
using simulator::FrontEnd;

ChannelLoad load(double watts, double vars) {
  return {.fundamental_power = Watts{static_cast<float>(watts)},
          .reactive_power = Vars{static_cast<float>(vars)},
          .current = Amperes{static_cast<float>(std::hypot(watts, vars) / 230)}};
}

struct Bench {
  Atm90e32Chip chip;
  simulator::FaultyBus bus;
  Atm90e32 driver;
  Uptime now{};

  explicit Bench(const ChannelLoad& first, const FrontEnd& front = {},
                 const ChannelConfig* words = nullptr, const simulator::BusFaults& faults = {},
                 const simulator::ChipOptions& options = {})
      : chip(front, options), bus(chip, faults, 3), driver(bus, config(words)) {
    apply(first);
    driver.tend(now);
    pass(40ms);
    pass(1000ms);
  }
  static ChipConfig config(const ChannelConfig* words) {
    ChipConfig config;
    for (auto& channel : config.channels) {
      channel = simulator::calibrated({}, 0, 50, Amperes{65});
    }
    if (words != nullptr) config.channels[0] = *words;
    return config;
  }
  void apply(const ChannelLoad& first) {
    chip.apply({.voltage = {230.0_V, 230.0_V, 230.0_V},
                .frequency = 50.0_Hz,
                .channels = {first, {}, {}}});
  }
  void pass(Uptime time) {
    chip.advance(time);
    now += time;
    driver.tend(now);
  }
  Sweep sweep() { return driver.sweep(now).value_or(Sweep{}); }
  double imported() {
    const auto total = sweep().channels[0].imported;
    return total ? static_cast<double>(total->value) : NAN;
  }
};

TEST(ChannelChange, TakesEffectAfterSettlingAndLosesNoEnergy) {
  Bench bench(load(3600, 0));
  const double before = bench.imported();
  auto words = bench.driver.config().channels[0];
  words.current_gain = static_cast<std::uint16_t>(words.current_gain / 2);
  bench.pass(5s);

  ASSERT_TRUE(bench.driver.change(0, words, bench.now));
  EXPECT_FALSE(bench.sweep().channels[0].active_power) << "It has not settled.";
  bench.pass(1s);
  const auto after = bench.sweep();
  bench.pass(4s);

  EXPECT_NEAR(after.channels[0].active_power.value().value, 1800, 0.5);
  // 5 s at 3600 W and 5 s at what is now taken for 1800 W.
  EXPECT_NEAR(bench.imported() - before, 5000 + 2500, 12);
  EXPECT_EQ(bench.driver.health().resets, 0u);
  EXPECT_EQ(bench.chip.peek(atm90e32::address(atm90e32::Register::configuration_access)), 0);
}

TEST(ChannelChange, AnotherMultiplierDoesNotTouchWhatWasCounted) {
  Bench bench(load(3600, 0));
  bench.pass(5s);
  const double before = bench.imported();
  auto words = bench.driver.config().channels[0];
  words.multiplier = 2;

  ASSERT_TRUE(bench.driver.change(0, words, bench.now));

  EXPECT_NEAR(bench.imported(), before, 8);
}

TEST(ChannelChange, OverACableThatGarblesEveryTwentiethWordItIsSetOrSetBack) {
  int set = 0;
  for (int i = 0; i < 50; ++i) {
    Bench bench(load(1000, 0), {}, nullptr, {.answer = 0.05, .written = 0.05});
    auto words = bench.driver.config().channels[0];
    words.phase_delay = static_cast<std::int16_t>(100 + i);
    const auto changed = bench.driver.change(0, words, bench.now);
    const auto shown = bench.driver.config().channels[0].phase_delay;
    EXPECT_EQ(shown, changed ? words.phase_delay : 0);
    if (changed) {
      ++set;
      EXPECT_EQ(bench.chip.peek(atm90e32::address(atm90e32::Register::phase_delay)),
                words.phase_delay);
    }
  }
  EXPECT_GT(set, 25);
}

TEST(ChannelChange, AMissingChipIsNotSet) {
  Bench bench(load(1000, 0));
  bench.chip.set_missing(true);
  auto words = bench.driver.config().channels[0];
  words.phase_delay = 5;

  const auto changed = bench.driver.change(0, words, bench.now);

  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error(), ChipError::missing);
  EXPECT_EQ(bench.driver.config().channels[0].phase_delay, 0);
}

// 0.01 V and 1 mA are the whole counts; the low word has 256 parts of each.
TEST(ChannelChange, AFineReadingHasPartsOfACount) {
  Bench bench(load(230 * 0.0104, 0));

  const auto fine = bench.driver.fine_reading(0);

  ASSERT_TRUE(fine);
  EXPECT_NEAR(fine->current.value, 0.0104, 0.00002);
  EXPECT_NEAR(fine->voltage.value, 230, 0.005);
  EXPECT_FLOAT_EQ(bench.sweep().channels[0].current.value().value, 0.010f);
}

// 2 degrees more lead and 2 % less at a twentieth of 100 A: what the clamp says is put right, in
// power, in current and in the energy.
TEST(Curve, WhatTheCoreDoesWithLittleCurrentIsPutRight) {
  FrontEnd front;
  front.clamps[0].low_current_lead = 2;
  front.clamps[0].low_current_loss = 0.02;
  auto words = simulator::calibrated({}, 0, 50, Amperes{65});
  words.curve = {{{5000, 20'408, 34'907}, {}, {}, {}}};  // 1 / 0.98 and 2 degrees.
  const double watts = 5 * 230 * 0.5, vars = 5 * 230 * 0.8660254;
  Bench off(load(watts, vars), front), on(load(watts, vars), front, &words);
  on.sweep();
  const double before = on.imported();
  on.pass(1s);
  on.sweep();
  for (int i = 0; i < 60; ++i) {
    on.pass(1s);
    on.sweep();
  }

  const auto wrong = off.sweep().channels[0];
  const auto right = on.sweep().channels[0];

  EXPECT_NEAR(wrong.active_power.value().value,
              watts * 0.98 * (std::cos(0.0349066) + 1.7320508 * std::sin(0.0349066)), 0.5);
  EXPECT_NEAR(right.active_power.value().value, watts, 0.2);
  EXPECT_NEAR(right.reactive_power.value().value, vars, 0.2);
  EXPECT_NEAR(right.current.value().value, 5, 0.002);
  EXPECT_NEAR(on.driver.fundamental_power(0).value().value, watts, 0.2);
  EXPECT_NEAR(on.imported() - before, watts * 61 / 3.6, watts * 61 / 3.6 * 0.001);
}

// What the slopes of the registers do: 16 log2 of mA, 1 / 2^19 a step for the gain and 1 / 2^8 of
// 0.488 us for the phase (Atmel-46103A, section 4.2.7).
TEST(Segments, ASlopeRaisesThePowerWithTheLogarithmOfTheCurrent) {
  auto words = simulator::calibrated({}, 0, 50, Amperes{65});
  words.gain_slopes = {0, -100, 0};
  Bench plain(load(1000, 0)), sloped(load(1000, 0), {}, &words);

  const double ratio = sloped.sweep().channels[0].active_power.value().value /
                       plain.sweep().channels[0].active_power.value().value;

  // 1000 W are 4348 mA: 16 log2(4348) = 193.38, from C5H = 197.
  EXPECT_NEAR(ratio, 1 + 100 * (197 - 193.38) / 524288, 2e-5);
}

TEST(Segments, APhaseSlopeTurnsWithTheLogarithmOfTheCurrent) {
  auto words = simulator::calibrated({}, 0, 50, Amperes{65});
  words.phase_slopes = {127, 0, 0};
  Bench sloped(load(11'500, 0), {}, &words);

  const auto channel = sloped.sweep().channels[0];

  // 50 A: 16 log2(50000) = 249.75; (249.75 - 197) 127 / 256 = 26.17 of 0.488 us: 0.230 degrees.
  const double angle =
      std::atan2(channel.reactive_power.value().value, channel.active_power.value().value);
  EXPECT_NEAR(angle * 180 / 3.14159265, 0.230, 0.002);
}

TEST(Segments, TheVoltagesGainFollowsTheWarmth) {
  auto words = simulator::calibrated({}, 0, 50, Amperes{65});
  words.voltage_gain_over_temperature = 105;  // 100 ppm a degree.
  Bench bench(load(0, 0), {.volts_per_volt_per_degree = -100e-6}, &words, {},
              {.temperature = {65}});

  EXPECT_NEAR(bench.sweep().voltage.value().value, 230, 0.02);
}

TEST(Segments, ThePhaseFollowsTheFrequency) {
  Bench bench(load(2300, 0));
  bench.chip.apply({.voltage = {230.0_V, 230.0_V, 230.0_V},
                    .frequency = 51.0_Hz,
                    .channels = {load(2300, 0), {}, {}}});
  const auto write = [&](std::uint16_t at, std::uint16_t word) {
    std::array<std::uint8_t, 4> frame = {
        static_cast<std::uint8_t>(at >> 8), static_cast<std::uint8_t>(at),
        static_cast<std::uint8_t>(word >> 8), static_cast<std::uint8_t>(word)};
    bench.chip.exchange(frame);
  };
  write(0x7F, 0x55AA);
  write(atm90e32::address(atm90e32::Register::phase_over_frequency), 127);
  bench.pass(1s);

  const auto channel = bench.sweep().channels[0];

  // 100 steps of 0.01 Hz: 100 x 127 / 512 = 24.8 of 0.488 us: 0.222 degrees at 51 Hz.
  const double angle =
      std::atan2(channel.reactive_power.value().value, channel.active_power.value().value);
  EXPECT_NEAR(angle * 180 / 3.14159265, 0.2223, 0.003);
}

}  // namespace
}  // namespace firmware
