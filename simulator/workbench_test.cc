#include "simulator/workbench.h"

#include <gtest/gtest.h>

#include <cmath>

namespace simulator {
namespace {

using namespace std::chrono_literals;

TEST(Workbench, TheWattmeterShowsWhatFlowsThroughTheClamp) {
  Workbench bench;
  std::array<ChipInput, 1> chips;
  auto now = measurement::Timestamp(1'800'000'000s);
  int inductive = 0, none = 0;
  for (int i = 0; i < 5; ++i, now += 60s) {
    const auto until = bench.advance(now, chips).until;
    const auto shown = Workbench::wattmeter(now);
    const auto& load = chips[0].channels[0];

    EXPECT_EQ(until, now + 60s);
    EXPECT_EQ(shown.voltage, chips[0].voltage[0]);
    EXPECT_EQ(shown.current, load.current);
    EXPECT_EQ(shown.power, load.fundamental_power);
    EXPECT_NEAR(std::hypot(load.fundamental_power.value, load.reactive_power.value),
                230 * load.current.value, 0.01);
    if (load.reactive_power.value > 1) ++inductive;
    if (load.current.value == 0) ++none;
  }
  EXPECT_EQ(inductive, 1);
  EXPECT_EQ(none, 1);
}

}  // namespace
}  // namespace simulator
