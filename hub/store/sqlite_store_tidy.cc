#include <sqlite3.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "hub/store/block.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/rows.h"
#include "hub/store/sqlite_store.h"

namespace hub {

using measurement::Sample;
using measurement::Timestamp;
using namespace std::chrono_literals;
using std::chrono::days;

namespace {

constexpr std::size_t joined_at_once = 24;
constexpr std::size_t enough_samples = 1800;  // To pack at once; an hour may have twice as many.
constexpr std::size_t most_hours = 60;
constexpr auto look_every = 1min;
constexpr auto rest = 5s;        // After which nobody is still writing.
constexpr auto patience = 5min;  // With an hour of the past that stopped in its middle.

constexpr std::int64_t most_free_pages = 2048;      // 8 MiB.
constexpr std::size_t copied_at_once = 256 * 1024;  // Bytes.

// What each series did in the minutes of an hour.
class MinutesOfSeries {
 public:
  // Of the samples from `first` on.
  void add(std::size_t minute, const SampleColumns& samples, std::size_t first) {
    const Sample widest(samples.chips());
    for (const auto& row : measured) {
      for (std::size_t index = 0; index < widest.count(row.id); ++index) {
        put(series_number(row.id, index), minute, summarise(samples, first, row.id, index));
      }
    }
  }
  void put(std::int64_t series, std::size_t minute, const MinuteSummary& summary) {
    if (summary.count > 0) by_series_[series][minute] = summary;
  }
  const std::map<std::int64_t, HourSummary>& by_series() const { return by_series_; }

 private:
  std::map<std::int64_t, HourSummary> by_series_;
};

}  // namespace

std::expected<bool, StoreError> SqliteStore::tidy(Timestamp now) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  if (must_checkpoint_ || is_full(1)) {
    if (const auto done = must_checkpoint_ ? checkpoint() : make_room(); !done) {
      if (done.error() == StoreError::full) give_reserve_up();
      return std::unexpected(done.error());
    }
    if (leaving_) return false;
  }
  // What a meter that fell silent sent last is to be seen as well, once it is on the disk.
  if (!has_uncommitted_) {
    if (const auto done = announce_over(now); !done) return undo(done.error());
  }
  if (due_.empty() && !merge_ &&
      (!looked_for_old_ || now < *looked_for_old_ || now - *looked_for_old_ >= 1h)) {
    looked_for_old_.reset();
    if (const auto done = look_for_old(now); !done) return undo(done.error());
    // One thing at a time: after it there may be more.
    if (due_.empty() && !merge_) looked_for_old_ = now;
  }
  if (due_.empty() && !merge_ && is_time_to_look(now)) {
    if (const auto done = look_for_hours(now); !done) return undo(done.error());
    looked_ = now;
    may_join_ = true;
  }
  if (due_.empty() && !merge_ && std::exchange(may_join_, false)) {
    if (const auto done = look_for_joins(); !done) return undo(done.error());
  }
  std::expected<void, StoreError> done;
  if (!due_.empty()) {
    done = pack(due_);
    if (done && due_.empty() && !packed_.empty()) done = checkpoint();
  } else if (merge_) {
    done = go_on_merging();
  }
  if (!done) {
    merge_.reset();
    due_.clear();
    looked_.reset();
    if (done.error() == StoreError::full) give_reserve_up();
    return undo(done.error());
  }
  return due_.empty() && !merge_ && !may_join_ && looked_for_old_;
}

// Late samples have their hour packed anew: not each time that some more of them come.
bool SqliteStore::is_time_to_look(Timestamp now) {
  if (std::exchange(has_taken_, false)) taken_ = now;
  for (const auto id : std::exchange(going_on_, {})) went_on_[id] = now;
  std::erase_if(went_on_, [&](const auto& boot) {
    return now < boot.second || now - boot.second >= patience;
  });
  const bool has_rested = taken_ && (now < *taken_ || now - *taken_ >= rest);
  if (has_rested) taken_.reset();
  return !looked_ || now < *looked_ || now - *looked_ >= look_every ||
         (has_rested &&
          (std::exchange(has_blocks_, false) ||
           std::ranges::any_of(heads_.all(), [&](Row row) { return is_to_pack(row, now); })));
}

bool SqliteStore::is_to_pack(Row row, Timestamp now) const {
  if (time_of_minute(minute_of_row(hour_of(row)) + 60) + pack_after > now) return false;
  const Boot* boot = boot_with(row >> 32);
  const bool may_go_on = boot && hour_of(boot->newest) == hour_of(row) &&
                         boot->newest < hour_of(row) + 59 && went_on_.contains(boot->id);
  return !may_go_on;
}

std::expected<void, StoreError> SqliteStore::look_for_hours(Timestamp now) {
  const auto unpacked = rows(unpacked_);
  if (!unpacked) return std::unexpected(unpacked.error());
  for (const auto& minutes : {*unpacked, heads_.all()}) {
    for (const Row row : minutes) {
      if (is_to_pack(row, now)) due_[hour_of(row)] = Loss::none;
    }
  }

  // What is packed leaves room in the tables, which is used again; much of it is given back.
  const auto free_pages = rows(free_pages_);
  if (!free_pages) return std::unexpected(free_pages.error());
  if (free_pages->front() > most_free_pages) {
    if (const int code = database_.execute("PRAGMA incremental_vacuum(1024)"); code != SQLITE_OK) {
      return std::unexpected(error_of(code));
    }
  }
  return {};
}

std::expected<void, StoreError> SqliteStore::look_for_joins() {
  // What was joined, or packed anew, leaves files behind of which nothing is read any more.
  if (const auto done = run(remove_empty_segments_); !done) return done;
  const auto all = rows(all_segments_);
  if (!all) return std::unexpected(all.error());
  if (const auto done = segments_.keep_only({all->begin(), all->end()}); !done) return done;
  for (std::int64_t level = 0; level + 1 < levels && !merge_; ++level) {
    if (const auto done = begin_merge(level); !done) return done;
  }
  return {};
}

std::expected<SqliteStore::Begun, StoreError> SqliteStore::begin_segment() {
  // A merged segment is always newer than what it came from, so that no number comes twice.
  const auto newest = rows(newest_segment_);
  if (!newest) return std::unexpected(newest.error());
  auto number = newest->empty() ? 0 : newest->front();
  if (!packed_.empty()) number = std::max(number, packed_.back().number);
  if (merge_) number = std::max(number, merge_->number);
  auto writer = segments_.create(++number);
  if (!writer) return std::unexpected(writer.error());
  return Begun{number, std::move(*writer)};
}

// ---- Packing -----------------------------------------------------------------------------------

// Hours of several meters, or boots, that are nearly empty share a segment.
std::expected<void, StoreError> SqliteStore::pack(Hours& due) {
  std::vector<NewPart> parts;
  std::vector<std::pair<Row, Detail>> hours;
  std::size_t samples = 0;
  std::int64_t boot_id = 0;
  while (!due.empty() && samples < enough_samples && hours.size() < most_hours &&
         due.begin()->first >> 32 != boot_id) {
    const auto [hour, loss] = *due.begin();
    boot_id = hour >> 32;
    due.erase(due.begin());
    const auto packed = pack_one(hour, loss, parts);
    if (!packed) return std::unexpected(packed.error());
    if (*packed == 0) continue;
    samples += *packed;
    // An hour that was coarse is not made coarser when something is added.
    const auto before = packed_hours(hour, hour);
    if (!before) return std::unexpected(before.error());
    const bool is_coarse =
        loss != Loss::none || (!before->empty() && before->front().detail == Detail::coarse);
    hours.push_back({hour, is_coarse ? Detail::coarse : Detail::exact});
  }
  // Of many homes, each would keep the last minute that it read.
  decoded_row_.reset();
  Samples().swap(decoded_);
  if (parts.empty()) return {};

  std::ranges::sort(parts, {}, &NewPart::place);
  auto begun = begin_segment();
  if (!begun) return std::unexpected(begun.error());
  auto& [number, writer] = *begun;
  for (const auto& [place, bytes, in_all] : parts) {
    const auto done = writer.add(place, seal({place.hour, place.series}, bytes), in_all);
    if (!done) return done;
  }
  const auto size = writer.finish();
  if (!size) return std::unexpected(size.error());
  if (const auto kept = segments_.keep_names(); !kept) return kept;
  for (const auto& [hour, detail] : hours) {
    for (const Row row : heads_.rows(hour, hour + 59)) heads_.note_packed(row);
  }
  packed_.push_back({number, *size, std::move(hours)});
  return {};
}

std::expected<std::size_t, StoreError> SqliteStore::pack_one(Row hour, Loss loss,
                                                             std::vector<NewPart>& parts) {
  const Boot* boot = boot_with(hour >> 32);
  const auto here = rows_and_heads(rows_within_, hour, hour + 59);
  if (!here) return std::unexpected(here.error());
  SampleColumns samples;
  MinutesOfSeries minutes;
  for (const Row row : *here) {
    const auto first = samples.count();
    if (heads_.has(row)) {
      heads_.append_to(samples, row);
    } else {
      const auto found = minute(row);
      // What is damaged stays as it is, so that every read of it tells.
      if (!found && found.error() == StoreError::corrupted) return 0;
      if (!found) return std::unexpected(found.error());
      samples.append(*found);
    }
    if (first == 0) samples.reserve(here->size() * samples.count());
    minutes.add(static_cast<std::size_t>(row - hour), samples, first);
    for (const auto& [number, series] : kept_together_) {
      if (!boot || series.device != std::get<0>(*names_.at(boot->id))) continue;
      minutes.put(composite_series(number), static_cast<std::size_t>(row - hour),
                  summarise(samples, first, series.together));
    }
  }
  if (samples.count() == 0) return 0;
  samples.sort_by_number();
  for (auto& [series, bytes] : pack_hour(samples, loss)) {
    parts.push_back({{hour >> 32, series, hour}, std::move(bytes), {}});
  }
  for (auto& [part, bytes, in_all] : pack_minutes(minutes.by_series())) {
    parts.push_back({{hour >> 32, part, hour}, std::move(bytes), in_all});
  }
  return samples.count();
}

// ---- Joining -----------------------------------------------------------------------------------

std::expected<void, StoreError> SqliteStore::begin_merge(std::int64_t level) {
  auto candidates = rows(segments_of_level_.bind(1, level));
  if (!candidates) return std::unexpected(candidates.error());
  std::erase_if(*candidates, [&](auto number) { return unmergeable_.contains(number); });
  if (candidates->size() < joined_at_once) return {};
  candidates->resize(joined_at_once);

  std::map<Row, std::int64_t> hours;
  std::set<PartPlace> runs;
  for (const auto number : *candidates) {
    const auto here = rows(packed_in_.bind(1, number));
    if (!here) return std::unexpected(here.error());
    const auto segment = segments_.open(number);
    if (!segment && segment.error() == StoreError::corrupted) {
      unmergeable_.insert(number);
      return {};
    }
    if (!segment) return std::unexpected(segment.error());
    for (const Row hour : *here) {
      hours[hour] = number;
      for (const auto series : (*segment)->series_of(hour >> 32)) {
        runs.insert({hour >> 32, series, 0});
      }
    }
  }
  auto begun = begin_segment();
  if (!begun) return std::unexpected(begun.error());
  merge_.emplace(level + 1, std::move(*candidates), std::move(hours), begun->number,
                 std::move(begun->writer), std::vector<PartPlace>(runs.rbegin(), runs.rend()),
                 Detail::exact);
  return {};
}

std::expected<void, StoreError> SqliteStore::go_on_merging() {
  for (std::size_t copied = 0; copied < copied_at_once; merge_->runs.pop_back()) {
    if (merge_->runs.empty()) return end_merge();
    const auto [boot_id, series, unused] = merge_->runs.back();
    const Row first = first_row(boot_id), last = first + last_minute;
    struct Part {
      Bytes bytes;
      MinuteSummary in_all;
    };
    std::map<Row, Part> run;
    for (const auto number : merge_->inputs) {
      const auto segment = segments_.open(number);
      if (!segment) return std::unexpected(segment.error());
      auto parts = (*segment)->parts(boot_id, series, first, last);
      auto summaries = is_of_minutes(series)
                           ? (*segment)->summaries(boot_id, series_of_minutes(series), first, last)
                           : std::expected<std::vector<Segment::Hour>, StoreError>{};
      if (!summaries) parts = std::unexpected(summaries.error());
      if (!parts && parts.error() == StoreError::corrupted) {
        // Its other series are still read from where they are.
        unmergeable_.insert(number);
        merge_.reset();
        may_join_ = true;
        return {};
      }
      if (!parts) return std::unexpected(parts.error());
      for (auto& [hour, bytes] : *parts) {
        const auto wanted = merge_->hours.find(hour);
        if (wanted == merge_->hours.end() || wanted->second != number) continue;
        const auto in_all = std::ranges::lower_bound(*summaries, hour, {}, &Segment::Hour::row);
        const bool is_known = in_all != summaries->end() && in_all->row == hour;
        run[hour] = {std::move(bytes), is_known ? in_all->summary : MinuteSummary{}};
      }
    }
    for (const auto& [hour, part] : run) {
      const auto done = merge_->writer.add({boot_id, series, hour}, part.bytes, part.in_all);
      if (!done) return done;
      copied += part.bytes.size();
    }
  }
  // In pieces, since all of it at the end would take a slow disk seconds.
  return merge_->writer.sync();
}

std::expected<void, StoreError> SqliteStore::end_merge() {
  const auto size = merge_->writer.finish();
  if (!size) return std::unexpected(size.error());
  if (const auto kept = segments_.keep_names(); !kept) return kept;

  if (const int code = database_.execute("BEGIN IMMEDIATE"); code != SQLITE_OK) {
    return std::unexpected(error_of(code));
  }
  put_segment_.bind(1, merge_->number).bind(2, merge_->level);
  if (const auto done = run(put_segment_.bind(3, static_cast<std::int64_t>(*size))); !done) {
    return done;
  }
  // Hours that were packed anew in the meantime are in neither.
  const auto detail = static_cast<std::int64_t>(merge_->detail);
  for (const auto number : merge_->inputs) {
    if (detail > 0) {
      for (auto* statement : {&put_detail_.bind(1, detail).bind(2, number).bind(3, detail),
                              &remove_packed_blocks_.bind(1, number)}) {
        if (const auto done = run(*statement); !done) return done;
      }
    }
    if (const auto done = run(move_packed_.bind(1, merge_->number).bind(2, number)); !done) {
      return done;
    }
    if (const auto done = run(remove_segment_.bind(1, number)); !done) return done;
  }
  merge_.reset();
  may_join_ = true;
  forget_whereabouts();
  lasts_.clear();
  decoded_row_.reset();
  if (const int code = database_.execute("COMMIT"); code != SQLITE_OK) {
    return std::unexpected(error_of(code));
  }
  return {};
}

}  // namespace hub
