#include "insight/report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace insight {
namespace {

constexpr std::string_view minus = "\u2212", space = "\u00a0";  // The space does not break.

// With commas at the thousands: "1204.10" is "1,204.10".
std::string grouped(std::string digits) {
  auto at = std::min(digits.find('.'), digits.size());
  for (; at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

// Of a number that is not negative.
std::string fixed(double value, int decimals) {
  return grouped(fmt::format("{:.{}f}", value, decimals));
}

bool is_zero(std::string_view digits) {
  return digits.find_first_not_of("0.,") == std::string_view::npos;
}

std::string with_sign(bool is_negative, std::string_view digits) {
  return fmt::format("{}{}", is_negative && !is_zero(digits) ? minus : "", digits);
}

int three_digits(double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; }

// One digit, and two where that one would be a 1.
int decimals_of(double plus_minus) {
  const double exponent = std::floor(std::log10(plus_minus));
  const double first = plus_minus / std::pow(10, exponent);
  return std::clamp(static_cast<int>(-exponent) + (first < 1.95 ? 1 : 0), 0, 2);
}

std::string symbol_of(std::string_view currency) {
  static constexpr std::array symbols = {
      std::pair{"USD", "$"}, std::pair{"EUR", "€"},  std::pair{"GBP", "£"}, std::pair{"JPY", "¥"},
      std::pair{"CAD", "$"}, std::pair{"AUD", "$"},  std::pair{"NZD", "$"}, std::pair{"INR", "₹"},
      std::pair{"MXN", "$"}, std::pair{"BRL", "R$"}, std::pair{"ZAR", "R"},
  };
  for (const auto& [code, symbol] : symbols) {
    if (currency == code) return symbol;
  }
  return fmt::format("{}{}", currency, space);
}

std::string money(double amount, int decimals, std::string_view currency) {
  const auto digits = fixed(std::abs(amount), decimals);
  return fmt::format("{}{}{}", amount < 0 && !is_zero(digits) ? minus : "", symbol_of(currency),
                     digits);
}

int about_decimals(double amount, std::string_view currency) {
  return std::abs(amount) < 19.995 ? minor_digits(currency) : 0;
}

}  // namespace

std::string digits_of(double value) {
  const double size = std::abs(value);
  auto digits = fixed(size, three_digits(size));
  if (const auto point = digits.find('.'); point != std::string::npos) {
    digits.resize(digits.find_last_not_of('0') + 1);
    if (digits.size() == point + 1) digits.pop_back();
  }
  return with_sign(value < 0, digits);
}

std::string kwh_text(double kwh) { return digits_of(kwh) + std::string(space) + "kWh"; }

std::string kwh_text(Measured energy) {
  const auto words = words_of(energy);
  if (words.plus_minus.empty()) return words.energy;
  return words.energy.substr(0, words.energy.rfind(space)) + std::string(space) + words.plus_minus;
}

MeasuredWords words_of(Measured energy) {
  if (energy.plus_minus < 0.005) return {kwh_text(energy.kwh), {}};
  const int decimals = decimals_of(energy.plus_minus);
  const auto digits = with_sign(energy.kwh < 0, fixed(std::abs(energy.kwh), decimals));
  return {fmt::format("{}{}kWh", digits, space),
          fmt::format("±{0}{1}{0}kWh", space, fixed(energy.plus_minus, decimals))};
}

std::string watts_text(double w) {
  const double size = std::abs(w);
  if (size >= 999.5) return digits_of(w / 1000) + std::string(space) + "kW";
  return with_sign(w < 0, fixed(size, 0)) + std::string(space) + "W";
}

std::string share_text(double share) {
  const double percent = std::abs(share) * 100;
  if (percent > 0 && percent < 0.5) return fmt::format("less than 1{}%", space);
  return with_sign(share < 0, fixed(percent, 0)) + std::string(space) + "%";
}

std::string decimal_text(Decimal value, int least) {
  auto digits = text(Decimal{std::abs(value.nano)}, 9);
  const auto point = digits.find('.');
  const auto keep = point + 1 + static_cast<std::size_t>(least);
  while (digits.size() > keep && digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
  return with_sign(value.nano < 0, grouped(digits));
}

std::string money_text(Decimal amount, std::string_view currency) {
  const auto digits = grouped(text(Decimal{std::abs(amount.nano)}, minor_digits(currency)));
  return fmt::format("{}{}{}", amount.nano < 0 && !is_zero(digits) ? minus : "",
                     symbol_of(currency), digits);
}

std::string about_money_text(double amount, std::string_view currency) {
  return money(amount, about_decimals(amount, currency), currency);
}

std::string range_text(Spread spread, std::string_view currency) {
  const int decimals = about_decimals(spread.median, currency);
  const auto low = money(spread.low, decimals, currency);
  const auto high = money(spread.high, decimals, currency);
  return low == high ? low : fmt::format("{} to {}", low, high);
}

std::string escaped(std::string_view words) {
  std::string html;
  html.reserve(words.size());
  for (const char c : words) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return html;
}

}  // namespace insight
