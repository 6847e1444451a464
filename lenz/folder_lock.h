// Who works in a folder: one hub at a time.

#pragma once

#include <string>

namespace lenz {

// Held until it is destroyed, or the process ends in whatever way.
class FolderLock {
 public:
  // Throws std::runtime_error with one sentence when the file cannot be made.
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  bool is_ours() const { return is_ours_; }  // False: another process has it.

 private:
  int file_ = -1;
  bool is_ours_ = false;
};

}  // namespace lenz
