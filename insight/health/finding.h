// What is found of the condition of a home's equipment: what changed, since when, how sure that is,
// what it shows in, and what may be behind it. All rules of this folder say what they see in these
// words; the tables below hold every one of them once.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "insight/reading.h"
#include "measurement/units.h"

namespace insight {

enum class Urgency : std::uint8_t {
  digest,  // Worth a look this week.
  today,   // Food, water or money is being lost now.
  danger,  // Switch off, and call an electrician, or the utility for the supply.
};

// What changed. Numbers are in what a home keeps: append, never renumber.
enum class Change : std::uint8_t {
  works_harder,        // More energy than it used to take for the same.
  works_less,          // Less than it used to.
  draws_more,          // More power while it runs.
  draws_less,          // Less power while it runs.
  runs_longer,         // Each run takes longer.
  starts_often,        // Many short runs.
  never_stops,         // On for longer than ever.
  silent,              // Off for longer than ever.
  does_not_start,      // Draws the current of a motor that stands, again and again.
  runs_dry,            // A pump that moves no water.
  lacks_phase,         // A step of its course does not come any more: heating, defrosting.
  standby_changed,     // What it draws when it is off.
  uses_backup_heat,    // Strip heat where the heat pump ought to do.
  supply_resistance,   // The service's.
  neutral_resistance,  // The same of the neutral alone.
  open_neutral,
  branch_resistance,   // Of one circuit's wiring, seen from a plug.
  element_resistance,  // P/V² of a resistive load fell for good: it or its wiring.
  breaker_overload,    // Will trip by its thermal part.
  breaker_long_load,   // More than 80 % of its rating for three hours.
  shared_neutral,      // Two hots of one leg on one neutral.
};

struct ChangeRow {
  Change id;
  std::string_view word;  // In topics and JSON.
  // After the name of the asset: "The freezer" + " works harder than it used to".
  std::string_view says;
  Urgency urgency;
};

inline constexpr std::array changes = {
    ChangeRow{Change::works_harder, "works_harder", "works harder than it used to",
              Urgency::digest},
    ChangeRow{Change::works_less, "works_less", "takes less than it used to", Urgency::digest},
    ChangeRow{Change::draws_more, "draws_more", "draws more while it runs", Urgency::digest},
    ChangeRow{Change::draws_less, "draws_less", "draws less while it runs", Urgency::digest},
    ChangeRow{Change::runs_longer, "runs_longer", "takes longer than it used to", Urgency::digest},
    ChangeRow{Change::starts_often, "starts_often", "starts far more often than it used to",
              Urgency::digest},
    ChangeRow{Change::never_stops, "never_stops", "has been on for longer than ever",
              Urgency::today},
    ChangeRow{Change::silent, "silent", "has been off for longer than ever", Urgency::today},
    ChangeRow{Change::does_not_start, "does_not_start", "tries to start again and again",
              Urgency::today},
    ChangeRow{Change::runs_dry, "runs_dry", "runs, but seems to move no water", Urgency::today},
    ChangeRow{Change::lacks_phase, "lacks_phase", "leaves out a part of its work", Urgency::digest},
    ChangeRow{Change::standby_changed, "standby_changed", "draws another power when it is off",
              Urgency::digest},
    ChangeRow{Change::uses_backup_heat, "uses_backup_heat", "heats with its backup heater",
              Urgency::today},
    ChangeRow{Change::supply_resistance, "supply_resistance",
              "gives way more than it used to when much is drawn", Urgency::danger},
    ChangeRow{Change::neutral_resistance, "neutral_resistance",
              "lifts one leg when the other is loaded", Urgency::danger},
    ChangeRow{Change::open_neutral, "open_neutral", "has lost its neutral", Urgency::danger},
    ChangeRow{Change::branch_resistance, "branch_resistance",
              "loses more voltage on its way than it used to", Urgency::danger},
    ChangeRow{Change::element_resistance, "element_resistance",
              "takes less at the same voltage than it used to", Urgency::digest},
    ChangeRow{Change::breaker_overload, "breaker_overload", "is about to trip", Urgency::today},
    ChangeRow{Change::breaker_long_load, "breaker_long_load",
              "carries more than 80 % of its rating for hours", Urgency::digest},
    ChangeRow{Change::shared_neutral, "shared_neutral",
              "shares its neutral with another circuit of the same leg", Urgency::danger},
};

// What may be behind it. Numbers are kept: append, never renumber.
enum class Cause : std::uint8_t {
  gasket_leak,
  dirty_condenser,
  low_refrigerant,
  defrost_heater_open,
  thermostat_stuck,
  start_relay,
  cabinet_fan,
  low_airflow,
  run_capacitor,
  crankcase_heater,
  reversing_valve,
  dry_run,
  waterlogged_tank,
  worn_impeller,
  leak,
  jammed,
  float_stuck,
  clogged_discharge,
  vent_restricted,
  heater_open,
  drive_worn,
  slow_drain,
  limescale,
  standby_loss,
  filter_clogged,
  air_in_pump,
  loose_contact,
  new_habit,   // People use it otherwise.
  warm_place,  // Its room is warmer than it was.
  overload,
  wired_wrong,
  charging_reduced,
  no_power,
};

struct CauseRow {
  Cause id;
  std::string_view word;   // In topics, JSON, and as --faults.
  std::string_view says;   // As people say it.
  std::string_view check;  // What to do first: one thing, in the imperative.
};

inline constexpr std::array causes = {
    CauseRow{Cause::gasket_leak, "gasket_leak", "a door that does not seal",
             "Shut a sheet of paper in the door: where it slips out, clean or renew the gasket."},
    CauseRow{Cause::dirty_condenser, "dirty_condenser", "dust on the condenser",
             "Unplug it, and clean the grid at its back or below."},
    CauseRow{Cause::low_refrigerant, "low_refrigerant", "lost refrigerant",
             "Measure the temperature inside; if it is too warm, ask a service."},
    CauseRow{Cause::defrost_heater_open, "defrost_heater_open", "a defrost that does not heat",
             "Look for frost on the back wall inside; ask a service for the defrost heater."},
    CauseRow{Cause::thermostat_stuck, "thermostat_stuck", "a thermostat that sticks",
             "Turn the setting and listen for the click; measure the temperature inside."},
    CauseRow{Cause::start_relay, "start_relay", "the compressor's start relay or capacitor",
             "Unplug it for ten minutes; if it clicks and does not start, ask a service."},
    CauseRow{Cause::cabinet_fan, "cabinet_fan", "a fan inside that stands still",
             "Open the door, press its switch, and listen for the fan."},
    CauseRow{Cause::low_airflow, "low_airflow", "too little air through it",
             "Change or clean the air filter, and open the vents."},
    CauseRow{Cause::run_capacitor, "run_capacitor", "its run capacitor",
             "Ask a service to measure the capacitor."},
    CauseRow{Cause::crankcase_heater, "crankcase_heater", "the crankcase heater",
             "Ask a service before the first cold start."},
    CauseRow{Cause::reversing_valve, "reversing_valve", "the reversing valve or the control",
             "See whether the thermostat is set to emergency heat; if not, ask a service."},
    CauseRow{Cause::dry_run, "dry_run", "no water at the pump",
             "Switch the pump off, and see whether there is water."},
    CauseRow{Cause::waterlogged_tank, "waterlogged_tank", "a pressure tank without air",
             "Tap the tank: it must sound hollow on top. Check its air pressure."},
    CauseRow{Cause::worn_impeller, "worn_impeller", "a worn impeller",
             "Time how long it takes to fill a bucket, and ask a pump service."},
    CauseRow{Cause::leak, "leak", "a leak",
             "Shut all taps, and see whether the pump still starts."},
    CauseRow{Cause::jammed, "jammed", "something that blocks the motor",
             "Switch it off, and look for what blocks it."},
    CauseRow{Cause::float_stuck, "float_stuck", "a float switch that sticks",
             "Lift the float by hand, and look for what holds it."},
    CauseRow{Cause::clogged_discharge, "clogged_discharge", "a discharge that is partly blocked",
             "Look at the discharge pipe and its check valve."},
    CauseRow{Cause::vent_restricted, "vent_restricted", "lint in the vent or the filter",
             "Clean the lint filter and the duct to the outside."},
    CauseRow{Cause::heater_open, "heater_open", "a heating element that is broken",
             "See whether it still gets hot; if not, ask a service."},
    CauseRow{Cause::drive_worn, "drive_worn", "bearings or a belt",
             "Turn the drum by hand, and listen for a noise."},
    CauseRow{Cause::slow_drain, "slow_drain", "a drain that is partly blocked",
             "Clean the drain filter."},
    CauseRow{Cause::limescale, "limescale", "limescale on the heater", "Descale it."},
    CauseRow{Cause::standby_loss, "standby_loss", "heat that is lost, or hot water that drips",
             "Look for a dripping hot tap, and feel the pipes near the tank."},
    CauseRow{Cause::filter_clogged, "filter_clogged", "a filter that is full",
             "Clean or backwash the filter."},
    CauseRow{Cause::air_in_pump, "air_in_pump", "air in the pump",
             "See whether the pump's basket is full of water, and its lid is tight."},
    CauseRow{Cause::loose_contact, "loose_contact", "a contact that has come loose",
             "Switch the circuit off, and call an electrician."},
    CauseRow{Cause::new_habit, "new_habit", "another use than before",
             "See whether anybody uses it otherwise."},
    CauseRow{Cause::warm_place, "warm_place", "a warmer place",
             "See whether its room or place is warmer than it was."},
    CauseRow{Cause::overload, "overload", "too much at once on one circuit",
             "Switch off one of the large loads."},
    CauseRow{Cause::wired_wrong, "wired_wrong", "the wiring of the panel",
             "Switch both circuits off, and call an electrician."},
    CauseRow{Cause::charging_reduced, "charging_reduced", "a charger or car that holds back",
             "See whether the car or the charger limits the current, and feel the plug for heat."},
    CauseRow{Cause::no_power, "no_power", "a plug or a breaker that is off",
             "See whether its plug sits and its breaker is on."},
};

// What is looked at. Numbers are kept: append, never renumber.
enum class Feature : std::uint8_t {
  energy,          // Wh a day.
  run_power,       // W, mean while on.
  duty,            // Share of the day, 0 to 1.
  run_time,        // s, of one run.
  pause,           // s, between runs.
  starts,          // A day.
  standby,         // W.
  peak_power,      // W, of the first seconds.
  defrosts,        // A day.
  run_energy,      // Wh of one run.
  reactive_share,  // var per W.
  supply_ohm,      // Ohm.
  neutral_ohm,     // Ohm.
  branch_ohm,      // Ohm.
  conductance,     // W/V².
  load_share,      // Of the breaker's rating, 0 and up.
  leg_voltage,     // V.
  off_time,        // s, of the present pause.
  on_time,         // s, of the present run.
  backup_heat,     // Wh a day.
  failed_starts,   // A day.
  heating_time,    // s, of one run.
  heater_power,    // W, beside the motor's.
  motor_power,     // W, while it does not heat.
  rain,            // mm, since it last ran.
};

struct FeatureRow {
  Feature id;
  std::string_view word;  // In JSON.
  std::string_view name;  // As people say it.
  std::string_view unit;  // Empty: a share.
};

inline constexpr std::array health_features = {
    FeatureRow{Feature::energy, "energy", "energy a day", "Wh"},
    FeatureRow{Feature::run_power, "run_power", "power while it runs", "W"},
    FeatureRow{Feature::duty, "duty", "share of the time on", ""},
    FeatureRow{Feature::run_time, "run_time", "length of a run", "s"},
    FeatureRow{Feature::pause, "pause", "length of a pause", "s"},
    FeatureRow{Feature::starts, "starts", "starts a day", "1/d"},
    FeatureRow{Feature::standby, "standby", "power when off", "W"},
    FeatureRow{Feature::peak_power, "peak_power", "power at the start", "W"},
    FeatureRow{Feature::defrosts, "defrosts", "defrosts a day", "1/d"},
    FeatureRow{Feature::run_energy, "run_energy", "energy of a run", "Wh"},
    FeatureRow{Feature::reactive_share, "reactive_share", "reactive power per watt", "var/W"},
    FeatureRow{Feature::supply_ohm, "supply_ohm", "resistance of the supply", "ohm"},
    FeatureRow{Feature::neutral_ohm, "neutral_ohm", "resistance of the neutral", "ohm"},
    FeatureRow{Feature::branch_ohm, "branch_ohm", "resistance of the circuit", "ohm"},
    FeatureRow{Feature::conductance, "conductance", "power by the square of the voltage", "W/V2"},
    FeatureRow{Feature::load_share, "load_share", "share of the breaker's rating", ""},
    FeatureRow{Feature::leg_voltage, "leg_voltage", "voltage of the leg", "V"},
    FeatureRow{Feature::off_time, "off_time", "time off", "s"},
    FeatureRow{Feature::on_time, "on_time", "time on", "s"},
    FeatureRow{Feature::backup_heat, "backup_heat", "backup heat a day", "Wh"},
    FeatureRow{Feature::failed_starts, "failed_starts", "starts that failed", "1/d"},
    FeatureRow{Feature::heating_time, "heating_time", "heating in a run", "s"},
    FeatureRow{Feature::heater_power, "heater_power", "power of the heater", "W"},
    FeatureRow{Feature::motor_power, "motor_power", "power without the heater", "W"},
    FeatureRow{Feature::rain, "rain", "rain since it last ran", "mm"},
};

namespace detail {
template <typename Table>
constexpr bool is_in_order(const Table& table) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].id) != i) return false;
  }
  return true;
}
static_assert(is_in_order(changes) && is_in_order(causes) && is_in_order(health_features),
              "BUG: changes, causes and features must stand in the order of their numbers");
}  // namespace detail

// Of the house, not of what hangs on it.
constexpr bool is_of_wiring(Change c) {
  return Change::supply_resistance <= c && c <= Change::shared_neutral;
}

constexpr const ChangeRow& row(Change c) { return changes[static_cast<std::size_t>(c)]; }
constexpr const CauseRow& row(Cause c) { return causes[static_cast<std::size_t>(c)]; }
constexpr const FeatureRow& row(Feature f) { return health_features[static_cast<std::size_t>(f)]; }

// One feature, then and now.
struct Evidence {
  Feature feature{};
  float before = detail::not_measured, now = detail::not_measured;  // In the feature's unit.
  float usual_spread = detail::not_measured;  // Half of what nine days of ten lie within, before.
  struct Point {
    measurement::Timestamp time{};
    float value = detail::not_measured;  // NaN: not measured.
  };
  std::vector<Point> course;  // To be drawn; by time, at most some hundred.
};

struct Suspect {
  Cause cause{};
  float probability =
      0;  // Of all suspects of a finding together at most 1; the rest: something else.
};

// An asset has at most one for each change at a time.
struct Finding {
  Change change{};
  measurement::Timestamp since{};  // When it began, as well as can be told.
  measurement::Timestamp found{};
  float confidence = 0;            // Share of such findings that were right in tests, 0 to 1.
  std::vector<Suspect> suspects;   // The most probable first.
  std::vector<Evidence> evidence;  // The strongest first.
  float extra_wh_per_day = detail::not_measured;  // Of energy; below 0: less.
};

}  // namespace insight
