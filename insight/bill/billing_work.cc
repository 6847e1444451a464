#include "insight/bill/billing_work.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace insight {
namespace {

using measurement::MilliwattHours;
using measurement::Timestamp;
using std::chrono::local_days;
using std::chrono::year_month_day;

constexpr int all_digits = 9;
constexpr double most_counted = 4e9;  // Of a Decimal's 9.2e9.

std::string text_of(local_days day) {
  const year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

int days_in(const year_month_day& date, Per per) {
  if (per == Per::year) return date.year().is_leap() ? 366 : 365;
  const auto last = date.year() / date.month() / std::chrono::last;
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

// The same day so many months before, or the last of that month.
local_days months_before(local_days day, int months) {
  const auto date = year_month_day(day) - std::chrono::months(months);
  return local_days(date.ok() ? date : date.year() / date.month() / std::chrono::last);
}

const char* unit_of(Per per, bool is_of_kw) {
  switch (per) {
    case Per::day:
      return is_of_kw ? "kW day" : "day";
    case Per::month:
      return is_of_kw ? "kW month" : "month";
    case Per::year:
      return is_of_kw ? "kW year" : "year";
    case Per::bill:
      return is_of_kw ? "kW bill" : "bill";
  }
  return "";
}

std::vector<local_days> days_of(const Stretch& stretch) {
  std::vector<local_days> days;
  for (auto day = stretch.days.begin; day < stretch.days.end; day += std::chrono::days(1)) {
    days.push_back(day);
  }
  return days;
}

// An amount that is known to 1e-(9 + more) of the currency.
Decimal rounded_once(Wide exact, int more, int digits) {
  const auto step = power_of_ten(all_digits - std::min(digits, all_digits));
  return {static_cast<std::int64_t>(divided(exact, Wide{power_of_ten(more)} * step) * step)};
}

// So much of each that all of them together are the share part / whole, to the milliwatt-hour.
void scale(std::span<std::int64_t> values, std::span<const std::uint32_t> which, std::size_t first,
           std::int64_t part, std::int64_t whole) {
  Wide until_here = 0;
  std::int64_t given = 0;
  for (const auto quarter_of_period : which) {
    auto& value = values[quarter_of_period - first];
    until_here += value;
    const auto due = static_cast<std::int64_t>(until_here * part / whole);
    value = due - std::exchange(given, due);
  }
}

// The highest mean power of an interval that begins in one of the windows.
struct Peak {
  std::int64_t used = 0;  // mWh, in that interval.
  Timestamp begin{};
};

Peak peak_of(std::span<const LocalQuarter> quarters, const DemandCharge& charge) {
  Peak highest{.begin = quarters.empty() ? Timestamp{} : quarters.front().begin};
  Peak interval;
  bool counts = false;
  for (const auto& now : quarters) {
    if (now.of_day % charge.interval == std::chrono::minutes{} || &now == quarters.data()) {
      interval = {.begin = now.begin};
      counts = charge.when.empty() || std::ranges::any_of(charge.when, [&](const Window& window) {
                 return window.has(now.date, now.day_kind, now.of_day);
               });
    }
    interval.used += now.imported;
    if (counts && interval.used > highest.used) highest = interval;
  }
  return highest;
}

std::vector<std::int64_t> imported(std::span<const LocalQuarter> quarters) {
  std::vector<std::int64_t> values;
  values.reserve(quarters.size());
  for (const auto& one : quarters) values.push_back(one.imported);
  return values;
}

std::vector<std::int64_t> exported(std::span<const LocalQuarter> quarters) {
  std::vector<std::int64_t> values;
  values.reserve(quarters.size());
  for (const auto& one : quarters) values.push_back(one.exported);
  return values;
}

bool is_of(const Tax& tax, const std::string& charge) {
  return tax.on.empty() || std::ranges::find(tax.on, charge) != tax.on.end();
}

}  // namespace

Decimal with_taxes(const std::vector<Tax>& taxes, const std::string& charge) {
  const Decimal one{power_of_ten(all_digits)};
  Decimal whole = one;
  std::vector<Decimal> rates;
  for (std::size_t i = 0; i < taxes.size(); ++i) {
    Decimal base = is_of(taxes[i], charge) ? one : Decimal{};
    for (std::size_t above = 0; above < i; ++above) {
      if (is_of(taxes[i], taxes[above].name)) base += rates[above];
    }
    rates.push_back(product(base, {taxes[i].percent.nano / 100}, all_digits));
    whole += rates.back();
  }
  return whole;
}

Decimal total_of(const Tariff& tariff, Decimal lines) {
  const auto step = tariff.rounding.total_step.nano;
  if (step == 0) return rounded(lines, minor_digits(tariff.currency));
  return {static_cast<std::int64_t>(divided(lines.nano, step) * step)};
}

Bill printed_bill(const Tariff& tariff, BillingPeriod period, const BillingWork& work,
                  const std::vector<WorkLine>& lines) {
  Bill bill{.period = period,
            .tariff = tariff.name,
            .currency = tariff.currency,
            .covered = work.covered(),
            .unpriced = work.unpriced()};
  for (const auto& one : lines) {
    bill.lines.push_back(one.line);
    bill.total += one.line.amount;
  }
  for (const auto& one : work.quarters()) {
    bill.imported = bill.imported + MilliwattHours{one.imported};
    bill.exported = bill.exported + MilliwattHours{one.exported};
  }
  return bill;
}

BillingWork::BillingWork(const Tariff& tariff, const QuarterHours& grid, BillingPeriod period,
                         const Zone& zone, const DayAhead& prices)
    : tariff_(tariff), grid_(grid), period_(period), zone_(zone), prices_(prices) {
  if (period.begin >= period.end || period.end - period.begin > longest_billing_period) {
    trouble_ = fmt::format("A billing period has 1 to {} days, not {}; give another",
                           longest_billing_period.count(), (period.end - period.begin).count());
    return;
  }
  quarters_ = quarters_of(period.begin, period.end);
  find_stretches();
  measure_cover();
}

std::vector<LocalQuarter> BillingWork::quarters_of(local_days begin, local_days end) const {
  std::vector<LocalQuarter> quarters;
  quarters.reserve(static_cast<std::size_t>((end - begin).count()) * 96 + 4);
  auto next = zone_.begin(begin);
  for (auto day = begin; day < end; day += std::chrono::days(1)) {
    const auto last = zone_.begin(day + std::chrono::days(1));
    const year_month_day date(day);
    const auto kind = static_cast<std::uint8_t>(tariff_.kind_of(day));
    for (; next < last; next += quarter) {
      const auto of_day = std::chrono::floor<std::chrono::minutes>(zone_.local(next) - day);
      LocalQuarter one{next, day, date.month() / date.day(), kind, of_day};
      const auto index = (next - grid_.begin) / quarter;
      if (next >= grid_.begin && static_cast<std::size_t>(index) < grid_.imported.size()) {
        one.imported = grid_.imported[static_cast<std::size_t>(index)].value;
        one.exported = grid_.exported[static_cast<std::size_t>(index)].value;
      }
      quarters.push_back(one);
    }
  }
  return quarters;
}

void BillingWork::find_stretches() {
  for (std::size_t i = 0; i < quarters_.size(); ++i) {
    const auto day = quarters_[i].day;
    if (i > 0 && quarters_[i - 1].day == day) {
      stretches_.back().end = i + 1;
      continue;
    }
    const auto* version = tariff_.version_on(day);
    if (!version) {
      trouble_ =
          fmt::format("The tariff \"{}\" has no prices for {}; add a version that holds then",
                      tariff_.name, text_of(day));
      return;
    }
    if (stretches_.empty() || stretches_.back().version != version) {
      const auto same = std::ranges::find(tariff_.versions, version->taxes, &TariffVersion::taxes);
      stretches_.push_back(
          {version, static_cast<std::size_t>(same - tariff_.versions.begin()), {day, day}, i, i});
    }
    stretches_.back().days.end = day + std::chrono::days(1);
    stretches_.back().end = i + 1;
  }
}

void BillingWork::measure_cover() {
  double covered = 0;
  for (const auto& one : quarters_) {
    const auto index = (one.begin - grid_.begin) / quarter;
    if (one.begin < grid_.begin || static_cast<std::size_t>(index) >= grid_.imported.size())
      continue;
    covered += grid_.covered.empty() ? 1.0 : grid_.covered[static_cast<std::size_t>(index)];
  }
  covered_ = quarters_.empty() ? 0 : covered / static_cast<double>(quarters_.size());
}

Decimal BillingWork::span_of(const std::vector<local_days>& days, Per per) const {
  const auto share = [](std::ptrdiff_t part, std::int64_t whole) {
    return Decimal{
        static_cast<std::int64_t>(divided(Wide{part} * power_of_ten(all_digits), whole))};
  };
  if (per == Per::day) return share(std::ssize(days), 1);
  if (per == Per::bill) return share(std::ssize(days), (period_.end - period_.begin).count());
  Decimal span;
  for (auto day = days.begin(); day != days.end();) {
    const year_month_day date(*day);
    const auto next = std::find_if(day, days.end(), [&](local_days one) {
      const year_month_day other(one);
      return other.year() != date.year() || (per == Per::month && other.month() != date.month());
    });
    span += share(next - day, days_in(date, per));
    day = next;
  }
  return span;
}

std::vector<RateUse> BillingWork::uses_of(const EnergyCharge& charge,
                                          std::span<const LocalQuarter> quarters,
                                          std::span<const std::int64_t> used, std::size_t first) {
  std::vector<RateUse> uses(charge.rates.size());
  for (std::size_t i = 0; i < quarters.size(); ++i) {
    const auto& now = quarters[i];
    const auto rate = rate_at(charge, now.date, now.day_kind, now.of_day);
    if (rate == uses.size()) continue;
    auto& use = uses[rate];
    use.used += used[i];
    use.quarters.push_back(static_cast<std::uint32_t>(first + i));
    if (use.days.empty() || use.days.back() != now.day) use.days.push_back(now.day);
  }
  return uses;
}

std::vector<std::int64_t> BillingWork::billed_import(const Stretch& stretch,
                                                     const EnergyCharge& charge) const {
  const auto quarters = std::span(quarters_).subspan(stretch.begin, stretch.end - stretch.begin);
  auto in = imported(quarters);
  if (!stretch.version->is_net_metered) return in;
  const auto uses = uses_of(charge, quarters, in, stretch.begin);
  const auto given = uses_of(charge, quarters, exported(quarters), stretch.begin);
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (uses[i].used == 0) continue;
    scale(in, uses[i].quarters, stretch.begin,
          std::max<std::int64_t>(uses[i].used - given[i].used, 0), uses[i].used);
  }
  return in;
}

std::vector<std::int64_t> BillingWork::billed_export(const Stretch& stretch) const {
  const auto quarters = std::span(quarters_).subspan(stretch.begin, stretch.end - stretch.begin);
  auto out = exported(quarters);
  if (!stretch.version->is_net_metered || stretch.version->energy.empty()) return out;
  const auto& charge = stretch.version->energy.front();
  const auto uses = uses_of(charge, quarters, imported(quarters), stretch.begin);
  const auto given = uses_of(charge, quarters, out, stretch.begin);
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].used == 0) continue;
    scale(out, given[i].quarters, stretch.begin,
          std::max<std::int64_t>(given[i].used - uses[i].used, 0), given[i].used);
  }
  return out;
}

std::vector<WorkLine> BillingWork::lines() {
  lines_.clear();
  unpriced_imports_.clear();
  unpriced_exports_.clear();
  amounts_ = 0;
  for (const auto& stretch : stretches_) add_standing(stretch);
  for (const auto& stretch : stretches_) {
    for (const auto& charge : stretch.version->energy) {
      add_energy(stretch, LineOf::energy, charge, billed_import(stretch, charge));
    }
  }
  for (const auto& stretch : stretches_) {
    for (const auto& charge : stretch.version->demand) add_demand(stretch, charge);
  }
  for (const auto& stretch : stretches_) {
    for (const auto& charge : stretch.version->feed_in) {
      add_energy(stretch, LineOf::feed_in, charge, billed_export(stretch));
    }
  }
  round_lines();
  cap_feed_in();
  add_minimum();
  add_taxes();
  Decimal lines;
  for (const auto& one : lines_) lines += one.line.amount;
  if (const auto rest = total_of(tariff_, lines) - lines; rest != Decimal{}) {
    auto& rounding = line(LineOf::rounding, stretches_.front(), "Rounding", "Rounding", "", {});
    rounding.line.amount = rest;
    rounding.line.during = period_;
  }
  return lines_;
}

WorkLine& BillingWork::line(LineOf of, const Stretch& stretch, const std::string& charge,
                            const std::string& words, const char* unit, Decimal price) {
  const auto same = std::ranges::find_if(lines_, [&](const WorkLine& one) {
    return one.of == of && one.taxes == stretch.taxes && one.charge == charge &&
           one.line.words == words && one.line.unit == unit && one.line.price == price;
  });
  if (same != lines_.end()) {
    same->line.during.end = stretch.days.end;
    return *same;
  }
  lines_.push_back(
      {.of = of,
       .charge = charge,
       .taxes = stretch.taxes,
       .line = {.words = words, .unit = unit, .price = price, .during = stretch.days}});
  return lines_.back();
}

void BillingWork::add_standing(const Stretch& stretch) {
  for (const auto& charge : stretch.version->standing) {
    const auto span = span_of(days_of(stretch), charge.per);
    auto& one = line(LineOf::standing, stretch, charge.name, charge.name,
                     unit_of(charge.per, charge.contracted_kw.has_value()), charge.price);
    one.line.quantity +=
        charge.contracted_kw ? product(*charge.contracted_kw, span, all_digits) : span;
  }
}

void BillingWork::add_energy(const Stretch& stretch, LineOf of, const EnergyCharge& charge,
                             std::span<const std::int64_t> used) {
  const auto quarters = std::span(quarters_).subspan(stretch.begin, stretch.end - stretch.begin);
  auto uses = uses_of(charge, quarters, used, stretch.begin);
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (uses[i].used == 0) continue;
    const auto& rate = charge.rates[i];
    if (rate.day_ahead_factor) {
      add_day_ahead(stretch, of, charge, rate, uses[i], used);
    } else {
      add_rate(stretch, of, charge, rate, uses[i]);
    }
  }
}

void BillingWork::add_rate(const Stretch& stretch, LineOf of, const EnergyCharge& charge,
                           const Rate& rate, const RateUse& use) {
  const auto& words = rate.words.empty() ? charge.name : rate.words;
  const auto signed_price = [&](Decimal price) { return of == LineOf::feed_in ? -price : price; };
  const auto append = [&](WorkLine& to) {
    to.quarters.insert(to.quarters.end(), use.quarters.begin(), use.quarters.end());
  };
  if (rate.tiers.size() == 1) {
    if (rate.tiers.front().price == Decimal{}) return;
    auto& one =
        line(of, stretch, charge.name, words, "kWh", signed_price(rate.tiers.front().price));
    one.used += use.used;
    append(one);
    return;
  }
  const auto used = rounded(kilowatt_hours(use.used), tariff_.rounding.kwh_digits);
  const auto span = span_of(use.days, rate.per);
  Decimal below;
  for (const auto& tier : rate.tiers) {
    const auto until = tier.up_to ? std::min(used, product(*tier.up_to, span, all_digits)) : used;
    const auto quantity = until - std::exchange(below, until);
    if (quantity == Decimal{} || tier.price == Decimal{}) continue;
    auto& one = line(of, stretch, charge.name, tier.words.empty() ? words : tier.words, "kWh",
                     signed_price(tier.price));
    one.is_tiered = true;
    one.line.quantity += quantity;
    append(one);
  }
}

void BillingWork::add_day_ahead(const Stretch& stretch, LineOf of, const EnergyCharge& charge,
                                const Rate& rate, const RateUse& use,
                                std::span<const std::int64_t> used) {
  const auto& words = rate.words.empty() ? charge.name : rate.words;
  const bool is_feed_in = of == LineOf::feed_in;
  auto& unpriced = is_feed_in ? unpriced_exports_ : unpriced_imports_;
  Wide cost = 0;
  std::int64_t priced = 0;
  std::vector<std::uint32_t> quarters;
  for (const auto index : use.quarters) {
    const auto energy = used[index - stretch.begin];
    if (energy == 0) continue;
    const auto price = prices_.at(quarters_[index].begin);
    if (!price) {
      unpriced.insert(index);
      continue;
    }
    cost += Wide{energy} * price->nano * rate.day_ahead_factor->nano;
    priced += energy;
    quarters.push_back(index);
  }
  if (priced == 0) return;
  auto& one = line(of, stretch, charge.name, words, "kWh", {});
  one.day_ahead_factor = rate.day_ahead_factor;
  one.cost += is_feed_in ? -cost : cost;
  one.used += priced;
  one.quarters.insert(one.quarters.end(), quarters.begin(), quarters.end());
}

std::vector<UnpricedQuarter> BillingWork::unpriced() const {
  auto all = unpriced_imports_;
  all.insert(unpriced_exports_.begin(), unpriced_exports_.end());
  std::vector<UnpricedQuarter> found;
  for (const auto index : all) {
    const auto& of = quarters_[index];
    auto& one = found.emplace_back(UnpricedQuarter{.begin = of.begin});
    if (unpriced_imports_.contains(index)) one.imported = {of.imported};
    if (unpriced_exports_.contains(index)) one.exported = {of.exported};
  }
  return found;
}

void BillingWork::add_demand(const Stretch& stretch, const DemandCharge& charge) {
  const auto in_hours = [&](std::int64_t used) {
    return rounded(kilowatt_hours(used * (60 / charge.interval.count())),
                   tariff_.rounding.kw_digits);
  };
  auto peak =
      peak_of(std::span(quarters_).subspan(stretch.begin, stretch.end - stretch.begin), charge);
  auto billed = in_hours(peak.used);
  auto words = charge.name;
  if (charge.ratchet_months > 0) {
    const auto from = std::clamp(
        zone_.day(grid_.begin), months_before(period_.begin, charge.ratchet_months), period_.begin);
    const auto before = peak_of(quarters_of(from, period_.begin), charge);
    const auto least = rounded_once(Wide{in_hours(before.used).nano} * charge.ratchet_percent.nano,
                                    all_digits + 2, tariff_.rounding.kw_digits);
    if (least > billed) {
      billed = least;
      peak = before;
      words += fmt::format(
          " ({}% of an earlier month)",
          text(charge.ratchet_percent, charge.ratchet_percent.nano % power_of_ten(9) == 0 ? 0 : 1));
    }
  }
  auto& one = line(LineOf::demand, stretch, charge.name, words, "kW", charge.price);
  one.months += span_of(days_of(stretch), Per::month);
  if (billed < one.line.quantity) return;
  one.line.quantity = billed;
  one.peak = peak.begin;
  one.interval = charge.interval;
}

void BillingWork::round_lines() {
  const auto& rounding = tariff_.rounding;
  for (auto& one : lines_) {
    auto& line = one.line;
    if (one.of == LineOf::demand && one.months != Decimal{power_of_ten(all_digits)}) {
      line.quantity = product(line.quantity, one.months, all_digits);
      line.unit = "kW month";
    }
    const bool is_energy = one.of == LineOf::energy || one.of == LineOf::feed_in;
    if (is_energy && !one.is_tiered) {
      line.quantity = rounded(kilowatt_hours(one.used), rounding.kwh_digits);
    }
    const double about = one.day_ahead_factor ? static_cast<double>(one.cost) * 1e-24
                                              : line.quantity.as_double() * line.price.as_double();
    if (!counts(about)) continue;
    if (one.day_ahead_factor) {
      line.amount = rounded_once(one.cost, 15, rounding.line_digits);
      line.price = rounded_once(one.cost / std::max<std::int64_t>(one.used, 1), 9, 6);
    } else {
      line.amount = product(line.quantity, line.price, rounding.line_digits);
    }
  }
}

// Amounts that together are more than money can be counted in are trouble.
bool BillingWork::counts(double amount) {
  amounts_ += std::abs(amount);
  if (amounts_ < most_counted) return true;
  if (trouble_.empty()) {
    trouble_ = fmt::format(
        "The bill under the tariff \"{}\" comes to more than can be counted; correct "
        "its prices",
        tariff_.name);
  }
  return false;
}

Decimal BillingWork::sum(std::initializer_list<LineOf> kinds) const {
  Decimal sum;
  for (const auto& one : lines_) {
    if (std::ranges::find(kinds, one.of) != kinds.end()) sum += one.line.amount;
  }
  return sum;
}

void BillingWork::cap_feed_in() {
  const bool is_capped = std::ranges::any_of(
      stretches_, [](const Stretch& one) { return one.version->feed_in_is_capped; });
  const auto above = -sum({LineOf::feed_in}) - std::max(sum({LineOf::energy}), Decimal{});
  if (!is_capped || above <= Decimal{}) return;
  const auto credit = *std::ranges::find(lines_, LineOf::feed_in, &WorkLine::of);
  auto& one = line(LineOf::feed_in, stretches_.front(), credit.charge,
                   fmt::format("{}: more than the energy", credit.charge), "", {});
  one.line.amount = above;
  one.line.during = period_;
}

void BillingWork::add_minimum() {
  Decimal least;
  const Stretch* first = nullptr;
  for (const auto& stretch : stretches_) {
    if (!stretch.version->minimum) continue;
    least += product(stretch.version->minimum->amount,
                     span_of(days_of(stretch), stretch.version->minimum->per), all_digits);
    if (!first) first = &stretch;
  }
  if (!first) return;
  Decimal lines;
  for (const auto& one : lines_) lines += one.line.amount;
  const auto missing = rounded(least, tariff_.rounding.line_digits) - lines;
  if (missing <= Decimal{}) return;
  auto& one = line(LineOf::minimum, *first, "Minimum bill", "Minimum bill", "", {});
  one.line.amount = missing;
  one.line.during = period_;
}

void BillingWork::add_taxes() {
  std::vector<std::size_t> done;
  for (const auto& stretch : stretches_) {
    if (std::ranges::find(done, stretch.taxes) != done.end()) continue;
    done.push_back(stretch.taxes);
    for (const auto& tax : stretch.version->taxes) {
      WorkLine one{.of = LineOf::tax, .charge = tax.name, .taxes = stretch.taxes};
      Decimal base;
      for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (lines_[i].taxes != stretch.taxes || !is_of(tax, lines_[i].charge)) continue;
        one.bases.push_back(i);
        base += lines_[i].line.amount;
      }
      if (one.bases.empty() || !counts(base.as_double() * tax.percent.as_double() / 100)) continue;
      one.line = {.words = tax.name,
                  .quantity = tax.percent,
                  .unit = "%",
                  .price = base,
                  .amount = rounded_once(Wide{base.nano} * tax.percent.nano, all_digits + 2,
                                         tariff_.rounding.line_digits),
                  .during = period_};
      lines_.push_back(std::move(one));
    }
  }
}

}  // namespace insight
