#include "lenz/workplace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace lenz {

namespace fs = std::filesystem;

Workplace::Workplace(std::string folder) : folder_(std::move(folder)) {
  if (folder_.empty()) {
    folder_ = temporary_.emplace().path();
    return;
  }
  if (fs::exists(folder_)) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (!error) fs::permissions(folder_, fs::perms::owner_all, error);
  if (error) {
    throw std::runtime_error(
        fmt::format("The data folder {} cannot be made ({}): name another with --data.", folder_,
                    error.message()));
  }
}

bool Workplace::has_many_homes() const {
  return !fs::exists(home_file()) && fs::is_directory(homes_folder());
}

std::vector<std::string> Workplace::home_ids() const {
  std::vector<std::string> ids;
  for (const auto& entry : fs::directory_iterator(homes_folder())) {
    if (entry.is_directory()) ids.push_back(entry.path().filename().string());
  }
  std::ranges::sort(ids);
  if (ids.size() > most_homes) {
    throw std::runtime_error(fmt::format(
        "{} holds {} homes and one hub serves at most {}: divide them over several hubs.",
        homes_folder(), ids.size(), most_homes));
  }
  return ids;
}

std::string Workplace::program() { return fs::read_symlink("/proc/self/exe").string(); }

std::string Workplace::usual_folder() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data) {
    return std::string(data) + "/lenz";
  }
  const char* home = std::getenv("HOME");
  return std::string(home && *home ? home : ".") + "/.local/share/lenz";
}

}  // namespace lenz
