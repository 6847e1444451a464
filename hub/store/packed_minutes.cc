#include "hub/store/packed_minutes.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <ranges>

#include "hub/store/block.h"
#include "hub/store/packed_column.h"
#include "hub/store/prediction.h"
#include "hub/store/rows.h"

namespace hub {

using measurement::Quantity;

namespace {

using Minutes = std::array<std::int64_t, 60>;
constexpr std::size_t minutes = 60;

// How sums are predicted. The numbers are on the disk.
enum class Method : std::uint8_t {
  plain = 0,       // Not at all, but for the level of the hour.
  twin = 1,        // The same quantity of an earlier chip.
  proportion = 2,  // A factor times another quantity of the channel.
  ohm = 3,         // A factor times sqrt(P^2 + Q^2) / V.
  energy = 4,      // For totals: the active power, summed up over time.
};

// A part's first octet: its method and these.
enum Flag : std::uint8_t {
  own_counts = 8,   // Other than the clock's.
  wide = 16,        // Its columns have 64 bits.
  own_spreads = 32  // As they are, not as what the source's leave.
};
constexpr std::uint8_t methods = 8;

std::int64_t product(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

// Rounded towards zero, in the same way on all machines.
std::int64_t truncated(double value) {
  constexpr double most = 0x1p62;
  return static_cast<std::int64_t>(std::min(std::max(value, -most), most));
}

std::int64_t rounded(double value) { return truncated(value + 0.5); }

// Near enough: minima and maxima are said as how far they lie from it.
std::int64_t mean(std::int64_t sum, std::int64_t count) {
  return count == 0 ? 0 : truncated(static_cast<double>(sum) / static_cast<double>(count));
}

template <class Values, class Expected>
void subtract(Values& values, const Expected& expected) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = wrapping_difference(values[i], expected[i]);
  }
}
template <class Values, class Expected>
void add(Values& values, const Expected& expected) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = wrapping_sum(values[i], expected[i]);
  }
}

// ---- Expected values ---------------------------------------------------------------------------

// What a series measured in each minute, as far as it is known. Of totals the last value is the
// sum.
struct Measured {
  const Minutes &count, &sum;
};
struct Spreads {
  const Minutes &below, &above;  // The mean.
};

// The sums of a source, if it had been measured as often.
Minutes as_often(const Measured& source, const Minutes& count) {
  Minutes sums = source.sum;
  for (std::size_t m = 0; m < minutes; ++m) {
    if (source.count[m] == count[m] || source.count[m] == 0) continue;
    sums[m] = product(source.sum[m] / source.count[m], count[m]);
  }
  return sums;
}

Minutes proportional(std::int64_t factor, const Measured& source, const Minutes& count) {
  const double scale = static_cast<double>(factor) / factor_one;
  Minutes expected = as_often(source, count);
  for (auto& value : expected) value = rounded(scale * static_cast<double>(value));
  return expected;
}

using Doubles = std::array<double, minutes>;

double mean_of(const Measured& source, std::size_t m) {
  const auto count = source.count[m];
  return count == 0 ? 0 : static_cast<double>(source.sum[m]) / static_cast<double>(count);
}

// Sums in mA from 0.1 W, 0.1 var and 0.1 V. Every operation is one that IEEE 754 rounds correctly,
// in this order.
Doubles find_currents(const Measured& power, const Measured& reactive, const Measured& voltage,
                      const Minutes& count) {
  constexpr double milli = 1000;
  Doubles currents;
  for (std::size_t m = 0; m < minutes; ++m) {
    const double p = mean_of(power, m), q = mean_of(reactive, m), v = mean_of(voltage, m);
    currents[m] =
        std::sqrt(p * p + q * q) * milli / (v > 1 ? v : 1) * static_cast<double>(count[m]);
  }
  return currents;
}

Minutes by_ohm(std::int64_t factor, const Doubles& currents) {
  const double scale = static_cast<double>(factor) / factor_one;
  Minutes expected;
  std::ranges::transform(currents, expected.begin(),
                         [&](double current) { return rounded(current * scale); });
  return expected;
}

// The energy of the active power, of the given sign only, after the first minute, in whole steps of
// mWh. A minute's samples stand for as long as those of the minute that has most of them.
Minutes energy_of(const Measured& power, int sign, std::int64_t step) {
  constexpr std::uint64_t steps_in_mwh = 36'000;  // 0.1 W x 1 ms.
  constexpr std::int64_t minute_ms = 60'000;
  const auto period = minute_ms / std::max<std::int64_t>(std::ranges::max(power.count), 1);
  std::uint64_t sum = 0;
  Minutes expected{};
  for (std::size_t m = 1; m < minutes; ++m) {
    const auto drawn = std::max<std::int64_t>(product(sign, power.sum[m]), 0);
    sum += static_cast<std::uint64_t>(drawn) * static_cast<std::uint64_t>(period);
    const auto energy = sum / steps_in_mwh;
    expected[m] = static_cast<std::int64_t>(energy - energy % static_cast<std::uint64_t>(step));
  }
  return expected;
}

Minutes line(std::int64_t slope) {
  Minutes values;
  for (std::size_t m = 0; m < minutes; ++m) values[m] = product(slope, static_cast<int>(m));
  return values;
}

// What lies below and above the mean, when a series swings as its source does. Where the one rises
// as the other falls, below is above.
struct BothSpreads {
  Minutes below, above;
};
BothSpreads in_proportion(const Measured& series, const Measured& source, const Spreads& spreads) {
  const Minutes sums = as_often(source, series.count);
  BothSpreads expected{};
  for (std::size_t m = 0; m < minutes; ++m) {
    if (sums[m] == 0) continue;
    const double ratio = static_cast<double>(series.sum[m]) / static_cast<double>(sums[m]);
    const double below = static_cast<double>(spreads.below[m]) * ratio;
    const double above = static_cast<double>(spreads.above[m]) * ratio;
    expected.below[m] = rounded(ratio < 0 ? -above : below);
    expected.above[m] = rounded(ratio < 0 ? -below : above);
  }
  return expected;
}

// The series of an hour that is packed or unpacked: what others are predicted from.
std::int64_t series_of_power(std::int64_t series) {
  return series_number(Quantity::active_power, static_cast<std::size_t>(series & 0xFF));
}

bool is_measured(std::int64_t series) {
  return series >= 0 && series >> 8 < static_cast<std::int64_t>(measurement::measured_quantities);
}

// `series` is measured.
Quantity quantity_of(std::int64_t series) { return static_cast<Quantity>(series >> 8); }

std::optional<std::int64_t> source_of_series(std::int64_t series) {
  if (!is_measured(series)) return std::nullopt;
  if (quantity_of(series) == Quantity::current) return series_of_power(series);
  const auto source = source_of(quantity_of(series));
  if (!source) return std::nullopt;
  return series_number(*source, static_cast<std::size_t>(series & 0xFF));
}

bool is_of_chip(std::int64_t series) {
  return is_measured(series) && row(quantity_of(series)).scope == measurement::Scope::chip;
}

std::int64_t twin_of(std::int64_t series, std::uint64_t chip) {
  return series_number(quantity_of(series), chip);
}

struct OhmSeries {
  std::int64_t power, reactive, voltage;
};
OhmSeries ohm_series(std::int64_t series) {
  const auto channel = static_cast<std::size_t>(series & 0xFF);
  return {series_number(Quantity::active_power, channel),
          series_number(Quantity::reactive_power, channel),
          series_number(Quantity::voltage, measurement::chip_of(channel))};
}

}  // namespace

bool is_total(std::int64_t series) {
  return is_measured(series) && row(quantity_of(series)).kind == measurement::Kind::total;
}

// ---- Summaries ---------------------------------------------------------------------------------

MinuteSummary together(std::span<const MinuteSummary> summaries) {
  MinuteSummary all;
  for (const auto& one : summaries) {
    if (one.count == 0) continue;
    all.min = all.count == 0 ? one.min : std::min(all.min, one.min);
    all.max = all.count == 0 ? one.max : std::max(all.max, one.max);
    all.sum += one.sum;
    all.count += one.count;
  }
  return all;
}

void put_summaries(Bytes& bytes, std::span<const MinuteSummary> summaries, bool are_of_total) {
  std::vector<std::int64_t> counts, values, below, above;
  const auto all = together(summaries);
  const auto level = are_of_total ? 0 : mean(all.sum, all.count);
  std::int64_t last = 0;
  for (const auto& one : summaries) {
    counts.push_back(one.count);
    if (are_of_total) {
      values.push_back(one.count == 0 ? 0 : wrapping_difference(one.max, last));
      if (one.count > 0) last = one.max;
    } else {
      const auto middle = mean(one.sum, one.count);
      values.push_back(wrapping_difference(one.sum, product(one.count, level)));
      below.push_back(wrapping_difference(middle, one.min));
      above.push_back(wrapping_difference(one.max, middle));
    }
  }
  const bool is_wide = are_wide(counts) || are_wide(values) || are_wide(below) || are_wide(above);
  put_number(bytes, is_wide ? 1 : 0);
  put_signed(bytes, level);
  for (const auto* column : {&counts, &values, &below, &above}) pack(bytes, *column, is_wide);
}

bool take_summaries(ColumnReader& reader, std::span<MinuteSummary> summaries, bool are_of_total) {
  const auto is_wide = reader.number();
  const auto level = reader.signed_number();
  const auto count = summaries.size(), spreads = are_of_total ? 0 : count;
  std::vector<std::int64_t> counts(count), values(count), below(spreads), above(spreads);
  if (!reader.is_good() || is_wide > 1) return false;
  for (auto* column : {&counts, &values, &below, &above}) {
    if (!unpack(reader, *column, is_wide == 1)) return false;
  }
  std::int64_t last = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto& one = summaries[i] = {};
    one.count = counts[i];
    if (one.count < 0) return false;
    if (one.count == 0) continue;
    if (are_of_total) {
      one.max = last = wrapping_sum(last, values[i]);
    } else {
      one.sum = wrapping_sum(values[i], product(one.count, level));
      const auto middle = mean(one.sum, one.count);
      one.min = wrapping_difference(middle, below[i]);
      one.max = wrapping_sum(middle, above[i]);
    }
  }
  return true;
}

// ---- Packing -----------------------------------------------------------------------------------

namespace {

class Packing {
 public:
  explicit Packing(const std::map<std::int64_t, HourSummary>& series) {
    for (const auto& [number, hour] : series) {
      if (std::ranges::none_of(hour, [](const auto& minute) { return minute.count > 0; })) continue;
      auto& column = columns_[number];
      for (std::size_t m = 0; m < minutes; ++m) {
        const auto& minute = hour[m];
        column.count[m] = minute.count;
        counts_[m] = std::max(counts_[m], minute.count);
        if (is_total(number)) {
          column.sum[m] = minute.max;
          continue;
        }
        const auto middle = mean(minute.sum, minute.count);
        column.sum[m] = minute.sum;
        column.below[m] = wrapping_difference(middle, minute.min);
        column.above[m] = wrapping_difference(minute.max, middle);
      }
      column.hour = together(hour);
    }
  }

  std::vector<MinutesPart> parts() {
    std::vector<MinutesPart> parts;
    if (columns_.empty()) return parts;
    auto& clock = parts.emplace_back();
    clock.part = minutes_clock_part;
    pack(clock.bytes, counts_, false);
    clock.hour.count = std::reduce(counts_.begin(), counts_.end());
    for (const auto& [series, column] : columns_) {
      parts.push_back({minutes_part(series),
                       is_total(series) ? total(series, column) : instant(series, column),
                       column.hour});
    }
    return parts;
  }

 private:
  struct Column {
    Minutes count{}, sum{}, below{}, above{};
    MinuteSummary hour;
    Measured measured() const { return {count, sum}; }
    Spreads spreads() const { return {below, above}; }
  };

  const Column* find(std::int64_t series) const {
    const auto found = columns_.find(series);
    return found == columns_.end() ? nullptr : &found->second;
  }

  // A head, its arguments and the counts where they are the series' own.
  Bytes begin(Method method, unsigned flags, const Column& column,
              std::initializer_list<std::int64_t> arguments) const {
    Bytes bytes;
    if (column.count != counts_) flags |= own_counts;
    bytes.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(method) | flags));
    for (const auto argument : arguments) put_signed(bytes, argument);
    if (column.count != counts_) {
      Minutes differences = column.count;
      subtract(differences, counts_);
      pack(bytes, differences, false);
    }
    return bytes;
  }

  Bytes instant(std::int64_t series, const Column& column) {
    BothSpreads spreads{column.below, column.above};
    Bytes shortest;
    const auto consider = [&](Method method, std::int64_t argument, const Minutes& expected,
                              unsigned flags) {
      Minutes rest = column.sum;
      subtract(rest, expected);
      if (are_wide(rest) || are_wide(spreads.below) || are_wide(spreads.above)) flags |= wide;
      Bytes bytes = begin(method, flags, column, {argument});
      for (const auto* values : {&rest, &spreads.below, &spreads.above}) {
        pack(bytes, *values, (flags & wide) != 0);
      }
      const bool is_shortest = shortest.empty() || bytes.size() < shortest.size();
      if (is_shortest) shortest = std::move(bytes);
      return is_shortest;
    };
    const auto consider_source = [&](Method method, std::int64_t argument, const Minutes& expected,
                                     const Column& source) {
      bool is_shortest = consider(method, argument, expected, own_spreads);
      const auto swings = in_proportion(column.measured(), source.measured(), source.spreads());
      subtract(spreads.below, swings.below);
      subtract(spreads.above, swings.above);
      is_shortest |= consider(method, argument, expected, 0);
      spreads = {column.below, column.above};
      return is_shortest;
    };

    const auto level = mean(column.hour.sum, column.hour.count);
    Minutes levels;
    std::ranges::transform(column.count, levels.begin(), [&](auto n) { return product(n, level); });
    consider(Method::plain, level, levels, own_spreads);
    if (is_of_chip(series)) {
      bool is_root = true;
      for (const std::int64_t root : roots_[series >> 8]) {
        const Column& twin = *find(twin_of(series, static_cast<std::uint64_t>(root)));
        const auto expected = as_often(twin.measured(), column.count);
        is_root &= !consider_source(Method::twin, root, expected, twin);
      }
      if (is_root) roots_[series >> 8].push_back(series & 0xFF);
      return shortest;
    }
    const auto number = source_of_series(series);
    const Column* source = number ? find(*number) : nullptr;
    if (!source) return shortest;
    if (quantity_of(series) == Quantity::current) {
      const auto [power, reactive, voltage] = ohm_series(series);
      const Column *q = find(reactive), *v = find(voltage);
      if (!q || !v) return shortest;
      const auto currents =
          find_currents(source->measured(), q->measured(), v->measured(), column.count);
      const auto factor = factor_of(slope_of(currents, column.sum));
      consider_source(Method::ohm, factor, by_ohm(factor, currents), *source);
    } else {
      const auto factor =
          factor_of(slope_of(as_often(source->measured(), column.count), column.sum));
      consider_source(Method::proportion, factor,
                      proportional(factor, source->measured(), column.count), *source);
    }
    return shortest;
  }

  // Of the line through 0 that is nearest.
  static double slope_of(const auto& x, const Minutes& y) {
    double xy = 0, xx = 0;
    for (std::size_t m = 0; m < minutes; ++m) {
      xy += static_cast<double>(x[m]) * static_cast<double>(y[m]);
      xx += static_cast<double>(x[m]) * static_cast<double>(x[m]);
    }
    return xy / xx;
  }

  Bytes total(std::int64_t series, const Column& column) const {
    const auto is_there = [&](std::size_t m) { return column.count[m] > 0; };
    std::int64_t first = 0, step = 0;
    for (std::size_t m = minutes; m-- > 0;) {
      if (is_there(m)) first = column.sum[m];
    }
    Minutes grown{};
    bool is_far = false;
    constexpr std::int64_t far = std::int64_t{1} << 60;
    for (std::size_t m = 0; m < minutes; ++m) {
      if (!is_there(m)) continue;
      grown[m] = wrapping_difference(column.sum[m], first);
      is_far |= grown[m] > far || grown[m] < -far;
      if (!is_far) step = std::gcd(step, grown[m]);
    }
    if (is_far || step == 0) step = 1;

    Bytes shortest;
    const auto consider = [&](Method method, std::int64_t slope, const Minutes& expected) {
      Minutes rest = grown;
      for (std::size_t m = 0; m < minutes; ++m) {
        rest[m] = is_there(m) ? wrapping_difference(rest[m], expected[m]) / step : 0;
      }
      const bool is_wide = are_wide(rest);
      Bytes bytes = begin(method, is_wide ? wide : 0, column, {first, step, slope});
      pack(bytes, rest, is_wide);
      if (shortest.empty() || bytes.size() < shortest.size()) shortest = std::move(bytes);
    };
    const auto slope = is_far ? 0 : grown.back() / static_cast<std::int64_t>(minutes) / step * step;
    consider(Method::plain, slope, line(slope));
    const Column* power = find(series_of_power(series));
    // In steps of 1 whatever is expected can be subtracted; else only what is as near as they are.
    if (power && !is_far) {
      consider(Method::energy, 0, energy_of(power->measured(), sign_of(quantity_of(series)), step));
    }
    return shortest;
  }

  Minutes counts_{};  // The most that any series has.
  std::map<std::int64_t, Column> columns_;
  // Chips whose values are predicted from no other chip's, by quantity.
  std::map<std::int64_t, std::vector<std::int64_t>> roots_;
};

}  // namespace

std::vector<MinutesPart> pack_minutes(const std::map<std::int64_t, HourSummary>& series) {
  return Packing(series).parts();
}

// ---- Unpacking ---------------------------------------------------------------------------------

namespace {

const auto corrupted = std::unexpected(StoreError::corrupted);

bool are_counts(const Minutes& counts) {
  constexpr auto most = static_cast<std::int64_t>(most_samples_in_block);
  return std::ranges::all_of(counts, [](auto count) { return count >= 0 && count <= most; });
}

}  // namespace

std::expected<PackedMinutes, StoreError> PackedMinutes::open(Parts parts) {
  PackedMinutes hour(std::move(parts));
  const auto bytes = hour.parts_(minutes_clock_part);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->empty()) return hour;
  ColumnReader reader(*bytes);
  if (!unpack(reader, hour.counts_, false) || !reader.is_at_end() || !are_counts(hour.counts_)) {
    return corrupted;
  }
  return hour;
}

std::expected<const PackedMinutes::Sums*, StoreError> PackedMinutes::sums(std::int64_t series) {
  return column(series);
}

PackedMinutes::Found PackedMinutes::column(std::int64_t series) {
  const auto [known, is_new] = known_.try_emplace(series);
  if (!is_new) return &known->second;
  if (const auto done = take_sums(series, known->second); !done) {
    known_.erase(known);
    return std::unexpected(done.error());
  }
  return &known->second;
}

std::expected<void, StoreError> PackedMinutes::take_sums(std::int64_t series, Column& column) {
  const auto bytes = parts_(minutes_part(series));
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->empty()) {
    column.has_spreads = true;
    return {};
  }
  const std::uint8_t head = bytes->front();
  const auto method = static_cast<Method>(head % methods);
  column.is_wide = (head & wide) != 0;
  column.has_own_spreads = (head & own_spreads) != 0;
  column.rest = ColumnReader(bytes->subspan(1));
  ColumnReader& reader = column.rest;
  std::array<std::int64_t, 3> arguments{};
  const auto of_total = is_total(series);
  for (auto& argument : std::span(arguments).first(of_total ? 3 : 1)) {
    argument = reader.signed_number();
  }
  column.count = counts_;
  if (head & own_counts) {
    Minutes differences;
    if (!unpack(reader, differences, false)) return corrupted;
    add(column.count, differences);
    if (!are_counts(column.count)) return corrupted;
  }
  if (!reader.is_good() || !unpack(reader, column.sum, column.is_wide)) return corrupted;

  const auto expect = [&](const Minutes& expected) { add(column.sum, expected); };
  const auto source_of = [&](std::int64_t other) { return this->column(other); };
  const auto measured_of = [](const Column& source) { return Measured{source.count, source.sum}; };
  const auto [argument, step, slope] = arguments;
  if (of_total) {
    if (!reader.is_at_end() || step <= 0) return corrupted;
    for (auto& value : column.sum) value = wrapping_sum(product(value, step), argument);
    if (method == Method::energy) {
      const auto power = source_of(series_of_power(series));
      if (!power) return std::unexpected(power.error());
      expect(energy_of(measured_of(**power), sign_of(quantity_of(series)), step));
    } else if (method == Method::plain) {
      expect(line(slope));
    } else {
      return corrupted;
    }
    for (std::size_t m = 0; m < minutes; ++m) {
      if (column.count[m] == 0) column.sum[m] = 0;
    }
    column.has_spreads = true;
    return {};
  }
  if (method == Method::plain) {
    if (!column.has_own_spreads) return corrupted;
    for (std::size_t m = 0; m < minutes; ++m) {
      column.sum[m] = wrapping_sum(column.sum[m], product(column.count[m], argument));
    }
    return {};
  }

  if (method == Method::twin) {
    if (!is_of_chip(series) || argument < 0 || argument >= (series & 0xFF)) return corrupted;
    column.source = twin_of(series, static_cast<std::uint64_t>(argument));
  } else {
    const auto source = source_of_series(series);
    if (!source || (method != Method::proportion && method != Method::ohm)) return corrupted;
    column.source = *source;
  }
  if (std::abs(argument) > std::numeric_limits<std::int32_t>::max()) return corrupted;
  const auto source = source_of(column.source);
  if (!source) return std::unexpected(source.error());
  if (method == Method::twin) {
    expect(as_often(measured_of(**source), column.count));
  } else if (method == Method::proportion) {
    expect(proportional(argument, measured_of(**source), column.count));
  } else {
    const auto [power, reactive, voltage] = ohm_series(series);
    const auto q = source_of(reactive);
    if (!q) return std::unexpected(q.error());
    const auto v = source_of(voltage);
    if (!v) return std::unexpected(v.error());
    if (quantity_of(series) != Quantity::current) return corrupted;
    expect(by_ohm(argument, find_currents(measured_of(**source), measured_of(**q), measured_of(**v),
                                          column.count)));
  }
  return {};
}

PackedMinutes::Found PackedMinutes::column_with_spreads(std::int64_t series) {
  const auto found = column(series);
  if (!found || (*found)->has_spreads) return found;
  Column& column = **found;
  ColumnReader reader = column.rest;
  if (!unpack(reader, column.below, column.is_wide) ||
      !unpack(reader, column.above, column.is_wide) || !reader.is_at_end()) {
    return corrupted;
  }
  if (!column.has_own_spreads) {
    const auto source = column_with_spreads(column.source);
    if (!source) return std::unexpected(source.error());
    const auto swings =
        in_proportion({column.count, column.sum}, {(*source)->count, (*source)->sum},
                      {(*source)->below, (*source)->above});
    add(column.below, swings.below);
    add(column.above, swings.above);
  }
  column.has_spreads = true;
  return found;
}

std::expected<HourSummary, StoreError> PackedMinutes::summary(std::int64_t series) {
  const auto found = column_with_spreads(series);
  if (!found) return std::unexpected(found.error());
  const Column& column = **found;
  HourSummary hour{};
  for (std::size_t m = 0; m < minutes; ++m) {
    auto& minute = hour[m];
    minute.count = column.count[m];
    if (minute.count == 0) continue;
    if (is_total(series)) {
      minute.max = column.sum[m];
      continue;
    }
    const auto middle = mean(column.sum[m], column.count[m]);
    minute.sum = column.sum[m];
    minute.min = wrapping_difference(middle, column.below[m]);
    minute.max = wrapping_sum(middle, column.above[m]);
  }
  return hour;
}

}  // namespace hub
