#include "firmware/service.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "simulator/board.h"

namespace firmware {
namespace {

using namespace measurement::literals;
using namespace std::chrono_literals;
using measurement::Amperes;
using measurement::Reply;
using measurement::Request;
using measurement::Uptime;
using Outcome = Reply::Outcome;
using Kind = Request::Kind;

struct FakeBoard final : BoardControl {
  bool keep(std::size_t channel, const ChannelConfig& words) override {
    if (!keeps) return false;
    kept = channel;
    kept_words = words;
    return true;
  }
  bool identify() override {
    ++blinks;
    return true;
  }
  bool restart() override {
    ++restarts;
    return true;
  }
  void tell(measurement::Diagnostics& to) const override { to.firmware = "1.2.3"; }

  bool keeps = true;
  std::size_t kept = 99;
  ChannelConfig kept_words{};
  int blinks = 0, restarts = 0;
};

struct ServiceTest : testing::Test {
  simulator::Atm90e32Chip chip{{}, {.current_noise = 2e-6}};
  std::vector<Atm90e32> drivers;
  FakeBoard board;
  std::optional<MeterService> service;
  Uptime now{};

  ServiceTest() {
    ChipConfig config;
    for (auto& channel : config.channels) {
      channel = simulator::calibrated({}, 0, 50, Amperes{65});
    }
    drivers.emplace_back(chip, config);
    service.emplace(drivers, board);
    chip.apply({.voltage = {230.0_V, 230.0_V, 230.0_V},
                .frequency = 50.0_Hz,
                .channels = {{{.fundamental_power = 1150.0_W, .current = 5.0_A}, {}, {}}}});
    drivers[0].tend(now);
    pass(40ms);
    pass(1000ms);
  }
  void pass(Uptime time) {
    chip.advance(time);
    now += time;
    drivers[0].tend(now);
    service->step(now);
  }
  void ask(const Request& request) {
    std::array<std::uint8_t, measurement::max_request_bytes> bytes;
    const auto size = encode(request, bytes);
    ASSERT_TRUE(size);
    service->take(std::span(bytes).first(*size), now);
    service->step(now);
  }
  std::optional<Reply> reply() {
    const auto bytes = service->reply();
    if (bytes.empty()) return std::nullopt;
    EXPECT_TRUE(decode_reply(bytes, decoded));
    service->sent(now);
    return decoded.reply;
  }
  measurement::DecodedReply decoded;
};

TEST_F(ServiceTest, ReadsAveragesAndSpreadsOfWindows) {
  ask({.id = 1, .kind = Kind::read_raw, .channel = 0, .windows = 30});
  for (int i = 0; i < 29 * 7 - 1; ++i) pass(50ms);
  EXPECT_FALSE(reply());
  for (int i = 0; i < 14; ++i) pass(50ms);

  const auto got = reply();

  ASSERT_TRUE(got);
  EXPECT_EQ(got->outcome, Outcome::done);
  EXPECT_EQ(got->raw.windows, 30);
  EXPECT_NEAR(got->raw.channels[0].active.mean, 1150, 0.2);
  EXPECT_GT(got->raw.channels[0].active.deviation, 0);
  EXPECT_NEAR(got->raw.channels[0].voltage.mean, 230, 0.01);
  EXPECT_NEAR(got->raw.channels[0].peak_current, 7.07, 0.02);
  EXPECT_NEAR(got->raw.frequency, 50, 0.01);
  EXPECT_GE(got->raw.end - got->raw.begin, 29 * MeterService::between_readings);
}

TEST_F(ServiceTest, SetsAChannelOnlyIfItIsAsTheHubThinks) {
  const auto words = drivers[0].config().channels[1];
  auto wanted = words;
  wanted.current_gain = 12'345;
  auto wrong = words;
  wrong.pga = 4;

  ask({.id = 1, .kind = Kind::write_words, .channel = 1, .expected = wrong, .wanted = wanted});
  const auto refused = reply();
  ask({.id = 2, .kind = Kind::write_words, .channel = 1, .expected = words, .wanted = wanted});
  const auto done = reply();

  ASSERT_TRUE(refused && done);
  EXPECT_EQ(refused->outcome, Outcome::words_differ);
  EXPECT_EQ(refused->words, words);
  EXPECT_EQ(done->outcome, Outcome::done);
  EXPECT_EQ(done->words, wanted);
  EXPECT_EQ(board.kept, 1u);
  EXPECT_EQ(board.kept_words, wanted);
  EXPECT_EQ(chip.peek(atm90e32::address(atm90e32::Register::current_gain, 1)), 12'345);
}

TEST_F(ServiceTest, ARequestThatComesTwiceIsDoneOnceAndAnsweredTwice) {
  ask({.id = 5, .kind = Kind::identify});
  ASSERT_TRUE(reply());
  EXPECT_FALSE(reply());

  ask({.id = 5, .kind = Kind::identify});

  EXPECT_TRUE(reply());
  EXPECT_EQ(board.blinks, 1);
}

TEST_F(ServiceTest, RestartsOnlyWhenTheReplyIsOnItsWay) {
  ask({.id = 6, .kind = Kind::restart});
  pass(1s);
  EXPECT_EQ(board.restarts, 0);
  ASSERT_TRUE(reply());
  pass(1s);
  EXPECT_EQ(board.restarts, 0);
  pass(1s);
  pass(1s);
  EXPECT_EQ(board.restarts, 1);
}

TEST_F(ServiceTest, SaysWhatItCannotDo) {
  const auto outcome = [&](const Request& request) {
    ask(request);
    const auto got = reply();
    return got ? got->outcome : Outcome::busy;
  };
  const auto words = drivers[0].config().channels[0];
  auto odd = words;
  odd.phase_delay = 256;

  EXPECT_EQ(outcome({.id = 1, .kind = Kind::read_words, .channel = 3}), Outcome::no_such_channel);
  EXPECT_EQ(outcome({.id = 2, .kind = Kind::read_raw, .windows = 0}), Outcome::out_of_range);
  EXPECT_EQ(outcome({.id = 3, .kind = Kind::write_words, .expected = words, .wanted = odd}),
            Outcome::out_of_range);
  EXPECT_EQ(outcome({.id = 4, .kind = static_cast<Kind>(77)}), Outcome::unknown);
  board.keeps = false;
  EXPECT_EQ(outcome({.id = 5, .kind = Kind::write_words, .expected = words, .wanted = words}),
            Outcome::not_kept);
}

TEST_F(ServiceTest, OneReadingAtATime) {
  ask({.id = 1, .kind = Kind::read_raw, .windows = 10});
  ask({.id = 2, .kind = Kind::identify});
  EXPECT_EQ(reply().value().outcome, Outcome::busy);
  for (int i = 0; i < 80; ++i) pass(50ms);
  EXPECT_EQ(reply().value().id, 1u);

  ask({.id = 2, .kind = Kind::identify});

  EXPECT_EQ(reply().value().outcome, Outcome::done);
}

TEST_F(ServiceTest, TellsWhatItKnowsOfItself) {
  ask({.id = 1, .kind = Kind::diagnostics});
  const auto got = reply();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->diagnostics.chips, 1);
  EXPECT_EQ(got->diagnostics.chips_missing, 0);
  EXPECT_EQ(got->diagnostics.firmware, "1.2.3");
  EXPECT_EQ(got->diagnostics.uptime, now);
}

TEST_F(ServiceTest, HandsTheOutboxWhereToBeginOnce) {
  ask({.id = 1, .kind = Kind::send_again, .stream = 1, .number = 500});
  ASSERT_TRUE(reply());
  const auto from = service->send_again();
  ASSERT_TRUE(from);
  EXPECT_EQ(from->stream, 1);
  EXPECT_EQ(from->number, 500u);
  EXPECT_FALSE(service->send_again());
}

TEST_F(ServiceTest, AChipThatIsMissingIsSaidAndDoesNotHangTheRequest) {
  chip.set_missing(true);
  ask({.id = 1, .kind = Kind::read_raw, .windows = 5});
  for (int i = 0; i < 100; ++i) pass(50ms);
  EXPECT_EQ(reply().value().outcome, Outcome::chip_not_ready);
}

}  // namespace
}  // namespace firmware
