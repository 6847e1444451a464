#include "insight/wiring/placement.h"

#include <gmock/gmock.h>

#include <numbers>

namespace insight::wiring {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double half_turn = std::numbers::pi;

Share share(std::complex<double> value, std::size_t times = 5) {
  return {.value = value, .error = 0.005, .times = times, .greatest_va = 1500};
}

const Entry on_first{.legs = {1}, .own_leg = 1, .type_factors = {0.4, 0.56, 1.5, 2}};
const std::vector<double> both_right{1, 1};

TEST(Placement, IsWhereTheStepsAreFound) {
  const std::vector shares{share(0.01), share({-0.99, 0.02})};

  const auto placement = place(on_first, shares, both_right, half_turn);

  EXPECT_THAT(placement.legs, ElementsAre(2));
  EXPECT_TRUE(placement.is_proven);
  EXPECT_EQ(placement.factor, 1);
}

TEST(Placement, IsInNoLegWhereNothingIsFoundOfManySteps) {
  const std::vector shares{share(0.01), share(0.02)};

  const auto placement = place(on_first, shares, both_right, half_turn);

  EXPECT_THAT(placement.legs, IsEmpty());
  EXPECT_TRUE(placement.is_proven);
}

TEST(Placement, TellsAnotherTypeOfClampFromAnotherLeg) {
  const std::vector shares{share(1.51), share(0.01)};

  const auto placement = place(on_first, shares, both_right, half_turn);

  EXPECT_THAT(placement.legs, ElementsAre(1));
  EXPECT_TRUE(placement.is_sized);
  EXPECT_EQ(placement.factor, 1.5);
}

// A mains' clamp that says twice as much makes all its circuits look so.
TEST(Placement, TakesWhatTheMainsSayIntoAccount) {
  const std::vector shares{share(2), share(0.01)};

  EXPECT_EQ(place(on_first, shares, std::vector<double>{2, 1}, half_turn).factor, 1);
}

TEST(Placement, IsNotSureOfWhatAnotherLoadHasMade) {
  const std::vector once{share({0.7, 0.5}, 1), share({0.4, -0.6}, 1)};

  EXPECT_FALSE(place(on_first, once, both_right, half_turn).is_proven);
}

TEST(Placement, NamesNoTypeByOneRoughStep) {
  auto rough = share(1.46, 1);
  rough.error = 0.04;
  const std::vector shares{rough, share(0.01, 1)};

  EXPECT_FALSE(place(on_first, shares, both_right, half_turn).is_sized);
}

}  // namespace
}  // namespace insight::wiring
