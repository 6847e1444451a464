// Columns of whole numbers as bytes, and the seal that tells whether bytes are still what was
// written, and where. Block and summary are made of these; docs/store_format.md has the grammar.

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "hub/store/store.h"

namespace hub {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint8_t sealed_version = 1;

// Where sealed bytes belong. It is part of the checksum, so that bytes that were put in another
// row are noticed too.
struct Place {
  std::int64_t row = 0;
  std::int64_t series = -1;  // -1: all of them.
};

// Version, CRC-32 of place and body, body.
Bytes seal(Place, const Bytes& body);

// The body, which points into `sealed`; StoreError::corrupted where a bit differs.
std::expected<std::span<const std::uint8_t>, StoreError> unseal(
    Place, std::span<const std::uint8_t> sealed);

enum class Differences : std::uint8_t {
  none,    // For values that are mostly 0.
  first,   // For values that stay: each minus the one before.
  second,  // For values that rise evenly: the difference of the differences.
};

// Signed numbers near zero as small ones: 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
template <std::unsigned_integral Word>
constexpr Word zigzag(Word n) {
  return n << 1 ^ (Word{0} - (n >> (std::numeric_limits<Word>::digits - 1)));
}
template <std::unsigned_integral Word>
constexpr Word unzigzag(Word z) {
  return z >> 1 ^ (Word{0} - (z & 1));
}

// The difference of two far values wraps, and wraps back.
template <std::signed_integral Value>
constexpr Value wrapping_sum(Value a, Value b) {
  using Word = std::make_unsigned_t<Value>;
  return static_cast<Value>(static_cast<Word>(a) + static_cast<Word>(b));
}
template <std::signed_integral Value>
constexpr Value wrapping_difference(Value a, Value b) {
  using Word = std::make_unsigned_t<Value>;
  return static_cast<Value>(static_cast<Word>(a) - static_cast<Word>(b));
}

// Appends to `bytes`.
void put_number(Bytes& bytes, std::uint64_t);
void put_signed(Bytes& bytes, std::int64_t);  // Its zigzag.
void put_little_endian(Bytes& bytes, std::uint64_t, std::size_t size);
void put_column(Bytes& bytes, std::span<const std::int64_t>, Differences);

std::uint64_t little_endian(std::span<const std::uint8_t> bytes);  // At most 8.

// Reads in the order of writing. After a read beyond the end, or of something that no writer
// writes, is_good() stays false and every answer is 0.
class ColumnReader {
 public:
  explicit ColumnReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  std::uint64_t number();
  std::int64_t signed_number();
  std::span<const std::uint8_t> bytes(std::size_t count);  // Empty where there are fewer.
  void column(std::span<std::int64_t> values, Differences);
  std::span<const std::uint8_t> rest() const { return rest_; }
  bool is_good() const { return is_good_; }
  bool is_at_end() const { return rest_.empty(); }

 private:
  std::span<const std::uint8_t> rest_;
  bool is_good_ = true;
};

}  // namespace hub
