#include "hub/circuit_energy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using namespace std::chrono_literals;

// What one circuit has gained so far.
struct Sum : ExactEnergy {
  const Circuit* circuit = nullptr;
};

using Rises = std::array<std::array<double, 2>, measurement::max_channels>;  // Imported, exported.

// What the totals rose by since the sample before; `totals` is brought up to this sample.
Rises rises(const Sample& sample, Sample& totals) {
  Rises rise{};
  for (std::size_t c = 0; c < sample.channels(); ++c) {
    for (const auto quantity : {Quantity::imported, Quantity::exported}) {
      const auto total = sample.steps(quantity, c);
      const auto before = totals.steps(quantity, c).value_or(0);
      if (!total || *total <= before) continue;
      rise[c][quantity == Quantity::exported] = static_cast<double>(*total - before);
      totals.put_steps(quantity, c, *total);
    }
  }
  return rise;
}

bool is_netted(const Circuit& circuit) {
  return circuit.netting == Netting::sum && circuit.channels.size() > 1;
}

void count(const Rises& rise, const std::string& device, Sum& sum) {
  const auto& circuit = *sum.circuit;
  double net = 0;
  for (const auto& use : circuit.channels) {
    if (use.device != device || use.channel >= rise.size()) continue;
    const auto& [imported, exported] = rise[use.channel];
    if (is_netted(circuit)) {
      net += use.multiplier * (imported - exported);
    } else {
      const double times = std::abs(use.multiplier);
      sum.imported += times * (use.multiplier < 0 ? exported : imported);
      sum.exported += times * (use.multiplier < 0 ? imported : exported);
    }
  }
  (net > 0 ? sum.imported : sum.exported) += std::abs(net);
}

// Then it does not matter which channel gained when.
bool goes_one_way(const Circuit& circuit, std::string_view device, const Rises& gained) {
  bool is_drawn = false, is_produced = false;
  for (const auto& use : circuit.channels) {
    if (use.device != device || use.channel >= gained.size()) continue;
    const auto& [imported, exported] = gained[use.channel];
    is_drawn |= (use.multiplier < 0 ? exported : imported) > 0;
    is_produced |= (use.multiplier < 0 ? imported : exported) > 0;
  }
  return !is_drawn || !is_produced;
}

std::vector<const Circuit*> circuits_of(const Panel& panel, std::string_view device) {
  std::vector<const Circuit*> found;
  for (const auto& circuit : panel.circuits) {
    if (circuit.channels.empty() || circuit.channels.front().device != device) continue;
    found.push_back(&circuit);
  }
  return found;
}

// What each channel of the circuits gained in a whole hour, from the store's roll-ups; absent where
// there is nothing.
std::expected<std::optional<Rises>, StoreError> gained_in_hour(
    std::span<const Circuit* const> circuits, const std::string& device, TimeRange hour,
    Store& store) {
  Rises gained{};
  bool is_any = false;
  for (const auto* circuit : circuits) {
    for (const auto& use : circuit->channels) {
      if (use.device != device || use.channel >= gained.size()) continue;
      for (const auto quantity : {Quantity::imported, Quantity::exported}) {
        const auto points = store.read({device, quantity, use.channel}, hour, 1h);
        if (!points) return std::unexpected(points.error());
        const double gain = points->gained.front();
        if (std::isnan(gain)) continue;
        gained[use.channel][quantity == Quantity::exported] = gain;
        is_any = true;
      }
    }
  }
  return is_any ? std::optional(gained) : std::nullopt;
}

using Energies = std::map<std::string, ExactEnergy>;

// Absent where only the samples tell.
std::expected<std::optional<Energies>, StoreError> energy_of_hour(const Panel& panel,
                                                                  const std::string& device,
                                                                  TimeRange hour, Store& store) {
  Energies energies;
  const auto circuits = circuits_of(panel, device);
  if (circuits.empty()) return energies;
  const auto gained = gained_in_hour(circuits, device, hour, store);
  if (!gained) return std::unexpected(gained.error());
  if (!*gained) return std::nullopt;
  for (const auto* circuit : circuits) {
    if (is_netted(*circuit) && !goes_one_way(*circuit, device, **gained)) return std::nullopt;
    Sum sum;
    sum.circuit = circuit;
    count(**gained, device, sum);
    energies[circuit->id] = sum;
  }
  return energies;
}

std::uint64_t channels_with_totals(std::span<const Store::Kept> samples) {
  std::uint64_t channels = 0;
  for (const auto& [boot, stream, time, sample] : samples) {
    for (std::size_t c = 0; c < sample.channels(); ++c) {
      const bool has = sample.steps(Quantity::imported, c) || sample.steps(Quantity::exported, c);
      channels |= std::uint64_t{has} << c;
    }
  }
  return channels;
}

}  // namespace

Energy rounded(const ExactEnergy& exact) {
  return {{std::llround(exact.imported)}, {std::llround(exact.exported)}};
}

std::expected<std::map<std::string, ExactEnergy>, StoreError> exact_circuit_energy(
    const Home& home, std::string_view device, TimeRange range, Store& store) {
  const std::string name(device);
  const Panel* panel = &panel_at(home, range.begin);
  const bool is_hour = range.end - range.begin == 1h &&
                       std::chrono::floor<std::chrono::hours>(range.begin) == range.begin;
  if (is_hour && &panel_at(home, range.end - 1ms) == panel) {
    auto energies = energy_of_hour(*panel, name, range, store);
    if (!energies) return std::unexpected(energies.error());
    if (*energies) return std::move(**energies);
  }

  auto samples = store.samples(device, range);
  if (!samples) return std::unexpected(samples.error());
  // A boot's streams are one story, told by the time. Mostly there is one, and samples are large.
  const auto order = [](const Store::Kept& kept) { return std::pair(kept.boot, kept.time); };
  if (!std::ranges::is_sorted(*samples, {}, order)) std::ranges::stable_sort(*samples, {}, order);

  std::map<std::string, Sum> sums;
  panel = nullptr;
  std::vector<Sum*> valid;  // Of this panel.
  for (auto begin = samples->begin(); begin != samples->end();) {
    const auto end = std::find_if(
        begin, samples->end(), [&](const Store::Kept& kept) { return kept.boot != begin->boot; });
    auto totals =
        store.totals_before(device, begin->boot, range.begin, channels_with_totals({begin, end}));
    if (!totals) return std::unexpected(totals.error());
    for (; begin != end; ++begin) {
      if (const Panel* now = &panel_at(home, begin->time); now != panel) {
        panel = now;
        valid.clear();
        for (const auto* circuit : circuits_of(*panel, device)) {
          auto& sum = sums[circuit->id];
          sum.circuit = circuit;
          valid.push_back(&sum);
        }
      }
      const auto rise = rises(begin->sample, *totals);
      for (auto* sum : valid) count(rise, name, *sum);
    }
  }

  return Energies(sums.begin(), sums.end());
}

std::expected<std::map<std::string, Energy>, StoreError> circuit_energy(const Home& home,
                                                                        std::string_view device,
                                                                        TimeRange range,
                                                                        Store& store) {
  const auto exact = exact_circuit_energy(home, device, range, store);
  if (!exact) return std::unexpected(exact.error());
  std::map<std::string, Energy> energies;
  for (const auto& [id, energy] : *exact) energies[id] = rounded(energy);
  return energies;
}

}  // namespace hub
