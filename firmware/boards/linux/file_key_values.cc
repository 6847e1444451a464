#include "firmware/boards/linux/file_key_values.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace firmware::linux_board {
namespace {

namespace fs = std::filesystem;

// Whether all of it is in the file, and on the disk.
bool write_whole(const std::string& file, std::span<const std::uint8_t> bytes) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return false;
  const bool written =
      ::write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  const bool synced = ::fsync(descriptor) == 0;
  return ::close(descriptor) == 0 && written && synced;
}

bool sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  return synced;
}

}  // namespace

FileKeyValues::FileKeyValues(std::string folder) : folder_(std::move(folder)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (!error) fs::permissions(folder_, fs::perms::owner_all, error);
  if (error) {
    throw std::runtime_error(
        fmt::format("The folder {} cannot be kept ({}): check that this user may make it.", folder_,
                    error.message()));
  }
}

std::optional<std::size_t> FileKeyValues::get(const char* key, std::span<std::uint8_t> value) {
  std::ifstream in(fmt::format("{}/{}", folder_, key), std::ios::binary);
  std::error_code error;
  const auto size = fs::file_size(fmt::format("{}/{}", folder_, key), error);
  if (!in || error || size > value.size()) return std::nullopt;
  in.read(reinterpret_cast<char*>(value.data()), static_cast<std::streamsize>(size));
  return in ? std::optional(static_cast<std::size_t>(size)) : std::nullopt;
}

bool FileKeyValues::put(const char* key, std::span<const std::uint8_t> value) {
  const auto file = fmt::format("{}/{}", folder_, key);
  const auto part = file + ".part";
  return write_whole(part, value) && std::rename(part.c_str(), file.c_str()) == 0 &&
         sync_folder(folder_);
}

bool FileKeyValues::erase_all() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) fs::remove(entry.path(), error);
  return !error && sync_folder(folder_);
}

}  // namespace firmware::linux_board
