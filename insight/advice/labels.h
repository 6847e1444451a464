// What energy labels and limits say of an appliance: the class formulas of the EU, the federal
// limits of the US, and what the label of an old one was likely to say.
//
// Not here: the index of tumble dryers by EU 2023/2534, whose standard consumption could not be
// checked against the text; and room for what a home does with an appliance, which no label knows.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "insight/appliance_kinds.h"

namespace insight {

enum class Market : std::uint8_t { us, eu };

// What the label of a kind counts.
enum class LabelBasis : std::uint8_t {
  kwh_a_year,  // Fridges, freezers, dehumidifiers.
  kwh_a_use,   // Washers, dryers, dishwashers: a cycle of the label's mix of programmes.
  efficiency,  // kWh of heat or cold from one of electricity: UEF, SEER / 3.412, COP.
};

// Absent: such things have no label that says what they take.
std::optional<LabelBasis> label_basis(ApplianceKind);

// What `size` is of a kind: "l", "place settings", "kg"; empty: size does not matter.
std::string_view size_unit(ApplianceKind);

// What the label said when it was new, from what is known of it. A size that is absent is a common
// one.
struct LabelEstimate {
  double value = 0;              // As label_basis() says.
  double relative_sigma = 0.15;  // What the estimate may be off by.
};
std::optional<LabelEstimate> estimated_label(ApplianceKind, Market, std::optional<double> size,
                                             int year_made);

}  // namespace insight
