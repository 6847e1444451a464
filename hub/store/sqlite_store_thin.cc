// Taking detail from what is old: samples go and minutes stay, then minutes and hours stay.

#include <sqlite3.h>

#include <algorithm>
#include <iterator>

#include "hub/store/packed_minutes.h"
#include "hub/store/rows.h"
#include "hub/store/sqlite_store.h"

namespace hub {

using measurement::Timestamp;
using std::chrono::days;

std::expected<void, StoreError> SqliteStore::look_for_old(Timestamp now) {
  set_reserve_aside();
  const auto minute_before = [&](std::chrono::days age) {
    return std::max<std::int64_t>(0, minute_of(std::max(now - age, time_of_minute(0))));
  };
  const auto used = bytes_used();
  if (!used) return std::unexpected(used.error());
  const bool is_over_budget = retention_.budget > 0 && *used > retention_.budget;

  struct Step {
    Detail to;
    std::int64_t before;  // What ended before this minute is due, whatever the budget.
    std::int64_t spared;  // What ended after this one stays, whatever the budget.
  };
  for (const auto& [to, before, spared] :
       {Step{Detail::minutes, minute_before(retention_.samples), minute_before(days(1))},
        Step{Detail::hour, minute_before(retention_.minutes), minute_before(days(1))}}) {
    segments_with_.bind(1, static_cast<std::int64_t>(to));
    const int code = segments_with_.step();  // The oldest.
    const auto segment = code == SQLITE_ROW ? segments_with_.integer(0) : 0;
    const auto end = code == SQLITE_ROW ? segments_with_.integer(1) : 0;
    segments_with_.reset();
    if (code != SQLITE_ROW && code != SQLITE_DONE) return std::unexpected(error_of(code));
    if (code == SQLITE_DONE || unmergeable_.contains(segment)) continue;
    if (end <= before || (is_over_budget && end <= spared)) {
      return to == Detail::hour ? keep_hours_only(segment) : begin_thinning(segment, to);
    }
  }
  if (retention_.exact) {
    const auto coarse = rows(exact_before_.bind(1, minute_before(*retention_.exact)));
    if (!coarse) return std::unexpected(coarse.error());
    for (const Row hour : *coarse) due_[hour] = Loss::quarter_percent;
  }
  return {};
}

std::expected<std::uint64_t, StoreError> SqliteStore::bytes_used() {
  const auto segments = rows(bytes_of_segments_);
  if (!segments) return std::unexpected(segments.error());
  // Without SQLite's own log, which comes and goes.
  return static_cast<std::uint64_t>(segments->front()) + log_.bytes() + log_.found_bytes() +
         files_.size(folder_ + "/lenz.db").value_or(0);
}

std::expected<void, StoreError> SqliteStore::begin_thinning(std::int64_t number, Detail detail) {
  const auto here = rows(packed_in_.bind(1, number));
  if (!here) return std::unexpected(here.error());
  const auto segment = segments_.open(number);
  if (!segment) {
    unmergeable_.insert(number);
    return {};
  }
  std::map<Row, std::int64_t> hours;
  std::set<PartPlace> runs;
  for (const Row hour : *here) {
    // An earlier version made no minutes.
    if (!(*segment)->has_minutes(hour >> 32, hour)) due_[hour] = Loss::none;
    hours[hour] = number;
    for (const auto series : (*segment)->series_of(hour >> 32)) {
      if (is_of_minutes(series)) runs.insert({hour >> 32, series, 0});
    }
  }
  if (!due_.empty()) return {};
  auto begun = begin_segment();
  if (!begun) return std::unexpected(begun.error());
  merge_.emplace(levels - 1, std::vector{number}, std::move(hours), begun->number,
                 std::move(begun->writer), std::vector<PartPlace>(runs.rbegin(), runs.rend()),
                 detail);
  return {};
}

std::expected<void, StoreError> SqliteStore::keep_hours_only(std::int64_t number) {
  const auto here = rows(packed_in_.bind(1, number));
  if (!here) return std::unexpected(here.error());
  const auto segment = segments_.open(number);
  if (!segment) {
    unmergeable_.insert(number);
    return {};
  }
  struct Part {
    Bytes sealed;
    MinuteSummary in_all;
  };
  std::map<PartPlace, Part> parts;
  for (auto begin = here->begin(); begin != here->end();) {
    const auto boot_id = *begin >> 32;
    const auto end = std::find_if(begin, here->end(), [&](Row r) { return r >> 32 != boot_id; });
    std::map<Row, std::map<std::int64_t, HourSummary>> hours;
    for (const auto part : (*segment)->series_of(boot_id)) {
      if (!is_of_minutes(part) || part == minutes_clock_part) continue;
      const auto series = series_of_minutes(part);
      const auto summaries = (*segment)->summaries(boot_id, series, *begin, *std::prev(end));
      if (!summaries) {
        unmergeable_.insert(number);
        return {};
      }
      for (const auto& [row, in_all] : *summaries) hours[row][series][0] = in_all;
    }
    for (const auto& [hour, by_series] : hours) {
      for (auto& [part, bytes, in_all] : pack_minutes(by_series)) {
        parts[{boot_id, part, hour}] = {seal({hour, part}, bytes), in_all};
      }
    }
    begin = end;
  }
  auto begun = begin_segment();
  if (!begun) return std::unexpected(begun.error());
  for (const auto& [place, part] : parts) {
    if (const auto done = begun->writer.add(place, part.sealed, part.in_all); !done) return done;
  }
  merge_.emplace(levels - 1, std::vector{number}, std::map<Row, std::int64_t>{}, begun->number,
                 std::move(begun->writer), std::vector<PartPlace>{}, Detail::hour);
  return {};
}

void SqliteStore::set_reserve_aside() {
  const auto path = folder_ + "/reserve";
  const bool is_roomy = files_.room(folder_).value_or(0) >= 4 * retention_.reserve;
  if (retention_.reserve == 0 || files_.size(path) || !is_roomy) return;
  auto file = files_.open(path, How::create);
  const Bytes room(retention_.reserve);
  if (!file || !(*file)->write(0, room) || !(*file)->sync()) {
    static_cast<void>(files_.remove(path));
  }
}

void SqliteStore::give_reserve_up() {
  static_cast<void>(files_.remove(folder_ + "/reserve"));
  looked_for_old_.reset();
}

}  // namespace hub
