#include "lenz/board_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <utility>

#include "firmware/boards/linux/fake_machine.h"
#include "firmware/ram_storage.h"
#include "measurement/request_codec.h"
#include "simulator/atm90e32_chip.h"

namespace lenz {
namespace {

using firmware::linux_board::FakeMachine;
using measurement::Quantity;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class MemoryValues final : public firmware::KeyValues {
 public:
  std::optional<std::size_t> get(const char* key, std::span<std::uint8_t> value) override {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    std::ranges::copy(found->second, value.begin());
    return found->second.size();
  }
  bool put(const char* key, std::span<const std::uint8_t> value) override {
    values_[key].assign(value.begin(), value.end());
    return true;
  }
  bool erase_all() override {
    values_.clear();
    return true;
  }

 private:
  std::map<std::string, std::vector<std::uint8_t>> values_;
};

// Keeps the last sample of each report, and has one request to make.
class Ear final : public firmware::Transport {
 public:
  bool is_up() const override { return true; }
  unsigned connections() const override { return 1; }
  bool send(firmware::Post post, std::span<const std::uint8_t> report) override {
    if (post == firmware::Post::reply) {
      measurement::DecodedReply reply;
      EXPECT_TRUE(measurement::decode_reply(report, reply));
      outcome = reply.reply.outcome;
      return true;
    }
    std::array<measurement::Sample, measurement::max_samples_per_report> samples;
    const auto decoded = measurement::decode(report, samples);
    heard.push_back(samples[decoded->count - 1]);
    booted_at = decoded->header.booted_at;
    return true;
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    if (!request) return std::nullopt;
    const auto size = measurement::encode(*std::exchange(request, std::nullopt), buffer);
    return Received{firmware::Mail::request, size.value()};
  }

  std::optional<measurement::Request> request;
  std::optional<measurement::Reply::Outcome> outcome;
  std::vector<measurement::Sample> heard;
  std::optional<Timestamp> booted_at;
};

// Two chips, of which the second sees half the voltage.
class BoardMeterTest : public testing::Test {
 protected:
  BoardMeterTest() {
    machine.chips = {{5, &chips[0]}, {6, &chips[1]}};
    meter.id = "pi";
    meter.nominal_voltage_v = 230;
    meter.chips.resize(2);
    meter.chips[0].cs_pin = 5;
    meter.chips[1].cs_pin = 6;
    for (std::size_t i = 0; i < 2; ++i) {
      const measurement::Volts volts{i == 0 ? 230.f : 115.f};
      chips[i].apply(
          {.voltage = {volts, volts, volts},
           .frequency = {50},
           .channels = {{{.fundamental_power = {1150}, .current = {1150 / volts.value}}}}});
      // 9 V of 230 V over 22, and 109,226 counts a volt at the pin; 11 mV an ampere.
      for (auto& channel : meter.chips[i].channels) {
        channel.voltage_gain = 16'866;
        channel.current_gain = 27'273;
      }
    }
  }

  void run(BoardMeter& board, Uptime length, std::optional<Timestamp> booted_at = {}) {
    for (const Uptime end = now + length; now < end; now += 250ms) {
      board.step(now, booted_at);
      for (auto& chip : chips) chip.advance(250ms);
    }
  }

  std::array<simulator::Atm90e32Chip, 2> chips;
  FakeMachine machine;
  hub::Meter meter;
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(64 * 1024);
  firmware::RamStorage storage{bytes};
  MemoryValues kept;
  Ear ear;
  Uptime now{};
};

TEST_F(BoardMeterTest, WhatItsChipsMeasureReachesTheHub) {
  BoardMeter board({.meter = meter}, storage, ear, kept, machine);

  run(board, 6s, Timestamp(1'800'000'000s));

  ASSERT_FALSE(ear.heard.empty());
  const auto& sample = ear.heard.back();
  EXPECT_NEAR(sample.get<Quantity::voltage>(0)->value, 230, 0.1);
  EXPECT_NEAR(sample.get<Quantity::voltage>(1)->value, 115, 0.1);
  EXPECT_NEAR(sample.get<Quantity::active_power>(0)->value, 1150, 1);
  EXPECT_NEAR(sample.get<Quantity::current>(3)->value, 10, 0.01);
  EXPECT_EQ(ear.booted_at, Timestamp(1'800'000'000s));
}

TEST_F(BoardMeterTest, BeforeTheClockIsSetItSaysNoTime) {
  BoardMeter board({.meter = meter}, storage, ear, kept, machine);

  run(board, 4s);

  ASSERT_FALSE(ear.heard.empty());
  EXPECT_EQ(ear.booted_at, std::nullopt);
}

TEST_F(BoardMeterTest, AChipThatIsTakenOutIsNamedOnceAndAgainWhenItIsBack) {
  BoardMeter board({.meter = meter}, storage, ear, kept, machine);
  run(board, 4s);
  EXPECT_THAT(board.news(), ElementsAre("Channels 0 to 2: The chip answers.",
                                        "Channels 3 to 5: The chip answers."));

  chips[1].set_missing(true);
  run(board, 4s);
  EXPECT_THAT(board.news(), ElementsAre(HasSubstr("Channels 3 to 5: No chip answers here")));
  EXPECT_THAT(board.news(), ElementsAre());

  chips[1].set_missing(false);
  run(board, 4s);
  EXPECT_THAT(board.news(), ElementsAre("Channels 3 to 5: The chip answers."));
}

TEST_F(BoardMeterTest, OtherLinesCanBeGivenThanHomeTomlHas) {
  machine.chips = {{17, &chips[0]}, {27, &chips[1]}};
  BoardMeter board({.meter = meter, .bus = {.selects = {17, 27}}}, storage, ear, kept, machine);

  run(board, 4s);

  EXPECT_EQ(board.news().size(), 2u);
}

TEST_F(BoardMeterTest, WhatACalibrationHasSetOutlivesARestart) {
  const auto before = chip_configs(meter)[0].channels[0];
  auto wanted = before;
  wanted.current_gain = static_cast<std::uint16_t>(before.current_gain / 2);
  {
    BoardMeter board({.meter = meter, .boot = 1}, storage, ear, kept, machine);
    run(board, 4s);
    ear.request = {.id = 9,
                   .kind = measurement::Request::Kind::write_words,
                   .channel = 0,
                   .expected = before,
                   .wanted = wanted};
    run(board, 4s);
    ASSERT_EQ(ear.outcome, measurement::Reply::Outcome::done);
  }
  now = 0s;
  BoardMeter again({.meter = meter, .boot = 2}, storage, ear, kept, machine);

  run(again, 6s);

  EXPECT_NEAR(ear.heard.back().get<Quantity::current>(0)->value, 2.5, 0.01);
}

TEST_F(BoardMeterTest, OneLineForTwoChipsIsRefused) {
  try {
    BoardMeter({.meter = meter, .bus = {.selects = {17}}}, storage, ear, kept, machine);
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(
        error.what(),
        "home.toml describes 2 chips of pi, and the number of selects that were given is 1: "
        "give one for each, in its order.");
  }
}

TEST_F(BoardMeterTest, AClampThatIsToBeTurnedIsRefusedWithTheRemedy) {
  meter.chips[1].channels[2].reversed = true;

  try {
    chip_configs(meter);
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("Channel 5 of pi"));
    EXPECT_THAT(error.what(), HasSubstr("multiplier = -1"));
  }
}

}  // namespace
}  // namespace lenz
