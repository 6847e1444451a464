// The most that US federal law lets an appliance take, by the year it was made.
//
// Not here, as their text could not be checked: freezers from 2014 to 2029 with automatic defrost,
// side and bottom mounted freezers of fridges from 1993 on and before 2014, compact and built-in
// fridges.

#pragma once

#include <cstdint>
#include <optional>

namespace insight {

// Classes of 10 CFR 430.32(a), with their numbers there.
enum class UsFridge : std::uint8_t {
  manual,                // 1
  top_freezer,           // 3
  top_freezer_icemaker,  // 3I
  no_freezer,            // 3A
  side_freezer,          // 4
  bottom_freezer,        // 5
  upright_freezer_manual,
  upright_freezer,  // 9
  chest_freezer,    // 10
};

// In cubic feet: a freezer counts 1.76 times from 2014 on, 1.63 times before (10 CFR 430 subpart B,
// appendix A; for freezers alone 1.76 and 1.73, appendix B).
double adjusted_volume(double fresh_cubic_feet, double freezer_cubic_feet, int year_made);

// kWh a year, to the nearest, halves up. Absent: no limit of that year is known here.
std::optional<double> us_fridge_limit(UsFridge, double adjusted_volume, int year_made);

// 10 CFR 430.32(g): lb or cubic feet a kWh and cycle. Absent before 2018, and from 2028 on, when
// it is counted otherwise.
std::optional<double> us_washer_imef(bool opens_at_top, int year_made);

// Combined energy factor of a vented electric dryer, lb a kWh; 10 CFR 430.32(h). Absent before
// 2015.
std::optional<double> us_dryer_cef(int year_made);
// Of 8.45 lb, the load of 10 CFR 430 subpart B, appendix D2.
double us_dryer_kwh_a_load(double cef);

// Uniform energy factor of an electric storage heater of 20 to 55 gallons; 10 CFR 430.32(d), from
// 2015 to 2029.
enum class Draw : std::uint8_t { low, medium, high };
double us_water_heater_uef(double gallons, Draw);

// Seasonal, of split systems from 2023 on; 10 CFR 430.32(c).
inline constexpr double us_heat_pump_seer2 = 14.3, us_heat_pump_hspf2 = 7.5,
                        us_air_conditioner_north_seer2 = 13.4;
// kWh that move so many Btu.
constexpr double kwh_of_btu(double btu, double seer) { return btu / (1000 * seer); }

}  // namespace insight
