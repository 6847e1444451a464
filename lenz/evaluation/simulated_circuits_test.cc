#include "lenz/evaluation/simulated_circuits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;

struct Simulated {
  std::vector<float> watts;
  double interval_s = 0;

  double kwh_a_day() const {
    double sum = 0;
    for (const float w : watts) sum += static_cast<double>(w);
    return sum * interval_s / 3.6e6 / 4;
  }
  double hours_above(float from_w) const {
    return static_cast<double>(std::ranges::count_if(watts, [&](float w) { return w > from_w; })) *
           interval_s / 3600;
  }
};

Simulated simulated(ApplianceKind kind, std::uint64_t seed) {
  Simulated made;
  std::optional<measurement::Timestamp> last;
  simulate_circuit(kind, seed, [&](const insight::Reading& reading) {
    if (last) made.interval_s = std::chrono::duration<double>(reading.time - *last).count();
    last = reading.time;
    made.watts.push_back(reading.active_power.value);
  });
  return made;
}

TEST(SimulatedCircuitsTest, EachKindDrawsFourDaysAndNeverNegative) {
  for (const auto kind : simulated_circuit_kinds()) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      const auto one = simulated(kind, seed);
      SCOPED_TRACE(std::string(insight::row(kind).word) + " " + std::to_string(seed));

      EXPECT_NEAR(static_cast<double>(one.watts.size()) * one.interval_s, 4 * 86400, 60);
      EXPECT_GE(std::ranges::min(one.watts), 0);
      EXPECT_GT(std::ranges::max(one.watts), 15);
      EXPECT_LT(std::ranges::max(one.watts), 15'000);
    }
  }
}

TEST(SimulatedCircuitsTest, TheSameSeedGivesTheSameAndAnotherAnother) {
  EXPECT_EQ(simulated(ApplianceKind::oven, 3).watts, simulated(ApplianceKind::oven, 3).watts);
  EXPECT_NE(simulated(ApplianceKind::oven, 3).watts, simulated(ApplianceKind::oven, 4).watts);
}

TEST(SimulatedCircuitsTest, KindsDrawWhatSuchMachinesDo) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    // A charger's session takes hours; a disposal's seconds come to minutes in four days.
    EXPECT_GT(simulated(ApplianceKind::ev_charger, seed).hours_above(1000), 2);
    EXPECT_LT(simulated(ApplianceKind::garbage_disposal, seed).hours_above(100), 0.5);
    // By the US energy guide a fridge takes 0.7 to 2.2 kWh a day, most of them in use more.
    const auto fridge = simulated(ApplianceKind::fridge, seed).kwh_a_day();
    EXPECT_GT(fridge, 0.3);
    EXPECT_LT(fridge, 5);
    // Shower units are sold from 7 to 10.8 kW; nobody stands below one for hours.
    const auto shower = simulated(ApplianceKind::electric_shower, seed);
    EXPECT_LT(shower.hours_above(3000), 4);
    EXPECT_GT(std::ranges::max(shower.watts), 3000);
    // What heats to make coffee does so for minutes of each hour at most.
    EXPECT_LT(simulated(ApplianceKind::coffee_maker, seed).hours_above(400), 12);
  }
}

TEST(SimulatedCircuitsTest, AKindThatIsMadeInTwoSizesIsSimulatedInBoth) {
  const auto peak = [](ApplianceKind kind, std::uint64_t seed) {
    return std::ranges::max(simulated(kind, seed).watts);
  };

  // Pumps of wells, sumps and pools take 300 W and more, those that circulate 8 to 120 W.
  EXPECT_GT(peak(ApplianceKind::pump, 0), 200);
  EXPECT_LT(peak(ApplianceKind::pump, 1), 160);
}

}  // namespace
}  // namespace lenz::evaluation
