#include "simulator/appliances.h"

#include <gtest/gtest.h>

namespace simulator {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

// Wakes an appliance whenever it wants until `end`; its energy in kWh at the nominal voltage.
double run(Appliance& appliance, Timestamp begin, Timestamp end, const Surroundings& around = {}) {
  double kwh = 0;
  for (auto at = begin; at < end;) {
    const auto next = std::min(appliance.wake(at, around), end);
    kwh += appliance.draw().power_w * static_cast<double>((next - at).count()) / 3.6e9;
    at = next;
  }
  return kwh;
}

constexpr Timestamp begin(1'700'000'000'000ms);

TEST(Kettle, HeatsAtMostALitreAndStopsByItself) {
  Programme machine([](Chance& chance) { return kettle(chance, 2200); }, 0, 1);
  machine.use_at(begin + 1h);

  EXPECT_EQ(run(machine, begin, begin + 1h), 0);
  const double kwh = run(machine, begin + 1h, begin + 2h);

  // A litre from 15 to 100 °C takes 85 x 4.187 kJ = 0.099 kWh, and some is lost.
  EXPECT_GT(kwh, 0.04);
  EXPECT_LT(kwh, 0.115);
  EXPECT_EQ(machine.draw().state, "off");
}

TEST(Programme, AUseWhileItRunsStartsItAgainAfterwards) {
  Programme machine([](Chance&) { return Course{{"on", 100, Nature::heating, 30min}}; }, 0, 1);
  machine.use_at(begin);
  machine.use_at(begin + 10min);

  EXPECT_NEAR(run(machine, begin, begin + 2h), 0.1, 1e-9);  // 100 W for twice half an hour.
}

TEST(TumbleDryer, ALoadTakesTwoToThreeKilowattHours) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Programme machine(tumble_dryer, 0, seed);
    machine.use_at(begin);

    // 8.45 lb at 3.73 lb/kWh, the US test load, is 2.3 kWh; household loads are often smaller.
    const double kwh = run(machine, begin, begin + 4h);
    EXPECT_GT(kwh, 1.1) << seed;
    EXPECT_LT(kwh, 2.6) << seed;
  }
}

TEST(Charger, RampsUpAndDownInsteadOfSwitching) {
  Chance chance(1);
  const auto course = charger(chance, 11000);

  double before = 0;
  for (const auto& phase : course) {
    EXPECT_LE(std::abs(phase.power_w - before), 2 * 11000. / 8 + 1);
    before = phase.power_w;
  }
  EXPECT_LT(course.front().power_w, 1500);
  EXPECT_LT(course.back().power_w, 3000);
}

TEST(Fridge, RunsLongerInAWarmRoom) {
  Cabinet cool({}, 1), warm({}, 1);

  const double winter = run(cool, begin, begin + 72h, {.outdoor_c = 0});
  const double summer = run(warm, begin, begin + 72h, {.outdoor_c = 30});

  // The room is at 19.5 and 22.5 °C: the walls let in (22.5 - 5) / (19.5 - 5) = 1.21 times as much.
  EXPECT_NEAR(summer / winter, 1.21, 0.06);
}

TEST(Fridge, StaysCloseToItsSetTemperature) {
  Cabinet fridge({.look = 10s}, 3);
  for (auto at = begin; at < begin + 72h; at = fridge.wake(at, {})) {
    ASSERT_NEAR(fridge.inside_c(), 5, 1.1);
  }
}

TEST(WaterHeater, GivesBackTheHeatOfAShowerAndItsLosses) {
  WaterTank tank({.use_kwh = 1.5, .look = 10s}, 1);
  for (int day = 0; day < 20; ++day) tank.use_at(begin + 24h * day + 8h);

  // Each use takes 1.5 kWh on average (0.9 to 2.1) and 60 W leak: 1.5 + 1.44 = 2.94 kWh a day.
  EXPECT_NEAR(run(tank, begin, begin + 24h * 20) / 20, 2.94, 0.3);
}

TEST(HeatPump, KeepsTheHouseWarmInFrost) {
  HeatPump pump({.look = 10s}, 1);
  run(pump, begin, begin + 24h, {.outdoor_c = -5});

  for (auto at = begin + 24h; at < begin + 72h; at = pump.wake(at, {.outdoor_c = -5})) {
    ASSERT_NEAR(pump.room_c(), 20.5, 1.2);
  }
}

TEST(HeatPump, NeedsWhatTheWallsLoseByItsEfficiency) {
  HeatPump pump({.standby_w = 0, .look = 10s}, 1);
  run(pump, begin, begin + 24h, {.outdoor_c = 7});

  // 180 W/K x 13.5 K - 450 W = 1,980 W of heat at 3.6 per watt: 550 W, 13.2 kWh a day; a motor
  // that works at 15 °C is strained 5 % less than at 7 °C.
  EXPECT_NEAR(run(pump, begin + 24h, begin + 96h, {.outdoor_c = 7}) / 3, 13.2 * 1.05, 0.7);
}

TEST(WellPump, RunsAboutAMinute) {
  WellPump pump(1000, 1);
  for (int use = 0; use < 200; ++use) pump.use_at(begin + 10min * use);
  for (Timestamp at = begin; at < begin + 33h;) {
    const auto next = pump.wake(at, {});
    if (pump.draw().power_w > 0) {
      // 40 to 75 litres at 45 a minute; a use in between cuts the look, not the run.
      ASSERT_LE(next - at, 100s);
    }
    at = next;
  }
}

TEST(Solar, ProducesByDayOnly) {
  Solar solar(5000);

  solar.wake(begin, {.radiation_w_per_m2 = 500});
  EXPECT_EQ(solar.draw().power_w, -2000);  // 5 kW x 0.8 x 0.5.
  solar.wake(begin, {.radiation_w_per_m2 = 0});
  EXPECT_GT(solar.draw().power_w, 0);
}

TEST(Lights, StayOffInAnEmptyHouse) {
  Lights lights(4, 20, 1);

  EXPECT_EQ(run(lights, begin, begin + 24h, {.at_home = false, .awake = true}), 0);
  EXPECT_GT(run(lights, begin + 24h, begin + 48h, {.at_home = true, .awake = true}), 0.3);
}

}  // namespace
}  // namespace simulator
