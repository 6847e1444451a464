#include "hub/store/sqlite_store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <stdexcept>
#include <utility>

#include "hub/files/files.h"
#include "hub/store/block.h"
#include "hub/store/rows.h"

namespace hub {

using measurement::Quantity;
using measurement::ReportHeader;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Timestamp;

namespace {

constexpr std::int64_t format_version = 3;

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

// Memory for what waits to be written to the tables: some 2 KB each.
constexpr std::size_t most_open_samples = 65'536;

// What a start after a crash has to read.
constexpr std::uint64_t most_log_bytes = 64 << 20;

// Summarising an hour rewrites all its series, so it is done for many minutes at a time. A read
// decodes the blocks of at most so many minutes instead.
constexpr std::size_t most_unsummarised = 15;

// 8 MiB of pages hold a month of a few series. The log is cut back to 16 MiB once it is empty.
constexpr const char* limits = "PRAGMA cache_size = -8192; PRAGMA journal_size_limit = 16777216";

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

Database open(Files& files, const std::string& folder, Database::Use use) {
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
  if ((version < 1 && database.execute(schema) != SQLITE_OK) ||
      (version < 2 && database.execute(second_version) != SQLITE_OK) ||
      (version < 3 && database.execute(third_version) != SQLITE_OK) ||
      database.execute(limits) != SQLITE_OK) {
    throw std::runtime_error(fmt::format(
        "The database {} cannot be set up ({}): check that its disk has room and that the file is "
        "Lenz's own, or restore it from a backup.",
        file, database.message()));
  }
  return database;
}

// Bit c: channel c's active power is absent from at least one of the samples.
std::int64_t absences(std::span<const Sample> samples) {
  std::int64_t absent = 0;
  for (const auto& sample : samples) {
    for (std::size_t c = 0; c < sample.channels(); ++c) {
      if (!sample.steps(Quantity::active_power, c)) absent |= std::int64_t{1} << c;
    }
  }
  return absent;
}
static_assert(measurement::max_channels < 63, "BUG: the channels do not fit an integer's bits");

void insert_by_number(std::vector<Sample>& samples, const Sample& sample) {
  const auto place = samples.empty() || samples.back().number < sample.number
                         ? samples.end()
                         : std::ranges::lower_bound(samples, sample.number, {}, &Sample::number);
  samples.insert(place, sample);
}

}  // namespace

const char* sentence(StoreError error) {
  switch (error) {
    case StoreError::full:
      return "the disk is full: make room, and what the meters kept will follow";
    case StoreError::corrupted:
      return "the disk gave back something else than was written: restore this from a backup";
    case StoreError::unavailable:
      return "the disk does not answer: check it and its permissions";
    case StoreError::too_long:
      return "these are more steps than one answer may have: ask for longer ones or a shorter time";
  }
  return "";
}

// ---- A boot ------------------------------------------------------------------------------------

Timestamp SqliteStore::Boot::time_of(measurement::Uptime uptime) const {
  // Times that no clock shows share the first and the last minute there is.
  std::int64_t time = 0;
  if (__builtin_add_overflow(booted_at.time_since_epoch().count(), uptime.count(), &time)) {
    return time_of_minute(uptime.count() < 0 ? 0 : last_minute);
  }
  return std::clamp(Timestamp(std::chrono::milliseconds(time)), time_of_minute(0),
                    time_of_minute(last_minute));
}

SqliteStore::Row SqliteStore::Boot::row_of(Timestamp time) const {
  return first_row(id) + minute_of(time);
}

bool SqliteStore::Boot::has(std::uint64_t number) const {
  // A range that does not include its end cannot tell of the last number there is.
  if (number == std::numeric_limits<std::uint64_t>::max()) return true;
  const auto after = runs.upper_bound(number);
  return after != runs.begin() && number < std::prev(after)->second.end;
}

bool SqliteStore::Boot::joins(Timestamp before, Timestamp after) const {
  return before <= after && after - before <= period + period / 2;
}

void SqliteStore::Boot::add(std::uint64_t number, Timestamp time) {
  const auto after = runs.upper_bound(number);
  const auto before = after == runs.begin() ? runs.end() : std::prev(after);
  const bool extends =
      before != runs.end() && before->second.end == number && joins(before->second.last, time);
  const bool precedes =
      after != runs.end() && after->first == number + 1 && joins(time, after->second.first);

  Run run{number + 1, time, time};
  if (precedes) {
    run.end = after->second.end;
    run.last = after->second.last;
    changed_runs.insert(after->first);
    runs.erase(after);
  }
  if (extends) {
    before->second.end = run.end;
    before->second.last = run.last;
    changed_runs.insert(before->first);
  } else {
    runs.emplace(number, run);
    changed_runs.insert(number);
  }
}

// ---- Opening and being current -----------------------------------------------------------------

SqliteStore::SqliteStore(Files& files, const std::string& folder, Use use)
    : use_(use),
      segments_(files, folder),
      log_(files, folder),
      database_(
          open(files, folder, use == Use::write ? Database::Use::write : Database::Use::read)) {
  if (const auto loaded = stay_current(); !loaded) {
    throw std::runtime_error(fmt::format(
        "The database {}/lenz.db cannot be read ({}): check its disk, or restore it from a backup.",
        folder, database_.message()));
  }
  // Where the disk is full, the next commit tries again.
  if (use_ == Use::write) static_cast<void>(checkpoint());
}

SqliteStore::~SqliteStore() {
  if (is_in_transaction_ && !log_.has_added()) static_cast<void>(checkpoint());
}

std::expected<void, StoreError> SqliteStore::run(Statement& statement) {
  if (const int code = statement.run(); code != SQLITE_OK) {
    return std::unexpected(error_of(code));
  }
  return {};
}

std::expected<std::optional<Bytes>, StoreError> SqliteStore::value(Statement& statement) {
  std::optional<Bytes> value;
  const int code = statement.step();
  if (code == SQLITE_ROW) {
    const auto blob = statement.blob(0);
    value.emplace(blob.begin(), blob.end());
  }
  statement.reset();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return std::unexpected(error_of(code));
  return value;
}

std::expected<std::vector<SqliteStore::Row>, StoreError> SqliteStore::rows(Statement& statement) {
  std::vector<Row> found;
  int code = statement.step();
  // They were asked for in order. Pages that lie in each other's place give them twice.
  bool is_rising = true;
  for (; code == SQLITE_ROW && is_rising; code = statement.step()) {
    const Row row = statement.integer(0);
    is_rising = found.empty() || found.back() < row;
    found.push_back(row);
  }
  statement.reset();
  if (!is_rising) return std::unexpected(StoreError::corrupted);
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  return found;
}

std::expected<void, StoreError> SqliteStore::stay_current() {
  const auto version = rows(data_version_);
  if (!version) return std::unexpected(version.error());
  if (is_loaded_ && version->front() == seen_version_) return {};
  seen_version_ = version->front();
  return load();
}

std::expected<void, StoreError> SqliteStore::load() {
  is_loaded_ = false;
  boots_.clear();
  counts_.clear();
  forget_open();
  const auto time = [](Statement& statement, int column) {
    return Timestamp(std::chrono::milliseconds(statement.integer(column)));
  };
  const auto number = [](Statement& statement, int column) {
    return static_cast<std::uint64_t>(statement.integer(column));
  };

  int code = all_boots_.step();
  for (; code == SQLITE_ROW; code = all_boots_.step()) {
    const auto stream = static_cast<measurement::Stream>(all_boots_.integer(3));
    boots_[{std::string(all_boots_.text(1)), number(all_boots_, 2), stream}] = {
        .id = all_boots_.integer(0),
        .booted_at = time(all_boots_, 4),
        .period = std::chrono::milliseconds(all_boots_.integer(5)),
        .lost = number(all_boots_, 6),
        .origin = {all_boots_.integer(7) != 0, number(all_boots_, 8)},
        .runs = {},
        .is_changed = false,
        .changed_runs = {}};
  }
  all_boots_.reset();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));

  for (auto& [name, boot] : boots_) {
    all_runs_.bind(1, boot.id);
    for (code = all_runs_.step(); code == SQLITE_ROW; code = all_runs_.step()) {
      boot.runs[number(all_runs_, 0)] = {number(all_runs_, 1), time(all_runs_, 2),
                                         time(all_runs_, 3)};
      boot.newest = std::max(boot.newest, boot.row_of(time(all_runs_, 3)));
    }
    all_runs_.reset();
    if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  }

  for (code = all_devices_.step(); code == SQLITE_ROW; code = all_devices_.step()) {
    counts_[std::string(all_devices_.text(0))] = {number(all_devices_, 1), number(all_devices_, 2),
                                                  false};
  }
  all_devices_.reset();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));

  const auto newest = rows(newest_revision_);
  if (!newest) return std::unexpected(newest.error());
  revision_ = committed_revision_ = newest->empty() ? 0 : newest->front();
  is_loaded_ = true;
  return use_ == Use::write ? replay() : std::expected<void, StoreError>{};
}

std::expected<void, StoreError> SqliteStore::replay() {
  const auto number = rows(log_number_);
  if (!number) return std::unexpected(number.error());
  const auto done =
      log_.replay(number->front(),
                  [&](const auto& header, const auto& samples) -> std::expected<void, StoreError> {
                    if (const auto begun = begin_transaction(); !begun) return begun;
                    if (const auto taken = take(header, samples); !taken)
                      return std::unexpected(taken.error());
                    return {};
                  });
  if (!done) is_loaded_ = false;
  return done;
}

std::expected<void, StoreError> SqliteStore::settle() {
  if (const auto current = stay_current(); !current) return undo(current.error());
  return flush();
}

// ---- Writing -----------------------------------------------------------------------------------

std::expected<void, StoreError> SqliteStore::begin() {
  if (const auto begun = begin_transaction(); !begun) return begun;
  if (const auto current = stay_current(); !current) return undo(current.error());
  return {};
}

std::expected<void, StoreError> SqliteStore::begin_transaction() {
  if (is_in_transaction_) return {};
  if (const int code = database_.execute("BEGIN IMMEDIATE"); code != SQLITE_OK) {
    return undo(error_of(code));
  }
  is_in_transaction_ = true;
  return {};
}

std::unexpected<StoreError> SqliteStore::undo(StoreError why) {
  // After some errors SQLite has already done it, and then refuses.
  database_.execute("ROLLBACK");
  undone_ += is_in_transaction_;
  is_in_transaction_ = false;
  forget_open();
  must_checkpoint_ = true;
  is_loaded_ = false;
  return std::unexpected(why);
}

void SqliteStore::forget_open() {
  open_.clear();
  open_samples_ = 0;
  touched_.clear();
  has_complete_minute_ = false;
}

SqliteStore::Boot& SqliteStore::boot_of(const ReportHeader& header) {
  assert(header.booted_at && "BUG: a report without a time came as far as the store");
  const std::string device(header.device);
  const auto [found, is_new] = boots_.try_emplace({device, header.boot, header.stream});
  Boot& boot = found->second;
  if (is_new) {
    boot.booted_at = *header.booted_at;
    for (const auto& [name, other] : boots_) boot.id = std::max(boot.id, other.id);
    ++boot.id;
    // All streams of a boot have one clock.
    for (auto it = boots_.lower_bound({device, header.boot, measurement::Stream{}});
         it != boots_.end() && std::get<0>(it->first) == device &&
         std::get<1>(it->first) == header.boot;
         ++it) {
      if (it != found) boot.booted_at = it->second.booted_at;
    }
  }
  if (boot.period != header.period || boot.lost < header.lost || boot.origin != header.origin) {
    boot.period = header.period;
    boot.origin = header.origin;
    boot.lost = std::max(boot.lost, header.lost);
    boot.is_changed = true;
  }
  return boot;
}

std::expected<Appended, StoreError> SqliteStore::append(const ReportHeader& header,
                                                        std::span<const Sample> samples) {
  assert(use_ == Use::write && "BUG: who only reads has something to store");
  if (const auto begun = begin(); !begun) return std::unexpected(begun.error());
  const auto appended = take(header, samples);
  if (!appended) return undo(appended.error());
  if (!must_checkpoint_) log_.add(header, samples);
  return appended;
}

std::expected<Appended, StoreError> SqliteStore::take(const ReportHeader& header,
                                                      std::span<const Sample> samples) {
  Boot& boot = boot_of(header);
  Appended appended;
  for (const auto& sample : samples) {
    if (boot.has(sample.number)) {
      ++appended.duplicate;
      continue;
    }
    const Timestamp time = boot.time_of(sample.uptime);
    const Row row = boot.row_of(time);
    const auto block = open_block(row);
    if (!block) return std::unexpected(block.error());
    // No meter measures that fast. It is not kept, and so never acknowledged.
    if ((*block)->size() >= most_samples_in_block) continue;
    insert_by_number(**block, sample);
    boot.add(sample.number, time);
    ++open_samples_;
    ++appended.added;
    has_complete_minute_ |=
        row < boot.newest || (row > boot.newest && touched_.contains(boot.newest));
    boot.newest = std::max(boot.newest, row);
    touched_.insert(row);
  }
  auto& counts = counts_[std::string(header.device)];
  ++(appended.added > 0 ? counts.reports : counts.duplicate);
  counts.is_changed = true;

  if (open_samples_ > most_open_samples) {
    if (const auto written = flush(); !written) return std::unexpected(written.error());
  }
  return appended;
}

std::expected<SqliteStore::Samples*, StoreError> SqliteStore::open_block(Row row) {
  if (const auto open = open_.find(row); open != open_.end()) return &open->second;
  auto samples = block(row);
  if (!samples && samples.error() == StoreError::corrupted) {
    // Refusing would have the meter send this minute for ever. The damaged bytes are kept.
    if (const auto done = run(set_aside_.bind(1, row)); !done) return std::unexpected(done.error());
    samples = Samples{};
  }
  if (!samples) return std::unexpected(samples.error());
  open_samples_ += samples->size();
  return &(open_[row] = std::move(*samples));
}

std::expected<SqliteStore::Samples, StoreError> SqliteStore::block(Row row) {
  const auto bytes = value(find_block_.bind(1, row));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return Samples{};
  return (*bytes)->empty() ? packed_block(row) : decode_block(row, **bytes);
}

std::expected<std::vector<SqliteStore::Packed>, StoreError> SqliteStore::packed_hours(Row first,
                                                                                      Row last) {
  std::vector<Packed> found;
  packed_within_.bind(1, hour_of(first)).bind(2, last);
  int code = packed_within_.step();
  for (; code == SQLITE_ROW; code = packed_within_.step()) {
    found.push_back({packed_within_.integer(0), packed_within_.integer(1)});
  }
  packed_within_.reset();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  return found;
}

const SqliteStore::Boot* SqliteStore::boot_with(std::int64_t id) const {
  const auto found =
      std::ranges::find_if(boots_, [&](const auto& boot) { return boot.second.id == id; });
  return found == boots_.end() ? nullptr : &found->second;
}

std::expected<SqliteStore::Samples, StoreError> SqliteStore::packed_block(Row row) {
  const Row hour = hour_of(row);
  const auto packed = packed_hours(hour, hour);
  if (!packed) return std::unexpected(packed.error());
  const Boot* boot = boot_with(row >> 32);
  if (packed->empty() || !boot) return std::unexpected(StoreError::corrupted);
  const auto number = packed->front().segment;
  if (unpacked_hour_.hour != hour || unpacked_hour_.segment != number) {
    const auto segment = segments_.open(number);
    if (!segment) return std::unexpected(segment.error());
    SegmentReader reader(**segment, row >> 32, hour, hour);
    auto opened = PackedHour::open(reader.hour(hour));
    if (!opened) return std::unexpected(opened.error());
    auto samples = opened->samples();
    if (!samples) return std::unexpected(samples.error());
    unpacked_samples_ = std::move(*samples);
    unpacked_hour_ = {hour, number};
  }
  Samples minute;
  for (const auto& sample : unpacked_samples_) {
    if (boot->row_of(boot->time_of(sample.uptime)) == row) minute.push_back(sample);
  }
  return minute;
}

std::expected<void, StoreError> SqliteStore::write_block(Row row, std::span<const Sample> samples) {
  const auto bytes = encode_block(row, samples);
  put_block_.bind(1, row).bind(2, absences(samples)).bind(3, bytes);
  if (const auto done = run(put_block_); !done) return done;
  if (const auto done = run(put_unsummarised_.bind(1, row)); !done) return done;
  return note_change(row);
}

// A late minute also takes from what the ones after it gained: as far as the next that has all.
std::expected<void, StoreError> SqliteStore::note_change(Row row) {
  const Row last = row - minute_of_row(row) + last_minute;
  if (const auto done = run(put_change_.bind(1, row).bind(2, ++revision_)); !done) return done;
  const auto shortened = rows(rows_after_.bind(1, row).bind(2, last));
  if (!shortened) return std::unexpected(shortened.error());
  for (const Row later : *shortened) {
    if (open_.contains(later)) continue;  // Is noted when it is written.
    if (const auto done = run(put_change_.bind(1, later).bind(2, ++revision_)); !done) return done;
  }
  return {};
}

std::expected<void, StoreError> SqliteStore::write_boot(const BootName& name, Boot& boot) {
  const auto integer = [](auto n) { return static_cast<std::int64_t>(n); };
  if (boot.is_changed) {
    const auto& [device, number, stream] = name;
    put_boot_.bind(1, boot.id).bind(2, device).bind(3, integer(number)).bind(4, integer(stream));
    put_boot_.bind(5, boot.booted_at.time_since_epoch().count()).bind(6, boot.period.count());
    put_boot_.bind(7, integer(boot.lost)).bind(8, integer(boot.origin.timed_on_arrival));
    put_boot_.bind(9, integer(boot.origin.integrated));
    if (const auto done = run(put_boot_); !done) return done;
  }
  for (const auto begin : boot.changed_runs) {
    const auto found = boot.runs.find(begin);
    auto& statement = found == boot.runs.end() ? remove_run_ : put_run_;
    statement.bind(1, boot.id).bind(2, integer(begin));
    if (found != boot.runs.end()) {
      const auto& [end, first, last] = found->second;
      statement.bind(3, integer(end)).bind(4, first.time_since_epoch().count());
      statement.bind(5, last.time_since_epoch().count());
    }
    if (const auto done = run(statement); !done) return done;
  }
  boot.is_changed = false;
  boot.changed_runs.clear();
  return {};
}

std::expected<void, StoreError> SqliteStore::flush() {
  if (!is_in_transaction_) return {};
  for (const auto& [row, samples] : open_) {
    if (const auto done = write_block(row, samples); !done) return undo(done.error());
  }
  open_.clear();
  open_samples_ = 0;
  for (auto& [name, boot] : boots_) {
    if (const auto done = write_boot(name, boot); !done) return undo(done.error());
  }
  for (auto& [device, counts] : counts_) {
    if (!std::exchange(counts.is_changed, false)) continue;
    put_device_.bind(1, device).bind(2, static_cast<std::int64_t>(counts.reports));
    put_device_.bind(3, static_cast<std::int64_t>(counts.duplicate));
    if (const auto done = run(put_device_); !done) return undo(done.error());
  }
  return {};
}

std::expected<void, StoreError> SqliteStore::commit() {
  if (!is_in_transaction_) return {};
  if (must_checkpoint_ || has_complete_minute_ || log_.bytes() > most_log_bytes) {
    return checkpoint();
  }
  if (const auto synced = log_.sync(); !synced) return undo(synced.error());
  return {};
}

std::expected<void, StoreError> SqliteStore::checkpoint() {
  if (const auto begun = begin(); !begun) return begun;
  if (const auto done = flush(); !done) return done;
  if (const auto done = summarise_when_due(); !done) return undo(done.error());
  const auto number = rows(log_number_);
  if (!number) return undo(number.error());
  const auto next = number->front() + (log_.is_empty(number->front()) ? 0 : 1);
  if (const auto begun = log_.begin(next); !begun) return undo(begun.error());
  if (const auto done = run(put_log_number_.bind(1, next)); !done) return undo(done.error());
  if (const int code = database_.execute("COMMIT"); code != SQLITE_OK) return undo(error_of(code));
  is_in_transaction_ = false;
  touched_.clear();
  has_complete_minute_ = must_checkpoint_ = false;
  committed_revision_ = revision_;
  if (next != number->front()) log_.remove_before(next);
  return {};
}

std::expected<void, StoreError> SqliteStore::summarise_when_due() {
  const auto due = rows(unsummarised_);
  if (!due) return std::unexpected(due.error());
  if (due->size() <= most_unsummarised) return {};
  for (auto begin = due->begin(); begin != due->end();) {
    const Row first = hour_of(*begin);
    const auto end = std::find_if(begin, due->end(), [&](Row r) { return hour_of(r) != first; });
    if (const auto done = summarise_hour(first, {begin, end}); !done) return done;
    begin = end;
  }
  return {};
}

std::expected<void, StoreError> SqliteStore::summarise_hour(Row first, std::span<const Row> due) {
  std::vector<std::pair<std::size_t, Samples>> minutes;
  std::size_t chips = 0;
  for (const Row row : due) {
    auto samples = block(row);
    // A damaged one stays listed, so that every read of its minute tells.
    if (!samples && samples.error() == StoreError::corrupted) continue;
    if (!samples) return std::unexpected(samples.error());
    if (samples->empty()) continue;
    chips = std::max(chips, samples->front().chips());
    minutes.emplace_back(static_cast<std::size_t>(row - first), std::move(*samples));
    if (const auto done = run(remove_unsummarised_.bind(1, row)); !done) return done;
  }

  const Sample widest(chips);
  for (const auto& quantity : measured) {
    for (std::size_t index = 0; index < widest.count(quantity.id); ++index) {
      const Place place{first, series_number(quantity.id, index)};
      auto hour = kept_summary(place, quantity.id);
      // Where nothing can be made of the old one, it stays, so that every read of it tells.
      if (!hour && hour.error() == StoreError::corrupted) continue;
      if (!hour) return std::unexpected(hour.error());
      for (const auto& [minute, samples] : minutes) {
        (*hour)[minute] = summarise(samples, quantity.id, index);
      }
      if (std::ranges::all_of(*hour, [](const auto& minute) { return minute.count == 0; }))
        continue;
      const auto bytes = encode_summary(place, *hour, quantity.id);
      put_summary_.bind(1, place.row).bind(2, place.series).bind(3, bytes);
      if (const auto done = run(put_summary_); !done) return done;
    }
  }
  return {};
}

std::expected<HourSummary, StoreError> SqliteStore::kept_summary(Place place, Quantity quantity) {
  const auto bytes = value(find_summary_.bind(1, place.row).bind(2, place.series));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return HourSummary{};
  auto hour = decode_summary(place, **bytes, quantity);
  if (hour) return hour;

  // A damaged summary is made again from what it summarises.
  HourSummary again;
  for (std::size_t minute = 0; minute < again.size(); ++minute) {
    const auto samples = block(place.row + static_cast<Row>(minute));
    if (!samples) return std::unexpected(samples.error());
    again[minute] = summarise(*samples, quantity, static_cast<std::size_t>(place.series & 0xFF));
  }
  return again;
}

// ---- What changed ------------------------------------------------------------------------------

std::expected<std::vector<Store::Change>, StoreError> SqliteStore::changes(std::uint64_t after,
                                                                           std::size_t most) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  std::vector<Change> found;
  changes_.bind(1, static_cast<std::int64_t>(after)).bind(2, committed_revision_);
  changes_.bind(3, static_cast<std::int64_t>(most));
  int code = changes_.step();
  for (; code == SQLITE_ROW; code = changes_.step()) {
    found.push_back({static_cast<std::uint64_t>(changes_.integer(0)), std::string(changes_.text(2)),
                     time_of_minute(minute_of_row(changes_.integer(1)))});
  }
  changes_.reset();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  return found;
}

}  // namespace hub
