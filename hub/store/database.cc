#include "hub/store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cassert>
#include <stdexcept>

namespace hub {

StoreError error_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return StoreError::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return StoreError::corrupted;
    default:
      return StoreError::unavailable;
  }
}

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
  return *this;
}
Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text(statement_.get(), index, text.data(), static_cast<int>(text.size()),
                    SQLITE_TRANSIENT);
  return *this;
}
Statement& Statement::bind(int index, std::span<const std::uint8_t> bytes) {
  sqlite3_bind_blob(statement_.get(), index, bytes.data(), static_cast<int>(bytes.size()),
                    SQLITE_TRANSIENT);
  return *this;
}

int Statement::step() { return sqlite3_step(statement_.get()); }

int Statement::run() {
  int code = step();
  while (code == SQLITE_ROW) code = step();
  reset();
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::integer(int column) {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::span<const std::uint8_t> Statement::blob(int column) {
  const auto* bytes =
      static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Database::Database(Files& files, const std::string& file, Use use)
    : vfs_(std::make_unique<SqliteVfs>(files)) {
  sqlite3* opened = nullptr;
  const bool may_create = use == Use::write;
  const int code =
      sqlite3_open_v2(file.c_str(), &opened,
                      SQLITE_OPEN_READWRITE | (may_create ? SQLITE_OPEN_CREATE : 0), vfs_->name());
  database_.reset(opened);
  if (code == SQLITE_OK) {
    sqlite3_busy_timeout(opened, 2000);
    if (use == Use::read) {
      // A checkpoint, which the last one to close would make too, takes the writer's lock.
      sqlite3_db_config(opened, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
      if (execute("PRAGMA query_only=ON; SELECT count(*) FROM sqlite_schema") == SQLITE_OK) return;
    } else if (execute(
                   // What is read from here on has been on the disk: see write_again() in
                   // sqlite_vfs.cc.
                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                   "PRAGMA wal_checkpoint(FULL)") == SQLITE_OK) {
      return;
    }
  }
  throw std::runtime_error(fmt::format(
      "The database {} does not open ({}): check that its folder exists, can be written and has "
      "room, or restore it from a backup.",
      file, message()));
}

Database Database::open_book(Files& files, const std::string& file, const BookPlan& plan) {
  Database database(files, file);
  auto version = database.prepare("PRAGMA user_version");
  const bool is_read = version.step() == SQLITE_ROW;
  const bool is_known = is_read && version.integer(0) <= 1;
  version.reset();
  if (!is_known || database.execute(plan.schema) != SQLITE_OK) {
    throw std::runtime_error(fmt::format(
        "The {} {} cannot be used ({}): restore it from a backup, or remove it; then {}.",
        plan.name, file, is_read && !is_known ? "it is of a later Lenz" : database.message(),
        plan.loss));
  }
  return database;
}

Statement Database::prepare(std::string_view sql) {
  Statement prepared;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK) {
    throw std::runtime_error(fmt::format(
        "The database does not take \"{}\" ({}): it is damaged, restore it from a backup; or this "
        "is a BUG.",
        sql, message()));
  }
  prepared.statement_.reset(statement);
  return prepared;
}

int Database::execute(const char* sql) {
  return sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
}

int Database::copy_to(const std::string& file, const std::function<void()>& after) {
  constexpr int pages_at_once = 256;
  assert(sqlite3_get_autocommit(database_.get()) == 0 && "BUG: what is copied changes meanwhile");
  sqlite3* opened = nullptr;
  int code = sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                             vfs_->name());
  const std::unique_ptr<sqlite3, Close> copy(opened);
  if (code != SQLITE_OK) return code;
  // Whoever finds half of it has to begin again anyway.
  code = sqlite3_exec(opened, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", nullptr, nullptr,
                      nullptr);
  if (code != SQLITE_OK) return code;
  auto* backup = sqlite3_backup_init(opened, "main", database_.get(), "main");
  if (backup == nullptr) return sqlite3_errcode(opened);
  do {
    code = sqlite3_backup_step(backup, pages_at_once);
    if (code == SQLITE_OK) after();
  } while (code == SQLITE_OK);
  sqlite3_backup_finish(backup);
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

std::string Database::message() const { return sqlite3_errmsg(database_.get()); }

void Database::Close::operator()(sqlite3* database) const {
  const int code = sqlite3_close(database);
  assert(code == SQLITE_OK && "BUG: a statement outlives its database");
  static_cast<void>(code);
}

}  // namespace hub
