// What simulated_circuits are made of.

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/reading.h"
#include "simulator/chance.h"

namespace lenz::evaluation {

// What one breaker or one plug carries in four days, summed up by the intervals of its meter. Times
// are seconds since the begin.
class Circuit {
 public:
  static constexpr int days = 4;
  static constexpr double day_s = 86400, hour_s = 3600, minute_s = 60;

  explicit Circuit(std::uint64_t seed);

  simulator::Chance chance;

  // `surge`: share of the power that is added at the begin and gone within some minutes.
  void draw(double begin_s, double length_s, double watts, double surge = 0);

  // On and off, never twice the same. Returns the end.
  double cycle(double begin_s, double length_s, double watts, double on_s, double off_s,
               double surge = 0);

  // Calls use(begin) `per_day` times a day in the mean, within hours of the day.
  template <class Use>
  void each_use(double per_day, double from_h, double to_h, Use use) {
    for (int day = 0; day < days; ++day) {
      for (double left = per_day; left > 0; left -= 1) {
        if (!chance.happens(std::min(left, 1.0))) continue;
        use(day * day_s + chance.between(from_h, to_h) * hour_s);
      }
    }
  }

  void always(double watts) { draw(0, days * day_s, watts); }

  double minutes(double from, double to) { return chance.between(from, to) * minute_s; }

  void report(const std::function<void(const insight::Reading&)>& take);

 private:
  double interval_s_ = 1;
  std::vector<double> energy_ws_;
};

struct CircuitRow {
  insight::ApplianceKind kind;
  void (*simulate)(Circuit&);
};

// On breakers of their own in North American homes; and what is plugged in, or small. A kind may
// have several rows.
std::span<const CircuitRow> breaker_rows();
std::span<const CircuitRow> plug_rows();

}  // namespace lenz::evaluation
