#include "insight/bill/room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "insight/bill/house_test.h"

namespace insight {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const auto begin = utc(2026y / 1 / 1);
constexpr float nothing = std::numeric_limits<float>::quiet_NaN();

// A leg that carries so much in every quarter of so many days.
LegCurrent leg(float amperes, int days) {
  return {begin, std::vector(static_cast<std::size_t>(days) * 96, amperes)};
}

// 100 A, 240 V; a charger of 32 A.
ServiceFacts service() { return {.service_a = 100, .new_load_va = 7680}; }

// --- NEC 220.87 ---

TEST(NecSheet, OfAYear) {
  // Highest 15 minutes 50 A: 50 x 240 = 12000 VA; x 1.25 = 15000; + 7680 = 22680 VA; / 240 = 94.5
  // A.
  std::vector legs = {leg(10, 365), leg(12, 365)};
  legs[1].amperes[1000] = 50;

  const auto sheet = nec_220_87(service(), legs).value();

  EXPECT_TRUE(sheet.is_of_a_year);
  EXPECT_DOUBLE_EQ(sheet.highest_a, 50);
  EXPECT_EQ(sheet.highest_at, begin + 1000 * quarter);
  EXPECT_DOUBLE_EQ(sheet.demand_125_va, 15000);
  EXPECT_DOUBLE_EQ(sheet.total_va, 22680);
  EXPECT_DOUBLE_EQ(sheet.total_a, 94.5);
  EXPECT_TRUE(sheet.is_within);
  EXPECT_THAT(
      sheet.lines,
      ElementsAre(
          "Existing load by measured demand, in the form of NEC (2023) section 220.87",
          "Recorded: 365 days, a year",
          "Highest 15-minute demand, on the leg that carries most: 50.0 A on 2026-01-11 10:00",
          "Maximum demand: 50.0 A x 240 V = 12000 VA", "x 125 %: 15000 VA", "New load: 7680 VA",
          "Total: 22680 VA, 94.5 A", "Service: 100 A; the total is within it",
          HasSubstr("For your electrician")));
}

TEST(NecSheet, OfThirtyDays) {
  // 40 A x 240 x 1.25 = 12000; + 7680 + 5000 of cooling = 24680 VA: 102.83 A, above 100.
  auto facts = service();
  facts.saw_heating_or_cooling = false;
  facts.heating_or_cooling_va = 5000;

  const auto sheet = nec_220_87(facts, {leg(40, 30), leg(12, 30)}).value();

  EXPECT_FALSE(sheet.is_of_a_year);
  EXPECT_DOUBLE_EQ(sheet.recorded_days, 30);
  EXPECT_NEAR(sheet.total_a, 102.83, 0.01);
  EXPECT_FALSE(sheet.is_within);
  EXPECT_THAT(sheet.lines, testing::Contains("Service: 100 A; the total is above it"));
  EXPECT_THAT(sheet.lines, testing::Contains("Heating or cooling that was not seen: 5000 VA"));
}

TEST(NecSheet, IsWithinWhenTheTotalIsTheRating) {
  // 60 A x 1.25 = 75 A; 6000 VA / 240 = 25 A more: 100 A.
  auto facts = service();
  facts.new_load_va = 6000;
  EXPECT_TRUE(nec_220_87(facts, {leg(60, 30)})->is_within);
  facts.new_load_va = 6024;
  EXPECT_FALSE(nec_220_87(facts, {leg(60, 30)})->is_within);
}

TEST(NecSheet, OfAYearMayMissAHundredth) {
  // 3 of 365 days are missing, then 4: 0.8 % and 1.1 %. There still are 30 days in one piece.
  auto year = leg(10, 365);
  std::fill_n(year.amperes.begin() + 96 * 100, 96 * 3, nothing);
  EXPECT_TRUE(nec_220_87(service(), {year})->is_of_a_year);
  std::fill_n(year.amperes.begin() + 96 * 200, 96, nothing);
  const auto sheet = nec_220_87(service(), {year});
  EXPECT_FALSE(sheet->is_of_a_year);
  EXPECT_DOUBLE_EQ(sheet->recorded_days, 164);  // From day 201 on.
}

std::vector<std::string> refusals(const ServiceFacts& facts, const std::vector<LegCurrent>& legs) {
  const auto sheet = nec_220_87(facts, legs);
  return sheet ? std::vector<std::string>{} : sheet.error();
}

TEST(NecSheet, IsRefusedWithGenerationOnSite) {
  auto facts = service();
  facts.has_generation = true;
  EXPECT_THAT(refusals(facts, {leg(10, 365)}), ElementsAre(HasSubstr("generation on site")));
}

TEST(NecSheet, IsRefusedWithPeakShaving) {
  auto facts = service();
  facts.has_peak_shaving = true;
  EXPECT_THAT(refusals(facts, {leg(10, 365)}), ElementsAre(HasSubstr("shaves the peaks")));
}

TEST(NecSheet, IsRefusedOfAnEmptyHome) {
  auto facts = service();
  facts.was_occupied = false;
  EXPECT_THAT(refusals(facts, {leg(10, 365)}), ElementsAre(HasSubstr("not occupied")));
}

TEST(NecSheet, IsRefusedWithoutTheSeasonsLoad) {
  auto facts = service();
  facts.saw_heating_or_cooling = false;
  EXPECT_THAT(refusals(facts, {leg(10, 365)}),
              ElementsAre(HasSubstr("Neither heating nor cooling")));
}

TEST(NecSheet, IsRefusedOfLessThanThirtyDays) {
  EXPECT_THAT(refusals(service(), {leg(10, 29)}),
              ElementsAre("29.0 days were recorded in one piece; a year, or 30 days without a gap, "
                          "are needed"));
}

TEST(NecSheet, IsRefusedWhereAGapBreaksTheThirtyDays) {
  // One quarter of the other leg is missing after 20 of 45 days: 25 days less a quarter remain.
  std::vector legs = {leg(10, 45), leg(10, 45)};
  legs[1].amperes[96 * 20] = nothing;
  EXPECT_THAT(refusals(service(), legs), ElementsAre(HasSubstr("24.9 days were recorded")));
}

TEST(NecSheet, IsRefusedWithoutARating) {
  auto facts = service();
  facts.service_a = 0;
  EXPECT_THAT(refusals(facts, {leg(10, 365)}), ElementsAre(HasSubstr("rating is not known")));
}

TEST(NecSheet, IsRefusedWithoutANewLoad) {
  auto facts = service();
  facts.new_load_va = 0;
  EXPECT_THAT(refusals(facts, {leg(10, 365)}), ElementsAre(HasSubstr("no new load")));
}

TEST(NecSheet, IsRefusedWithoutALeg) {
  EXPECT_THAT(refusals(service(), {}), ElementsAre(HasSubstr("No leg was measured")));
}

TEST(NecSheet, SaysEveryReasonAtOnce) {
  EXPECT_EQ(refusals({.has_generation = true,
                      .has_peak_shaving = true,
                      .was_occupied = false,
                      .saw_heating_or_cooling = false},
                     {leg(1, 1)})
                .size(),
            7U);
}

// --- Room ---

TEST(Room, HasAmperesLeftOnEachLeg) {
  // 63 A; 20 A and 41 A at worst; a charger of 16 A on both: 27 and 6 A left.
  std::vector legs = {leg(5, 2), leg(5, 2)};
  legs[0].amperes[10] = 20;
  legs[1].amperes[100] = 41;
  const PlannedLoad charger{.name = "Charger", .amperes = 16, .legs = {true, true}};

  const auto room = room_for(charger, legs, {}, 63, 1, berlin).value();

  EXPECT_TRUE(room.is_enough);
  EXPECT_DOUBLE_EQ(room.legs.at(0).left_a, 27);
  EXPECT_DOUBLE_EQ(room.legs.at(1).left_a, 6);
  EXPECT_DOUBLE_EQ(room.legs.at(1).highest_a, 41);
  EXPECT_EQ(room.legs.at(1).highest_at, begin + 100 * quarter);
  EXPECT_DOUBLE_EQ(room.measured_days, 2);
  EXPECT_EQ(room.quarters_over, 0U);
}

TEST(Room, IsFullAndSaysWhatCouldRunAtAnotherTime) {
  // 100 A continuously 80: in quarter 70 the leg carries 55 A, with 32 A 7 too many. The dryer
  // took most then, the fridge little, the oven nothing.
  std::vector legs = {leg(5, 1)};
  legs[0].amperes[70] = 55;
  const auto used_at = [](std::size_t at, std::int64_t used) {
    QuarterHours use{begin, std::vector<measurement::MilliwattHours>(96),
                     std::vector<measurement::MilliwattHours>(96)};
    use.imported[at] = measurement::MilliwattHours{used};
    return use;
  };
  const std::vector<CircuitUse> circuits = {{"Fridge", used_at(70, 30'000)},
                                            {"Dryer", used_at(70, 1'200'000)},
                                            {"Oven", used_at(20, 2'000'000)}};
  const PlannedLoad charger{.name = "Charger", .amperes = 32, .legs = {true}};

  const auto room = room_for(charger, legs, circuits, 100, 0.8, berlin).value();

  EXPECT_FALSE(room.is_enough);
  EXPECT_DOUBLE_EQ(room.legs.at(0).left_a, -7);
  EXPECT_EQ(room.quarters_over, 1U);
  EXPECT_THAT(room.could_be_shifted, ElementsAre("Dryer", "Fridge"));
}

TEST(Room, LooksOnlyAtTheHoursInWhichItWouldRun) {
  // The 55 A are at 17:30 UTC, 18:30 in Berlin; from 22:00 to 06:00 there are 5.
  std::vector legs = {leg(5, 1)};
  legs[0].amperes[70] = 55;
  const PlannedLoad charger{
      .name = "Charger", .amperes = 32, .legs = {true}, .hours = Hours{22 * 60min, 6 * 60min}};

  const auto room = room_for(charger, legs, {}, 80, 1, berlin).value();

  EXPECT_TRUE(room.is_enough);
  EXPECT_DOUBLE_EQ(room.legs.at(0).left_a, 43);
  EXPECT_DOUBLE_EQ(room.legs.at(0).highest_a, 55);
}

TEST(Room, IsRefusedWithASentence) {
  const PlannedLoad charger{.name = "Charger", .amperes = 16, .legs = {true}};
  const auto why = [&](const std::vector<LegCurrent>& legs, double breaker_a) {
    return room_for(charger, legs, {}, breaker_a, 1, berlin).error();
  };
  EXPECT_EQ(why({}, 63), "No leg was measured; put clamps on the mains");
  EXPECT_EQ(why({leg(1, 1), leg(1, 1)}, 63),
            "The load is planned for 1 legs, but 2 were measured; name those that it will be on");
  EXPECT_EQ(why({leg(nothing, 1)}, 63), "No quarter of an hour was measured yet");
  EXPECT_EQ(why({leg(1, 1)}, 0), "The main breaker's amperes are not known");
}

TEST(Room, HasABill) {
  // 16 A x 230 V on three legs is 11.04 kW: 2.76 kWh a quarter from 22:00; of 8 kWh a day the third
  // quarter has 2.48. 2 days: 16 kWh.
  const auto days = period(2026y / 6 / 1, 2026y / 6 / 3);
  const auto grid = House(days, berlin).quarters();
  const PlannedLoad charger{.name = "Charger",
                            .amperes = 16,
                            .legs = {true, true, true},
                            .hours = Hours{22 * 60min, 6 * 60min}};

  const auto with = with_load(grid, charger, 8, 230, berlin);

  EXPECT_EQ(with.imported.at(87).value, 0);
  EXPECT_EQ(with.imported.at(88).value, 2'760'000);
  EXPECT_EQ(with.imported.at(90).value, 2'480'000);
  EXPECT_EQ(with.imported.at(91).value, 0);
  EXPECT_EQ(printed(bill_of(steady("EUR", "[[version.energy]]\nname = \"E\"\nprice = 0.25"), with,
                            days, berlin)),
            "E: 16 kWh x 0.25 = 4.00\n4.00 EUR");
}

TEST(Room, LetsThePlannedLoadUseOwnProductionFirst) {
  const auto day = period(2026y / 6 / 1, 2026y / 6 / 2);
  const auto grid = House(day, berlin).gives(4, day, 12, 13).quarters();
  const PlannedLoad heater{
      .name = "Heater", .amperes = 10, .legs = {true}, .hours = Hours{12 * 60min, 13 * 60min}};
  // 10 A x 230 V = 0.575 kWh a quarter, of 1 kWh that is exported.
  const auto with = with_load(grid, heater, 5, 230, berlin);
  EXPECT_EQ(with.imported.at(48).value, 0);
  EXPECT_EQ(with.exported.at(48).value, 425'000);
}

// --- Contracted power ---

struct Contract {
  std::string_view country;
  double kw, kva, sufficient;
};

TEST(ContractedPower, IsTheSmallestStepThatWouldHaveSufficed) {
  for (const auto& [country, kw, kva, sufficient] : {
           Contract{"ES", 3.42, 3.6, 3.5},   // Tenths of a kW.
           Contract{"ES", 4.6, 5, 4.6},      // Just enough.
           Contract{"ES", 15, 15, 15},       //
           Contract{"FR", 5.5, 5.9, 6},      // kVA count.
           Contract{"FR", 5.5, 6.01, 9},     //
           Contract{"FR", 30, 36, 36},       //
           Contract{"IT", 3.3, 3.5, 3},      // A tenth more than 3 kW may be drawn.
           Contract{"IT", 3.31, 3.5, 3.5},   //
           Contract{"IT", 6.7, 7, 7},        // 6.7 / 1.1 = 6.09: above 6 kW steps are whole.
           Contract{"PT", 3.3, 3.45, 3.45},  //
           Contract{"PT", 3.3, 3.46, 4.6},   //
           Contract{"PT", 6.9, 7, 10.35},    //
       }) {
    const auto power = contracted_power(country, kw, kva);
    ASSERT_TRUE(power) << country << kw;
    EXPECT_DOUBLE_EQ(power->sufficient, sufficient) << country << ' ' << kw << ' ' << kva;
    EXPECT_FALSE(power->source.empty());
  }
}

TEST(ContractedPower, IsNothingElsewhereOrAboveTheSteps) {
  EXPECT_FALSE(contracted_power("DE", 5, 5));
  EXPECT_FALSE(contracted_power("ES", 15.1, 16));
  EXPECT_FALSE(contracted_power("FR", 30, 36.1));
  EXPECT_FALSE(contracted_power("PT", 40, 41.5));
  EXPECT_FALSE(contracted_power("IT", 33.1, 34));
}

}  // namespace
}  // namespace insight
