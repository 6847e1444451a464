// Simulated homes as recordings, in the format that evaluation reads: each breaker with a clamp of
// its own, each appliance with a meter, and a panel file with what people write on breakers.

#include <fmt/format.h>
#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "insight/appliance_kinds.h"
#include "lenz/commands.h"
#include "simulator/blueprint.h"
#include "simulator/chance.h"
#include "simulator/household.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using measurement::Timestamp;
using nlohmann::json;
using simulator::ApplianceTruth;
using simulator::House;

std::runtime_error unwritable(const fs::path& file) {
  return std::runtime_error(
      fmt::format("{}: this file cannot be written; check the folder's rights and the disk's room.",
                  file.string()));
}

class CompressedFile {
 public:
  explicit CompressedFile(fs::path path)
      : path_(std::move(path)), file_(::gzopen(path_.c_str(), "wb6")) {
    if (!file_) throw unwritable(path_);
  }
  ~CompressedFile() {
    if (file_) ::gzclose(file_);
  }
  CompressedFile(const CompressedFile&) = delete;
  CompressedFile& operator=(const CompressedFile&) = delete;

  void write(const std::string& text) {
    if (::gzwrite(file_, text.data(), static_cast<unsigned>(text.size())) <= 0) {
      throw unwritable(path_);
    }
  }
  void close() {
    if (::gzclose(std::exchange(file_, nullptr)) != Z_OK) throw unwritable(path_);
  }

 private:
  fs::path path_;
  gzFile file_;
};

std::string column(std::string_view name) {
  std::string made;
  for (const char letter : name) {
    made +=
        letter == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return made;
}

// A home whose appliances are larger or smaller than those of the blueprint, each by itself.
class RecordedHome {
 public:
  RecordedHome(House house, std::uint64_t seed, const RecordOptions& options)
      : options_(options),
        plan_(blueprint(house)),
        seed_(seed),
        name_(fmt::format("simulated-{}-{}", house == House::us ? "us" : "eu3", seed)),
        household_({.house = house, .seed = seed, .begin = begin()}) {
    for (const auto& one : household_.truth(begin())) {
      if (insight::appliance_kind(one.word)) appliances_[std::string(one.circuit)].push_back(one);
    }
  }

  void write() {
    const auto folder = fs::path(options_.out) / "houses" / name_;
    for (const auto& made : {folder, fs::path(options_.out) / "panels"}) {
      std::error_code error;
      fs::create_directories(made, error);
      if (error) {
        throw std::runtime_error(
            fmt::format("The folder {} cannot be made ({}): name another with "
                        "--out.",
                        made.string(), error.message()));
      }
    }
    write(folder / "recording.json", description().dump(1) + "\n");
    write(fs::path(options_.out) / "panels" / (name_ + ".toml"), panel());
    write_samples(folder / "samples.csv.gz");
  }

 private:
  // Each home in a season of its own.
  Timestamp begin() const {
    using namespace std::chrono;
    return sys_days(2025y / January / 6) + weeks(seed_ * 7 % 52);
  }

  static void write(const fs::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.close();
    if (!out) throw unwritable(file);
  }

  double scale(const ApplianceTruth& one) const {
    return std::exp2(simulator::Chance(simulator::mix(seed_, one.name)).between(-0.5, 0.5));
  }

  json description() const {
    json channels = json::array();
    const auto add = [&](const std::string& name, const char* role, const json& appliance,
                         const json& parent, std::string_view label) {
      channels.push_back({{"column", name + "_w"},
                          {"role", role},
                          {"quantity", "active_power"},
                          {"unit", "W"},
                          {"label", label},
                          {"appliance", appliance},
                          {"parent", parent}});
    };
    add("mains", "mains", nullptr, nullptr, "mains");
    for (const auto& circuit : plan_.circuits) {
      const auto found = appliances_.find(circuit.id);
      if (found == appliances_.end()) continue;
      const bool is_one = found->second.size() == 1;
      add(circuit.id, "circuit", is_one ? json(found->second.front().word) : json(nullptr),
          "mains_w", circuit.name);
      if (is_one) continue;
      for (const auto& one : found->second) {
        add(circuit.id + "_" + column(one.name), "appliance", one.word, circuit.id + "_w",
            one.name);
      }
    }
    return {{"name", name_},
            {"source", "the household simulator"},
            {"licence", "own"},
            {"country", plan_.country},
            {"nominal_voltage", plan_.nominal_voltage},
            {"line_frequency", plan_.frequency},
            {"interval_s", options_.interval_s},
            {"clock", "real"},
            {"start", nullptr},
            {"notes", "simulated"},
            {"channels", channels}};
  }

  std::string panel() const {
    std::string text;
    for (const auto& circuit : plan_.circuits) {
      if (!appliances_.contains(circuit.id)) continue;
      text += fmt::format(
          "[[circuit]]\nchannel = \"{}\"\nbreaker_a = {:.1f}\npoles = {}\nwords = \"{}, {}\"\n\n",
          circuit.id, circuit.rating_a, circuit.poles, circuit.name, circuit.room);
    }
    return text;
  }

  void write_samples(const fs::path& path) {
    CompressedFile file(path);
    std::string header = "time_s";
    const auto described = description();
    for (const auto& channel : described.at("channels")) {
      header += "," + channel.at("column").get<std::string>();
    }
    file.write(header + "\n");
    std::vector<simulator::ChipInput> chips(household_.chips());
    const auto end = begin() + std::chrono::days(options_.days);
    std::string rows;
    for (auto now = begin(); now < end; now += std::chrono::seconds(options_.interval_s)) {
      household_.advance(now, chips);
      rows += row(now);
      if (rows.size() < 1 << 20) continue;
      file.write(rows);
      rows.clear();
    }
    file.write(rows);
    file.close();
  }

  std::string row(Timestamp now) {
    std::map<std::string_view, double> watts;
    for (const auto& one : household_.truth(now)) {
      if (insight::appliance_kind(one.word)) {
        watts[one.name] = static_cast<double>(one.active_power.value) * scale(one);
      }
    }
    // A meter's noise, the same at each circuit and at the appliances behind it.
    double mains_w = 0;
    std::string cells;
    for (const auto& circuit : plan_.circuits) {
      const auto found = appliances_.find(circuit.id);
      if (found == appliances_.end()) continue;
      double sum = 0;
      std::string parts;
      for (const auto& one : found->second) {
        auto w = watts[one.name];
        if (w > 0) w = std::max(0.0, w + noise_.normal(0, 0.004 * w + 0.2));
        w = std::round(10 * w) / 10;
        sum += w;
        if (found->second.size() > 1) parts += fmt::format(",{:.1f}", w);
      }
      mains_w += sum;
      cells += fmt::format(",{:.1f}", sum) + parts;
    }
    const auto time_s = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    return fmt::format("{},{:.1f}{}\n", time_s.count(), mains_w, cells);
  }

  const RecordOptions& options_;
  const simulator::Blueprint& plan_;
  std::uint64_t seed_;
  std::string name_;
  simulator::Household household_;
  std::map<std::string, std::vector<ApplianceTruth>> appliances_;  // By circuit.
  simulator::Chance noise_{seed_};
};

}  // namespace

int record(const RecordOptions& options) {
  for (int i = 0; i < options.homes; ++i) {
    RecordedHome home(i % 2 == 0 ? House::us : House::eu3,
                      options.seed + static_cast<std::uint64_t>(i), options);
    home.write();
  }
  return 0;
}

}  // namespace lenz
