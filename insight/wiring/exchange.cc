#include "insight/wiring/exchange.h"

#include <algorithm>
#include <cmath>

namespace insight::wiring {
namespace {

// Whether a leg's circuits take more than its clamp sees, most of the time; where nothing is
// produced.
bool is_overdrawn(const MeasuredPanel& measured, const Feeder& feeder, std::size_t leg) {
  const auto& recorder = measured.recorder();
  if (measured.has_production()) return false;
  if (measured.panel().circuits[feeder.circuit].kind != CircuitKind::grid) return false;
  const auto size_at = [&](std::size_t at, std::size_t channel) {
    const auto& point = recorder.point(at, channel);
    return static_cast<double>(std::hypot(point.watts, point.vars));
  };
  const auto is_on_leg = [&](const Clamped& one) {
    const auto& circuit = measured.circuit_of(one);
    if (!one.is_measured || one.like || one.own_leg != static_cast<int>(leg) + 1) return false;
    return circuit.kind == CircuitKind::load &&
           (!circuit.parent || *circuit.parent == feeder.circuit);
  };
  std::size_t times = 0, over = 0;
  for (std::size_t at = 0; at < recorder.size(); ++at) {
    const double in = size_at(at, measured.clamps()[feeder.legs[leg]].channel);
    if (!(in >= 0)) continue;
    double out = 0;
    for (const auto& one : measured.clamps()) {
      if (!is_on_leg(one)) continue;
      const double size = size_at(at, one.channel);
      if (size >= 0) out += size;
    }
    ++times;
    if (out > 1.25 * in + 60) ++over;
  }
  return times > 0 && over * 2 > times;
}

// How much does not fit of what changes.
double badness(const MeasuredPanel& measured) {
  double bad = 0;
  for (const auto& one : measured.clamps()) {
    if (measured.is_of_grid(one) || one.shares.empty()) continue;
    if (one.follows_none || is_misplaced(measured, one)) bad += 1;
    if (!one.follows_none && !one.turn) bad += 0.5;
  }
  for (const auto& feeder : measured.feeders()) {
    for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
      if (feeder.legs[leg] != Feeder::none && is_overdrawn(measured, feeder, leg)) bad += 1;
    }
  }
  return bad;
}

}  // namespace

bool produces(const MeasuredPanel& measured, const Clamped& one) {
  if (!one.turn || one.level == std::complex<double>()) return false;
  return std::abs(turned(std::arg(one.level) - measured.class_angle(*one.turn))) > 130 * degree;
}

bool fits(const MeasuredPanel& measured, const Clamped& one, const Clamped& entry) {
  const auto& circuit = measured.circuit_of(entry);
  if (!one.is_placed || circuit.legs.empty()) return true;
  const bool is_loud = std::abs(one.level) > 60, is_source = produces(measured, one);
  if (circuit.kind == CircuitKind::production && !is_source && one.turn && is_loud) return false;
  if (circuit.kind == CircuitKind::load && is_source && is_loud) return false;
  if (circuit.legs.size() > 1 && one.follows.size() > 1) return true;
  return one.follows.size() == 1 && entry.own_leg == one.follows[0];
}

std::optional<Channels> exchanged_with_mains(const MeasuredPanel& measured, const Feeder& feeder) {
  const double bad = badness(measured);
  if (bad < 1) return std::nullopt;
  const auto& all = measured.clamps();
  std::optional<Channels> best;
  double least = std::min(bad - 1.5, 0.45 * bad);
  for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
    if (feeder.legs[leg] == Feeder::none) continue;
    // Whatever is on the mains' wire carries at least what each of the leg's circuits does.
    double most = 0;
    for (const auto& one : all) {
      if (one.own_leg != static_cast<int>(leg) + 1 || measured.is_of_grid(one)) continue;
      most = std::max(most, measured.greatest_va(one));
    }
    for (const auto& candidate : all) {
      if (!candidate.is_measured || measured.is_of_grid(candidate)) continue;
      if (measured.greatest_va(candidate) < 0.9 * most) continue;
      const Channels channels{all[feeder.legs[leg]].channel, candidate.channel};
      const MeasuredPanel again(exchanged(measured, channels), measured.recorder(), channels);
      const double left = badness(again);
      if (left > least) continue;
      least = left - 0.01;
      best = channels;
    }
  }
  return best;
}

Panel exchanged(const MeasuredPanel& measured, const Channels& channels) {
  auto panel = measured.panel();
  for (auto& circuit : panel.circuits) {
    for (auto& clamp : circuit.clamps) {
      const auto at = std::ranges::find(channels, clamp.channel);
      if (at == channels.end()) continue;
      const auto there = measured.find(channels[at == channels.begin() ? 1 : 0]);
      const auto& other = measured.clamp_of(measured.clamps()[there]);
      clamp.channel = other.channel;
      clamp.current_gain = other.current_gain;
      clamp.hardware_multiplier = other.hardware_multiplier;
    }
  }
  return panel;
}

}  // namespace insight::wiring
