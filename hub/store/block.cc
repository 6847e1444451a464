#include "hub/store/block.h"

#include <algorithm>
#include <cassert>

#include "hub/store/rows.h"

namespace hub {

using measurement::Kind;
using measurement::QuantityRow;
using measurement::Sample;

namespace {

enum Presence : std::uint64_t { nowhere = 0, everywhere = 1, somewhere = 2 };

Differences differences(const QuantityRow& quantity) {
  return quantity.kind == Kind::total ? Differences::second : Differences::first;
}

void put_values(Bytes& body, const SampleColumns::Column& column, const QuantityRow& quantity) {
  const auto absent = std::ranges::count(column, Sample::absent);
  const auto count = std::ssize(column);
  put_number(body, absent == count ? nowhere : absent == 0 ? everywhere : somewhere);
  if (absent == count) return;
  if (absent == 0) return put_column(body, column, differences(quantity));
  Bytes present((column.size() + 7) / 8);
  SampleColumns::Column values;
  for (std::size_t s = 0; s < column.size(); ++s) {
    const bool is_present = column[s] != Sample::absent;
    present[s / 8] = static_cast<std::uint8_t>(present[s / 8] | is_present << s % 8);
    if (is_present) values.push_back(column[s]);
  }
  body.insert(body.end(), present.begin(), present.end());
  put_column(body, values, differences(quantity));
}

// The values of the samples from `first` on.
bool take_values(ColumnReader& reader, SampleColumns& columns, std::size_t first,
                 const QuantityRow& quantity, std::size_t index) {
  const auto presence = reader.number();
  if (presence == nowhere) return reader.is_good();
  if (presence > somewhere) return false;
  const auto values = std::span(columns.begin(quantity.id, index)).subspan(first);
  std::size_t count = values.size();
  std::span<const std::uint8_t> present;
  const auto has = [&](std::size_t s) { return (present[s / 8] >> s % 8 & 1) != 0; };
  if (presence == somewhere) {
    present = reader.bytes((values.size() + 7) / 8);
    if (!reader.is_good()) return false;
    for (std::size_t s = 0; s < values.size(); ++s) count -= !has(s);
  }
  reader.column(values.first(count), differences(quantity));
  if (presence == somewhere) {
    // From behind, so that none is written over before it was moved.
    for (std::size_t s = values.size(); s-- > 0;) {
      values[s] = has(s) ? values[--count] : Sample::absent;
    }
  }
  return reader.is_good();
}

}  // namespace

Bytes encode_block(std::int64_t row, std::span<const Sample> samples) {
  assert(!samples.empty() && samples.size() <= most_samples_in_block && "BUG: no such block");
  const SampleColumns columns(samples);
  Bytes body;
  put_number(body, columns.count());
  put_number(body, columns.chips());
  put_column(body, columns.numbers(), Differences::second);
  put_column(body, columns.uptimes(), Differences::second);
  const Sample widest(columns.chips());
  for (const auto& quantity : measured) {
    for (std::size_t index = 0; index < widest.count(quantity.id); ++index) {
      put_values(body, columns.of(quantity.id, index), quantity);
    }
  }
  return seal({row}, body);
}

std::expected<void, StoreError> append_block(std::int64_t row, std::span<const std::uint8_t> block,
                                             SampleColumns& columns) {
  constexpr auto corrupted = std::unexpected(StoreError::corrupted);
  const auto body = unseal({row}, block);
  if (!body) return std::unexpected(body.error());
  ColumnReader reader(*body);
  const auto count = reader.number();
  const auto chips = reader.number();
  if (!reader.is_good() || chips > measurement::max_chips || count > most_samples_in_block) {
    return corrupted;
  }
  const auto first = columns.widen(count, chips);
  reader.column(std::span(columns.numbers()).subspan(first), Differences::second);
  reader.column(std::span(columns.uptimes()).subspan(first), Differences::second);
  const Sample widest(chips);
  for (const auto& quantity : measured) {
    for (std::size_t index = 0; index < widest.count(quantity.id); ++index) {
      if (!take_values(reader, columns, first, quantity, index)) return corrupted;
    }
  }
  if (!reader.is_good() || !reader.is_at_end()) return corrupted;
  return {};
}

std::expected<std::vector<Sample>, StoreError> decode_block(std::int64_t row,
                                                            std::span<const std::uint8_t> block) {
  SampleColumns columns;
  if (const auto done = append_block(row, block, columns); !done) {
    return std::unexpected(done.error());
  }
  return columns.samples();
}

}  // namespace hub
