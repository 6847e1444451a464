#include "lenz/store_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"
#include "lenz/commands.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

using hub::TimeRange;
using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;

TEST(Coverage, IsTheShareOfTheTimeSinceTheFirstSample) {
  const TimeRange life{noon, noon + 10h};
  const std::vector<TimeRange> silences = {{noon + 1h, noon + 2h}, {noon + 4h, noon + 7h}};

  const auto all = coverage(life, silences, {noon, noon + 10h + 2min});
  const auto part = coverage(life, silences, {noon + 5h, noon + 10h});

  EXPECT_DOUBLE_EQ(all->share, 1 - 240.0 / 602.0);
  ASSERT_EQ(all->gaps.size(), 2u);
  EXPECT_EQ(all->gaps[0].begin, noon + 4h);  // The longest.
  EXPECT_DOUBLE_EQ(part->share, 3.0 / 5.0);
  EXPECT_EQ(part->gaps.size(), 1u);
}

TEST(Coverage, AMeterThatFellSilentIsNotHeardSince) {
  const auto found = coverage({noon, noon + 3h}, {}, {noon, noon + 4h});

  EXPECT_DOUBLE_EQ(found->share, 0.75);
  EXPECT_EQ(found->gaps[0].begin, noon + 3h);
}

TEST(Coverage, BeforeTheFirstSampleNothingIsKnown) {
  EXPECT_FALSE(coverage({noon, noon + 1h}, {}, {noon - 2h, noon - 1h}));
}

class StoreStatusTest : public testing::Test {
 protected:
  // Two values a sample, a sample a minute.
  void append(std::uint64_t begin, std::uint64_t end) {
    std::vector<Sample> samples;
    for (auto n = begin; n < end; ++n) {
      Sample& sample = samples.emplace_back(1);
      sample.number = n;
      sample.uptime = static_cast<std::int64_t>(n) * 1min;
      sample.put_steps(Quantity::active_power, 0, static_cast<std::int64_t>(n * 31 % 97));
      sample.put_steps(Quantity::imported, 0, static_cast<std::int64_t>(n) * 9);
    }
    hub::SqliteStore store(disk, folder.path());
    ASSERT_TRUE(store.append(
        {.device = "attic", .boot = 1, .period = 1min, .chips = 1, .booted_at = noon}, samples));
    ASSERT_TRUE(store.commit());
    while (!store.tidy(noon + 100 * 24h).value()) {
    }
  }
  std::string status(Timestamp now) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(store_status({.data = folder.path(), .now = now}), 0);
    return testing::internal::GetCapturedStdout();
  }

  TemporaryFolder folder;
  hub::Disk disk;
};

TEST_F(StoreStatusTest, SaysWhatIsKeptAndHowWellItWasHeard) {
  append(0, 24 * 60);
  append(36 * 60, 48 * 60);  // Twelve hours were missed.

  const auto text = status(noon + 48h);

  EXPECT_THAT(text, HasSubstr("4320 values are packed, "));
  EXPECT_THAT(text, HasSubstr("attic\n  first sample 2026-03-01 12:00 UTC, "
                              "newest 2026-03-03 12:00 UTC\n"
                              "  heard 75.00 % of the last 2 days 0 h, 75.00 % since its first "
                              "sample\n"
                              "  1 gap in that time; the longest:\n"
                              "    2026-03-02 12:00 to 2026-03-03 00:00 UTC (12 h 0 min)\n"));
  EXPECT_THAT(text, HasSubstr(" a day, as in the last 2 days, that is reached in "));
  EXPECT_THAT(text, HasSubstr("samples stay for 365 days, minutes for 3650, hours for ever\n"));
}

TEST_F(StoreStatusTest, SaysWhenTheBudgetIsReached) {
  append(0, 48 * 60);
  hub::Home home;
  home.id = home.name = "home";
  home.zone = "Etc/UTC";
  home.country = "DE";
  home.currency = "EUR";
  home.panels.emplace_back();
  home.retention = {.samples = std::chrono::days(30), .budget = 100'000'000};
  hub::save_home(home, folder.path() + "/home.toml");

  const auto text = status(noon + 48h);

  EXPECT_THAT(text, HasSubstr("samples stay for 30 days, minutes for 3650, hours for ever\n"));
  EXPECT_THAT(text, HasSubstr(" are free on the disk, the budget is 100"));
}

TEST_F(StoreStatusTest, OfTheLastThirtyDaysOnlyTheirOwnGapsAreCounted) {
  append(0, 24 * 60);
  append(70 * 24 * 60, 80 * 24 * 60);

  const auto text = status(noon + 80 * 24h);

  EXPECT_THAT(text, HasSubstr("heard 33.33 % of the last 30 days, 13.75 % since"));
  EXPECT_THAT(text, HasSubstr("2026-04-20 12:00 to 2026-05-10 12:00 UTC"));
}

TEST_F(StoreStatusTest, WhatIsNotKnownYetIsSaid) {
  append(0, 60);
  EXPECT_THAT(status(noon + 1h), HasSubstr("not known yet, since less than a day is kept."));
}

TEST_F(StoreStatusTest, AnEmptyStoreHasNoMeter) {
  { const hub::SqliteStore store(disk, folder.path()); }
  const auto text = status(noon);
  EXPECT_THAT(text, HasSubstr("nothing is packed yet"));
  EXPECT_THAT(text, HasSubstr("no meter was heard yet"));
}

TEST_F(StoreStatusTest, NothingIsMadeInAFolderWithoutAStore) {
  const auto nowhere = folder.path() + "/nowhere";
  EXPECT_THROW(store_status({.data = nowhere}), std::runtime_error);
  EXPECT_FALSE(disk.list(nowhere));
}

}  // namespace
}  // namespace lenz
