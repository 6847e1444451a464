#include "simulator/people.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::local_days monday(std::chrono::year(2026) / 1 / 5);

TEST(People, NobodyBoilsWaterAsleepOrAway) {
  for (int i = 0; i < 365; ++i) {
    const Day day = live(monday + std::chrono::days(i), 1);
    for (const auto& use : day.uses) {
      ASSERT_TRUE(day.is_awake(use.at)) << "day " << i;
      ASSERT_TRUE(day.is_home(use.at)) << "day " << i;
    }
  }
}

TEST(People, SleepLongerOnSundays) {
  for (int week = 0; week < 52; ++week) {
    const auto first = monday + std::chrono::days(7 * week);
    EXPECT_LT(live(first, 1).wakes, 8h);
    EXPECT_GT(live(first + std::chrono::days(6), 1).wakes, live(first, 1).wakes - 30min);
  }
}

TEST(People, LiveTheSameDayAgainWithTheSameSeed) {
  const Day one = live(monday, 5), same = live(monday, 5), other = live(monday, 6);

  EXPECT_EQ(one.wakes, same.wakes);
  EXPECT_EQ(one.uses.size(), same.uses.size());
  EXPECT_NE(one.wakes, other.wakes);
}

TEST(People, WashMostlyAtWeekends) {
  int weekend = 0, all = 0;
  for (int i = 0; i < 364; ++i) {
    const Day day = live(monday + std::chrono::days(i), 1);
    const auto loads = static_cast<int>(std::count_if(
        day.uses.begin(), day.uses.end(), [](auto& u) { return u.activity == Activity::laundry; }));
    all += loads;
    weekend += i % 7 >= 5 ? loads : 0;
  }

  EXPECT_GT(2 * weekend, all);
  EXPECT_NEAR(all / 52., 3, 1.2);  // Loads a week.
}

}  // namespace
}  // namespace simulator
