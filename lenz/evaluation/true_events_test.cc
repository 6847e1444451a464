#include "lenz/evaluation/true_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;
using measurement::Timestamp;
using testing::IsEmpty;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

// A meter that is read every `interval_s` seconds.
struct Meter {
  explicit Meter(std::vector<float> watts, int interval_s = 1) : power(std::move(watts)) {
    for (std::size_t row = 0; row < power.size(); ++row) {
      times.emplace_back(std::chrono::seconds(interval_s * static_cast<int>(row)));
    }
    held_s.assign(power.size(), static_cast<float>(interval_s));
  }

  // The rows from here on come later.
  void pause_before(std::size_t row, std::chrono::seconds pause) {
    for (; row < times.size(); ++row) times[row] += pause;
  }

  std::vector<std::pair<std::size_t, double>> steps() const {
    std::vector<std::pair<std::size_t, double>> found;
    for (const auto& step : evaluation::steps(times, power, held_s)) {
      found.emplace_back(step.row, step.size_w);
    }
    return found;
  }

  std::vector<std::pair<std::size_t, std::size_t>> runs(ApplianceKind kind) const {
    std::vector<std::pair<std::size_t, std::size_t>> found;
    for (const auto& run : activations(times, power, held_s, kind)) {
      found.emplace_back(run.begin, run.end);
    }
    return found;
  }

  std::vector<Timestamp> times;
  std::vector<float> power, held_s;
};

using Steps = std::vector<std::pair<std::size_t, double>>;
using Runs = std::vector<std::pair<std::size_t, std::size_t>>;

TEST(TrueEventsTest, AStepLastsTwoRows) {
  EXPECT_EQ(Meter({0, 0, 100, 100, 100, 0, 0}).steps(), (Steps{{2, 100}, {5, -100}}));
  EXPECT_THAT(Meter({0, 0, 100, 0, 0}).steps(), IsEmpty());
}

TEST(TrueEventsTest, ASurgeIsPartOfItsStep) {
  EXPECT_EQ(Meter({0, 0, 500, 100, 100, 100}).steps(), (Steps{{2, 100}}));
}

TEST(TrueEventsTest, LessThan30WattsAreNone) {
  EXPECT_THAT(Meter({0, 0, 29, 29, 29}).steps(), IsEmpty());
  EXPECT_EQ(Meter({0, 0, 30, 30, 30}).steps(), (Steps{{2, 30}}));
}

TEST(TrueEventsTest, AStepThatTakesSeveralRowsIsOne) {
  EXPECT_EQ(Meter({0, 0, 50, 100, 150, 150, 150}).steps(), (Steps{{2, 150}}));
}

TEST(TrueEventsTest, NoStepLeadsOverAGap) {
  EXPECT_THAT(Meter({0, 0, missing, 100, 100, 100}).steps(), IsEmpty());
  Meter paused({0, 0, 100, 100, 100});
  paused.pause_before(2, std::chrono::minutes(5));
  EXPECT_THAT(paused.steps(), IsEmpty());
}

// Yue et al.: a kettle is on from 2,000 W and for 12 s at least, here two rows of 6 s.
TEST(TrueEventsTest, AKettleIsOnForTwelveSecondsAtLeast) {
  EXPECT_EQ(Meter({0, 2100, 2100, 0, 2100, 0, 1999, 1999, 1999}, 6).runs(ApplianceKind::kettle),
            (Runs{{1, 3}}));
}

// A washing machine's pauses are shorter than 156 s; it runs for 1,800 s at least.
TEST(TrueEventsTest, AWashingMachineThatPausesRunsOnce) {
  std::vector<float> power(60, 0.0F);
  for (const auto row : {5, 6, 7, 9, 10, 14, 20, 22, 24, 26, 28, 30, 32, 34, 36}) {
    power[static_cast<std::size_t>(row)] = 500;
  }
  // Rows are a minute: 10 to 14 and 14 to 20 are off for 3 and 5 minutes, which ends a run.
  EXPECT_EQ(Meter(power, 60).runs(ApplianceKind::washing_machine), Runs{});
  for (std::size_t row = 36; row < 52; ++row) power[row] = 500;
  EXPECT_EQ(Meter(power, 60).runs(ApplianceKind::washing_machine), (Runs{{20, 52}}));
}

TEST(TrueEventsTest, AGapEndsARun) {
  Meter meter({2100, 2100, 2100, 2100}, 6);
  meter.pause_before(2, std::chrono::hours(1));
  EXPECT_EQ(meter.runs(ApplianceKind::kettle), (Runs{{0, 2}, {2, 4}}));
  EXPECT_EQ(Meter({2100, 2100, missing, 2100, 2100}, 6).runs(ApplianceKind::kettle),
            (Runs{{0, 2}, {3, 5}}));
}

}  // namespace
}  // namespace lenz::evaluation
