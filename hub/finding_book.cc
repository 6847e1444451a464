#include "hub/finding_book.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "insight/identification/bytes.h"

namespace hub {

using insight::Evidence;
using measurement::Timestamp;

namespace {

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS finding (number INTEGER PRIMARY KEY AUTOINCREMENT, asset TEXT,
  change TEXT, since INTEGER, found INTEGER, confidence INTEGER, extra INTEGER, suspects TEXT,
  told INTEGER, ended INTEGER, feedback TEXT, answered INTEGER, who TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS open_finding ON finding (asset, change) WHERE ended IS NULL;
CREATE TABLE IF NOT EXISTS evidence (finding INTEGER, place INTEGER, feature TEXT, course BLOB,
  PRIMARY KEY (finding, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS condition (asset TEXT PRIMARY KEY, watch TEXT, since INTEGER, note TEXT)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trend (asset TEXT, place INTEGER, feature TEXT, course BLOB,
  PRIMARY KEY (asset, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memory (key TEXT PRIMARY KEY, memory BLOB) WITHOUT ROWID;
PRAGMA user_version = 1;
)";
constexpr BookPlan plan = {schema, "book of findings", "what is usual is learnt anew"};

constexpr const char* columns =
    "number, asset, change, since, found, confidence, extra, suspects, told, ended, feedback, "
    "answered, who";

constexpr std::int64_t absent = std::numeric_limits<std::int64_t>::min();  // Of extra.

constexpr std::array asset_kinds = {"appliance", "circuit", "meter", "supply"};
constexpr std::array<std::string_view, 4> feedback_words = {"", "fixed", "expected", "wrong"};
constexpr std::array<std::string_view, 4> watch_words = {"learning", "watched", "outside",
                                                         "not_visible"};

std::int64_t ms(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp time_of(std::int64_t ms) { return Timestamp(std::chrono::milliseconds(ms)); }
// In the tables 0 is none: nothing was measured in 1970.
std::optional<Timestamp> time_if(std::int64_t ms) {
  return ms == 0 ? std::nullopt : std::optional(time_of(ms));
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

template <typename Table>
auto row_of(const Table& table, std::string_view word) {
  const auto found = std::ranges::find(table, word, &Table::value_type::word);
  return found == table.end() ? nullptr : &*found;
}

template <typename Words>
std::size_t place_of(const Words& words, std::string_view word) {
  return static_cast<std::size_t>(std::ranges::find(words, word) - words.begin());
}

std::string text_of(const std::vector<insight::Suspect>& suspects) {
  std::string text;
  for (const auto& [cause, probability] : suspects) {
    text += fmt::format("{}{} {:.0f}", text.empty() ? "" : " ", insight::row(cause).word,
                        1000 * probability);
  }
  return text;
}

std::vector<insight::Suspect> suspects_in(const std::string& text) {
  std::vector<insight::Suspect> suspects;
  std::istringstream words(text);
  std::string word;
  for (float thousandths = 0; words >> word >> thousandths;) {
    if (const auto* row = row_of(insight::causes, word)) {
      suspects.push_back({row->id, thousandths / 1000});
    }
  }
  return suspects;
}

std::string course_bytes(const Evidence& evidence) {
  std::string bytes;
  for (const float value : {evidence.before, evidence.now, evidence.usual_spread}) {
    insight::put(bytes, value);
  }
  const auto skipped =
      evidence.course.size() - std::min(evidence.course.size(), FindingBook::most_points);
  for (std::size_t i = skipped; i < evidence.course.size(); ++i) {
    insight::put(bytes, ms(evidence.course[i].time));
    insight::put(bytes, evidence.course[i].value);
  }
  return bytes;
}

// Absent: the word is of a later Lenz, or the bytes are damaged.
std::optional<Evidence> evidence_in(std::string_view feature, std::string_view bytes) {
  const auto* row = row_of(insight::health_features, feature);
  Evidence found;
  if (!row || !insight::take(bytes, found.before) || !insight::take(bytes, found.now) ||
      !insight::take(bytes, found.usual_spread)) {
    return std::nullopt;
  }
  found.feature = row->id;
  std::int64_t time = 0;
  for (float value = 0; insight::take(bytes, time) && insight::take(bytes, value);) {
    found.course.push_back({time_of(time), value});
  }
  return found;
}

}  // namespace

std::string text_of(const Asset& asset) {
  const auto* kind = asset_kinds.at(static_cast<std::size_t>(asset.kind));
  return asset.kind == Asset::Kind::supply ? kind : fmt::format("{} {}", kind, asset.id);
}

std::optional<Asset> asset_in(std::string_view text) {
  const auto blank = std::min(text.find(' '), text.size());
  const auto kind = place_of(asset_kinds, text.substr(0, blank));
  if (kind == asset_kinds.size()) return std::nullopt;
  Asset asset{static_cast<Asset::Kind>(kind),
              std::string(text.substr(std::min(blank + 1, text.size())))};
  const bool needs_id = asset.kind != Asset::Kind::supply;
  if (asset.id.empty() == needs_id) return std::nullopt;
  return asset;
}

std::string_view word(Feedback feedback) {
  return feedback_words.at(static_cast<std::size_t>(feedback));
}

std::optional<Feedback> feedback_in(std::string_view word) {
  const auto place = place_of(feedback_words, word);
  if (place == 0 || place == feedback_words.size()) return std::nullopt;
  return static_cast<Feedback>(place);
}

std::string_view word(Condition::Watch watch) {
  return watch_words.at(static_cast<std::size_t>(watch));
}

FindingBook::FindingBook(Files& files, const std::string& file)
    : database_(Database::open_book(files, file, plan)),
      evidence_(database_.prepare(
          "SELECT feature, course FROM evidence WHERE finding = ? ORDER BY place")),
      memory_(database_.prepare("SELECT memory FROM memory WHERE key = ?")) {}

FindingBook::Writing::Writing(FindingBook& book)
    : book_(book), is_good_(book.database_.execute("BEGIN IMMEDIATE") == SQLITE_OK) {}

FindingBook::Writing::~Writing() {
  // After some errors SQLite has already done it, and then refuses.
  if (is_open_) book_.database_.execute("ROLLBACK");
}

std::optional<FindingNumber> FindingBook::Writing::put(const Asset& asset,
                                                       const insight::Finding& finding) {
  auto& database = book_.database_;
  const auto name = text_of(asset);
  const auto change = insight::row(finding.change).word;
  auto answered = database.prepare(
      "SELECT 1 FROM finding WHERE asset = ? AND change = ? AND answered >= ? LIMIT 1");
  answered.bind(1, name).bind(2, change).bind(3, ms(finding.since));
  if (answered.step() == SQLITE_ROW) return std::nullopt;

  auto old = database.prepare(
      "SELECT number FROM finding WHERE asset = ? AND change = ? AND ended IS NULL");
  old.bind(1, name).bind(2, change);
  std::optional<FindingNumber> number;
  if (old.step() == SQLITE_ROW) number = old.integer(0);
  old.reset();
  if (!number) {
    auto count = database.prepare("SELECT count(*) FROM finding WHERE ended IS NULL");
    must(count.step() == SQLITE_ROW);
    if (count.integer(0) >= std::int64_t{most_open}) return std::nullopt;
    auto made = database.prepare(
        "INSERT INTO finding (asset, change, found, told, feedback, answered, who) "
        "VALUES (?, ?, ?, 0, '', 0, '')");
    must(made.bind(1, name).bind(2, change).bind(3, ms(finding.found)).run() == SQLITE_OK);
    auto last = database.prepare("SELECT last_insert_rowid()");
    must(last.step() == SQLITE_ROW);
    number = last.integer(0);
  }
  auto row = database.prepare(
      "UPDATE finding SET since = ?, confidence = ?, extra = ?, suspects = ? WHERE number = ?");
  const auto& suspects = finding.suspects;
  const auto extra = finding.extra_wh_per_day;
  row.bind(1, ms(finding.since)).bind(2, std::int64_t{std::lround(1000 * finding.confidence)});
  row.bind(3, std::isfinite(extra) ? std::int64_t{std::lround(1000 * extra)} : absent);
  row.bind(4, text_of(std::vector(suspects.begin(),
                                  suspects.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                         suspects.size(), most_suspects)))));
  must(row.bind(5, *number).run() == SQLITE_OK);

  auto clear = database.prepare("DELETE FROM evidence WHERE finding = ?");
  must(clear.bind(1, *number).run() == SQLITE_OK);
  auto add = database.prepare("INSERT INTO evidence VALUES (?, ?, ?, ?)");
  for (std::size_t i = 0; i < std::min(finding.evidence.size(), most_evidence); ++i) {
    const auto& evidence = finding.evidence[i];
    add.bind(1, *number).bind(2, static_cast<std::int64_t>(i));
    add.bind(3, insight::row(evidence.feature).word);
    must(add.bind(4, bytes_of(course_bytes(evidence))).run() == SQLITE_OK);
  }
  return number;
}

void FindingBook::Writing::end(const Asset& asset, insight::Change change, Timestamp time) {
  auto row = book_.database_.prepare(
      "UPDATE finding SET ended = ? WHERE asset = ? AND change = ? AND ended IS NULL");
  row.bind(1, ms(time)).bind(2, text_of(asset)).bind(3, insight::row(change).word);
  must(row.run() == SQLITE_OK);
}

void FindingBook::Writing::put_all(const Asset& asset, Scope scope,
                                   const std::vector<insight::Finding>& all, Timestamp time) {
  for (const auto& finding : all) put(asset, finding);
  for (const auto& row : insight::changes) {
    if (insight::is_of_wiring(row.id) != (scope == Scope::wiring)) continue;
    if (std::ranges::find(all, row.id, &insight::Finding::change) == all.end()) {
      end(asset, row.id, time);
    }
  }
}

void FindingBook::Writing::rename(const Asset& from, const Asset& to) {
  auto row = book_.database_.prepare("UPDATE finding SET asset = ? WHERE asset = ? AND change = ?");
  for (const auto& change : insight::changes) {
    if (insight::is_of_wiring(change.id)) continue;
    row.bind(1, text_of(to)).bind(2, text_of(from)).bind(3, change.word);
    must(row.run() == SQLITE_OK);
  }
}

void FindingBook::Writing::told(FindingNumber number, Timestamp time) {
  auto row = book_.database_.prepare("UPDATE finding SET told = ? WHERE number = ? AND told = 0");
  must(row.bind(1, ms(time)).bind(2, number).run() == SQLITE_OK);
}

bool FindingBook::Writing::answer(FindingNumber number, Feedback feedback, const std::string& who,
                                  Timestamp time) {
  auto known = book_.database_.prepare("SELECT 1 FROM finding WHERE number = ?");
  if (known.bind(1, number).step() != SQLITE_ROW) return false;
  auto row = book_.database_.prepare(
      "UPDATE finding SET ended = coalesce(ended, ?1), feedback = ?2, answered = ?1, who = ?3 "
      "WHERE number = ?4");
  row.bind(1, ms(time)).bind(2, word(feedback)).bind(3, who).bind(4, number);
  must(row.run() == SQLITE_OK);
  return true;
}

void FindingBook::Writing::put(const Condition& condition) {
  auto& database = book_.database_;
  const auto name = text_of(condition.asset);
  auto count = database.prepare("SELECT count(*) FROM condition WHERE asset != ?");
  must(count.bind(1, name).step() == SQLITE_ROW);
  if (count.integer(0) >= std::int64_t{most_assets}) return;
  auto row = database.prepare("REPLACE INTO condition VALUES (?, ?, ?, ?)");
  row.bind(1, name).bind(2, word(condition.watch)).bind(3, ms(condition.since));
  must(row.bind(4, condition.note).run() == SQLITE_OK);
  auto clear = database.prepare("DELETE FROM trend WHERE asset = ?");
  must(clear.bind(1, name).run() == SQLITE_OK);
  auto add = database.prepare("INSERT INTO trend VALUES (?, ?, ?, ?)");
  for (std::size_t i = 0; i < std::min(condition.trends.size(), most_evidence); ++i) {
    const auto& trend = condition.trends[i];
    add.bind(1, name).bind(2, static_cast<std::int64_t>(i));
    add.bind(3, insight::row(trend.feature).word);
    must(add.bind(4, bytes_of(course_bytes(trend))).run() == SQLITE_OK);
  }
}

void FindingBook::Writing::forget_condition(const Asset& asset) {
  for (const char* table : {"condition", "trend"}) {
    auto row = book_.database_.prepare(fmt::format("DELETE FROM {} WHERE asset = ?", table));
    must(row.bind(1, text_of(asset)).run() == SQLITE_OK);
  }
}

void FindingBook::Writing::remember(std::string_view key, std::string_view memory) {
  auto& database = book_.database_;
  if (memory.empty()) {
    auto row = database.prepare("DELETE FROM memory WHERE key = ?");
    must(row.bind(1, key).run() == SQLITE_OK);
    return;
  }
  auto count = database.prepare("SELECT count(*) FROM memory WHERE key != ?");
  must(count.bind(1, key).step() == SQLITE_ROW);
  must(memory.size() <= longest_memory && count.integer(0) < std::int64_t{most_memories});
  auto row = database.prepare("REPLACE INTO memory VALUES (?, ?)");
  must(row.bind(1, key).bind(2, bytes_of(memory)).run() == SQLITE_OK);
}

std::expected<void, StoreError> FindingBook::Writing::finish() {
  auto& database = book_.database_;
  must(database.execute(
           fmt::format("DELETE FROM finding WHERE ended IS NOT NULL AND number NOT IN (SELECT "
                       "number FROM finding WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT {})",
                       most_ended)
               .c_str()) == SQLITE_OK);
  must(database.execute("DELETE FROM evidence WHERE finding NOT IN (SELECT number FROM finding)") ==
       SQLITE_OK);
  is_open_ = false;
  if (is_good_ && database.execute("COMMIT") == SQLITE_OK) {
    ++book_.revision_;
    return {};
  }
  database.execute("ROLLBACK");
  return std::unexpected(StoreError::unavailable);
}

std::vector<Evidence> FindingBook::evidence_of(FindingNumber number) {
  std::vector<Evidence> found;
  evidence_.bind(1, number);
  while (evidence_.step() == SQLITE_ROW) {
    if (auto one = evidence_in(evidence_.text(0), text_of(evidence_.blob(1)))) {
      found.push_back(std::move(*one));
    }
  }
  evidence_.reset();
  return found;
}

std::vector<BookedFinding> FindingBook::read(Statement& row) {
  std::vector<BookedFinding> found;
  while (row.step() == SQLITE_ROW) {
    const auto asset = asset_in(row.text(1));
    const auto* change = row_of(insight::changes, row.text(2));
    if (!asset || !change) continue;  // Of a later Lenz.
    auto& one = found.emplace_back();
    one.number = row.integer(0);
    one.asset = *asset;
    one.finding.change = change->id;
    one.finding.since = time_of(row.integer(3));
    one.finding.found = time_of(row.integer(4));
    one.finding.confidence = static_cast<float>(row.integer(5)) / 1000;
    if (row.integer(6) != absent) {
      one.finding.extra_wh_per_day = static_cast<float>(row.integer(6)) / 1000;
    }
    one.finding.suspects = suspects_in(std::string(row.text(7)));
    one.told = time_if(row.integer(8));
    one.ended = time_if(row.integer(9));
    one.feedback = feedback_in(row.text(10)).value_or(Feedback::none);
    one.answered = time_if(row.integer(11));
    one.who = row.text(12);
  }
  row.reset();
  for (auto& one : found) one.finding.evidence = evidence_of(one.number);
  return found;
}

std::vector<BookedFinding> FindingBook::open_findings() {
  auto row = database_.prepare(fmt::format(
      "SELECT {} FROM finding WHERE ended IS NULL ORDER BY found DESC, number DESC", columns));
  return read(row);
}

std::vector<BookedFinding> FindingBook::ended_findings(std::size_t most) {
  auto row = database_.prepare(fmt::format(
      "SELECT {} FROM finding WHERE ended IS NOT NULL ORDER BY ended DESC, number DESC LIMIT ?",
      columns));
  row.bind(1, static_cast<std::int64_t>(most));
  return read(row);
}

std::optional<BookedFinding> FindingBook::finding(FindingNumber number) {
  auto row = database_.prepare(fmt::format("SELECT {} FROM finding WHERE number = ?", columns));
  row.bind(1, number);
  auto found = read(row);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<BookedFinding> FindingBook::answered(const Asset& asset) {
  auto row = database_.prepare(fmt::format(
      "SELECT {} FROM finding WHERE asset = ? AND answered != 0 ORDER BY answered DESC", columns));
  row.bind(1, text_of(asset));
  return read(row);
}

std::vector<Condition> FindingBook::conditions() {
  std::vector<Condition> found;
  auto row = database_.prepare("SELECT asset, watch, since, note FROM condition ORDER BY asset");
  while (row.step() == SQLITE_ROW) {
    const auto asset = asset_in(row.text(0));
    const auto watch = place_of(watch_words, row.text(1));
    if (!asset || watch == watch_words.size()) continue;  // Of a later Lenz.
    found.push_back({.asset = *asset,
                     .watch = static_cast<Condition::Watch>(watch),
                     .since = time_of(row.integer(2)),
                     .note = std::string(row.text(3)),
                     .trends = {}});
  }
  auto trends =
      database_.prepare("SELECT feature, course FROM trend WHERE asset = ? ORDER BY place");
  for (auto& one : found) {
    trends.bind(1, text_of(one.asset));
    while (trends.step() == SQLITE_ROW) {
      if (auto trend = evidence_in(trends.text(0), text_of(trends.blob(1)))) {
        one.trends.push_back(std::move(*trend));
      }
    }
    trends.reset();
  }
  return found;
}

std::string FindingBook::memory(std::string_view key) {
  memory_.bind(1, key);
  std::string found;
  if (memory_.step() == SQLITE_ROW) found = text_of(memory_.blob(0));
  memory_.reset();
  return found;
}

}  // namespace hub
