#include "lenz/bench_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "lenz/readings.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int format_version = 1;

json read(const fs::path& file) {
  const auto root = json::parse(std::ifstream(file), nullptr, false);
  const bool is_record = root.is_object() && root.value("format", 0) == format_version &&
                         root.contains("rows") && root["rows"].is_array();
  if (!is_record) {
    throw std::runtime_error(fmt::format(
        "{} is no bench record of this version: move it away, then start again.", file.string()));
  }
  return root;
}

bool has_row(const json& root, const std::string& step) {
  return std::ranges::any_of(
      root.at("rows"), [&](const json& row) { return row.value("step", std::string()) == step; });
}

// Names begin with a date, so the newest is the last.
std::vector<fs::path> files_of(const std::string& folder, const std::string& board) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    constexpr std::size_t date = 10;  // 2026-11-30
    if (name.size() > date && name.substr(date) == "-" + board + ".json") {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

BenchRecord::BenchRecord(const std::string& folder, const std::string& board,
                         const std::string& last_step, json head, measurement::Timestamp now) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw std::runtime_error(
        fmt::format("The folder {} cannot be made ({}): name another with "
                    "--out.",
                    folder, error.message()));
  }
  if (const auto files = files_of(folder, board); !files.empty()) {
    root_ = read(files.back());
    file_ = files.back().string();
    if (!has_row(root_, last_step)) return;
  }
  const auto date = utc_text(now).substr(0, 10);
  const auto file = (fs::path(folder) / fmt::format("{}-{}.json", date, board)).string();
  if (file == file_) {
    throw std::runtime_error(
        fmt::format("{} is of today and complete: move it away to begin anew.", file));
  }
  file_ = file;
  root_ = {{"format", format_version}, {"begun", utc_text(now)}, {"rows", json::array()}};
  root_.update(std::move(head));
}

std::optional<json> BenchRecord::row(const std::string& step) const {
  for (const auto& row : rows()) {
    if (row.at("step") == step) return row;
  }
  return std::nullopt;
}

void BenchRecord::add(json row) {
  root_["rows"].push_back(std::move(row));
  const auto part = file_ + ".part";
  std::ofstream out(part);
  out << root_.dump(1) << '\n';
  out.close();
  std::error_code error;
  if (out) fs::rename(part, file_, error);
  if (!out || error) {
    throw std::runtime_error(
        fmt::format("{} cannot be written: check its folder and the disk's room.", file_));
  }
}

}  // namespace lenz
