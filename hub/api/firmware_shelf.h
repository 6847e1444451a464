// The firmware that can be flashed from the page: builds as they were uploaded, each a file.

#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "hub/api/firmware_build.h"
#include "hub/files/files.h"
#include "measurement/units.h"

namespace hub {

// Keeps the tars that were checked, ADDED-ID.tar in a folder of its own, ADDED in milliseconds.
class FirmwareShelf {
 public:
  static constexpr std::size_t most_builds = 4;

  // Files outlive it. What is no sound build in the folder is passed over.
  FirmwareShelf(Files&, std::string folder);

  struct Kept {
    measurement::Timestamp added;
    FirmwareBuild build;
  };
  const std::vector<Kept>& builds();  // Newest first.

  // Keeps the tar that the build was read from. Takes the place of the same build, and of the
  // oldest of most_builds. The error is one sentence: the disk refuses.
  std::expected<Kept, std::string> put(std::string_view tar, FirmwareBuild,
                                       measurement::Timestamp now);
  bool remove(std::string_view id);  // False: there is none, or the disk refuses.
  // Empty: there is no such part, or it is not what was kept.
  std::string part(std::string_view id, std::uint32_t offset);

 private:
  void look();
  std::string file_of(const Kept&) const;

  Files& files_;
  const std::string folder_;
  bool has_looked_ = false;
  std::vector<Kept> builds_;
};

}  // namespace hub
