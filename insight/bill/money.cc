#include "insight/bill/money.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "insight/bill/wide.h"

namespace insight {
namespace {

constexpr int digits_kept = 9;

}  // namespace

std::expected<Decimal, std::string> Decimal::parse(std::string_view words) {
  const auto refuse = [&](std::string_view why) {
    return std::unexpected(fmt::format("\"{}\" {}", words.substr(0, 40), why));
  };
  auto rest = words;
  const bool is_negative = rest.starts_with('-');
  if (is_negative || rest.starts_with('+')) rest.remove_prefix(1);
  std::int64_t nano = 0;
  int after_point = -1, digits = 0;
  for (const char c : rest) {
    if (c == '.' && after_point < 0) {
      after_point = 0;
      continue;
    }
    if (c < '0' || c > '9') return refuse("is not a decimal number, as \"0.3271\" is");
    ++digits;
    if (after_point >= 0 && ++after_point > digits_kept) {
      if (c != '0') return refuse("has more than nine digits after the point");
      continue;
    }
    if (nano > (power_of_ten(18) - 1) / 10) return refuse("is larger than can be counted");
    nano = nano * 10 + (c - '0');
  }
  if (digits == 0) return refuse("is not a decimal number, as \"0.3271\" is");
  const auto scale = power_of_ten(digits_kept - std::clamp(after_point, 0, digits_kept));
  if (nano > std::numeric_limits<std::int64_t>::max() / scale) {
    return refuse("is larger than can be counted");
  }
  nano *= scale;
  return Decimal{is_negative ? -nano : nano};
}

Decimal Decimal::nearest(double value) { return {std::llround(value * 1e9)}; }

Decimal rounded(Decimal value, int digits) {
  const auto step = power_of_ten(digits_kept - std::min(digits, digits_kept));
  return {static_cast<std::int64_t>(divided(value.nano, step) * step)};
}

Decimal product(Decimal a, Decimal b, int digits) {
  const auto step = power_of_ten(digits_kept - std::min(digits, digits_kept));
  const auto exact = static_cast<Wide>(a.nano) * b.nano;  // In 1e-18.
  return {
      static_cast<std::int64_t>(divided(exact, static_cast<Wide>(step) * power_of_ten(9)) * step)};
}

std::string text(Decimal value, int digits) {
  const auto nano = rounded(value, digits).nano;
  const auto magnitude = nano < 0 ? -static_cast<Wide>(nano) : static_cast<Wide>(nano);
  const auto whole = static_cast<std::int64_t>(magnitude / power_of_ten(9));
  const auto rest = static_cast<std::int64_t>(magnitude % power_of_ten(9));
  const auto* sign = nano < 0 ? "-" : "";
  if (digits == 0) return fmt::format("{}{}", sign, whole);
  return fmt::format("{}{}.{:0{}}", sign, whole, rest / power_of_ten(digits_kept - digits), digits);
}

int minor_digits(std::string_view currency) {
  // ISO 4217, list one of 2023.
  constexpr std::array none = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW",
                               "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"};
  constexpr std::array three = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
  for (const auto* code : none) {
    if (currency == code) return 0;
  }
  for (const auto* code : three) {
    if (currency == code) return 3;
  }
  return 2;
}

}  // namespace insight
