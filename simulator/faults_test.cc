#include "simulator/faults.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "simulator/appliances.h"
#include "simulator/household.h"

namespace simulator {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Timestamp monday = std::chrono::sys_days(std::chrono::May / 18 / 2026);

// What a course of days looks like: the share of the time, the mean power and the runs of a state.
struct Days {
  std::map<std::string, double> hours, wh, runs;

  double power(const std::string& state) const { return wh.at(state) / hours.at(state); }
};

Days watch(Appliance& appliance, milliseconds length, const Surroundings& around = {},
           std::function<void(Timestamp)> before = {}) {
  Days seen;
  std::string_view state = "";
  for (auto at = monday; at < monday + length;) {
    if (before) before(at);
    const auto next = std::min(appliance.wake(at, around), monday + length);
    const auto& draw = appliance.draw();
    const double h = static_cast<double>((next - at).count()) / 3.6e6;
    const std::string name(draw.state);
    seen.hours[name] += h;
    seen.wh[name] += h * draw.power_w;
    if (draw.state != state) seen.runs[name] += 1;
    state = draw.state;
    at = next;
  }
  return seen;
}

constexpr Onset at_once(double severity) { return {monday, 0ms, severity}; }

struct Pair {
  Days healthy, ill;
};

template <class Make>
Pair compare(Make make, Defect defect, double severity, milliseconds length = 24h * 10,
             const Surroundings& around = {}) {
  auto one = make(), other = make();
  other.suffer(defect, at_once(severity));
  return {watch(one, length, around), watch(other, length, around)};
}

Cabinet freezer() {
  return Cabinet(
      {.compressor_w = 88, .set_c = -18, .band_k = 3, .pull_k = 95, .inertia_h = 12, .look = 10s},
      1);
}

TEST(Faults, AGasketThatLeaksMakesTheCompressorRunLongerAtTheSamePower) {
  const auto [healthy, ill] = compare(freezer, Defect::gasket, 0.4);

  EXPECT_NEAR(ill.hours.at("cool") / healthy.hours.at("cool"), 1.4, 0.06);
  EXPECT_NEAR(ill.power("cool") / healthy.power("cool"), 1, 0.01);
}

TEST(Faults, ADirtyCondenserCostsPowerAndTime) {
  const auto [healthy, ill] = compare(freezer, Defect::condenser, 0.12);

  EXPECT_NEAR(ill.hours.at("cool") / healthy.hours.at("cool"), 1.12, 0.04);
  EXPECT_NEAR(ill.power("cool") / healthy.power("cool"), 1.12, 0.01);
}

TEST(Faults, LostRefrigerantLowersThePowerAndHardlyStops) {
  const auto [healthy, ill] = compare(freezer, Defect::refrigerant, 0.55);

  EXPECT_GT(ill.hours.at("cool") / 240, 0.85);  // Of 240 hours.
  EXPECT_LT(healthy.hours.at("cool") / 240, 0.5);
  EXPECT_NEAR(ill.power("cool") / healthy.power("cool"), 0.78, 0.02);  // 1 - 0.4 x 0.55
}

TEST(Faults, WithoutItsDefrostHeaterAFridgeDefrostsNoMoreAndThenWorksHarder) {
  const auto fridge = [] {
    return Cabinet({.compressor_w = 135, .defrost_w = 380, .look = 10s}, 1);
  };
  const auto first = compare(fridge, Defect::defrost_heater, 0.3, 24h * 2);
  const auto later = compare(fridge, Defect::defrost_heater, 0.3, 24h * 28);

  EXPECT_GT(first.healthy.runs.at("defrost"), 1);
  EXPECT_FALSE(later.ill.hours.contains("defrost"));
  const auto more = [](const Pair& p) {
    return p.ill.hours.at("cool") / p.healthy.hours.at("cool");
  };
  EXPECT_NEAR(more(first), 1, 0.1);
  EXPECT_GT(more(later), 1.15);
}

TEST(Faults, ACompressorThatDoesNotStartTriesSeveralTimesInTenMinutes) {
  const auto fridge = [] { return Cabinet({.compressor_w = 82}, 1); };
  const auto [healthy, ill] = compare(fridge, Defect::start_relay, 1, 24h);

  EXPECT_GT(ill.runs.at("stall"), 4 * 6 * 20);  // Once it is warm, all the time.
  EXPECT_GT(ill.power("stall"), 4 * 82);
  EXPECT_LT(ill.hours.at("stall") / ill.runs.at("stall") * 3600, 10);
}

TEST(Faults, AThermostatThatSticksNeverStopsAndASilentFreezerDrawsNothing) {
  const auto stuck = compare(freezer, Defect::thermostat, 1, 24h * 2);
  const auto silent = compare(freezer, Defect::silent, 1, 24h * 2);

  EXPECT_NEAR(stuck.ill.hours.at("cool"), 48, 0.1);
  EXPECT_GT(stuck.ill.power("cool"), 70);
  EXPECT_EQ(silent.ill.wh.at("off"), 0);
  EXPECT_FALSE(silent.ill.hours.contains("cool"));
}

TEST(Faults, AHeatPumpWithTooLittleRefrigerantDrawsLessAndRunsLonger) {
  const auto pump = [] { return HeatPump({.look = 10s}, 1); };
  const auto [healthy, ill] = compare(pump, Defect::refrigerant, 0.25, 24h * 7, {.outdoor_c = 6});

  EXPECT_NEAR(ill.power("heat") / healthy.power("heat"), 0.9, 0.01);
  EXPECT_NEAR(ill.hours.at("heat") / healthy.hours.at("heat"), 1 / 0.75, 0.06);
}

TEST(Faults, AHeatPumpWithTooLittleAirStartsOften) {
  const auto pump = [] { return HeatPump({.look = 10s}, 1); };
  const auto [healthy, ill] = compare(pump, Defect::airflow, 0.3, 24h * 7, {.outdoor_c = 6});

  EXPECT_GT(ill.runs.at("heat"), 1.3 * healthy.runs.at("heat"));
  EXPECT_GT(ill.power("heat"), 1.05 * healthy.power("heat"));
}

TEST(Faults, AHeatPumpThatCannotHeatLeavesItToTheStripHeater) {
  const auto pump = [] { return HeatPump({.look = 10s}, 1); };
  const auto [healthy, ill] = compare(pump, Defect::backup_heat, 0.6, 24h * 7, {.outdoor_c = 9});

  EXPECT_NEAR(ill.power("strip heat"), 6025, 1);
  EXPECT_GT(ill.wh.at("strip heat"), 2.5 * healthy.wh.at("heat"));  // It lacks the COP.
}

// A house that draws 20 litres every half hour.
Days draw_water(Defect defect, double severity) {
  WellPump pump(1050, 1);
  pump.suffer(defect, at_once(severity));
  for (int i = 0; i < 48; ++i) pump.use_at(monday + 30min * i);
  return watch(pump, 24h);
}

TEST(Faults, AWellThatRanDryKeepsThePumpRunningAtLessPower) {
  WellPump pump(1050, 1);
  pump.suffer(Defect::dry_well, at_once(0.45));
  for (int i = 0; i < 20; ++i) pump.use_at(monday + 1min * i);
  const auto ill = watch(pump, 24h);

  EXPECT_GT(ill.hours.at("pump"), 23);
  EXPECT_NEAR(ill.power("pump"), 0.55 * 1050, 1);
  EXPECT_NEAR(pump.draw().reactive, 1 / 0.55, 1e-6);  // What it magnetises with stays.
}

TEST(Faults, ATankWithoutAirStartsThePumpFiveTimesAsOften) {
  const auto healthy = draw_water(Defect::waterlogged_tank, 0);
  const auto ill = draw_water(Defect::waterlogged_tank, 0.8);

  EXPECT_GT(ill.runs.at("pump"), 5 * healthy.runs.at("pump"));
  EXPECT_LT(ill.hours.at("pump") / ill.runs.at("pump") * 3600, 30);
  EXPECT_NEAR(ill.hours.at("pump"), healthy.hours.at("pump"), 0.05 * healthy.hours.at("pump"));
}

TEST(Faults, AWornPumpTakesLongerAndALeakStartsItWithoutAnyUse) {
  const auto healthy = draw_water(Defect::worn_impeller, 0);
  const auto worn = draw_water(Defect::worn_impeller, 0.3);
  WellPump leaking(1050, 1);
  leaking.suffer(Defect::leak, at_once(0.5));
  const auto leak = watch(leaking, 24h);

  EXPECT_NEAR(worn.hours.at("pump") / healthy.hours.at("pump"), 1 / 0.7, 0.01);
  EXPECT_LT(worn.power("pump"), healthy.power("pump"));
  EXPECT_NEAR(leak.runs.at("pump"), 0.5 * 1440 / 40, 1);
}

// Of a course: minutes, Wh.
std::pair<double, double> size(const Course& course) {
  double minutes = 0, wh = 0;
  for (const auto& phase : course) {
    const double m = static_cast<double>(phase.length.count()) / 60'000;
    minutes += m;
    wh += phase.power_w * m / 60;
  }
  return {minutes, wh};
}

struct Sizes {
  double minutes = 0, wh = 0;  // With the defect, for each without.
};

template <class Make>
Sizes sizes(Make make, Defect defect, double severity) {
  Chance chance(1);
  Defects defects;
  defects.add(defect, at_once(severity));
  const auto course = make(chance);
  const auto [minutes, wh] = size(course);
  const auto [ill_minutes, ill_wh] = size(afflict(course, defects, monday));
  return {ill_minutes / minutes, ill_wh / wh};
}

TEST(Faults, ADryerWithABlockedVentTakesSixtyPercentLongerAndItsHeaterCyclesMore) {
  const auto [minutes, wh] = sizes(tumble_dryer, Defect::vent, 0.6);

  EXPECT_NEAR(minutes, 1.5, 0.1);  // What only turns is no longer than before.
  EXPECT_GT(wh, 1.15);
}

TEST(Faults, WithHalfItsHeatersADryerDriesTwiceAsLongAtHalfThePower) {
  Chance chance(1);
  Defects defects;
  defects.add(Defect::heater, at_once(0.5));
  const auto course = tumble_dryer(chance);
  const auto ill = afflict(course, defects, monday);

  EXPECT_DOUBLE_EQ(ill.front().power_w, 240 + 2350 / 2.);
  EXPECT_EQ(ill.front().length, 2 * course.front().length);
}

TEST(Faults, MachinesShowWhatIsWrongInTheirCourse) {
  EXPECT_LT(sizes(dishwasher, Defect::heater, 1).wh, 0.4);
  EXPECT_GT(sizes(dishwasher, Defect::drain, 1).minutes, 1.02);
  EXPECT_NEAR(sizes(dishwasher, Defect::limescale, 0.3).wh, 1.28, 0.04);
  EXPECT_LT(sizes(washing_machine, Defect::heater, 1).wh, 0.4);
  EXPECT_GT(sizes(washing_machine_cold_fill, Defect::bearing, 0.2).wh, 1.05);
  EXPECT_GT(sizes(oven, Defect::thermostat, 1).minutes, 20);
  const auto charging =
      sizes([](Chance& c) { return charger(c, 7200); }, Defect::reduced_current, 0.5);
  EXPECT_NEAR(charging.minutes, 2, 0.1);
  EXPECT_NEAR(charging.wh, 1, 0.03);
}

TEST(Faults, ATankHeatsTwiceAsLongWithHalfAnElementAndMoreWithALoss) {
  const auto tank = [] { return WaterTank({.look = 10s}, 1); };
  const auto element = compare(tank, Defect::heater, 0.5);
  const auto loss = compare(tank, Defect::standing_loss, 0.3);
  const auto stuck = compare(tank, Defect::thermostat, 1, 24h);

  EXPECT_NEAR(element.ill.power("heat"), 2250, 1);
  EXPECT_NEAR(element.ill.hours.at("heat"), 2 * element.healthy.hours.at("heat"), 0.5);
  EXPECT_NEAR(loss.ill.wh.at("heat") / loss.healthy.wh.at("heat"), 1.3, 0.1);
  // 35 K of 190 litres are 7.7 kWh; then the safety cut-out opens.
  EXPECT_NEAR(stuck.ill.wh.at("heat") - stuck.healthy.wh.at("heat"), 7700, 1300);
}

TEST(Faults, AFaultGrowsFromItsFirstDayToItsLast) {
  const auto fault = parse_fault("fridge-gasket@day10-40:0.3", House::us).value();
  EXPECT_EQ(fault.after, 24h * 9);
  EXPECT_EQ(fault.ramp, 24h * 30);

  const Onset onset{monday + fault.after, fault.ramp, fault.severity};
  EXPECT_EQ(onset.at(monday + 24h * 9 - 1ms), 0);
  EXPECT_NEAR(onset.at(monday + 24h * 24), 0.15, 1e-9);
  EXPECT_EQ(onset.at(monday + 24h * 50), 0.3);
}

TEST(Faults, WhatNobodyCanHaveIsSaidInASentence) {
  EXPECT_EQ(parse_fault("dryer-vent", House::eu3).value().severity, 0.6);
  EXPECT_NE(parse_fault("roof", House::us).error().find("fridge-gasket, "), std::string::npos);
  EXPECT_NE(parse_fault("well-dry", House::eu3).error().find("well-dry"), std::string::npos);
  for (const char* text : {"well-dry@", "well-dry@10", "well-dry@day0", "well-dry@day10-9",
                           "well-dry@day10-", "well-dry@day99999999999", "well-dry@dayx"}) {
    EXPECT_NE(parse_fault(text, House::us).error().find("write well-dry@day10"), std::string::npos)
        << text;
  }
  for (const char* text : {"well-dry:", "well-dry:0", "well-dry:1.5", "well-dry@day3:nan"}) {
    EXPECT_NE(parse_fault(text, House::us).error().find("severity"), std::string::npos) << text;
  }
}

double mwh(const Household& home, std::string_view word, Timestamp at) {
  for (const auto& one : home.truth(at)) {
    if (one.word == word) return one.energy_mwh;
  }
  return -1;
}

// Houses with a fault of each appliance at a time, so that a few show all of the table.
std::vector<std::vector<Fault>> in_turns(House house) {
  std::vector<std::vector<Fault>> turns;
  std::map<std::string_view, std::size_t> used;
  for (const auto& row : fault_rows) {
    if (!(house == House::us ? row.in_us : row.in_eu3) || row.word == supply_word) continue;
    const auto turn = used[row.word]++;
    if (turn == turns.size()) turns.emplace_back();
    turns[turn].push_back({.what = row, .after = 24h * 2});
  }
  return turns;
}

TEST(Faults, EveryFaultOfTheTableShowsInItsApplianceAndInNoOther) {
  constexpr auto end = monday + 24h * 14;
  for (const auto house : {House::us, House::eu3}) {
    const HouseholdOptions options{.house = house, .seed = 3, .begin = monday, .step = 60s};
    Household healthy(options);
    std::vector<ChipInput> chips(healthy.chips());
    healthy.advance(end, chips);
    for (const auto& faults : in_turns(house)) {
      auto with = options;
      with.faults = faults;
      Household ill(with);
      ill.advance(end, chips);

      for (const auto& fault : faults) {
        const auto word = fault.what.word;
        EXPECT_NE(mwh(ill, word, end), mwh(healthy, word, end)) << fault.what.name;
      }
      EXPECT_NEAR(mwh(ill, "computer", end), mwh(healthy, "computer", end), 1);
    }
  }
}

// Of 230 V; without a neutral the legs part by their loads.
TEST(Faults, ASupplyWithoutItsNeutralPartsTheLegsFromItsDayOn) {
  HouseholdOptions options{.house = House::eu3, .seed = 3, .begin = monday, .step = 60s};
  const auto fault = parse_fault("supply-neutral-open@day2", House::eu3);
  ASSERT_TRUE(fault) << fault.error();
  options.faults = {*fault};
  Household home(options);
  std::vector<ChipInput> chips(home.chips());
  const auto apart = [&](Timestamp at) {
    home.advance(at, chips);
    float low = 1000, high = 0;
    for (const auto& chip : chips) {
      low = std::min(low, chip.voltage.front().value);
      high = std::max(high, chip.voltage.front().value);
    }
    return high - low;
  };
  float before = 0, after = 0;
  for (int hour = 0; hour < 48; ++hour) {
    auto& most = hour < 24 ? before : after;
    most = std::max(most, apart(monday + hour * 1h));
  }

  EXPECT_LT(before, 15);
  EXPECT_GT(after, 50);
}

TEST(Faults, AContactThatGrowsLooseTakesMoreAndMoreOfTheKitchensVoltage) {
  HouseholdOptions options{.house = House::us, .seed = 3, .begin = monday, .step = 60s};
  Household sound(options);
  const auto fault = parse_fault("supply-kitchen@day1-3:1", House::us);
  ASSERT_TRUE(fault) << fault.error();
  options.faults = {*fault};
  Household loose(options);
  std::vector<ChipInput> chips(sound.chips());
  // Volts, at most, in a day.
  const auto lost = [&](int day) {
    double most = 0;
    for (auto at = monday + 24h * (day - 1); at < monday + 24h * day; at += 5min) {
      sound.advance(at, chips);
      const auto volts = sound.socket_voltage("kitchen").value;
      loose.advance(at, chips);
      most = std::max(most, static_cast<double>(volts - loose.socket_voltage("kitchen").value));
    }
    return most;
  };

  const auto first = lost(1), third = lost(3);

  EXPECT_GT(third, 5);  // A kettle of 12 A and 1 ohm, less what it then draws less.
  EXPECT_LT(first, third);
}

}  // namespace
}  // namespace simulator
