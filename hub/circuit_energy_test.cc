#include "hub/circuit_energy.h"

#include <gtest/gtest.h>

#include <random>

#include "hub/files/simulated_disk.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using namespace std::chrono_literals;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

Circuit circuit(const std::string& id, Netting netting, std::vector<ChannelUse> channels) {
  Circuit made;
  made.id = made.name = id;
  made.netting = netting;
  made.channels = std::move(channels);
  return made;
}

// Channels 0 to 2 only import, 3 imports and exports, 4 only exports, 5 is never there.
std::vector<Sample> samples(std::uint64_t begin, std::uint64_t end, std::mt19937& random) {
  std::vector<Sample> made;
  std::array<std::array<std::int64_t, 2>, 6> totals{};
  for (auto n = begin; n < end; ++n) {
    auto& sample = made.emplace_back(2);
    sample.number = n;
    sample.uptime = measurement::Uptime(10'000 * static_cast<std::int64_t>(n));
    for (std::size_t c = 0; c < 5; ++c) {
      const bool exports = c == 4 || (c == 3 && random() % 2 == 0);
      totals[c][exports] += static_cast<std::int64_t>(random() % 500);
      if (random() % 50 == 0) continue;  // Failed a check.
      sample.put_steps(Quantity::imported, c, totals[c][0]);
      sample.put_steps(Quantity::exported, c, totals[c][1]);
    }
  }
  return made;
}

TEST(CircuitEnergy, AnHourHasWhatItsMinutesHave) {
  Home home;
  home.panels.emplace_back().circuits = {
      circuit("one", Netting::sum, {{"meter", 0, 1}}),
      circuit("reversed", Netting::sum, {{"meter", 1, -1}}),
      circuit("doubled", Netting::sum, {{"meter", 2, 2}, {"meter", 4, -1}}),
      circuit("legs", Netting::sum, {{"meter", 1, 1}, {"meter", 2, 1}}),
      circuit("mixed", Netting::sum, {{"meter", 2, 1}, {"meter", 3, 1}, {"meter", 4, 1}}),
      circuit("each", Netting::per_phase, {{"meter", 3, 1}, {"meter", 4, 1}}),
      circuit("none", Netting::sum, {{"meter", 5, 1}}),
      circuit("elsewhere", Netting::sum, {{"other", 0, 1}}),
  };
  SimulatedDisk disk;
  SqliteStore store(disk, "/data");
  std::mt19937 random(1);
  for (const auto boot : {1, 2}) {
    ASSERT_TRUE(store.append({.device = "meter",
                              .boot = static_cast<std::uint64_t>(boot),
                              .period = 10s,
                              .chips = 2,
                              .booted_at = midnight + (boot - 1) * 90min},
                             samples(0, 500, random)));
  }
  ASSERT_TRUE(store.commit());

  for (const bool is_packed : {false, true}) {
    while (is_packed && !store.tidy(midnight + 24h).value()) {
    }
    std::size_t hours = 0;
    for (auto hour = midnight; hour < midnight + 4h; hour += 1h) {
      const auto in_all = exact_circuit_energy(home, "meter", {hour, hour + 1h}, store);
      ASSERT_TRUE(in_all);
      std::map<std::string, ExactEnergy> sums;
      for (auto minute = hour; minute < hour + 1h; minute += 1min) {
        const auto part = exact_circuit_energy(home, "meter", {minute, minute + 1min}, store);
        ASSERT_TRUE(part);
        for (const auto& [id, energy] : *part) sums[id] += energy;
      }
      ASSERT_EQ(in_all->size(), sums.size());
      hours += !sums.empty();
      for (const auto& [id, energy] : sums) {
        SCOPED_TRACE(id);
        ASSERT_TRUE(in_all->contains(id));
        EXPECT_EQ(in_all->at(id).imported, energy.imported);
        EXPECT_EQ(in_all->at(id).exported, energy.exported);
      }
    }
    EXPECT_EQ(hours, 3u);
  }
}

}  // namespace
}  // namespace hub
