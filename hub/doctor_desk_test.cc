#include "hub/doctor_desk.h"

#include <gmock/gmock.h>

namespace hub {
namespace {

using testing::ElementsAre;

Home split_phase_home() {
  Home home{.id = "oak", .name = "Oak", .nominal_voltage_v = 120, .phases = 2};
  auto& panel = home.panels.emplace_back();
  panel.circuits = {{.id = "mains",
                     .name = "Mains",
                     .kind = CircuitKind::grid,
                     .legs = {1, 2},
                     .channels = {{"meter-1", 0, 1}, {"meter-1", 1, -1}}},
                    {.id = "solar",
                     .name = "Solar",
                     .kind = CircuitKind::solar,
                     .parent = "mains",
                     .legs = {1, 2},
                     .channels = {{"meter-1", 3, 2}}},
                    {.id = "shed", .name = "Shed", .legs = {1}, .channels = {{"meter-2", 0, 1}}}};
  auto& meter = home.meters.emplace_back();
  meter.id = "meter-1";
  meter.chips.resize(2);
  meter.chips[0].cs_pin = 5;
  meter.chips[1].cs_pin = 4;
  meter.chips[0].channels[0].current_gain = 13'759;
  meter.chips[0].channels[0].multiplier = 2;
  return home;
}

TEST(DoctorDesk, GivesTheDoctorAMetersPanelWithItsGainsAndPins) {
  const auto home = split_phase_home();

  const auto panel = wiring_panel(home, "meter-1", {});

  EXPECT_EQ(panel.phases, 2);
  ASSERT_EQ(panel.circuits.size(), 3U);
  EXPECT_EQ(panel.circuits[0].kind, insight::wiring::CircuitKind::grid);
  ASSERT_EQ(panel.circuits[0].clamps.size(), 2U);
  EXPECT_EQ(panel.circuits[0].clamps[0].current_gain, 27'518);
  EXPECT_EQ(panel.circuits[0].clamps[0].hardware_multiplier, 2);
  EXPECT_EQ(panel.circuits[0].clamps[1].multiplier, -1);
  EXPECT_EQ(panel.circuits[1].kind, insight::wiring::CircuitKind::production);
  EXPECT_EQ(panel.circuits[1].parent, 0U);
  EXPECT_TRUE(panel.circuits[2].clamps.empty());  // Another meter's.
  ASSERT_EQ(panel.chips.size(), 2U);
  EXPECT_EQ(panel.chips[1].cs_pin, 4);
}

TEST(DoctorDesk, KnowsTheMetersOfAPanel) {
  EXPECT_THAT(metered_devices(split_phase_home(), {}), ElementsAre("meter-1", "meter-2"));
}

}  // namespace
}  // namespace hub
