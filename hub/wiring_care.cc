#include "hub/wiring_care.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
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

Asset asset_of(const Circuit& circuit) { return {Asset::Kind::circuit, circuit.id}; }

// Between how many of the home's legs and neutral what hangs on a circuit lies: 1 with neutral, 2
// between the hots of a split phase. 0: it has several voltages, or its wires cannot be told apart.
int hots_of(const Home& home, const Circuit& circuit) {
  if (circuit.channels.empty() || circuit.kind == CircuitKind::grid) return 0;
  if (home.phases == 2 && circuit.poles == 2) return 2;
  return circuit.legs.size() <= 1 && circuit.channels.size() == 1 ? 1 : 0;
}

measurement::Volts nominal_of(const Home& home, const Circuit& circuit) {
  return {static_cast<float>(home.nominal_voltage_v * std::max(1, hots_of(home, circuit)))};
}

// Of one load at different voltages and with other things learnt of it.
bool is_alike(measurement::Watts a, measurement::Watts b) {
  return std::abs(a.value - b.value) * 6 < std::max(a.value, b.value);
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
  begin_branches(panel);
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

void WiringCare::begin_branches(const Panel& panel) {
  for (const auto& circuit : panel.circuits) {
    if (circuit.channels.empty()) continue;
    auto& branch = *branches_.emplace_back(
        std::make_unique<Branch>(Branch{.circuit = &circuit, .clamps = clamps_of(circuit)}));
    begin_wires(branch);
    if (circuit.rating_a <= 0) continue;
    insight::BreakerPlate plate{.standard = panel.style == PanelStyle::us
                                                ? insight::BreakerStandard::ul_489
                                                : insight::BreakerStandard::iec_60898,
                                .rating = {static_cast<float>(circuit.rating_a)}};
    for (std::size_t i = 0; i < std::min(circuit.legs.size(), plate.legs.size()); ++i) {
      plate.legs[i] = circuit.legs[i];
    }
    branch.guard.emplace(plate, book_.memory(branch.guard_key()));
  }
}

std::string WiringCare::Branch::guard_key() const {
  return fmt::format("breaker {} {} {}", circuit->id, circuit->rating_a, clamps);
}

std::string WiringCare::Branch::wires_key() const {
  return fmt::format("wires {} {}", circuit->id, clamps);
}

std::string WiringCare::Branch::wires_memory() const {
  std::string bytes;
  insight::put(bytes, answered.time_since_epoch().count());
  insight::put(bytes, load.value_or(measurement::Watts{}).value);
  return bytes + wires->memory();
}

// With what was learnt of them before.
void WiringCare::begin_wires(Branch& branch) {
  const auto memory = book_.memory(branch.wires_key());
  std::string_view bytes = memory;
  std::int64_t answered = 0;
  float load_w = 0;
  if (!insight::take(bytes, answered) || !insight::take(bytes, load_w)) return;
  branch.answered = Timestamp(std::chrono::milliseconds(answered));
  if (load_w > 0) branch.load = measurement::Watts{load_w};
  branch.wires.emplace(branch.load, nominal_of(home_, *branch.circuit), bytes);
}

WiringCare::Branch* WiringCare::branch_of(const std::string& circuit) {
  const auto found = std::ranges::find_if(
      branches_, [&](const auto& branch) { return branch->circuit->id == circuit; });
  return found == branches_.end() ? nullptr : found->get();
}

void WiringCare::set_known_load(const Circuit& circuit, measurement::Watts load) {
  auto* branch = branch_of(circuit.id);
  if (!branch || hots_of(home_, circuit) == 0) return;
  if (branch->load && is_alike(*branch->load, load)) return;
  branch->load = load;
  branch->wires.emplace(load, nominal_of(home_, circuit));
}

void WiringCare::hear(const std::string& circuit, Timestamp time, measurement::Volts voltage) {
  auto* branch = branch_of(circuit);
  if (!branch || hots_of(home_, *branch->circuit) != 1) return;
  if (!branch->wires) branch->wires.emplace(branch->load, nominal_of(home_, *branch->circuit));
  branch->plug = {time, voltage};
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
  for (const auto& branch : branches_) {
    if (branch->circuit->channels.front().device == device) branch->take(time, sample, *this);
  }
}

void WiringCare::Branch::take(Timestamp time, const measurement::Sample& sample,
                              const WiringCare& care) {
  const auto& channels = circuit->channels;
  if (guard) {
    insight::BreakerReading reading{
        .time = time, .amperes = nothing_measured(), .grid_amperes = care.grid_amperes_};
    for (std::size_t i = 0; i < std::min(channels.size(), reading.amperes.size()); ++i) {
      reading.amperes[i] = value_of<Quantity::current>(sample, channels[i].channel);
    }
    guard->take(reading);
  }
  if (!wires) return;
  auto reading = reading_of(*circuit, time, sample);
  if (hots_of(care.home_, *circuit) == 2) {
    reading.voltage.value = channels.size() == 2 ? volts_of(sample, channels[0].channel) +
                                                       volts_of(sample, channels[1].channel)
                                                 : 2 * reading.voltage.value;
  }
  wires->take(reading);
  if (!plug || time < plug->time) return;
  wires->take(insight::BranchReading{
      .time = plug->time,
      .at_panel = reading.voltage,
      .at_load = plug->voltage,
      .amperes = {value_of<Quantity::current>(sample, channels.front().channel)}});
  plug.reset();
}

void WiringCare::tell(FindingBook::Writing& writing, Timestamp now) {
  for (const auto& branch : branches_) {
    std::vector<insight::Finding> findings;
    if (branch->guard) findings = branch->guard->findings();
    if (branch->wires) std::ranges::copy(branch->wires->findings(), std::back_inserter(findings));
    if (std::exchange(branch->is_told, true) && same(branch->told, findings)) continue;
    branch->told = findings;
    writing.put_all(asset_of(*branch->circuit), FindingBook::Scope::wiring, findings, now);
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
  for (const auto& branch : branches_) {
    if (branch->guard) writing.remember(branch->guard_key(), branch->guard->memory());
    if (branch->wires) writing.remember(branch->wires_key(), branch->wires_memory());
  }
}

void WiringCare::hear_answers() {
  // True: somebody said since then that what was found is repaired, or as it should be.
  const auto is_usual_now = [&](const Asset& asset, Timestamp& answered, auto is_of) {
    for (const auto& answer : book_.answered(asset)) {
      if (!answer.answered || *answer.answered <= answered) break;  // The newest come first.
      if (!is_of(answer.finding.change)) continue;
      answered = *answer.answered;
      return answer.feedback != Feedback::wrong;
    }
    return false;
  };
  if (supply_ && is_usual_now(supply_asset, answered_, [](insight::Change) { return true; })) {
    supply_->learn_anew();
  }
  for (const auto& branch : branches_) {
    if (!branch->wires) continue;
    const bool is_usual =
        is_usual_now(asset_of(*branch->circuit), branch->answered, [](insight::Change change) {
          return change == insight::Change::branch_resistance ||
                 change == insight::Change::element_resistance;
        });
    if (is_usual) branch->wires->learn_anew();
  }
}

}  // namespace hub
