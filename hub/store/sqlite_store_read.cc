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
  std::size_t index(Timestamp time) const {
    return static_cast<std::size_t>((time - begin) / step);
  }
};

// Without 1970 and the year 10136 nothing can be stored, so that reads look no further.
TimeRange within_time(TimeRange range) {
  const auto clamp = [](Timestamp time) {
    return std::clamp(time, time_of_minute(0), time_of_minute(last_minute + 1));
  };
  return {clamp(range.begin), clamp(range.end)};
}

std::expected<Grid, StoreError> grid_over(TimeRange asked, std::chrono::milliseconds step) {
  const auto [begin, end] = within_time(asked);
  if (begin >= end) return Grid{begin, step, 0};
  const auto first = begin.time_since_epoch() / step;
  const auto last = (end.time_since_epoch() + step - 1ms) / step;
  const auto count = static_cast<std::size_t>(last - first);
  if (count > Store::max_steps) return std::unexpected(StoreError::too_long);
  return Grid{Timestamp(first * step), step, count};
}

struct Heard {
  Timestamp first, last;
  std::chrono::milliseconds period;
};

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
  Reading(SqliteStore& store, const Series& series, const Grid& grid)
      : store_(store), series_(series), grid_(grid) {}

  // The series' samples of each step.
  std::expected<std::vector<MinuteSummary>, StoreError> values() {
    std::vector<MinuteSummary> samples(grid_.count), coarse(grid_.count);
    for (const auto* boot : store_.boots_of(series_.device)) {
      const auto stream = std::get<Stream>(boot->first);
      if (stream == Stream::edges) continue;
      auto& steps = stream == Stream::coarse ? coarse : samples;
      const auto done = visit(boot->second, grid_.begin, [&](Timestamp time, const auto& seen) {
        if (grid_.holds(time)) add(steps[grid_.index(time)], seen);
      });
      if (!done) return std::unexpected(done.error());
    }
    for (std::size_t i = 0; i < grid_.count; ++i) {
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

    // What is not packed, or came after the packing.
    const auto unpacked = store_.rows_and_heads(store_.unpacked_within_, first_row(boot.id) + first,
                                                first_row(boot.id) + last);
    if (!unpacked) return std::unexpected(unpacked.error());
    if (const auto done = visit_packed(boot, first, last, *unpacked, see); !done) return done;
    for (const Row row : *unpacked) {
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
                                               std::int64_t last, std::span<const Row> unpacked,
                                               const See& see) {
    const Row first_asked = first_row(boot.id) + first, last_asked = first_row(boot.id) + last;
    const auto hours = store_.packed_hours(first_asked, last_asked);
    if (!hours) return std::unexpected(hours.error());
    std::optional<SegmentReader> reader;
    Segment* read = nullptr;  // Mostly the same for many hours.
    for (const auto& [hour, number, detail] : *hours) {
      if (detail >= Detail::minutes) continue;
      const auto segment = store_.segments_.open(number);
      if (!segment) return std::unexpected(segment.error());
      if (read != std::exchange(read, *segment)) {
        reader.emplace(**segment, boot.id, hour, hour_of(last_asked));
      }
      auto packed = PackedHour::open(reader->hour(hour));
      if (!packed) return std::unexpected(packed.error());
      const auto seen = series_in(*packed);
      if (!seen) return std::unexpected(seen.error());
      for (std::size_t i = 0; i < seen->size(); ++i) {
        if ((*seen)[i].count == 0) continue;
        const auto time = boot.time_of(measurement::Uptime(packed->uptimes()[i]));
        const Row row = boot.row_of(time);
        if (row < first_asked || row > last_asked) continue;
        if (std::ranges::binary_search(unpacked, row)) continue;
        see(time, (*seen)[i]);
      }
    }
    return {};
  }

  // The series in each sample of an hour.
  std::expected<std::vector<MinuteSummary>, StoreError> series_in(PackedHour& hour) {
    std::vector<MinuteSummary> seen(hour.count());
    const auto [quantity, index] = std::pair(series_.quantity, series_.index);
    const auto& about = measurement::row(quantity);
    if (!series_.together.empty()) {
      const auto done = add_together(hour, seen);
      if (!done) return std::unexpected(done.error());
    } else if (about.kind == Kind::total) {
      const auto column = hour.totals(quantity, index);
      if (!column) return std::unexpected(column.error());
      for (std::size_t i = 0; i < seen.size(); ++i) {
        if (column->has(i)) seen[i] = {.count = 1, .max = column->values[i]};
      }
    } else if (about.kind != Kind::derived) {
      const auto column = hour.instants(quantity, index);
      if (!column) return std::unexpected(column.error());
      for (std::size_t i = 0; i < seen.size(); ++i) {
        if (!(*column)->has(i)) continue;
        const auto value = (*column)->values[i];
        seen[i] = {.count = 1, .sum = value, .min = value, .max = value};
      }
    } else if (index < hour.chips() * measurement::channels_per_chip) {
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
      for (std::size_t i = 0; i < seen.size(); ++i) {
        for (const auto& [source, place, column] : sources) {
          sample.put_steps(
              source, place,
              column->has(i) ? std::optional<std::int64_t>(column->values[i]) : std::nullopt);
        }
        seen[i] = summarise({&sample, 1}, quantity, index);
      }
    }
    return seen;
  }

  std::expected<void, StoreError> add_together(PackedHour& hour, std::vector<MinuteSummary>& seen) {
    std::vector<double> sums(seen.size());
    std::vector<std::uint8_t> is_there(seen.size(), 1);
    for (const auto& [channel, multiplier] : series_.together) {
      const auto column = hour.instants(Quantity::active_power, channel);
      if (!column) return std::unexpected(column.error());
      for (std::size_t i = 0; i < sums.size(); ++i) {
        is_there[i] &= (*column)->has(i);
        if (is_there[i]) sums[i] += multiplier * (*column)->values[i];
      }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto sum = std::llround(sums[i]);
      if (is_there[i]) seen[i] = {.count = 1, .sum = sum, .min = sum, .max = sum};
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
    const auto unpacked = store_.rows_and_heads(store_.unpacked_within_, first_asked, last_asked);
    if (!unpacked) return std::unexpected(unpacked.error());
    const auto packed = store_.packed_hours(first_asked, last_asked);
    if (!packed) return std::unexpected(packed.error());

    std::optional<SegmentReader> reader;
    Segment* read = nullptr;  // Mostly the same for many hours.
    std::vector<Segment::Hour> in_all;
    auto next_packed = packed->begin();
    auto next = unpacked->begin();
    while (next_packed != packed->end() || next != unpacked->end()) {
      const Row hour = next == unpacked->end()        ? next_packed->hour
                       : next_packed == packed->end() ? hour_of(*next)
                                                      : std::min(hour_of(*next), next_packed->hour);
      HourSummary minutes{};
      if (next_packed != packed->end() && next_packed->hour == hour) {
        const auto segment = store_.segments_.open(next_packed->segment);
        if (!segment) return std::unexpected(segment.error());
        const bool has_minutes = (next_packed++)->detail != Detail::hour;
        if (read != std::exchange(read, *segment)) {
          reader.emplace(*read, boot.id, hour, hour_of(last_asked));
          in_all = by_the_hour ? hours_in(boot, hour, hour_of(last_asked), *read)
                               : std::vector<Segment::Hour>{};
        }
        const bool is_late = next != unpacked->end() && hour_of(*next) == hour;
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
      for (; next != unpacked->end() && hour_of(*next) == hour; ++next) {
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

  std::expected<HourSummary, StoreError> packed_minutes(const Boot& boot, Row hour,
                                                        Segment& segment, SegmentReader& reader) {
    const auto series = rolled_up();
    if (series && segment.has_minutes(boot.id, hour)) {
      const auto parts = reader.hour(hour);
      const auto part = parts(minutes_part(*series));
      auto minutes = PackedMinutes::open(parts);
      auto found = minutes
                       ? minutes->summary(*series)
                       : std::expected<HourSummary, StoreError>(std::unexpected(minutes.error()));
      const bool is_known = part && (!part->empty() || series_.together.empty());
      if (found && is_known) return found;
      if (!segment.has_samples(boot.id, hour)) return found;
      if (!found && found.error() != StoreError::corrupted) return found;
    }
    // An hour of an earlier version, or a damaged one: from its samples.
    auto packed = PackedHour::open(reader.hour(hour));
    if (!packed) return std::unexpected(packed.error());
    const auto seen = series_in(*packed);
    if (!seen) return std::unexpected(seen.error());
    HourSummary minutes{};
    for (std::size_t i = 0; i < seen->size(); ++i) {
      const Row row = boot.row_of(boot.time_of(measurement::Uptime(packed->uptimes()[i])));
      if (row < hour || row > hour + 59) continue;
      add(minutes[static_cast<std::size_t>(row - hour)], (*seen)[i]);
    }
    return minutes;
  }

  // The greatest total of a boot before a whole minute; 0 where there is none.
  std::expected<std::int64_t, StoreError> total_before(const Boot& boot, std::int64_t minute) {
    const auto [first, last] = minutes_of(boot, time_of_minute(0));
    if (first > last || first >= minute) return 0;
    const Row first_asked = first_row(boot.id) + first;
    Row latest = first_row(boot.id) + std::min(last, minute - 1);
    // Backwards, until the series has been seen: at once, unless it had been absent.
    while (latest >= first_asked) {
      auto row = store_.row_before(first_asked, latest);
      if (!row) return std::unexpected(row.error());
      // Of an hour that has lost its samples there are no rows.
      const auto packed =
          store_.rows(store_.packed_before_.bind(1, hour_of(first_asked)).bind(2, latest));
      if (!packed) return std::unexpected(packed.error());
      if (!packed->empty()) {
        const Row in_packed = std::min(latest, packed->front() + 59);
        if (!*row || **row < in_packed) *row = in_packed;
      }
      if (!*row) break;
      const auto hour = std::max(first_asked, hour_of(**row));
      const bool is_whole = **row == hour + 59;
      std::optional<std::int64_t> total;
      const auto done = visit_minutes(boot, minute_of_row(hour), minute_of_row(**row), is_whole,
                                      [&](Timestamp, const auto& seen) { total = seen.max; });
      if (!done) return std::unexpected(done.error());
      if (total) return *total;
      latest = hour - 1;
    }
    return 0;
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
      const auto done = visit(stream->second, from, [&](Timestamp time, const auto& seen) {
        auto& latest = time < grid_.begin ? total : totals[grid_.index(time)];
        if (time < grid_.end()) latest = std::max(latest, seen.max);
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
};

namespace {

// The derived quantities of whole minutes, from the means of what they derive from.
void derive(Quantity quantity, const Points& voltage, const Points& current, const Points& power,
            Points& points) {
  for (std::size_t i = 0; i < points.mean.size(); ++i) {
    const float apparent = voltage.mean[i] * current.mean[i];
    if (quantity == Quantity::apparent_power) {
      points.mean[i] = apparent;
    } else if (apparent >= 1) {
      points.mean[i] = std::clamp(power.mean[i] / apparent, -1.0f, 1.0f);
    }
  }
}

}  // namespace

std::expected<Points, StoreError> SqliteStore::read(const Series& series, TimeRange range,
                                                    std::chrono::milliseconds step) {
  assert(step >= 1s && step % (step < 1min ? 1s : 60s) == 0ms && "BUG: no such step");
  if (const auto current = stay_current(); !current) return undo(current.error());
  const auto grid = grid_over(range, step);
  if (!grid) return std::unexpected(grid.error());
  Points points{.begin = grid->begin, .step = step, .mean = {}, .min = {}, .max = {}, .gained = {}};
  const auto& row = measurement::row(series.quantity);

  if (row.kind == Kind::total) {
    auto gained = Reading(*this, series, *grid).gained();
    if (!gained) return std::unexpected(gained.error());
    points.gained = std::move(*gained);
    return points;
  }

  constexpr auto nothing = std::numeric_limits<float>::quiet_NaN();
  points.mean = points.min = points.max = std::vector<float>(grid->count, nothing);
  if (row.kind == Kind::derived && step >= 1min) {
    const auto chip = measurement::chip_of(series.index);
    const auto voltage = read({series.device, Quantity::voltage, chip}, range, step);
    if (!voltage) return voltage;
    const auto current = read({series.device, Quantity::current, series.index}, range, step);
    if (!current) return current;
    const auto power = read({series.device, Quantity::active_power, series.index}, range, step);
    if (!power) return power;
    derive(series.quantity, *voltage, *current, *power, points);
    return points;
  }

  const auto values = Reading(*this, series, *grid).values();
  if (!values) return std::unexpected(values.error());
  const auto in_units = [&](double steps) { return static_cast<float>(steps * row.resolution); };
  for (std::size_t i = 0; i < grid->count; ++i) {
    const auto& [count, sum, min, max] = (*values)[i];
    if (count == 0) continue;
    points.mean[i] = in_units(static_cast<double>(sum) / static_cast<double>(count));
    points.min[i] = in_units(static_cast<double>(min));
    points.max[i] = in_units(static_cast<double>(max));
  }
  return points;
}

// ---- Everything else that is asked -------------------------------------------------------------

std::expected<std::optional<Store::Last>, StoreError> SqliteStore::last(std::string_view device) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  const Boot* newest = nullptr;
  const Run* run = nullptr;
  for (const auto* boot : boots_of(device)) {
    for (const auto& [begin, candidate] : boot->second.runs) {
      if (run && candidate.last <= run->last) continue;
      newest = &boot->second;
      run = &candidate;
    }
  }
  if (!run) return std::nullopt;
  const auto samples = minute(newest->row_of(run->last));
  if (!samples) return std::unexpected(samples.error());
  const auto found = std::ranges::lower_bound(*samples, run->end - 1, {}, &Sample::number);
  if (found == samples->end() || found->number != run->end - 1) {
    return std::unexpected(StoreError::corrupted);
  }
  return Last{run->last, *found};
}

std::expected<std::vector<Gap>, StoreError> SqliteStore::gaps(std::string_view device,
                                                              TimeRange asked) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  const auto range = within_time(asked);
  const auto boots = boots_of(device);
  std::vector<Gap> gaps;
  for (const auto* boot : boots) {
    if (std::get<Stream>(boot->first) == Stream::edges) continue;
    const auto found = find_absences(boot->second, range, gaps);
    if (!found) return std::unexpected(found.error());
  }
  const auto presence = presence_in(boots);
  for (const auto& silence : presence ? presence->silences : std::vector<TimeRange>{}) {
    const TimeRange piece{std::max(silence.begin, range.begin), std::min(silence.end, range.end)};
    if (piece.begin < piece.end) gaps.push_back({std::nullopt, piece});
  }
  std::ranges::sort(gaps, {}, [](const Gap& gap) {
    return std::pair(gap.range.begin, gap.channel);  // The whole device first.
  });
  return gaps;
}

std::expected<std::optional<SqliteStore::Presence>, StoreError> SqliteStore::presence(
    std::string_view device) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  return presence_in(boots_of(device));
}

std::optional<SqliteStore::Presence> SqliteStore::presence_in(
    std::span<std::pair<const BootName, Boot>* const> boots) const {
  std::vector<Heard> heard;
  for (const auto* boot : boots) {
    if (std::get<Stream>(boot->first) == Stream::edges) continue;
    for (const auto& [begin, run] : boot->second.runs) {
      heard.push_back({run.first, run.last, boot->second.period});
    }
  }
  if (heard.empty()) return std::nullopt;
  std::ranges::sort(heard, {}, &Heard::first);
  Presence presence;
  std::size_t latest = 0;
  for (std::size_t i = 0; i < heard.size(); ++i) {
    const auto& [first, last, period] = heard[latest];
    if (heard[i].first - last > period + period / 2) {
      presence.silences.push_back({last + period, heard[i].first});
    }
    if (heard[i].last > last) latest = i;
  }
  presence.life = {heard.front().first, heard[latest].last + heard[latest].period};
  return presence;
}

std::expected<void, StoreError> SqliteStore::find_absences(const Boot& boot, TimeRange range,
                                                           std::vector<Gap>& gaps) {
  if (range.begin >= range.end) return {};
  // A sample just before the range may still stand for its begin.
  const auto from = std::max(range.begin - boot.period, time_of_minute(0));
  const auto found =
      rows_and_heads(rows_with_absences_, boot.row_of(from), boot.row_of(range.end - 1ms));
  if (!found) return std::unexpected(found.error());

  struct Piece {
    Timestamp first, last;
  };
  std::array<std::optional<Piece>, measurement::max_channels> open;
  const auto close = [&](std::size_t channel) {
    if (!open[channel]) return;
    const TimeRange piece{std::max(open[channel]->first, range.begin),
                          std::min(open[channel]->last + boot.period, range.end)};
    if (piece.begin < piece.end) gaps.push_back({channel, piece});
    open[channel].reset();
  };
  for (const Row row : *found) {
    if (heads_.has(row) && heads_.absences(row) == 0) continue;
    const auto samples = minute(row);
    if (!samples) return std::unexpected(samples.error());
    for (const auto& sample : *samples) {
      const auto time = boot.time_of(sample.uptime);
      for (std::size_t c = 0; c < sample.channels(); ++c) {
        const bool is_absent = !sample.steps(Quantity::active_power, c);
        if (!is_absent || (open[c] && !boot.joins(open[c]->last, time))) close(c);
        if (is_absent) open[c] = Piece{open[c] ? open[c]->first : time, time};
      }
    }
  }
  for (std::size_t c = 0; c < open.size(); ++c) close(c);
  return {};
}

std::expected<std::vector<StoredRange>, StoreError> SqliteStore::stored(std::string_view device,
                                                                        std::size_t most) {
  if (const auto done = commit(); !done) return std::unexpected(done.error());
  if (const auto current = stay_current(); !current) return undo(current.error());
  auto boots = boots_of(device);
  std::ranges::stable_sort(boots, std::greater{},
                           [](const auto* boot) { return boot->second.booted_at; });
  std::vector<StoredRange> ranges;
  for (const auto* boot : boots) {
    const auto& [name, number, stream] = boot->first;
    const auto first = ranges.size();
    for (auto run = boot->second.runs.rbegin(); run != boot->second.runs.rend(); ++run) {
      // Runs that only a pause in time divides are one range of numbers.
      if (ranges.size() > first && ranges.back().begin == run->second.end) {
        ranges.back().begin = run->first;
      } else if (ranges.size() < most) {
        ranges.push_back({number, stream, run->first, run->second.end});
      } else {
        return ranges;
      }
    }
  }
  return ranges;
}

std::expected<Tally, StoreError> SqliteStore::tally(std::string_view device) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  Tally tally;
  if (const auto found = counts_.find(device); found != counts_.end()) {
    tally.reports = found->second.reports;
    tally.duplicate = found->second.duplicate;
  }
  std::map<std::uint64_t, std::uint64_t> lost;  // Of each boot: the streams tell the same story.
  for (const auto* boot : boots_of(device)) {
    auto& most = lost[std::get<1>(boot->first)];
    most = std::max(most, boot->second.lost);
  }
  for (const auto& [boot, count] : lost) tally.lost += count;
  return tally;
}

std::expected<std::vector<std::string>, StoreError> SqliteStore::devices() {
  if (const auto current = stay_current(); !current) return undo(current.error());
  std::vector<std::string> names;
  for (const auto& [name, counts] : counts_) names.push_back(name);
  return names;
}

std::expected<measurement::Origin, StoreError> SqliteStore::origin(std::string_view device) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  const auto boots = boots_of(device);
  if (boots.empty()) return measurement::Origin{};
  return std::ranges::max(boots, {}, [](const auto* boot) { return boot->second.booted_at; })
      ->second.origin;
}

// ---- Samples -----------------------------------------------------------------------------------

std::expected<std::vector<Store::Kept>, StoreError> SqliteStore::samples(std::string_view device,
                                                                         TimeRange asked) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  const auto [begin, end] = within_time(asked);
  std::vector<Kept> found;
  if (begin >= end) return found;
  for (const auto* boot : boots_of(device)) {
    const auto& [name, number, stream] = boot->first;
    const auto& runs = boot->second.runs;
    const bool is_heard = std::ranges::any_of(
        runs, [&](const auto& run) { return run.second.first < end && run.second.last >= begin; });
    if (!is_heard) continue;
    const auto minutes =
        rows_and_heads(rows_within_, boot->second.row_of(begin), boot->second.row_of(end - 1ms));
    if (!minutes) return std::unexpected(minutes.error());
    for (const Row row : *minutes) {
      const auto here = minute(row);
      if (!here) return std::unexpected(here.error());
      for (const auto& sample : *here) {
        const auto time = boot->second.time_of(sample.uptime);
        if (begin <= time && time < end) found.push_back({number, stream, time, sample});
      }
    }
  }
  return found;
}

namespace {

constexpr std::array total_quantities = {Quantity::imported, Quantity::exported};

void take_greatest(const Sample& from, std::uint64_t channels, Sample& to) {
  for (const auto quantity : total_quantities) {
    for (std::size_t c = 0; c < from.channels(); ++c) {
      if (!(channels >> c & 1)) continue;
      const auto total = from.steps(quantity, c);
      const auto known = to.steps(quantity, c);
      if (total && (!known || *known < *total)) to.put_steps(quantity, c, total);
    }
  }
}

bool has_totals(const Sample& sample, std::uint64_t channels) {
  for (std::size_t c = 0; c < sample.channels(); ++c) {
    if (!(channels >> c & 1)) continue;
    for (const auto quantity : total_quantities) {
      if (!sample.steps(quantity, c)) return false;
    }
  }
  return true;
}

}  // namespace

std::expected<Sample, StoreError> SqliteStore::totals_before(std::string_view device,
                                                             std::uint64_t boot_number,
                                                             Timestamp time,
                                                             std::uint64_t channels) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  Sample greatest(measurement::max_chips);
  for (const auto* boot : boots_of(device)) {
    if (std::get<1>(boot->first) != boot_number) continue;
    Sample seen(measurement::max_chips);
    const Row first = first_row(boot->second.id);
    Row last = boot->second.row_of(std::max(time, time_of_minute(0)));
    // Backwards, until every channel has been seen: at once, unless one had been absent.
    while (last >= first && !has_totals(seen, channels)) {
      const auto before = row_before(first, last);
      if (!before) return std::unexpected(before.error());
      if (!*before) break;
      const auto samples = minute(**before);
      if (!samples) return std::unexpected(samples.error());
      for (const auto& sample : *samples) {
        if (boot->second.time_of(sample.uptime) < time) take_greatest(sample, channels, seen);
      }
      last = **before - 1;
    }
    take_greatest(seen, channels, greatest);
  }
  return greatest;
}

}  // namespace hub
