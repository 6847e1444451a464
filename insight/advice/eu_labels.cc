#include "insight/advice/eu_labels.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace insight {

namespace {

// EU 2019/2016, annex IV, tables 3 to 5.
struct StoreRow {
  double target_c;
  double n, m;             // Of its modelling.
  double defrost;          // Where it defrosts itself.
  double built_in;         // Where it is.
  bool is_frozen = false;  // Of three or four stars, in what sets C.
};
constexpr std::array stores = {
    StoreRow{17, 75, 0.12, 1.00, 1.02},          // pantry
    StoreRow{12, 75, 0.12, 1.00, 1.02},          // wine
    StoreRow{12, 75, 0.12, 1.00, 1.02},          // cellar
    StoreRow{4, 75, 0.12, 1.00, 1.02},           // fresh_food
    StoreRow{2, 138, 0.12, 1.00, 1.03},          // chill
    StoreRow{0, 138, 0.15, 1.10, 1.05},          // zero_star
    StoreRow{-6, 138, 0.15, 1.10, 1.05},         // one_star
    StoreRow{-12, 138, 0.15, 1.10, 1.05},        // two_star
    StoreRow{-18, 138, 0.15, 1.10, 1.05, true},  // three_star
    StoreRow{-18, 138, 0.15, 1.10, 1.05, true},  // four_star
};

const StoreRow& row(ColdStore store) { return stores[static_cast<std::size_t>(store)]; }

double door_factor(int doors) {
  if (doors <= 2) return 1.00;
  if (doors == 3) return 1.02;
  return doors == 4 ? 1.035 : 1.05;
}

// C of an appliance with frozen and unfrozen compartments, of which `share` has three or four
// stars.
double combined_factor(double share) {
  if (share <= 0) return 1.15;
  if (share <= 0.3) return 1.3 + 0.87 * share;
  return share < 0.7 ? 1.87 - 1.0275 * share : 1.15;
}

bool is_unfrozen(ColdStore store) { return store <= ColdStore::chill; }

// The first class whose bound holds the index, or the last.
EuClass class_of(double index, const std::array<double, 6>& bounds, bool bound_belongs) {
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (index < bounds[i] || (bound_belongs && index == bounds[i])) return static_cast<EuClass>(i);
  }
  return EuClass::g;
}

std::optional<AirClass> class_of(double ratio, const std::array<double, 7>& bounds) {
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (ratio >= bounds[i]) return static_cast<AirClass>(i);
  }
  return std::nullopt;
}

}  // namespace

double standard_annual_kwh(const ColdAppliance& appliance) {
  double volume = 0, frozen = 0;
  for (const auto& part : appliance.compartments) {
    volume += part.litres;
    if (row(part.store).is_frozen) frozen += part.litres;
  }
  if (!(volume > 0)) return 0;
  double sum = 0;
  for (const auto& part : appliance.compartments) {
    const auto& store = row(part.store);
    const double r = (24 - store.target_c) / 20;
    sum += (part.defrosts_itself ? store.defrost : 1.0) *
           (appliance.is_built_in ? store.built_in : 1.0) * (part.litres / volume) *
           (store.n + volume * r * store.m);
  }
  const auto& parts = appliance.compartments;
  const bool is_combined =
      std::ranges::any_of(parts, [](const auto& part) { return is_unfrozen(part.store); }) &&
      std::ranges::any_of(parts,
                          [&](const auto& part) { return part.store != parts.front().store; });
  return (is_combined ? combined_factor(frozen / volume) : 1.0) * door_factor(appliance.doors) *
         sum;
}

EuClass fridge_class(double index) { return class_of(index, {41, 51, 64, 80, 100, 125}, true); }

double standard_dishwasher_kwh(int place_settings, double width_cm) {
  if (place_settings >= 10 && width_cm > 50) return 0.025 * place_settings + 1.350;
  return 0.090 * place_settings + 0.450;
}

EuClass dishwasher_class(double index) { return class_of(index, {32, 38, 44, 50, 56, 62}, false); }

double standard_washer_kwh(double capacity_kg) {
  return -0.0025 * capacity_kg * capacity_kg + 0.0846 * capacity_kg + 0.3920;
}

double weighted_washer_kwh(double capacity_kg, double full, double half, double quarter) {
  const double a = -0.0391 * capacity_kg + 0.6918, b = -0.0109 * capacity_kg + 0.3582;
  return a * full + b * half + (1 - a - b) * quarter;
}

EuClass washer_class(double index) { return class_of(index, {52, 60, 69, 80, 91, 102}, true); }

double standard_washer_dryer_kwh(double capacity_kg) {
  return -0.0502 * capacity_kg * capacity_kg + 1.1742 * capacity_kg - 0.644;
}

EuClass washer_dryer_class(double index) {
  return class_of(index, {37, 45, 55, 67, 82, 100}, true);
}

std::optional<AirClass> cooling_class(double seer) {
  return class_of(seer, {8.50, 6.10, 5.60, 5.10, 4.60, 4.10, 3.60});
}

std::optional<AirClass> heating_class(double scop) {
  return class_of(scop, {5.10, 4.60, 4.00, 3.40, 3.10, 2.80, 2.50});
}

}  // namespace insight
