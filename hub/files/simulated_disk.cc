#include "hub/files/simulated_disk.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hub {
namespace {

constexpr std::size_t sector_size = 512;
using Sector = std::array<std::uint8_t, sector_size>;
using Bytes = std::vector<std::uint8_t>;

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// With zeros where there is nothing.
Sector sector_of(const Bytes& bytes, std::size_t sector) {
  Sector found{};
  const auto begin = std::min(bytes.size(), sector * sector_size);
  const auto count = std::min(bytes.size() - begin, sector_size);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(begin), count, found.begin());
  return found;
}

void put_sector(Bytes& bytes, std::size_t sector, const Sector& from) {
  const auto begin = std::min(bytes.size(), sector * sector_size);
  const auto count = std::min(bytes.size() - begin, sector_size);
  std::copy_n(from.begin(), count, bytes.begin() + static_cast<std::ptrdiff_t>(begin));
}

}  // namespace

// ---- What a file holds -------------------------------------------------------------------------

struct SimulatedDisk::Content {
  struct HeldLock {
    const File* by;
    std::uint64_t begin, end;
    Lock kind;
  };

  // As every reader sees it.
  Bytes bytes;
  // As it would be found after a power cut that drops all else.
  Bytes synced;
  // What a sector, and the size, became with each change since.
  std::map<std::size_t, std::vector<Sector>> unsynced;
  std::vector<std::size_t> unsynced_sizes;
  std::optional<std::size_t> last_sector;  // That was written.

  std::map<std::uint64_t, std::unique_ptr<Bytes>> mapped;
  std::vector<HeldLock> locks;

  void note(std::size_t begin, std::size_t end) {
    if (begin >= end) return;
    for (auto s = begin / sector_size; s <= (end - 1) / sector_size; ++s) {
      unsynced[s].push_back(sector_of(bytes, s));
      last_sector = s;
    }
  }

  void write(std::size_t offset, std::span<const std::uint8_t> from) {
    if (from.empty()) return;
    const auto before = bytes.size(), end = offset + from.size();
    if (end > before) bytes.resize(end);
    // Also where a failed sync has lost the size: what is written there brings it back.
    const auto known = unsynced_sizes.empty() ? synced.size() : unsynced_sizes.back();
    if (end > known) unsynced_sizes.push_back(end);
    std::ranges::copy(from, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    note(std::min(offset, before), end);
    show_mapped();
  }

  // Cutting writes no sector; the zeros of a new end may be found or not.
  void resize(std::size_t size) {
    const auto before = bytes.size(), last = last_sector.value_or(0);
    bytes.resize(size);
    unsynced_sizes.push_back(size);
    note(before, size);
    if (last_sector) last_sector = last;
    show_mapped();
  }

  // Of each sector and of the size, how many of its changes survive.
  void settle(const std::function<std::size_t(std::size_t changes)>& surviving) {
    auto size = synced.size();
    if (const auto n = surviving(unsynced_sizes.size()); n > 0) size = unsynced_sizes[n - 1];
    const auto needed = unsynced.empty() ? 0 : (unsynced.rbegin()->first + 1) * sector_size;
    synced.resize(std::max({synced.size(), size, needed}));
    for (const auto& [sector, changes] : unsynced) {
      if (const auto n = surviving(changes.size()); n > 0) {
        put_sector(synced, sector, changes[n - 1]);
      }
    }
    synced.resize(size);
    unsynced.clear();
    unsynced_sizes.clear();
    last_sector.reset();
  }

  // Mapped memory and bytes are the same thing, of which each side may have written.
  void show_mapped() {
    for (const auto& [offset, memory] : mapped) {
      const auto begin = std::min<std::size_t>(offset, bytes.size());
      const auto count = std::min<std::size_t>(memory->size(), bytes.size() - begin);
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(begin), count, memory->begin());
      std::fill(memory->begin() + static_cast<std::ptrdiff_t>(count), memory->end(), 0);
    }
  }
  void take_mapped() {
    for (const auto& [offset, memory] : mapped) {
      const auto begin = std::min<std::size_t>(offset, bytes.size());
      const auto count = std::min<std::size_t>(memory->size(), bytes.size() - begin);
      const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
      if (std::equal(place, place + static_cast<std::ptrdiff_t>(count), memory->begin())) continue;
      std::copy_n(memory->begin(), count, place);
      note(begin, begin + count);
    }
  }

  std::shared_ptr<Content> after(PowerCut cut, std::mt19937_64& chance) const {
    auto left = std::make_shared<Content>();
    left->synced = synced;
    left->unsynced = unsynced;
    left->unsynced_sizes = unsynced_sizes;
    if (cut == PowerCut::torn && last_sector) {
      auto& changes = left->unsynced.at(*last_sector);
      const auto before =
          changes.size() > 1 ? changes[changes.size() - 2] : sector_of(synced, *last_sector);
      const auto kept = static_cast<std::ptrdiff_t>(chance() % sector_size);
      const bool is_front_old = chance() % 2 == 0;
      const auto begin = is_front_old ? 0 : kept, end = is_front_old ? kept : std::ssize(before);
      std::copy(before.begin() + begin, before.begin() + end, changes.back().begin() + begin);
    }
    left->settle([&](std::size_t changes) -> std::size_t {
      if (cut == PowerCut::dropped) return 0;
      return cut == PowerCut::reordered ? chance() % (changes + 1) : changes;
    });
    left->bytes = left->synced;
    return left;
  }
};

// ---- An open file ------------------------------------------------------------------------------

class SimulatedDisk::OpenFile final : public File {
 public:
  OpenFile(SimulatedDisk& disk, std::shared_ptr<Content> content, How how)
      : disk_(disk), content_(std::move(content)), how_(how) {}
  ~OpenFile() override {
    std::erase_if(content_->locks, [this](const auto& held) { return held.by == this; });
  }

  std::expected<std::size_t, FileError> read(std::uint64_t offset,
                                             std::span<std::uint8_t> into) override {
    if (const auto error = disk_.fault()) return std::unexpected(*error);
    content_->take_mapped();
    const auto& bytes = content_->bytes;
    const auto begin = std::min<std::uint64_t>(offset, bytes.size());
    const auto count = std::min<std::size_t>(into.size(), bytes.size() - begin);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(begin), count, into.begin());
    return count;
  }

  std::expected<void, FileError> write(std::uint64_t offset,
                                       std::span<const std::uint8_t> bytes) override {
    if (how_ == How::read) return std::unexpected(FileError::unavailable);
    auto error = disk_.fault();
    if (error && !bytes.empty()) bytes = bytes.first(disk_.draw(bytes.size() + 1));
    if (disk_.capacity_ && !bytes.empty()) {
      const auto others =
          disk_.used() - std::min<std::uint64_t>(disk_.used(), content_->bytes.size());
      const auto most = std::max<std::uint64_t>(
          content_->bytes.size(), *disk_.capacity_ - std::min(*disk_.capacity_, others));
      if (offset + bytes.size() > most) {
        bytes = bytes.first(most - std::min(most, offset));
        if (!error) error = FileError::full;
      }
    }
    content_->take_mapped();
    content_->write(offset, bytes);
    disk_.written_.bytes += bytes.size();
    if (error) return std::unexpected(*error);
    return {};
  }

  std::expected<void, FileError> resize(std::uint64_t bytes) override {
    if (how_ == How::read) return std::unexpected(FileError::unavailable);
    if (const auto error = disk_.fault()) return std::unexpected(*error);
    content_->take_mapped();
    content_->resize(bytes);
    return {};
  }

  std::expected<std::uint64_t, FileError> size() override {
    if (const auto error = disk_.fault()) return std::unexpected(*error);
    return content_->bytes.size();
  }

  std::expected<void, FileError> sync() override {
    if (disk_.before_sync) disk_.before_sync();
    ++disk_.written_.syncs;
    const auto error = disk_.fault();
    content_->take_mapped();
    content_->settle([&](std::size_t changes) -> std::size_t {
      return error ? disk_.draw(changes + 1) : changes;
    });
    if (error) return std::unexpected(*error);
    return {};
  }

  std::expected<bool, FileError> lock(std::uint64_t offset, std::uint64_t bytes,
                                      Lock kind) override {
    if (const auto error = disk_.fault()) return std::unexpected(*error);
    const auto end = offset + bytes;
    auto& locks = content_->locks;
    for (const auto& held : locks) {
      const bool excludes = kind == Lock::exclusive || held.kind == Lock::exclusive;
      if (kind != Lock::none && excludes && is_anothers(held, offset, end)) return false;
    }
    std::vector<Content::HeldLock> rests;
    for (const auto& held : locks) {
      if (held.by != this) {
        rests.push_back(held);
        continue;
      }
      if (held.begin < offset) {
        rests.push_back({this, held.begin, std::min(held.end, offset), held.kind});
      }
      if (held.end > end) rests.push_back({this, std::max(held.begin, end), held.end, held.kind});
    }
    if (kind != Lock::none) rests.push_back({this, offset, end, kind});
    locks = std::move(rests);
    return true;
  }

  std::expected<bool, FileError> is_locked(std::uint64_t offset, std::uint64_t bytes) override {
    if (const auto error = disk_.fault()) return std::unexpected(*error);
    return std::ranges::any_of(content_->locks, [&](const auto& held) {
      return is_anothers(held, offset, offset + bytes);
    });
  }

  std::expected<std::span<std::uint8_t>, FileError> map(std::uint64_t offset,
                                                        std::size_t bytes) override {
    assert(offset % map_unit == 0 && bytes <= map_unit && "BUG: this is no unit of a map");
    if (const auto error = disk_.fault()) return std::unexpected(*error);
    content_->take_mapped();
    auto& memory = content_->mapped[offset];
    if (!memory) {
      memory = std::make_unique<Bytes>(map_unit);
      content_->show_mapped();
    }
    return std::span(*memory).first(bytes);
  }

 private:
  bool is_anothers(const Content::HeldLock& held, std::uint64_t begin, std::uint64_t end) const {
    return held.by != this && held.begin < end && begin < held.end;
  }

  SimulatedDisk& disk_;
  std::shared_ptr<Content> content_;
  How how_;
};

// ---- The disk ----------------------------------------------------------------------------------

SimulatedDisk::SimulatedDisk() {
  folders_["."];
  folders_["/"];
}
SimulatedDisk::~SimulatedDisk() = default;

std::unique_ptr<SimulatedDisk> SimulatedDisk::crash_image(std::uint64_t seed, PowerCut cut) const {
  auto image = std::make_unique<SimulatedDisk>();
  image->chance_.seed(seed);
  image->capacity_ = capacity_;
  auto& chance = image->chance_;
  for (const auto& [path, folder] : folders_) {
    const auto changes = folder.unsynced.size();
    const auto surviving = cut == PowerCut::dropped     ? 0
                           : cut == PowerCut::reordered ? chance() % (changes + 1)
                                                        : changes;
    auto& left = image->folders_[path];
    left.synced = surviving == 0 ? folder.synced : folder.unsynced[surviving - 1];
    for (auto& [name, content] : left.synced) {
      content->take_mapped();
      content = content->after(cut, chance);
    }
    left.names = left.synced;
  }
  return image;
}

void SimulatedDisk::fail_after(std::uint64_t calls, FileError error, Failing failing) {
  fault_ = Fault{calls_ + calls, error, failing};
}

std::optional<FileError> SimulatedDisk::fault() {
  const auto call = calls_++;
  if (!fault_ || call < fault_->at) return {};
  const auto error = fault_->error;
  if (fault_->failing == Failing::once) fault_.reset();
  return error;
}

std::uint64_t SimulatedDisk::used() const {
  std::uint64_t used = 0;
  for (const auto& [path, folder] : folders_) {
    for (const auto& [name, content] : folder.names) used += content->bytes.size();
  }
  return used;
}

std::uint64_t SimulatedDisk::draw(std::uint64_t below) { return chance_() % below; }

std::expected<SimulatedDisk::Folder*, FileError> SimulatedDisk::find_folder(
    const std::string& path) {
  const auto found = folders_.find(path);
  if (found == folders_.end()) return std::unexpected(FileError::missing);
  return &found->second;
}

std::expected<std::shared_ptr<SimulatedDisk::Content>, FileError> SimulatedDisk::find(
    const std::string& path) {
  const auto folder = find_folder(folder_of(path));
  if (!folder) return std::unexpected(folder.error());
  const auto found = (*folder)->names.find(name_of(path));
  if (found == (*folder)->names.end()) return std::unexpected(FileError::missing);
  return found->second;
}

std::expected<std::unique_ptr<File>, FileError> SimulatedDisk::open(const std::string& path,
                                                                    How how) {
  if (const auto error = fault()) return std::unexpected(*error);
  if (folders_.contains(path) && how != How::read) return std::unexpected(FileError::unavailable);
  auto found = find(path);
  if (!found && how == How::create) {
    const auto folder = find_folder(folder_of(path));
    if (!folder) return std::unexpected(folder.error());
    found = (*folder)->names[name_of(path)] = std::make_shared<Content>();
    (*folder)->unsynced.push_back((*folder)->names);
  }
  if (!found) return std::unexpected(found.error());
  return std::make_unique<OpenFile>(*this, *found, how);
}

std::expected<void, FileError> SimulatedDisk::remove(const std::string& path) {
  if (const auto error = fault()) return std::unexpected(*error);
  if (const auto found = find(path); !found) return std::unexpected(found.error());
  auto& folder = **find_folder(folder_of(path));
  folder.names.erase(name_of(path));
  folder.unsynced.push_back(folder.names);
  return {};
}

std::expected<void, FileError> SimulatedDisk::rename(const std::string& from,
                                                     const std::string& to) {
  assert(folder_of(from) == folder_of(to) && "BUG: a file is renamed into another folder");
  if (const auto error = fault()) return std::unexpected(*error);
  const auto found = find(from);
  if (!found) return std::unexpected(found.error());
  auto& folder = **find_folder(folder_of(from));
  folder.names.erase(name_of(from));
  folder.names[name_of(to)] = *found;
  folder.unsynced.push_back(folder.names);
  return {};
}

std::expected<std::uint64_t, FileError> SimulatedDisk::size(const std::string& path) {
  if (const auto error = fault()) return std::unexpected(*error);
  const auto found = find(path);
  if (!found) return std::unexpected(found.error());
  return (*found)->bytes.size();
}

std::expected<std::vector<std::string>, FileError> SimulatedDisk::list(const std::string& path) {
  if (const auto error = fault()) return std::unexpected(*error);
  const auto folder = find_folder(path);
  if (!folder) return std::unexpected(folder.error());
  std::vector<std::string> names;
  for (const auto& [name, content] : (*folder)->names) names.push_back(name);
  for (const auto& [below, content] : folders_) {
    if (below != path && folder_of(below) == path && below != ".") names.push_back(name_of(below));
  }
  std::ranges::sort(names);
  return names;
}

std::expected<void, FileError> SimulatedDisk::make_folder(const std::string& path) {
  if (const auto error = fault()) return std::unexpected(*error);
  for (auto folder = path; !folders_.contains(folder); folder = folder_of(folder)) {
    folders_[folder];
  }
  return {};
}

std::expected<void, FileError> SimulatedDisk::sync_folder(const std::string& path) {
  if (before_sync) before_sync();
  ++written_.syncs;
  if (const auto error = fault()) return std::unexpected(*error);
  const auto folder = find_folder(path);
  if (!folder) return std::unexpected(folder.error());
  (*folder)->synced = (*folder)->names;
  (*folder)->unsynced.clear();
  return {};
}

// After a failed sync it is up to chance what of each file survives, as with a file of its own.
class SimulatedDisk::OpenVolume final : public Volume {
 public:
  explicit OpenVolume(SimulatedDisk& disk) : disk_(disk) {}

  std::expected<void, FileError> sync() override {
    if (disk_.before_sync) disk_.before_sync();
    ++disk_.written_.syncs;
    const auto error = disk_.fault();
    for (auto& [path, folder] : disk_.folders_) {
      for (auto& [name, content] : folder.names) {
        content->take_mapped();
        content->settle([&](std::size_t changes) -> std::size_t {
          return error ? disk_.draw(changes + 1) : changes;
        });
      }
      if (error) continue;
      folder.synced = folder.names;
      folder.unsynced.clear();
    }
    if (error) return std::unexpected(*error);
    return {};
  }

 private:
  SimulatedDisk& disk_;
};

std::expected<std::unique_ptr<Volume>, FileError> SimulatedDisk::volume(const std::string& path) {
  if (const auto error = fault()) return std::unexpected(*error);
  if (const auto folder = find_folder(path); !folder) return std::unexpected(folder.error());
  return std::make_unique<OpenVolume>(*this);
}

std::expected<std::uint64_t, FileError> SimulatedDisk::room(const std::string& path) {
  if (const auto error = fault()) return std::unexpected(*error);
  if (const auto folder = find_folder(path); !folder) return std::unexpected(folder.error());
  constexpr std::uint64_t plenty = std::uint64_t{1} << 40;
  const auto capacity = capacity_.value_or(plenty);
  return capacity - std::min(capacity, used());
}

std::expected<std::string, FileError> SimulatedDisk::full_path(const std::string& path) {
  if (const auto error = fault()) return std::unexpected(*error);
  if (const auto folder = find_folder(folder_of(path)); !folder) {
    return std::unexpected(folder.error());
  }
  return path;
}

}  // namespace hub
