// What a label counts of each kind of appliance, and what the label of an old one is likely to have
// said. The formulas themselves are in eu_labels.h and us_limits.h.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "insight/appliance_kinds.h"

namespace insight {

enum class Market : std::uint8_t { us, eu };

// What the label of a kind counts.
enum class LabelBasis : std::uint8_t {
  kwh_a_year,  // Fridges and freezers.
  kwh_a_use,   // Washers, dryers, dishwashers: a cycle of the label's mix of programmes.
  efficiency,  // kWh of heat or cold from one of electricity: UEF, SEER / 3.412 of the US, SCOP.
};

// Absent: nothing can be said of what would take the place of such a thing.
std::optional<LabelBasis> label_basis(ApplianceKind);

// Of `size` of a kind: "l", "place settings", "kg"; empty: it has none.
std::string_view size_unit(ApplianceKind);

// Of one whose size nobody said; 0 where it has none.
double common_size(ApplianceKind, Market);

// Cycles in a year that US labels count: 6 loads a week, 4 of dishwashers (ANSI/RESNET 301).
inline constexpr double us_washer_cycles = 312, us_dishwasher_cycles = 208;

struct LabelEstimate {
  double value = 0;              // As label_basis() says.
  double relative_sigma = 0.15;  // What it may be off by.
};

// What the label said when the appliance was new. A size that is absent is a common one. Of US
// fridges and freezers it is 0.95 of the limit of the year; all else are means of those years, as
// docs/advice.md has them. Absent: the kind has no label.
std::optional<LabelEstimate> estimated_label(ApplianceKind, Market, std::optional<double> size,
                                             int year_made);

}  // namespace insight
