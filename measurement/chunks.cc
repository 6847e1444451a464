#include "measurement/chunks.h"

#include <algorithm>
#include <cassert>

namespace measurement {
namespace {

// The first byte: first chunk, last chunk, two bits of the kind, four that count chunks.
constexpr std::uint8_t first_bit = 0x80;
constexpr std::uint8_t last_bit = 0x40;
constexpr std::uint8_t count_bits = 0x0F;
constexpr int kind_shift = 4;

}  // namespace

std::size_t Cutter::write(std::span<std::uint8_t> into) {
  assert(into.size() >= least_chunk_bytes && "BUG: no link carries so little");
  if (is_over_) return 0;
  written_ = std::min(rest_.size(), into.size() - 1);
  const bool is_last = written_ == rest_.size();
  into[0] = static_cast<std::uint8_t>((is_first_ ? first_bit : 0) | (is_last ? last_bit : 0) |
                                      kind_ << kind_shift | (count_ & count_bits));
  std::ranges::copy(rest_.first(written_), into.begin() + 1);
  return written_ + 1;
}

void Cutter::taken() {
  rest_ = rest_.subspan(written_);
  is_over_ = rest_.empty();
  is_first_ = false;
  ++count_;
}

std::optional<Joiner::Message> Joiner::add(std::span<const std::uint8_t> chunk) {
  if (chunk.empty()) return std::nullopt;
  const auto head = chunk[0];
  const auto bytes = chunk.subspan(1);
  const auto kind = static_cast<std::uint8_t>(head >> kind_shift & (chunk_kinds - 1));
  if ((head & first_bit) != 0) {
    is_open_ = true;
    size_ = 0;
    kind_ = kind;
    count_ = 0;
  }
  is_open_ = is_open_ && (head & count_bits) == (count_ & count_bits) && kind == kind_ &&
             bytes.size() <= buffer_.size() - size_;
  if (!is_open_) return std::nullopt;
  std::ranges::copy(bytes, buffer_.begin() + static_cast<std::ptrdiff_t>(size_));
  size_ += bytes.size();
  ++count_;
  if ((head & last_bit) == 0) return std::nullopt;
  is_open_ = false;
  return Message{kind_, buffer_.first(size_)};
}

}  // namespace measurement
