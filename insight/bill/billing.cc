#include "insight/bill/billing.h"

#include <algorithm>

#include "insight/bill/billing_work.h"

namespace insight {
namespace {

constexpr int all_digits = 9;

// The tier that the next kWh falls in.
Decimal price_at_margin(const BillingWork& work, const Rate& rate, const RateUse& use) {
  const auto span = work.span_of(use.days, rate.per);
  for (const auto& tier : rate.tiers) {
    if (!tier.up_to || kilowatt_hours(use.used) < product(*tier.up_to, span, all_digits)) {
      return tier.price;
    }
  }
  return {};
}

// Adds what the charges ask in each quarter of a stretch; what is not known makes it absent.
void add_margin(const BillingWork& work, const Stretch& stretch,
                const std::vector<EnergyCharge>& charges, bool is_feed_in,
                const DayAhead& day_ahead, std::vector<std::optional<Decimal>>& into) {
  const auto quarters =
      std::span(work.quarters()).subspan(stretch.begin, stretch.end - stretch.begin);
  for (const auto& charge : charges) {
    const auto used =
        is_feed_in ? work.billed_export(stretch) : work.billed_import(stretch, charge);
    const auto uses = BillingWork::uses_of(charge, quarters, used, stretch.begin);
    const auto taxed = with_taxes(stretch.version->taxes, charge.name);
    for (std::size_t i = 0; i < uses.size(); ++i) {
      const auto& rate = charge.rates[i];
      const auto fixed = price_at_margin(work, rate, uses[i]);
      for (const auto index : uses[i].quarters) {
        const auto& now = work.quarters()[index];
        const bool is_giving = !stretch.version->is_net_metered && now.exported > now.imported;
        if (is_giving != is_feed_in || !into[index]) continue;
        auto price = std::optional(fixed);
        if (rate.day_ahead_factor) {
          price = day_ahead.at(now.begin);
          if (price) price = product(*price, *rate.day_ahead_factor, all_digits);
        }
        into[index] =
            price ? std::optional(*into[index] + product(*price, taxed, all_digits)) : std::nullopt;
      }
    }
  }
}

}  // namespace

std::optional<Decimal> DayAhead::at(measurement::Timestamp time) const {
  if (time < begin) return std::nullopt;
  const auto index = static_cast<std::size_t>((time - begin) / quarter);
  return index < prices.size() ? prices[index] : std::nullopt;
}

std::expected<Bill, std::string> bill_of(const Tariff& tariff, const QuarterHours& grid,
                                         BillingPeriod period, const Zone& zone,
                                         const DayAhead& prices) {
  BillingWork work(tariff, grid, period, zone, prices);
  if (!work.trouble().empty()) return std::unexpected(work.trouble());
  const auto lines = work.lines();
  if (!work.trouble().empty()) return std::unexpected(work.trouble());
  return printed_bill(tariff, period, work, lines);
}

std::vector<std::optional<Decimal>> marginal_prices(const Tariff& tariff, const QuarterHours& grid,
                                                    BillingPeriod period, const Zone& zone,
                                                    const DayAhead& prices) {
  const BillingWork work(tariff, grid, period, zone, prices);
  std::vector<std::optional<Decimal>> margins(work.quarters().size());
  for (const auto& stretch : work.stretches()) {
    std::fill(margins.begin() + static_cast<std::ptrdiff_t>(stretch.begin),
              margins.begin() + static_cast<std::ptrdiff_t>(stretch.end), Decimal{});
    add_margin(work, stretch, stretch.version->energy, false, prices, margins);
    add_margin(work, stretch, stretch.version->feed_in, true, prices, margins);
  }
  return margins;
}

}  // namespace insight
