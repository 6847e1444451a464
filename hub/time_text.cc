#include "hub/time_text.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, value);
  if (error != std::errc{} || end != text.data() + count || value < 0) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

std::optional<std::chrono::minutes> take_zone(std::string_view& text) {
  if (take(text, 'Z')) return 0min;
  const bool is_west = text.starts_with('-');
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  take(text, ':');
  const auto minutes = take_digits(text, 2);
  if (!hours || !minutes || *hours > 14 || *minutes > 59) return std::nullopt;
  const auto ahead = *hours * 60min + *minutes * 1min;
  return is_west ? -ahead : ahead;
}

}  // namespace

std::optional<Timestamp> time_of(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !(take(text, 'T') || take(text, ' '))) return std::nullopt;
  const auto date = std::chrono::year(*year) / *month / *day;
  const auto hour = take_digits(text, 2);
  if (!date.ok() || !hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  int second = 0;
  if (take(text, ':')) {
    const auto seconds = take_digits(text, 2);
    if (!seconds || *seconds > 59) return std::nullopt;
    second = *seconds;
    if (take(text, '.'))
      text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
  }
  const auto ahead = take_zone(text);
  if (!ahead || !text.empty()) return std::nullopt;
  return Timestamp(std::chrono::sys_days(date) + *hour * 1h + *minute * 1min + second * 1s -
                   *ahead);
}

std::string utc_text(Timestamp time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(second)));
}

}  // namespace hub
