// Homes and bills as tests need them: use drawn hour by hour, bills as lines of text.

#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "hub/tariff_file.h"
#include "insight/bill/billing.h"

namespace insight {

using std::chrono::local_days;
using std::chrono::year_month_day;
using namespace std::chrono_literals;

inline measurement::Timestamp utc(year_month_day date, std::chrono::minutes time = {}) {
  return std::chrono::sys_days(date) + time;
}

// IANA tz database 2024a.
inline const Zone berlin({{utc(2023y / 10 / 29, 60min), 60min},
                          {utc(2024y / 3 / 31, 60min), 120min},
                          {utc(2024y / 10 / 27, 60min), 60min},
                          {utc(2026y / 3 / 29, 60min), 120min},
                          {utc(2026y / 10 / 25, 60min), 60min}});
inline const Zone london({{utc(2025y / 10 / 26, 60min), 0min},
                          {utc(2026y / 3 / 29, 60min), 60min},
                          {utc(2026y / 10 / 25, 60min), 0min}});
inline const Zone los_angeles({{utc(2022y / 11 / 6, 540min), -480min},
                               {utc(2023y / 3 / 12, 600min), -420min},
                               {utc(2023y / 11 / 5, 540min), -480min},
                               {utc(2024y / 3 / 10, 600min), -420min},
                               {utc(2024y / 11 / 3, 540min), -480min}});
inline const Zone tokyo({{utc(1951y / 9 / 7, 0min), 540min}});
inline const Zone kuwait({{utc(1950y / 1 / 1, 0min), 180min}});

inline BillingPeriod period(year_month_day begin, year_month_day end) {
  return {local_days(begin), local_days(end)};
}

// Nothing is used until it is said.
class House {
 public:
  House(BillingPeriod days, const Zone& zone) : zone_(zone) {
    use_.begin = zone.begin(days.begin);
    const auto count = static_cast<std::size_t>((zone.begin(days.end) - use_.begin) / quarter);
    use_.imported.resize(count);
    use_.exported.resize(count);
  }

  // So many kWh an hour, from one local hour to another on each of the days.
  House& draws(double kwh_per_hour, BillingPeriod days, int from_hour = 0, int to_hour = 24) {
    return add(use_.imported, kwh_per_hour, days, from_hour, to_hour);
  }
  House& gives(double kwh_per_hour, BillingPeriod days, int from_hour = 0, int to_hour = 24) {
    return add(use_.exported, kwh_per_hour, days, from_hour, to_hour);
  }

  const QuarterHours& quarters() const { return use_; }

 private:
  House& add(std::vector<measurement::MilliwattHours>& to, double kwh_per_hour, BillingPeriod days,
             int from_hour, int to_hour) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      const auto now = use_.begin + static_cast<int>(i) * quarter;
      const auto day = zone_.day(now);
      const auto of_day = zone_.local(now) - day;
      if (day < days.begin || day >= days.end) continue;
      if (of_day < std::chrono::hours(from_hour) || of_day >= std::chrono::hours(to_hour)) continue;
      to[i] = to[i] + measurement::MilliwattHours{std::llround(kwh_per_hour * 250'000)};
    }
    return *this;
  }

  const Zone& zone_;
  QuarterHours use_;
};

// Without zeros at its end.
inline std::string plain(Decimal value) {
  auto words = text(value, 9);
  words.erase(words.find_last_not_of('0') + 1);
  if (words.back() == '.') words.pop_back();
  return words;
}

// "Energy: 288 kWh x 0.3 = 86.40", a line for each, and the total.
inline std::string printed(const std::expected<Bill, std::string>& bill) {
  if (!bill) return bill.error();
  const int digits = minor_digits(bill->currency);
  std::string lines;
  for (const auto& line : bill->lines) {
    if (line.unit.empty()) {
      lines += fmt::format("{}: {}\n", line.words, text(line.amount, digits));
    } else {
      lines += fmt::format("{}: {} {} x {} = {}\n", line.words, plain(line.quantity), line.unit,
                           plain(line.price), text(line.amount, digits));
    }
  }
  return lines + fmt::format("{} {}", text(bill->total, digits), bill->currency);
}

inline Tariff tariff(std::string_view currency, std::string_view body, std::string_view head = "") {
  return hub::parse_tariff(fmt::format("name = \"T\"\ncountry = \"XX\"\ncurrency = \"{}\"\n"
                                       "source = \"by hand\"\nsource_date = 2026-01-01\n{}\n{}",
                                       currency, head, body),
                           "tariff.toml");
}

// One version for good.
inline Tariff steady(std::string_view currency, std::string_view body, std::string_view head = "") {
  return tariff(currency, fmt::format("[[version]]\nfrom = 2000-01-01\n{}", body), head);
}

// A price for each hour of one local day.
inline DayAhead hourly(BillingPeriod day, const Zone& zone,
                       std::initializer_list<std::string_view> prices) {
  DayAhead series{.begin = zone.begin(day.begin)};
  for (const auto price : prices) {
    series.prices.insert(series.prices.end(), 4, Decimal::parse(price).value());
  }
  return series;
}

}  // namespace insight
