// Firmware as it was uploaded: builds to be flashed by the cable, and signed updates, each a file.

#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/api/firmware_build.h"
#include "hub/api/signed_update.h"
#include "hub/files/files.h"
#include "measurement/units.h"

namespace hub {

// A folder of files that were checked, ADDED-ID.ENDING, ADDED in milliseconds; of other endings it
// knows nothing.
class ShelfFolder {
 public:
  ShelfFolder(Files& files, std::string folder, std::string ending)
      : files_(files), folder_(std::move(folder)), ending_(std::move(ending)) {}

  struct Name {
    measurement::Timestamp added;
    std::string id;
  };
  std::vector<Name> names() const;
  std::optional<std::string> read(const Name&, std::size_t most) const;
  std::optional<std::string> read(const Name&, std::size_t at, std::size_t bytes) const;
  // The error is one sentence: the disk refuses.
  std::expected<void, std::string> write(const Name&, std::string_view content);
  bool remove(const Name&);

 private:
  std::string path_of(const Name&) const;

  Files& files_;
  const std::string folder_, ending_;
};

// The newest few. `Item` has an id, its files' ending as `ending`, and of_file() that reads one.
template <class Item>
class Shelf {
 public:
  static constexpr std::size_t most_items = 4;

  // Files outlive it. What is no sound item in the folder is passed over.
  Shelf(Files& files, std::string folder) : folder_(files, std::move(folder), Item::ending) {}

  struct Kept {
    measurement::Timestamp added;
    Item item;
  };
  const std::vector<Kept>& items();  // Newest first.
  const Kept* find(std::string_view id);

  // Keeps the file that the item was read from. Takes the place of the same item, and of the oldest
  // of most_items. The error is one sentence: the disk refuses.
  std::expected<Kept, std::string> put(std::string_view file, Item, measurement::Timestamp now);
  bool remove(std::string_view id);  // False: there is none, or the disk refuses.
  // Of an item's file; absent: there is none, or it cannot be read.
  std::optional<std::string> bytes(std::string_view id, std::size_t at, std::size_t count);

 private:
  void look();
  static ShelfFolder::Name name_of(const Kept& kept) { return {kept.added, kept.item.id}; }

  ShelfFolder folder_;
  bool has_looked_ = false;
  std::vector<Kept> items_;
};

using FirmwareShelf = Shelf<FirmwareBuild>;
using UpdateShelf = Shelf<SignedUpdate>;

extern template class Shelf<FirmwareBuild>;
extern template class Shelf<SignedUpdate>;

}  // namespace hub
