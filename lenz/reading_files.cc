#include "lenz/reading_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "hub/devices.h"
#include "lenz/readings.h"
#include "simulator/recording.h"

namespace lenz {

namespace fs = std::filesystem;
using measurement::Kind;
using measurement::Quantity;
using measurement::Timestamp;
using std::chrono::milliseconds;
using namespace std::chrono_literals;
using Got = ReadingFile::Got;

namespace {

constexpr std::string_view usual_quantity = "active_power_w";
constexpr std::size_t most_columns = 1'000;
const Timestamp earliest = std::chrono::sys_days(std::chrono::year(2000) / 1 / 1);
const Timestamp latest = std::chrono::sys_days(std::chrono::year(2100) / 1 / 1);

[[noreturn]] void refuse(const std::string& file, const std::string& complaint) {
  throw std::runtime_error(fmt::format("{}: {}.", file, complaint));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

void split(std::string_view line, char separator, std::vector<std::string_view>& cells) {
  cells.clear();
  for (std::size_t begin = 0; begin <= line.size();) {
    const auto end = std::min(line.find(separator, begin), line.size());
    cells.push_back(trimmed(line.substr(begin, end - begin)));
    begin = end + 1;
  }
}

bool is_missing(std::string_view cell) {
  return cell.empty() || cell == "null" || cell == "NaN" || cell == "nan" || cell == "NAN";
}

// A number as it is written, up to 18 digits exactly.
std::optional<hub::Decimal> decimal(std::string_view text) {
  hub::Decimal number;
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  int count = 0;
  bool has_digit = false, is_after_point = false;
  for (; !text.empty(); text.remove_prefix(1)) {
    if (text[0] == '.' && !is_after_point) {
      is_after_point = true;
      continue;
    }
    if (!is_digit(text[0])) break;
    has_digit = true;
    if (count < 18) {
      number.digits = number.digits * 10 + (text[0] - '0');
      count += number.digits != 0;
      number.exponent -= is_after_point;
    } else {
      number.exponent += !is_after_point;
    }
    if (std::abs(number.exponent) > 400) return std::nullopt;
  }
  if (!has_digit) return std::nullopt;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+')) text.remove_prefix(1);
    int exponent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (error != std::errc{} || std::abs(exponent) > 400) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    number.exponent += exponent;
  }
  if (!text.empty()) return std::nullopt;
  if (is_negative) number.digits = -number.digits;
  return number;
}

// Seconds since 1970, milliseconds when there are too many of them, or a time as people write it.
std::optional<Timestamp> time_of(std::string_view cell, const std::string& zone, Timestamp after) {
  const bool is_number = !cell.empty() && cell.find_first_not_of("0123456789.") == cell.npos;
  if (!is_number) return parse_time(cell, zone, after);
  const auto number = decimal(cell);
  if (!number) return std::nullopt;
  const auto in_ms = hub::in_steps(*number, -3);
  constexpr std::int64_t too_many = 100'000'000'000'000;  // The year 5138, in seconds.
  if (!in_ms) return std::nullopt;
  return Timestamp(milliseconds(*in_ms >= too_many ? *in_ms / 1000 : *in_ms));
}

// Turns what a counter shows into what was gained, and rows that cannot be into faults.
class Checked : public ReadingFile {
 protected:
  // Why the row is not taken; empty: it is. Counters go on only with rows that are.
  std::string check(ReadRow& row) {
    if (row.time < earliest || row.time >= latest) return "has a time before 2000 or after 2100";
    auto& newest = newest_[row.device];
    if (row.time <= newest) return "is not later than the one before";
    for (auto& value : row.values) {
      const auto& use = columns_[value.column];
      if (!use.is_running) continue;
      auto& last = counters_[{row.device, value.column}];
      const auto shown = value.steps;
      // One that fell began anew: what it gained meanwhile is not known.
      value.steps = last && shown > *last ? shown - *last : 0;
      last = shown;
      if (!hub::is_in_range(use.meaning.quantity, value.steps)) {
        return "has a counter that rose beyond what a home can use";
      }
    }
    newest = row.time;
    return {};
  }

  Timestamp newest(const std::string& device) const {
    const auto found = newest_.find(device);
    return found == newest_.end() ? Timestamp::min() : found->second;
  }

  // A counter may show more than can be gained at once.
  std::optional<std::int64_t> steps(const ColumnUse& use, hub::Decimal number) const {
    if (!use.is_running) return hub::steps_of(use.meaning, number);
    number.exponent += use.meaning.exponent;
    const auto shown = hub::in_steps(number, -3);  // mWh of Wh.
    return shown && *shown >= 0 ? shown : std::nullopt;
  }

 private:
  std::map<std::string, Timestamp> newest_;
  std::map<std::pair<std::string, std::size_t>, std::optional<std::int64_t>> counters_;
};

}  // namespace

std::optional<ColumnUse> use_of(std::string_view quantity, std::size_t channel) {
  if (channel >= measurement::max_channels) return std::nullopt;
  std::string name(quantity);
  const auto total = name.find("_total");
  const bool is_running = total != name.npos;
  if (is_running) name.erase(total, std::string_view("_total").size());
  const auto meaning = hub::meaning_of(name);
  if (!meaning) return std::nullopt;
  if (is_running && measurement::row(meaning->quantity).kind != Kind::total) return std::nullopt;
  return ColumnUse{channel, *meaning, is_running};
}

// --- Lines

struct TextLines::File {
  gzFile handle = nullptr;
  std::uintmax_t bytes = 0;
  ~File() {
    if (handle) ::gzclose_r(handle);
  }
};

TextLines::TextLines(const std::string& file)
    : file_(std::make_unique<File>()), buffer_(most_line_bytes * 2, 0) {
  std::error_code error;
  file_->bytes = fs::file_size(file, error);
  if (!error) file_->handle = ::gzopen(file.c_str(), "rbe");
  if (!file_->handle) refuse(file, "this file cannot be read; check its name and its rights");
  ::gzbuffer(file_->handle, 1 << 17);
}

TextLines::~TextLines() = default;

bool TextLines::fill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
  const auto room = buffer_.size() - end_;
  const int got = ::gzread(file_->handle, buffer_.data() + end_, static_cast<unsigned>(room));
  int error = Z_OK;
  ::gzerror(file_->handle, &error);
  is_damaged_ = got < 0 || (got == 0 && error != Z_OK);
  if (got <= 0) return false;
  end_ += static_cast<std::size_t>(got);
  return true;
}

std::optional<std::string_view> TextLines::next() {
  is_cut_ = false;
  for (;;) {
    const auto rest = std::string_view(buffer_).substr(begin_, end_ - begin_);
    auto size = rest.find('\n');
    const bool is_whole = size != rest.npos;
    if (!is_whole) {
      if (rest.size() < most_line_bytes && fill()) continue;
      // What a damaged file ends with may be half a number.
      if (rest.empty() || is_damaged_) return std::nullopt;
      size = end_ - begin_;
    }
    auto line = std::string_view(buffer_).substr(begin_, size);
    begin_ = std::min(end_, begin_ + size + 1);
    ++number_;
    if (line.size() >= most_line_bytes) {
      is_cut_ = true;
      // What is left of it is read and forgotten.
      if (!is_whole) begin_ = end_;
      while (!is_whole && fill()) {
        const auto newline = std::string_view(buffer_).substr(begin_, end_ - begin_).find('\n');
        begin_ = newline == std::string_view::npos ? end_ : begin_ + newline + 1;
        if (newline != std::string_view::npos) break;
      }
      return std::string_view();
    }
    if (number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
}

double TextLines::progress() const {
  if (file_->bytes == 0) return 1;
  return std::min(
      1.0, static_cast<double>(::gzoffset(file_->handle)) / static_cast<double>(file_->bytes));
}

namespace {

// --- CSV: Lenz's own, a general one, IoTaWatt's, a feed of emoncms, a recording's samples

// What stands in a column that is read; absent: nothing that is kept.
using Place = std::optional<std::size_t>;  // Index of columns_.

class Table : public Checked {
 public:
  Got next(ReadRow& row) override {
    for (;;) {
      const auto line = next_line();
      if (!line) return is_over_ ? Got::end : Got::fault;
      if (line->empty() && !lines_->is_cut()) continue;
      const auto why =
          lines_->is_cut() ? std::string("is longer than 65536 bytes") : parse(*line, row);
      if (why.empty() && row.values.empty()) continue;
      if (why.empty()) return Got::row;
      return fail(fmt::format("{}line {}: {}", files_.size() > 1 ? file_name_ + " " : "",
                              lines_->number(), why));
    }
  }

  double progress() const override {
    const auto before = static_cast<double>(file_) - 1;
    return (before + (lines_ ? lines_->progress() : 1)) / static_cast<double>(files_.size());
  }

 protected:
  Table(std::vector<std::string> files, ColumnWords words)
      : files_(std::move(files)), words_(std::move(words)) {}

  // For each file; throws where it is not what it should be.
  virtual void begin_file(TextLines&, const std::string& name) = 0;

  std::string parse(std::string_view line, ReadRow& row) {
    split(line, separator_, cells_);
    if (cells_.size() != places_.size()) {
      return fmt::format("has {} cells where {} are", cells_.size(), places_.size());
    }
    row.values.clear();
    row.device = device_at_ ? std::string(cells_[*device_at_]) : std::string();
    if (device_at_ && !hub::is_device_name(row.device)) return "has no name of a device";
    const auto time = time_of(cells_[0], words_.zone, newest(row.device));
    if (!time) return fmt::format("has the time \"{}\", which is none", cells_[0].substr(0, 40));
    row.time = *time + shift_;
    for (std::size_t i = 1; i < cells_.size(); ++i) {
      if (!places_[i] || is_missing(cells_[i])) continue;
      std::string with_point;
      auto cell = cells_[i];
      if (separator_ == ';' && cell.find(',') != cell.npos) {
        with_point = cell;
        std::ranges::replace(with_point, ',', '.');
        cell = with_point;
      }
      const auto number = decimal(cell);
      if (!number) return fmt::format("has \"{}\", which is no number", cell.substr(0, 40));
      const auto found = steps(columns_[*places_[i]], *number);
      if (!found) {
        return fmt::format("has {}, which is beyond what a home's meter can read",
                           cell.substr(0, 40));
      }
      row.values.push_back({*places_[i], *found});
    }
    return row.values.empty() ? std::string() : check(row);
  }

  Place add(const ColumnUse& use) {
    if (use.meaning.is_ignored) return std::nullopt;
    columns_.push_back(use);
    return columns_.size() - 1;
  }

  const std::vector<std::string> files_;
  const ColumnWords words_;
  char separator_ = ',';
  std::vector<Place> places_;
  std::optional<std::size_t> device_at_;
  milliseconds shift_{0};

 private:
  std::optional<std::string_view> next_line() {
    for (;;) {
      if (!lines_) {
        if (file_ == files_.size()) {
          is_over_ = true;
          return std::nullopt;
        }
        file_name_ = fs::path(files_[file_]).filename().string();
        lines_.emplace(files_[file_]);
        ++file_;
        begin_file(*lines_, files_[file_ - 1]);
      }
      if (const auto line = lines_->next()) return line;
      if (lines_->is_damaged()) {
        fail(fmt::format("{}: is damaged or cut off after line {}", file_name_, lines_->number()));
        lines_.reset();
        return std::nullopt;
      }
      lines_.reset();
    }
  }

  std::size_t file_ = 0;  // The one to open next.
  std::string file_name_;
  std::optional<TextLines> lines_;
  std::vector<std::string_view> cells_;
  bool is_over_ = false;
};

std::string header_of(TextLines& lines, const std::string& file) {
  const auto line = lines.next();
  if (!line || lines.is_cut()) refuse(file, "line 1: there is no header");
  return std::string(*line);
}

std::string what_a_column_is() {
  return "say --column NAME=CHANNEL:QUANTITY, such as Kitchen=3:active_power_w";
}

class CsvFile final : public Table {
 public:
  CsvFile(std::string file, ColumnWords words, bool is_iotawatt)
      : Table({std::move(file)}, std::move(words)), is_iotawatt_(is_iotawatt) {
    TextLines lines(files_[0]);
    read_header(header_of(lines, files_[0]));
  }

 private:
  void begin_file(TextLines& lines, const std::string&) override { lines.next(); }

  void read_header(const std::string& header) {
    std::vector<std::string_view> names;
    if (header.find(';') != header.npos && header.find(',') == header.npos) separator_ = ';';
    split(header, separator_, names);
    if (names.size() < 2 || names.size() > most_columns) {
      refuse(files_[0], "line 1: a header has a time and 1 to 1,000 columns");
    }
    constexpr std::array<std::string_view, 4> times = {"time", "Time", "time_s", "time_ms"};
    if (std::ranges::find(times, names[0]) == times.end()) {
      refuse(files_[0], "line 1: the first column must be called time, time_s or time_ms");
    }
    places_.resize(names.size());
    std::set<std::string_view> seen;
    std::size_t order = 0;
    for (std::size_t i = 1; i < names.size(); ++i) {
      if (!seen.insert(names[i]).second) {
        refuse(files_[0], fmt::format("line 1: two columns are called \"{}\"; query or write one "
                                      "unit at a time",
                                      names[i]));
      }
      if (i == 1 && names[i] == "device") {
        device_at_ = i;
        continue;
      }
      places_[i] = add(use(names[i], order++));
    }
  }

  ColumnUse use(std::string_view name, std::size_t order) const {
    if (const auto found = words_.by_name.find(name); found != words_.by_name.end()) {
      return found->second;
    }
    if (is_iotawatt_) {
      const auto told = use_of(words_.quantity.empty() ? usual_quantity : words_.quantity, order);
      if (told) return *told;
      refuse(files_[0],
             fmt::format("line 1: \"{}\" is one column too many; {}", name, what_a_column_is()));
    }
    if (const auto known = column_of(name)) return {known->channel, known->meaning, false};
    const auto total = name.find("_total_");
    if (total != name.npos) {
      auto without = std::string(name);
      without.erase(total, std::string_view("_total").size());
      const auto known = column_of(without);
      if (known && measurement::row(known->meaning.quantity).kind == Kind::total) {
        return {known->channel, known->meaning, true};
      }
    }
    refuse(files_[0], fmt::format("line 1: \"{}\" names no quantity and channel, as "
                                  "active_power_3_w does; {}",
                                  name, what_a_column_is()));
  }

  const bool is_iotawatt_;
};

// time,value without a header, as emoncms exports a feed.
class FeedTable final : public Table {
 public:
  FeedTable(std::string file, ColumnWords words, const ColumnUse& use)
      : Table({std::move(file)}, std::move(words)) {
    TextLines lines(files_[0]);
    const auto first = lines.next();
    if (first && first->find(';') != first->npos) separator_ = ';';
    if (first && first->find('\t') != first->npos) separator_ = '\t';
    places_ = {std::nullopt, add(use)};
  }

 private:
  void begin_file(TextLines&, const std::string&) override {}
};

class RecordingFile final : public Table {
 public:
  RecordingFile(const std::string& folder, ColumnWords words)
      : Table(sample_files(folder), std::move(words)) {
    // It knows what a recording must be, and in which order its meters are channels.
    const simulator::Recording recording(folder);
    const auto json = nlohmann::json::parse(std::ifstream(folder + "/recording.json"));
    period_ = milliseconds(std::llround(json.at("interval_s").get<double>() * 1000));
    if (json.at("clock") == "none") shift_ = simulator::RecordingOptions{}.epoch - Timestamp{};
    std::vector<std::string> names;
    for (const auto& channel : json.at("channels")) names.push_back(channel.at("column"));
    header_ = fmt::format("time_s,{}", fmt::join(names, ","));
    places_.resize(names.size() + 1);
    for (std::size_t c = 0; c < recording.channels().size(); ++c) {
      const auto& power = recording.channels()[c].name;
      const auto meter = power.substr(0, power.rfind('_') + 1);
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (power.empty() || !names[i].starts_with(meter)) continue;
        const auto suffix = std::string_view(names[i]).substr(meter.size());
        if (const auto quantity = quantity_of(suffix, names[i] == power); !quantity.empty()) {
          if (const auto found = use_of(quantity, c)) places_[i + 1] = add(*found);
        }
      }
    }
  }

 private:
  // Mains that were only measured as apparent power are their power.
  static std::string_view quantity_of(std::string_view suffix, bool is_power) {
    if (suffix == "w" || (suffix == "va" && is_power)) return "active_power_w";
    if (suffix == "var") return "reactive_power_var";
    if (suffix == "v") return "voltage_v";
    if (suffix == "a") return "current_a";
    if (suffix == "hz") return "frequency_hz";
    return {};
  }

  static std::vector<std::string> sample_files(const std::string& folder) {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const auto name = entry.path().filename().string();
      if (name.starts_with("samples") && name.ends_with(".csv.gz")) {
        files.push_back(entry.path().string());
      }
    }
    std::ranges::sort(files);
    if (files.empty()) refuse(folder, "there is no samples.csv.gz in this folder");
    return files;
  }

  void begin_file(TextLines& lines, const std::string& name) override {
    if (header_of(lines, name) != header_) {
      refuse(name, "line 1: these are not the columns of recording.json");
    }
  }

  std::string header_;
};

// --- emoncms' own files

// docs.openenergymonitor.org, and the engines of emoncms that write these files: PHPFina's data are
// floats at equal distances from a start, which its meta file has at byte 12, the distance at byte
// 8; PHPTimeSeries has records of a byte, the time and a float. All little-endian.
class FeedFile final : public Checked {
 public:
  FeedFile(std::string file, const ColumnUse& use, bool is_fixed)
      : name_(std::move(file)), in_(name_, std::ios::binary), is_fixed_(is_fixed) {
    columns_.push_back(use);
    std::error_code error;
    const auto bytes = fs::file_size(name_, error);
    if (!in_ || error) refuse(name_, "this file cannot be read; check its name and its rights");
    count_ = bytes / record_bytes();
    is_cut_ = bytes % record_bytes() != 0;
    if (is_fixed_) read_meta();
  }

  Got next(ReadRow& row) override {
    std::array<unsigned char, 9> record{};
    while (at_ < count_) {
      in_.read(reinterpret_cast<char*>(record.data()),
               static_cast<std::streamsize>(record_bytes()));
      if (!in_) break;
      ++at_;
      const auto seconds = is_fixed_ ? start_s_ + static_cast<std::int64_t>(at_ - 1) * interval_s_
                                     : number(record.data() + 1);
      const auto value = std::bit_cast<float>(
          static_cast<std::uint32_t>(number(record.data() + (is_fixed_ ? 0 : 5))));
      if (std::isnan(value)) continue;
      row.device.clear();
      row.time = Timestamp(std::chrono::seconds(seconds));
      const auto found = steps(columns_[0], decimal_of(value));
      if (!found) {
        return fail(fmt::format("{} point {}: has {}, which is beyond what a home's meter can read",
                                fs::path(name_).filename().string(), at_, value));
      }
      row.values = {{0, *found}};
      const auto why = check(row);
      if (why.empty()) return Got::row;
      return fail(fmt::format("{} point {}: {}", fs::path(name_).filename().string(), at_, why));
    }
    if (!std::exchange(is_cut_, false)) return Got::end;
    return fail(
        fmt::format("{}: is cut off after point {}", fs::path(name_).filename().string(), at_));
  }

  double progress() const override {
    return count_ == 0 ? 1 : static_cast<double>(at_) / static_cast<double>(count_);
  }

 private:
  std::size_t record_bytes() const { return is_fixed_ ? 4 : 9; }

  static std::int64_t number(const unsigned char* bytes) {
    std::uint32_t value = 0;
    for (int i = 3; i >= 0; --i) value = value << 8 | bytes[i];
    return value;
  }

  // The shortest text that is this float.
  static hub::Decimal decimal_of(float value) {
    std::array<char, 64> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return decimal({text.data(), end}).value_or(hub::Decimal{1, 400});
  }

  void read_meta() {
    const auto file = fs::path(name_).replace_extension(".meta");
    std::ifstream meta(file, std::ios::binary);
    std::array<unsigned char, 16> bytes{};
    if (!meta.read(reinterpret_cast<char*>(bytes.data()), bytes.size())) {
      refuse(file.string(), "this file is not there or is cut off; it belongs to the .dat");
    }
    interval_s_ = number(bytes.data() + 8);
    start_s_ = number(bytes.data() + 12);
    if (interval_s_ < 1 || interval_s_ > 86'400) {
      refuse(file.string(), fmt::format("a distance of {} s cannot be", interval_s_));
    }
    period_ = std::chrono::seconds(interval_s_);
  }

  const std::string name_;
  std::ifstream in_;
  const bool is_fixed_;
  bool is_cut_ = false;
  std::uintmax_t count_ = 0, at_ = 0;
  std::int64_t interval_s_ = 0, start_s_ = 0;
};

bool is_fixed(const fs::path& file) {
  return file.extension() == ".dat" || file.extension() == ".meta";
}
bool is_series(const fs::path& file) { return file.extension() == ".MYD"; }

// "12" of 12.dat, 12.meta and feed_12.MYD.
std::string feed_name(const fs::path& file) {
  auto name = file.stem().string();
  return name.starts_with("feed_") ? name.substr(5) : name;
}

std::vector<fs::path> feeds_of(const fs::path& path) {
  if (!fs::is_directory(path))
    return {is_fixed(path) ? fs::path(path).replace_extension(".dat") : path};
  std::vector<fs::path> feeds;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".dat" || is_series(entry.path())) {
      feeds.push_back(entry.path());
    }
  }
  std::ranges::sort(feeds);
  return feeds;
}

std::optional<ColumnUse> use_of_feed(const fs::path& feed, const ColumnWords& words) {
  for (const auto& name : {feed_name(feed), feed.filename().string()}) {
    if (const auto found = words.by_name.find(name); found != words.by_name.end()) {
      return found->second;
    }
  }
  if (!words.channel) return std::nullopt;
  return use_of(words.quantity.empty() ? usual_quantity : words.quantity, *words.channel);
}

constexpr std::array<std::string_view, 5> format_names = {"csv", "recording", "line-protocol",
                                                          "emoncms", "iotawatt"};

}  // namespace

std::optional<ReadingFormat> format_called(std::string_view name) {
  const auto found = std::ranges::find(format_names, name);
  if (found == format_names.end()) return std::nullopt;
  return static_cast<ReadingFormat>(found - format_names.begin());
}

ReadingFormat detect(const std::string& path) {
  const fs::path place(path);
  std::error_code error;
  if (!fs::exists(place, error)) refuse(path, "there is no such file or folder");
  if (fs::is_directory(place)) {
    if (fs::exists(place / "recording.json")) return ReadingFormat::recording;
    if (!feeds_of(place).empty()) return ReadingFormat::emoncms;
    refuse(path, "this folder is neither a recording nor one of emoncms' feeds");
  }
  if (is_fixed(place) || is_series(place)) return ReadingFormat::emoncms;
  TextLines lines(path);
  auto line = lines.next();
  while (line && !lines.is_cut() && (line->empty() || line->starts_with('#'))) line = lines.next();
  if (line && !lines.is_cut()) {
    const auto first = line->substr(0, line->find_first_of(",;\t"));
    if (first == "Time") return ReadingFormat::iotawatt;
    if (first == "time" || first == "time_s" || first == "time_ms") return ReadingFormat::csv;
    if (!first.empty() && is_digit(first[0]) && first.size() < line->size()) {
      return ReadingFormat::emoncms;
    }
    if (line->find(' ') != line->npos && line->find('=') != line->npos) {
      return ReadingFormat::line_protocol;
    }
  }
  refuse(path, fmt::format("what this file holds was not recognised; say --format {}",
                           fmt::join(format_names, ", ")));
}

std::vector<std::unique_ptr<ReadingFile>> open_readings(const std::string& path,
                                                        ReadingFormat format,
                                                        const ColumnWords& words) {
  std::vector<std::unique_ptr<ReadingFile>> files;
  const auto is_csv = format == ReadingFormat::csv;
  if (is_csv || format == ReadingFormat::iotawatt) {
    files.push_back(std::make_unique<CsvFile>(path, words, !is_csv));
    return files;
  }
  if (format == ReadingFormat::recording) {
    files.push_back(std::make_unique<RecordingFile>(path, words));
    return files;
  }
  const auto feeds = feeds_of(path);
  if (feeds.empty()) refuse(path, "there is no feed in this folder");
  std::vector<std::string> names;
  for (const auto& feed : feeds) {
    names.push_back(feed_name(feed));
    const auto use = use_of_feed(feed, words);
    if (!use) continue;
    if (is_fixed(feed) || is_series(feed)) {
      files.push_back(std::make_unique<FeedFile>(feed.string(), *use, is_fixed(feed)));
    } else {
      files.push_back(std::make_unique<FeedTable>(feed.string(), words, *use));
    }
  }
  if (files.empty()) {
    refuse(path, fmt::format("say what a feed is, --column {}=0:active_power_w or "
                             "--column {}=0:imported_total_kwh; there are: {}",
                             names.front(), names.front(), fmt::join(names, ", ")));
  }
  return files;
}

}  // namespace lenz
