#include "firmware/sampler.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "simulator/board.h"

namespace firmware {
namespace {

using namespace measurement::literals;
using namespace std::chrono_literals;
using measurement::Amperes;
using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using measurement::Uptime;

// Six circuits on two chips: 230 V, and on channel c a heater of (c + 1) x 230 W. A starting motor
// draws a peak for 100 ms at second 5.
class SixHeaters final : public simulator::Scene {
 public:
  const std::vector<simulator::Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override { return 50.0_Hz; }

  Moment advance(Timestamp now, std::span<simulator::ChipInput> chips) override {
    const auto at = now.time_since_epoch();
    const bool inrush = at >= 5100ms && at < 5200ms;
    const bool kettle = at >= 12s;
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      auto& chip = chips[measurement::chip_of(c)];
      chip.voltage.fill(230.0_V);
      chip.frequency = 50.0_Hz;
      const float amperes = static_cast<float>(c + 1) + (kettle && c == 1 ? 10.f : 0.f);
      chip.channels[c % 3] = {.fundamental_power = measurement::Watts{230 * amperes},
                              .current = Amperes{amperes},
                              .peak_current = inrush && c == 4 ? 60.0_A : 0.0_A};
    }
    const auto next = at < 5100ms   ? 5100ms
                      : at < 5200ms ? 5200ms
                      : at < 12s    ? 12'000ms
                                    : 1'000'000'000ms;
    return {.powered = true, .until = Timestamp(next)};
  }

 private:
  std::vector<simulator::Channel> channels_{6, {"heater", 20.0_A}};
};

struct Meter {
  SixHeaters scene;
  simulator::Board board{scene};
  std::vector<Atm90e32> drivers;
  Sampler sampler;
  Uptime now{};

  explicit Meter(Uptime period = 1s, const EdgeRule& rule = {})
      : drivers{{board.bus(0), board.configs()[0]}, {board.bus(1), board.configs()[1]}},
        sampler(drivers, period, rule) {
    board.advance(Timestamp(0ms));
    EXPECT_EQ(sampler.step(now), nullptr);
  }

  // Steps every `step` until `until` and returns the samples that came.
  std::vector<Sample> run(Uptime until, Uptime step) {
    std::vector<Sample> samples;
    while (now < until) {
      now += step;
      board.advance(Timestamp(now));
      if (const auto* sample = sampler.step(now)) samples.push_back(*sample);
    }
    return samples;
  }
};

TEST(Sampler, GivesOneSampleASecondNumberedWithoutHoles) {
  Meter meter;

  const auto samples = meter.run(30s, 250ms);

  ASSERT_EQ(samples.size(), 30u);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].number, i);
    EXPECT_EQ(samples[i].uptime, Uptime(1000 * static_cast<std::int64_t>(i + 1)));
  }
}

TEST(Sampler, EveryCircuitIsReadFromItsOwnClamp) {
  for (const auto step : {250ms, 1000ms}) {
    Meter meter;

    const auto samples = meter.run(12s, step);

    const auto& last = samples.back();
    for (std::size_t c = 0; c < 6; ++c) {
      const float amperes = static_cast<float>(c + 1);
      EXPECT_NEAR(last.get<Quantity::current>(c)->value, amperes, 0.002f);
      EXPECT_NEAR(last.get<Quantity::active_power>(c)->value, 230 * amperes,
                  0.1f + 0.03f * amperes);
      EXPECT_NEAR(last.get<Quantity::peak_current>(c)->value, amperes * 1.41421f, 0.003f);
      EXPECT_NEAR(measurement::power_factor(last, c)->value, 1, 0.002f);
    }
    EXPECT_NEAR(last.get<Quantity::voltage>(1)->value, 230, 0.1f);
    EXPECT_NEAR(last.get<Quantity::frequency>(1)->value, 50, 0.01f);
  }
}

TEST(Sampler, NothingIsToldBeforeTheChipsHaveSettledButEnergyCountsAtOnce) {
  Meter meter;

  const auto samples = meter.run(2s, 250ms);

  EXPECT_FALSE(samples[0].get<Quantity::voltage>(0));
  EXPECT_FALSE(samples[0].get<Quantity::current>(0));
  // Set up at 0.25 s: 0.75 s of 230 W are 47.9 mWh, or 11 counts of 4.
  EXPECT_EQ(samples[0].get<Quantity::imported>(0)->value, 44);
  EXPECT_TRUE(samples[1].get<Quantity::voltage>(0));
}

TEST(Sampler, EachSlowValueComesAtLeastEveryTenSeconds) {
  for (const auto& [period, step] : {std::pair<Uptime, Uptime>{1s, 250ms}, {3s, 3s}, {10s, 10s}}) {
    Meter meter(period);
    meter.run(20s, step);

    const auto samples = meter.run(120s, step);

    for (const auto q :
         {Quantity::fundamental_power, Quantity::harmonic_power, Quantity::chip_temperature}) {
      Uptime last = samples.front().uptime;
      int found = 0;
      for (const auto& sample : samples) {
        if (!sample.steps(q, 1)) continue;
        EXPECT_LE(sample.uptime - last, 10s) << row(q).name;
        last = sample.uptime;
        ++found;
      }
      EXPECT_GE(found, 10) << row(q).name;
      EXPECT_LE(found, 34) << row(q).name;
    }
  }
}

TEST(Sampler, AMotorsInrushBetweenTwoSamplesIsInTheNext) {
  Meter meter;

  const auto samples = meter.run(9s, 250ms);

  // 5 A x sqrt 2 before and after; 60 A from 5.1 to 5.2 s, of which the 20 A clamp shows what fits
  // the chip's 1.2 V: 1.2 / (22 / 800) = 43.64 A.
  EXPECT_NEAR(samples[4].get<Quantity::peak_current>(4)->value, 7.07f, 0.01f);
  EXPECT_NEAR(samples[5].get<Quantity::peak_current>(4)->value, 43.64f, 0.01f);
  EXPECT_NEAR(samples[7].get<Quantity::peak_current>(4)->value, 7.07f, 0.01f);
}

TEST(Sampler, ThreeSweepsASecondCostNoCountOfEnergyAndAStatedNumberOfFrames) {
  Meter plain;
  Meter swept(1s, {.sweep_period = 333ms});
  plain.run(10s, 37ms);
  swept.run(10s, 37ms);
  const auto before = std::pair(plain.board.frames(), swept.board.frames());

  const auto samples = plain.run(70s, 37ms);
  const auto same = swept.run(70s, 37ms);

  ASSERT_EQ(samples.size(), same.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t c = 0; c < 6; ++c) {
      EXPECT_EQ(samples[i].get<Quantity::imported>(c)->value,
                same[i].get<Quantity::imported>(c)->value);
    }
  }
  // A frame of four bytes takes 42 us at 1 MHz with what a driver adds to it.
  const auto frames = [](std::uint64_t from, std::uint64_t to) {
    return static_cast<double>(to - from) / 60 / 2;
  };
  const double slow = frames(before.first, plain.board.frames());
  const double fast = frames(before.second, swept.board.frames());
  fmt::print(
      "Frames of a chip in a second: {:.0f}, with three sweeps {:.0f}; of 14 chips at 1 MHz {:.1f} "
      "% "
      "and {:.1f} % of the time.\n",
      slow, fast, 14 * slow * 42e-4, 14 * fast * 42e-4);
  EXPECT_LE(fast - slow, 3 * 75);
  EXPECT_LE(14 * fast * 42e-6, 0.2);
}

TEST(Sampler, AKettlesStartIsSweptBeforeDuringAndAfterItWithItsSignature) {
  Meter meter(1s, {.sweep_period = 333ms, .power = 50.0_W, .before = 2, .after = 6});
  std::vector<Sample> edges;
  while (meter.now < 20s) {
    meter.now += 37ms;
    meter.board.advance(Timestamp(meter.now));
    meter.sampler.step(meter.now);
    if (const auto* edge = meter.sampler.edge()) edges.push_back(*edge);
  }

  // A kettle of 2,300 W joins the heater of channel 1 at 12 s.
  ASSERT_EQ(edges.size(), 9u);
  EXPECT_NEAR(edges.front().get<Quantity::active_power>(1)->value, 460, 1);
  EXPECT_NEAR(edges.back().get<Quantity::active_power>(1)->value, 2760, 1);
  EXPECT_NEAR(edges.back().get<Quantity::fundamental_power>(1)->value, 2760, 1);
  EXPECT_NEAR(edges.back().get<Quantity::harmonic_power>(1)->value, 0, 1);
  EXPECT_NEAR(edges.back().get<Quantity::peak_current>(1)->value, 16.97f, 0.02f);
  EXPECT_LE(edges.front().uptime, 12s - 333ms);
  EXPECT_GE(edges.back().uptime, 12s + 6 * 333ms - 100ms);
  for (const auto& edge : edges) {
    EXPECT_FALSE(edge.get<Quantity::active_power>(0));
    EXPECT_FALSE(edge.get<Quantity::imported>(1));
  }
}

TEST(Sampler, OneDeadChipDoesNotTakeTheOtherWithIt) {
  Meter meter;
  meter.run(5s, 250ms);
  meter.board.chip(0).set_missing(true);

  const auto samples = meter.run(10s, 250ms);

  for (const auto& sample : samples) {
    EXPECT_FALSE(sample.get<Quantity::voltage>(0));
    EXPECT_FALSE(sample.get<Quantity::current>(2));
    EXPECT_FALSE(sample.get<Quantity::peak_current>(2));
    EXPECT_FALSE(sample.get<Quantity::imported>(2));
    EXPECT_NEAR(sample.get<Quantity::current>(3)->value, 4, 0.002f);
  }
  EXPECT_EQ(meter.sampler.health(0).error, ChipError::missing);
  EXPECT_EQ(meter.sampler.health(1).error, std::nullopt);
}

TEST(Sampler, TotalsNeverFallAcrossADipOfTheSupply) {
  Meter meter;
  auto samples = meter.run(5s, 250ms);
  meter.board.chip(1).brown_out();

  for (const auto& sample : meter.run(20s, 250ms)) samples.push_back(sample);

  std::int64_t total = 0;
  for (const auto& sample : samples) {
    const auto imported = sample.get<Quantity::imported>(5);
    if (!imported) continue;
    EXPECT_GE(imported->value, total);
    total = imported->value;
  }
  // 1380 W is 383.3 mWh a second. At most 2 s of the 20 are lost, and 0.25 s at the start.
  EXPECT_GT(total, static_cast<std::int64_t>(383.3 * 17.5));
  EXPECT_LE(total, static_cast<std::int64_t>(383.4 * 19.75));
  EXPECT_EQ(meter.sampler.health(1).resets, 1u);
}

}  // namespace
}  // namespace firmware
