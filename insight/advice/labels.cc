#include "insight/advice/labels.h"

#include <array>
#include <span>

#include "insight/advice/eu_labels.h"
#include "insight/advice/us_limits.h"

namespace insight {

namespace {

constexpr double litres_a_cubic_foot = 28.3168;
constexpr double freezer_share = 0.25;     // Of a fridge-freezer's volume, US.
constexpr double eu_freezer_share = 0.33;  // EU.
constexpr double below_limit = 0.95;       // What is sold lies a little below what is allowed.

bool is_cold(ApplianceKind kind) {
  return kind == ApplianceKind::fridge || kind == ApplianceKind::freezer ||
         kind == ApplianceKind::fridge_freezer;
}

// Means of what was sold, from the year on. Rough, from the classes and limits of those years.
struct Era {
  int from;
  double value;
};
struct TypicalRow {
  ApplianceKind kind;
  Market market;
  double relative_sigma;
  std::array<Era, 4> eras;  // The first holds before it too.
};
constexpr std::array typical = {
    // kWh a use.
    TypicalRow{ApplianceKind::dishwasher,
               Market::us,
               0.2,
               {{{1995, 2.4}, {2004, 1.9}, {2010, 1.6}, {2013, 1.3}}}},
    TypicalRow{ApplianceKind::washing_machine,
               Market::us,
               0.35,
               {{{1995, 2.3}, {2004, 1.6}, {2007, 1.0}, {2015, 0.5}}}},
    TypicalRow{ApplianceKind::washer_dryer,
               Market::us,
               0.35,
               {{{1995, 5.0}, {2007, 4.0}, {2015, 2.8}, {2023, 2.2}}}},
    TypicalRow{ApplianceKind::tumble_dryer,
               Market::us,
               0.2,
               {{{1995, 2.8}, {2005, 2.8}, {2015, 2.27}, {2028, 2.15}}}},
    TypicalRow{ApplianceKind::dishwasher,
               Market::eu,
               0.15,
               {{{1995, 1.35}, {2005, 1.05}, {2013, 0.93}, {2021, 0.85}}}},
    TypicalRow{ApplianceKind::washing_machine,
               Market::eu,
               0.2,
               {{{1995, 1.15}, {2005, 0.95}, {2013, 0.8}, {2021, 0.6}}}},
    TypicalRow{ApplianceKind::washer_dryer,
               Market::eu,
               0.25,
               {{{1995, 4.9}, {2005, 4.6}, {2013, 4.2}, {2021, 3.4}}}},
    TypicalRow{ApplianceKind::tumble_dryer,
               Market::eu,
               0.35,
               {{{1995, 3.2}, {2005, 3.0}, {2014, 1.9}, {2021, 1.4}}}},
    // Efficiency.
    TypicalRow{ApplianceKind::water_heater,
               Market::us,
               0.06,
               {{{1995, 0.88}, {2004, 0.90}, {2015, 0.92}, {2029, 2.5}}}},
    TypicalRow{ApplianceKind::water_heater,
               Market::eu,
               0.1,
               {{{1995, 0.82}, {2005, 0.85}, {2015, 0.87}, {2021, 0.88}}}},
    TypicalRow{ApplianceKind::air_conditioner,
               Market::us,
               0.15,
               {{{1995, 2.9}, {2006, 3.8}, {2015, 4.0}, {2023, 4.2}}}},
    TypicalRow{ApplianceKind::air_conditioner,
               Market::eu,
               0.2,
               {{{1995, 3.0}, {2005, 4.0}, {2013, 5.6}, {2019, 6.3}}}},
    TypicalRow{ApplianceKind::heat_pump,
               Market::us,
               0.2,
               {{{1995, 2.0}, {2006, 2.3}, {2015, 2.4}, {2023, 2.6}}}},
    TypicalRow{ApplianceKind::heat_pump,
               Market::eu,
               0.2,
               {{{1995, 2.8}, {2005, 3.1}, {2013, 3.6}, {2019, 4.2}}}},
};

double value_of(const std::array<Era, 4>& eras, int year) {
  double value = eras.front().value;
  for (const auto& era : eras) {
    if (year >= era.from) value = era.value;
  }
  return value;
}

LabelEstimate us_cold_label(ApplianceKind kind, double litres, int year) {
  const double volume = litres / litres_a_cubic_foot;
  const bool is_freezer = kind == ApplianceKind::freezer;
  const double frozen = is_freezer                              ? volume
                        : kind == ApplianceKind::fridge_freezer ? freezer_share * volume
                                                                : 0;
  const double adjusted = adjusted_volume(volume - frozen, frozen, year);
  const auto limit_of = [&](int y) {
    if (is_freezer) return us_fridge_limit(UsFridge::upright_freezer, adjusted, y);
    const auto limit = kind == ApplianceKind::fridge
                           ? us_fridge_limit(UsFridge::no_freezer, adjusted, y)
                           : std::nullopt;
    return limit ? limit : us_fridge_limit(UsFridge::top_freezer, adjusted, y);
  };
  if (const auto limit = limit_of(year)) return {below_limit * *limit, 0.12};
  // Of the years without a limit that is known: what came before 1990 took more, what came between
  // two limits lay between them.
  if (year < 1990) return {1.1 * *limit_of(1990), 0.25};
  return {below_limit * 1.15 * *limit_of(2030), 0.2};
}

// By what part of the standard energy of EU 2019/2016 such things took when they were sold.
LabelEstimate eu_cold_label(ApplianceKind kind, double litres, int year) {
  constexpr std::array<Era, 4> share{{{1995, 1.9}, {2005, 1.45}, {2012, 1.15}, {2021, 0.95}}};
  std::array<Compartment, 2> parts{{{ColdStore::fresh_food, litres}, {}}};
  std::size_t count = 1;
  if (kind == ApplianceKind::freezer) {
    parts[0] = {ColdStore::four_star, litres, true};
  } else if (kind == ApplianceKind::fridge_freezer) {
    parts[0].litres = (1 - eu_freezer_share) * litres;
    parts[1] = {ColdStore::four_star, eu_freezer_share * litres, true};
    count = 2;
  }
  return {value_of(share, year) * standard_annual_kwh({std::span(parts).first(count)}), 0.2};
}

}  // namespace

std::optional<LabelBasis> label_basis(ApplianceKind kind) {
  switch (kind) {
    case ApplianceKind::fridge:
    case ApplianceKind::freezer:
    case ApplianceKind::fridge_freezer:
      return LabelBasis::kwh_a_year;
    case ApplianceKind::dishwasher:
    case ApplianceKind::washing_machine:
    case ApplianceKind::washer_dryer:
    case ApplianceKind::tumble_dryer:
      return LabelBasis::kwh_a_use;
    case ApplianceKind::water_heater:
    case ApplianceKind::air_conditioner:
    case ApplianceKind::heat_pump:
      return LabelBasis::efficiency;
    default:
      return std::nullopt;
  }
}

std::string_view size_unit(ApplianceKind kind) {
  switch (kind) {
    case ApplianceKind::fridge:
    case ApplianceKind::freezer:
    case ApplianceKind::fridge_freezer:
    case ApplianceKind::water_heater:
      return "l";
    case ApplianceKind::dishwasher:
      return "place settings";
    case ApplianceKind::washing_machine:
    case ApplianceKind::washer_dryer:
    case ApplianceKind::tumble_dryer:
      return "kg";
    default:
      return {};
  }
}

double common_size(ApplianceKind kind, Market market) {
  const bool is_us = market == Market::us;
  switch (kind) {
    case ApplianceKind::fridge_freezer:
      return is_us ? 600 : 300;
    case ApplianceKind::fridge:
    case ApplianceKind::freezer:
      return is_us ? 450 : 220;
    case ApplianceKind::dishwasher:
      return 13;
    case ApplianceKind::washing_machine:
    case ApplianceKind::washer_dryer:
      return is_us ? 17 : 8;
    case ApplianceKind::tumble_dryer:
      return is_us ? 0 : 8;
    default:
      return 0;
  }
}

std::optional<LabelEstimate> estimated_label(ApplianceKind kind, Market market,
                                             std::optional<double> size, int year_made) {
  if (is_cold(kind)) {
    auto label = market == Market::us
                     ? us_cold_label(kind, size.value_or(common_size(kind, market)), year_made)
                     : eu_cold_label(kind, size.value_or(common_size(kind, market)), year_made);
    if (!size) label.relative_sigma += 0.1;
    return label;
  }
  for (const auto& row : typical) {
    if (row.kind == kind && row.market == market) {
      return LabelEstimate{value_of(row.eras, year_made), row.relative_sigma};
    }
  }
  return std::nullopt;
}

}  // namespace insight
