#include "simulator/blueprint.h"

namespace simulator {
namespace {

// The price is about the average of US homes in 2024 (EIA Electric Power Monthly, table 5.3).
Blueprint us() {
  return {
      .name = "Maple Street",
      .zone = "America/New_York",
      .country = "US",
      .currency = "USD",
      .nominal_voltage = 120,
      .frequency = 60,
      .phases = 2,
      .price_per_kwh = 0.165,
      .style = "us",
      .utc_offset = std::chrono::minutes(-300),
      .climate = {.mean_c = 12.5, .season_k = 12, .day_k = 4.5, .latitude_deg = 41},
      .leg_ohm = {0.023, 0.013},
      .neutral_ohm = {0.012, 0.004},
      .chip_legs = {1, 2, 1, 2},
      .circuits = {
          {"grid", "Grid", "grid", "", 200, 2, {1, 2}, 0, "Cellar", {{0, 1}, {3, 1}}},
          {"solar", "Solar", "solar", "grid", 30, 2, {1, 2}, 1, "Roof", {{1, 2}}},
          {"ev", "EV charger", "ev", "grid", 40, 2, {1, 2}, 2, "Garage", {{2, 2}}},
          {"heat_pump", "Heat pump", "load", "grid", 30, 2, {1, 2}, 5, "Cellar", {{4, 2}}},
          {"water_heater", "Water heater", "load", "grid", 30, 2, {1, 2}, 6, "Cellar", {{5, 2}}},
          {"range", "Range", "load", "grid", 50, 2, {1, 2}, 9, "Kitchen", {{6, 2}}},
          {"dryer", "Tumble dryer", "load", "grid", 30, 2, {1, 2}, 10, "Laundry", {{7, 2}}},
          {"kitchen", "Kitchen", "load", "grid", 20, 1, {1}, 13, "Kitchen", {{8, 1}}},
          {"laundry", "Laundry", "load", "grid", 20, 1, {2}, 14, "Laundry", {{11, 1}}},
          {"fridge", "Fridge", "load", "grid", 15, 1, {2}, 15, "Kitchen", {{9, 1}}},
          {"living", "Living room", "load", "grid", 15, 1, {2}, 16, "Living room", {{10, 1}}},
          {"bedrooms", "Bedrooms", "load", "grid", 15, 1, {1}, 17, "Bedrooms", {}},
          {"well_pump", "Well pump", "load", "grid", 20, 2, {1, 2}, 18, "Cellar", {}},
          {"office", "Office", "load", "grid", 15, 1, {2}, 19, "Office", {}},
      }};
}

// The price is about that of German homes in 2024 (BDEW Strompreisanalyse).
Blueprint eu3() {
  return {.name = "Lindenweg",
          .zone = "Europe/Berlin",
          .country = "DE",
          .currency = "EUR",
          .nominal_voltage = 230,
          .frequency = 50,
          .phases = 3,
          .price_per_kwh = 0.40,
          .style = "din",
          .utc_offset = std::chrono::minutes(60),
          .climate = {.mean_c = 10, .season_k = 9.5, .day_k = 4, .latitude_deg = 52.5},
          .leg_ohm = {0.11, 0.06},
          .neutral_ohm = {0.07, 0.04},
          .chip_legs = {1, 2, 3, 1},
          .circuits = {
              {"grid", "Grid", "grid", "", 63, 3, {1, 2, 3}, 1, "Cellar", {{0, 1}, {3, 1}, {6, 1}}},
              {"ev", "EV charger", "ev", "grid", 20, 3, {1, 2, 3}, 4, "Garage", {{1, 3}}},
              {"solar", "Solar", "solar", "grid", 16, 3, {1, 2, 3}, 7, "Roof", {{4, 3}}},
              {"cooktop", "Cooktop", "load", "grid", 16, 3, {1, 2, 3}, 10, "Kitchen", {{7, 3}}},
              {"heat_pump", "Heat pump", "load", "grid", 16, 1, {1}, 13, "Cellar", {{2, 1}}},
              {"water_heater", "Water heater", "load", "grid", 16, 1, {2}, 14, "Bath", {{5, 1}}},
              {"dryer", "Tumble dryer", "load", "grid", 16, 1, {3}, 15, "Laundry", {{8, 1}}},
              {"washing_machine",
               "Washing machine",
               "load",
               "grid",
               16,
               1,
               {1},
               16,
               "Laundry",
               {{9, 1}}},
              {"kitchen", "Kitchen", "load", "grid", 16, 1, {1}, 17, "Kitchen", {{10, 1}}},
              {"living", "Living room", "load", "grid", 16, 1, {1}, 18, "Living room", {{11, 1}}},
              {"dishwasher", "Dishwasher", "load", "grid", 16, 1, {2}, 19, "Kitchen", {}},
              {"oven", "Oven", "load", "grid", 16, 1, {3}, 20, "Kitchen", {}},
              {"bedrooms", "Bedrooms", "load", "grid", 16, 1, {2}, 21, "Bedrooms", {}},
              {"office", "Office", "load", "grid", 16, 1, {3}, 22, "Office", {}},
          }};
}

}  // namespace

const Blueprint& blueprint(House house) {
  static const Blueprint american = us();
  static const Blueprint european = eu3();
  return house == House::us ? american : european;
}

}  // namespace simulator
