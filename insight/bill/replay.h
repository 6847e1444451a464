// The past under other tariffs, with loads that could have run at other times; and its carbon.

#pragma once

#include <span>

#include "insight/bill/billing.h"

namespace insight {

// One run of an appliance that may run at another time as a whole.
struct ShiftableRun {
  measurement::Timestamp begin{};                 // On a quarter.
  std::vector<measurement::MilliwattHours> used;  // In each quarter from there.
  measurement::Timestamp earliest{}, latest{};    // Begins not before, ends not after.
};

struct Replay {
  std::string tariff, currency;
  Decimal total;    // Of all periods.
  Decimal shifted;  // The same with each run where it is cheapest.
  measurement::MilliwattHours moved{};
  std::string trouble;  // Why there is no total; empty: there is.
};

// In the order of the tariffs.
std::vector<Replay> replay_of(std::span<const Tariff>, const QuarterHours& grid,
                              std::span<const BillingPeriod>, std::span<const ShiftableRun>,
                              const Zone&, const DayAhead& = {});

// The grid's quarters with each run moved to where its quarters cost least by `costs`, one for each
// of the grid's quarters, NaN where unknown; prices or grams alike. Runs that would gain nothing,
// or of whose window a cost is unknown, stay. Adds what was moved to `moved`.
QuarterHours shifted(const QuarterHours& grid, std::span<const ShiftableRun>,
                     std::span<const double> costs, measurement::MilliwattHours& moved);

// Grams of CO2 for each kWh, one for each quarter from `begin`; NaN: unknown.
struct CarbonIntensity {
  measurement::Timestamp begin{};
  std::vector<double> grams_per_kwh;

  double at(measurement::Timestamp) const;
};

struct Carbon {
  double kg = 0;
  double known = 1;  // Share of the energy whose intensity is known; kg is of that alone.
};

// Of what was imported from `begin` until `end`.
Carbon carbon_of(const QuarterHours&, measurement::Timestamp begin, measurement::Timestamp end,
                 const CarbonIntensity&);

}  // namespace insight
