// Money in exact decimals: no binary fraction ever stands for an amount or a price.

#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace insight {

// A decimal number with nine digits after the point, exact, up to 9.2 thousand million: an amount
// of a currency, a price of a kWh, kilowatt-hours, a rate of tax.
struct Decimal {
  std::int64_t nano = 0;

  friend constexpr auto operator<=>(Decimal, Decimal) = default;
  friend constexpr Decimal operator+(Decimal a, Decimal b) { return {a.nano + b.nano}; }
  friend constexpr Decimal operator-(Decimal a, Decimal b) { return {a.nano - b.nano}; }
  friend constexpr Decimal operator-(Decimal a) { return {-a.nano}; }
  constexpr Decimal& operator+=(Decimal b) { return *this = *this + b; }

  // Of "-12.345". Absent: it is none, or has more digits than there is room for.
  static std::expected<Decimal, std::string> parse(std::string_view);
  // For what is measured or drawn and not money: the nearest.
  static Decimal nearest(double);
  double as_double() const { return static_cast<double>(nano) * 1e-9; }
};

// To so many digits after the point, halves away from zero: what bills call half up.
Decimal rounded(Decimal, int digits);

// Exact, then rounded once.
Decimal product(Decimal, Decimal, int digits);

// With so many digits after the point: "12.30".
std::string text(Decimal, int digits);

// After the point, of an ISO 4217 code: 2 where it is not known to be another.
int minor_digits(std::string_view currency);

}  // namespace insight
