#include "hub/quarter_hours.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "hub/history.h"

namespace hub {
namespace {

using insight::quarter;
using insight::QuarterHours;
using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::chrono::days longest_gap{31};  // That is looked for beyond a month's ends.
constexpr std::size_t changes_at_once = 2'000, hours_at_once = 2'000;
constexpr std::chrono::minutes quiet{1};  // Before what has changed is told or read unasked.
constexpr std::chrono::hours late_from{2};
constexpr std::chrono::minutes longest_question{10};

Timestamp begin_of_month(std::int64_t month) {
  const auto date = std::chrono::year(1970) / std::chrono::January / 1 + std::chrono::months(month);
  return std::chrono::sys_days(date);
}

std::int64_t month_at(Timestamp time) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
  return (static_cast<int>(date.year()) - 1970) * 12 + static_cast<int>(unsigned{date.month()}) - 1;
}

Timestamp whole_hour(Timestamp time) { return std::chrono::floor<std::chrono::hours>(time); }

std::size_t quarters_between(Timestamp begin, Timestamp end) {
  return static_cast<std::size_t>((end - begin) / quarter);
}

// Of one circuit while it is read, in fractions of a mWh; NaN where nothing was counted.
struct Column {
  Timestamp begin;
  std::vector<double> imported, exported;
  std::vector<float> covered;

  Timestamp at(std::size_t i) const { return begin + static_cast<std::int64_t>(i) * quarter; }
  Timestamp end() const { return at(imported.size()); }
};

// The share of a quarter that a range takes.
double part_of(TimeRange range, Timestamp begin) {
  const auto from = std::max(range.begin, begin), to = std::min(range.end, begin + quarter);
  return from >= to ? 0 : static_cast<double>((to - from).count()) / (quarter / 1ms);
}

void lift_to(Column& column, const HourOfEnergy& hour) {
  if (hour.begin < column.begin || hour.begin + 1h > column.end()) return;
  const auto first = quarters_between(column.begin, hour.begin);
  const auto missing = [first](const std::vector<double>& counted, MilliwattHours all) {
    double rest = static_cast<double>(all.value);
    for (auto i = first; i < first + 4; ++i) rest -= std::isnan(counted[i]) ? 0 : counted[i];
    return rest;
  };
  const double imported = missing(column.imported, hour.gained.imported);
  const double exported = missing(column.exported, hour.gained.exported);
  // The ledger may not have followed yet; then the store knows more.
  if (imported < 0 || exported < 0) return;
  for (auto i = first; i < first + 4; ++i) {
    for (auto& [to, rest] : {std::pair(&column.imported, imported), {&column.exported, exported}}) {
      auto& value = (*to)[i];
      value = (std::isnan(value) ? 0 : value) + rest / 4;
    }
  }
}

// What the quarter that ends a gap has counted lies in the gap too, evenly.
void spread(std::vector<double>& counted, const Column& column, TimeRange gap) {
  const auto first = quarters_between(column.begin, gap.begin);
  const auto last = quarters_between(column.begin, gap.end);
  if (last >= counted.size() || first == last || std::isnan(counted[last])) return;
  const double gathered = std::exchange(counted[last], 0.0);
  const TimeRange over{gap.begin, column.at(last + 1)};
  const double whole = static_cast<double>((over.end - over.begin).count()) / (quarter / 1ms);
  for (auto i = first; i <= last; ++i) {
    auto& value = counted[i];
    value = (std::isnan(value) ? 0 : value) + gathered * part_of(over, column.at(i)) / whole;
  }
}

void take_gap(Column& column, TimeRange gap) {
  const TimeRange within{std::max(gap.begin, column.begin), std::min(gap.end, column.end())};
  if (within.begin >= within.end) return;
  const auto last = quarters_between(column.begin, within.end - 1ms);
  for (auto i = quarters_between(column.begin, within.begin); i <= last; ++i) {
    column.covered[i] -= static_cast<float>(part_of(within, column.at(i)));
    column.covered[i] = std::max(column.covered[i], 0.0f);
  }
  if (gap.begin >= column.begin && gap.end < column.end()) {
    spread(column.imported, column, gap);
    spread(column.exported, column, gap);
  }
}

// Whole mWh whose sum is that of the exact ones.
std::vector<MilliwattHours> whole(const std::vector<double>& exact, std::size_t first,
                                  std::size_t count) {
  std::vector<MilliwattHours> rounded(count);
  double sum = 0;
  std::int64_t given = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double one = exact[first + i];
    sum += std::isnan(one) ? 0 : one;
    const auto until = std::llround(sum);
    rounded[i] = {until - given};
    given = until;
  }
  return rounded;
}

const Circuit* find(const Panel& panel, std::string_view id) {
  const auto found = std::ranges::find(panel.circuits, id, &Circuit::id);
  return found == panel.circuits.end() ? nullptr : &*found;
}

// The clamps that a circuit ever had.
std::vector<ChannelUse> clamps_of(const Home& home, std::string_view id) {
  std::vector<ChannelUse> uses;
  for (const auto& panel : home.panels) {
    if (const auto* circuit = find(panel, id)) {
      uses.insert(uses.end(), circuit->channels.begin(), circuit->channels.end());
    }
  }
  return uses;
}

std::set<std::string> devices_of(const std::vector<ChannelUse>& uses) {
  std::set<std::string> devices;
  for (const auto& use : uses) devices.insert(use.device);
  return devices;
}

// In place of all that a column has from `first` on; one of zeros is empty.
void put_from(std::size_t first, const std::vector<MilliwattHours>& read,
              std::vector<std::uint32_t>& column) {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  column.resize(first);
  for (const auto one : read) {
    column.push_back(static_cast<std::uint32_t>(std::min(one.value, most)));
  }
  if (std::ranges::all_of(column, [](auto one) { return one == 0; })) column.clear();
}

// The quarter in which the silence began that lasts until one; that itself where none does. An
// empty column is covered everywhere.
std::size_t silent_since(const std::vector<float>& covered, std::size_t at) {
  if (covered.empty()) return at;
  at = std::min(at, covered.size());
  while (at > 0 && covered[at - 1] == 0) --at;
  return at > 0 && covered[at - 1] < 1 ? at - 1 : at;
}

// The places in `to` and `from` of what both have, and how many these are.
struct Overlap {
  std::size_t to = 0, from = 0, count = 0;
};
Overlap overlap(const QuarterHours& to, const QuarterHours& from) {
  const auto end_of = [](const QuarterHours& one) {
    return one.begin + std::ssize(one.imported) * quarter;
  };
  const auto begin = std::max(to.begin, from.begin), end = std::min(end_of(to), end_of(from));
  if (begin >= end) return {};
  return {quarters_between(to.begin, begin), quarters_between(from.begin, begin),
          quarters_between(begin, end)};
}

}  // namespace

insight::Zone zone_of(const UtcOffset& offset, TimeRange range) {
  std::vector<insight::Zone::Change> changes = {{range.begin, offset(range.begin)}};
  for (auto time = range.begin; time < range.end; time += 24h) {
    const auto now = offset(time + 24h);
    if (now == changes.back().offset) continue;
    auto before = time, after = time + 24h;
    while (after - before > 1min) {
      const auto between = before + std::chrono::floor<std::chrono::minutes>((after - before) / 2);
      (offset(between) == now ? after : before) = between;
    }
    changes.push_back({after, now});
  }
  return insight::Zone(std::move(changes));
}

TimeRange range_of(const insight::BillingPeriod& period, const insight::Zone& zone) {
  return {zone.begin(period.begin), zone.begin(period.end)};
}

insight::BillingPeriod month_of(std::chrono::year_month month) {
  return {std::chrono::local_days(month / 1),
          std::chrono::local_days((month + std::chrono::months(1)) / 1)};
}

TimeRange whole_quarters(TimeRange range) {
  const Timestamp begin(range.begin.time_since_epoch() / quarter * quarter);
  const Timestamp end((range.end.time_since_epoch() + quarter - 1ms) / quarter * quarter);
  return {begin, std::max(begin, end)};
}

QuarterHours no_quarters(TimeRange range) {
  const auto [begin, end] = whole_quarters(range);
  const auto count = quarters_between(begin, end);
  return {begin, std::vector<MilliwattHours>(count), std::vector<MilliwattHours>(count),
          std::vector<float>(count)};
}

void add(QuarterHours& to, const QuarterHours& more) {
  const auto both = overlap(to, more);
  if (to.covered.empty()) to.covered.assign(to.imported.size(), 1);
  for (std::size_t i = 0; i < both.count; ++i) {
    to.imported[both.to + i] = to.imported[both.to + i] + more.imported[both.from + i];
    to.exported[both.to + i] = to.exported[both.to + i] + more.exported[both.from + i];
    if (more.covered.empty()) continue;
    auto& covered = to.covered[both.to + i];
    covered = std::min(covered, more.covered[both.from + i]);
  }
}

void take_away(QuarterHours& from, const QuarterHours& less) {
  const auto both = overlap(from, less);
  for (std::size_t i = 0; i < both.count; ++i) {
    auto& imported = from.imported[both.to + i].value;
    auto& exported = from.exported[both.to + i].value;
    const auto net = imported - exported - less.imported[both.from + i].value +
                     less.exported[both.from + i].value;
    imported = std::max<std::int64_t>(net, 0);
    exported = std::max<std::int64_t>(-net, 0);
  }
}

QuarterBook::QuarterBook(Store& store, const Home& home, GiveLedger ledger)
    : store_(store), home_(home), ledger_(std::move(ledger)) {}

// What lies in a range or at its ends, whole as far as longest_gap goes.
std::expected<const std::vector<Gap>*, StoreError> QuarterBook::gaps_near(const std::string& device,
                                                                          TimeRange range) {
  auto& kept = gaps_[{device, month_at(range.begin)}];
  if (kept.range.begin == range.begin && kept.range.end == range.end) return &kept.found;
  auto found = store_.gaps(device, range);
  const auto is_cut = [&](const Gap& gap) {
    return gap.range.begin <= range.begin || gap.range.end >= range.end;
  };
  if (found && std::ranges::any_of(*found, is_cut)) {
    found = store_.gaps(device, {range.begin - longest_gap, range.end + longest_gap});
  }
  if (!found) return std::unexpected(found.error());
  kept = {range, std::move(*found)};
  return &kept.found;
}

std::expected<QuarterHours, StoreError> QuarterBook::read(const std::string& circuit,
                                                          TimeRange range) {
  const auto clamps = clamps_of(home_, circuit);
  std::vector<TimeRange> gaps;
  for (const auto& device : devices_of(clamps)) {
    const auto found = gaps_near(device, range);
    if (!found) return std::unexpected(found.error());
    for (const auto& gap : **found) {
      const bool is_ours = !gap.channel || std::ranges::any_of(clamps, [&](const auto& use) {
        return use.device == device && use.channel == *gap.channel;
      });
      const bool is_near = gap.range.end > range.begin && gap.range.begin < range.end;
      if (is_ours && is_near) gaps.push_back(gap.range);
    }
  }
  // What a gap across the month's end gathered is counted beyond it.
  TimeRange all = range;
  for (const auto& gap : gaps) {
    all.begin = std::min(all.begin, whole_hour(gap.begin));
    all.end = std::max(all.end, whole_quarters({gap.end, gap.end + 1ms}).end);
  }
  const auto steps = steps_over(all, quarter);
  auto counted =
      history(home_, circuit, steps, store_,
              {.mean = false, .min = false, .max = false, .energy = true, .total = false});
  if (!counted) return std::unexpected(counted.error());

  Column column{.begin = steps.begin,
                .imported = std::move(counted->step_imported),
                .exported = std::move(counted->step_exported),
                .covered = std::vector<float>(steps.count, 1)};
  for (std::size_t i = 0; i < steps.count; ++i) {
    if (std::isnan(column.imported[i]) && std::isnan(column.exported[i])) column.covered[i] = 0;
  }
  if (auto* ledger = ledger_ ? ledger_() : nullptr) {
    for (const auto& hour : ledger->hours(circuit, all)) lift_to(column, hour);
  }
  for (const auto& gap : gaps) take_gap(column, gap);

  const auto first = quarters_between(column.begin, range.begin);
  const auto count = quarters_between(range.begin, range.end);
  const auto from = column.covered.begin() + static_cast<std::ptrdiff_t>(first);
  return QuarterHours{.begin = range.begin,
                      .imported = whole(column.imported, first, count),
                      .exported = whole(column.exported, first, count),
                      .covered = {from, from + static_cast<std::ptrdiff_t>(count)}};
}

// A month that runs goes on with each question.
bool QuarterBook::is_known(const Key& key, Timestamp now) const {
  const auto found = chunks_.find(key);
  if (found == chunks_.end()) return false;
  const auto& kept = found->second;
  const bool is_of_this_question = kept.read_at >= now && kept.read_at < now + longest_question;
  const bool was_over = kept.read_at >= begin_of_month(key.second + 1);
  return is_of_this_question || (was_over && !kept.has_changed);
}

std::expected<const QuarterBook::Chunk*, StoreError> QuarterBook::chunk(const Key& key,
                                                                        Timestamp now) {
  if (is_known(key, now)) return &chunks_.at(key);
  const auto begin = begin_of_month(key.second), next = begin_of_month(key.second + 1);
  const auto end = std::min(next, whole_quarters({begin, now}).end);
  auto& kept = chunks_[key];
  const auto from = std::clamp(kept.sound, begin, std::max(begin, whole_hour(end - 1ms)));
  const auto found = read(key.first, {from, end});
  if (!found) {
    chunks_.erase(key);
    return std::unexpected(found.error());
  }
  const auto first = quarters_between(begin, from);
  put_from(first, found->imported, kept.imported);
  put_from(first, found->exported, kept.exported);
  kept.covered.resize(first, 1);
  kept.covered.insert(kept.covered.end(), found->covered.begin(), found->covered.end());
  kept.count = kept.covered.size();
  if (std::ranges::all_of(kept.covered, [](float one) { return one == 1; })) kept.covered.clear();
  kept.read_at = now;
  kept.has_changed = false;
  kept.sound = next;
  if (now < next) {
    // A sample to come may be of the hour that runs, or end a silence.
    const auto at =
        silent_since(kept.covered, quarters_between(begin, std::max(begin, whole_hour(now))));
    kept.sound = whole_hour(begin + static_cast<std::int64_t>(at) * quarter);
  }
  return &kept;
}

std::expected<QuarterHours, StoreError> QuarterBook::circuit(std::string_view id, TimeRange range,
                                                             Timestamp now) {
  const auto changes = look_for_changes(now);
  if (!changes) return std::unexpected(changes.error());
  range.end = std::min(range.end, now);
  auto found = no_quarters(range);
  const auto begun = first();
  if (!begun) return std::unexpected(begun.error());
  if (!*begun || found.imported.empty() || clamps_of(home_, id).empty()) return found;
  const auto from = std::max(range.begin, **begun);
  for (auto month = month_at(from); begin_of_month(month) < range.end; ++month) {
    const auto piece = chunk({std::string(id), month}, now);
    if (!piece) return std::unexpected(piece.error());
    const auto begin = begin_of_month(month);
    for (std::size_t i = 0; i < (*piece)->count; ++i) {
      const auto time = begin + static_cast<std::int64_t>(i) * quarter;
      if (time < found.begin) continue;
      const auto at = quarters_between(found.begin, time);
      if (at >= found.imported.size()) break;
      if (!(*piece)->imported.empty()) found.imported[at] = {(*piece)->imported[i]};
      if (!(*piece)->exported.empty()) found.exported[at] = {(*piece)->exported[i]};
      found.covered[at] = (*piece)->covered.empty() ? 1 : (*piece)->covered[i];
    }
  }
  return found;
}

std::expected<bool, StoreError> QuarterBook::prepare(const std::vector<std::string>& circuits,
                                                     TimeRange range, Timestamp now) {
  const auto changes = look_for_changes(now);
  if (!changes) return std::unexpected(changes.error());
  if (!*changes) return false;
  const auto begun = first();
  if (!begun) return std::unexpected(begun.error());
  if (!*begun) return true;
  const auto end = std::min(range.end, now);
  for (auto month = month_at(std::max(range.begin, **begun)); begin_of_month(month) < end;
       ++month) {
    for (const auto& circuit : circuits) {
      const Key key{circuit, month};
      if (is_known(key, now) || clamps_of(home_, circuit).empty()) continue;
      const auto read = chunk(key, now);
      if (!read) return std::unexpected(read.error());
      return false;
    }
  }
  return true;
}

// The store tells no first time, but a voltage is in every sample: two looks, each finer, find it.
std::expected<std::optional<Timestamp>, StoreError> QuarterBook::first() {
  if (first_) return first_;
  std::set<std::string> devices;
  for (const auto& panel : home_.panels) {
    for (const auto& circuit : panel.circuits) {
      for (const auto& use : circuit.channels) devices.insert(use.device);
    }
  }
  std::optional<Timestamp> earliest;
  for (const auto& device : devices) {
    const auto last = store_.last(device);
    if (!last) return std::unexpected(last.error());
    if (!*last) continue;
    TimeRange range{Timestamp{}, (*last)->time + 1ms};
    for (const std::chrono::milliseconds step : {24h + 0ms, 15min + 0ms}) {
      const auto points = store_.read({device, Quantity::voltage, 0}, range, step);
      if (!points) return std::unexpected(points.error());
      const auto known =
          std::ranges::find_if(points->mean, [](float volts) { return !std::isnan(volts); });
      if (known == points->mean.end()) break;
      range.begin = points->begin + (known - points->mean.begin()) * step;
      range.end = range.begin + step;
    }
    if (range.begin == Timestamp{}) continue;
    earliest = std::min(earliest.value_or(range.begin), range.begin);
  }
  return first_ = earliest;
}

// True: what came before the start has been passed over.
std::expected<bool, StoreError> QuarterBook::look_for_changes(Timestamp now) {
  const auto changes = store_.changes(seen_, changes_at_once);
  if (!changes) return std::unexpected(changes.error());
  Earliest earliest;
  for (const auto& change : *changes) {
    seen_ = change.revision;
    if (first_ && change.minute < *first_) first_.reset();
    auto& minute =
        earliest.try_emplace({change.device, month_at(change.minute)}, change.minute).first->second;
    minute = std::min(minute, change.minute);
  }
  if (!changes->empty()) gaps_.clear();
  if (!knows_changes_) {
    if (changes->size() == changes_at_once) return false;
    knows_changes_ = true;
    // They may have been read before a change that has just been passed over.
    chunks_.clear();
    ++revision_;
  }
  take_changes(earliest);
  follow_ledger();
  if (is_late_ && (now < raised_at_ || now >= raised_at_ + quiet)) {
    ++revision_;
    is_late_ = false;
    raised_at_ = now;
  }
  return true;
}

std::vector<std::string> QuarterBook::circuits_read() const {
  std::vector<std::string> found;
  for (const auto& [key, kept] : chunks_) {
    if (found.empty() || found.back() != key.first) found.push_back(key.first);
  }
  return found;
}

// Energy lies between a sample and the one before it, so what comes next may be in a later month.
void QuarterBook::take_changes(const Earliest& earliest) {
  if (earliest.empty()) return;
  for (const auto& circuit : circuits_read()) {
    const auto devices = devices_of(clamps_of(home_, circuit));
    for (const auto& [of, minute] : earliest) {
      if (!devices.contains(of.first)) continue;
      forget_from({circuit, of.second}, minute);
      for (auto month = of.second; is_silent({circuit, month}, minute + quarter); ++month) {
        if (!chunks_.contains({circuit, month + 1})) break;
        forget_from({circuit, month + 1}, begin_of_month(month + 1));
      }
    }
  }
}

// What it has counted is finer than what was read before it had.
void QuarterBook::follow_ledger() {
  auto* ledger = ledger_ ? ledger_() : nullptr;
  if (!ledger || ledger->revision() == followed_) return;
  for (const auto& circuit : circuits_read()) {
    const auto hours = ledger->changed(circuit, followed_, hours_at_once);
    for (const auto& hour : hours) forget_from({circuit, month_at(hour.begin)}, hour.begin);
    if (hours.size() < hours_at_once) continue;
    for (const auto& [key, kept] : chunks_) {
      const auto begin = begin_of_month(key.second);
      if (key.first == circuit && begin > hours.back().begin) forget_from(key, begin);
    }
  }
  followed_ = ledger->revision();
}

// What a month has from this time on is to be read again, and where nothing was measured just
// before it, that as well: what is counted over a gap lies evenly in it.
void QuarterBook::forget_from(const Key& key, Timestamp time) {
  const auto found = chunks_.find(key);
  if (found == chunks_.end()) return;
  auto& kept = found->second;
  const auto begin = begin_of_month(key.second), next = begin_of_month(key.second + 1);
  const auto at = silent_since(kept.covered, quarters_between(begin, time));
  const auto from = whole_hour(begin + static_cast<std::int64_t>(at) * quarter);
  if (at == 0) forget_from({key.first, key.second - 1}, begin);
  if (from >= kept.sound) return;
  kept.sound = from;
  kept.has_changed = true;
  is_late_ |= kept.read_at >= next || from + late_from < kept.read_at;
}

// Nothing of a month is known to have been measured from this time on.
bool QuarterBook::is_silent(const Key& key, Timestamp from) const {
  const auto found = chunks_.find(key);
  if (found == chunks_.end()) return true;
  const auto& [count, imported, exported, covered, read_at, sound, has_changed] = found->second;
  const auto begin = begin_of_month(key.second);
  const auto first = from > begin ? quarters_between(begin, from) : 0;
  if (first >= count) return true;
  return !covered.empty() && std::all_of(covered.begin() + static_cast<std::ptrdiff_t>(first),
                                         covered.end(), [](float one) { return one == 0; });
}

// The newest first.
std::vector<QuarterBook::Key> QuarterBook::due(Timestamp now, Timestamp begun) const {
  std::vector<Key> keys;
  const auto from = month_at(std::max(begun, now - prepared));
  for (auto month = month_at(now); month >= from; --month) {
    for (const auto& circuit : panel_at(home_, now).circuits) {
      if (circuit.channels.empty()) continue;
      const auto found = chunks_.find({circuit.id, month});
      const bool is_read = found != chunks_.end();
      const bool may_rest =
          is_read && (!found->second.has_changed ||
                      (now >= found->second.read_at && now < found->second.read_at + quiet));
      if (!may_rest) keys.emplace_back(circuit.id, month);
    }
  }
  return keys;
}

std::expected<bool, StoreError> QuarterBook::step(Timestamp now) {
  const auto changes = look_for_changes(now);
  if (!changes) return std::unexpected(changes.error());
  if (!*changes) return false;
  const auto begun = first();
  if (!begun) return std::unexpected(begun.error());
  const auto keys = *begun ? due(now, **begun) : std::vector<Key>();
  is_ready_ = keys.size() <= 1;
  if (keys.empty()) {
    gaps_.clear();
    return true;
  }
  const auto read = chunk(keys.front(), now);
  if (!read) return std::unexpected(read.error());
  return is_ready_;
}

}  // namespace hub
