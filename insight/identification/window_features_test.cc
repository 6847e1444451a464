#include "insight/identification/window_features.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>
#include <vector>

namespace insight {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;

std::vector<Slot> random_slots(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Slot> slots;
  Timestamp time{};
  float level = 100;
  for (std::size_t i = 0; i < count; ++i) {
    if (random() % 30 == 0) level = static_cast<float>(random() % 3000);
    slots.push_back({.begin = time, .active_power = {level + static_cast<float>(random() % 9)}});
    time += 6s + std::chrono::milliseconds(random() % 2000);
  }
  return slots;
}

std::vector<std::vector<float>> live_of(std::span<const Slot> slots) {
  WindowFeatures features;
  std::vector<std::vector<float>> all;
  std::vector<float> settled(WindowFeatures::settled_count());
  for (const auto& slot : slots) {
    features.take(slot, 20s);
    features.live(all.emplace_back(WindowFeatures::live_count()));
    while (features.settle(settled)) {
    }
  }
  return all;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])))) return false;
  }
  return a.size() == b.size();
}

TEST(WindowFeaturesTest, LiveOnesDoNotKnowTheFuture) {
  const auto slots = random_slots(3000, 1);

  const auto whole = live_of(slots);
  const auto cut = live_of(std::span(slots).first(2000));

  for (std::size_t i = 0; i < cut.size(); ++i) ASSERT_TRUE(same(whole[i], cut[i])) << i;
}

// Last of the settled: the openings; between two of them is what lasts from one span to the next.
TEST(WindowFeaturesTest, APulseLiesBetweenTheOpeningsOfItsLength) {
  WindowFeatures features;
  std::vector<float> settled(WindowFeatures::settled_count());
  for (int i = 0; i < 1000; ++i) {  // 150 s of 2 kW above 100 W.
    features.take(
        {.begin = Timestamp(6s * i), .active_power = {i >= 500 && i < 525 ? 2100.0F : 100}}, 20s);
  }
  features.end();

  for (int i = 0; const auto slot = features.settle(settled); ++i) {
    const std::span bands = std::span(settled).last(16);
    const float in_pulse = i >= 500 && i < 525 ? 2000 : 0;
    for (std::size_t k = 0; k < bands.size(); ++k) {
      ASSERT_EQ(bands[k], k == 5 ? in_pulse : 0) << k << " of slot " << i;  // From 120 to 180 s.
    }
  }
}

TEST(WindowFeaturesTest, TheLeastOfAWindowIsTheLeastOfItsSlots) {
  const auto slots = random_slots(2000, 2);

  const auto live = live_of(slots);

  for (std::size_t i = 0; i < slots.size(); ++i) {
    float least = slots[i].active_power.value;  // Of the last 15 minutes.
    for (auto j = i; j-- > 0 && slots[i].begin - slots[j].begin <= 15min;) {
      least = std::min(least, slots[j].active_power.value);
    }
    ASSERT_FLOAT_EQ(live[i][3 + 2 * 6], slots[i].active_power.value - least) << i;
  }
}

TEST(WindowFeaturesTest, TheHourOfTheDayIsLocalAndCountsFrom4) {
  constexpr std::size_t at = 35;
  std::vector<float> live(WindowFeatures::live_count());
  const Slot at_6_utc{.begin = Timestamp(6h), .active_power = {100}};
  WindowFeatures in_berlin({230}, 60min), without_clock;

  in_berlin.take(at_6_utc, 20s);
  in_berlin.live(live);
  EXPECT_FLOAT_EQ(live[at], 3);
  without_clock.take(at_6_utc, 20s);
  without_clock.live(live);
  EXPECT_TRUE(std::isnan(live[at]));
}

}  // namespace
}  // namespace insight
