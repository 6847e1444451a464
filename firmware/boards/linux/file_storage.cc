#include "firmware/boards/linux/file_storage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace firmware::linux_board {
namespace {

// The room is taken now: a full disk would otherwise end the process at some later write.
void* map(const std::string& file, std::size_t size) {
  const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return MAP_FAILED;
  void* bytes = MAP_FAILED;
  errno = posix_fallocate(descriptor, 0, static_cast<off_t>(size));
  if (errno == 0) {
    bytes = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  }
  const int error = errno;
  close(descriptor);
  errno = error;
  return bytes;
}

}  // namespace

FileStorage::FileStorage(const std::string& file, std::size_t size) {
  void* bytes = map(file, size);
  if (bytes == MAP_FAILED) {
    throw std::runtime_error(fmt::format(
        "The outbox {} cannot be kept ({}): check that its folder exists, can be written and has "
        "{} KiB of room.",
        file, std::strerror(errno), size / 1024));
  }
  bytes_ = {static_cast<std::uint8_t*>(bytes), size};
}

FileStorage::~FileStorage() { munmap(bytes_.data(), bytes_.size()); }

bool FileStorage::read(std::size_t offset, std::span<std::uint8_t> into) {
  std::ranges::copy(bytes_.subspan(offset, into.size()), into.begin());
  return true;
}

bool FileStorage::write(std::size_t offset, std::span<const std::uint8_t> from) {
  std::ranges::copy(from, bytes_.subspan(offset, from.size()).begin());
  return true;
}

}  // namespace firmware::linux_board
