#include "lenz/simulated_meter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "firmware/ram_storage.h"
#include "hub/files/simulated_disk.h"
#include "hub/hub.h"
#include "hub/live_feed.h"
#include "hub/meter_updates.h"
#include "hub/store/sqlite_store.h"
#include "measurement/report_codec.h"
#include "simulator/boot_flash.h"
#include "simulator/signing_key.h"
#include "simulator/step_load.h"

namespace lenz {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Stream;
using measurement::Timestamp;
using namespace std::chrono_literals;

// A link behind which there is a hub that stores at once.
class Line final : public firmware::Transport {
 public:
  explicit Line(hub::Hub& hub) : hub_(hub) {}

  bool is_up() const override { return true; }
  unsigned connections() const override { return 1; }
  bool send(firmware::Post post, std::span<const std::uint8_t> report) override {
    if (post == firmware::Post::reply) {
      replies.emplace_back(report.begin(), report.end());
      return true;
    }
    const auto decoded = measurement::decode(report, samples_);
    EXPECT_TRUE(decoded);
    const auto taken = std::span(samples_).first(decoded->count);
    EXPECT_TRUE(
        hub_.accept({decoded->header, taken}, *decoded->header.booted_at + taken.back().uptime));
    const auto confirmed = hub_.confirm();
    EXPECT_TRUE(confirmed);
    for (const auto& one : *confirmed) {
      std::vector<std::uint8_t> bytes(1024);
      bytes.resize(measurement::encode(measurement::Answer{.ranges = one.ranges}, bytes).value());
      mail_.emplace_back(firmware::Mail::stored, std::move(bytes));
    }
    return true;
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    if (mail_.empty()) return std::nullopt;
    const auto [mail, bytes] = mail_.front();
    mail_.pop_front();
    std::ranges::copy(bytes, buffer.begin());
    return Received{mail, bytes.size()};
  }
  void ask(std::string_view bytes) {
    mail_.emplace_back(firmware::Mail::request,
                       std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
  }

  std::deque<std::string> replies;

 private:
  hub::Hub& hub_;
  std::vector<Sample> samples_ = std::vector<Sample>(measurement::max_samples_per_report);
  std::deque<std::pair<firmware::Mail, std::vector<std::uint8_t>>> mail_;
};

class SimulatedMeterTest : public testing::Test {
 protected:
  SimulatedMeterTest() { hub.admit("meter-1"); }

  const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
  hub::SimulatedDisk disk;
  hub::SqliteStore store{disk, "/home"};
  hub::LiveFeed feed;
  hub::Hub hub{store, feed};
  Line line{hub};
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(1 << 16);
  firmware::RamStorage storage{bytes};
  simulator::StepLoad load{10s};
};

TEST_F(SimulatedMeterTest, WhatHappensAroundASwitchingEdgeIsStoredByTheHubAndDoesNotShowAsNow) {
  SimulatedMeter meter(load, {.device = "meter-1", .edges = firmware::usual_edges}, storage, line);
  std::size_t shown = 0;
  const auto listening = feed.subscribe([&](const hub::LiveFeed::Moment& moment) {
    ++shown;
    EXPECT_TRUE(moment.sample.get<Quantity::imported>(0));
  });

  for (auto now = begin; now < begin + 25s; now += 80ms) {
    meter.sample(now);
    meter.exchange(now - begin);
  }

  EXPECT_TRUE(meter.is_all_stored());
  const auto kept = store.samples("meter-1", {begin, begin + 30s});
  ASSERT_TRUE(kept);
  std::vector<hub::Store::Kept> edges;
  std::ranges::copy_if(*kept, std::back_inserter(edges),
                       [](const auto& one) { return one.stream == Stream::edges; });
  // 100 W until 10 s, 1,100 W until 20 s: two sweeps before each step, the step, and six after it.
  ASSERT_EQ(edges.size(), 18u);
  EXPECT_GE(edges[0].time, begin + 10s - 3 * 320ms);
  EXPECT_LE(edges[8].time, begin + 10s + 8 * 320ms);
  EXPECT_NEAR(edges[0].sample.get<Quantity::active_power>(0)->value, 100, 1);
  EXPECT_NEAR(edges[8].sample.get<Quantity::active_power>(0)->value, 1100, 2);
  EXPECT_NEAR(edges[8].sample.get<Quantity::fundamental_power>(0)->value, 1100, 2);
  // 1,100 W at 230 V are 4.783 A, and their peak 6.764 A.
  EXPECT_NEAR(edges[8].sample.get<Quantity::peak_current>(0)->value, 6.764, 0.02);
  EXPECT_FALSE(edges[8].sample.get<Quantity::active_power>(1)) << "nothing happened there";
  EXPECT_EQ(shown, kept->size() - edges.size());
}

TEST_F(SimulatedMeterTest, AnUpdateIsWrittenWhileItReportsAndRunsAfterARestart) {
  simulator::SigningKey key;
  SimulatedMeter meter(load, {.device = "meter-1", .update_key = &key}, storage, line);
  std::uint64_t drawn = 0;
  hub::MeterRequests requests({.send =
                                   [&](std::string_view, std::string_view, std::string_view asked) {
                                     line.ask(asked);
                                     return true;
                                   },
                               .draw = [&] { return ++drawn; }});
  hub::MeterUpdates updates(requests);
  const auto image = simulator::bootable_image(20'000, 2, "1.1.0");

  auto second = begin;
  for (auto now = begin; now < begin + 60s; now += 80ms) {
    meter.sample(now);
    meter.exchange(now - begin);
    for (; !line.replies.empty(); line.replies.pop_front()) {
      requests.heard("home", "meter-1", line.replies.front(), now);
    }
    if (now == begin + 2s) {
      updates.begin("home", "meter-1",
                    key.manifest("1.1.0", image) + std::string(image.begin(), image.end()), now,
                    {});
    }
    if (now < second) continue;
    second += 1s;
    requests.expire(now);
    updates.step(now);
  }

  const auto* state = updates.state("home", "meter-1");
  EXPECT_EQ(word(state->stage), std::string("confirmed")) << state->why;
  EXPECT_EQ(requests.condition("home", "meter-1")->firmware, "1.1.0");
  EXPECT_EQ(meter.count().starts, 2u);
  EXPECT_GE(meter.count().samples, 58u);
}

}  // namespace
}  // namespace lenz
