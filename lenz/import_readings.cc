#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <vector>

#include "hub/config.h"
#include "hub/devices.h"
#include "hub/files/disk.h"
#include "hub/ingest/written_points.h"
#include "hub/store/sqlite_store.h"
#include "lenz/commands.h"
#include "lenz/folder_lock.h"
#include "lenz/reading_files.h"
#include "lenz/readings.h"
#include "lenz/stop.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using measurement::Timestamp;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::size_t most_faults_told = 5;
constexpr std::size_t most_waiting = 2'048;  // Instants; 2 KB each.
constexpr std::size_t chunk_bytes = 1 << 20;
constexpr int chunks_a_commit = 8;

// What became of all rows.
struct Counts {
  std::size_t read = 0, added = 0, known = 0, refused = 0;
  std::vector<std::string> faults;

  void fault(std::string what) {
    if (faults.size() < most_faults_told) faults.push_back(std::move(what));
  }
};

template <class T>
T must(std::expected<T, hub::StoreError> result) {
  if (!result) {
    throw std::runtime_error(
        fmt::format("The store refuses: {}. What is in it stays; import the file again.",
                    sentence(result.error())));
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Rows on their way into the store. A day is committed as a whole and nothing is remembered from
// one to the next, so an import that was stopped goes on as if it had not been.
class Importer {
 public:
  Importer(hub::Store& store, std::string device)
      : store_(store), samples_(store), device_(std::move(device)) {}

  // Of all files of an import, before the first: what one counts must not be integrated in another.
  void announce(const ReadingFile& file) {
    for (const auto& use : file.columns()) {
      chips_ = std::max(chips_, measurement::chip_of(use.channel) + 1);
      if (measurement::row(use.meaning.quantity).kind == measurement::Kind::total) {
        counters_ |= std::uint64_t{1} << use.channel;
      }
    }
  }

  void begin(const ReadingFile& file) { file_ = &file; }

  void add(const ReadRow& row, Counts& counts) {
    const auto& name = device_.empty() ? row.device : device_;
    auto& waiting = devices_[name];
    if (!waiting.instants.empty()) waiting.close(row.time, file_->period());
    const auto day = std::chrono::floor<std::chrono::days>(row.time);
    if (day != day_) finish_day(counts);
    day_ = day;
    if (waiting.instants.size() >= most_waiting) take(name, waiting, counts);
    auto& instant = waiting.instants.emplace_back(row.time, chips_);
    for (const auto& value : row.values) {
      const auto& use = file_->columns()[value.column];
      instant.put(use.meaning.quantity, use.channel, value.steps);
    }
  }

  // Also between two files: each tells its own story from its begin.
  void end(Counts& counts) {
    finish_day(counts);
    devices_.clear();
    day_ = {};
  }

 private:
  struct Waiting {
    std::vector<hub::Instant> instants;
    std::optional<milliseconds> usual;  // The least distance of two rows.

    // The last one counts until the next, but not over a gap.
    void close(Timestamp next, std::optional<milliseconds> period) {
      auto& last = instants.back();
      const auto until_next = next - last.time;
      if (!usual || until_next < *usual) usual = until_next;
      last.stands_for = std::min(until_next, period.value_or(*usual * 5 / 2));
    }
  };

  void take(const std::string& name, Waiting& waiting, Counts& counts) {
    for (auto& instant : waiting.instants) {
      if (!instant.stands_for) {
        instant.stands_for = file_->period().value_or(waiting.usual.value_or(0ms));
      }
    }
    const auto taken = must(samples_.take(
        {.device = name, .chips = chips_, .period = file_->period(), .counters = counters_},
        waiting.instants));
    counts.added += taken.added;
    counts.known += taken.known;
    waiting.instants.clear();
  }

  void finish_day(Counts& counts) {
    for (auto& [name, waiting] : devices_) take(name, waiting, counts);
    must(store_.commit());
    samples_.forget();
  }

  hub::Store& store_;
  hub::WrittenSamples samples_;
  const std::string device_;
  const ReadingFile* file_ = nullptr;
  std::uint64_t counters_ = 0;
  std::size_t chips_ = 1;
  std::map<std::string, Waiting> devices_;
  Timestamp day_{};
};

void stop_if_asked() {
  if (stop_requested()) {
    throw std::runtime_error(
        "Stopped. What was stored stays; import the same again to go on where it ended.");
  }
}

void import_rows(const std::string& path, ReadingFormat format, const ColumnWords& words,
                 const std::string& device, hub::Store& store, Counts& counts) {
  const auto files = open_readings(path, format, words);
  Importer importer(store, device);
  for (const auto& file : files) importer.announce(*file);
  Progress progress;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& file = files[i];
    importer.begin(*file);
    ReadRow row;
    for (auto got = file->next(row); got != ReadingFile::Got::end; got = file->next(row)) {
      ++counts.read;
      if (got == ReadingFile::Got::fault) {
        ++counts.refused;
        counts.fault(file->fault());
      } else if (device.empty() && row.device.empty()) {
        throw std::runtime_error(
            fmt::format("{} does not say of what device it is: say --device.", path));
      } else {
        importer.add(row, counts);
      }
      if (counts.read % 1024 == 0) {
        stop_if_asked();
        progress.show((static_cast<double>(i) + file->progress()) /
                      static_cast<double>(files.size()));
      }
    }
    importer.end(counts);
  }
}

// --- Line protocol, which comes in pieces of whole lines

// By the number of digits of the first line's time: seconds have ten until the year 2286.
std::chrono::nanoseconds unit_of(std::string_view text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    auto line = text.substr(begin, end - begin);
    begin = end + 1;
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto time = line.substr(line.rfind(' ') + 1);
    if (time.empty() || time.find_first_not_of("0123456789") != time.npos) continue;
    if (time.size() <= 11) return 1s;
    if (time.size() <= 14) return 1ms;
    return time.size() <= 17 ? std::chrono::nanoseconds(1us) : 1ns;
  }
  return 1ns;
}

void import_lines(const std::string& path, const hub::Home& home, const std::string& device,
                  hub::Store& store, Counts& counts) {
  hub::WrittenSamples samples(store);
  hub::WrittenPoints points(samples, home, device);
  TextLines lines(path);
  std::optional<std::chrono::nanoseconds> unit;
  Progress progress;
  std::string chunk;
  std::size_t first = 1;  // Number of the chunk's first line.
  int chunks = 0;
  const auto take = [&] {
    if (!unit) unit = unit_of(chunk);
    // A line without a time would be another one whenever it is imported: 1970 is refused.
    const auto taken = must(points.take(chunk, *unit, Timestamp{}));
    counts.read += taken.lines;
    counts.refused += taken.refused;
    counts.added += taken.added;
    counts.known += taken.known;
    if (taken.first) {
      counts.fault(fmt::format("line {}: {}", first + taken.first->line - 1, taken.first->why));
    }
    if (++chunks % chunks_a_commit == 0) must(store.commit());
    chunk.clear();
    first = lines.number() + 1;
    stop_if_asked();
    progress.show(lines.progress());
  };
  while (const auto line = lines.next()) {
    if (lines.is_cut()) {
      ++counts.read;
      ++counts.refused;
      counts.fault(fmt::format("line {}: is longer than {} bytes", lines.number(),
                               TextLines::most_line_bytes));
    }
    chunk.append(*line) += '\n';
    if (chunk.size() >= chunk_bytes) take();
  }
  if (!chunk.empty()) take();
  if (lines.is_damaged()) {
    ++counts.refused;
    counts.fault(fmt::format("the file is damaged or cut off after line {}", lines.number()));
  }
  must(store.commit());
}

// --- What is asked for

bool is_zone(const std::string& zone) {
  return !zone.empty() && zone.find("..") == zone.npos && zone[0] != '/' &&
         fs::is_regular_file("/usr/share/zoneinfo/" + zone);
}

// "Kitchen=3:active_power_w"
std::pair<std::string, ColumnUse> column_of_option(const std::string& text) {
  const auto equals = text.rfind('=');
  const auto colon = text.find(':', equals == text.npos ? 0 : equals);
  if (equals != text.npos && equals > 0) {
    const auto channel_text = text.substr(equals + 1, colon - equals - 1);
    const auto quantity = colon == text.npos ? "active_power_w" : text.substr(colon + 1);
    std::size_t channel = 0;
    const auto* const end = channel_text.data() + channel_text.size();
    const auto parsed = std::from_chars(channel_text.data(), end, channel);
    if (parsed.ec == std::errc{} && parsed.ptr == end) {
      if (const auto use = use_of(quantity, channel)) return {text.substr(0, equals), *use};
    }
  }
  throw std::runtime_error(fmt::format(
      "\"{}\" is no column: write NAME=CHANNEL:QUANTITY, such as Kitchen=3:active_power_w or "
      "12=0:imported_total_kwh.",
      text));
}

}  // namespace

int import_readings(const ImportReadingsOptions& options) {
  const Workplace place(options.data.empty() ? Workplace::usual_folder() : options.data);
  const FolderLock lock(place.folder());
  if (!lock.is_ours()) {
    throw std::runtime_error(fmt::format(
        "A hub works in {}: stop it, or write over HTTP (lenz write-token).", place.folder()));
  }
  if (!options.device.empty() && !hub::is_device_name(options.device)) {
    throw std::runtime_error(
        fmt::format("\"{}\" is no name of a device: write 1 to 32 of the characters a-z 0-9 _ -.",
                    options.device));
  }
  hub::Home home;
  home.zone = "Etc/UTC";
  if (fs::exists(place.home_file())) home = hub::load_home(place.home_file());
  ColumnWords words{.channel = options.channel,
                    .quantity = options.quantity,
                    .zone = options.zone.empty() ? home.zone : options.zone};
  if (!is_zone(words.zone)) {
    throw std::runtime_error(
        fmt::format("There is no zone \"{}\": write one such as Europe/Berlin.", words.zone));
  }
  if (!options.quantity.empty() && !use_of(options.quantity, 0)) {
    throw std::runtime_error(
        fmt::format("\"{}\" is no quantity, as active_power_w is.", options.quantity));
  }
  for (const auto& text : options.columns) words.by_name.insert(column_of_option(text));

  const auto format =
      options.format == "auto" ? detect(options.path) : format_called(options.format).value();
  hub::Disk disk;
  hub::SqliteStore store(disk, place.folder());
  catch_stop_signals();
  Counts counts;
  if (format == ReadingFormat::line_protocol) {
    import_lines(options.path, home, options.device, store, counts);
  } else {
    import_rows(options.path, format, words, options.device, store, counts);
  }
  for (const auto& fault : counts.faults) fmt::print(stderr, "{}\n", fault);
  fmt::print("{} rows read: {} new, {} known already, {} refused.\n", counts.read, counts.added,
             counts.known, counts.refused);
  return counts.refused > 0 ? 1 : 0;
}

}  // namespace lenz
