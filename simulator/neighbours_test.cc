#include "simulator/neighbours.h"

#include <gtest/gtest.h>

#include "simulator/household.h"
#include "simulator/step_load.h"

namespace simulator {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp begin(std::chrono::sys_days(std::chrono::year(2026) / 3 / 1));

std::unique_ptr<Household> household(std::uint64_t seed) {
  return std::make_unique<Household>(HouseholdOptions{.seed = seed, .begin = begin});
}

TEST(Repeated, FourHousesFillTheLargestMeter) {
  std::vector<std::unique_ptr<Scene>> scenes;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) scenes.push_back(household(seed));
  Repeated street(std::move(scenes), 42);
  const auto third = household(3);
  std::vector<ChipInput> chips(street.chips()), alone(third->chips());

  const auto moment = street.advance(begin + 8h, chips);
  third->advance(begin + 8h, alone);

  EXPECT_EQ(street.channels().size(), 42u);
  EXPECT_EQ(chips.size(), 14u);
  EXPECT_TRUE(moment.powered);
  EXPECT_GT(moment.until, begin + 8h);
  for (std::size_t chip = 0; chip < 4; ++chip) {
    EXPECT_EQ(chips[8 + chip].voltage, alone[chip].voltage);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(chips[8 + chip].channels[c].current, alone[chip].channels[c].current);
    }
  }
}

TEST(Repeated, ChangesWhenTheFirstOfItsScenesDoes) {
  std::vector<std::unique_ptr<Scene>> scenes;
  scenes.push_back(std::make_unique<StepLoad>(7s));
  scenes.push_back(std::make_unique<StepLoad>(5s));
  Repeated both(std::move(scenes), 4);
  std::vector<ChipInput> chips(both.chips());

  const auto moment = both.advance(Timestamp(8s), chips);

  EXPECT_EQ(moment.until, Timestamp(10s));
  // 8 s is in the second period of 7 s and in the second of 5 s.
  EXPECT_EQ(chips[0].channels[0].fundamental_power.value, 1100);
  EXPECT_EQ(chips[1].channels[0].fundamental_power.value, 1100);
  EXPECT_TRUE(both.channels()[1].name.empty());
}

TEST(Repeated, IsCutInTheMiddleOfAChip) {
  std::vector<std::unique_ptr<Scene>> scenes;
  scenes.push_back(household(1));
  Repeated part(std::move(scenes), 4);
  std::vector<ChipInput> chips(part.chips());

  part.advance(begin + 8h, chips);

  ASSERT_EQ(chips.size(), 2u);
  EXPECT_NE(chips[1].channels[0].current.value, 0);
  EXPECT_EQ(chips[1].channels[1].current.value, 0);
}

}  // namespace
}  // namespace simulator
