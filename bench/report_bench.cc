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

constexpr auto period = 300s;
constexpr Seconds wanted_report = 3s, wanted_pause = 100ms;
constexpr double most_times = 10;
constexpr std::array kinds = {insight::ApplianceKind::fridge, insight::ApplianceKind::freezer,
                              insight::ApplianceKind::dishwasher,
                              insight::ApplianceKind::washing_machine,
                              insight::ApplianceKind::tumble_dryer};

// A hub's books as they are after its start.
struct Books {
  Books(const std::filesystem::path& folder, const hub::Home& home, Timestamp begin, Timestamp now)
      : store(disk, folder.string()),
        bill({folder / "tariff.toml", folder / "prices.csv", folder / "carbon.csv"}, store, home,
             {.appliances = appliances(begin, now),
              .ledger = {},
              .utc_offset = [](Timestamp) { return 0min; },
              .templates = folder / "templates"}),
        advice(disk, (folder / "advice.db").string(), bill, home,
               {.appliances = appliances(begin, now), .health = {}, .offers = {}}),
        world{.bill = bill, .store = store, .home = home, .calibrations = {}, .advice = &advice} {}

  // One with its own clamp on each of some circuits, twice a day.
  static hub::Appliances appliances(Timestamp begin, Timestamp now) {
    std::vector<hub::ApplianceState> known;
    std::vector<hub::BookedRun> runs;
    for (std::size_t i = 0; i < 2 * kinds.size(); ++i) {
      insight::KnownAppliance appliance;
      appliance.id = static_cast<insight::ApplianceId>(i + 1);
      appliance.kind = kinds[i % kinds.size()];
      appliance.probability = 1;
      appliance.certainty = insight::Certainty::measured;
      const auto number = static_cast<hub::ApplianceNumber>(i + 1);
      known.push_back(
          {.number = number, .circuit = fmt::format("circuit_{}", i + 1), .known = appliance});
      for (auto at = begin; at + 12h < now; at += 12h) {
        runs.push_back({.channel = 1,
                        .epoch = 1,
                        .appliance = number,
                        .run = {.id = runs.size(),
                                .appliance = appliance.id,
                                .begin = at,
                                .end = at + 1h,
                                .energy = {500'000}}});
      }
    }
    return {.known = [known](Timestamp) { return known; },
            .runs =
                [runs](hub::TimeRange range) {
                  std::vector<hub::BookedRun> found;
                  for (const auto& one : runs) {
                    if (one.run.end > range.begin && one.run.begin < range.end) {
                      found.push_back(one);
                    }
                  }
                  return found;
                }};
  }

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
  constexpr auto begin = bench::year_begin, now = bench::year_now;
  const auto last_month = std::chrono::year(2026) / std::chrono::October;

  Measured filled;
  if (!std::filesystem::exists(folder / "lenz.db")) {
    hub::Disk disk;
    hub::SqliteStore store(disk, folder.string());
    filled.piece([&] { bench::measure_year(store, period); });
  }
  fmt::print(
      "{} circuits, a sample in five minutes from November to November, stored in {:.0f} s of CPU\n",
      bench::circuits, filled.all.count());

  double worst = 0;
  const auto tell = [&](std::string_view what, const Measured& took, Seconds wanted) {
    fmt::print("{:<44} {:8.1f} ms in {} pieces, longest {:.1f} ms\n", what, 1e3 * took.all.count(),
               took.pieces, 1e3 * took.longest.count());
    worst = std::max(worst, took.longest / wanted);
  };
  const auto once = [&](std::string_view what, Seconds wanted, auto work) {
    Books books(folder, home, begin, now);
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

  Books books(folder, home, begin, now);
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
