#include "insight/advice/life_cost.h"

#include <algorithm>
#include <cmath>

namespace insight {

namespace {

// Of `kwh` a year, which `wear` raises each year from `begin` on, until `end`.
double energy_cost(const Fate& fate, double kwh, double wear, double begin, double end) {
  const double step = (1 + fate.growth) * (1 + wear) / (1 + fate.interest);
  double worth = kwh * fate.price_per_kwh;
  if (begin > 0) worth *= std::pow((1 + fate.growth) / (1 + fate.interest), begin);
  double sum = 0;
  for (double left = end - begin; left > 0; left -= 1) {
    sum += worth * std::min(left, 1.0);
    worth *= step;
  }
  return sum;
}

double purchases(const Fate& fate, double purchase, double begin) {
  const auto worth = [a_year = 1 / (1 + fate.interest)](double years) {
    return std::pow(a_year, years);
  };
  const auto by_the_year = [&](double from, double until, double life) {
    return (worth(from) - worth(until)) / (1 - worth(life));
  };
  const double fails = begin + fate.life;
  if (fails >= years_looked_at) return purchase * by_the_year(begin, years_looked_at, fate.life);
  return purchase * (worth(begin) + by_the_year(fails, years_looked_at, fate.usual_life));
}

}  // namespace

LifeCost cost_of_replacing(const Fate& fate, double new_kwh, double purchase) {
  return {energy_cost(fate, new_kwh, fate.wear_of_new, 0, years_looked_at),
          purchases(fate, purchase, 0)};
}

LifeCost cost_of_keeping(const Fate& fate, double kept_kwh, double new_kwh, double purchase) {
  const double until = std::min(fate.years_left, years_looked_at);
  return {energy_cost(fate, kept_kwh, fate.wear, 0, until) +
              energy_cost(fate, new_kwh, fate.wear_of_new, until, years_looked_at),
          purchases(fate, purchase, until)};
}

}  // namespace insight
