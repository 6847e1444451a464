// All samples of one boot and stream in one minute, as bytes. docs/store_format.md has the grammar.

#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <vector>

#include "hub/store/column.h"
#include "hub/store/sample_columns.h"
#include "hub/store/store.h"
#include "measurement/sample.h"

namespace hub {

// A hundred a second; what claims more is not a block.
inline constexpr std::size_t most_samples_in_block = 6'000;

// `row` is where the block is kept. The samples' numbers rise; there is at least one, and at most
// most_samples_in_block. Where they differ in chips, the greatest count holds for all, and what is
// beyond a sample's own is absent.
Bytes encode_block(std::int64_t row, std::span<const measurement::Sample>);

// StoreError::corrupted where a bit differs from what was written, or it was written elsewhere.
std::expected<std::vector<measurement::Sample>, StoreError> decode_block(
    std::int64_t row, std::span<const std::uint8_t> block);
// The same, behind what is in the columns already; after an error they are worth nothing.
std::expected<void, StoreError> append_block(std::int64_t row, std::span<const std::uint8_t> block,
                                             SampleColumns&);

}  // namespace hub
