// What a hub that has just started needs for a month's bill and report, with a year of thirty
// circuits in its store, and for how long one piece of that keeps its thread from meters, in CPU
// time. Fails beyond ten times what is wanted.

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "bench/year_of_samples.h"
#include "hub/advice_desk.h"
#include "hub/bill_desk.h"
#include "hub/files/disk.h"
#include "hub/report_facts.h"
#include "hub/store/sqlite_store.h"
#include "insight/report/report_page.h"

namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;

using bench::Measured;
using bench::Seconds;
using bench::sure;

constexpr Seconds wanted_report = 3s, wanted_pause = 100ms;
constexpr double most_times = 10;

// A hub's books as they are after its start.
struct Books {
  Books(const std::filesystem::path& folder, const hub::Home& home)
      : store(disk, folder.string()),
        bill({folder / "tariff.toml", folder / "prices.csv", folder / "carbon.csv"}, store, home,
             {.appliances = bench::year_appliances(),
              .ledger = {},
              .utc_offset = [](Timestamp) { return 0min; },
              .templates = folder / "templates"}),
        advice(disk, (folder / "advice.db").string(), bill, home,
               {.appliances = bench::year_appliances(), .health = {}, .offers = {}}),
        world{.bill = bill, .store = store, .home = home, .calibrations = {}, .advice = &advice} {}

  hub::Disk disk;
  hub::SqliteStore store;
  hub::BillDesk bill;
  hub::AdviceDesk advice;
  hub::ReportWorld world;
};

}  // namespace

int main(int argc, char** argv) {
  std::setbuf(stdout, nullptr);
  std::string name = (std::filesystem::temp_directory_path() / "lenz_report_XXXXXX").string();
  const std::filesystem::path folder = argc > 1 ? argv[1] : ::mkdtemp(name.data());
  const auto home = bench::home_of_thirty();
  constexpr auto now = bench::year_now;
  const auto last_month = std::chrono::year(2026) / std::chrono::October;

  bench::fill_year(folder);

  double worst = 0;
  const auto tell = [&](std::string_view what, const Measured& took, Seconds wanted) {
    fmt::print("{:<44} {:8.1f} ms in {} pieces, longest {:.1f} ms\n", what, 1e3 * took.all.count(),
               took.pieces, 1e3 * took.longest.count());
    worst = std::max(worst, took.longest / wanted);
  };
  const auto once = [&](std::string_view what, Seconds wanted, auto work) {
    Books books(folder, home);
    Measured took;
    took.piece([&] { work(books); });
    tell(what, took, wanted);
  };
  once("cold, the last month's bill", wanted_report,
       [&](Books& books) { static_cast<void>(books.bill.bill(last_month, now)); });
  once("cold, the running month's bill", wanted_report,
       [&](Books& books) { static_cast<void>(books.bill.bill(books.bill.month_at(now), now)); });
  once("cold, the report", wanted_report,
       [&](Books& books) { static_cast<void>(hub::report_facts(books.world, last_month, now)); });

  Books books(folder, home);
  const auto all_steps = [&](std::string_view what, auto& desk) {
    Measured steps;
    for (bool is_done = false; !is_done;) {
      steps.piece([&] { is_done = sure(desk.step(now)); });
    }
    tell(what, steps, wanted_pause);
  };
  all_steps("the year's quarters, in the background", books.bill);
  all_steps("the advice, in the background", books.advice);
  Measured bill, report, page;
  bill.piece([&] { static_cast<void>(books.bill.bill(last_month, now)); });
  tell("then the last month's bill", bill, wanted_report);
  Measured running;
  running.piece([&] { static_cast<void>(books.bill.bill(books.bill.month_at(now), now)); });
  tell("then the running month's bill", running, wanted_report);
  std::expected<insight::ReportFacts, std::string> facts;
  report.piece([&] { facts = hub::report_facts(books.world, last_month, now); });
  if (!facts) throw std::runtime_error(facts.error());
  tell("then the report", report, wanted_report);
  std::size_t bytes = 0;
  page.piece([&] { bytes = insight::report_page(*facts).size(); });
  tell("and its page", page, wanted_report);
  fmt::print("{} parts, {} bytes\n", facts->parts.size(), bytes);
  static_cast<void>(books.bill.replay(now));
  all_steps("the last year under other tariffs", books.bill);

  if (argc <= 1) std::filesystem::remove_all(folder);
  return worst > most_times ? 1 : 0;
}
