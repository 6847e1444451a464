// What a disk can do to the ledger: power cuts at every sync, errors at every call. What was told
// the outside is never taken back, and in the end every hour has what its samples brought.

#include <gtest/gtest.h>

#include <optional>

#include "hub/files/simulated_disk.h"
#include "hub/ledger.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;
using Failing = SimulatedDisk::Failing;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

Home home_with_a_fridge() {
  Home home;
  home.id = "home";
  auto& fridge = home.panels.emplace_back().circuits.emplace_back();
  fridge.id = fridge.name = "fridge";
  fridge.channels = {{"meter", 0, 1}};
  return home;
}

// Half a minute a sample, of 100 mWh each.
std::vector<Sample> samples(std::uint64_t begin, std::uint64_t end) {
  std::vector<Sample> made;
  for (auto n = begin; n < end; ++n) {
    Sample& sample = made.emplace_back(1);
    sample.number = n;
    sample.uptime = Uptime(30s) * static_cast<std::int64_t>(n);
    sample.put_steps(Quantity::active_power, 0, 120);
    sample.put_steps(Quantity::imported, 0, 100 * static_cast<std::int64_t>(n));
    sample.put_steps(Quantity::exported, 0, 0);
  }
  return made;
}

// A hub as far as its ledger goes, on a disk that may fail.
class Books {
 public:
  explicit Books(SimulatedDisk& disk) : disk_(disk) {}

  // False: it was refused, with a sentence.
  bool open() {
    ledger.reset();
    store_.reset();
    try {
      store_.emplace(disk_, "/data");
      ledger.emplace(disk_, "/data/ledger.db", *store_, home_);
      return true;
    } catch (const std::runtime_error&) {
      ledger.reset();
      store_.reset();
      return false;
    }
  }

  // Samples [begin, end), every one of them in the store; the ledger as far as the disk lets it.
  bool take(std::uint64_t begin, std::uint64_t end) {
    const auto taken = store_->append(
        {.device = "meter", .boot = 1, .period = 30s, .chips = 1, .booted_at = midnight},
        samples(begin, end));
    return taken && store_->commit();
  }
  bool follow(std::uint64_t end) {
    const auto now = midnight + end * 30s;
    if (!store_->tidy(now)) return false;
    for (int i = 0; i < 100; ++i) {
      const auto done = ledger->follow(now);
      if (!done) return false;
      if (*done) return true;
    }
    ADD_FAILURE() << "the ledger never comes to an end";
    return false;
  }
  std::int64_t counter() { return ledger->counter("fridge").imported.value; }
  std::int64_t sum_of_hours() {
    std::int64_t sum = 0;
    for (const auto& hour : ledger->hours("fridge", {midnight, midnight + 48h})) {
      sum += hour.gained.imported.value;
    }
    return sum;
  }

  std::optional<Ledger> ledger;

 private:
  SimulatedDisk& disk_;
  const Home home_ = home_with_a_fridge();
  std::optional<SqliteStore> store_;
};

constexpr std::uint64_t half_hour = 60;  // Samples.
// After n half hours the last sample has 100 x (60 n - 1) mWh.
std::int64_t energy_after(std::uint64_t half_hours) {
  return 100 * (60 * static_cast<std::int64_t>(half_hours) - 1);
}

void expect_all(Books& books, std::int64_t told, std::uint64_t half_hours) {
  EXPECT_GE(books.counter(), told) << "what was told is never taken back";
  EXPECT_TRUE(books.follow(half_hours * half_hour));
  EXPECT_EQ(books.counter(), energy_after(half_hours));
  EXPECT_EQ(books.sum_of_hours(), energy_after(half_hours));
}

TEST(LedgerCrash, APowerCutAtAnySyncTakesNothingBack) {
  SimulatedDisk disk;
  Books books(disk);
  std::int64_t told = 0;
  std::uint64_t stored = 0, images = 0;
  disk.before_sync = [&] {
    for (const auto cut : power_cuts) {
      if (stored == 0 || testing::Test::HasFailure()) continue;
      SCOPED_TRACE(testing::Message() << "image " << images);
      const auto image = disk.crash_image(images++, cut);
      Books again(*image);
      ASSERT_TRUE(again.open());
      ASSERT_TRUE(again.take(0, stored * half_hour));
      expect_all(again, told, stored);
    }
  };
  ASSERT_TRUE(books.open());
  for (std::uint64_t n = 1; n <= 8; ++n) {
    ASSERT_TRUE(books.take((n - 1) * half_hour, n * half_hour));
    stored = n;
    ASSERT_TRUE(books.follow(n * half_hour));
    told = books.counter();
    if (n == 4) {
      ASSERT_TRUE(books.open());
    }
  }
  EXPECT_GT(images, 100u);
}

// True: the call that fails was reached.
bool live_with_fault(std::uint64_t call, Failing failing) {
  SimulatedDisk disk;
  Books books(disk);
  EXPECT_TRUE(books.open());
  EXPECT_TRUE(books.take(0, half_hour));
  EXPECT_TRUE(books.follow(half_hour));
  // The outside knows more than the samples say: a counter of before.
  books.ledger->told("fridge", {{7'000}, {0}});
  std::int64_t told = 7'000;

  const auto first = disk.calls();
  disk.fail_after(call, FileError::unavailable, failing);
  if (!books.open()) {
    disk.heal();
    EXPECT_TRUE(books.open());
  }
  for (std::uint64_t n = 2; n <= 3; ++n) {
    if (!books.take((n - 1) * half_hour, n * half_hour)) {
      disk.heal();
      EXPECT_TRUE(books.take((n - 1) * half_hour, n * half_hour));
    }
    if (!books.follow(n * half_hour)) {
      EXPECT_GE(books.counter(), told);
      disk.heal();
    }
    EXPECT_GE(books.counter(), told);
    told = std::max(told, books.counter());
  }
  const bool has_come = disk.calls() - first > call;
  disk.heal();
  EXPECT_TRUE(books.follow(3 * half_hour));
  told = std::max(told, books.counter());
  EXPECT_EQ(books.sum_of_hours(), energy_after(3));

  const auto image = disk.crash_image(call, PowerCut::dropped);
  Books again(*image);
  EXPECT_TRUE(again.open());
  expect_all(again, told, 3);
  return has_come;
}

TEST(LedgerCrash, AnErrorAtAnyCallTakesNothingBackAndLosesNoHour) {
  for (const auto failing : {Failing::once, Failing::always}) {
    std::uint64_t call = 0;
    for (; !HasFailure(); call += failing == Failing::once ? 1 : 3) {
      SCOPED_TRACE(testing::Message() << "call " << call << ", failing "
                                      << (failing == Failing::once ? "once" : "always"));
      if (!live_with_fault(call, failing)) break;
    }
    EXPECT_GT(call, 100u);
  }
}

}  // namespace
}  // namespace hub
