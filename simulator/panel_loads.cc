#include "simulator/panel_loads.h"

#include <utility>

namespace simulator {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;
using Loads = std::vector<PanelLoad>;

milliseconds minutes(double m) { return milliseconds(static_cast<std::int64_t>(m * 60'000)); }

void programme(Loads& loads, std::uint64_t seed, Course (*course)(Chance&), double standby_w) {
  loads.push_back({std::make_unique<Programme>(course, standby_w, mix(seed + loads.size())), true});
}

template <class Kind, class... Arguments>
void machine(Loads& loads, bool is_used, std::uint64_t seed, Arguments&&... arguments) {
  loads.push_back(
      {std::make_unique<Kind>(std::forward<Arguments>(arguments)..., mix(seed + loads.size())),
       is_used});
}

Course run(Chance& chance, double power_w, Nature nature, double least_min, double most_min) {
  return {{"on", power_w * chance.between(0.7, 1.2), nature,
           minutes(chance.between(least_min, most_min))}};
}

Course hair_dryer(Chance& c) { return run(c, 1400, Nature::heating, 2, 6); }
Course heater(Chance& c) { return run(c, 1200, Nature::heating, 4, 15); }
Course blower(Chance& c) { return run(c, 420, Nature::motor, 4, 12); }
Course saw(Chance& c) { return run(c, 1100, Nature::motor, 0.3, 1.5); }
Course disposal(Chance& c) { return run(c, 450, Nature::motor, 0.4, 1); }
Course vacuum(Chance& c) { return run(c, 900, Nature::inverter, 3, 10); }
Course lamps(Chance& c) { return run(c, 120, Nature::lamps, 3, 15); }
Course small_ev(Chance& c) { return charger(c, 7200); }
Course large_ev(Chance& c) { return charger(c, 11'300); }
Course kettle_us(Chance& c) { return kettle(c, 1500); }
Course kettle_eu(Chance& c) { return kettle(c, 2200); }

Loads solar(Chance& chance, std::uint64_t, bool) {
  Loads loads;
  loads.push_back({std::make_unique<Solar>(chance.between(2500, 8000)), false});
  return loads;
}

Loads ev(Chance& chance, std::uint64_t seed, bool is_us) {
  Loads loads;
  programme(loads, seed, !is_us || chance.happens(0.6) ? large_ev : small_ev, 4);
  return loads;
}

Loads heat_pump(Chance&, std::uint64_t seed, bool is_us) {
  Loads loads;
  machine<HeatPump>(
      loads, false, seed,
      HeatPumpOptions{.full_w = is_us ? 3000. : 2600., .least_share = is_us ? 1. : 0.3});
  return loads;
}

Loads water_heater(Chance&, std::uint64_t seed, bool is_us) {
  Loads loads;
  machine<WaterTank>(loads, true, seed,
                     TankOptions{.heater_w = is_us ? 4500. : 2000., .litres = is_us ? 190. : 80.});
  return loads;
}

Loads range(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  programme(loads, seed, cooktop, 2);
  programme(loads, seed, oven, 2);
  return loads;
}

Loads dryer(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  programme(loads, seed, tumble_dryer, 1);
  return loads;
}

Loads kitchen(Chance&, std::uint64_t seed, bool is_us) {
  Loads loads;
  programme(loads, seed, is_us ? kettle_us : kettle_eu, 0);
  programme(loads, seed, microwave, 2);
  programme(loads, seed, coffee_maker, 1);
  return loads;
}

Loads dishwashing(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  programme(loads, seed, dishwasher, 1);
  programme(loads, seed, disposal, 0);
  return loads;
}

Loads fridges(Chance& chance, std::uint64_t seed, bool) {
  Loads loads;
  machine<Cabinet>(loads, true, seed, CabinetOptions{.compressor_w = chance.between(80, 150)});
  if (chance.happens(0.5)) {
    machine<Cabinet>(loads, true, seed,
                     CabinetOptions{.compressor_w = 95, .set_c = -18, .band_k = 3, .pull_k = 92});
  }
  return loads;
}

Loads laundry(Chance&, std::uint64_t seed, bool is_us) {
  Loads loads;
  programme(loads, seed, is_us ? washing_machine_cold_fill : washing_machine, 2);
  return loads;
}

Loads living(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  programme(loads, seed, television, 1);
  programme(loads, seed, lamps, 0);
  programme(loads, seed, vacuum, 0);
  machine<Background>(loads, false, seed, 15.);
  return loads;
}

Loads office(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  programme(loads, seed, computer, 2);
  programme(loads, seed, lamps, 0);
  machine<Background>(loads, false, seed, 20.);
  return loads;
}

Loads bath(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  programme(loads, seed, hair_dryer, 0);
  programme(loads, seed, lamps, 0);
  return loads;
}

Loads bedrooms(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  programme(loads, seed, lamps, 0);
  programme(loads, seed, heater, 0);
  machine<Background>(loads, false, seed, 22.);
  return loads;
}

Loads furnace(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  programme(loads, seed, blower, 6);
  return loads;
}

Loads workshop(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  programme(loads, seed, saw, 0);
  programme(loads, seed, saw, 0);
  programme(loads, seed, lamps, 0);
  return loads;
}

Loads pump(Chance&, std::uint64_t seed, bool) {
  Loads loads;
  machine<WellPump>(loads, true, seed, 1050.);
  return loads;
}

Loads standby(Chance& chance, std::uint64_t seed, bool) {
  Loads loads;
  machine<Background>(loads, false, seed, chance.between(3, 25));
  return loads;
}

Loads nothing(Chance&, std::uint64_t, bool) { return {}; }

}  // namespace

const std::vector<CircuitTemplate>& circuit_templates() {
  using enum PoleUse;
  static const std::vector<CircuitTemplate> templates{
      {"Solar", "solar", 40, 16, all, all, 40, solar},
      {"EV charger", "load", 60, 20, all, all, 45, ev},
      {"Heat pump", "load", 30, 16, all, single, 60, heat_pump},
      {"Water heater", "load", 30, 16, all, single, 80, water_heater},
      {"Range", "load", 50, 16, all, all, 80, range},
      {"Dryer", "load", 30, 16, all, single, 70, dryer},
      {"Well pump", "load", 20, 16, all, single, 30, pump},
      {"Kitchen", "load", 20, 16, single, single, 100, kitchen},
      {"Kitchen island", "load", 20, 16, each, single, 40, kitchen},
      {"Dishwasher", "load", 20, 16, single, single, 80, dishwashing},
      {"Fridge", "load", 15, 16, single, single, 90, fridges},
      {"Laundry", "load", 20, 16, single, single, 80, laundry},
      {"Living room", "load", 15, 16, single, single, 100, living},
      {"Office", "load", 15, 16, single, single, 70, office},
      {"Bath", "load", 20, 16, single, single, 90, bath},
      {"Bedrooms", "load", 15, 16, single, single, 100, bedrooms},
      {"Furnace", "load", 15, 16, single, single, 50, furnace},
      {"Workshop", "load", 20, 16, single, single, 50, workshop},
      {"Garage", "load", 15, 16, single, single, 60, standby},
      {"Alarm", "load", 15, 10, single, single, 30, standby},
      {"Spare", "load", 15, 16, single, single, 40, nothing},
  };
  return templates;
}

}  // namespace simulator
