#include "insight/bill/zone.h"

#include <gtest/gtest.h>

namespace insight {
namespace {

using namespace std::chrono;
using measurement::Timestamp;

constexpr minutes hour{60};

Timestamp utc(year_month_day date, hours time = {}) { return sys_days(date) + time; }
local_days local(year_month_day date) { return local_days(date); }

// IANA tz database 2024a.
const Zone berlin({{utc(2025y / 10 / 26, hours(1)), hour},
                   {utc(2026y / 3 / 29, hours(1)), 2 * hour},
                   {utc(2026y / 10 / 25, hours(1)), hour}});

TEST(Zone, HasADayOf23AndOneOf25Hours) {
  EXPECT_EQ(berlin.begin(local(2026y / 3 / 29)), utc(2026y / 3 / 28, hours(23)));
  EXPECT_EQ(berlin.begin(local(2026y / 3 / 30)) - berlin.begin(local(2026y / 3 / 29)), hours(23));
  EXPECT_EQ(berlin.begin(local(2026y / 10 / 26)) - berlin.begin(local(2026y / 10 / 25)), hours(25));
  EXPECT_EQ(berlin.begin(local(2026y / 7 / 2)) - berlin.begin(local(2026y / 7 / 1)), hours(24));
}

TEST(Zone, TellsTheLocalDay) {
  EXPECT_EQ(berlin.day(utc(2026y / 6 / 30, hours(22))), local(2026y / 7 / 1));
  EXPECT_EQ(berlin.day(utc(2026y / 1 / 1)), local(2026y / 1 / 1));
  EXPECT_EQ(Zone().day(utc(2026y / 6 / 30, hours(22))), local(2026y / 6 / 30));
}

TEST(Zone, BeginsADayWhoseMidnightTheClocksSkip) {
  // Beirut, 2022-03-27: at 00:00 clocks went to 01:00.
  const Zone beirut(
      {{utc(2021y / 10 / 30, hours(21)), 2 * hour}, {utc(2022y / 3 / 26, hours(22)), 3 * hour}});
  const auto begin = beirut.begin(local(2022y / 3 / 27));

  EXPECT_EQ(begin, utc(2022y / 3 / 26, hours(22)));
  EXPECT_EQ(beirut.day(begin), local(2022y / 3 / 27));
  EXPECT_EQ(beirut.begin(local(2022y / 3 / 28)) - begin, hours(23));
}

TEST(Zone, BeginsADayWhoseMidnightComesTwiceAtTheFirst) {
  // Havana, 2025-11-02: at 01:00 clocks went back to 00:00.
  const Zone havana(
      {{utc(2025y / 3 / 9, hours(5)), -4 * hour}, {utc(2025y / 11 / 2, hours(5)), -5 * hour}});

  EXPECT_EQ(havana.begin(local(2025y / 11 / 2)), utc(2025y / 11 / 2, hours(4)));
  EXPECT_EQ(havana.begin(local(2025y / 11 / 3)) - havana.begin(local(2025y / 11 / 2)), hours(25));
}

}  // namespace
}  // namespace insight
