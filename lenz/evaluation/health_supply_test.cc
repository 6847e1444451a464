#include "lenz/evaluation/health_supply.h"

#include <gtest/gtest.h>

#include <sstream>

namespace lenz::evaluation {
namespace {

TEST(HealthSupply, BreakersAreForetoldAndTheRowsSaySo) {
  const auto rows = evaluate_supply(
      {.homes = 0, .healthy_days = 0, .breakers = 12, .grid_years = 0, .seed = 5}, [](auto&) {});

  ASSERT_EQ(rows.size(), 2u);
  for (const auto& row : rows) {
    EXPECT_EQ(row.equipment, "breaker");
    EXPECT_EQ(row.fault, "breaker_overload");
    EXPECT_GT(row.histories, 6);  // Overloads below the band do not trip.
    EXPECT_GE(row.detection_rate, 0.9);
    EXPECT_LT(row.delay_median_days, 0);
  }
  std::ostringstream out;
  print_supply(rows, out);
  EXPECT_NE(out.str().find("UL 489"), std::string::npos);
}

}  // namespace
}  // namespace lenz::evaluation
