#include "insight/health/duty_cycles.h"

#include <gtest/gtest.h>

#include <cmath>

namespace insight {
namespace {

using measurement::Timestamp;

Timestamp at(double s) { return Timestamp{} + std::chrono::milliseconds(std::llround(s * 1000)); }

// 20 minutes on with 60 W after a start of 300 W, 40 minutes off with 1 W.
float fridge_w(double s) {
  const auto in_cycle = std::fmod(s, 3600);
  return in_cycle < 2 ? 300 : in_cycle < 1200 ? 60 : 1;
}

TEST(DutyCycles, TellsHowLongAFridgeIsOnAndOffAndWhatItDraws) {
  DutyCycles cycles;
  for (double s = 3000; s < 5 * 3600; ++s) cycles.take(at(s), {fridge_w(s)});

  const auto seen = cycles.take_cycles();

  ASSERT_EQ(seen.size(), 3U);  // The first begins at 3600 s; the last is not over.
  for (const auto& cycle : seen) {
    EXPECT_NEAR(cycle.on_s, 1200, 1);
    EXPECT_NEAR(cycle.off_s, 2400, 1);
    EXPECT_NEAR(cycle.power_w, 60, 0.1);
    EXPECT_NEAR(cycle.standby_w, 1, 0.1);
    EXPECT_FLOAT_EQ(cycle.peak_w, 300);
  }
  EXPECT_EQ(seen[0].begin, at(3600));
}

TEST(DutyCycles, DoesNotCountACycleThatNobodySawWhole) {
  DutyCycles cycles;
  for (double s = 3000; s < 5 * 3600; ++s) {
    if (s > 9000 && s < 9700) continue;  // In the second cycle, for longer than ten minutes.
    cycles.take(at(s), {fridge_w(s)});
  }

  const auto seen = cycles.take_cycles();

  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].begin, at(3600));
  EXPECT_EQ(seen[1].begin, at(10800));
}

TEST(DutyCycles, ReadsAnyIntervalUpToAMinuteAlike) {
  for (const double interval : {0.3, 1.0, 10.0, 60.0}) {
    DutyCycles cycles;
    for (double s = 3000; s < 5 * 3600; s += interval) cycles.take(at(s), {fridge_w(s)});

    const auto seen = cycles.take_cycles();

    ASSERT_EQ(seen.size(), 3U) << interval;
    EXPECT_NEAR(seen[1].on_s, 1200, interval + 1) << interval;
    EXPECT_NEAR(seen[1].off_s, 2400, interval + 1) << interval;
    EXPECT_NEAR(seen[1].power_w, 60, 0.5) << interval;
  }
}

// Runs of 20 minutes with 135 W; right after each third of them 18 minutes of a heater.
TEST(DutyCycles, AHeaterThatFollowsACompressorAtOnceIsACycleOfItsOwn) {
  DutyCycles cycles;
  for (double s = 3000; s < 40 * 3600; s += 10) {
    const auto in_run = std::fmod(s, 3600), in_three = std::fmod(s, 3 * 3600);
    const bool defrosts = in_three >= 1200 && in_three < 1200 + 1080;
    cycles.take(at(s), {in_run < 1200 ? 135.0F : defrosts ? 260.0F : 1.0F});
  }

  for (const auto& cycle : cycles.take_cycles()) {
    const bool is_heater = cycle.power_w > 200;
    EXPECT_NEAR(cycle.power_w, is_heater ? 260 : 135, 5);
    EXPECT_NEAR(cycle.on_s, is_heater ? 1080 : 1200, 11);
  }
}

}  // namespace
}  // namespace insight
