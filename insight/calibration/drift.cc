#include "insight/calibration/drift.h"

#include <cmath>
#include <numbers>

namespace insight {

std::optional<Drift> drift(std::span<const CheckedSpan> spans, double stated_percent) {
  double ours = 0, theirs = 0, first_digit = 0, last_digit = 0;
  for (const auto& span : spans) {
    if (span.utility_kwh <= 0) continue;
    if (theirs == 0) first_digit = span.digit_kwh;
    last_digit = span.digit_kwh;
    ours += span.our_kwh;
    theirs += span.utility_kwh;
  }
  if (theirs <= 0) return std::nullopt;
  Drift result;
  // Readings in between belong to two spans and fall out of the sum.
  const double digits = std::hypot(first_digit, last_digit) / std::sqrt(12.0);
  result.percent = 100 * (ours / theirs - 1);
  result.plus_minus = 1.96 * 100 * digits / theirs;
  result.has_drifted = std::abs(result.percent) > std::hypot(result.plus_minus, stated_percent);

  double weights = 0, days = 0, offs = 0;
  int count = 0;
  const auto weight = [](const CheckedSpan& span) {
    const double deviation = 100 * span.digit_kwh / std::sqrt(6.0) / span.utility_kwh;
    return 1 / (deviation * deviation);
  };
  const auto off = [](const CheckedSpan& span) {
    return 100 * (span.our_kwh / span.utility_kwh - 1);
  };
  for (const auto& span : spans) {
    if (span.utility_kwh <= 0) continue;
    ++count;
    weights += weight(span);
    days += weight(span) * span.days;
    offs += weight(span) * off(span);
  }
  if (count < 3) return result;
  double squares = 0, products = 0;
  for (const auto& span : spans) {
    if (span.utility_kwh <= 0) continue;
    const double since = span.days - days / weights;
    squares += weight(span) * since * since;
    products += weight(span) * since * (off(span) - offs / weights);
  }
  if (squares <= 0) return result;
  result.percent_per_year = 365.25 * products / squares;
  result.per_year_plus_minus = 1.96 * 365.25 / std::sqrt(squares);
  return result;
}

}  // namespace insight
