#include "hub/circuit_energy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;

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

void count(const Rises& rise, const std::string& device, Sum& sum) {
  const auto& circuit = *sum.circuit;
  const bool is_netted = circuit.netting == Netting::sum && circuit.channels.size() > 1;
  double net = 0;
  for (const auto& use : circuit.channels) {
    if (use.device != device || use.channel >= rise.size()) continue;
    const auto& [imported, exported] = rise[use.channel];
    if (is_netted) {
      net += use.multiplier * (imported - exported);
    } else {
      const double times = std::abs(use.multiplier);
      sum.imported += times * (use.multiplier < 0 ? exported : imported);
      sum.exported += times * (use.multiplier < 0 ? imported : exported);
    }
  }
  (net > 0 ? sum.imported : sum.exported) += std::abs(net);
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
  auto samples = store.samples(device, range);
  if (!samples) return std::unexpected(samples.error());
  // A boot's streams are one story, told by the time. Mostly there is one, and samples are large.
  const auto order = [](const Store::Kept& kept) { return std::pair(kept.boot, kept.time); };
  if (!std::ranges::is_sorted(*samples, {}, order)) std::ranges::stable_sort(*samples, {}, order);

  const std::string name(device);
  std::map<std::string, Sum> sums;
  const Panel* panel = nullptr;
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
        for (const auto& circuit : panel->circuits) {
          if (circuit.channels.empty() || circuit.channels.front().device != device) continue;
          auto& sum = sums[circuit.id];
          sum.circuit = &circuit;
          valid.push_back(&sum);
        }
      }
      const auto rise = rises(begin->sample, *totals);
      for (auto* sum : valid) count(rise, name, *sum);
    }
  }

  return std::map<std::string, ExactEnergy>(sums.begin(), sums.end());
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
