#include "hub/advice_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "insight/advice/archetypes.h"
#include "insight/month_names.h"
#include "insight/report/error_budget.h"
#include "insight/report/printed.h"

namespace hub {

using insight::ApplianceKind;
using insight::quarter;
using insight::QuarterHours;
using insight::Spread;
using measurement::Timestamp;
using Of = BookedPrediction::Of;
using namespace std::chrono_literals;

namespace {

constexpr double to_80_percent = 1.2816;  // Standard deviations to each side.
constexpr double season = 0.15;           // What part of a year may be off for the whole, relative.
constexpr double whole_day = 0.99, mostly = 0.9;  // Shares of a day that was measured.
constexpr double worth_saying = 0.02;             // Of a price.
constexpr std::size_t block_hours = 4;            // Of a day: the cheapest together.
constexpr const char* not_adjusted =
    "Not adjusted for the weather: no thermometer outdoors was heard on all of these days.";

constexpr std::array can_wait = {ApplianceKind::dishwasher, ApplianceKind::washing_machine,
                                 ApplianceKind::washer_dryer, ApplianceKind::tumble_dryer,
                                 ApplianceKind::ev_charger};

// An appliance by local days.
struct Days {
  std::vector<double> kwh, covered, uses;
};

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// A year's energy from the days that were measured, and what it may be off by; `deviation` is a
// share of it that comes on top.
Spread a_year(const std::vector<double>& days, double deviation) {
  const double median = mean(days) * 365;
  std::vector<double> weeks;
  for (std::size_t i = 0; i + 7 <= days.size(); i += 7) {
    weeks.push_back(std::accumulate(days.begin() + static_cast<std::ptrdiff_t>(i),
                                    days.begin() + static_cast<std::ptrdiff_t>(i) + 7, 0.0));
  }
  double variance = 0;
  if (weeks.size() > 1 && median > 0) {
    const double middle = mean(weeks);
    for (const double week : weeks) variance += (week - middle) * (week - middle);
    const auto count = static_cast<double>(weeks.size());
    variance /= (count - 1) * count * middle * middle;
  }
  const double unseen = 1 - std::min(static_cast<double>(days.size()), 365.0) / 365;
  variance += season * season * unseen;
  variance += deviation * deviation;
  const double wide = to_80_percent * std::sqrt(variance) * median;
  return {std::max(median - wide, 0.0), median, median + wide};
}

Spread difference(const Spread& before, const Spread& after) {
  std::array ends = {before.low - after.low, before.median - after.median,
                     before.high - after.high};
  std::ranges::sort(ends);
  return {ends[0], before.median - after.median, ends[2]};
}

const insight::Candidate* candidate(const insight::Advice& advice, insight::CandidateRole role) {
  const auto found = std::ranges::find_if(
      advice.candidates, [&](const auto& one) { return std::ranges::count(one.roles, role) > 0; });
  return found == advice.candidates.end() ? nullptr : &*found;
}

// What is offered at the price that the owner found: such as things of that price are.
std::optional<insight::Offer> at_own_price(ApplianceKind kind, insight::Market market,
                                           double price) {
  const insight::Archetype* nearest = nullptr;
  for (const auto& one : insight::archetypes()) {
    if (one.kind != kind || one.market != market) continue;
    if (!nearest || std::abs(one.purchase - price) < std::abs(nearest->purchase - price)) {
      nearest = &one;
    }
  }
  if (!nearest) return std::nullopt;
  return insight::Offer{.name = "One at the price you gave",
                        .kind = kind,
                        .label = nearest->label,
                        .size = {},
                        .purchase = price,
                        .price_source = "yours"};
}

std::string hours_text(std::size_t begin) {
  return fmt::format("from {:02}:00 to {:02}:00", begin, (begin + block_hours) % 24);
}

// What an hour of the day costs on average; NaN: not known.
using PriceOfHours = std::array<double, 24>;

std::optional<insight::ShiftableUse> shiftable(ApplianceKind kind, double own_price,
                                               const PriceOfHours& hours) {
  if (std::ranges::count(can_wait, kind) == 0) return std::nullopt;
  double cheapest = own_price;
  std::size_t begin = 0;
  for (std::size_t hour = 0; hour < hours.size(); ++hour) {
    double sum = 0;
    for (std::size_t i = 0; i < block_hours; ++i) sum += hours[(hour + i) % hours.size()];
    const double price = sum / static_cast<double>(block_hours);
    if (price < cheapest) {
      cheapest = price;
      begin = hour;
    }
  }
  if (own_price - cheapest <= worth_saying * own_price) return std::nullopt;
  return insight::ShiftableUse{
      .share = 1, .cheaper_per_kwh = own_price - cheapest, .hours = hours_text(begin)};
}

// Of the quarters in which it does nothing: the power below which a tenth of them is.
std::optional<double> standby(const QuarterHours& use) {
  std::vector<std::int64_t> energies;
  for (std::size_t i = 0; i < use.imported.size(); ++i) {
    if (use.covered.empty() || use.covered[i] == 1) energies.push_back(use.imported[i].value);
  }
  if (energies.empty()) return std::nullopt;
  const auto tenth = energies.begin() + static_cast<std::ptrdiff_t>(energies.size() / 10);
  std::ranges::nth_element(energies, tenth);
  return static_cast<double>(*tenth) * 1e-3 * 4;
}

std::string month_name(std::chrono::local_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{} {}", insight::name_of(date.month()), static_cast<int>(date.year()));
}

std::string key_of(std::chrono::year_month month) {
  return fmt::format("{:04}-{:02}", static_cast<int>(month.year()), unsigned{month.month()});
}

insight::ScoredPrediction scored(const BookedPrediction& one) {
  return {.what = one.what,
          .said = one.said,
          .predicted = one.predicted,
          .done = one.done,
          .measured = one.measured,
          .note = one.note};
}

}  // namespace

// All appliances of a home while they are weighed: a year as it was.
struct AdviceDesk::Weighing {
  TimeRange year;
  std::vector<ApplianceState> appliances;
  std::map<ApplianceNumber, std::vector<insight::Run>> runs;
  std::vector<Timestamp> days;   // Begins of the local days, and the end of the last.
  std::vector<double> home_kwh;  // By day.
  std::vector<float> prices;     // Of each quarter of the year; NaN: not known.
  Timestamp priced{};            // Up to here.
  std::size_t next = 0;          // Appliance.
  std::optional<std::vector<BookedPrediction>> to_score;

  Days by_day(const QuarterHours& use) const;
  void count_uses(Days&, const std::vector<insight::Run>&) const;
  std::expected<std::pair<QuarterHours, bool>, StoreError> use_of(const ApplianceState&, BillDesk&,
                                                                  Timestamp now) const;
  double deviation_of(const ApplianceState&) const;
  double price_of(const QuarterHours&) const;
  PriceOfHours price_of_hours(const insight::Zone&) const;
};

Days AdviceDesk::Weighing::by_day(const QuarterHours& use) const {
  const auto count = days.size() - 1;
  Days found{std::vector<double>(count), std::vector<double>(count), std::vector<double>(count)};
  std::size_t day = 0;
  for (std::size_t i = 0; i < use.imported.size(); ++i) {
    const auto time = use.begin + static_cast<std::int64_t>(i) * quarter;
    while (day < count && time >= days[day + 1]) ++day;
    if (day == count) break;
    if (time < days[day]) continue;
    const double part = static_cast<double>(quarter / 1ms) /
                        static_cast<double>((days[day + 1] - days[day]).count());
    found.kwh[day] += static_cast<double>(use.imported[i].value) * 1e-6;
    found.covered[day] += part * (use.covered.empty() ? 1 : static_cast<double>(use.covered[i]));
  }
  return found;
}

void AdviceDesk::Weighing::count_uses(Days& found, const std::vector<insight::Run>& all) const {
  for (const auto& run : all) {
    const auto after = std::ranges::upper_bound(days, run.end);
    if (after != days.begin() && after != days.end()) {
      ++found.uses[static_cast<std::size_t>(after - days.begin()) - 1];
    }
  }
}

// What it took, and whether a clamp of its own measured it.
std::expected<std::pair<QuarterHours, bool>, StoreError> AdviceDesk::Weighing::use_of(
    const ApplianceState& one, BillDesk& bill, Timestamp now) const {
  auto circuit = bill.quarters().circuit(one.circuit, year, now);
  if (!circuit) return std::unexpected(circuit.error());
  const auto on_circuit = std::ranges::count_if(appliances, [&](const ApplianceState& other) {
    return other.circuit == one.circuit && !other.is_past && runs.contains(other.number);
  });
  if (one.known.certainty == insight::Certainty::measured && on_circuit <= 1) {
    return std::pair(std::move(*circuit), true);
  }
  auto use = no_quarters(year);
  for (const auto& run : runs.at(one.number)) add(use, quarters_of(run, now));
  use.covered = std::move(circuit->covered);
  use.covered.resize(use.imported.size());
  return std::pair(std::move(use), false);
}

// Of the energy of one that was told from its signature.
double AdviceDesk::Weighing::deviation_of(const ApplianceState& one) const {
  std::vector<insight::ApplianceKind> others;
  for (const auto& other : appliances) {
    const bool is_beside = other.circuit == one.circuit && other.number != one.number;
    if (is_beside && !other.is_past && other.known.kind) others.push_back(*other.known.kind);
  }
  return insight::is_printed(*one.known.kind, others) ? insight::printed_deviation
                                                      : insight::identified_deviation;
}

double AdviceDesk::Weighing::price_of(const QuarterHours& use) const {
  double cost = 0, energy = 0;
  for (std::size_t i = 0; i < std::min(prices.size(), use.imported.size()); ++i) {
    if (std::isnan(prices[i])) continue;
    const auto used = static_cast<double>(use.imported[i].value);
    cost += used * static_cast<double>(prices[i]);
    energy += used;
  }
  return energy > 0 ? cost / energy : 0;
}

PriceOfHours AdviceDesk::Weighing::price_of_hours(const insight::Zone& zone) const {
  std::array<double, 24> sums{}, counts{};
  for (std::size_t i = 0; i < prices.size(); ++i) {
    if (std::isnan(prices[i])) continue;
    const auto local = zone.local(year.begin + static_cast<std::int64_t>(i) * quarter);
    const auto hour =
        static_cast<std::size_t>((local - std::chrono::floor<std::chrono::days>(local)) / 1h);
    sums[hour] += static_cast<double>(prices[i]);
    ++counts[hour];
  }
  for (std::size_t hour = 0; hour < 24; ++hour) sums[hour] /= counts[hour];
  return sums;
}

insight::Market market_of(const Home& home) {
  return home.country == "US" || home.country == "CA" ? insight::Market::us : insight::Market::eu;
}

AdviceDesk::AdviceDesk(Files& files, const std::string& book, BillDesk& bill, const Home& home,
                       Surroundings around)
    : book_(files, book), bill_(bill), home_(home), around_(std::move(around)) {}

AdviceDesk::~AdviceDesk() = default;

std::expected<void, StoreError> AdviceDesk::begin(Timestamp now) {
  auto work = std::make_unique<Weighing>();
  const auto first = bill_.quarters().first();
  if (!first) return std::unexpected(first.error());
  const auto& zone = bill_.zone();
  const auto begin = std::max(now - looks_back, first->value_or(now));
  for (auto day = zone.day(begin); day <= zone.day(now); day += std::chrono::days(1)) {
    work->days.push_back(zone.begin(day));
  }
  work->year = whole_quarters({work->days.front(), work->days.back()});
  work->priced = work->year.begin;
  const auto grid = grid_use(bill_.quarters(), home_, work->year, now);
  if (!grid) return std::unexpected(grid.error());
  work->home_kwh = work->by_day(grid->quarters).kwh;
  if (around_.appliances.known && around_.appliances.runs) {
    for (const auto& booked : around_.appliances.runs(work->year)) {
      work->runs[booked.appliance].push_back(booked.run);
    }
    for (auto& one : around_.appliances.known(now)) {
      const bool is_known = one.known.kind && one.known.certainty != insight::Certainty::unknown;
      if (is_known && work->runs.contains(one.number)) work->appliances.push_back(std::move(one));
    }
  }
  std::erase_if(weighed_, [&](const auto& one) {
    return !std::ranges::count(work->appliances, one.first, &ApplianceState::number);
  });
  work_ = std::move(work);
  return {};
}

AdviceDesk::Causes AdviceDesk::causes() {
  if (auto* health = around_.health ? around_.health() : nullptr) {
    auto& [revision, findings] = findings_;
    if (revision != health->book().revision()) {
      revision = health->book().revision();
      findings.clear();
      for (const auto& booked : health->book().open_findings()) {
        if (booked.asset.kind != Asset::Kind::appliance) continue;
        findings +=
            fmt::format("{}: {}\n", booked.asset.id, insight::row(booked.finding.change).word);
      }
    }
  }
  return {.tariff = bill_.text(),
          .findings = findings_.second,
          .catalogue = around_.catalogue ? around_.catalogue() : 0,
          .done = done_};
}

std::expected<bool, StoreError> AdviceDesk::step(Timestamp now) {
  if (!work_) {
    const auto holds = weighed_.empty() ? again_while_empty : again_after;
    const bool is_fresh =
        weighed_at_ && now - *weighed_at_ < holds && now >= *weighed_at_ && causes() == weighed_by_;
    if (is_fresh || !bill_.quarters().is_ready()) return true;
    const auto first = bill_.quarters().first();
    if (!first) return std::unexpected(first.error());
    if (!*first) return true;  // Nothing has been measured yet.
    if (const auto begun = begin(now); !begun) return std::unexpected(begun.error());
    weighed_by_ = causes();
    return false;
  }
  auto& work = *work_;
  if (work.priced < work.year.end) {
    const auto end = std::min(work.priced + std::chrono::days(31), work.year.end);
    for (const auto& price : bill_.marginal({work.priced, end}, now)) {
      work.prices.push_back(price ? static_cast<float>(price->as_double())
                                  : std::numeric_limits<float>::quiet_NaN());
    }
    work.priced = end;
    return false;
  }
  if (work.next < work.appliances.size()) {
    const auto& one = work.appliances[work.next++];
    if (one.is_past) return false;
    if (const auto done = weigh(one, now); !done) return std::unexpected(done.error());
    return false;
  }
  if (!work.to_score) {
    if (const auto done = see_replacements(); !done) return std::unexpected(done.error());
    if (const auto done = book_forecast(now); !done) return std::unexpected(done.error());
    work.to_score = book_.predictions();
    std::erase_if(*work.to_score, [](const BookedPrediction& one) {
      return !one.done || one.measured || !one.appliance;
    });
    return false;
  }
  if (!work.to_score->empty()) {
    const auto one = std::move(work.to_score->back());
    work.to_score->pop_back();
    if (const auto done = score(one, now); !done) return std::unexpected(done.error());
    return false;
  }
  work_.reset();
  weighed_at_ = now;
  return true;
}

std::expected<void, StoreError> AdviceDesk::weigh(const ApplianceState& one, Timestamp now) {
  const auto& work = *work_;
  const auto used = work.use_of(one, bill_, now);
  if (!used) return std::unexpected(used.error());
  const auto& [use, is_measured] = *used;
  auto days = work.by_day(use);
  const auto& runs = work.runs.at(one.number);
  work.count_uses(days, runs);
  auto first = std::ranges::min_element(runs, {}, &insight::Run::begin)->begin;
  for (const auto of : {Of::advice, Of::finding}) {
    // Since then it is another one, but for the day itself.
    if (const auto done = last_done(one.number, of)) first = std::max(first, *done + 24h);
  }
  std::vector<double> measured;
  double uses = 0;
  for (std::size_t day = 0; day < days.kwh.size(); ++day) {
    const bool was_there = work.days[day + 1] > first;
    if (!was_there || days.covered[day] < mostly) continue;
    measured.push_back(days.kwh[day]);
    uses += days.uses[day];
  }
  auto& weighed = weighed_[one.number];
  weighed.name = name_of(one);
  weighed.circuit = one.circuit;
  auto& told = weighed.use;
  told = {.name = weighed.name, .kind = *one.known.kind};
  told.measured_days = static_cast<double>(measured.size());
  told.price_per_kwh = work.price_of(use);
  if (!measured.empty()) {
    told.energy_kwh = a_year(measured, is_measured ? 0 : work.deviation_of(one));
    if (insight::label_basis(told.kind) == insight::LabelBasis::kwh_a_use) {
      told.uses_a_year = uses / told.measured_days * 365;
      if (is_measured) told.standby_w = standby(use);
    }
    told.shiftable = shiftable(told.kind, told.price_per_kwh, work.price_of_hours(bill_.zone()));
  }
  if (const auto done = book_findings(one.number, weighed, now); !done) return done;
  return advise(one.number, weighed, now);
}

std::optional<Timestamp> AdviceDesk::last_done(ApplianceNumber number, Of of) {
  std::optional<Timestamp> last;
  for (const auto& one : book_.predictions()) {
    if (one.appliance == number && one.of == of) last = std::max(last, one.done);
  }
  return last;
}

// Findings that say how much more it takes are predictions of what a repair saves: the spread is
// that of the feature they rest on.
std::expected<void, StoreError> AdviceDesk::book_findings(ApplianceNumber number,
                                                          const Weighed& weighed, Timestamp now) {
  auto* health = around_.health ? around_.health() : nullptr;
  if (!health) return {};
  const Asset asset{Asset::Kind::appliance, std::to_string(number)};
  auto& told = weighed_[number].use;
  told.finding.clear();
  for (const auto& booked : health->book().open_findings()) {
    if (booked.asset != asset) continue;
    const auto& finding = booked.finding;
    if (told.finding.empty()) told.finding = insight::row(finding.change).says;
    const double extra = static_cast<double>(finding.extra_wh_per_day) * 365 / 1000;
    if (!std::isfinite(extra) || extra <= 0 || finding.evidence.empty()) continue;
    if (last_done(number, Of::finding) >= finding.found) continue;  // Health has yet to see it.
    const auto& evidence = finding.evidence.front();
    const double off = static_cast<double>(evidence.usual_spread) /
                       std::abs(static_cast<double>(evidence.now - evidence.before));
    if (!std::isfinite(off)) continue;
    const double wide = to_80_percent * off * extra;
    const auto done = book_.predict({.of = Of::finding,
                                     .appliance = number,
                                     .key = std::string(insight::row(finding.change).word),
                                     .what = fmt::format("{}: repair it", weighed.name),
                                     .said = now,
                                     .predicted = {extra - wide, extra, extra + wide}});
    if (!done) return done;
  }
  // What people repaired is done then.
  for (const auto& booked : health->book().answered(asset)) {
    if (booked.feedback != Feedback::fixed || !booked.answered) continue;
    for (const auto& one : book_.predictions()) {
      const bool is_of_it = one.of == Of::finding && one.appliance == number && !one.done &&
                            one.key == insight::row(booked.finding.change).word &&
                            one.said <= *booked.answered;
      if (!is_of_it) continue;
      if (const auto done = book_.done(one.number, *booked.answered); !done) {
        return std::unexpected(done.error());
      }
    }
  }
  return {};
}

std::expected<void, StoreError> AdviceDesk::advise(ApplianceNumber number, Weighed& weighed,
                                                   Timestamp now) {
  const auto facts = book_.facts(number);
  auto& use = weighed.use;
  use.size = facts.size;
  use.label = facts.label;
  use.age_years = {};
  if (const auto made = std::max(facts.made, last_done(number, Of::advice))) {
    use.age_years = std::chrono::duration<double, std::chrono::years::period>(now - *made).count();
  }
  use.repair_quote = {};
  if (facts.repair_quote) use.repair_quote = facts.repair_quote->as_double();

  const auto market = market_of(home_);
  auto offers = around_.offers ? around_.offers(use.kind) : std::vector<insight::Offer>{};
  if (facts.own_price) {
    if (auto own = at_own_price(use.kind, market, facts.own_price->as_double())) {
      offers.push_back(std::move(*own));
    }
  }
  const insight::AdviceSettings settings{
      .market = market,
      .currency = home_.currency,
      .year = static_cast<int>(std::chrono::year_month_day(bill_.zone().day(now)).year())};
  weighed.advice = insight::advise(use, offers, settings, static_cast<std::uint64_t>(number));

  const auto& advice = weighed.advice;
  const auto* kept = candidate(advice, insight::CandidateRole::kept);
  const auto* best = candidate(advice, insight::CandidateRole::best_for_you);
  if (advice.not_yet.empty() && advice.verdict == insight::Verdict::replace && kept && best) {
    return book_.predict({.of = Of::advice,
                          .appliance = number,
                          .key = "replace",
                          .what = fmt::format("{}: replace it", weighed.name),
                          .said = now,
                          .predicted = difference(kept->energy_kwh, best->energy_kwh)});
  }
  return book_.withdraw(Of::advice, number);
}

// A new one of the kind on the circuit of one that never ran again: it was replaced.
std::expected<void, StoreError> AdviceDesk::see_replacements() {
  const auto& work = *work_;
  for (const auto& prediction : book_.predictions()) {
    const bool is_open = prediction.of == Of::advice && !prediction.done && prediction.appliance;
    if (!is_open || !work.runs.contains(*prediction.appliance)) continue;
    const auto old =
        std::ranges::find(work.appliances, *prediction.appliance, &ApplianceState::number);
    if (old == work.appliances.end()) continue;
    const auto last = std::ranges::max(work.runs.at(old->number), {}, &insight::Run::begin).begin;
    if (last + gone_after > work.year.end) continue;
    for (const auto& one : work.appliances) {
      const bool is_alike = one.number != old->number && one.circuit == old->circuit &&
                            one.known.kind == old->known.kind;
      if (!is_alike) continue;
      const auto first = std::ranges::min(work.runs.at(one.number), {}, &insight::Run::begin).begin;
      if (first <= last) continue;
      if (const auto done = book_.done(prediction.number, first); !done) {
        return std::unexpected(done.error());
      }
      break;
    }
  }
  return {};
}

std::expected<void, StoreError> AdviceDesk::score(const BookedPrediction& one, Timestamp now) {
  const auto& work = *work_;
  const auto told = std::ranges::find(work.appliances, *one.appliance, &ApplianceState::number);
  if (told == work.appliances.end()) {
    return book_.measured(one.number, std::nullopt, "It has not run in the last year.");
  }
  // What took its place counts as it does.
  Days all = work.by_day(no_quarters(work.year));
  bool is_first = true;
  for (const auto& alike : work.appliances) {
    if (alike.circuit != told->circuit || alike.known.kind != told->known.kind) continue;
    const auto used = work.use_of(alike, bill_, now);
    if (!used) return std::unexpected(used.error());
    auto days = work.by_day(used->first);
    work.count_uses(days, work.runs.at(alike.number));
    for (std::size_t day = 0; day < all.kwh.size(); ++day) {
      all.kwh[day] += days.kwh[day];
      all.uses[day] += days.uses[day];
      all.covered[day] =
          is_first ? days.covered[day] : std::min(all.covered[day], days.covered[day]);
    }
    is_first = false;
  }
  const bool has_uses = insight::label_basis(*told->known.kind) == insight::LabelBasis::kwh_a_use;
  std::vector<insight::UseDay> before, after;
  for (std::size_t day = 0; day < all.kwh.size(); ++day) {
    insight::UseDay use{.outdoor = book_.outdoors({work.days[day], work.days[day + 1]})};
    if (all.covered[day] >= whole_day) {
      use.kwh = all.kwh[day];
      use.rest_kwh = std::max(work.home_kwh[day] - all.kwh[day], 0.0);
      if (has_uses) use.uses = all.uses[day];
    }
    if (work.days[day + 1] <= *one.done && work.days[day] >= *one.done - scored_before) {
      before.push_back(use);
    } else if (work.days[day] > *one.done && work.days[day] < *one.done + scored_after) {
      after.push_back(use);
    }
  }
  const auto saving = insight::measured_saving(before, after);
  if (!saving) return book_.measured(one.number, std::nullopt, saving.error());
  const bool lacks_weather = insight::follows_weather(*told->known.kind) && !saving->knows_weather;
  return book_.measured(one.number, saving->kwh, lacks_weather ? not_adjusted : "");
}

std::expected<void, StoreError> AdviceDesk::book_forecast(Timestamp now) {
  const auto month = bill_.month_at(now);
  const auto begin = range_of(month_of(month), bill_.zone()).begin;
  if (now >= begin + forecast_after) {
    const auto bill = bill_.bill(month, now);
    const bool is_booked = std::ranges::any_of(book_.predictions(), [&](const auto& one) {
      return one.of == Of::forecast && one.key == key_of(month);
    });
    if (!is_booked && bill && (*bill)->forecast) {
      const auto done =
          book_.predict({.of = Of::forecast,
                         .key = key_of(month),
                         .what = fmt::format("The bill of {}", month_name(month_of(month).begin)),
                         .said = now,
                         .predicted = *(*bill)->forecast});
      if (!done) return done;
    }
  }
  for (const auto& one : book_.predictions()) {
    if (one.of != Of::forecast || one.done) continue;
    for (const auto over : bill_.months(now)) {
      if (over >= month || key_of(over) != one.key) continue;
      const auto bill = bill_.bill(over, now);
      if (!bill || !(*bill)->bill.unpriced.empty()) continue;  // Not all of it is known.
      const double total = (*bill)->bill.total.as_double();
      if (const auto done = book_.done(one.number, range_of(month_of(over), bill_.zone()).end);
          !done) {
        return std::unexpected(done.error());
      }
      if (const auto done = book_.measured(one.number, Spread{total, total, total}, ""); !done) {
        return done;
      }
    }
  }
  return {};
}

std::vector<AppliancePlan> AdviceDesk::plans() {
  const auto predictions = book_.predictions();
  std::vector<AppliancePlan> found;
  for (const auto& [number, weighed] : weighed_) {
    const auto open = std::ranges::find_if(predictions, [number](const BookedPrediction& one) {
      return one.appliance == number && !one.done;
    });
    found.push_back(
        {.appliance = number,
         .name = weighed.name,
         .circuit = weighed.circuit,
         .kind = weighed.use.kind,
         .facts = book_.facts(number),
         .advice = weighed.advice,
         .prediction = open == predictions.end() ? std::nullopt : std::optional(open->number)});
  }
  return found;
}

std::vector<insight::ScoredPrediction> AdviceDesk::scores() {
  std::vector<insight::ScoredPrediction> found;
  for (const auto& one : book_.predictions()) {
    if (one.of != Of::forecast) found.push_back(scored(one));
  }
  return found;
}

insight::HitRate AdviceDesk::hit_rate() {
  std::vector<insight::ScoredPrediction> all;
  for (const auto& one : book_.predictions()) all.push_back(scored(one));
  return insight::hit_rate(all);
}

AdviceDesk::Done AdviceDesk::set(ApplianceNumber number, const ApplianceFacts& facts,
                                 Timestamp now) {
  const auto weighed = weighed_.find(number);
  if (weighed == weighed_.end()) {
    return std::unexpected("There is no such appliance, or nobody knows yet what it is.");
  }
  if (const auto done = book_.put(number, facts); !done) {
    return std::unexpected(fmt::format("It cannot be kept: {}.", sentence(done.error())));
  }
  if (const auto done = advise(number, weighed->second, now); !done) {
    return std::unexpected(fmt::format("It cannot be kept: {}.", sentence(done.error())));
  }
  return {};
}

void AdviceDesk::hear_outdoors(measurement::Celsius celsius, Timestamp now) {
  const auto hour = std::chrono::floor<std::chrono::hours>(now);
  if (outdoors_.count > 0 && outdoors_.begin != hour) {
    // One that is not kept is not known.
    static_cast<void>(book_.put_outdoors(outdoors_.begin, outdoors_.sum / outdoors_.count));
    outdoors_ = {};
  }
  outdoors_.begin = hour;
  outdoors_.sum += static_cast<double>(celsius.value);
  ++outdoors_.count;
}

AdviceDesk::Done AdviceDesk::done(PredictionNumber number, Timestamp now) {
  const auto done = book_.done(number, now);
  if (!done) return std::unexpected(fmt::format("It cannot be kept: {}.", sentence(done.error())));
  if (!*done) return std::unexpected("There is no such prediction, or it is done.");
  ++done_;
  return {};
}

}  // namespace hub
