#include "simulator/flash.h"

#include <algorithm>
#include <cassert>

namespace simulator {

bool SimulatedFlash::read(std::size_t offset, std::span<std::uint8_t> bytes) {
  assert(offset + bytes.size() <= bytes_.size() && "BUG: read beyond the flash");
  if (is_off_) return false;
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
  return true;
}

bool SimulatedFlash::goes_on(std::uint64_t bytes) {
  changed_ += bytes;
  if (!left_) return true;
  is_off_ = *left_ < bytes;
  if (!is_off_) *left_ -= bytes;
  return !is_off_;
}

bool SimulatedFlash::program(std::size_t offset, std::span<const std::uint8_t> bytes) {
  assert(offset + bytes.size() <= bytes_.size() && "BUG: written beyond the flash");
  assert(offset % word == 0 && bytes.size() % word == 0 && "BUG: words are written whole");
  if (is_off_) return false;
  const bool whole = goes_on(bytes.size());
  const auto count = whole ? bytes.size() : static_cast<std::size_t>(*left_);
  for (std::size_t i = 0; i < count; ++i) bytes_[offset + i] &= bytes[i];
  if (!whole) bytes_[offset + count] &= static_cast<std::uint8_t>(bytes[count] | random_());
  return whole;
}

bool SimulatedFlash::erase(std::size_t offset) {
  assert(offset % sector == 0 && offset < bytes_.size() && "BUG: sectors are erased whole");
  if (is_off_) return false;
  ++erases_[offset / sector];
  const bool whole = goes_on(sector);
  for (std::size_t i = 0; i < sector; ++i) {
    bytes_[offset + i] |= whole ? std::uint8_t{0xFF} : static_cast<std::uint8_t>(random_());
  }
  return whole;
}

}  // namespace simulator
