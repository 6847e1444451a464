#include "insight/bill/money.h"

#include <gtest/gtest.h>

namespace insight {
namespace {

Decimal of(std::string_view words) { return Decimal::parse(words).value(); }

TEST(Money, ReadsAndWritesDecimalsExactly) {
  EXPECT_EQ(of("0.1").nano, 100'000'000);
  EXPECT_EQ(of("-12.345").nano, -12'345'000'000);
  EXPECT_EQ(of("0.0000000010").nano, 1);
  EXPECT_EQ(text(of("0.1") + of("0.2"), 2), "0.30");
  EXPECT_EQ(text(of("-0.5"), 2), "-0.50");
  EXPECT_EQ(text(of("7"), 0), "7");
  EXPECT_EQ(text(of("0.32657"), 5), "0.32657");
}

TEST(Money, RoundsHalvesAwayFromZero) {
  EXPECT_EQ(text(of("1.005"), 2), "1.01");
  EXPECT_EQ(text(of("-1.005"), 2), "-1.01");
  EXPECT_EQ(text(of("1.0049"), 2), "1.00");
  EXPECT_EQ(text(of("0.5"), 0), "1");
  EXPECT_EQ(text(of("-0.004"), 2), "0.00");
}

TEST(Money, RoundsAProductOnce) {
  // 0.495.
  EXPECT_EQ(text(product(of("1.5"), of("0.33"), 2), 2), "0.50");
  // 123.456789 kWh at 0.32657: 40.317283... by hand 123.456789 * 0.32657 = 40.31728358373.
  EXPECT_EQ(product(of("123.456789"), of("0.32657"), 9).nano, 40'317'283'584);
  EXPECT_EQ(text(product(of("1000000"), of("-999.99"), 2), 2), "-999990000.00");
}

TEST(Money, SaysWhatIsNoNumber) {
  for (const auto* words : {"", "-", ".", "1,5", "1e3", "0x1", "1.2.3", " 1", "12345678901"}) {
    EXPECT_FALSE(Decimal::parse(words).has_value()) << words;
  }
  EXPECT_EQ(Decimal::parse("1,5").error(), "\"1,5\" is not a decimal number, as \"0.3271\" is");
  EXPECT_EQ(Decimal::parse("0.0000000001").error(),
            "\"0.0000000001\" has more than nine digits after the point");
}

TEST(Money, KnowsTheSmallestCoin) {
  EXPECT_EQ(minor_digits("EUR"), 2);
  EXPECT_EQ(minor_digits("JPY"), 0);
  EXPECT_EQ(minor_digits("KWD"), 3);
}

}  // namespace
}  // namespace insight
