// A number that is never given twice, over restarts and power cuts.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "firmware/storage.h"

namespace firmware {

// Numbers are reserved ahead, a run at a time, so that the storage is written once a run: at each
// restart up to one run is skipped. The storage, of at least `storage_bytes`, outlives it.
class RisingCounter {
 public:
  static constexpr std::size_t storage_bytes = 16;
  static constexpr std::uint32_t run = 65'536;

  explicit RisingCounter(Storage& storage) : storage_(storage) {}

  // Absent: the storage failed, or there is no number left.
  std::optional<std::uint32_t> next();

 private:
  bool recover();
  bool reserve();

  Storage& storage_;
  bool is_recovered_ = false;
  std::uint32_t next_ = 0;
  std::uint32_t end_ = 0;  // Of what is reserved, not included.
  std::size_t place_ = 0;  // Of the two records: the one to be written next.
};

}  // namespace firmware
