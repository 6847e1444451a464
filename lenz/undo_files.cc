#include "lenz/undo_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace lenz {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_kept = 50;

}  // namespace

void write_undo(const std::string& file, const hub::StatisticsPlan& done,
                measurement::Timestamp now) {
  if (fs::exists(file)) {
    throw std::runtime_error(
        fmt::format("{} exists already: name another file for the way back.", file));
  }
  std::ofstream out(file);
  out << hub::undo_file(done, now);
  out.close();
  if (!out) {
    throw std::runtime_error(
        fmt::format("{} cannot be written: check its folder and the disk's room.", file));
  }
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

std::string keep_undo(const std::string& folder, const hub::StatisticsPlan& done,
                      measurement::Timestamp now) {
  const fs::path undo = fs::path(folder) / "undo";
  fs::create_directories(undo);
  // Names sort by time.
  const auto file = (undo / fmt::format("{}.json", now.time_since_epoch().count())).string();
  write_undo(file, done, now);
  std::vector<fs::path> kept;
  for (const auto& entry : fs::directory_iterator(undo)) {
    if (entry.path().extension() == ".json") kept.push_back(entry.path());
  }
  std::ranges::sort(kept);
  for (std::size_t i = 0; i + most_kept < kept.size(); ++i) fs::remove(kept[i]);
  return file;
}

}  // namespace lenz
