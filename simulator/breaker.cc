#include "simulator/breaker.h"

#include <cmath>

namespace simulator {
namespace {

constexpr double unlimited_s = 1e9;

// When a cold one trips, at latest after `most_s`.
double trips_after(Breaker& breaker, double amperes, double most_s) {
  for (double s = 0; s < most_s; ++s) {
    if (!breaker.carry(amperes, 1)) return s + 1;
  }
  return unlimited_s;
}

bool passes(Breaker breaker, BreakerNorm norm, double rating_a) {
  if (norm == BreakerNorm::iec_60898) {
    auto cold = breaker;
    const double fast_s = trips_after(cold, 2.55 * rating_a, 200);
    return trips_after(breaker, 1.13 * rating_a, 3600) == unlimited_s &&
           trips_after(breaker, 1.45 * rating_a, 3600) < unlimited_s && fast_s > 1 &&
           fast_s <= (rating_a > 32 ? 120 : 60);
  }
  auto twice = breaker, more = breaker;
  const double twice_s = rating_a > 100 ? 480 : rating_a > 50 ? 360 : rating_a > 30 ? 240 : 120;
  return trips_after(breaker, rating_a, 7200) == unlimited_s &&
         trips_after(more, 1.35 * rating_a, rating_a > 50 ? 7200 : 3600) < unlimited_s &&
         trips_after(twice, 2 * rating_a, twice_s) < unlimited_s;
}

}  // namespace

Breaker Breaker::draw(BreakerNorm norm, double rating_a, measurement::Celsius air, Chance& chance) {
  // Makers' tables take 5 to 10 % of the current for 20 K of warmer air: 10 to 20 % of its square.
  const double per_k = chance.between(0.005, 0.010);
  const double reference_c = norm == BreakerNorm::iec_60898 ? 30 : 40;
  while (true) {
    Breaker breaker;
    breaker.rating_a_ = rating_a;
    const double trips_at =
        norm == BreakerNorm::iec_60898 ? chance.between(1.13, 1.45) : chance.between(1.0, 1.35);
    breaker.limit_ = trips_at * trips_at;
    breaker.fast_s_ = chance.between(40, 200);
    breaker.slow_s_ = chance.between(200, 1500);
    breaker.fast_share_ = chance.between(0.5, 0.9);
    if (!passes(breaker, norm, rating_a)) continue;
    breaker.limit_ *= 1 - per_k * (static_cast<double>(air.value) - reference_c);
    return breaker;
  }
}

bool Breaker::carry(double amperes, double seconds) {
  if (tripped_) return false;
  const double load = amperes * amperes / (rating_a_ * rating_a_);
  fast_ += (load - fast_) * (1 - std::exp(-seconds / fast_s_));
  slow_ += (load - slow_) * (1 - std::exp(-seconds / slow_s_));
  tripped_ = fast_share_ * fast_ + (1 - fast_share_) * slow_ >= limit_;
  return !tripped_;
}

}  // namespace simulator
