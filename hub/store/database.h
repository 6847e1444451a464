// SQLite in the few words this project needs: values own their statement and
// every call answers with SQLite's own result code.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "hub/store/sqlite_vfs.h"
#include "hub/store/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hub {

StoreError error_of(int code);  // Of a result that is not SQLITE_OK.

class Statement {
 public:
  Statement() = default;
  Statement(Statement&&) = default;
  Statement& operator=(Statement&&) = default;

  // Parameters count from 1. Text and blobs are copied.
  Statement& bind(int index, std::int64_t);
  Statement& bind(int index, std::string_view);
  Statement& bind(int index, std::span<const std::uint8_t>);

  int step();  // SQLITE_ROW, SQLITE_DONE or an error.
  int run();   // Steps to the end and resets: SQLITE_OK or an error.
  void reset();

  // Columns count from 0; text and blobs live until the next step or reset.
  std::int64_t integer(int column);
  std::string_view text(int column);
  std::span<const std::uint8_t> blob(int column);

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt*) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// A book keeps what cannot be read out of the store again.
struct BookPlan {
  const char* schema;  // Sets user_version to 1, that of all books.
  const char* name;    // "book of findings"
  const char* loss;    // "what is usual is learnt anew": what happens without it.
};

// Outlives its statements; Files outlive it.
class Database {
 public:
  enum class Use : std::uint8_t {
    write,  // Opens or creates.
    read,   // Beside one who writes, whom it never keeps waiting; the file exists.
  };

  // In WAL mode with synchronous=FULL, so that a commit is on the disk when it returns. Throws
  // std::runtime_error with one sentence that names the file and the remedy.
  Database(Files&, const std::string& file, Use = Use::write);

  // Throws the same where it is of a later Lenz or the schema does not fit.
  static Database open_book(Files&, const std::string& file, const BookPlan&);

  Statement prepare(std::string_view sql);  // Throws where `sql` does not fit the tables.
  int execute(const char* sql);             // SQLITE_OK or an error.
  std::string message() const;

  // Copies all that this one's transaction sees, which must have been begun, into a new file, which
  // is not synced. A piece at a time, each followed by `after`; no one who writes waits meanwhile.
  // SQLITE_OK or an error.
  int copy_to(const std::string& file, const std::function<void()>& after);
  sqlite3* raw() { return database_.get(); }

 private:
  struct Close {
    void operator()(sqlite3*) const;
  };
  std::unique_ptr<SqliteVfs> vfs_;
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace hub
