// What the running period's bill will come to.

#pragma once

#include <cstdint>

#include "insight/bill/billing.h"

namespace insight {

struct BillForecast {
  Bill so_far;  // As if nothing more were used; standing charges of the days until now only.
  // Of the whole period's total; in 80 of 100 cases it ends between low and high.
  double low = 0, median = 0, high = 0;
};

// Days to come are drawn from the eight weeks before `now` in whole weeks, which keep their
// weekdays; what they take together errs as the same forecast erred in the year before, as far as
// `grid` goes back. Refused, with a sentence: fewer than four measured weeks, a period that does
// not run, or a bill that cannot be or has hours without a price. The same seed gives the same
// forecast.
std::expected<BillForecast, std::string> forecast_of(const Tariff&, const QuarterHours& grid,
                                                     BillingPeriod, measurement::Timestamp now,
                                                     const Zone&, const DayAhead&,
                                                     std::uint64_t seed);

}  // namespace insight
