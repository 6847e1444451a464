#include "hub/own_loads.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace hub {

using measurement::Quantity;

namespace {

bool is_metered(const Circuit& circuit) { return !circuit.channels.empty(); }

bool produces(const Circuit& circuit) {
  return circuit.kind == CircuitKind::solar || circuit.kind == CircuitKind::battery;
}

// The sum over the clamps; NaN where one of them has none.
template <Quantity quantity>
float sum_of(const Circuit& circuit, const measurement::Sample& sample) {
  double sum = 0;
  for (const auto& use : circuit.channels) {
    if (use.channel >= sample.channels()) return insight::detail::not_measured;
    const auto value = sample.get<quantity>(use.channel);
    if (!value) return insight::detail::not_measured;
    sum += use.multiplier * static_cast<double>(value->value);
  }
  return static_cast<float>(sum);
}

}  // namespace

std::vector<OwnLoad> own_loads(const Panel& panel) {
  const auto grids = std::ranges::count(panel.circuits, CircuitKind::grid, &Circuit::kind);
  const auto is_under = [&](const Circuit& circuit, const Circuit& parent) {
    if (&circuit == &parent || circuit.kind == CircuitKind::grid) return false;
    if (!circuit.parent.empty()) return circuit.parent == parent.id;
    return grids == 1 && parent.kind == CircuitKind::grid;
  };
  // One without a clamp stands for what hangs under it. Parents make no loops: check() saw to it.
  std::function<void(const Circuit&, std::vector<const Circuit*>&)> add_metered_under =
      [&](const Circuit& parent, std::vector<const Circuit*>& found) {
        for (const auto& circuit : panel.circuits) {
          if (!is_under(circuit, parent)) continue;
          if (is_metered(circuit)) {
            found.push_back(&circuit);
          } else {
            add_metered_under(circuit, found);
          }
        }
      };
  std::vector<OwnLoad> loads;
  for (const auto& circuit : panel.circuits) {
    if (!is_metered(circuit) || produces(circuit)) continue;
    add_metered_under(circuit, loads.emplace_back(&circuit, std::vector<const Circuit*>{}).less);
  }
  return loads;
}

std::string clamps_of(const Circuit& circuit) {
  std::string text;
  for (const auto& use : circuit.channels) {
    text +=
        fmt::format("{}{}/{}*{}", text.empty() ? "" : " ", use.device, use.channel, use.multiplier);
  }
  return text;
}

insight::ChannelFacts facts_of(const Home& home, const OwnLoad& load,
                               std::optional<std::chrono::minutes> utc_offset) {
  const auto& circuit = *load.circuit;
  insight::ChannelFacts facts{
      .is_mains = circuit.kind == CircuitKind::grid,
      .nominal_voltage = {static_cast<float>(home.nominal_voltage_v)},
      .rating_a = circuit.rating_a,
      .poles = circuit.poles,
      .words = circuit.name,
      .utc_offset = utc_offset,
  };
  if (!circuit.room.empty()) facts.words += ", " + circuit.room;
  return facts;
}

insight::Reading reading_of(const Circuit& circuit, measurement::Timestamp time,
                            const measurement::Sample& sample) {
  insight::Reading reading{.time = time,
                           .active_power = {sum_of<Quantity::active_power>(circuit, sample)},
                           .reactive_power = {sum_of<Quantity::reactive_power>(circuit, sample)},
                           .harmonic_power = {sum_of<Quantity::harmonic_power>(circuit, sample)}};
  for (const auto& use : circuit.channels) {
    if (use.channel >= sample.channels()) continue;
    const auto chip = measurement::chip_of(use.channel);
    const auto voltage = sample.get<Quantity::voltage>(chip);
    if (voltage && std::isnan(reading.voltage.value)) reading.voltage = *voltage;
    const auto peak = sample.get<Quantity::peak_current>(use.channel);
    if (peak) reading.peak_current.value = std::fmax(reading.peak_current.value, peak->value);
  }
  return reading;
}

insight::Reading without(const insight::Reading& circuit, const insight::Reading& under) {
  auto rest = circuit;
  rest.active_power = circuit.active_power - under.active_power;
  rest.reactive_power = circuit.reactive_power - under.reactive_power;
  rest.harmonic_power = circuit.harmonic_power - under.harmonic_power;
  rest.peak_current = {insight::detail::not_measured};  // Peaks do not add up.
  return rest;
}

}  // namespace hub
