// A disk in memory, a second world: it can lose what was not synced, fail at any call and be full.
//
// A power cut leaves of each file
//   - all that was synced;
//   - of what was written since, each sector of 512 bytes as it was at some moment since the last
//     sync, each at its own moment: the system writes them back in any order. Its size likewise.
// and of each folder its names as they were at some moment since it was last synced. A sector that
// was being written may be half new: the rest of it is as it was, not garbage.

#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <random>

#include "hub/files/files.h"

namespace hub {

// What became of that which was not synced.
enum class PowerCut : std::uint8_t {
  dropped,    // All of it is gone.
  kept,       // All of it was written just before.
  reordered,  // Chance decides, of every sector, size and name.
  torn,       // All is there, but the last sector that each file was given is half new.
};
inline constexpr std::array power_cuts = {PowerCut::dropped, PowerCut::kept, PowerCut::reordered,
                                          PowerCut::torn};

// One thread. Outlives its files.
class SimulatedDisk final : public Files {
 public:
  SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;
  ~SimulatedDisk() override;

  // The disk as it might be found after a power cut at this moment; this one goes on as before.
  // The same seed gives the same disk.
  std::unique_ptr<SimulatedDisk> crash_image(std::uint64_t seed, PowerCut) const;

  // The call after `calls` more fails, or every one from then on until the next fail_after() or
  // heal(). Of a write that fails a part may be written. After a failed sync it is up to chance
  // what of that file survives: a later sync only minds what is written later.
  enum class Failing : std::uint8_t { once, always };
  void fail_after(std::uint64_t calls, FileError, Failing);
  void heal() { fault_.reset(); }
  std::uint64_t calls() const { return calls_; }  // Of Files and of each File.

  // Bytes in all files together; nothing fits beyond.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  std::uint64_t used() const;

  // Called at the begin of each sync, of a file or of a folder.
  std::function<void()> before_sync;

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
  Written written() const override { return written_; }

 private:
  struct Content;  // Of a file, whatever its name is.
  class OpenFile;
  class OpenVolume;
  using Names = std::map<std::string, std::shared_ptr<Content>>;  // Shared: open files keep it.
  struct Folder {
    Names names, synced;
    std::vector<Names> unsynced;  // After each change since.
  };
  struct Fault {
    std::uint64_t at;
    FileError error;
    Failing failing;
  };

  std::optional<FileError> fault();
  std::expected<Folder*, FileError> find_folder(const std::string& path);
  std::expected<std::shared_ptr<Content>, FileError> find(const std::string& path);
  std::uint64_t draw(std::uint64_t below);

  std::map<std::string, Folder> folders_;
  std::optional<Fault> fault_;
  std::optional<std::uint64_t> capacity_;
  std::uint64_t calls_ = 0;
  Written written_;
  std::mt19937_64 chance_;
};

}  // namespace hub
