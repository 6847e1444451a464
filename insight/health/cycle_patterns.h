// What faults do to a day of a machine that works in cycles, kind by kind.

#pragma once

#include <optional>

#include "insight/appliance_kinds.h"
#include "insight/health/cycle_days.h"
#include "insight/health/shift_chart.h"

namespace insight {

// Kinds that work in cycles and are watched so.
bool is_watched_by_cycles(ApplianceKind);

// Fridges and freezers.
bool keeps_food_cold(ApplianceKind);

// For those kinds.
ShiftRules cycle_rules(ApplianceKind);

// Of those rules: logarithms of run power, duty, starts, failed starts per start and defrosts.
// Absent: the day says nothing of its condition; of a heat pump none does while nobody says how
// warm it is outdoors.
std::optional<ShiftRow> shift_row(const AssetDay&, ApplianceKind);

}  // namespace insight
