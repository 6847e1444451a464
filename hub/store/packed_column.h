// Columns of 32-bit whole numbers in as few bits as their noise needs, unpacked at some billions a
// second: groups of 128, each as narrow as most of its values, what is wider beside them.
// docs/store_format.md has the grammar.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hub/store/column.h"

namespace hub {

// Appends the values. Differences wrap, so any values will do.
void pack(Bytes&, std::span<const std::int32_t> values);

// The same when each value may come back as far away as its slack, which is not negative: `values`
// become what unpack() gives.
void pack_with_slack(Bytes&, std::span<std::int32_t> values, std::span<const std::int32_t> slack);

// For who has the choice of several columns of equal length: how long some groups of them would be,
// in bits. Those of a column that does not stay as it is say most about it.
std::vector<std::size_t> some_busy_groups(std::span<const std::int32_t> values);
std::size_t packed_bits(std::span<const std::int32_t> values, std::span<const std::size_t> groups);

// Reads as many values as there is room for from the begin of `packed`: how many bytes they took;
// absent where these are not the bytes of so many values.
std::optional<std::size_t> unpack(std::span<const std::uint8_t> packed,
                                  std::span<std::int32_t> values);

// The same from where a reader is; false, and nowhere in particular, where it cannot be.
bool unpack(ColumnReader&, std::span<std::int32_t> values);

// Numbers of 64 bits, in two columns where 32 bits with a sign are not enough for all of them. That
// is for the caller to keep.
bool are_wide(std::span<const std::int64_t> values);
void pack(Bytes&, std::span<const std::int64_t> values, bool wide);
bool unpack(ColumnReader&, std::span<std::int64_t> values, bool wide);

}  // namespace hub
