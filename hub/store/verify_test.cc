#include "hub/store/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <random>

#include "hub/files/simulated_disk.h"
#include "hub/store/packed_hour.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/rows.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;
using Kind = Finding::Kind;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

struct Result {
  Verified verified;
  std::vector<Finding> damage, notes;
};
Result verify(
    Files& files, const std::function<void(double)>& progress = [](double) {}) {
  Result result;
  result.verified = verify_store(
      files, "/data",
      [&](const Finding& finding) {
        (finding.is_damage() ? result.damage : result.notes).push_back(finding);
      },
      progress);
  EXPECT_EQ(result.verified.damaged, result.damage.size());
  return result;
}

void tidy_all(SqliteStore& store, Timestamp now) {
  for (int steps = 0; !store.tidy(now).value(); ++steps) ASSERT_LT(steps, 10'000);
}

// One chip of a meter, a sample in 20 s, [begin, end) of them.
void append(SqliteStore& store, std::uint64_t begin, std::uint64_t end, std::uint64_t boot = 1) {
  std::vector<Sample> samples;
  for (auto n = begin; n < end; ++n) {
    Sample& sample = samples.emplace_back(1);
    sample.number = n;
    sample.uptime = static_cast<std::int64_t>(n) * 20s;
    sample.put_steps(Quantity::voltage, 0, 2300 + static_cast<std::int64_t>(n * 7 % 11));
    sample.put_steps(Quantity::active_power, 1, static_cast<std::int64_t>(n * 31 % 997));
    sample.put_steps(Quantity::imported, 1, static_cast<std::int64_t>(n) * 9);
  }
  ASSERT_TRUE(store.append({.device = boot == 1 ? "attic" : "cellar",
                            .boot = boot,
                            .period = 20s,
                            .chips = 1,
                            .booted_at = midnight},
                           samples));
  ASSERT_TRUE(store.commit());
}
constexpr std::uint64_t an_hour = 180;  // Samples.

void flip(Files& files, const std::string& path, std::uint64_t place, int bit) {
  const auto file = std::move(*files.open(path, How::write));
  std::uint8_t octet = 0;
  ASSERT_TRUE(file->read(place, {&octet, 1}));
  octet = static_cast<std::uint8_t>(octet ^ 1 << bit);
  ASSERT_TRUE(file->write(place, {&octet, 1}));
}

TEST(Verify, NothingIsFoundInAHealthyStoreHoweverOftenItWasTidied) {
  SimulatedDisk disk;
  SqliteStore store(disk, "/data");
  std::mt19937 random(7);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pieces;  // Half hours of two meters.
  for (std::uint64_t boot = 1; boot <= 2; ++boot) {
    for (std::uint64_t n = 0; n < 60 * an_hour; n += an_hour / 2) pieces.emplace_back(boot, n);
  }
  std::ranges::shuffle(pieces, random);
  auto now = midnight + 72h;
  for (const auto& [boot, n] : pieces) {
    append(store, n, n + an_hour / 2, boot);
    now += 1min;
    for (auto steps = random() % 20; steps > 0; --steps) ASSERT_TRUE(store.tidy(now));
  }
  for (int i = 1; i <= 3; ++i) tidy_all(store, now + i * 1min);

  const auto result = verify(disk);

  EXPECT_THAT(result.damage, IsEmpty());
  EXPECT_THAT(result.notes, IsEmpty());
  EXPECT_EQ(result.verified.hours, 2u * 60);
  EXPECT_EQ(result.verified.minutes, 0u);
}

TEST(Verify, WhatIsNotPackedYetIsCheckedMinuteByMinute) {
  SimulatedDisk disk;
  {
    SqliteStore store(disk, "/data");
    append(store, 0, an_hour);
  }

  const auto result = verify(disk);

  EXPECT_THAT(result.damage, IsEmpty());
  EXPECT_EQ(result.verified.hours, 0u);
  EXPECT_GE(result.verified.minutes, 60u);
}

TEST(Verify, AStoreIsFoundHealthyWhileItIsWrittenAndTidied) {
  SimulatedDisk disk;
  SqliteStore store(disk, "/data");
  append(store, 0, 60 * an_hour);
  auto now = midnight + 72h;
  std::uint64_t n = 70 * an_hour;

  for (int i = 0; i < 4; ++i) {
    const auto result = verify(disk, [&](double) {
      append(store, n, n + 4);
      n += 4;
      now += 1min;
      for (int steps = 0; steps < 20; ++steps) ASSERT_TRUE(store.tidy(now));
    });
    EXPECT_THAT(result.damage, IsEmpty());
  }

  EXPECT_GE(verify(disk).verified.hours, 60u);
}

TEST(Verify, AFlippedBitInASegmentIsNamedWithItsPlaceAndItsHourOnly) {
  SimulatedDisk healthy;
  {
    SqliteStore store(healthy, "/data");
    append(store, 0, 24 * an_hour);
    for (int i = 0; i < 3; ++i) tidy_all(store, midnight + 48h + i * 1min);  // Joined.
  }
  const std::string path = "/data/segment-25";
  const auto size = healthy.size(path).value();
  std::mt19937 random(11);
  std::map<Kind, int> kinds;
  int of_samples = 0, of_minutes = 0;

  for (int i = 0; i < 300; ++i) {
    // Of the magic, the first head, the index and its length; then anywhere.
    const std::array chosen = {3ul, 10ul, size - 20, size - 2};
    const auto place = i < 4 ? chosen[static_cast<std::size_t>(i)] : random() % size;
    SCOPED_TRACE(testing::Message() << "byte " << place);
    const auto disk = healthy.crash_image(1, PowerCut::kept);
    flip(*disk, path, place, static_cast<int>(random() % 8));

    const auto result = verify(*disk);

    ASSERT_EQ(result.damage.size(), 1u);
    const auto& finding = result.damage.front();
    ++kinds[finding.kind];
    EXPECT_EQ(finding.file, "segment-25");
    EXPECT_LE(finding.offset, place);
    EXPECT_LT(place, finding.offset + finding.bytes);
    EXPECT_THAT(finding.devices, ElementsAre("attic"));
    if (finding.kind != Kind::part) continue;
    ++(is_of_minutes(*finding.series) ? of_minutes : of_samples);
    if (is_of_minutes(*finding.series)) continue;  // Those are made again from the samples.
    ASSERT_EQ(finding.range->end - finding.range->begin, 1h);
    SqliteStore store(*disk, "/data", SqliteStore::Use::read);
    for (auto hour = midnight; hour < midnight + 24h; hour += 1h) {
      const bool is_damaged = hour == finding.range->begin;
      EXPECT_EQ(store.samples("attic", {hour, hour + 1h}).has_value(), !is_damaged);
    }
  }

  EXPECT_GT(of_samples, 100);
  EXPECT_GT(of_minutes, 20);
  EXPECT_GT(kinds[Kind::segment_head], 0);
  EXPECT_GT(kinds[Kind::segment_index], 0);
  EXPECT_GT(kinds[Kind::segment_magic], 0);
}

class DamagedStoreTest : public testing::Test {
 protected:
  DamagedStoreTest() {
    append(*store, 0, 3 * an_hour);
    tidy_all(*store, midnight + 2h + 30min);  // The first two hours are packed.
    store.reset();                            // The third is in blocks.
    store.emplace(disk, "/data");
  }

  Result after(const char* sql) {
    EXPECT_EQ(store->database().execute(sql), 0) << sql;
    return verify(disk);
  }

  SimulatedDisk disk;
  std::optional<SqliteStore> store{std::in_place, disk, "/data"};
};

TEST_F(DamagedStoreTest, AMinuteIsNamed) {
  const auto result =
      after("UPDATE block SET value = zeroblob(50) WHERE row = (SELECT max(row) - 7 FROM block)");

  ASSERT_EQ(result.damage.size(), 1u);
  const auto& finding = result.damage.front();
  EXPECT_EQ(finding.kind, Kind::block);
  EXPECT_EQ(finding.file, "lenz.db");
  EXPECT_THAT(finding.devices, ElementsAre("attic"));
  EXPECT_EQ(finding.range->end - finding.range->begin, 1min);
  EXPECT_EQ(finding.row, first_row(1) + finding.range->begin.time_since_epoch() / 1min);
}

TEST_F(DamagedStoreTest, AMinuteThatNoPackedHourHasIsNamed) {
  const auto result =
      after("UPDATE block SET value = NULL WHERE row = (SELECT max(row) - 7 FROM block)");

  ASSERT_EQ(result.damage.size(), 1u);
  EXPECT_EQ(result.damage.front().kind, Kind::unpacked);
}

TEST_F(DamagedStoreTest, ASegmentThatIsGoneIsNamedWithWhatItHad) {
  ASSERT_TRUE(disk.remove("/data/segment-2"));

  const auto result = verify(disk);

  ASSERT_EQ(result.damage.size(), 1u);
  const auto& finding = result.damage.front();
  EXPECT_EQ(finding.kind, Kind::missing_segment);
  EXPECT_EQ(finding.file, "segment-2");
  EXPECT_EQ(finding.range->begin, midnight + 1h);
  EXPECT_EQ(finding.range->end, midnight + 2h);
}

TEST_F(DamagedStoreTest, AnHourThatItsSegmentDoesNotHaveIsNamed) {
  const auto result =
      after("UPDATE packed SET segment = 2 WHERE row = (SELECT min(row) FROM packed)");

  ASSERT_EQ(result.damage.size(), 1u);
  EXPECT_EQ(result.damage.front().kind, Kind::missing_hour);
  EXPECT_EQ(result.damage.front().range->begin, midnight);
}

TEST_F(DamagedStoreTest, WhatIsNoDamageIsOnlyMentioned) {
  ASSERT_TRUE(disk.open("/data/segment-77", How::create));
  ASSERT_TRUE(disk.open("/data/log-0", How::create));

  const auto result = after("INSERT INTO damaged SELECT max(row), zeroblob(9) FROM block");

  EXPECT_THAT(result.damage, IsEmpty());
  std::vector<std::string> files;
  for (const auto& note : result.notes) files.push_back(note.file);
  EXPECT_THAT(files, ElementsAre("log-0", "segment-77", "lenz.db"));
}

TEST_F(DamagedStoreTest, AnyPageOfTheDatabaseThatIsOverwrittenIsFound) {
  store.reset();
  const auto pages = disk.size("/data/lenz.db").value() / 4096;
  for (std::uint64_t page = 0; page < pages; ++page) {
    SCOPED_TRACE(testing::Message() << "page " << page);
    const auto damaged = disk.crash_image(1, PowerCut::kept);
    const auto file = std::move(*damaged->open("/data/lenz.db", How::write));
    ASSERT_TRUE(file->write(page * 4096, std::vector<std::uint8_t>(4096, 0x5A)));

    EXPECT_GT(verify(*damaged).verified.damaged, 0u);
  }
  EXPECT_GT(pages, 5u);
}

TEST_F(DamagedStoreTest, AnyDatabaseOfTheFolderCanBeChecked) {
  store.reset();
  std::vector<Finding> found;
  const auto check = [&] {
    return verify_structure(disk, "/data", "lenz.db",
                            [&](const Finding& finding) { found.push_back(finding); });
  };
  EXPECT_TRUE(check());

  const auto file = std::move(*disk.open("/data/lenz.db", How::write));
  ASSERT_TRUE(file->write(2 * 4096, std::vector<std::uint8_t>(4096, 0x5A)));

  EXPECT_FALSE(check());
  EXPECT_FALSE(found.empty());
}

TEST(Verify, AFolderWithoutAStoreIsSaid) {
  SimulatedDisk disk;
  EXPECT_THROW(verify(disk), std::runtime_error);
}

}  // namespace
}  // namespace hub
