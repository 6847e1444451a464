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

std::int64_t steps(const Sample& sample, const QuantityRow& quantity, std::size_t index) {
  return index < sample.count(quantity.id) ? sample.measured_steps(quantity.id, index)
                                           : Sample::absent;
}

void put_values(Bytes& body, std::span<const Sample> samples, const QuantityRow& quantity,
                std::size_t index, std::vector<std::int64_t>& values) {
  values.clear();
  for (const auto& sample : samples) {
    if (const auto value = steps(sample, quantity, index); value != Sample::absent) {
      values.push_back(value);
    }
  }
  const bool all = values.size() == samples.size();
  put_number(body, values.empty() ? nowhere : all ? everywhere : somewhere);
  if (values.empty()) return;
  if (!all) {
    Bytes present((samples.size() + 7) / 8);
    for (std::size_t s = 0; s < samples.size(); ++s) {
      const bool is_present = steps(samples[s], quantity, index) != Sample::absent;
      present[s / 8] = static_cast<std::uint8_t>(present[s / 8] | is_present << s % 8);
    }
    body.insert(body.end(), present.begin(), present.end());
  }
  put_column(body, values, differences(quantity));
}

bool take_values(ColumnReader& reader, std::span<Sample> samples, const QuantityRow& quantity,
                 std::size_t index, std::vector<std::int64_t>& values) {
  const auto presence = reader.number();
  if (presence == nowhere) return reader.is_good();
  if (presence > somewhere) return false;

  std::span<const std::uint8_t> present;
  if (presence == somewhere) {
    present = reader.bytes((samples.size() + 7) / 8);
    if (!reader.is_good()) return false;
  }
  const auto has = [&](std::size_t s) { return present.empty() || present[s / 8] >> s % 8 & 1; };
  std::size_t count = 0;
  for (std::size_t s = 0; s < samples.size(); ++s) count += has(s) ? 1 : 0;

  values.resize(count);
  reader.column(values, differences(quantity));
  auto value = values.begin();
  for (std::size_t s = 0; s < samples.size(); ++s) {
    if (has(s)) samples[s].put_steps(quantity.id, index, *value++);
  }
  return reader.is_good();
}

}  // namespace

Bytes encode_block(std::int64_t row, std::span<const Sample> samples) {
  assert(!samples.empty() && samples.size() <= most_samples_in_block && "BUG: no such block");
  const std::size_t chips = std::ranges::max_element(samples, {}, &Sample::chips)->chips();
  Bytes body;
  put_number(body, samples.size());
  put_number(body, chips);

  std::vector<std::int64_t> values;
  for (const auto& sample : samples) values.push_back(static_cast<std::int64_t>(sample.number));
  put_column(body, values, Differences::second);
  values.clear();
  for (const auto& sample : samples) values.push_back(sample.uptime.count());
  put_column(body, values, Differences::second);

  const Sample widest(chips);
  for (const auto& quantity : measured) {
    for (std::size_t index = 0; index < widest.count(quantity.id); ++index) {
      put_values(body, samples, quantity, index, values);
    }
  }
  return seal({row}, body);
}

std::expected<std::vector<Sample>, StoreError> decode_block(std::int64_t row,
                                                            std::span<const std::uint8_t> block) {
  const auto body = unseal({row}, block);
  if (!body) return std::unexpected(body.error());
  ColumnReader reader(*body);
  const auto count = reader.number();
  const auto chips = reader.number();
  if (!reader.is_good() || chips > measurement::max_chips || count > most_samples_in_block) {
    return std::unexpected(StoreError::corrupted);
  }

  std::vector<std::int64_t> numbers(count), uptimes(count), values;
  reader.column(numbers, Differences::second);
  reader.column(uptimes, Differences::second);
  if (!reader.is_good()) return std::unexpected(StoreError::corrupted);
  std::vector<Sample> samples(count, Sample(chips));
  for (std::size_t s = 0; s < count; ++s) {
    samples[s].number = static_cast<std::uint64_t>(numbers[s]);
    samples[s].uptime = measurement::Uptime(uptimes[s]);
  }
  for (const auto& quantity : measured) {
    for (std::size_t index = 0; index < Sample(chips).count(quantity.id); ++index) {
      if (!take_values(reader, samples, quantity, index, values)) {
        return std::unexpected(StoreError::corrupted);
      }
    }
  }
  if (!reader.is_good() || !reader.is_at_end()) return std::unexpected(StoreError::corrupted);
  return samples;
}

}  // namespace hub
