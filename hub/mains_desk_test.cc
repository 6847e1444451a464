#include "hub/mains_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "hub/calibration_course.h"
#include "hub/files/simulated_disk.h"
#include "hub/store/sqlite_store.h"
#include "measurement/request_codec.h"

namespace hub {
namespace {

using measurement::ChannelWords;
using measurement::Quantity;
using measurement::Reply;
using measurement::Request;
using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::HasSubstr;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 30) + 12h;

// 3 kW on the two legs of a house, of which each clamp shows 3 % too little, and five minutes of
// it.
class MainsDeskTest : public testing::Test {
 protected:
  MainsDeskTest() {
    home.nominal_voltage_v = 120;
    home.phases = 2;
    home.panels.emplace_back().circuits = {{.id = "mains",
                                            .name = "Mains",
                                            .kind = CircuitKind::grid,
                                            .legs = {1, 2},
                                            .channels = {{"meter-1", 0, 1}, {"meter-1", 1, 1}}},
                                           {.id = "oven", .channels = {{"meter-1", 2, 1}}}};
    std::vector<measurement::Sample> samples;
    for (std::uint64_t second = 0; second < 300; ++second) {
      auto& sample = samples.emplace_back(1);
      sample.number = second;
      sample.uptime = std::chrono::seconds(second);
      for (const std::size_t channel : {0U, 1U}) {
        sample.put<Quantity::active_power>(channel, {1500 * 0.97F});
      }
    }
    EXPECT_TRUE(store.append(
        {.device = "meter-1", .boot = 1, .period = 1s, .chips = 1, .booted_at = noon}, samples));
    EXPECT_TRUE(store.commit());
  }
  ~MainsDeskTest() override { std::filesystem::remove_all(folder); }

  // 3 kW at 1000 blinks to the kWh: one every 1.2 s, from half a second after `begin` on.
  static SeenLight blinking(Timestamp begin, std::chrono::seconds length) {
    SeenLight seen{.within_s = 1.0 / 30};
    const double first = static_cast<double>(begin.time_since_epoch().count()) / 1000 + 0.5;
    for (double at = 0; at < static_cast<double>(length.count()) - 1; at += 1.2) {
      seen.seconds.push_back(first + at);
    }
    return seen;
  }
  std::string take(const SeenLight& seen, const std::string& circuit = "mains") {
    const auto taken = desk.take(circuit, seen, now);
    return taken ? "" : taken.error();
  }

  bool send(std::string_view bytes) {
    const auto request = measurement::decode_request(
        {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    Reply reply{.id = request->id, .kind = request->kind};
    auto& own = words[request->channel];
    if (request->kind == Request::Kind::write_words) {
      if (request->channel == refusing) {
        reply.outcome = Reply::Outcome::not_written;
      } else {
        EXPECT_EQ(request->expected, own);
        own = request->wanted;
      }
    }
    reply.words = own;
    replies.push_back(reply);
    return true;
  }
  std::string set() {
    std::string said = "no answer";
    desk.set(requests, "Ada", now, [&](const std::expected<void, std::string>& answer) {
      said = answer ? "" : answer.error();
    });
    while (!replies.empty()) {
      std::array<std::uint8_t, measurement::max_reply_bytes> bytes;
      const auto used = measurement::encode(replies.front(), bytes);
      replies.erase(replies.begin());
      requests.heard("home", "meter-1", {reinterpret_cast<const char*>(bytes.data()), *used}, now);
    }
    return said;
  }

  const std::filesystem::path folder = [] {
    auto pattern = (std::filesystem::temp_directory_path() / "lenz_mains_XXXXXX").string();
    return std::filesystem::path(::mkdtemp(pattern.data()));
  }();
  const std::filesystem::path book = folder / "calibrations.toml";
  SimulatedDisk disk;
  SqliteStore store{disk, "/home"};
  Home home{.id = "home"};
  Timestamp now = noon + 5min;
  std::map<int, ChannelWords> words{{0, {.current_gain = 20'000}}, {1, {.current_gain = 30'000}}};
  int refusing = -1;  // To be set.
  std::vector<Reply> replies;
  std::uint64_t drawn = 0;
  MeterRequests requests{{.send = [this](std::string_view, std::string_view,
                                         std::string_view bytes) { return send(bytes); },
                          .draw = [this] { return ++drawn; }}};
  MainsDesk desk{store, home, book};
};

TEST_F(MainsDeskTest, TheLightSetsAllClampsOfTheMainsAlike) {
  EXPECT_EQ(take(blinking(noon + 60s, 180s)), "");
  const auto& count = *desk.count(now);
  EXPECT_NEAR(count.gain.factor, 1 / 0.97, 1e-4);
  EXPECT_NEAR(count.plus_minus_percent(), 1, 0.1);  // Class 1.
  EXPECT_EQ(words[0].current_gain, 20'000);         // Nothing is set by counting.

  EXPECT_EQ(set(), "");

  EXPECT_EQ(words[0].current_gain, 20'619);  // 20'000 / 0.97
  EXPECT_EQ(words[1].current_gain, 30'928);
  const auto records = load_calibrations(book);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].by, "Ada");
  EXPECT_EQ(records[0].after, words[0]);
  EXPECT_EQ(records[1].channel, 1);
  // The two are right together: what each may be off by is not less than before.
  EXPECT_EQ(records[0].accuracy.gain_limit, insight::uncalibrated(0, 0).gain_limit);
  EXPECT_TRUE(desk.count(now)->is_set);
  EXPECT_THAT(set(), HasSubstr("set already"));
}

TEST_F(MainsDeskTest, OfTheOnlyClampTheLightSaysItAll) {
  home.panels[0].circuits[0].channels.pop_back();
  auto seen = blinking(noon + 60s, 180s);
  seen.per_kwh = 2000;  // One clamp: half of it.
  ASSERT_EQ(take(seen), "");

  EXPECT_EQ(set(), "");

  const auto accuracy = load_calibrations(book)[0].accuracy;
  EXPECT_EQ(accuracy.gain_limit, 1);
  EXPECT_EQ(accuracy.second_gain_limit, 0);
  ASSERT_EQ(accuracy.loads.size(), 1u);
  EXPECT_NEAR(accuracy.loads[0].amperes, 12.5, 0.1);
}

TEST_F(MainsDeskTest, WhatIsNoCountIsRefusedWithItsCause) {
  EXPECT_THAT(take(blinking(noon, 5s)), HasSubstr("too few"));
  EXPECT_THAT(take(blinking(noon + 60s, 180s), "oven"), HasSubstr("Only the mains"));
  EXPECT_THAT(take(blinking(noon + 240s, 180s)), HasSubstr("sampled only"));
  auto seen = blinking(noon + 60s, 180s);
  seen.per_kwh = 10'000;
  EXPECT_THAT(take(seen), HasSubstr("number of blinks to the kWh"));
  EXPECT_EQ(desk.count(now), nullptr);
  EXPECT_THAT(set(), HasSubstr("count the blinks first"));
}

TEST_F(MainsDeskTest, AGainIsGivenOnceOnly) {
  ASSERT_EQ(take(blinking(noon + 60s, 180s)), "");
  refusing = 1;

  EXPECT_THAT(set(), HasSubstr("CT2 of meter-1"));

  EXPECT_EQ(words[0].current_gain, 20'619);
  EXPECT_EQ(words[1].current_gain, 30'000);
  EXPECT_EQ(load_calibrations(book).size(), 1u);
  EXPECT_EQ(desk.count(now), nullptr);  // It must be counted anew, or CT1 would get it twice.
}

}  // namespace
}  // namespace hub
