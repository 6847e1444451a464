#include "insight/wiring/exchange.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace insight::wiring {
namespace {

// -log of how rarely it is so.
constexpr double exchange = 9, doubtful = 4, other_kind = 4, overdrawn = 4, reversed = 3.5;
constexpr double clear = 1.5;  // Of the next best exchange.
// Of one after which no more is found than before: what its gain counts for less, and at most.
constexpr double unfound = 4, most_unfound = 8;
constexpr double most_evidence = 8, least_evidence = 3.5;

// Whether a circuit takes what it should give, or gives what it should take.
bool is_of_other_kind(const MeasuredPanel& measured, const Clamped& one, const Clamped& entry) {
  if (!one.turn || std::abs(one.level) < 60) return false;
  const auto kind = measured.circuit_of(entry).kind;
  return (kind == CircuitKind::production && !produces(measured, one)) ||
         (kind == CircuitKind::load && produces(measured, one));
}

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

// Whether a clamp lies the other way round than its feeder's, both as they were entered.
bool is_turned(const MeasuredPanel& measured, const Clamped& one, const Clamped& mains,
               std::size_t leg) {
  const bool is_odd = measured.class_of(std::arg(one.shares[leg].value)) % 2 == 1;
  return is_odd != (measured.clamp_of(one).multiplier * measured.clamp_of(mains).multiplier < 0);
}

// How many clamps lie the wrong way round, at least, of those first found on a leg of a feeder.
std::size_t turned_clamps(const MeasuredPanel& measured, const Feeder& feeder, std::size_t leg) {
  std::size_t turned = 0, right = 0;
  for (const auto& one : measured.clamps()) {
    if (measured.is_of_grid(one) || one.shares.size() != feeder.legs.size()) continue;
    if (one.follows.empty() || one.follows[0] != static_cast<int>(leg) + 1) continue;
    ++(is_turned(measured, one, measured.clamps()[feeder.legs[leg]], leg) ? turned : right);
  }
  return std::min(turned, right + 1);
}

// What the other poles of its circuit say is said by one.
bool is_further_pole(const MeasuredPanel& measured, const Clamped& one) {
  return one.like && measured.clamps()[*one.like].circuit == one.circuit;
}

double greatest_evidence(const MeasuredPanel& measured, const Clamped& one) {
  return most_evidence *
         static_cast<double>(std::max<std::size_t>(1, measured.circuit_of(one).legs.size()));
}

// What speaks for a place is bounded, and what speaks against it comes off that.
double evidence(const MeasuredPanel& measured, const Clamped& one) {
  const double cost = one.placement.cost;
  const double found = std::min(one.placement.evidence + cost, greatest_evidence(measured, one));
  return std::max(found - cost, -least_evidence);
}

// How many clamps are found on a leg.
std::ptrdiff_t found_on(const MeasuredPanel& measured, int leg) {
  return std::ranges::count_if(measured.clamps(), [&](const Clamped& one) {
    return !measured.is_of_grid(one) && !one.like && one.is_found_in(leg);
  });
}

// -log of how likely legs are that are overdrawn, and clamps the wrong way round.
double strangeness(const MeasuredPanel& measured) {
  double all = 0;
  for (const auto& feeder : measured.feeders()) {
    for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
      if (feeder.legs[leg] == Feeder::none) continue;
      if (is_overdrawn(measured, feeder, leg)) all += overdrawn;
      all += reversed * static_cast<double>(turned_clamps(measured, feeder, leg));
    }
  }
  return all;
}

// -log of how likely all is as it is entered and found, against chance.
double cost(const MeasuredPanel& measured) {
  double all = strangeness(measured);
  for (const auto& one : measured.clamps()) {
    if (measured.is_of_grid(one) || is_further_pole(measured, one) || one.shares.empty()) continue;
    all -= evidence(measured, one);
    if (is_of_other_kind(measured, one, one)) all += other_kind;
  }
  return all;
}

// What an exchange could make better, about.
double most_gain(const MeasuredPanel& measured) {
  double most = 0;
  for (const auto& one : measured.clamps()) {
    if (measured.is_of_grid(one) || is_further_pole(measured, one) || one.shares.empty()) continue;
    const bool is_at_home =
        one.is_placed && !is_misplaced(measured, one) && one.placement.factor == 1;
    if (!is_at_home) most += greatest_evidence(measured, one) - evidence(measured, one);
  }
  return most + strangeness(measured);
}

// Whatever is on a leg's mains carries at least what each of the leg's circuits does.
std::vector<const Clamped*> candidates(const MeasuredPanel& measured, const Clamped& mains) {
  double most = 0;
  for (const auto& one : measured.clamps()) {
    if (one.own_leg != mains.own_leg || measured.is_of_grid(one)) continue;
    most = std::max(most, measured.greatest_va(one));
  }
  std::vector<const Clamped*> all;
  for (const auto& one : measured.clamps()) {
    if (!one.is_measured || measured.is_of_grid(one) || measured.is_apart(one)) continue;
    if (measured.greatest_va(one) >= 0.9 * most) all.push_back(&one);
  }
  return all;
}

}  // namespace

bool produces(const MeasuredPanel& measured, const Clamped& one) {
  if (!one.turn || one.level == std::complex<double>()) return false;
  return std::abs(turned(std::arg(one.level) - measured.class_angle(*one.turn))) > 130 * degree;
}

bool fits(const MeasuredPanel& measured, const Clamped& one, const Clamped& entry) {
  const auto& circuit = measured.circuit_of(entry);
  if (!one.is_placed || circuit.legs.empty()) return true;
  if (is_of_other_kind(measured, one, entry)) return false;
  if (circuit.legs.size() > 1 && one.follows.size() > 1) return true;
  return one.follows.size() == 1 && entry.own_leg == one.follows[0];
}

ExchangeSearch::ExchangeSearch(const MeasuredPanel& measured, const Feeder& feeder)
    : measured_(measured) {
  if (most_gain(measured) < doubtful) return;
  for (const auto leg : feeder.legs) {
    if (leg == Feeder::none) continue;
    const auto& mains = measured.clamps()[leg];
    if (mains.is_cut() || measured.is_apart(mains)) continue;
    for (const auto* candidate : candidates(measured, mains)) {
      left_.push_back({mains.channel, candidate->channel});
    }
  }
  std::ranges::reverse(left_);
}

bool ExchangeSearch::step() {
  if (left_.empty()) return true;
  const auto& channels = left_.back();
  if (!trial_) {
    auto apart = measured_.apart();
    apart.insert(apart.end(), channels.begin(), channels.end());
    trial_.emplace(cost_before_ ? exchanged(measured_, channels) : measured_.panel(),
                   measured_.recorder(), apart);
  }
  if (!trial_->measure()) return false;
  const double now = cost(*trial_);
  const int leg = std::max(1, measured_.clamps()[measured_.find(channels[0])].own_leg);
  const auto found = found_on(*trial_, leg);
  trial_.reset();
  if (!cost_before_) {
    cost_before_ = now;
    found_before_ = found;
    return false;
  }
  double gain = *std::exchange(cost_before_, {}) - now;
  // A clamp that sees nothing on the mains contradicts nothing: that is no sign of being there.
  if (found <= found_before_) gain = std::min(gain, most_unfound) - unfound;
  second_ = std::max(second_, std::min(gain, most_));
  if (gain > most_) {
    most_ = gain;
    best_ = channels;
  }
  left_.pop_back();
  return left_.empty();
}

std::optional<Exchange> ExchangeSearch::found() const {
  if (most_ < doubtful) return std::nullopt;
  return Exchange{best_, most_ >= exchange && most_ - second_ >= clear};
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
