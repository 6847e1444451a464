#include "lenz/evaluation/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lenz/evaluation/report_house.h"
#include "lenz/evaluation/small_data.h"
#include "lenz/temporary_folder.h"

namespace lenz::evaluation {
namespace {

using testing::HasSubstr, testing::SizeIs;

constexpr int eight_days = 8 * 86'400;

const ReportRow& row(std::span<const ReportRow> rows, std::string_view method,
                     std::string_view appliance) {
  const auto found = std::ranges::find_if(rows, [&](const ReportRow& one) {
    return one.method == method && one.house == "all" && one.appliance == appliance;
  });
  if (found == rows.end()) throw std::runtime_error("no such row");
  return *found;
}

std::vector<ReportRow> evaluate(const std::filesystem::path& data, int answers,
                                bool all_identified = false) {
  return evaluate_report({.data = data,
                          .shipped = std::make_shared<const insight::Model>(),
                          .answers = answers,
                          .all_identified = all_identified},
                         [](const std::string&) {});
}

// What the small house's appliances take in its first week, kWh.
struct Week {
  double fridge = 0, kettle = 0, whole = 0;
};
Week first_week(int n) {
  Week week;
  for (int second = 0; second < 7 * 86'400; second += 10) {
    week.fridge += small_fridge_w(n, second) / 360'000;
    week.kettle += small_kettle_w(n, second) / 360'000;
    week.whole += (50 + small_fridge_w(n, second) + small_kettle_w(n, second)) / 360'000;
  }
  return week;
}

// Only the fridge's breaker has a name that says what hangs on it.
void write_panel(const std::filesystem::path& data) {
  write_file(data / "panels" / "house-1.toml",
             "[[circuit]]\nchannel = \"fridge\"\nwords = \"Fridge, kitchen\"\n"
             "[[circuit]]\nchannel = \"kettle\"\nwords = \"Corner\"\n");
}

std::filesystem::path folder(const TemporaryFolder& data) {
  return std::filesystem::path(data.path()) / "houses" / "house";
}

TEST(ReportEvaluation, NamesOfCircuitsAreRightWhereTheySayItAndElseSayNothing) {
  const TemporaryFolder data;
  write_small_house(data.path(), 1, eight_days);
  write_panel(data.path());
  const auto week = first_week(1);

  const auto rows = evaluate(data.path(), 0);

  EXPECT_EQ(row(rows, "circuit_names", "all").weeks, 2);  // Of two appliances one week each.
  EXPECT_NEAR(row(rows, "circuit_names", "fridge").median_error, 0, 1e-3);
  EXPECT_DOUBLE_EQ(row(rows, "circuit_names", "kettle").median_error, 1);
  EXPECT_NEAR(row(rows, "circuit_names", "all").share_named, week.fridge / week.whole, 1e-3);
  EXPECT_NEAR(row(rows, "circuit_names", "all").share_right, week.fridge / week.whole, 1e-3);
  // Nobody was asked, and the model knows no kind.
  EXPECT_DOUBLE_EQ(row(rows, "lenz", "kettle").median_error, 1);
  EXPECT_EQ(row(rows, "lenz", "shown").weeks, 1);
}

TEST(ReportEvaluation, OneAnswerIsWorthAnAppliance) {
  const TemporaryFolder data;
  write_small_house(data.path(), 1, eight_days);
  write_panel(data.path());

  const auto rows = evaluate(data.path(), 3, true);

  // A run is 16 readings, of which one may be missed.
  EXPECT_NEAR(row(rows, "lenz", "kettle").median_error, 0, 1.0 / 16 + 1e-3);
  EXPECT_EQ(row(rows, "lenz", "shown").weeks, 2);
  EXPECT_EQ(row(rows, "lenz", "identified").weeks, 1);
  EXPECT_DOUBLE_EQ(row(rows, "circuit_names", "kettle").median_error, 1);
}

TEST(ReportEvaluation, WhatIsNotPrintedIsNotSaid) {
  const TemporaryFolder data;
  write_small_house(data.path(), 1, eight_days);
  write_panel(data.path());

  const auto rows = evaluate(data.path(), 3);

  EXPECT_DOUBLE_EQ(row(rows, "lenz", "kettle").median_error, 1);
  EXPECT_EQ(row(rows, "lenz", "identified").weeks, 0);
}

TEST(ReportEvaluation, TheNationalAverageKnowsNothingOfTheHome) {
  const TemporaryFolder data;
  write_small_house(data.path(), 1, eight_days);  // In Great Britain.
  const auto week = first_week(1);

  const auto rows = evaluate(data.path(), 0);

  // 13.8 % for the cold and 10.9 % for cooking, of which the house has one kind each.
  EXPECT_NEAR(row(rows, "national_average", "fridge").median_error,
              std::abs(0.138 * week.whole - week.fridge) / week.fridge, 1e-3);
  EXPECT_NEAR(row(rows, "national_average", "kettle").median_error,
              std::abs(0.109 * week.whole - week.kettle) / week.kettle, 1e-3);
  EXPECT_NEAR(row(rows, "national_average", "all").share_named, 0.247, 1e-3);
}

TEST(ReportEvaluation, EachApplianceWeighsTheSameHoweverManyItsWeeks) {
  const TemporaryFolder data;
  write_small_house(data.path(), 1, eight_days);
  write_small_house(data.path(), 2, 15 * 86'400);
  write_panel(data.path());  // Of the first house only.

  const auto rows = evaluate(data.path(), 0);

  // Errors: fridge 1 none, kettle 1, fridge 2 and kettle 2 all of it, twice.
  EXPECT_EQ(row(rows, "circuit_names", "all").weeks, 6);
  EXPECT_NEAR(row(rows, "circuit_names", "all").mean_error, 0.75, 1e-3);
  EXPECT_NEAR(row(rows, "circuit_names", "fridge").mean_error, 0.5, 1e-3);
}

TEST(ReportEvaluation, MetersOnTheMainsAreSeenThroughOneCircuitToo) {
  const TemporaryFolder data;
  write_file(folder(data) / "recording.json",
             R"({"name": "a", "nominal_voltage": 230, "interval_s": 60, "clock": "none",
                 "country": "GB", "channels": [
                   {"column": "mains_w", "role": "mains"},
                   {"column": "a_w", "role": "appliance", "appliance": "kettle", "parent": "mains_w"},
                   {"column": "b_w", "role": "appliance", "appliance": "fridge", "parent": "mains_w"}]})");
  write_gzip(folder(data) / "samples.csv.gz",
             "time_s,mains_w,a_w,b_w\n0,500,300,100\n60,480,300,90\n");

  const auto houses = report_houses(DataSet(data.path()), "house");

  ASSERT_THAT(houses, SizeIs(2));
  ASSERT_THAT(houses[0].one.channels, SizeIs(1));
  EXPECT_TRUE(houses[0].one.channels[0].facts.is_mains);
  EXPECT_THAT(houses[0].one.truths[0].meters, SizeIs(2));
  ASSERT_THAT(houses[1].one.channels, SizeIs(2));
  EXPECT_EQ(houses[1].one.name, "house+socket_circuit");
  EXPECT_THAT(houses[1].one.channels[0].active_power_w, testing::ElementsAre(400, 390));
  EXPECT_THAT(houses[1].one.channels[1].active_power_w, testing::ElementsAre(100, 90));
}

TEST(ReportEvaluation, ACircuitIsLessWhatHangsUnderIt) {
  const TemporaryFolder data;
  write_file(folder(data) / "recording.json",
             R"({"name": "a", "nominal_voltage": 230, "interval_s": 60, "clock": "none",
                 "country": "GB", "channels": [
                   {"column": "mains_w", "role": "mains"},
                   {"column": "sub_w", "role": "circuit", "parent": "mains_w"},
                   {"column": "dryer_1_w", "role": "circuit", "label": "tumble_dryer_1",
                    "appliance": "tumble_dryer", "parent": "sub_w"}]})");
  write_gzip(folder(data) / "samples.csv.gz",
             "time_s,mains_w,sub_w,dryer_1_w\n0,500,300,100\n60,480,300,90\n");

  const auto houses = report_houses(DataSet(data.path()), "house");

  ASSERT_THAT(houses, SizeIs(1));
  const auto& channels = houses[0].one.channels;
  ASSERT_THAT(channels, SizeIs(3));
  EXPECT_THAT(channels[0].active_power_w, testing::ElementsAre(200, 210));
  EXPECT_THAT(channels[1].active_power_w, testing::ElementsAre(100, 90));
  EXPECT_EQ(channels[1].facts.words, "tumble dryer 1");
  EXPECT_THAT(channels[2].active_power_w, testing::ElementsAre(200, 180));
}

TEST(ReportEvaluation, AHouseWithoutAWholeWeekIsNone) {
  const TemporaryFolder data;
  write_small_house(data.path(), 1, 86'400);

  EXPECT_THAT([&] { evaluate(data.path(), 0); },
              testing::ThrowsMessage<std::runtime_error>(HasSubstr("no house has a whole week")));
}

TEST(ReportEvaluation, RowsAreJson) {
  const std::vector<ReportRow> rows = {{"lenz", "all", "shown", 3, 0.1, 0.2, 0.5, 0.4}};

  const auto json = nlohmann::json::parse(json_of(rows));

  EXPECT_EQ(json["rows"][0]["appliance"], "shown");
  EXPECT_DOUBLE_EQ(json["rows"][0]["median_error"], 0.1);
}

}  // namespace
}  // namespace lenz::evaluation
