// A tariff as a value: what a supplier asks for energy, power and being there, and from when to
// when. docs/tariff_format.md is how people write one.

#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "insight/bill/money.h"

namespace insight {

// What a day counts as: Sunday to Saturday as std::chrono::weekday encodes them, or a holiday,
// which then is no weekday.
using DayKinds = std::bitset<8>;
inline constexpr std::size_t holiday = 7;

// Both days are of it. It may run over the new year.
struct Season {
  std::chrono::month_day first, last;

  bool has(std::chrono::month_day) const;
};

// Of the local day, on quarters; the end is not included.
struct Hours {
  std::chrono::minutes begin{}, end{};
};

// A quarter is of it whose day is of a season and of a kind, and whose time is of the hours.
struct Window {
  std::vector<Season> seasons;       // None: all year.
  DayKinds days = DayKinds().set();  // All.
  std::vector<Hours> hours;          // None: all day.

  bool has(std::chrono::month_day, std::size_t day_kind, std::chrono::minutes of_day) const;
};

enum class Per : std::uint8_t { day, month, year, bill };

// The block of energy up to so many kWh; the last tier of a rate has no end.
struct Tier {
  std::string words;             // Printed; empty: those of the rate.
  std::optional<Decimal> up_to;  // kWh in each `per` of the rate, counted from its first.
  Decimal price;                 // Of a kWh; negative: a credit.
};

// What a kWh costs at some times.
struct Rate {
  std::string words;
  std::vector<Window> when;   // None: at any time.
  bool is_otherwise = false;  // It holds only where no rate that is not `otherwise` does.
  // Either of them: a price by how much was used (one tier: whatever was used), or so many times
  // the day-ahead price.
  std::vector<Tier> tiers;
  Per per = Per::month;  // Of the tiers' limits: times those of the billing period.
  std::optional<Decimal> day_ahead_factor;
};

// At any time exactly one of its rates holds. Levies on each kWh are charges of one rate.
struct EnergyCharge {
  std::string name;
  std::vector<Rate> rates;
};

struct StandingCharge {
  std::string name;
  Decimal price;
  Per per = Per::day;                    // Parts of a month, year or bill are paid by their days.
  std::optional<Decimal> contracted_kw;  // Then the price is of one kW.
};

// A month's price of each kW of the highest mean power.
struct DemandCharge {
  std::string name;
  Decimal price;
  std::chrono::minutes interval{15};  // 15, 30 or 60, from the full local hour.
  std::vector<Window> when;           // Where it counts. None: always.
  // At least this share, in percent, of the highest of so many months before counts.
  Decimal ratchet_percent{};
  int ratchet_months = 0;
};

// A percentage of what stands above it.
struct Tax {
  std::string name;
  Decimal percent;
  std::vector<std::string> on;  // Names of charges and taxes above. None: all above.

  friend bool operator==(const Tax&, const Tax&) = default;
};

// What is missing of it before taxes is a line of its own.
struct MinimumBill {
  Decimal amount;
  Per per = Per::month;
};

// What holds from a day on.
struct TariffVersion {
  std::chrono::local_days from{};
  std::optional<std::chrono::local_days>
      until;  // Not included. Absent: until the next, or for good.
  std::vector<StandingCharge> standing;
  std::vector<EnergyCharge> energy;
  std::vector<DemandCharge> demand;
  std::vector<EnergyCharge> feed_in;  // Of exported energy; a price is what is paid to the home.
  // Exported energy is taken off the imported one of the same rate and billing period, at most all
  // of it. Feed-in is paid for what is then left at the first energy charge.
  bool is_net_metered = false;
  bool feed_in_is_capped = false;  // It takes off at most what the energy charges come to.
  std::optional<MinimumBill> minimum;
  std::vector<Tax> taxes;
};

struct Rounding {
  int line_digits = 2;   // Of each line's amount. Halves go away from zero.
  int kwh_digits = 6;    // Of each line's energy: 0 where whole kWh are billed.
  int kw_digits = 3;     // Of demand.
  Decimal total_step{};  // The total is a multiple of it: 0.05 CHF. 0: the currency's minor unit.
};

struct Tariff {
  std::string name;
  std::string country;   // ISO 3166: "DE".
  std::string currency;  // ISO 4217: "EUR".
  std::string source;    // Where the figures were read.
  std::chrono::local_days source_date{};
  std::vector<std::chrono::month_day> yearly_holidays;
  std::vector<std::chrono::local_days> holidays;  // Of one year.
  Rounding rounding;
  std::vector<TariffVersion> versions;  // By `from`; they do not overlap.

  // Absent: the tariff says nothing of that day.
  const TariffVersion* version_on(std::chrono::local_days) const;
  // Of DayKinds.
  std::size_t kind_of(std::chrono::local_days) const;
};

// Index of the charge's rate that holds; its size where none does.
std::size_t rate_at(const EnergyCharge&, std::chrono::month_day, std::size_t day_kind,
                    std::chrono::minutes of_day);

// Where no rate of a charge holds, or two do: "on a Saturday, 1 June, at 14:00 no rate holds".
// Empty: nowhere.
std::string gap_or_overlap(const EnergyCharge&);

// The day of the year that no season has, or two have: "29 February is of no season". Empty: none.
std::string gap_or_overlap(const std::vector<Season>&);

}  // namespace insight
