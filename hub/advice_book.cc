#include "hub/advice_book.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace hub {

using insight::Decimal;
using insight::Spread;
using measurement::Timestamp;
using Of = BookedPrediction::Of;

namespace {

// Sizes, labels and predictions in thousandths, money in thousand millionths, times in
// milliseconds.
constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS fact (appliance INTEGER PRIMARY KEY, made INTEGER, size INTEGER,
  label INTEGER, own_price INTEGER, repair_quote INTEGER);
CREATE TABLE IF NOT EXISTS prediction (number INTEGER PRIMARY KEY AUTOINCREMENT, of TEXT,
  appliance INTEGER, key TEXT, what TEXT, said INTEGER, low INTEGER, median INTEGER, high INTEGER,
  done INTEGER, measured_low INTEGER, measured_median INTEGER, measured_high INTEGER, note TEXT);
CREATE TABLE IF NOT EXISTS mailed (month INTEGER);
CREATE TABLE IF NOT EXISTS outdoors (hour INTEGER PRIMARY KEY, celsius INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS open_prediction ON prediction (of, appliance, key)
  WHERE done = 0;
PRAGMA user_version = 1;
)";
constexpr BookPlan plan = {schema, "book of advice",
                           "what was predicted and said of appliances is gone"};

constexpr std::chrono::days outdoors_kept{400};
constexpr std::array<std::string_view, 3> of_words = {"advice", "finding", "forecast"};
constexpr std::int64_t absent = std::numeric_limits<std::int64_t>::min();

std::int64_t ms(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp time_of(std::int64_t ms) { return Timestamp(std::chrono::milliseconds(ms)); }

std::int64_t thousandths(double value) { return std::llround(value * 1000); }
std::int64_t thousandths_if(const std::optional<double>& value) {
  return value ? thousandths(*value) : absent;
}
std::optional<double> number_if(std::int64_t thousandths) {
  return thousandths == absent ? std::nullopt
                               : std::optional(static_cast<double>(thousandths) / 1000);
}
std::int64_t nano_if(const std::optional<Decimal>& value) { return value ? value->nano : absent; }
std::optional<Decimal> decimal_if(std::int64_t nano) {
  return nano == absent ? std::nullopt : std::optional(Decimal{nano});
}

Spread spread_of(Statement& row, int first) {
  const auto value = [&](int column) { return static_cast<double>(row.integer(column)) / 1000; };
  return {value(first), value(first + 1), value(first + 2)};
}

std::expected<void, StoreError> run(Statement& statement) {
  const int code = statement.run();
  if (code != SQLITE_OK) return std::unexpected(error_of(code));
  return {};
}

}  // namespace

std::string_view word(Of of) { return of_words.at(static_cast<std::size_t>(of)); }

AdviceBook::AdviceBook(Files& files, const std::string& file)
    : database_(Database::open_book(files, file, plan)) {}

ApplianceFacts AdviceBook::facts(ApplianceNumber appliance) {
  auto row = database_.prepare(
      "SELECT made, size, label, own_price, repair_quote FROM fact WHERE appliance = ?");
  if (row.bind(1, appliance).step() != SQLITE_ROW) return {};
  const auto made = row.integer(0);
  return {.made = made == absent ? std::nullopt : std::optional(time_of(made)),
          .size = number_if(row.integer(1)),
          .label = number_if(row.integer(2)),
          .own_price = decimal_if(row.integer(3)),
          .repair_quote = decimal_if(row.integer(4))};
}

std::expected<void, StoreError> AdviceBook::put(ApplianceNumber appliance,
                                                const ApplianceFacts& facts) {
  auto count = database_.prepare("SELECT count(*) FROM fact WHERE appliance != ?");
  count.bind(1, appliance);
  if (count.step() == SQLITE_ROW && count.integer(0) >= std::int64_t{most_facts}) {
    return std::unexpected(StoreError::full);
  }
  auto row = database_.prepare("REPLACE INTO fact VALUES (?, ?, ?, ?, ?, ?)");
  row.bind(1, appliance).bind(2, facts.made ? ms(*facts.made) : absent);
  row.bind(3, thousandths_if(facts.size)).bind(4, thousandths_if(facts.label));
  row.bind(5, nano_if(facts.own_price)).bind(6, nano_if(facts.repair_quote));
  return run(row);
}

std::vector<BookedPrediction> AdviceBook::predictions() {
  auto row = database_.prepare(
      "SELECT number, of, appliance, key, what, said, low, median, high, done, measured_low, "
      "measured_median, measured_high, note FROM prediction ORDER BY said DESC, number DESC");
  std::vector<BookedPrediction> found;
  while (row.step() == SQLITE_ROW) {
    BookedPrediction one{.number = row.integer(0)};
    const auto of = std::ranges::find(of_words, row.text(1));
    if (of == of_words.end()) continue;
    one.of = static_cast<Of>(of - of_words.begin());
    if (row.integer(2) != 0) one.appliance = row.integer(2);
    one.key = row.text(3);
    one.what = row.text(4);
    one.said = time_of(row.integer(5));
    one.predicted = spread_of(row, 6);
    if (row.integer(9) != 0) one.done = time_of(row.integer(9));
    if (row.integer(10) != absent) one.measured = spread_of(row, 10);
    one.note = row.text(13);
    found.push_back(std::move(one));
  }
  return found;
}

std::expected<void, StoreError> AdviceBook::predict(const BookedPrediction& one) {
  const auto of = word(one.of);
  const auto appliance = one.appliance.value_or(0);
  auto others = database_.prepare(
      "DELETE FROM prediction WHERE done = 0 AND of = ?1 AND appliance = ?2 AND key != ?3 "
      "AND ?2 != 0");
  others.bind(1, of).bind(2, appliance).bind(3, one.key);
  if (const auto done = run(others); !done) return done;
  auto update = database_.prepare(
      "UPDATE prediction SET what = ?4, low = ?5, median = ?6, high = ?7 "
      "WHERE done = 0 AND of = ?1 AND appliance = ?2 AND key = ?3");
  auto insert = database_.prepare(
      "INSERT OR IGNORE INTO prediction (of, appliance, key, what, low, median, high, said, done, "
      "measured_low, measured_median, measured_high, note) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, 0, 0, '')");
  for (auto* row : {&update, &insert}) {
    row->bind(1, of).bind(2, appliance).bind(3, one.key).bind(4, one.what);
    row->bind(5, thousandths(one.predicted.low)).bind(6, thousandths(one.predicted.median));
    row->bind(7, thousandths(one.predicted.high));
  }
  insert.bind(8, ms(one.said)).bind(9, absent);
  if (const auto done = run(update); !done) return done;
  if (const auto done = run(insert); !done) return done;
  auto oldest = database_.prepare(
      "DELETE FROM prediction WHERE number IN (SELECT number FROM prediction ORDER BY number DESC "
      "LIMIT -1 OFFSET ?)");
  return run(oldest.bind(1, std::int64_t{most_predictions}));
}

std::expected<void, StoreError> AdviceBook::withdraw(Of of, ApplianceNumber appliance) {
  auto row =
      database_.prepare("DELETE FROM prediction WHERE done = 0 AND of = ? AND appliance = ?");
  return run(row.bind(1, word(of)).bind(2, appliance));
}

std::expected<bool, StoreError> AdviceBook::done(PredictionNumber number, Timestamp time) {
  auto known = database_.prepare("SELECT 1 FROM prediction WHERE number = ? AND done = 0");
  if (known.bind(1, number).step() != SQLITE_ROW) return false;
  known.reset();
  auto row = database_.prepare("UPDATE prediction SET done = ? WHERE number = ?");
  if (const auto done = run(row.bind(1, ms(time)).bind(2, number)); !done) {
    return std::unexpected(done.error());
  }
  return true;
}

// A month is counted from year 0.
std::optional<std::chrono::year_month> AdviceBook::mailed() {
  auto row = database_.prepare("SELECT max(month) FROM mailed");
  if (row.step() != SQLITE_ROW || row.integer(0) == 0) return std::nullopt;
  return std::chrono::year(0) / std::chrono::January +
         std::chrono::months(static_cast<int>(row.integer(0)));
}

std::expected<void, StoreError> AdviceBook::set_mailed(std::chrono::year_month month) {
  const auto since = month - std::chrono::year(0) / std::chrono::January;
  auto row = database_.prepare("INSERT INTO mailed VALUES (?)");
  return run(row.bind(1, std::int64_t{since.count()}));
}

std::expected<void, StoreError> AdviceBook::put_outdoors(Timestamp hour, double celsius) {
  auto row = database_.prepare("REPLACE INTO outdoors VALUES (?, ?)");
  if (const auto done = run(row.bind(1, ms(hour)).bind(2, thousandths(celsius))); !done) {
    return done;
  }
  auto old = database_.prepare("DELETE FROM outdoors WHERE hour < ?");
  return run(old.bind(1, ms(hour - outdoors_kept)));
}

std::optional<double> AdviceBook::outdoors(TimeRange range) {
  auto row = database_.prepare(
      "SELECT count(*), total(celsius) FROM outdoors WHERE hour >= ? AND hour < ?");
  if (row.bind(1, ms(range.begin)).bind(2, ms(range.end)).step() != SQLITE_ROW) return {};
  const auto known = static_cast<double>(row.integer(0));
  const double hours =
      std::chrono::duration<double>(range.end - range.begin) / std::chrono::hours(1);
  if (known < 0.75 * hours || known == 0) return {};
  return static_cast<double>(row.integer(1)) / 1000 / known;
}

std::expected<void, StoreError> AdviceBook::measured(PredictionNumber number,
                                                     const std::optional<Spread>& measured,
                                                     const std::string& note) {
  auto row = database_.prepare(
      "UPDATE prediction SET measured_low = ?, measured_median = ?, measured_high = ?, note = ? "
      "WHERE number = ?");
  const auto spread = measured.value_or(Spread{});
  row.bind(1, measured ? thousandths(spread.low) : absent).bind(2, thousandths(spread.median));
  row.bind(3, thousandths(spread.high)).bind(4, note);
  return run(row.bind(5, number));
}

}  // namespace hub
