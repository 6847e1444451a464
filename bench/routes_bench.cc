// For how long a question about a year of thirty circuits takes the hub's one thread, of a hub that
// has just started and of one that has read the year: routes_bench [FOLDER]. Fails beyond ten times
// what is wanted.

#include <stdlib.h>

#include <cstdio>

#include "bench/year_of_routes.h"

int main(int argc, char** argv) {
  constexpr bench::Seconds wanted{0.05};
  std::setbuf(stdout, nullptr);
  std::string name = (std::filesystem::temp_directory_path() / "lenz_routes_XXXXXX").string();
  const std::filesystem::path folder = argc > 1 ? argv[1] : ::mkdtemp(name.data());
  bench::fill_year(folder);
  bench::Seconds longest{};
  const auto tell = [&](std::string_view what, const bench::Measured& took) {
    fmt::print("  {:<76.76} {:8.1f} ms in {:4} pieces, longest {:6.1f} ms\n", what,
               1e3 * took.all.count(), took.pieces, 1e3 * took.longest.count());
    longest = std::max(longest, took.longest);
  };

  fmt::print("Of a hub that has just started:\n");
  for (const auto& question : bench::year_questions()) {
    bench::YearHub hub(folder);
    tell(question, hub.ask(question).cpu);
  }
  bench::YearHub hub(folder);
  tell("What is read in the background", hub.work());
  fmt::print("Then:\n");
  for (const auto& question : bench::year_questions()) tell(question, hub.ask(question).cpu);

  if (argc <= 1) std::filesystem::remove_all(folder);
  return longest > 10 * wanted ? 1 : 0;
}
