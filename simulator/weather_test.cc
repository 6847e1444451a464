#include "simulator/weather.h"

#include <gtest/gtest.h>

namespace simulator {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

Timestamp at(int month, int day, int hour) {
  return Timestamp(std::chrono::sys_days(std::chrono::year(2026) / month / day)) +
         std::chrono::hours(hour);
}

TEST(Weather, TheSunIsUpAtNoonAndDownAtMidnight) {
  const Weather weather({.latitude_deg = 50}, 0min, 1);

  for (int month = 1; month <= 12; ++month) {
    EXPECT_GT(weather.radiation(at(month, 15, 12)), 20) << month;
    EXPECT_EQ(weather.radiation(at(month, 15, 0)), 0) << month;
  }
}

TEST(Weather, NoonIsTwelveOClockOfTheLocalTime) {
  const Weather weather({.latitude_deg = 40}, -300min, 1);

  EXPECT_GT(weather.radiation(at(6, 21, 17)), 50);  // 12:00 at UTC-5.
  EXPECT_EQ(weather.radiation(at(6, 21, 5)), 0);    // Midnight.
}

TEST(Weather, AClearNoonOfMidsummerFollowsTheFormula) {
  const Weather weather({.latitude_deg = 50}, 0min, 1);
  double greatest = 0;

  for (int day = 11; day <= 30; ++day) {
    greatest = std::max(greatest, weather.radiation(at(6, day, 12)));
  }

  // Elevation 90 - 50 + 23.4 = 63.4 degrees: 910 x 0.894 - 30 = 784 W/m2 at most.
  EXPECT_LE(greatest, 785);
  EXPECT_GT(greatest, 500);
}

TEST(Weather, JulyIsWarmerThanJanuaryByTwiceTheSeason) {
  const Weather weather({.mean_c = 10, .season_k = 10, .day_k = 4}, 0min, 1);
  double january = 0, july = 0;

  for (int day = 1; day <= 31; ++day) {
    for (int hour = 0; hour < 24; ++hour) {
      january += static_cast<double>(weather.outdoor(at(1, day, hour)).value) / (31 * 24);
      july += static_cast<double>(weather.outdoor(at(7, day, hour)).value) / (31 * 24);
    }
  }

  EXPECT_NEAR(july - january, 20, 4);  // Spells of 5 K are not quite averaged out in a month.
}

}  // namespace
}  // namespace simulator
