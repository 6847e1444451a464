#include "hub/store/segments.h"

#include <algorithm>

#include "hub/store/numbered_file.h"

namespace hub {
std::string Segments::path(std::int64_t number) const {
  return folder_ + "/" + std::string(segment_prefix) + std::to_string(number);
}

std::expected<Segment*, StoreError> Segments::open(std::int64_t number) {
  const auto found = std::ranges::find(open_, number, [](const auto& open) { return open.first; });
  if (found != open_.end()) {
    open_.splice(open_.begin(), open_, found);
    return open_.front().second.get();
  }
  auto segment = Segment::open(files_, path(number), number);
  if (!segment) return std::unexpected(segment.error());
  open_.emplace_front(number, std::move(*segment));
  if (open_.size() > most_open) open_.pop_back();
  return open_.front().second.get();
}

std::expected<SegmentWriter, StoreError> Segments::create(std::int64_t number) {
  open_.remove_if([&](const auto& open) { return open.first == number; });
  return SegmentWriter::create(files_, path(number), number);
}

std::expected<void, StoreError> Segments::keep_names() {
  if (const auto kept = files_.sync_folder(folder_); !kept) {
    return std::unexpected(error_of(kept.error()));
  }
  return {};
}

std::expected<void, StoreError> Segments::keep_only(const std::set<std::int64_t>& numbers) {
  const auto names = files_.list(folder_);
  if (!names) return std::unexpected(error_of(names.error()));
  for (const auto& name : *names) {
    const auto number = number_of(segment_prefix, name);
    if (!number || numbers.contains(*number)) continue;
    open_.remove_if([&](const auto& open) { return open.first == *number; });
    if (const auto removed = files_.remove(path(*number)); !removed) {
      return std::unexpected(error_of(removed.error()));
    }
  }
  return {};
}

}  // namespace hub
