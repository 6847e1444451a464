#include "lenz/backups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <utility>

#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"
#include "hub/store/verify.h"
#include "lenz/folder_lock.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
constexpr auto period = 10s;

std::string content(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}
void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

// What the meter measured at each of its numbers.
Sample sample_of(std::uint64_t number) {
  Sample sample(1);
  sample.number = number;
  sample.uptime = static_cast<std::int64_t>(number) * period;
  sample.put_steps(Quantity::active_power, 0, static_cast<std::int64_t>(number * 7919 % 20'011));
  sample.put_steps(Quantity::imported, 0, static_cast<std::int64_t>(number) * 5);
  return sample;
}

void append(hub::Store& store, std::uint64_t begin, std::uint64_t end) {
  std::vector<Sample> samples;
  for (auto n = begin; n < end; ++n) samples.push_back(sample_of(n));
  if (!store.append(
          {.device = "attic", .boot = 1, .period = period, .chips = 1, .booted_at = midnight},
          samples) ||
      !store.commit()) {
    throw std::runtime_error("The test's store takes nothing.");
  }
}

// A process of our own, which ends with this value.
class Forked {
 public:
  explicit Forked(const std::function<void()>& work) : pid_(::fork()) {
    if (pid_ != 0) return;
    try {
      work();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  ~Forked() { end(SIGKILL); }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;

  void wait() { end(0); }

 private:
  void end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  pid_t pid_;
};

class BackupsTest : public testing::Test {
 protected:
  // Three hours, two of them packed, and what else a hub keeps.
  void fill() {
    {
      hub::SqliteStore store(disk, data);
      append(store, 0, 3 * 360);
      while (!store.tidy(midnight + 4h + 30min).value()) {
      }
    }
    write(data + "/home.toml", "id = \"maple\"\n");
    write(data + "/secrets/attic.password", "correct horse\n");
    write(data + "/secrets/empty", "");
    write(data + "/undo/one.json", "{}");
    write(data + "/broker", "127.0.0.1:1\n");  // Of the running hub only.
  }

  TakenBackup take(Timestamp now = midnight + 5h) {
    return take_backup(disk, data, backups, now, [](double) {});
  }
  Manifest restore(const std::string& backup, const std::string& to) {
    return restore_backup(disk, backup, to, [](double) {});
  }
  std::string complaint(const std::string& backup, const std::string& to) {
    try {
      restore(backup, to);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder;
  hub::Disk disk;
  const std::string data = folder.path() + "/data", backups = folder.path() + "/backups",
                    restored = folder.path() + "/restored";
};

TEST_F(BackupsTest, WhatIsRestoredIsWhatTheHubHad) {
  fill();

  const auto taken = take();
  EXPECT_EQ(taken.folder, backups + "/lenz-20260301-050000");
  restore(taken.folder, restored);

  for (const char* name : {"home.toml", "secrets/attic.password", "secrets/empty", "undo/one.json",
                           "segment-1", "segment-2"}) {
    EXPECT_EQ(content(restored + "/" + name), content(data + "/" + name)) << name;
  }
  EXPECT_FALSE(fs::exists(restored + "/broker"));
  struct stat secret {};
  ASSERT_EQ(::stat((restored + "/secrets/attic.password").c_str(), &secret), 0);
  EXPECT_EQ(secret.st_mode & 0777, 0600u);
  hub::SqliteStore store(disk, restored);
  const auto kept = store.samples("attic", {midnight, midnight + 24h});
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 3u * 360);
  for (std::uint64_t n = 0; n < kept->size(); ++n) EXPECT_EQ((*kept)[n].sample, sample_of(n));
}

TEST_F(BackupsTest, ABackupBesideAHubThatWritesIsEverythingUpToItsCut) {
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  fs::create_directories(data);
  const Forked writer([&] {
    hub::Disk own;
    const FolderLock lock(data);  // As a hub has it.
    hub::SqliteStore store(own, data);
    for (std::uint64_t n = 0;; n += 90) {
      append(store, n, n + 90);
      const auto now = midnight + static_cast<std::int64_t>(n) * period;
      for (int steps = 0; steps < 6; ++steps) static_cast<void>(store.tidy(now));
      if (n % 9000 == 0 && ::write(told[1], "x", 1) != 1) return;
    }
  });
  std::uint64_t samples = 0;

  for (int i = 0; i < 4; ++i) {
    char more = 0;
    ASSERT_EQ(::read(told[0], &more, 1), 1);  // A day later.
    const auto taken = take(midnight + 24h * 365 + i * 1s);
    const auto to = restored + std::to_string(i);
    restore(taken.folder, to);

    EXPECT_EQ(hub::verify_store(
                  disk, to, [](const auto&) {}, [](double) {})
                  .damaged,
              0u);
    hub::SqliteStore store(disk, to);
    const auto kept = store.samples("attic", {midnight, midnight + 24h * 365});
    ASSERT_TRUE(kept);
    ASSERT_TRUE(taken.manifest.cut);
    // Numbers from 0 on, without a hole, to the cut.
    ASSERT_EQ(kept->size(),
              static_cast<std::size_t>((*taken.manifest.cut - midnight) / period) + 1);
    for (std::uint64_t n = 0; n < kept->size(); ++n) ASSERT_EQ((*kept)[n].sample, sample_of(n));
    EXPECT_GE(kept->size(), samples);
    samples = kept->size();
  }

  ::close(told[0]);
  ::close(told[1]);
  EXPECT_GT(samples, 9000u);
}

TEST_F(BackupsTest, AMeterIsAskedForWhatCameAfterTheCut) {
  fill();
  const auto taken = take();
  {
    hub::SqliteStore store(disk, data);
    append(store, 3 * 360, 4 * 360);
  }
  restore(taken.folder, restored);

  hub::SqliteStore store(disk, restored);

  const auto named = store.stored("attic", 10);
  ASSERT_TRUE(named);
  EXPECT_THAT(*named, ElementsAre(measurement::StoredRange{.boot = 1, .begin = 0, .end = 3 * 360}));
  append(store, 3 * 360 - 10, 4 * 360);  // It sends again, and somewhat more.
  EXPECT_EQ(store.samples("attic", {midnight, midnight + 24h})->size(), 4u * 360);
}

TEST_F(BackupsTest, WhatAHubThatWasKilledHadAcknowledgedIsInTheBackup) {
  Forked hub([&] {
    hub::Disk own;
    hub::SqliteStore store(own, data);
    append(store, 0, 1);
    append(store, 1, 3);  // In the log only.
    ::_exit(0);
  });
  hub.wait();

  const auto taken = take();

  EXPECT_EQ(taken.manifest.cut, midnight + 2 * period);
}

TEST_F(BackupsTest, AFlippedBitInAnyFileOfABackupIsFoundBeforeAnythingIsWritten) {
  fill();
  const auto taken = take();
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(taken.folder)) {
    if (!entry.is_regular_file() || entry.file_size() == 0) continue;
    ++files;
    const auto whole = content(entry.path());
    for (const auto place : {std::size_t{0}, whole.size() / 2, whole.size() - 1}) {
      auto flipped = whole;
      flipped[place] = static_cast<char>(flipped[place] ^ 4);
      write(entry.path(), flipped);

      EXPECT_THAT(complaint(taken.folder, restored), HasSubstr(entry.path().string()));

      EXPECT_FALSE(fs::exists(restored));
    }
    write(entry.path(), whole);
  }
  EXPECT_EQ(files, 9u);  // All but the empty secret.
  EXPECT_EQ(complaint(taken.folder, restored), "");
}

TEST_F(BackupsTest, AFileThatIsMissingIsNamed) {
  fill();
  const auto taken = take();
  fs::remove(taken.folder + "/segment-2");
  EXPECT_THAT(complaint(taken.folder, restored), HasSubstr("segment-2 is not there"));
  fs::remove(taken.folder + "/manifest");
  EXPECT_THAT(complaint(taken.folder, restored), HasSubstr("no complete backup"));
}

TEST_F(BackupsTest, AFolderThatHoldsSomethingIsNeverRestoredInto) {
  fill();
  const auto taken = take();
  EXPECT_THAT(complaint(taken.folder, data), HasSubstr("not empty"));
  fs::create_directories(restored);
  EXPECT_EQ(complaint(taken.folder, restored), "");
}

TEST_F(BackupsTest, OnlyOldBackupsAreRemoved) {
  fill();
  write(backups + "/lenz-2025.txt", "mine");
  write(backups + "/lenz-20250101-000000/notes", "no backup: it has no manifest");
  write(backups + "/.lenz-20250101-000001.part/lenz.db", "cut short");
  std::string last;
  for (int i = 0; i < 4; ++i) last = take(midnight + i * 24h).folder;

  remove_old_backups(backups, 2, last);

  std::vector<std::string> names = disk.list(backups).value();
  EXPECT_THAT(names, ElementsAre("lenz-2025.txt", "lenz-20250101-000000", "lenz-20260303-000000",
                                 "lenz-20260304-000000", "lock"));
  EXPECT_EQ(newest_backup(backups), midnight + 72h);
}

TEST_F(BackupsTest, TheOneJustMadeStaysWhateverTheClockSays) {
  fill();
  take(midnight);
  const auto last = take(midnight - 24h).folder;

  remove_old_backups(backups, 1, last);

  EXPECT_TRUE(fs::exists(last));
  EXPECT_EQ(newest_backup(backups), midnight - 24h);
}

TEST_F(BackupsTest, WhereNothingIsStoredNoBackupIsMade) {
  EXPECT_THROW(take(), std::runtime_error);
  EXPECT_EQ(newest_backup(backups), std::nullopt);
}

TEST_F(BackupsTest, ABackupThatCannotBeMadeLeavesNothing) {
  fill();
  write(data + "/secrets/two\nlines", "");
  EXPECT_THROW(take(), std::runtime_error);
  EXPECT_THAT(disk.list(backups).value(), ElementsAre("lock"));
}

// The hashes are those of `printf abc | b2sum -l 256` and of the lines before by the same.
constexpr const char* golden_manifest =
    "# lenz backup 1\n"
    "# cut 1772366400123\n"
    "# bytes 3\n"
    "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319  secrets/abc\n"
    "# end 0071976508dfaf6328820e3f68b6c68dcbbed7af8c34455579d5e1d20f177aef\n";

TEST(BackupManifest, VersionOneIsStillRead) {
  const auto manifest = parse_manifest(golden_manifest);
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->cut, Timestamp(1772366400123ms));
  EXPECT_EQ(manifest->bytes, 3u);
  ASSERT_EQ(manifest->files.size(), 1u);
  EXPECT_EQ(manifest->files[0].name, "secrets/abc");
  EXPECT_EQ(manifest_text(*manifest), golden_manifest);
}

TEST(BackupManifest, NoNameLeadsOutOfTheFolder) {
  for (const char* name : {"/etc/passwd", "../x", "secrets/../../x"}) {
    Manifest manifest;
    manifest.files = {{name, std::string(64, '0')}};
    EXPECT_FALSE(parse_manifest(manifest_text(manifest))) << name;
  }
}

}  // namespace
}  // namespace lenz
