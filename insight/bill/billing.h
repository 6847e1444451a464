// Bills under a tariff, what one more kWh costs, and who has which share of a bill.

#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "insight/bill/bill.h"
#include "insight/bill/tariff.h"

namespace insight {

// Day-ahead prices of a kWh, one for each quarter from `begin`; an hour's price stands four times.
struct DayAhead {
  measurement::Timestamp begin{};  // On a quarter.
  std::vector<std::optional<Decimal>> prices;

  std::optional<Decimal> at(measurement::Timestamp) const;
};

// The bill of a home's grid connection. `grid` may begin before the period: a demand charge looks
// back in it as far as its ratchet reaches and it goes. Quarters that it does not have count as
// nothing, and lower `covered`. Where the tariff's prices change within the period, lines are split
// by their validity; those of the same words and price are one. A day-ahead price that is missing
// of a quarter that was used makes it one of `unpriced`.
// Refused, with a sentence: the tariff says nothing of a day.
std::expected<Bill, std::string> bill_of(const Tariff&, const QuarterHours& grid, BillingPeriod,
                                         const Zone&, const DayAhead& = {});

// What one more kWh costs in each quarter of the period, taxes included: the rates that hold then,
// at the tier that the period's use reaches; while more is exported than imported, the feed-in that
// is lost. Demand is not in it. Absent: no tariff or no day-ahead price then.
std::vector<std::optional<Decimal>> marginal_prices(const Tariff&, const QuarterHours& grid,
                                                    BillingPeriod, const Zone&,
                                                    const DayAhead& = {});

struct BillShares {
  Bill bill;
  std::vector<Decimal> parts;  // In the order they were given.
  Decimal rest;                // Of use that is of no part.
  Decimal standing;            // Of what nobody's use causes: standing charges, a minimum bill.
  Decimal feed_in;             // 0 or a credit.
};

// Who has which share of the whole bill, taxes included: an energy line by the use in the line's
// quarters (own production counts as used by all alike), a demand by the use in its peak. To the
// currency's minor unit, and summing exactly to the total. Parts must not overlap: circuits, or the
// appliances of all of them.
std::expected<BillShares, std::string> shares_of(const Tariff&, const QuarterHours& grid,
                                                 std::span<const QuarterHours> parts, BillingPeriod,
                                                 const Zone&, const DayAhead& = {});

}  // namespace insight
