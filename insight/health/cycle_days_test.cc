#include "insight/health/cycle_days.h"

#include <gtest/gtest.h>

#include <cmath>

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp monday{std::chrono::sys_days{std::chrono::year{2026} / 3 / 2}};

// Hourly, 20 minutes of 90 W and 40 minutes of 3 W: 24 starts, a duty of a third, and
// 24 x (30 Wh + 2 Wh) = 768 Wh a day.
DutyCycle hourly(Timestamp begin) {
  return {
      .begin = begin, .on_s = 1200, .off_s = 2400, .power_w = 90, .peak_w = 300, .standby_w = 3};
}

TEST(CycleDays, AddsUpALocalDay) {
  CycleDays days;
  days.set_surroundings({.room_c = 21, .utc_offset = 60min});
  for (int h = -1; h < 24 + 23; ++h) days.take(hourly(monday + std::chrono::hours(h)));

  const auto seen = days.take_days();

  ASSERT_EQ(seen.size(), 1U);  // The second is not over before 23:00 UTC.
  EXPECT_EQ(seen[0].begin, monday - 1h);
  EXPECT_NEAR(seen[0][Feature::energy], 768, 0.5);
  EXPECT_NEAR(seen[0][Feature::duty], 1.0 / 3, 1e-4);
  EXPECT_NEAR(seen[0][Feature::run_power], 90, 1e-3);
  EXPECT_NEAR(seen[0][Feature::starts], 24, 1e-3);
  EXPECT_FLOAT_EQ(seen[0][Feature::run_time], 1200);
  EXPECT_FLOAT_EQ(seen[0][Feature::pause], 2400);
  EXPECT_NEAR(seen[0][Feature::standby], 3, 1e-3);
  EXPECT_NEAR(seen[0].room_c, 21, 1e-4);
  EXPECT_TRUE(std::isnan(seen[0].outdoor_c));
}

TEST(CycleDays, LeavesOutADayOfWhichALittleWasSeen) {
  CycleDays days;
  for (int h = 0; h < 12; ++h) days.take(hourly(monday + std::chrono::hours(h)));
  for (int h = 24; h < 49; ++h) days.take(hourly(monday + std::chrono::hours(h)));

  const auto seen = days.take_days();

  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].begin, monday + 24h);
}

TEST(CycleDays, TellsFailedStartsDefrostsAndALampFromRuns) {
  CycleDays days;
  for (int h = 0; h < 24; ++h) days.take(hourly(monday + std::chrono::hours(h)));
  for (int h = 24; h < 48; ++h) {
    const auto begin = monday + std::chrono::hours(h);
    if (h == 30) {  // A defrost, in place of a run.
      days.take({.begin = begin,
                 .on_s = 1200,
                 .off_s = 2400,
                 .power_w = 400,
                 .peak_w = 400,
                 .standby_w = 3});
    } else if (h == 31) {  // Two starts that fail, before the one that does not.
      days.take(
          {.begin = begin, .on_s = 6, .off_s = 194, .power_w = 500, .peak_w = 500, .standby_w = 3});
      days.take({.begin = begin + 200s,
                 .on_s = 6,
                 .off_s = 194,
                 .power_w = 500,
                 .peak_w = 500,
                 .standby_w = 3});
      days.take({.begin = begin + 400s,
                 .on_s = 1200,
                 .off_s = 2000,
                 .power_w = 90,
                 .peak_w = 300,
                 .standby_w = 3});
    } else if (h == 32) {  // The door is open for a while.
      days.take({.begin = begin,
                 .on_s = 1200,
                 .off_s = 1000,
                 .power_w = 90,
                 .peak_w = 300,
                 .standby_w = 3});
      days.take({.begin = begin + 2200s,
                 .on_s = 40,
                 .off_s = 1360,
                 .power_w = 20,
                 .peak_w = 20,
                 .standby_w = 3});
    } else {
      days.take(hourly(begin));
    }
  }
  days.take(hourly(monday + 48h));

  const auto seen = days.take_days();

  ASSERT_EQ(seen.size(), 2U);
  EXPECT_NEAR(seen[1][Feature::defrosts], 1, 1e-3);
  EXPECT_NEAR(seen[1][Feature::failed_starts], 2, 1e-3);
  EXPECT_NEAR(seen[1][Feature::starts], 23, 1e-3);
  EXPECT_NEAR(seen[1][Feature::run_power], 90, 1e-3);
  EXPECT_EQ(seen[0][Feature::defrosts], 0);
}

TEST(CycleDays, GoesOnThroughALongRun) {
  CycleDays days;
  for (int h = 0; h < 24; ++h) days.take(hourly(monday + std::chrono::hours(h)));
  days.take({.begin = monday + 24h,
             .on_s = 3 * 86400,
             .off_s = 3600,
             .power_w = 90,
             .peak_w = 90,
             .standby_w = 3});

  const auto seen = days.take_days();

  ASSERT_EQ(seen.size(), 4U);
  EXPECT_NEAR(seen[2][Feature::duty], 1, 1e-6);
  EXPECT_NEAR(seen[2][Feature::energy], 90 * 24, 0.1);
}

}  // namespace
}  // namespace insight
