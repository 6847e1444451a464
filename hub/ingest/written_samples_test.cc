#include "hub/ingest/written_samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;

class WrittenSamplesTest : public testing::Test {
 protected:
  WrittenSamplesTest() {
    std::string pattern = testing::TempDir() + "lenz-written-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    begin();
  }
  ~WrittenSamplesTest() override {
    store.reset();
    std::filesystem::remove_all(folder);
  }

  // As after a start of the hub.
  void begin() {
    written.reset();
    store.reset();
    store = std::make_unique<SqliteStore>(disk, folder);
    written = std::make_unique<WrittenSamples>(*store);
  }

  // An instant with the same power on some channels.
  static Instant at(Timestamp time, std::int64_t deciwatts, std::size_t first = 0,
                    std::size_t count = 1) {
    Instant instant(time, 1);
    for (std::size_t c = first; c < first + count; ++c) {
      instant.put(Quantity::active_power, c, deciwatts);
    }
    return instant;
  }
  WrittenSamples::Taken take(std::vector<Instant> instants, std::uint64_t counters = 0) {
    const auto taken = written->take({.device = "w", .chips = 1, .counters = counters}, instants);
    EXPECT_TRUE(taken && store->commit());
    return taken.value_or(WrittenSamples::Taken{});
  }
  double gained_mwh(Quantity quantity, TimeRange range, std::size_t channel = 0,
                    std::chrono::milliseconds step = 1min) {
    double sum = 0;
    const auto points = store->read({"w", quantity, channel}, range, step);
    for (const double mwh : points->gained) sum += std::isnan(mwh) ? 0 : mwh;
    return sum;
  }
  std::size_t stored(TimeRange range = {noon - 240h, noon + 240h}) {
    return store->samples("w", range)->size();
  }

  std::string folder;
  Disk disk;
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<WrittenSamples> written;
};

TEST_F(WrittenSamplesTest, PowerIsIntegratedAndSaidToBe) {
  std::vector<Instant> hour;
  for (int s = 0; s <= 3600; ++s) hour.push_back(at(noon + s * 1s, 10'000));

  EXPECT_EQ(take(hour).added, 3601u);

  // 1,000 W for an hour.
  EXPECT_EQ(gained_mwh(Quantity::imported, {noon, noon + 2h}), 1'000'000);
  EXPECT_EQ(store->origin("w")->integrated, 1u);
}

TEST_F(WrittenSamplesTest, WhatIsProducedIsExported) {
  take({at(noon, -36'000), at(noon + 1s, -36'000), at(noon + 2s, -36'000)});

  EXPECT_EQ(gained_mwh(Quantity::exported, {noon, noon + 1h}), 2000);  // 3.6 kW for 2 s.
  EXPECT_EQ(gained_mwh(Quantity::imported, {noon, noon + 1h}), 0);
}

TEST_F(WrittenSamplesTest, PowerIsNotHeldOverAGap) {
  // 3.6 kW gain 1,000 mWh a second. After the gap of 50 s it counts 2.5 periods.
  take({at(noon, 36'000), at(noon + 1s, 36'000), at(noon + 51s, 36'000)});

  EXPECT_EQ(gained_mwh(Quantity::imported, {noon, noon + 1h}), 1000 + 2500);
}

TEST_F(WrittenSamplesTest, EnergyThatIsToldIsNotIntegrated) {
  auto told = at(noon, 36'000);
  told.put(Quantity::imported, 0, 7);

  take({told, at(noon + 1s, 36'000)}, 1);

  EXPECT_EQ(gained_mwh(Quantity::imported, {noon, noon + 1h}), 7);
  EXPECT_EQ(store->origin("w")->integrated, 0u);
}

TEST_F(WrittenSamplesTest, WritingTwiceIsWritingOnceAlsoAfterARestart) {
  const std::vector<Instant> instants = {at(noon, 36'000), at(noon + 1s, 36'000),
                                         at(noon + 2s, 36'000)};
  take(instants);

  EXPECT_EQ(take(instants).known, 3u);
  begin();
  EXPECT_EQ(take(instants).known, 3u);

  EXPECT_EQ(stored(), 3u);
  EXPECT_EQ(gained_mwh(Quantity::imported, {noon, noon + 1h}), 2000);
}

TEST_F(WrittenSamplesTest, LateInstantsLandInTheirPlaceWithTheirEnergy) {
  const auto piece = [](Timestamp begin, int seconds) {
    std::vector<Instant> instants;
    for (int s = 0; s < seconds; ++s) {
      auto instant = at(begin + s * 1s, 36'000);
      instant.stands_for = 1s;
      instants.push_back(instant);
    }
    return instants;
  };

  take(piece(noon + 10s, 10));
  begin();
  take(piece(noon, 10));        // Before.
  take(piece(noon + 5s, 30));   // Overlaps both.
  take(piece(noon - 24h, 10));  // The day before.

  EXPECT_EQ(stored(), 45u);
  EXPECT_EQ(gained_mwh(Quantity::imported, {noon, noon + 1h}), 35'000);
  EXPECT_EQ(gained_mwh(Quantity::imported, {noon, noon + 15s}, 0, 1s), 15'000);
  EXPECT_EQ(gained_mwh(Quantity::imported, {noon - 24h, noon - 23h}), 10'000);
}

TEST_F(WrittenSamplesTest, AnyOrderGivesTheSameEnergy) {
  const unsigned seed = 11;
  std::mt19937 random(seed);
  std::vector<std::vector<Instant>> pieces;
  for (int p = 0; p < 60; ++p) {
    auto& piece = pieces.emplace_back();
    for (int s = 0; s < 50; ++s) {  // Overlaps the next by 10 s; crosses midnight.
      auto instant = at(noon + 12h - 20min + p * 40s + s * 1s, 36'000);
      instant.stands_for = 1s;
      piece.push_back(instant);
    }
  }
  std::shuffle(pieces.begin(), pieces.end(), random);

  for (std::size_t p = 0; p < pieces.size(); ++p) {
    if (p % 16 == 7) begin();
    take(pieces[p]);
  }

  EXPECT_EQ(stored(), 2410u);
  EXPECT_EQ(gained_mwh(Quantity::imported, {noon, noon + 24h}), 2'410'000) << "seed " << seed;
}

TEST_F(WrittenSamplesTest, AnInstantThatCameInTwoPartsHasBoth) {
  take({at(noon, 36'000, 0, 3), at(noon + 1s, 36'000, 0, 1)});
  take({at(noon + 1s, 36'000, 1, 2), at(noon + 2s, 36'000, 0, 3)});

  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(gained_mwh(Quantity::imported, {noon, noon + 1h}, c), 2000) << c;
  }
}

TEST_F(WrittenSamplesTest, AMinuteThatAnotherMeterMeasuredIsKnown) {
  measurement::Sample sample(1);
  sample.put_steps(Quantity::active_power, 0, 100);
  ASSERT_TRUE(store->append({.device = "w", .boot = 42, .chips = 1, .booted_at = noon + 30s},
                            {&sample, 1}));
  ASSERT_TRUE(store->commit());

  const auto taken = take({at(noon + 5s, 10), at(noon + 65s, 10)});

  EXPECT_EQ(taken.known, 1u);
  EXPECT_EQ(taken.added, 1u);
}

TEST_F(WrittenSamplesTest, LateAndNewInstantsOfOneBodyAreEachTakenOnce) {
  take({at(noon, 10), at(noon + 2h, 10)});

  // The hours of the first three have been written to before.
  const std::vector<Instant> body = {at(noon, 10), at(noon + 1s, 10), at(noon + 2h, 10),
                                     at(noon + 2h + 1s, 10), at(noon + 3h, 10)};
  const auto first = take(body);
  const auto again = take(body);

  EXPECT_EQ(first.known, 2u);
  EXPECT_EQ(first.added, 3u);
  EXPECT_EQ(again.known, 5u);
  EXPECT_EQ(stored(), 5u);
}

TEST_F(WrittenSamplesTest, AfterAFailedCommitNothingIsTakenForKnown) {
  bool is_full = true;
  WrittenSamples failing(
      *store,
      [&](const measurement::ReportHeader& header,
          std::span<const measurement::Sample> samples) -> std::expected<void, StoreError> {
        if (is_full) return std::unexpected(StoreError::full);
        if (!store->append(header, samples)) return std::unexpected(StoreError::full);
        return {};
      });
  std::vector<Instant> instants = {at(noon, 10)};
  const WrittenSamples::Writer writer{.device = "w", .chips = 1};
  ASSERT_FALSE(failing.take(writer, instants));
  failing.forget();
  is_full = false;

  const auto taken = failing.take(writer, instants);

  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->added, 1u);
}

}  // namespace
}  // namespace hub
