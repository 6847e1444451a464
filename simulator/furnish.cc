#include "simulator/furnish.h"

#include <utility>

namespace simulator {
namespace {

using enum Activity;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

class Rooms {
 public:
  explicit Rooms(std::uint64_t seed) : seed_(seed) {}

  template <class Kind, class... Arguments>
  void put(std::string_view name, std::string_view word, std::string_view circuit,
           std::vector<Habit> habits, Arguments&&... arguments) {
    furnishings_.push_back(
        {name, word, circuit,
         std::make_unique<Kind>(std::forward<Arguments>(arguments)..., mix(seed_, name)),
         std::move(habits)});
  }

  void put_solar(double peak_w) {
    furnishings_.push_back({"Solar", "solar", "solar", std::make_unique<Solar>(peak_w), {}});
  }

  std::vector<Furnishing> all() { return std::move(furnishings_); }

 private:
  std::uint64_t seed_;
  std::vector<Furnishing> furnishings_;
};

// What both houses have, on circuits that both houses have.
void put_common(Rooms& rooms) {
  rooms.put<Programme>("Microwave", "microwave", "kitchen", {{snack, 0.8}, {dinner, 0.3}},
                       microwave, 2.);
  rooms.put<Programme>("Coffee maker", "coffee_maker", "kitchen", {{breakfast, 0.85}}, coffee_maker,
                       1.);
  rooms.put<Programme>("Television", "television", "living", {{television, 1}},
                       simulator::television, 0.7);
  rooms.put<Programme>("Computer", "computer", "office", {{desk, 1}}, computer, 2.);
  rooms.put<Lights>("Living room lights", "lighting", "living", {}, 4, 22.);
  rooms.put<Lights>("Bedroom lights", "lighting", "bedrooms", {}, 3, 14.);
  rooms.put<Background>("Router", "router", "living", {}, 11.);
  rooms.put<Background>("Bedroom sockets", "outlets", "bedrooms", {}, 22.);
  rooms.put<Background>("Office sockets", "outlets", "office", {}, 18.);
}

std::vector<Furnishing> furnish_us(std::uint64_t seed, milliseconds look) {
  Rooms rooms(seed);
  rooms.put_solar(5200);
  rooms.put<Programme>(
      "EV charger", "ev_charger", "ev", {{drive, 1}},
      [](Chance& chance) { return charger(chance, 7200); }, 4.);
  rooms.put<HeatPump>("Heat pump", "heat_pump", "heat_pump", {}, HeatPumpOptions{.look = look});
  rooms.put<WaterTank>("Water heater", "water_heater", "water_heater",
                       {{shower, 1}, {dishes, 0.4}, {water, 0.1}, {laundry, 0.7}},
                       TankOptions{.use_kwh = 1.5, .look = look});
  rooms.put<Programme>("Cooktop", "cooktop", "range", {{breakfast, 0.35}, {dinner, 0.9}}, cooktop,
                       3.);
  rooms.put<Programme>("Oven", "oven", "range", {{roast, 1}}, oven, 2.);
  rooms.put<Programme>("Tumble dryer", "tumble_dryer", "dryer", {{laundry, 0.9, 65min}},
                       tumble_dryer, 1.);
  rooms.put<Programme>(
      "Kettle", "kettle", "kitchen", {{hot_drink, 0.8}},
      [](Chance& chance) { return kettle(chance, 1500); }, 0.);
  rooms.put<Programme>("Dishwasher", "dishwasher", "kitchen", {{dishes, 1}}, dishwasher, 1.);
  rooms.put<Programme>("Washing machine", "washing_machine", "laundry", {{laundry, 1}},
                       washing_machine_cold_fill, 2.);
  rooms.put<Cabinet>("Fridge", "fridge", "fridge",
                     {{breakfast, 1}, {snack, 1}, {dinner, 1}, {hot_drink, 0.5}, {water, 0.2}},
                     CabinetOptions{.compressor_w = 135, .defrost_w = 380, .look = look});
  rooms.put<Cabinet>("Freezer", "freezer", "laundry", {{dinner, 0.4}},
                     CabinetOptions{.compressor_w = 98,
                                    .set_c = -18,
                                    .band_k = 3,
                                    .pull_k = 92,
                                    .inertia_h = 11,
                                    .door_k = 0.5,
                                    .look = look});
  rooms.put<WellPump>("Well pump", "pump", "well_pump",
                      {{water, 1},
                       {shower, 1},
                       {shower, 1, 2min},
                       {shower, 1, 4min},
                       {laundry, 1},
                       {laundry, 1, 25min},
                       {dishes, 1},
                       {dinner, 1}},
                      1050.);
  put_common(rooms);
  return rooms.all();
}

std::vector<Furnishing> furnish_eu3(std::uint64_t seed, milliseconds look) {
  Rooms rooms(seed);
  rooms.put_solar(7500);
  rooms.put<Programme>(
      "EV charger", "ev_charger", "ev", {{drive, 0.7}},
      [](Chance& chance) { return charger(chance, 11000); }, 5.);
  rooms.put<HeatPump>("Heat pump", "heat_pump", "heat_pump", {},
                      HeatPumpOptions{.cool_set_c = 60,
                                      .full_w = 2600,
                                      .least_share = 0.3,
                                      .loss_w_per_k = 130,
                                      .gains_w = 500,
                                      .capacity_kwh_per_k = 4,
                                      .standby_w = 12,
                                      .look = look});
  rooms.put<WaterTank>(
      "Water heater", "water_heater", "water_heater", {{shower, 1}, {water, 0.05}},
      TankOptions{.heater_w = 2000, .litres = 80, .use_kwh = 0.9, .loss_w = 30, .look = look});
  rooms.put<Programme>("Cooktop", "cooktop", "cooktop", {{breakfast, 0.2}, {dinner, 0.9}}, cooktop,
                       1.);
  rooms.put<Programme>("Oven", "oven", "oven", {{roast, 1}}, oven, 1.);
  rooms.put<Programme>("Tumble dryer", "tumble_dryer", "dryer", {{laundry, 0.5, 115min}},
                       tumble_dryer, 1.);
  rooms.put<Programme>("Washing machine", "washing_machine", "washing_machine", {{laundry, 1}},
                       washing_machine, 1.);
  rooms.put<Programme>("Dishwasher", "dishwasher", "dishwasher", {{dishes, 1}}, dishwasher, 1.);
  rooms.put<Programme>(
      "Kettle", "kettle", "kitchen", {{hot_drink, 0.9}},
      [](Chance& chance) { return kettle(chance, 2200); }, 0.);
  rooms.put<Cabinet>("Fridge", "fridge", "kitchen",
                     {{breakfast, 1}, {snack, 1}, {dinner, 1}, {hot_drink, 0.5}, {water, 0.2}},
                     CabinetOptions{.compressor_w = 82, .look = look});
  rooms.put<Cabinet>("Freezer", "freezer", "kitchen", {{dinner, 0.4}},
                     CabinetOptions{.compressor_w = 88,
                                    .set_c = -18,
                                    .band_k = 3,
                                    .pull_k = 95,
                                    .inertia_h = 12,
                                    .door_k = 0.5,
                                    .look = look});
  put_common(rooms);
  return rooms.all();
}

}  // namespace

std::vector<Furnishing> furnish(House house, std::uint64_t seed, milliseconds look) {
  return house == House::us ? furnish_us(seed, look) : furnish_eu3(seed, look);
}

}  // namespace simulator
