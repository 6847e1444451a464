#include "insight/identification/known_mix.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

namespace insight {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// 30 minutes of one appliance at 1 Hz: on for `on_s` in every `cycle_s`, from `first_s` on.
std::vector<Reading> cycles(float power_w, float reactive_per_w, int first_s, int on_s,
                            int cycle_s) {
  std::vector<Reading> readings;
  for (int second = 0; second < 1800; ++second) {
    const bool is_on = second >= first_s && (second - first_s) % cycle_s < on_s;
    const float power = is_on ? power_w + static_cast<float>(second % 3) : 0;
    readings.push_back({.time = Timestamp(std::chrono::seconds(second)),
                        .active_power = {power},
                        .reactive_power = {reactive_per_w * power}});
  }
  return readings;
}

std::vector<Reading> sum(const std::vector<Reading>& one, const std::vector<Reading>& other) {
  auto all = one;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].active_power.value += other[i].active_power.value;
    all[i].reactive_power.value += other[i].reactive_power.value;
  }
  return all;
}

TEST(KnownMixTest, AFridgeAndAHeaterOnOneCircuitAreToldApart) {
  const auto fridge = cycles(90, 0.6F, 100, 400, 800), heater = cycles(1500, 0, 300, 120, 500);
  const auto later = cycles(90, 0.6F, 250, 400, 800), hotter = cycles(1500, 0, 50, 120, 500);
  KnownMix mix({ApplianceStates(fridge), ApplianceStates(heater)});

  std::size_t i = 0;
  double missed_w = 0;
  const auto settle = [&] {
    for (; const auto shares = mix.take_settled(); ++i) {
      missed_w += std::abs(shares->of[0].value - later[i].active_power.value);
      missed_w += std::abs(shares->of[1].value - hotter[i].active_power.value);
    }
  };
  for (const auto& reading : sum(later, hotter)) {
    mix.take(reading);
    settle();
  }
  mix.end();
  settle();

  EXPECT_EQ(i, later.size());
  EXPECT_LT(missed_w / static_cast<double>(i), 2);
}

TEST(KnownMixTest, ReactivePowerTellsApartWhatDrawsTheSame) {
  const auto motor = cycles(300, 0.75F, 100, 200, 600), heater = cycles(300, 0, 500, 200, 700);
  const auto other_motor = cycles(300, 0.75F, 20, 200, 600);
  KnownMix mix({ApplianceStates(motor), ApplianceStates(heater)});

  for (int i = 0; i < 100; ++i) mix.take(other_motor[static_cast<std::size_t>(i)]);

  EXPECT_NEAR(mix.live()->of[0].value, 301, 5);
  EXPECT_NEAR(mix.live()->of[1].value, 0, 5);
}

TEST(KnownMixTest, SharesMakeUpTheReadingWhateverComes) {
  KnownMix mix({ApplianceStates(cycles(90, 0.6F, 100, 400, 800)),
                ApplianceStates(cycles(1500, 0, 300, 120, 500))});
  std::mt19937_64 random(4);

  Timestamp time{};
  for (int i = 0; i < 3000; ++i) {
    time += std::chrono::seconds(random() % 4);
    const auto luck = random() % 10;
    const float power = luck == 0 ? nan : static_cast<float>(random() % 4000) - 500;
    const Reading reading{
        .time = time, .active_power = {power}, .reactive_power = {luck < 3 ? nan : power / 2}};
    mix.take(reading);
    if (!mix.live()) continue;
    float total = mix.live()->unexplained.value;
    for (const auto share : mix.live()->of) {
      EXPECT_GE(share.value, 0);
      total += share.value;
    }
    EXPECT_NEAR(total, mix.live()->measured.value, 0.05);
  }
}

TEST(KnownMixTest, AnApplianceThatNeverRanDrawsNothing) {
  KnownMix mix({ApplianceStates({}), ApplianceStates(cycles(90, nan, 100, 400, 800))});

  mix.take({.time = Timestamp(1s), .active_power = {91}});

  EXPECT_EQ(mix.live()->of[0].value, 0);
  EXPECT_NEAR(mix.live()->of[1].value, 91, 3);
}

TEST(KnownMixTest, FiveAppliancesAreTooMany) {
  EXPECT_THROW(KnownMix(std::vector<ApplianceStates>(5, ApplianceStates({}))),
               std::invalid_argument);
}

}  // namespace
}  // namespace insight
