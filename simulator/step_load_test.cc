#include "simulator/step_load.h"

#include <gtest/gtest.h>

namespace simulator {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

TEST(StepLoad, TogglesAtWholePeriodsOfTheWallClock) {
  StepLoad load(2s);
  std::vector<ChipInput> chips(load.chips());
  const auto power = [&] { return chips[0].channels[0].fundamental_power.value; };

  const auto low = load.advance(Timestamp(4'000ms), chips);
  EXPECT_EQ(power(), 100);
  EXPECT_EQ(low.until, Timestamp(6'000ms));
  load.advance(Timestamp(5'999ms), chips);
  EXPECT_EQ(power(), 100);

  const auto high = load.advance(Timestamp(6'000ms), chips);
  EXPECT_EQ(power(), 1100);
  EXPECT_EQ(high.until, Timestamp(8'000ms));
  EXPECT_FLOAT_EQ(chips[0].channels[0].current.value, 1100.f / 230);
}

TEST(StepLoad, HasOneClamp) {
  const StepLoad load;

  EXPECT_EQ(load.channels().size(), 1u);
  EXPECT_EQ(load.chips(), 1u);
}

}  // namespace
}  // namespace simulator
