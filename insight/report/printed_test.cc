#include "insight/report/printed.h"

#include <gtest/gtest.h>

#include <array>

namespace insight {
namespace {

using enum ApplianceKind;

TEST(Printed, AreAppliancesThatAreToldWell) {
  EXPECT_TRUE(is_printed(freezer, std::array{washing_machine}));
  EXPECT_TRUE(is_printed(router, std::array{television, lighting}));
  EXPECT_FALSE(is_printed(lighting, {}));
  EXPECT_FALSE(is_printed(dishwasher, {}));
}

TEST(Printed, IsNoFreezerBesideAFridge) {
  EXPECT_FALSE(is_printed(freezer, std::array{kettle, fridge}));
  EXPECT_FALSE(is_printed(freezer, std::array{freezer}));
}

}  // namespace
}  // namespace insight
