#include "hub/toml_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace hub {
namespace {

std::string text_of(const std::filesystem::path& path, std::size_t most_bytes,
                    std::string_view what) {
  std::ifstream file(path, std::ios::binary);
  std::string text(most_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    throw std::runtime_error(fmt::format("{} cannot be read ({}); create it or give another path.",
                                         path.string(), std::strerror(errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > most_bytes) {
    throw std::runtime_error(
        fmt::format("{} is larger than {} bytes and is not {}; give another "
                    "path.",
                    path.string(), most_bytes, what));
  }
  return text;
}

// A file that is not there until it is whole.
class Replacement {
 public:
  explicit Replacement(const std::filesystem::path& path)
      : path_(path), temporary_(path.string() + ".XXXXXX") {
    file_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
    if (file_ < 0) fail();
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    if (file_ >= 0) ::close(file_);
    if (!placed_) ::unlink(temporary_.c_str());
  }

  void write(std::string_view text) {
    while (!text.empty()) {
      const auto written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail();
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void place(unsigned mode) {
    if (::fchmod(file_, mode) != 0 || ::fsync(file_) != 0) fail();
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail();
    placed_ = true;
    // The name is on the disk only when its folder is.
    const auto folder = path_.has_parent_path() ? path_.parent_path() : ".";
    const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = opened >= 0 && ::fsync(opened) == 0;
    const int error = errno;
    if (opened >= 0) ::close(opened);
    errno = error;
    if (!synced) fail();
  }

 private:
  [[noreturn]] void fail() {
    throw std::runtime_error(fmt::format(
        "{} cannot be written ({}); make room or give the hub the right to write in its folder.",
        path_.string(), std::strerror(errno)));
  }

  const std::filesystem::path& path_;
  std::string temporary_;
  int file_ = -1;
  bool placed_ = false;
};

}  // namespace

TomlFile::TomlFile(const std::filesystem::path& path, std::size_t most_bytes, std::string_view what)
    : path_(path), root_(parsed(text_of(path, most_bytes, what))) {}

TomlFile::TomlFile(std::string_view text, const std::filesystem::path& name)
    : path_(name), root_(parsed(text)) {}

void TomlFile::refuse(const toml::source_region& at, const std::string& complaint) const {
  throw std::runtime_error(
      fmt::format("{}, line {}: {}.", path_.string(), at.begin.line, complaint));
}

toml::table TomlFile::parsed(std::string_view text) const {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    refuse(error.source(), fmt::format("this is not TOML ({}); correct it", error.description()));
  }
}

void TomlFile::allow(const toml::table& in, std::string_view name,
                     std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, node] : in) {
    if (std::ranges::find(keys, key.str()) != keys.end()) continue;
    refuse(key.source(), fmt::format("{} has no key \"{}\"; use one of {}", name, key.str(),
                                     fmt::join(keys, ", ")));
  }
}

const toml::node& TomlFile::required(const toml::table& from, std::string_view key) const {
  const auto* node = from.get(key);
  if (!node) refuse(from.source(), fmt::format("the key \"{}\" is missing here; add it", key));
  return *node;
}

const toml::array& TomlFile::array(const toml::node& node, std::string_view key) const {
  if (!node.is_array()) refuse(node.source(), fmt::format("\"{}\" must be a list in [ ]", key));
  return *node.as_array();
}

const toml::table& TomlFile::table(const toml::node& node, std::string_view key) const {
  if (!node.is_table()) refuse(node.source(), fmt::format("\"{}\" must be a table", key));
  return *node.as_table();
}

void TomlFile::take(const toml::node& node, std::string_view key, std::string& into) const {
  const auto value = node.value_exact<std::string>();
  if (!value) refuse(node.source(), fmt::format("\"{}\" must be a text in quotes", key));
  into = *value;
}

void TomlFile::take(const toml::node& node, std::string_view key, double& into) const {
  if (!node.is_number()) refuse(node.source(), fmt::format("\"{}\" must be a number", key));
  into = *node.value<double>();
}

void TomlFile::take(const toml::node& node, std::string_view key, bool& into) const {
  const auto value = node.value_exact<bool>();
  if (!value) refuse(node.source(), fmt::format("\"{}\" must be true or false", key));
  into = *value;
}

void TomlFile::take(const toml::node& node, std::string_view key,
                    measurement::Timestamp& into) const {
  const auto value = node.value_exact<toml::date_time>();
  if (!value || !value->offset) {
    refuse(node.source(),
           fmt::format("\"{}\" must be a time in UTC like 2024-05-31T18:00:00Z", key));
  }
  const std::chrono::year_month_day day(std::chrono::year(value->date.year),
                                        std::chrono::month(value->date.month),
                                        std::chrono::day(value->date.day));
  const auto& time = value->time;
  into = std::chrono::sys_days(day) + std::chrono::hours(time.hour) +
         std::chrono::minutes(time.minute) + std::chrono::seconds(time.second) +
         std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds(time.nanosecond)) -
         std::chrono::minutes(value->offset->minutes);
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

void replace_file(const std::filesystem::path& path, std::string_view text, unsigned mode) {
  Replacement file(path);
  file.write(text);
  file.place(mode);
}

}  // namespace hub
