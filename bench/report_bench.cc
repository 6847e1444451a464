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

#include "hub/advice_desk.h"
#include "hub/bill_desk.h"
#include "hub/files/disk.h"
#include "hub/report_facts.h"
#include "hub/store/sqlite_store.h"
#include "insight/report/report_page.h"

namespace {

using namespace std::chrono_literals;
using measurement::Quantity;
using measurement::Timestamp;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t chips = 11, circuits = 30, clamps = 33;  // Channel 0 is the mains.
constexpr auto period = 300s;
constexpr Seconds wanted_report = 3s, wanted_pause = 100ms;
constexpr double most_times = 10;
constexpr std::array kinds = {insight::ApplianceKind::fridge, insight::ApplianceKind::freezer,
                              insight::ApplianceKind::dishwasher,
                              insight::ApplianceKind::washing_machine,
                              insight::ApplianceKind::tumble_dryer};

struct Measured {
  Seconds all{}, longest{};
  int pieces = 0;

  void piece(auto work) {
    const auto begin = std::clock();
    work();
    const Seconds taken(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    all += taken;
    longest = std::max(longest, taken);
    ++pieces;
  }
};

template <class Value>
Value sure(std::expected<Value, hub::StoreError> value) {
  if (!value) throw std::runtime_error(hub::sentence(value.error()));
  return *value;
}

hub::Home home_of_thirty() {
  hub::Home home{.id = "home",
                 .name = "Home",
                 .zone = "UTC",
                 .country = "DE",
                 .currency = "EUR",
                 .price_per_kwh = 0.3};
  auto& panel = home.panels.emplace_back();
  for (std::size_t channel = 0; channel <= circuits; ++channel) {
    hub::Circuit circuit;
    circuit.id = circuit.name = channel == 0 ? "mains" : fmt::format("circuit_{}", channel);
    circuit.kind = channel == 0 ? hub::CircuitKind::grid : hub::CircuitKind::load;
    circuit.legs = {1};
    circuit.channels = {{"meter", static_cast<std::uint32_t>(channel), 1}};
    panel.circuits.push_back(std::move(circuit));
  }
  return home;
}

// Each circuit switches between two powers, in its own rhythm.
void measure(hub::SqliteStore& store, Timestamp begin, Timestamp end) {
  const measurement::ReportHeader header{
      .device = "meter", .boot = 1, .period = period, .chips = chips, .booted_at = begin - 1ms};
  std::array<std::int64_t, clamps> total{};
  std::vector<measurement::Sample> report;
  const auto count = (end - begin) / period;
  for (std::int64_t n = 1; n <= count; ++n) {
    measurement::Sample sample(chips);
    sample.number = static_cast<std::uint64_t>(n);
    sample.uptime = measurement::Uptime(n * period);
    for (std::size_t chip = 0; chip < chips; ++chip) {
      sample.put_steps(Quantity::voltage, chip, 2300 + n % 7);
    }
    std::int64_t mains = 0;
    for (std::size_t c = 1; c <= clamps; ++c) {
      const auto channel = c % clamps;  // The mains last: their sum.
      const auto at = static_cast<std::int64_t>(channel);
      const std::int64_t power =
          channel == 0 ? mains : (n / (5 + 3 * at) % 4 == 0 ? 4000 + 200 * at + n % 13 : 30 + at);
      mains += power;
      total[channel] += power * 100 / 60;  // In mWh.
      sample.put_steps(Quantity::active_power, channel, power);
      sample.put_steps(Quantity::reactive_power, channel, power / 5);
      sample.put_steps(Quantity::current, channel, power * 100 / 230);
      sample.put_steps(Quantity::imported, channel, total[channel]);
      sample.put_steps(Quantity::exported, channel, 0);
    }
    report.push_back(sample);
    if (report.size() < 1440 && n < count) continue;
    sure(store.append(header, report));
    if (!store.commit()) throw std::runtime_error("the store refuses");
    report.clear();
    const auto now = begin + n * period;
    while (!sure(store.tidy(now))) {
    }
  }
}

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
  const auto home = home_of_thirty();
  const Timestamp begin = std::chrono::sys_days(std::chrono::year(2025) / 11 / 1);
  const Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 20);
  const auto last_month = std::chrono::year(2026) / std::chrono::October;

  Measured filled;
  if (!std::filesystem::exists(folder / "lenz.db")) {
    hub::Disk disk;
    hub::SqliteStore store(disk, folder.string());
    filled.piece([&] { measure(store, begin, now); });
  }
  fmt::print(
      "{} circuits, a sample in five minutes from November to November, stored in {:.0f} s\n",
      circuits, filled.all.count());

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
