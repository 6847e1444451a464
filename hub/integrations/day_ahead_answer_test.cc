#include "hub/integrations/day_ahead_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hub {
namespace {

using insight::Decimal;
using namespace std::chrono_literals;

const measurement::Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 11 / 30);

Decimal price(std::string_view text) { return Decimal::parse(text).value(); }

TEST(DayAheadAnswer, IsReadInTheFormsThatSourcesHave) {
  for (const std::string answer : {
           R"({"data": [{"start_timestamp": 1795996800000, "end_timestamp": 1796000400000,
               "marketprice": 87.3, "unit": "Eur/MWh"}]})",
           R"([{"startsAt": "2026-11-30T01:00:00.000+01:00", "total": 87.3}])",
           R"({"records": [{"HourUTC": "2026-11-30T00:00:00", "SpotPriceEUR": 87.3}]})",
           R"({"prices": [{"time": "2026-11-30T00:00Z", "price": "87.30"}]})",
           "time,price\n2026-11-30T00:00Z,87.3\n",
       }) {
    const auto found = prices_in(answer, true);

    ASSERT_TRUE(found) << answer << ": " << found.error();
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ((*found)[0], PriceFrom(midnight, price("0.0873"))) << answer;
  }
}

TEST(DayAheadAnswer, OfOneKilowattHourStays) {
  EXPECT_EQ(prices_in(R"([{"time": "2026-11-30T00:00Z", "price": -0.0123}])", false).value()[0],
            PriceFrom(midnight, price("-0.0123")));
}

TEST(DayAheadAnswer, ThatIsNoneIsRefused) {
  for (const std::string answer :
       {"", "{}", "[]", "3", "<html>", R"({"data": 3})", R"([{"time": "soon", "price": 1}])",
        R"([{"price": 1}])", R"([{"time": "2026-11-30T00:00Z", "price": {"a": 1}}])",
        R"([[1, 2]])"}) {
    EXPECT_FALSE(prices_in(answer, false)) << answer;
  }
}

}  // namespace
}  // namespace hub
