#include "hub/history.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace hub {
namespace {

using measurement::Quantity;
using namespace std::chrono_literals;

constexpr float no_value = std::numeric_limits<float>::quiet_NaN();

// So many pieces are netted at most: a month of minutes.
constexpr std::size_t most_netted = 50'000;

// A run of steps whose panel has the circuit, with a clamp.
struct Stretch {
  std::size_t first = 0;  // Of the whole answer's steps.
  Steps steps;
  const Circuit* circuit = nullptr;
};

const Circuit* find_circuit(const Panel& panel, std::string_view id) {
  const auto found = std::ranges::find(panel.circuits, id, &Circuit::id);
  return found == panel.circuits.end() ? nullptr : &*found;
}

std::vector<Stretch> stretches(const Home& home, std::string_view id, const Steps& steps) {
  // The first step that a panel is valid for; the oldest is for all time before it, too.
  const auto first_step = [&](std::size_t panel) {
    if (panel == home.panels.size()) return steps.count;
    const auto since = home.panels[panel].valid_from - steps.begin;
    if (panel == 0 || since <= 0ms) return std::size_t{0};
    return std::min(static_cast<std::size_t>((since + steps.step - 1ms) / steps.step), steps.count);
  };
  std::vector<Stretch> found;
  for (std::size_t panel = 0; panel < home.panels.size(); ++panel) {
    const auto first = first_step(panel), end = first_step(panel + 1);
    const auto* circuit = find_circuit(home.panels[panel], id);
    if (first >= end || !circuit || circuit->channels.empty()) continue;
    found.push_back({first, {steps.at(first), steps.step, end - first}, circuit});
  }
  return found;
}

// Adds a column of a store's answer, each value times a factor, to the steps that were asked for;
// what it does not have is NaN.
void add_column(std::span<float> sum, const std::vector<float>& values, const Points& points,
                const Steps& steps, float factor) {
  const auto shift = (steps.begin - points.begin) / points.step;
  const auto begin = std::clamp<std::int64_t>(-shift, 0, std::ssize(sum));
  const auto end = std::clamp<std::int64_t>(std::ssize(values) - shift, begin, std::ssize(sum));
  std::fill(sum.begin(), sum.begin() + begin, no_value);
  for (auto i = begin; i < end; ++i) {
    sum[static_cast<std::size_t>(i)] += factor * values[static_cast<std::size_t>(i + shift)];
  }
  std::fill(sum.begin() + end, sum.end(), no_value);
}

std::expected<Points, StoreError> read(Store& store, const ChannelUse& use, Quantity quantity,
                                       const Steps& steps, Columns columns = Columns::all) {
  return store.read({use.device, quantity, use.channel}, {steps.begin, steps.end()}, steps.step,
                    columns);
}

// Where the power of a stretch goes; empty what is not asked for.
struct Power {
  std::span<float> mean, min, max;

  bool is_wanted() const { return !mean.empty() || !min.empty() || !max.empty(); }
  bool has_extremes() const { return !min.empty() || !max.empty(); }
};

std::expected<void, StoreError> add_power_of_one_channel(const ChannelUse& use, const Steps& steps,
                                                         Store& store, const Power& power) {
  const auto points = read(store, use, Quantity::active_power, steps,
                           power.has_extremes() ? Columns::all : Columns::mean);
  if (!points) return std::unexpected(points.error());
  const auto factor = static_cast<float>(use.multiplier);
  const auto put = [&](std::span<float> to, const std::vector<float>& values) {
    std::ranges::fill(to, 0.0f);
    add_column(to, values, *points, steps, factor);
  };
  put(power.mean, points->mean);
  put(power.min, factor < 0 ? points->max : points->min);
  put(power.max, factor < 0 ? points->min : points->max);
  return {};
}

// The circuit's mean power of each step.
std::expected<void, StoreError> add_mean_power(const Circuit& circuit, const Steps& steps,
                                               Store& store, std::span<float> sum) {
  std::ranges::fill(sum, 0.0f);
  for (const auto& use : circuit.channels) {
    const auto points = read(store, use, Quantity::active_power, steps, Columns::mean);
    if (!points) return std::unexpected(points.error());
    add_column(sum, points->mean, *points, steps, static_cast<float>(use.multiplier));
  }
  return {};
}

std::expected<void, StoreError> add_power(const Circuit& circuit, const Steps& steps, Store& store,
                                          const Power& power) {
  if (circuit.channels.size() == 1) {
    return add_power_of_one_channel(circuit.channels[0], steps, store, power);
  }
  if (!power.mean.empty()) {
    const auto done = add_mean_power(circuit, steps, store, power.mean);
    if (!done) return done;
  }
  if (!power.has_extremes()) return {};
  const auto points = store.read(power_of(circuit), {steps.begin, steps.end()}, steps.step);
  if (!points) return std::unexpected(points.error());
  const auto put = [&](std::span<float> to, const std::vector<float>& values) {
    std::ranges::fill(to, 0.0f);
    add_column(to, values, *points, steps, 1);
  };
  put(power.min, points->min);
  put(power.max, points->max);
  return {};
}

// Of each step, in mWh; NaN where none was counted.
struct Energies {
  explicit Energies(std::size_t count) : imported(count, not_counted), exported(imported) {}

  static constexpr double not_counted = std::numeric_limits<double>::quiet_NaN();
  static void add(double& to, double mwh) { to = std::isnan(to) ? mwh : to + mwh; }

  std::vector<double> imported, exported;
};

// What a channel gained, as the circuit counts it.
std::expected<void, StoreError> add_gains(const ChannelUse& use, const Steps& steps, Store& store,
                                          Energies& energies) {
  const bool is_turned = use.multiplier < 0;
  for (const auto quantity : {Quantity::imported, Quantity::exported}) {
    const auto points = read(store, use, quantity, steps);
    if (!points) return std::unexpected(points.error());
    auto& to =
        (quantity == Quantity::imported) != is_turned ? energies.imported : energies.exported;
    const auto shift = (steps.begin - points->begin) / points->step;
    const auto& gained = points->gained;
    for (std::size_t i = 0; i < steps.count; ++i) {
      const auto at = static_cast<std::int64_t>(i) + shift;
      if (at < 0 || at >= std::ssize(gained)) continue;
      const double mwh = gained[static_cast<std::size_t>(at)];
      if (!std::isnan(mwh)) Energies::add(to[i], std::abs(use.multiplier) * mwh);
    }
  }
  return {};
}

// The same time in the shortest whole minutes that divide its steps and are not too many.
Steps netting_steps(const Steps& steps) {
  if (steps.step <= 1min) return steps;
  const auto whole = static_cast<std::size_t>(steps.step / 1min);
  for (std::size_t minutes = 1; minutes < whole; ++minutes) {
    const auto count = steps.count * (whole / minutes);
    if (whole % minutes == 0 && count <= most_netted) {
      return {steps.begin, std::chrono::minutes(minutes), count};
    }
  }
  return steps;
}

std::expected<Energies, StoreError> netted(const Circuit& circuit, const Steps& steps,
                                           Store& store) {
  const Steps cut = netting_steps(steps);
  std::vector<double> net(cut.count, Energies::not_counted);
  for (const auto& use : circuit.channels) {
    Energies channel(cut.count);
    const auto done = add_gains(use, cut, store, channel);
    if (!done) return std::unexpected(done.error());
    for (std::size_t i = 0; i < net.size(); ++i) {
      if (!std::isnan(channel.imported[i])) Energies::add(net[i], channel.imported[i]);
      if (!std::isnan(channel.exported[i])) Energies::add(net[i], -channel.exported[i]);
    }
  }
  Energies energies(steps.count);
  for (std::size_t i = 0; i < net.size(); ++i) {
    if (std::isnan(net[i])) continue;
    const auto step = i / (cut.count / steps.count);
    Energies::add(energies.imported[step], std::max(net[i], 0.0));
    Energies::add(energies.exported[step], std::max(-net[i], 0.0));
  }
  return energies;
}

std::expected<Energies, StoreError> energies_of(const Circuit& circuit, const Steps& steps,
                                                Store& store) {
  if (circuit.netting == Netting::sum && circuit.channels.size() > 1) {
    return netted(circuit, steps, store);
  }
  Energies energies(steps.count);
  for (const auto& use : circuit.channels) {
    const auto done = add_gains(use, steps, store, energies);
    if (!done) return std::unexpected(done.error());
  }
  return energies;
}

double sum_of(const std::vector<double>& mwh) {
  double sum = 0;
  for (const double one : mwh) sum += std::isnan(one) ? 0 : one;
  return sum;
}

}  // namespace

Steps steps_over(TimeRange range, std::chrono::milliseconds step) {
  const auto first =
      range.begin.time_since_epoch() / step;  // Times before 1970 are refused earlier.
  const auto last = (range.end.time_since_epoch() + step - 1ms) / step;
  return {measurement::Timestamp(first * step), step, static_cast<std::size_t>(last - first)};
}

std::expected<CircuitHistory, StoreError> history(const Home& home, std::string_view circuit,
                                                  const Steps& steps, Store& store,
                                                  HistoryColumns columns) {
  CircuitHistory result;
  if (columns.mean) result.mean.assign(steps.count, no_value);
  if (columns.min) result.min.assign(steps.count, no_value);
  if (columns.max) result.max.assign(steps.count, no_value);
  if (columns.energy) {
    result.step_imported.assign(steps.count, Energies::not_counted);
    result.step_exported = result.step_imported;
  }
  double imported = 0, exported = 0;
  for (const auto& [first, cut, then] : stretches(home, circuit, steps)) {
    const auto part = [&, from = first, count = cut.count](std::vector<float>& column) {
      return column.empty() ? std::span<float>() : std::span(column).subspan(from, count);
    };
    const Power power{part(result.mean), part(result.min), part(result.max)};
    if (power.is_wanted()) {
      const auto done = add_power(*then, cut, store, power);
      if (!done) return std::unexpected(done.error());
    }
    if (!columns.energy && !columns.total) continue;
    const auto energies = energies_of(*then, cut, store);
    if (!energies) return std::unexpected(energies.error());
    if (columns.energy) {
      const auto at = static_cast<std::ptrdiff_t>(first);
      std::ranges::copy(energies->imported, result.step_imported.begin() + at);
      std::ranges::copy(energies->exported, result.step_exported.begin() + at);
    }
    if (columns.total) {
      imported += sum_of(energies->imported);
      exported += sum_of(energies->exported);
    }
  }
  result.imported = {std::llround(imported)};
  result.exported = {std::llround(exported)};
  return result;
}

}  // namespace hub
