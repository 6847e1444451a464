#include "hub/wiring_care.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "hub/own_loads.h"
#include "insight/identification/bytes.h"

namespace hub {

using insight::Feature;
using measurement::Quantity;
using measurement::Timestamp;

namespace {

const std::string supply_key = "supply";
const Asset supply_asset{Asset::Kind::supply, ""};

insight::PerLeg nothing_measured() {
  insight::PerLeg legs;
  legs.fill(insight::detail::not_measured);
  return legs;
}

// Of a chip's phase, as a clamp sees it.
template <Quantity quantity>
float value_of(const measurement::Sample& sample, std::size_t channel) {
  const auto value = channel < sample.channels() ? sample.get<quantity>(channel) : std::nullopt;
  return value ? value->value : insight::detail::not_measured;
}

float volts_of(const measurement::Sample& sample, std::size_t channel) {
  if (channel >= sample.channels()) return insight::detail::not_measured;
  const auto value = sample.get<Quantity::voltage>(measurement::chip_of(channel));
  return value ? value->value : insight::detail::not_measured;
}

bool same(const std::vector<insight::Finding>& a, const std::vector<insight::Finding>& b) {
  return std::ranges::equal(a, b, [](const auto& one, const auto& other) {
    return one.change == other.change && one.since == other.since;
  });
}

}  // namespace

WiringCare::WiringCare(FindingBook& book, const Home& home, Timestamp now)
    : book_(book), home_(home), grid_amperes_(nothing_measured()) {
  const auto& panel = panel_at(home, now);
  begin_supply(panel);
  begin_breakers(panel);
}

// The grid's clamps, one for each leg.
void WiringCare::begin_supply(const Panel& panel) {
  const auto grid = std::ranges::find_if(panel.circuits, [](const Circuit& circuit) {
    return circuit.kind == CircuitKind::grid && !circuit.channels.empty();
  });
  if (grid == panel.circuits.end() || grid->channels.size() != grid->legs.size()) return;
  for (std::size_t i = 0; i < grid->legs.size(); ++i) {
    const auto leg = static_cast<std::size_t>(grid->legs[i]) - 1;
    if (leg < legs_.size()) legs_[leg] = {grid->channels[i].channel, grid->channels[i].multiplier};
  }
  grid_ = &*grid;
  auto memory = book_.memory(supply_key);
  std::string_view bytes = memory;
  std::int64_t answered = 0;
  if (!insight::take(bytes, answered)) bytes = {};
  answered_ = Timestamp(std::chrono::milliseconds(answered));
  supply_.emplace(static_cast<std::size_t>(std::clamp(home_.phases, 1, 3)),
                  measurement::Volts{static_cast<float>(home_.nominal_voltage_v)}, bytes);
}

void WiringCare::begin_breakers(const Panel& panel) {
  for (const auto& circuit : panel.circuits) {
    if (circuit.channels.empty() || circuit.rating_a <= 0) continue;
    insight::BreakerPlate plate{.standard = panel.style == PanelStyle::us
                                                ? insight::BreakerStandard::ul_489
                                                : insight::BreakerStandard::iec_60898,
                                .rating = {static_cast<float>(circuit.rating_a)}};
    for (std::size_t i = 0; i < std::min(circuit.legs.size(), plate.legs.size()); ++i) {
      plate.legs[i] = circuit.legs[i];
    }
    const auto key =
        fmt::format("breaker {} {} {}", circuit.id, circuit.rating_a, clamps_of(circuit));
    breakers_.push_back(
        std::make_unique<Breaker>(&circuit, key, insight::BreakerGuard(plate, book_.memory(key))));
  }
}

void WiringCare::take(const std::string& device, Timestamp time,
                      const measurement::Sample& sample) {
  if (supply_ && grid_->channels.front().device == device) {
    insight::SupplyReading reading{.time = time,
                                   .volts = nothing_measured(),
                                   .watts = nothing_measured(),
                                   .vars = nothing_measured()};
    for (std::size_t i = 0; i < legs_.size(); ++i) {
      if (!legs_[i]) continue;
      const auto times = static_cast<float>(legs_[i]->multiplier);
      reading.volts[i] = volts_of(sample, legs_[i]->channel);
      reading.watts[i] = times * value_of<Quantity::active_power>(sample, legs_[i]->channel);
      reading.vars[i] = times * value_of<Quantity::reactive_power>(sample, legs_[i]->channel);
      grid_amperes_[i] = value_of<Quantity::current>(sample, legs_[i]->channel);
    }
    supply_->take(reading);
  }
  for (const auto& breaker : breakers_) {
    const auto& channels = breaker->circuit->channels;
    if (channels.front().device != device) continue;
    insight::BreakerReading reading{
        .time = time, .amperes = nothing_measured(), .grid_amperes = grid_amperes_};
    for (std::size_t i = 0; i < std::min(channels.size(), reading.amperes.size()); ++i) {
      reading.amperes[i] = value_of<Quantity::current>(sample, channels[i].channel);
    }
    breaker->guard.take(reading);
  }
}

void WiringCare::tell(FindingBook::Writing& writing, Timestamp now) {
  for (const auto& breaker : breakers_) {
    const auto& findings = breaker->guard.findings();
    if (std::exchange(breaker->is_told, true) && same(breaker->told, findings)) continue;
    breaker->told = findings;
    writing.put_all({Asset::Kind::circuit, breaker->circuit->id}, FindingBook::Scope::wiring,
                    findings, now);
  }
  if (!supply_) return;
  const auto [reference, present] = supply_->ohms();
  Condition condition{
      .asset = supply_asset,
      .watch = supply_->is_learning() ? Condition::Watch::learning : Condition::Watch::watched,
      .since = now};
  if (supply_->neutral() == insight::NeutralView::not_watched) {
    condition.note = "Neutral not watched: the voltage of one leg alone does not show it.";
  } else if (supply_->is_learning()) {
    condition.note = "Learns what is usual from at least three days of use.";
  }
  const auto add = [&](Feature feature, const insight::Ohm& before, const insight::Ohm& ohm) {
    if (!ohm.is_known()) return;
    condition.trends.push_back({.feature = feature,
                                .before = before.is_known() ? static_cast<float>(before.value)
                                                            : insight::detail::not_measured,
                                .now = static_cast<float>(ohm.value)});
  };
  for (std::size_t i = 0; i < legs_.size(); ++i) {
    if (legs_[i]) add(Feature::supply_ohm, reference.legs[i], present.legs[i]);
  }
  if (supply_->neutral() == insight::NeutralView::watched) {
    add(Feature::neutral_ohm, reference.neutral, present.neutral);
  }
  const bool is_new = !told_ || told_->watch != condition.watch || told_->note != condition.note ||
                      told_->trends.size() != condition.trends.size() ||
                      now - told_->since >= std::chrono::days(1);
  if (is_new) {
    told_ = condition;
    writing.put(condition);
  }
  if (!is_new && same(told_findings_, supply_->findings())) return;
  told_findings_ = supply_->findings();
  writing.put_all(supply_asset, FindingBook::Scope::wiring, told_findings_, now);
}

void WiringCare::remember(FindingBook::Writing& writing) const {
  if (supply_) {
    std::string bytes;
    insight::put(bytes, answered_.time_since_epoch().count());
    writing.remember(supply_key, bytes + supply_->memory());
  }
  for (const auto& breaker : breakers_) writing.remember(breaker->key, breaker->guard.memory());
}

void WiringCare::hear_answers() {
  if (!supply_) return;
  for (const auto& answer : book_.answered(supply_asset)) {
    if (!answer.answered || *answer.answered <= answered_) break;  // The newest come first.
    if (answer.feedback != Feedback::wrong) supply_->learn_anew();
    answered_ = *answer.answered;
    break;
  }
}

}  // namespace hub
