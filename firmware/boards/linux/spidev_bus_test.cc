#include "firmware/boards/linux/spidev_bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/spi/spidev.h>

#include "firmware/atm90e32.h"
#include "firmware/boards/linux/fake_machine.h"
#include "simulator/atm90e32_chip.h"

namespace firmware::linux_board {
namespace {

using measurement::Uptime;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

simulator::ChipInput mains_of(float volts) {
  return {
      .voltage = {measurement::Volts{volts}, measurement::Volts{volts}, measurement::Volts{volts}},
      .frequency = {50}};
}

// Until the driver has set its chip up.
void settle(simulator::Atm90e32Chip& chip, Atm90e32& driver) {
  for (Uptime now{}; now < 3s; now += 50ms) {
    driver.tend(now);
    chip.advance(50ms);
  }
}

TEST(SpidevBusTest, EachChipIsReadBehindItsOwnLine) {
  simulator::Atm90e32Chip here, there;
  here.apply(mains_of(230));
  there.apply(mains_of(115));
  FakeMachine machine;
  machine.chips = {{5, &here}, {6, &there}};
  SpidevBus bus({.selects = {5, 6}}, machine);
  // 9 V from 230 V, divided by 22, and 109226 counts a volt at the pin: see
  // simulator/atm90e32_chip.h.
  ChipConfig config;
  for (auto& channel : config.channels) channel.voltage_gain = 16'866;
  Atm90e32 first(bus.chip(0), config), second(bus.chip(1), config);

  settle(here, first);
  settle(there, second);

  ASSERT_EQ(bus.chips(), 2u);
  EXPECT_NEAR(first.sweep(3s)->voltage->value, 230, 0.1);
  EXPECT_NEAR(second.sweep(3s)->voltage->value, 115, 0.1);
  EXPECT_TRUE(machine.selected.empty());
  EXPECT_EQ(bus.failures(), 0u);
}

TEST(SpidevBusTest, TheBusIsAsTheChipWantsIt) {
  simulator::Atm90e32Chip chip;
  FakeMachine machine;
  machine.chips = {{5, &chip}};
  SpidevBus bus({.selects = {5}}, machine);
  std::array<std::uint8_t, 4> frame = {0x80, 0x01, 0xFF, 0xFF};

  bus.chip(0).exchange(frame);

  EXPECT_EQ(machine.mode, std::uint32_t{SPI_MODE_3 | SPI_NO_CS});
  EXPECT_LE(machine.fastest, 1'100'000u);  // Datasheet, section 6.1.
}

TEST(SpidevBusTest, AControllerThatMovesItsOwnSelectServesToo) {
  FakeMachine machine;
  machine.knows_no_select = false;

  const SpidevBus bus({.selects = {5}}, machine);

  EXPECT_EQ(machine.mode, std::uint32_t{SPI_MODE_3});
}

TEST(SpidevBusTest, AFrameThatTheKernelRefusesReadsAsAMissingChip) {
  simulator::Atm90e32Chip chip;
  FakeMachine machine;
  machine.chips = {{5, &chip}};
  SpidevBus bus({.selects = {5}}, machine);
  Atm90e32 driver(bus.chip(0), {});
  settle(chip, driver);
  machine.fails = true;

  const auto sweep = driver.sweep(3s);

  ASSERT_FALSE(sweep);
  EXPECT_EQ(sweep.error(), ChipError::missing);
  EXPECT_GT(bus.failures(), 0u);
  EXPECT_TRUE(machine.selected.empty());
}

TEST(SpidevBusTest, NothingStaysOpenWhenItEnds) {
  FakeMachine machine;
  { const SpidevBus bus({.selects = {5, 6}}, machine); }

  EXPECT_TRUE(machine.files.empty());
  EXPECT_TRUE(machine.lines.empty());
}

std::string complaint(FakeMachine& machine) {
  try {
    const SpidevBus bus({.selects = {5, 6}}, machine);
  } catch (const std::runtime_error& error) {
    EXPECT_TRUE(machine.files.empty() && machine.lines.empty()) << "Something was left open.";
    return error.what();
  }
  return "no complaint";
}

TEST(SpidevBusTest, WhatIsMissingIsNamedWithTheRemedy) {
  FakeMachine no_bus, no_lines, busy;
  no_bus.missing = {"/dev/spidev0.0"};
  no_lines.missing = {"/dev/gpiochip0"};
  busy.busy = {6};

  EXPECT_THAT(complaint(no_bus), HasSubstr("/dev/spidev0.0 cannot be opened (No such file"));
  EXPECT_THAT(complaint(no_bus), HasSubstr("switch SPI on"));
  EXPECT_THAT(complaint(no_lines), HasSubstr("/dev/gpiochip0"));
  EXPECT_THAT(complaint(no_lines), HasSubstr("gpiodetect"));
  EXPECT_THAT(complaint(busy), HasSubstr("GPIO line 6 of /dev/gpiochip0"));
  EXPECT_THAT(complaint(busy), HasSubstr("choose a line"));
}

TEST(SpidevBusTest, AMachineWithoutABusSaysSo) {
  EXPECT_THROW(SpidevBus({.device = "/nowhere/spidev"}), std::runtime_error);
}

}  // namespace
}  // namespace firmware::linux_board
