#include "simulator/weather.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "simulator/chance.h"

namespace simulator {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr double turn = 2 * std::numbers::pi;
constexpr double days_per_year = 365.2425;

// Days since 1 January 1970, which a year's fraction is counted from.
double day(Timestamp local) {
  return static_cast<double>(local.time_since_epoch().count()) / 86'400'000;
}

}  // namespace

measurement::Celsius Weather::outdoor(Timestamp at) const {
  const double days = day(at + utc_offset_);
  const double season = std::cos(turn * (days - 19) / days_per_year);
  const double time_of_day = std::cos(turn * (days - 4. / 24));
  return {static_cast<float>(climate_.mean_c - climate_.season_k * season -
                             climate_.day_k * time_of_day + 5 * wander(seed_, at, 96h) +
                             wander(seed_ + 1, at, 3h))};
}

double Weather::clouds(Timestamp at) const {
  const double spells = 0.6 * wander(seed_ + 2, at, 40h);
  const double fields = 0.35 * wander(seed_ + 3, at, 45min);
  const double single = 0.15 * wander(seed_ + 4, at, 2min);
  return std::clamp(0.55 + spells + fields + single, 0., 1.);
}

double Weather::radiation(Timestamp at) const {
  const double days = day(at + utc_offset_);
  const double declination = -23.44 / 360 * turn * std::cos(turn * (days + 10) / days_per_year);
  const double latitude = climate_.latitude_deg / 360 * turn;
  const double hour_angle = turn * (days - std::floor(days) - 0.5);
  const double sine = std::sin(latitude) * std::sin(declination) +
                      std::cos(latitude) * std::cos(declination) * std::cos(hour_angle);
  const double clear = 910 * sine - 30;
  return clear <= 0 ? 0 : clear * (1 - 0.75 * std::pow(clouds(at), 3.4));
}

}  // namespace simulator
