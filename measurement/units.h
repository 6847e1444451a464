// The physical quantities of electricity metering, one type per unit.
//
// Passing Volts where Watts are meant does not compile, and neither does
// calling the product of volts and amperes "watts": it is apparent power.

#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace measurement {

template <class Unit, class Number>
struct Quantified {
  Number value{};

  friend constexpr auto operator<=>(Quantified, Quantified) = default;
  friend constexpr Quantified operator+(Quantified a, Quantified b) { return {a.value + b.value}; }
  friend constexpr Quantified operator-(Quantified a, Quantified b) { return {a.value - b.value}; }
  friend constexpr Quantified operator-(Quantified a) { return {-a.value}; }
};

using Volts = Quantified<struct VoltUnit, float>;
using Amperes = Quantified<struct AmpereUnit, float>;
using Watts = Quantified<struct WattUnit, float>;  // Positive: drawn through the breaker.
using Vars = Quantified<struct VarUnit, float>;    // Positive: inductive.
using VoltAmperes = Quantified<struct VoltAmpereUnit, float>;
using PowerFactor = Quantified<struct PowerFactorUnit, float>;  // P/S, so -1 to 1.
using Hertz = Quantified<struct HertzUnit, float>;
using Celsius = Quantified<struct CelsiusUnit, float>;

// Energy only ever grows by adding small steps to a large total, which a float
// cannot do: near 1 MWh its steps are 62.5 mWh, more than 200 W uses in a second.
// So energy is a whole number of milliwatt-hours.
using MilliwattHours = Quantified<struct MilliwattHourUnit, std::int64_t>;

constexpr VoltAmperes operator*(Volts u, Amperes i) { return {u.value * i.value}; }

// UTC, whole milliseconds. Ranges of time include their begin and not their end.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

// Since the meter started: steady, and known before the time of day is.
using Uptime = std::chrono::duration<std::int64_t, std::milli>;

inline namespace literals {
constexpr Volts operator""_V(long double v) { return {static_cast<float>(v)}; }
constexpr Amperes operator""_A(long double v) { return {static_cast<float>(v)}; }
constexpr Watts operator""_W(long double v) { return {static_cast<float>(v)}; }
constexpr Vars operator""_var(long double v) { return {static_cast<float>(v)}; }
constexpr Hertz operator""_Hz(long double v) { return {static_cast<float>(v)}; }
constexpr MilliwattHours operator""_mWh(unsigned long long v) {
  return {static_cast<std::int64_t>(v)};
}
}  // namespace literals

}  // namespace measurement
