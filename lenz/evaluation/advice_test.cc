#include "lenz/evaluation/advice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "lenz/evaluation/simulated_households.h"

namespace lenz::evaluation {
namespace {

TEST(SimulatedHouseholds, WhatComesOfKeepingAndReplacingAddsUp) {
  SimulatedHousehold home;
  home.kwh = 1200;
  home.price_per_kwh = 0.25;
  home.years_left = 5;
  home.models = {{.kwh = 600, .price = 900}};
  home.lives = {10, 10, 10};

  // 5 years of 300, 20 of 150, bought after 5 and 15 years; the last fails at the end.
  EXPECT_NEAR(home.cost(0, false), 1500 + 3000 + 2 * 900, 1e-6);
  // 25 years of 150, bought three times; half of the last is left.
  EXPECT_NEAR(home.cost(0, true), 3750 + 3 * 900 - 450, 1e-6);
}

TEST(SimulatedHouseholds, ASeedGivesTheSameHomesAndMoreOfThemChangeNone) {
  const auto few = simulated_households(5, all_misleading, 3);
  const auto many = simulated_households(8, all_misleading, 3);
  const auto others = simulated_households(5, all_misleading, 4);

  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(few[i].kwh, many[i].kwh);
    EXPECT_NE(few[i].kwh, others[i].kwh);
  }
}

TEST(SimulatedHouseholds, WrongFactsLeaveTheHomeAsItIs) {
  const auto right = simulated_households(200, {}, 5);
  const auto wrong = simulated_households(200, {.wrong_facts = 1}, 5);

  int other = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    EXPECT_EQ(right[i].kwh, wrong[i].kwh);
    if (right[i].use.age_years != wrong[i].use.age_years ||
        right[i].use.label != wrong[i].use.label) {
      ++other;
    }
  }
  EXPECT_GT(other, 190);
}

TEST(EvaluateAdvice, EveryPolicyIsHeldAgainstTheBestThatCouldBeDone) {
  const auto report =
      evaluate_advice({.households = 12, .changes = 60, .seed = 11}, [](const std::string&) {});
  const auto row = [&](const std::string& policy, const std::string& misleading) {
    return *std::ranges::find_if(report.rows, [&](const AdviceRow& r) {
      return r.policy == policy && r.misleading == misleading;
    });
  };

  EXPECT_EQ(report.rows.size(), 5U * 8U);
  for (const auto& r : report.rows) EXPECT_GE(r.mean_regret, 0) << r.policy;
  EXPECT_LT(row("lenz", "all").mean_regret, row("best_label", "all").mean_regret / 2);
  EXPECT_EQ(row("best_label", "all").replaced, 12);
  EXPECT_EQ(row("never_replace", "all").replaced, 0);
  EXPECT_GT(row("lenz", "all").interval_coverage, 0.6);
  const auto absences =
      std::ranges::find(report.scores, std::string("absences"), &ScoreRow::change);
  EXPECT_EQ(absences->simulated, 240);
  EXPECT_LE(absences->called_saving, 0.05);
}

TEST(EvaluateAdvice, TheRowsAreJson) {
  AdviceReport report;
  report.rows.push_back({.policy = "never_replace", .misleading = "all", .households = 7});
  report.scores.push_back({.change = "away", .simulated = 3, .judged = 2});

  const auto json = nlohmann::json::parse(json_of(report));

  EXPECT_EQ(json["rows"][0]["policy"], "never_replace");
  EXPECT_TRUE(json["rows"][0]["replace_precision"].is_null());
  EXPECT_EQ(json["scores"][0]["judged"], 2);
}

}  // namespace
}  // namespace lenz::evaluation
