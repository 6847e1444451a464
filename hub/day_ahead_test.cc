#include "hub/day_ahead.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace hub {
namespace {

using insight::Decimal;
using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::HasSubstr;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 11 / 30);

Decimal price(std::string_view text) { return Decimal::parse(text).value(); }

TEST(Prices, AreLinesOfATimeAndAPrice) {
  const auto found = parse_prices(
      "time;price\n\n2026-11-30T00:00Z;0.0873\n2026-11-30T02:00:00+01:00;-0.01\r\n1796004000000,"
      "1\n");

  ASSERT_TRUE(found) << found.error();
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[0], PriceFrom(midnight, price("0.0873")));
  EXPECT_EQ((*found)[1], PriceFrom(midnight + 1h, price("-0.01")));
  EXPECT_EQ((*found)[2], PriceFrom(midnight + 2h, price("1")));  // 1,796,004,000 s: 02:00 UTC.
}

TEST(Prices, AMistakeIsSaidWithItsLine) {
  for (const std::string line : {"2026-11-30T00:00,1", "2026-13-01T00:00Z,1", "tomorrow,1",
                                 "2026-11-30T00:00Z", "2026-11-30T00:00Z,cheap"}) {
    const auto found = parse_prices("time,price\n2026-11-30T00:00Z,1\n" + line + "\n");
    ASSERT_FALSE(found) << line;
    EXPECT_THAT(found.error(), HasSubstr("Line 3"));
  }
  EXPECT_FALSE(parse_prices("time,price\n"));
}

class PriceBookTest : public testing::Test {
 protected:
  PriceBookTest() {
    std::string name = (std::filesystem::temp_directory_path() / "lenz_prices_XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  ~PriceBookTest() override { std::filesystem::remove_all(folder); }
  std::filesystem::path file() const { return folder / "day_ahead.csv"; }

  std::filesystem::path folder;
};

TEST_F(PriceBookTest, APriceHoldsUntilTheNextAndForAnHourAtMost) {
  PriceBook book(file());

  ASSERT_TRUE(book.add({{midnight, price("1")},
                        {midnight + 15min, price("2")},
                        {midnight + 30min, price("3")},
                        {midnight + 3h, price("4")},
                        {midnight + 4h, price("5")}}));

  EXPECT_EQ(book.prices().at(midnight), price("1"));
  EXPECT_EQ(book.prices().at(midnight + 29min), price("2"));
  EXPECT_EQ(book.prices().at(midnight + 89min), price("3"));
  EXPECT_EQ(book.prices().at(midnight + 90min), std::nullopt);
  EXPECT_EQ(book.prices().at(midnight + 299min), price("5"));
  EXPECT_EQ(book.until(), midnight + 5h);
}

TEST_F(PriceBookTest, WhatIsKnownIsThereAfterARestart) {
  {
    PriceBook book(file());
    ASSERT_TRUE(book.add({{midnight, price("0.123456789")}, {midnight + 1h, price("-0.02")}}));
    ASSERT_TRUE(book.add({{midnight + 1h, price("0.03")}}));
  }

  const PriceBook again(file());

  EXPECT_EQ(again.prices().at(midnight + 45min), price("0.123456789"));
  EXPECT_EQ(again.prices().at(midnight + 1h), price("0.03"));
  EXPECT_EQ(again.until(), midnight + 2h);
}

TEST_F(PriceBookTest, AFileThatIsWrongIsRefusedWithItsName) {
  std::ofstream(file()) << "time,price\nnever,1\n";

  try {
    PriceBook book(file());
    FAIL() << "it was taken";
  } catch (const std::runtime_error& refusal) {
    EXPECT_THAT(refusal.what(), testing::AllOf(HasSubstr("day_ahead.csv"), HasSubstr("Line 2")));
  }
}

TEST_F(PriceBookTest, ATimeBetweenQuartersIsRefused) {
  PriceBook book(file());
  EXPECT_FALSE(book.add({{midnight + 7min, price("1")}}));
  EXPECT_FALSE(book.until());
}

}  // namespace
}  // namespace hub
