#include "hub/store/retention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "hub/files/simulated_disk.h"
#include "hub/store/sqlite_store.h"
#include "hub/store/verify.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using namespace std::chrono_literals;
using std::chrono::days;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
constexpr auto period = 20s;
const std::vector<Share> both_legs = {{0, 1}, {1, 1}};

// Two legs, whose peaks seldom meet.
std::vector<Sample> samples_of(std::uint64_t begin, std::uint64_t end) {
  std::vector<Sample> samples;
  std::mt19937 random(static_cast<unsigned>(begin) + 1);
  for (auto n = begin; n < end; ++n) {
    auto& sample = samples.emplace_back(1);
    sample.number = n;
    sample.uptime = static_cast<std::int64_t>(n) * measurement::Uptime(period);
    sample.put_steps(Quantity::voltage, 0, 2300 + static_cast<std::int64_t>(random() % 20));
    for (std::size_t c = 0; c < 2; ++c) {
      if (random() % 300 == 0) continue;
      const auto power = 10'000 + static_cast<std::int64_t>(random() % 2000);
      sample.put_steps(Quantity::active_power, c, power);
      sample.put_steps(Quantity::current, c, power * 10 / 23);
      sample.put_steps(Quantity::imported, c, static_cast<std::int64_t>(n) * 6000);
    }
  }
  return samples;
}

constexpr std::uint64_t a_day = 24h / period;
constexpr days life{40};

void append(SqliteStore& store, const std::vector<Sample>& samples) {
  const auto done = store.append(
      {.device = "meter", .boot = 1, .period = period, .chips = 1, .booted_at = midnight}, samples);
  ASSERT_TRUE(done) << sentence(done.error());
  ASSERT_TRUE(store.commit());
}

// Until there is nothing left to do.
void tidy(SqliteStore& store, Timestamp now) {
  for (const auto later : {0min, 2min, 4min, 6min}) {
    for (int steps = 0; steps < 10'000; ++steps) {
      const auto done = store.tidy(now + later);
      ASSERT_TRUE(done) << sentence(done.error());
      if (*done) break;
    }
  }
}

class RetentionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    filled = std::make_unique<SimulatedDisk>();
    SqliteStore store(*filled, "/data");
    ASSERT_TRUE(store.keep_together({{"meter", Quantity::active_power, 0, both_legs}}));
    for (std::uint64_t day = 0; day < static_cast<std::uint64_t>(life.count()); ++day) {
      append(store, samples_of(day * a_day, (day + 1) * a_day));
      tidy(store, midnight + days(day + 1));
    }
  }
  static void TearDownTestSuite() { filled.reset(); }

  Points read(const Series& series, TimeRange range, std::chrono::milliseconds step) {
    auto points = store->read(series, range, step);
    EXPECT_TRUE(points) << sentence(points.error());
    return points ? *points : Points{};
  }
  std::uint64_t bytes_of_segments() {
    std::uint64_t bytes = 0;
    const auto names = disk->list("/data");
    for (const auto& name : *names) {
      if (name.starts_with("segment-")) bytes += *disk->size("/data/" + name);
    }
    return bytes;
  }
  void expect_healthy() {
    const auto verified = verify_store(
        *disk, "/data", [](const Finding& finding) { EXPECT_FALSE(finding.is_damage()); },
        [](double) {});
    EXPECT_EQ(verified.damaged, 0u);
  }

  const TimeRange whole{midnight, midnight + life};
  const Series power{"meter", Quantity::active_power, 0};
  const Series energy{"meter", Quantity::imported, 1};
  const Series circuit{"meter", Quantity::active_power, 0, both_legs};
  static inline std::unique_ptr<SimulatedDisk> filled;
  const std::unique_ptr<SimulatedDisk> disk = filled->crash_image(1, PowerCut::kept);
  std::optional<SqliteStore> store{std::in_place, *disk, "/data"};
};

template <class Number>
bool is_same(const std::vector<Number>& a, const std::vector<Number>& b) {
  return std::ranges::equal(
      a, b, [](Number x, Number y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}
void expect_same(const Points& a, const Points& b) {
  EXPECT_TRUE(is_same(a.mean, b.mean));
  EXPECT_TRUE(is_same(a.min, b.min));
  EXPECT_TRUE(is_same(a.max, b.max));
  EXPECT_TRUE(is_same(a.gained, b.gained));
}
std::size_t known(const Points& points) {
  return static_cast<std::size_t>(
      std::ranges::count_if(points.mean, [](float value) { return !std::isnan(value); }));
}

TEST_F(RetentionTest, OfOldSamplesTheMinutesStayAndOfOldMinutesTheHours) {
  const auto hours = read(power, whole, 1h), minutes = read(power, whole, 1min),
             legs = read(circuit, whole, 1min), days_of_energy = read(energy, whole, 24h);
  EXPECT_EQ(known(hours), 40u * 24);
  const auto bytes = bytes_of_segments();

  store->keep({.samples = days(10), .minutes = days(20)});
  tidy(*store, whole.end + 1h);

  EXPECT_LT(bytes_of_segments(), bytes * 3 / 4);
  expect_same(read(power, whole, 1h), hours);
  expect_same(read(power, whole, 1min), minutes);
  expect_same(read(circuit, whole, 1min), legs);
  expect_same(read(energy, whole, 24h), days_of_energy);
  EXPECT_EQ(known(read(power, {midnight, midnight + 24h}, 20s)), 0u);
  EXPECT_GT(known(read(power, {whole.end - 24h, whole.end}, 20s)), 4000u);
  expect_healthy();

  // What comes too late for that is acknowledged, and changes nothing.
  append(*store, samples_of(0, 100));
  EXPECT_EQ(store->stored("meter", 9)->size(), 1u);

  tidy(*store, whole.end + days(20));

  expect_same(read(power, whole, 1h), hours);
  expect_same(read(energy, whole, 24h), days_of_energy);
  EXPECT_EQ(known(read(power, {midnight, midnight + days(20)}, 1min)), 0u);
  expect_healthy();

  store.reset();
  store.emplace(*disk, "/data");
  expect_same(read(power, whole, 1h), hours);
  expect_same(read(energy, whole, 24h), days_of_energy);
}

TEST_F(RetentionTest, ABudgetTakesTheOldestSamplesFirstAndLeavesADay) {
  const auto minutes = read(power, whole, 1min);
  const auto bytes = bytes_of_segments();

  store->keep({.budget = bytes * 9 / 10 + *disk->size("/data/lenz.db")});
  tidy(*store, whole.end + 1h);

  EXPECT_EQ(known(read(power, {midnight, midnight + 24h}, 20s)), 0u);
  EXPECT_GT(known(read(power, {whole.end - days(10), whole.end}, 20s)), 40'000u);
  expect_same(read(power, whole, 1min), minutes);

  store->keep({.budget = 1});
  tidy(*store, whole.end + 3h);

  EXPECT_EQ(known(read(power, {midnight, whole.end - days(2)}, 1min)), 0u);
  EXPECT_GT(known(read(power, {whole.end - 23h, whole.end}, 20s)), 4000u);
  EXPECT_EQ(known(read(power, whole, 1h)), 40u * 24);
  expect_healthy();
}

TEST_F(RetentionTest, WhatNeedNotBeExactComesBackNearlyAndItsEnergyExactly) {
  const TimeRange old{midnight, midnight + 24h};
  const auto exact = read(power, old, 20s), energies = read(energy, old, 20s);
  const auto minutes = read(power, old, 1min);
  const auto bytes = bytes_of_segments();

  store->keep({.exact = days(5)});
  for (int i = 0; i < 50; ++i) tidy(*store, whole.end + 1h + i * 8min);  // Joined again, too.

  EXPECT_LT(bytes_of_segments(), bytes * 9 / 10);
  const auto coarse = read(power, old, 20s);
  for (std::size_t i = 0; i < exact.mean.size(); ++i) {
    if (std::isnan(exact.mean[i])) {
      EXPECT_TRUE(std::isnan(coarse.mean[i]));
    } else {
      EXPECT_NEAR(coarse.mean[i], exact.mean[i], 0.0025 * exact.mean[i] + 1e-3);
    }
  }
  EXPECT_FALSE(is_same(coarse.mean, exact.mean));
  expect_same(read(energy, old, 20s), energies);
  expect_healthy();
}

TEST_F(RetentionTest, OfASilentMetersLatestSampleTheTimeStaysWhenItsValuesGo) {
  const auto kept = store->last("meter").value().value();
  EXPECT_EQ(kept.time, whole.end - period);
  ASSERT_TRUE(kept.sample.steps(Quantity::active_power, 0));

  store->keep({.samples = days(10)});
  tidy(*store, whole.end + days(20));

  for (const bool is_reopened : {false, true}) {
    SCOPED_TRACE(is_reopened);
    if (is_reopened) {
      store.reset();
      store.emplace(*disk, "/data");
    }
    const auto last = store->last("meter").value().value();
    EXPECT_EQ(last.time, kept.time);
    EXPECT_EQ(last.sample.number, kept.sample.number);
    EXPECT_EQ(last.sample.uptime, kept.sample.uptime);
    EXPECT_EQ(last.sample.steps(Quantity::active_power, 0), std::nullopt);
  }
}

TEST(Retention, TheLatestSampleIsAsExactAsItsHour) {
  SimulatedDisk disk;
  SqliteStore store(disk, "/data");
  append(store, samples_of(0, a_day / 24));
  tidy(store, midnight + 24h);
  const auto exact = store.last("meter").value().value();

  store.keep({.exact = days(5)});
  tidy(store, midnight + days(10));

  const auto last = store.last("meter").value().value();
  EXPECT_EQ(last.time, exact.time);
  EXPECT_NE(last.sample, exact.sample);
  EXPECT_EQ(last.sample, store.samples("meter", {last.time, last.time + 1ms})->back().sample);
}

TEST_F(RetentionTest, SeveralChannelsTogetherAreSummedUpSampleBySample) {
  const TimeRange day{midnight, midnight + 24h};
  const auto minutes = read(circuit, day, 1min), samples = read(circuit, day, 20s);
  ASSERT_EQ(minutes.mean.size() * 3, samples.mean.size());
  for (std::size_t m = 0; m < minutes.mean.size(); ++m) {
    float least = std::nanf(""), greatest = std::nanf("");
    for (std::size_t s = 3 * m; s < 3 * m + 3; ++s) {
      least = std::fmin(least, samples.mean[s]);
      greatest = std::fmax(greatest, samples.mean[s]);
    }
    EXPECT_EQ(minutes.min[m], least);
    EXPECT_EQ(minutes.max[m], greatest);
  }
}

TEST_F(RetentionTest, AReserveLetsItMakeRoomOnAFullDisk) {
  store->keep({.reserve = 4 << 20});
  tidy(*store, whole.end + 1h);
  ASSERT_EQ(*disk->size("/data/reserve"), 4u << 20);
  constexpr std::uint64_t plenty = 1 << 30;
  disk->set_capacity(plenty);
  disk->set_capacity(plenty - *disk->room("/data"));
  EXPECT_FALSE(
      store->append(
          {.device = "meter", .boot = 1, .period = period, .chips = 1, .booted_at = midnight},
          samples_of(41 * a_day, 42 * a_day)) &&
      store->commit());

  store->keep({.samples = days(10), .minutes = days(20), .reserve = 4 << 20});
  for (int steps = 0; steps < 1000; ++steps) {
    static_cast<void>(store->tidy(whole.end + 3h + steps * 1min));
  }

  EXPECT_EQ(known(read(power, {midnight, midnight + 24h}, 20s)), 0u);
  append(*store, samples_of(41 * a_day, 42 * a_day));
}

}  // namespace
}  // namespace hub
