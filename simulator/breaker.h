// A circuit breaker's thermal part, as one of its standard's band. What watches breakers is judged
// by it and knows nothing of it.

#pragma once

#include <cstdint>

#include "measurement/units.h"
#include "simulator/chance.h"

namespace simulator {

enum class BreakerNorm : std::uint8_t { iec_60898, ul_489 };

// The bimetal follows the square of the current with a fast and a slow part, and trips at a limit,
// which falls as the air warms.
class Breaker {
 public:
  // One of those that pass the standard's tests: IEC 60898-1, table 7, at 30 °C (no trip within an
  // hour at 1.13 x In, then within an hour at 1.45; cold at 2.55 x In within 1 to 60 s, above 32 A
  // 120 s), or UL 489 at 40 °C (never at 100 %; at 135 % within an hour, above 50 A two; at 200 %
  // within 2 to 8 minutes by rating).
  static Breaker draw(BreakerNorm, double rating_a, measurement::Celsius air, Chance&);

  // False once it has tripped; it then stays off until reset().
  bool carry(double amperes, double seconds);
  void reset() { tripped_ = false, fast_ = slow_ = 0; }
  bool has_tripped() const { return tripped_; }

 private:
  Breaker() = default;

  double rating_a_ = 0;
  double limit_ = 0;  // Of (I/In)².
  double fast_s_ = 0, slow_s_ = 0, fast_share_ = 0;
  double fast_ = 0, slow_ = 0;  // (I/In)², followed.
  bool tripped_ = false;
};

}  // namespace simulator
