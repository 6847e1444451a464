// For the tests: a house whose energy is the same in each quarter of an hour, with what it knows of
// its appliances said by hand.

#pragma once

#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hub/bill_desk.h"
#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"

namespace hub {

// 60 kWh a day would be 2.5 kW; the mains take 0.5 kWh in each quarter, the fridge 0.05 and the
// oven 0.2 of it, at 230 V.
class MeasuredHouse {
 public:
  static constexpr std::array<std::int64_t, 3> mwh = {500'000, 50'000, 200'000};

  MeasuredHouse() {
    home.id = "home";
    home.name = "Maple Street";
    home.zone = "Europe/Berlin";
    home.country = "DE";
    home.currency = "EUR";
    auto mains = circuit("mains", 0, CircuitKind::grid);
    mains.rating_a = 35;
    home.panels.emplace_back().circuits = {mains, circuit("fridge", 1, CircuitKind::load),
                                           circuit("oven", 2, CircuitKind::load)};
    std::string name = (std::filesystem::temp_directory_path() / "lenz_house_XXXXXX").string();
    folder = ::mkdtemp(name.data());
    store.emplace(disk, folder.string());
    open();
  }
  ~MeasuredHouse() { std::filesystem::remove_all(folder); }
  MeasuredHouse(const MeasuredHouse&) = delete;
  MeasuredHouse& operator=(const MeasuredHouse&) = delete;

  // Whole hours, an hour ahead of UTC all year.
  static measurement::Timestamp local(int year, unsigned month, unsigned day, int hour = 0) {
    return std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) /
                                 std::chrono::day(day)) +
           std::chrono::hours(hour - 1);
  }

  void open() {
    desk.emplace(
        BillDesk::Paths{folder / "tariff.toml", folder / "day_ahead.csv", folder / "carbon.csv"},
        *store, home,
        BillDesk::Surroundings{
            .appliances = {.known = [this](measurement::Timestamp) { return known; },
                           .runs = [this](TimeRange range) { return runs_in(range); }},
            .ledger = {},
            .utc_offset = [](measurement::Timestamp) { return std::chrono::minutes(60); },
            .templates = folder / "templates"});
  }

  // Quarters that end within the range are measured.
  void measure(TimeRange range) {
    std::vector<measurement::Sample> samples;
    const auto count = static_cast<std::uint64_t>((range.end - range.begin) / insight::quarter);
    for (std::uint64_t n = 1; n <= count; ++n) {
      measurement::Sample sample(1);
      sample.number = n;
      const auto passed = static_cast<std::int64_t>(n) * insight::quarter;
      sample.uptime = measurement::Uptime(passed);
      sample.put_steps(measurement::Quantity::voltage, 0, 2300);
      for (std::size_t c = 0; c < mwh.size(); ++c) {
        sample.put_steps(measurement::Quantity::active_power, c, mwh[c] / 25);  // In dW.
        sample.put_steps(measurement::Quantity::reactive_power, c, 0);
        sample.put_steps(measurement::Quantity::current, c, mwh[c] * 4 / 230);  // In mA.
        sample.put_steps(measurement::Quantity::imported, c, mwh[c] * static_cast<std::int64_t>(n));
        sample.put_steps(measurement::Quantity::exported, c, 0);
      }
      samples.push_back(sample);
    }
    // What is counted until a time lies before it.
    const auto begin = range.begin - std::chrono::milliseconds(1);
    const auto done = store->append({.device = "meter",
                                     .boot = ++boot_,
                                     .period = insight::quarter,
                                     .chips = 1,
                                     .booted_at = begin},
                                    samples);
    if (!done || !store->commit()) throw std::runtime_error("the store refuses");
  }

  // The same runs every day at this local hour, each of an hour.
  void add_appliance(ApplianceNumber number, const std::string& on_circuit,
                     insight::ApplianceKind kind, TimeRange range, int hour, double kwh) {
    insight::KnownAppliance appliance;
    appliance.id = static_cast<insight::ApplianceId>(number);
    appliance.kind = kind;
    appliance.probability = 0.97f;
    appliance.certainty = insight::Certainty::confirmed;
    known.push_back({.number = number, .circuit = on_circuit, .known = appliance});
    for (auto begin = range.begin + std::chrono::hours(hour); begin < range.end;
         begin += std::chrono::days(1)) {
      insight::Run run{.id = runs.size(),
                       .appliance = appliance.id,
                       .begin = begin,
                       .end = begin + std::chrono::hours(1),
                       .energy = {std::llround(kwh * 1e6)}};
      runs.push_back({.channel = 1, .epoch = 1, .appliance = number, .run = run});
    }
  }

  std::vector<BookedRun> runs_in(TimeRange range) const {
    std::vector<BookedRun> found;
    for (const auto& one : runs) {
      if (one.run.end > range.begin && one.run.begin < range.end) found.push_back(one);
    }
    return found;
  }

  // Until nothing is left to do.
  void prepare(measurement::Timestamp now) {
    for (int i = 0; i < 10'000; ++i) {
      if (desk->step(now).value_or(true)) return;
    }
    throw std::runtime_error("the desk never comes to an end");
  }

  Disk disk;
  Home home;
  std::filesystem::path folder;
  std::optional<SqliteStore> store;
  std::vector<ApplianceState> known;
  std::vector<BookedRun> runs;
  std::optional<BillDesk> desk;

 private:
  static Circuit circuit(const std::string& id, std::uint32_t channel, CircuitKind kind) {
    Circuit made;
    made.id = made.name = id;
    made.kind = kind;
    made.legs = {1};
    made.channels = {{"meter", channel, 1}};
    return made;
  }

  std::uint64_t boot_ = 0;
};

}  // namespace hub
