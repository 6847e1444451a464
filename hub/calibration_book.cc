#include "hub/calibration_book.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <stdexcept>

#include "hub/time_text.h"
#include "hub/toml_file.h"

namespace hub {

namespace fs = std::filesystem;
using insight::Accuracy;
using measurement::ChannelWords;
using measurement::CurvePoint;

namespace {

constexpr std::size_t most_bytes = 4 << 20;

// Calls visit(key, number) for each word that is a number.
void each_word(auto& words, auto visit) {
  visit("voltage_gain", words.voltage_gain);
  visit("current_gain", words.current_gain);
  visit("pga", words.pga);
  visit("multiplier", words.multiplier);
  visit("voltage_offset", words.voltage_offset);
  visit("current_offset", words.current_offset);
  visit("active_offset", words.active_offset);
  visit("reactive_offset", words.reactive_offset);
  visit("fundamental_offset", words.fundamental_offset);
  visit("power_gain", words.power_gain);
  visit("phase_delay", words.phase_delay);
  visit("voltage_gain_over_temperature", words.voltage_gain_over_temperature);
}

void each_figure(auto& accuracy, auto visit) {
  visit("gain_limit_percent", accuracy.gain_limit);
  visit("second_gain_limit_percent", accuracy.second_gain_limit);
  visit("gain_deviation_percent", accuracy.gain_deviation);
  visit("phase_limit_degrees", accuracy.phase_limit);
  visit("second_phase_limit_degrees", accuracy.second_phase_limit);
  visit("phase_deviation_degrees", accuracy.phase_deviation);
  visit("offset_deviation_w", accuracy.offset_deviation_w);
  visit("class_percent", accuracy.class_percent);
  visit("rated_a", accuracy.rated_a);
}

std::string toml_of(const ChannelWords& words) {
  std::vector<std::string> parts;
  each_word(words, [&](std::string_view key, auto value) {
    parts.push_back(fmt::format("{} = {}", key, static_cast<int>(value)));
  });
  const auto list = [&](std::string_view key, const std::array<std::int8_t, 3>& slopes) {
    if (slopes == std::array<std::int8_t, 3>{}) return;
    parts.push_back(fmt::format("{} = [{}, {}, {}]", key, slopes[0], slopes[1], slopes[2]));
  };
  list("gain_slopes", words.gain_slopes);
  list("phase_slopes", words.phase_slopes);
  std::vector<std::string> points;
  for (const auto& point : words.curve) {
    if (point.milliamperes == 0) break;
    points.push_back(
        fmt::format("[{}, {}, {}]", point.milliamperes, point.gain_ppm, point.lead_microradians));
  }
  if (!points.empty()) parts.push_back(fmt::format("curve = [{}]", fmt::join(points, ", ")));
  return fmt::format("{{ {} }}", fmt::join(parts, ", "));
}

std::string toml_of(const Accuracy& accuracy) {
  std::vector<std::string> parts, loads;
  each_figure(accuracy, [&](std::string_view key, double value) {
    parts.push_back(fmt::format("{} = {:.9g}", key, value));
  });
  for (const auto& load : accuracy.loads) {
    loads.push_back(
        fmt::format("[{:.9g}, {:.9g}, {:.9g}]", load.amperes, load.gain, load.lead_degrees));
  }
  parts.push_back(fmt::format("loads = [{}]", fmt::join(loads, ", ")));
  return fmt::format("{{ {} }}", fmt::join(parts, ", "));
}

std::string toml_of(const CalibrationRecord& record) {
  return fmt::format(
      "\n[[calibration]]\ndevice = {}\nchannel = {}\ntime = {}\nreference = {}\n"
      "by = {}\nclamp = {}\nvolts = {}\nno_load_a = {:.6g}\nis_kept = {}\nbefore = {}\nafter = {}\n"
      "accuracy = {}\n",
      toml_text(record.device), record.channel, utc_text(record.time), toml_text(record.reference),
      toml_text(record.by), toml_text(record.clamp), record.volts, record.no_load_a, record.is_kept,
      toml_of(record.before), toml_of(record.after), toml_of(record.accuracy));
}

class Reader {
 public:
  explicit Reader(const fs::path& path) : file_(path, most_bytes, "the calibrations of a home") {}

  std::vector<CalibrationRecord> records() const {
    std::vector<CalibrationRecord> all;
    file_.allow(file_.root(), "the file", {"calibration"});
    file_.each(file_.root(), "calibration",
               [&](const toml::table& each) { all.push_back(record(each)); });
    return all;
  }

 private:
  CalibrationRecord record(const toml::table& from) const {
    file_.allow(from, "a calibration",
                {"device", "channel", "time", "reference", "by", "clamp", "volts", "no_load_a",
                 "is_kept", "before", "after", "accuracy"});
    CalibrationRecord record;
    file_.need(from, "device", record.device);
    file_.need(from, "channel", record.channel);
    file_.need(from, "time", record.time);
    file_.need(from, "reference", record.reference);
    file_.need(from, "by", record.by);
    file_.want(from, "clamp", record.clamp);
    file_.want(from, "volts", record.volts);
    file_.want(from, "no_load_a", record.no_load_a);
    file_.want(from, "is_kept", record.is_kept);
    record.before = words(from, "before");
    record.after = words(from, "after");
    record.accuracy = accuracy(from);
    return record;
  }

  ChannelWords words(const toml::table& from, std::string_view name) const {
    const auto& table = file_.table(file_.required(from, name), name);
    ChannelWords words;
    each_word(words, [&](std::string_view key, auto& value) { file_.want(table, key, value); });
    slopes(table, "gain_slopes", words.gain_slopes);
    slopes(table, "phase_slopes", words.phase_slopes);
    rows(table, "curve", words.curve.size(), [&](std::size_t i, const toml::array& row) {
      file_.take(*row.get(0), "curve", words.curve.at(i).milliamperes);
      file_.take(*row.get(1), "curve", words.curve.at(i).gain_ppm);
      file_.take(*row.get(2), "curve", words.curve.at(i).lead_microradians);
    });
    return words;
  }

  Accuracy accuracy(const toml::table& from) const {
    const auto& table = file_.table(file_.required(from, "accuracy"), "accuracy");
    Accuracy accuracy;
    each_figure(accuracy,
                [&](std::string_view key, double& value) { file_.want(table, key, value); });
    rows(table, "loads", measurement::curve_points, [&](std::size_t, const toml::array& row) {
      auto& load = accuracy.loads.emplace_back();
      file_.take(*row.get(0), "loads", load.amperes);
      file_.take(*row.get(1), "loads", load.gain);
      file_.take(*row.get(2), "loads", load.lead_degrees);
    });
    return accuracy;
  }

  void slopes(const toml::table& table, std::string_view key,
              std::array<std::int8_t, 3>& into) const {
    const auto* node = table.get(key);
    if (!node) return;
    const auto& list = file_.array(*node, key);
    if (list.size() != into.size()) file_.refuse(node->source(), "three slopes are needed");
    for (std::size_t i = 0; i < into.size(); ++i) file_.take(*list.get(i), key, into.at(i));
  }

  // Rows of three numbers.
  void rows(const toml::table& table, std::string_view key, std::size_t most, auto visit) const {
    const auto* node = table.get(key);
    if (!node) return;
    const auto& list = file_.array(*node, key);
    if (list.size() > most) file_.refuse(node->source(), fmt::format("at most {} rows", most));
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto& row = file_.array(*list.get(i), key);
      if (row.size() != 3) file_.refuse(row.source(), "a row has three numbers");
      visit(i, row);
    }
  }

  TomlFile file_;
};

}  // namespace

std::vector<CalibrationRecord> load_calibrations(const fs::path& path) {
  std::error_code error;
  if (fs::status(path, error).type() == fs::file_type::not_found) return {};
  return Reader(path).records();
}

void add_calibration(const CalibrationRecord& record, const fs::path& path) {
  std::string text;
  for (const auto& old : load_calibrations(path)) text += toml_of(old);
  replace_file(path, text + toml_of(record), 0644);
}

std::expected<void, std::string> note_calibration(const CalibrationRecord& record,
                                                  const fs::path& path) {
  try {
    add_calibration(record, path);
  } catch (const std::runtime_error& trouble) {
    return std::unexpected(
        fmt::format("The meter is set, but that could not be noted: {}", trouble.what()));
  }
  return {};
}

const CalibrationRecord* newest_calibration(const std::vector<CalibrationRecord>& records,
                                            std::string_view device, int channel) {
  const CalibrationRecord* newest = nullptr;
  for (const auto& record : records) {
    const bool is_of_it = record.device == device && record.channel == channel;
    if (is_of_it && (!newest || newest->time <= record.time)) newest = &record;
  }
  return newest;
}

}  // namespace hub
