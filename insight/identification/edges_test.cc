#include "insight/identification/edges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <vector>

namespace insight {
namespace {

using measurement::Timestamp;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Timestamp start{std::chrono::days(20'000)};

struct TrueEdge {
  Timestamp time{};
  float change_w = 0;
};

// Loads that switch now and then, with the noise of a channel of several hundred watts.
struct Busy {
  std::vector<Reading> readings;
  std::vector<TrueEdge> edges;
};

Busy busy(milliseconds interval, float least_w, float most_w, std::uint64_t seed) {
  Busy made;
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> size(least_w, most_w);
  std::uniform_int_distribution<int> wait(20, 120);  // Readings.
  std::normal_distribution<float> noise(0, 1.5F);
  std::vector<float> on;
  Timestamp now = start;
  float power = 150;
  int left = wait(random);
  for (int i = 0; i < 40'000; ++i, now += interval) {
    if (--left == 0) {
      left = wait(random);
      float change = size(random);
      if (on.size() > 4 || (!on.empty() && random() % 2 == 0)) {
        change = -on.back();
        on.pop_back();
      } else {
        on.push_back(change);
      }
      power += change;
      made.edges.push_back({now, change});
    }
    made.readings.push_back({.time = now, .active_power = {power + noise(random)}});
  }
  return made;
}

struct Scores {
  double f1 = 0;
  seconds longest{};  // From an edge to its report.
};

Scores scores_of(const Busy& busy, milliseconds tolerance) {
  EdgeDetector detector;
  std::vector<Edge> found;
  Scores scores;
  for (const auto& reading : busy.readings) {
    if (const auto edge = detector.take(reading)) found.push_back(*edge);
  }
  std::size_t hits = 0;
  std::vector<bool> used(found.size(), false);
  for (const auto& truth : busy.edges) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (used[i] || abs(found[i].time - truth.time) > tolerance ||
          std::abs(found[i].change.value - truth.change_w) > 10 + 0.1F * std::abs(truth.change_w)) {
        continue;
      }
      used[i] = true;
      ++hits;
      scores.longest =
          std::max(scores.longest, std::chrono::ceil<seconds>(found[i].settled - truth.time));
      break;
    }
  }
  scores.f1 =
      2.0 * static_cast<double>(hits) / static_cast<double>(busy.edges.size() + found.size());
  return scores;
}

TEST(EdgesTest, LargeEdgesAreFoundWithinSixSeconds) {
  const auto scores = scores_of(busy(seconds(1), 100, 2500, 3), seconds(2));

  EXPECT_GE(scores.f1, 0.97);
  EXPECT_LE(scores.longest, seconds(6));
}

TEST(EdgesTest, SmallEdgesAreFoundToo) {
  EXPECT_GE(scores_of(busy(seconds(1), 30, 100, 4), seconds(2)).f1, 0.90);
}

TEST(EdgesTest, MetersThatReportRarelyOrOftenShowTheSameEdges) {
  EXPECT_GE(scores_of(busy(milliseconds(300), 100, 2500, 5), seconds(2)).f1, 0.95);
  EXPECT_GE(scores_of(busy(seconds(60), 100, 2500, 6), seconds(61)).f1, 0.95);
}

TEST(EdgesTest, ASpikeOfOneReadingIsNoEdge) {
  EdgeDetector detector;
  int edges = 0;
  for (int i = 0; i < 200; ++i) {
    const float watts = i % 40 == 20 ? 2000.0F : 100.0F;
    edges += detector.take({.time = start + seconds(i), .active_power = {watts}}).has_value();
  }

  EXPECT_EQ(edges, 0);
}

TEST(EdgesTest, AnEdgeTellsItsReactivePowerAdmittanceAndOvershoot) {
  EdgeDetector detector;
  std::optional<Edge> found;
  for (int i = 0; i < 60; ++i) {
    // A motor that draws 900 W for a second as it starts, then 300 W and 150 var.
    const float watts = i < 30 ? 50.0F : i == 30 ? 950.0F : 350.0F;
    const auto edge = detector.take({.time = start + seconds(i),
                                     .active_power = {watts},
                                     .reactive_power = {i < 30 ? 0.0F : 150.0F},
                                     .voltage = {200}});
    if (edge) found = edge;
  }

  ASSERT_TRUE(found);
  EXPECT_EQ(found->time, start + seconds(30));
  EXPECT_NEAR(found->change.value, 300, 1);
  EXPECT_NEAR(found->reactive_change.value, 150, 1);
  EXPECT_NEAR(found->admittance_change.conductance_s, 300.0 / 40'000, 1e-5);
  EXPECT_NEAR(found->admittance_change.susceptance_s, 150.0 / 40'000, 1e-5);
  EXPECT_NEAR(found->overshoot.value, 600, 1);
}

TEST(EdgesTest, AnInverterThatSpeedsUpIsADriftAndNoEdge) {
  EdgeDetector detector;
  int edges = 0;
  float greatest_short = 0, greatest_long = 0;
  for (int i = 0; i < 700; ++i) {
    const float watts = 200 + static_cast<float>(std::clamp(i - 60, 0, 600));  // 1 W a second.
    edges += detector.take({.time = start + seconds(i), .active_power = {watts}}).has_value();
    greatest_short = std::max(greatest_short, detector.drift_30s().value);
    greatest_long = std::max(greatest_long, detector.drift_5min().value);
  }

  EXPECT_EQ(edges, 0);
  EXPECT_NEAR(greatest_short, 30, 2);
  EXPECT_NEAR(greatest_long, 300, 5);
}

}  // namespace
}  // namespace insight
