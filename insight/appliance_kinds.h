// The kinds of appliances that Lenz can name, in one table.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "measurement/units.h"

namespace insight {

// The numbers are in model files and in what a home has learnt: append, never renumber.
enum class ApplianceKind : std::uint8_t {
  fridge,
  freezer,
  fridge_freezer,
  dishwasher,
  washing_machine,
  washer_dryer,
  tumble_dryer,
  kettle,
  microwave,
  oven,
  cooktop,
  toaster,
  coffee_maker,
  food_processor,
  television,
  media_player,
  computer,
  monitor,
  printer,
  router,
  lighting,
  lamp,
  vacuum_cleaner,
  hair_dryer,
  iron,
  fan,
  electric_heater,
  air_conditioner,
  heat_pump,
  furnace,
  water_heater,
  electric_shower,
  ev_charger,
  pump,
  garbage_disposal,
  dehumidifier,
  charger,
  outlets,
  other,
};

struct ApplianceKindRow {
  ApplianceKind id;
  std::string_view word;  // In recordings, model files, topics and JSON.
  std::string_view name;  // As people say it.
  // From which power it counts as on: those of Yue et al. 2020 (BERT4NILM) and of NILMBench 2026
  // where they have the kind, else 15 W.
  measurement::Watts on_from;
};

inline constexpr std::array appliance_kinds = {
    ApplianceKindRow{ApplianceKind::fridge, "fridge", "fridge", {50}},
    ApplianceKindRow{ApplianceKind::freezer, "freezer", "freezer", {50}},
    ApplianceKindRow{ApplianceKind::fridge_freezer, "fridge_freezer", "fridge-freezer", {50}},
    ApplianceKindRow{ApplianceKind::dishwasher, "dishwasher", "dishwasher", {10}},
    ApplianceKindRow{ApplianceKind::washing_machine, "washing_machine", "washing machine", {20}},
    ApplianceKindRow{ApplianceKind::washer_dryer, "washer_dryer", "washer-dryer", {20}},
    ApplianceKindRow{ApplianceKind::tumble_dryer, "tumble_dryer", "tumble dryer", {20}},
    ApplianceKindRow{ApplianceKind::kettle, "kettle", "kettle", {2000}},
    ApplianceKindRow{ApplianceKind::microwave, "microwave", "microwave", {200}},
    ApplianceKindRow{ApplianceKind::oven, "oven", "oven", {200}},
    ApplianceKindRow{ApplianceKind::cooktop, "cooktop", "cooktop", {200}},
    ApplianceKindRow{ApplianceKind::toaster, "toaster", "toaster", {200}},
    ApplianceKindRow{ApplianceKind::coffee_maker, "coffee_maker", "coffee maker", {200}},
    ApplianceKindRow{ApplianceKind::food_processor, "food_processor", "food processor", {15}},
    ApplianceKindRow{ApplianceKind::television, "television", "television", {10}},
    ApplianceKindRow{ApplianceKind::media_player, "media_player", "media player", {10}},
    ApplianceKindRow{ApplianceKind::computer, "computer", "computer", {15}},
    ApplianceKindRow{ApplianceKind::monitor, "monitor", "monitor", {15}},
    ApplianceKindRow{ApplianceKind::printer, "printer", "printer", {15}},
    ApplianceKindRow{ApplianceKind::router, "router", "router", {3}},
    ApplianceKindRow{ApplianceKind::lighting, "lighting", "lighting", {15}},
    ApplianceKindRow{ApplianceKind::lamp, "lamp", "lamp", {5}},
    ApplianceKindRow{ApplianceKind::vacuum_cleaner, "vacuum_cleaner", "vacuum cleaner", {15}},
    ApplianceKindRow{ApplianceKind::hair_dryer, "hair_dryer", "hair dryer", {200}},
    ApplianceKindRow{ApplianceKind::iron, "iron", "iron", {200}},
    ApplianceKindRow{ApplianceKind::fan, "fan", "fan", {15}},
    ApplianceKindRow{ApplianceKind::electric_heater, "electric_heater", "electric heater", {200}},
    ApplianceKindRow{ApplianceKind::air_conditioner, "air_conditioner", "air conditioner", {50}},
    ApplianceKindRow{ApplianceKind::heat_pump, "heat_pump", "heat pump", {50}},
    ApplianceKindRow{ApplianceKind::furnace, "furnace", "furnace", {50}},
    ApplianceKindRow{ApplianceKind::water_heater, "water_heater", "water heater", {200}},
    ApplianceKindRow{ApplianceKind::electric_shower, "electric_shower", "electric shower", {2000}},
    ApplianceKindRow{ApplianceKind::ev_charger, "ev_charger", "EV charger", {200}},
    ApplianceKindRow{ApplianceKind::pump, "pump", "pump", {15}},
    ApplianceKindRow{ApplianceKind::garbage_disposal, "garbage_disposal", "garbage disposal", {15}},
    ApplianceKindRow{ApplianceKind::dehumidifier, "dehumidifier", "dehumidifier", {15}},
    ApplianceKindRow{ApplianceKind::charger, "charger", "charger", {5}},
    ApplianceKindRow{ApplianceKind::outlets, "outlets", "outlets", {15}},
    ApplianceKindRow{ApplianceKind::other, "other", "other", {15}},
};

constexpr const ApplianceKindRow& row(ApplianceKind kind) {
  return appliance_kinds[static_cast<std::size_t>(kind)];
}

// Absent: no kind is called so.
constexpr std::optional<ApplianceKind> appliance_kind(std::string_view word) {
  for (const auto& row : appliance_kinds) {
    if (row.word == word) return row.id;
  }
  return std::nullopt;
}

namespace detail {
constexpr bool kinds_are_in_order() {
  for (std::size_t i = 0; i < appliance_kinds.size(); ++i) {
    if (static_cast<std::size_t>(appliance_kinds[i].id) != i) return false;
  }
  return true;
}
static_assert(kinds_are_in_order(), "BUG: kinds must stand in the order of their numbers");
}  // namespace detail

}  // namespace insight
