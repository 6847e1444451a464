// What is asked besides series.

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "hub/store/given_numbers.h"
#include "hub/store/rows.h"
#include "hub/store/sqlite_store.h"

namespace hub {

using measurement::Quantity;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Stream;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

// What a run of samples stands for, and how much later the next may begin.
struct Heard {
  Timestamp begin, end;
  std::chrono::milliseconds slack;
};

}  // namespace

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
  const auto known = lasts_.find(device);
  if (known != lasts_.end()) {
    const auto& [boot_id, last] = known->second;
    // What has a number does not change.
    if (boot_id == newest->id && last.sample.number == run->end - 1) return last;
  }
  const auto sample = sample_of(*newest, run->end - 1, run->last);
  if (!sample) return std::unexpected(sample.error());
  const Last last{run->last, *sample};
  lasts_.insert_or_assign(std::string(device), KnownLast{newest->id, last});
  return last;
}

std::expected<Sample, StoreError> SqliteStore::sample_of(const Boot& boot, std::uint64_t number,
                                                         Timestamp time) {
  const Row row = boot.row_of(time);
  const auto samples = minute(row);
  if (!samples) return std::unexpected(samples.error());
  const auto found = std::ranges::lower_bound(*samples, number, {}, &Sample::number);
  if (found != samples->end() && found->number == number) return *found;
  const auto packed = packed_hours(hour_of(row), hour_of(row));
  if (!packed) return std::unexpected(packed.error());
  if (packed->empty() || packed->front().detail < Detail::minutes) {
    return std::unexpected(StoreError::corrupted);
  }
  Sample without_values(measurement::max_chips);
  without_values.number = number;
  without_values.uptime = time - boot.booted_at;
  return without_values;
}

// One look for the absences of a boot's channels.
class SqliteStore::Absences {
 public:
  Absences(SqliteStore& store, const Boot& boot, TimeRange range, std::vector<Gap>& gaps)
      : store_(store), boot_(boot), range_(range), gaps_(gaps) {}

  std::expected<void, StoreError> find() {
    if (range_.begin >= range_.end) return {};
    // A sample just before the range may still stand for its begin.
    const auto from = std::max(range_.begin - boot_.period, time_of_minute(0));
    last_ = boot_.row_of(range_.end - 1ms);
    const auto minutes = store_.minutes_with_absences(boot_.row_of(from), last_);
    if (!minutes) return std::unexpected(minutes.error());
    const auto where = store_.whereabouts(boot_.row_of(from), last_);
    if (!where) return std::unexpected(where.error());
    for (std::span<const Absent> left = *minutes; !left.empty();) {
      const Row hour = hour_of(left.front().row);
      const auto next = std::ranges::upper_bound(left, hour + 59, {}, &Absent::row);
      const auto count = static_cast<std::size_t>(next - left.begin());
      const auto done = look_at(hour, left.first(count), **where);
      if (!done) return done;
      left = left.subspan(count);
    }
    for (std::size_t c = 0; c < open_.size(); ++c) close(c);
    return {};
  }

 private:
  struct Piece {
    Timestamp first, last;
  };

  std::expected<void, StoreError> look_at(Row hour, std::span<const Absent> minutes,
                                          const Whereabouts& where) {
    const auto packed = std::ranges::lower_bound(where.packed, hour, {}, &Packed::hour);
    const auto late = std::ranges::lower_bound(where.unpacked, hour);
    const bool is_packed = packed != where.packed.end() && packed->hour == hour &&
                           (late == where.unpacked.end() || *late > hour + 59);
    if (is_packed) return look_at_packed(*packed, minutes);
    for (const auto& [row, channels] : minutes) {
      const auto samples = store_.minute(row);
      if (!samples) return std::unexpected(samples.error());
      for (const auto& sample : *samples) {
        take(sample.number, sample.uptime, sample.channels(),
             [&](std::size_t c) { return !sample.steps(Quantity::active_power, c); });
      }
    }
    return {};
  }

  // Only of the channels that are absent, and of them only the power: an hour has hundreds of
  // series.
  std::expected<void, StoreError> look_at_packed(const Packed& packed,
                                                 std::span<const Absent> minutes) {
    const auto segment = store_.segments_.open(packed.segment);
    if (!segment) return std::unexpected(segment.error());
    if (std::exchange(read_, *segment) != *segment) {
      reader_.emplace(**segment, boot_.id, packed.hour, hour_of(last_));
    }
    auto hour = PackedHour::open(reader_->hour(packed.hour));
    if (!hour) return std::unexpected(hour.error());
    std::array<bool, 60> is_asked{};
    std::uint64_t channels = 0;
    for (const auto& minute : minutes) {
      is_asked[static_cast<std::size_t>(minute.row - packed.hour)] = true;
      channels |= minute.channels;
    }
    std::array<const Instants*, measurement::max_channels> powers{};
    for (std::size_t c = 0; c < powers.size(); ++c) {
      if (!(channels >> c & 1)) continue;
      const auto column = hour->instants(Quantity::active_power, c);
      if (!column) return std::unexpected(column.error());
      powers[c] = *column;
    }
    for (std::size_t i = 0; i < hour->count(); ++i) {
      const measurement::Uptime uptime(hour->uptimes()[i]);
      const auto minute = boot_.row_of(boot_.time_of(uptime)) - packed.hour;
      if (minute < 0 || minute > 59 || !is_asked[static_cast<std::size_t>(minute)]) continue;
      take(static_cast<std::uint64_t>(hour->numbers()[i]), uptime,
           hour->chips() * measurement::channels_per_chip,
           [&](std::size_t c) { return powers[c] && !powers[c]->has(i); });
    }
    return {};
  }

  template <class IsAbsent>
  void take(std::uint64_t number, measurement::Uptime uptime, std::size_t channels,
            IsAbsent is_absent) {
    if (number >= first_given_number) return;
    const auto time = boot_.time_of(uptime);
    for (std::size_t c = 0; c < channels; ++c) {
      const bool is_gone = is_absent(c);
      auto& open = open_[c];
      if (open && (!is_gone || !boot_.joins(open->last, time))) close(c);
      if (is_gone) open = Piece{open ? open->first : time, time};
    }
  }

  void close(std::size_t channel) {
    auto& open = open_[channel];
    if (!open) return;
    const TimeRange piece{std::max(open->first, range_.begin),
                          std::min(open->last + boot_.period, range_.end)};
    if (piece.begin < piece.end) gaps_.push_back({channel, piece});
    open.reset();
  }

  SqliteStore& store_;
  const Boot& boot_;
  const TimeRange range_;
  std::vector<Gap>& gaps_;
  Row last_ = 0;
  std::optional<SegmentReader> reader_;
  Segment* read_ = nullptr;  // Mostly the same for many hours.
  std::array<std::optional<Piece>, measurement::max_channels> open_;
};

std::expected<std::vector<Gap>, StoreError> SqliteStore::gaps(std::string_view device,
                                                              TimeRange asked) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  const TimeRange range{within_time(asked.begin), within_time(asked.end)};
  const auto boots = boots_of(device);
  std::vector<Gap> gaps;
  for (const auto* boot : boots) {
    if (std::get<Stream>(boot->first) == Stream::edges) continue;
    const auto found = Absences(*this, boot->second, range, gaps).find();
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
  // A meter thins what it sampled, so where its coarse samples end its samples may begin.
  std::optional<std::chrono::milliseconds> fine;
  for (const auto* boot : boots) {
    if (std::get<Stream>(boot->first) != Stream::samples) continue;
    fine = std::min(fine.value_or(boot->second.period), boot->second.period);
  }
  std::vector<Heard> heard;
  for (const auto* boot : boots) {
    const auto stream = std::get<Stream>(boot->first);
    const auto period = boot->second.period;
    if (stream == Stream::edges) continue;
    for (const auto& [number, run] : boot->second.runs) {
      if (stream == Stream::samples) {
        heard.push_back({run.first, run.last + period, period / 2});
      } else {
        const auto begin = std::max(boot->second.booted_at, run.first - period);
        heard.push_back({begin, run.last, fine ? *fine * 3 / 2 : period / 2});
      }
    }
  }
  if (heard.empty()) return std::nullopt;
  std::ranges::sort(heard, {}, &Heard::begin);
  Presence presence;
  std::size_t latest = 0;
  for (std::size_t i = 0; i < heard.size(); ++i) {
    const auto& [begin, end, slack] = heard[latest];
    if (heard[i].begin - end > slack) presence.silences.push_back({end, heard[i].begin});
    if (heard[i].end > end) latest = i;
  }
  presence.life = {heard.front().begin, heard[latest].end};
  return presence;
}

std::expected<std::vector<SqliteStore::Absent>, StoreError> SqliteStore::minutes_with_absences(
    Row first, Row last) {
  std::vector<Absent> found;
  absences_within_.bind(1, first).bind(2, last);
  int code = absences_within_.step();
  for (; code == SQLITE_ROW; code = absences_within_.step()) {
    const Row row = absences_within_.integer(0);
    if (heads_.has(row)) continue;
    if (!found.empty() && found.back().row >= row) break;
    found.push_back({row, static_cast<std::uint64_t>(absences_within_.integer(1))});
  }
  absences_within_.reset();
  if (code == SQLITE_ROW) return std::unexpected(StoreError::corrupted);
  if (code != SQLITE_DONE) return std::unexpected(error_of(code));
  for (const Row row : heads_.rows(first, last)) {
    const auto channels = static_cast<std::uint64_t>(heads_.absences(row));
    if (channels == 0) continue;
    found.insert(std::ranges::lower_bound(found, row, {}, &Absent::row), {row, channels});
  }
  return found;
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
  const auto begin = within_time(asked.begin), end = within_time(asked.end);
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
