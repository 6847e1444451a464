#include "hub/store/census.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <stdexcept>

#include "hub/store/database.h"
#include "hub/store/numbered_file.h"
#include "hub/store/rows.h"
#include "hub/store/summary.h"

namespace hub {
namespace {

// What cannot be read counts nothing: verify.h tells of it.
std::uint64_t values_in(Place place, std::span<const std::uint8_t> summary) {
  const auto quantity = static_cast<std::size_t>(place.series >> 8);
  if (quantity >= measurement::measured_quantities) return 0;
  const auto hour = decode_summary(place, summary, static_cast<measurement::Quantity>(quantity));
  std::uint64_t values = 0;
  for (const auto& minute : hour.value_or(HourSummary{})) {
    values += static_cast<std::uint64_t>(minute.count);
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
  auto count = database.prepare("SELECT count(*) FROM summary");
  count.step();
  const auto all = static_cast<double>(std::max<std::int64_t>(1, count.integer(0)));
  count.reset();
  auto page = database.prepare(
      "SELECT summary.row, series, value, packed.row IS NOT NULL "
      "FROM summary LEFT JOIN packed ON packed.row = summary.row "
      "WHERE (summary.row, series) > (?, ?) ORDER BY summary.row, series LIMIT 5000");
  Place last{-1, -1};
  double done = 0;
  for (bool is_more = true; is_more; progress(std::min(1.0, done / all))) {
    is_more = false;
    page.bind(1, last.row).bind(2, last.series);
    int code = page.step();
    for (; code == SQLITE_ROW; code = page.step()) {
      const Place place{page.integer(0), page.integer(1)};
      is_more = std::pair(place.row, place.series) > std::pair(last.row, last.series);
      if (is_more) last = place;
      const auto values = values_in(place, page.blob(2));
      census.values += values;
      if (page.integer(3) != 0) census.packed_values += values;
      if (time_of_minute(minute_of_row(place.row)) >= since) census.recent_values += values;
      ++done;
    }
    page.reset();
    if (code != SQLITE_DONE) {
      throw std::runtime_error(
          fmt::format("{}/lenz.db cannot be read ({}): see what is damaged with \"lenz store "
                      "verify\".",
                      folder, database.message()));
    }
  }
  return census;
}

}  // namespace hub
