// What a home's energy is said to go to where nothing but its country is known.

#pragma once

#include <array>
#include <span>
#include <string_view>

#include "insight/appliance_kinds.h"

namespace lenz::evaluation {

struct EndUse {
  double share = 0;  // Of all electricity of homes.
  std::array<insight::ApplianceKind, 8> kinds{};
  std::size_t count = 0;

  std::span<const insight::ApplianceKind> of() const { return {kinds.data(), count}; }
};

template <class... Kinds>
constexpr EndUse end_use(double percent, Kinds... kinds) {
  return {percent / 100, {kinds...}, sizeof...(kinds)};
}

namespace detail {
using enum insight::ApplianceKind;

// U.S. Energy Information Administration, "How is electricity used in U.S. homes?", 2022 (Annual
// Energy Outlook 2023, table 4). A third is "other uses".
inline constexpr std::array us_end_uses = {
    end_use(16, air_conditioner),
    end_use(14, electric_heater, heat_pump),
    end_use(11, water_heater),
    end_use(6, fridge, fridge_freezer),
    end_use(4, lighting, lamp),
    end_use(4, tumble_dryer),
    end_use(4, television, media_player),
    end_use(2, computer, monitor, router),
    end_use(2, furnace),
    end_use(1, freezer),
    end_use(1, oven, cooktop),
    end_use(1, washing_machine),
    end_use(1, dishwasher),
    end_use(5, washer_dryer),  // Both of the above; nobody has all three.
};

// Household Electricity Survey of 250 English homes, 2010 to 2011 (Palmer et al., "Electrical
// appliances at home", 2013, average breakdown over a year).
inline constexpr std::array english_end_uses = {
    end_use(13.8, fridge, freezer, fridge_freezer),
    end_use(13.1, television, media_player),
    end_use(11.8, lighting, lamp),
    end_use(10.9, oven, cooktop, microwave, kettle, toaster, coffee_maker, food_processor),
    end_use(10.7, washing_machine, washer_dryer, tumble_dryer, dishwasher),
    end_use(5.5, electric_heater, heat_pump, furnace),
    end_use(5.1, computer, monitor, printer, router),
    end_use(2.7, electric_shower),
    end_use(2.1, water_heater),
};
}  // namespace detail

// Of North America the American ones, elsewhere the English ones.
constexpr std::span<const EndUse> end_uses(std::string_view country) {
  if (country == "US" || country == "CA") return detail::us_end_uses;
  return detail::english_end_uses;
}

}  // namespace lenz::evaluation
