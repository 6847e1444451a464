// Columns of whole numbers as bytes, and the seal that tells whether bytes are still what was
// written, and where. Block and summary are made of these; docs/store_format.md has the grammar.

#pragma once

#include <cstdint>
#include <expected>
#include <span>
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

// Appends to `bytes`.
void put_number(Bytes& bytes, std::uint64_t);
void put_column(Bytes& bytes, std::span<const std::int64_t>, Differences);

// Reads in the order of writing. After a read beyond the end, or of something that no writer
// writes, is_good() stays false and every answer is 0.
class ColumnReader {
 public:
  explicit ColumnReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  std::uint64_t number();
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
