#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "hub/files/simulated_disk.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::ReportHeader;
using measurement::Sample;
using measurement::Stream;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

// Two chips, whose first two channels carry something; one temperature every half minute.
Sample sample_at(std::uint64_t number, Uptime uptime, std::uint64_t seed) {
  std::mt19937_64 random(seed * 1'000'003 + number);
  const auto noise = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
  };
  Sample sample(2);
  sample.number = number;
  sample.uptime = uptime;
  for (std::size_t chip = 0; chip < 2; ++chip) {
    sample.put_steps(Quantity::voltage, chip, 2300 + noise(8));
    if (number % 30 == 0) sample.put_steps(Quantity::chip_temperature, chip, 40);
  }
  for (std::size_t c = 0; c < 2; ++c) {
    if (noise(200) == 0) continue;  // Failed a check.
    const std::int64_t power = number / 900 % 2 == 0 ? 10'000 + noise(30) : 0;
    sample.put_steps(Quantity::active_power, c, power);
    sample.put_steps(Quantity::reactive_power, c, power / 3);
    sample.put_steps(Quantity::current, c, power * 10 / 23);
    sample.put_steps(Quantity::imported, c, static_cast<std::int64_t>(number) * 12 + noise(4));
    sample.put_steps(Quantity::exported, c, 0);
  }
  return sample;
}

std::vector<Sample> samples_of(std::uint64_t begin, std::uint64_t end,
                               std::chrono::milliseconds period, std::uint64_t seed) {
  std::vector<Sample> samples;
  for (auto n = begin; n < end; ++n) {
    samples.push_back(sample_at(n, static_cast<std::int64_t>(n) * period, seed));
  }
  return samples;
}

ReportHeader header_of(std::uint64_t boot, Timestamp booted_at,
                       std::chrono::milliseconds period = 1s, Stream stream = Stream::samples) {
  return {.device = "meter",
          .boot = boot,
          .stream = stream,
          .period = period,
          .chips = 2,
          .booted_at = booted_at};
}

template <class Value>
Value checked(std::expected<Value, StoreError> value) {
  EXPECT_TRUE(value) << (value ? "" : sentence(value.error()));
  if constexpr (!std::is_void_v<Value>) return value ? std::move(*value) : Value{};
}

void tidy_all(SqliteStore& store, Timestamp now) {
  for (int steps = 0; !checked(store.tidy(now)); ++steps) ASSERT_LT(steps, 10'000);
}

std::size_t segments_on(SimulatedDisk& disk) {
  const auto names = disk.list("/data");
  return static_cast<std::size_t>(std::ranges::count_if(
      *names, [](const std::string& name) { return name.starts_with("segment-"); }));
}

bool is_same(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(
      a, b, [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}
bool is_same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(
      a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

// Whatever is asked, both say the same.
void expect_same_answers(SqliteStore& plain, SqliteStore& tidied, TimeRange range) {
  for (const auto step : {1s, 7s, 59s, 60s, 300s}) {
    const TimeRange asked{range.begin, std::min(range.end, range.begin + 90'000 * step)};
    for (const auto& row : measurement::quantities) {
      for (const std::size_t index : {0, 1, 4}) {
        SCOPED_TRACE(testing::Message() << row.name << " " << index << " at " << step.count());
        const auto a = checked(plain.read({"meter", row.id, index}, asked, step));
        const auto b = checked(tidied.read({"meter", row.id, index}, asked, step));
        ASSERT_TRUE(is_same(a.mean, b.mean) && is_same(a.min, b.min) && is_same(a.max, b.max) &&
                    is_same(a.gained, b.gained));
        const auto mean =
            checked(tidied.read({"meter", row.id, index}, asked, step, Columns::mean));
        ASSERT_TRUE(is_same(mean.mean, a.mean) && is_same(mean.gained, a.gained));
      }
    }
  }
  const auto a = checked(plain.samples("meter", range)),
             b = checked(tidied.samples("meter", range));
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_TRUE(a[i].boot == b[i].boot && a[i].stream == b[i].stream && a[i].time == b[i].time &&
                a[i].sample == b[i].sample)
        << "sample " << i;
  }
  const auto last_a = checked(plain.last("meter")), last_b = checked(tidied.last("meter"));
  ASSERT_EQ(last_a->time, last_b->time);
  ASSERT_EQ(last_a->sample, last_b->sample);
  ASSERT_EQ(checked(plain.stored("meter", 1000)).size(),
            checked(tidied.stored("meter", 1000)).size());
  const auto gaps_a = checked(plain.gaps("meter", range)),
             gaps_b = checked(tidied.gaps("meter", range));
  ASSERT_EQ(gaps_a.size(), gaps_b.size());
  for (std::size_t i = 0; i < gaps_a.size(); ++i) {
    ASSERT_EQ(gaps_a[i].range.begin, gaps_b[i].range.begin);
    ASSERT_EQ(gaps_a[i].range.end, gaps_b[i].range.end);
  }
  const auto middle = range.begin + (range.end - range.begin) / 2;
  ASSERT_EQ(checked(plain.totals_before("meter", 1, middle, 3)),
            checked(tidied.totals_before("meter", 1, middle, 3)));
  // A minute that may be going on is not named; tidying sees which are over.
  const auto changed = checked(tidied.changes(0, 100'000)).size();
  ASSERT_LE(checked(plain.changes(0, 100'000)).size(), changed);
  ASSERT_GE(checked(plain.changes(0, 100'000)).size() + 4, changed);
}

struct Twins {
  SimulatedDisk plain_disk, tidied_disk;
  std::optional<SqliteStore> plain{std::in_place, plain_disk, "/data"};
  std::optional<SqliteStore> tidied{std::in_place, tidied_disk, "/data"};

  void append(const ReportHeader& header, const std::vector<Sample>& samples) {
    for (auto* store : {&*plain, &*tidied}) {
      checked(store->append(header, samples));
      checked(store->commit());
    }
  }
  void reopen() {
    tidied.reset();
    tidied.emplace(tidied_disk, "/data");
  }
};

TEST(SqliteStoreTidy, NothingThatIsReadChangesByPacking) {
  Twins twins;
  for (std::uint64_t n = 0; n < 3 * 3600; n += 600) {
    twins.append(header_of(1, midnight + 250ms), samples_of(n, n + 600, 1s, 1));
  }

  tidy_all(*twins.tidied, midnight + 24h);

  EXPECT_EQ(segments_on(twins.tidied_disk), 3u);
  expect_same_answers(*twins.plain, *twins.tidied, {midnight - 1h, midnight + 5h});
  twins.reopen();
  expect_same_answers(*twins.plain, *twins.tidied, {midnight + 30min, midnight + 2h});
}

TEST(SqliteStoreTidy, AnHourIsLeftAloneUntilItIsOver) {
  Twins twins;
  twins.append(header_of(1, midnight), samples_of(0, 4 * 60, 60s, 1));

  tidy_all(*twins.tidied, midnight + 4h);
  EXPECT_EQ(segments_on(twins.tidied_disk), 3u);
  tidy_all(*twins.tidied, midnight + 4h + SqliteStore::pack_after);
  EXPECT_EQ(segments_on(twins.tidied_disk), 4u);
}

TEST(SqliteStoreTidy, AnHourIsPackedThoughSomethingAlwaysWaitsForItsCommit) {
  SimulatedDisk disk;
  SqliteStore store(disk, "/data");
  checked(store.append(header_of(1, midnight), samples_of(0, 60, 60s, 1)));
  checked(store.commit());
  checked(store.append(header_of(1, midnight), samples_of(100, 101, 60s, 1)));

  tidy_all(store, midnight + 101min);

  EXPECT_EQ(segments_on(disk), 1u);
  checked(store.commit());
  const auto image = disk.crash_image(1, PowerCut::dropped);
  SqliteStore recovered(*image, "/data");
  EXPECT_EQ(checked(recovered.samples("meter", {midnight, midnight + 24h})).size(), 61u);
}

TEST(SqliteStoreTidy, AMinuteIsToldOfOnlyOnceItIsOnTheDisk) {
  SimulatedDisk disk;
  SqliteStore store(disk, "/data");
  checked(store.append(header_of(1, midnight), samples_of(0, 10, 1s, 1)));

  tidy_all(store, midnight + 5min);
  EXPECT_EQ(checked(store.changes(0, 10)).size(), 0u);
  checked(store.commit());
  tidy_all(store, midnight + 5min);

  EXPECT_EQ(checked(store.changes(0, 10)).size(), 1u);
}

TEST(SqliteStoreTidy, ADayOfHoursBecomesOneFileAndItsPiecesGo) {
  Twins twins;
  twins.append(header_of(1, midnight), samples_of(0, 30 * 120, 30s, 1));

  tidy_all(*twins.tidied, midnight + 48h);

  EXPECT_EQ(segments_on(twins.tidied_disk), 30u - 24 + 1);
  expect_same_answers(*twins.plain, *twins.tidied, {midnight, midnight + 30h});
  twins.reopen();
  expect_same_answers(*twins.plain, *twins.tidied, {midnight + 23h, midnight + 25h});
}

TEST(SqliteStoreTidy, AMonthThatWasWrittenAtOnceIsJoinedAtOnce) {
  SimulatedDisk disk;
  SqliteStore store(disk, "/data");
  checked(store.append(header_of(1, midnight, 600s), samples_of(0, 26 * 144, 600s, 1)));
  checked(store.commit());

  tidy_all(store, midnight + 50 * 24h);
  tidy_all(store, midnight + 50 * 24h + 5min);  // Nothing follows in the last hour.

  EXPECT_EQ(segments_on(disk), 1u + 2);  // 24 days, and the two after them.
  EXPECT_EQ(checked(store.samples("meter", {midnight, midnight + 26 * 24h})).size(), 26u * 144);
}

TEST(SqliteStoreTidy, WhatWasWrittenLateIsPackedWhenNothingMoreComes) {
  for (const bool is_in_tables : {false, true}) {
    SCOPED_TRACE(is_in_tables);
    SimulatedDisk disk;
    SqliteStore store(disk, "/data");
    if (is_in_tables) store.hold_at_most(1);
    auto now = midnight + 48h;
    tidy_all(store, now);
    for (std::uint64_t minute = 0; minute < 60; ++minute) {
      checked(
          store.append(header_of(1, midnight), samples_of(60 * minute, 60 * minute + 60, 1s, 1)));
      checked(store.commit());
      now += 500ms;
      tidy_all(store, now);
    }
    EXPECT_EQ(segments_on(disk), 0u);

    now += 5s;
    tidy_all(store, now);

    EXPECT_EQ(segments_on(disk), 1u);
  }
}

TEST(SqliteStoreTidy, AnHourOfThePastThatStoppedInItsMiddleMayGoOnForAWhile) {
  SimulatedDisk disk;
  SqliteStore store(disk, "/data");
  auto now = midnight + 48h;
  checked(store.append(header_of(1, midnight), samples_of(0, 1200, 1s, 1)));
  checked(store.commit());
  tidy_all(store, now);
  now += 4min;
  tidy_all(store, now);
  EXPECT_EQ(segments_on(disk), 0u);

  now += 1min;
  tidy_all(store, now);

  EXPECT_EQ(segments_on(disk), 1u);
}

TEST(SqliteStoreTidy, WhateverComesLateOrTwiceLandsInItsPlace) {
  for (unsigned seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    Twins twins;
    // Pieces of 40 hours at one sample in 20 s, of two boots and two streams, in any order.
    struct Piece {
      std::uint64_t boot, begin;
      Stream stream;
    };
    std::vector<Piece> pieces;
    for (std::uint64_t n = 0; n < 40 * 180; n += 90) {
      pieces.push_back({1 + n / 4000, n, n % 720 == 0 ? Stream::coarse : Stream::samples});
    }
    std::ranges::shuffle(pieces, random);
    auto now = midnight + 72h;
    for (const auto& [boot, begin, stream] : pieces) {
      twins.append(header_of(boot, midnight, 20s, stream),
                   samples_of(begin, begin + 90, 20s, boot));
      if (random() % 8 == 0) {
        twins.append(header_of(boot, midnight, 20s, stream),
                     samples_of(begin, begin + 45, 20s, boot));
      }
      now += 1min;
      for (auto steps = random() % 20; steps > 0; --steps) checked(twins.tidied->tidy(now));
      if (random() % 20 == 0) twins.reopen();
    }
    tidy_all(*twins.tidied, now + 1min);
    tidy_all(*twins.tidied, now + 2min);

    expect_same_answers(*twins.plain, *twins.tidied, {midnight, midnight + 41h});
  }
}

TEST(SqliteStoreTidy, TheLatestSampleIsRightWhateverHappens) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    auto disk = std::make_unique<SimulatedDisk>();
    std::optional<SqliteStore> store(std::in_place, *disk, "/data");
    std::vector<std::pair<std::uint64_t, std::uint64_t>> pieces;  // When it comes, and its begin.
    for (std::uint64_t n = 0; n < 40 * 180; n += 90) pieces.emplace_back(n + random() % 900, n);
    std::ranges::sort(pieces);
    std::optional<Store::Last> expected, committed;
    const auto expect_right = [&] {
      const auto last = checked(store->last("meter"));
      ASSERT_EQ(last.has_value(), expected.has_value());
      if (!last) return;
      ASSERT_EQ(last->time, expected->time);
      ASSERT_EQ(last->sample, expected->sample);
    };
    auto now = midnight + 72h;
    std::uint64_t attempt = 0;
    for (std::size_t next = 0; next < pieces.size();) {
      const auto begin = pieces[next].second;
      // The second boot's clock is set back by 90 minutes.
      const auto boot = 1 + begin / 3600;
      const auto booted_at = boot == 1 ? midnight : midnight - 90min + 7s;
      const auto samples = samples_of(begin, begin + 90, 20s, ++attempt);
      checked(store->append(header_of(boot, booted_at, 20s), samples));
      const auto time = booted_at + samples.back().uptime;
      if (!expected || expected->time < time) expected = {time, samples.back()};
      ASSERT_NO_FATAL_FAILURE(expect_right());
      const bool fails = random() % 4 == 0;
      if (fails) disk->fail_after(0, FileError::full, SimulatedDisk::Failing::once);
      ASSERT_EQ(store->commit().has_value(), !fails);
      (fails ? expected : committed) = fails ? committed : expected;
      next += fails ? 0 : 1;                     // Else it comes again with other values,
      if (fails && random() % 2 == 0) continue;  // before anybody has asked.
      ASSERT_NO_FATAL_FAILURE(expect_right());

      now += 1min;
      for (auto steps = random() % 20; steps > 0; --steps) {
        checked(store->tidy(now));
        ASSERT_NO_FATAL_FAILURE(expect_right());
      }
      if (random() % 8 == 0) {
        store.reset();
        store.emplace(*disk, "/data");
      } else if (random() % 8 == 0) {
        auto after_a_cut = disk->crash_image(attempt, PowerCut::dropped);
        store.reset();
        disk = std::move(after_a_cut);
        store.emplace(*disk, "/data");
      }
      ASSERT_NO_FATAL_FAILURE(expect_right());
    }
  }
}

TEST(SqliteStoreTidy, TheLatestSamplesOfSilentMetersAreUnpackedOnce) {
  SimulatedDisk disk;
  SqliteStore store(disk, "/data");
  for (const auto* device : {"a", "b"}) {
    auto header = header_of(1, midnight);
    header.device = device;
    checked(store.append(header, samples_of(0, 3600, 1s, 1)));
  }
  checked(store.commit());
  tidy_all(store, midnight + 24h);
  const auto ask = [&] {
    const auto before = disk.calls();
    for (const auto* device : {"a", "b"}) {
      EXPECT_EQ(checked(store.last(device))->sample, sample_at(3599, 3599s, 1));
    }
    return disk.calls() - before;
  };

  EXPECT_GT(ask(), 0u);
  EXPECT_EQ(ask(), 0u);

  // A minute of another meter leaves it so.
  checked(store.append(header_of(1, midnight + 24h), samples_of(0, 1, 1s, 1)));
  EXPECT_EQ(ask(), 0u);
}

TEST(SqliteStoreTidy, APowerCutAtAnyMomentOfItLosesNothing) {
  SimulatedDisk plain_disk, disk;
  SqliteStore plain(plain_disk, "/data");
  std::optional<SqliteStore> store(std::in_place, disk, "/data");
  for (auto* filled : {&plain, &*store}) {
    checked(filled->append(header_of(1, midnight), samples_of(0, 26 * 6, 600s, 1)));
    checked(filled->commit());
  }
  std::vector<std::unique_ptr<SimulatedDisk>> images;
  std::uint64_t seed = 0;
  disk.before_sync = [&] {
    for (const auto cut : power_cuts) images.push_back(disk.crash_image(++seed, cut));
  };

  tidy_all(*store, midnight + 48h);
  tidy_all(*store, midnight + 48h + 1min);
  disk.before_sync = nullptr;

  ASSERT_GE(images.size(), 200u);
  const auto expected = checked(plain.samples("meter", {midnight, midnight + 48h}));
  for (std::size_t i = 0; i < images.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "image " << i);
    SqliteStore recovered(*images[i], "/data");
    for (int again = 0; again < 2; ++again) {
      const auto found = checked(recovered.samples("meter", {midnight, midnight + 48h}));
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t s = 0; s < found.size(); ++s) {
        ASSERT_EQ(found[s].sample, expected[s].sample);
      }
      tidy_all(recovered, midnight + 50h + again * 1min);  // It goes on where it was cut off.
    }
  }
}

TEST(SqliteStoreTidy, AnErrorAtAnyCallOfItIsToldAndLosesNothing) {
  SimulatedDisk filled;
  std::vector<Store::Kept> expected;
  {
    SqliteStore store(filled, "/data");
    checked(store.append(header_of(1, midnight), samples_of(0, 26 * 6, 600s, 1)));
    checked(store.commit());
    expected = checked(store.samples("meter", {midnight, midnight + 48h}));
  }
  // How many calls fail, of a disk that fails at one, or from it on for the rest of the hour.
  const auto failures = [&](std::uint64_t call, FileError error, SimulatedDisk::Failing failing) {
    SCOPED_TRACE(testing::Message() << "call " << call);
    const auto disk = filled.crash_image(1, PowerCut::kept);
    SqliteStore store(*disk, "/data");
    const auto before = disk->calls();
    disk->fail_after(call, error, failing);
    std::size_t failed = 0;
    for (const auto pass : {0min, 1min, 2min}) {
      for (int steps = 0; steps < 60; ++steps) {
        const auto tidied = store.tidy(midnight + 48h + pass);
        failed += tidied ? 0 : 1;
        if (tidied.value_or(false)) break;
      }
    }
    disk->heal();
    for (const auto pass : {3min, 4min, 5min}) tidy_all(store, midnight + 48h + pass);

    const auto found = checked(store.samples("meter", {midnight, midnight + 48h}));
    EXPECT_EQ(found.size(), expected.size());
    for (std::size_t s = 0; s < std::min(found.size(), expected.size()); ++s) {
      EXPECT_EQ(found[s].sample, expected[s].sample);
    }
    EXPECT_EQ(segments_on(*disk), 3u);
    return std::pair(failed, disk->calls() - before);
  };
  const auto [none, calls] = failures(1'000'000, FileError::full, SimulatedDisk::Failing::once);
  ASSERT_EQ(none, 0u);
  ASSERT_GT(calls, 500u);

  std::size_t failed = 0;
  for (std::uint64_t call = 0; call < calls; call += 31) {
    failed += failures(call, FileError::full, SimulatedDisk::Failing::once).first;
    failed += failures(call + 3, FileError::unavailable, SimulatedDisk::Failing::once).first;
    if (call % 5 == 0) {
      failed += failures(call, FileError::unavailable, SimulatedDisk::Failing::always).first;
    }
  }
  EXPECT_GT(failed, calls / 31);
}

TEST(SqliteStoreTidy, DamageInASegmentIsToldAndNeverShown) {
  Twins twins;
  twins.append(header_of(1, midnight), samples_of(0, 3600, 1s, 1));
  tidy_all(*twins.tidied, midnight + 24h);
  const auto size = static_cast<std::size_t>(*twins.tidied_disk.size("/data/segment-1"));
  const TimeRange hour{midnight, midnight + 1h};
  const auto whole = checked(twins.plain->read({"meter", Quantity::active_power, 0}, hour, 1s));

  std::size_t told = 0, unharmed = 0;
  std::mt19937 random(3);
  for (int i = 0; i < 400; ++i) {
    auto disk = twins.tidied_disk.crash_image(1, PowerCut::kept);
    const auto place = random() % size;
    const auto file = std::move(*disk->open("/data/segment-1", How::write));
    std::uint8_t octet = 0;
    ASSERT_TRUE(file->read(place, {&octet, 1}));
    octet = static_cast<std::uint8_t>(octet ^ 1 << random() % 8);
    ASSERT_TRUE(file->write(place, {&octet, 1}));
    SqliteStore store(*disk, "/data");

    const auto points = store.read({"meter", Quantity::active_power, 0}, hour, 1s);

    if (points) {
      ASSERT_TRUE(is_same(points->mean, whole.mean));
      ++unharmed;
    } else {
      ASSERT_EQ(points.error(), StoreError::corrupted);
      ++told;
    }
  }
  // Most of the file is other series, and whoever reads one is not disturbed by them.
  EXPECT_GT(told, 20u);
  EXPECT_GT(unharmed, 200u);
}

TEST(AbsencesTest, AreTheSameOncePackedAndWhereSomethingCameLate) {
  constexpr std::uint64_t hours = 4, count = 3600 * hours;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    SimulatedDisk disk;
    SqliteStore store(disk, "/data");
    auto samples = samples_of(0, count, 1s, seed);
    // One channel is away for most of the time, over the ends of hours.
    for (std::uint64_t n = 1800; n < count - 1800; ++n) {
      if (n != 9000) samples[n].put_steps(Quantity::active_power, 1, std::nullopt);
    }
    const auto late = samples.begin() + 7300;
    checked(store.append(header_of(1, midnight), {samples.begin(), late}));
    checked(store.append(header_of(1, midnight), {late + 10, samples.end()}));
    checked(store.commit());
    const auto found = [&] {
      std::vector<std::tuple<std::size_t, Timestamp, Timestamp>> gaps;
      for (const auto& gap : checked(store.gaps("meter", {midnight, midnight + 5h}))) {
        gaps.emplace_back(gap.channel.value_or(99), gap.range.begin, gap.range.end);
      }
      return gaps;
    };
    const auto before = found();
    ASSERT_GT(before.size(), 20u);
    EXPECT_TRUE(
        std::ranges::count(before, std::tuple(std::size_t{1}, midnight + 1800s, midnight + 7300s)));

    tidy_all(store, midnight + 6h);
    ASSERT_GT(segments_on(disk), 0u);
    EXPECT_EQ(found(), before);

    checked(store.append(header_of(1, midnight), {late, late + 10}));
    checked(store.commit());
    const auto after = found();
    EXPECT_TRUE(
        std::ranges::count(after, std::tuple(std::size_t{1}, midnight + 1800s, midnight + 9000s)));
    tidy_all(store, midnight + 7h);
    EXPECT_EQ(found(), after);
  }
}

}  // namespace
}  // namespace hub
