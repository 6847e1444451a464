// The segment files of a store's folder: segment-1, segment-2, ...

#pragma once

#include <cstdint>
#include <expected>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "hub/files/files.h"
#include "hub/store/segment.h"

namespace hub {

class Segments {
 public:
  Segments(Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  // Lives until another `most_open` were opened.
  std::expected<Segment*, StoreError> open(std::int64_t number);

  std::expected<SegmentWriter, StoreError> create(std::int64_t number);
  std::expected<void, StoreError> keep_names();  // Those that were created survive a power cut.

  // Deletes all files of segments that are not among these: what a crash or a merge left behind.
  std::expected<void, StoreError> keep_only(const std::set<std::int64_t>& numbers);

  std::string path(std::int64_t number) const;

 private:
  static constexpr std::size_t most_open = 64;

  Files& files_;
  std::string folder_;
  std::list<std::pair<std::int64_t, std::unique_ptr<Segment>>> open_;  // The last used first.
};

}  // namespace hub
