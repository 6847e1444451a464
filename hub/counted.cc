#include "hub/counted.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <span>
#include <vector>

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::size_t most_gaps = 300;  // That are looked into; more count as not seen.
constexpr auto around_gap = 70s;        // A meter samples at least once a minute.

double hours(Timestamp::duration time) {
  return std::chrono::duration<double, std::ratio<3600>>(time).count();
}

Timestamp floor_to(Timestamp time, std::chrono::milliseconds step) {
  return time - time.time_since_epoch() % step;
}
Timestamp ceil_to(Timestamp time, std::chrono::milliseconds step) {
  const auto whole = floor_to(time, step);
  return whole == time ? time : whole + step;
}

const Circuit* find_at(const Home& home, const std::string& id, Timestamp at) {
  const auto& circuits = panel_at(home, at).circuits;
  const auto found = std::ranges::find(circuits, id, &Circuit::id);
  return found == circuits.end() ? nullptr : &*found;
}

// Sums a channel up over a range that begins and ends anywhere, in kWh: by the longest steps that
// fit, so that of none but a second only a part is taken. What ends a gap has all of it.
class Totals {
 public:
  explicit Totals(Store& store) : store_(store) {}

  double of(const Series& series, TimeRange range) { return within(series, range, levels); }
  bool has_failed() const { return has_failed_; }

 private:
  static constexpr std::array<std::chrono::milliseconds, 3> levels = {1h, 1min, 1s};

  double within(const Series& series, TimeRange range,
                std::span<const std::chrono::milliseconds> by) {
    if (by.size() == 1) return steps(series, range, by[0]);
    const auto begin = ceil_to(range.begin, by[0]), end = floor_to(range.end, by[0]);
    if (begin >= end) return within(series, range, by.subspan(1));
    return within(series, {range.begin, begin}, by.subspan(1)) +
           steps(series, {begin, end}, by[0]) + within(series, {end, range.end}, by.subspan(1));
  }

  double steps(const Series& series, TimeRange range, std::chrono::milliseconds step) {
    if (range.begin >= range.end) return 0;
    const auto points =
        store_.read(series, {floor_to(range.begin, step), ceil_to(range.end, step)}, step);
    if (!points) {
      has_failed_ = true;
      return 0;
    }
    double sum = 0;
    for (std::size_t i = 0; i < points->gained.size(); ++i) {
      const auto at = points->begin + static_cast<std::int64_t>(i) * step;
      const auto part = std::min(at + step, range.end) - std::max(at, range.begin);
      if (part <= 0ms || std::isnan(points->gained[i])) continue;
      sum +=
          points->gained[i] * static_cast<double>(part.count()) / static_cast<double>(step.count());
    }
    return sum * 1e-6;
  }

  Store& store_;
  bool has_failed_ = false;
};

// Whether one start of the meter counted through it.
bool is_bridged(Store& store, const std::string& device, TimeRange gap) {
  const auto boots = [&](TimeRange range) {
    std::set<std::uint64_t> found;
    if (const auto kept = store.samples(device, range)) {
      for (const auto& sample : *kept) found.insert(sample.boot);
    }
    return found;
  };
  const auto before = boots({gap.begin - around_gap, gap.begin + 1ms});
  const auto after = boots({gap.end, gap.end + around_gap});
  return std::ranges::any_of(before, [&](auto boot) { return after.contains(boot); });
}

// What no total of a circuit's clamps has.
std::expected<Timestamp::duration, StoreError> unseen(Store& store, const Circuit& circuit,
                                                      TimeRange range) {
  const auto& device = circuit.channels[0].device;
  const auto gaps = store.gaps(device, range);
  if (!gaps) return std::unexpected(gaps.error());
  Timestamp::duration sum{};
  std::size_t looked = 0;
  for (const auto& gap : *gaps) {
    const bool is_ours =
        !gap.channel || std::ranges::any_of(circuit.channels, [&](const ChannelUse& use) {
          return use.channel == *gap.channel;
        });
    if (!is_ours) continue;
    // A channel whose reading failed a check is counted on by its totals.
    if (gap.channel || (++looked <= most_gaps && is_bridged(store, device, gap.range))) continue;
    sum += std::min(gap.range.end, range.end) - std::max(gap.range.begin, range.begin);
  }
  return sum;
}

struct Flow {
  double watts = 0, vars = 0;  // Means of what flowed, without signs.
  Timestamp first{}, end{};    // Hours that have anything; equal: none has.
};

std::expected<Flow, StoreError> flow_of(Store& store, const Circuit& circuit, TimeRange range) {
  Flow flow{.first = range.end, .end = range.begin};
  double known = 0;
  const auto step = hours(range.end - range.begin) > 10 ? std::chrono::milliseconds(1h) : 1min;
  for (const auto& use : circuit.channels) {
    const auto power = store.read({use.device, Quantity::active_power, use.channel}, range, step);
    const auto reactive =
        store.read({use.device, Quantity::reactive_power, use.channel}, range, step);
    if (!power) return std::unexpected(power.error());
    for (std::size_t i = 0; i < power->mean.size(); ++i) {
      const double watts = static_cast<double>(power->mean[i]);
      if (std::isnan(watts)) continue;
      const auto at = power->begin + static_cast<std::int64_t>(i) * step;
      flow.first = std::min(flow.first, at);
      flow.end = std::max(flow.end, at + step);
      ++known;
      flow.watts += std::abs(use.multiplier * watts);
      const double vars =
          reactive && i < reactive->mean.size() ? static_cast<double>(reactive->mean[i]) : NAN;
      if (!std::isnan(vars)) flow.vars += std::abs(use.multiplier * vars);
    }
  }
  const double steps = known / static_cast<double>(circuit.channels.size());
  if (steps > 0) {
    flow.watts /= steps;
    flow.vars /= steps;
  }
  return flow;
}

}  // namespace

std::expected<insight::CountedMeanwhile, std::string> counted(Store& store, const Home& home,
                                                              const std::string& id,
                                                              TimeRange range,
                                                              std::chrono::seconds clock,
                                                              double phase_degrees) {
  const auto failed = [](StoreError error) {
    return std::unexpected(fmt::format("The store: {}.", sentence(error)));
  };
  const auto* circuit = find_at(home, id, range.end);
  const auto* before = find_at(home, id, range.begin);
  if (!circuit || circuit->channels.empty() || !before || before->channels != circuit->channels) {
    return std::unexpected("The panel had other clamps at the reading before.");
  }
  insight::CountedMeanwhile sum{.is_of_several = circuit->channels.size() > 1};
  Totals totals(store);
  for (const auto& use : circuit->channels) {
    const double times = std::abs(use.multiplier);
    const double in = times * totals.of({use.device, Quantity::imported, use.channel}, range);
    const double out = times * totals.of({use.device, Quantity::exported, use.channel}, range);
    sum.imported_kwh += use.multiplier < 0 ? out : in;
    sum.exported_kwh += use.multiplier < 0 ? in : out;
  }
  const auto flow = flow_of(store, *circuit, range);
  const auto gone = unseen(store, *circuit, range);
  if (totals.has_failed() || !flow || !gone) {
    return failed(!flow ? flow.error() : !gone ? gone.error() : StoreError::unavailable);
  }
  if (flow->first >= flow->end) {
    return std::unexpected("Nothing was measured between the two readings.");
  }
  // Nor is there anything before the first sample, or after the last.
  auto missing = *gone;
  const auto slack = 1min;
  if (flow->first > range.begin + slack) missing += flow->first - range.begin;
  if (flow->end + slack < range.end) missing += range.end - flow->end;
  const double kw = flow->watts / 1000;
  sum.unseen_kwh = 2 * kw * hours(missing);
  sum.clock_kwh = std::numbers::sqrt2 * kw * hours(clock);
  const double radians = phase_degrees * std::numbers::pi / 180;
  sum.phase_percent =
      flow->watts > 0 ? 100 * (radians * flow->vars / flow->watts + radians * radians / 2) : 0;
  return sum;
}

}  // namespace hub
