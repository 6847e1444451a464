#include "simulator/trace_faults.h"

#include <gtest/gtest.h>

#include <cmath>

namespace simulator {
namespace {

using measurement::Timestamp;

Timestamp day(double n) {
  return Timestamp{} + std::chrono::milliseconds(std::llround(n * 86400e3));
}

// Nine days of 24 cycles: 20 minutes of 100 W, 40 minutes off; each tenth cycle a defrost of 400 W.
std::vector<TraceHistory::Day> fridge() {
  std::vector<TraceHistory::Day> days(9);
  int n = 0;
  for (auto& d : days) {
    for (int i = 0; i < 24; ++i) {
      const float w = ++n % 10 == 0 ? 400.0F : 100.0F;
      d.push_back(
          {.begin = {}, .on_s = 1200, .off_s = 2400, .power_w = w, .peak_w = w, .standby_w = 1});
    }
  }
  return days;
}

struct Sums {
  double on_s = 0, off_s = 0, run_ws = 0, run_s = 0;
  int cycles = 0, defrosts = 0, short_ones = 0;
  double duty() const { return on_s / (on_s + off_s); }
  double power_w() const { return run_ws / run_s; }
  double starts_a_day() const {
    return (cycles - defrosts - short_ones) / ((on_s + off_s) / 86400);
  }
};

Sums sums(std::optional<InjectedFault> fault) {
  const auto days = fridge();
  TraceHistory history(days, {.seed = 7,
                              .begin = day(0),
                              .has_seasons = false,
                              .energy_per_kelvin = {},
                              .power_per_kelvin = {},
                              .fault = fault});
  Sums s;
  for (auto c = history.next(); c.begin < day(60); c = history.next()) {
    if (c.begin < day(30)) continue;
    ++s.cycles;
    s.on_s += static_cast<double>(c.on_s);
    s.off_s += static_cast<double>(c.off_s);
    if (c.on_s < 60) {
      ++s.short_ones;
    } else if (c.power_w > 250) {
      ++s.defrosts;
    } else {
      s.run_ws += static_cast<double>(c.on_s * c.power_w);
      s.run_s += static_cast<double>(c.on_s);
    }
  }
  return s;
}

Sums with(TraceFault fault, double severity) {
  return sums(InjectedFault{fault, severity, day(0), 0});
}

TEST(TraceFaults, AGasketRaisesTheLoadAndLeavesThePower) {
  const auto before = sums({}), now = with(TraceFault::gasket_leak, 0.2);

  EXPECT_NEAR(now.run_s / (now.on_s + now.off_s), 1.2 * before.run_s / (before.on_s + before.off_s),
              0.02);
  EXPECT_NEAR(now.power_w(), before.power_w(), 0.1);
}

TEST(TraceFaults, ADirtyCondenserRaisesPowerAndDutyAlike) {
  const auto before = sums({}), now = with(TraceFault::dirty_condenser, 0.2);

  EXPECT_NEAR(now.power_w() / before.power_w(), 1.1, 0.005);
  EXPECT_NEAR(now.duty() / before.duty(), 1.2 / 1.1, 0.02);
}

TEST(TraceFaults, LostRefrigerantLowersThePowerAndLetsItRunForLonger) {
  const auto before = sums({}), now = with(TraceFault::low_refrigerant, 0.3);

  EXPECT_NEAR(now.power_w() / before.power_w(), 1 - 0.18, 0.005);
  EXPECT_GT(now.duty() / before.duty(), 1.4);
  EXPECT_GT(with(TraceFault::low_refrigerant, 1).duty(), 0.9);
}

TEST(TraceFaults, AnOpenHeaterEndsTheDefrosts) {
  const auto before = sums({}), now = with(TraceFault::defrost_heater_open, 0.2);

  EXPECT_GT(before.defrosts, 60);
  EXPECT_EQ(now.defrosts, 0);
}

TEST(TraceFaults, AStuckThermostatMakesFewLongCycles) {
  const auto before = sums({}), now = with(TraceFault::thermostat_stuck, 0.2);

  EXPECT_LT(now.starts_a_day(), 0.75 * before.starts_a_day());
}

TEST(TraceFaults, AStartRelayFailsTwiceBeforeItSucceedsAtAFifth) {
  const auto now = with(TraceFault::start_relay, 0.2);

  const auto runs = now.cycles - now.short_ones - now.defrosts;
  EXPECT_NEAR(static_cast<double>(now.short_ones) / runs, 2, 0.3);
}

TEST(TraceFaults, ARampIsHalfOfItselfHalfway) {
  const auto days = fridge();
  TraceHistory history(days,
                       {.seed = 7,
                        .begin = day(0),
                        .has_seasons = false,
                        .energy_per_kelvin = {},
                        .power_per_kelvin = {},
                        .fault = InjectedFault{TraceFault::dirty_condenser, 0.4, day(0), 60}});
  double power_w = 0;
  for (auto c = history.next(); c.begin < day(30.2); c = history.next()) {
    if (c.begin > day(29.8) && c.power_w < 250) power_w = static_cast<double>(c.power_w);
  }

  EXPECT_NEAR(power_w, 110, 0.5);
}

TEST(TraceFaults, TheSameSeedIsTheSameHistoryAndSeasonsAreFourKelvin) {
  const auto days = fridge();
  const TraceHistoryOptions options{
      .seed = 3, .begin = day(0), .energy_per_kelvin = {}, .power_per_kelvin = {}, .fault = {}};
  TraceHistory one(days, options), two(days, options);
  double low = 0, high = 0;
  for (int n = 0; n < 5000; ++n) {
    const auto a = one.next(), b = two.next();
    ASSERT_EQ(a.begin, b.begin);
    ASSERT_EQ(a.on_s, b.on_s);
  }
  for (int d = 0; d < 365; ++d) {
    low = std::min(low, one.surrounding(day(d)).kelvin);
    high = std::max(high, one.surrounding(day(d)).kelvin);
  }

  EXPECT_LT(low, -4);
  EXPECT_GT(high, 4);
  EXPECT_LT(high, 11);
}

}  // namespace
}  // namespace simulator
