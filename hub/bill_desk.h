// The home's tariff at work: bills of months, who has which part of them, what the running month
// will come to, and the last year under other tariffs.
//
//   store ──> QuarterBook ──> home_use() ──┐
//   tariff.toml, day-ahead prices ─────────┴──> insight/bill ──> HomeBill, HomeReplay

#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/analyst.h"
#include "hub/day_ahead.h"
#include "hub/home.h"
#include "hub/home_use.h"
#include "hub/quarter_hours.h"
#include "hub/tariff_file.h"
#include "insight/advice/advice.h"
#include "insight/bill/billing.h"
#include "insight/bill/forecast.h"
#include "insight/bill/replay.h"

namespace hub {

// A home's amounts are told by its own clamps, which no authority has approved for billing.
inline constexpr std::string_view bill_note =
    "Information, not a charge: these clamps are no certified meter, and only the supplier's own "
    "bill counts.";

struct BillPart {
  std::string name;
  std::string circuit;                       // Id; empty: what nobody has been told apart of.
  std::optional<ApplianceNumber> appliance;  // Of rows of appliances.
  measurement::MilliwattHours energy;
  insight::Decimal amount;
  double share = 0;  // Of the total.
};

// The rows of either list, what is standing and what feeding in brought add up to the total.
struct HomeBill {
  insight::Bill bill;
  bool is_running = false;
  bool has_grid = true;                        // Else it is of the sum of all circuits.
  std::vector<BillPart> circuits, appliances;  // The largest first, what is of none last.
  insight::Decimal standing, feed_in;
  std::optional<insight::Spread> forecast;  // Of the whole of a running period.
};

// What was imported in the past, in CO2, as carbon.csv has it.
struct HomeCarbon {
  insight::Carbon now;
  insight::Carbon shifted;  // With each run where it is cleanest.
  measurement::MilliwattHours moved{};
};

struct HomeReplay {
  insight::BillingPeriod over;
  double covered = 0;
  insight::Replay own;
  struct Row {
    insight::Replay replay;
    std::string source;  // Of the prices, with their date.
  };
  std::vector<Row> rows;               // The cheapest first; those without a total last.
  std::vector<std::string> shiftable;  // Appliances that could run at another time.
  std::optional<HomeCarbon> carbon;    // Absent: no intensity is known.
};

// Store and home outlive it. One thread; time is an argument.
class BillDesk {
 public:
  struct Surroundings {
    Appliances appliances;
    std::function<Ledger*()> ledger;  // Gives null where energy is not followed.
    UtcOffset utc_offset;             // Of the home's zone.
    std::filesystem::path templates;  // Folder of tariffs to begin with.
  };

  static constexpr int most_months = 12;             // Of a replay.
  static constexpr std::chrono::hours may_wait{12};  // A machine that could run at another time.
  static constexpr const char* is_being_read =
      "The last year is being read: ask again in a moment.";

  // None needs to exist.
  struct Paths {
    std::filesystem::path tariff;
    std::filesystem::path prices;  // Day-ahead.
    std::filesystem::path carbon;  // Grams of CO2 of a kWh.
  };

  // A file that is wrong is not followed, and said in trouble(). Where there is no tariff, the
  // price of home.toml is one of its own.
  BillDesk(Paths, Store&, const Home&, Surroundings);

  // Some milliseconds of work, so that a year is at hand when somebody asks. True: nothing is left.
  std::expected<bool, StoreError> step(measurement::Timestamp now);

  const std::optional<insight::Tariff>& tariff() const { return tariff_; }
  const std::string& text() const { return text_; }        // Of the file; empty: there is none.
  const std::string& trouble() const { return trouble_; }  // Empty: none.
  const std::vector<TariffTemplate>& templates() const {
    return templates_;
  }  // The country's first.
  // Absent: none are known.
  std::optional<measurement::Timestamp> prices_until() const;
  QuarterBook& quarters() { return quarters_; }
  const insight::Zone& zone() const { return zone_; }

  // The error is one sentence for people.
  using Done = std::expected<void, std::string>;
  template <class Value>
  using Or = std::expected<Value, std::string>;

  // An empty text: there is no tariff any more.
  Done set(std::string_view text);
  Done add_prices(std::vector<PriceFrom>);

  // What one more kWh costs now, taxes included: the one price that is shown and told. Without a
  // tariff that of home.toml, absent where neither has one.
  std::optional<insight::Decimal> price_now(measurement::Timestamp now);
  // The same of each quarter of a range; a range without a bill has none.
  std::vector<std::optional<insight::Decimal>> marginal(TimeRange, measurement::Timestamp now);

  // Reads a piece, of some milliseconds, of what these answers rest on. True: it is all at hand,
  // and they take no longer than that themselves.
  using Prepared = std::expected<bool, StoreError>;
  Prepared prepare_price(measurement::Timestamp now);                          // price_now()
  Prepared prepare_bill(std::chrono::year_month, measurement::Timestamp now);  // And its use().
  Prepared prepare_cost(const std::vector<std::string>& circuits, TimeRange,
                        measurement::Timestamp now);

  // Of months in which anything was measured, the newest first, at most 60.
  std::vector<std::chrono::year_month> months(measurement::Timestamp now);
  Or<const HomeBill*> bill(std::chrono::year_month, measurement::Timestamp now);
  // Under the country's templates and the home's own tariff. Where the year has not been read yet,
  // it says so: ask again.
  Or<const HomeReplay*> replay(measurement::Timestamp now);
  bool is_replaying() const { return wants_replay_; }

  Or<HomeUse> use(TimeRange, measurement::Timestamp now);
  // What some quarters took, and its shares of the bills of all months that they lie in.
  struct Cost {
    insight::Decimal amount;
    measurement::MilliwattHours imported{}, exported{};
    std::vector<insight::UnpricedQuarter> unpriced = {};  // What is imported without a price.
  };
  Or<Cost> cost(const insight::QuarterHours&, measurement::Timestamp now);
  // Of what does not overlap; of a running period until today.
  Or<insight::BillShares> shares(insight::BillingPeriod, const std::vector<insight::QuarterHours>&,
                                 measurement::Timestamp now);
  std::chrono::year_month month_at(measurement::Timestamp) const;
  // Whole months that were measured, the oldest first, at most most_months.
  std::vector<insight::BillingPeriod> last_months(measurement::Timestamp now);
  const insight::DayAhead& prices() const;

 private:
  template <class Value>
  struct Kept {
    std::uint64_t revision = 0;
    measurement::Timestamp made{};
    Or<Value> value;
  };
  std::uint64_t revision() const { return quarters_.revision() + tariff_revision_; }
  void read_tariff();
  TimeRange billed_range(insight::BillingPeriod) const;
  TimeRange forecast_range(insight::BillingPeriod, measurement::Timestamp now) const;
  Or<insight::QuarterHours> grid_in(TimeRange, measurement::Timestamp now);
  Prepared prepare_grid(TimeRange, measurement::Timestamp now);
  bool knows_price(measurement::Timestamp quarter) const;
  Or<HomeBill> make_bill(insight::BillingPeriod, measurement::Timestamp now);
  // A replay is made of one month under one tariff after the other.
  struct ReplayWork {
    std::uint64_t revision = 0;
    measurement::Timestamp begun{};
    std::vector<insight::BillingPeriod> periods;
    insight::QuarterHours grid;
    std::vector<insight::ShiftableRun> runs;
    std::vector<insight::Tariff> tariffs;  // The home's own first.
    std::size_t next = 0;                  // Of all months of all tariffs.
    HomeReplay made;
  };
  Or<ReplayWork> begin_replay(measurement::Timestamp now);
  void go_on_with_replay();
  std::vector<insight::ShiftableRun> shiftable_runs(TimeRange, measurement::Timestamp now,
                                                    std::vector<std::string>& names);

  insight::CarbonIntensity carbon() const;
  std::optional<HomeCarbon> carbon_of(const ReplayWork&) const;

  const std::filesystem::path file_;
  Store& store_;
  const Home& home_;
  const Surroundings around_;
  const insight::Zone zone_;
  QuarterBook quarters_;
  std::string text_, trouble_;
  std::optional<insight::Tariff> tariff_;
  std::optional<PriceBook> prices_, carbon_;  // Absent: the file is wrong.
  std::vector<TariffTemplate> templates_;
  std::uint64_t tariff_revision_ = 0;
  std::map<std::chrono::year_month, Kept<HomeBill>> bills_;
  std::optional<ReplayWork> work_;
  bool wants_replay_ = false;
  std::optional<Kept<HomeReplay>> replay_;
  struct PriceNow {
    measurement::Timestamp quarter{};
    std::uint64_t revision = 0;
    std::optional<insight::Decimal> price;
  };
  std::optional<PriceNow> price_now_;
};

}  // namespace hub
