#include "lenz/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <stdexcept>

namespace lenz {

FolderLock::FolderLock(const std::string& folder) {
  const auto name = folder + "/lock";
  file_ = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) {
    throw std::runtime_error(
        fmt::format("{} cannot be made: check that the folder can be written.", name));
  }
  is_ours_ = flock(file_, LOCK_EX | LOCK_NB) == 0;
}

FolderLock::~FolderLock() { close(file_); }

}  // namespace lenz
