#include "hub/store/sqlite_store.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "hub/files/files.h"
#include "hub/store/block.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/rows.h"
#include "hub/store/tables.h"

namespace hub {

using measurement::Quantity;
using measurement::ReportHeader;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Timestamp;

namespace {

// Of minutes that many meters have open. What is over has a limit of its own.
constexpr std::size_t most_open_bytes = 128 << 20;
constexpr int pieces_at_once = 4;  // Of tidying, for those who write faster than it gets on.
// What a start after a crash has to read.
constexpr std::uint64_t most_log_bytes = 64 << 20;

constexpr std::int64_t revisions_at_once = 1 << 20;

// What a row says of itself, so that one whose bits changed is not believed.
std::int64_t seal_of(std::string_view text, std::span<const std::int64_t> numbers) {
  Bytes bytes(text.begin(), text.end());
  for (const auto number : numbers) {
    put_little_endian(bytes, static_cast<std::uint64_t>(number), sizeof number);
  }
  return static_cast<std::int64_t>(crc32(0, bytes.data(), static_cast<uInt>(bytes.size())));
}

constexpr std::int64_t unsealed = -1;  // It was written before there were seals.

template <std::size_t n>
std::array<std::int64_t, n> integers(Statement& row, const std::array<int, n>& columns) {
  std::array<std::int64_t, n> found;
  std::ranges::transform(columns, found.begin(), [&](int column) { return row.integer(column); });
  return found;
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

// Numbers of composites are kept by this: "meter 0*1 1*-1".
std::string SqliteStore::text_of(const Series& series) {
  std::string text = series.device;
  for (const auto& [channel, multiplier] : series.together) {
    text += fmt::format(" {}*{}", channel, multiplier);
  }
  return text;
}

std::expected<void, StoreError> SqliteStore::keep_together(std::vector<Series> composites) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  kept_together_.clear();
  for (auto& series : composites) {
    std::ranges::sort(series.together);
    const auto text = text_of(series);
    auto known = composites_.find(text);
    if (known == composites_.end()) {
      const auto number = static_cast<std::int64_t>(composites_.size());
      if (number >= most_composites) break;
      if (const auto done = run(put_composite_.bind(1, number).bind(2, text)); !done) return done;
      known = composites_.emplace(text, number).first;
    }
    kept_together_.push_back({known->second, std::move(series)});
  }
  return {};
}

// ---- Opening and being current -----------------------------------------------------------------

SqliteStore::SqliteStore(Files& files, const std::string& folder, Use use)
    : use_(use),
      files_(files),
      folder_(folder),
      segments_(files, folder),
      log_(files, folder),
      database_(open_tables(files, folder,
                            use == Use::write ? Database::Use::write : Database::Use::read)) {
  if (const auto loaded = stay_current(); !loaded) {
    throw std::runtime_error(fmt::format(
        "The database {}/lenz.db cannot be read ({}): check its disk, or restore it from a backup.",
        folder, database_.message()));
  }
  if (use_ == Use::read) return;
  // What was found in logs stays there until the next checkpoint. Where the disk is full, the next
  // commit tries again.
  must_checkpoint_ = !log_.write_again() || !log_.begin(log_.last() + log_.has_found()) ||
                     !run(put_log_.bind(1, first_log_).bind(2, revision_ + revisions_at_once));
  last_revision_ = revision_ + revisions_at_once;
}

SqliteStore::~SqliteStore() {
  if (use_ == Use::write && is_loaded_ && !has_uncommitted_) static_cast<void>(checkpoint());
}

std::expected<void, StoreError> SqliteStore::run(Statement& statement) {
  if (const int code = statement.run(); code != SQLITE_OK) {
    return std::unexpected(error_of(code));
  }
  return {};
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

std::expected<std::vector<SqliteStore::Row>, StoreError> SqliteStore::rows_and_heads(
    Statement& statement, Row first, Row last) {
  auto found = rows(statement.bind(1, first).bind(2, last));
  const auto heads = heads_.rows(first, last);
  if (!found || heads.empty()) return found;
  std::vector<Row> both;
  std::ranges::set_union(*found, heads, std::back_inserter(both));
  return both;
}

std::expected<std::optional<SqliteStore::Row>, StoreError> SqliteStore::row_before(Row first,
                                                                                   Row last) {
  const auto found = rows(row_before_.bind(1, first).bind(2, last));
  if (!found) return std::unexpected(found.error());
  auto latest = heads_.before(last);
  if (latest && *latest < first) latest.reset();
  if (!found->empty() && (!latest || *latest < found->front())) latest = found->front();
  return latest;
}

std::expected<void, StoreError> SqliteStore::stay_current() {
  if (is_loaded_ && use_ == Use::write) return {};  // Nobody else writes.
  // While this reads, the writer may begin its log anew.
  constexpr int most_attempts = 10;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    const auto version = rows(data_version_);
    if (!version) return std::unexpected(version.error());
    const bool is_known = is_loaded_ && version->front() == seen_version_;
    seen_version_ = version->front();
    if (const auto done = is_known ? log_.follow(taking()) : load(); !done) return done;
    const auto now = rows(data_version_);
    if (!now) return std::unexpected(now.error());
    if (now->front() == seen_version_) return {};
  }
  return std::unexpected(StoreError::unavailable);
}

void SqliteStore::forget() {
  is_loaded_ = false;
  boots_.clear();
  names_.clear();
  counts_.clear();
  composites_.clear();
  heads_.clear();
  touched_.clear();
  changed_.clear();
  revisions_.clear();
  packed_.clear();
  leaving_.reset();
  summaries_.clear();
  totals_.clear();
  forget_whereabouts();
  lasts_.clear();
  decoded_row_.reset();
  unpacked_hour_ = {};
}

std::expected<void, StoreError> SqliteStore::load() {
  forget();
  // One state of all tables.
  if (const int code = database_.execute("BEGIN"); code != SQLITE_OK) {
    return std::unexpected(error_of(code));
  }
  const auto done = load_tables();
  database_.execute("COMMIT");
  if (!done) return done;
  is_loaded_ = true;
  const auto replayed = log_.replay(first_log_, taking());
  is_loaded_ = replayed.has_value();
  has_uncommitted_ = false;
  // Nobody knows how much of it was told before.
  return replayed && use_ == Use::write ? announce_all() : replayed;
}

std::expected<void, StoreError> SqliteStore::load_tables() {
  const auto time = [](Statement& statement, int column) {
    return Timestamp(std::chrono::milliseconds(statement.integer(column)));
  };
  const auto number = [](Statement& statement, int column) {
    return static_cast<std::uint64_t>(statement.integer(column));
  };

  int code = all_boots_.step();
  for (; code == SQLITE_ROW; code = all_boots_.step()) {
    const auto seal = all_boots_.integer(8);
    if (seal != unsealed &&
        seal !=
            seal_of(all_boots_.text(1), integers(all_boots_, std::array{0, 2, 3, 4, 5, 6, 7, 9}))) {
      continue;  // When its samples were measured is not known any more.
    }
    const auto stream = static_cast<measurement::Stream>(all_boots_.integer(3));
    boots_[{std::string(all_boots_.text(1)), number(all_boots_, 2), stream}] = {
        .id = all_boots_.integer(0),
        .booted_at = time(all_boots_, 4),
        .period = std::chrono::milliseconds(all_boots_.integer(5)),
        .lost = number(all_boots_, 6),
        .origin = {all_boots_.integer(7) != 0, number(all_boots_, 9)},
        .runs = {},
        .is_changed = false,
        .changed_runs = {}};
  }
  all_boots_.reset();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));

  for (auto& [name, boot] : boots_) {
    names_[boot.id] = &name;
    all_runs_.bind(1, boot.id);
    for (code = all_runs_.step(); code == SQLITE_ROW; code = all_runs_.step()) {
      const auto seal = all_runs_.integer(4);
      if (seal != unsealed && seal != seal_of({}, integers(all_runs_, std::array{5, 0, 1, 2, 3}))) {
        continue;  // What comes again is found in its minute.
      }
      boot.runs[number(all_runs_, 0)] = {number(all_runs_, 1), time(all_runs_, 2),
                                         time(all_runs_, 3)};
      boot.newest = std::max(boot.newest, boot.row_of(time(all_runs_, 3)));
    }
    all_runs_.reset();
    if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  }

  // One that is not known any more keeps its number.
  const auto ids = rows(newest_boot_id_);
  if (!ids) return std::unexpected(ids.error());
  newest_boot_ = ids->front();

  for (code = all_devices_.step(); code == SQLITE_ROW; code = all_devices_.step()) {
    counts_[std::string(all_devices_.text(0))] = {number(all_devices_, 1), number(all_devices_, 2),
                                                  false};
  }
  all_devices_.reset();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));

  for (code = all_composites_.step(); code == SQLITE_ROW; code = all_composites_.step()) {
    composites_[std::string(all_composites_.text(1))] = all_composites_.integer(0);
  }
  all_composites_.reset();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));

  const auto newest = rows(newest_revision_);
  if (!newest) return std::unexpected(newest.error());
  code = log_number_.step();
  if (code == SQLITE_ROW) {
    first_log_ = log_number_.integer(0);
    revision_ = std::max({revision_, newest->front(), log_number_.integer(1)});
  }
  log_number_.reset();
  if (code != SQLITE_ROW) {
    return std::unexpected(code == SQLITE_DONE ? StoreError::corrupted : error_of(code));
  }
  return {};
}

Log::Append SqliteStore::taking() {
  return [this](const ReportHeader& header,
                std::span<const Sample> samples) -> std::expected<void, StoreError> {
    if (const auto taken = take(header, samples); !taken) return std::unexpected(taken.error());
    return {};
  };
}

std::unexpected<StoreError> SqliteStore::undo(StoreError why) {
  // After some errors SQLite has already done it, and then refuses; outside of a transaction too.
  database_.execute("ROLLBACK");
  undone_ += has_uncommitted_;
  has_uncommitted_ = false;
  must_checkpoint_ = true;
  forget();
  return std::unexpected(why);
}

// ---- Writing -----------------------------------------------------------------------------------

Boot& SqliteStore::boot_of(const ReportHeader& header) {
  assert(header.booted_at && "BUG: a report without a time came as far as the store");
  const std::string device(header.device);
  const auto [found, is_new] = boots_.try_emplace({device, header.boot, header.stream});
  Boot& boot = found->second;
  if (is_new) {
    boot.booted_at = *header.booted_at;
    boot.id = ++newest_boot_;
    boot.in_tables = first_row(boot.id) - 1;
    names_[boot.id] = &found->first;
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
  if (const auto current = stay_current(); !current) return undo(current.error());
  const auto appended = take(header, samples);
  if (!appended) return undo(appended.error());
  if (!must_checkpoint_) log_.add(header, samples);
  return appended;
}

std::expected<Appended, StoreError> SqliteStore::take(const ReportHeader& header,
                                                      std::span<const Sample> samples) {
  Boot& boot = boot_of(header);
  Appended appended;
  Row row = 0;
  const auto leave = [&] {
    if (row != boot.newest && heads_.has(row)) heads_.encode(row);
  };
  for (const auto& sample : samples) {
    if (boot.has(sample.number)) {
      ++appended.duplicate;
      continue;
    }
    const Timestamp time = boot.time_of(sample.uptime);
    if (const Row next = boot.row_of(time); next != row) {
      leave();
      row = next;
      if (const auto begun = begin_head(row); !begun) return std::unexpected(begun.error());
      if (heads_.has(row)) touch(boot, row);
    }
    if (!heads_.has(row)) {
      // It is older than what is kept in samples: its meter need not send it again.
      boot.add(sample.number, time);
      ++appended.duplicate;
      continue;
    }
    // No meter measures that fast. It is not kept, and so never acknowledged.
    if (heads_.count(row) >= most_samples_in_block) continue;
    ++(heads_.add(row, sample) ? appended.added : appended.duplicate);
    boot.add(sample.number, time);
  }
  leave();
  auto& counts = counts_[std::string(header.device)];
  ++(appended.added > 0 ? counts.reports : counts.duplicate);
  counts.is_changed = true;
  has_uncommitted_ = has_taken_ = true;
  return appended;
}

void SqliteStore::touch(Boot& boot, Row row) {
  if (row > boot.newest && heads_.has(boot.newest)) heads_.encode(boot.newest);
  boot.newest = std::max(boot.newest, row);
  going_on_.insert(boot.id);
  touched_.insert(row);
  summaries_.erase(row);
  forget_totals(row);
  if (decoded_row_ == row) decoded_row_.reset();
}

std::expected<bool, StoreError> SqliteStore::may_be_in_tables(Row first) {
  Boot& boot = boot_of(first);
  if (!boot.in_tables) {
    const Row begin = first_row(boot.id);
    const auto latest = latest_within(begin, begin + last_minute);
    if (!latest) return std::unexpected(latest.error());
    boot.in_tables = latest->value_or(begin - 1);
  }
  return first <= *boot.in_tables;
}

void SqliteStore::note_in_tables(Row row) {
  auto& known = boot_of(row).in_tables;
  if (known) known = std::max(*known, row);
}

std::expected<void, StoreError> SqliteStore::begin_head(Row row) {
  if (heads_.has(row)) return {};
  forget_whereabouts();
  const auto may_be_known = may_be_in_tables(row);
  if (!may_be_known) return std::unexpected(may_be_known.error());
  if (!*may_be_known) {
    heads_.begin(row, {});
    return {};
  }
  const auto packed = packed_hours(hour_of(row), hour_of(row));
  if (!packed) return std::unexpected(packed.error());
  if (!packed->empty() && packed->front().detail >= Detail::minutes) return {};
  auto samples = block(row);
  if (!samples && samples.error() == StoreError::corrupted) {
    // Refusing would have the meter send this minute for ever. The damaged bytes are kept.
    if (use_ == Use::write) {
      if (const auto done = run(set_aside_.bind(1, row)); !done) return done;
    }
    samples = Samples{};
  }
  if (!samples) return std::unexpected(samples.error());
  heads_.begin(row, std::move(*samples));
  return {};
}

// So much waits in memory and in logs that it is time for the tables.
bool SqliteStore::is_full(std::size_t times) const {
  return heads_.encoded_bytes() > times * most_waiting_bytes_ ||
         heads_.open_bytes() > times * most_open_bytes ||
         log_.bytes() + log_.found_bytes() > times * most_log_bytes ||
         last_revision_ - revision_ < revisions_at_once / 2;
}

void SqliteStore::hand_over() {
  if (has_uncommitted_ && !must_checkpoint_) log_.hand_over();
}

std::expected<void, StoreError> SqliteStore::commit() {
  if (!has_uncommitted_) return {};
  if (must_checkpoint_ || is_full(3)) return checkpoint();
  if (const auto synced = log_.sync(); !synced) return undo(synced.error());
  has_uncommitted_ = false;
  static_cast<void>(announce_over(Timestamp::min()));  // Else tidy() does.
  // tidy() does it sooner, when nobody waits. Those who write faster than it packs help it.
  for (int piece = 0; piece < pieces_at_once && is_full(2); ++piece) {
    if (!make_room()) break;  // What was committed is in the log.
  }
  return {};
}

// ---- What changed ------------------------------------------------------------------------------

// A late minute also takes from what the ones after it gained: as far as the next that has all, but
// an hour of them at most.
std::expected<void, StoreError> SqliteStore::announce(Row row) {
  constexpr std::size_t most_later = 60;
  const auto give_revision = [&](Row changed) {
    const auto [known, is_new] = revisions_.try_emplace(changed);
    if (!is_new) changed_.erase(known->second);
    known->second = ++revision_;
    changed_[revision_] = changed;
  };
  give_revision(row);

  const Row last = row - minute_of_row(row) + last_minute;
  std::map<Row, std::int64_t> later;  // With their absences.
  const auto are_in_tables = may_be_in_tables(row + 1);
  if (!are_in_tables) return std::unexpected(are_in_tables.error());
  if (*are_in_tables) {
    absences_after_.bind(1, row).bind(2, last).bind(3, static_cast<std::int64_t>(most_later));
    int code = absences_after_.step();
    for (; code == SQLITE_ROW; code = absences_after_.step()) {
      later[absences_after_.integer(0)] = absences_after_.integer(1);
    }
    absences_after_.reset();
    if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  }
  for (const Row head : heads_.rows(row + 1, last, most_later)) later[head] = heads_.absences(head);

  std::size_t count = 0;
  for (const auto& [changed, absences] : later) {
    if (++count > most_later) break;
    if (!touched_.contains(changed)) give_revision(changed);  // Else it will be.
    if (absences == 0) break;
  }
  return {};
}

// What is over: the next minute of its boot has begun, or it lies before `now`.
std::expected<void, StoreError> SqliteStore::announce_over(Timestamp now) {
  for (auto row = touched_.begin(); row != touched_.end();) {
    const Boot* boot = boot_with(*row >> 32);
    const bool is_over = *row < boot->newest || time_of_minute(minute_of_row(*row) + 1) <= now;
    if (!is_over) {
      ++row;
      continue;
    }
    if (const auto done = announce(*row); !done) return done;
    row = touched_.erase(row);
  }
  return {};
}

std::expected<void, StoreError> SqliteStore::announce_all() {
  const auto touched = touched_;
  for (const Row row : touched) {
    if (const auto done = announce(row); !done) return done;
  }
  return {};
}

std::expected<std::vector<Store::Change>, StoreError> SqliteStore::changes(std::uint64_t after,
                                                                           std::size_t most) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  std::vector<Change> found;
  changes_.bind(1, static_cast<std::int64_t>(after));
  int code = changes_.step();
  for (; code == SQLITE_ROW && found.size() < most; code = changes_.step()) {
    const Row row = changes_.integer(1);
    if (revisions_.contains(row)) continue;  // It has changed again.
    found.push_back({static_cast<std::uint64_t>(changes_.integer(0)), std::string(changes_.text(2)),
                     time_of_minute(minute_of_row(row))});
  }
  changes_.reset();
  if (code != SQLITE_DONE && code != SQLITE_ROW) return std::unexpected(error_of(code));
  for (auto change = changed_.upper_bound(static_cast<std::int64_t>(after));
       change != changed_.end() && found.size() < most; ++change) {
    const auto& [revision, row] = *change;
    found.push_back({static_cast<std::uint64_t>(revision), std::get<0>(*names_.at(row >> 32)),
                     time_of_minute(minute_of_row(row))});
  }
  return found;
}

// ---- The tables --------------------------------------------------------------------------------

bool SqliteStore::has_news() const {
  const auto is_changed = [](const auto& named) { return named.second.is_changed; };
  return must_checkpoint_ || !heads_.is_empty() || !packed_.empty() || !changed_.empty() ||
         std::ranges::any_of(counts_, is_changed) || std::ranges::any_of(boots_, is_changed);
}

// They go straight to their segments.
SqliteStore::Hours SqliteStore::hours_over() const {
  Hours over;
  for (const Row row : heads_.all()) {
    if (!heads_.is_packed(row) && hour_of(row) < hour_of(boot_with(row >> 32)->newest)) {
      over[hour_of(row)] = Loss::none;
    }
  }
  return over;
}

std::expected<void, StoreError> SqliteStore::make_room() {
  if (!leaving_) leaving_ = hours_over();
  if (leaving_->empty()) return checkpoint();
  if (const auto done = pack(*leaving_); !done) return undo(done.error());
  return {};
}

std::expected<void, StoreError> SqliteStore::checkpoint() {
  if (const auto current = stay_current(); !current) return undo(current.error());
  if (!has_news()) return {};
  leaving_.reset();
  for (auto over = hours_over(); !over.empty();) {
    if (const auto done = pack(over); !done) return undo(done.error());
  }
  if (const auto done = announce_all(); !done) return undo(done.error());
  if (const int code = database_.execute("BEGIN IMMEDIATE"); code != SQLITE_OK) {
    return undo(error_of(code));
  }
  if (const auto done = write_tables(); !done) return undo(done.error());
  const auto next = log_.is_empty() ? log_.last() : log_.last() + 1;
  if (const auto begun = log_.begin(next); !begun) return undo(begun.error());
  last_revision_ = revision_ + revisions_at_once;
  if (const auto done = run(put_log_.bind(1, next).bind(2, last_revision_)); !done) {
    return undo(done.error());
  }
  if (const int code = database_.execute("COMMIT"); code != SQLITE_OK) return undo(error_of(code));

  std::erase_if(touched_, [&](Row row) { return row < boot_with(row >> 32)->newest; });
  heads_.clear();
  forget_whereabouts();
  changed_.clear();
  revisions_.clear();
  if (!std::exchange(packed_, {}).empty()) {
    may_join_ = true;
    lasts_.clear();  // It may be less exact now.
  }
  has_uncommitted_ = must_checkpoint_ = false;
  log_.forget_found();
  if (std::exchange(first_log_, next) != next) log_.remove_before(next);
  return {};
}

std::expected<void, StoreError> SqliteStore::write_tables() {
  for (const auto& [number, bytes, hours] : packed_) {
    put_segment_.bind(1, number).bind(2, 0).bind(3, static_cast<std::int64_t>(bytes));
    if (const auto done = run(put_segment_); !done) return done;
    for (const auto& [hour, detail] : hours) {
      note_in_tables(hour + 59);
      for (auto* statement :
           {&put_packed_.bind(1, hour).bind(2, number).bind(3, static_cast<std::int64_t>(detail)),
            &empty_blocks_.bind(1, hour).bind(2, hour + 59)}) {
        if (const auto done = run(*statement); !done) return done;
      }
    }
  }
  for (const Row row : heads_.all()) {
    note_in_tables(row);
    auto& statement = heads_.is_packed(row) ? put_empty_block_ : put_block_;
    statement.bind(1, row).bind(2, heads_.absences(row));
    if (!heads_.is_packed(row)) {
      statement.bind(3, heads_.block(row));
      has_blocks_ = true;
    }
    if (const auto done = run(statement); !done) return done;
  }
  for (const auto& [revision, row] : changed_) {
    if (const auto done = run(put_change_.bind(1, row).bind(2, revision)); !done) return done;
  }
  for (auto& [name, boot] : boots_) {
    if (const auto done = write_boot(name, boot); !done) return done;
  }
  for (auto& [device, counts] : counts_) {
    if (!std::exchange(counts.is_changed, false)) continue;
    put_device_.bind(1, device).bind(2, static_cast<std::int64_t>(counts.reports));
    put_device_.bind(3, static_cast<std::int64_t>(counts.duplicate));
    if (const auto done = run(put_device_); !done) return done;
  }
  return {};
}

std::expected<void, StoreError> SqliteStore::write_boot(const BootName& name, Boot& boot) {
  const auto integer = [](auto n) { return static_cast<std::int64_t>(n); };
  if (boot.is_changed) {
    const auto& [device, number, stream] = name;
    const std::array<std::int64_t, 8> row = {boot.id,
                                             integer(number),
                                             integer(stream),
                                             boot.booted_at.time_since_epoch().count(),
                                             boot.period.count(),
                                             integer(boot.lost),
                                             integer(boot.origin.timed_on_arrival),
                                             integer(boot.origin.integrated)};
    put_boot_.bind(1, row[0]).bind(2, device);
    for (int n = 1; n < 8; ++n) put_boot_.bind(n + 2, row[static_cast<std::size_t>(n)]);
    if (const auto done = run(put_boot_.bind(10, seal_of(device, row))); !done) return done;
  }
  for (const auto begin : boot.changed_runs) {
    const auto found = boot.runs.find(begin);
    if (found == boot.runs.end()) {
      const auto done = run(remove_run_.bind(1, boot.id).bind(2, integer(begin)));
      if (!done) return done;
      continue;
    }
    const auto& [end, first, last] = found->second;
    const std::array<std::int64_t, 5> row = {boot.id, integer(begin), integer(end),
                                             first.time_since_epoch().count(),
                                             last.time_since_epoch().count()};
    for (int n = 0; n < 5; ++n) put_run_.bind(n + 1, row[static_cast<std::size_t>(n)]);
    if (const auto done = run(put_run_.bind(6, seal_of({}, row))); !done) return done;
  }
  boot.is_changed = false;
  boot.changed_runs.clear();
  return {};
}

}  // namespace hub
