#include "insight/advice/archetypes.h"

#include <array>

namespace insight {

namespace {

using enum ApplianceKind;

// Installed in a home in place of an old one; US Department of Energy and NREL, Scout,
// ecm_definitions, dollars of 2022-23.
constexpr std::string_view scout = "about, US Department of Energy (Scout), 2023";
// Nobody's list: what such things were seen to cost.
constexpr std::string_view own = "about, Lenz's own rough estimate, 2026-11";

// Labels of EU washers and dishwashers are the medians of their classes in EPREL, 2026-11; of
// fridges the upper bound of the class for the size, by EU 2019/2016. US yearly labels are divided
// by the cycles that they count.
constexpr std::array rows = {
    Archetype{fridge_freezer, Market::us, "an ENERGY STAR fridge-freezer", 491, 600, 947, scout},
    Archetype{fridge_freezer, Market::us, "one of the best fridge-freezers", 466, 600, 1053, scout},
    Archetype{fridge, Market::us, "a fridge as the law asks", 320, 450, 750, own},
    Archetype{fridge, Market::us, "one of the best fridges", 270, 450, 950, own},
    Archetype{freezer, Market::us, "a freezer as the law asks", 420, 450, 750, own},
    Archetype{freezer, Market::us, "one of the best freezers", 350, 450, 950, own},
    Archetype{washing_machine, Market::us, "an ENERGY STAR washer", 0.38, 0, 985, scout},
    Archetype{washing_machine, Market::us, "one of the best washers", 0.27, 0, 1035, scout},
    Archetype{tumble_dryer, Market::us, "an ENERGY STAR dryer", 2.15, 0, 710, scout},
    Archetype{tumble_dryer, Market::us, "a heat-pump dryer", 0.77, 0, 1110, scout},
    Archetype{dishwasher, Market::us, "an ENERGY STAR dishwasher", 1.15, 0, 610, scout},
    Archetype{dishwasher, Market::us, "one of the best dishwashers", 0.96, 0, 690, scout},
    Archetype{water_heater, Market::us, "an electric tank", 0.92, 0, 900, own},
    Archetype{water_heater, Market::us, "a heat-pump water heater, UEF 2.3", 2.3, 0, 2643, scout},
    Archetype{water_heater, Market::us, "a heat-pump water heater, UEF 3.3", 3.3, 0, 3170, scout},
    Archetype{water_heater, Market::us, "a heat-pump water heater, UEF 3.7", 3.73, 0, 3375, scout},
    Archetype{air_conditioner, Market::us, "a split system as the law asks", 4.2, 0, 5500, own},
    Archetype{air_conditioner, Market::us, "one of the best split systems", 5.9, 0, 9000, own},
    Archetype{fridge_freezer, Market::eu, "a fridge-freezer of class E", 243, 300, 550, own},
    Archetype{fridge_freezer, Market::eu, "a fridge-freezer of class C", 155, 300, 850, own},
    Archetype{fridge_freezer, Market::eu, "a fridge-freezer of class A", 99, 300, 1500, own},
    Archetype{fridge, Market::eu, "a fridge of class E", 110, 300, 500, own},
    Archetype{fridge, Market::eu, "a fridge of class C", 71, 300, 750, own},
    Archetype{freezer, Market::eu, "a freezer of class E", 225, 220, 550, own},
    Archetype{freezer, Market::eu, "a freezer of class C", 145, 220, 900, own},
    Archetype{freezer, Market::eu, "a freezer of class A", 93, 220, 1500, own},
    Archetype{washing_machine, Market::eu, "a washing machine of class D", 0.73, 8, 400, own},
    Archetype{washing_machine, Market::eu, "a washing machine of class A", 0.47, 8, 520, own},
    Archetype{tumble_dryer, Market::eu, "a heat-pump dryer", 1.4, 8, 550, own},
    Archetype{tumble_dryer, Market::eu, "one of the best heat-pump dryers", 0.9, 8, 850, own},
    Archetype{dishwasher, Market::eu, "a dishwasher of class E", 0.92, 12, 430, own},
    Archetype{dishwasher, Market::eu, "a dishwasher of class C", 0.75, 14, 650, own},
    Archetype{dishwasher, Market::eu, "a dishwasher of class A", 0.54, 14, 1000, own},
    Archetype{water_heater, Market::eu, "an electric tank", 0.88, 0, 650, own},
    Archetype{water_heater, Market::eu, "a heat-pump water heater", 3.0, 0, 2600, own},
    Archetype{air_conditioner, Market::eu, "a split system of class A++", 6.1, 0, 1700, own},
    Archetype{air_conditioner, Market::eu, "a split system of class A+++", 8.5, 0, 2500, own},
};

}  // namespace

std::span<const Archetype> archetypes() { return rows; }

// Means lie between those of Scout and a trade list; the shape is a common one.
Lifetime lifetime(ApplianceKind kind) {
  switch (kind) {
    case fridge:
    case fridge_freezer:
    case freezer:
      return {14};
    case dishwasher:
    case washing_machine:
      return {11.5};
    case tumble_dryer:
    case washer_dryer:
    case water_heater:
      return {12.5};
    case air_conditioner:
    case heat_pump:
      return {15};
    default:
      return {};
  }
}

}  // namespace insight
