#include "hub/doctor_desk.h"

#include <algorithm>

namespace hub {
namespace {

using insight::wiring::CircuitKind;

CircuitKind kind_of(hub::CircuitKind kind) {
  switch (kind) {
    case hub::CircuitKind::grid:
      return CircuitKind::grid;
    case hub::CircuitKind::solar:
      return CircuitKind::production;
    case hub::CircuitKind::battery:
      return CircuitKind::storage;
    case hub::CircuitKind::ev:
    case hub::CircuitKind::subpanel:
    case hub::CircuitKind::load:
      return CircuitKind::load;
  }
  return CircuitKind::load;
}

}  // namespace

std::vector<std::string> metered_devices(const Home& home, measurement::Timestamp at) {
  std::vector<std::string> devices;
  for (const auto& circuit : panel_at(home, at).circuits) {
    for (const auto& channel : circuit.channels) {
      if (std::ranges::find(devices, channel.device) == devices.end()) {
        devices.push_back(channel.device);
      }
    }
  }
  return devices;
}

insight::wiring::Panel wiring_panel(const Home& home, const std::string& device,
                                    measurement::Timestamp at) {
  const auto& panel = panel_at(home, at);
  const auto meter = std::ranges::find(home.meters, device, &Meter::id);
  insight::wiring::Panel entered{.phases = home.phases,
                                 .nominal = {static_cast<float>(home.nominal_voltage_v)}};
  for (const auto& circuit : panel.circuits) {
    auto& own = entered.circuits.emplace_back();
    own.id = circuit.id;
    own.name = circuit.name;
    own.kind = kind_of(circuit.kind);
    const auto parent = std::ranges::find(panel.circuits, circuit.parent, &Circuit::id);
    if (parent != panel.circuits.end()) {
      own.parent = static_cast<std::size_t>(parent - panel.circuits.begin());
    }
    own.rating_a = circuit.rating_a;
    own.legs = circuit.legs;
    for (const auto& channel : circuit.channels) {
      if (channel.device != device) continue;
      insight::wiring::Clamp clamp{.channel = channel.channel, .multiplier = channel.multiplier};
      const auto chip = measurement::chip_of(channel.channel);
      if (meter != home.meters.end() && chip < meter->chips.size()) {
        const auto& set =
            meter->chips[chip].channels[channel.channel % measurement::channels_per_chip];
        clamp.current_gain =
            static_cast<double>(set.current_gain) * set.multiplier * meter->chips[chip].pga;
        clamp.hardware_multiplier = set.multiplier;
      }
      own.clamps.push_back(clamp);
    }
  }
  if (meter != home.meters.end()) {
    for (const auto& chip : meter->chips) entered.chips.push_back({.cs_pin = chip.cs_pin});
  }
  return entered;
}

std::expected<insight::wiring::Report, StoreError> examine_wiring(Store& store, const Home& home,
                                                                  const std::string& device,
                                                                  std::chrono::minutes length) {
  const auto last = store.last(device);
  if (!last) return std::unexpected(last.error());
  if (!*last) return insight::wiring::Report{};
  const auto end = (*last)->time + std::chrono::milliseconds(1);
  auto kept = store.samples(
      device, {end - std::min<std::chrono::minutes>(length, longest_wiring_look), end});
  if (!kept) return std::unexpected(kept.error());
  std::erase_if(*kept,
                [](const Store::Kept& one) { return one.stream != measurement::Stream::samples; });
  std::ranges::stable_sort(*kept, {}, &Store::Kept::time);
  const auto panel = wiring_panel(home, device, (*last)->time);
  // Chips that the meter has by its description, though none of them was heard.
  std::size_t chips = panel.chips.size();
  for (const auto& one : *kept) chips = std::max(chips, one.sample.chips());
  insight::wiring::Recorder recorder(chips);
  for (const auto& one : *kept) recorder.take(one.time, one.sample);
  return examine(panel, recorder);
}

}  // namespace hub
