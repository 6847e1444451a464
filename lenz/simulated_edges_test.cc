#include "lenz/simulated_edges.h"

#include <gtest/gtest.h>

namespace lenz {
namespace {

using measurement::Quantity;
using measurement::Sample;
using namespace std::chrono_literals;

Sample sample_of(std::chrono::seconds at, double watts) {
  Sample sample(1);
  sample.uptime = at;
  sample.put<Quantity::active_power>(0, {100});
  sample.put<Quantity::active_power>(1, {static_cast<float>(watts)});
  return sample;
}

TEST(SimulatedEdges, ASwitchedLoadIsToldBeforeAndAfterOfItsClampAlone) {
  SimulatedEdges edges;
  EXPECT_TRUE(edges.add(sample_of(10s, 0)).empty());
  EXPECT_TRUE(edges.add(sample_of(11s, 39)).empty());

  const auto sweeps = edges.add(sample_of(12s, 2000));

  // Two before, the edge, six after.
  ASSERT_EQ(sweeps.size(), 9u);
  EXPECT_EQ(sweeps[1].steps(Quantity::active_power, 1), 390);
  EXPECT_EQ(sweeps[2].steps(Quantity::active_power, 1), 20'000);
  EXPECT_EQ(sweeps[0].uptime, 12'000ms - 8 * 320ms);
  EXPECT_EQ(sweeps[8].uptime, 12'000ms);
  EXPECT_EQ(sweeps[8].number, 8u);
  EXPECT_FALSE(sweeps[0].steps(Quantity::active_power, 0));
}

TEST(SimulatedEdges, SweepsNeverOverlapAndStayWithinTheBudget) {
  SimulatedEdges edges;
  measurement::Uptime last{};
  std::uint64_t numbered = 0;
  for (auto at = 10s; at < 10s + 3h; at += 1s) {
    for (const auto& sweep : edges.add(sample_of(at, at.count() % 2 == 0 ? 0 : 1500))) {
      EXPECT_GT(sweep.uptime, last);
      EXPECT_EQ(sweep.number, numbered++);
      last = sweep.uptime;
    }
  }

  // 1,800 at once and 1,800 in each of three hours.
  EXPECT_LE(edges.made(), 4 * 1800u);
  EXPECT_GT(edges.made(), 4 * 1800u - 18);
}

}  // namespace
}  // namespace lenz
