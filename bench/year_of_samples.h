// A home of thirty circuits, and samples of more than a year of it, as benches and tests fill a
// store with them.

#pragma once

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "hub/files/disk.h"
#include "hub/home.h"
#include "hub/home_use.h"
#include "hub/store/sqlite_store.h"

namespace bench {

using Seconds = std::chrono::duration<double>;

// CPU of work that is done in pieces, none of which may keep the hub's thread for long.
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
  if constexpr (!std::is_void_v<Value>) return *std::move(value);
}

inline constexpr std::size_t circuits = 30, chips = 14, clamps = 42;
inline constexpr measurement::Timestamp year_begin =
    std::chrono::sys_days(std::chrono::year(2025) / 11 / 1);
inline constexpr measurement::Timestamp year_now =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 20);

// Two clamps at the mains; the last ten circuits have two, too.
inline hub::Home home_of_thirty() {
  hub::Home home{.id = "home",
                 .name = "Home",
                 .zone = "UTC",
                 .country = "DE",
                 .currency = "EUR",
                 .price_per_kwh = 0.3};
  auto& panel = home.panels.emplace_back();
  std::uint32_t channel = 0;
  for (std::size_t i = 0; i <= circuits; ++i) {
    hub::Circuit circuit;
    circuit.id = circuit.name = i == 0 ? "mains" : fmt::format("circuit_{}", i);
    circuit.kind = i == 0 ? hub::CircuitKind::grid : hub::CircuitKind::load;
    circuit.rating_a = i == 0 ? 100 : 32;
    circuit.legs = {1};
    circuit.channels = {{"meter", channel++, 1}};
    if (i == 0 || i > circuits - 10) {
      circuit.legs = {1, 2};
      circuit.channels.push_back({"meter", channel++, 1});
    }
    panel.circuits.push_back(std::move(circuit));
  }
  return home;
}

// Each clamp switches between two powers, in its own rhythm; the mains' share what all others see.
// In the April of the year one clamp is absent.
inline void measure_year(hub::Store& store, std::chrono::seconds period,
                         measurement::Timestamp begin = year_begin) {
  using measurement::Quantity;
  constexpr std::size_t absent = clamps - 1;
  constexpr hub::TimeRange april{std::chrono::sys_days(std::chrono::year(2026) / 4 / 1),
                                 std::chrono::sys_days(std::chrono::year(2026) / 5 / 1)};
  const measurement::ReportHeader header{.device = "meter",
                                         .boot = 1,
                                         .period = period,
                                         .chips = chips,
                                         .booted_at = begin - std::chrono::milliseconds(1)};
  std::array<std::int64_t, clamps> total{};
  std::vector<measurement::Sample> report;
  const auto count = (year_now - begin) / period;
  for (std::int64_t n = 1; n <= count; ++n) {
    measurement::Sample sample(chips);
    sample.number = static_cast<std::uint64_t>(n);
    sample.uptime = measurement::Uptime(n * period);
    const auto now = begin + n * period;
    for (std::size_t chip = 0; chip < chips; ++chip) {
      sample.put_steps(Quantity::voltage, chip, 2300 + n % 7);
    }
    std::int64_t mains = 0;
    for (std::size_t c = 2; c < clamps + 2; ++c) {  // The mains last.
      const auto channel = c % clamps;
      const auto at = static_cast<std::int64_t>(channel);
      const std::int64_t power = channel < 2                 ? mains / 2
                                 : n / (5 + 3 * at) % 4 == 0 ? 4000 + 200 * at + n % 13
                                                             : 30 + at;
      if (channel >= 2) mains += power;
      total[channel] += power * period.count() / 36;  // In mWh.
      if (channel == absent && april.begin <= now && now < april.end) continue;
      sample.put_steps(Quantity::active_power, channel, power);
      sample.put_steps(Quantity::reactive_power, channel, power / 5);
      sample.put_steps(Quantity::current, channel, power * 100 / 230);
      sample.put_steps(Quantity::imported, channel, total[channel]);
      sample.put_steps(Quantity::exported, channel, 0);
    }
    report.push_back(sample);
    if (report.size() < 1440 && n < count) continue;
    sure(store.append(header, report));
    sure(store.commit());
    report.clear();
    while (!sure(store.tidy(now))) {
    }
  }
}

// With a sample in five minutes, where the folder has none.
inline void fill_year(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / "lenz.db")) return;
  Measured filled;
  filled.piece([&] {
    hub::Disk disk;
    hub::SqliteStore store(disk, folder.string());
    measure_year(store, std::chrono::minutes(5));
  });
  fmt::print("A sample in five minutes from November to November, stored in {:.0f} s of CPU\n",
             filled.all.count());
}

// One with its own clamp on each of some circuits, twice a day.
inline hub::Appliances year_appliances() {
  using namespace std::chrono_literals;
  constexpr std::array kinds = {insight::ApplianceKind::fridge, insight::ApplianceKind::freezer,
                                insight::ApplianceKind::dishwasher,
                                insight::ApplianceKind::washing_machine,
                                insight::ApplianceKind::tumble_dryer};
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
    for (auto at = year_begin; at + 12h < year_now; at += 12h) {
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
  return {.known = [known](measurement::Timestamp) { return known; },
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

}  // namespace bench
