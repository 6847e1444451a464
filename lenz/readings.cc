#include "lenz/readings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>

namespace lenz {

using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

// Units as they stand in names: of the quantity, and of its step.
struct UnitNames {
  Quantity quantity;
  std::string_view unit, scaled;
  int digits;  // That a step has after the unit's point.
};
constexpr std::array unit_names = {
    UnitNames{Quantity::voltage, "v", "dv", 1},
    UnitNames{Quantity::frequency, "hz", "chz", 2},
    UnitNames{Quantity::chip_temperature, "c", "c", 0},
    UnitNames{Quantity::current, "a", "ma", 3},
    UnitNames{Quantity::active_power, "w", "dw", 1},
    UnitNames{Quantity::reactive_power, "var", "dvar", 1},
    UnitNames{Quantity::fundamental_power, "w", "dw", 1},
    UnitNames{Quantity::harmonic_power, "w", "dw", 1},
    UnitNames{Quantity::peak_current, "a", "ma", 3},
    UnitNames{Quantity::imported, "wh", "mwh", 3},
    UnitNames{Quantity::exported, "wh", "mwh", 3},
};
constexpr bool is_in_order() {
  for (std::size_t q = 0; q < unit_names.size(); ++q) {
    if (unit_names[q].quantity != static_cast<Quantity>(q)) return false;
  }
  return unit_names.size() == measurement::measured_quantities;
}
static_assert(is_in_order(), "BUG: units must stand in the order of their quantities");

const UnitNames& units_of(Quantity quantity) {
  return unit_names.at(static_cast<std::size_t>(quantity));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes a number of so many digits from the front of a text.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int number = 0;
  if (text.size() < digits) return std::nullopt;
  for (std::size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// A time of day that was read, and what stood after it.
struct Clock {
  std::chrono::seconds time{};
  std::chrono::milliseconds fraction{};
};
std::optional<Clock> take_clock(std::string_view& text) {
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  Clock clock{*hour * 1h + *minute * 1min};
  if (!take(text, ':')) return clock;
  const auto second = take_number(text, 2);
  if (!second || *second > 59) return std::nullopt;
  clock.time += *second * 1s;
  if (!take(text, '.')) return clock;
  if (text.empty() || !is_digit(text[0])) return std::nullopt;
  for (int unit = 100; !text.empty() && is_digit(text[0]); unit /= 10, text.remove_prefix(1)) {
    clock.fraction += unit * (text[0] - '0') * 1ms;
  }
  return clock;
}

std::optional<std::chrono::seconds> take_zone(std::string_view& text) {
  if (take(text, 'Z')) return 0s;
  const bool is_west = text.starts_with('-');
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 14) return std::nullopt;
  take(text, ':');
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const std::chrono::seconds ahead = *hours * 1h + *minutes * 1min;
  return is_west ? -ahead : ahead;
}

// The C library knows zones by its environment alone; commands have one thread.
void use_zone(const std::string& zone) {
  static std::string current;
  if (current == zone) return;
  ::setenv("TZ", zone.c_str(), 1);
  ::tzset();
  current = zone;
}

std::optional<Timestamp> local_time(Timestamp wall, const std::string& zone, Timestamp after) {
  use_zone(zone);
  const std::time_t as_utc = std::chrono::system_clock::to_time_t(wall);
  std::tm fields{};
  ::gmtime_r(&as_utc, &fields);
  std::optional<Timestamp> best;
  for (const int summer : {1, 0}) {  // In the hour that comes twice, summer time comes first.
    auto asked = fields;
    asked.tm_isdst = summer;
    const auto found = std::mktime(&asked);
    if (asked.tm_isdst != summer || asked.tm_hour != fields.tm_hour) continue;
    const auto time = std::chrono::floor<std::chrono::milliseconds>(
        std::chrono::system_clock::from_time_t(found));
    if (!best || *best <= after) best = time;
  }
  return best;
}

}  // namespace

std::chrono::minutes utc_offset(Timestamp time, const std::string& zone) {
  use_zone(zone);
  const std::time_t utc = std::chrono::system_clock::to_time_t(time);
  std::tm fields{};
  ::localtime_r(&utc, &fields);
  return std::chrono::minutes(fields.tm_gmtoff / 60);
}

std::string column_name(Quantity quantity, std::size_t channel) {
  return fmt::format("{}_{}_{}", measurement::row(quantity).name, channel, units_of(quantity).unit);
}

std::optional<ColumnMeaning> column_of(std::string_view name) {
  for (std::size_t at = name.find('_'); at != name.npos; at = name.find('_', at + 1)) {
    const auto rest = name.substr(at + 1);
    std::size_t channel = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), channel);
    if (error != std::errc{} || channel >= measurement::max_channels) continue;
    const auto unit = rest.substr(static_cast<std::size_t>(end - rest.data()));
    if (!unit.empty() && !unit.starts_with('_')) continue;
    const auto meaning = hub::meaning_of(fmt::format("{}{}", name.substr(0, at), unit));
    if (meaning) return ColumnMeaning{*meaning, channel};
  }
  return std::nullopt;
}

std::string_view scaled_unit(Quantity quantity) { return units_of(quantity).scaled; }

int digits_of(Quantity quantity) { return units_of(quantity).digits; }

std::string decimal_text(std::int64_t steps, int digits) {
  if (digits == 0) return fmt::format("{}", steps);
  std::int64_t one = 1;
  for (int i = 0; i < digits; ++i) one *= 10;
  const auto size = std::abs(steps);
  return fmt::format("{}{}.{:0{}}", steps < 0 ? "-" : "", size / one, size % one, digits);
}

std::optional<Timestamp> parse_time(std::string_view text, const std::string& zone,
                                    Timestamp after) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const auto date = std::chrono::year(*year) / *month / *day;
  if (!date.ok()) return std::nullopt;
  Clock clock;
  if (take(text, 'T') || take(text, ' ')) {
    const auto found = take_clock(text);
    if (!found) return std::nullopt;
    clock = *found;
  }
  const Timestamp wall = std::chrono::sys_days(date) + clock.time;
  if (text.empty()) {
    const auto time = local_time(wall, zone, after);
    if (!time) return std::nullopt;
    return *time + clock.fraction;
  }
  const auto ahead = take_zone(text);
  if (!ahead || !text.empty()) return std::nullopt;
  return wall - *ahead + clock.fraction;
}

std::string utc_text(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

Progress::Progress() : is_shown_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (percent_ >= 0) fmt::print(stderr, "\r\x1b[K");
}

void Progress::show(double share) {
  const int percent = static_cast<int>(share * 100);
  if (!is_shown_ || percent == percent_) return;
  percent_ = percent;
  fmt::print(stderr, "\r{:3} %", percent);
}

}  // namespace lenz
