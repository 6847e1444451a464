#include "hub/store/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>

#include "hub/files/disk.h"
#include "hub/store/block.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::ReportHeader;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Stream;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;
using testing::ElementsAre;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "lenz_store_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

ReportHeader header_of(std::uint64_t boot, Timestamp booted_at) {
  return {.device = "meter", .boot = boot, .chips = 1, .booted_at = booted_at};
}

// One chip; a steady 230.0 V and 36 W, or 10 mWh a second, on channel 0.
Sample second(std::uint64_t number) {
  Sample sample(1);
  sample.number = number;
  const auto seconds = static_cast<std::int64_t>(number);
  sample.uptime = Uptime(1000 * seconds);
  sample.put_steps(Quantity::voltage, 0, 2300);
  for (std::size_t c = 0; c < 3; ++c) {
    sample.put_steps(Quantity::current, c, 200);
    sample.put_steps(Quantity::active_power, c, 360);
    sample.put_steps(Quantity::imported, c, 10 * seconds);
    sample.put_steps(Quantity::exported, c, 0);
  }
  return sample;
}

std::vector<Sample> seconds(std::uint64_t begin, std::uint64_t end) {
  std::vector<Sample> samples;
  for (auto n = begin; n < end; ++n) samples.push_back(second(n));
  return samples;
}

class SqliteStoreTest : public testing::Test {
 protected:
  Appended append(const std::vector<Sample>& samples, std::uint64_t boot = 1,
                  Timestamp booted_at = midnight) {
    const auto appended = store->append(header_of(boot, booted_at), samples);
    EXPECT_TRUE(appended);
    return appended.value_or(Appended{});
  }
  void reopen() {
    store.reset();
    store.emplace(disk, folder.path());
  }
  Points read(Quantity quantity, TimeRange range, std::chrono::milliseconds step) {
    auto points = store->read({"meter", quantity, 0}, range, step);
    EXPECT_TRUE(points) << sentence(points.error());
    return *points;
  }
  double energy(TimeRange range, std::chrono::milliseconds step) {
    double sum = 0;
    for (const double gained : read(Quantity::imported, range, step).gained) {
      if (!std::isnan(gained)) sum += gained;
    }
    return sum;
  }
  std::size_t samples_stored() {
    const auto samples = store->samples("meter", {midnight - 999 * 24h, midnight + 999 * 24h});
    EXPECT_TRUE(samples) << sentence(samples.error());
    return samples ? samples->size() : 0;
  }
  void execute(const std::string& sql) {
    ASSERT_EQ(store->database().execute(sql.c_str()), SQLITE_OK) << store->database().message();
  }

  Folder folder;
  Disk disk;
  std::optional<SqliteStore> store{std::in_place, disk, folder.path()};
};

TEST_F(SqliteStoreTest, StoringTwiceIsStoringOnce) {
  const auto first = append(seconds(0, 90));
  const auto again = append(seconds(30, 90));
  ASSERT_TRUE(store->commit());
  const auto later = append(seconds(60, 100));
  ASSERT_TRUE(store->commit());

  EXPECT_EQ(first.added, 90u);
  EXPECT_EQ(again.added, 0u);
  EXPECT_EQ(again.duplicate, 60u);
  EXPECT_EQ(later.added, 10u);
  EXPECT_EQ(later.duplicate, 30u);
  EXPECT_EQ(store->tally("meter")->reports, 2u);
  EXPECT_EQ(store->tally("meter")->duplicate, 1u);
  // 99 seconds of 10 mWh.
  EXPECT_EQ(energy({midnight, midnight + 5min}, 1min), 990);
}

TEST_F(SqliteStoreTest, WhatWasCommittedIsThereAfterAReopenAndWhatWasNotIsGone) {
  append(seconds(0, 70));
  ASSERT_TRUE(store->commit());
  append(seconds(70, 90));

  reopen();

  EXPECT_THAT(*store->stored("meter", 16), ElementsAre(StoredRange{1, Stream::samples, 0, 70}));
  const auto last = *store->last("meter");
  ASSERT_TRUE(last);
  EXPECT_EQ(last->time, midnight + 69s);
  EXPECT_EQ(last->sample, second(69));
  EXPECT_THAT(*store->devices(), ElementsAre("meter"));
}

TEST_F(SqliteStoreTest, AStepShowsMeanLeastAndGreatestAndNothingWhereNothingWasMeasured) {
  auto samples = seconds(0, 3);
  samples[0].put_steps(Quantity::active_power, 0, -100);
  samples[1].put_steps(Quantity::active_power, 0, 250);
  samples[2].put_steps(Quantity::active_power, 0, std::nullopt);
  append(samples);

  for (const auto step : {3000ms, 60000ms}) {
    const auto points = read(Quantity::active_power, {midnight, midnight + 61s}, step);

    // Of -10 W and 25 W.
    EXPECT_EQ(points.begin, midnight);
    EXPECT_FLOAT_EQ(points.mean[0], 7.5f);
    EXPECT_FLOAT_EQ(points.min[0], -10.0f);
    EXPECT_FLOAT_EQ(points.max[0], 25.0f);
    EXPECT_TRUE(std::isnan(points.mean[1]));
    EXPECT_TRUE(std::isnan(points.min[1]));
    EXPECT_TRUE(std::isnan(points.max[1]));
  }
  EXPECT_TRUE(
      std::isnan(read(Quantity::imported, {midnight + 1min, midnight + 2min}, 60s).gained[0]));
}

TEST_F(SqliteStoreTest, StepsThatLieOnlyPartlyInTheRangeAreGivenWhole) {
  append(seconds(0, 1000));

  const auto points = read(Quantity::active_power, {midnight + 70s, midnight + 3min + 1ms}, 60s);

  EXPECT_EQ(points.begin, midnight + 1min);
  EXPECT_EQ(points.mean.size(), 3u);
  // The first step holds seconds 60 to 119, of which each brings 10 mWh.
  EXPECT_EQ(read(Quantity::imported, {midnight + 70s, midnight + 71s}, 60s).gained,
            std::vector<double>{600});
}

TEST_F(SqliteStoreTest, ApparentPowerAndPowerFactorFollowFromVoltageCurrentAndPower) {
  append(seconds(0, 60));

  for (const auto step : {1000ms, 60000ms}) {
    // 230 V x 0.2 A = 46 VA; 36 W / 46 VA = 0.7826.
    EXPECT_NEAR(read(Quantity::apparent_power, {midnight, midnight + 1s}, step).mean[0], 46, 0.01);
    EXPECT_NEAR(read(Quantity::power_factor, {midnight, midnight + 1s}, step).mean[0], 0.7826,
                0.0005);
  }
}

TEST_F(SqliteStoreTest, AReadOfTooManyStepsIsRefused) {
  append(seconds(0, 1));

  const Series power{"meter", Quantity::active_power, 0};
  EXPECT_TRUE(store->read(power, {midnight, midnight + 100'000s}, 1s));
  EXPECT_EQ(store->read(power, {midnight, midnight + 100'001s}, 1s).error(), StoreError::too_long);
  EXPECT_EQ(store->read(power, {Timestamp::min(), Timestamp::max()}, 1min).error(),
            StoreError::too_long);
}

TEST_F(SqliteStoreTest, LostSamplesLoseNoEnergy) {
  append(seconds(0, 10));
  append(seconds(500, 510));

  // Second 500 shows what was drawn since second 9: 4910 mWh, in the step in which it lies.
  EXPECT_EQ(energy({midnight, midnight + 10s}, 1s), 90);
  EXPECT_EQ(energy({midnight + 10s, midnight + 500s}, 1s), 0);
  EXPECT_EQ(energy({midnight + 500s, midnight + 501s}, 1s), 4910);
  EXPECT_EQ(energy({midnight, midnight + 10min}, 1min), 5090);
}

TEST_F(SqliteStoreTest, ARestartedMeterIsAddedAndNeverSubtracted) {
  append(seconds(0, 100), 1, midnight);
  append(seconds(0, 50), 2, midnight + 1h);
  // Its clock was set back: this boot lies on top of the first.
  append(seconds(0, 30), 3, midnight + 20s);

  // 990 + 490 + 290 mWh.
  EXPECT_EQ(energy({midnight, midnight + 2h}, 1min), 1770);
  // Seconds 20 to 29 of the first boot and 0 to 9 of the third: 100 + 90.
  EXPECT_EQ(energy({midnight + 20s, midnight + 30s}, 1s), 190);
}

TEST_F(SqliteStoreTest, TheSameBootHeardOverTwoLinksCountsOnce) {
  auto coarse = header_of(1, midnight);
  coarse.stream = Stream::coarse;
  coarse.period = 60s;
  std::vector<Sample> minutes;
  for (std::uint64_t m = 0; m < 10; ++m) {
    minutes.push_back(second(60 * m));
    minutes.back().number = m;
    minutes.back().put_steps(Quantity::active_power, 0, 500);
  }
  append(seconds(0, 120));
  ASSERT_TRUE(store->append(coarse, minutes));

  // Until second 540, at 10 mWh each.
  EXPECT_EQ(energy({midnight, midnight + 1h}, 1min), 5400);
  const auto power = read(Quantity::active_power, {midnight, midnight + 3min}, 60s);
  EXPECT_FLOAT_EQ(power.mean[1], 36.0f) << "seconds are better than a minute";
  EXPECT_FLOAT_EQ(power.mean[2], 50.0f) << "a minute is better than nothing";
}

TEST_F(SqliteStoreTest, TheFirstTimeThatABootCameWithHolds) {
  append(seconds(0, 1), 1, midnight);
  append(seconds(1, 2), 1, midnight + 5min);

  EXPECT_EQ((*store->last("meter"))->time, midnight + 1s);
}

TEST_F(SqliteStoreTest, TheLatestSampleIsThatOfTheLaterStartThoughTheyCountAlike) {
  append(seconds(0, 1), 1, midnight);
  EXPECT_EQ((*store->last("meter"))->time, midnight);

  append(seconds(0, 1), 2, midnight + 1h);

  EXPECT_EQ((*store->last("meter"))->time, midnight + 1h);
}

TEST_F(SqliteStoreTest, NewestNumbersAreNamedFirst) {
  append(seconds(0, 10), 7, midnight);
  append(seconds(20, 30), 7, midnight);
  append(seconds(0, 5), 6, midnight + 1h);
  append(seconds(10, 20), 8, midnight - 1h);

  EXPECT_THAT(*store->stored("meter", 3), ElementsAre(StoredRange{6, Stream::samples, 0, 5},
                                                      StoredRange{7, Stream::samples, 20, 30},
                                                      StoredRange{7, Stream::samples, 0, 10}));
}

TEST_F(SqliteStoreTest, WhatIsNamedAsStoredIsOnTheDisk) {
  append(seconds(0, 10));
  ASSERT_EQ(store->stored("meter", 16)->size(), 1u);

  reopen();

  EXPECT_EQ(store->stored("meter", 16)->size(), 1u);
}

TEST_F(SqliteStoreTest, LostSamplesAreCountedPerBoot) {
  for (const auto& [boot, lost] : {std::pair(1, 5), {1, 3}, {2, 4}}) {
    auto header = header_of(static_cast<std::uint64_t>(boot), midnight);
    header.lost = static_cast<std::uint64_t>(lost);
    ASSERT_TRUE(store->append(header, seconds(0, 1)));
  }
  ASSERT_TRUE(store->commit());
  reopen();

  // The first boot's greatest number and the second's: 5 + 4.
  EXPECT_EQ(store->tally("meter")->lost, 9u);
}

TEST_F(SqliteStoreTest, GapsAreListedOldestFirst) {
  append(seconds(0, 10));
  append(seconds(20, 30));
  append(seconds(0, 10), 2, midnight + 5min);
  auto absent = second(10);
  absent.put_steps(Quantity::active_power, 1, std::nullopt);
  append({absent, second(11)}, 2, midnight + 5min);

  const auto gaps = *store->gaps("meter", {midnight - 1h, midnight + 1h});

  ASSERT_EQ(gaps.size(), 3u);
  EXPECT_EQ(gaps[0].channel, std::nullopt);
  EXPECT_EQ(gaps[0].range.begin, midnight + 10s);
  EXPECT_EQ(gaps[0].range.end, midnight + 20s);
  EXPECT_EQ(gaps[1].channel, std::nullopt);
  EXPECT_EQ(gaps[1].range.begin, midnight + 30s);
  EXPECT_EQ(gaps[1].range.end, midnight + 5min);
  EXPECT_EQ(gaps[2].channel, 1u);
  EXPECT_EQ(gaps[2].range.begin, midnight + 5min + 10s);
  EXPECT_EQ(gaps[2].range.end, midnight + 5min + 11s);
}

TEST_F(SqliteStoreTest, AMeterThatThinnedItsSamplesHasNoGapsButThoseOfItsPower) {
  const auto minutes = [&](std::uint64_t boot, Timestamp booted_at,
                           std::initializer_list<Uptime> ends) {
    auto header = header_of(boot, booted_at);
    header.stream = Stream::coarse;
    header.period = 1min;
    std::vector<Sample> samples;
    for (const auto end : ends) {
      samples.push_back(second(samples.size()));
      samples.back().uptime = end;
    }
    ASSERT_TRUE(store->append(header, samples));
  };
  minutes(1, midnight, {59s, 119s, 179s});
  append(seconds(180, 200));
  minutes(2, midnight + 220s, {59s, 80s});
  minutes(3, midnight + 310s, {59s});

  const auto gaps = *store->gaps("meter", {midnight - 1h, midnight + 1h});

  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0].range.begin, midnight + 200s);
  EXPECT_EQ(gaps[0].range.end, midnight + 220s);
  EXPECT_EQ(gaps[1].range.begin, midnight + 300s);
  EXPECT_EQ(gaps[1].range.end, midnight + 310s);
}

TEST_F(SqliteStoreTest, AGapIsCutToTheRangeThatWasAskedFor) {
  append(seconds(0, 10));
  append(seconds(20, 30));

  const auto gaps = *store->gaps("meter", {midnight + 12s, midnight + 15s});

  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].range.begin, midnight + 12s);
  EXPECT_EQ(gaps[0].range.end, midnight + 15s);
}

TEST_F(SqliteStoreTest, ALateSampleClosesItsGapAndAPauseWithoutALostNumberIsOne) {
  append(seconds(0, 10));
  append(seconds(11, 20));
  append(seconds(10, 11));
  auto late = second(20);
  late.uptime = 30s;
  append({late});

  const auto gaps = *store->gaps("meter", {midnight, midnight + 1h});

  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].range.begin, midnight + 20s);
  EXPECT_EQ(gaps[0].range.end, midnight + 30s);
  EXPECT_THAT(*store->stored("meter", 9), ElementsAre(StoredRange{1, Stream::samples, 0, 21}));
}

TEST_F(SqliteStoreTest, AFlippedBitIsToldAndEverythingElseStaysReadable) {
  append(seconds(0, 180));
  ASSERT_TRUE(store->commit());
  reopen();
  // The middle one of three minutes.
  execute(
      "UPDATE block SET value = CAST(substr(value, 1, 20) || x'5A' || substr(value, 22) AS BLOB)"
      " WHERE row % 3 = (SELECT (min(row) + 1) % 3 FROM block)");
  reopen();

  for (const auto step : {1000ms, 60000ms}) {
    const Series power{"meter", Quantity::active_power, 0};
    EXPECT_EQ(store->read(power, {midnight, midnight + 3min}, step).error(), StoreError::corrupted);
    EXPECT_EQ(store->read(power, {midnight + 1min, midnight + 2min}, step).error(),
              StoreError::corrupted);
    EXPECT_TRUE(store->read(power, {midnight, midnight + 1min}, step));
    EXPECT_TRUE(store->read(power, {midnight + 2min, midnight + 3min}, step));
  }
}

TEST_F(SqliteStoreTest, AMeterMayGoOnInAMinuteWhoseBlockIsDamaged) {
  append(seconds(0, 30));
  ASSERT_TRUE(store->commit());
  reopen();
  execute("UPDATE block SET value = x'0102030405'");

  append(seconds(30, 40));
  ASSERT_TRUE(store->commit());

  const auto power = read(Quantity::active_power, {midnight, midnight + 40s}, 1s);
  EXPECT_TRUE(std::isnan(power.mean[29]));
  EXPECT_FLOAT_EQ(power.mean[30], 36.0f);
}

TEST_F(SqliteStoreTest, AfterAnErrorAllSinceTheLastCommitIsUndoneInMemoryToo) {
  append(seconds(0, 30));
  ASSERT_TRUE(store->commit());
  reopen();
  execute("UPDATE block SET value = x'00'; DROP TABLE damaged");
  append(seconds(120, 130));

  EXPECT_EQ(store->append(header_of(1, midnight), seconds(30, 40)).error(),
            StoreError::unavailable);

  EXPECT_TRUE(store->commit());
  EXPECT_THAT(*store->stored("meter", 9), ElementsAre(StoredRange{1, Stream::samples, 0, 30}));
  EXPECT_EQ(append(seconds(120, 130)).added, 10u);
  ASSERT_TRUE(store->commit());
  execute("DELETE FROM block WHERE value = x'00'");
  EXPECT_EQ(samples_stored(), 10u);
}

// ---- Samples and changes -----------------------------------------------------------------------

TEST_F(SqliteStoreTest, SamplesComeBackWithTheirTimes) {
  append(seconds(0, 130));
  append(seconds(0, 10), 2, midnight + 1h);

  const auto samples = *store->samples("meter", {midnight + 58s, midnight + 1h + 2s});

  ASSERT_EQ(samples.size(), 74u);  // Seconds 58 to 129, and two of the second boot.
  EXPECT_EQ(samples.front().time, midnight + 58s);
  EXPECT_EQ(samples.front().sample, second(58));
  EXPECT_EQ(samples.back().boot, 2u);
  EXPECT_EQ(samples.back().time, midnight + 1h + 1s);
  EXPECT_TRUE(store->samples("nobody", {midnight, midnight + 1h})->empty());
}

TEST_F(SqliteStoreTest, TotalsBeforeATimeAreTheGreatestOfThatBoot) {
  append(seconds(0, 100));
  auto later = seconds(100, 200);
  for (auto& sample : later) sample.put_steps(Quantity::imported, 1, std::nullopt);
  append(later);
  append(seconds(0, 5), 2, midnight + 10s);

  const auto totals = *store->totals_before("meter", 1, midnight + 150s, 0b011);

  EXPECT_EQ(totals.steps(Quantity::imported, 0), 1490);
  EXPECT_EQ(totals.steps(Quantity::imported, 1), 990);  // Absent since second 100.
  EXPECT_EQ(totals.steps(Quantity::imported, 2), std::nullopt) << "was not asked for";
  EXPECT_EQ(store->totals_before("meter", 1, midnight, 1)->steps(Quantity::imported, 0),
            std::nullopt);
}

TEST_F(SqliteStoreTest, AMinuteIsNamedAfterItsLastChange) {
  append(seconds(0, 180));
  ASSERT_TRUE(store->commit());
  ASSERT_EQ(store->changes(0, 100)->size(), 2u);
  ASSERT_TRUE(store->tidy(midnight + 3min));
  const auto all = *store->changes(0, 100);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].minute, midnight);
  EXPECT_EQ(all[2].device, "meter");

  append(seconds(180, 240));
  EXPECT_TRUE(store->changes(all[2].revision, 100)->empty()) << "it was not committed";
  ASSERT_TRUE(store->commit());
  EXPECT_TRUE(store->changes(all[2].revision, 100)->empty()) << "it may be going on";
  ASSERT_TRUE(store->tidy(midnight + 5min));

  const auto more = *store->changes(all[2].revision, 100);
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].minute, midnight + 3min);
  reopen();
  EXPECT_TRUE(store->changes(more[0].revision, 100)->empty());
}

TEST_F(SqliteStoreTest, ALateMinuteChangesWhatTheNextOneGained) {
  append(seconds(0, 60));
  append(seconds(300, 420));
  ASSERT_TRUE(store->commit());
  ASSERT_TRUE(store->tidy(midnight + 7min));
  const auto seen = store->changes(0, 100)->back().revision;

  append(seconds(120, 180));
  ASSERT_TRUE(store->commit());

  std::vector<Timestamp> minutes;
  const auto changes = *store->changes(seen, 100);
  for (const auto& change : changes) minutes.push_back(change.minute);
  EXPECT_THAT(minutes, ElementsAre(midnight + 2min, midnight + 5min));
}

TEST_F(SqliteStoreTest, WhatADeviceCouldNotDoItselfIsKept) {
  auto header = header_of(1, midnight);
  header.origin = {.timed_on_arrival = true, .integrated = 0b101};
  ASSERT_TRUE(store->append(header, seconds(0, 5)));
  ASSERT_TRUE(store->commit());
  reopen();

  EXPECT_EQ(*store->origin("meter"), header.origin);
  EXPECT_EQ(*store->origin("nobody"), measurement::Origin{});
}

TEST_F(SqliteStoreTest, AStoreOfALaterVersionIsNotTouched) {
  execute("PRAGMA user_version = 5");
  store.reset();

  EXPECT_THROW(SqliteStore(disk, folder.path()), std::runtime_error);
}

TEST_F(SqliteStoreTest, AFileThatIsNoStoreIsRefusedWithASentence) {
  store.reset();
  std::filesystem::remove(folder.path() + "/lenz.db-wal");
  std::filesystem::resize_file(folder.path() + "/lenz.db", 0);
  std::FILE* file = std::fopen((folder.path() + "/lenz.db").c_str(), "w");
  for (int i = 0; i < 1000; ++i) std::fputs("This is a letter, not a database. ", file);
  std::fclose(file);

  EXPECT_THROW(SqliteStore(disk, folder.path()), std::runtime_error);
}

TEST_F(SqliteStoreTest, WhoReadsBesideSeesWhatWasCommitted) {
  append(seconds(0, 10));
  ASSERT_TRUE(store->commit());
  SqliteStore other(disk, folder.path(), SqliteStore::Use::read);
  const auto seen = [&] { return other.samples("meter", {midnight, midnight + 9h})->size(); };

  for (std::uint64_t n = 10; n < 4 * 3600; n += 50) {
    append(seconds(n, n + 50));
    EXPECT_EQ(seen(), n);
    ASSERT_TRUE(store->commit());
    EXPECT_EQ(seen(), n + 50);
    if (n % 900 == 10) {
      ASSERT_TRUE(store->tidy(midnight + std::chrono::seconds(n + 50)));
    }
    if (n % 7000 == 10) reopen();
  }
}

TEST_F(SqliteStoreTest, AfterARestartAFollowerIsToldAllThatItMayNotHaveSeen) {
  append(seconds(0, 200));
  ASSERT_TRUE(store->commit());
  ASSERT_TRUE(store->tidy(midnight + 2h));
  ASSERT_TRUE(store->tidy(midnight + 2h + 5min));
  append(seconds(7200, 7330));
  ASSERT_TRUE(store->commit());
  const auto seen = store->changes(0, 100)->back();
  EXPECT_EQ(seen.minute, midnight + 2h + 1min);
  // As it would be after a kill: what was not written to the tables is in the log.
  const auto killed = folder.path() + "/killed";
  std::filesystem::copy(folder.path(), killed);

  SqliteStore restarted(disk, killed);
  ASSERT_TRUE(restarted.append(header_of(1, midnight), {{second(9000)}}));
  ASSERT_TRUE(restarted.commit());
  ASSERT_TRUE(restarted.tidy(midnight + 3h));

  std::vector<Timestamp> minutes;
  const auto changes = *restarted.changes(seen.revision, 100);
  for (const auto& change : changes) minutes.push_back(change.minute);
  EXPECT_THAT(minutes, ElementsAre(midnight + 2h, midnight + 2h + 1min, midnight + 2h + 2min,
                                   midnight + 2h + 30min));
}

TEST_F(SqliteStoreTest, AStartWhoseTimeIsDamagedIsNotBelieved) {
  append(seconds(0, 100));
  append(seconds(0, 50), 2, midnight + 1h);
  ASSERT_TRUE(store->commit());
  reopen();
  execute("UPDATE boot SET booted_at = booted_at + 4096 WHERE id = 1");
  execute("UPDATE run SET end = end + 1 WHERE boot_id = 2");
  reopen();

  EXPECT_EQ(samples_stored(), 0u) << "of the second start no run is known";
  // The meter sends again what is not named as stored.
  EXPECT_EQ(append(seconds(0, 100)).added, 100u);
  EXPECT_EQ(append(seconds(0, 50), 2, midnight + 1h).duplicate, 50u);
  ASSERT_TRUE(store->commit());
  reopen();
  EXPECT_EQ(samples_stored(), 150u);
}

class SqliteStoreGolden : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Versions, SqliteStoreGolden,
                         testing::Values("store_v1.db", "store_v2.db"));

TEST_P(SqliteStoreGolden, AStoreOfAnEarlierFormatIsStillRead) {
  Folder folder;
  Disk disk;
  std::filesystem::copy_file(LENZ_SOURCE_DIR "/tests/golden/" + std::string(GetParam()),
                             folder.path() + "/lenz.db");
  SqliteStore store(disk, folder.path());
  while (!store.tidy(midnight + 24h).value()) {
  }

  EXPECT_THAT(*store.devices(), ElementsAre("meter"));
  EXPECT_THAT(*store.stored("meter", 9), ElementsAre(StoredRange{2, Stream::samples, 0, 30},
                                                     StoredRange{1, Stream::samples, 0, 1200}));
  EXPECT_EQ((*store.last("meter"))->time, midnight + 1h + 29s);
  // 36 W throughout; 1199 and 29 seconds of 10 mWh.
  const TimeRange day{midnight, midnight + 24h};
  EXPECT_FLOAT_EQ(store.read({"meter", Quantity::active_power, 2}, day, 24h)->mean[0], 36.0f);
  EXPECT_EQ(store.read({"meter", Quantity::imported, 2}, day, 24h)->gained[0], 12'280);
  EXPECT_EQ(store.changes(0, 100)->size(), 21u);  // 20 minutes and one.
  EXPECT_EQ(*store.origin("meter"), measurement::Origin{});
}

// ---- A kill at any moment ----------------------------------------------------------------------

// Appends and commits until it is killed, and writes to `acknowledged` how far the disk is.
[[noreturn]] void store_until_killed(const std::string& folder, int acknowledged) {
  Disk disk;
  SqliteStore store(disk, folder);
  const auto known = store.stored("meter", 1);
  std::uint64_t next = known->empty() ? 0 : known->front().end;
  for (;; next += 7) {
    if (!store.append(header_of(1, midnight), seconds(next, next + 7)) || !store.commit()) _exit(1);
    const std::uint64_t end = next + 7;
    if (write(acknowledged, &end, sizeof end) != sizeof end) _exit(1);
  }
}

TEST_F(SqliteStoreTest, AKillAtAnyMomentLosesNothingThatWasAcknowledged) {
  const unsigned seed = 20;
  const char* kills = std::getenv("LENZ_CRASH_KILLS");  // tests/slow/crashes wants more.
  const int most = kills == nullptr ? 25 : std::stoi(kills);
  std::mt19937 random(seed);
  store.reset();
  std::uint64_t acknowledged = 0;
  for (int kill_number = 0; kill_number < most; ++kill_number) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) store_until_killed(folder.path(), pipe_ends[1]);
    close(pipe_ends[1]);

    // After so many acknowledgements, and a little into what follows.
    for (auto left = 1 + random() % 12; left > 0; --left) {
      ASSERT_EQ(::read(pipe_ends[0], &acknowledged, sizeof acknowledged),
                static_cast<ssize_t>(sizeof acknowledged));
    }
    for (volatile auto spin = random() % 1'000'000; spin > 0;) spin = spin - 1;
    kill(child, SIGKILL);
    std::uint64_t more = 0;
    while (::read(pipe_ends[0], &more, sizeof more) == sizeof more) acknowledged = more;
    close(pipe_ends[0]);
    waitpid(child, nullptr, 0);

    reopen();
    const auto stored = *store->stored("meter", 9);
    ASSERT_EQ(stored.size(), 1u) << "seed " << seed << ", kill " << kill_number;
    ASSERT_EQ(stored[0].begin, 0u);
    ASSERT_GE(stored[0].end, acknowledged) << "seed " << seed << ", kill " << kill_number;
    const double total = 10.0 * static_cast<double>(stored[0].end - 1);
    ASSERT_EQ(energy({midnight, midnight + 24h}, 60s), total);
    const auto power = read(Quantity::active_power, {midnight, midnight + 24h}, 59s);
    ASSERT_FALSE(std::isnan(power.mean[0]));
    store.reset();
  }
  reopen();
  auto check = store->database().prepare("PRAGMA integrity_check");
  check.step();
  EXPECT_EQ(check.text(0), "ok");
  check.reset();
}

// ---- Any history against a model that knows nothing of blocks
// ------------------------------------

// All samples of a device in a plain list, and every answer by looking at each of them.
struct Model {
  struct Known {
    std::uint64_t boot;
    Timestamp time;
    Sample sample;
  };
  std::vector<Known> all;  // In order of time within a boot.

  double gained(Timestamp begin, Timestamp end, std::size_t channel) const {
    std::map<std::uint64_t, std::pair<std::int64_t, std::int64_t>> totals;  // Before begin and end.
    for (const auto& known : all) {
      const auto total = known.sample.steps(Quantity::imported, channel);
      if (!total) continue;
      if (known.time < begin) totals[known.boot].first = *total;
      if (known.time < end) totals[known.boot].second = *total;
    }
    double sum = 0;
    for (const auto& [boot, total] : totals) sum += static_cast<double>(total.second - total.first);
    return sum;
  }

  struct Step {
    double sum = 0, count = 0, min = 1e30, max = -1e30;
  };
  Step step(Timestamp begin, Timestamp end, std::size_t channel) const {
    Step found;
    for (const auto& known : all) {
      const auto value = known.sample.steps(Quantity::active_power, channel);
      if (!value || known.time < begin || known.time >= end) continue;
      const double watts = 0.1 * static_cast<double>(*value);
      found.sum += watts;
      found.count += 1;
      found.min = std::min(found.min, watts);
      found.max = std::max(found.max, watts);
    }
    return found;
  }
};

struct History {
  struct Sending {
    std::uint64_t boot;
    std::vector<Sample> samples;
  };
  std::map<std::uint64_t, Timestamp> booted_at;
  std::vector<Sending> sendings;
  Model model;
};

Sample random_sample(std::mt19937& random, std::uint64_t number, Uptime uptime,
                     std::array<std::int64_t, 3>& totals) {
  Sample sample(1);
  sample.number = number;
  sample.uptime = uptime;
  for (std::size_t c = 0; c < 3; ++c) {
    totals[c] += static_cast<std::int64_t>(random() % 5);
    if (random() % 20 == 0) continue;
    sample.put_steps(Quantity::active_power, c, static_cast<std::int64_t>(random() % 3000) - 1000);
    sample.put_steps(Quantity::imported, c, totals[c]);
  }
  return sample;
}

// Boots (the clock of one may be set back), each cut into reports, of which some are lost for ever,
// some come twice and all come in another order, most of them only a little.
History random_history(unsigned seed) {
  std::mt19937 random(seed);
  History history;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Model::Known> known;
  std::vector<std::pair<std::size_t, History::Sending>> sent;
  Timestamp start = midnight;
  for (std::uint64_t boot = 1; boot <= 1 + random() % 3; ++boot) {
    history.booted_at[boot] = start;
    std::array<std::int64_t, 3> totals{};
    Uptime uptime{random() % 2000};
    std::uint64_t number = 0;
    while (number < 2000 + random() % 4000) {
      std::vector<Sample> report;
      for (auto left = 1 + random() % 60; left > 0; --left) {
        report.push_back(random_sample(random, number++, uptime, totals));
        uptime += std::chrono::milliseconds(random() % 100 == 0 ? 20'000 : 950 + random() % 100);
      }
      if (random() % 10 == 0) continue;
      for (const auto& sample : report) {
        known.insert({{boot, sample.number}, {boot, start + sample.uptime, sample}});
      }
      for (auto copies = random() % 4 == 0 ? 2 : 1; copies > 0; --copies) {
        const auto delay = random() % 10 == 0 ? random() % 300 : random() % 4;
        sent.emplace_back(sent.size() + delay, History::Sending{boot, report});
      }
    }
    start += std::chrono::milliseconds(uptime) + std::chrono::seconds(random() % 600) - 200s;
  }
  std::ranges::stable_sort(sent, {}, [](const auto& one) { return one.first; });
  for (auto& [order, sending] : sent) history.sendings.push_back(std::move(sending));
  for (auto& [name, one] : known) history.model.all.push_back(std::move(one));
  return history;
}

class AnyHistory : public testing::TestWithParam<unsigned> {
 protected:
  void store_all(SqliteStore& store, std::mt19937& random) {
    for (const auto& [boot, samples] : history.sendings) {
      ASSERT_TRUE(store.append(header_of(boot, history.booted_at.at(boot)), samples));
      ASSERT_TRUE(random() % 7 > 0 || store.commit());
      ASSERT_TRUE(random() % 40 > 0 || store.last("meter"));
    }
    ASSERT_TRUE(store.commit());
  }

  void expect_like_the_model(SqliteStore& store, TimeRange range, std::chrono::milliseconds step,
                             std::size_t channel) {
    const auto power = *store.read({"meter", Quantity::active_power, channel}, range, step);
    const auto energy = *store.read({"meter", Quantity::imported, channel}, range, step);
    ASSERT_EQ(power.mean.size(), energy.gained.size());
    for (std::size_t i = 0; i < power.mean.size(); ++i) {
      const auto begin = power.begin + static_cast<std::int64_t>(i) * step;
      SCOPED_TRACE(testing::Message() << "step " << i << " of " << step.count() << " ms");
      const auto expected = history.model.step(begin, begin + step, channel);
      const double gained = history.model.gained(begin, begin + step, channel);
      if (expected.count == 0) {
        ASSERT_TRUE(std::isnan(power.mean[i]) && std::isnan(power.min[i]) &&
                    std::isnan(power.max[i]) && std::isnan(energy.gained[i]));
        ASSERT_EQ(gained, 0);
        continue;
      }
      ASSERT_NEAR(power.mean[i], expected.sum / expected.count, 1e-4);
      ASSERT_NEAR(power.min[i], expected.min, 1e-4);
      ASSERT_NEAR(power.max[i], expected.max, 1e-4);
      ASSERT_EQ(energy.gained[i], gained);
    }
  }

  const History history = random_history(GetParam());
};

TEST_P(AnyHistory, IsStoredAsIfItHadComeInOrder) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam() << ": --gtest_filter=*AnyHistory.*/"
                                  << GetParam() - 1);
  Folder folder;
  Disk disk;
  std::mt19937 random(1000 + GetParam());
  {
    SqliteStore store(disk, folder.path());
    store_all(store, random);
  }
  SqliteStore store(disk, folder.path());

  for (const auto step : {1000ms, 7000ms, 60'000ms, 900'000ms, 3'600'000ms}) {
    for (int i = 0; i < 4; ++i) {
      const auto begin = midnight - 10min + std::chrono::milliseconds(random() % 14'400'000);
      const TimeRange range{begin, begin + (20 + random() % 20) * step};
      ASSERT_NO_FATAL_FAILURE(expect_like_the_model(store, range, step, random() % 3));
    }
  }
  std::size_t count = 0;
  const auto stored = *store.stored("meter", 1'000'000);
  for (const auto& range : stored) count += range.end - range.begin;
  EXPECT_EQ(count, history.model.all.size());
}

TEST_P(AnyHistory, HasTheGapsThatItsSamplesLeave) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Folder folder;
  Disk disk;
  std::mt19937 random(2000 + GetParam());
  SqliteStore store(disk, folder.path());
  store_all(store, random);

  std::vector<Timestamp> times;
  for (const auto& known : history.model.all) times.push_back(known.time);
  std::ranges::sort(times);
  std::vector<std::pair<Timestamp, Timestamp>> expected, found;
  for (std::size_t i = 1; i < times.size(); ++i) {
    if (times[i] - times[i - 1] > 1500ms) expected.emplace_back(times[i - 1] + 1s, times[i]);
  }
  const auto gaps = *store.gaps("meter", {midnight - 24h, midnight + 24h});
  for (const auto& gap : gaps) {
    if (!gap.channel) found.emplace_back(gap.range.begin, gap.range.end);
  }

  EXPECT_EQ(found, expected);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyHistory, testing::Range(1u, 13u));

}  // namespace
}  // namespace hub
