#include "hub/doctor_desk.h"

#include <algorithm>
#include <utility>

#include "insight/wiring/wiring_words.h"

namespace hub {
namespace {

using insight::wiring::CircuitKind;
using measurement::Timestamp;

constexpr auto read_at_once = std::chrono::minutes(5);

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

WiringLook::WiringLook(Store& store, const Home& home, std::string device,
                       std::chrono::minutes length, Timestamp since)
    : store_(&store),
      home_(&home),
      length_(std::min<std::chrono::minutes>(length, longest_wiring_look)),
      since_(since),
      found_{.device = std::move(device)} {}

std::expected<void, StoreError> WiringLook::begin() {
  const auto last = store_->last(found_.device);
  if (!last) return std::unexpected(last.error());
  std::size_t chips = 0;
  if (*last) {
    found_.until = (*last)->time;
    chips = (*last)->sample.chips();
  }
  found_.panel = wiring_panel(*home_, found_.device, found_.until);
  // Chips that the meter has by its description, though none of them was heard.
  recorder_.emplace(std::max(chips, found_.panel.chips.size()));
  end_ = found_.until + std::chrono::milliseconds(1);
  next_ = *last ? std::max<Timestamp>(end_ - length_, since_) : end_;
  return {};
}

std::expected<std::optional<WiringExamination>, StoreError> WiringLook::step() {
  if (!recorder_) {
    if (const auto begun = begin(); !begun) return std::unexpected(begun.error());
  }
  if (next_ >= end_) {
    if (!examining_) examining_.emplace(found_.panel, std::move(*recorder_));
    auto report = examining_->step();
    if (!report) return std::nullopt;
    found_.report = std::move(*report);
    return std::move(found_);
  }
  const auto until = std::min<Timestamp>(next_ + read_at_once, end_);
  auto kept = store_->samples(found_.device, {next_, until});
  if (!kept) return std::unexpected(kept.error());
  std::erase_if(*kept,
                [](const Store::Kept& one) { return one.stream != measurement::Stream::samples; });
  std::ranges::stable_sort(*kept, {}, &Store::Kept::time);
  for (const auto& one : *kept) recorder_->take(one.time, one.sample);
  next_ = until;
  return std::nullopt;
}

std::expected<WiringExamination, StoreError> examine_wiring(Store& store, const Home& home,
                                                            const std::string& device,
                                                            std::chrono::minutes length) {
  WiringLook look(store, home, device, length);
  while (true) {
    auto found = look.step();
    if (!found) return std::unexpected(found.error());
    if (*found) return std::move(**found);
  }
}

const std::vector<WiringExamination>& DoctorDesk::ask(Timestamp now) {
  const bool is_old = !looked_ || now - *looked_ >= good_for || now < *looked_;
  if (!is_looking() && is_old) {
    coming_.clear();
    for (const auto& device : metered_devices(home_, now)) {
      waiting_.emplace_back(store_, home_, device, longest_wiring_look, since_);
    }
    looked_ = now;
  }
  return found_;
}

void DoctorDesk::begin_anew(Timestamp now) {
  waiting_.clear();
  found_.clear();
  looked_.reset();
  since_ = now;
}

std::expected<bool, StoreError> DoctorDesk::step(Timestamp now) {
  if (waiting_.empty()) return true;
  auto found = waiting_.front().step();
  if (!found) {
    // Asked again, it begins anew.
    waiting_.clear();
    looked_.reset();
    return std::unexpected(found.error());
  }
  if (!*found) return false;
  coming_.push_back(std::move(**found));
  waiting_.pop_front();
  if (!waiting_.empty()) return false;
  found_ = std::exchange(coming_, {});
  looked_ = now;
  return true;
}

std::vector<NotSeen> not_seen(const WiringExamination& examination) {
  std::vector<NotSeen> all;
  for (const auto channel : examination.report.silent) {
    const auto circuits = circuits_of(examination.panel, {channel});
    all.push_back({.circuit = circuits.empty() ? "" : circuits.front(),
                   .where = clamp_name(examination.panel, channel),
                   .why = "Too little flows through it: switch something on and off behind it."});
  }
  return all;
}

std::vector<NotSeen> without_clamp(const Home& home, Timestamp at) {
  std::vector<NotSeen> all;
  for (const auto& circuit : panel_at(home, at).circuits) {
    if (!circuit.channels.empty()) continue;
    all.push_back({.circuit = circuit.id,
                   .where = circuit.name.empty() ? circuit.id : circuit.name,
                   .why = "It has no clamp."});
  }
  return all;
}

std::vector<std::string> circuits_of(const insight::wiring::Panel& panel,
                                     const std::vector<std::size_t>& channels) {
  std::vector<std::string> ids;
  for (const auto& circuit : panel.circuits) {
    const bool has_one = std::ranges::any_of(circuit.clamps, [&](const auto& clamp) {
      return std::ranges::find(channels, clamp.channel) != channels.end();
    });
    if (has_one) ids.push_back(circuit.id);
  }
  return ids;
}

}  // namespace hub
