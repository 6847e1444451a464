#include "simulator/board.h"

#include <gtest/gtest.h>

#include "firmware/sampler.h"

namespace simulator {
namespace {

using namespace measurement::literals;
using namespace std::chrono_literals;
using measurement::Amperes;
using measurement::Quantity;
using measurement::Timestamp;
using measurement::Uptime;

// One heater of 2.3 kW, on for the first 30 ms of each 100 ms, and a power cut from 20 to 25 s.
class Dimmer final : public Scene {
 public:
  const std::vector<Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override { return 50.0_Hz; }

  Moment advance(Timestamp now, std::span<ChipInput> chips) override {
    const auto at = now.time_since_epoch();
    ++advances;
    chips[0] = {.voltage = {230.0_V, 230.0_V, 230.0_V}, .frequency = 50.0_Hz};
    if (at >= 20s && at < 25s) return {.powered = false, .until = Timestamp(25s)};
    const auto in_period = at % 100ms;
    const bool on = in_period < 30ms;
    if (on) chips[0].channels[0] = {.fundamental_power = 2300.0_W, .current = 10.0_A};
    return {.powered = true, .until = now - in_period + (on ? 30ms : 100ms)};
  }

  int advances = 0;

 private:
  std::vector<Channel> channels_{{"dimmer", 16.0_A}};
};

TEST(Board, ALoadOfMillisecondsIsMeteredExactlyThoughTheMeterLooksOnceASecond) {
  Dimmer scene;
  Board board(scene);
  std::vector<firmware::Atm90e32> drivers{{board.bus(0), board.configs()[0]}};
  firmware::Sampler sampler(drivers);
  std::int64_t first = 0, last = 0;
  for (Uptime now{}; now <= 12s; now += 1s) {
    EXPECT_TRUE(board.advance(Timestamp(now)));
    const auto* sample = sampler.step(now);
    if (!sample) continue;
    last = sample->get<Quantity::imported>(0)->value;
    if (now == 2s) first = last;
  }

  // 30 % of 2.3 kW for 10 s is 1916.7 mWh, to one count.
  EXPECT_NEAR(static_cast<double>(last - first), 1916.7, 4.2);
  EXPECT_EQ(scene.advances, 1 + 12 * 20);
}

TEST(Board, AMeterWithoutMainsMetersNothingAndStartsAnew) {
  Dimmer scene;
  Board board(scene);
  const auto enabled = [&] {
    return board.chip(0).peek(address(firmware::atm90e32::Register::meter_enable));
  };
  board.advance(Timestamp(0s));
  firmware::Atm90e32 driver(board.bus(0), board.configs()[0]);
  driver.tend(0s);
  board.advance(Timestamp(1s));
  driver.tend(1s);
  ASSERT_EQ(enabled(), 1);

  EXPECT_TRUE(board.advance(Timestamp(19s)));
  EXPECT_FALSE(board.advance(Timestamp(22s)));
  EXPECT_TRUE(board.advance(Timestamp(26s)));

  EXPECT_EQ(enabled(), 0);
}

// With 22 ohm and 720 mV, 32.7 mA is the limit: x 800 = 26 A, x 2000 = 65 A, x 3000 = 98 A,
// x 4000 = 131 A.
TEST(Board, ChoosesTheSmallestClampThatCarriesTheCircuit) {
  EXPECT_EQ(clamp_for(16.0_A).name, "SCT-006");
  EXPECT_EQ(clamp_for(26.0_A).name, "SCT-006");
  EXPECT_EQ(clamp_for(50.0_A).name, "SCT-013-000");
  EXPECT_EQ(clamp_for(80.0_A).name, "SCT-016");
  EXPECT_EQ(clamp_for(125.0_A).name, "SCT-024");
  EXPECT_EQ(clamp_for(200.0_A).name, "SCT-024");
}

// count = Vpin x gain / 32768 x 109,226: 1000 = 0.0275 x gain / 32768 x 109,226 gives 10,909.5; a
// maker's table for this clamp has 11,143, 2 % more.
TEST(Board, GainsAreWhatTheFrontEndAsksFor) {
  FrontEnd front;
  front.clamps[0].volts_per_ampere = 0.0275;

  const auto config = calibrated(front, 0, 50, 26.0_A);

  EXPECT_EQ(config.current_gain, 10909);
  EXPECT_EQ(config.multiplier, 1);
  // 100 counts a volt: 0.00177866 x gain / 32768 x 109,226 gives 16,867.
  EXPECT_EQ(config.voltage_gain, 16867);
}

}  // namespace
}  // namespace simulator
