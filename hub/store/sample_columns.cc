#include "hub/store/sample_columns.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "hub/store/rows.h"

namespace hub {

using measurement::Kind;
using measurement::Quantity;
using measurement::Sample;

void SampleColumns::reserve(std::size_t count) {
  numbers_.reserve(count);
  uptimes_.reserve(count);
  for (auto& column : columns_) {
    if (!column.empty()) column.reserve(count);
  }
}

std::size_t SampleColumns::widen(std::size_t count, std::size_t chips) {
  const auto first = numbers_.size();
  chips_ = std::max(chips_, chips);
  numbers_.resize(first + count);
  uptimes_.resize(first + count);
  for (auto& column : columns_) {
    if (!column.empty()) column.resize(first + count, Sample::absent);
  }
  return first;
}

SampleColumns::Column& SampleColumns::begin(Quantity quantity, std::size_t index) {
  auto& column = columns_[slot_of(quantity, index)];
  if (column.empty()) {
    column.reserve(numbers_.capacity());  // As the others have.
    column.resize(numbers_.size(), Sample::absent);
  }
  return column;
}

// Sample by sample, so that each of them is gone through once.
void SampleColumns::append(std::span<const Sample> samples) {
  if (samples.empty()) return;
  auto at = widen(samples.size(), std::ranges::max_element(samples, {}, &Sample::chips)->chips());
  std::array<std::int64_t*, slots> known{};
  for (const auto& sample : samples) {
    numbers_[at] = static_cast<std::int64_t>(sample.number);
    uptimes_[at] = sample.uptime.count();
    sample.each([&](Quantity quantity, std::size_t index, std::int64_t steps) {
      auto& values = known[slot_of(quantity, index)];
      if (!values) values = begin(quantity, index).data();
      values[at] = steps;
    });
    ++at;
  }
}

void SampleColumns::sort_by_number() {
  const auto number = [](std::int64_t n) { return static_cast<std::uint64_t>(n); };
  if (std::ranges::is_sorted(numbers_, {}, number)) return;
  std::vector<std::size_t> order(count());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return number(numbers_[i]); });
  const auto sort = [&](Column& column) {
    if (column.empty()) return;
    Column sorted(column.size());
    std::ranges::transform(order, sorted.begin(), [&](std::size_t i) { return column[i]; });
    column = std::move(sorted);
  };
  sort(numbers_);
  sort(uptimes_);
  std::ranges::for_each(columns_, sort);
}

std::vector<Sample> SampleColumns::samples() const {
  std::vector<Sample> samples(count(), Sample(chips_));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i].number = static_cast<std::uint64_t>(numbers_[i]);
    samples[i].uptime = measurement::Uptime(uptimes_[i]);
  }
  for (const auto& quantity : measured) {
    for (std::size_t index = 0; index < Sample(chips_).count(quantity.id); ++index) {
      const auto& column = of(quantity.id, index);
      for (std::size_t i = 0; i < column.size(); ++i) {
        if (column[i] != Sample::absent) samples[i].put_steps(quantity.id, index, column[i]);
      }
    }
  }
  return samples;
}

MinuteSummary summarise(const SampleColumns& columns, std::size_t first, Quantity quantity,
                        std::size_t index) {
  MinuteSummary minute;
  const auto& column = columns.of(quantity, index);
  if (column.empty()) return minute;
  const auto values = std::span(column).subspan(first);
  const bool is_total = measurement::row(quantity).kind == Kind::total;
  for (const auto value : values) {
    if (value != Sample::absent) add(minute, value, is_total);
  }
  return minute;
}

MinuteSummary summarise(const SampleColumns& columns, std::size_t first,
                        std::span<const Share> together) {
  MinuteSummary minute;
  for (auto i = first; i < columns.count(); ++i) {
    double sum = 0;
    const bool is_there = std::ranges::all_of(together, [&](const Share& share) {
      if (share.channel >= measurement::max_channels) return false;
      const auto& column = columns.of(Quantity::active_power, share.channel);
      if (column.empty() || column[i] == Sample::absent) return false;
      sum += share.multiplier * static_cast<double>(column[i]);
      return true;
    });
    if (is_there) add(minute, std::llround(sum), false);
  }
  return minute;
}

}  // namespace hub
