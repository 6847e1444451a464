#include "hub/store/census.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <span>
#include <stdexcept>
#include <vector>

#include "hub/store/database.h"
#include "hub/store/numbered_file.h"
#include "hub/store/packed_hour.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/rows.h"
#include "hub/store/segment.h"

namespace hub {
namespace {

// What cannot be read counts nothing: verify.h tells of it. Of an hour without minutes, which an
// earlier version packed.
std::uint64_t values_in(PackedHour hour) {
  std::uint64_t values = 0;
  const auto count = [&](const auto& column) {
    if (!column.values.empty()) {
      values += column.present.empty()
                    ? column.values.size()
                    : column.values.size() -
                          static_cast<std::size_t>(std::ranges::count(column.present, 0));
    }
  };
  const measurement::Sample widest(hour.chips());
  for (const auto& quantity : measured) {
    for (std::size_t index = 0; index < widest.count(quantity.id); ++index) {
      if (quantity.kind == measurement::Kind::total) {
        if (const auto column = hour.totals(quantity.id, index)) count(*column);
      } else {
        if (const auto column = hour.instants(quantity.id, index)) count(**column);
      }
    }
  }
  return values;
}

}  // namespace

Census count_store(Files& files, const std::string& folder, measurement::Timestamp since,
                   const std::function<void(double share)>& progress) {
  Census census;
  for (const auto& name : files.list(folder).value_or(std::vector<std::string>{})) {
    const auto bytes = files.size(folder + "/" + name).value_or(0);
    if (number_of(segment_prefix, name)) {
      ++census.segments;
      census.segment_bytes += bytes;
    }
    if (number_of(log_prefix, name)) census.log_bytes += bytes;
    if (name == "lenz.db" || name == "lenz.db-wal") census.database_bytes += bytes;
  }

  Database database(files, folder + "/lenz.db", Database::Use::read);
  std::map<std::int64_t, std::vector<std::int64_t>> hours;  // By segment.
  auto packed = database.prepare("SELECT segment, row FROM packed ORDER BY row");
  int code = packed.step();
  for (; code == SQLITE_ROW; code = packed.step()) {
    hours[packed.integer(0)].push_back(packed.integer(1));
  }
  if (code != SQLITE_DONE) {
    throw std::runtime_error(fmt::format(
        "{}/lenz.db cannot be read ({}): see what is damaged with \"lenz store verify\".", folder,
        database.message()));
  }
  double done = 0;
  for (const auto& [number, rows] : hours) {
    const auto segment = Segment::open(
        files, folder + "/" + std::string(segment_prefix) + std::to_string(number), number);
    if (!segment) continue;
    for (auto begin = rows.begin(); begin != rows.end();) {
      const auto boot_id = *begin >> 32;
      const auto end = std::find_if(begin, rows.end(), [&](auto r) { return r >> 32 != boot_id; });
      const std::span hours_of_boot(begin, end);
      const auto count = [&](std::int64_t row, std::uint64_t values) {
        census.values += values;
        if (time_of_minute(minute_of_row(row)) >= since) census.recent_values += values;
      };
      for (const auto part : (*segment)->series_of(boot_id)) {
        if (!is_of_minutes(part) || part == minutes_clock_part) continue;
        const auto summaries = (*segment)->summaries(boot_id, series_of_minutes(part),
                                                     hours_of_boot.front(), hours_of_boot.back());
        for (const auto& [row, in_all] : summaries.value_or(std::vector<Segment::Hour>{})) {
          const bool is_here = std::ranges::binary_search(hours_of_boot, row);
          if (is_here) count(row, static_cast<std::uint64_t>(in_all.count));
        }
      }
      for (const auto row : hours_of_boot) {
        if ((*segment)->has_minutes(boot_id, row)) continue;
        SegmentReader reader(**segment, boot_id, row, row);
        auto hour = PackedHour::open(reader.hour(row));
        if (hour) count(row, values_in(std::move(*hour)));
      }
      begin = end;
    }
    progress(++done / static_cast<double>(hours.size()));
  }
  return census;
}

}  // namespace hub
