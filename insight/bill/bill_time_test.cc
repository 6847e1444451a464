#include <gtest/gtest.h>

#include <ctime>

#include "bench/bill_year.h"

namespace insight {
namespace {

TEST(BillTime, OfAYearOfThirtyCircuitsIsWithinTenTimesWhatTheBenchmarkMayTake) {
  const auto year = year_of_circuits(LENZ_SOURCE_DIR "/hub/tariff_templates");
  const auto before = std::clock();
  EXPECT_EQ(bill_split_and_replay(year), 12U * 11U);
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 20);
}

}  // namespace
}  // namespace insight
