// What other programs see of a database that is open here, and what we see of theirs.

#include "hub/store/sqlite_vfs.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "hub/files/disk.h"
#include "hub/store/database.h"

namespace hub {
namespace {

// A connection of SQLite's own, as any other program has it. Locks of ours exclude it in this
// process too: they belong to an open file, not to a process.
class Stranger {
 public:
  explicit Stranger(const std::string& file) {
    EXPECT_EQ(sqlite3_open_v2(file.c_str(), &database_, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
  }
  ~Stranger() { sqlite3_close(database_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  int execute(const char* sql) { return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr); }
  std::string text(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr), SQLITE_OK);
    std::string text;
    if (sqlite3_step(statement) == SQLITE_ROW) {
      text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    } else {
      text = sqlite3_errmsg(database_);
    }
    sqlite3_finalize(statement);
    return text;
  }

 private:
  sqlite3* database_ = nullptr;
};

std::string text(Database& database, const char* sql) {
  auto statement = database.prepare(sql);
  const int code = statement.step();
  const std::string found =
      code == SQLITE_ROW ? std::string(statement.text(0)) : sqlite3_errstr(code);
  statement.reset();
  return found;
}

class SqliteVfsTest : public testing::Test {
 protected:
  SqliteVfsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "lenz_vfs_XXXXXX").string();
    folder = mkdtemp(name.data());
    file = folder + "/some.db";
  }
  ~SqliteVfsTest() override { std::filesystem::remove_all(folder); }

  static constexpr const char* one_row =
      "CREATE TABLE seen (value INTEGER); INSERT INTO seen VALUES (1)";
  static constexpr const char* add = "INSERT INTO seen VALUES (1)";
  static constexpr const char* count = "SELECT count(*) FROM seen";
  bool has(const char* suffix) const { return std::filesystem::exists(file + suffix); }

  std::string folder, file;
  Disk disk;
};

TEST_F(SqliteVfsTest, OthersReadBesideUsWhatWasCommitted) {
  Database ours(disk, file);
  ASSERT_EQ(ours.execute(one_row), SQLITE_OK);
  Stranger theirs(file);

  EXPECT_EQ(theirs.text(count), "1");
  ASSERT_EQ(ours.execute("BEGIN IMMEDIATE"), SQLITE_OK);
  ASSERT_EQ(ours.execute(add), SQLITE_OK);
  EXPECT_EQ(theirs.text(count), "1") << "not yet committed";
  ASSERT_EQ(ours.execute("COMMIT"), SQLITE_OK);
  EXPECT_EQ(theirs.text(count), "2");
  EXPECT_EQ(theirs.text("PRAGMA integrity_check"), "ok");
}

TEST_F(SqliteVfsTest, OneWritesAtATimeAndNobodysWorkIsLost) {
  Database ours(disk, file), also_ours(disk, file);
  ASSERT_EQ(ours.execute(one_row), SQLITE_OK);
  Stranger theirs(file);
  sqlite3_busy_timeout(ours.raw(), 0);
  sqlite3_busy_timeout(also_ours.raw(), 0);

  ASSERT_EQ(theirs.execute("BEGIN IMMEDIATE"), SQLITE_OK);
  ASSERT_EQ(theirs.execute(add), SQLITE_OK);
  EXPECT_EQ(ours.execute(add), SQLITE_BUSY);
  ASSERT_EQ(theirs.execute("COMMIT"), SQLITE_OK);
  ASSERT_EQ(ours.execute("BEGIN IMMEDIATE"), SQLITE_OK);
  ASSERT_EQ(ours.execute(add), SQLITE_OK);
  EXPECT_EQ(theirs.execute(add), SQLITE_BUSY);
  EXPECT_EQ(also_ours.execute(add), SQLITE_BUSY);
  ASSERT_EQ(ours.execute("COMMIT"), SQLITE_OK);
  EXPECT_EQ(theirs.execute(add), SQLITE_OK);
  EXPECT_EQ(also_ours.execute(add), SQLITE_OK);

  EXPECT_EQ(text(ours, count), "5");
  EXPECT_EQ(theirs.text(count), "5");
  EXPECT_EQ(text(ours, "PRAGMA integrity_check"), "ok");
}

TEST_F(SqliteVfsTest, AReaderKeepsItsViewWhileTheOtherWritesAndCleansUp) {
  Database ours(disk, file);
  ASSERT_EQ(ours.execute(one_row), SQLITE_OK);
  Stranger theirs(file);
  for (int ours_reads = 0; ours_reads < 2; ++ours_reads) {
    const auto read = [&](const char* sql) {
      return ours_reads ? text(ours, sql) : theirs.text(sql);
    };
    const auto write = [&](const char* sql) {
      return ours_reads ? theirs.execute(sql) : ours.execute(sql);
    };
    if (ours_reads) {
      ASSERT_EQ(ours.execute("BEGIN"), SQLITE_OK);
    } else {
      ASSERT_EQ(theirs.execute("BEGIN"), SQLITE_OK);
    }
    const auto before = read(count);

    ASSERT_EQ(write(add), SQLITE_OK);
    ASSERT_EQ(write("PRAGMA wal_checkpoint(PASSIVE)"), SQLITE_OK);
    ASSERT_EQ(write(add), SQLITE_OK);

    EXPECT_EQ(read(count), before);
    ASSERT_EQ(ours_reads ? ours.execute("COMMIT") : theirs.execute("COMMIT"), SQLITE_OK);
    EXPECT_EQ(read(count), std::to_string(std::stoi(before) + 2));
  }
}

TEST_F(SqliteVfsTest, WhoClosesLastCleansUpAndNobodyBefore) {
  {
    std::optional<Stranger> theirs;
    {
      Database ours(disk, file);
      ASSERT_EQ(ours.execute(one_row), SQLITE_OK);
      theirs.emplace(file);
      EXPECT_EQ(theirs->text(count), "1");
    }
    EXPECT_TRUE(has("-wal"));
    EXPECT_TRUE(has("-shm"));
    Database ours(disk, file);
    theirs.reset();
    EXPECT_EQ(text(ours, count), "1");
    EXPECT_TRUE(has("-wal"));
  }
  EXPECT_FALSE(has("-wal"));
  EXPECT_FALSE(has("-shm"));
}

// What a killed process of either kind leaves is recovered by either kind.
TEST_F(SqliteVfsTest, TheLogOfAKilledProgramIsReadByWhoComesNext) {
  for (int ours_is_killed = 0; ours_is_killed < 2; ++ours_is_killed) {
    std::filesystem::remove(file);
    const pid_t child = fork();
    if (child == 0) {
      Database ours(disk, file);
      if (ours.execute(one_row) != SQLITE_OK) _exit(1);
      Stranger theirs(file);
      if (!ours_is_killed && theirs.execute(add) != SQLITE_OK) _exit(1);
      if (ours_is_killed && ours.execute(add) != SQLITE_OK) _exit(1);
      _exit(0);  // Nothing is closed.
    }
    int status = 1;
    waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    ASSERT_TRUE(has("-wal"));

    if (ours_is_killed) {
      EXPECT_EQ(Stranger(file).text(count), "2");
    } else {
      Database ours(disk, file);
      EXPECT_EQ(text(ours, count), "2");
    }
  }
}

// Two processes, each by its own way to the disk, add to the same counter.
TEST_F(SqliteVfsTest, TwoProgramsAddToOneCounterAndEveryStepCounts) {
  constexpr int steps = 200;
  constexpr const char* step = "UPDATE seen SET value = value + 1";
  { ASSERT_EQ(Database(disk, file).execute(one_row), SQLITE_OK); }
  const pid_t child = fork();
  if (child == 0) {
    Stranger theirs(file);
    int done = 0;
    while (done < steps) {
      const int code = theirs.execute(step);
      if (code != SQLITE_OK && code != SQLITE_BUSY) _exit(1);
      done += code == SQLITE_OK;
    }
    _exit(0);
  }
  {
    Database ours(disk, file);
    ASSERT_EQ(ours.execute("PRAGMA wal_autocheckpoint = 3"), SQLITE_OK);
    for (int done = 0; done < steps;) {
      const int code = ours.execute(step);
      ASSERT_TRUE(code == SQLITE_OK || code == SQLITE_BUSY) << ours.message();
      done += code == SQLITE_OK;
    }
  }
  int status = 1;
  waitpid(child, &status, 0);

  EXPECT_EQ(status, 0);
  Database ours(disk, file);
  EXPECT_EQ(text(ours, "SELECT value FROM seen"), "401");
  EXPECT_EQ(text(ours, "PRAGMA integrity_check"), "ok");
}

// The other program's log would lie beside the link, and ours beside the file.
TEST_F(SqliteVfsTest, ALinkToADatabaseIsThatDatabase) {
  Database ours(disk, file);
  ASSERT_EQ(ours.execute(one_row), SQLITE_OK);
  std::filesystem::create_symlink(file, folder + "/link.db");

  Database linked(disk, folder + "/link.db");

  ASSERT_EQ(linked.execute(add), SQLITE_OK);
  EXPECT_EQ(text(ours, count), "2");
  EXPECT_FALSE(std::filesystem::exists(folder + "/link.db-wal"));
}

// An unfinished change from before the write-ahead log, as a copy taken at the wrong moment has it.
TEST_F(SqliteVfsTest, AnUnfinishedChangeIsRolledBack) {
  sqlite3* old = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &old), SQLITE_OK);
  const auto execute = [&](const char* sql) {
    return sqlite3_exec(old, sql, nullptr, nullptr, nullptr);
  };
  ASSERT_EQ(execute(one_row), SQLITE_OK);
  // More than its cache holds, so that some of it is in the file already.
  ASSERT_EQ(execute("PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE seen SET value = 2;"
                    "CREATE TABLE filler (bytes BLOB);"
                    "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
                    "INSERT INTO filler SELECT randomblob(3000) FROM n"),
            SQLITE_OK);
  const auto copy = folder + "/copy.db";
  std::filesystem::copy_file(file, copy);
  std::filesystem::copy_file(file + "-journal", copy + "-journal");
  sqlite3_close(old);

  Database ours(disk, copy);

  EXPECT_EQ(text(ours, "SELECT sum(value) FROM seen"), "1");
  EXPECT_EQ(text(ours, "PRAGMA integrity_check"), "ok");
  EXPECT_FALSE(std::filesystem::exists(copy + "-journal"));
}

}  // namespace
}  // namespace hub
