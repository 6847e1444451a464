// Bills computed by hand: the calculation stands above each.

#include <gtest/gtest.h>

#include "insight/bill/billing.h"
#include "insight/bill/house_test.h"

namespace insight {
namespace {

std::string bill(const Tariff& tariff, const House& house, BillingPeriod days,
                 const Zone& zone = berlin, const DayAhead& prices = {}) {
  return printed(bill_of(tariff, house.quarters(), days, zone, prices));
}

const auto june = period(2026y / 6 / 1, 2026y / 7 / 1);
const auto january = period(2026y / 1 / 1, 2026y / 2 / 1);

// 9.6 kWh a day.
House steady_house(BillingPeriod days, const Zone& zone = berlin) {
  return House(days, zone).draws(0.4, days);
}

constexpr auto flat = R"(
[[version.energy]]
name = "Energy"
price = 0.30
)";

constexpr auto day_night = R"(
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Night"
price = 0.20
hours = "22:00-06:00"
[[version.energy.rate]]
name = "Day"
price = 0.35
)";

// --- Standing charges, VAT, calendars ---

TEST(GoldenBill, OfOnePriceWithStandingChargeAndVat) {
  // 30 x 9.6 = 288 kWh. 86.40 + 7.50 = 93.90; 19 % of it 17.841.
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.standing]]
name = "Standing"
price = 0.25
per = "day"
[[version.energy]]
name = "Energy"
price = 0.30
[[version.tax]]
name = "VAT"
percent = 19
)"),
                 steady_house(june), june),
            "Standing: 30 day x 0.25 = 7.50\n"
            "Energy: 288 kWh x 0.3 = 86.40\n"
            "VAT: 19 % x 93.9 = 17.84\n"
            "111.74 EUR");
}

TEST(GoldenBill, HasAWholeMonthsChargeInAnyMonth) {
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.standing]]
name = "Standing"
price = 9.90
per = "month"
)"),
                 steady_house(january), january),
            "Standing: 1 month x 9.9 = 9.90\n9.90 EUR");
}

TEST(GoldenBill, CountsPartsOfMonthsByTheirDays) {
  // 17 of January's 31 days and 14 of February's 28: 0.548387097 + 0.5; x 10 = 10.48387.
  const auto days = period(2026y / 1 / 15, 2026y / 2 / 15);
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.standing]]
name = "Standing"
price = 10
per = "month"
)"),
                 steady_house(days), days),
            "Standing: 1.048387097 month x 10 = 10.48\n10.48 EUR");
}

TEST(GoldenBill, HasAYearsChargeByDays) {
  // 30/365 x 120 = 9.863.
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.standing]]
name = "Basic price"
price = 120
per = "year"
)"),
                 steady_house(june), june),
            "Basic price: 0.082191781 year x 120 = 9.86\n9.86 EUR");
}

TEST(GoldenBill, OfAFebruaryWithALeapDay) {
  // 29 x 9.6 = 278.4 kWh x 0.30 = 83.52; 29/366 x 120 = 9.5082.
  const auto february = period(2024y / 2 / 1, 2024y / 3 / 1);
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.standing]]
name = "Basic price"
price = 120
per = "year"
[[version.energy]]
name = "Energy"
price = 0.30
)"),
                 steady_house(february), february),
            "Basic price: 0.079234973 year x 120 = 9.51\n"
            "Energy: 278.4 kWh x 0.3 = 83.52\n"
            "93.03 EUR");
}

TEST(GoldenBill, OfALeapDayInASeasonThatEndsWithIt) {
  // 28 and 29 February at 0.40, 1 March at 0.30: 19.2 kWh = 7.68; 9.6 kWh = 2.88.
  const auto days = period(2024y / 2 / 28, 2024y / 3 / 2);
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Winter"
price = 0.40
season = "winter"
[[version.energy.rate]]
name = "Summer"
price = 0.30
season = "summer"
)",
                        "[seasons]\nwinter = \"11-01..02-29\"\nsummer = \"03-01..10-31\""),
                 steady_house(days), days),
            "Winter: 19.2 kWh x 0.4 = 7.68\n"
            "Summer: 9.6 kWh x 0.3 = 2.88\n"
            "10.56 EUR");
}

TEST(GoldenBill, OfADayOf23Hours) {
  // 23 x 0.4 = 9.2 kWh.
  const auto day = period(2026y / 3 / 29, 2026y / 3 / 30);
  EXPECT_EQ(bill(steady("EUR", flat), steady_house(day), day),
            "Energy: 9.2 kWh x 0.3 = 2.76\n2.76 EUR");
}

TEST(GoldenBill, OfADayOf25Hours) {
  // 25 x 0.4 = 10 kWh.
  const auto day = period(2026y / 10 / 25, 2026y / 10 / 26);
  EXPECT_EQ(bill(steady("EUR", flat), steady_house(day), day),
            "Energy: 10 kWh x 0.3 = 3.00\n3.00 EUR");
}

// --- Time of use ---

TEST(GoldenBill, OfDayAndNight) {
  // Night: 8 h x 30 x 0.4 = 96 kWh x 0.20 = 19.20. Day: 16 h: 192 kWh x 0.35 = 67.20.
  EXPECT_EQ(bill(steady("EUR", day_night), steady_house(june), june),
            "Night: 96 kWh x 0.2 = 19.20\n"
            "Day: 192 kWh x 0.35 = 67.20\n"
            "86.40 EUR");
}

TEST(GoldenBill, HasANightOfSevenHoursWhenClocksGoForward) {
  // 0-2, 3-6 and 22-24: 7 h x 0.4 = 2.8 kWh = 0.56; day 16 h = 6.4 kWh = 2.24.
  const auto day = period(2026y / 3 / 29, 2026y / 3 / 30);
  EXPECT_EQ(bill(steady("EUR", day_night), steady_house(day), day),
            "Night: 2.8 kWh x 0.2 = 0.56\nDay: 6.4 kWh x 0.35 = 2.24\n2.80 EUR");
}

TEST(GoldenBill, HasANightOfNineHoursWhenClocksGoBack) {
  // 9 h x 0.4 = 3.6 kWh = 0.72; day 6.4 kWh = 2.24.
  const auto day = period(2026y / 10 / 25, 2026y / 10 / 26);
  EXPECT_EQ(bill(steady("EUR", day_night), steady_house(day), day),
            "Night: 3.6 kWh x 0.2 = 0.72\nDay: 6.4 kWh x 0.35 = 2.24\n2.96 EUR");
}

TEST(GoldenBill, OfAMonthThatLosesAnHourToSummerTime) {
  // March 2026: 31 x 24 - 1 = 743 h x 0.4 = 297.2 kWh x 0.30 = 89.16.
  const auto march = period(2026y / 3 / 1, 2026y / 4 / 1);
  EXPECT_EQ(bill(steady("EUR", flat), steady_house(march), march),
            "Energy: 297.2 kWh x 0.3 = 89.16\n89.16 EUR");
}

constexpr auto three_periods = R"(
[[version.standing]]
name = "Power, peak"
price = 0.073
per = "day"
contracted_kw = 4.6
[[version.standing]]
name = "Power, valley"
price = 0.002
per = "day"
contracted_kw = 4.6
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Peak"
price = 0.20
days = "weekdays"
hours = ["10:00-14:00", "18:00-22:00"]
[[version.energy.rate]]
name = "Flat"
price = 0.15
days = "weekdays"
hours = ["08:00-10:00", "14:00-18:00", "22:00-24:00"]
[[version.energy.rate]]
name = "Valley"
price = 0.10
)";

TEST(GoldenBill, OfThreePeriodsWithAHolidayAndTwoTaxes) {
  // 5 to 11 January 2026, with the 6th a holiday: four weekdays. At 0.5 kWh an hour: peak
  // 4 x 8 x 0.5 = 16, flat 16, valley 16 + 3 x 24 x 0.5 = 52. 4.6 kW x 7 = 32.2 kW day: 2.3506 and
  // 0.0644. 2.35 + 0.06 + 3.20 + 2.40 + 5.20 = 13.21; 5.11269632 % of it 0.6754; 21 % of 13.89
  // 2.9169.
  const auto week = period(2026y / 1 / 5, 2026y / 1 / 12);
  const auto es = steady("EUR", std::string(three_periods) + R"(
[[version.tax]]
name = "Electricity tax"
percent = 5.11269632
[[version.tax]]
name = "IVA"
percent = 21
)",
                         "holidays = [\"01-06\"]");
  EXPECT_EQ(bill(es, House(week, berlin).draws(0.5, week), week),
            "Power, peak: 32.2 kW day x 0.073 = 2.35\n"
            "Power, valley: 32.2 kW day x 0.002 = 0.06\n"
            "Peak: 16 kWh x 0.2 = 3.20\n"
            "Flat: 16 kWh x 0.15 = 2.40\n"
            "Valley: 52 kWh x 0.1 = 5.20\n"
            "Electricity tax: 5.11269632 % x 13.21 = 0.68\n"
            "IVA: 21 % x 13.89 = 2.92\n"
            "16.81 EUR");
}

TEST(GoldenBill, HasAHolidayOfOneYear) {
  // Good Friday, 3 April 2026, then Saturday: both at the weekend's price. 19.2 kWh x 0.10.
  const auto days = period(2026y / 4 / 3, 2026y / 4 / 5);
  EXPECT_EQ(bill(steady("EUR", three_periods, "holidays = [2026-04-03]"), steady_house(days), days),
            "Power, peak: 9.2 kW day x 0.073 = 0.67\n"
            "Power, valley: 9.2 kW day x 0.002 = 0.02\n"
            "Valley: 19.2 kWh x 0.1 = 1.92\n"
            "2.61 EUR");
}

TEST(GoldenBill, ChangesSeasonWithinThePeriod) {
  // 15 to 31 October: 17 x 9.6 = 163.2 kWh at 0.25. Los Angeles changes its clocks on
  // 5 November, so that 1 to 14 November have 14 x 24 + 1 = 337 h: 134.8 kWh at 0.20.
  const auto days = period(2023y / 10 / 15, 2023y / 11 / 15);
  EXPECT_EQ(bill(steady("USD", R"(
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Summer"
price = 0.25
season = "summer"
[[version.energy.rate]]
name = "Winter"
price = 0.20
season = "winter"
)",
                        "[seasons]\nsummer = \"06-01..10-31\"\nwinter = \"11-01..05-31\""),
                 steady_house(days, los_angeles), days, los_angeles),
            "Summer: 163.2 kWh x 0.25 = 40.80\n"
            "Winter: 134.8 kWh x 0.2 = 26.96\n"
            "67.76 USD");
}

TEST(GoldenBill, HasASuperOffPeakInTwoMonthsOnly) {
  // Thursday 30 April and Friday 1 May. At 1 kWh
  // an hour: 30 April 0-6 and 10-14 = 10 kWh, 1 May 0-6 = 6 kWh at 0.10; peak 2 x 5 at 0.50; the
  // rest 9 + 13 = 22 at 0.30.
  const auto days = period(2026y / 4 / 30, 2026y / 5 / 2);
  EXPECT_EQ(bill(steady("USD", R"(
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Super off-peak"
price = 0.10
when = [
  { days = "weekdays", hours = "00:00-06:00" },
  { days = "weekdays", hours = "10:00-14:00", dates = "03-01..04-30" },
  { days = "weekends", hours = "00:00-14:00" },
]
[[version.energy.rate]]
name = "On-peak"
price = 0.50
hours = "16:00-21:00"
[[version.energy.rate]]
name = "Off-peak"
price = 0.30
)"),
                 House(days, tokyo).draws(1, days), days, tokyo),
            "Super off-peak: 16 kWh x 0.1 = 1.60\n"
            "On-peak: 10 kWh x 0.5 = 5.00\n"
            "Off-peak: 22 kWh x 0.3 = 6.60\n"
            "13.20 USD");
}

TEST(GoldenBill, HasQuartersOfAnHour) {
  // 00:15 to 02:30 is 2.25 h: 0.9 kWh x 0.10; 21.75 h: 8.7 kWh x 0.30.
  const auto day = period(2026y / 6 / 1, 2026y / 6 / 2);
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Cheap"
price = 0.10
hours = "00:15-02:30"
[[version.energy.rate]]
name = "Other"
price = 0.30
)"),
                 steady_house(day), day),
            "Cheap: 0.9 kWh x 0.1 = 0.09\nOther: 8.7 kWh x 0.3 = 2.61\n2.70 EUR");
}

// --- Prices that change within the period ---

constexpr auto changing = R"(
[[version]]
from = 2026-01-01
[[version.standing]]
name = "Standing"
price = 0.20
per = "day"
[[version.energy]]
name = "Energy"
price = 0.30
[[version]]
from = 2026-06-16
[[version.standing]]
name = "Standing"
price = 0.20
per = "day"
[[version.energy]]
name = "Energy"
price = 0.33
)";

TEST(GoldenBill, SplitsALineWhereItsPriceChanges) {
  // 15 days of 9.6 = 144 kWh each: 43.20 and 47.52. The standing charge stays one line.
  const auto split =
      bill_of(tariff("EUR", changing), steady_house(june).quarters(), june, berlin).value();
  EXPECT_EQ(printed(split),
            "Standing: 30 day x 0.2 = 6.00\n"
            "Energy: 144 kWh x 0.3 = 43.20\n"
            "Energy: 144 kWh x 0.33 = 47.52\n"
            "96.72 EUR");
  EXPECT_EQ(split.lines.at(0).during.begin, local_days(2026y / 6 / 1));
  EXPECT_EQ(split.lines.at(0).during.end, local_days(2026y / 7 / 1));
  EXPECT_EQ(split.lines.at(1).during.end, local_days(2026y / 6 / 16));
  EXPECT_EQ(split.lines.at(2).during.begin, local_days(2026y / 6 / 16));
}

TEST(GoldenBill, TakesEachVatOfItsDays) {
  // Germany, 2020: 19 % until 30 June, then 16 %. 10 days each: 96 kWh x 0.30 = 28.80; 5.472 and
  // 4.608.
  const auto days = period(2020y / 6 / 21, 2020y / 7 / 11);
  const auto de = tariff("EUR", R"(
[[version]]
from = 2020-01-01
until = 2020-07-01
[[version.energy]]
name = "Energy"
price = 0.30
[[version.tax]]
name = "VAT"
percent = 19
[[version]]
from = 2020-07-01
[[version.energy]]
name = "Energy"
price = 0.30
[[version.tax]]
name = "VAT"
percent = 16
)");
  EXPECT_EQ(bill(de, steady_house(days), days),
            "Energy: 96 kWh x 0.3 = 28.80\n"
            "Energy: 96 kWh x 0.3 = 28.80\n"
            "VAT: 19 % x 28.8 = 5.47\n"
            "VAT: 16 % x 28.8 = 4.61\n"
            "67.68 EUR");
}

TEST(GoldenBill, TakesOneVatOfBothPrices) {
  // 144 x 0.3 + 144 x 0.33 = 90.72; 19 % once: 17.2368, not twice 8.208 + 9.0288 rounded apart.
  const auto with_vat = [](std::string_view from, std::string_view price) {
    return fmt::format(
        "[[version]]\nfrom = {}\n[[version.energy]]\nname = \"Energy\"\nprice = {}\n"
        "[[version.tax]]\nname = \"VAT\"\npercent = 19\n",
        from, price);
  };
  EXPECT_EQ(bill(tariff("EUR", with_vat("2026-01-01", "0.30") + with_vat("2026-06-16", "0.33")),
                 steady_house(june), june),
            "Energy: 144 kWh x 0.3 = 43.20\n"
            "Energy: 144 kWh x 0.33 = 47.52\n"
            "VAT: 19 % x 90.72 = 17.24\n"
            "107.96 EUR");
}

TEST(GoldenBill, IsNotMadeWhereTheTariffSaysNothing) {
  EXPECT_EQ(bill(tariff("EUR", std::string("[[version]]\nfrom = 2026-06-03\n") + flat),
                 steady_house(june), june),
            "The tariff \"T\" has no prices for 2026-06-01; add a version that holds then");
}

// --- Tiers ---

constexpr auto two_tiers = R"(
[[version.energy]]
name = "Energy"
per = "month"
tiers = [{ name = "First 200", up_to = 200, price = 0.10 }, { name = "Above", price = 0.18 }]
)";

TEST(GoldenBill, OfTwoTiers) {
  // 288 kWh: 200 x 0.10 + 88 x 0.18 = 20.00 + 15.84.
  EXPECT_EQ(bill(steady("USD", two_tiers), steady_house(june), june),
            "First 200: 200 kWh x 0.1 = 20.00\nAbove: 88 kWh x 0.18 = 15.84\n35.84 USD");
}

TEST(GoldenBill, OfTiersThatAreNotReached) {
  // 30 x 24 x 0.2 = 144 kWh.
  const auto house = House(june, berlin).draws(0.2, june);
  EXPECT_EQ(bill(steady("USD", two_tiers), house, june),
            "First 200: 144 kWh x 0.1 = 14.40\n14.40 USD");
}

TEST(GoldenBill, OfATierThatIsUsedUpExactly) {
  // 10 days and 10 hours of 0.8 kWh: 250 x 0.8 = 200 kWh.
  const auto days = period(2026y / 6 / 1, 2026y / 6 / 11);
  const auto house = House(june, berlin)
                         .draws(0.8, days)
                         .draws(0.8, period(2026y / 6 / 20, 2026y / 6 / 21), 0, 10);
  EXPECT_EQ(bill(steady("USD", two_tiers), house, june),
            "First 200: 200 kWh x 0.1 = 20.00\n20.00 USD");
}

TEST(GoldenBill, LetsTiersGrowWithThePeriod) {
  // June and half of July's days 1 to 15: limits 200 x (1 + 15/31) = 296.7741936 kWh. 45 x 9.6 =
  // 432: 29.67741936 and 135.2258064 x 0.18 = 24.3406.
  const auto days = period(2026y / 6 / 1, 2026y / 7 / 16);
  EXPECT_EQ(bill(steady("USD", two_tiers), steady_house(days), days),
            "First 200: 296.7741936 kWh x 0.1 = 29.68\n"
            "Above: 135.2258064 kWh x 0.18 = 24.34\n"
            "54.02 USD");
}

TEST(GoldenBill, OfTiersAndAChargeByTheBill) {
  // 5 June to 6 July, 32 days of 9.6 = 307.2 kWh: 200 x 0.10 = 20.00; 107.2 x 0.18 = 19.296.
  const auto cycle = period(2026y / 6 / 5, 2026y / 7 / 7);
  EXPECT_EQ(bill(steady("USD", R"(
[[version.standing]]
name = "Customer charge"
price = 12
per = "bill"
[[version.energy]]
name = "Energy"
per = "bill"
tiers = [{ name = "First 200", up_to = 200, price = 0.10 }, { name = "Above", price = 0.18 }]
)"),
                 steady_house(cycle), cycle),
            "Customer charge: 1 bill x 12 = 12.00\n"
            "First 200: 200 kWh x 0.1 = 20.00\n"
            "Above: 107.2 kWh x 0.18 = 19.30\n"
            "51.30 USD");
}

TEST(GoldenBill, OfTiersByTheDay) {
  // 6 kWh a day x 30 = 180; 288 - 180 = 108.
  EXPECT_EQ(bill(steady("AUD", R"(
[[version.energy]]
name = "Energy"
per = "day"
tiers = [{ up_to = 6, price = 0.25 }, { price = 0.31 }]
)"),
                 steady_house(june), june),
            "Energy: 180 kWh x 0.25 = 45.00\nEnergy: 108 kWh x 0.31 = 33.48\n78.48 AUD");
}

TEST(GoldenBill, OfThreeTiersInWholeYen) {
  // 441 kWh: 30 x 14.7. 120 x 29.80 = 3576; 180 x 36.40 = 6552; 141 x 40.49 = 5709.09.
  EXPECT_EQ(bill(steady("JPY", R"(
[[version.energy]]
name = "Energy"
per = "month"
tiers = [
  { name = "Stage 1", up_to = 120, price = 29.80 },
  { name = "Stage 2", up_to = 300, price = 36.40 },
  { name = "Stage 3", price = 40.49 },
]
)"),
                 House(june, tokyo).draws(0.6125, june), june, tokyo),
            "Stage 1: 120 kWh x 29.8 = 3576\n"
            "Stage 2: 180 kWh x 36.4 = 6552\n"
            "Stage 3: 141 kWh x 40.49 = 5709\n"
            "15837 JPY");
}

constexpr auto baseline = R"(
[[version.energy]]
name = "Energy"
[[version.energy.rate]]
name = "Peak"
price = 0.60
hours = "16:00-21:00"
[[version.energy.rate]]
name = "Off-peak"
price = 0.40
[[version.energy]]
name = "Baseline credit"
[[version.energy.rate]]
name = "Baseline credit, summer"
season = "summer"
per = "day"
tiers = [{ up_to = 11.7, price = -0.11724 }, { price = 0 }]  # 130 % of 9.0.
[[version.energy.rate]]
name = "Baseline credit, winter"
season = "winter"
per = "day"
tiers = [{ up_to = 11.96, price = -0.11724 }, { price = 0 }]  # 130 % of 9.2.
)";
constexpr auto san_diego_seasons =
    "[seasons]\nsummer = \"06-01..10-31\"\nwinter = \"11-01..05-31\"";

TEST(GoldenBill, HasABaselineCreditUpToTheAllowance) {
  // At 1 kWh an hour in June: 150 kWh peak, 570 off-peak; credit of 11.7 x 30 = 351 kWh x 0.11724 =
  // 41.15124.
  EXPECT_EQ(bill(steady("USD", baseline, san_diego_seasons), House(june, tokyo).draws(1, june),
                 june, tokyo),
            "Peak: 150 kWh x 0.6 = 90.00\n"
            "Off-peak: 570 kWh x 0.4 = 228.00\n"
            "Baseline credit, summer: 351 kWh x -0.11724 = -41.15\n"
            "276.85 USD");
}

TEST(GoldenBill, HasABaselineCreditOfAllThatIsUsedBelowTheAllowance) {
  // 9.6 a day is below 11.7: 288 x 0.11724 = 33.76512. Peak 5 x 0.4 x 30 = 60, off-peak 228.
  EXPECT_EQ(
      bill(steady("USD", baseline, san_diego_seasons), steady_house(june, tokyo), june, tokyo),
      "Peak: 60 kWh x 0.6 = 36.00\n"
      "Off-peak: 228 kWh x 0.4 = 91.20\n"
      "Baseline credit, summer: 288 kWh x -0.11724 = -33.77\n"
      "93.43 USD");
}

TEST(GoldenBill, HasTheAllowancesOfBothSeasons) {
  // 22 to 31 May and 1 to 10 June at 1 kWh an hour: 10 x 11.96 = 119.6 kWh x 0.11724 = 14.021904;
  // 10 x 11.7 = 117 kWh: 13.71708. Peak 100, off-peak 380.
  const auto days = period(2026y / 5 / 22, 2026y / 6 / 11);
  EXPECT_EQ(bill(steady("USD", baseline, san_diego_seasons), House(days, tokyo).draws(1, days),
                 days, tokyo),
            "Peak: 100 kWh x 0.6 = 60.00\n"
            "Off-peak: 380 kWh x 0.4 = 152.00\n"
            "Baseline credit, summer: 117 kWh x -0.11724 = -13.72\n"
            "Baseline credit, winter: 119.6 kWh x -0.11724 = -14.02\n"
            "184.26 USD");
}

// --- Demand ---

constexpr auto demand = R"(
[[version.demand]]
name = "Demand"
price = 12.50
)";

const auto one_evening = period(2026y / 6 / 9, 2026y / 6 / 10);

TEST(GoldenBill, HasTheHighestQuarterOfTheMonth) {
  // 0.4 kW always and 5 kW from 18 to 19 on one day: 5.4 kW x 12.50 = 67.50.
  EXPECT_EQ(bill(steady("USD", demand), steady_house(june).draws(5, one_evening, 18, 19), june),
            "Demand: 5.4 kW x 12.5 = 67.50\n67.50 USD");
}

TEST(GoldenBill, MeansDemandOverAnHour) {
  // 8 kW in one quarter alone: in the hour (3 x 0.4 + 8.4) / 4 = 2.4 kW.
  auto house = steady_house(june);
  auto quarters = house.quarters();
  quarters.imported[1000] = quarters.imported[1000] + measurement::MilliwattHours{2'000'000};
  EXPECT_EQ(printed(bill_of(steady("USD", std::string(demand) + "interval_min = 60"), quarters,
                            june, berlin)),
            "Demand: 2.4 kW x 12.5 = 30.00\n30.00 USD");
  EXPECT_EQ(printed(bill_of(steady("USD", demand), quarters, june, berlin)),
            "Demand: 8.4 kW x 12.5 = 105.00\n105.00 USD");
}

TEST(GoldenBill, LooksForDemandInItsHoursOnly) {
  // The 5.4 kW at 18 on Tuesday 9 June count; the 9.4 kW of Saturday 13 June and of 22:00 do not.
  const auto saturday = period(2026y / 6 / 13, 2026y / 6 / 14);
  const auto house = steady_house(june)
                         .draws(5, one_evening, 18, 19)
                         .draws(9, saturday, 18, 19)
                         .draws(9, one_evening, 22, 23);
  EXPECT_EQ(
      bill(steady("USD", std::string(demand) + "days = \"weekdays\"\nhours = \"16:00-21:00\""),
           house, june),
      "Demand: 5.4 kW x 12.5 = 67.50\n67.50 USD");
}

constexpr auto ratchet = R"(
[[version.demand]]
name = "Demand"
price = 10
ratchet_percent = 80
ratchet_months = 11
)";

TEST(GoldenBill, HasARatchetOfAnEarlierMonth) {
  // 12 kW in January; 80 % is 9.6, above June's 5.4. x 10 = 96.
  const auto half_year = period(2026y / 1 / 1, 2026y / 7 / 1);
  const auto house = House(half_year, berlin)
                         .draws(0.4, june)
                         .draws(5, one_evening, 18, 19)
                         .draws(12, period(2026y / 1 / 7, 2026y / 1 / 8), 7, 8);
  EXPECT_EQ(bill(steady("USD", ratchet), house, june),
            "Demand (80% of an earlier month): 9.6 kW x 10 = 96.00\n96.00 USD");
}

TEST(GoldenBill, HasNoRatchetWhereThisMonthIsHigher) {
  // 80 % of 6 = 4.8, below 5.4.
  const auto half_year = period(2026y / 1 / 1, 2026y / 7 / 1);
  const auto house = House(half_year, berlin)
                         .draws(0.4, june)
                         .draws(5, one_evening, 18, 19)
                         .draws(6, period(2026y / 1 / 7, 2026y / 1 / 8), 7, 8);
  EXPECT_EQ(bill(steady("USD", ratchet), house, june), "Demand: 5.4 kW x 10 = 54.00\n54.00 USD");
}

TEST(GoldenBill, HasNoRatchetOfAHomeThatWasNotMeasuredBefore) {
  // Its first reading is of 20 June.
  const auto house = steady_house(period(2026y / 6 / 20, 2026y / 7 / 1));
  EXPECT_EQ(bill(steady("USD", ratchet), house, june), "Demand: 0.4 kW x 10 = 4.00\n4.00 USD");
}

TEST(GoldenBill, ForgetsARatchetThatIsTooLongAgo) {
  // 12 kW, but two months before the month before: only May counts.
  const auto half_year = period(2026y / 1 / 1, 2026y / 7 / 1);
  const auto house = House(half_year, berlin)
                         .draws(0.4, june)
                         .draws(12, period(2026y / 4 / 30, 2026y / 5 / 1), 7, 8);
  EXPECT_EQ(bill(steady("USD", R"(
[[version.demand]]
name = "Demand"
price = 10
ratchet_percent = 80
ratchet_months = 1
)"),
                 house, june),
            "Demand: 0.4 kW x 10 = 4.00\n4.00 USD");
}

TEST(GoldenBill, SplitsDemandByDaysWhereItsPriceChanges) {
  // 5.4 kW on the 9th, 0.4 after the 16th: 5.4 x 15/30 = 2.7 kW month x 10; 0.4 x 0.5 x 12 = 2.40.
  EXPECT_EQ(bill(tariff("USD", R"(
[[version]]
from = 2026-01-01
[[version.demand]]
name = "Demand"
price = 10
[[version]]
from = 2026-06-16
[[version.demand]]
name = "Demand"
price = 12
)"),
                 steady_house(june).draws(5, one_evening, 18, 19), june),
            "Demand: 2.7 kW month x 10 = 27.00\nDemand: 0.2 kW month x 12 = 2.40\n29.40 USD");
}

// --- Export ---

constexpr auto feed_in = R"(
[[version.feed_in]]
name = "Feed-in"
price = 0.08
)";

House solar_house(double kw_at_noon) { return steady_house(june).gives(kw_at_noon, june, 11, 15); }

TEST(GoldenBill, PaysForWhatIsFedIn) {
  // 4 h x 30 x 1.5 = 180 kWh x 0.08 = 14.40.
  EXPECT_EQ(bill(steady("EUR", std::string(flat) + feed_in), solar_house(1.5), june),
            "Energy: 288 kWh x 0.3 = 86.40\nFeed-in: 180 kWh x -0.08 = -14.40\n72.00 EUR");
}

TEST(GoldenBill, MayBeACredit) {
  // 4 x 30 x 10 = 1200 kWh x 0.08 = 96.
  EXPECT_EQ(bill(steady("EUR", std::string(flat) + feed_in), solar_house(10), june),
            "Energy: 288 kWh x 0.3 = 86.40\nFeed-in: 1200 kWh x -0.08 = -96.00\n-9.60 EUR");
}

TEST(GoldenBill, PaysForFeedInByTheHour) {
  // 11-12 at 0.10, 12-15 at 0.02: 1 h x 30 x 2 = 60 kWh = 6.00; 180 kWh = 3.60.
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.feed_in]]
name = "Feed-in"
[[version.feed_in.rate]]
name = "Noon"
price = 0.02
hours = "12:00-15:00"
[[version.feed_in.rate]]
name = "Else"
price = 0.10
)"),
                 solar_house(2), june),
            "Noon: 180 kWh x -0.02 = -3.60\nElse: 60 kWh x -0.1 = -6.00\n-9.60 EUR");
}

TEST(GoldenBill, TakesFedInEnergyOffWhenNetMetered) {
  // 288 - 180 = 108 kWh.
  EXPECT_EQ(bill(steady("USD", std::string("net_metering = true\n") + flat + feed_in),
                 solar_house(1.5), june),
            "Energy: 108 kWh x 0.3 = 32.40\n32.40 USD");
}

TEST(GoldenBill, PaysForTheSurplusWhenNetMetered) {
  // 360 - 288 = 72 kWh x 0.08.
  EXPECT_EQ(bill(steady("USD", std::string("net_metering = true\n") + flat + feed_in),
                 solar_house(3), june),
            "Feed-in: 72 kWh x -0.08 = -5.76\n-5.76 USD");
}

TEST(GoldenBill, NetsWithinEachRate) {
  // Night 96 kWh untouched; day 192 - 180 = 12 kWh x 0.35.
  EXPECT_EQ(bill(steady("USD", std::string("net_metering = true\n") + day_night + feed_in),
                 solar_house(1.5), june),
            "Night: 96 kWh x 0.2 = 19.20\nDay: 12 kWh x 0.35 = 4.20\n23.40 USD");
}

TEST(GoldenBill, CapsFeedInAtTheEnergy) {
  // 1200 x 0.08 = 96.00, but the energy is 86.40; the standing charge is still paid.
  EXPECT_EQ(bill(steady("EUR", std::string("feed_in_capped = true\n") + flat + feed_in + R"(
[[version.standing]]
name = "Standing"
price = 0.10
per = "day"
)"),
                 solar_house(10), june),
            "Standing: 30 day x 0.1 = 3.00\n"
            "Energy: 288 kWh x 0.3 = 86.40\n"
            "Feed-in: 1200 kWh x -0.08 = -96.00\n"
            "Feed-in: more than the energy: 9.60\n"
            "3.00 EUR");
}

// --- Minimum bills, taxes, roundings, currencies ---

TEST(GoldenBill, HasAMinimum) {
  // 288 x 0.02 = 5.76; the minimum is 10: 4.24 more. VAT of both: 2.00.
  EXPECT_EQ(bill(steady("USD", R"(
minimum = { amount = 10, per = "month" }
[[version.energy]]
name = "Energy"
price = 0.02
[[version.tax]]
name = "Tax"
percent = 20
)"),
                 steady_house(june), june),
            "Energy: 288 kWh x 0.02 = 5.76\nMinimum bill: 4.24\nTax: 20 % x 10 = 2.00\n12.00 USD");
}

TEST(GoldenBill, HasNoMinimumWhereMoreWasUsed) {
  // 0.345 x 30 = 10.35 is below 86.40.
  EXPECT_EQ(bill(steady("USD", std::string("minimum = { amount = 0.345, per = \"day\" }\n") + flat),
                 steady_house(june), june),
            "Energy: 288 kWh x 0.3 = 86.40\n86.40 USD");
}

TEST(GoldenBill, HasAMinimumByTheDay) {
  // 0.345 x 30 = 10.35; nothing was used.
  EXPECT_EQ(bill(steady("USD", std::string("minimum = { amount = 0.345, per = \"day\" }\n") + flat),
                 House(june, berlin), june),
            "Minimum bill: 10.35\n10.35 USD");
}

TEST(GoldenBill, TaxesOnlyTheLinesThatAreNamed) {
  // 5.5 % of 10.00, 20 % of 86.40 and 0.55: 17.39.
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.standing]]
name = "Standing"
price = 10
per = "month"
[[version.energy]]
name = "Energy"
price = 0.30
[[version.tax]]
name = "Reduced"
percent = 5.5
on = ["Standing"]
[[version.tax]]
name = "VAT"
percent = 20
on = ["Energy", "Reduced"]
)"),
                 steady_house(june), june),
            "Standing: 1 month x 10 = 10.00\n"
            "Energy: 288 kWh x 0.3 = 86.40\n"
            "Reduced: 5.5 % x 10 = 0.55\n"
            "VAT: 20 % x 86.95 = 17.39\n"
            "114.34 EUR");
}

TEST(GoldenBill, HasLeviesOnEachKwh) {
  // 288 x 0.0205 = 5.904; 288 x 0.01643 = 4.73184; 19 % of 86.40 + 5.90 + 4.73 = 97.03: 18.4357.
  EXPECT_EQ(bill(steady("EUR", std::string(flat) + R"(
[[version.energy]]
name = "Electricity tax"
price = 0.0205
[[version.energy]]
name = "Concession"
price = 0.01643
[[version.tax]]
name = "VAT"
percent = 19
)"),
                 steady_house(june), june),
            "Energy: 288 kWh x 0.3 = 86.40\n"
            "Electricity tax: 288 kWh x 0.0205 = 5.90\n"
            "Concession: 288 kWh x 0.01643 = 4.73\n"
            "VAT: 19 % x 97.03 = 18.44\n"
            "115.47 EUR");
}

TEST(GoldenBill, OfABritishHome) {
  // March 2026 in London: 743 h x 0.4 = 297.2 kWh x 0.2450 = 72.814; 31 x 0.5335 = 16.5385. Lines
  // without VAT, 5 % of 72.81 + 16.54 = 89.35: 4.4675.
  const auto march = period(2026y / 3 / 1, 2026y / 4 / 1);
  EXPECT_EQ(bill(steady("GBP", R"(
[[version.standing]]
name = "Standing charge"
price = 0.5335
per = "day"
[[version.energy]]
name = "Energy"
price = 0.2450
[[version.tax]]
name = "VAT"
percent = 5
)"),
                 steady_house(march, london), march, london),
            "Standing charge: 31 day x 0.5335 = 16.54\n"
            "Energy: 297.2 kWh x 0.245 = 72.81\n"
            "VAT: 5 % x 89.35 = 4.47\n"
            "93.82 GBP");
}

TEST(GoldenBill, OfAKuwaitiHomeInFils) {
  // 30 x 24 x 5.1 = 3672 kWh x 0.002 = 7.344 KWD.
  EXPECT_EQ(bill(steady("KWD", "[[version.energy]]\nname = \"Energy\"\nprice = 0.002"),
                 House(june, kuwait).draws(5.1, june), june, kuwait),
            "Energy: 3672 kWh x 0.002 = 7.344\n7.344 KWD");
}

TEST(GoldenBill, OfASwissHomeToFiveRappen) {
  // 288 x 0.2712 = 78.1056; 8.1 % of 78.11 = 6.32691; 84.44 is printed as 84.45.
  EXPECT_EQ(bill(steady("CHF", R"(
[[version.energy]]
name = "Energy"
price = 0.2712
[[version.tax]]
name = "MWST"
percent = 8.1
)",
                        "[rounding]\ntotal_step = 0.05"),
                 steady_house(june), june),
            "Energy: 288 kWh x 0.2712 = 78.11\n"
            "MWST: 8.1 % x 78.11 = 6.33\n"
            "Rounding: 0.01\n"
            "84.45 CHF");
}

TEST(GoldenBill, RoundsHalfACentUp) {
  // A day of 0.25 kWh an hour: 6 kWh x 0.3475 = 2.085.
  const auto day = period(2026y / 6 / 1, 2026y / 6 / 2);
  EXPECT_EQ(bill(steady("EUR", "[[version.energy]]\nname = \"Energy\"\nprice = 0.3475"),
                 House(day, berlin).draws(0.25, day), day),
            "Energy: 6 kWh x 0.3475 = 2.09\n2.09 EUR");
}

TEST(GoldenBill, BillsWholeKwhWhereTheTariffDoes) {
  // Night 96.0, day 192; with 0.41: 98.4 -> 98 and 196.8 -> 197.
  EXPECT_EQ(bill(steady("EUR", day_night, "[rounding]\nkwh_digits = 0"),
                 House(june, berlin).draws(0.41, june), june),
            "Night: 98 kWh x 0.2 = 19.60\nDay: 197 kWh x 0.35 = 68.95\n88.55 EUR");
}

TEST(GoldenBill, RoundsOnlyTheTotalWhereTheTariffDoes) {
  // 278.4 x 0.12345 = 34.36848 and 29 x 0.33333 = 9.66657, both to four digits: 34.3685 + 9.6666 =
  // 44.0351.
  const auto february = period(2024y / 2 / 1, 2024y / 3 / 1);
  const auto made = bill_of(steady("EUR", R"(
[[version.standing]]
name = "Standing"
price = 0.33333
per = "day"
[[version.energy]]
name = "Energy"
price = 0.12345
)",
                                   "[rounding]\nline_digits = 4"),
                            steady_house(february).quarters(), february, berlin)
                        .value();
  EXPECT_EQ(plain(made.lines.at(0).amount), "9.6666");
  EXPECT_EQ(plain(made.lines.at(1).amount), "34.3685");
  EXPECT_EQ(plain(made.lines.at(2).amount), "0.0049");
  EXPECT_EQ(plain(made.total), "44.04");
}

TEST(GoldenBill, IsToTheMilliwattHour) {
  // 123.456789 kWh in one quarter x 0.32657 = 40.31728.
  const auto day = period(2026y / 6 / 1, 2026y / 6 / 2);
  auto quarters = House(day, berlin).quarters();
  quarters.imported[40] = measurement::MilliwattHours{123'456'789};
  EXPECT_EQ(printed(bill_of(steady("EUR", "[[version.energy]]\nname = \"E\"\nprice = \"0.32657\""),
                            quarters, day, berlin)),
            "E: 123.456789 kWh x 0.32657 = 40.32\n40.32 EUR");
}

// --- Day-ahead prices ---

const auto first_of_june = period(2026y / 6 / 1, 2026y / 6 / 2);
constexpr auto day_ahead = R"(
[[version.energy]]
name = "Market"
day_ahead_factor = 1
[[version.energy]]
name = "Grid and levies"
price = 0.15
)";

TEST(GoldenBill, OfDayAheadPrices) {
  // 2 kWh at 0.10 and 3 kWh at 0.04: 0.20 + 0.12 = 0.32, on average 0.064; 5 kWh x 0.15 = 0.75.
  const auto house =
      House(first_of_june, berlin).draws(2, first_of_june, 0, 1).draws(3, first_of_june, 2, 3);
  EXPECT_EQ(bill(steady("EUR", day_ahead), house, first_of_june, berlin,
                 hourly(first_of_june, berlin, {"0.10", "9", "0.04"})),
            "Market: 5 kWh x 0.064 = 0.32\nGrid and levies: 5 kWh x 0.15 = 0.75\n1.07 EUR");
}

TEST(GoldenBill, OfAPriceBelowZero) {
  // 10 kWh at -0.05 and 1 kWh at 0.10: -0.40, on average -0.036364.
  const auto house =
      House(first_of_june, berlin).draws(10, first_of_june, 0, 1).draws(1, first_of_june, 1, 2);
  EXPECT_EQ(bill(steady("EUR", day_ahead), house, first_of_june, berlin,
                 hourly(first_of_june, berlin, {"-0.05", "0.10"})),
            "Market: 11 kWh x -0.036364 = -0.40\nGrid and levies: 11 kWh x 0.15 = 1.65\n1.25 EUR");
}

TEST(GoldenBill, OfDayAheadPricesWithLossesAndVat) {
  // 4 kWh x 0.0875 x 1.03 = 0.3605 -> 0.36; 24 % 0.0864.
  const auto house = House(first_of_june, berlin).draws(4, first_of_june, 0, 1);
  EXPECT_EQ(bill(steady("EUR", R"(
[[version.energy]]
name = "Market"
day_ahead_factor = 1.03
[[version.tax]]
name = "VAT"
percent = 24
)"),
                 house, first_of_june, berlin, hourly(first_of_june, berlin, {"0.0875"})),
            "Market: 4 kWh x 0.090125 = 0.36\nVAT: 24 % x 0.36 = 0.09\n0.45 EUR");
}

TEST(GoldenBill, IsOfTheRestWhereADayAheadPriceIsMissing) {
  // 2 of 3 kWh at 0.10; the levies are of all: 3 x 0.15.
  const auto grid = House(first_of_june, berlin).draws(1, first_of_june, 0, 3).quarters();
  const auto made = bill_of(steady("EUR", day_ahead), grid, first_of_june, berlin,
                            hourly(first_of_june, berlin, {"0.1", "0.1"}));
  EXPECT_EQ(printed(made),
            "Market: 2 kWh x 0.1 = 0.20\nGrid and levies: 3 kWh x 0.15 = 0.45\n0.65 EUR");
  ASSERT_EQ(made->unpriced.size(), 4u);
  EXPECT_EQ(made->unpriced.front().begin, berlin.begin(first_of_june.begin) + 2h);
  EXPECT_EQ(made->unpriced.front().imported.value, 250'000);
  EXPECT_EQ(unpriced_text(made->unpriced, berlin),
            "No day-ahead price is known of 1 June, 02:00 to 03:00: the amount is without that of "
            "the 1.00 kWh used then.");
}

TEST(GoldenBill, SaysOfWhatIsGivenThatItsPriceIsMissing) {
  // 1 kWh at 0.06; of another no price is known, and of what is drawn none is asked.
  const auto grid = House(first_of_june, berlin)
                        .gives(1, first_of_june, 0, 2)
                        .draws(5, first_of_june, 2, 3)
                        .quarters();
  const auto made =
      bill_of(steady("EUR", "[[version.feed_in]]\nname = \"Feed-in\"\nday_ahead_factor = 1"), grid,
              first_of_june, berlin, hourly(first_of_june, berlin, {"0.06"}));
  EXPECT_EQ(printed(made), "Feed-in: 1 kWh x -0.06 = -0.06\n-0.06 EUR");
  EXPECT_EQ(unpriced_text(made->unpriced, berlin),
            "No day-ahead price is known of 1 June, 01:00 to 02:00: the amount is without that of "
            "the 1.00 kWh given then.");
}

TEST(Bill, NamesTheTimesOfWhichNoPriceIsKnown) {
  const auto at = [](int hour) { return berlin.begin(first_of_june.begin) + hour * 1h; };
  const auto text_of = [&](std::initializer_list<int> hours) {
    std::vector<UnpricedQuarter> quarters;
    for (const int hour : hours) {
      for (int i = 0; i < 4; ++i) quarters.push_back({at(hour) + i * quarter, {4'000'000}, {}});
    }
    return price_needed_text(quarters, berlin);
  };
  const std::string end = "; give the prices of the whole time.";
  EXPECT_EQ(text_of({}), "");
  EXPECT_EQ(text_of({22, 23, 24, 25}),
            "No day-ahead price is known of 1 June, 22:00 to 2 June, 02:00" + end);
  EXPECT_EQ(text_of({1, 5, 30}),
            "No day-ahead price is known of 1 June, 01:00 to 02:00; 05:00 to 06:00 and 2 June, "
            "06:00 to 07:00" +
                end);
  EXPECT_EQ(text_of({1, 3, 5, 7, 50}),
            "No day-ahead price is known of 1 June, 01:00 to 02:00; 03:00 to 04:00; 05:00 to 06:00 "
            "and 2 other times until 3 June" +
                end);
}

TEST(GoldenBill, PaysFeedInAtTheDayAheadPrice) {
  // 2 kWh at 0.06.
  const auto house = House(first_of_june, berlin).gives(2, first_of_june, 0, 1);
  EXPECT_EQ(bill(steady("EUR", "[[version.feed_in]]\nname = \"Feed-in\"\nday_ahead_factor = 1"),
                 house, first_of_june, berlin, hourly(first_of_june, berlin, {"0.06"})),
            "Feed-in: 2 kWh x -0.06 = -0.12\n-0.12 EUR");
}

// --- What a bill says of itself ---

TEST(Bill, SaysHowMuchOfThePeriodWasMeasured) {
  // 20 of 30 days, one of them half.
  auto quarters = steady_house(period(2026y / 6 / 1, 2026y / 6 / 21)).quarters();
  quarters.covered.assign(quarters.imported.size(), 1.0F);
  std::fill_n(quarters.covered.begin(), 96, 0.5F);
  const auto made = bill_of(steady("EUR", flat), quarters, june, berlin).value();
  EXPECT_DOUBLE_EQ(made.covered, 19.5 / 30);
  EXPECT_EQ(made.imported.value, 192'000'000);
}

TEST(Bill, IsOfOneToEightHundredDays) {
  EXPECT_EQ(printed(bill_of(steady("EUR", flat), {}, period(2026y / 6 / 1, 2026y / 6 / 1), berlin)),
            "A billing period has 1 to 800 days, not 0; give another");
}

TEST(Bill, IsRefusedWhereItCannotBeCounted) {
  // 10,000 kWh at a million.
  EXPECT_EQ(
      bill(steady("EUR", "[[version.energy]]\nname = \"E\"\nprice = 1000000"),
           House(june, berlin).draws(10'000.0 / 720, june), june),
      "The bill under the tariff \"T\" comes to more than can be counted; correct its prices");
}

}  // namespace
}  // namespace insight
