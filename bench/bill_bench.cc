// What a year of bills costs: a home of thirty circuits, billed and split month by month, and
// replayed under ten tariffs with the runs that could shift.

#include <fmt/format.h>

#include <ctime>

#include "bench/bill_year.h"

int main() {
  const auto year = insight::year_of_circuits("hub/tariff_templates");
  const auto before = std::clock();
  const auto bills = insight::bill_split_and_replay(year);
  const auto spent = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  fmt::print("a year of {} circuits, {} tariffs, {} runs that could shift: {} bills in {:.2f} s\n",
             year.circuits.size(), year.tariffs.size(), year.runs.size(), bills, spent);
}
