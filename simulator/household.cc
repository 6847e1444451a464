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

double mwh(double watts, milliseconds length) {
  return watts * static_cast<double>(length.count()) / 3600;  // 1 W x 1 ms = 1 mJ; 3.6 J = 1 mWh.
}

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
      supply_seed_(mix(options.seed, "supply")),
      channels_(name_channels(plan_)),
      settled_(options.begin),
      volts_(static_cast<std::size_t>(plan_.phases), plan_.nominal_voltage),
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

// The service's slow drift and its noise; what the house itself draws comes off that.
void Household::supply(Timestamp now) {
  const double together =
      1 + 0.012 * wander(supply_seed_, now, 6h) + 0.004 * wander(supply_seed_ + 1, now, 10min);
  for (std::size_t leg = 0; leg < volts_.size(); ++leg) {
    volts_[leg] =
        plan_.nominal_voltage * (together + 0.0012 * wander(supply_seed_ + 2 + leg, now, 4s));
  }
  for (const auto& placed : appliances_) {
    const auto& legs = plan_.circuits[placed.circuit].legs;
    const double power = placed.furnishing.appliance->draw().power_w;
    const double amperes = power / static_cast<double>(legs.size()) / plan_.nominal_voltage;
    for (const int leg : legs) volts_[leg_index(leg)] -= amperes * plan_.service_ohm;
  }
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
  const double share = mean_voltage(plan_.circuits[placed.circuit]) / plan_.nominal_voltage;
  const double power = draw.power_w * follow(share, nature.exponent);
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
