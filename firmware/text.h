// Text in a buffer of the caller's: what the meter says without a heap.

#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

namespace firmware {

// Appends until the buffer is full; what does not fit is left out, and is_cut() says so. The buffer
// must outlive it.
class Text {
 public:
  explicit Text(std::span<char> buffer) : buffer_(buffer) {}

  Text& operator<<(std::string_view words) {
    const auto fits = std::min(words.size(), buffer_.size() - size_);
    std::copy_n(words.begin(), fits, buffer_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += fits;
    cut_ |= fits < words.size();
    return *this;
  }
  Text& operator<<(std::integral auto number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
  }

  std::string_view view() const { return {buffer_.data(), size_}; }
  bool is_cut() const { return cut_; }

 private:
  std::span<char> buffer_;
  std::size_t size_ = 0;
  bool cut_ = false;
};

}  // namespace firmware
