#include <sqlite3.h>

#include <algorithm>

#include "hub/store/block.h"
#include "hub/store/rows.h"
#include "hub/store/sqlite_store.h"

namespace hub {

using measurement::Sample;

namespace {

constexpr std::size_t most_summaries = 256;  // In memory, 12 KB each.

}  // namespace

// ---- Minutes -----------------------------------------------------------------------------------

std::expected<std::span<const Sample>, StoreError> SqliteStore::minute(Row row) {
  if (heads_.has(row)) {
    if (const auto open = heads_.open(row)) return *open;
  }
  if (decoded_row_ != row) {
    decoded_row_.reset();
    auto samples = heads_.has(row) ? heads_.samples(row) : block(row);
    if (!samples) return std::unexpected(samples.error());
    decoded_ = std::move(*samples);
    decoded_row_ = row;
  }
  return decoded_;
}

std::expected<SqliteStore::Samples, StoreError> SqliteStore::block(Row row) {
  const int code = find_block_.bind(1, row).step();
  const auto blob = find_block_.blob(0);
  auto samples = code != SQLITE_ROW ? Samples{} : decode_block(row, blob);
  const bool is_packed = code == SQLITE_ROW && blob.empty();
  find_block_.reset();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return std::unexpected(error_of(code));
  return is_packed ? packed_block(row) : samples;
}

std::expected<std::vector<SqliteStore::Packed>, StoreError> SqliteStore::packed_hours(Row first,
                                                                                      Row last) {
  std::vector<Packed> found;
  packed_within_.bind(1, hour_of(first)).bind(2, last);
  int code = packed_within_.step();
  for (; code == SQLITE_ROW; code = packed_within_.step()) {
    found.push_back({packed_within_.integer(0), packed_within_.integer(1),
                     static_cast<Detail>(packed_within_.integer(2))});
  }
  packed_within_.reset();
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  return found;
}

std::expected<const SqliteStore::Whereabouts*, StoreError> SqliteStore::whereabouts(Row first,
                                                                                    Row last) {
  const auto known = whereabouts_.find({first, last});
  if (known != whereabouts_.end()) return &known->second;
  auto unpacked = rows_and_heads(unpacked_within_, first, last);
  if (!unpacked) return std::unexpected(unpacked.error());
  auto packed = packed_hours(first, last);
  if (!packed) return std::unexpected(packed.error());
  if (whereabouts_.size() == most_ranges) whereabouts_.clear();
  return &(whereabouts_[{first, last}] = {std::move(*unpacked), std::move(*packed)});
}

std::expected<std::optional<SqliteStore::Row>, StoreError> SqliteStore::latest_within(Row first,
                                                                                      Row last) {
  const auto known = latest_.find({first, last});
  if (known != latest_.end()) return known->second;
  auto latest = row_before(first, last);
  if (!latest) return latest;
  const auto packed = rows(packed_before_.bind(1, hour_of(first)).bind(2, last));
  if (!packed) return std::unexpected(packed.error());
  if (!packed->empty()) {
    const Row in_packed = std::min(last, packed->front() + 59);
    if (!*latest || **latest < in_packed) *latest = in_packed;
  }
  if (latest_.size() == most_ranges) latest_.clear();
  return latest_[{first, last}] = *latest;
}

void SqliteStore::forget_whereabouts() {
  whereabouts_.clear();
  latest_.clear();
}

SqliteStore::KnownTotal& SqliteStore::known_total(std::int64_t boot_id, std::int64_t series) {
  constexpr std::size_t most_boots = 16;
  if (totals_.size() == most_boots && !totals_.contains(boot_id)) totals_.clear();
  return totals_[boot_id][series];
}

void SqliteStore::forget_totals(Row since) {
  const auto known = totals_.find(since >> 32);
  if (known == totals_.end()) return;
  std::erase_if(known->second, [&](const auto& one) { return one.second.until >= since; });
}

const Boot* SqliteStore::boot_with(std::int64_t id) const {
  const auto name = names_.find(id);
  return name == names_.end() ? nullptr : &boots_.at(*name->second);
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

// ---- Their summaries ---------------------------------------------------------------------------

std::expected<MinuteSummary, StoreError> SqliteStore::minute_summary(Row row,
                                                                     const Series& series) {
  if (const auto known = summaries_.find(row);
      known != summaries_.end() && series.together.empty()) {
    return known->second[slot_of(series.quantity, series.index)];
  }
  const auto samples = minute(row);
  if (!samples) return std::unexpected(samples.error());
  if (!series.together.empty()) return summarise(*samples, series.together);
  if (heads_.has(row) && heads_.open(row)) {
    return summarise(*samples, series.quantity, series.index);
  }
  if (summaries_.size() >= most_summaries) summaries_.clear();
  auto& all = summaries_[row];
  all.resize(slots);
  summarise(*samples, all);
  return all[slot_of(series.quantity, series.index)];
}

}  // namespace hub
