// Files of readings that others wrote, as rows. docs/import_export.md has their grammar.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/ingest/written_points.h"

namespace lenz {

// What a column, or a feed, is.
struct ColumnUse {
  std::size_t channel = 0;
  hub::FieldMeaning meaning;
  bool is_running = false;  // A counter: what it rose by is what was gained.

  friend bool operator==(const ColumnUse& a, const ColumnUse& b) {
    return a.channel == b.channel && a.meaning.quantity == b.meaning.quantity &&
           a.is_running == b.is_running;
  }
};

// "active_power_w", "imported_wh", "imported_total_kwh". Absent: it is none.
std::optional<ColumnUse> use_of(std::string_view quantity, std::size_t channel);

// One value of a row, in whole steps of its quantity; `column` indexes ReadingFile::columns().
struct ReadValue {
  std::size_t column = 0;
  std::int64_t steps = 0;
};

struct ReadRow {
  measurement::Timestamp time{};
  std::string device;  // Empty: the file does not say.
  std::vector<ReadValue> values;
};

class ReadingFile {
 public:
  virtual ~ReadingFile() = default;

  const std::vector<ColumnUse>& columns() const { return columns_; }
  // How long a row counts at most; absent: not known.
  std::optional<std::chrono::milliseconds> period() const { return period_; }

  enum class Got : std::uint8_t { row, fault, end };
  virtual Got next(ReadRow&) = 0;

  // Of Got::fault: where and what, "line 7: has a value that is no number".
  const std::string& fault() const { return fault_; }

  virtual double progress() const = 0;  // 0 to 1.

 protected:
  Got fail(std::string why) {
    fault_ = std::move(why);
    return Got::fault;
  }

  std::vector<ColumnUse> columns_;
  std::optional<std::chrono::milliseconds> period_;
  std::string fault_;
};

// What the owner says about a file's columns.
struct ColumnWords {
  std::map<std::string, ColumnUse, std::less<>> by_name;
  std::optional<std::size_t> channel;  // Of a single feed.
  std::string quantity;                // Of columns that do not say; empty: active_power_w.
  std::string zone;                    // Of local times.
};

// What a file is, by what is in it.
enum class ReadingFormat : std::uint8_t { csv, recording, line_protocol, emoncms, iotawatt };
std::optional<ReadingFormat> format_called(std::string_view name);

// All throw std::runtime_error with one sentence that names the file and the remedy.
ReadingFormat detect(const std::string& path);
// Of all formats but line protocol; a folder of feeds has several.
std::vector<std::unique_ptr<ReadingFile>> open_readings(const std::string& path, ReadingFormat,
                                                        const ColumnWords&);

// The lines of a text, plain or gzip, without their CR and a BOM. One that is longer than
// most_line_bytes is cut off: is_cut().
class TextLines {
 public:
  static constexpr std::size_t most_line_bytes = 64 * 1024;

  explicit TextLines(const std::string& file);
  ~TextLines();
  TextLines(const TextLines&) = delete;
  TextLines& operator=(const TextLines&) = delete;

  // Valid until the next call; absent at the end, or where a gzip file is damaged: is_damaged().
  std::optional<std::string_view> next();
  bool is_cut() const { return is_cut_; }
  bool is_damaged() const { return is_damaged_; }
  std::size_t number() const { return number_; }  // Of the last line, from 1.
  double progress() const;

 private:
  bool fill();

  struct File;
  std::unique_ptr<File> file_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0, number_ = 0;
  bool is_cut_ = false, is_damaged_ = false;
};

}  // namespace lenz
