#include "lenz/evaluation/health_supply.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "insight/health/branch_watch.h"
#include "insight/health/breaker_guard.h"
#include "insight/health/supply_watch.h"
#include "simulator/breaker.h"
#include "simulator/household.h"

namespace lenz::evaluation {
namespace {

using insight::Change;
using measurement::Timestamp;
using simulator::House;
using simulator::LooseContact;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr float none = std::numeric_limits<float>::quiet_NaN();
constexpr double found_ohm = 0.1;

double days(milliseconds length) { return std::chrono::duration<double>(length) / 24h; }

// A home as its meter sees it: voltages to 0.1 V with 0.02 % of noise, powers with 0.05 %.
class MeteredHome {
 public:
  MeteredHome(House house, std::uint64_t seed, milliseconds every,
              std::vector<LooseContact> contacts)
      : plan_(simulator::blueprint(house)),
        home_({.house = house,
               .seed = seed,
               .begin = begin(seed),
               .step = std::max<milliseconds>(every, 1s),
               .loose_contacts = std::move(contacts)}),
        chips_(home_.chips()),
        noise_(seed + 1) {}

  // Homes begin in different months.
  static Timestamp begin(std::uint64_t seed) {
    return std::chrono::sys_days(std::chrono::year(2026) / static_cast<int>(1 + seed % 12) / 5);
  }

  void advance(Timestamp now) {
    now_ = now;
    home_.advance(now, chips_);
  }

  insight::SupplyReading supply() {
    insight::SupplyReading reading{.time = now_};
    reading.volts.fill(none), reading.watts.fill(none), reading.vars.fill(none);
    const auto& grid = plan_.circuits.front();
    for (std::size_t leg = 0; leg < grid.channels.size(); ++leg) {
      const auto channel = grid.channels[leg].channel;
      reading.volts[leg] = volts(channel);
      reading.watts[leg] = watts(channel);
      reading.vars[leg] = load(channel).reactive_power.value;
    }
    return reading;
  }

  // Its clamp's; the panel's voltage between its legs.
  insight::Reading circuit(const simulator::BlueprintCircuit& circuit) {
    const auto [channel, multiplier] = circuit.channels.front();
    const auto clamps = static_cast<float>(multiplier);
    return {.time = now_,
            .active_power = {clamps * watts(channel)},
            .reactive_power = {clamps * load(channel).reactive_power.value},
            .voltage = {static_cast<float>(circuit.legs.size()) * volts(channel)}};
  }

  float amperes(const simulator::BlueprintCircuit& circuit) {
    return load(circuit.channels.front().channel).current.value;
  }

  // Of a plug with an adapter of its own.
  insight::BranchReading plug(const simulator::BlueprintCircuit& circuit) {
    const auto channel = circuit.channels.front().channel;
    return {now_,
            {volts(channel)},
            {rounded(home_.socket_voltage(circuit.id).value * 1.004)},
            {watts(channel) / volts(channel)}};
  }

  const simulator::Blueprint& plan() const { return plan_; }
  const simulator::BlueprintCircuit& kitchen() const {
    return *std::ranges::find(plan_.circuits, "kitchen", &simulator::BlueprintCircuit::id);
  }

 private:
  const simulator::ChannelLoad& load(std::size_t channel) const {
    return chips_[measurement::chip_of(channel)].channels[channel % measurement::channels_per_chip];
  }
  float rounded(double volts) {
    return static_cast<float>(std::round(volts * noise_.normal(1, 2e-4) * 10) / 10);
  }
  float volts(std::size_t channel) {
    return rounded(
        static_cast<double>(chips_[measurement::chip_of(channel)].voltage.front().value));
  }
  float watts(std::size_t channel) {
    const auto& one = load(channel);
    return (one.fundamental_power.value + one.harmonic_power.value) *
           static_cast<float>(noise_.normal(1, 5e-4));
  }

  const simulator::Blueprint& plan_;
  simulator::Household home_;
  std::vector<simulator::ChipInput> chips_;
  simulator::Chance noise_;
  Timestamp now_{};
};

insight::SupplyWatch supply_watch(const simulator::Blueprint& plan) {
  return {static_cast<std::size_t>(plan.phases), {static_cast<float>(plan.nominal_voltage)}};
}

// The kettle, by what stands on its plate.
insight::BranchWatch kettle_watch(House house, const simulator::Blueprint& plan) {
  return insight::BranchWatch(measurement::Watts{house == House::us ? 1500.F : 2200.F},
                              {static_cast<float>(plan.nominal_voltage)});
}

std::optional<Timestamp> found(const std::vector<insight::Finding>& findings, Change change) {
  const auto one = std::ranges::find(findings, change, &insight::Finding::change);
  return one == findings.end() ? std::nullopt : std::optional(one->found);
}

// Delays of those that were found; how many were sought.
class Delays {
 public:
  void add(std::optional<Timestamp> found, Timestamp begin) {
    ++sought_;
    if (found) delays_.push_back(days(*found - begin));
  }

  HealthRow row(std::string equipment, Change change, std::string scene, double ohm,
                double within_days) {
    std::ranges::sort(delays_);
    HealthRow row{.equipment = std::move(equipment),
                  .fault = std::string(insight::row(change).word),
                  .scene = std::move(scene),
                  .severity = ohm};
    row.machine_count = row.histories = sought_;
    row.detection_rate =
        static_cast<double>(std::ranges::upper_bound(delays_, within_days) - delays_.begin()) /
        sought_;
    if (!delays_.empty()) {
      row.delay_median_days = delays_[delays_.size() / 2];
      row.delay_p90_days = delays_[delays_.size() * 9 / 10];
    }
    return row;
  }

 private:
  std::vector<double> delays_;
  int sought_ = 0;
};

std::string_view word(House house) { return house == House::us ? "us" : "eu3"; }

// Noon of the fifth day, when all have learnt.
constexpr auto learning = 24h * 4 + 12h;

void find_loose_contacts(House house, const SupplyPlan& plan, std::vector<HealthRow>& rows) {
  Delays leg, neutral, branch;
  for (int home = 0; home < plan.homes; ++home) {
    const auto seed = plan.seed + static_cast<std::uint64_t>(home);
    const auto begin = MeteredHome::begin(seed), broken = begin + learning;
    for (const auto place : {LooseContact::Place::leg, LooseContact::Place::neutral}) {
      MeteredHome metered(house, seed, 5s,
                          {{.place = place, .ohm = found_ohm, .begin = broken},
                           {.place = LooseContact::Place::branch,
                            .circuit = "kitchen",
                            .ohm = place == LooseContact::Place::leg ? found_ohm : 0,
                            .begin = broken}});
      auto supply = supply_watch(metered.plan());
      insight::BranchWatch kitchen({}, {static_cast<float>(metered.plan().nominal_voltage)});
      for (auto at = begin; at < broken + 24h; at += 5s) {
        metered.advance(at);
        supply.take(metered.supply());
        if ((at - begin) % 10s == 0s) kitchen.take(metered.plug(metered.kitchen()));
      }
      if (place == LooseContact::Place::leg) {
        leg.add(found(supply.findings(), Change::supply_resistance), broken);
        branch.add(found(kitchen.findings(), Change::branch_resistance), broken);
      } else {
        neutral.add(found(supply.findings(), Change::neutral_resistance), broken);
      }
    }
  }
  const auto scene = fmt::format("supply, {}", word(house));
  rows.push_back(leg.row("supply", Change::supply_resistance, scene, found_ohm, 1));
  rows.push_back(neutral.row("supply", Change::neutral_resistance, scene, found_ohm, 1));
  rows.push_back(branch.row("circuit", Change::branch_resistance, scene + ", plug", found_ohm, 1));
}

void find_by_known_loads(House house, const SupplyPlan& plan, std::vector<HealthRow>& rows) {
  Delays delays;
  for (int home = 0; home < plan.homes; ++home) {
    const auto seed = plan.seed + static_cast<std::uint64_t>(home);
    const auto begin = MeteredHome::begin(seed), broken = begin + 24h * 14;
    MeteredHome metered(house, seed, 5s,
                        {{.place = LooseContact::Place::branch,
                          .circuit = "kitchen",
                          .ohm = found_ohm,
                          .begin = broken}});
    auto watch = kettle_watch(house, metered.plan());
    for (auto at = begin; at < broken + 24h * 14; at += 5s) {
      metered.advance(at);
      watch.take(metered.circuit(metered.kitchen()));
    }
    delays.add(found(watch.findings(), Change::element_resistance), broken);
  }
  rows.push_back(delays.row("circuit", Change::element_resistance,
                            fmt::format("supply, {}, known load", word(house)), found_ohm, 14));
}

void find_open_neutrals(House house, const SupplyPlan& plan, std::vector<HealthRow>& rows) {
  constexpr double apart_share = 0.03;  // Half of what is between the highest and the lowest.
  Delays of_opening, of_parting;
  for (int home = 0; home < plan.homes * 4; ++home) {
    const auto seed = plan.seed + static_cast<std::uint64_t>(home);
    simulator::Chance chance(seed);
    const auto begin = MeteredHome::begin(seed);
    const auto open = begin + 3h + std::chrono::seconds(std::lround(chance.between(0, 86400)));
    MeteredHome metered(
        house, seed, 1s,
        {{.place = LooseContact::Place::neutral, .ohm = simulator::open_ohm, .begin = open}});
    auto watch = supply_watch(metered.plan());
    std::optional<Timestamp> apart;
    for (auto at = begin; at < open + 1h; at += 1s) {
      metered.advance(at);
      const auto reading = metered.supply();
      watch.take(reading);
      if (apart || at < open) continue;
      const auto legs =
          std::span(reading.volts).first(static_cast<std::size_t>(metered.plan().phases));
      const auto [low, high] = std::ranges::minmax(legs);
      if (static_cast<double>(high - low) > 2 * apart_share * static_cast<double>(high + low) / 2) {
        apart = at;
      }
    }
    const auto at = found(watch.findings(), Change::open_neutral);
    of_opening.add(at, open);
    if (apart) of_parting.add(at ? std::max(*at, *apart) : at, *apart);
  }
  const auto scene = fmt::format("supply, {}", word(house));
  rows.push_back(of_opening.row("supply", Change::open_neutral, scene + ", since it opened",
                                simulator::open_ohm, days(10s)));
  rows.push_back(of_parting.row("supply", Change::open_neutral, scene + ", since legs parted",
                                simulator::open_ohm, days(10s)));
}

HealthRow healthy_row(std::string equipment, Change change, std::string scene, double asset_days,
                      int alarms) {
  HealthRow row{.equipment = std::move(equipment),
                .fault = "",
                .scene = fmt::format("{}, no {}", scene, insight::row(change).word)};
  count_false(row, asset_days, alarms);
  return row;
}

// Counts how often a finding begins to stand.
struct Beginnings {
  int count = 0;
  bool stands = false;

  void see(bool now) {
    count += now && !stands ? 1 : 0;
    stands = now;
  }
};

// A breaker of the home, and the one that guards it.
struct Guarded {
  const simulator::BlueprintCircuit* circuit;
  simulator::Breaker breaker;
  insight::BreakerGuard guard;
  int false_alarms = 0;
  bool warned = false, tripped = false;

  void carry(Timestamp at, float amperes) {
    guard.take({at, {amperes, none, none}, {none, none, none}});
    const bool warns = found(guard.findings(), Change::breaker_overload).has_value();
    if (warns && !warned) tripped = false;
    if (!breaker.carry(static_cast<double>(amperes), 10)) tripped = true, breaker.reset();
    if (warned && !warns && !tripped) ++false_alarms;
    warned = warns;
  }
};

std::vector<Guarded> guard_all(House house, const simulator::Blueprint& plan,
                               simulator::Chance& chance) {
  const bool is_us = house == House::us;
  std::vector<Guarded> all;
  for (const auto& circuit : plan.circuits) {
    if (circuit.channels.empty() || circuit.kind == "grid") continue;
    const measurement::Celsius air{static_cast<float>(chance.between(10, 40))};
    const auto norm = is_us ? simulator::BreakerNorm::ul_489 : simulator::BreakerNorm::iec_60898;
    const auto standard =
        is_us ? insight::BreakerStandard::ul_489 : insight::BreakerStandard::iec_60898;
    all.push_back(
        {&circuit, simulator::Breaker::draw(norm, circuit.rating_a, air, chance),
         insight::BreakerGuard(
             {standard, {static_cast<float>(circuit.rating_a)}, {circuit.legs.front()}})});
  }
  return all;
}

void live_without_faults(House house, const SupplyPlan& plan, std::vector<HealthRow>& rows,
                         const std::function<void(const std::string&)>& progress) {
  constexpr std::array supply_changes{Change::supply_resistance, Change::neutral_resistance,
                                      Change::open_neutral};
  std::array<int, supply_changes.size()> supply_alarms{};
  int plug_alarms = 0, load_alarms = 0, trip_alarms = 0, worst = 0;
  std::size_t circuits = 0;
  for (int home = 0; home < plan.homes; ++home) {
    const auto seed = plan.seed + 500 + static_cast<std::uint64_t>(home);
    const auto begin = MeteredHome::begin(seed);
    MeteredHome metered(house, seed, 10s, {});
    simulator::Chance chance(seed);
    auto guarded = guard_all(house, metered.plan(), chance);
    auto supply = supply_watch(metered.plan());
    insight::BranchWatch plug({}, {static_cast<float>(metered.plan().nominal_voltage)});
    auto kettle = kettle_watch(house, metered.plan());
    std::array<Beginnings, supply_changes.size()> seen{};
    Beginnings at_plug, at_kettle;
    for (auto at = begin; at < begin + 24h * plan.healthy_days; at += 10s) {
      metered.advance(at);
      supply.take(metered.supply());
      plug.take(metered.plug(metered.kitchen()));
      kettle.take(metered.circuit(metered.kitchen()));
      for (auto& one : guarded) one.carry(at, metered.amperes(*one.circuit));
      for (std::size_t i = 0; i < seen.size(); ++i) {
        seen[i].see(found(supply.findings(), supply_changes[i]).has_value());
      }
      at_plug.see(!plug.findings().empty());
      at_kettle.see(!kettle.findings().empty());
    }
    for (std::size_t i = 0; i < seen.size(); ++i) supply_alarms[i] += seen[i].count;
    plug_alarms += at_plug.count;
    load_alarms += at_kettle.count;
    circuits += guarded.size();
    for (const auto& one : guarded) {
      trip_alarms += one.false_alarms, worst = std::max(worst, one.false_alarms);
    }
  }
  const double home_days = plan.homes * plan.healthy_days;
  const auto scene = fmt::format("supply, {}", word(house));
  for (std::size_t i = 0; i < supply_changes.size(); ++i) {
    rows.push_back(healthy_row("supply", supply_changes[i], scene, home_days, supply_alarms[i]));
  }
  rows.push_back(healthy_row("circuit", Change::branch_resistance, scene, home_days, plug_alarms));
  rows.push_back(healthy_row("circuit", Change::element_resistance, scene, home_days, load_alarms));
  rows.push_back(healthy_row("breaker", Change::breaker_overload, scene,
                             static_cast<double>(circuits) * plan.healthy_days, trip_alarms));
  progress(fmt::format("{}: the busiest breaker had {} warnings without a trip in {} days",
                       word(house), worst, plan.healthy_days));
}

// The grid's own voltage and loads that switch by chance, one reading a second.
HealthRow watch_grids(const SupplyPlan& plan) {
  int alarms = 0;
  for (int year = 0; year < plan.grid_years; ++year) {
    const auto seed = simulator::mix(plan.seed + static_cast<std::uint64_t>(year));
    const simulator::Grid grid(seed, 2);
    insight::SupplyWatch watch(2, {120});
    Beginnings seen;
    const Timestamp begin(24h * 20000);
    for (auto at = begin; at < begin + 24h * 365; at += 1s) {
      const auto shares = grid.shares(at);
      insight::SupplyReading reading{.time = at};
      reading.volts.fill(none), reading.watts.fill(none), reading.vars.fill(none);
      std::array<double, 2> amperes{};
      for (std::size_t leg = 0; leg < 2; ++leg) {
        const double drawn = simulator::switched(seed + leg, at, 7min);
        amperes[leg] = drawn > 0.8 ? 150 * (drawn - 0.8) : 2 * drawn;
      }
      const double neutral_v = 0.012 * (amperes[0] - amperes[1]);
      for (std::size_t leg = 0; leg < 2; ++leg) {
        const double volts =
            120 * shares[leg] - 0.023 * amperes[leg] + (leg == 0 ? -neutral_v : neutral_v);
        reading.volts[leg] = static_cast<float>(volts);
        reading.watts[leg] = static_cast<float>(volts * amperes[leg]);
      }
      watch.take(reading);
      seen.see(found(watch.findings(), Change::open_neutral).has_value());
    }
    alarms += seen.count;
  }
  return healthy_row("supply", Change::open_neutral, "supply, grid alone", plan.grid_years * 365.25,
                     alarms);
}

// Up to 80 % of the rating for a while, then 1.1 to 3 times of it, every third with pauses.
void foretell_trips(bool is_us, const SupplyPlan& plan, std::vector<HealthRow>& rows) {
  constexpr std::array iec{10., 16., 20., 32., 63.}, ul{15., 20., 30., 50., 100.};
  const auto norm = is_us ? simulator::BreakerNorm::ul_489 : simulator::BreakerNorm::iec_60898;
  const auto standard =
      is_us ? insight::BreakerStandard::ul_489 : insight::BreakerStandard::iec_60898;
  std::vector<double> leads;
  int trips = 0;
  for (int i = 0; i < plan.breakers; ++i) {
    simulator::Chance chance(simulator::mix(plan.seed + static_cast<std::uint64_t>(i)));
    const double rating = (is_us ? ul : iec)[static_cast<std::size_t>(chance.between(0, 5))];
    const measurement::Celsius air{static_cast<float>(chance.between(10, 45))};
    auto breaker = simulator::Breaker::draw(norm, rating, air, chance);
    insight::BreakerGuard guard({standard, {static_cast<float>(rating)}, {1}});
    const double before = chance.between(0, 0.8), over = chance.between(1.1, 3);
    const int begin = static_cast<int>(chance.between(600, 3600));
    const bool pauses = chance.happens(0.33);
    int warned_s = 0;  // For so long.
    for (int second = 0; second < 4 * 3600; ++second) {
      const bool rests = pauses && (second - begin) % 60 > 45;
      const double load = second < begin ? before : over * (rests ? 0.5 : 1);
      const double amperes = load * rating * chance.normal(1, 0.01);
      guard.take({Timestamp(24h * 20000) + second * 1s,
                  {static_cast<float>(amperes), none, none},
                  {none, none, none}});
      const bool warns = found(guard.findings(), Change::breaker_overload).has_value();
      if (breaker.carry(amperes, 1)) {
        warned_s = warns ? warned_s + 1 : 0;
        continue;
      }
      ++trips;
      if (warned_s > 0) leads.push_back(warned_s);
      break;
    }
  }
  std::ranges::sort(leads);
  HealthRow row{.equipment = "breaker",
                .fault = std::string(insight::row(Change::breaker_overload).word),
                .scene = is_us ? "supply, UL 489" : "supply, IEC 60898"};
  row.machine_count = row.histories = trips;
  row.detection_rate = static_cast<double>(leads.size()) / trips;
  // Before the trip: below 0.
  row.delay_median_days = -leads[leads.size() / 2] / 86400;
  row.delay_p90_days = -leads[leads.size() / 10] / 86400;
  rows.push_back(row);
}

}  // namespace

std::vector<HealthRow> evaluate_supply(const SupplyPlan& plan,
                                       const std::function<void(const std::string&)>& progress) {
  std::vector<HealthRow> rows;
  for (const auto house : {simulator::House::us, simulator::House::eu3}) {
    if (plan.homes == 0) continue;
    progress(fmt::format("{}: loose contacts", word(house)));
    find_loose_contacts(house, plan, rows);
    find_by_known_loads(house, plan, rows);
    find_open_neutrals(house, plan, rows);
    progress(fmt::format("{}: without faults", word(house)));
    live_without_faults(house, plan, rows, progress);
  }
  progress("breakers and the grid alone");
  for (const bool is_us : {true, false}) foretell_trips(is_us, plan, rows);
  if (plan.grid_years > 0) rows.push_back(watch_grids(plan));
  return rows;
}

void print_supply(std::span<const HealthRow> rows, std::ostream& out) {
  out << "Faults are injected into simulated homes.\n"
      << fmt::format("{:<20}{:<36}{:>5}{:>8}{:>12}{:>12}\n", "fault", "scene", "n", "found",
                     "median", "p90");
  const auto length = [](double days) {
    if (std::isnan(days)) return std::string("-");
    return std::abs(days) < 1. / 24 ? fmt::format("{:.0f} s", days * 86400)
                                    : fmt::format("{:.1f} h", days * 24);
  };
  for (const auto& row : rows) {
    if (row.fault.empty()) continue;
    out << fmt::format("{:<20}{:<36}{:>5}{:>7.1f}%{:>12}{:>12}\n", row.fault, row.scene,
                       row.histories, 100 * row.detection_rate, length(row.delay_median_days),
                       length(row.delay_p90_days));
  }
  out << fmt::format("\n{:<10}{:<46}{:>8}{:>8}{:>10}{:>12}\n", "healthy", "scene", "years",
                     "alarms", "a year", "at most");
  for (const auto& row : rows) {
    if (!row.fault.empty()) continue;
    out << fmt::format("{:<10}{:<46}{:>8.1f}{:>8.0f}{:>10.2f}{:>12.2f}\n", row.equipment, row.scene,
                       row.asset_days / 365.25, row.alarms, row.false_per_asset_year,
                       row.false_per_asset_year_upper);
  }
}

}  // namespace lenz::evaluation
