// Classes of the EU's energy labels, from what the product information sheet declares. An index is
// as declared there, in per cent.
//
// Not here: tumble dryers by EU 2023/2534. Its classes are known (A up to 43, B 50, C 60, D 70,
// E 85, F 100), but its standard consumption could not be checked against the text.

#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace insight {

enum class EuClass : std::uint8_t { a, b, c, d, e, f, g };
constexpr char letter(EuClass c) { return static_cast<char>('A' + static_cast<int>(c)); }

// Compartments of EU 2019/2016, annex IV, tables 3 and 4.
enum class ColdStore : std::uint8_t {
  pantry,
  wine,
  cellar,
  fresh_food,
  chill,
  zero_star,  // And making of ice.
  one_star,
  two_star,
  three_star,
  four_star,
};

struct Compartment {
  ColdStore store{};
  double litres = 0;
  bool defrosts_itself = false;
};

struct ColdAppliance {
  std::span<const Compartment> compartments;
  bool is_built_in = false;
  int doors = 1;
};

// Standard annual energy, kWh; EU 2019/2016, annex IV, point 4. 0 without a volume.
double standard_annual_kwh(const ColdAppliance&);
EuClass fridge_class(double index);  // Annex II, table 1.

// Of the eco programme, kWh; EU 2019/2017, annex IV.
double standard_dishwasher_kwh(int place_settings, double width_cm);
EuClass dishwasher_class(double index);

// Of the programme "eco 40-60", kWh; EU 2019/2014, annex IV.
double standard_washer_kwh(double capacity_kg);
// Weighted over full, half and quarter loads; likewise.
double weighted_washer_kwh(double capacity_kg, double full, double half, double quarter);
EuClass washer_class(double index);
// Of the cycle "wash and dry", kWh; likewise.
double standard_washer_dryer_kwh(double capacity_kg);
EuClass washer_dryer_class(double index);

// Of air conditioners but single and double ducts; EU 626/2011, annex II.
enum class AirClass : std::uint8_t { a3, a2, a1, a, b, c, d };  // A+++, A++, A+, A to D.
// Absent: below D.
std::optional<AirClass> cooling_class(double seer);
std::optional<AirClass> heating_class(double scop);

}  // namespace insight
