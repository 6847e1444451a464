// A billing period taken apart: its quarters, and its lines with whose use they are of. What
// billing.h says is made of it.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "insight/bill/billing.h"
#include "insight/bill/wide.h"

namespace insight {

inline constexpr std::chrono::days longest_billing_period{800};

// A quarter of a local day, with what the grid gave and took. 23 or 25 hours of them make some
// days.
struct LocalQuarter {
  measurement::Timestamp begin{};
  std::chrono::local_days day{};
  std::chrono::month_day date{};
  std::uint8_t day_kind = 0;
  std::chrono::minutes of_day{};
  std::int64_t imported = 0, exported = 0;  // mWh.
};

enum class LineOf : std::uint8_t { standing, energy, demand, feed_in, minimum, tax, rounding };

// One printed line, and where it comes from.
struct WorkLine {
  LineOf of{};
  std::string charge;     // Its name, which taxes refer to.
  std::size_t taxes = 0;  // The version whose taxes it bears.
  BillLine line;
  std::vector<std::size_t> bases;  // Of a tax: the lines it is taken of.

  std::int64_t used = 0;                // mWh; of energy and feed-in whose price is one.
  std::vector<std::uint32_t> quarters;  // Of energy: those of the period in which its rate holds.
  Wide cost = 0;                        // Of day-ahead: mWh x price x factor, in 1e-24.
  std::optional<Decimal> day_ahead_factor;
  bool is_tiered = false;           // Then its quantity is known, and not of `used`.
  Decimal months{};                 // Of demand.
  measurement::Timestamp peak{};    // When it was highest...
  std::chrono::minutes interval{};  // ...for so long.
};

// The days of a period on which one version holds.
struct Stretch {
  const TariffVersion* version = nullptr;
  std::size_t taxes = 0;  // Index of the first version with the same ones.
  BillingPeriod days;
  std::size_t begin = 0, end = 0;  // Of the period's quarters.
};

// A rate in a stretch: what it was used for, and its tiers' limits there.
struct RateUse {
  std::int64_t used = 0;
  std::vector<std::uint32_t> quarters;
  std::vector<std::chrono::local_days> days;  // On which it holds.
};

class BillingWork {
 public:
  // All of them outlive it.
  BillingWork(const Tariff&, const QuarterHours&, BillingPeriod, const Zone&, const DayAhead&);

  // Why there is no bill, as a sentence; empty: there is.
  const std::string& trouble() const { return trouble_; }
  const std::vector<LocalQuarter>& quarters() const { return quarters_; }
  const std::vector<Stretch>& stretches() const { return stretches_; }
  double covered() const { return covered_; }

  // Rounded, in the order they are printed.
  std::vector<WorkLine> lines();
  // Of the same.
  std::vector<UnpricedQuarter> unpriced() const;

  // How many days, months, years or bills some days of the period are: a part counts by its days.
  Decimal span_of(const std::vector<std::chrono::local_days>&, Per) const;

  // Of the rates of one of the stretch's charges, with what `used` says for each quarter of it.
  static std::vector<RateUse> uses_of(const EnergyCharge&, std::span<const LocalQuarter>,
                                      std::span<const std::int64_t> used, std::size_t first);
  // Energy that is billed in each quarter of a stretch: imported, or what netting leaves of it.
  std::vector<std::int64_t> billed_import(const Stretch&, const EnergyCharge&) const;
  std::vector<std::int64_t> billed_export(const Stretch&) const;

 private:
  std::vector<LocalQuarter> quarters_of(std::chrono::local_days begin,
                                        std::chrono::local_days end) const;
  void find_stretches();
  void measure_cover();
  WorkLine& line(LineOf, const Stretch&, const std::string& charge, const std::string& words,
                 const char* unit, Decimal price);
  void add_standing(const Stretch&);
  void add_energy(const Stretch&, LineOf, const EnergyCharge&, std::span<const std::int64_t> used);
  void add_rate(const Stretch&, LineOf, const EnergyCharge&, const Rate&, const RateUse&);
  void add_day_ahead(const Stretch&, LineOf, const EnergyCharge&, const Rate&, const RateUse&,
                     std::span<const std::int64_t> used);
  void add_demand(const Stretch&, const DemandCharge&);
  bool counts(double amount);
  void round_lines();
  void cap_feed_in();
  void add_minimum();
  void add_taxes();
  Decimal sum(std::initializer_list<LineOf>) const;

  const Tariff& tariff_;
  const QuarterHours& grid_;
  const BillingPeriod period_;
  const Zone& zone_;
  const DayAhead& prices_;
  std::vector<LocalQuarter> quarters_;
  std::vector<Stretch> stretches_;
  std::vector<WorkLine> lines_;
  std::set<std::uint32_t> unpriced_imports_, unpriced_exports_;  // Of the period's quarters.
  double covered_ = 0, amounts_ = 0;
  std::string trouble_;
};

Bill printed_bill(const Tariff&, BillingPeriod, const BillingWork&, const std::vector<WorkLine>&);

// What one of a charge's amounts becomes with taxes: 1.19.
Decimal with_taxes(const std::vector<Tax>&, const std::string& charge);

// The total as it is printed.
Decimal total_of(const Tariff&, Decimal lines);

}  // namespace insight
