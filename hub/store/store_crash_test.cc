// What a disk can do to the store: power cuts at every sync, errors at every call, no room.
//
// LENZ_CRASH_IMAGES and LENZ_CRASH_SEED make it longer and other (tests/slow/crashes).

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

#include "hub/files/simulated_disk.h"
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
const TimeRange whole_day{midnight, midnight + 24h};
constexpr auto period = 20s;
const std::string folder = "/data";

unsigned number_from(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::stoul(text));
}

// A sample's name, and from it all that it holds: what is read back is compared with this.
using Name = std::pair<std::uint64_t, std::uint64_t>;  // Boot and number.

Sample sample_of(const Name& name) {
  std::mt19937_64 random(name.first * 1'000'003 + name.second);
  Sample sample(1);
  sample.number = name.second;
  sample.uptime = Uptime(period) * static_cast<std::int64_t>(name.second);
  sample.put_steps(Quantity::voltage, 0, static_cast<std::int64_t>(2200 + random() % 200));
  sample.put_steps(Quantity::active_power, 0, static_cast<std::int64_t>(random() % 5000));
  sample.put_steps(Quantity::imported, 0,
                   static_cast<std::int64_t>(100 * name.second + random() % 100));
  return sample;
}

// Boots lie an hour apart.
Timestamp booted_at(std::uint64_t boot) { return midnight + boot * 1h; }

// Names of samples, and how often each is there.
using Content = std::map<Name, int>;

Content with(Content content, const std::vector<Name>& names) {
  for (const auto& name : names) content[name] = 1;
  return content;
}

// Everything that a store shows, each value compared with what was measured.
Content content_of(SqliteStore& store) {
  Content content, acknowledged;
  std::map<std::int64_t, std::pair<double, int>> minutes;  // Of voltage: sum and count.
  const auto kept = store.samples("meter", whole_day);
  EXPECT_TRUE(kept);
  if (!kept) return {};
  for (const auto& [boot, stream, time, sample] : *kept) {
    const Name name{boot, sample.number};
    EXPECT_EQ(sample, sample_of(name)) << "boot " << boot << ", number " << sample.number;
    EXPECT_EQ(time, booted_at(boot) + sample.uptime);
    ++content[name];
    auto& [sum, count] = minutes[(time - midnight) / 1min];
    sum += static_cast<double>(*sample.steps(Quantity::voltage, 0)) / 10;
    ++count;
  }
  // What is told the meters is what is there.
  const auto stored = store.stored("meter", 1000);
  EXPECT_TRUE(stored);
  for (const auto& range : *stored) {
    for (auto n = range.begin; n < range.end; ++n) ++acknowledged[{range.boot, n}];
  }
  EXPECT_EQ(content, acknowledged);
  // The summaries are those of the samples.
  const auto points = store.read({"meter", Quantity::voltage, 0}, whole_day, 1min);
  EXPECT_TRUE(points);
  for (std::size_t m = 0; m < points->mean.size(); ++m) {
    const auto found = minutes.find(static_cast<std::int64_t>(m));
    if (found == minutes.end()) {
      EXPECT_TRUE(std::isnan(points->mean[m])) << "minute " << m;
    } else {
      EXPECT_NEAR(points->mean[m], found->second.first / found->second.second, 0.01)
          << "minute " << m;
    }
  }
  return content;
}

std::expected<void, StoreError> store_all(SqliteStore& store, const std::vector<Name>& names) {
  std::map<std::uint64_t, std::vector<Sample>> by_boot;
  for (const auto& name : names) by_boot[name.first].push_back(sample_of(name));
  for (const auto& [boot, samples] : by_boot) {
    const auto done = store.append({.device = "meter",
                                    .boot = boot,
                                    .period = period,
                                    .chips = 1,
                                    .booted_at = booted_at(boot)},
                                   samples);
    if (!done) return std::unexpected(done.error());
  }
  return store.commit();
}

// Some time later each hour is packed, a piece of work at a time.
std::expected<void, StoreError> tidy(SqliteStore& store, int minutes) {
  const auto done = store.tidy(midnight + 48h + std::chrono::minutes(minutes));
  if (!done) return std::unexpected(done.error());
  return {};
}

// What meters send: mostly what comes next, sometimes again or late, sometimes of a new boot.
class Meters {
 public:
  explicit Meters(std::uint64_t seed) : random_(seed) {}

  std::vector<Name> send() {
    if (draw(12) == 0) ++boot_;
    auto& next = next_[boot_];
    if (draw(10) == 0) next += 4;
    std::vector<Name> names;
    for (auto count = 1 + draw(5); count > 0; --count) names.emplace_back(boot_, next++);
    if (draw(4) == 0) {
      const auto number = draw(100);  // By itself, as arguments are drawn in no certain order.
      names.emplace_back(draw(boot_ + 1), number);
    }
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

 private:
  std::mt19937_64 random_;
  std::uint64_t boot_ = 0;
  std::map<std::uint64_t, std::uint64_t> next_;
};

// Cleans its log up after a few pages, so that a short life has all there is.
void clean_up_often(SqliteStore& store) {
  ASSERT_EQ(store.database().execute("PRAGMA wal_autocheckpoint = 12"), SQLITE_OK);
}

// ---- Power cuts --------------------------------------------------------------------------------

class PowerCuts {
 public:
  explicit PowerCuts(std::uint64_t seed) : meters_(seed) {
    disk_.before_sync = [this] {
      for (const auto cut : power_cuts) {
        if (!testing::Test::HasFailure()) try_cut(cut);
      }
    };
  }

  void live(int commits) {
    SqliteStore store(disk_, folder);
    clean_up_often(store);
    for (int i = 0; i < commits && !testing::Test::HasFailure(); ++i) {
      under_way_ = meters_.send();
      ASSERT_TRUE(store_all(store, under_way_));
      acknowledged_ = with(acknowledged_, under_way_);
      under_way_.clear();
      if (i % 3 == 2) {
        ASSERT_TRUE(tidy(store, i));
      }
    }
    EXPECT_EQ(content_of(store), acknowledged_);
  }

  unsigned images() const { return images_; }

 private:
  // After it, all that was acknowledged is there, and of what was under way all or nothing.
  // Recovery may be cut off too, and so may be what comes after.
  void try_cut(PowerCut cut) {
    const auto seed = std::uint64_t{images_} * 7;
    SCOPED_TRACE(testing::Message() << "image " << images_);
    ++images_;
    const auto image = disk_.crash_image(seed, cut);
    SqliteStore first(*image, folder);
    const auto content = content_of(first);
    EXPECT_THAT(content, testing::AnyOf(acknowledged_, with(acknowledged_, under_way_)));

    const auto again = image->crash_image(seed + 1, PowerCut::reordered);
    SqliteStore second(*again, folder);
    EXPECT_EQ(content_of(second), content);
    const std::vector<Name> more = {{20, 1}, {20, 2}, {20, 70}};
    ASSERT_TRUE(store_all(second, more));

    const auto last = again->crash_image(seed + 2, power_cuts[seed % power_cuts.size()]);
    SqliteStore third(*last, folder);
    EXPECT_EQ(content_of(third), with(content, more));
  }

  SimulatedDisk disk_;
  Meters meters_;
  Content acknowledged_;
  std::vector<Name> under_way_;
  unsigned images_ = 0;
};

TEST(StoreCrash, APowerCutAtAnySyncLosesNothingThatWasAcknowledged) {
  const auto wanted = number_from("LENZ_CRASH_IMAGES", 2000);
  auto seed = number_from("LENZ_CRASH_SEED", 1);
  unsigned images = 0;
  for (; images < wanted && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "again with LENZ_CRASH_IMAGES=1 LENZ_CRASH_SEED=" << seed);
    PowerCuts world(seed);
    ASSERT_NO_FATAL_FAILURE(world.live(30));
    images += world.images();
  }
  RecordProperty("images", static_cast<int>(images));
}

// ---- Errors ------------------------------------------------------------------------------------

// A life of a few commits in which one call fails, or all from one on. True: the fault came.
bool live_with_fault(std::uint64_t call, FileError error, Failing failing) {
  SimulatedDisk disk;
  Meters meters(7);
  Content acknowledged;
  disk.fail_after(call, error, failing);
  std::optional<SqliteStore> store;
  const auto open = [&] {
    try {
      store.emplace(disk, folder);
      clean_up_often(*store);
      return true;
    } catch (const std::runtime_error& refused) {
      EXPECT_THAT(refused.what(), testing::Not(testing::HasSubstr("BUG")));
      return false;
    }
  };
  if (!open()) {
    disk.heal();
    EXPECT_TRUE(open());
  }
  for (int i = 0; i < 6 && store; ++i) {
    const auto names = meters.send();
    if (!store_all(*store, names)) {
      // It stays open, and answers as soon as the disk does.
      disk.heal();
      EXPECT_EQ(content_of(*store), acknowledged);
      EXPECT_TRUE(store_all(*store, names));
    }
    acknowledged = with(acknowledged, names);
    if (i % 2 == 1 && !tidy(*store, i)) {
      disk.heal();
      EXPECT_EQ(content_of(*store), acknowledged);
      EXPECT_TRUE(tidy(*store, i));
    }
  }
  const bool has_come = disk.calls() > call;
  disk.heal();
  const auto image = disk.crash_image(call, PowerCut::dropped);
  SqliteStore other(*image, folder);
  EXPECT_EQ(content_of(other), acknowledged);
  return has_come;
}

TEST(StoreCrash, AnErrorAtAnyCallIsToldAndLosesNothingThatWasAcknowledged) {
  for (const auto failing : {Failing::once, Failing::always}) {
    for (const auto error : {FileError::unavailable, FileError::full}) {
      std::uint64_t call = 0;
      for (; !HasFailure(); ++call) {
        SCOPED_TRACE(testing::Message() << "call " << call << ", failing "
                                        << (failing == Failing::once ? "once" : "always"));
        if (!live_with_fault(call, error, failing)) break;
      }
      EXPECT_GT(call, 100u) << "calls that failed";
    }
  }
}

TEST(StoreCrash, AFullDiskIsToldAndWithRoomTheStoreGoesOn) {
  int refused = 0;
  constexpr std::uint64_t plenty = 10'000'000;
  for (std::uint64_t left = 0; left < 60'000; left = left * 6 / 5 + 20) {
    SCOPED_TRACE(testing::Message() << left << " bytes are left");
    SimulatedDisk disk;
    Meters meters(7);
    Content acknowledged;
    SqliteStore store(disk, folder);
    disk.set_capacity(plenty);
    disk.set_capacity(plenty - *disk.room(folder) + left);
    for (int i = 0; i < 25; ++i) {
      const auto names = meters.send();
      if (const auto done = store_all(store, names); !done) {
        ++refused;
        EXPECT_EQ(done.error(), StoreError::full);
        EXPECT_EQ(content_of(store), acknowledged) << "it can still be read";
        disk.set_capacity(plenty);
        ASSERT_TRUE(store_all(store, names));
      }
      acknowledged = with(acknowledged, names);
      if (i % 3 == 2 && !tidy(store, i)) {
        ++refused;
        EXPECT_EQ(content_of(store), acknowledged);
        disk.set_capacity(plenty);
        EXPECT_TRUE(tidy(store, i));
      }
    }
    const auto image = disk.crash_image(left, PowerCut::dropped);
    image->set_capacity(plenty);
    SqliteStore other(*image, folder);
    EXPECT_EQ(content_of(other), acknowledged);
  }
  EXPECT_GT(refused, 20);
}

// ---- Damage ------------------------------------------------------------------------------------

using Bytes = std::vector<std::uint8_t>;

// A store that was closed, as one file.
Bytes closed_store() {
  SimulatedDisk disk;
  Meters meters(11);
  {
    SqliteStore store(disk, folder);
    for (int i = 0; i < 60; ++i) EXPECT_TRUE(store_all(store, meters.send()));
  }
  const auto file = disk.open(folder + "/lenz.db", How::read).value();
  Bytes bytes(file->size().value());
  EXPECT_EQ(file->read(0, bytes), bytes.size());
  return bytes;
}

// A bit, a sector, a lost end, two blocks in each other's place, or something behind the end.
const char* damage(Bytes& bytes, std::mt19937_64& random) {
  const auto draw = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  const auto at = [&](std::size_t offset) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(offset);
  };
  switch (draw(5)) {
    case 0:
      bytes[draw(bytes.size())] ^= static_cast<std::uint8_t>(1u << draw(8));
      return "a bit";
    case 1: {
      const auto sector = draw(bytes.size() / 512) * 512;
      std::fill(at(sector), at(sector + 512), std::uint8_t{0});
      return "a sector of zeros";
    }
    case 2:
      bytes.resize(draw(bytes.size()));
      return "a lost end";
    case 3: {
      const auto one = draw(bytes.size() / 4096) * 4096, other = draw(bytes.size() / 4096) * 4096;
      if (one != other) std::swap_ranges(at(one), at(one + 4096), at(other));
      return "swapped blocks";
    }
    default:
      for (auto left = 1 + draw(5000); left > 0; --left) {
        bytes.push_back(static_cast<std::uint8_t>(random()));
      }
      return "garbage behind the end";
  }
}

// What a store shows: samples and the minutes' means, of which each may be missing.
struct Shown {
  Content samples;
  std::vector<float> means;
  bool has_refused = false;
};

Shown shown_by(const Bytes& bytes) {
  SimulatedDisk disk;
  EXPECT_TRUE(disk.make_folder(folder));
  EXPECT_TRUE(disk.open(folder + "/lenz.db", How::create).value()->write(0, bytes));
  Shown shown;
  try {
    SqliteStore store(disk, folder);
    // Minute by minute, as one that is damaged hides no other.
    for (auto minute = whole_day.begin; minute < whole_day.end; minute += 1min) {
      const TimeRange range{minute, minute + 1min};
      const auto kept = store.samples("meter", range);
      const auto points = store.read({"meter", Quantity::voltage, 0}, range, 1min);
      shown.has_refused |= !kept || !points;
      shown.means.push_back(points ? points->mean[0] : std::nanf(""));
      if (!kept) continue;
      for (const auto& [boot, stream, time, sample] : *kept) {
        const Name name{boot, sample.number};
        EXPECT_EQ(sample, sample_of(name));
        EXPECT_EQ(time, booted_at(boot) + sample.uptime);
        EXPECT_EQ(++shown.samples[name], 1);
      }
    }
  } catch (const std::runtime_error& refused) {
    EXPECT_THAT(refused.what(), testing::HasSubstr("backup"));
    shown.has_refused = true;
  }
  return shown;
}

TEST(StoreCrash, ADamagedFileNeverShowsAValueThatWasNotMeasured) {
  const auto whole = closed_store();
  const auto truth = shown_by(whole);
  ASSERT_FALSE(truth.has_refused);
  const auto seed = number_from("LENZ_CRASH_SEED", 1);
  const auto damages = number_from("LENZ_CRASH_DAMAGES", 300);
  unsigned refused = 0, with_others = 0;
  for (unsigned n = 0; n < damages && !HasFailure(); ++n) {
    std::mt19937_64 random(seed * 1'000'003 + n);
    auto bytes = whole;
    const std::string what = damage(bytes, random);
    SCOPED_TRACE(testing::Message() << what << ", seed " << seed << ", damage " << n);

    const auto shown = shown_by(bytes);

    for (const auto& [name, count] : shown.samples) EXPECT_TRUE(truth.samples.contains(name));
    for (std::size_t m = 0; m < shown.means.size(); ++m) {
      const float mean = shown.means[m];
      EXPECT_TRUE(std::isnan(mean) || mean == truth.means[m]) << "minute " << m << ": " << mean;
    }
    refused += shown.has_refused;
    with_others += shown.has_refused && !shown.samples.empty();
  }
  EXPECT_GT(with_others, 0u);
  std::printf("%u damages: %u told, in %u of them other minutes were shown\n", damages, refused,
              with_others);
}

}  // namespace
}  // namespace hub
