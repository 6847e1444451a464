// What a home's energy costs, line by line as its supplier prints it.
//
//   quarters of the store ──> bill_of(tariff, …) ──> Bill ──> shares_of(…): what each circuit or
//                                                              appliance has of the whole of it

#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "insight/bill/money.h"
#include "insight/bill/zone.h"
#include "measurement/units.h"

namespace insight {

inline constexpr std::chrono::minutes quarter{15};

// What one meter, circuit or appliance took and gave in each quarter of an hour from `begin`.
struct QuarterHours {
  measurement::Timestamp begin{};                               // On a quarter.
  std::vector<measurement::MilliwattHours> imported, exported;  // As long as each other.
  std::vector<float> covered = {};  // Share of it that was measured, 0 to 1; empty: all of it.
};

// Local days; the end is not included.
struct BillingPeriod {
  std::chrono::local_days begin{}, end{};
};

struct BillLine {
  std::string words;     // "Peak, summer": of the tariff.
  Decimal quantity;      // In `unit`, as printed.
  std::string unit;      // "kWh", "day", "kW", "%".
  Decimal price;         // Of one; of "%" what it is taken of. A mean where prices change hourly.
  Decimal amount;        // Rounded as the tariff says. Negative: a credit.
  BillingPeriod during;  // The days that it is of: fewer than the bill's where prices changed.
};

// A quarter in which energy was used or given whose day-ahead price is not known: what is asked or
// paid by that price for it is in no line.
struct UnpricedQuarter {
  measurement::Timestamp begin{};
  measurement::MilliwattHours imported{}, exported{};  // Of which the price is not known.
};

struct Bill {
  BillingPeriod period;
  std::string tariff, currency;
  std::vector<BillLine> lines;  // In the order they are printed.
  Decimal total;
  measurement::MilliwattHours imported{}, exported{};
  double covered = 1;                     // Share of the period that was measured.
  std::vector<UnpricedQuarter> unpriced;  // Rising.
};

// "No day-ahead price is known of 30 November, 14:00 to 15:00: the amount is without that of the
// 1.20 kWh used then." Empty where there are none.
std::string unpriced_text(std::span<const UnpricedQuarter>, const Zone&);
// The same of what cannot be made without them.
std::string price_needed_text(std::span<const UnpricedQuarter>, const Zone&);

}  // namespace insight
