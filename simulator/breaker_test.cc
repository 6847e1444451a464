#include "simulator/breaker.h"

#include <gtest/gtest.h>

namespace simulator {
namespace {

TEST(Breaker, NoneTripsAtItsRatingAndAllAtTwiceOfIt) {
  Chance chance(5);
  for (int i = 0; i < 50; ++i) {
    auto one = Breaker::draw(BreakerNorm::ul_489, 20, {40}, chance);
    auto other = one;

    for (int s = 0; s < 7200; ++s) EXPECT_TRUE(one.carry(20, 1));
    for (int s = 0; s < 120; ++s) other.carry(40, 1);  // UL 489: within 2 minutes.
    EXPECT_TRUE(other.has_tripped());
  }
}

TEST(Breaker, WarmAirMakesItTripSooner) {
  Chance chance(6), same(6);
  auto cool = Breaker::draw(BreakerNorm::iec_60898, 16, {10}, chance);
  auto warm = Breaker::draw(BreakerNorm::iec_60898, 16, {45}, same);
  int cool_s = 0, warm_s = 0;

  while (cool_s < 7200 && cool.carry(2 * 16, 1)) ++cool_s;
  while (warm_s < 7200 && warm.carry(2 * 16, 1)) ++warm_s;

  EXPECT_LT(warm_s, cool_s);
}

TEST(Breaker, ResetItCarriesAgain) {
  Chance chance(7);
  auto breaker = Breaker::draw(BreakerNorm::iec_60898, 16, {30}, chance);
  while (breaker.carry(60, 1)) {
  }

  EXPECT_FALSE(breaker.carry(0, 1));
  breaker.reset();
  EXPECT_TRUE(breaker.carry(16, 1));
}

}  // namespace
}  // namespace simulator
