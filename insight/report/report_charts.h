// Charts of the report as inline SVG. Positions across are shares of the width, so that letters and
// lines keep their size on every screen. What tells one thing from another is pattern and word, not
// colour alone.

#pragma once

#include <span>
#include <string>

#include "insight/report/report.h"

namespace insight {

// The patterns that the others fill with: once in a page.
std::string chart_patterns();

// How much of the whole, 0 to 1: full where it was measured, striped where it was told from its
// signature, dotted where it is unknown.
std::string share_bar(double share, Source);

struct Column {
  double value = 0;          // NaN: a gap.
  std::string_view label{};  // Below; empty: none.
  bool is_pale = false;      // A day of the weekend.
};

// Upright bars over the width, the greatest with its value. `says` is what a screen reader is told.
std::string columns_chart(std::span<const Column>, std::string_view unit, std::string_view says);

}  // namespace insight
