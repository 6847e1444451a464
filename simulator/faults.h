// Faults that a simulated house can have, by name. docs/household.md says what each does to its
// appliance and where the sizes come from.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "measurement/units.h"
#include "simulator/blueprint.h"

namespace simulator {

enum class Defect : std::uint8_t {
  gasket,
  condenser,
  refrigerant,
  defrost_heater,
  thermostat,
  start_relay,
  silent,
  airflow,
  crankcase_heater,
  backup_heat,
  dry_well,
  waterlogged_tank,
  worn_impeller,
  leak,
  vent,
  heater,
  drain,
  limescale,
  bearing,
  standing_loss,
  reduced_current,
  loose_leg,
  loose_neutral,
  open_neutral,
  loose_branch,
};

inline constexpr std::string_view supply_word = "supply";

struct FaultRow {
  std::string_view name;  // As people write it.
  std::string_view word;  // Of the furnishing that has it; or supply_word.
  Defect defect{};
  double severity = 0;  // Where nobody says another.
  bool in_us = true, in_eu3 = true;
  std::string_view means;  // What the severity is a measure of.
};

inline constexpr std::array fault_rows = {
    FaultRow{"fridge-gasket", "fridge", Defect::gasket, 0.4, true, true,
             "heat through the door, + this share of all"},
    FaultRow{"fridge-condenser", "fridge", Defect::condenser, 0.12, true, true,
             "compressor power, + this share, and cold as much less"},
    FaultRow{"fridge-refrigerant", "fridge", Defect::refrigerant, 0.45, true, true,
             "cold, - this share"},
    FaultRow{"fridge-defrost", "fridge", Defect::defrost_heater, 0.3, true, false,
             "cold, - this share after two weeks of frost"},
    FaultRow{"fridge-thermostat", "fridge", Defect::thermostat, 1, true, true,
             "sticks in the on position from 0.5"},
    FaultRow{"fridge-start-relay", "fridge", Defect::start_relay, 1, true, true,
             "share of the starts that fail"},
    FaultRow{"fridge-silent", "fridge", Defect::silent, 1, true, true, "off from 0.5"},
    FaultRow{"freezer-gasket", "freezer", Defect::gasket, 0.4, true, true,
             "heat through the door, + this share of all"},
    FaultRow{"freezer-condenser", "freezer", Defect::condenser, 0.12, true, true,
             "compressor power, + this share, and cold as much less"},
    FaultRow{"freezer-refrigerant", "freezer", Defect::refrigerant, 0.45, true, true,
             "cold, - this share"},
    FaultRow{"freezer-thermostat", "freezer", Defect::thermostat, 1, true, true,
             "sticks in the on position from 0.5"},
    FaultRow{"freezer-start-relay", "freezer", Defect::start_relay, 1, true, true,
             "share of the starts that fail"},
    FaultRow{"freezer-silent", "freezer", Defect::silent, 1, true, true, "off from 0.5"},
    FaultRow{"heat-pump-undercharge", "heat_pump", Defect::refrigerant, 0.25, true, true,
             "heat and cold, - this share"},
    FaultRow{"heat-pump-airflow", "heat_pump", Defect::airflow, 0.3, true, true,
             "heat and cold, - this share"},
    FaultRow{"heat-pump-crankcase", "heat_pump", Defect::crankcase_heater, 1, true, true,
             "standby power, - this share"},
    FaultRow{"heat-pump-backup", "heat_pump", Defect::backup_heat, 0.6, true, true,
             "of a strip heater of 10 kW, which heats in its place"},
    FaultRow{"well-dry", "pump", Defect::dry_well, 0.45, true, false,
             "power, - this share; no water comes"},
    FaultRow{"well-waterlogged", "pump", Defect::waterlogged_tank, 0.8, true, false,
             "water between two starts, - this share"},
    FaultRow{"well-worn", "pump", Defect::worn_impeller, 0.3, true, false,
             "water per minute, - this share"},
    FaultRow{"well-leak", "pump", Defect::leak, 0.5, true, false, "litres a minute that are lost"},
    FaultRow{"dryer-vent", "tumble_dryer", Defect::vent, 0.6, true, true,
             "time of drying, + this share"},
    FaultRow{"dryer-element", "tumble_dryer", Defect::heater, 0.5, true, true,
             "heating power, - this share"},
    FaultRow{"dryer-bearing", "tumble_dryer", Defect::bearing, 0.2, true, true,
             "power of the drum, + this share"},
    FaultRow{"dishwasher-heater", "dishwasher", Defect::heater, 1, true, true,
             "heating power, - this share"},
    FaultRow{"dishwasher-drain", "dishwasher", Defect::drain, 1, true, true,
             "time of draining, + this share"},
    FaultRow{"dishwasher-limescale", "dishwasher", Defect::limescale, 0.3, true, true,
             "time of heating, + this share"},
    FaultRow{"washer-heater", "washing_machine", Defect::heater, 1, false, true,
             "heating power, - this share"},
    FaultRow{"washer-drain", "washing_machine", Defect::drain, 1, true, true,
             "time of draining, + this share"},
    FaultRow{"washer-bearing", "washing_machine", Defect::bearing, 0.2, true, true,
             "power of the spin, + this share"},
    FaultRow{"washer-limescale", "washing_machine", Defect::limescale, 0.3, false, true,
             "time of heating, + this share"},
    FaultRow{"water-heater-element", "water_heater", Defect::heater, 0.5, true, true,
             "heating power, - this share"},
    FaultRow{"water-heater-loss", "water_heater", Defect::standing_loss, 0.3, true, true,
             "standing loss, + this share"},
    FaultRow{"water-heater-thermostat", "water_heater", Defect::thermostat, 1, true, true,
             "sticks in the on position from 0.5"},
    FaultRow{"oven-element", "oven", Defect::heater, 0.4, true, true,
             "heating power, - this share"},
    FaultRow{"oven-thermostat", "oven", Defect::thermostat, 1, true, true,
             "sticks in the on position, and the oven heats for as many days"},
    FaultRow{"ev-reduced", "ev_charger", Defect::reduced_current, 0.5, true, true,
             "power of charging, - this share"},
    FaultRow{"supply-leg", supply_word, Defect::loose_leg, 0.1, true, true,
             "ohms more on the way of the first leg to the panel"},
    FaultRow{"supply-neutral", supply_word, Defect::loose_neutral, 0.1, true, true,
             "ohms more on the way of the neutral to the panel"},
    FaultRow{"supply-neutral-open", supply_word, Defect::open_neutral, 1, true, true,
             "no contact at all from 0.5"},
    FaultRow{"supply-kitchen", supply_word, Defect::loose_branch, 0.1, true, true,
             "ohms more on the way from the panel to the kitchen"},
};

// How bad a defect is at a time: 0 before its begin, its severity from begin + ramp on.
struct Onset {
  measurement::Timestamp begin{};
  std::chrono::milliseconds ramp{};  // 0: all at once.
  double severity = 0;

  double at(measurement::Timestamp) const;
};

// What is wrong with something, and since when.
class Defects {
 public:
  void add(Defect defect, const Onset& onset) { known_.emplace_back(defect, onset); }

  // 0: it has none of this kind.
  double severity(Defect, measurement::Timestamp) const;

 private:
  std::vector<std::pair<Defect, Onset>> known_;
};

struct Fault {
  FaultRow what;
  std::chrono::milliseconds after{};  // Since the begin of the house.
  std::chrono::milliseconds ramp{};
  double severity = what.severity;
};

// NAME[@dayN[-M]][:SEVERITY]: from the N-th day of the house on, 1 where it is left out; with M it
// grows until that day. Else one sentence that says what is wrong and what there is.
std::expected<Fault, std::string> parse_fault(std::string_view text, House);

}  // namespace simulator
