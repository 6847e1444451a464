// Homes with an old appliance, what they tell of it, and what really comes of keeping or replacing
// it. Nothing here is taken from insight/advice: lifetimes, wear, prices, what labels mean in a
// home and how costs add up are its own.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "insight/advice/adviser.h"

namespace lenz::evaluation {

// Ways in which homes differ from what advice may assume.
struct Misleading {
  bool by_lifetimes = false;  // Lognormal; else Weibull.
  bool by_prices = false;     // Of energy: they may fall by up to 4 % a year; else rise by 0 to 4.
  bool by_rebound = false;    // Up to a fifth of what is saved is used up.
  bool by_labels = false;     // In homes 0.94 x label - 85 kWh, sigma 20 %; else the label, 10 %.
  double wrong_facts = 0;     // Share of homes in which type or age are not what is told.
};
inline constexpr Misleading all_misleading{true, true, true, true, 0.1};

struct SimulatedHousehold {
  // As the adviser is shown it.
  insight::ApplianceUse use;
  insight::AdviceSettings settings;
  std::vector<insight::Offer> offers;

  // As it is.
  struct Model {
    double kwh = 0, price = 0;
  };
  std::vector<Model> models;  // Of `offers`.
  double kwh = 0, wear = 0, wear_of_new = 0;
  double price_per_kwh = 0, growth = 0, interest = 0;
  double age = 0, years_left = 0;
  std::vector<double> lives;  // Of what is bought, one after the other.

  // Present value of 25 years, month by month, less what the last one is still worth.
  double cost(std::size_t model, bool is_replaced_now) const;
};

std::vector<SimulatedHousehold> simulated_households(int count, const Misleading&,
                                                     std::uint64_t seed);

}  // namespace lenz::evaluation
