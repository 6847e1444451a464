#include "hub/store/verify.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <stdexcept>

#include "hub/store/block.h"
#include "hub/store/database.h"
#include "hub/store/numbered_file.h"
#include "hub/store/packed_hour.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/rows.h"
#include "hub/store/segment.h"

namespace hub {
namespace {

using namespace std::chrono_literals;
using Kind = Finding::Kind;
using Found = std::function<void(const Finding&)>;

constexpr const char* database_file = "lenz.db";
constexpr std::int64_t hours_at_once = 24;

TimeRange range_of(std::int64_t row, std::chrono::minutes length) {
  const auto begin = time_of_minute(minute_of_row(row));
  return {begin, begin + length};
}

// What SQLite has to say of a database's structure, the first twenty of it.
std::vector<std::string> complaints_of(Database& database) {
  std::vector<std::string> complaints;
  auto check = database.prepare("PRAGMA integrity_check(20)");
  int code = check.step();
  for (; code == SQLITE_ROW; code = check.step()) {
    std::string text(check.text(0));
    std::ranges::replace(text, '\n', ' ');
    if (text != "ok") complaints.push_back(std::move(text));
  }
  if (code != SQLITE_DONE) complaints.push_back(database.message());
  return complaints;
}

class Walk {
 public:
  Walk(Files& files, const std::string& folder, const Found& found,
       const std::function<void(double)>& progress)
      : files_(files),
        folder_(folder),
        found_(found),
        progress_(progress),
        database_(files, folder + "/" + database_file, Database::Use::read) {}

  void run() {
    for (auto& complaint : complaints_of(database_)) {
      find({.kind = Kind::structure, .file = database_file, .detail = std::move(complaint)});
    }
    // Before the names: what is made meanwhile is not taken for left behind.
    const auto on_disk = files_.list(folder_).value_or(std::vector<std::string>{});
    read_names();
    check_blocks();
    check_segments();
    find_stray_hours();
    find_unnamed(on_disk);
    find_set_aside();
  }

  Verified verified;

 private:
  void find(Finding finding) {
    verified.damaged += finding.is_damage();
    found_(finding);
  }

  std::string device_of(std::int64_t row) {
    const auto device = devices_.find(row >> 32);
    return device == devices_.end() ? "" : device->second;
  }

  Finding in_database(Kind kind, std::int64_t row, std::chrono::minutes length) {
    return {.kind = kind,
            .file = database_file,
            .row = row,
            .devices = {device_of(row)},
            .range = range_of(row, length)};
  }

  // Rows of a table, one after the other; what cannot be read is a finding.
  template <class Each>
  void each_row(Statement& statement, const char* table, Each each) {
    int code = statement.step();
    for (; code == SQLITE_ROW; code = statement.step()) each(statement);
    statement.reset();
    if (code == SQLITE_DONE) return;
    find({.kind = Kind::structure,
          .file = database_file,
          .detail =
              fmt::format("the table {} is not read to its end: {}", table, database_.message())});
  }

  void read_names() {
    auto boots = database_.prepare("SELECT id, device FROM boot");
    each_row(boots, "boot", [&](Statement& boot) { devices_[boot.integer(0)] = boot.text(1); });
    auto size = database_.prepare("SELECT coalesce(sum(bytes), 0) FROM segment");
    each_row(size, "segment",
             [&](Statement& all) { segment_bytes_ = static_cast<double>(all.integer(0)); });
  }

  // A page of rows at a time, so that the writer's log is not held up.
  void check_blocks() {
    auto page = database_.prepare(
        "SELECT row, value, value IS NOT NULL OR EXISTS (SELECT 1 FROM packed "
        "WHERE packed.row = block.row - (block.row & 4294967295) % 60) "
        "FROM block WHERE row > ? ORDER BY row LIMIT 200");
    std::int64_t last = -1;
    for (bool is_more = true; is_more;) {
      is_more = false;
      each_row(page.bind(1, last), "block", [&](Statement& block) {
        const auto row = block.integer(0);
        is_more = row > last;
        last = std::max(last, row);
        if (block.integer(2) == 0) {
          find(in_database(Kind::unpacked, row, 1min));
          return;
        }
        const auto value = block.blob(1);
        if (value.empty()) return;
        ++verified.minutes;
        if (!decode_block(row, value)) find(in_database(Kind::block, row, 1min));
      });
    }
  }

  // ---- Segments --------------------------------------------------------------------------------

  void check_segments() {
    auto next = database_.prepare(
        "SELECT number, bytes FROM segment WHERE number > ? ORDER BY number LIMIT 1");
    double bytes = 0;
    std::int64_t last = -1;
    // Numbers rise: what is joined meanwhile is still to come.
    for (bool is_more = true; is_more;) {
      is_more = false;
      each_row(next.bind(1, last), "segment", [&](Statement& segment) {
        is_more = segment.integer(0) > last;
        last = segment.integer(0);
        bytes += static_cast<double>(segment.integer(1));
      });
      if (is_more) check_segment(last);
      progress_(std::min(1.0, bytes / std::max(1.0, segment_bytes_)));
    }
  }

  using Hours = std::map<std::int64_t, std::vector<std::int64_t>>;  // By boot: rows of hours.

  Hours packed_in(std::int64_t number) {
    Hours hours;
    auto packed = database_.prepare("SELECT row FROM packed WHERE segment = ? ORDER BY row");
    each_row(packed.bind(1, number), "packed",
             [&](Statement& hour) { hours[hour.integer(0) >> 32].push_back(hour.integer(0)); });
    return hours;
  }

  bool is_named(std::int64_t number) {
    auto named = database_.prepare("SELECT 1 FROM segment WHERE number = ?");
    return named.bind(1, number).step() != SQLITE_DONE;
  }

  // That concerns all hours that are packed in it.
  Finding of_segment(Kind kind, const std::string& name, const Hours& hours,
                     Segment::Extent extent) {
    Finding finding{.kind = kind, .file = name, .offset = extent.offset, .bytes = extent.bytes};
    for (const auto& [boot, rows] : hours) {
      if (!std::ranges::count(finding.devices, device_of(rows.front()))) {
        finding.devices.push_back(device_of(rows.front()));
      }
      const TimeRange range{range_of(rows.front(), 60min).begin, range_of(rows.back(), 60min).end};
      if (!finding.range) finding.range = range;
      finding.range->begin = std::min(finding.range->begin, range.begin);
      finding.range->end = std::max(finding.range->end, range.end);
    }
    return finding;
  }

  void check_segment(std::int64_t number) {
    const auto hours = packed_in(number);
    const auto name = std::string(segment_prefix) + std::to_string(number);
    const auto path = folder_ + "/" + name;
    const auto segment = Segment::open(files_, path, number);
    if (!segment) {
      if (!is_named(number)) return;  // It was joined with others, and has gone.
      const auto file = files_.open(path, How::read);
      if (!file) {
        find(of_segment(Kind::missing_segment, name, hours, {}));
      } else {
        find(of_segment(Kind::segment_index, name, hours, Segment::index(**file)));
      }
      return;
    }
    if (!(*segment)->has_magic()) find(of_segment(Kind::segment_magic, name, hours, {0, 8}));
    for (const auto& [boot, rows] : hours) check_boot(**segment, name, boot, rows);
  }

  using Extents = std::map<std::int64_t, std::map<std::int64_t, Segment::Extent>>;  // By series.

  void check_boot(Segment& segment, const std::string& name, std::int64_t boot,
                  const std::vector<std::int64_t>& rows) {
    std::set<std::int64_t> there;
    for (const auto& places : {segment.hours(), segment.hours_of_minutes()}) {
      for (const auto& place : places) {
        if (place.boot_id == boot) there.insert(place.hour);
      }
    }
    Extents extents;
    bool has_all = true;
    for (const auto series : segment.series_of(boot)) {
      auto found = segment.extents(boot, series);
      if (found) {
        extents[series] = std::move(*found);
        continue;
      }
      has_all = false;
      auto finding =
          of_segment(Kind::segment_head, name, {{boot, rows}}, segment.head(boot, series));
      finding.series = series;
      find(std::move(finding));
    }
    std::vector<std::int64_t> known;
    for (const auto row : rows) {
      if (there.contains(row)) {
        known.push_back(row);
      } else {
        find(of_segment(Kind::missing_hour, name, {{boot, {row}}}, {}));
      }
    }
    for (auto begin = known.begin(); begin != known.end();) {
      const auto end = std::find_if(begin, known.end(),
                                    [&](auto row) { return row >= *begin + 60 * hours_at_once; });
      check_hours(segment, name, extents, {begin, end}, has_all);
      begin = end;
    }
  }

  void check_hours(Segment& segment, const std::string& name, const Extents& extents,
                   const std::vector<std::int64_t>& rows, bool has_all) {
    const auto boot = rows.front() >> 32;
    std::map<std::int64_t, Segment::Parts> parts;  // By series.
    for (const auto& [series, unused] : extents) {
      auto read = segment.parts(boot, series, rows.front(), rows.back());
      if (read) {
        parts[series] = std::move(*read);
        continue;
      }
      for (const auto row : rows) {  // Whatever of it can be read.
        auto one = segment.parts(boot, series, row, row);
        if (one) parts[series].merge(*one);
      }
    }
    for (const auto row : rows) {
      ++verified.hours;
      bool is_whole = has_all;
      for (const auto& [series, places] : extents) {
        const auto place = places.find(row);
        if (place == places.end()) continue;
        const auto part = parts[series].find(row);
        if (part != parts[series].end() && unseal({row, series}, part->second)) continue;
        is_whole = false;
        auto finding = of_segment(Kind::part, name, {{boot, {row}}}, place->second);
        finding.series = series;
        find(std::move(finding));
      }
      if (!is_whole) continue;
      const PackedHour::Parts of_hour =
          [&](std::int64_t series) -> std::expected<std::span<const std::uint8_t>, StoreError> {
        const auto part = parts[series].find(row);
        if (part == parts[series].end()) return std::span<const std::uint8_t>();
        return unseal({row, series}, part->second);
      };
      if (!unpacks(segment, row, of_hour)) find(of_segment(Kind::hour, name, {{boot, {row}}}, {}));
    }
  }

  static bool unpacks(const Segment& segment, std::int64_t row, const PackedHour::Parts& parts) {
    if (segment.has_samples(row >> 32, row)) {
      auto hour = PackedHour::open(parts);
      if (!hour || !hour->samples()) return false;
    }
    if (!segment.has_minutes(row >> 32, row)) return true;
    auto minutes = PackedMinutes::open(parts);
    return minutes && std::ranges::all_of(segment.series_of(row >> 32), [&](std::int64_t part) {
             return !is_of_minutes(part) || part == minutes_clock_part ||
                    minutes->summary(series_of_minutes(part));
           });
  }

  // ---- What belongs to nobody ------------------------------------------------------------------

  void find_stray_hours() {
    auto stray = database_.prepare(
        "SELECT row FROM packed WHERE segment NOT IN (SELECT number FROM segment) ORDER BY row");
    each_row(stray, "packed", [&](Statement& hour) {
      find(in_database(Kind::missing_hour, hour.integer(0), 60min));
    });
  }

  void find_unnamed(const std::vector<std::string>& on_disk) {
    std::int64_t first_log = 0;
    auto log = database_.prepare("SELECT number FROM log");
    each_row(log, "log", [&](Statement& row) { first_log = row.integer(0); });
    for (const auto& name : on_disk) {
      const auto segment = number_of(segment_prefix, name), number = number_of(log_prefix, name);
      if ((segment && !is_named(*segment)) || (number && *number < first_log)) {
        find({.kind = Kind::unnamed, .file = name});
      }
    }
  }

  void find_set_aside() {
    auto aside = database_.prepare("SELECT row FROM damaged ORDER BY row");
    each_row(aside, "damaged", [&](Statement& minute) {
      find(in_database(Kind::set_aside, minute.integer(0), 1min));
    });
  }

  Files& files_;
  const std::string folder_;
  const Found& found_;
  const std::function<void(double)>& progress_;
  Database database_;
  std::map<std::int64_t, std::string> devices_;  // By boot.
  double segment_bytes_ = 0;
};

}  // namespace

Verified verify_store(Files& files, const std::string& folder, const Found& found,
                      const std::function<void(double share)>& progress) {
  if (!files.size(folder + "/" + database_file)) {
    throw std::runtime_error(
        fmt::format("Nothing is stored in {}: name the hub's folder with --data.", folder));
  }
  Verified verified;
  std::optional<Walk> walk;
  try {
    walk.emplace(files, folder, found, progress);
    walk->run();
  } catch (const std::runtime_error& error) {
    // It does not open, or tables are not there: nothing else can be told.
    if (walk) verified = walk->verified;
    found({.kind = Kind::structure, .file = database_file, .detail = error.what()});
    ++verified.damaged;
    return verified;
  }
  return walk->verified;
}

bool verify_structure(Files& files, const std::string& folder, const std::string& file,
                      const Found& found) {
  std::vector<std::string> complaints;
  try {
    Database database(files, folder + "/" + file, Database::Use::read);
    complaints = complaints_of(database);
  } catch (const std::runtime_error& error) {
    complaints = {error.what()};
  }
  for (const auto& complaint : complaints) {
    found({.kind = Kind::structure, .file = file, .detail = complaint});
  }
  return complaints.empty();
}

}  // namespace hub
