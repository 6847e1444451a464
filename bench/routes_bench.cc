// For how long a question about a year of thirty circuits takes the hub's one thread, of a hub that
// has just started and of one that has read the year: routes_bench [FOLDER]. Fails beyond ten times
// what is wanted.

#include <stdlib.h>

#include <cstdio>

#include "bench/year_of_routes.h"
#include "hub/branch_desk.h"

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  constexpr bench::Seconds wanted{0.05};
  hub::Disk disk;
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

  {
    const hub::TemporaryFolder own;
    hub::SqliteStore week(disk, own.path.string());
    bench::measure_year(week, 1min, bench::year_now - std::chrono::days(7));
    const auto home = bench::home_of_thirty();
    hub::BranchDesk desk(week, home, own.path / "calibrations.toml");
    bench::Measured took;
    hub::BranchDesk::SumLook look(desk, bench::year_now);
    for (bool is_done = false; !is_done;) took.piece([&] { is_done = look.step().has_value(); });
    if (!desk.sum()) throw std::runtime_error("the week tells nothing of its circuits");
    tell("The sum of 30 circuits in a week, by the minute", took);
  }

  if (argc <= 1) std::filesystem::remove_all(folder);
  return longest > 10 * wanted ? 1 : 0;
}
