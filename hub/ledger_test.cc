#include "hub/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <random>

#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

Circuit circuit(const std::string& id, std::vector<ChannelUse> channels) {
  Circuit made;
  made.id = made.name = id;
  made.channels = std::move(channels);
  return made;
}

// Ten seconds a sample. Channel 0 imports 10 mWh each; channels 1 and 2 are two legs of which one
// takes 30 mWh and the other gives 20.
Sample sample(std::uint64_t number) {
  Sample made(1);
  made.number = number;
  const auto n = static_cast<std::int64_t>(number);
  made.uptime = Uptime(10'000 * n);
  const std::array<std::array<std::int64_t, 2>, 3> rise{{{10, 0}, {30, 0}, {0, 20}}};
  for (std::size_t c = 0; c < 3; ++c) {
    made.put_steps(Quantity::active_power, c, 360);
    made.put_steps(Quantity::imported, c, rise[c][0] * n);
    made.put_steps(Quantity::exported, c, rise[c][1] * n);
  }
  return made;
}

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    home.id = "home";
    home.panels.emplace_back().circuits = {
        circuit("fridge", {{"meter", 0, 1}}),
        circuit("mains", {{"meter", 1, 1}, {"meter", 2, 1}}),
    };
    std::string name = (std::filesystem::temp_directory_path() / "lenz_ledger_XXXXXX").string();
    folder = mkdtemp(name.data());
    open();
  }
  ~LedgerTest() override { std::filesystem::remove_all(folder); }

  void open() {
    ledger.reset();
    store.reset();
    store.emplace(disk, folder);
    ledger.emplace(disk, folder + "/ledger.db", *store, home);
  }
  void append(std::uint64_t begin, std::uint64_t end, std::uint64_t boot = 1,
              Timestamp booted_at = midnight) {
    std::vector<Sample> samples;
    for (auto n = begin; n < end; ++n) samples.push_back(sample(n));
    ASSERT_TRUE(store->append(
        {.device = "meter", .boot = boot, .period = 10s, .chips = 1, .booted_at = booted_at},
        samples));
    ASSERT_TRUE(store->commit());
  }
  void follow(Timestamp now) {
    ASSERT_TRUE(store->tidy(now));
    for (int i = 0; i < 10'000; ++i) {
      const auto done = ledger->follow(now);
      ASSERT_TRUE(done);
      if (*done) return;
    }
    FAIL() << "the ledger never comes to an end";
  }
  std::vector<std::int64_t> imported(std::string_view id) {
    std::vector<std::int64_t> hours;
    for (const auto& hour : ledger->hours(id, {midnight, midnight + 48h})) {
      hours.push_back(hour.gained.imported.value);
    }
    return hours;
  }

  std::string folder;
  Disk disk;
  Home home;
  std::optional<SqliteStore> store;
  std::optional<Ledger> ledger;
};

TEST_F(LedgerTest, AnHourHasTheEnergyThatItsSamplesBrought) {
  append(0, 720);  // Two hours; the first sample brings nothing, each other one 10 mWh.
  follow(midnight + 2h);

  EXPECT_THAT(imported("fridge"), testing::ElementsAre(3590, 3600));
  EXPECT_EQ(ledger->counter("fridge").imported.value, 7190);
}

TEST_F(LedgerTest, TwoLegsAreAddedWithinEachSample) {
  append(0, 361);
  follow(midnight + 2h);

  // 30 - 20 mWh in each of 360 samples after the first; the last of them is in the second hour.
  EXPECT_THAT(imported("mains"), testing::ElementsAre(3590, 10));
  EXPECT_EQ(ledger->counter("mains").exported.value, 0);
}

TEST_F(LedgerTest, AMinuteCountsWhenItIsOver) {
  append(0, 10);  // 0 s to 90 s.
  follow(midnight + 95s);
  EXPECT_EQ(ledger->counter("fridge").imported.value, 50);

  follow(midnight + 2min);
  EXPECT_EQ(ledger->counter("fridge").imported.value, 90);
}

TEST_F(LedgerTest, LateSamplesMoveEnergyToItsOwnHourAndMakeNone) {
  append(0, 360);
  append(1080, 1440);  // The second and the third hour are missing.
  follow(midnight + 4h);
  ASSERT_THAT(imported("fridge"), testing::ElementsAre(3590, 10'800));
  const auto seen = ledger->hours("fridge", {midnight, midnight + 4h}).back().revision;

  append(360, 1080);
  follow(midnight + 4h);

  EXPECT_THAT(imported("fridge"), testing::ElementsAre(3590, 3600, 3600, 3600));
  EXPECT_EQ(ledger->counter("fridge").imported.value, 14'390);
  const auto changed = ledger->changed("fridge", seen, 100);
  ASSERT_EQ(changed.size(), 3u);
  EXPECT_EQ(changed[0].begin, midnight + 1h);
  EXPECT_EQ(changed[0].counter.imported.value, 7190);
  EXPECT_EQ(changed[2].counter.imported.value, 14'390);
}

TEST_F(LedgerTest, ARestartOfTheMeterStartsItsTotalsAnewAndLosesNothing) {
  append(0, 360);
  append(0, 360, 2, midnight + 1h);
  follow(midnight + 2h);

  EXPECT_THAT(imported("fridge"), testing::ElementsAre(3590, 3590));
}

TEST_F(LedgerTest, ARestartOfTheHubChangesNothing) {
  append(0, 500);
  follow(midnight + 5000s);
  const auto before = ledger->counter("fridge");

  open();
  EXPECT_EQ(ledger->counter("fridge"), before);
  follow(midnight + 2h);

  EXPECT_EQ(ledger->counter("fridge").imported.value, 4990);
}

// Late samples have moved energy from one hour to another, and only one of them was counted again.
TEST_F(LedgerTest, AKillBetweenTwoHoursDoesNotCountTheirEnergyTwice) {
  append(0, 360);
  append(1080, 1800);
  follow(midnight + 5h);
  append(360, 720);
  while (imported("fridge").size() < 4) ASSERT_TRUE(ledger->follow(midnight + 5h));
  ASSERT_THAT(imported("fridge"), testing::ElementsAre(3590, 3600, 10'800, 3600));
  const auto killed = folder + "/killed";
  std::filesystem::copy(folder, killed);

  SqliteStore restarted(disk, killed);
  Ledger again(disk, killed + "/ledger.db", restarted, home);
  while (!*again.follow(midnight + 5h)) continue;

  EXPECT_EQ(again.counter("fridge").imported.value, 17'990);
}

TEST_F(LedgerTest, WhatWasStoredWithoutItIsTakenInBeforeItSaysThatNothingIsLeft) {
  append(0, 360);
  follow(midnight + 1h);
  append(360, 1440);

  open();
  follow(midnight + 4h);

  EXPECT_THAT(imported("fridge"), testing::ElementsAre(3590, 3600, 3600, 3600));
}

TEST_F(LedgerTest, AClampThatProvesReversedChangesThePastAndLetsNoCounterFall) {
  append(0, 360);
  follow(midnight + 1h);
  const auto before = ledger->counter("fridge");
  ASSERT_EQ(before.imported.value, 3590);

  home.panels[0].circuits[0].channels[0].multiplier = -1;
  open();
  follow(midnight + 1h);

  EXPECT_EQ(ledger->hours("fridge", {midnight, midnight + 1h})[0].gained, (Energy{{0}, {3590}}));
  EXPECT_EQ(ledger->counter("fridge"), before);
  append(360, 366);
  follow(midnight + 61min);
  EXPECT_EQ(ledger->counter("fridge"), (Energy{{3590}, {60}}));
}

TEST_F(LedgerTest, AfterARestoreTheCounterWaitsForWhatTheMeterStillHas) {
  append(0, 360);
  follow(midnight + 1h);
  ledger->told("fridge", {{7190}, {0}});  // Before the restore it was 2 h old.
  EXPECT_EQ(ledger->counter("fridge").imported.value, 7190);

  append(360, 726);
  follow(midnight + 121min);

  EXPECT_EQ(ledger->counter("fridge").imported.value, 7250);
}

TEST_F(LedgerTest, WhatIsLostForGoodHoldsTheCounterBackForAnHourOnly) {
  append(0, 360);
  ledger->told("fridge", {{10'000}, {0}});
  follow(midnight + 1h);
  EXPECT_EQ(ledger->counter("fridge").imported.value, 10'000);

  follow(midnight + 2h);
  append(720, 726, 2, midnight);  // Totals of 7200 mWh and more, in a boot that we know nothing of.
  follow(midnight + 2h + 1min);

  EXPECT_EQ(ledger->counter("fridge").imported.value, 17'250);
}

// Whatever the order, the repetitions and the moments in between.
class AnyOrder : public LedgerTest, public testing::WithParamInterface<unsigned> {};

TEST_P(AnyOrder, GivesTheSameHours) {
  std::mt19937 random(GetParam());
  struct Piece {
    std::uint64_t begin, end, boot;
  };
  std::vector<Piece> pieces;
  for (std::uint64_t boot = 1; boot <= 3; ++boot) {
    for (std::uint64_t at = 0; at < 1000;) {
      const auto end = std::min<std::uint64_t>(1000, at + 1 + random() % 60);
      pieces.push_back({at, end, boot});
      if (random() % 8 == 0) pieces.push_back({at, end, boot});
      at = end;
    }
  }
  std::ranges::shuffle(pieces, random);

  Energy told;
  Timestamp clock = midnight;
  for (const auto& [begin, end, boot] : pieces) {
    append(begin, end, boot, midnight + 10'000s * (boot - 1));
    clock += std::chrono::seconds(random() % 1'000);
    if (random() % 4 == 0) follow(clock);
    if (random() % 40 == 0) open();
    const auto now = ledger->counter("mains");
    EXPECT_LE(told.imported, now.imported) << "seed " << GetParam();
    told = now;
  }
  follow(std::max(clock, midnight + 30'000s));

  // Net 10 mWh a sample of which the first of each boot brings none. Boots begin at samples 0, 1000
  // and 2000 of 10 s each; an hour has 360.
  EXPECT_THAT(imported("mains"),
              testing::ElementsAre(3590, 3600, 3590, 3600, 3600, 3590, 3600, 3600, 1200))
      << "seed " << GetParam();
  EXPECT_EQ(ledger->counter("mains").imported.value, 29'970) << "seed " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyOrder, testing::Range(1u, 13u));

}  // namespace
}  // namespace hub
