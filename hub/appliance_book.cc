#include "hub/appliance_book.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <sstream>
#include <stdexcept>
#include <utility>

namespace hub {

using measurement::Timestamp;

namespace {

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS channel (number INTEGER PRIMARY KEY, circuit TEXT, clamps TEXT,
  epoch INTEGER, since INTEGER, until INTEGER, model TEXT, memory BLOB, is_past INTEGER);
CREATE TABLE IF NOT EXISTS appliance (number INTEGER PRIMARY KEY, channel INTEGER, id INTEGER,
  kind TEXT, probability INTEGER, certainty INTEGER, name TEXT, description TEXT, courses TEXT);
CREATE TABLE IF NOT EXISTS run (channel INTEGER, epoch INTEGER, id INTEGER, appliance INTEGER,
  begin INTEGER, end INTEGER, energy INTEGER, peak INTEGER, model TEXT,
  PRIMARY KEY (channel, epoch, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS run_by_begin ON run (begin);
CREATE TABLE IF NOT EXISTS act (number INTEGER PRIMARY KEY, time INTEGER, who TEXT,
  channel INTEGER, text TEXT, memory BLOB);
CREATE TABLE IF NOT EXISTS handed_over (act INTEGER, channel INTEGER, epoch INTEGER, run INTEGER,
  appliance INTEGER, PRIMARY KEY (act, channel, epoch, run)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outlet (room TEXT, name TEXT, circuit TEXT, PRIMARY KEY (room, name))
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asked (day INTEGER, appliance INTEGER, PRIMARY KEY (day, appliance))
  WITHOUT ROWID;
PRAGMA user_version = 1;
)";
constexpr BookPlan plan = {schema, "book of appliances", "names have to be given anew"};

constexpr int versions_kept = 3;  // Of a channel's memory, to go back to.
// A run that is longer is looked for by its end; nothing runs for longer without a pause.
constexpr std::chrono::days longest_run{8};

std::int64_t ms(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp time_of(std::int64_t ms) { return Timestamp(std::chrono::milliseconds(ms)); }

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

std::string text_of(const insight::CycleMoment& moment) {
  return fmt::format("{:.0f} {:.1f} {:.0f} {:.1f} {:.0f} {:.1f} {:.1f}", moment.at_s, moment.at_wh,
                     moment.since_heat_s, moment.since_heat_wh, moment.heats, moment.latest_w,
                     moment.late_w);
}

std::istream& operator>>(std::istream& numbers, insight::CycleMoment& moment) {
  return numbers >> moment.at_s >> moment.at_wh >> moment.since_heat_s >> moment.since_heat_wh >>
         moment.heats >> moment.latest_w >> moment.late_w;
}

// A line for each: its end, then the begin and the length of each pause.
std::string text_of(const std::vector<insight::Cycle>& courses) {
  std::string text;
  for (const auto& course : courses) {
    text += text_of(course.end);
    for (const auto& pause : course.pauses) {
      text += fmt::format(" {} {:.0f}", text_of(pause.begin), pause.length_s);
    }
    text += "\n";
  }
  return text;
}

std::vector<insight::Cycle> courses_in(const std::string& text) {
  std::vector<insight::Cycle> courses;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    insight::Cycle course;
    if (!(numbers >> course.end)) continue;
    for (insight::Cycle::Pause pause; numbers >> pause.begin >> pause.length_s;) {
      course.pauses.push_back(pause);
    }
    courses.push_back(std::move(course));
  }
  return courses;
}

BookedRun run_in(Statement& row) {
  BookedRun found{.channel = row.integer(0), .epoch = row.integer(1), .appliance = row.integer(3)};
  found.run.id = static_cast<std::uint64_t>(row.integer(2));
  found.run.begin = time_of(row.integer(4));
  found.run.end = time_of(row.integer(5));
  found.run.energy = {row.integer(6)};
  found.run.peak = {static_cast<float>(row.integer(7)) / 10};
  return found;
}

}  // namespace

ApplianceBook::ApplianceBook(Files& files, const std::string& file)
    : database_(Database::open_book(files, file, plan)),
      put_channel_(database_.prepare("REPLACE INTO channel VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      put_appliance_(
          database_.prepare("REPLACE INTO appliance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      put_run_(database_.prepare("REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      runs_(database_.prepare("SELECT channel, epoch, id, appliance, begin, end, energy, peak "
                              "FROM run WHERE begin >= ? AND begin < ? AND end > ? "
                              "ORDER BY begin LIMIT ?")),
      run_(database_.prepare("SELECT channel, epoch, id, appliance, begin, end, energy, peak "
                             "FROM run WHERE channel = ? AND epoch = ? AND id = ?")),
      acts_(database_.prepare("SELECT number, time, who, channel, text, memory IS NOT NULL "
                              "FROM act ORDER BY number DESC LIMIT ?")),
      memory_before_(database_.prepare("SELECT memory FROM act WHERE number = ?")) {}

std::vector<BookedChannel> ApplianceBook::channels() {
  std::vector<BookedChannel> found;
  auto all = database_.prepare(
      "SELECT number, circuit, clamps, epoch, since, until, model, memory, is_past FROM channel "
      "ORDER BY number");
  while (all.step() == SQLITE_ROW) {
    found.push_back({.number = all.integer(0),
                     .circuit = std::string(all.text(1)),
                     .clamps = std::string(all.text(2)),
                     .epoch = all.integer(3),
                     .since = time_of(all.integer(4)),
                     .until = time_of(all.integer(5)),
                     .model = std::string(all.text(6)),
                     .memory = text_of(all.blob(7)),
                     .is_past = all.integer(8) != 0});
  }
  return found;
}

std::vector<BookedAppliance> ApplianceBook::appliances() {
  std::vector<BookedAppliance> found;
  auto all = database_.prepare(
      "SELECT number, channel, id, kind, probability, certainty, name, description, courses "
      "FROM appliance ORDER BY number");
  while (all.step() == SQLITE_ROW) {
    auto& one = found.emplace_back();
    one.number = all.integer(0);
    one.channel = all.integer(1);
    one.known = {.id = static_cast<insight::ApplianceId>(all.integer(2)),
                 .kind = insight::appliance_kind(all.text(3)),
                 .probability = static_cast<float>(all.integer(4)) / 1000,
                 .certainty = static_cast<insight::Certainty>(all.integer(5)),
                 .name = std::string(all.text(6)),
                 .description = std::string(all.text(7))};
    one.courses = courses_in(std::string(all.text(8)));
  }
  return found;
}

ApplianceBook::Writing::Writing(ApplianceBook& book)
    : book_(book), is_good_(book.database_.execute("BEGIN IMMEDIATE") == SQLITE_OK) {}

ApplianceBook::Writing::~Writing() {
  // After some errors SQLite has already done it, and then refuses.
  if (is_open_) book_.database_.execute("ROLLBACK");
}

void ApplianceBook::Writing::put(BookedChannel& channel) {
  auto& row = book_.put_channel_;
  if (channel.number == 0) {
    auto next = book_.database_.prepare("SELECT coalesce(max(number), 0) + 1 FROM channel");
    must(next.step() == SQLITE_ROW);
    channel.number = next.integer(0);
  }
  row.bind(1, channel.number).bind(2, channel.circuit).bind(3, channel.clamps);
  row.bind(4, channel.epoch).bind(5, ms(channel.since)).bind(6, ms(channel.until));
  row.bind(7, channel.model).bind(8, bytes_of(channel.memory));
  row.bind(9, std::int64_t{channel.is_past});
  must(row.run() == SQLITE_OK);
}

void ApplianceBook::Writing::put(const BookedAppliance& appliance) {
  auto& row = book_.put_appliance_;
  const auto& known = appliance.known;
  row.bind(1, appliance.number).bind(2, appliance.channel).bind(3, std::int64_t{known.id});
  row.bind(4, known.kind ? insight::row(*known.kind).word : std::string_view());
  row.bind(5, static_cast<std::int64_t>(1000 * known.probability + .5f));
  row.bind(6, static_cast<std::int64_t>(known.certainty));
  row.bind(7, known.name).bind(8, known.description).bind(9, text_of(appliance.courses));
  must(row.run() == SQLITE_OK);
}

void ApplianceBook::Writing::put(const BookedRun& booked, std::string_view model) {
  auto& row = book_.put_run_;
  const auto& run = booked.run;
  row.bind(1, booked.channel).bind(2, booked.epoch);
  row.bind(3, static_cast<std::int64_t>(run.id)).bind(4, booked.appliance);
  row.bind(5, ms(run.begin)).bind(6, ms(run.end)).bind(7, run.energy.value);
  row.bind(8, static_cast<std::int64_t>(10 * run.peak.value)).bind(9, model);
  must(row.run() == SQLITE_OK);
}

void ApplianceBook::Writing::forget(const BookedRun& booked) {
  auto row = book_.database_.prepare("DELETE FROM run WHERE channel = ? AND epoch = ? AND id = ?");
  row.bind(1, booked.channel).bind(2, booked.epoch);
  must(row.bind(3, static_cast<std::int64_t>(booked.run.id)).run() == SQLITE_OK);
}

void ApplianceBook::Writing::forget_runs(std::int64_t channel, TimeRange range) {
  auto row =
      book_.database_.prepare("DELETE FROM run WHERE channel = ? AND begin >= ? AND begin < ?");
  must(row.bind(1, channel).bind(2, ms(range.begin)).bind(3, ms(range.end)).run() == SQLITE_OK);
}

void ApplianceBook::Writing::end_open_runs(std::int64_t channel, Timestamp end) {
  auto row =
      book_.database_.prepare("UPDATE run SET end = max(begin, ?) WHERE channel = ? AND end = ?");
  must(row.bind(1, ms(end)).bind(2, channel).bind(3, ms(Timestamp::max())).run() == SQLITE_OK);
}

void ApplianceBook::Writing::add(const Act& act, std::string_view memory_before) {
  auto row = book_.database_.prepare(
      "INSERT INTO act (time, who, channel, text, memory) VALUES (?, ?, ?, ?, ?)");
  row.bind(1, ms(act.time)).bind(2, act.who).bind(3, act.channel).bind(4, act.text);
  must(row.bind(5, bytes_of(memory_before)).run() == SQLITE_OK);
  auto old = book_.database_.prepare(
      "UPDATE act SET memory = NULL WHERE channel = ?1 AND memory IS NOT NULL AND number NOT IN "
      "(SELECT number FROM act WHERE channel = ?1 AND memory IS NOT NULL "
      "ORDER BY number DESC LIMIT ?2)");
  must(old.bind(1, act.channel).bind(2, std::int64_t{versions_kept}).run() == SQLITE_OK);
  must(book_.database_.execute("DELETE FROM handed_over WHERE act NOT IN "
                               "(SELECT number FROM act WHERE memory IS NOT NULL)") == SQLITE_OK);
}

void ApplianceBook::Writing::hand_over(const BookedRun& booked) {
  auto row = book_.database_.prepare(
      "INSERT INTO handed_over SELECT (SELECT max(number) FROM act), channel, epoch, id, appliance "
      "FROM run WHERE channel = ? AND epoch = ? AND id = ? AND appliance != ?");
  row.bind(1, booked.channel).bind(2, booked.epoch);
  row.bind(3, static_cast<std::int64_t>(booked.run.id)).bind(4, booked.appliance);
  must(row.run() == SQLITE_OK);
}

void ApplianceBook::Writing::hand_runs_over(ApplianceNumber from, ApplianceNumber to) {
  auto before = book_.database_.prepare(
      "INSERT INTO handed_over SELECT (SELECT max(number) FROM act), channel, epoch, id, appliance "
      "FROM run WHERE appliance = ?");
  must(before.bind(1, from).run() == SQLITE_OK);
  auto row = book_.database_.prepare("UPDATE run SET appliance = ? WHERE appliance = ?");
  must(row.bind(1, to).bind(2, from).run() == SQLITE_OK);
}

void ApplianceBook::Writing::set_aside(std::int64_t channel, std::int64_t epoch, Timestamp begin,
                                       std::int64_t to_epoch) {
  auto row = book_.database_.prepare(
      "UPDATE run SET epoch = ? WHERE channel = ? AND epoch = ? AND begin >= ?");
  row.bind(1, to_epoch).bind(2, channel).bind(3, epoch);
  must(row.bind(4, ms(begin)).run() == SQLITE_OK);
  auto handed = book_.database_.prepare(
      "UPDATE handed_over SET epoch = ?1 WHERE channel = ?2 AND epoch = ?3 AND run IN "
      "(SELECT id FROM run WHERE channel = ?2 AND epoch = ?1)");
  must(handed.bind(1, to_epoch).bind(2, channel).bind(3, epoch).run() == SQLITE_OK);
}

// What came later was learnt on top of it.
void ApplianceBook::Writing::undone(std::int64_t act) {
  auto back = book_.database_.prepare(
      "UPDATE run SET appliance = before.appliance FROM handed_over AS before WHERE before.act = ? "
      "AND run.channel = before.channel AND run.epoch = before.epoch AND run.id = before.run");
  must(back.bind(1, act).run() == SQLITE_OK);
  auto row = book_.database_.prepare(
      "UPDATE act SET memory = NULL WHERE number >= ?1 AND channel = "
      "(SELECT channel FROM act WHERE number = ?1)");
  must(row.bind(1, act).run() == SQLITE_OK);
}

void ApplianceBook::Writing::asked(std::int64_t day, ApplianceNumber appliance) {
  auto row = book_.database_.prepare("REPLACE INTO asked VALUES (?, ?)");
  must(row.bind(1, day).bind(2, appliance).run() == SQLITE_OK);
  auto old = book_.database_.prepare("DELETE FROM asked WHERE day < ?");
  must(old.bind(1, day - 30).run() == SQLITE_OK);
}

void ApplianceBook::Writing::put(const Outlet& outlet) {
  auto row = book_.database_.prepare("REPLACE INTO outlet VALUES (?, ?, ?)");
  must(row.bind(1, outlet.room).bind(2, outlet.name).bind(3, outlet.circuit).run() == SQLITE_OK);
}

std::expected<void, StoreError> ApplianceBook::Writing::finish() {
  is_open_ = false;
  if (is_good_ && book_.database_.execute("COMMIT") == SQLITE_OK) return {};
  book_.database_.execute("ROLLBACK");
  return std::unexpected(StoreError::unavailable);
}

std::vector<BookedRun> ApplianceBook::runs(TimeRange range, std::size_t most) {
  std::vector<BookedRun> found;
  runs_.bind(1, ms(range.begin - longest_run)).bind(2, ms(range.end)).bind(3, ms(range.begin));
  runs_.bind(4, static_cast<std::int64_t>(most));
  while (runs_.step() == SQLITE_ROW) found.push_back(run_in(runs_));
  runs_.reset();
  return found;
}

std::optional<BookedRun> ApplianceBook::run(std::int64_t channel, std::int64_t epoch,
                                            std::uint64_t id) {
  run_.bind(1, channel).bind(2, epoch).bind(3, static_cast<std::int64_t>(id));
  std::optional<BookedRun> found;
  if (run_.step() == SQLITE_ROW) found = run_in(run_);
  run_.reset();
  return found;
}

std::vector<Act> ApplianceBook::acts(std::size_t most) {
  std::vector<Act> found;
  acts_.bind(1, static_cast<std::int64_t>(most));
  while (acts_.step() == SQLITE_ROW) {
    found.push_back({.number = acts_.integer(0),
                     .time = time_of(acts_.integer(1)),
                     .who = std::string(acts_.text(2)),
                     .channel = acts_.integer(3),
                     .text = std::string(acts_.text(4)),
                     .can_be_undone = acts_.integer(5) != 0});
  }
  acts_.reset();
  return found;
}

std::string ApplianceBook::memory_before(std::int64_t act) {
  memory_before_.bind(1, act);
  std::string memory;
  if (memory_before_.step() == SQLITE_ROW) memory = text_of(memory_before_.blob(0));
  memory_before_.reset();
  return memory;
}

std::vector<Outlet> ApplianceBook::outlets() {
  std::vector<Outlet> found;
  auto all = database_.prepare("SELECT room, name, circuit FROM outlet ORDER BY room, name");
  while (all.step() == SQLITE_ROW) {
    found.push_back({.circuit = std::string(all.text(2)),
                     .room = std::string(all.text(0)),
                     .name = std::string(all.text(1))});
  }
  return found;
}

std::vector<ApplianceNumber> ApplianceBook::asked_on(std::int64_t day) {
  std::vector<ApplianceNumber> found;
  auto all = database_.prepare("SELECT appliance FROM asked WHERE day = ?");
  all.bind(1, day);
  while (all.step() == SQLITE_ROW) found.push_back(all.integer(0));
  return found;
}

}  // namespace hub
