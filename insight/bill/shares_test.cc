#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "insight/bill/billing.h"
#include "insight/bill/house_test.h"

namespace insight {
namespace {

const auto june = period(2026y / 6 / 1, 2026y / 7 / 1);
const auto first = period(2026y / 6 / 1, 2026y / 6 / 2);

std::vector<std::string> texts(const BillShares& shares) {
  std::vector<std::string> texts;
  for (const auto one : shares.parts) texts.push_back(text(one, 2));
  for (const auto one : {shares.rest, shares.standing, shares.feed_in}) {
    texts.push_back(text(one, 2));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Shares, AreOfEachLineByTheUseInItsOwnHours) {
  // A fridge takes 0.1 kWh an hour, an oven 2 kWh at 18 to 19 in the dear hours, 0.4 kWh an hour
  // are drawn in all. Cheap: 0-18 and 19-24 = 23 h x 0.4 = 9.2 kWh x 0.20 = 1.84, of which the
  // fridge has 2.3/9.2 = 0.46. Dear: 2.4 kWh x 0.50 = 1.20: fridge 0.1/2.4 = 0.05, oven 2/2.4
  // = 1.00. Standing 0.30. VAT of 10 % on all.
  const auto both = steady("EUR", R"(
[[version.standing]]
name = "Standing"
price = 0.30
per = "day"
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Dear"
price = 0.50
hours = "18:00-19:00"
[[version.energy.rate]]
name = "Cheap"
price = 0.20
[[version.tax]]
name = "VAT"
percent = 10
)");
  const auto grid = House(first, berlin).draws(0.4, first).draws(2, first, 18, 19).quarters();
  const std::vector parts = {House(first, berlin).draws(0.1, first).quarters(),
                             House(first, berlin).draws(2, first, 18, 19).quarters()};

  const auto shares = shares_of(both, grid, parts, first, berlin).value();

  // Fridge 0.51 x 1.1 = 0.561, oven 1.10, rest (1.38 + 0.15) x 1.1 = 1.683, standing 0.33; total
  // 1.84 + 1.20 + 0.30 + 0.33 = 3.67, so of 0.561 and 1.683 the one that is cut most goes up.
  EXPECT_EQ(text(shares.bill.total, 2), "3.67");
  EXPECT_EQ(texts(shares), (Texts{"0.56", "1.10", "1.68", "0.33", "0.00"}));
}

TEST(Shares, OfDemandAreOfWhatRanInThePeak) {
  // The peak of 7 kW is at 18 to 19: charger 5, oven 1.6, rest 0.4. x 10: 50, 16, 4.
  const auto grid = House(june, berlin).draws(0.4, june).draws(6.6, first, 18, 19).quarters();
  const std::vector parts = {
      House(june, berlin).draws(5, first, 18, 19).draws(3, first, 2, 6).quarters(),
      House(june, berlin).draws(1.6, first, 18, 19).quarters()};
  const auto shares = shares_of(steady("USD", "[[version.demand]]\nname = \"D\"\nprice = 10"), grid,
                                parts, june, berlin)
                          .value();
  EXPECT_EQ(texts(shares), (Texts{"50.00", "16.00", "4.00", "0.00", "0.00"}));
}

TEST(Shares, OfAnHoursDemandAreOfTheWholeHour) {
  // From 18 to 19 the charger takes 6 kWh, all in the last half hour, the oven 2 in the first: 8
  // kW.
  auto charger = House(june, berlin).quarters();
  auto oven = charger;
  for (const std::size_t at : {72, 73}) oven.imported[at] = {1'000'000};
  for (const std::size_t at : {74, 75}) charger.imported[at] = {3'000'000};
  auto grid = charger;
  for (const std::size_t at : {72, 73}) grid.imported[at] = {1'000'000};
  const std::vector parts = {charger, oven};
  const auto shares =
      shares_of(steady("USD", "[[version.demand]]\nname = \"D\"\nprice = 10\ninterval_min = 60"),
                grid, parts, june, berlin);
  EXPECT_EQ(texts(*shares), (Texts{"60.00", "20.00", "0.00", "0.00", "0.00"}));
}

TEST(Shares, OfARatchetAreOfWhatRanInThatPeak) {
  // 10 kW in May, all of it the charger; 80 % of it, 8 kW, is billed: 80.
  const auto may_day = period(2026y / 5 / 5, 2026y / 5 / 6);
  const auto both_months = period(2026y / 5 / 1, 2026y / 7 / 1);
  const auto grid = House(both_months, berlin).draws(0.4, june).draws(10, may_day, 1, 2).quarters();
  const std::vector parts = {House(both_months, berlin).draws(10, may_day, 1, 2).quarters()};
  const auto ratchet = steady("USD", R"(
[[version.demand]]
name = "D"
price = 10
ratchet_percent = 80
ratchet_months = 6
)");
  const auto shares = shares_of(ratchet, grid, parts, june, berlin).value();
  EXPECT_EQ(texts(shares), (Texts{"80.00", "0.00", "0.00", "0.00"}));
}

TEST(Shares, TakeOwnProductionAsUsedByAllAlike) {
  // From 12 to 13 the home uses 4 kWh, 3 of them its own: of the one that is paid, 0.30, the washer
  // with 3 of 4 has 0.225 and the fridge 0.075: 22.5 and 7.5 cents, to cents 0.23 and 0.07.
  const auto grid = House(first, berlin).draws(1, first, 12, 13).gives(2, first, 14, 15).quarters();
  const std::vector parts = {House(first, berlin).draws(3, first, 12, 13).quarters(),
                             House(first, berlin).draws(1, first, 12, 13).quarters()};
  const auto both = steady("EUR", R"(
[[version.energy]]
name = "Energy"
price = 0.30
[[version.feed_in]]
name = "Feed-in"
price = 0.08
)");
  const auto shares = shares_of(both, grid, parts, first, berlin).value();
  EXPECT_EQ(text(shares.bill.total, 2), "0.14");
  EXPECT_EQ(texts(shares), (Texts{"0.23", "0.07", "0.00", "0.00", "-0.16"}));
}

TEST(Shares, OfDayAheadPricesMayBeCredits) {
  // 2 kWh at -0.10 by the charger, 1 kWh at 0.40 by the oven: 0.20 in all.
  const auto grid = House(first, berlin).draws(2, first, 0, 1).draws(1, first, 1, 2).quarters();
  const std::vector parts = {House(first, berlin).draws(2, first, 0, 1).quarters(),
                             House(first, berlin).draws(1, first, 1, 2).quarters()};
  const auto shares =
      shares_of(steady("EUR", "[[version.energy]]\nname = \"M\"\nday_ahead_factor = 1"), grid,
                parts, first, berlin, hourly(first, berlin, {"-0.10", "0.40"}))
          .value();
  EXPECT_EQ(text(shares.bill.total, 2), "0.20");
  EXPECT_EQ(texts(shares), (Texts{"-0.20", "0.40", "0.00", "0.00", "0.00"}));
}

TEST(Shares, AreOfWhatHasAPrice) {
  // 2 kWh at 0.10 by the charger; what the oven took then has no price.
  const auto grid = House(first, berlin).draws(2, first, 0, 1).draws(1, first, 1, 2).quarters();
  const std::vector parts = {House(first, berlin).draws(2, first, 0, 1).quarters(),
                             House(first, berlin).draws(1, first, 1, 2).quarters()};
  const auto shares =
      shares_of(steady("EUR", "[[version.energy]]\nname = \"M\"\nday_ahead_factor = 1"), grid,
                parts, first, berlin, hourly(first, berlin, {"0.10"}))
          .value();
  EXPECT_EQ(texts(shares), (Texts{"0.20", "0.00", "0.00", "0.00", "0.00"}));
  EXPECT_EQ(shares.bill.unpriced.size(), 4u);
}

TEST(Shares, SumToTheTotalWhateverIsUsed) {
  const auto everything = steady("CHF", R"(
minimum = { amount = 90, per = "month" }
[[version.standing]]
name = "Standing"
price = 7.77
per = "month"
[[version.energy]]
name = "Energy"
per = "month"
tiers = [{ up_to = 100, price = 0.1234 }, { price = 0.2345 }]
[[version.energy]]
name = "Grid"
[[version.energy.rate]]
name = "High"
price = 0.111
days = "weekdays"
hours = "07:00-20:00"
[[version.energy.rate]]
name = "Low"
price = 0.077
[[version.demand]]
name = "Demand"
price = 3.33
[[version.feed_in]]
name = "Feed-in"
price = 0.061
[[version.tax]]
name = "VAT"
percent = 8.1
)",
                                 "[rounding]\ntotal_step = 0.05");
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    const auto kwh = [&] { return static_cast<double>(random() % 3000) / 1000; };
    std::vector<QuarterHours> parts;
    House grid(june, berlin);
    for (std::size_t i = 0; i < 1 + seed % 7; ++i) {
      const auto use = kwh();
      const int from = static_cast<int>(random() % 12);
      parts.push_back(House(june, berlin).draws(use, june, from, from + 9).quarters());
      grid.draws(use * (seed % 3 == 0 ? 0.4 : 1.1), june, from, from + 9);
    }
    grid.gives(kwh(), june, 11, 14);

    const auto shares = shares_of(everything, grid.quarters(), parts, june, berlin).value();

    const auto sum = std::accumulate(shares.parts.begin(), shares.parts.end(),
                                     shares.rest + shares.standing + shares.feed_in);
    EXPECT_EQ(sum, shares.bill.total) << "seed " << seed;
    Decimal lines;
    for (const auto& line : shares.bill.lines) lines += line.amount;
    EXPECT_EQ(lines, shares.bill.total) << "seed " << seed;
    for (const auto one : shares.parts) EXPECT_EQ(rounded(one, 2), one);
  }
}

TEST(Shares, AreRefusedWithTheBill) {
  EXPECT_EQ(shares_of(tariff("EUR",
                             "[[version]]\nfrom = 2027-01-01\n[[version.energy]]\n"
                             "name = \"E\"\nprice = 1"),
                      {}, {}, june, berlin)
                .error(),
            "The tariff \"T\" has no prices for 2026-06-01; add a version that holds then");
}

// --- What one more kWh costs ---

std::string margin_at(const std::vector<std::optional<Decimal>>& margins, std::size_t hour) {
  return margins.at(4 * hour) ? plain(*margins.at(4 * hour)) : "unknown";
}

TEST(MarginalPrice, HasTaxesThatItBears) {
  // 0.20 or 0.35, with 0.02 of levy: (0.22 x 1.05) x 1.2 = 0.2772; (0.37 x 1.05) x 1.2 = 0.4662.
  const auto taxed = steady("EUR", R"(
[[version.standing]]
name = "Standing"
price = 10
per = "month"
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Night"
price = 0.20
hours = "22:00-06:00"
[[version.energy.rate]]
name = "Day"
price = 0.35
[[version.energy]]
name = "Levy"
price = 0.02
[[version.tax]]
name = "Excise"
percent = 5
on = ["Energy", "Levy"]
[[version.tax]]
name = "VAT"
percent = 20
)");
  const auto margins = marginal_prices(taxed, {}, first, berlin);
  EXPECT_EQ(margins.size(), 96);
  EXPECT_EQ(margin_at(margins, 3), "0.2772");
  EXPECT_EQ(margin_at(margins, 12), "0.4662");
}

TEST(MarginalPrice, IsOfTheTierThatIsReached) {
  const auto tiers = steady("USD", R"(
[[version.energy]]
name = "Energy"
per = "month"
tiers = [{ up_to = 200, price = 0.10 }, { price = 0.18 }]
)");
  const auto low = House(june, berlin).draws(0.2, june).quarters();   // 144 kWh.
  const auto high = House(june, berlin).draws(0.4, june).quarters();  // 288 kWh.
  EXPECT_EQ(margin_at(marginal_prices(tiers, low, june, berlin), 0), "0.1");
  EXPECT_EQ(margin_at(marginal_prices(tiers, high, june, berlin), 0), "0.18");
}

TEST(MarginalPrice, IsTheFeedInThatIsLostWhileMoreIsExported) {
  const auto both = steady("EUR", R"(
[[version.energy]]
name = "Energy"
price = 0.30
[[version.feed_in]]
name = "Feed-in"
price = 0.08
)");
  const auto grid = House(first, berlin).draws(0.4, first).gives(1, first, 11, 15).quarters();
  const auto margins = marginal_prices(both, grid, first, berlin);
  EXPECT_EQ(margin_at(margins, 10), "0.3");
  EXPECT_EQ(margin_at(margins, 12), "0.08");
}

TEST(MarginalPrice, IsUnknownWithoutADayAheadPriceOrAVersion) {
  const auto market = tariff("EUR", R"(
[[version]]
from = 2026-06-01
until = 2026-06-02
[[version.energy]]
name = "Market"
day_ahead_factor = 1.5
)");
  const auto prices = hourly(first, berlin, {"0.10", "0.20"});
  const auto margins =
      marginal_prices(market, {}, period(2026y / 6 / 1, 2026y / 6 / 3), berlin, prices);
  EXPECT_EQ(margin_at(margins, 1), "0.3");
  EXPECT_EQ(margin_at(margins, 2), "unknown");
  EXPECT_EQ(margin_at(margins, 30), "unknown");
}

TEST(MarginalPrice, IsWhatOneMoreKwhAddsToTheBill) {
  // Against the bill itself: 100 kWh more in one quarter, on each side of a price's hour.
  const auto priced = steady("EUR", R"(
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Peak"
price = 0.37
days = "weekdays"
hours = "16:00-21:00"
[[version.energy.rate]]
name = "Else"
price = 0.21
[[version.tax]]
name = "VAT"
percent = 19
)",
                             "[rounding]\nline_digits = 6\ntotal_step = 0.000001");
  const auto grid = House(june, berlin).draws(0.4, june).quarters();
  const auto margins = marginal_prices(priced, grid, june, berlin);
  const auto before = bill_of(priced, grid, june, berlin).value().total;
  for (const std::size_t at : {0, 63, 64, 83, 84, 96 * 5 + 70}) {
    auto more = grid;
    more.imported[at] = more.imported[at] + measurement::MilliwattHours{1'000'000};
    EXPECT_EQ(plain(bill_of(priced, more, june, berlin).value().total - before),
              plain(margins.at(at).value()))
        << at;
  }
}

}  // namespace
}  // namespace insight
