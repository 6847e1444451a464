// What is sold, in a few dated rows, for kinds and prices that no catalogue has; and how long
// appliances last.

#pragma once

#include <span>
#include <string_view>

#include "insight/advice/labels.h"

namespace insight {

struct Archetype {
  ApplianceKind kind{};
  Market market{};
  std::string_view name;
  double label = 0;     // As label_basis() says.
  double size = 0;      // As size_unit() says; 0: it does not matter.
  double purchase = 0;  // About, with installation: USD in the US, EUR in the EU.
  std::string_view price_source;
};

std::span<const Archetype> archetypes();

// The currency of a market's archetypes.
constexpr std::string_view archetype_currency(Market market) {
  return market == Market::us ? "USD" : "EUR";
}

// Years until it fails: Weibull.
struct Lifetime {
  double mean = 13;
  double shape = 3;
};
Lifetime lifetime(ApplianceKind);

}  // namespace insight
