// What having an appliance costs over the years: its energy, and what is bought meanwhile.

#pragma once

namespace insight {

// One of the ways that things may go.
struct Fate {
  double price_per_kwh = 0;  // In the first year.
  double growth = 0;         // Of it, a year.
  double interest = 0;       // A year.
  double years_left = 0;     // Until the kept one fails.
  double life = 13;          // Of the first that is bought.
  double usual_life = 13;    // Of those after it.
  double wear = 0;           // What the kept one takes more each year, a share.
  double wear_of_new = 0;
};

// Present value over `years_looked_at`. A purchase counts by the part of its life that lies within,
// as if it were paid by the year.
inline constexpr double years_looked_at = 20;
struct LifeCost {
  double energy = 0, purchases = 0;
  double sum() const { return energy + purchases; }
};

// Bought now, and again whenever it fails.
LifeCost cost_of_replacing(const Fate&, double new_kwh, double purchase);
// Kept until it fails, and bought then.
LifeCost cost_of_keeping(const Fate&, double kept_kwh, double new_kwh, double purchase);

}  // namespace insight
