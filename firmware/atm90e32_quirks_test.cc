// What the ATM90E32AS and its boards are known to do, and what other firmwares tripped over. Each
// is a case here; docs/meter.md lists them.

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "firmware/atm90e32.h"
#include "simulator/board.h"

namespace firmware {
namespace {

using namespace measurement::literals;
using namespace std::chrono_literals;
using measurement::Amperes;
using measurement::Uptime;
using measurement::Vars;
using measurement::Volts;
using measurement::Watts;
using simulator::Atm90e32Chip;
using simulator::ChannelLoad;
using simulator::ChipInput;
using simulator::ChipOptions;

ChipInput mains(const std::array<ChannelLoad, 3>& loads) {
  return {.voltage = {230.0_V, 230.0_V, 230.0_V}, .frequency = 50.0_Hz, .channels = loads};
}

ChannelLoad load(float watts, float vars) {
  return {.fundamental_power = Watts{watts},
          .reactive_power = Vars{vars},
          .current = Amperes{std::hypot(watts, vars) / 230}};
}

// Spoils the answer of chosen frames, and looks how the driver uses the bus.
struct Cable final : SpiBus {
  explicit Cable(Atm90e32Chip& at) : chip(at) {}

  void exchange(std::span<std::uint8_t> bytes) override {
    if (bytes.size() != 4) ++odd_frames;
    const auto at = static_cast<std::uint16_t>((bytes[0] << 8 | bytes[1]) & 0x3FF);
    const bool reads = (bytes[0] & 0x80) != 0;
    chip.exchange(bytes);
    if (reads && spoil > 0 && at == spoiled) {
      --spoil;
      bytes[3] ^= 0x40;
    }
  }

  Atm90e32Chip& chip;
  std::uint16_t spoiled = 0;
  int spoil = 0;
  int odd_frames = 0;
};

struct Bench {
  Atm90e32Chip chip;
  Cable cable{chip};
  Atm90e32 driver;
  Uptime now{};

  static ChipConfig config() {
    ChipConfig config;
    for (std::size_t phase = 0; phase < 3; ++phase) {
      config.channels[phase] = simulator::calibrated({}, phase, 50, Amperes{65});
    }
    return config;
  }

  explicit Bench(const ChipInput& input, const ChipOptions& options = {},
                 const ChipConfig& config = Bench::config(), const simulator::FrontEnd& front = {})
      : chip(front, options), driver(cable, config) {
    chip.apply(input);
    driver.tend(now);
    pass(40ms);
    pass(1000ms);
  }
  void pass(Uptime time) {
    chip.advance(time);
    now += time;
    driver.tend(now);
  }
  Sweep sweep() {
    const auto read = driver.sweep(now);
    EXPECT_TRUE(read) << sentence(read.error());
    return read.value_or(Sweep{});
  }
};

TEST(Atm90e32Quirks, A_TheCurrentHasNoSignSoDirectionIsThePowers) {
  Bench bench(mains({load(-1150, 0), load(1150, 0), {}}));

  const auto sweep = bench.sweep();

  EXPECT_NEAR(sweep.channels[0].current.value().value, 5, 0.002);
  EXPECT_NEAR(sweep.channels[0].active_power.value().value, -1150, 0.2);
  EXPECT_NEAR(sweep.channels[1].active_power.value().value, 1150, 0.2);
}

TEST(Atm90e32Quirks, B_EnergyThatWasReadDamagedIsTakenFromTheChipsCopy) {
  Bench bench(mains({load(3600, 0), {}, {}}));
  const auto before = bench.sweep().channels[0].imported.value();
  bench.pass(10s);
  bench.cable.spoiled = atm90e32::address(atm90e32::Register::forward_active_energy);
  bench.cable.spoil = 1;

  const auto after = bench.sweep().channels[0].imported.value();

  EXPECT_EQ(bench.cable.spoil, 0);
  EXPECT_NEAR(static_cast<double>((after - before).value), 10'000, 5);  // 3600 W in 10 s: 10 Wh.
}

TEST(Atm90e32Quirks, C_EachClampsProducedEnergyIsItsOwn) {
  Bench bench(mains({load(0, 0), load(-1800, 0), load(-3600, 0)}));
  const auto before = bench.sweep();
  bench.pass(10s);

  const auto after = bench.sweep();

  const std::array<double, 3> expected = {0, 5000, 10'000};  // Milliwatt-hours.
  for (std::size_t phase = 0; phase < 3; ++phase) {
    const auto produced =
        after.channels[phase].exported.value() - before.channels[phase].exported.value();
    EXPECT_NEAR(static_cast<double>(produced.value), expected[phase], 5) << phase;
    EXPECT_EQ(after.channels[phase].imported.value().value, 0) << phase;
  }
}

TEST(Atm90e32Quirks, D_NothingIsDividedBeforeItIsAFraction) {
  auto input = mains({load(57.5f, 0), {}, {}});  // 0.25 A at 230 V.
  input.voltage = {230.25_V, 230.25_V, 230.25_V};
  input.frequency = 49.97_Hz;
  Bench bench(input);

  const auto sweep = bench.sweep();

  EXPECT_NEAR(sweep.voltage.value().value, 230.25, 0.02);
  EXPECT_NEAR(sweep.frequency.value().value, 49.97, 0.006);
  EXPECT_NEAR(sweep.channels[0].current.value().value, 0.25, 0.0006);
}

// 0.3 degrees between voltage and current are Q / P = 0.005236.
TEST(Atm90e32Quirks, E_AnAngleOfTenthsOfADegreeIsNotCutOff) {
  Bench bench(mains({load(2300, 2300 * 0.005236f), {}, {}}));

  const auto channel = bench.sweep().channels[0];

  const float angle =
      std::atan2(channel.reactive_power.value().value, channel.active_power.value().value);
  EXPECT_NEAR(angle * 180 / 3.14159265f, 0.3, 0.005);
}

TEST(Atm90e32Quirks, F_ChipsThatAverageAtOtherMomentsCountTheSameEnergy) {
  Bench early(mains({})), late(mains({}));
  late.pass(160ms);  // Half a window.
  for (auto* bench : {&early, &late}) bench->chip.apply(mains({load(2000, 0), {}, {}}));
  for (auto* bench : {&early, &late}) bench->pass(100ms);

  // Within a window after the switch the powers differ.
  const auto early_power = early.sweep().channels[0].active_power.value();
  const auto late_power = late.sweep().channels[0].active_power.value();
  EXPECT_GT(std::abs((early_power - late_power).value), 100);
  for (auto* bench : {&early, &late}) bench->pass(1700ms);
  for (auto* bench : {&early, &late}) bench->chip.apply(mains({}));
  for (auto* bench : {&early, &late}) bench->pass(5s);
  // 1.8 s of 2000 W: 1000 mWh, in counts of 4.
  EXPECT_NEAR(static_cast<double>(early.sweep().channels[0].imported.value().value), 1000, 4);
  EXPECT_NEAR(static_cast<double>(late.sweep().channels[0].imported.value().value), 1000, 4);
}

TEST(Atm90e32Quirks, G_SomeNegativeWattsWithoutLoadAreAnOffsetAndAreTakenOff) {
  simulator::FrontEnd front;
  front.clamps[0].active_watts = -2.4;
  Bench raw(mains({}), {}, Bench::config(), front);
  EXPECT_NEAR(raw.sweep().channels[0].active_power.value().value, -2.4, 0.01);
  auto config = Bench::config();
  config.channels[0].active_offset = 7500;  // 2.4 W / 0.00032 W.
  Bench set(mains({}), {}, config, front);
  set.pass(60s);

  const auto channel = set.sweep().channels[0];

  EXPECT_NEAR(channel.active_power.value().value, 0, 0.001);
  EXPECT_EQ(channel.exported.value().value, 0);
}

// Against the other leg of a split phase power turns its sign; against the next of three phases,
// 120 degrees away, it is P cos 120 = -P / 2. The current stays right.
TEST(Atm90e32Quirks, H_AClampAgainstTheWrongVoltageHasTheRightCurrentAndAnotherPower) {
  Bench bench(mains({load(-2300, 0), load(-1150, 1991.858f), load(-1150, -1991.858f)}));

  const auto sweep = bench.sweep();

  const std::array<float, 3> powers = {-2300, -1150, -1150};
  for (std::size_t phase = 0; phase < 3; ++phase) {
    EXPECT_NEAR(sweep.channels[phase].current.value().value, 10, 0.003);
    EXPECT_NEAR(sweep.channels[phase].active_power.value().value, powers[phase], 0.3);
  }
}

TEST(Atm90e32Quirks, I_AllOnesOrAllZerosAreNoChip) {
  for (const auto line : {Atm90e32Chip::Line::stuck_high, Atm90e32Chip::Line::stuck_low}) {
    Bench bench(mains({load(1000, 0), load(0, 0), load(0, 0)}));
    bench.chip.set_line(line);

    const auto sweep = bench.driver.sweep(bench.now);

    ASSERT_FALSE(sweep);
    EXPECT_EQ(sweep.error(), ChipError::missing);
  }
}

TEST(Atm90e32Quirks, J_ADipOfTheSupplyRestoresDefaultsAndIsSeenBeforeAnythingIsBelieved) {
  Bench bench(mains({load(3600, 0), {}, {}}));
  bench.pass(10s);
  const auto before = bench.sweep().channels[0].imported.value();
  bench.chip.brown_out();
  bench.pass(100ms);

  ASSERT_FALSE(bench.driver.sweep(bench.now));
  for (int i = 0; i < 5; ++i) bench.pass(500ms);
  const auto after = bench.sweep();

  EXPECT_EQ(bench.driver.health().resets, 1u);
  EXPECT_GE(after.channels[0].imported.value().value, before.value);
  EXPECT_NEAR(after.channels[0].active_power.value().value, 3600, 0.5);
}

TEST(Atm90e32Quirks, K_OneRegisterAFrameAndADamagedPowerIsReadAgain) {
  Bench bench(mains({load(2300, 0), {}, {}}));
  bench.cable.spoiled = atm90e32::address(atm90e32::Register::active_power_low);
  bench.cable.spoil = 1;

  const auto sweep = bench.sweep();

  EXPECT_EQ(bench.cable.spoil, 0);
  EXPECT_EQ(bench.cable.odd_frames, 0);
  EXPECT_NEAR(sweep.channels[0].active_power.value().value, 2300, 0.3);
}

// A bus of a microcontroller knows six devices; the driver needs one frame at a time and a select.
TEST(Atm90e32Quirks, L_FourteenChipsShareOneBus) {
  struct Shared {
    std::vector<std::unique_ptr<Atm90e32Chip>> chips;
    std::size_t selected = 0;
  } shared;
  struct Select final : SpiBus {
    Select(Shared& on, std::size_t chip) : bus(on), index(chip) {}
    void exchange(std::span<std::uint8_t> bytes) override {
      bus.selected = index;
      bus.chips[bus.selected]->exchange(bytes);
    }
    Shared& bus;
    std::size_t index;
  };
  std::vector<Select> selects;
  std::vector<Atm90e32> drivers;
  for (std::size_t i = 0; i < measurement::max_chips; ++i) {
    shared.chips.push_back(std::make_unique<Atm90e32Chip>());
    shared.chips.back()->apply(mains({load(100.f * static_cast<float>(i + 1), 0), {}, {}}));
    selects.emplace_back(shared, i);
  }
  for (auto& select : selects) drivers.emplace_back(select, Bench::config());
  for (const auto at : {0ms, 40ms, 1040ms}) {
    for (std::size_t i = 0; i < drivers.size(); ++i) {
      if (at > 0ms) shared.chips[i]->advance(at == 40ms ? 40ms : 1000ms);
      drivers[i].tend(at);
    }
  }

  for (std::size_t i = 0; i < drivers.size(); ++i) {
    const auto sweep = drivers[i].sweep(1040ms);
    ASSERT_TRUE(sweep) << i;
    EXPECT_NEAR(sweep->channels[0].active_power.value().value, 100.0 * static_cast<double>(i + 1),
                0.5);
  }
}

}  // namespace
}  // namespace firmware
