#include "hub/calibration_book.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace hub {
namespace {

struct CalibrationBook : testing::Test {
  CalibrationBook() {
    folder = std::filesystem::temp_directory_path() /
             ("calibrations-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
    std::filesystem::create_directories(folder);
    file = folder / "calibrations.toml";
  }
  ~CalibrationBook() override { std::filesystem::remove_all(folder); }
  CalibrationBook(const CalibrationBook&) = delete;
  CalibrationBook& operator=(const CalibrationBook&) = delete;

  static CalibrationRecord record(int channel, int day) {
    CalibrationRecord record{.device = "meter-1",
                             .channel = channel,
                             .time = std::chrono::sys_days(std::chrono::year(2026) / 11 / day),
                             .reference = "Wattmeter \"A\", 0.2 %",
                             .by = "Ada",
                             .clamp = "SCT-016",
                             .volts = 230,
                             .no_load_a = 0.016};
    record.before.pga = 2;
    record.after.phase_delay = -77;
    record.after.gain_slopes = {1, -2, 3};
    record.after.curve = {{{2500, 20'408, 34'907}, {50'000, -3, 4}, {}, {}}};
    record.accuracy = {.gain_limit = 0.2,
                       .phase_deviation = 0.0025,
                       .class_percent = 1,
                       .rated_a = 120,
                       .loads = {{2.5, 1.02, 1.5}, {50, 1, 0.25}}};
    return record;
  }

  std::filesystem::path folder, file;
};

TEST_F(CalibrationBook, KeepsWhatWasDoneAndWithWhat) {
  EXPECT_TRUE(load_calibrations(file).empty());
  add_calibration(record(3, 1), file);
  add_calibration(record(3, 9), file);
  add_calibration(record(4, 5), file);

  const auto all = load_calibrations(file);

  ASSERT_EQ(all.size(), 3u);
  const auto* newest = newest_calibration(all, "meter-1", 3);
  ASSERT_TRUE(newest);
  const auto expected = record(3, 9);
  EXPECT_EQ(newest->time, expected.time);
  EXPECT_EQ(newest->reference, expected.reference);
  EXPECT_EQ(newest->by, "Ada");
  EXPECT_EQ(newest->before, expected.before);
  EXPECT_EQ(newest->after, expected.after);
  EXPECT_DOUBLE_EQ(newest->accuracy.gain_limit, 0.2);
  ASSERT_EQ(newest->accuracy.loads.size(), 2u);
  EXPECT_DOUBLE_EQ(newest->accuracy.loads[0].lead_degrees, 1.5);
  EXPECT_FALSE(newest_calibration(all, "meter-2", 3));
}

// fmt writes a time point as the clock on the wall shows it.
TEST_F(CalibrationBook, KeepsTimesWhereTheProcessHasAZoneOfItsOwn) {
  ::setenv("TZ", "Europe/Berlin", 1);
  ::tzset();
  add_calibration(record(3, 1), file);
  add_calibration(record(4, 9), file);  // Which writes the first again.
  ::unsetenv("TZ");
  ::tzset();

  const auto all = load_calibrations(file);

  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].time, record(3, 1).time);
  EXPECT_EQ(all[1].time, record(4, 9).time);
}

TEST_F(CalibrationBook, AMistakeIsSaidWithItsLine) {
  add_calibration(record(3, 1), file);
  std::ofstream(file, std::ios::app) << "colour = 1\n";

  try {
    load_calibrations(file);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("calibrations.toml"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("colour"), std::string::npos);
  }
}

}  // namespace
}  // namespace hub
