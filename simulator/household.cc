#include "simulator/household.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <string>

#include "simulator/chance.h"

namespace simulator {
namespace {

using measurement::Timestamp;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr auto weather_step = 10s;
constexpr auto surge_length = 300ms;
constexpr double wiring_drop = 0.02;  // Of a branch at its rating: what cables are chosen for.

double mwh(double watts, milliseconds length) {
  return watts * static_cast<double>(length.count()) / 3600;  // 1 W x 1 ms = 1 mJ; 3.6 J = 1 mWh.
}

constexpr double square(double x) { return x * x; }

std::size_t leg_index(int leg) { return static_cast<std::size_t>(leg - 1); }

// How a load's power follows the voltage, given as a share of the nominal one.
double follow(double share, double exponent) {
  if (exponent == 2) return share * share;
  return exponent == 1 ? share : 1;
}

std::size_t find_circuit(const Blueprint& plan, std::string_view id) {
  for (std::size_t i = 0; i < plan.circuits.size(); ++i) {
    if (plan.circuits[i].id == id) return i;
  }
  assert(false && "BUG: an appliance hangs on a circuit that the panel does not have");
  return 0;
}

// What a fault of the supply is.
LooseContact loose_contact(const Fault& fault, Timestamp house_begin) {
  LooseContact loose{.ohm = fault.severity, .begin = house_begin + fault.after, .ramp = fault.ramp};
  switch (fault.what.defect) {
    case Defect::loose_neutral:
      loose.place = LooseContact::Place::neutral;
      break;
    case Defect::open_neutral:
      loose.place = LooseContact::Place::neutral;
      loose.ohm = fault.severity < 0.5 ? 0 : open_ohm;
      break;
    case Defect::loose_branch:
      loose.place = LooseContact::Place::branch;
      loose.circuit = "kitchen";
      break;
    default:
      break;
  }
  return loose;
}

std::vector<Channel> name_channels(const Blueprint& plan) {
  std::vector<Channel> channels(plan.chip_legs.size() * measurement::channels_per_chip);
  for (const auto& circuit : plan.circuits) {
    for (std::size_t i = 0; i < circuit.channels.size(); ++i) {
      auto& channel = channels[circuit.channels[i].channel];
      channel.name = circuit.name;
      if (circuit.channels.size() > 1) channel.name += " L" + std::to_string(circuit.legs[i]);
      channel.greatest = {static_cast<float>(circuit.rating_a)};
    }
  }
  return channels;
}

}  // namespace

Household::Household(const HouseholdOptions& options)
    : options_(options),
      plan_(blueprint(options.house)),
      weather_(plan_.climate, plan_.utc_offset, mix(options.seed, "weather")),
      grid_(mix(options.seed, "supply"), static_cast<std::size_t>(plan_.phases)),
      channels_(name_channels(plan_)),
      settled_(options.begin),
      branches_(plan_.circuits.size()),
      legs_(static_cast<std::size_t>(plan_.phases)),
      circuits_(plan_.circuits.size()) {
  assert(options.step > 0ms && "BUG: a household needs a step above zero");
  Chance chance(mix(options.seed, "first looks"));
  for (auto& furnishing : furnish(options.house, options.seed, options.step)) {
    auto& placed = appliances_.emplace_back();
    placed.circuit = find_circuit(plan_, furnishing.circuit);
    // Each looks at a time of its own, so that not everything switches on whole seconds.
    const double looks = chance.uniform() * static_cast<double>(options.step.count());
    wakes_.push_back(options.begin + milliseconds(static_cast<std::int64_t>(looks)));
    placed.furnishing = std::move(furnishing);
    for (const auto& fault : options.faults) {
      if (fault.what.word != placed.furnishing.word) continue;
      placed.furnishing.appliance->suffer(
          fault.what.defect, {options.begin + fault.after, fault.ramp, fault.severity});
    }
  }
  for (const auto& fault : options.faults) {
    if (fault.what.word == supply_word) {
      options_.loose_contacts.push_back(loose_contact(fault, options.begin));
    }
  }
  next_day_ = next_weather_ = next_step_ = options.begin;
  step_to(options.begin);
}

Scene::Moment Household::advance(Timestamp now, std::span<ChipInput> chips) {
  assert(now >= options_.begin && "BUG: a household has no time before its begin");
  assert(chips.size() >= plan_.chip_legs.size() && "BUG: too few chips for the household");
  for (auto at = next(); at <= now; at = next()) step_to(at);

  const double hertz =
      plan_.frequency + 0.02 * wander(mix(options_.seed, "frequency"), settled_, 1min);
  for (std::size_t i = 0; i < plan_.chip_legs.size(); ++i) {
    chips[i] = {.frequency = {static_cast<float>(hertz)}};
    chips[i].voltage.fill({static_cast<float>(volts_[leg_index(plan_.chip_legs[i])])});
  }
  for (std::size_t i = 0; i < plan_.circuits.size(); ++i) {
    const auto& circuit = plan_.circuits[i];
    for (std::size_t c = 0; c < circuit.channels.size(); ++c) {
      const auto [channel, multiplier] = circuit.channels[c];
      Flow clamped;
      clamped.add(circuit.kind == "grid" ? legs_[leg_index(circuit.legs[c])] : circuits_[i],
                  1 / multiplier);
      const auto chip = measurement::chip_of(channel);
      chips[chip].channels[channel % measurement::channels_per_chip] =
          clamped.load(volts_[leg_index(plan_.chip_legs[chip])]);
    }
  }
  return {.until = next()};
}

std::vector<ApplianceTruth> Household::truth(Timestamp now) const {
  assert(now >= settled_ && "BUG: the household has moved on from there");
  std::vector<ApplianceTruth> all;
  for (const auto& placed : appliances_) {
    const auto& [name, word, circuit, appliance, habits] = placed.furnishing;
    all.push_back({name,
                   word,
                   circuit,
                   appliance->draw().state,
                   {static_cast<float>(placed.active_power_w)},
                   placed.energy_mwh + mwh(placed.active_power_w, now - settled_)});
  }
  return all;
}

measurement::Volts Household::socket_voltage(std::string_view circuit) const {
  const auto i = find_circuit(plan_, circuit);
  return {static_cast<float>(branches_[i].kept * mean_voltage(plan_.circuits[i]))};
}

measurement::Celsius Household::outdoor() const { return {static_cast<float>(around_.outdoor_c)}; }

Timestamp Household::next() const {
  return std::min({next_day_, next_weather_, next_step_, surge_ends_,
                   *std::min_element(wakes_.begin(), wakes_.end())});
}

void Household::step_to(Timestamp now) {
  bool changed = now >= next_step_ || now >= surge_ends_;
  if (now >= next_day_) begin_day(now);
  if (now >= next_weather_) feel(now);
  for (std::size_t i = 0; i < appliances_.size(); ++i) {
    if (now >= wakes_[i] && wake(appliances_[i], wakes_[i], now)) changed = true;
  }
  if (now >= next_step_) next_step_ = now + options_.step;
  if (changed) settle(now);
}

void Household::begin_day(Timestamp now) {
  const std::chrono::local_time<milliseconds> local((now + plan_.utc_offset).time_since_epoch());
  const auto date = std::chrono::floor<std::chrono::days>(local);
  midnight_ = Timestamp(date.time_since_epoch()) - plan_.utc_offset;
  next_day_ = midnight_ + 24h;
  today_ = live(date, mix(options_.seed, "people"));
  Chance chance(mix(options_.seed, "habits") ^
                static_cast<std::uint64_t>(date.time_since_epoch().count()));
  for (const auto& use : today_.uses) {
    for (std::size_t i = 0; i < appliances_.size(); ++i) {
      const auto& [name, word, circuit, appliance, habits] = appliances_[i].furnishing;
      for (const auto& habit : habits) {
        if (habit.activity != use.activity || !chance.happens(habit.chance)) continue;
        const auto at = midnight_ + use.at + habit.later;
        if (at < now) continue;  // Before the begin: nobody saw it.
        appliance->use_at(at);
        wakes_[i] = std::min(wakes_[i], at);
      }
    }
  }
}

void Household::feel(Timestamp now) {
  around_ = {.outdoor_c = weather_.outdoor(now).value,
             .radiation_w_per_m2 = weather_.radiation(now),
             .at_home = today_.is_home(now - midnight_),
             .awake = today_.is_awake(now - midnight_)};
  next_weather_ = now + weather_step;
}

// True when its draw has changed.
bool Household::wake(Placed& placed, Timestamp& wakes, Timestamp now) {
  auto& appliance = *placed.furnishing.appliance;
  const Draw before = appliance.draw();
  // A programme's next phase may begin at once.
  do wakes = appliance.wake(now, around_);
  while (wakes <= now);
  const Draw& after = appliance.draw();
  if (after.power_w > 2 * std::abs(before.power_w) + 5 && row(after.nature).surge_current > 1) {
    placed.surges_until = now + surge_length;
  }
  const bool new_state = before.state != after.state;
  if (tell_ && new_state) tell_({placed.furnishing.name, after.state, now});
  return new_state || before.power_w != after.power_w;
}

// What hangs on each branch, and what its wiring loses.
void Household::load_branches(Timestamp now) {
  std::fill(branches_.begin(), branches_.end(), Branch{});
  for (const auto& placed : appliances_) {
    const auto& draw = placed.furnishing.appliance->draw();
    const auto& nature = row(draw.nature);
    const bool surges = now < placed.surges_until;
    branches_[placed.circuit].va += std::complex(
        draw.power_w * (surges ? nature.surge_power : 1),
        -std::abs(draw.power_w) * nature.reactive * (surges ? nature.surge_current : 1));
  }
  for (std::size_t i = 0; i < branches_.size(); ++i) {
    const auto& circuit = plan_.circuits[i];
    double ohm = wiring_drop * plan_.nominal_voltage / circuit.rating_a;
    for (const auto& loose : options_.loose_contacts) {
      const bool here = loose.place == LooseContact::Place::branch && loose.circuit == circuit.id;
      if (here) ohm += loose.ohm_at(now);
    }
    const auto siemens =
        branches_[i].va / static_cast<double>(circuit.legs.size()) / square(plan_.nominal_voltage);
    branches_[i].kept = std::abs(1. / (1. + ohm * siemens));
  }
}

Service Household::service(Timestamp now) const {
  Service service{.legs = static_cast<std::size_t>(plan_.phases), .neutral_ohm = plan_.neutral_ohm};
  service.leg_ohm.fill(plan_.leg_ohm);
  for (const auto& loose : options_.loose_contacts) {
    const auto ohm = loose.ohm_at(now);
    if (loose.place == LooseContact::Place::leg) service.leg_ohm[leg_index(loose.leg)] += ohm;
    if (loose.place == LooseContact::Place::neutral) service.neutral_ohm += ohm;
  }
  return service;
}

// The grid's own voltage, less what the house draws through the service.
void Household::supply(Timestamp now) {
  load_branches(now);
  std::array<LegLoad, max_legs> loads;
  for (std::size_t i = 0; i < branches_.size(); ++i) {
    const auto& legs = plan_.circuits[i].legs;
    const auto seen_va = branches_[i].va * branches_[i].kept;
    for (const int leg : legs) {
      auto& load = loads[leg_index(leg)];
      if (legs.size() == 1) {
        load.to_neutral_siemens += seen_va / square(plan_.nominal_voltage);
      } else {
        load.to_legs_amperes += seen_va / static_cast<double>(legs.size()) / plan_.nominal_voltage;
      }
    }
  }
  auto source = grid_.shares(now);
  for (auto& volts : source) volts *= plan_.nominal_voltage;
  volts_ = panel_volts(service(now), source, loads);
}

void Household::settle(Timestamp now) {
  for (auto& placed : appliances_) {
    placed.energy_mwh += mwh(placed.active_power_w, now - settled_);
  }
  settled_ = now;
  surge_ends_ = Timestamp::max();
  supply(now);
  std::fill(legs_.begin(), legs_.end(), Flow{});
  std::fill(circuits_.begin(), circuits_.end(), Flow{});
  for (auto& placed : appliances_) {
    if (placed.surges_until > now) surge_ends_ = std::min(surge_ends_, placed.surges_until);
    const auto own = flow(placed, now);
    placed.active_power_w = own.fundamental_w + own.harmonic_w;
    circuits_[placed.circuit].add(own, 1);
    const auto& legs = plan_.circuits[placed.circuit].legs;
    for (const int leg : legs) {
      legs_[leg_index(leg)].add(own, 1 / static_cast<double>(legs.size()));
    }
  }
}

double Household::mean_voltage(const BlueprintCircuit& circuit) const {
  double sum = 0;
  for (const int leg : circuit.legs) sum += volts_[leg_index(leg)];
  return sum / static_cast<double>(circuit.legs.size());
}

Household::Flow Household::flow(const Placed& placed, Timestamp now) const {
  const auto& draw = placed.furnishing.appliance->draw();
  const auto& nature = row(draw.nature);
  const bool surges = now < placed.surges_until;
  const double kept = branches_[placed.circuit].kept;
  const double share = kept * mean_voltage(plan_.circuits[placed.circuit]) / plan_.nominal_voltage;
  // What leaves the panel for it: what the wiring turns into heat is counted to it.
  const double power = draw.power_w * follow(share, nature.exponent) / kept;
  const double active = power * (surges ? nature.surge_power : 1);
  const double distorted = std::abs(power) * (surges ? nature.surge_current : 1);
  return {.fundamental_w = active * (1 - nature.harmonic_power),
          .harmonic_w = active * nature.harmonic_power,
          .reactive_var = distorted * nature.reactive * draw.reactive,
          .harmonic_va = distorted * nature.distortion};
}

void Household::Flow::add(const Flow& other, double share) {
  fundamental_w += share * other.fundamental_w;
  harmonic_w += share * other.harmonic_w;
  reactive_var += share * other.reactive_var;
  harmonic_va += share * other.harmonic_va;
}

ChannelLoad Household::Flow::load(double volts) const {
  const double fundamental_a = std::hypot(fundamental_w, reactive_var) / volts;
  const double harmonic_a = harmonic_va / volts;
  const double crest = std::numbers::sqrt2 * (fundamental_a + harmonic_a);
  return {.fundamental_power = {static_cast<float>(fundamental_w)},
          .harmonic_power = {static_cast<float>(harmonic_w)},
          .reactive_power = {static_cast<float>(reactive_var)},
          .current = {static_cast<float>(std::hypot(fundamental_a, harmonic_a))},
          .peak_current = {static_cast<float>(crest)}};
}

}  // namespace simulator
