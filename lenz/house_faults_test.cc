#include "lenz/house_faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lenz {
namespace {

using testing::HasSubstr;

TEST(HouseFaults, AHouseHasAllThatAreAskedFor) {
  const auto faults = house_faults("eu3", {"fridge-gasket@day10", "ev-reduced:0.3"});

  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults[0].after, std::chrono::days(9));
  EXPECT_EQ(faults[1].severity, 0.3);
}

TEST(HouseFaults, WhatCannotBeIsSaidBeforeAnythingStarts) {
  const auto refuses = [](const char* house, const char* fault, const char* says) {
    EXPECT_THAT([&] { house_faults(house, {fault}); },
                testing::ThrowsMessage<std::runtime_error>(HasSubstr(says)));
  };

  refuses("us", "roof", "choose one of fridge-gasket");
  refuses("step", "fridge-gasket", "needs --house us or eu3");
}

}  // namespace
}  // namespace lenz
