#include "firmware/cellular.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "firmware/device.h"
#include "firmware/ram_storage.h"
#include "measurement/report_codec.h"
#include "simulator/flash.h"
#include "simulator/household.h"
#include "simulator/neighbours.h"

namespace firmware {
namespace {

using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using measurement::Uptime;
using measurement::Volts;
using measurement::Watts;
using namespace std::chrono_literals;

const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 3 / 2);

// The modem, and behind it a hub that stores all and says so.
class World final : public Transport, public Dialer {
 public:
  void dial() override {
    ++dials;
    if (!is_out_of_reach) is_connected = true;
  }
  void hang_up() override { is_connected = false; }
  bool is_up() const override { return is_connected && !is_out_of_reach; }
  unsigned connections() const override { return dials; }
  bool send(Post, std::span<const std::uint8_t> bytes) override {
    std::vector<Sample> samples(measurement::max_samples_per_report);
    const auto decoded = measurement::decode(bytes, samples);
    EXPECT_TRUE(decoded);
    for (const auto& sample : std::span(samples).first(decoded->count)) {
      stored.push_back(sample);
      periods.push_back(decoded->header.period);
    }
    reports += bytes.size();
    ++messages;
    answer_is_due = true;
    return true;
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    if (!std::exchange(answer_is_due, false)) return std::nullopt;
    const measurement::StoredRange range{1, measurement::Stream::coarse, 0, stored.size()};
    return Received{
        Mail::stored,
        measurement::encode(measurement::Answer{.ranges = {&range, 1}}, buffer).value()};
  }

  bool is_out_of_reach = false;
  bool is_connected = false, answer_is_due = false;
  unsigned dials = 0;
  std::uint64_t reports = 0, messages = 0;  // Bytes of reports, and how many.
  std::vector<Sample> stored;
  std::vector<std::chrono::milliseconds> periods;
};

// A meter as boards/esp32 has it, but its samples are made elsewhere.
class Meter {
 public:
  Meter(std::uint64_t bytes_a_month, World& world) : cellular(world, world, bytes_a_month) {
    device.thin(cellular.coarse());
    device.keep_in(log, CellularMeter::write_every);
    device.know_time(begin);
  }

  void step(const Sample& sample) {
    cellular.step(sample.uptime);
    device.keep(sample);
    device.exchange(sample.uptime);
  }

  CellularMeter cellular;
  simulator::SimulatedFlash flash{0xe0000, 1};
  std::vector<Sample> window = std::vector<Sample>(32);
  FlashLog log{flash, window, FlashLogOptions::of(flash.size())};
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(48 * 1024);
  RamStorage storage{bytes};
  Device device{{.name = "meter-1", .boot = 1}, {}, storage, window, cellular.link()};
};

// Simulated homes as a meter's chips would tell them: 0.3 W and 0.2 % of noise, and totals that are
// what flowed.
class Homes {
 public:
  explicit Homes(std::size_t channels) : channels_(channels), scene_(homes(), channels) {
    chips_.resize(scene_.chips());
    totals_.resize(channels);
  }

  const Sample& sample(Uptime now) {
    const auto time = begin + now;
    if (time >= until_) until_ = scene_.advance(time, chips_).until;
    sample_.clear(chips_.size());
    sample_.number = number_++;
    sample_.uptime = now;
    for (std::size_t c = 0; c < channels_; ++c) {
      const auto& load =
          chips_[measurement::chip_of(c)].channels[c % measurement::channels_per_chip];
      const auto watts =
          static_cast<double>(load.fundamental_power.value + load.harmonic_power.value);
      const auto seen = watts + noise_.normal(0, 0.3) + watts * noise_.normal(0, 0.002);
      totals_[c][watts < 0] += std::abs(watts) / 3.6;
      sample_.put<Quantity::active_power>(c, Watts{static_cast<float>(seen)});
      sample_.put<Quantity::imported>(c, MilliwattHours{std::llround(totals_[c][0])});
      sample_.put<Quantity::exported>(c, MilliwattHours{std::llround(totals_[c][1])});
    }
    for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
      sample_.put<Quantity::voltage>(chip, chips_[chip].voltage[0]);
    }
    return sample_;
  }

 private:
  static std::vector<std::unique_ptr<simulator::Scene>> homes() {
    std::vector<std::unique_ptr<simulator::Scene>> all;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      all.push_back(std::make_unique<simulator::Household>(
          simulator::HouseholdOptions{.seed = seed, .begin = begin}));
    }
    return all;
  }

  std::size_t channels_;
  simulator::Repeated scene_;
  std::vector<simulator::ChipInput> chips_;
  std::vector<std::array<double, 2>> totals_;  // mWh, of whole seconds.
  Timestamp until_{};
  simulator::Chance noise_{7};
  std::uint64_t number_ = 0;
  Sample sample_;
};

TEST(Cellular, FortyTwoChannelsWithCurvesByTheMinuteTakeLessThanTenMegabytesAMonth) {
  for (const std::size_t channels : {6, 14, 42}) {
    Homes homes(channels);
    World world;
    Meter meter(100'000'000, world);
    for (Uptime now = 1s; now <= 24h + 1min; now += 1s) meter.step(homes.sample(now));

    const auto bytes = meter.cellular.budget().spent();
    fmt::print(
        "{:>2} channels: {:>6} bytes a day in {} connections and {} reports of {} bytes; {:.2f} MB "
        "in 30 days\n",
        channels, bytes, world.dials, world.messages, world.reports,
        static_cast<double>(bytes) * 30 / 1e6);
    EXPECT_EQ(world.stored.size(), 24u * 60);
    EXPECT_LE(bytes * 30, 10'000'000u);
  }
}

// A cheap home for long runs: on channel c a load of c + 1 times 300 W, on for half of each 2 c + 3
// quarters of an hour.
struct CheapHome {
  const Sample& sample(Uptime now) {
    sample_.clear(measurement::max_chips);
    sample_.uptime = now;
    for (std::size_t c = 0; c < measurement::max_channels; ++c) {
      const auto cycle = (2 * static_cast<std::int64_t>(c) + 3) * 15min;
      const double watts = now % cycle < cycle / 2 ? 300.0 * static_cast<double>(c + 1) : 0.4;
      total[c] += watts * static_cast<double>((now - last).count()) / 3600;
      sample_.put<Quantity::active_power>(c, Watts{static_cast<float>(watts)});
      sample_.put<Quantity::imported>(c, MilliwattHours{std::llround(total[c])});
      sample_.put<Quantity::exported>(c, MilliwattHours{0});
    }
    last = now;
    return sample_;
  }
  Uptime last{};
  std::array<double, measurement::max_channels> total{};
  Sample sample_;
};

// The present comes before the past, and nothing twice.
void sort_once(std::vector<Sample>& stored) {
  std::ranges::sort(stored, {}, &Sample::number);
  EXPECT_EQ(std::ranges::adjacent_find(stored, {}, &Sample::number), stored.end());
}

TEST(Cellular, ABudgetThatRunsLowCostsDetailAndNoEnergy) {
  constexpr std::uint64_t bytes_a_month = 1'500'000;
  CheapHome home;
  World world;
  Meter meter(bytes_a_month, world);

  constexpr auto end = 30 * 24h;
  for (Uptime now = 10s; now <= end; now += 10s) meter.step(home.sample(now));

  fmt::print("budget of {} bytes: {} spent in 30 days, the least detail was one sample in {} min\n",
             bytes_a_month, meter.cellular.budget().spent(),
             std::ranges::max(world.periods) / std::chrono::milliseconds(1min));
  // A month's, and the three days' that were full at the start.
  EXPECT_LE(meter.cellular.budget().spent(), bytes_a_month * 11 / 10);
  EXPECT_GE(meter.cellular.budget().spent(), bytes_a_month * 8 / 10);
  EXPECT_EQ(world.periods.front(), 1min);
  EXPECT_GT(std::ranges::max(world.periods), 1min);
  // Whatever the detail, each total that came is the meter's own, and the last one is a day old at
  // most.
  std::array<std::int64_t, measurement::max_channels> told{};
  Uptime newest{};
  sort_once(world.stored);
  for (const auto& sample : world.stored) {
    if (!sample.get<Quantity::imported>(0)) continue;
    newest = sample.uptime;
    for (std::size_t c = 0; c < measurement::max_channels; ++c) {
      const auto total = sample.get<Quantity::imported>(c);
      ASSERT_TRUE(total);
      ASSERT_GE(total->value, told[c]);
      told[c] = total->value;
    }
  }
  EXPECT_GE(newest, end - 24h);
  CheapHome same;
  for (Uptime now = 10s; now <= newest; now += 10s) same.sample(now);
  for (std::size_t c = 0; c < measurement::max_channels; ++c) {
    EXPECT_EQ(told[c], std::llround(same.total[c])) << c;
  }
}

TEST(Cellular, AnOutageIsMadeUpForAfterwardsAndNothingIsDialledTooOften) {
  CheapHome home;
  World world;
  Meter meter(10'000'000, world);
  world.is_out_of_reach = true;
  for (Uptime now = 10s; now <= 12h; now += 10s) meter.step(home.sample(now));
  EXPECT_TRUE(world.stored.empty());
  EXPECT_GE(world.dials, 12u);
  EXPECT_LE(world.dials, 16u);

  world.is_out_of_reach = false;
  for (Uptime now = 12h + 10s; now <= 14h; now += 10s) meter.step(home.sample(now));

  EXPECT_GE(world.stored.size(), 13u * 60);
  sort_once(world.stored);
  EXPECT_EQ(world.stored.back().number + 1, world.stored.size()) << "none is missing";
}

TEST(Cellular, BetweenItsWindowsItIsDown) {
  CheapHome home;
  World world;
  Meter meter(10'000'000, world);
  Uptime up{};
  for (Uptime now = 1s; now <= 3h; now += 1s) {
    meter.step(home.sample(now));
    if (meter.cellular.link().is_up()) up += 1s;
  }
  EXPECT_LE(up, 4 * 25s);
  EXPECT_EQ(world.dials, 3u);  // At the start, and each hour behind it.
}

TEST(CellularCost, ASessionThatIsResumedCostsLess) {
  EXPECT_LT(cellular_cost::of_connection(true), cellular_cost::of_connection(false));
  // 1,000 + 40 + 22 bytes in one segment of 40 and an acknowledgement of 40; PUBACK 4 + 22 and the
  // same.
  EXPECT_EQ(cellular_cost::of_message(1000), 1062u + 80 + 26 + 80);
}

TEST(Coarse, AMeanIsToldAnewOnlyOutsideItsToleranceAndTotalsEachQuarter) {
  Coarse coarse;
  Sample fine(1);
  std::vector<Sample> made;
  for (Uptime now = 1s; now <= 31min; now += 1s) {
    fine.uptime = now;
    const float watts = now < 10min ? 1000.0f : now < 20min ? 1009.0f : 1020.0f;
    fine.put<Quantity::active_power>(0, Watts{watts});
    fine.put<Quantity::imported>(0, MilliwattHours{now / 1s});
    fine.put<Quantity::voltage>(0, Volts{230.04f});
    if (const auto* one = coarse.add(fine)) made.push_back(*one);
  }

  ASSERT_EQ(made.size(), 31u);
  EXPECT_EQ(made[4].get<Quantity::active_power>(0), Watts{1000});
  EXPECT_EQ(made[14].get<Quantity::active_power>(0), Watts{1000});  // Within 1 %.
  EXPECT_EQ(made[25].get<Quantity::active_power>(0), Watts{1020});
  EXPECT_FALSE(made[25].get<Quantity::active_power>(1));  // Never measured.
  const auto with_totals = std::ranges::count_if(
      made, [](const Sample& one) { return one.get<Quantity::imported>(0).has_value(); });
  EXPECT_EQ(with_totals, 3);  // The first, and those at 15 and 30 minutes.
  EXPECT_EQ(made[14].get<Quantity::imported>(0), MilliwattHours{900});
  EXPECT_EQ(made[14].get<Quantity::voltage>(0), Volts{230});
}

}  // namespace
}  // namespace firmware
