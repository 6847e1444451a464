#include "hub/files/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace hub {
namespace {

constexpr mode_t file_mode = 0600, folder_mode = 0700;

std::unexpected<FileError> error() {
  switch (errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return std::unexpected(FileError::full);
    case ENOENT:
    case ENOTDIR:
      return std::unexpected(FileError::missing);
    default:
      return std::unexpected(FileError::unavailable);
  }
}

// Signals may interrupt any of these calls; that is not a failure.
template <class Call>
auto again(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

std::expected<void, FileError> done(int result) {
  if (result == 0) return {};
  return error();
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

Descriptor descriptor(const std::string& path, int flags) {
  return Descriptor(again([&] { return ::open(path.c_str(), flags | O_CLOEXEC, file_mode); }));
}

// Opens a file, new or not, that only its owner may read. One that root makes belongs to whoever
// owns its folder, since the hub itself does not run as root.
Descriptor private_file(const std::string& path) {
  Descriptor made = descriptor(path, O_RDWR | O_CREAT | O_EXCL);
  if (made.is_open()) {
    struct stat folder {};
    if (::geteuid() == 0 && ::stat(folder_of(path).c_str(), &folder) == 0 &&
        ::fchown(made.number(), folder.st_uid, folder.st_gid) != 0) {
      return Descriptor(-1);
    }
    return made;
  }
  if (errno != EEXIST) return made;
  Descriptor found = descriptor(path, O_RDWR | O_CREAT);
  struct stat file {};
  if (found.is_open() && ::fstat(found.number(), &file) == 0 && file.st_uid == ::geteuid() &&
      (file.st_mode & 0777) != file_mode && ::fchmod(found.number(), file_mode) != 0) {
    return Descriptor(-1);
  }
  return found;
}

}  // namespace

// ---- A file ------------------------------------------------------------------------------------

class Disk::OpenFile final : public File {
 public:
  OpenFile(Disk& disk, Descriptor file) : disk_(disk), file_(std::move(file)) {}
  ~OpenFile() override {
    for (const auto& range : mapped_) ::munmap(range.data(), range.size());
  }

  std::expected<std::size_t, FileError> read(std::uint64_t offset,
                                             std::span<std::uint8_t> into) override {
    std::size_t size = 0;
    while (size < into.size()) {
      const auto got = again([&] {
        return ::pread(file_.number(), into.data() + size, into.size() - size,
                       static_cast<off_t>(offset + size));
      });
      if (got < 0) return error();
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    return size;
  }

  std::expected<void, FileError> write(std::uint64_t offset,
                                       std::span<const std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      const auto put = again([&] {
        return ::pwrite(file_.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      });
      if (put < 0) return error();
      if (put == 0) return std::unexpected(FileError::full);
      const auto size = static_cast<std::size_t>(put);
      disk_.bytes_ += size;
      offset += size;
      bytes = bytes.subspan(size);
    }
    return {};
  }

  std::expected<void, FileError> resize(std::uint64_t bytes) override {
    return done(again([&] { return ::ftruncate(file_.number(), static_cast<off_t>(bytes)); }));
  }

  std::expected<std::uint64_t, FileError> size() override {
    struct stat file {};
    if (::fstat(file_.number(), &file) != 0) return error();
    return static_cast<std::uint64_t>(file.st_size);
  }

  std::expected<void, FileError> sync() override {
    ++disk_.syncs_;
    return done(again([&] { return ::fdatasync(file_.number()); }));
  }

  std::expected<bool, FileError> lock(std::uint64_t offset, std::uint64_t bytes,
                                      Lock kind) override {
    constexpr std::array<short, 3> types = {F_UNLCK, F_RDLCK, F_WRLCK};
    auto range = range_of(offset, bytes, types[static_cast<std::size_t>(kind)]);
    if (again([&] { return ::fcntl(file_.number(), F_OFD_SETLK, &range); }) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    return error();
  }

  std::expected<bool, FileError> is_locked(std::uint64_t offset, std::uint64_t bytes) override {
    auto range = range_of(offset, bytes, F_WRLCK);
    if (again([&] { return ::fcntl(file_.number(), F_OFD_GETLK, &range); }) != 0) return error();
    return range.l_type != F_UNLCK;
  }

  std::expected<std::span<std::uint8_t>, FileError> map(std::uint64_t offset,
                                                        std::size_t bytes) override {
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.number(),
                          static_cast<off_t>(offset));
    if (memory == MAP_FAILED) return error();
    return mapped_.emplace_back(static_cast<std::uint8_t*>(memory), bytes);
  }

 private:
  static struct flock range_of(std::uint64_t offset, std::uint64_t bytes, short type) {
    struct flock range {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(offset);
    range.l_len = static_cast<off_t>(bytes);
    return range;
  }

  Disk& disk_;
  Descriptor file_;
  std::vector<std::span<std::uint8_t>> mapped_;
};

// ---- Names -------------------------------------------------------------------------------------

std::expected<std::unique_ptr<File>, FileError> Disk::open(const std::string& path, How how) {
  Descriptor file = how == How::create ? private_file(path)
                                       : descriptor(path, how == How::read ? O_RDONLY : O_RDWR);
  if (!file.is_open()) return error();
  return std::make_unique<OpenFile>(*this, std::move(file));
}

std::expected<void, FileError> Disk::remove(const std::string& path) {
  return done(::unlink(path.c_str()));
}

std::expected<void, FileError> Disk::rename(const std::string& from, const std::string& to) {
  return done(::rename(from.c_str(), to.c_str()));
}

std::expected<std::uint64_t, FileError> Disk::size(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return error();
  return static_cast<std::uint64_t>(file.st_size);
}

std::expected<std::vector<std::string>, FileError> Disk::list(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(folder.c_str()), ::closedir);
  if (!opened) return error();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  if (errno != 0) return error();
  std::ranges::sort(names);
  return names;
}

std::expected<void, FileError> Disk::make_folder(const std::string& folder) {
  struct stat found {};
  if (::stat(folder.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return {};
    return std::unexpected(FileError::unavailable);
  }
  const auto above = folder_of(folder);
  if (above != folder) {
    if (const auto made = make_folder(above); !made) return made;
  }
  if (::mkdir(folder.c_str(), folder_mode) != 0 && errno != EEXIST) return error();
  return sync_folder(above);
}

std::expected<void, FileError> Disk::sync_folder(const std::string& folder) {
  const Descriptor opened = descriptor(folder, O_RDONLY | O_DIRECTORY);
  if (!opened.is_open()) return error();
  ++syncs_;
  return done(again([&] { return ::fsync(opened.number()); }));
}

class Disk::OpenVolume final : public Volume {
 public:
  OpenVolume(Disk& disk, Descriptor folder) : disk_(disk), folder_(std::move(folder)) {}

  std::expected<void, FileError> sync() override {
    ++disk_.syncs_;
    return done(again([&] { return ::syncfs(folder_.number()); }));
  }

 private:
  Disk& disk_;
  // Stays open: the system tells it of errors since then.
  const Descriptor folder_;
};

std::expected<std::unique_ptr<Volume>, FileError> Disk::volume(const std::string& folder) {
  Descriptor opened = descriptor(folder, O_RDONLY | O_DIRECTORY);
  if (!opened.is_open()) return error();
  return std::make_unique<OpenVolume>(*this, std::move(opened));
}

std::expected<std::uint64_t, FileError> Disk::room(const std::string& folder) {
  struct statvfs found {};
  if (::statvfs(folder.c_str(), &found) != 0) return error();
  return std::uint64_t{found.f_bavail} * found.f_frsize;
}

std::expected<std::string, FileError> Disk::full_path(const std::string& path) {
  const auto resolved = [](const std::string& name) {
    return std::unique_ptr<char, void (*)(void*)>(::realpath(name.c_str(), nullptr), ::free);
  };
  if (const auto file = resolved(path)) return std::string(file.get());
  if (errno != ENOENT) return error();
  const auto folder = resolved(folder_of(path));
  if (!folder) return error();
  const std::string above = folder.get();
  return (above == "/" ? above : above + "/") + path.substr(path.rfind('/') + 1);
}

}  // namespace hub
