#include <fmt/format.h>

#include <algorithm>

#include "insight/bill/bill.h"
#include "insight/month_names.h"

namespace insight {
namespace {

using std::chrono::local_days;
using LocalTime = std::chrono::local_time<std::chrono::milliseconds>;

constexpr std::size_t most_named = 3;

std::string date_text(local_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{} {}", unsigned{date.day()}, name_of(date.month()));
}

// On that day: its end is 24:00.
std::string clock_text(LocalTime time, local_days day) {
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:02}:{:02}", clock.hours().count(), clock.minutes().count());
}

std::string kwh_text(measurement::MilliwattHours energy) {
  const double kwh = static_cast<double>(energy.value) * 1e-6;
  return fmt::format("{:.{}f} kWh", kwh, kwh < 0.1 ? 3 : kwh < 10 ? 2 : 1);
}

struct Stretch {
  measurement::Timestamp begin, end;
};

std::vector<Stretch> stretches_of(std::span<const UnpricedQuarter> quarters) {
  std::vector<Stretch> found;
  for (const auto& one : quarters) {
    if (found.empty() || found.back().end != one.begin) found.push_back({one.begin, one.begin});
    found.back().end = one.begin + quarter;
  }
  return found;
}

std::string times_of(std::span<const UnpricedQuarter> quarters, const Zone& zone) {
  const auto stretches = stretches_of(quarters);
  std::string when;
  local_days told{};
  for (std::size_t i = 0; i < std::min(stretches.size(), most_named); ++i) {
    const auto& [begin, end] = stretches[i];
    const auto day = zone.day(begin), last = zone.day(end - std::chrono::milliseconds(1));
    if (i > 0) when += i + 1 == stretches.size() ? " and " : "; ";
    if (day != told) when += date_text(day) + ", ";
    when += clock_text(zone.local(begin), day) + " to ";
    if (last != day) when += date_text(last) + ", ";
    when += clock_text(zone.local(end), last);
    told = last;
  }
  if (stretches.size() > most_named) {
    when += fmt::format(" and {} other times until {}", stretches.size() - most_named,
                        date_text(zone.day(stretches.back().begin)));
  }
  return when;
}

}  // namespace

std::string price_needed_text(std::span<const UnpricedQuarter> quarters, const Zone& zone) {
  if (quarters.empty()) return {};
  return fmt::format("No day-ahead price is known of {}; give the prices of the whole time.",
                     times_of(quarters, zone));
}

std::string unpriced_text(std::span<const UnpricedQuarter> quarters, const Zone& zone) {
  if (quarters.empty()) return {};
  measurement::MilliwattHours used{}, given{};
  for (const auto& one : quarters) {
    used = used + one.imported;
    given = given + one.exported;
  }
  std::string what;
  if (used.value > 0) what = kwh_text(used) + " used";
  if (given.value > 0) what += (what.empty() ? "" : " and the ") + kwh_text(given) + " given";
  return fmt::format(
      "No day-ahead price is known of {}: the amount is without that of the {} then.",
      times_of(quarters, zone), what);
}

}  // namespace insight
