#include "insight/bill/tariff.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "insight/month_names.h"

namespace insight {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::month_day;

constexpr std::array kind_names = {"Sunday",   "Monday", "Tuesday",  "Wednesday",
                                   "Thursday", "Friday", "Saturday", "holiday"};
constexpr std::chrono::minutes day_length = std::chrono::hours(24);

std::string text_of(month_day date) {
  return fmt::format("{} {}", static_cast<unsigned>(date.day()), name_of(date.month()));
}

month_day day_after(month_day date) {
  const std::chrono::year_month_day in_leap_year(std::chrono::year(2024), date.month(), date.day());
  const std::chrono::year_month_day next(std::chrono::sys_days(in_leap_year) +
                                         std::chrono::days(1));
  return next.month() / next.day();
}

// The days on which seasons change, and the year's first.
std::set<month_day> changes_of(const std::vector<Season>& seasons) {
  std::set<month_day> changes = {month(1) / day(1)};
  for (const auto& season : seasons) {
    changes.insert(season.first);
    changes.insert(day_after(season.last));
  }
  return changes;
}

bool has(const Rate& rate, month_day date, std::size_t day_kind, std::chrono::minutes of_day) {
  return rate.when.empty() || std::ranges::any_of(rate.when, [&](const Window& window) {
           return window.has(date, day_kind, of_day);
         });
}

}  // namespace

bool Season::has(month_day date) const {
  if (first <= last) return first <= date && date <= last;
  return date >= first || date <= last;
}

bool Window::has(month_day date, std::size_t day_kind, std::chrono::minutes of_day) const {
  const auto has_date = [&](const Season& season) { return season.has(date); };
  const auto has_time = [&](const Hours& one) { return one.begin <= of_day && of_day < one.end; };
  return days[day_kind] && (seasons.empty() || std::ranges::any_of(seasons, has_date)) &&
         (hours.empty() || std::ranges::any_of(hours, has_time));
}

const TariffVersion* Tariff::version_on(std::chrono::local_days date) const {
  const auto after = std::ranges::upper_bound(versions, date, {}, &TariffVersion::from);
  if (after == versions.begin()) return nullptr;
  const auto& version = *std::prev(after);
  return version.until && date >= *version.until ? nullptr : &version;
}

std::size_t Tariff::kind_of(std::chrono::local_days date) const {
  const std::chrono::year_month_day parts(date);
  if (std::ranges::find(yearly_holidays, parts.month() / parts.day()) != yearly_holidays.end() ||
      std::ranges::find(holidays, date) != holidays.end()) {
    return holiday;
  }
  return std::chrono::weekday(date).c_encoding();
}

std::size_t rate_at(const EnergyCharge& charge, month_day date, std::size_t day_kind,
                    std::chrono::minutes of_day) {
  auto otherwise = charge.rates.size();
  for (std::size_t i = 0; i < charge.rates.size(); ++i) {
    if (!has(charge.rates[i], date, day_kind, of_day)) continue;
    if (!charge.rates[i].is_otherwise) return i;
    otherwise = i;
  }
  return otherwise;
}

std::string gap_or_overlap(const EnergyCharge& charge) {
  std::vector<Season> seasons;
  for (const auto& rate : charge.rates) {
    for (const auto& window : rate.when) {
      seasons.insert(seasons.end(), window.seasons.begin(), window.seasons.end());
    }
  }
  for (const auto date : changes_of(seasons)) {
    for (std::size_t kind = 0; kind < kind_names.size(); ++kind) {
      for (std::chrono::minutes of_day{}; of_day < day_length; of_day += std::chrono::minutes(15)) {
        std::size_t holding = 0, otherwise = 0;
        for (const auto& rate : charge.rates) {
          if (has(rate, date, kind, of_day)) ++(rate.is_otherwise ? otherwise : holding);
        }
        if (holding == 1 || (holding == 0 && otherwise == 1)) continue;
        return fmt::format("on a {}, {}, at {:02}:{:02} {} of \"{}\"", kind_names.at(kind),
                           text_of(date), of_day.count() / 60, of_day.count() % 60,
                           holding + otherwise == 0 ? "there is no rate" : "there are two rates",
                           charge.name);
      }
    }
  }
  return {};
}

std::string gap_or_overlap(const std::vector<Season>& seasons) {
  for (const auto date : changes_of(seasons)) {
    const auto having =
        std::ranges::count_if(seasons, [&](const Season& season) { return season.has(date); });
    if (having == 0) return fmt::format("{} is of no season", text_of(date));
    if (having > 1) return fmt::format("{} is of two seasons", text_of(date));
  }
  return {};
}

}  // namespace insight
