#include "hub/report_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "hub/calibration_book.h"
#include "hub/measured_house.h"
#include "insight/report/report_page.h"

namespace hub {
namespace {

using insight::ApplianceKind;
using insight::Source;
using namespace std::chrono_literals;
using testing::HasSubstr;

class ReportFactsTest : public testing::Test {
 protected:
  ReportFactsTest() {
    // Silent on 3 October from 02:00 to 04:00 local time.
    house.measure({begin, MeasuredHouse::local(2026, 10, 3, 2)});
    house.measure({MeasuredHouse::local(2026, 10, 3, 4), now});
    house.home.price_per_kwh = 0.30;
    house.add_appliance(3, "oven", ApplianceKind::freezer, {begin, now}, 12, 0.7);
    house.open();
  }
  std::expected<insight::ReportFacts, std::string> facts(unsigned month) {
    return report_facts({.bill = *house.desk,
                         .store = *house.store,
                         .home = house.home,
                         .calibrations = house.folder / "calibrations.toml"},
                        std::chrono::year(2026) / std::chrono::month(month), now);
  }

  const measurement::Timestamp begin = MeasuredHouse::local(2026, 9, 1);
  const measurement::Timestamp now = MeasuredHouse::local(2026, 11, 11);
  MeasuredHouse house;
};

TEST_F(ReportFactsTest, TheMonthIsToldApartWithoutRest) {
  const auto found = facts(10);

  ASSERT_TRUE(found) << found.error();
  // 31 days of 48 kWh, less two hours of 2 kW.
  EXPECT_NEAR(found->whole.kwh, 31 * 48 - 4, 1e-6);
  EXPECT_GT(found->whole.plus_minus, 0.01 * found->whole.kwh);
  EXPECT_LT(found->whole.plus_minus, 0.1 * found->whole.kwh);
  double sum = 0;
  insight::Decimal cost;
  for (const auto& part : found->parts) {
    sum += part.energy.kwh;
    cost += part.cost;
  }
  EXPECT_NEAR(sum, found->whole.kwh, 1e-6);
  ASSERT_TRUE(found->bill);
  EXPECT_EQ(cost, found->bill->total);
  ASSERT_EQ(found->parts.size(), 4u);
  EXPECT_EQ(found->parts[0].name, "oven, all else");
  EXPECT_EQ(found->parts.back().source, Source::unknown);
  const auto freezer = std::ranges::find(found->parts, "Freezer", &insight::ReportPart::name);
  ASSERT_NE(freezer, found->parts.end());
  EXPECT_EQ(freezer->source, Source::identified);
  EXPECT_NEAR(freezer->energy.kwh, 31 * 0.7, 1e-6);
  EXPECT_EQ(freezer->runs, 31);
}

TEST_F(ReportFactsTest, WhatIsNotToldWellStaysInItsCircuit) {
  house.add_appliance(4, "oven", ApplianceKind::lighting, {begin, now}, 20, 0.2);

  const auto found = facts(10);

  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->parts.size(), 4u);
  EXPECT_EQ(std::ranges::find(found->parts, "Lighting", &insight::ReportPart::name),
            found->parts.end());
}

TEST_F(ReportFactsTest, DaysHoursAndWhatIsAlwaysOnAreThoseOfTheMonth) {
  const auto found = facts(10);

  ASSERT_TRUE(found) << found.error();
  ASSERT_EQ(found->kwh_of_days.size(), 31u);
  EXPECT_NEAR(found->kwh_of_days[0], 48, 1e-6);
  EXPECT_NEAR(found->kwh_of_days[2], 44, 1e-6);
  // What was counted in the quarter that ended the gap lies in the gap, too.
  EXPECT_NEAR(found->kwh_of_hours[3], 2, 0.01);
  EXPECT_NEAR(found->always_on_w.value(), 2000, 1e-6);
  EXPECT_NEAR(found->whole_before.value().kwh, 30 * 48, 1e-6);
  EXPECT_FALSE(found->whole_a_year_ago);
}

TEST_F(ReportFactsTest, AGapIsSaidAndAMonthWithoutReadingsRefused) {
  const auto found = facts(10);

  ASSERT_TRUE(found) << found.error();
  EXPECT_THAT(found->quality.remarks,
              testing::ElementsAre(HasSubstr("No reading from 3 October, 02:")));
  EXPECT_NEAR(found->quality.covered, 1 - 8.0 / (31 * 96), 1e-3);
  EXPECT_THAT(facts(8).error(), HasSubstr("Nothing was measured"));
  EXPECT_THAT(facts(12).error(), HasSubstr("not begun"));
}

TEST_F(ReportFactsTest, TheRunningMonthEndsNow) {
  const auto found = facts(11);

  ASSERT_TRUE(found) << found.error();
  EXPECT_NEAR(found->whole.kwh, 10 * 48, 1e-6);
  EXPECT_FALSE(found->whole_before);  // It is not as long.
  EXPECT_TRUE(std::isnan(found->kwh_of_days[15]));
  ASSERT_TRUE(found->bill_forecast);
}

TEST_F(ReportFactsTest, ThePlusMinusIsThatOfTheHomesOwnClamps) {
  const auto clamp_of = [&](std::string_view circuit) {
    const auto found = facts(10);
    EXPECT_TRUE(found) << found.error();
    return *std::ranges::find(found->clamps, circuit, &insight::ReportClamp::circuit);
  };
  const auto relative = [](const insight::ReportClamp& clamp) {
    return clamp.energy.plus_minus / clamp.energy.kwh;
  };
  const auto before = clamp_of("oven");
  auto& meter = house.home.meters.emplace_back();
  meter.id = "meter";
  meter.chips.resize(1);
  meter.chips[0].channels[2] = {.current_gain = 11'143};  // As the boards' maker has an SCT-006.
  const auto known = clamp_of("oven");
  const CalibrationRecord record{.device = "meter",
                                 .channel = 2,
                                 .time = MeasuredHouse::local(2026, 9, 20, 12),
                                 .reference = "Wattmeter",
                                 .by = "Ada",
                                 .clamp = "SCT-006",
                                 .accuracy = {.gain_limit = 0.2,
                                              .class_percent = 1,
                                              .rated_a = 20,
                                              .loads = {{0.5, 1, 1}, {10, 1, 0.2}}}};
  add_calibration(record, house.folder / "calibrations.toml");
  const auto calibrated = clamp_of("oven");

  EXPECT_EQ(before.model, "");
  EXPECT_FALSE(before.calibrated);
  EXPECT_EQ(known.model, "SCT-006");
  EXPECT_FALSE(known.calibrated);
  EXPECT_LT(relative(known), relative(before));
  EXPECT_EQ(calibrated.calibrated, std::chrono::local_days(std::chrono::year(2026) / 9 / 20));
  EXPECT_LT(relative(calibrated), 0.01);
  EXPECT_GT(relative(known), 0.04);
  // 0.2 % of the reference, 0.25 % of its warmth, 0.1 and 0.075 % of the chip, each over the root
  // of 3, and what lies between the loads.
  EXPECT_GT(relative(calibrated), 0.0196 * std::sqrt((0.04 + 0.0625 + 0.01 + 0.005625) / 3));
  EXPECT_FALSE(clamp_of("fridge").calibrated);
}

TEST_F(ReportFactsTest, ACalibrationHoldsFromItsDayOn) {
  const auto plus_minus = [&](std::optional<measurement::Timestamp> time, bool is_kept = true) {
    const auto file = house.folder / "calibrations.toml";
    std::filesystem::remove(file);
    if (time) {
      add_calibration({.device = "meter",
                       .channel = 2,
                       .time = *time,
                       .reference = "Wattmeter",
                       .by = "Ada",
                       .accuracy = {.rated_a = 100, .loads = {{1, 1, 0}}},
                       .is_kept = is_kept},
                      file);
    }
    const auto found = facts(10);
    return std::ranges::find(found->clamps, "oven", &insight::ReportClamp::circuit)
        ->energy.plus_minus;
  };
  const double never = plus_minus(std::nullopt);

  EXPECT_EQ(plus_minus(MeasuredHouse::local(2026, 11, 1)), never);
  EXPECT_EQ(plus_minus(MeasuredHouse::local(2026, 9, 1), false), never);  // The meter forgot it.
  const double always = plus_minus(MeasuredHouse::local(2026, 9, 1));
  EXPECT_LT(always, 0.1 * never);
  // Half of the month, whose errors are of each other independent.
  const double half = plus_minus(MeasuredHouse::local(2026, 10, 16, 12));
  EXPECT_NEAR(half, std::hypot(never, always) / 2, 1e-3 * never);
}

TEST_F(ReportFactsTest, ADamagedFileOfCalibrationsIsSaid) {
  std::ofstream(house.folder / "calibrations.toml") << "[[calibration]]\n";

  EXPECT_THAT(facts(10).error(), HasSubstr("calibrations.toml"));
}

TEST_F(ReportFactsTest, ThePageOfItHasNoScript) {
  house.home.name = "<script>alert(1)</script>";
  const auto found = facts(10);
  ASSERT_TRUE(found);
  const auto page = insight::report_page(*found);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("October 2026"));
}

}  // namespace
}  // namespace hub
