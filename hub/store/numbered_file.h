// The files of a store that are told apart by a number: segment-1, log-7.

#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hub {

inline constexpr std::string_view segment_prefix = "segment-", log_prefix = "log-";

// Absent: the name is another.
inline std::optional<std::int64_t> number_of(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto digits = name.substr(prefix.size());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  if (error != std::errc{} || end != digits.end()) return std::nullopt;
  return number;
}

}  // namespace hub
