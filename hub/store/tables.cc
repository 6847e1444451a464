#include "hub/store/tables.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstdint>
#include <stdexcept>

namespace hub {
namespace {

constexpr std::int64_t format_version = 4;

constexpr const char* schema = R"(
BEGIN;
CREATE TABLE device (name TEXT PRIMARY KEY, reports INTEGER, duplicate INTEGER) WITHOUT ROWID;
CREATE TABLE boot (id INTEGER PRIMARY KEY, device TEXT, boot INTEGER, stream INTEGER,
                   booted_at INTEGER, period INTEGER, lost INTEGER, UNIQUE (device, boot, stream));
CREATE TABLE run (boot_id INTEGER, begin INTEGER, end INTEGER, first_time INTEGER,
                  last_time INTEGER, PRIMARY KEY (boot_id, begin)) WITHOUT ROWID;
CREATE TABLE block (row INTEGER PRIMARY KEY, absent INTEGER, value BLOB);
CREATE INDEX block_with_absences ON block (row) WHERE absent <> 0;
CREATE TABLE damaged (row INTEGER, value BLOB);
CREATE TABLE unsummarised (row INTEGER PRIMARY KEY);
CREATE TABLE summary (row INTEGER, series INTEGER, value BLOB, PRIMARY KEY (row, series))
  WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
)";

// From version 1, which every new file goes through as well: which minutes changed last, and what a
// device could not do itself.
constexpr const char* second_version = R"(
BEGIN;
CREATE TABLE change (row INTEGER PRIMARY KEY, revision INTEGER);
CREATE UNIQUE INDEX change_by_revision ON change (revision);
INSERT INTO change SELECT row, row_number() OVER (ORDER BY row & 0xFFFFFFFF, row) FROM block;
ALTER TABLE boot ADD COLUMN timed_on_arrival INTEGER NOT NULL DEFAULT 0;
ALTER TABLE boot ADD COLUMN integrated INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 2;
COMMIT;
)";

// From version 2: hours that are packed in segment files.
constexpr const char* third_version = R"(
BEGIN;
CREATE TABLE segment (number INTEGER PRIMARY KEY, level INTEGER, bytes INTEGER);
CREATE TABLE packed (row INTEGER PRIMARY KEY, segment INTEGER);
CREATE INDEX packed_by_segment ON packed (segment);
CREATE INDEX block_unpacked ON block (row) WHERE value IS NOT NULL;
CREATE TABLE log (number INTEGER);
INSERT INTO log VALUES (1);
PRAGMA user_version = 3;
COMMIT;
)";

// From version 3: minutes are summarised from what they summarise, and the log holds an hour. A
// restart gives revisions beyond those that it may have given out before. Rows that were written
// before have no seal.
constexpr const char* fourth_version = R"(
BEGIN;
DROP TABLE summary;
DROP TABLE unsummarised;
ALTER TABLE log ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE boot ADD COLUMN seal INTEGER;
ALTER TABLE run ADD COLUMN seal INTEGER;
CREATE TABLE composite (number INTEGER PRIMARY KEY, channels TEXT UNIQUE);
ALTER TABLE packed ADD COLUMN detail INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 4;
COMMIT;
)";

// 8 MiB of pages hold a month of a few series. The log is cut back to 16 MiB once it is empty.
constexpr const char* limits = "PRAGMA cache_size = -8192; PRAGMA journal_size_limit = 16777216";

}  // namespace

Database open_tables(Files& files, const std::string& folder, Database::Use use) {
  // Where this fails, opening the file says so.
  static_cast<void>(files.make_folder(folder));
  const std::string file = folder + "/lenz.db";
  Database database(files, file, use);
  auto version_of_file = database.prepare("PRAGMA user_version");
  version_of_file.step();
  const auto version = version_of_file.integer(0);
  version_of_file.reset();
  if (version > format_version) {
    throw std::runtime_error(fmt::format(
        "The database {} was written by a later Lenz (format {}, this one knows {}): update Lenz, "
        "or restore a backup of before.",
        file, version, format_version));
  }
  if ((version < 1 && database.execute("PRAGMA auto_vacuum = INCREMENTAL") != SQLITE_OK) ||
      (version < 1 && database.execute(schema) != SQLITE_OK) ||
      (version < 2 && database.execute(second_version) != SQLITE_OK) ||
      (version < 3 && database.execute(third_version) != SQLITE_OK) ||
      (version < 4 && database.execute(fourth_version) != SQLITE_OK) ||
      (use == Database::Use::write && database.execute("PRAGMA incremental_vacuum") != SQLITE_OK) ||
      database.execute(limits) != SQLITE_OK) {
    throw std::runtime_error(fmt::format(
        "The database {} cannot be set up ({}): check that its disk has room and that the file is "
        "Lenz's own, or restore it from a backup.",
        file, database.message()));
  }
  return database;
}

}  // namespace hub
