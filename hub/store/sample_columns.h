// Samples of one boot and stream beside each other, a column for each series: what is stored of
// them is written and read series by series, and a Sample is some hundreds of values wide.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hub/store/summary.h"
#include "measurement/sample.h"

namespace hub {

class SampleColumns {
 public:
  // One value a sample, in steps of the quantity's resolution; Sample::absent where it has none.
  using Column = std::vector<std::int64_t>;

  SampleColumns() = default;
  explicit SampleColumns(std::span<const measurement::Sample> samples) { append(samples); }

  void append(std::span<const measurement::Sample>);
  void reserve(std::size_t count);
  // Room for more samples: nothing is measured of them yet. Where it begins.
  std::size_t widen(std::size_t count, std::size_t chips);

  std::size_t count() const { return numbers_.size(); }
  std::size_t chips() const { return chips_; }  // Of the widest sample.
  Column& numbers() { return numbers_; }
  const Column& numbers() const { return numbers_; }
  Column& uptimes() { return uptimes_; }  // In ms.
  const Column& uptimes() const { return uptimes_; }

  // Of quantities that are measured; empty where no sample has it.
  const Column& of(measurement::Quantity quantity, std::size_t index) const {
    return columns_[slot_of(quantity, index)];
  }
  // The same, to be written to: as long as the others.
  Column& begin(measurement::Quantity quantity, std::size_t index);

  void sort_by_number();  // They nearly always are.
  std::vector<measurement::Sample> samples() const;

 private:
  std::size_t chips_ = 0;
  Column numbers_, uptimes_;
  std::vector<Column> columns_{slots};  // By slot_of().
};

// What a series did in the samples from `first` on.
MinuteSummary summarise(const SampleColumns&, std::size_t first, measurement::Quantity,
                        std::size_t index);
MinuteSummary summarise(const SampleColumns&, std::size_t first, std::span<const Share> together);

}  // namespace hub
