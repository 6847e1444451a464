#include "lenz/evaluation/health.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;

// Two weeks of a fridge: 20 minutes of 80 W an hour, a few per cent more or less by the day.
AssetHistory fridge() {
  AssetHistory machine{.name = "test-fridge",
                       .household = "test",
                       .kind = insight::ApplianceKind::fridge,
                       .cycles = {},
                       .days = {},
                       .measured_days = 14,
                       .is_chosen_on = false};
  for (int d = 0; d < 14; ++d) {
    for (int h = 0; h < 24; ++h) {
      const auto on_s = 1200 + 40 * static_cast<float>(std::sin(d * 2.4));
      machine.cycles.push_back({.begin = Timestamp{} + std::chrono::hours(24 * d + h),
                                .on_s = on_s,
                                .off_s = 3600 - on_s,
                                .power_w = 80,
                                .peak_w = 300,
                                .standby_w = 1});
    }
  }
  machine.days = days_of(machine.cycles);
  return machine;
}

const HealthPlan plan{.faults = {"low_refrigerant"},
                      .severities = {0.3},
                      .ramps_days = {0},
                      .histories = 2,
                      .seed = 5};

const HealthReport& report() {
  static const auto once = evaluate_health({fridge()}, {}, plan, [](const std::string&) {});
  return once;
}

TEST(EvaluateHealth, FindsALargeFaultOfEveryHistoryAndNamesItsCause) {
  int seen = 0;
  for (const auto& row : report().rows) {
    if (row.fault != "low_refrigerant") continue;
    ++seen;
    EXPECT_EQ(row.detection_rate, 1) << row.scene;
    EXPECT_LE(row.delay_p90_days, 14) << row.scene;
    EXPECT_GE(row.top2, 0.5) << row.scene;
  }
  EXPECT_EQ(seen, 2);  // With and without a sensor in the room.
  EXPECT_TRUE(report().readings_agree);
}

TEST(EvaluateHealth, IsTheSameForTheSameSeed) {
  const auto again = evaluate_health({fridge()}, {}, plan, [](const std::string&) {});

  EXPECT_EQ(json_of(again.rows), json_of(report().rows));
}

TEST(EvaluateHealth, SaysForTheHomeAndForRealHistoriesHowOftenItWasWrong) {
  const auto rows = nlohmann::json::parse(json_of(report().rows))["rows"];

  const auto& real = rows.back();
  EXPECT_EQ(real["equipment"], "real");
  EXPECT_EQ(real["alarms"], 0);
  // Of 13 days that are over it was watched from the tenth on; none in 4 days is at most 3.689 of
  // them, 336.6 a year.
  EXPECT_EQ(real["asset_days"], 4);
  EXPECT_NEAR(real["false_per_asset_year_upper"].get<double>(), 336.6, 0.2);
  const auto& home = rows[rows.size() - 2];
  EXPECT_EQ(home["equipment"], "home");
  EXPECT_TRUE(home["false_per_home_year"].is_number());
  for (const auto& row : rows) {
    for (const auto* key : {"fault", "severity", "ramp_days", "detection_rate", "delay_median_days",
                            "delay_p90_days", "top1", "top2", "false_per_asset_year"}) {
      EXPECT_TRUE(row.contains(key)) << key;
    }
  }
}

TEST(EvaluateHealth, PrintsThatFaultsAreInjected) {
  std::ostringstream out;

  print(report(), out);

  EXPECT_NE(out.str().find("injected"), std::string::npos);
}

// Garwood's table: 0 -> 3.689, 1 -> 5.572, 10 -> 18.39.
TEST(EvaluateHealth, BoundsACountAsPoissonDoes) {
  EXPECT_NEAR(poisson_upper_95(0), 3.689, 0.001);
  EXPECT_NEAR(poisson_upper_95(1), 5.572, 0.001);
  EXPECT_NEAR(poisson_upper_95(10), 18.391, 0.001);
}

}  // namespace
}  // namespace lenz::evaluation
