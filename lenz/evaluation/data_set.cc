#include "lenz/evaluation/data_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "lenz/reading_files.h"

namespace lenz::evaluation {
namespace {

namespace fs = std::filesystem;
using measurement::Timestamp;
using nlohmann::json;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

[[noreturn]] void refuse(const fs::path& file, const std::string& complaint) {
  throw std::runtime_error(fmt::format("{}: {}.", file.string(), complaint));
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (std::size_t begin = 0;;) {
    const auto comma = line.find(',', begin);
    cells.push_back(line.substr(begin, comma - begin));
    if (comma == line.npos) return cells;
    begin = comma + 1;
  }
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

// The rows of a table of numbers. An empty cell is NaN.
class Rows {
 public:
  explicit Rows(const fs::path& file) : file_(file), lines_(file.string()) {
    const auto line = lines_.next();
    if (!line) refuse(file_, "this file is empty or damaged; get it anew");
    for (const auto cell : cells_of(*line)) header_.emplace_back(cell);
    if (header_.front() != "time_s") refuse(file_, "line 1: the first column must be time_s");
  }

  const std::vector<std::string>& header() const { return header_; }  // time_s first.

  // False: there are no more. `values` are those after the time.
  bool next(Timestamp& time, std::vector<float>& values) {
    const auto line = lines_.next();
    if (!line) {
      if (lines_.is_damaged()) {
        refuse(file_, fmt::format("this gzip file is damaged or cut off after line {}; get it anew",
                                  lines_.number()));
      }
      return false;
    }
    const auto cells = cells_of(*line);
    const auto complain = [&](const std::string& why) {
      refuse(file_, fmt::format("line {}: {}", lines_.number(), why));
    };
    if (cells.size() != header_.size()) {
      complain(fmt::format("there are {} cells where there are {} columns", cells.size(),
                           header_.size()));
    }
    const auto time_s = number(cells[0]);
    if (!time_s || std::abs(*time_s) > 1e11) complain("time_s is no time");
    const Timestamp read(std::chrono::milliseconds(std::llround(*time_s * 1000)));
    if (last_ && read <= *last_) complain("time_s must rise from line to line");
    last_ = time = read;
    values.resize(cells.size() - 1);
    for (std::size_t i = 1; i < cells.size(); ++i) {
      const auto value = cells[i].empty() ? std::optional<double>(missing) : number(cells[i]);
      if (!value) complain(fmt::format("'{}' is no number", cells[i]));
      values[i - 1] = static_cast<float>(*value);
    }
    return true;
  }

 private:
  fs::path file_;
  TextLines lines_;
  std::vector<std::string> header_;
  std::optional<Timestamp> last_;
};

struct SuffixRow {
  std::string_view suffix;
  std::vector<float> HouseChannel::*column;
};

constexpr std::array suffixes = {
    SuffixRow{"_w", &HouseChannel::active_power_w},
    SuffixRow{"_va", nullptr},  // Only where there is no active power.
    SuffixRow{"_var", &HouseChannel::reactive_power_var},
    SuffixRow{"_v", &HouseChannel::voltage_v},
    SuffixRow{"_a", &HouseChannel::current_a},
};

// "kettle_w" -> "kettle" and its row; no row: a quantity that is not read.
std::pair<std::string, const SuffixRow*> split(std::string_view column) {
  const auto at = column.rfind('_');
  if (at == column.npos) return {std::string(column), nullptr};
  const auto found = std::ranges::find(suffixes, column.substr(at), &SuffixRow::suffix);
  return {std::string(column.substr(0, at)), found == suffixes.end() ? nullptr : &*found};
}

ChannelRole role_of(const std::string& word, const fs::path& file) {
  if (word == "mains") return ChannelRole::mains;
  if (word == "circuit") return ChannelRole::circuit;
  if (word == "appliance") return ChannelRole::appliance;
  refuse(file, fmt::format("the role '{}' is none of mains, circuit, appliance", word));
}

std::string text_or_empty(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<fs::path> sample_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("samples") && name.ends_with(".csv.gz")) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  if (files.empty()) refuse(folder, "there is no samples.csv.gz in this folder");
  return files;
}

// Which channel, and which of its columns, each column of the samples is.
struct Place {
  std::size_t channel = 0;
  std::vector<float> HouseChannel::*column = nullptr;  // None: not read.
};

std::map<std::string, Place> describe(const json& described, const fs::path& file, House& house) {
  std::map<std::string, Place> places;
  std::map<std::string, std::size_t> channels;
  for (const auto& entry : described) {
    const auto column = entry.at("column").get<std::string>();
    const auto [name, suffix] = split(column);
    if (!suffix) continue;
    const auto [at, is_new] = channels.try_emplace(name, house.channels.size());
    if (is_new) {
      const auto word = text_or_empty(entry, "appliance");
      house.channels.push_back({.name = name,
                                .role = role_of(entry.at("role").get<std::string>(), file),
                                .label = text_or_empty(entry, "label"),
                                .appliance = insight::appliance_kind(word),
                                .parent = split(text_or_empty(entry, "parent")).first});
    }
    places[column] = {at->second, suffix->column};
  }
  for (auto& [column, place] : places) {
    const auto& name = house.channels[place.channel].name;
    if (!place.column && !places.contains(name + "_w")) {
      place.column = &HouseChannel::active_power_w;
    }
  }
  return places;
}

void read_samples(const fs::path& folder, const std::map<std::string, Place>& places,
                  House& house) {
  for (const auto& file : sample_files(folder)) {
    Rows rows(file);
    std::vector<Place> of_cell;
    for (std::size_t i = 1; i < rows.header().size(); ++i) {
      const auto found = places.find(rows.header()[i]);
      of_cell.push_back(found == places.end() ? Place{} : found->second);
    }
    const auto earlier = house.times.empty() ? Timestamp::min() : house.times.back();
    Timestamp time;
    std::vector<float> values;
    while (rows.next(time, values)) {
      if (time <= earlier) refuse(file, "it begins before the file in front of it ends");
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (!of_cell[i].column) continue;
        auto& column = house.channels[of_cell[i].channel].*of_cell[i].column;
        column.resize(house.times.size(), missing);
        column.push_back(values[i]);
      }
      house.times.push_back(time);
    }
  }
  for (auto& channel : house.channels) {
    for (const auto& suffix : suffixes) {
      if (!suffix.column) continue;
      auto& column = channel.*suffix.column;
      if (!column.empty()) column.resize(house.times.size(), missing);
    }
  }
}

std::vector<Trace> list_traces(const fs::path& file) {
  TextLines lines(file.string());
  std::map<std::string, std::size_t, std::less<>> places;
  std::vector<Trace> traces;
  while (const auto line = lines.next()) {
    const auto cells = cells_of(*line);
    if (lines.number() == 1) {
      for (const auto cell : cells) places.emplace(cell, places.size());
      for (const auto* name : {"appliance", "device", "file", "source", "licence", "country",
                               "interval_s", "hold_s", "clock"}) {
        if (!places.contains(name)) refuse(file, fmt::format("line 1: no column {}", name));
      }
      continue;
    }
    const auto complain = [&](const std::string& why) {
      refuse(file, fmt::format("line {}: {}", lines.number(), why));
    };
    if (cells.size() != places.size()) complain("not as many cells as columns");
    const auto cell = [&](std::string_view name) { return cells[places.find(name)->second]; };
    const auto appliance = insight::appliance_kind(cell("appliance"));
    if (!appliance) complain(fmt::format("'{}' is no appliance known here", cell("appliance")));
    const auto interval_s = number(cell("interval_s")), hold_s = number(cell("hold_s"));
    if (!interval_s || !hold_s) complain("interval_s or hold_s is no number");
    Trace trace{.appliance = *appliance,
                .device = std::string(cell("device")),
                .household = household_of(cell("device")),
                .file = std::string(cell("file")),
                .source = std::string(cell("source")),
                .licence = std::string(cell("licence")),
                .country = std::string(cell("country")),
                .interval_s = *interval_s,
                .hold_s = *hold_s,
                .has_clock = cell("clock") == "local"};
    if (trace.file.find("..") != trace.file.npos) complain("file must lie below traces/");
    traces.push_back(std::move(trace));
  }
  std::ranges::sort(traces, {}, [](const Trace& t) { return std::tie(t.device, t.file); });
  return traces;
}

}  // namespace

std::string household_of(std::string_view name) {
  struct Row {
    std::string_view begins, household;
  };
  // What its documentation says is one household, though the names differ.
  constexpr std::array same = {Row{"ampds2-", "ampds2"}, Row{"kehkok-", "kehkok"},
                               Row{"jackkelly-", "ukdale-house-1"}};
  for (const auto& row : same) {
    if (name.starts_with(row.begins)) return std::string(row.household);
  }
  constexpr std::string_view house = "house-";
  const auto at = name.find(house);
  if (at == name.npos) return std::string(name);
  auto end = at + house.size();
  while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
  return std::string(name.substr(0, end));
}

DataSet::DataSet(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_ / "houses", error)) {
    if (fs::exists(entry.path() / "recording.json")) {
      houses_.push_back(entry.path().filename().string());
    }
  }
  std::ranges::sort(houses_);
  if (const auto list = folder_ / "traces/traces.csv"; fs::exists(list))
    traces_ = list_traces(list);
  if (houses_.empty() && traces_.empty()) {
    refuse(folder_,
           "there are no recordings here: neither houses/*/recording.json nor "
           "traces/traces.csv; name the folder that has them");
  }
}

House DataSet::house(const std::string& name) const {
  const auto folder = folder_ / "houses" / name;
  const auto file = folder / "recording.json";
  House house{.name = name, .household = household_of(name)};
  std::map<std::string, Place> places;
  try {
    std::ifstream stream(file);
    if (!stream) refuse(file, "this file cannot be read; check its name and its rights");
    const auto described = json::parse(stream);
    house.country = text_or_empty(described, "country");
    house.licence = text_or_empty(described, "licence");
    house.nominal_voltage_v = described.at("nominal_voltage").get<double>();
    house.interval_s = described.at("interval_s").get<double>();
    house.has_clock = text_or_empty(described, "clock") == "real";
    places = describe(described.at("channels"), file, house);
  } catch (const json::exception& why) {
    refuse(file, fmt::format("this is no description of a recording ({})", why.what()));
  }
  read_samples(folder, places, house);
  return house;
}

TraceSamples DataSet::samples(const Trace& trace) const {
  const auto file = folder_ / "traces" / trace.file;
  Rows rows(file);
  if (rows.header().size() != 2) refuse(file, "line 1: the columns must be time_s,active_power_w");
  TraceSamples samples;
  Timestamp time;
  std::vector<float> values;
  while (rows.next(time, values)) {
    samples.times.push_back(time);
    samples.active_power_w.push_back(values[0]);
  }
  return samples;
}

}  // namespace lenz::evaluation
