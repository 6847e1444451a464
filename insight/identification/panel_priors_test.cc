#include "insight/identification/panel_priors.h"

#include <gtest/gtest.h>

namespace insight {
namespace {

std::optional<ApplianceKind> named(const char* words) { return kind_named({.words = words}); }

TEST(PanelPriorsTest, ANameThatSaysOneKindIsTakenAtItsWord) {
  EXPECT_EQ(named("Tumble dryer, Laundry"), ApplianceKind::tumble_dryer);
  EXPECT_EQ(named("Heat pump, Cellar"), ApplianceKind::heat_pump);
  EXPECT_EQ(named("Water heater"), ApplianceKind::water_heater);
  EXPECT_EQ(named("EV charger, Garage"), ApplianceKind::ev_charger);
  EXPECT_EQ(named("DISH WASHER"), ApplianceKind::dishwasher);
  EXPECT_EQ(named("Washer dryer"), ApplianceKind::washer_dryer);
}

TEST(PanelPriorsTest, ANameThatSaysMoreOrNothingNamesNoKind) {
  EXPECT_EQ(named("Kitchen"), std::nullopt);
  EXPECT_EQ(named("Laundry"), std::nullopt);
  EXPECT_EQ(named("Range"), std::nullopt);
  EXPECT_EQ(named("Fridge and freezer"), std::nullopt);
  EXPECT_EQ(named("Lights and dishwasher"), std::nullopt);
  EXPECT_EQ(named("Driveway"), std::nullopt);  // No word of its own in it.
}

TEST(PanelPriorsTest, WhatHangsOnSocketsIsSeldomAloneOnALineOf120V) {
  KindChances even{};
  even[static_cast<std::size_t>(ApplianceKind::television)] = 0.5F;
  even[static_cast<std::size_t>(ApplianceKind::lighting)] = 0.5F;

  const auto american = with_panel(even, {.nominal_voltage = {120}});
  const auto european = with_panel(even, {.nominal_voltage = {230}});

  EXPECT_NEAR(american[static_cast<std::size_t>(ApplianceKind::lighting)], 1 / 1.3, 1e-4);
  EXPECT_EQ(european, even);
}

}  // namespace
}  // namespace insight
