#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "hub/store/block.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/rows.h"
#include "hub/store/sqlite_store.h"

namespace hub {

using measurement::Kind;
using measurement::Quantity;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Stream;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// The steps of an answer.
struct Grid {
  Timestamp begin;
  std::chrono::milliseconds step;
  std::size_t count;

  Timestamp end() const { return begin + static_cast<std::int64_t>(count) * step; }
  bool holds(Timestamp time) const { return begin <= time && time < end(); }
};

// Finds the steps of times that mostly rise, without a division for each.
class StepFinder {
 public:
  explicit StepFinder(const Grid& grid) : grid_(grid), begin_(grid.begin) {}

  // Of a time that the grid holds.
  std::size_t index(Timestamp time) {
    if (time >= begin_ + grid_.step && time < begin_ + 2 * grid_.step) {
      ++index_;
      begin_ += grid_.step;
    } else if (time < begin_ || time >= begin_ + grid_.step) {
      index_ = (time - grid_.begin) / grid_.step;
      begin_ = grid_.begin + index_ * grid_.step;
    }
    return static_cast<std::size_t>(index_);
  }

 private:
  const Grid& grid_;
  std::int64_t index_ = 0;
  Timestamp begin_;  // Of that step.
};

// Of a step, where nothing but its mean is asked for.
struct StepSum {
  std::int64_t count = 0, sum = 0;
};
void add(StepSum& to, const MinuteSummary& more) {
  to.count += more.count;
  to.sum += more.sum;
}

std::expected<Grid, StoreError> grid_over(TimeRange asked, std::chrono::milliseconds step) {
  const auto begin = within_time(asked.begin), end = within_time(asked.end);
  if (begin >= end) return Grid{begin, step, 0};
  const auto first = begin.time_since_epoch() / step;
  const auto last = (end.time_since_epoch() + step - 1ms) / step;
  const auto count = static_cast<std::size_t>(last - first);
  if (count > Store::max_steps) return std::unexpected(StoreError::too_long);
  return Grid{Timestamp(first * step), step, count};
}

}  // namespace

std::vector<std::pair<const SqliteStore::BootName, Boot>*> SqliteStore::boots_of(
    std::string_view device) {
  std::vector<std::pair<const BootName, Boot>*> found;
  for (auto it = boots_.lower_bound({std::string(device), 0, Stream{}});
       it != boots_.end() && std::get<0>(it->first) == device; ++it) {
    found.push_back(&*it);
  }
  return found;
}

// ---- A series ----------------------------------------------------------------------------------

// One read() of one series.
class SqliteStore::Reading {
 public:
  Reading(SqliteStore& store, const Series& series, const Grid& grid, Columns columns)
      : store_(store), series_(series), grid_(grid), columns_(columns) {}

  // The series' samples of each step.
  template <class Summary>
  std::expected<std::vector<Summary>, StoreError> values() {
    std::vector<Summary> samples(grid_.count), coarse;
    for (const auto* boot : store_.boots_of(series_.device)) {
      const auto stream = std::get<Stream>(boot->first);
      if (stream == Stream::edges) continue;
      auto& steps = stream == Stream::coarse ? coarse : samples;
      steps.resize(grid_.count);
      StepFinder finder(grid_);
      const auto done = visit(boot->second, grid_.begin, [&](Timestamp time, const auto& seen) {
        if (grid_.holds(time)) add(steps[finder.index(time)], seen);
      });
      if (!done) return std::unexpected(done.error());
    }
    for (std::size_t i = 0; i < coarse.size(); ++i) {
      if (samples[i].count == 0) samples[i] = coarse[i];
    }
    return samples;
  }

  // What a total rose by in each step, in its own steps; NaN where it was never present.
  std::expected<std::vector<double>, StoreError> gained() {
    std::vector<double> gained(grid_.count, not_a_number);
    const auto boots = store_.boots_of(series_.device);
    for (auto begin = boots.begin(); begin != boots.end();) {
      const auto end = std::find_if(begin, boots.end(), [&](const auto* boot) {
        return std::get<1>(boot->first) != std::get<1>((*begin)->first);
      });
      if (const auto done = gain_of_one_boot({begin, end}, gained); !done) {
        return std::unexpected(done.error());
      }
      begin = end;
    }
    return gained;
  }

 private:
  // From the first of a boot's samples to the last, as far as `from` and the end of the steps go:
  // minutes, both included, or nothing.
  struct Minutes {
    std::int64_t first = 0, last = -1;
  };
  Minutes minutes_of(const Boot& boot, Timestamp from) const {
    Timestamp first = Timestamp::max(), last = Timestamp::min();
    for (const auto& [begin, run] : boot.runs) {
      first = std::min(first, run.first);
      last = std::max(last, run.last);
    }
    if (boot.runs.empty() || last < from || first >= grid_.end()) return {};
    return {minute_of(std::max(first, from)), minute_of(std::min(last, grid_.end() - 1ms))};
  }

  // Calls see(time, summary) for each sample, or each minute, that has the series, in order of
  // time.
  template <class See>
  std::expected<void, StoreError> visit(const Boot& boot, Timestamp from, const See& see) {
    const auto [first, last] = minutes_of(boot, from);
    if (first > last) return {};
    if (grid_.step >= 1min) {
      return visit_minutes(boot, first, last, grid_.step % 1h == 0ms, see);
    }

    const auto where = store_.whereabouts(first_row(boot.id) + first, first_row(boot.id) + last);
    if (!where) return std::unexpected(where.error());
    if (const auto done = visit_packed(boot, first, last, **where, see); !done) return done;
    for (const Row row : (*where)->unpacked) {
      const auto samples = store_.minute(row);
      if (!samples) return std::unexpected(samples.error());
      for (const auto& sample : *samples) {
        const auto seen = series_.together.empty()
                              ? summarise({&sample, 1}, series_.quantity, series_.index)
                              : summarise({&sample, 1}, series_.together);
        if (seen.count > 0) see(boot.time_of(sample.uptime), seen);
      }
    }
    return {};
  }

  template <class See>
  std::expected<void, StoreError> visit_packed(const Boot& boot, std::int64_t first,
                                               std::int64_t last, const Whereabouts& minutes,
                                               const See& see) {
    const auto begin = time_of_minute(first), end = time_of_minute(last + 1);
    std::optional<SegmentReader> reader;
    Segment* read = nullptr;  // Mostly the same for many hours.
    for (const auto& [hour, number, detail] : minutes.packed) {
      if (detail >= Detail::minutes) continue;
      const auto segment = store_.segments_.open(number);
      if (!segment) return std::unexpected(segment.error());
      if (read != *segment) {
        read = *segment;
        reader.emplace(*read, boot.id, hour, hour_of(first_row(boot.id) + last));
      }
      auto packed = PackedHour::open(reader->hour(hour));
      if (!packed) return std::unexpected(packed.error());
      const auto late = std::ranges::lower_bound(minutes.unpacked, hour);
      const bool has_late = late != minutes.unpacked.end() && *late <= hour + 59;
      const auto uptimes = packed->uptimes();
      const auto done = visit_samples(*packed, [&](std::size_t i, const MinuteSummary& seen) {
        const auto time = boot.time_of(measurement::Uptime(uptimes[i]));
        if (time < begin || time >= end) return;
        if (has_late && std::ranges::binary_search(minutes.unpacked, boot.row_of(time))) return;
        see(time, seen);
      });
      if (!done) return done;
    }
    return {};
  }

  // Calls see(i, summary) for each sample i of an hour that has the series.
  template <class See>
  std::expected<void, StoreError> visit_samples(PackedHour& hour, const See& see) {
    if (!series_.together.empty()) return visit_together(hour, see);
    const auto kind = measurement::row(series_.quantity).kind;
    if (kind == Kind::derived) return visit_derived(hour, see);
    if (kind == Kind::total) {
      const auto column = hour.totals(series_.quantity, series_.index);
      if (!column) return std::unexpected(column.error());
      for (std::size_t i = 0; i < hour.count(); ++i) {
        if (column->has(i)) see(i, MinuteSummary{.count = 1, .max = column->values[i]});
      }
      return {};
    }
    const auto column = hour.instants(series_.quantity, series_.index);
    if (!column) return std::unexpected(column.error());
    for (std::size_t i = 0; i < hour.count(); ++i) {
      if ((*column)->has(i)) see(i, of_one((*column)->values[i]));
    }
    return {};
  }

  static MinuteSummary of_one(std::int64_t value) {
    return {.count = 1, .sum = value, .min = value, .max = value};
  }

  template <class See>
  std::expected<void, StoreError> visit_derived(PackedHour& hour, const See& see) {
    const auto index = series_.index;
    if (index >= hour.chips() * measurement::channels_per_chip) return {};
    const auto chip = measurement::chip_of(index);
    Sample sample(chip + 1);
    std::array<std::tuple<Quantity, std::size_t, const Instants*>, 3> sources = {
        {{Quantity::voltage, chip, nullptr},
         {Quantity::current, index, nullptr},
         {Quantity::active_power, index, nullptr}}};
    for (auto& [source, place, column] : sources) {
      const auto found = hour.instants(source, place);
      if (!found) return std::unexpected(found.error());
      column = *found;
    }
    for (std::size_t i = 0; i < hour.count(); ++i) {
      for (const auto& [source, place, column] : sources) {
        sample.put_steps(
            source, place,
            column->has(i) ? std::optional<std::int64_t>(column->values[i]) : std::nullopt);
      }
      const auto seen = summarise({&sample, 1}, series_.quantity, index);
      if (seen.count > 0) see(i, seen);
    }
    return {};
  }

  template <class See>
  std::expected<void, StoreError> visit_together(PackedHour& hour, const See& see) {
    std::vector<double> sums(hour.count());
    std::vector<std::uint8_t> is_there(hour.count(), 1);
    for (const auto& [channel, multiplier] : series_.together) {
      const auto column = hour.instants(Quantity::active_power, channel);
      if (!column) return std::unexpected(column.error());
      for (std::size_t i = 0; i < sums.size(); ++i) {
        is_there[i] &= (*column)->has(i);
        if (is_there[i]) sums[i] += multiplier * (*column)->values[i];
      }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (is_there[i]) see(i, of_one(std::llround(sums[i])));
    }
    return {};
  }

  // The number under which segments have the series' minutes; absent: none does.
  std::optional<std::int64_t> rolled_up() const {
    if (series_.together.empty()) return series_number(series_.quantity, series_.index);
    const auto number = store_.composites_.find(text_of(series_));
    if (number == store_.composites_.end()) return std::nullopt;
    return composite_series(number->second);
  }

  template <class See>
  std::expected<void, StoreError> visit_minutes(const Boot& boot, std::int64_t first,
                                                std::int64_t last, bool by_the_hour,
                                                const See& see) {
    const Row first_asked = first_row(boot.id) + first, last_asked = first_row(boot.id) + last;
    const auto where = store_.whereabouts(first_asked, last_asked);
    if (!where) return std::unexpected(where.error());
    const auto& [unpacked, packed] = **where;

    std::optional<SegmentReader> reader;
    Segment* read = nullptr;  // Mostly the same for many hours.
    std::vector<Segment::Hour> in_all;
    auto next_packed = packed.begin();
    auto next = unpacked.begin();
    while (next_packed != packed.end() || next != unpacked.end()) {
      const Row hour = next == unpacked.end()        ? next_packed->hour
                       : next_packed == packed.end() ? hour_of(*next)
                                                     : std::min(hour_of(*next), next_packed->hour);
      HourSummary minutes{};
      if (next_packed != packed.end() && next_packed->hour == hour) {
        const auto segment = store_.segments_.open(next_packed->segment);
        if (!segment) return std::unexpected(segment.error());
        const bool has_minutes = (next_packed++)->detail != Detail::hour;
        if (read != *segment) {
          read = *segment;
          reader.emplace(*read, boot.id, hour, hour_of(last_asked));
          in_all = by_the_hour ? hours_in(boot, hour, hour_of(last_asked), *read)
                               : std::vector<Segment::Hour>{};
        }
        const bool is_late = next != unpacked.end() && hour_of(*next) == hour;
        const auto whole = std::ranges::lower_bound(in_all, hour, {}, &Segment::Hour::row);
        if (!is_late && whole != in_all.end() && whole->row == hour) {
          if (whole->summary.count > 0) see(time_of_minute(minute_of_row(hour)), whole->summary);
          continue;
        }
        if (has_minutes) {
          auto found = packed_minutes(boot, hour, *read, *reader);
          if (!found) return std::unexpected(found.error());
          minutes = *found;
        }
      }
      for (; next != unpacked.end() && hour_of(*next) == hour; ++next) {
        const auto seen = store_.minute_summary(*next, series_);
        if (!seen) return std::unexpected(seen.error());
        minutes[static_cast<std::size_t>(*next - hour)] = *seen;
      }
      for (Row row = std::max(hour, first_asked); row <= std::min(hour + 59, last_asked); ++row) {
        const auto& seen = minutes[static_cast<std::size_t>(row - hour)];
        if (seen.count > 0) see(time_of_minute(minute_of_row(row)), seen);
      }
    }
    return {};
  }

  // What the series did in each of the hours of which a segment knows it.
  std::vector<Segment::Hour> hours_in(const Boot& boot, Row first, Row last, Segment& segment) {
    const auto series = rolled_up();
    if (!series) return {};
    // What is damaged is made again from the minutes.
    return segment.summaries(boot.id, *series, first, last).value_or(std::vector<Segment::Hour>{});
  }

  std::expected<HourSummary, StoreError> of_minutes(PackedMinutes& hour, std::int64_t series) {
    if (columns_ == Columns::all) return hour.summary(series);
    const auto sums = hour.sums(series);
    if (!sums) return std::unexpected(sums.error());
    HourSummary minutes{};
    for (std::size_t m = 0; m < minutes.size(); ++m) {
      minutes[m] = {.count = (*sums)->count[m], .sum = (*sums)->sum[m]};
    }
    return minutes;
  }

  std::expected<HourSummary, StoreError> packed_minutes(const Boot& boot, Row hour,
                                                        Segment& segment, SegmentReader& reader) {
    const auto series = rolled_up();
    if (series && segment.has_minutes(boot.id, hour)) {
      const auto parts = reader.hour(hour);
      auto minutes = PackedMinutes::open(parts);
      auto found = minutes
                       ? of_minutes(*minutes, *series)
                       : std::expected<HourSummary, StoreError>(std::unexpected(minutes.error()));
      // Channels may have been taken together later than this hour.
      const auto is_there = [&] {
        const auto part = parts(minutes_part(*series));
        return part && !part->empty();
      };
      if (found && (series_.together.empty() || is_there())) return found;
      if (!segment.has_samples(boot.id, hour)) return found;
      if (!found && found.error() != StoreError::corrupted) return found;
    }
    // An hour of an earlier version, or a damaged one: from its samples.
    auto packed = PackedHour::open(reader.hour(hour));
    if (!packed) return std::unexpected(packed.error());
    HourSummary minutes{};
    const auto uptimes = packed->uptimes();
    const auto done = visit_samples(*packed, [&](std::size_t i, const MinuteSummary& seen) {
      const Row row = boot.row_of(boot.time_of(measurement::Uptime(uptimes[i])));
      if (row < hour || row > hour + 59) return;
      add(minutes[static_cast<std::size_t>(row - hour)], seen);
    });
    if (!done) return std::unexpected(done.error());
    return minutes;
  }

  // The greatest total of a boot before a whole minute; 0 where there is none.
  std::expected<std::int64_t, StoreError> total_before(const Boot& boot, std::int64_t minute) {
    const auto [first, last] = minutes_of(boot, time_of_minute(0));
    if (first > last || first >= minute) return 0;
    const Row asked = first_row(boot.id) + std::min(last, minute - 1);
    auto& known = store_.known_total(boot.id, series_number(series_.quantity, series_.index));
    const bool is_known = known.until > 0 && known.until <= asked;
    const Row stop = is_known ? known.until + 1 : first_row(boot.id) + first;
    std::optional<std::int64_t> total;
    // Backwards, until the series has been seen: at once, unless it had been absent.
    for (Row latest = asked; latest >= stop && !total;) {
      const auto row = store_.latest_within(stop, latest);
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      const auto hour = std::max(stop, hour_of(**row));
      const bool is_whole = **row == hour + 59;
      const auto done = visit_minutes(boot, minute_of_row(hour), minute_of_row(**row), is_whole,
                                      [&](Timestamp, const auto& seen) { total = seen.max; });
      if (!done) return std::unexpected(done.error());
      latest = hour - 1;
    }
    if (!total) total = is_known ? known.total : 0;
    if (known.until <= asked) known = {asked, *total};
    return *total;
  }

  std::expected<void, StoreError> gain_of_one_boot(
      std::span<const std::pair<const BootName, Boot>* const> streams,
      std::vector<double>& gained) {
    const bool is_heard = std::ranges::any_of(streams, [&](const auto* stream) {
      const auto [first, last] = minutes_of(stream->second, grid_.begin);
      return first <= last;
    });
    if (!is_heard) return {};

    constexpr auto absent = std::numeric_limits<std::int64_t>::min();
    std::vector<std::int64_t> totals(grid_.count, absent);
    const auto first_minute = minute_of(grid_.begin);
    std::int64_t total = 0;
    for (const auto* stream : streams) {
      const auto before = total_before(stream->second, first_minute);
      if (!before) return std::unexpected(before.error());
      total = std::max(total, *before);
      const auto from = time_of_minute(first_minute);
      StepFinder finder(grid_);
      const auto done = visit(stream->second, from, [&](Timestamp time, const auto& seen) {
        if (time >= grid_.end()) return;
        auto& latest = time < grid_.begin ? total : totals[finder.index(time)];
        latest = std::max(latest, seen.max);
      });
      if (!done) return done;
    }
    for (std::size_t i = 0; i < grid_.count; ++i) {
      if (totals[i] == absent) continue;
      if (std::isnan(gained[i])) gained[i] = 0;
      gained[i] += static_cast<double>(std::max<std::int64_t>(totals[i] - total, 0));
      total = std::max(total, totals[i]);
    }
    return {};
  }

  SqliteStore& store_;
  const Series& series_;
  const Grid& grid_;
  const Columns columns_;  // Of instants.
};

std::expected<Points, StoreError> SqliteStore::read(const Series& series, TimeRange range,
                                                    std::chrono::milliseconds step,
                                                    Columns columns) {
  assert(step >= 1s && step % (step < 1min ? 1s : 60s) == 0ms && "BUG: no such step");
  if (const auto current = stay_current(); !current) return undo(current.error());
  const auto grid = grid_over(range, step);
  if (!grid) return std::unexpected(grid.error());
  Points points{.begin = grid->begin, .step = step, .mean = {}, .min = {}, .max = {}, .gained = {}};
  const auto& row = measurement::row(series.quantity);

  if (row.kind == Kind::total) {
    auto gained = Reading(*this, series, *grid, Columns::all).gained();
    if (!gained) return std::unexpected(gained.error());
    points.gained = std::move(*gained);
    return points;
  }

  constexpr auto nothing = std::numeric_limits<float>::quiet_NaN();
  points.mean.assign(grid->count, nothing);
  if (columns == Columns::all) points.min = points.max = points.mean;
  if (row.kind == Kind::derived && step >= 1min) {
    const auto of = [&](Quantity quantity, std::size_t index) {
      return read({series.device, quantity, index}, range, step, Columns::mean);
    };
    const auto voltage = of(Quantity::voltage, measurement::chip_of(series.index));
    if (!voltage) return voltage;
    const auto current = of(Quantity::current, series.index);
    if (!current) return current;
    const auto power = of(Quantity::active_power, series.index);
    if (!power) return power;
    derive(series.quantity, *voltage, *current, *power, points.mean);
    return points;
  }

  const auto in_units = [&](auto steps) {
    return static_cast<float>(static_cast<double>(steps) * row.resolution);
  };
  const auto mean_of = [&](const auto& step_of) {
    return in_units(static_cast<double>(step_of.sum) / static_cast<double>(step_of.count));
  };
  Reading reading(*this, series, *grid, columns);
  if (columns == Columns::mean) {
    const auto values = reading.values<StepSum>();
    if (!values) return std::unexpected(values.error());
    for (std::size_t i = 0; i < grid->count; ++i) {
      if ((*values)[i].count > 0) points.mean[i] = mean_of((*values)[i]);
    }
    return points;
  }
  const auto values = reading.values<MinuteSummary>();
  if (!values) return std::unexpected(values.error());
  for (std::size_t i = 0; i < grid->count; ++i) {
    const auto& value = (*values)[i];
    if (value.count == 0) continue;
    points.mean[i] = mean_of(value);
    points.min[i] = in_units(value.min);
    points.max[i] = in_units(value.max);
  }
  return points;
}

}  // namespace hub
