#include <gtest/gtest.h>

#include <cmath>

#include "lenz/commands.h"
#include "lenz/evaluation/scenes.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

using namespace evaluation;

TEST(Record, ASimulatedHomeIsARecordingWithTheTruthOfEachCircuit) {
  const TemporaryFolder folder;

  record({.out = folder.path(), .homes = 2, .days = 1, .interval_s = 60, .seed = 11});

  const DataSet data(folder.path());
  ASSERT_EQ(data.houses().size(), 2U);
  EXPECT_EQ(data.houses()[0], "simulated-eu3-12");
  const auto house = data.house("simulated-us-11");
  EXPECT_EQ(house.nominal_voltage_v, 120);
  EXPECT_EQ(house.times.size(), 1440U);
  std::vector<double> sum(house.times.size(), 0), mains;
  for (const auto& channel : house.channels) {
    for (std::size_t row = 0; row < sum.size(); ++row) {
      const auto w = static_cast<double>(channel.active_power_w[row]);
      if (channel.role == ChannelRole::mains) mains.push_back(w);
      if (channel.role == ChannelRole::circuit) sum[row] += w;
    }
  }
  for (std::size_t row = 0; row < sum.size(); ++row) EXPECT_NEAR(sum[row], mains[row], 0.2);

  const Scenes scenes(data, scene_called("circuits"), {.with_panel = true});
  const auto circuits = scenes.load(1);
  ASSERT_TRUE(circuits);
  bool is_kitchen_there = false;
  for (std::size_t i = 0; i < circuits->channels.size(); ++i) {
    EXPECT_TRUE(circuits->truths[i].is_whole);
    if (circuits->channels[i].facts.words != "Kitchen, Kitchen") continue;
    is_kitchen_there = true;
    EXPECT_EQ(circuits->channels[i].facts.rating_a, 20);
    EXPECT_EQ(circuits->truths[i].meters.size(), 4U);  // Kettle, dishwasher, microwave, coffee.
  }
  EXPECT_TRUE(is_kitchen_there);
}

}  // namespace
}  // namespace lenz
