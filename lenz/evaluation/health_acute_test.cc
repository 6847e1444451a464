#include "lenz/evaluation/health_acute.h"

#include <gtest/gtest.h>

#include <sstream>

#include "lenz/evaluation/health_runs.h"
#include "lenz/evaluation/small_data.h"
#include "lenz/temporary_folder.h"
#include "simulator/appliances.h"

namespace lenz::evaluation {
namespace {

constexpr int day_s = 86400;

void write_list(const std::filesystem::path& data, const std::string& lines) {
  write_file(data / "traces/traces.csv",
             "appliance,device,file,source,licence,country,interval_s,rows,span_s,energy_wh,max_w,"
             "hold_s,clock\n" +
                 lines);
}

// Ten days of a fridge, each a file: 15 minutes of 90 W in 40.
void write_fridge(const std::filesystem::path& data) {
  std::string list;
  for (int day = 0; day < 10; ++day) {
    std::string text = "time_s,active_power_w\n";
    for (int s = 0; s < day_s; s += 20) {
      text += fmt::format("{},{}\n", day * day_s + s, (s + 37 * day) % 2400 < 900 ? 90 + day : 2);
    }
    const auto file = fmt::format("fridge/made/{}.csv.gz", day);
    write_gzip(data / "traces" / file, text);
    list += fmt::format("fridge,made,{},made,none,GB,20,0,0,0,0,60,none\n", file);
  }
  write_list(data, list);
}

TEST(EvaluateAcute, FindsWhatIsWrongWithAFridgeWithinTenMinutesAndNothingElse) {
  const TemporaryFolder folder;
  write_fridge(folder.path());

  const auto rows =
      evaluate_acute(DataSet(folder.path()), {.trials = 4, .healthy_days = 60, .houses = 0},
                     [](const std::string&) {});

  int faults = 0, healthy = 0;
  for (const auto& row : rows) {
    EXPECT_EQ(row.equipment, "fridge");
    if (row.fault.empty()) {
      ++healthy;
      EXPECT_EQ(row.alarms, 0) << row.scene;
      EXPECT_GT(row.asset_days, 0) << row.scene;
      EXPECT_GT(row.false_per_asset_year_upper, 3.68 * 365 / 60) << row.scene;
      continue;
    }
    if (!row.scene.ends_with(" 1 s")) continue;  // Not all can be seen in fewer readings.
    ++faults;
    EXPECT_EQ(row.detection_rate, 1) << row.fault;
    EXPECT_LE(row.delay_p90_days * 1440, 10) << row.fault;
    EXPECT_EQ(row.histories, 4);
  }
  EXPECT_EQ(faults, 4);
  EXPECT_EQ(healthy, 2);  // Drawn, and as they were: of ten, the first days are learnt from.

  std::ostringstream out;
  print_acute(rows, out);
  EXPECT_NE(out.str().find("start_relay does_not_start"), std::string::npos);
}

// A dishwasher that runs on each of twenty days.
void write_dishwasher(const std::filesystem::path& data) {
  simulator::Chance chance(1);
  std::string list;
  for (int day = 0; day < 20; ++day) {
    std::string text = fmt::format("time_s,active_power_w\n{},1\n", day * day_s);
    double s = day * day_s + 60;
    for (const auto& phase : simulator::dishwasher(chance)) {
      const double end = s + static_cast<double>(phase.length.count()) / 1000;
      for (; s < end; s += 10) {
        text += fmt::format("{:.0f},{:.1f}\n", s, phase.power_w * chance.normal(1, 0.01));
      }
    }
    text += fmt::format("{:.0f},1\n", s);
    const auto file = fmt::format("dishwasher/made/{}.csv.gz", day);
    write_gzip(data / "traces" / file, text);
    list += fmt::format("dishwasher,made,{},made,none,GB,10,0,0,0,0,60,none\n", file);
  }
  write_list(data, list);
}

TEST(EvaluateRuns, FindsADishwasherThatHeatsNoMoreAndNothingInHealthyRuns) {
  const TemporaryFolder folder;
  write_dishwasher(folder.path());

  const auto rows = evaluate_runs(DataSet(folder.path()), 1, [](const std::string&) {});

  bool is_found = false;
  for (const auto& row : rows) {
    if (row.fault.empty()) {
      EXPECT_EQ(row.alarms, 0) << row.scene;
    }
    if (row.fault != "heater_open") continue;
    is_found = true;
    EXPECT_EQ(row.detection_rate, 1);
    EXPECT_EQ(row.top1, 1);
  }
  EXPECT_TRUE(is_found);
}

}  // namespace
}  // namespace lenz::evaluation
