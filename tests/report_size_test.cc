// How many bytes a busy meter's report takes on the air.

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <vector>

#include "firmware/sampler.h"
#include "measurement/report_codec.h"
#include "simulator/board.h"
#include "simulator/household.h"
#include "simulator/neighbours.h"

namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using namespace std::chrono_literals;

// What the promise is about: P, Q, I and the totals of each channel, one V of each chip.
Sample without_the_rest(const Sample& sample) {
  Sample kept(sample.chips());
  kept.number = sample.number;
  kept.uptime = sample.uptime;
  for (const auto q : {Quantity::voltage, Quantity::current, Quantity::active_power,
                       Quantity::reactive_power, Quantity::imported, Quantity::exported}) {
    for (std::size_t i = 0; i < sample.count(q); ++i) kept.put_steps(q, i, sample.steps(q, i));
  }
  return kept;
}

std::size_t bytes_of(const std::vector<Sample>& samples) {
  std::vector<std::uint8_t> bytes(16 * 1024);
  return measurement::encode({{.device = "meter-1",
                               .boot = 0x0123456789ABCDEF,
                               .chips = samples[0].chips(),
                               .booted_at = Timestamp(1'700'000'000'000ms)},
                              samples},
                             bytes)
      .value();
}

std::size_t median(std::vector<std::size_t> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// Four homes of different seeds fill the 42 channels; ten seconds are looked at every ten minutes
// of half a day.
TEST(ReportSize, TenSecondsOfFortyTwoChannelsFitInTwoAndAHalfKilobytes) {
  const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 3 / 2);
  std::vector<std::unique_ptr<simulator::Scene>> homes;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    homes.push_back(std::make_unique<simulator::Household>(
        simulator::HouseholdOptions{.seed = seed, .begin = begin}));
  }
  simulator::Repeated scene(std::move(homes), measurement::max_channels);
  simulator::Board board(scene);
  std::vector<firmware::Atm90e32> chips;
  for (std::size_t i = 0; i < board.chips(); ++i) {
    chips.emplace_back(board.bus(i), board.configs()[i]);
  }
  ASSERT_EQ(chips.size(), measurement::max_chips);
  firmware::Sampler sampler(chips);

  std::vector<std::size_t> promised, whole;
  std::vector<Sample> ten_seconds, all_of_it;
  for (auto uptime = 0s; uptime < 12h; uptime += 1s) {
    board.advance(begin + uptime);
    const auto* sample = sampler.step(uptime);
    if (!sample || uptime < 10s || uptime % 600s >= 10s) continue;
    ten_seconds.push_back(without_the_rest(*sample));
    all_of_it.push_back(*sample);
    if (ten_seconds.size() < 10) continue;
    promised.push_back(bytes_of(ten_seconds));
    whole.push_back(bytes_of(all_of_it));
    ten_seconds.clear();
    all_of_it.clear();
  }

  std::cout << promised.size() << " reports: median " << median(promised) << " bytes, greatest "
            << std::ranges::max(promised) << "; with every quantity median " << median(whole)
            << ", greatest " << std::ranges::max(whole) << "\n";
  ASSERT_GT(promised.size(), 70u);
  EXPECT_LE(median(promised), 2'500u);
}

}  // namespace
