// The machine's own file system.

#pragma once

#include <atomic>

#include "hub/files/files.h"

namespace hub {

// New files belong to their user alone (0600, folders 0700); those that root makes, to the user
// whose folder they are in. Locks are Linux's open file description locks: they exclude, and are
// excluded by, the POSIX locks of other programs. Outlives its files.
class Disk final : public Files {
 public:
  std::expected<std::unique_ptr<File>, FileError> open(const std::string& path, How) override;
  std::expected<void, FileError> remove(const std::string& path) override;
  std::expected<void, FileError> rename(const std::string& from, const std::string& to) override;
  std::expected<std::uint64_t, FileError> size(const std::string& path) override;
  std::expected<std::vector<std::string>, FileError> list(const std::string& folder) override;
  std::expected<void, FileError> make_folder(const std::string& folder) override;
  std::expected<void, FileError> sync_folder(const std::string& folder) override;
  std::expected<std::unique_ptr<Volume>, FileError> volume(const std::string& folder) override;
  std::expected<std::uint64_t, FileError> room(const std::string& folder) override;
  std::expected<std::string, FileError> full_path(const std::string& path) override;
  Written written() const override { return {bytes_, syncs_}; }

 private:
  class OpenFile;
  class OpenVolume;
  std::atomic<std::uint64_t> bytes_ = 0, syncs_ = 0;
};

}  // namespace hub
