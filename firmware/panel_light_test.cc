#include "firmware/panel_light.h"

#include <gtest/gtest.h>

namespace firmware {
namespace {

using measurement::Uptime;

// How often it was switched on from `begin` on, within `seconds`.
int flashes(PanelLight& light, Mood mood, int begin_ms, int seconds) {
  int count = 0;
  bool before = false;
  for (int ms = begin_ms; ms < begin_ms + 1000 * seconds; ms += 50) {
    const bool lit = light.step(Uptime(ms), mood, false);
    count += lit && !before;
    before = lit;
  }
  return count;
}

void hold(PanelLight& light, int begin_ms, int for_ms) {
  for (int ms = 0; ms < for_ms; ms += 50) light.step(Uptime(begin_ms + ms), Mood::well, true);
  light.step(Uptime(begin_ms + for_ms), Mood::well, false);
}

TEST(PanelLight, ItsFlashesSayWhatIsTheMatter) {
  PanelLight light;
  EXPECT_EQ(flashes(light, Mood::well, 0, 10), 1) << "it stays on";
  EXPECT_EQ(flashes(light, Mood::no_hub, 10'000, 10), 5);
  EXPECT_EQ(flashes(light, Mood::no_network, 20'000, 10), 20);
  EXPECT_EQ(flashes(light, Mood::chip_lost, 30'000, 10), 50);
}

TEST(PanelLight, AskedWhichMeterItIsItFlashesForTenSeconds) {
  PanelLight light;
  light.identify();

  EXPECT_EQ(flashes(light, Mood::well, 0, 10), 50);
  EXPECT_EQ(flashes(light, Mood::well, 10'000, 10), 1);
}

TEST(PanelLight, AShortPressSaysThatSomebodyStandsThere) {
  PanelLight light;
  hold(light, 0, 200);

  EXPECT_TRUE(light.was_pressed());
  EXPECT_FALSE(light.was_pressed()) << "said once";
  EXPECT_FALSE(light.was_held());
}

TEST(PanelLight, OnlyTenSecondsForgetTheSettings) {
  PanelLight light;
  hold(light, 0, 9950);
  EXPECT_FALSE(light.was_held());
  EXPECT_FALSE(light.was_pressed());

  hold(light, 20'000, 10'000);
  EXPECT_TRUE(light.was_held());
  EXPECT_FALSE(light.was_held()) << "said once";
}

}  // namespace
}  // namespace firmware
