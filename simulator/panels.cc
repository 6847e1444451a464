#include "simulator/panels.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

#include "simulator/mains.h"
#include "simulator/panel_loads.h"

namespace simulator {
namespace {

using measurement::channels_per_chip;
using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr double degree = std::numbers::pi / 180;
constexpr double register_amperes = 65.535;
// The pin is rated 720 mV RMS; the converter ends at 1.2 V.
constexpr double clips_at = 1.2 / 0.72;  // Peak amperes over the clamp's greatest RMS.
constexpr double window_s = 0.3;         // What the chip averages over.
constexpr double wiring_turn = 2 * std::numbers::pi;
constexpr float harmonics_add = 0.8F;  // They do not all come at one time.
constexpr int lasting_s = 20;
constexpr double least_turn = 0.1;  // Of a factor that tells one type of clamp from another.

const ClampType& clamp_type_for(double amperes) {
  const auto fits = [&](const ClampType& type) { return type.greatest >= amperes; };
  // As people buy them: the 100 A clamp for everything, unless it is too small.
  const auto& usual = clamp_types[3];
  if (fits(usual)) return usual;
  const auto found = std::ranges::find_if(clamp_types.begin() + 3, clamp_types.end(), fits);
  return found == clamp_types.end() ? clamp_types.back() : *found;
}

// The RMS value of a sine of peak `top` that is cut at `limit`.
double cut_rms(double top, double limit) {
  const double at = std::asin(limit / top);
  const double below = top * top * (at / 2 - std::sin(2 * at) / 4);
  return std::sqrt(2 / std::numbers::pi * (below + limit * limit * (std::numbers::pi / 2 - at)));
}

double overlap(double begin, double end, double from, double to) {
  return std::max(0., std::min(end, to) - std::max(begin, from));
}

}  // namespace

WiredPanel::WiredPanel(const PanelOptions& options)
    : seed_(mix(options.seed, "panel")), seconds_(static_cast<std::size_t>(options.minutes) * 60) {
  Chance chance(seed_);
  design(chance);
  live(chance);
  install(chance);
  for (std::size_t made = 0, tries = 0; made < options.mistakes && tries < 200; ++tries) {
    const auto what = static_cast<Mistake>(
        static_cast<int>(chance.uniform() * static_cast<int>(Mistake::one_adapter)));
    if (try_mistake(what, chance)) ++made;
  }
  for (const auto& circuit : entered_) {
    for (const auto& clamp : circuit.clamps) {
      installed_[clamp.channel].set_gain = clamp.type->gain;
      installed_[clamp.channel].most_amperes = register_amperes * clamp.hardware_multiplier;
    }
  }
  // A later mistake may have taken the load away that an earlier one needs to show.
  for (auto& misdeed : misdeeds_) {
    if (misdeed.what != Mistake::limit && misdeed.what != Mistake::clipped) continue;
    const auto& clamp = installed_[misdeed.channels[0]];
    const double most = lasting_amperes(clamp.wire);
    const bool shows = misdeed.what == Mistake::limit
                           ? most > 1.05 * register_amperes
                           : most * std::numbers::sqrt2 > 1.1 * clips_at * clamp.type->greatest;
    if (!shows) misdeed.swing_w = 0;
  }
}

// Adds what a wire draws to the mains of its leg, or takes it away.
void WiredPanel::put_behind(std::size_t wire, float sign) {
  const auto mains = wires_.size() - static_cast<std::size_t>(phases_) +
                     static_cast<std::size_t>(wires_[wire].leg) - 1;
  for (std::size_t second = 0; second <= seconds_; ++second) {
    auto& sum = flows_[second * wires_.size() + mains];
    const auto& own = flow(wire, second);
    sum.va += sign * own.va;
    sum.harmonic_w += sign * own.harmonic_w;
    sum.harmonic_a = std::max(0.F, sum.harmonic_a + sign * harmonics_add * own.harmonic_a);
  }
}

// Which circuits there are, and on which legs they hang.
void WiredPanel::design(Chance& chance) {
  const double kind = chance.uniform();
  supply_ = kind < 0.5   ? Supply::split_phase
            : kind < 0.6 ? Supply::single_phase
                         : Supply::three_phases;
  phases_ = supply_ == Supply::split_phase ? 2 : supply_ == Supply::single_phase ? 1 : 3;
  nominal_ = supply_ == Supply::split_phase ? 120 : 230;
  const bool is_us = supply_ == Supply::split_phase;
  const double most = chance.between(0.6, 1);
  for (const auto& row : circuit_templates()) {
    if (!chance.happens(row.chance * most / 100)) continue;
    const auto use = is_us ? row.us : phases_ == 3 ? row.eu3 : PoleUse::single;
    Plan plan{.name = std::string(row.name),
              .kind = row.kind,
              .rating_a = is_us ? row.rating_us_a : row.rating_eu_a};
    plan.is_multiwire = use == PoleUse::each;
    if (use == PoleUse::single) {
      plan.legs = {1 + static_cast<int>(chance.uniform() * phases_)};
    } else {
      for (int leg = 1; leg <= phases_; ++leg) plan.legs.push_back(leg);
    }
    if (phases_ == 1 && (row.name == "EV charger" || row.name == "Range")) plan.rating_a = 63;
    for (const int leg : plan.legs) {
      plan.wires.push_back(wires_.size());
      wires_.push_back({.circuit = plans_.size(), .leg = leg});
    }
    plans_.push_back(std::move(plan));
  }
  for (int leg = 1; leg <= phases_; ++leg) {
    wires_.push_back({.circuit = plans_.size(), .leg = leg});
  }
}

double WiredPanel::angle(int leg) const {
  return -wiring_turn * static_cast<double>(leg - 1) / static_cast<double>(phases_);
}

// Half an hour of the home: what flows in each wire, second by second.
void WiredPanel::live(Chance& chance) {
  struct Placed {
    PanelLoad load;
    std::vector<std::size_t> wires;
    Timestamp wakes{}, surges_until{};
  };
  const Timestamp begin{std::chrono::sys_days(std::chrono::year(2025) / 6 / 1) +
                        milliseconds(static_cast<std::int64_t>(chance.uniform() * 86'400'000))};
  const bool is_us = supply_ == Supply::split_phase;
  // Some stay in their chairs, most do as they were told and switch on what there is.
  const double diligence = chance.happens(0.1) ? 0.1 : chance.between(0.7, 1);
  std::vector<Placed> all;
  for (const auto& plan : plans_) {
    const auto row = std::ranges::find(circuit_templates(), plan.name, &CircuitTemplate::name);
    for (std::size_t wire = 0; wire < plan.wires.size(); ++wire) {
      if (wire > 0 && !plan.is_multiwire) break;
      for (auto& load : row->loads(chance, mix(seed_ + wire, plan.name), is_us)) {
        auto wires = plan.is_multiwire ? std::vector{plan.wires[wire]} : plan.wires;
        for (int use = 0; load.is_used && use < 2; ++use) {
          if (!chance.happens(diligence)) continue;
          const double at = chance.uniform() * 0.9 * static_cast<double>(seconds_);
          load.appliance->use_at(begin + milliseconds(static_cast<std::int64_t>(at * 1000)));
        }
        all.push_back({std::move(load), std::move(wires), begin});
      }
    }
  }
  const bool is_bright = chance.happens(0.6);
  const Surroundings around{.outdoor_c = chance.between(-5, 33),
                            .radiation_w_per_m2 = is_bright ? chance.between(150, 900) : 0,
                            .at_home = true,
                            .awake = true};
  const auto clouds = mix(seed_, "clouds");
  const Grid grid(mix(seed_, "supply"), static_cast<std::size_t>(phases_));
  Service service{.legs = static_cast<std::size_t>(phases_), .neutral_ohm = {0.03, 0.02}};
  service.leg_ohm.fill({0.04, 0.025});
  const auto legs = static_cast<std::size_t>(phases_);
  const std::size_t mains = wires_.size() - legs;
  flows_.assign((seconds_ + 1) * wires_.size(), {});
  volts_.resize(seconds_ + 1);
  std::array<LegLoad, max_legs> loads{};
  for (std::size_t second = 0; second <= seconds_; ++second) {
    const auto now = begin + second * 1s;
    auto source = grid.shares(now);
    for (auto& volts : source) volts *= nominal_;
    const auto volts = panel_volts(service, source, loads);
    for (std::size_t leg = 0; leg < legs; ++leg) {
      volts_[second][leg] = static_cast<float>(volts[leg]);
    }
    auto sky = around;
    sky.radiation_w_per_m2 *= 0.75 + 0.25 * wander(clouds, now, 90s);
    Flow* flows = &flows_[second * wires_.size()];
    for (auto& placed : all) {
      auto& appliance = *placed.load.appliance;
      const double before = appliance.draw().power_w;
      while (placed.wakes <= now) placed.wakes = appliance.wake(placed.wakes, sky);
      const auto& draw = appliance.draw();
      const auto& nature = row(draw.nature);
      if (draw.power_w > 2 * std::abs(before) + 5) placed.surges_until = now;
      const bool surges = placed.surges_until == now;
      for (const auto wire : placed.wires) {
        const double share = volts[static_cast<std::size_t>(wires_[wire].leg) - 1] / nominal_;
        const double follow = nature.exponent == 2 ? share * share : 1;
        const double power = draw.power_w * follow / static_cast<double>(placed.wires.size());
        const double reactive = std::abs(power) * nature.reactive * draw.reactive;
        // A second has some of the first 300 ms.
        const double active = power * (surges ? 1 + 0.3 * (nature.surge_power - 1) : 1);
        const double more = surges ? 1 + 0.3 * (nature.surge_current - 1) : 1;
        auto& flow = flows[wire];
        flow.va += std::complex<float>(static_cast<float>(active * (1 - nature.harmonic_power)),
                                       static_cast<float>(reactive * more));
        flow.harmonic_w += static_cast<float>(active * nature.harmonic_power);
        flow.harmonic_a +=
            static_cast<float>(std::abs(power) * nature.distortion * more / nominal_);
      }
    }
    loads = {};
    for (std::size_t wire = 0; wire < mains; ++wire) {
      const auto leg = static_cast<std::size_t>(wires_[wire].leg) - 1;
      auto& sum = flows[mains + leg];
      sum.va += flows[wire].va;
      sum.harmonic_w += flows[wire].harmonic_w;
      sum.harmonic_a += harmonics_add * flows[wire].harmonic_a;
      const std::complex<double> va(flows[wire].va.real(), -flows[wire].va.imag());
      auto& load = loads[leg];
      if (plans_[wires_[wire].circuit].legs.size() == 1) {
        load.to_neutral_siemens += va / (nominal_ * nominal_);
      } else {
        load.to_legs_amperes += va / nominal_;
      }
    }
  }
}

const WiredPanel::Flow& WiredPanel::flow(std::size_t wire, std::size_t second) const {
  return flows_[second * wires_.size() + wire];
}

double WiredPanel::greatest_amperes(std::size_t wire) const {
  double most = 0;
  for (std::size_t second = 0; second <= seconds_; ++second) {
    most =
        std::max(most, std::hypot(std::abs(std::complex<double>(flow(wire, second).va)) / nominal_,
                                  static_cast<double>(flow(wire, second).harmonic_a)));
  }
  return most;
}

double WiredPanel::lasting_amperes(std::size_t wire) const {
  std::vector<double> all;
  for (std::size_t second = 0; second <= seconds_; ++second) {
    all.push_back(std::abs(std::complex<double>(flow(wire, second).va)) / nominal_);
  }
  std::ranges::nth_element(all, all.begin() + lasting_s, std::greater());
  return all[static_cast<std::size_t>(lasting_s)];
}

double WiredPanel::swing_of_wire(std::size_t wire) const {
  float most = -1e9F, least = 1e9F;
  for (std::size_t second = 0; second <= seconds_; ++second) {
    most = std::max(most, flow(wire, second).va.real());
    least = std::min(least, flow(wire, second).va.real());
  }
  return static_cast<double>(most - least);
}

double WiredPanel::swing_w(std::size_t channel) const {
  return installed_[channel].is_there ? swing_of_wire(installed_[channel].wire) : 0;
}

bool WiredPanel::is_cut(std::size_t channel) const {
  const auto& clamp = installed_[channel];
  if (!clamp.is_there) return false;
  const double limit = clips_at * clamp.type->greatest / std::numbers::sqrt2;
  for (std::size_t second = 0; second <= seconds_; ++second) {
    const auto& own = flow(clamp.wire, second);
    const double volts =
        static_cast<double>(volts_[second][static_cast<std::size_t>(wires_[clamp.wire].leg) - 1]);
    const double amperes = std::abs(std::complex<double>(own.va)) / volts;
    if (amperes + static_cast<double>(own.harmonic_a) > limit) return true;
  }
  return false;
}

// The clamps as they should be, and how it was entered.
void WiredPanel::install(Chance& chance) {
  const auto legs = static_cast<std::size_t>(phases_);
  const std::size_t mains = wires_.size() - legs;
  const bool has_adapters = phases_ > 1 && chance.happens(0.6);  // One for each leg.
  std::vector<std::vector<std::size_t>> free(legs);              // Channels by leg of their chip.
  const auto channel_on = [&](int leg) {
    auto& channels = free[has_adapters ? static_cast<std::size_t>(leg) - 1 : 0];
    if (channels.empty()) {
      const auto first = chip_legs_.size() * channels_per_chip;
      chip_legs_.push_back(has_adapters ? leg : 1);
      for (std::size_t i = channels_per_chip; i-- > 0;) channels.push_back(first + i);
    }
    const auto channel = channels.back();
    channels.pop_back();
    return channel;
  };
  const auto put = [&](EnteredCircuit& circuit, std::size_t wire, double multiplier) {
    const int leg = wires_[wire].leg;
    const auto channel = channel_on(leg);
    if (installed_.size() <= channel) installed_.resize(chip_legs_.size() * channels_per_chip);
    const double most = std::max(circuit.rating_a * 0.8, greatest_amperes(wire));
    const auto& type = clamp_type_for(most);
    auto& clamp = installed_[channel];
    clamp = {.is_there = true, .wire = wire, .type = &type};
    clamp.gain = chance.normal(1, 0.008);
    clamp.lead = chance.between(-0.5, 2.5) * degree;
    clamp.offset_w = chance.between(-0.6, 0.6);
    clamp.offset_var = chance.between(-1, 1);
    clamp.floor_a = chance.between(0.005, 0.03) * type.greatest / 65;
    // Two legs are seen mirrored from one adapter: the clamp is turned, or entered so.
    const bool is_mirrored = phases_ == 2 && chip_legs_[channel / channels_per_chip] != leg;
    if (is_mirrored || chance.happens(0.05)) {
      if (is_mirrored != chance.happens(0.5)) {
        clamp.sign = -1;
        if (!is_mirrored) multiplier = -multiplier;
      } else {
        multiplier = is_mirrored ? -multiplier : multiplier;
      }
    }
    circuit.legs.push_back(leg);
    circuit.clamps.push_back(
        {.channel = channel,
         .multiplier = multiplier,
         .type = &type,
         .hardware_multiplier = static_cast<int>(std::ceil(most * 1.2 / register_amperes))});
  };
  EnteredCircuit grid{.name = "Grid", .kind = "grid"};
  grid.rating_a = supply_ == Supply::split_phase ? 200 : 63;
  for (std::size_t leg = 0; leg < legs; ++leg) put(grid, mains + leg, 1);
  entered_.push_back(std::move(grid));
  for (const auto& plan : plans_) {
    if (chance.happens(0.15) || chip_legs_.size() > measurement::max_chips - 3) {
      entered_.push_back(
          {.name = plan.name, .kind = plan.kind, .rating_a = plan.rating_a, .legs = plan.legs});
      continue;
    }
    EnteredCircuit circuit{.name = plan.name, .kind = plan.kind, .rating_a = plan.rating_a};
    const bool is_one = plan.wires.size() > 1 && !plan.is_multiwire && chance.happens(0.6);
    for (const auto wire : plan.wires) {
      put(circuit, wire, is_one ? static_cast<double>(plan.wires.size()) : 1);
      if (is_one) break;
    }
    circuit.legs = plan.legs;
    entered_.push_back(std::move(circuit));
  }
  const auto chips = chip_legs_.size();
  installed_.resize(chips * channels_per_chip);
  is_dead_.assign(chips, false);
  is_open_.assign(chips, false);
  for (std::size_t chip = 0; chip < chips; ++chip) {
    chip_lags_s_.push_back(chance.between(0, 0.32));
    chip_gains_.push_back(chance.normal(1, 0.004));
    chip_leads_.push_back(chance.between(-0.5, 1) * degree);
  }
  if (phases_ == 3 && !has_adapters) misdeeds_.push_back({.what = Mistake::one_adapter});
}

EnteredClamp* WiredPanel::clamp_of(std::size_t channel, EnteredCircuit** circuit) {
  for (auto& entered : entered_) {
    for (auto& clamp : entered.clamps) {
      if (clamp.channel != channel) continue;
      if (circuit) *circuit = &entered;
      return &clamp;
    }
  }
  assert(false && "BUG: no such clamp was entered");
  return nullptr;
}

// Each clamp suffers one mistake at most, and none on a chip that says nothing.
bool WiredPanel::is_free(std::size_t channel) const {
  const auto chip = channel / channels_per_chip;
  if (is_dead_[chip] || is_open_[chip]) return false;
  return std::ranges::none_of(misdeeds_, [&](const Misdeed& misdeed) {
    return std::ranges::find(misdeed.channels, channel) != misdeed.channels.end();
  });
}

std::optional<std::size_t> WiredPanel::pick(Chance& chance,
                                            const std::vector<std::size_t>& from) const {
  if (from.empty()) return std::nullopt;
  return from[static_cast<std::size_t>(chance.uniform() * static_cast<double>(from.size()))];
}

bool WiredPanel::try_mistake(Mistake what, Chance& chance) {
  Misdeed misdeed{.what = what};
  const auto candidates = [&](auto&& is_one) {
    std::vector<std::size_t> found;
    for (auto& circuit : entered_) {
      for (auto& clamp : circuit.clamps) {
        if (is_free(clamp.channel) && is_one(circuit, clamp, installed_[clamp.channel])) {
          found.push_back(clamp.channel);
        }
      }
    }
    return pick(chance, found);
  };
  const auto is_single = [](const EnteredCircuit& circuit, const EnteredClamp&, const Installed&) {
    return circuit.kind != "grid" && circuit.legs.size() == 1;
  };
  const auto any = [](const auto&, const auto&, const auto&) { return true; };
  std::optional<std::size_t> one;
  EnteredCircuit* circuit = nullptr;

  switch (what) {
    case Mistake::reversed:
      if (!(one = candidates(any))) return false;
      installed_[*one].sign *= -1;
      break;
    case Mistake::wrong_leg:
      // The clamp went to a chip of the leg that was entered, turned as that would need.
      if (phases_ == 1 || !(one = candidates(is_single))) return false;
      clamp_of(*one, &circuit);
      misdeed.leg =
          1 + (circuit->legs[0] - 1 + (phases_ == 2 || chance.happens(0.5) ? 1 : 2)) % phases_;
      put_behind(installed_[*one].wire, -1);
      wires_[installed_[*one].wire].leg = misdeed.leg;
      put_behind(installed_[*one].wire, 1);
      break;
    case Mistake::swapped: {
      if (!(one = candidates(any))) return false;
      // Two circuits on the same legs, of which both use, are not told apart by any meter.
      const auto legs_of = [&](const Installed& installed) {
        const auto& wire = wires_[installed.wire];
        if (wire.circuit == plans_.size() || plans_[wire.circuit].is_multiwire)
          return std::vector{wire.leg};
        return plans_[wire.circuit].legs;
      };
      const auto differs = [&](const EnteredCircuit& other, const EnteredClamp&,
                               const Installed& installed) {
        return &other != circuit &&
               (other.kind != circuit->kind || legs_of(installed) != legs_of(installed_[*one]));
      };
      clamp_of(*one, &circuit);
      const auto two = candidates(differs);
      if (!two) return false;
      std::swap(installed_[*one].wire, installed_[*two].wire);
      misdeed.channels.push_back(*two);
      break;
    }
    case Mistake::doubled: {
      if (!(one = candidates(is_single))) return false;
      const auto two = candidates([&](const auto& c, const auto& clamp, const auto&) {
        return c.legs.size() == 1 && c.kind != "grid" && clamp.channel != *one;
      });
      if (!two) return false;
      installed_[*two].wire = installed_[*one].wire;
      misdeed.channels.push_back(*two);
      break;
    }
    case Mistake::entered_apart: {
      if (phases_ != 2) return false;
      one = candidates([&](const EnteredCircuit& c, const EnteredClamp& clamp, const Installed& i) {
        return c.kind != "grid" && c.clamps.size() == 2 && &clamp == &c.clamps[0] &&
               is_free(c.clamps[1].channel) && !plans_[wires_[i.wire].circuit].is_multiwire;
      });
      if (!one) return false;
      clamp_of(*one, &circuit);
      EnteredCircuit other = *circuit;
      other.name += " 2";
      other.legs = {circuit->legs[1]};
      other.clamps = {circuit->clamps[1]};
      circuit->legs.pop_back();
      circuit->clamps.pop_back();
      misdeed.channels.push_back(other.clamps[0].channel);
      entered_.push_back(std::move(other));
      break;
    }
    case Mistake::half_counted:
      one = candidates([](const EnteredCircuit&, const EnteredClamp& clamp, const Installed&) {
        return std::abs(clamp.multiplier) > 1;
      });
      if (!one) return false;
      clamp_of(*one)->multiplier = std::copysign(1, clamp_of(*one)->multiplier);
      break;
    case Mistake::before_mains: {
      one = candidates([](const EnteredCircuit& c, const auto&, const auto&) {
        return c.kind != "grid" && c.clamps.size() == 1;
      });
      if (!one) return false;
      for (const auto wire : plans_[wires_[installed_[*one].wire].circuit].wires) {
        put_behind(wire, -1);
      }
      break;
    }
    case Mistake::wrong_type: {
      if (!(one = candidates(any))) return false;
      const auto& set = *installed_[*one].type;
      const double most = greatest_amperes(installed_[*one].wire);
      std::vector<const ClampType*> others;
      for (const auto& type : clamp_types) {
        if (type.greatest >= most && std::abs(set.gain / type.gain - 1) > least_turn) {
          others.push_back(&type);
        }
      }
      if (others.empty()) return false;
      installed_[*one].type =
          others[static_cast<std::size_t>(chance.uniform() * static_cast<double>(others.size()))];
      misdeed.type = installed_[*one].type->name;
      break;
    }
    case Mistake::limit:
      one = candidates([&](const auto&, const EnteredClamp& clamp, const Installed& installed) {
        return clamp.hardware_multiplier > 1 &&
               lasting_amperes(installed.wire) > 1.05 * register_amperes;
      });
      if (!one) return false;
      clamp_of(*one)->hardware_multiplier = 1;
      break;
    case Mistake::clipped: {
      one = candidates([&](const auto&, const auto&, const Installed& installed) {
        return lasting_amperes(installed.wire) * std::numbers::sqrt2 >
               1.1 * clips_at * clamp_types[0].greatest;
      });
      if (!one) return false;
      const double peak = lasting_amperes(installed_[*one].wire) * std::numbers::sqrt2;
      installed_[*one].type = &clamp_types[0];
      for (const auto& type : clamp_types) {
        if (peak > 1.1 * clips_at * type.greatest &&
            type.greatest > installed_[*one].type->greatest) {
          installed_[*one].type = &type;
        }
      }
      clamp_of(*one)->type = installed_[*one].type;
      break;
    }
    case Mistake::dead_chip:
    case Mistake::no_voltage: {
      std::vector<std::size_t> chips;
      for (std::size_t chip = 1; chip < chip_legs_.size(); ++chip) {
        bool is_whole = true;
        for (std::size_t i = 0; i < channels_per_chip; ++i) {
          is_whole &= is_free(chip * channels_per_chip + i);
        }
        if (is_whole) chips.push_back(chip);
      }
      misdeed.chip = pick(chance, chips);
      if (!misdeed.chip) return false;
      (what == Mistake::dead_chip ? is_dead_ : is_open_)[*misdeed.chip] = true;
      break;
    }
    case Mistake::one_adapter:
      return false;
  }
  if (one) misdeed.channels.insert(misdeed.channels.begin(), *one);
  if (!misdeed.channels.empty()) {
    misdeed.swing_w = 1e9;
    for (const auto channel : misdeed.channels) {
      misdeed.swing_w = std::min(misdeed.swing_w, swing_w(channel));
    }
  }
  misdeeds_.push_back(std::move(misdeed));
  return true;
}

void WiredPanel::repair(const Misdeed& misdeed) {
  if (misdeed.chip) is_dead_[*misdeed.chip] = is_open_[*misdeed.chip] = false;
  if (misdeed.what != Mistake::limit && misdeed.what != Mistake::clipped) return;
  auto& clamp = installed_[misdeed.channels[0]];
  clamp.most_amperes = 1e9;
  clamp.type = &clamp_types.back();
  clamp.set_gain = clamp.type->gain;
}

Sample WiredPanel::sample(std::size_t second) const {
  assert(second < seconds_ && "BUG: the examination is over");
  Sample sample(chips());
  sample.number = second;
  sample.uptime = std::chrono::seconds(second);
  auto noise = [&, count = 0ULL]() mutable {
    double sum = -2;
    for (int i = 0; i < 4; ++i) sum += unit_interval(mix(seed_ ^ mix(second * 4096 + count++)));
    return sum * std::numbers::sqrt3;  // Of deviation 1.
  };
  const auto put = [&](Quantity q, std::size_t index, double value) {
    sample.put_steps(q, index, std::llround(value / measurement::row(q).resolution));
  };
  const double changed_at = unit_interval(mix(seed_ ^ mix(~second)));
  for (std::size_t chip = 0; chip < chips(); ++chip) {
    if (is_dead_[chip]) continue;
    // What changes in a second does so at one instant of it, which the window has behind it or not.
    const double end = 1 - chip_lags_s_[chip];
    const double newest = overlap(end - window_s, end, changed_at, 1) / window_s;
    const auto leg = static_cast<std::size_t>(chip_legs_[chip]) - 1;
    const double volts = static_cast<double>(volts_[second + 1][leg]) * chip_gains_[chip];
    put(Quantity::voltage, chip, is_open_[chip] ? 0.3 + 0.1 * noise() : volts + 0.03 * noise());
    put(Quantity::frequency, chip, supply_ == Supply::split_phase ? 60 : 50);
    for (std::size_t i = 0; i < channels_per_chip; ++i) {
      const auto channel = chip * channels_per_chip + i;
      const auto& clamp = installed_[channel];
      std::complex<double> va;
      double harmonic_w = 0, harmonic_a = 0, own_volts = nominal_, factor = 1;
      if (clamp.is_there) {
        const auto& now = flow(clamp.wire, second + 1);
        const auto& before = flow(clamp.wire, second);
        va = newest * std::complex<double>(now.va) + (1 - newest) * std::complex<double>(before.va);
        harmonic_w = newest * static_cast<double>(now.harmonic_w) +
                     (1 - newest) * static_cast<double>(before.harmonic_w);
        harmonic_a = newest * static_cast<double>(now.harmonic_a) +
                     (1 - newest) * static_cast<double>(before.harmonic_a);
        const auto& wire = wires_[clamp.wire];
        own_volts = static_cast<double>(volts_[second + 1][static_cast<std::size_t>(wire.leg) - 1]);
        factor = clamp.gain * clamp.set_gain / clamp.type->gain;
        const double turn =
            angle(chip_legs_[chip]) - angle(wire.leg) - clamp.lead - chip_leads_[chip];
        va *= std::polar(clamp.sign * factor * volts / own_volts, turn);
        harmonic_w *= clamp.sign * factor * std::cos(turn);
      }
      const double fundamental_a = std::abs(va) / volts;
      double amperes = std::hypot(fundamental_a, harmonic_a * factor, clamp.floor_a);
      double peak = std::numbers::sqrt2 * (fundamental_a + harmonic_a * factor) + clamp.floor_a;
      double kept = 1;
      if (clamp.is_there) {
        const double limit = clips_at * clamp.type->greatest * clamp.set_gain / clamp.type->gain;
        if (peak > limit) {
          const double cut = cut_rms(peak, limit);
          kept = cut / (peak / std::numbers::sqrt2);
          amperes *= kept;
          peak = limit;
        }
        amperes = std::min(amperes, clamp.most_amperes);
      }
      const double share = is_open_[chip] ? 0.002 : 1;
      put(Quantity::current, channel, std::max(0., amperes + 0.002 * noise()));
      put(Quantity::peak_current, channel, std::max(0., peak * (1 + 0.004 * noise())));
      put(Quantity::active_power, channel,
          share * ((va.real() + harmonic_w) * kept + clamp.offset_w + 0.3 * noise()));
      put(Quantity::reactive_power, channel,
          share * (va.imag() * kept + clamp.offset_var + 0.4 * noise()));
    }
  }
  return sample;
}

}  // namespace simulator
