// Is there room for a charger, a heat pump, a battery? Replays them over what this home measured.

#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/bill/bill.h"
#include "insight/bill/tariff.h"

namespace insight {

// What one leg (phase) carried in each quarter from `begin`, as mean amperes; NaN: not measured.
struct LegCurrent {
  measurement::Timestamp begin{};  // On a quarter.
  std::vector<float> amperes;
};

// One circuit beside, to say what could run at another time.
struct CircuitUse {
  std::string name;
  QuarterHours use;
};

struct PlannedLoad {
  std::string name;
  double amperes = 0;          // On each of its legs.
  std::vector<bool> legs;      // As many as the home has.
  std::optional<Hours> hours;  // Local, when it would run; absent: at any time.
};

struct LegRoom {
  double highest_a = 0;  // Highest mean of a quarter until now.
  measurement::Timestamp highest_at{};
  double left_a = 0;  // At the worst quarter, with the planned load. Negative: so much too much.
};

struct Room {
  std::vector<LegRoom> legs;
  bool is_enough = false;
  double measured_days = 0;
  std::size_t quarters_over = 0;  // In which a leg would carry more than it may.
  std::vector<std::string>
      could_be_shifted;  // Circuits with most use in those quarters, most first.
};

// Legs may carry `main_breaker_a`, continuously at most `continuous_share` of it (0.8 in the US).
// Refused: no quarter was measured, or the legs do not agree in number.
std::expected<Room, std::string> room_for(const PlannedLoad&, const std::vector<LegCurrent>&,
                                          const std::vector<CircuitUse>&, double main_breaker_a,
                                          double continuous_share, const Zone&);

// The grid's quarters with the planned load drawing `kwh_a_day` within its hours, for its bill.
QuarterHours with_load(const QuarterHours& grid, const PlannedLoad&, double kwh_a_day,
                       double nominal_voltage_v, const Zone&);

// What the NEC's section 220.87 (2023) asks of whoever calculates from measured demand.
struct ServiceFacts {
  double service_a = 0;  // Rating of the service's overcurrent protection.
  double voltage_v = 240;
  double new_load_va = 0;
  bool has_generation = false, has_peak_shaving = false;
  bool was_occupied = true;
  // Whether the larger of heating and cooling ran while it was recorded; else its load is added.
  bool saw_heating_or_cooling = true;
  double heating_or_cooling_va = 0;
};

struct NecSheet {
  bool is_of_a_year = false;  // Else of 30 days or more.
  double recorded_days = 0;
  double highest_a = 0;  // Highest 15-minute mean on the leg that carries most.
  measurement::Timestamp highest_at{};
  double demand_va = 0;  // highest_a x voltage.
  double demand_125_va = 0;
  double added_va = 0;  // Heating or cooling that was not seen.
  double new_load_va = 0;
  double total_va = 0, total_a = 0;
  double service_a = 0;
  bool is_within = false;
  std::vector<std::string> lines;  // The sheet as text, "for your electrician" last.
};

// Refused: each reason a sentence. Times of the sheet are local.
std::expected<NecSheet, std::vector<std::string>> nec_220_87(const ServiceFacts&,
                                                             const std::vector<LegCurrent>&,
                                                             const Zone& = Zone());

// Power that is bought in steps.
struct ContractedPower {
  double highest = 0;     // That was drawn, in `unit`.
  double sufficient = 0;  // The smallest step that would not have been exceeded.
  std::string_view unit;  // "kW" or "kVA".
  std::string_view steps, source;
};

// Of ES, FR, IT and PT, from the highest power that was drawn for as long as a meter there allows
// more before it cuts off. Absent: power is not bought in steps there, or no step suffices.
std::optional<ContractedPower> contracted_power(std::string_view country, double highest_kw,
                                                double highest_kva);

}  // namespace insight
