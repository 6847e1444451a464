// All samples of one boot and stream in one UTC hour, each series a part of its own: whoever reads
// one takes no more than that and what it was predicted from.
//
//   voltage        as another chip measured it      current           (P, Q, V)
//   reactive power in proportion to the active      imported          active power, summed up
//
// What is left is the noise of the prediction, and that is what packed_column.h makes small.
// docs/store_format.md has the grammar.

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "hub/store/block.h"
#include "hub/store/column.h"
#include "hub/store/sample_columns.h"
#include "hub/store/store.h"
#include "measurement/sample.h"

namespace hub {

inline constexpr std::size_t most_samples_in_hour = 60 * most_samples_in_block;

// A series of rows.h, or what all samples have: their numbers and uptimes.
inline constexpr std::int64_t clock_part = -1;

struct HourPart {
  std::int64_t series = 0;
  Bytes bytes;
};

// What may be lost of a value that is measured at an instant: nothing, or up to 0.25 % of it. Zero
// stays zero, totals and clocks stay as they are, and so do values of less than 400 steps.
enum class Loss : std::uint8_t { none, quarter_percent };

// The samples' numbers rise; there is at least one, and at most most_samples_in_hour. Parts come in
// the order of their series; a series that no sample has has none.
std::vector<HourPart> pack_hour(const SampleColumns&, Loss = Loss::none);
inline std::vector<HourPart> pack_hour(std::span<const measurement::Sample> samples,
                                       Loss loss = Loss::none) {
  return pack_hour(SampleColumns(samples), loss);
}

// One value a sample, in steps of the quantity's resolution.
template <class Value>
struct HourColumn {
  std::vector<Value> values;          // 0 where it is not present. Empty: absent from all samples.
  std::vector<std::uint8_t> present;  // Empty: in all samples.

  bool has(std::size_t sample) const {
    return !values.empty() && (present.empty() || present[sample] != 0);
  }
};
using Instants = HourColumn<std::int32_t>;
using Totals = HourColumn<std::int64_t>;

// Reads what pack_hour() made. StoreError::corrupted where the bytes are not such; all else that
// fails comes from `parts`.
class PackedHour {
 public:
  // The bytes of a part, which live as long as this; none where there is no such part.
  using Parts =
      std::function<std::expected<std::span<const std::uint8_t>, StoreError>(std::int64_t series)>;

  static std::expected<PackedHour, StoreError> open(Parts);

  std::size_t count() const { return numbers_.size(); }
  std::size_t chips() const { return chips_; }
  std::span<const std::int64_t> numbers() const { return numbers_; }
  std::span<const std::int64_t> uptimes() const { return uptimes_; }  // In ms.

  // Of quantities that are measured; the column lives as long as this.
  std::expected<const Instants*, StoreError> instants(measurement::Quantity, std::size_t index);
  std::expected<Totals, StoreError> totals(measurement::Quantity, std::size_t index);

  std::expected<std::vector<measurement::Sample>, StoreError> samples();

 private:
  explicit PackedHour(Parts parts) : parts_(std::move(parts)) {}

  std::expected<Instants, StoreError> unpack_instants(measurement::Quantity, std::size_t index);

  Parts parts_;
  std::size_t chips_ = 0;
  std::vector<std::int64_t> numbers_, uptimes_;
  std::map<std::int64_t, Instants> known_;  // By series.
};

}  // namespace hub
