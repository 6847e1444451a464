// Columns of 32-bit whole numbers in as few bits as their noise needs, unpacked at some billions a
// second: groups of 128, each as narrow as most of its values, what is wider beside them.
// docs/store_format.md has the grammar.

#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "hub/store/column.h"

namespace hub {

// Appends the values. Differences wrap, so any values will do.
void pack(Bytes&, std::span<const std::int32_t> values);

// Reads as many values as there is room for from the begin of `packed`: how many bytes they took;
// absent where these are not the bytes of so many values.
std::optional<std::size_t> unpack(std::span<const std::uint8_t> packed,
                                  std::span<std::int32_t> values);

}  // namespace hub
