#include "hub/bill_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>

#include "hub/toml_file.h"

namespace hub {

using insight::BillingPeriod;
using insight::Decimal;
using insight::quarter;
using insight::QuarterHours;
using insight::Tariff;
using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_listed_months = 60, most_replayed = 11;
// Before now: a forecast knows from the year before how much it errs. While that has not been read,
// what can be read at once.
constexpr std::chrono::days forecast_from{QuarterBook::prepared}, forecast_at_once{42};
constexpr std::chrono::hours replay_holds{24};
constexpr std::chrono::minutes refusal_holds{1};
constexpr TimeRange zone_known = {
    Timestamp(std::chrono::sys_days(std::chrono::year(2010) / 1 / 1)),
    Timestamp(std::chrono::sys_days(std::chrono::year(2045) / 1 / 1))};
constexpr const char* no_tariff =
    "No tariff is set: choose one to begin with on the page, or write tariff.toml in the home's "
    "folder.";

// Machines that do their work alone once they are told to.
constexpr std::array shiftable_kinds = {
    insight::ApplianceKind::dishwasher,   insight::ApplianceKind::washing_machine,
    insight::ApplianceKind::washer_dryer, insight::ApplianceKind::tumble_dryer,
    insight::ApplianceKind::ev_charger,
};

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Tariff one_price(const Home& home) {
  Tariff tariff{.name = "One price",
                .country = home.country,
                .currency = home.currency,
                .source = "home.toml"};
  insight::TariffVersion version;
  version.from = std::chrono::local_days(std::chrono::year(1970) / 1 / 1);
  insight::Rate rate{.words = "Energy"};
  rate.tiers = {{.price = Decimal::parse(fmt::format("{}", *home.price_per_kwh))
                              .value_or(Decimal::nearest(*home.price_per_kwh))}};
  version.energy = {{.name = "Energy", .rates = {std::move(rate)}}};
  tariff.versions = {std::move(version)};
  return tariff;
}

int ratchet_months(const Tariff& tariff) {
  int most = 0;
  for (const auto& version : tariff.versions) {
    for (const auto& demand : version.demand) most = std::max(most, demand.ratchet_months);
  }
  return most;
}

std::size_t quarters_between(Timestamp begin, Timestamp end) {
  return static_cast<std::size_t>(std::max<std::int64_t>((end - begin) / quarter, 0));
}

// Rounded so that a list's rows, what is standing and fed in are the total.
std::vector<BillPart> rows_of(const std::vector<UsePart>& parts, const insight::BillShares& shares,
                              measurement::MilliwattHours whole) {
  std::vector<BillPart> rows;
  const double total = shares.bill.total.as_double();
  const auto share = [&](Decimal amount) { return total > 0 ? amount.as_double() / total : 0; };
  auto rest = whole;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& part = parts[i];
    const auto energy = imported(part.use);
    rest = rest - energy;
    rows.push_back(
        {part.name, part.circuit, part.appliance, energy, shares.parts[i], share(shares.parts[i])});
  }
  std::ranges::stable_sort(rows, std::ranges::greater{}, &BillPart::amount);
  if (shares.rest.nano != 0 || rest.value > 0) {
    rows.push_back({.name = "Not told apart",
                    .circuit = {},
                    .appliance = {},
                    .energy = {std::max<std::int64_t>(rest.value, 0)},
                    .amount = shares.rest,
                    .share = share(shares.rest)});
  }
  return rows;
}

std::vector<QuarterHours> uses_of(const std::vector<UsePart>& parts) {
  std::vector<QuarterHours> uses;
  for (const auto& part : parts) uses.push_back(part.use);
  return uses;
}

std::string source_of(const Tariff& tariff) {
  const std::chrono::year_month_day date(tariff.source_date);
  if (tariff.source_date == std::chrono::local_days{}) return tariff.source;
  return fmt::format("{}, {:04}-{:02}-{:02}", tariff.source, static_cast<int>(date.year()),
                     unsigned{date.month()}, unsigned{date.day()});
}

// Runs of a year that could begin later: to whole quarters.
insight::ShiftableRun shiftable(const insight::Run& run, Timestamp now) {
  const auto use = quarters_of(run, now);
  return {.begin = use.begin,
          .used = use.imported,
          .earliest = use.begin,
          .latest = use.begin + std::ssize(use.imported) * quarter + BillDesk::may_wait};
}

void add(insight::Replay& sum, const insight::Replay& month) {
  if (sum.trouble.empty()) sum.trouble = month.trouble;
  sum.total += month.total;
  sum.shifted += month.shifted;
  sum.moved = sum.moved + month.moved;
}

}  // namespace

BillDesk::BillDesk(Paths paths, Store& store, const Home& home, Surroundings around)
    : file_(std::move(paths.tariff)),
      store_(store),
      home_(home),
      around_(std::move(around)),
      zone_(zone_of(around_.utc_offset, zone_known)),
      quarters_(store, home, around_.ledger),
      templates_(tariff_templates(around_.templates)) {
  std::ranges::stable_partition(
      templates_, [&](const TariffTemplate& one) { return one.country == home_.country; });
  read_tariff();
  for (const auto& [book, file] : {std::pair(&prices_, paths.prices), {&carbon_, paths.carbon}}) {
    try {
      book->emplace(file);
    } catch (const std::runtime_error& refusal) {
      if (trouble_.empty()) trouble_ = refusal.what();
    }
  }
}

void BillDesk::read_tariff() {
  text_.clear();
  trouble_.clear();
  tariff_.reset();
  ++tariff_revision_;
  if (fs::exists(file_)) {
    text_ = content_of(file_);
    try {
      tariff_ = parse_tariff(text_, file_.filename());
    } catch (const std::runtime_error& refusal) {
      trouble_ = refusal.what();
    }
  } else if (home_.price_per_kwh) {
    tariff_ = one_price(home_);
  }
}

const insight::DayAhead& BillDesk::prices() const {
  static const insight::DayAhead none;
  return prices_ ? prices_->prices() : none;
}

std::optional<Timestamp> BillDesk::prices_until() const {
  return prices_ ? prices_->until() : std::nullopt;
}

BillDesk::Done BillDesk::set(std::string_view text) {
  try {
    if (text.empty()) {
      fs::remove(file_);
    } else {
      const auto tariff = parse_tariff(text, file_.filename());
      if (tariff.currency != home_.currency) {
        return std::unexpected(
            fmt::format("The tariff is in {}, and the home in {}: let both be the same.",
                        tariff.currency, home_.currency));
      }
      replace_file(file_, text, 0644);
    }
  } catch (const std::runtime_error& refusal) {
    return std::unexpected(refusal.what());
  }
  read_tariff();
  return {};
}

BillDesk::Done BillDesk::add_prices(std::vector<PriceFrom> more) {
  if (!prices_) return std::unexpected("The file of prices is wrong: " + trouble_);
  auto done = prices_->add(std::move(more));
  if (done) ++tariff_revision_;
  return done;
}

std::expected<bool, StoreError> BillDesk::step(Timestamp now) {
  const auto is_read = quarters_.step(now);
  if (!is_read || !*is_read) return is_read;
  if (!wants_replay_) return true;
  if (!work_) {
    auto work = begin_replay(now);
    if (!work) {
      replay_ = Kept<HomeReplay>{revision(), now, std::unexpected(work.error())};
      wants_replay_ = false;
      return true;
    }
    work_ = std::move(*work);
    return false;
  }
  go_on_with_replay();
  return !work_;
}

std::chrono::year_month BillDesk::month_at(Timestamp time) const {
  const std::chrono::year_month_day date(zone_.day(time));
  return date.year() / date.month();
}

std::vector<std::chrono::year_month> BillDesk::months(Timestamp now) {
  std::vector<std::chrono::year_month> found;
  const auto first = quarters_.first();
  if (!first || !*first) return found;
  const auto earliest = month_at(**first);
  for (auto month = month_at(now); month >= earliest && found.size() < most_listed_months;
       month -= std::chrono::months(1)) {
    found.push_back(month);
  }
  return found;
}

BillDesk::Or<HomeUse> BillDesk::use(TimeRange range, Timestamp now) {
  auto found = home_use(quarters_, home_, around_.appliances, range, now);
  if (!found) return std::unexpected(fmt::format("{}.", sentence(found.error())));
  return std::move(*found);
}

// Of which a bill of the period needs the grid's quarters: a ratchet looks back.
TimeRange BillDesk::billed_range(BillingPeriod period) const {
  if (const int back = ratchet_months(*tariff_); back > 0) {
    const std::chrono::year_month_day first(period.begin);
    const auto earlier = first.year() / first.month() - std::chrono::months(back);
    period.begin = std::chrono::local_days(earlier / 1);
  }
  return range_of(period, zone_);
}

// The same of a forecast, which looks back further.
TimeRange BillDesk::forecast_range(BillingPeriod period, Timestamp now) const {
  auto range = billed_range(period);
  const auto back = quarters_.is_ready() ? forecast_from : forecast_at_once;
  range.begin = std::min<Timestamp>(range.begin, now - back);
  return range;
}

BillDesk::Or<QuarterHours> BillDesk::grid_in(TimeRange range, Timestamp now) {
  auto grid = grid_use(quarters_, home_, range, now);
  if (!grid) return std::unexpected(fmt::format("{}.", sentence(grid.error())));
  return std::move(grid->quarters);
}

BillDesk::Prepared BillDesk::prepare_grid(TimeRange range, Timestamp now) {
  return quarters_.prepare(circuits_of_grid(home_, range, now), range, now);
}

BillDesk::Prepared BillDesk::prepare_price(Timestamp now) {
  if (!tariff_ || knows_price(whole_quarters({now, now}).begin)) return true;
  return prepare_grid(range_of(month_of(month_at(now)), zone_), now);
}

BillDesk::Prepared BillDesk::prepare_bill(std::chrono::year_month month, Timestamp now) {
  const auto range = range_of(month_of(month), zone_);
  const auto is_read = quarters_.prepare(circuits_of_home(home_, range, now), range, now);
  if (!is_read || !*is_read || !tariff_) return is_read;
  const auto period = month_of(month);
  return prepare_grid(now < range.end ? forecast_range(period, now) : billed_range(period), now);
}

BillDesk::Prepared BillDesk::prepare_cost(const std::vector<std::string>& circuits, TimeRange range,
                                          Timestamp now) {
  const auto is_read = quarters_.prepare(circuits, range, now);
  if (!is_read || !*is_read || !tariff_) return is_read;
  // The grid after what hangs behind it, which may have no part in what it had not taken yet.
  return prepare_grid({billed_range(month_of(month_at(range.begin))).begin,
                       billed_range(month_of(month_at(range.end - 1ms))).end},
                      now);
}

BillDesk::Or<insight::BillShares> BillDesk::shares(BillingPeriod period,
                                                   const std::vector<QuarterHours>& parts,
                                                   Timestamp now) {
  if (!tariff_) return std::unexpected(trouble_.empty() ? no_tariff : trouble_);
  const auto grid = grid_in(billed_range(period), now);
  if (!grid) return std::unexpected(grid.error());
  // What has not been used yet costs nothing: until the day that runs, of which it is a part.
  if (now < range_of(period, zone_).end) period.end = zone_.day(now) + std::chrono::days(1);
  return insight::shares_of(*tariff_, *grid, parts, period, zone_, prices());
}

BillDesk::Or<BillDesk::Cost> BillDesk::cost(const QuarterHours& use, Timestamp now) {
  Cost sum{.imported = imported(use), .exported = exported(use)};
  const auto end = std::min(use.begin + std::ssize(use.imported) * quarter, now);
  for (auto month = month_at(use.begin); range_of(month_of(month), zone_).begin < end;
       month += std::chrono::months(1)) {
    const auto found = shares(month_of(month), {use}, now);
    if (!found) return std::unexpected(found.error());
    sum.amount += found->parts.front();
    for (const auto& [begin, imported, exported] : found->bill.unpriced) {
      if (begin < use.begin || begin >= end || imported.value == 0) continue;
      const auto of_use = use.imported[quarters_between(use.begin, begin)];
      if (of_use.value > 0) sum.unpriced.push_back({.begin = begin, .imported = of_use});
    }
  }
  return sum;
}

BillDesk::Or<HomeBill> BillDesk::make_bill(BillingPeriod period, Timestamp now) {
  if (!tariff_) return std::unexpected(trouble_.empty() ? no_tariff : trouble_);
  const auto range = range_of(period, zone_);
  if (range.begin > now) return std::unexpected("This month has not begun.");
  const auto use = this->use(range, now);
  if (!use) return std::unexpected(use.error());
  if (covered(use->grid) == 0) return std::unexpected("Nothing was measured in this month.");

  HomeBill made{.is_running = now < range.end, .has_grid = use->has_grid};
  const auto whole = imported(use->grid) + exported(use->produced) - exported(use->grid);
  for (const auto& [parts, rows] :
       {std::pair(&use->circuits, &made.circuits), std::pair(&use->appliances, &made.appliances)}) {
    const auto shares = this->shares(period, uses_of(*parts), now);
    if (!shares) return std::unexpected(shares.error());
    *rows = rows_of(*parts, *shares, whole);
    made.bill = shares->bill;
    made.standing = shares->standing;
    made.feed_in = shares->feed_in;
  }
  made.bill.covered = covered(use->grid);
  if (!made.is_running) return made;
  made.bill.period = period;
  const auto grid = grid_in(forecast_range(period, now), now);
  if (!grid) return std::unexpected(grid.error());
  const auto seed = static_cast<std::uint64_t>(period.begin.time_since_epoch().count());
  const auto forecast = insight::forecast_of(*tariff_, *grid, period, now, zone_, prices(), seed);
  if (forecast) made.forecast = insight::Spread{forecast->low, forecast->median, forecast->high};
  return made;
}

BillDesk::Or<const HomeBill*> BillDesk::bill(std::chrono::year_month month, Timestamp now) {
  const auto end = range_of(month_of(month), zone_).end;
  auto& kept = bills_.try_emplace(month, Kept<HomeBill>{0, {}, std::unexpected("")}).first->second;
  const bool was_over = kept.made >= end, is_of_now = now - kept.made < quarter && now >= kept.made;
  if (!kept.value || kept.revision != revision() || !(was_over || is_of_now)) {
    // Reading may find that something has changed.
    auto made = make_bill(month_of(month), now);
    kept = {revision(), now, std::move(made)};
  }
  if (bills_.size() > most_listed_months) {
    std::erase_if(bills_, [&](const auto& one) { return one.first != month; });
  }
  if (!kept.value) return std::unexpected(kept.value.error());
  return &*kept.value;
}

std::vector<std::optional<Decimal>> BillDesk::marginal(TimeRange range, Timestamp now) {
  const auto [begin, end] = whole_quarters(range);
  std::vector<std::optional<Decimal>> found(quarters_between(begin, end));
  if (!tariff_ || found.empty()) return found;
  for (auto month = month_at(begin); month <= month_at(end - 1ms);
       month += std::chrono::months(1)) {
    const auto period = month_of(month);
    const auto of_month = range_of(period, zone_);
    const auto grid = grid_use(quarters_, home_, of_month, now);
    if (!grid) continue;
    const auto prices =
        insight::marginal_prices(*tariff_, grid->quarters, period, zone_, this->prices());
    for (std::size_t i = 0; i < prices.size(); ++i) {
      const auto time = of_month.begin + static_cast<std::int64_t>(i) * quarter;
      if (time >= begin && time < end) found[quarters_between(begin, time)] = prices[i];
    }
  }
  return found;
}

bool BillDesk::knows_price(Timestamp at) const {
  return price_now_ && price_now_->quarter == at && price_now_->revision == tariff_revision_;
}

std::optional<Decimal> BillDesk::price_now(Timestamp now) {
  const auto at = whole_quarters({now, now}).begin;
  if (!knows_price(at)) {
    const auto prices = marginal({at, at + quarter}, now);
    price_now_ = PriceNow{at, tariff_revision_, prices.front()};
  }
  return price_now_->price;
}

std::vector<BillingPeriod> BillDesk::last_months(Timestamp now) {
  std::vector<BillingPeriod> found;
  const auto listed = months(now);
  for (std::size_t i = 1; i < listed.size() && found.size() < std::size_t{most_months}; ++i) {
    found.insert(found.begin(), month_of(listed[i]));
  }
  return found;
}

std::vector<insight::ShiftableRun> BillDesk::shiftable_runs(TimeRange range, Timestamp now,
                                                            std::vector<std::string>& names) {
  std::vector<insight::ShiftableRun> runs;
  if (!around_.appliances.known || !around_.appliances.runs) return runs;
  std::map<ApplianceNumber, std::string> could_wait;
  for (const auto& one : around_.appliances.known(now)) {
    const bool is_known = one.known.kind && one.known.certainty != insight::Certainty::unknown &&
                          std::ranges::count(shiftable_kinds, *one.known.kind) > 0;
    if (is_known) could_wait.emplace(one.number, name_of(one));
  }
  std::map<ApplianceNumber, std::string> did_run;
  for (const auto& booked : around_.appliances.runs(range)) {
    const auto name = could_wait.find(booked.appliance);
    const bool is_over = booked.run.end < now && booked.run.begin >= range.begin;
    if (name == could_wait.end() || !is_over || booked.run.energy.value <= 0) continue;
    runs.push_back(shiftable(booked.run, now));
    did_run.insert(*name);
  }
  for (const auto& [number, name] : did_run) names.push_back(name);
  return runs;
}

BillDesk::Or<BillDesk::ReplayWork> BillDesk::begin_replay(Timestamp now) {
  ReplayWork work{.revision = revision(), .begun = now, .periods = last_months(now)};
  if (!tariff_) return std::unexpected(trouble_.empty() ? no_tariff : trouble_);
  if (work.periods.empty()) {
    return std::unexpected("No whole month has been measured yet: look again after the first.");
  }
  work.made.over = {work.periods.front().begin, work.periods.back().end};
  const auto range = range_of(work.made.over, zone_);
  auto grid = grid_use(quarters_, home_, range, now);
  if (!grid) return std::unexpected(fmt::format("{}.", sentence(grid.error())));
  work.grid = std::move(grid->quarters);
  work.made.covered = covered(work.grid);
  work.runs = shiftable_runs(range, now, work.made.shiftable);
  work.tariffs.push_back(*tariff_);
  for (const auto& one : templates_) {
    const bool is_of_here = one.country == home_.country || one.country.empty();
    if (!is_of_here || work.tariffs.size() > most_replayed) continue;
    auto tariff = parse_tariff(one.text, one.id + ".toml");
    if (tariff.currency != home_.currency || tariff.name == tariff_->name) continue;
    // What would it have been, had it held all the time?
    tariff.versions.front().from = work.made.over.begin;
    tariff.versions.back().until.reset();
    work.tariffs.push_back(std::move(tariff));
  }
  return work;
}

void BillDesk::go_on_with_replay() {
  auto& work = *work_;
  const auto tariff = work.next / work.periods.size(), month = work.next % work.periods.size();
  const auto range = range_of(work.periods[month], zone_);
  std::vector<insight::ShiftableRun> runs;
  for (const auto& run : work.runs) {
    if (run.begin < range.begin || run.begin >= range.end) continue;
    runs.push_back(run);
    // What a month's end cuts off is of another bill.
    runs.back().latest = std::min(run.latest, range.end);
  }
  const auto& asked = work.tariffs[tariff];
  const auto found =
      insight::replay_of({&asked, 1}, work.grid, {&work.periods[month], 1}, runs, zone_, prices());
  const bool is_own = tariff == 0;
  if (month == 0 && is_own) work.made.own = {.tariff = asked.name, .currency = asked.currency};
  if (month == 0 && !is_own) {
    work.made.rows.push_back(
        {{.tariff = asked.name, .currency = asked.currency}, source_of(asked)});
  }
  add(is_own ? work.made.own : work.made.rows.back().replay, found.front());
  if (++work.next < work.tariffs.size() * work.periods.size()) return;
  std::ranges::stable_sort(work.made.rows, {}, [](const HomeReplay::Row& row) {
    return std::pair(!row.replay.trouble.empty(), row.replay.shifted);
  });
  work.made.carbon = carbon_of(work);
  replay_ = Kept<HomeReplay>{work.revision, work.begun, std::move(work.made)};
  wants_replay_ = false;
  work_.reset();
}

insight::CarbonIntensity BillDesk::carbon() const {
  insight::CarbonIntensity found;
  if (!carbon_) return found;
  found.begin = carbon_->prices().begin;
  for (const auto& grams : carbon_->prices().prices) {
    found.grams_per_kwh.push_back(grams ? grams->as_double()
                                        : std::numeric_limits<double>::quiet_NaN());
  }
  return found;
}

std::optional<HomeCarbon> BillDesk::carbon_of(const ReplayWork& work) const {
  const auto intensity = carbon();
  const auto range = range_of(work.made.over, zone_);
  HomeCarbon made{.now = insight::carbon_of(work.grid, range.begin, range.end, intensity)};
  if (made.now.known == 0) return std::nullopt;
  std::vector<double> grams;
  for (std::size_t i = 0; i < work.grid.imported.size(); ++i) {
    grams.push_back(intensity.at(work.grid.begin + static_cast<std::int64_t>(i) * quarter));
  }
  const auto cleanest = insight::shifted(work.grid, work.runs, grams, made.moved);
  made.shifted = insight::carbon_of(cleanest, range.begin, range.end, intensity);
  return made;
}

BillDesk::Or<const HomeReplay*> BillDesk::replay(Timestamp now) {
  const auto holds = replay_ && replay_->value ? replay_holds : refusal_holds;
  const bool is_known = replay_ && replay_->revision == revision() && now - replay_->made < holds &&
                        now >= replay_->made;
  if (!is_known) {
    wants_replay_ = true;
    return std::unexpected(is_being_read);
  }
  if (!replay_->value) return std::unexpected(replay_->value.error());
  return &*replay_->value;
}

}  // namespace hub
