#include "insight/report/figures.h"

#include <gtest/gtest.h>

namespace insight {
namespace {

Decimal of(std::string_view words) { return *Decimal::parse(words); }

// With spaces that may break, to be read here.
std::string plain(std::string words) {
  constexpr std::string_view space = "\u00a0";
  for (auto at = words.find(space); at != std::string::npos; at = words.find(space)) {
    words.replace(at, space.size(), " ");
  }
  return words;
}

TEST(Figures, HaveThreeDigitsThatCount) {
  EXPECT_EQ(digits_of(1239.6), "1,240");
  EXPECT_EQ(digits_of(412.4), "412");
  EXPECT_EQ(digits_of(99.96), "100");
  EXPECT_EQ(digits_of(41.24), "41.2");
  EXPECT_EQ(digits_of(4.125), "4.12");
  EXPECT_EQ(digits_of(0.413), "0.41");
  EXPECT_EQ(digits_of(-3.14159), "−3.14");
  EXPECT_EQ(digits_of(-0.001), "0");
}

TEST(Figures, AreAsFineAsTheyAreSure) {
  EXPECT_EQ(plain(kwh_text(Measured{412.3, 8.3})), "412 ± 8 kWh");
  EXPECT_EQ(plain(kwh_text(Measured{412.34, 1.63})), "412.3 ± 1.6 kWh");
  EXPECT_EQ(plain(kwh_text(Measured{1240.2, 24.7})), "1,240 ± 25 kWh");
  EXPECT_EQ(plain(kwh_text(Measured{4.126, 0.42})), "4.1 ± 0.4 kWh");
  EXPECT_EQ(digits_of(20), "20");
  EXPECT_EQ(digits_of(9.8), "9.8");
  EXPECT_EQ(plain(kwh_text(Measured{0.05, 0.012})), "0.05 ± 0.01 kWh");
  EXPECT_EQ(plain(kwh_text(Measured{41.24, 0})), "41.2 kWh");
}

TEST(Figures, OfPowerAndShares) {
  EXPECT_EQ(plain(watts_text(118.4)), "118 W");
  EXPECT_EQ(plain(watts_text(2058)), "2.06 kW");
  EXPECT_EQ(plain(watts_text(-0.2)), "0 W");
  EXPECT_EQ(plain(share_text(0.064)), "6 %");
  EXPECT_EQ(plain(share_text(0.002)), "less than 1 %");
  EXPECT_EQ(plain(share_text(0)), "0 %");
  EXPECT_EQ(plain(share_text(-0.09)), "−9 %");
}

TEST(Figures, MoneyIsExactAndInItsOwnCoins) {
  EXPECT_EQ(plain(money_text(of("12.3"), "EUR")), "€12.30");
  EXPECT_EQ(plain(money_text(of("-1204.10"), "USD")), "−$1,204.10");
  EXPECT_EQ(plain(money_text(of("1204"), "JPY")), "¥1,204");
  EXPECT_EQ(plain(money_text(of("12.3"), "CHF")), "CHF 12.30");
  EXPECT_EQ(plain(money_text(of("-0.001"), "EUR")), "€0.00");
  EXPECT_EQ(decimal_text(of("0.327100"), 2), "0.3271");
  EXPECT_EQ(decimal_text(of("31"), 0), "31");
  EXPECT_EQ(decimal_text(of("1234.5"), 2), "1,234.50");
}

TEST(Figures, EstimatedMoneyIsNoFinerThanItIsSure) {
  EXPECT_EQ(about_money_text(92.4, "EUR"), "€92");
  EXPECT_EQ(about_money_text(4.104, "EUR"), "€4.10");
  EXPECT_EQ(range_text({84.2, 92.4, 100.3}, "EUR"), "€84 to €100");
  EXPECT_EQ(range_text({-3.5, 1, 4.25}, "USD"), "−$3.50 to $4.25");
}

TEST(Figures, NamesFromOutsideAreText) {
  EXPECT_EQ(escaped("<b a=\"x\">'&\n\x01"), "&lt;b a=&quot;x&quot;&gt;&#39;&amp;  ");
  EXPECT_EQ(escaped("Küche 厨房"), "Küche 厨房");
}

}  // namespace
}  // namespace insight
