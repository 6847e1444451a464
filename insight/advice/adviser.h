// What to do with one appliance of a home: advise() weighs keeping it until it fails against buying
// another now, or repairing it, over everything that nobody knows, and says how sure that is.
//
//   measured use, tariff ──┐
//   label, age, size ──────┼──> draws of use, price, life, wear ──> cost of each way ──> Advice
//   offers, own prices ────┘

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "insight/advice/advice.h"
#include "insight/advice/labels.h"
#include "insight/appliance_kinds.h"

namespace insight {

// Something the owner does not pay for.
struct ShiftableUse {
  double share = 0;            // Of its energy, 0 to 1.
  double cheaper_per_kwh = 0;  // In the cheaper hours.
  std::string hours;           // "after 22:00".
};

// An appliance as it is used. Money is in the home's currency.
struct ApplianceUse {
  std::string name;  // "Fridge in the kitchen"
  ApplianceKind kind{};
  Spread energy_kwh;  // A year, from what was measured.
  double measured_days = 0;
  std::optional<double> uses_a_year;  // Counted runs. Absent: it works all the time.
  // Of its own hours, at the margin of the tariff.
  double price_per_kwh = 0;

  // What people said of it; all may be absent.
  std::optional<double> age_years;
  std::optional<double> size;   // As labels.h says for its kind.
  std::optional<double> label;  // Likewise.
  std::optional<double> repair_quote;
  // What is wrong with it, as a finding of its health says: "has a door that does not seal". Empty:
  // nothing is known to be.
  std::string finding;

  std::optional<double> standby_w;
  std::optional<ShiftableUse> shiftable;
};

// Something to buy: a model of a catalogue, or an archetype of archetypes.h.
struct Offer {
  std::string name;
  ApplianceKind kind{};
  double label = 0;  // As labels.h says for its kind.
  std::optional<double> size;
  // With installation, less rebate. Absent: as the archetypes of its kind that are nearest to its
  // label cost.
  std::optional<double> purchase;
  std::string price_source;  // "about, list of 2025-09", "yours". With `purchase`.
};

struct AdviceSettings {
  Market market{};
  std::string currency = "USD";  // ISO 4217. Archetypes have prices in USD (us) and EUR (eu) only.
  int year = 2026;               // The present one.
  int draws = 2000;
  double carbon_g_per_kwh = 0;  // 0: not known.
};

// The same for the same arguments. Offers of other kinds, or of a size more than a fifth away from
// the appliance's, are left out (three tenths from a common size where nobody said it); archetypes
// stand in where no offer but the owner's is left. `not_yet` says what is missing: 28 days of
// measuring, a kind that can be judged, a price.
Advice advise(const ApplianceUse&, const std::vector<Offer>&, const AdviceSettings&,
              std::uint64_t seed);

}  // namespace insight
