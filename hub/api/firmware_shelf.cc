#include "hub/api/firmware_shelf.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

namespace hub {
namespace {

using measurement::Timestamp;

std::optional<std::string> read(Files& files, const std::string& path, std::size_t at,
                                std::size_t bytes) {
  const auto file = files.open(path, How::read);
  if (!file) return std::nullopt;
  std::string content(bytes, '\0');
  const auto got =
      (*file)->read(at, std::span(reinterpret_cast<std::uint8_t*>(content.data()), bytes));
  return got && *got == bytes ? std::optional(std::move(content)) : std::nullopt;
}

std::expected<void, FileError> write(Files& files, const std::string& folder,
                                     const std::string& path, std::string_view content) {
  const auto begun = folder + "/begun";  // Of a write that was cut off: the next one's as well.
  {
    const auto file = files.open(begun, How::create);
    if (!file) return std::unexpected(file.error());
    if (auto done = (*file)->resize(0); !done) return done;
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
    if (auto done = (*file)->write(0, bytes); !done) return done;
    if (auto done = (*file)->sync(); !done) return done;
  }
  if (auto done = files.rename(begun, path); !done) return done;
  return files.sync_folder(folder);
}

std::optional<Timestamp> added_of(std::string_view name) {
  std::int64_t ms = 0;
  const auto dash = name.find('-');
  if (dash == std::string_view::npos || !name.ends_with(".tar")) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data(), name.data() + dash, ms);
  if (error != std::errc{} || end != name.data() + dash) return std::nullopt;
  return Timestamp(std::chrono::milliseconds(ms));
}

}  // namespace

FirmwareShelf::FirmwareShelf(Files& files, std::string folder)
    : files_(files), folder_(std::move(folder)) {}

std::string FirmwareShelf::file_of(const Kept& kept) const {
  return fmt::format("{}/{}-{}.tar", folder_, kept.added.time_since_epoch().count(), kept.build.id);
}

// Not before somebody asks: reading and hashing all of it takes a while.
void FirmwareShelf::look() {
  if (std::exchange(has_looked_, true)) return;
  const auto names = files_.list(folder_);
  if (!names) return;
  for (const auto& name : *names) {
    const auto added = added_of(name);
    const auto size = added ? files_.size(folder_ + "/" + name) : 0;
    if (!size || *size == 0 || *size > most_build_bytes) continue;
    const auto tar = read(files_, folder_ + "/" + name, 0, *size);
    auto build = tar ? read_build(*tar) : std::unexpected(std::string());
    if (build && name.ends_with("-" + build->id + ".tar")) {
      builds_.push_back({*added, std::move(*build)});
    }
  }
  std::ranges::sort(builds_, std::greater{}, &Kept::added);
}

const std::vector<FirmwareShelf::Kept>& FirmwareShelf::builds() {
  look();
  return builds_;
}

std::expected<FirmwareShelf::Kept, std::string> FirmwareShelf::put(std::string_view tar,
                                                                   FirmwareBuild build,
                                                                   Timestamp now) {
  look();
  const Kept kept{now, std::move(build)};
  const auto made = files_.make_folder(folder_);
  const auto done = made ? write(files_, folder_, file_of(kept), tar) : made;
  if (!done) {
    return std::unexpected(fmt::format("The hub's disk {}: make room and send it again.",
                                       done.error() == FileError::full ? "is full" : "refuses it"));
  }
  // What is not let go of now is passed over: it is older.
  std::erase_if(builds_, [&](const Kept& old) {
    if (old.build.id != kept.build.id) return false;
    if (old.added != kept.added) static_cast<void>(files_.remove(file_of(old)));
    return true;
  });
  builds_.insert(builds_.begin(), kept);
  while (builds_.size() > most_builds) {
    static_cast<void>(files_.remove(file_of(builds_.back())));
    builds_.pop_back();
  }
  return kept;
}

bool FirmwareShelf::remove(std::string_view id) {
  look();
  const auto found =
      std::ranges::find_if(builds_, [&](const Kept& kept) { return kept.build.id == id; });
  if (found == builds_.end() || !files_.remove(file_of(*found))) return false;
  builds_.erase(found);
  return true;
}

std::string FirmwareShelf::part(std::string_view id, std::uint32_t offset) {
  look();
  for (const auto& kept : builds_) {
    if (kept.build.id != id) continue;
    const auto part = std::ranges::find(kept.build.parts, offset, &FirmwarePart::offset);
    if (part == kept.build.parts.end()) return {};
    auto bytes = read(files_, file_of(kept), part->at, part->bytes);
    // A chip that got anything else would not start.
    return bytes && sha256(*bytes) == part->sha256 ? std::move(*bytes) : std::string();
  }
  return {};
}

}  // namespace hub
