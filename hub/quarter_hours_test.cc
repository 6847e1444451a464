#include "hub/quarter_hours.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <numeric>

#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using insight::quarter;
using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;
using testing::ElementsAre;

const Timestamp new_year = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);

Circuit circuit(const std::string& id, std::vector<ChannelUse> channels) {
  Circuit made;
  made.id = made.name = id;
  made.channels = std::move(channels);
  return made;
}

// A minute a sample. Channel 0 takes 1,000 mWh in each; channels 1 and 2 are two legs that take and
// give 60 mWh by turns, so that a quarter of an hour nets them to next to nothing.
Sample sample(std::uint64_t number, std::chrono::milliseconds period = 60s) {
  Sample made(1);
  made.number = number;
  const auto n = static_cast<std::int64_t>(number);
  made.uptime = Uptime(period * n);
  made.put_steps(Quantity::voltage, 0, 2300);
  const std::array<std::array<std::int64_t, 2>, 3> totals{
      {{1000 * n, 0}, {60 * ((n + 1) / 2), 0}, {0, 60 * (n / 2)}}};
  for (std::size_t c = 0; c < 3; ++c) {
    made.put_steps(Quantity::active_power, c, 600);
    made.put_steps(Quantity::imported, c, totals[c][0]);
    made.put_steps(Quantity::exported, c, totals[c][1]);
  }
  return made;
}

class QuarterBookTest : public testing::Test {
 protected:
  QuarterBookTest() {
    home.id = "home";
    home.panels.emplace_back().circuits = {
        circuit("fridge", {{"meter", 0, 1}}),
        circuit("mains", {{"meter", 1, 1}, {"meter", 2, 1}}),
        circuit("attic", {}),
    };
    std::string name = (std::filesystem::temp_directory_path() / "lenz_quarters_XXXXXX").string();
    folder = mkdtemp(name.data());
    store.emplace(disk, folder);
    ledger.emplace(disk, folder + "/ledger.db", *store, home);
    book.emplace(*store, home, [this] { return &*ledger; });
  }
  ~QuarterBookTest() override { std::filesystem::remove_all(folder); }

  // Minutes since the new year at which the meter began.
  void append(std::uint64_t begin, std::uint64_t end, std::chrono::milliseconds period = 60s) {
    std::vector<Sample> samples;
    for (auto n = begin; n < end; ++n) samples.push_back(sample(n, period));
    ASSERT_TRUE(store->append(
        {.device = "meter", .boot = 1, .period = period, .chips = 1, .booted_at = new_year},
        samples));
    ASSERT_TRUE(store->commit());
  }
  void follow(Timestamp now) {
    while (true) {
      const auto packed = store->tidy(now), followed = ledger->follow(now, 50);
      ASSERT_TRUE(packed && followed);
      if (*packed && *followed) return;
    }
  }
  insight::QuarterHours quarters(std::string_view id, TimeRange range, Timestamp now) {
    auto found = book->circuit(id, range, now);
    EXPECT_TRUE(found);
    return found.value_or(insight::QuarterHours{});
  }

  std::string folder;
  Disk disk;
  Home home;
  std::optional<SqliteStore> store;
  std::optional<Ledger> ledger;
  std::optional<QuarterBook> book;
};

std::vector<std::int64_t> values(const std::vector<measurement::MilliwattHours>& energies) {
  std::vector<std::int64_t> found;
  for (const auto one : energies) found.push_back(one.value);
  return found;
}

std::int64_t sum(const std::vector<measurement::MilliwattHours>& energies) {
  const auto all = values(energies);
  return std::accumulate(all.begin(), all.end(), std::int64_t{0});
}

TEST_F(QuarterBookTest, AQuarterHasWhatItsSamplesBrought) {
  append(0, 61);

  const auto found = quarters("fridge", {new_year, new_year + 1h}, new_year + 2h);

  // The first sample of a meter brings nothing; the sample at 15 min counts in the second quarter.
  EXPECT_THAT(values(found.imported), ElementsAre(14'000, 15'000, 15'000, 15'000));
  EXPECT_THAT(values(found.exported), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(found.covered, ElementsAre(1, 1, 1, 1));
}

TEST_F(QuarterBookTest, LegsThatTakeByTurnsAddUpToTheHourOfTheLedger) {
  append(0, 6 * 60);
  follow(new_year + 7h);

  const auto found = quarters("mains", {new_year, new_year + 5h}, new_year + 7h);

  ASSERT_EQ(found.imported.size(), 20u);
  for (const auto& hour : ledger->hours("mains", {new_year, new_year + 5h})) {
    const auto at = static_cast<std::size_t>((hour.begin - new_year) / quarter);
    std::int64_t imported = 0, exported = 0;
    for (auto i = at; i < at + 4; ++i) {
      imported += found.imported[i].value;
      exported += found.exported[i].value;
    }
    EXPECT_EQ(imported, hour.gained.imported.value);
    EXPECT_EQ(exported, hour.gained.exported.value);
    EXPECT_GT(imported, 1'500);  // 30 times 60 mWh, less the first.
    EXPECT_GT(exported, 1'500);
  }
}

TEST_F(QuarterBookTest, WhatWasCountedOverAGapLiesEvenlyInIt) {
  append(0, 31);       // To 00:30.
  append(90, 60 * 3);  // From 01:30 on: 60,000 mWh in between.

  const auto found = quarters("fridge", {new_year, new_year + 2h}, new_year + 3h);

  // Silent from 00:31 to 01:30: 59 min, and with the quarter that it ends in 74 for 74,000 mWh.
  EXPECT_THAT(values(found.imported),
              ElementsAre(14'000, 15'000, 15'000, 15'000, 15'000, 15'000, 15'000, 15'000));
  EXPECT_FLOAT_EQ(found.covered[1], 1);
  EXPECT_NEAR(found.covered[2], 1.0 / 15, 1e-6);
  EXPECT_FLOAT_EQ(found.covered[3], 0);
  EXPECT_FLOAT_EQ(found.covered[5], 0);
  EXPECT_FLOAT_EQ(found.covered[6], 1);
  EXPECT_EQ(sum(found.imported), 119'000);
}

TEST_F(QuarterBookTest, AGapAcrossTheEndOfAMonthIsInBothMonths) {
  const std::uint64_t end_of_month = 31 * 24 * 60;
  append(0, end_of_month - 59);  // The last at 23:00.
  append(end_of_month + 60, end_of_month + 120);
  const auto february = new_year + std::chrono::days(31);

  const auto before = quarters("fridge", {february - 1h, february}, february + 3h);
  const auto after = quarters("fridge", {february, february + 1h}, february + 3h);

  EXPECT_THAT(values(before.imported), ElementsAre(15'000, 15'000, 15'000, 15'000));
  EXPECT_THAT(values(after.imported), ElementsAre(15'000, 15'000, 15'000, 15'000));
}

TEST_F(QuarterBookTest, NothingIsCoveredBeforeTheMeterNorWithoutAClamp) {
  append(0, 61);

  const auto before = quarters("fridge", {new_year - 30min, new_year + 15min}, new_year + 2h);
  const auto attic = quarters("attic", {new_year, new_year + 30min}, new_year + 2h);

  EXPECT_THAT(before.covered, ElementsAre(0, 0, 1));
  EXPECT_THAT(values(before.imported), ElementsAre(0, 0, 14'000));
  EXPECT_THAT(attic.covered, ElementsAre(0, 0));
}

TEST_F(QuarterBookTest, WhatComesLateIsReadAgain) {
  append(0, 31);
  append(90, 60 * 3);
  const auto now = new_year + std::chrono::days(40);
  for (int i = 0; i < 100 && !book->step(now).value_or(true);) ++i;
  ASSERT_TRUE(book->is_ready());
  const auto revision = book->revision();
  ASSERT_FLOAT_EQ(quarters("fridge", {new_year, new_year + 1h}, now).covered[3], 0);

  append(31, 90);

  EXPECT_FLOAT_EQ(quarters("fridge", {new_year, new_year + 1h}, now + 1s).covered[3], 1);
  EXPECT_GT(book->revision(), revision);
}

TEST_F(QuarterBookTest, WhatComesLateInTheRunningMonthIsReadAtOnce) {
  append(0, 31);
  append(90, 60 * 3);
  const auto now = new_year + 3h;
  for (int i = 0; i < 100 && !book->step(now).value_or(true);) ++i;
  ASSERT_FLOAT_EQ(quarters("fridge", {new_year, new_year + 1h}, now).covered[3], 0);
  const auto revision = book->revision();
  append(60 * 3, 60 * 3 + 5);
  ASSERT_FLOAT_EQ(quarters("fridge", {new_year, new_year + 1h}, now + 5min).covered[3], 0);
  EXPECT_EQ(book->revision(), revision) << "What comes as time goes on is no reason to begin anew.";

  append(31, 90);

  EXPECT_FLOAT_EQ(quarters("fridge", {new_year, new_year + 1h}, now + 5min + 1s).covered[3], 1);
  EXPECT_GT(book->revision(), revision);
}

TEST_F(QuarterBookTest, TheRunningMonthGoesOn) {
  append(0, 31);
  EXPECT_EQ(sum(quarters("fridge", {new_year, new_year + 1h}, new_year + 31min).imported), 30'000);

  append(31, 46);

  EXPECT_EQ(sum(quarters("fridge", {new_year, new_year + 1h}, new_year + 46min).imported), 45'000);
}

TEST_F(QuarterBookTest, WhatIsThereIsGivenAtOnce) {
  append(0, 31);
  const auto now = new_year + 3h;
  EXPECT_EQ(sum(quarters("fridge", {new_year, now}, now).imported), 30'000);

  // A meter tells what it could not send, as fast as it can.
  for (std::uint64_t minute = 31; minute < 171; minute += 10) {
    append(minute, minute + 10);
    const auto end = now + std::chrono::milliseconds(minute);
    EXPECT_EQ(sum(quarters("fridge", {new_year, now}, end).imported),
              1000 * static_cast<std::int64_t>(minute + 9));
  }
}

TEST_F(QuarterBookTest, WhatTheLedgerHasCountedSinceIsGiven) {
  append(0, 6 * 360, 10s);
  const auto now = new_year + 40 * 24h;  // The month is over.
  const auto before = quarters("mains", {new_year, new_year + 5h}, now);
  ASSERT_LT(sum(before.imported), 5'000);  // In a minute the legs net to nothing.

  follow(now);

  std::int64_t counted = 0;
  for (const auto& hour : ledger->hours("mains", {new_year, new_year + 5h})) {
    counted += hour.gained.imported.value;
  }
  ASSERT_GT(counted, 50'000);  // 5 x 180 x 60 mWh.
  EXPECT_EQ(sum(quarters("mains", {new_year, new_year + 5h}, now + 1s).imported), counted);
}

TEST_F(QuarterBookTest, WhatEndsASilenceIsReadInTheMonthInWhichItBegan) {
  const std::uint64_t end_of_month = 31 * 24 * 60;
  append(0, end_of_month - 59);  // The last at 23:00.
  const auto february = new_year + std::chrono::days(31);
  const TimeRange last_hour{february - 1h, february};
  for (int i = 0; i < 100 && !book->step(february + 1h).value_or(true);) ++i;
  ASSERT_EQ(sum(quarters("fridge", last_hour, february + 1h).imported), 1'000);
  ASSERT_EQ(sum(quarters("fridge", {february, february + 1h}, february + 1h).imported), 0);

  append(end_of_month + 60, end_of_month + 120);

  EXPECT_EQ(sum(quarters("fridge", last_hour, february + 3h).imported), 60'000);
  EXPECT_EQ(sum(quarters("fridge", {february, february + 1h}, february + 3h).imported), 60'000);
}

TEST_F(QuarterBookTest, AQuestionEndsWhileAPastComesIn) {
  const auto now = new_year + 40 * 24h;
  const std::vector<std::string> circuits{"fridge", "mains"};
  std::uint64_t minute = 0;

  int pieces = 0;
  for (bool is_done = false; !is_done && pieces < 20; ++pieces) {
    append(minute, minute + 120);
    minute += 120;
    is_done = book->prepare(circuits, {new_year, now}, now).value();
  }

  EXPECT_LE(pieces, 5);  // Two circuits in two months, and that they are done.
}

TEST_F(QuarterBookTest, WhatNobodyAskedForIsReadAgainAtMostOnceAMinuteWhileAPastComesIn) {
  append(0, 120);
  auto now = new_year + 40 * 24h;
  for (int i = 0; i < 100 && !book->step(now).value_or(true);) ++i;
  ASSERT_TRUE(book->is_ready());

  int not_done = 0;
  for (std::uint64_t second = 0; second < 300; ++second) {
    append(120 + 10 * second, 130 + 10 * second);
    now += 1s;
    while (!book->step(now).value()) ++not_done;
  }

  // Five minutes, with two circuits in two months.
  EXPECT_LE(not_done, 5 * 4);
  EXPECT_GT(not_done, 0);
}

TEST(Zone, OfAHomeKnowsWhenItsClocksChange) {
  const auto change = Timestamp(std::chrono::sys_days(std::chrono::year(2026) / 3 / 29)) + 1h;
  const auto offset = [change](Timestamp time) { return time < change ? 60min : 120min; };

  const auto zone = zone_of(offset, {new_year, new_year + std::chrono::days(365)});

  EXPECT_EQ(zone.offset(change - 1ms), 60min);
  EXPECT_EQ(zone.offset(change), 120min);
  const auto march = range_of(month_of(std::chrono::year(2026) / 3), zone);
  EXPECT_EQ(march.end - march.begin, 31 * 24h - 1h);
}

TEST(QuarterHours, AreAddedAndTakenAwayWhereBothAre) {
  auto whole = no_quarters({new_year, new_year + 1h});
  const insight::QuarterHours load{new_year + 30min, {{100}, {200}, {300}}, {{0}, {5}, {0}}, {}};
  whole.covered.assign(4, 1);

  add(whole, load);
  EXPECT_THAT(values(whole.imported), ElementsAre(0, 0, 100, 200));
  EXPECT_THAT(values(whole.exported), ElementsAre(0, 0, 0, 5));

  // What solar under it gave was used by the rest: 100 - 0 + 40, and 200 - 5 + 5.
  const insight::QuarterHours solar{new_year + 30min, {{0}, {0}}, {{40}, {5}}, {}};
  take_away(whole, solar);
  EXPECT_THAT(values(whole.imported), ElementsAre(0, 0, 140, 200));
  take_away(whole, load);
  EXPECT_THAT(values(whole.imported), ElementsAre(0, 0, 40, 5));
  EXPECT_THAT(values(whole.exported), ElementsAre(0, 0, 0, 0));
}

}  // namespace
}  // namespace hub
