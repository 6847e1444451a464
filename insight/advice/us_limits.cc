#include "insight/advice/us_limits.h"

#include <array>
#include <cmath>

namespace insight {

namespace {

// kWh a year = slope x adjusted volume + offset, for what was made from `from` to before `until`.
// 1990: 42 USC 6295(b)(1). 1993 and 2001: 10 CFR 430.32(a) as it was. 2014: the same, table 1;
// 2029 and 2030: tables 2 and 4, one door, without an icemaker where the class does not say so.
// Years are those in whose greater part the limit held.
struct FridgeLimit {
  UsFridge id;
  int from, until;
  double slope, offset;
};
constexpr std::array fridge_limits = {
    FridgeLimit{UsFridge::manual, 1990, 1993, 16.3, 316},
    FridgeLimit{UsFridge::manual, 2001, 2014, 8.82, 248.4},
    FridgeLimit{UsFridge::manual, 2014, 2030, 7.99, 225.0},
    FridgeLimit{UsFridge::manual, 2030, 9999, 6.79, 191.3},
    FridgeLimit{UsFridge::top_freezer, 1990, 1993, 23.5, 471},
    FridgeLimit{UsFridge::top_freezer, 1993, 2001, 16.0, 355},
    FridgeLimit{UsFridge::top_freezer, 2001, 2014, 9.80, 276.0},
    FridgeLimit{UsFridge::top_freezer, 2014, 2030, 8.07, 233.7},
    FridgeLimit{UsFridge::top_freezer, 2030, 9999, 6.86, 198.6},
    FridgeLimit{UsFridge::top_freezer_icemaker, 2014, 2030, 8.07, 317.7},
    FridgeLimit{UsFridge::top_freezer_icemaker, 2030, 9999, 6.86, 226.6},
    FridgeLimit{UsFridge::no_freezer, 2001, 2014, 9.80, 276.0},
    FridgeLimit{UsFridge::no_freezer, 2014, 2030, 7.07, 201.6},
    FridgeLimit{UsFridge::no_freezer, 2030, 9999, 6.01, 171.4},
    FridgeLimit{UsFridge::side_freezer, 1990, 1993, 27.7, 488},
    FridgeLimit{UsFridge::side_freezer, 2014, 2030, 8.51, 297.8},
    FridgeLimit{UsFridge::side_freezer, 2030, 9999, 7.28, 254.9},
    FridgeLimit{UsFridge::bottom_freezer, 1990, 1993, 27.7, 488},
    FridgeLimit{UsFridge::bottom_freezer, 2030, 9999, 7.61, 272.6},
    FridgeLimit{UsFridge::upright_freezer_manual, 1990, 1993, 10.9, 422},
    FridgeLimit{UsFridge::upright_freezer_manual, 2029, 9999, 5.57, 193.7},
    FridgeLimit{UsFridge::upright_freezer, 1990, 1993, 16.0, 623},
    FridgeLimit{UsFridge::upright_freezer, 1993, 2001, 14.9, 391},
    FridgeLimit{UsFridge::upright_freezer, 2001, 2014, 12.43, 326.1},
    FridgeLimit{UsFridge::upright_freezer, 2030, 9999, 7.33, 194.1},
    FridgeLimit{UsFridge::chest_freezer, 1990, 1993, 14.8, 223},
    FridgeLimit{UsFridge::chest_freezer, 1993, 2001, 11.0, 160},
    FridgeLimit{UsFridge::chest_freezer, 2001, 2014, 9.88, 143.7},
    FridgeLimit{UsFridge::chest_freezer, 2029, 9999, 7.29, 107.8},
};

}  // namespace

double adjusted_volume(double fresh_cubic_feet, double freezer_cubic_feet, int year_made) {
  const double before = fresh_cubic_feet > 0 ? 1.63 : 1.73;
  return fresh_cubic_feet + (year_made >= 2014 ? 1.76 : before) * freezer_cubic_feet;
}

std::optional<double> us_fridge_limit(UsFridge fridge, double adjusted_volume, int year_made) {
  for (const auto& limit : fridge_limits) {
    if (limit.id == fridge && year_made >= limit.from && year_made < limit.until) {
      return std::floor(limit.slope * adjusted_volume + limit.offset + 0.5);
    }
  }
  return std::nullopt;
}

std::optional<double> us_washer_imef(bool opens_at_top, int year_made) {
  if (year_made < 2018 || year_made >= 2028) return std::nullopt;
  return opens_at_top ? 1.57 : 1.84;
}

std::optional<double> us_dryer_cef(int year_made) {
  if (year_made < 2015) return std::nullopt;
  return year_made < 2028 ? 3.73 : 3.93;
}

double us_dryer_kwh_a_load(double cef) { return 8.45 / cef; }

double us_water_heater_uef(double gallons, Draw draw) {
  switch (draw) {
    case Draw::low:
      return 0.9254 - 0.0003 * gallons;
    case Draw::medium:
      return 0.9307 - 0.0002 * gallons;
    case Draw::high:
      return 0.9349 - 0.0001 * gallons;
  }
  return 0;
}

}  // namespace insight
