// The disk, as far as the hub's data needs it: an edge of the machine. All that the hub keeps goes
// through here, so that power cuts, errors and full disks can be simulated.
//
//   Disk            the real one
//   SimulatedDisk   in memory; it can lose what was not synced, fail and be full

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hub {

enum class FileError : std::uint8_t {
  full,         // The disk has no room.
  unavailable,  // The disk does not answer, or we may not.
  missing,      // There is no such file or folder.
};

enum class Lock : std::uint8_t { none, shared, exclusive };

// An open file; closed, and its locks given back, when it is destroyed. Its Files outlives it.
// Offsets and lengths are bytes.
class File {
 public:
  virtual ~File() = default;

  // How much was read: less than asked for only at the file's end.
  virtual std::expected<std::size_t, FileError> read(std::uint64_t offset,
                                                     std::span<std::uint8_t> into) = 0;
  // All of it, or an error after which any part of it may be written. A gap before it reads as 0.
  virtual std::expected<void, FileError> write(std::uint64_t offset,
                                               std::span<const std::uint8_t> bytes) = 0;
  // What is cut off is gone; what is added reads as 0.
  virtual std::expected<void, FileError> resize(std::uint64_t bytes) = 0;
  virtual std::expected<std::uint64_t, FileError> size() = 0;

  // Without an error, all that was written and resized before survives a power cut. After an error
  // any of it may be lost, and a later success tells nothing of it: write it again.
  virtual std::expected<void, FileError> sync() = 0;

  // Takes, changes or gives back (none) a lock on a range; it need not exist in the file. Locks of
  // one open file exclude those of all others, of other processes too, and never wait: false where
  // another is in the way.
  virtual std::expected<bool, FileError> lock(std::uint64_t offset, std::uint64_t bytes, Lock) = 0;
  // Whether another open file has any lock there.
  virtual std::expected<bool, FileError> is_locked(std::uint64_t offset, std::uint64_t bytes) = 0;

  // The range as memory that all who map it share, until this file is closed. It must lie within
  // the file and begin at a multiple of `map_unit`.
  static constexpr std::uint64_t map_unit = 32768;
  virtual std::expected<std::span<std::uint8_t>, FileError> map(std::uint64_t offset,
                                                                std::size_t bytes) = 0;
};

// A file system: one wait for many files. Its Files outlives it.
class Volume {
 public:
  virtual ~Volume() = default;

  // Without an error, all that was written to it before, by whomever, survives a power cut. An
  // error is of any write since this was opened or last synced, and then any of it may be lost.
  virtual std::expected<void, FileError> sync() = 0;
};

enum class How : std::uint8_t {
  read,    // An existing file, never to be written.
  write,   // An existing file.
  create,  // An existing file or a new, empty one. Either way only its owner may read it.
};

// Paths as the system knows them. What happens to names (create, remove, rename) survives a power
// cut only after sync_folder(). May be used from any thread; a File from one at a time.
class Files {
 public:
  virtual ~Files() = default;

  virtual std::expected<std::unique_ptr<File>, FileError> open(const std::string& path, How) = 0;
  virtual std::expected<void, FileError> remove(const std::string& path) = 0;
  // Within one folder. Takes the place of `to`: nobody ever sees none of the two, or half of one.
  virtual std::expected<void, FileError> rename(const std::string& from, const std::string& to) = 0;
  virtual std::expected<std::uint64_t, FileError> size(const std::string& path) = 0;

  // Names of the files and folders in it, sorted.
  virtual std::expected<std::vector<std::string>, FileError> list(const std::string& folder) = 0;
  // With those above it, where they are not there yet; survives a power cut.
  virtual std::expected<void, FileError> make_folder(const std::string& folder) = 0;
  virtual std::expected<void, FileError> sync_folder(const std::string& folder) = 0;
  // That a folder lies on.
  virtual std::expected<std::unique_ptr<Volume>, FileError> volume(const std::string& folder) = 0;
  // Bytes that are free.
  virtual std::expected<std::uint64_t, FileError> room(const std::string& folder) = 0;

  // The one name of a file that may have several: absolute and without links. The file itself need
  // not exist, its folder must.
  virtual std::expected<std::string, FileError> full_path(const std::string& path) = 0;

  // Since the beginning. What is written into mapped memory is not counted.
  struct Written {
    std::uint64_t bytes = 0, syncs = 0;
  };
  virtual Written written() const = 0;
};

// The folder of a path: "." for a mere name.
std::string folder_of(const std::string& path);

}  // namespace hub
