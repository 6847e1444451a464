#include "insight/advice/labels.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "insight/advice/eu_labels.h"
#include "insight/advice/us_limits.h"

namespace insight {
namespace {

using enum ColdStore;

struct ColdCase {
  const char* by_hand;
  std::vector<Compartment> compartments;
  bool is_built_in;
  int doors;
  double kwh;
};

// EU 2019/2016, annex IV, point 4: C x D x sum of A x B x part of the volume x (N + volume x r x
// M), r = (24 - target) / 20.
const std::vector<ColdCase> cold_cases = {
    {"75 + 300 x 1.0 x 0.12", {{fresh_food, 300}}, false, 1, 111},
    {"75 + 100 x 0.35 x 0.12", {{pantry, 100}}, false, 1, 79.2},
    {"75 + 100 x 0.6 x 0.12", {{wine, 100}}, false, 1, 82.2},
    {"the same", {{cellar, 100}}, false, 1, 82.2},
    {"138 + 100 x 1.1 x 0.12", {{chill, 100}}, false, 1, 151.2},
    {"138 + 100 x 1.2 x 0.15", {{zero_star, 100}}, false, 1, 156},
    {"138 + 100 x 1.5 x 0.15", {{one_star, 100}}, false, 1, 160.5},
    {"138 + 100 x 1.8 x 0.15", {{two_star, 100}}, false, 1, 165},
    {"138 + 100 x 2.1 x 0.15", {{three_star, 100}}, false, 1, 169.5},
    {"138 + 220 x 2.1 x 0.15", {{four_star, 220}}, false, 1, 207.3},
    {"1.10 x 207.3", {{four_star, 220, true}}, false, 1, 228.03},
    {"1.05 x 228.03", {{four_star, 220, true}}, true, 1, 239.4315},
    {"1.02 x 111", {{fresh_food, 300}}, true, 1, 113.22},
    {"2/3 x 111 + 1/3 x 1.1 x 232.5 = 159.25; C = 1.87 - 1.0275 / 3 = 1.5275",
     {{fresh_food, 200}, {four_star, 100, true}},
     false,
     2,
     243.254375},
    {"1.02 x that", {{fresh_food, 200}, {four_star, 100, true}}, false, 3, 248.1194625},
    {"1.035 x that", {{fresh_food, 200}, {four_star, 100, true}}, false, 4, 251.768278125},
    {"1.05 x that", {{fresh_food, 200}, {four_star, 100, true}}, false, 5, 255.41709375},
    {"0.8 x 111 + 0.2 x 255.75 = 139.95; C = 1.3 + 0.87 x 0.2 = 1.474",
     {{fresh_food, 240}, {four_star, 60, true}},
     false,
     1,
     206.2863},
    {"0.7 x 111 + 0.3 x 255.75 = 154.425; C = 1.3 + 0.87 x 0.3 = 1.561, the edge",
     {{fresh_food, 210}, {four_star, 90, true}},
     false,
     1,
     241.057425},
    {"0.3 x 111 + 0.7 x 255.75 = 212.325; C = 1.15, the edge",
     {{fresh_food, 90}, {four_star, 210, true}},
     false,
     1,
     244.17375},
    {"0.2 x 111 + 0.8 x 255.75 = 226.8; C = 1.15",
     {{fresh_food, 60}, {four_star, 240, true}},
     false,
     1,
     260.82},
    {"0.8 x 105 + 0.2 x 171 = 118.2; C = 1.15, no stars",
     {{fresh_food, 200}, {chill, 50}},
     false,
     1,
     135.93},
    {"0.8 x 105 x 1.02 + 0.2 x 171 x 1.03 = 120.906; C = 1.15",
     {{fresh_food, 200}, {chill, 50}},
     true,
     1,
     139.0419},
};

TEST(EuLabels, TheStandardEnergyOfColdIsAsTheRegulationSays) {
  for (const auto& c : cold_cases) {
    EXPECT_NEAR(standard_annual_kwh({c.compartments, c.is_built_in, c.doors}), c.kwh, 1e-9)
        << c.by_hand;
  }
  EXPECT_EQ(standard_annual_kwh({}), 0);
}

struct ClassCase {
  double index;
  char letter;
};

TEST(EuLabels, AFridgesClassEndsWhereTheRegulationSays) {
  // EU 2019/2016, annex II, table 1: up to and with 41, 51, 64, 80, 100, 125.
  for (const auto& [index, expected] : std::vector<ClassCase>{{0, 'A'},
                                                              {41, 'A'},
                                                              {41.1, 'B'},
                                                              {51, 'B'},
                                                              {51.1, 'C'},
                                                              {64, 'C'},
                                                              {64.1, 'D'},
                                                              {80, 'D'},
                                                              {80.1, 'E'},
                                                              {100, 'E'},
                                                              {100.1, 'F'},
                                                              {125, 'F'},
                                                              {125.1, 'G'}}) {
    EXPECT_EQ(letter(fridge_class(index)), expected) << index;
  }
}

TEST(EuLabels, DishwashersAreAsTheRegulationSays) {
  // EU 2019/2017, annex IV: 0.025 ps + 1.350 from 10 settings and more than 50 cm, else
  // 0.090 ps + 0.450.
  EXPECT_NEAR(standard_dishwasher_kwh(13, 60), 1.675, 1e-12);
  EXPECT_NEAR(standard_dishwasher_kwh(10, 60), 1.600, 1e-12);
  EXPECT_NEAR(standard_dishwasher_kwh(10, 50), 1.350, 1e-12);
  EXPECT_NEAR(standard_dishwasher_kwh(9, 60), 1.260, 1e-12);
  EXPECT_NEAR(standard_dishwasher_kwh(6, 45), 0.990, 1e-12);
  // Annex II: below 32, 38, 44, 50, 56, 62.
  for (const auto& [index, expected] : std::vector<ClassCase>{{31.9, 'A'},
                                                              {32, 'B'},
                                                              {37.9, 'B'},
                                                              {38, 'C'},
                                                              {43.9, 'C'},
                                                              {44, 'D'},
                                                              {49.9, 'D'},
                                                              {50, 'E'},
                                                              {55.9, 'E'},
                                                              {56, 'F'},
                                                              {61.9, 'F'},
                                                              {62, 'G'}}) {
    EXPECT_EQ(letter(dishwasher_class(index)), expected) << index;
  }
  // 0.54 kWh of 14 settings: 100 x 0.54 / 1.7 = 31.8, as its class A asks.
  EXPECT_EQ(letter(dishwasher_class(100 * 0.54 / standard_dishwasher_kwh(14, 60))), 'A');
}

TEST(EuLabels, WashersAreAsTheRegulationSays) {
  // EU 2019/2014, annex IV: -0.0025 c² + 0.0846 c + 0.3920.
  EXPECT_NEAR(standard_washer_kwh(7), 0.8617, 1e-12);   // -0.1225 + 0.5922 + 0.3920
  EXPECT_NEAR(standard_washer_kwh(8), 0.9088, 1e-12);   // -0.1600 + 0.6768 + 0.3920
  EXPECT_NEAR(standard_washer_kwh(10), 0.9880, 1e-12);  // -0.2500 + 0.8460 + 0.3920
  // A = 0.379, B = 0.271, C = 0.35: 0.3411 + 0.1626 + 0.1050.
  EXPECT_NEAR(weighted_washer_kwh(8, 0.9, 0.6, 0.3), 0.6087, 1e-12);
  // 100 x 0.6087 / 0.9088 = 66.98.
  EXPECT_EQ(letter(washer_class(100 * 0.6087 / 0.9088)), 'C');
  for (const auto& [index, expected] : std::vector<ClassCase>{{52, 'A'},
                                                              {52.1, 'B'},
                                                              {60, 'B'},
                                                              {60.1, 'C'},
                                                              {69, 'C'},
                                                              {69.1, 'D'},
                                                              {80, 'D'},
                                                              {80.1, 'E'},
                                                              {91, 'E'},
                                                              {91.1, 'F'},
                                                              {102, 'F'},
                                                              {102.1, 'G'}}) {
    EXPECT_EQ(letter(washer_class(index)), expected) << index;
  }
}

TEST(EuLabels, WasherDryersAreAsTheRegulationSays) {
  // EU 2019/2014, annex IV: -0.0502 d² + 1.1742 d - 0.644.
  EXPECT_NEAR(standard_washer_dryer_kwh(5), 3.972, 1e-12);  // -1.255 + 5.871 - 0.644
  EXPECT_NEAR(standard_washer_dryer_kwh(6), 4.594, 1e-12);  // -1.8072 + 7.0452 - 0.644
  for (const auto& [index, expected] : std::vector<ClassCase>{{37, 'A'},
                                                              {37.1, 'B'},
                                                              {45, 'B'},
                                                              {45.1, 'C'},
                                                              {55, 'C'},
                                                              {55.1, 'D'},
                                                              {67, 'D'},
                                                              {67.1, 'E'},
                                                              {82, 'E'},
                                                              {82.1, 'F'},
                                                              {100, 'F'},
                                                              {100.1, 'G'}}) {
    EXPECT_EQ(letter(washer_dryer_class(index)), expected) << index;
  }
}

TEST(EuLabels, AirConditionersAreAsTheRegulationSays) {
  // EU 626/2011, annex II, table 1: from this ratio on.
  struct AirCase {
    double ratio;
    std::optional<AirClass> expected;
  };
  using enum AirClass;
  for (const auto& [seer, expected] : std::vector<AirCase>{{8.50, a3},
                                                           {8.49, a2},
                                                           {6.10, a2},
                                                           {6.09, a1},
                                                           {5.60, a1},
                                                           {5.59, a},
                                                           {5.10, a},
                                                           {5.09, b},
                                                           {4.60, b},
                                                           {4.59, c},
                                                           {4.10, c},
                                                           {4.09, d},
                                                           {3.60, d},
                                                           {3.59, {}}}) {
    EXPECT_EQ(cooling_class(seer), expected) << seer;
  }
  for (const auto& [scop, expected] : std::vector<AirCase>{{5.10, a3},
                                                           {5.09, a2},
                                                           {4.60, a2},
                                                           {4.59, a1},
                                                           {4.00, a1},
                                                           {3.99, a},
                                                           {3.40, a},
                                                           {3.39, b},
                                                           {3.10, b},
                                                           {3.09, c},
                                                           {2.80, c},
                                                           {2.79, d},
                                                           {2.50, d},
                                                           {2.49, {}}}) {
    EXPECT_EQ(heating_class(scop), expected) << scop;
  }
}

TEST(UsLimits, FridgesAndFreezersAreAsTheLawOfTheirYearSays) {
  struct LimitCase {
    UsFridge id;
    double volume;
    int year;
    std::optional<double> kwh;
  };
  using enum UsFridge;
  for (const auto& c :
       std::vector<LimitCase>{                                   // 42 USC 6295(b)(1).
                              {top_freezer, 20, 1990, 941},      // 23.5 x 20 + 471
                              {side_freezer, 20, 1992, 1042},    // 27.7 x 20 + 488
                              {bottom_freezer, 20, 1991, 1042},  // the same
                              {manual, 5, 1990, 398},  // 16.3 x 5 + 316 = 397.5: halves go up
                              {upright_freezer_manual, 10, 1990, 531},  // 10.9 x 10 + 422
                              {upright_freezer, 20, 1990, 943},         // 16.0 x 20 + 623
                              {chest_freezer, 15, 1990, 445},           // 14.8 x 15 + 223
                              // 10 CFR 430.32(a), of 1993 and 2001.
                              {top_freezer, 20, 1993, 675},      // 16.0 x 20 + 355
                              {upright_freezer, 20, 2000, 689},  // 14.9 x 20 + 391
                              {chest_freezer, 15, 1993, 325},    // 11.0 x 15 + 160
                              {top_freezer, 20, 2001, 472},      // 9.80 x 20 + 276.0
                              {no_freezer, 20, 2013, 472},       // class 3 then
                              {manual, 10, 2001, 337},           // 8.82 x 10 + 248.4 = 336.6
                              {upright_freezer, 20, 2001, 575},  // 12.43 x 20 + 326.1 = 574.7
                              {chest_freezer, 15, 2013, 292},    // 9.88 x 15 + 143.7 = 291.9
                                                                 // The same, table 1: from 2014.
                              {top_freezer, 20, 2014, 395},      // 8.07 x 20 + 233.7 = 395.1
                              {top_freezer_icemaker, 20, 2029, 479},  // 8.07 x 20 + 317.7 = 479.1
                              {no_freezer, 20, 2020, 343},            // 7.07 x 20 + 201.6
                              {side_freezer, 25, 2020, 511},          // 8.51 x 25 + 297.8 = 510.55
                              {manual, 10, 2020, 305},                // 7.99 x 10 + 225.0 = 304.9
                              // Tables 2 and 4: from 2029 and 2030.
                              {top_freezer, 20, 2030, 336},           // 6.86 x 20 + 198.6 = 335.8
                              {top_freezer_icemaker, 20, 2030, 364},  // 28 more
                              {no_freezer, 20, 2030, 292},            // 6.01 x 20 + 171.4 = 291.6
                              {side_freezer, 25, 2030, 437},          // 7.28 x 25 + 254.9 = 436.9
                              {bottom_freezer, 25, 2031, 463},        // 7.61 x 25 + 272.6 = 462.85
                              {manual, 10, 2030, 259},                // 6.79 x 10 + 191.3 = 259.2
                              {upright_freezer, 20, 2030, 341},       // 7.33 x 20 + 194.1 = 340.7
                              {chest_freezer, 15, 2029, 217},         // 7.29 x 15 + 107.8 = 217.15
                              // What could not be checked is not there.
                              {side_freezer, 25, 2005, {}},
                              {upright_freezer, 20, 2020, {}},
                              {top_freezer, 20, 1980, {}}}) {
    EXPECT_EQ(us_fridge_limit(c.id, c.volume, c.year), c.kwh)
        << static_cast<int>(c.id) << " of " << c.year;
  }
}

TEST(UsLimits, AFreezersVolumeCountsMore) {
  EXPECT_NEAR(adjusted_volume(14, 6, 2014), 24.56, 1e-12);  // 14 + 1.76 x 6
  EXPECT_NEAR(adjusted_volume(14, 6, 2013), 23.78, 1e-12);  // 14 + 1.63 x 6
  EXPECT_NEAR(adjusted_volume(0, 10, 2020), 17.6, 1e-12);
}

TEST(UsLimits, WashersDryersTanksAndCoolingAreAsTheLawSays) {
  EXPECT_EQ(us_washer_imef(true, 2018), 1.57);
  EXPECT_EQ(us_washer_imef(false, 2027), 1.84);
  EXPECT_EQ(us_washer_imef(false, 2017), std::nullopt);
  EXPECT_EQ(us_washer_imef(false, 2028), std::nullopt);  // Counted in lb a kWh and cycle.
  EXPECT_EQ(us_dryer_cef(2015), 3.73);
  EXPECT_EQ(us_dryer_cef(2028), 3.93);
  EXPECT_EQ(us_dryer_cef(2014), std::nullopt);
  EXPECT_NEAR(us_dryer_kwh_a_load(3.93), 2.150, 5e-4);  // 8.45 / 3.93
  EXPECT_NEAR(us_dryer_kwh_a_load(11), 0.768, 5e-4);
  EXPECT_NEAR(us_water_heater_uef(50, Draw::medium), 0.9207, 1e-12);  // 0.9307 - 0.0002 x 50
  EXPECT_NEAR(us_water_heater_uef(55, Draw::high), 0.9294, 1e-12);
  EXPECT_NEAR(us_water_heater_uef(20, Draw::low), 0.9194, 1e-12);
  EXPECT_NEAR(kwh_of_btu(24e6, us_heat_pump_seer2), 1678.3, 0.05);  // 24,000,000 / 14,300
}

TEST(Labels, AnOldFridgesLabelIsEstimatedFromTheLimitOfItsYear) {
  // 600 l = 21.19 ft³, a quarter of it freezer: 15.89 + 1.63 x 5.30 = 24.53;
  // 9.80 x 24.53 + 276.0 = 516.4; 0.95 of 516.
  EXPECT_NEAR(estimated_label(ApplianceKind::fridge_freezer, Market::us, 600, 2005)->value, 490.2,
              0.1);
  // Made before any limit: more, and less sure.
  const auto early = estimated_label(ApplianceKind::fridge_freezer, Market::us, 600, 1980);
  EXPECT_GT(early->value, 900);
  EXPECT_GT(early->relative_sigma, 0.2);
}

TEST(Labels, WhatTakesLessWasMadeLater) {
  for (const auto kind :
       {ApplianceKind::fridge, ApplianceKind::freezer, ApplianceKind::fridge_freezer,
        ApplianceKind::dishwasher, ApplianceKind::washing_machine, ApplianceKind::tumble_dryer}) {
    for (const auto market : {Market::us, Market::eu}) {
      double before = 1e9;
      for (int year = 1985; year < 2031; year += 5) {
        const double label = estimated_label(kind, market, {}, year)->value;
        EXPECT_LE(label, before) << row(kind).word << " " << year;
        before = label;
      }
    }
  }
}

TEST(Labels, WhatHasNoLabelHasNoEstimate) {
  EXPECT_EQ(label_basis(ApplianceKind::kettle), std::nullopt);
  EXPECT_FALSE(estimated_label(ApplianceKind::kettle, Market::eu, {}, 2010));
  for (const auto& kind : appliance_kinds) {
    for (const auto market : {Market::us, Market::eu}) {
      EXPECT_EQ(label_basis(kind.id).has_value(),
                estimated_label(kind.id, market, {}, 2010).has_value())
          << kind.word;
    }
  }
}

}  // namespace
}  // namespace insight
