// Storage that a power cut empties: the outbox of a meter that keeps the rest in flash.

#pragma once

#include <algorithm>

#include "firmware/storage.h"

namespace firmware {

// The bytes must outlive it; what is in them is no record.
class RamStorage final : public Storage {
 public:
  explicit RamStorage(std::span<std::uint8_t> bytes) : bytes_(bytes) {
    std::ranges::fill(bytes_, std::uint8_t{0});
  }

  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> into) override {
    std::ranges::copy(bytes_.subspan(offset, into.size()), into.begin());
    return true;
  }
  bool write(std::size_t offset, std::span<const std::uint8_t> from) override {
    std::ranges::copy(from, bytes_.subspan(offset, from.size()).begin());
    return true;
  }

 private:
  std::span<std::uint8_t> bytes_;
};

}  // namespace firmware
