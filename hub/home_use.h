// Who used what in a home, by the quarter of an hour: the grid's connection, each circuit without
// those under it, and each appliance that is told apart.

#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/analyst.h"
#include "hub/home.h"
#include "hub/quarter_hours.h"

namespace hub {

struct UsePart {
  std::string name;
  std::string circuit;  // Id.
  // Of appliances; absent: the circuit itself.
  std::optional<ApplianceNumber> appliance = {};
  std::optional<insight::ApplianceKind> kind = {};
  bool is_measured = true;  // By a clamp of its own. Else told from its signature.
  double runs = 0;          // That began within.
  insight::QuarterHours use;
};

// Which appliances a home has, and when they ran. Empty functions: nobody looks for any.
struct Appliances {
  std::function<std::vector<ApplianceState>(measurement::Timestamp now)> known = {};
  std::function<std::vector<BookedRun>(TimeRange)> runs = {};  // That overlap it.
};
// Gives null where appliances are not looked for.
Appliances appliances_of(std::function<Analyst*()>);

struct HomeUse {
  // Of the mains' clamps; without any the sum of all circuits that hang under no measured one.
  insight::QuarterHours grid;
  bool has_grid = true;
  insight::QuarterHours produced;  // By solar circuits, as what they exported.
  // They do not overlap: what a circuit took less what measured ones under it did. Of the grid's
  // that is what breakers without a clamp took; it is not in the list.
  std::vector<UsePart> circuits;
  std::optional<UsePart> rest;
  // They do not overlap, and of no circuit are they more than it: an appliance with a circuit of
  // its own has all of that.
  std::vector<UsePart> appliances;
};

// As far as `now`, by the panel that is valid at the range's end.
std::expected<HomeUse, StoreError> home_use(QuarterBook&, const Home&, const Appliances&, TimeRange,
                                            measurement::Timestamp now);

// Only what the home's connection took and gave.
struct GridUse {
  insight::QuarterHours quarters;
  bool has_grid = true;
};
std::expected<GridUse, StoreError> grid_use(QuarterBook&, const Home&, TimeRange,
                                            measurement::Timestamp now);

// What these read: of all that have a clamp, and of those that tell what the connection took.
std::vector<std::string> circuits_of_home(const Home&, TimeRange, measurement::Timestamp now);
std::vector<std::string> circuits_of_grid(const Home&, TimeRange, measurement::Timestamp now);

// Runs of an appliance as the quarters in which they fell, evenly: at most so many are looked at.
inline constexpr std::size_t most_runs_in_use = 50'000;
insight::QuarterHours quarters_of(const insight::Run&, measurement::Timestamp now);

// As people say it: its name, else its kind, else what it looks like.
std::string name_of(const ApplianceState&);

// What it took in all.
measurement::MilliwattHours imported(const insight::QuarterHours&);
measurement::MilliwattHours exported(const insight::QuarterHours&);
// Share of the quarters that was measured, 0 to 1; 0 where there are none.
double covered(const insight::QuarterHours&);

}  // namespace hub
