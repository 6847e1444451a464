#include "hub/rain_gauge.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto holds = 1h;
// More at once is no rain but a counter that was away: the most that was ever measured in an hour
// is 305 mm (Holt, Missouri, 1947).
constexpr double most_mm = 305;

}  // namespace

double FallenRain::by(Timestamp now) const {
  const std::chrono::duration<double, std::ratio<3600>> hours =
      std::clamp<std::chrono::milliseconds>(now - heard_, 0ms, holds);
  return fallen_mm_ + mm_per_h_ * hours.count();
}

void FallenRain::hear(const RainUnit& unit, Timestamp now, double said) {
  fallen_mm_ = by(now);
  heard_ = now;
  if (unit.is_rate) {
    mm_per_h_ = unit.mm * said;
    return;
  }
  // One that begins anew counted from nothing.
  const double more = unit.mm * (said >= total_ ? said - total_ : said);
  if (!std::isnan(total_) && more <= most_mm) fallen_mm_ += more;
  total_ = said;
}

double FallenRain::mm(Timestamp now) const {
  const bool is_known = heard_ != Timestamp{} && now - heard_ < holds;
  return is_known ? by(now) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace hub
