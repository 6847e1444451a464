#include "simulator/recording.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace simulator {
namespace {

using measurement::Amperes;
using measurement::Timestamp;
using measurement::Volts;
using std::chrono::milliseconds;

constexpr std::int64_t missing = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t millionths = 1'000'000;
constexpr std::int64_t millionths_per_deciwatt = 100'000;
constexpr std::int64_t deciwatt_ms_per_mwh = 36'000;  // 0.1 W x 1 ms = 0.1 mJ; 1 mWh = 3.6 J.
constexpr float split_phase_below_v = 150;            // Nominal voltage per leg.

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& complaint) {
  throw std::runtime_error(fmt::format("{}: {}.", file.string(), complaint));
}

// A decimal in millionths; further digits do not matter. Absent when it is not one.
std::optional<std::int64_t> decimal(std::string_view text) {
  const auto* at = text.data();
  const auto* const end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  const auto digit = [&] { return at != end && *at >= '0' && *at <= '9'; };
  std::int64_t value = 0;
  const auto* const whole = at;
  for (; digit(); ++at) {
    if (at - whole >= 12) return std::nullopt;
    value = value * 10 + (*at - '0');
  }
  bool any = at != whole;
  std::int64_t scale = millionths;
  if (at != end && *at == '.') {
    for (++at; digit(); ++at) {
      any = true;
      if (scale == 1) continue;
      value = value * 10 + (*at - '0');
      scale /= 10;
    }
  }
  if (!any || at != end) return std::nullopt;
  value *= scale;
  return negative ? -value : value;
}

double in_units(std::int64_t cell) {
  return static_cast<double>(cell) / static_cast<double>(millionths);
}

std::vector<std::filesystem::path> sample_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("samples") && name.ends_with(".csv.gz")) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  if (files.empty()) refuse(folder, "there is no samples.csv.gz in this folder");
  return files;
}

// The lines of a gzip file.
class Lines {
 public:
  explicit Lines(const std::filesystem::path& path)
      : path_(path), file_(::gzopen(path.c_str(), "rb")), buffer_(1 << 18, 0) {
    if (!file_) refuse(path_, "this file cannot be opened");
    ::gzbuffer(file_, 1 << 17);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() { ::gzclose_r(file_); }

  // Valid until the next call; absent at the end.
  std::optional<std::string_view> next() {
    for (;;) {
      const auto rest = std::string_view(buffer_).substr(begin_, end_ - begin_);
      const auto size = rest.find('\n');
      if (size != rest.npos || (at_end_ && !rest.empty())) {
        const auto line = rest.substr(0, size);
        begin_ = std::min(end_, begin_ + line.size() + 1);
        ++number_;
        return line;
      }
      if (at_end_) return std::nullopt;
      fill();
    }
  }

  std::size_t number() const { return number_; }  // Of the line that next() gave last, from 1.

  [[noreturn]] void refuse_line(const std::string& complaint) const {
    refuse(path_, fmt::format("line {}: {}", number_, complaint));
  }

 private:
  void fill() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    if (end_ == buffer_.size()) refuse(path_, fmt::format("line {} is too long", number_ + 1));
    const auto room = buffer_.size() - end_;
    const int got = ::gzread(file_, buffer_.data() + end_, static_cast<unsigned>(room));
    int error = Z_OK;
    ::gzerror(file_, &error);
    // A file that was cut off is read to its end and only then called faulty.
    if (got < 0 || (got == 0 && error != Z_OK)) {
      refuse(path_, fmt::format("this gzip file is damaged or cut off after line {}; get it anew",
                                number_));
    }
    if (::gzdirect(file_) != 0 && got > 0) refuse(path_, "this is not a gzip file");
    end_ += static_cast<std::size_t>(got);
    at_end_ = got == 0;
  }

  std::filesystem::path path_;
  gzFile file_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;  // Of what is in the buffer.
  std::size_t number_ = 0;
  bool at_end_ = false;
};

milliseconds interval(const nlohmann::json& json, const std::filesystem::path& file) {
  const auto interval_s = json.at("interval_s").get<double>();
  if (!(interval_s >= 0.001 && interval_s <= 86400)) {
    refuse(file, fmt::format("an interval_s of {} cannot be", interval_s));
  }
  return milliseconds(std::llround(interval_s * 1000));
}

bool knows_time_of_day(const nlohmann::json& json, const std::filesystem::path& file) {
  const auto clock = json.at("clock").get<std::string>();
  if (clock != "real" && clock != "none") {
    refuse(file, fmt::format("the clock \"{}\" must be \"real\" or \"none\"", clock));
  }
  return clock == "real";
}

// What recording.json says of a column.
struct Column {
  std::string name, quantity;
  bool is_whole_mains = false;  // Not one leg of them.

  std::string_view meter() const {
    return std::string_view(name).substr(0, name.find_last_of('_'));
  }
};

std::vector<Column> columns_of(const nlohmann::json& json) {
  std::vector<Column> columns;
  for (const auto& channel : json.at("channels")) {
    const bool has_parent = channel.contains("parent") && !channel.at("parent").is_null();
    columns.push_back({channel.at("column").get<std::string>(),
                       channel.at("quantity").get<std::string>(),
                       channel.at("role").get<std::string>() == "mains" && !has_parent});
  }
  return columns;
}

std::optional<std::size_t> find(const std::vector<Column>& columns, std::string_view meter,
                                std::string_view quantity) {
  const auto found = std::ranges::find_if(columns, [&](const Column& column) {
    return column.meter() == meter && column.quantity == quantity;
  });
  if (found == columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns.begin());
}

bool is_channel(const std::vector<Column>& columns, const Column& column) {
  if (column.quantity == "active_power") return true;
  return column.quantity == "apparent_power" && !find(columns, column.meter(), "active_power");
}

}  // namespace

// The rows of all files, one after the other.
class Recording::Rows {
 public:
  Rows(const std::filesystem::path& folder, const std::vector<std::string>& columns,
       const std::vector<std::optional<Source>>& sources, Timestamp epoch)
      : files_(sample_files(folder)),
        header_(fmt::format("time_s,{}", fmt::join(columns, ","))),
        columns_(columns),
        is_played_(columns.size()),
        epoch_(epoch) {
    for (const auto& source : sources) {
      if (source) is_played_[source->power] = true;
    }
  }

  // False at the end; then the row is not changed.
  bool next(Row& row) {
    for (;;) {
      if (!lines_) {
        if (file_ == files_.size()) return false;
        lines_.emplace(files_[file_++]);
        if (lines_->next() != header_) {
          refuse(files_[file_ - 1],
                 fmt::format("line 1: these are not the columns of recording.json, which are {}",
                             header_));
        }
      }
      if (const auto line = lines_->next()) {
        parse(*line, row);
        return true;
      }
      lines_.reset();
    }
  }

 private:
  void parse(std::string_view line, Row& row) {
    row.cells.resize(columns_.size());
    std::size_t count = 0;
    for (std::size_t begin = 0; begin <= line.size(); ++count) {
      const auto end = std::min(line.find(',', begin), line.size());
      const auto cell = line.substr(begin, end - begin);
      begin = end + 1;
      if (count == 0) {
        parse_time(cell, row);
      } else if (count <= columns_.size()) {
        row.cells[count - 1] = cell.empty() ? missing : value(cell, count - 1);
      }
    }
    if (count != columns_.size() + 1) {
      lines_->refuse_line(
          fmt::format("there are {} cells where the header has {}", count, columns_.size() + 1));
    }
  }

  void parse_time(std::string_view cell, Row& row) {
    const auto seconds = decimal(cell);
    if (!seconds) lines_->refuse_line(fmt::format("the time \"{}\" is not a number", cell));
    row.time = epoch_ + milliseconds(*seconds / 1000);
    if (newest_ && row.time <= *newest_) {
      lines_->refuse_line(fmt::format("the time {} is not later than the row before", cell));
    }
    newest_ = row.time;
  }

  std::int64_t value(std::string_view cell, std::size_t column) const {
    const auto value = decimal(cell);
    if (!value) {
      lines_->refuse_line(fmt::format("\"{}\" in {} is not a number", cell, columns_[column]));
    }
    if (is_played_[column] && *value % millionths_per_deciwatt != 0) {
      lines_->refuse_line(
          fmt::format("{} in {} has more than one decimal", cell, columns_[column]));
    }
    return *value;
  }

  std::vector<std::filesystem::path> files_;
  std::string header_;
  std::vector<std::string> columns_;
  std::vector<bool> is_played_;  // The columns whose energy is counted.
  Timestamp epoch_;
  std::size_t file_ = 0;  // The one to open next.
  std::optional<Lines> lines_;
  std::optional<Timestamp> newest_;
};

Recording::Recording(const std::filesystem::path& folder, const RecordingOptions& options)
    : folder_(folder) {
  const auto file = folder / "recording.json";
  std::ifstream text(file);
  if (!text) refuse(file, "this file cannot be read; give the folder of a recording");
  Volts nominal;
  std::vector<Column> columns;
  try {
    const auto json = nlohmann::json::parse(text);
    interval_ = interval(json, file);
    frequency_ = {json.at("line_frequency").get<float>()};
    nominal = {json.at("nominal_voltage").get<float>()};
    epoch_ = knows_time_of_day(json, file) ? Timestamp{} : options.epoch;
    columns = columns_of(json);
  } catch (const nlohmann::json::exception& error) {
    refuse(file, fmt::format("this is not a recording's description ({})", error.what()));
  }
  if (frequency_.value != 50 && frequency_.value != 60) {
    refuse(file, fmt::format("a line_frequency of {} must be 50 or 60", frequency_.value));
  }
  if (!(nominal.value > 0)) refuse(file, "the nominal_voltage must be above 0");

  for (const auto& column : columns) columns_.push_back(column.name);
  // Those that span both legs come first, so that they fill chips of their own.
  const bool split_phase = nominal.value < split_phase_below_v;
  for (const bool both_legs : {true, false}) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const auto& column = columns[c];
      if (!is_channel(columns, column)) continue;
      if ((split_phase && column.is_whole_mains) != both_legs) continue;
      const auto meter = column.meter();
      add(column.name,
          {c, find(columns, meter, "reactive_power"), find(columns, meter, "current"),
           find(columns, meter, "power_factor"), 0},
          both_legs ? nominal + nominal : nominal);
    }
  }
  if (channels_.empty()) refuse(file, "there is no channel of power to play");
  if (channels_.size() > measurement::max_channels) {
    refuse(file, fmt::format("{} channels of power are more than the {} of a meter",
                             channels_.size(), measurement::max_channels));
  }
  survey(options);
}

Recording::~Recording() = default;

void Recording::add(const std::string& column, const Source& source, Volts voltage) {
  constexpr auto per_chip = measurement::channels_per_chip;
  if (!voltages_.empty() && voltages_.back() != voltage) {
    channels_.resize(voltages_.size() * per_chip);
    sources_.resize(channels_.size());
  }
  if (channels_.size() % per_chip == 0) voltages_.push_back(voltage);
  channels_.push_back({column, {}});
  sources_.push_back(source);
}

// Finds what is played and the greatest current in it.
void Recording::survey(const RecordingOptions& options) {
  Rows rows(folder_, columns_, sources_, epoch_);
  Row row;
  if (!rows.next(row)) refuse(folder_, "this recording has no rows");
  const auto after_first = [first = row.time](double seconds) {
    return first + milliseconds(std::llround(seconds * 1000));
  };
  begin_ = after_first(options.begin_s);
  const auto limit = options.end_s ? after_first(*options.end_s) : Timestamp::max();
  do {
    if (row.time >= limit) break;
    end_ = std::min(limit, row.time + interval_);
    if (end_ <= begin_) continue;
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      if (!sources_[c]) continue;
      channels_[c].greatest = std::max(channels_[c].greatest, load(c, row).current);
    }
  } while (rows.next(row));
  if (begin_ >= end_) {
    refuse(folder_,
           "there is nothing to play from the second where it should begin to the one "
           "where it should end");
  }
}

ChannelLoad Recording::load(std::size_t channel, const Row& row) const {
  const auto& source = *sources_[channel];
  const auto cell = [&](const std::optional<std::size_t>& column) -> std::optional<double> {
    if (!column || row.cells[*column] == missing) return std::nullopt;
    return in_units(row.cells[*column]);
  };
  const auto power = cell(source.power);
  if (!power) return {};
  double reactive = 0;
  if (const auto recorded = cell(source.reactive_power)) {
    reactive = *recorded;
  } else if (const auto factor = cell(source.power_factor); factor && *factor != 0) {
    const double cosine = std::min(1.0, std::abs(*factor));
    reactive = std::abs(*power) * std::sqrt(1 - cosine * cosine) / cosine;
  }
  const double voltage = static_cast<double>(voltages_[measurement::chip_of(channel)].value);
  const double needed = std::sqrt(*power * *power + reactive * reactive) / voltage;
  const double current = std::max(needed, cell(source.current).value_or(0));
  return {.fundamental_power = {static_cast<float>(*power)},
          .harmonic_power = {},
          .reactive_power = {static_cast<float>(reactive)},
          .current = {static_cast<float>(current)},
          .peak_current = {}};
}

// Adds what the row of now used since the last advance.
void Recording::count_until(Timestamp until) {
  if (!row_) return;
  const auto from = std::max({*now_, row_->time, begin_});
  const auto to = std::min({until, row_->time + interval_, end_});
  if (to <= from) return;
  for (auto& source : sources_) {
    if (!source || row_->cells[source->power] == missing) continue;
    source->energy += row_->cells[source->power] / millionths_per_deciwatt * (to - from).count();
  }
}

Scene::Moment Recording::advance(Timestamp now, std::span<ChipInput> inputs) {
  assert(inputs.size() >= chips() && "BUG: the meter has fewer chips than the recording needs");
  assert((!now_ || now >= *now_) && "BUG: time does not go back");
  const auto read_next = [this] {
    if (!next_) next_.emplace();
    if (!rows_->next(*next_)) next_.reset();
  };
  if (!rows_) {
    rows_ = std::make_unique<Rows>(folder_, columns_, sources_, epoch_);
    read_next();
  }
  if (!now_) now_ = now;
  for (const auto reached = std::min(now, end_); next_ && next_->time <= reached; read_next()) {
    count_until(next_->time);
    std::swap(row_, next_);
  }
  count_until(now);
  now_ = now;

  std::ranges::fill(inputs, ChipInput{});
  if (now < begin_) return {.powered = false, .until = begin_};
  const auto connect = [&] {
    for (std::size_t chip = 0; chip < chips(); ++chip) {
      inputs[chip].voltage.fill(voltages_[chip]);
      inputs[chip].frequency = frequency_;
    }
  };
  if (now >= end_) {
    connect();
    return {.powered = true, .until = Timestamp::max()};
  }
  const auto next_time = next_ ? std::min(next_->time, end_) : end_;
  const auto stands_until = std::min(row_->time + interval_, next_time);
  if (now >= stands_until) return {.powered = false, .until = next_time};
  connect();
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    if (!sources_[c]) continue;
    inputs[measurement::chip_of(c)].channels[c % measurement::channels_per_chip] = load(c, *row_);
  }
  return {.powered = true, .until = stands_until};
}

double Recording::progress() const {
  if (!now_) return 0;
  const auto played = std::clamp(*now_, begin_, end_) - begin_;
  return static_cast<double>(played.count()) / static_cast<double>((end_ - begin_).count());
}

measurement::MilliwattHours Recording::recorded_mwh(std::string_view column) const {
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    if (!sources_[c] || channels_[c].name != column) continue;
    const auto energy = sources_[c]->energy;
    const auto half = energy < 0 ? -deciwatt_ms_per_mwh / 2 : deciwatt_ms_per_mwh / 2;
    return {(energy + half) / deciwatt_ms_per_mwh};
  }
  throw std::out_of_range(fmt::format("the recording has no channel \"{}\"", column));
}

}  // namespace simulator
