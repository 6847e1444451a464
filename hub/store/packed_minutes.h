// What the series of one boot did in each minute of one UTC hour, each series a part of its own:
// whoever reads one takes no more than that and what it was predicted from.
//
//   counts   of all series once           sums of voltage   as another chip's
//   spreads  in proportion to the source  of reactive power in proportion to the active
//   totals   active power, summed up      of current        (P, Q, V)
//
// Sums come before what is below and above the means, so that a mean costs nothing else.
// docs/store_format.md has the grammar.

#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <span>
#include <vector>

#include "hub/store/column.h"
#include "hub/store/packed_hour.h"
#include "hub/store/store.h"
#include "hub/store/summary.h"

namespace hub {

// Series of roll-ups beyond those of rows.h: the active power of several channels together.
constexpr std::int64_t composite_series(std::int64_t n) { return 0x10000 + n; }
inline constexpr std::int64_t most_composites = 0x10000;

// The part that has the minutes of a series, and the one that has what all series share. They come
// after all parts of samples.
inline constexpr std::int64_t minutes_clock_part = composite_series(most_composites);
constexpr std::int64_t minutes_part(std::int64_t series) { return minutes_clock_part + 1 + series; }
constexpr std::int64_t series_of_minutes(std::int64_t part) { return part - minutes_part(0); }
constexpr bool is_of_minutes(std::int64_t part) { return part >= minutes_clock_part; }

// Series of totals have count and max only.
bool is_total(std::int64_t series);

// Minutes, or hours, taken together.
MinuteSummary together(std::span<const MinuteSummary>);

// For what is as long as it is: any number of summaries. Of totals count and max.
void put_summaries(Bytes&, std::span<const MinuteSummary>, bool are_of_total);
bool take_summaries(ColumnReader&, std::span<MinuteSummary>, bool are_of_total);

struct MinutesPart {
  std::int64_t part = 0;
  Bytes bytes;
  MinuteSummary hour;  // Of minutes_clock_part: count alone.
};

// By series. Parts come in their order, none for a series without a value; nothing at all where no
// series has one.
std::vector<MinutesPart> pack_minutes(const std::map<std::int64_t, HourSummary>&);

// Reads what pack_minutes() made. StoreError::corrupted where the bytes are not such; all else that
// fails comes from `parts`.
class PackedMinutes {
 public:
  using Parts = PackedHour::Parts;  // By minutes_part().

  // Of a minute without a value all are 0.
  struct Sums {
    std::array<std::int64_t, 60> count{}, sum{};  // Of a total the sum is its last value.
  };

  static std::expected<PackedMinutes, StoreError> open(Parts);

  // Lives as long as this.
  std::expected<const Sums*, StoreError> sums(std::int64_t series);
  std::expected<HourSummary, StoreError> summary(std::int64_t series);

 private:
  using Minutes = std::array<std::int64_t, 60>;
  struct Column : Sums {
    Minutes below{}, above{};  // The mean, rounded towards zero.
    bool is_wide = false, has_own_spreads = false, has_spreads = false;
    std::int64_t source = 0;  // Series that its spreads are in proportion to.
    ColumnReader rest{{}};    // With the spreads.
  };
  using Found = std::expected<Column*, StoreError>;

  explicit PackedMinutes(Parts parts) : parts_(std::move(parts)) {}
  Found column(std::int64_t series);
  std::expected<void, StoreError> take_sums(std::int64_t series, Column&);
  Found column_with_spreads(std::int64_t series);

  Parts parts_;
  Minutes counts_{};
  std::map<std::int64_t, Column> known_;  // By series.
};

}  // namespace hub
