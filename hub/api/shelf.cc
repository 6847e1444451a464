#include "hub/api/shelf.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

namespace hub {

using measurement::Timestamp;

std::string ShelfFolder::path_of(const Name& name) const {
  return fmt::format("{}/{}-{}.{}", folder_, name.added.time_since_epoch().count(), name.id,
                     ending_);
}

std::vector<ShelfFolder::Name> ShelfFolder::names() const {
  std::vector<Name> names;
  const auto files = files_.list(folder_);
  for (const std::string_view file : files ? *files : std::vector<std::string>()) {
    const auto dash = file.find('-'), dot = file.rfind('.');
    if (dash == std::string_view::npos || dot == std::string_view::npos || dot < dash) continue;
    std::int64_t ms = 0;
    const auto [end, error] = std::from_chars(file.data(), file.data() + dash, ms);
    if (error != std::errc{} || end != file.data() + dash) continue;
    if (file.substr(dot + 1) != ending_) continue;
    names.push_back({Timestamp(std::chrono::milliseconds(ms)),
                     std::string(file.substr(dash + 1, dot - dash - 1))});
  }
  return names;
}

std::optional<std::string> ShelfFolder::read(const Name& name, std::size_t most) const {
  const auto size = files_.size(path_of(name));
  return size && *size > 0 && *size <= most ? read(name, 0, *size) : std::nullopt;
}

std::optional<std::string> ShelfFolder::read(const Name& name, std::size_t at,
                                             std::size_t bytes) const {
  const auto file = files_.open(path_of(name), How::read);
  if (!file) return std::nullopt;
  std::string content(bytes, '\0');
  const auto got =
      (*file)->read(at, std::span(reinterpret_cast<std::uint8_t*>(content.data()), bytes));
  return got && *got == bytes ? std::optional(std::move(content)) : std::nullopt;
}

std::expected<void, std::string> ShelfFolder::write(const Name& name, std::string_view content) {
  const auto done = [&]() -> std::expected<void, FileError> {
    const auto begun = folder_ + "/begun";  // Of a write that was cut off: the next one's as well.
    if (auto made = files_.make_folder(folder_); !made) return made;
    {
      const auto file = files_.open(begun, How::create);
      if (!file) return std::unexpected(file.error());
      if (auto fits = (*file)->resize(0); !fits) return fits;
      const std::span bytes(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
      if (auto written = (*file)->write(0, bytes); !written) return written;
      if (auto synced = (*file)->sync(); !synced) return synced;
    }
    if (auto renamed = files_.rename(begun, path_of(name)); !renamed) return renamed;
    return files_.sync_folder(folder_);
  }();
  if (done) return {};
  return std::unexpected(fmt::format("The hub's disk {}: make room and send it again.",
                                     done.error() == FileError::full ? "is full" : "refuses it"));
}

bool ShelfFolder::remove(const Name& name) { return files_.remove(path_of(name)).has_value(); }

// Not before somebody asks: reading and hashing all of it takes a while.
template <class Item>
void Shelf<Item>::look() {
  if (std::exchange(has_looked_, true)) return;
  for (const auto& name : folder_.names()) {
    const auto file = folder_.read(name, Item::most_bytes);
    auto item = file ? Item::of_file(*file) : std::unexpected(std::string());
    if (item && item->id == name.id) items_.push_back({name.added, std::move(*item)});
  }
  std::ranges::sort(items_, std::greater{}, &Kept::added);
}

template <class Item>
auto Shelf<Item>::items() -> const std::vector<Kept>& {
  look();
  return items_;
}

template <class Item>
auto Shelf<Item>::find(std::string_view id) -> const Kept* {
  look();
  const auto found = std::ranges::find_if(items_, [&](const Kept& k) { return k.item.id == id; });
  return found == items_.end() ? nullptr : &*found;
}

template <class Item>
auto Shelf<Item>::put(std::string_view file, Item item, Timestamp now)
    -> std::expected<Kept, std::string> {
  look();
  const Kept kept{now, std::move(item)};
  if (const auto done = folder_.write(name_of(kept), file); !done) {
    return std::unexpected(done.error());
  }
  // What is not let go of now is passed over: it is older.
  std::erase_if(items_, [&](const Kept& old) {
    if (old.item.id != kept.item.id) return false;
    if (old.added != kept.added) static_cast<void>(folder_.remove(name_of(old)));
    return true;
  });
  items_.insert(items_.begin(), kept);
  while (items_.size() > most_items) {
    static_cast<void>(folder_.remove(name_of(items_.back())));
    items_.pop_back();
  }
  return kept;
}

template <class Item>
bool Shelf<Item>::remove(std::string_view id) {
  const auto* found = find(id);
  if (!found || !folder_.remove(name_of(*found))) return false;
  items_.erase(items_.begin() + (found - items_.data()));
  return true;
}

template <class Item>
std::optional<std::string> Shelf<Item>::bytes(std::string_view id, std::size_t at,
                                              std::size_t count) {
  const auto* found = find(id);
  return found ? folder_.read(name_of(*found), at, count) : std::nullopt;
}

template class Shelf<FirmwareBuild>;
template class Shelf<SignedUpdate>;

}  // namespace hub
