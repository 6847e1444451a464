#include "hub/ingest/lorawan_ingest.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <random>

#include "hub/files/disk.h"
#include "hub/ingest/lorawan_uplink.h"
#include "hub/store/given_numbers.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Sample;
using measurement::Stream;
using measurement::SummaryEntry;
using measurement::Timestamp;
using measurement::Uptime;
using measurement::Watts;
using testing::HasSubstr;
using namespace std::chrono_literals;

using Bytes = std::vector<std::uint8_t>;

std::string base64(const Bytes& bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return text;
}

constexpr auto chirpstack_topic = "application/5/device/0123456789abcdef/event/up";
constexpr auto things_topic = "v3/lenz@ttn/devices/cellar/up";

std::string chirpstack(const Bytes& payload, const std::string& time, int counter) {
  return fmt::format(
      R"({{"deduplicationId": "a", "time": "{}", "deviceInfo": {{"tenantName": "t",)"
      R"( "deviceName": "cellar", "devEui": "0123456789abcdef"}}, "devAddr": "00189440", "dr": 1,)"
      R"( "fCnt": {}, "fPort": 10, "data": "{}", "rxInfo": [{{"gatewayId": "g", "rssi": -57}}]}})",
      time, counter, base64(payload));
}

std::string text_of(Timestamp time) {
  return fmt::format("{:%FT%T}.250Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

TEST(LorawanUplink, ChirpStacksMessageIsRead) {
  const auto uplink = lorawan_uplink(
      chirpstack_topic, chirpstack({0x20, 1, 2}, "2026-11-30T08:15:30.775023242+00:00", 3));

  ASSERT_TRUE(uplink);
  EXPECT_EQ(uplink->dev_eui, "0123456789abcdef");
  EXPECT_EQ(uplink->port, 10u);
  EXPECT_EQ(uplink->payload, (Bytes{0x20, 1, 2}));
  EXPECT_EQ(uplink->heard_at,
            std::chrono::sys_days(std::chrono::year(2026) / 11 / 30) + 8h + 15min + 30s);
}

TEST(LorawanUplink, TheThingsStacksMessageIsReadAndWhatIsZeroMayBeMissing) {
  const auto uplink =
      lorawan_uplink(things_topic,
                     R"({"end_device_ids": {"device_id": "cellar", "dev_eui": "0123456789ABCDEF"},
          "received_at": "2026-11-30T08:15:31.1Z",
          "uplink_message": {"frm_payload": "IAEC", "rx_metadata": [{"rssi": -57}],
                             "received_at": "2026-11-30T08:15:30.9Z"}})");

  ASSERT_TRUE(uplink);
  EXPECT_EQ(uplink->dev_eui, "0123456789abcdef");
  EXPECT_EQ(uplink->port, 0u);
  EXPECT_EQ(uplink->payload, (Bytes{0x20, 1, 2}));
  EXPECT_EQ(uplink->heard_at,
            std::chrono::sys_days(std::chrono::year(2026) / 11 / 30) + 8h + 15min + 30s);
}

TEST(LorawanUplink, WhatIsNoUplinkIsNone) {
  const auto good = chirpstack({0x20}, "", 0);
  ASSERT_TRUE(lorawan_uplink(chirpstack_topic, good));

  EXPECT_FALSE(lorawan_uplink("application/5/device/0123456789abcdef/event/join", good));
  EXPECT_FALSE(lorawan_uplink(things_topic, good));
  EXPECT_FALSE(lorawan_uplink(chirpstack_topic, good + std::string(70'000, ' ')));
  for (const char* text :
       {"", "[]", "null", "7", "{", R"({"deviceInfo": 3, "data": "IAEC"})",
        R"({"deviceInfo": {"devEui": 7}, "data": "IAEC"})",
        R"({"deviceInfo": {"devEui": "0123456789abcdeg"}, "data": "IAEC"})",
        R"({"deviceInfo": {"devEui": "0123456789abcdef"}})",
        R"({"deviceInfo": {"devEui": "0123456789abcdef"}, "data": ""})",
        R"({"deviceInfo": {"devEui": "0123456789abcdef"}, "data": "I!!C"})",
        R"({"deviceInfo": {"devEui": "0123456789abcdef"}, "data": "IAEC", "fPort": -1})",
        R"({"deviceInfo": {"devEui": "0123456789abcdef"}, "data": "IAEC", "fPort": 256})"}) {
    EXPECT_FALSE(lorawan_uplink(chirpstack_topic, text)) << text;
  }
}

TEST(LorawanUplink, DamagedMessagesNeverDoMoreThanBePassedOver) {
  const auto good = chirpstack(Bytes(51, 7), "2026-11-30T08:15:30Z", 9);
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    auto damaged = good;
    for (auto hits = 1 + random() % 3; hits > 0; --hits) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    const auto uplink = lorawan_uplink(chirpstack_topic, damaged);
    ASSERT_TRUE(!uplink || uplink->payload.size() <= 255);
  }
}

class LorawanTest : public testing::Test {
 protected:
  LorawanTest() {
    std::string pattern = testing::TempDir() + "lenz-lorawan-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    begin_hub();
  }
  ~LorawanTest() override {
    ingest.reset();
    hub.reset();
    store.reset();
    std::filesystem::remove_all(folder);
  }

  // As after a start of the hub.
  void begin_hub() {
    ingest.reset();
    hub.reset();
    store.reset();
    store = std::make_unique<SqliteStore>(disk, folder);
    hub = std::make_unique<Hub>(*store, live);
    ingest = std::make_unique<LorawanIngest>(
        std::vector{LorawanMeter{.dev_eui = "0123456789abcdef", .device = "cellar", .channels = 6}},
        *hub, *store,
        [this](std::string_view topic, std::string_view payload) {
          published.emplace_back(topic, payload);
        },
        [this](const std::string& text) { said.push_back(text); });
  }

  // A summary of the boot at an uptime, with the totals of channels 0 and 1 in Wh.
  Bytes summary(Uptime uptime, std::int64_t mains_wh, std::int64_t oven_wh,
                bool introduces = false) {
    const std::array entries = {
        SummaryEntry{.channel = 0,
                     .imported = MilliwattHours{mains_wh * 1000},
                     .exported = MilliwattHours{0},
                     .power = Watts{500}},
        SummaryEntry{
            .channel = 1, .imported = MilliwattHours{oven_wh * 1000}, .power = Watts{-20}}};
    Bytes bytes(51);
    bytes.resize(measurement::encode({.boot = boot, .uptime = uptime, .introduces = introduces},
                                     entries, bytes)
                     .size);
    return bytes;
  }
  // Heard by the gateway a moment after the meter made it.
  void hear(const Bytes& bytes, Uptime uptime, std::chrono::milliseconds late = 1s,
            int counter = 0) {
    const auto text = chirpstack(bytes, text_of(booted_at + uptime), counter);
    ingest->hear({chirpstack_topic, text}, booted_at + uptime + late);
  }

  std::vector<Store::Kept> kept() {
    return *store->samples("cellar", {booted_at - 240h, booted_at + 4800h});
  }
  double gained_wh(std::size_t channel, std::chrono::milliseconds step = 1h,
                   Quantity quantity = Quantity::imported) {
    double sum = 0;
    const auto points =
        store->read({"cellar", quantity, channel}, {booted_at - 24h, booted_at + 240h}, step);
    for (const double mwh : points->gained) sum += std::isnan(mwh) ? 0 : mwh;
    return sum / 1000;
  }

  std::uint64_t boot = 0xFEDCBA9876543210;
  const Timestamp booted_at = std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + 7h;
  std::string folder;
  Disk disk;
  LiveFeed live;
  std::vector<std::string> said;
  std::vector<std::pair<std::string, std::string>> published;
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<Hub> hub;
  std::unique_ptr<LorawanIngest> ingest;
};

TEST_F(LorawanTest, AMetersTotalsAndPowersAreStored) {
  hear(summary(5min, 40, 30, true), 5min);
  hear(summary(10min, 90, 70), 10min);

  const auto all = kept();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].boot, boot);
  EXPECT_EQ(all[1].stream, Stream::coarse);
  EXPECT_EQ(all[1].sample.uptime, 10min);
  EXPECT_LE(std::chrono::abs(all[1].time - (booted_at + 10min)), 1s);
  EXPECT_EQ(all[1].sample.get<Quantity::imported>(0), MilliwattHours{90'000});
  EXPECT_EQ(all[1].sample.get<Quantity::active_power>(1), Watts{-20});
  EXPECT_FALSE(all[1].sample.get<Quantity::imported>(2));
  EXPECT_EQ(gained_wh(0), 90);
  EXPECT_EQ(gained_wh(1), 70);
  EXPECT_TRUE(said.empty());
}

TEST_F(LorawanTest, WhatCameBeforeTheIntroductionIsKeptWhenItHasCome) {
  hear(summary(5min, 40, 30), 5min);
  hear(summary(10min, 90, 70), 10min);
  EXPECT_TRUE(kept().empty());

  hear(summary(15min, 120, 80, true), 15min);

  EXPECT_EQ(kept().size(), 3u);
  EXPECT_EQ(gained_wh(0), 120);
}

TEST_F(LorawanTest, AMeterThatIsNotKnownYetIsAskedToIntroduceItself) {
  hear(summary(5min, 40, 30), 5min);
  hear(summary(10min, 50, 30), 10min);
  ASSERT_EQ(published.size(), 1u);  // Ten minutes are not over.
  EXPECT_EQ(published[0].first, "application/5/device/0123456789abcdef/command/down");
  EXPECT_EQ(published[0].second,
            R"({"devEui":"0123456789abcdef","confirmed":false,"fPort":10,"data":"AQ=="})");

  const auto text = fmt::format(R"({{"end_device_ids": {{"dev_eui": "0123456789abcdef"}},)"
                                R"( "uplink_message": {{"f_port": 10, "frm_payload": "{}"}}}})",
                                base64(summary(20min, 60, 40)));
  ingest->hear({things_topic, text}, booted_at + 20min);
  ASSERT_EQ(published.size(), 2u);
  EXPECT_EQ(published[1].first, "v3/lenz@ttn/devices/cellar/down/push");
  EXPECT_EQ(published[1].second, R"({"downlinks":[{"f_port":10,"frm_payload":"AQ=="}]})");

  hear(summary(40min, 70, 40, true), 40min);
  EXPECT_EQ(published.size(), 2u);
  EXPECT_EQ(kept().size(), 4u);
}

TEST_F(LorawanTest, AnUplinkThatComesTwiceCountsOnceEvenAcrossARestartOfTheHub) {
  hear(summary(5min, 40, 30, true), 5min);
  hear(summary(10min, 90, 70), 10min);
  hear(summary(10min, 90, 70), 10min, 2s);
  begin_hub();
  hear(summary(5min, 40, 30, true), 5min, 6min);
  hear(summary(10min, 90, 70), 10min, 3min);
  hear(summary(15min, 100, 70), 15min);

  EXPECT_EQ(kept().size(), 3u);
  EXPECT_EQ(gained_wh(0), 100);
}

TEST_F(LorawanTest, UplinksThatOvertakeEachOtherFindTheirPlace) {
  hear(summary(5min, 40, 30, true), 5min);
  hear(summary(15min, 120, 80), 15min);
  hear(summary(10min, 90, 70), 10min, 6min);

  const auto all = kept();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(gained_wh(0), 120);
  const auto mean =
      store->read({"cellar", Quantity::active_power, 0}, {booted_at, booted_at + 20min}, 1min)
          ->mean;
  EXPECT_EQ(std::ranges::count_if(mean, [](float w) { return w == 500; }), 3);
}

TEST_F(LorawanTest, ARestartedMeterAndAFrameCounterThatBeganAnewAddUp) {
  hear(summary(5min, 40, 30, true), 5min, 1s, 812);
  hear(summary(10min, 90, 70), 10min, 1s, 813);

  boot = 0x1111222233334444;
  hear(summary(20min, 10, 5, true), 20min, 1s, 0);
  hear(summary(25min, 20, 10), 25min, 1s, 1);

  EXPECT_EQ(gained_wh(0), 90 + 20);
  EXPECT_EQ(kept().size(), 4u);
}

TEST_F(LorawanTest, AMeterThatIsHeardOverWifiTooCountsOnce) {
  // A report each 10 s with a total that rises by 1 Wh, and a summary each 5 minutes.
  hear(summary(5min, 30, 30, true), 5min);
  measurement::ReportHeader header{
      .device = "cellar", .boot = boot, .chips = 2, .booted_at = booted_at};
  header.period = 10s;
  for (std::uint64_t n = 0; n < 360; ++n) {
    Sample sample(2);
    sample.number = n;
    sample.uptime = Uptime(10s) * (n + 1);
    for (std::size_t c = 0; c < 6; ++c) {
      sample.put<Quantity::imported>(c, MilliwattHours{static_cast<std::int64_t>(1000 * (n + 1))});
      sample.put<Quantity::exported>(c, MilliwattHours{0});
      sample.put<Quantity::active_power>(c, Watts{360});
    }
    ASSERT_TRUE(hub->accept({header, {&sample, 1}}, booted_at + sample.uptime));
    if (n % 30 == 29 && n > 29) {
      const auto wh = static_cast<std::int64_t>(n + 1);
      hear(summary(sample.uptime, wh, wh), sample.uptime);
    }
  }
  ASSERT_TRUE(hub->commit());

  for (const auto step : {std::chrono::milliseconds(1min), std::chrono::milliseconds(1h)}) {
    EXPECT_EQ(gained_wh(0, step), 360);
    EXPECT_EQ(gained_wh(1, step), 360);
  }
  EXPECT_EQ(gained_wh(2), 360);
  // The steady samples speak for the power, and nothing is missing.
  const auto mean =
      store->read({"cellar", Quantity::active_power, 0}, {booted_at, booted_at + 1h}, 1h)->mean;
  EXPECT_EQ(mean[0], 360);
  EXPECT_TRUE(store->gaps("cellar", {booted_at, booted_at + 1h})->empty());
  // The meter is not told of numbers that it never gave.
  const auto told = hub->all_stored();
  for (const auto& one : *told) {
    for (const auto& range : one.ranges) EXPECT_EQ(range.stream, Stream::samples);
  }
}

TEST_F(LorawanTest, AMeterThatIsHeardOverTwoThinRadiosKeepsWhatEitherTells) {
  SummaryMeter other({.device = "cellar", .channels = 6}, *hub, *store);
  for (Uptime t = 5min; t <= 30min; t += 5min) {
    hear(summary(t, t / 1min, 7, t == 5min), t);
    const auto later = t + 2min;
    EXPECT_FALSE(other.hear(summary(later, later / 1min, 7, t == 5min), booted_at + later,
                            booted_at + later));
  }

  EXPECT_EQ(kept().size(), 12u);
  EXPECT_EQ(gained_wh(0), 32);
}

TEST_F(LorawanTest, WifiThatWasAwayForADayLeavesTheDayToTheSummaries) {
  hear(summary(5min, 30, 30, true), 5min);
  for (Uptime t = 10min; t <= 24h; t += 5min) hear(summary(t, t / 10s, 7), t);

  EXPECT_EQ(gained_wh(0), 8640);
  EXPECT_TRUE(store->gaps("cellar", {booted_at, booted_at + 24h})->empty());

  // Packed, and read again by another start.
  while (true) {
    const auto is_done = store->tidy(booted_at + 30h);
    ASSERT_TRUE(is_done);
    if (*is_done) break;
  }
  begin_hub();
  EXPECT_EQ(gained_wh(0), 8640);
  hear(summary(24h + 5min, 8700, 7, true), 24h + 5min);
  EXPECT_EQ(gained_wh(0), 8700);
  EXPECT_EQ(kept().back().sample.number, first_given_number + 288);
}

TEST_F(LorawanTest, AMeterThatHasRunForMonthsWhenItIsFirstHeardGetsItsTime) {
  const Uptime months = 24h * 100 + 7min;
  hear(summary(months, 5'000'000, 70'000, true), months);
  hear(summary(months + 8h, 5'000'100, 70'000), months + 8h);

  ASSERT_EQ(kept().size(), 2u);
  EXPECT_LE(std::chrono::abs(kept()[0].time - (booted_at + months)), 1s);
  EXPECT_LE(std::chrono::abs(kept()[1].time - (booted_at + months + 8h)), 1s);
}

TEST_F(LorawanTest, OtherDevicesPortsAndWhatTheBrokerKeptArePassedOver) {
  const auto good = summary(5min, 40, 30, true);
  auto other = chirpstack(good, text_of(booted_at), 0);
  other.replace(other.find("0123456789abcdef"), 16, "ffff456789abcdef");
  ingest->hear({chirpstack_topic, other}, booted_at + 5min);
  auto port = chirpstack(good, text_of(booted_at), 0);
  port.replace(port.find("\"fPort\": 10"), 11, "\"fPort\": 11");
  ingest->hear({chirpstack_topic, port}, booted_at + 5min);
  const auto kept_by_broker = chirpstack(good, text_of(booted_at), 0);
  ingest->hear({chirpstack_topic, kept_by_broker, true}, booted_at + 5min);

  EXPECT_TRUE(kept().empty());
  EXPECT_TRUE(said.empty());
}

TEST_F(LorawanTest, WhatIsNoSummaryOrHasTooManyChannelsIsSaidOnce) {
  hear({0x40, 1, 2, 3, 4, 5, 6}, 5min);
  hear({0x40, 1, 2, 3, 4, 5, 6}, 6min);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0],
              HasSubstr("A summary of cellar was refused: The summary was written by a newer"));

  Bytes bytes(51);
  const SummaryEntry beyond{.channel = 6, .imported = MilliwattHours{1000}};
  bytes.resize(measurement::encode({.boot = boot, .uptime = 1h}, {&beyond, 1}, bytes).size);
  hear(bytes, 1h);
  ASSERT_EQ(said.size(), 2u);
  EXPECT_THAT(said[1], HasSubstr("more channels"));
}

TEST_F(LorawanTest, NoMoreThanAFewSummariesWaitForAnIntroduction) {
  SummaryMeter meter({.device = "cellar", .channels = 6}, *hub, *store);
  for (Uptime t = 0min; t < 1000min; t += 5min) {
    EXPECT_FALSE(meter.hear(summary(t, 1, 1), booted_at + t, booted_at + t));
  }
  EXPECT_EQ(meter.waiting(), SummaryMeter::most_waiting);
}

}  // namespace
}  // namespace hub
