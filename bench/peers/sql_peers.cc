// PostgreSQL, and SQLite in this process. Both keep a row for each clamp and second.

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "bench/peers/process.h"
#include "bench/peers/system.h"
#include "bench/peers/wire.h"
#include "lenz/child.h"

namespace bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Postgresql final : public System {
 public:
  std::string name() const override { return "postgresql"; }

  std::optional<std::string> absent() const override {
    if (lenz::find_program(programs + "postgres").empty()) {
      return "there is no PostgreSQL 15: apt-get install postgresql-15";
    }
    return std::nullopt;
  }

  void begin(const std::string& folder) override {
    folder_ = folder;
    fs::create_directories(folder_);
    if (const passwd* account = ::geteuid() == 0 ? ::getpwnam(user) : nullptr) {
      if (::chown(folder_.c_str(), account->pw_uid, account->pw_gid) != 0) {
        throw std::runtime_error(fmt::format("{} cannot be given to {}", folder_, user));
      }
    }
    lenz::Child made({programs + "initdb", "-D", data(), "-U", user, "-A", "trust"},
                     {.user = user, .quiet = true, .quiet_output = true});
    if (made.wait() != 0) {
      throw std::runtime_error(fmt::format(
          "initdb makes nothing in {}: is each folder above it open to {}?", folder_, user));
    }
    port_ = free_port();
    start();
    sql_->query(
        "CREATE TABLE samples(home smallint, clamp smallint, second int, p real, q real, v real, "
        "i real, PRIMARY KEY(home, clamp, second))");
    empty_bytes_ = 0;
    empty_bytes_ = bytes();
  }

  void write(std::span<const Row> rows) override {
    text_.clear();
    for (const auto& [home, clamp, second, point] : rows) {
      fmt::format_to(std::back_inserter(text_), "{}\t{}\t{}\t{}\t{}\t{}\t{}\n", home, clamp, second,
                     point.active_power / 10., point.reactive_power / 10., point.voltage / 10.,
                     point.current / 1000.);
    }
    sql_->copy("COPY samples FROM STDIN", text_);
  }

  void settle() override {
    sql_->query("VACUUM ANALYZE samples");
    sql_->query("CHECKPOINT");
    wait_until_quiet(process_->pid(), true);
  }
  double cpu_s() const override { return cpu_s_of(process_->pid(), true); }
  // Of the table and its index: without the log, which is of a fixed size, and what an empty one
  // has.
  double bytes() const override { return bytes_in(data() + "/base") - empty_bytes_; }
  // Without what its processes share, which would count in each of them.
  Memory memory() const override { return memory_of(process_->pid(), true); }

  std::vector<Question> questions(const Contents& contents) override {
    const auto one = contents.single_end(), begin = Contents::begin, end = contents.end();
    const auto month = std::min(one, begin + 30 * Contents::day);
    const auto week = std::min(end, begin + 7 * Contents::day);
    return {
        ask("last_all", fmt::format("SELECT c, s.* FROM generate_series(0, {}) c CROSS JOIN "
                                    "LATERAL (SELECT second, p, q, v, i FROM samples WHERE home=0 "
                                    "AND clamp=c ORDER BY second DESC LIMIT 1) s",
                                    measurement::max_channels - 1)),
        ask("raw_24h", fmt::format("SELECT second, p FROM samples WHERE home=0 AND clamp={} AND "
                                   "second>={} AND second<{} ORDER BY second",
                                   channel_of(2), end - Contents::day, end)),
        ask("mean_5m_30d", fmt::format("SELECT second/300, avg(p) FROM samples WHERE home=9 AND "
                                       "clamp={} AND second>={} AND second<{} GROUP BY 1",
                                       channel_of(2), begin, month)),
        ask("kwh_1h_7d", fmt::format("SELECT clamp, second/3600, sum(p)/3.6e6 FROM samples WHERE "
                                     "home=0 AND second>={} AND second<{} GROUP BY 1, 2",
                                     begin, week)),
        ask("chart_2000px",
            fmt::format("SELECT second/{}, avg(p), min(p), max(p) FROM samples WHERE home=9 AND "
                        "clamp={} AND second>={} AND second<{} GROUP BY 1",
                        contents.chart_step(), channel_of(2), begin, one)),
        ask("mean_1h_all", fmt::format("SELECT clamp, second/3600, avg(p) FROM samples WHERE "
                                       "home=0 AND second>={} AND second<{} GROUP BY 1, 2",
                                       begin, end)),
    };
  }

  std::optional<double> restart(End how) override {
    sql_.reset();
    if (how == End::in_order) {
      process_->stop(60s);
    } else {
      process_->kill();
    }
    return start();
  }
  void end() override {
    sql_.reset();
    if (process_) process_->stop(60s);
    process_.reset();
  }

 private:
  static constexpr const char* user = "postgres";
  inline static const std::string programs = "/usr/lib/postgresql/15/bin/";

  std::string data() const { return folder_ + "/data"; }

  double start() {
    process_ = std::make_unique<lenz::Child>(
        std::vector<std::string>{programs + "postgres", "-D", data(), "-h", "127.0.0.1", "-p",
                                 std::to_string(port_), "-k", "", "-c", "shared_buffers=512MB",
                                 "-c", "max_wal_size=4GB"},
        lenz::Child::Options{.user = user, .quiet = true, .quiet_output = true});
    return wait_until(name(), [this] {
      try {
        sql_ = std::make_unique<PostgresConnection>(port_, user);
        return true;
      } catch (const std::runtime_error&) {
        return false;
      }
    });
  }

  Question ask(std::string name, std::string query) {
    return {std::move(name), [this, query = std::move(query)] { return sql_->query(query); }};
  }

  std::string folder_, text_;
  double empty_bytes_ = 0;
  int port_ = 0;
  std::unique_ptr<lenz::Child> process_;
  std::unique_ptr<PostgresConnection> sql_;
};

// A log beside the file that is not synced at each commit: its usual setting, and so its numbers
// are better than those of a store that is durable at each.
class Sqlite final : public System {
 public:
  ~Sqlite() override { end(); }
  std::string name() const override { return "sqlite"; }
  std::optional<std::string> absent() const override { return std::nullopt; }

  void begin(const std::string& folder) override {
    fs::create_directories(folder);
    folder_ = folder;
    cpu_s_ = 0;
    if (::sqlite3_open((folder + "/samples.db").c_str(), &database_) != SQLITE_OK) fail();
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=NORMAL");
    run("PRAGMA cache_size=-65536");
    run("CREATE TABLE samples(circuit INTEGER NOT NULL, second INTEGER NOT NULL, p INTEGER, "
        "q INTEGER, v INTEGER, i INTEGER, PRIMARY KEY(circuit, second)) WITHOUT ROWID");
    insert_ = prepare("INSERT OR REPLACE INTO samples VALUES(?, ?, ?, ?, ?, ?)");
  }

  void write(std::span<const Row> rows) override {
    const double before = own_cpu_s();
    run("BEGIN");
    for (const auto& [home, clamp, second, point] : rows) {
      ::sqlite3_bind_int64(insert_, 1, static_cast<std::int64_t>(home * a_home + clamp));
      ::sqlite3_bind_int64(insert_, 2, second);
      ::sqlite3_bind_int(insert_, 3, point.active_power);
      ::sqlite3_bind_int(insert_, 4, point.reactive_power);
      ::sqlite3_bind_int(insert_, 5, point.voltage);
      ::sqlite3_bind_int(insert_, 6, point.current);
      if (::sqlite3_step(insert_) != SQLITE_DONE) fail();
      ::sqlite3_reset(insert_);
    }
    run("COMMIT");
    cpu_s_ += own_cpu_s() - before;
  }

  void settle() override {
    const double before = own_cpu_s();
    run("PRAGMA wal_checkpoint(TRUNCATE)");
    cpu_s_ += own_cpu_s() - before;
  }
  double cpu_s() const override { return cpu_s_; }
  double bytes() const override { return bytes_in(folder_); }
  // That of this process, which holds little else.
  Memory memory() const override { return memory_of(::getpid(), false); }

  std::vector<Question> questions(const Contents& contents) override {
    const auto one = contents.single_end(), begin = Contents::begin, end = contents.end();
    const auto month = std::min(one, begin + 30 * Contents::day);
    const auto week = std::min(end, begin + 7 * Contents::day);
    const auto single = Contents::single_home * a_home + channel_of(2);
    return {
        ask("last_all",
            fmt::format("WITH RECURSIVE k(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM k WHERE i<{}) "
                        "SELECT s.* FROM k JOIN samples s ON s.circuit=k.i AND s.second="
                        "(SELECT max(second) FROM samples WHERE circuit=k.i)",
                        measurement::max_channels - 1)),
        ask("raw_24h", fmt::format("SELECT second, p FROM samples WHERE circuit={} AND second>={} "
                                   "AND second<{}",
                                   channel_of(2), end - Contents::day, end)),
        ask("mean_5m_30d", fmt::format("SELECT second/300, avg(p) FROM samples WHERE circuit={} "
                                       "AND second>={} AND second<{} GROUP BY 1",
                                       single, begin, month)),
        ask("kwh_1h_7d", fmt::format("SELECT circuit, second/3600, sum(p)/36e6 FROM samples WHERE "
                                     "circuit<{} AND second>={} AND second<{} GROUP BY 1, 2",
                                     a_home, begin, week)),
        ask("chart_2000px", fmt::format("SELECT second/{}, avg(p), min(p), max(p) FROM samples "
                                        "WHERE circuit={} AND second>={} AND second<{} GROUP BY 1",
                                        contents.chart_step(), single, begin, one)),
        ask("mean_1h_all", fmt::format("SELECT circuit, second/3600, avg(p) FROM samples WHERE "
                                       "circuit<{} AND second>={} AND second<{} GROUP BY 1, 2",
                                       a_home, begin, end)),
    };
  }

  std::optional<double> restart(End) override { return std::nullopt; }
  void end() override {
    ::sqlite3_finalize(insert_);
    ::sqlite3_close(database_);
    insert_ = nullptr;
    database_ = nullptr;
  }

 private:
  static constexpr std::size_t a_home = 64;  // Numbers of circuits.

  [[noreturn]] void fail() {
    throw std::runtime_error(fmt::format("SQLite fails: {}", ::sqlite3_errmsg(database_)));
  }
  void run(const char* sql) {
    if (::sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
  }
  sqlite3_stmt* prepare(const std::string& sql) {
    sqlite3_stmt* made = nullptr;
    if (::sqlite3_prepare_v2(database_, sql.c_str(), -1, &made, nullptr) != SQLITE_OK) fail();
    return made;
  }
  static double own_cpu_s() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto s = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return s(usage.ru_utime) + s(usage.ru_stime);
  }

  Question ask(std::string name, std::string query) {
    return {std::move(name), [this, query = std::move(query)] {
              const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> asked(prepare(query),
                                                                                ::sqlite3_finalize);
              std::size_t bytes = 0;
              while (::sqlite3_step(asked.get()) == SQLITE_ROW) {
                for (int c = 0; c < ::sqlite3_column_count(asked.get()); ++c) {
                  values_ += ::sqlite3_column_double(asked.get(), c);
                  bytes += sizeof(double);
                }
              }
              return bytes;
            }};
  }

  std::string folder_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  double cpu_s_ = 0;
  double values_ = 0;  // Their sum, so that each is fetched.
};

}  // namespace

std::unique_ptr<System> postgresql() { return std::make_unique<Postgresql>(); }
std::unique_ptr<System> sqlite() { return std::make_unique<Sqlite>(); }

}  // namespace bench
