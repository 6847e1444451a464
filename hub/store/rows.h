// How boot, minute and series become the keys of the tables.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "measurement/quantities.h"
#include "measurement/units.h"

namespace hub {

// What is stored: all but the derived quantities, in the order of their numbers.
inline constexpr auto measured =
    std::span(measurement::quantities).first<measurement::measured_quantities>();

// A block's row is its boot's id above 32 bits of minutes since 1970; a summary's is that of its
// hour's first minute.
constexpr std::int64_t first_row(std::int64_t boot_id) { return boot_id << 32; }
constexpr std::int64_t minute_of_row(std::int64_t row) { return row & 0xFFFFFFFF; }
constexpr std::int64_t hour_of(std::int64_t row) { return row - minute_of_row(row) % 60; }

// The last minute of the last hour that 32 bits have room for, in the year 10136.
inline constexpr std::int64_t last_minute = 0xFFFFFFFF / 60 * 60 - 1;

// `time` is not before 1970 and not after last_minute.
constexpr std::int64_t minute_of(measurement::Timestamp time) {
  return std::chrono::floor<std::chrono::minutes>(time.time_since_epoch()).count();
}

constexpr measurement::Timestamp time_of_minute(std::int64_t minute) {
  return measurement::Timestamp(std::chrono::minutes(minute));
}

// Without 1970 and the year 10136 nothing can be stored, so that reads look no further.
constexpr measurement::Timestamp within_time(measurement::Timestamp time) {
  return std::clamp(time, time_of_minute(0), time_of_minute(last_minute + 1));
}

constexpr std::int64_t series_number(measurement::Quantity quantity, std::size_t index) {
  return static_cast<std::int64_t>(quantity) << 8 | static_cast<std::int64_t>(index);
}

}  // namespace hub
