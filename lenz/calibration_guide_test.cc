#include "lenz/calibration_guide.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <stdexcept>
#include <vector>

#include "firmware/transport.h"
#include "lenz/simulated_meter.h"
#include "measurement/request_codec.h"
#include "simulator/scene.h"

namespace lenz {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;

// One load on the first of three clamps, at 230 V.
class Bench final : public simulator::Scene {
 public:
  const std::vector<simulator::Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override { return {50}; }
  Moment advance(Timestamp now, std::span<simulator::ChipInput> chips) override {
    const measurement::Volts volts{230};
    chips[0].voltage = {volts, volts, volts};
    chips[0].frequency = {50};
    chips[0].channels[0] = {.fundamental_power = {static_cast<float>(230 * amperes)},
                            .current = {static_cast<float>(amperes)}};
    return {.powered = true, .until = now + 50ms};
  }

  double amperes = 0;

 private:
  std::vector<simulator::Channel> channels_ = {{"Bench", {20}}, {"", {}}, {"", {}}};
};

class Wire final : public firmware::Transport {
 public:
  bool is_up() const override { return true; }
  unsigned connections() const override { return 1; }
  bool send(firmware::Post post, std::span<const std::uint8_t> bytes) override {
    if (post == firmware::Post::reply) reply.assign(bytes.begin(), bytes.end());
    return true;
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    if (request.empty()) return std::nullopt;
    std::ranges::copy(request, buffer.begin());
    return Received{firmware::Mail::request, std::exchange(request, {}).size()};
  }

  std::vector<std::uint8_t> request, reply;
};

class Memory final : public firmware::Storage {
 public:
  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t at, std::span<std::uint8_t> to) override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at), to.size(), to.begin());
    return true;
  }
  bool write(std::size_t at, std::span<const std::uint8_t> from) override {
    std::ranges::copy(from, bytes_.begin() + static_cast<std::ptrdiff_t>(at));
    return true;
  }

 private:
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(1 << 16);
};

struct GuideTest : testing::Test {
  Bench bench;
  Wire wire;
  Memory memory;
  SimulatedMeter meter{
      bench, {.device = "meter-1", .seed = 5, .is_uncalibrated = true}, memory, wire};
  Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 30);
  std::uint64_t id = 0;
  std::deque<std::string> answers;
  std::string said;

  void live(std::chrono::milliseconds time) {
    for (const auto until = now + time; now < until; now += 50ms) {
      meter.sample(now);
      meter.exchange(now.time_since_epoch());
    }
  }
  measurement::Reply ask(measurement::Request request) {
    request.id = ++id;
    std::array<std::uint8_t, measurement::max_request_bytes> bytes;
    wire.request.assign(
        bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(encode(request, bytes).value()));
    wire.reply.clear();
    for (int i = 0; i < 1000 && wire.reply.empty(); ++i) live(50ms);
    measurement::DecodedReply decoded;
    if (!decode_reply(wire.reply, decoded)) throw std::runtime_error("No reply.");
    return decoded.reply;
  }
  // The person does what is asked and types what comes next; "@9.9" switches that load on.
  std::optional<std::string> answer(const std::string& question) {
    said += question + "\n";
    if (answers.empty()) return std::nullopt;
    auto next = answers.front();
    answers.pop_front();
    if (next.starts_with("@")) {
      bench.amperes = std::stod(next.substr(1));
      live(2s);
      next = fmt::format("230.00 {:.3f} {:.1f}", bench.amperes, 230 * bench.amperes);
    }
    return next;
  }
  std::optional<hub::CalibrationRecord> guide(const std::string& clamp = "SCT-006") {
    return calibrate_channel(
        {.device = "meter-1", .clamp = clamp, .reference = "Wattmeter", .by = "Ada"},
        {.say = [this](const std::string& words) { said += words + "\n"; },
         .ask = [this](const std::string& question) { return answer(question); }},
        [this](const measurement::Request& request) { return ask(request); }, now);
  }
  double watts() {
    live(2s);
    return ask({.kind = measurement::Request::Kind::read_raw, .windows = 10})
        .raw.channels[0]
        .active.mean;
  }
};

TEST_F(GuideTest, AMeterThatIsOffIsRightAfterwardsAndStillAfterItsRestart) {
  live(3s);
  bench.amperes = 9;
  EXPECT_GT(std::abs(watts() - 2070), 10);
  bench.amperes = 0;
  live(2s);
  answers = {"0.2 0.2 0.2", "", "@18", "", "yes"};

  const auto record = guide();

  ASSERT_TRUE(record) << said;
  EXPECT_EQ(record->reference, "Wattmeter");
  EXPECT_NE(record->before, record->after);
  EXPECT_DOUBLE_EQ(record->accuracy.gain_limit, 0.2);
  bench.amperes = 9;
  EXPECT_NEAR(watts(), 2070, 1) << said;
  EXPECT_EQ(ask({.kind = measurement::Request::Kind::restart}).outcome,
            measurement::Reply::Outcome::done);
  live(3s);
  EXPECT_NEAR(watts(), 2070, 1);
}

TEST_F(GuideTest, WhoCallsItOffLeavesTheMeterAsItWas) {
  live(3s);
  const auto words = [&] { return ask({.kind = measurement::Request::Kind::read_words}).words; };
  const auto before = words();
  answers = {"0.2 0.2 0.2", "s", "@10", "", "no"};
  EXPECT_FALSE(guide());
  answers = {"0.2 0.2"};
  EXPECT_FALSE(guide());

  EXPECT_EQ(words(), before);
}

TEST_F(GuideTest, AMistakeIsSaidAndAskedAgain) {
  live(3s);
  // No load, a word too few, then a right one.
  answers = {"0.2 - -", "0.2 0.2 0.2", "s", "230 0 0", "ten 3", "@10", "", "yes"};

  const auto record = guide();

  EXPECT_TRUE(record);
  EXPECT_NE(said.find("watts or both of the others"), std::string::npos) << said;
  EXPECT_NE(said.find("which is no load"), std::string::npos) << said;
  EXPECT_NE(said.find("Three numbers or dashes"), std::string::npos) << said;
}

TEST_F(GuideTest, AClampThatIsNotKnownIsRefusedWithThoseThatAre) {
  try {
    guide("SCT-999");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("SCT-013-000"), std::string::npos);
  }
}

}  // namespace
}  // namespace lenz
