// What is asked besides series.

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>

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

std::expected<std::vector<Gap>, StoreError> SqliteStore::gaps(std::string_view device,
                                                              TimeRange asked) {
  if (const auto current = stay_current(); !current) return undo(current.error());
  const TimeRange range{within_time(asked.begin), within_time(asked.end)};
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
      if (sample.number >= first_given_number) continue;
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
