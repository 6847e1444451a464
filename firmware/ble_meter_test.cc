#include "firmware/ble_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "firmware/device.h"
#include "hub/net/openssl_aes.h"
#include "measurement/report_codec.h"
#include "simulator/board.h"
#include "simulator/step_load.h"

namespace firmware {
namespace {

using measurement::BthomeReading;
using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Sample;
using measurement::SummaryEntry;
using measurement::Timestamp;
using measurement::Uptime;
using measurement::Volts;
using measurement::Watts;
using testing::ElementsAre;
using namespace std::chrono_literals;

using Bytes = std::vector<std::uint8_t>;

class MemoryStorage final : public Storage {
 public:
  explicit MemoryStorage(std::size_t size) : bytes_(size, 0xFF) {}
  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> into) override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return !is_dead;
  }
  bool write(std::size_t offset, std::span<const std::uint8_t> from) override {
    std::ranges::copy(from, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return !is_dead;
  }
  bool is_dead = false;

 private:
  Bytes bytes_;
};

// A radio that takes `room` notifications between two steps of the meter, and who listens.
class Radio final : public BleStack {
 public:
  bool advertise(std::span<const std::uint8_t> advert,
                 std::span<const std::uint8_t> scan_response) override {
    adverts.emplace_back(advert.begin(), advert.end());
    response.assign(scan_response.begin(), scan_response.end());
    return true;
  }
  void let_pair(bool may) override { may_pair = may; }
  bool notify(BleLink, BleValue value, std::span<const std::uint8_t> bytes) override {
    if (room == 0) return false;
    --room;
    longest = std::max(longest, bytes.size());
    notified[value].emplace_back(bytes.begin(), bytes.end());
    return true;
  }
  void hang_up(BleLink link) override { hung_up.push_back(link); }

  std::vector<Bytes> adverts;
  Bytes response;
  bool may_pair = true;
  std::size_t room = 0;
  std::size_t longest = 0;
  std::map<BleValue, std::vector<Bytes>> notified;
  std::vector<BleLink> hung_up;
};

class Home final : public improv::Host {
 public:
  const improv::Identity& identity() const override { return who; }
  improv::Links links() const override { return {}; }
  std::string_view url() const override { return "http://lenz.local/"; }
  std::string_view hostname() const override { return "lenz"; }
  bool join(std::string_view network, std::string_view password) override {
    joins.push_back(std::string(network) + "/" + std::string(password));
    return true;
  }
  std::size_t scan(std::span<improv::Network>) override { return 0; }
  bool take_hostname(std::string_view) override { return true; }
  bool take_device_name(std::string_view) override { return true; }
  bool take_hub(const improv::HubAddress&) override { return true; }
  bool take_certificate(std::size_t, std::size_t, std::span<const std::uint8_t>) override {
    return true;
  }
  bool take_assembly(const Assembly&, int) override { return true; }
  const char* take_radio(improv::Radio, std::span<const std::uint8_t>) override { return nullptr; }
  std::optional<std::size_t> radio(improv::Radio, std::span<std::uint8_t>) const override {
    return std::nullopt;
  }
  const Assembly& assembly() const override { return built; }
  int line_frequency() const override { return 50; }
  void identify() override {}

  Assembly built;

  improv::Identity who{"Lenz", "1.0", "ESP32", "meter-1"};
  std::vector<std::string> joins;
};

// Two legs and four circuits, 600 W on each leg.
Sample sample_at(Uptime uptime) {
  Sample sample(2);
  sample.uptime = uptime;
  for (std::size_t k = 0; k < 2; ++k) sample.put<Quantity::voltage>(k, Volts{120.5F});
  for (std::size_t c = 0; c < 6; ++c) {
    const auto share = static_cast<std::int64_t>(c < 2 ? 600 : 300);
    sample.put<Quantity::active_power>(c, Watts{static_cast<float>(share)});
    const auto energy = share * uptime.count() / 3600 + 5'000'000;
    sample.put<Quantity::imported>(c, MilliwattHours{energy});
    sample.put<Quantity::exported>(c, MilliwattHours{c == 1 ? 7'000 : 0});
  }
  return sample;
}

class BleMeterTest : public testing::Test {
 protected:
  void start(BleOptions options = {}) {
    options.name = "meter-1";
    options.boot = boot;
    options.mains = 0b11;
    meter.emplace(options, radio, counter, home);
    meter->know_time(begin);
  }
  void live(std::chrono::seconds time) {
    for (const Uptime until = now + time; now < until; now += 250ms) {
      if (now % 1s == 0s) meter->add(sample_at(now));
      radio.room = room;
      meter->step(now);
    }
  }
  // The hub at the other end.
  void connect(bool is_bonded = true, std::size_t mtu = 247) {
    meter->connected(link, now);
    meter->agreed_on(link, mtu);
    if (is_bonded) meter->bonded(link);
  }
  // As a central reads what is longer than one answer.
  Bytes read(BleValue value, std::size_t part) {
    Bytes all;
    for (;;) {
      Bytes into(part);
      const auto count = meter->read(link, value, all.size(), into, now);
      if (!count) return {};
      all.insert(all.end(), into.begin(), into.begin() + static_cast<std::ptrdiff_t>(*count));
      if (*count < part) return all;
    }
  }
  std::vector<SummaryEntry> told(const Bytes& summary) {
    std::vector<SummaryEntry> entries(measurement::max_summary_entries);
    const auto decoded = measurement::decode_summary(summary, entries);
    EXPECT_TRUE(decoded);
    EXPECT_EQ(decoded->introduction->boot, boot);
    EXPECT_EQ(decoded->introduction->booted_at, begin);
    entries.resize(decoded->entries);
    std::ranges::sort(entries, {}, [](const SummaryEntry& entry) {
      return std::pair(entry.channel, entry.exported.has_value());
    });
    return entries;
  }

  static constexpr BleLink link = 3;
  const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
  static constexpr std::uint64_t boot = 0x0102030405060708;
  Uptime now{};
  std::size_t room = 4;
  MemoryStorage counter{RisingCounter::storage_bytes};
  Radio radio;
  Home home;
  std::optional<BleMeter> meter;
};

TEST_F(BleMeterTest, WhoeverIsNearHearsTheSumOfTheMainsEverySecond) {
  start({.provisioned = true});
  live(10s);

  ASSERT_EQ(radio.adverts.size(), 10u);
  const auto heard =
      measurement::decode_bthome(std::span(radio.adverts.back()).subspan(7), nullptr, {});
  ASSERT_TRUE(heard);
  // 2 x (5,000 Wh + 600 W x 9 s = 1.5 Wh) = 10,003 Wh.
  EXPECT_EQ(heard->reading, (BthomeReading{.packet = 10,
                                           .voltage = Volts{120.5F},
                                           .energy = MilliwattHours{10'003'000},
                                           .power = Watts{1200}}));
  EXPECT_EQ(std::string(radio.response.begin() + 20, radio.response.end()), "meter-1");
}

TEST_F(BleMeterTest, AMeterThatMeasuresNoMoreAdvertisesNoOldValues) {
  start({.provisioned = true});
  live(10s);
  for (now += 10s; radio.adverts.size() < 12; now += 1s) meter->step(now);

  const auto heard =
      measurement::decode_bthome(std::span(radio.adverts.back()).subspan(7), nullptr, {});

  ASSERT_TRUE(heard);
  EXPECT_FALSE(heard->reading.power || heard->reading.energy || heard->reading.voltage);
}

TEST_F(BleMeterTest, EncryptedAdvertsNeverUseACounterTwiceNotEvenAfterARestart) {
  const std::array<std::uint8_t, 16> key = {1, 2, 3};
  hub::OpensslAes aes(key);
  const BleOptions options{.address = {1, 2, 3, 4, 5, 6}, .bind_key = &aes, .provisioned = true};
  for (int restart = 0; restart < 3; ++restart) {
    start(options);
    live(20s);
  }

  ASSERT_EQ(radio.adverts.size(), 60u);
  std::optional<std::uint32_t> last;
  for (const auto& advert : radio.adverts) {
    EXPECT_LE(advert.size(), measurement::max_advert_bytes);
    const auto heard =
        measurement::decode_bthome(std::span(advert).subspan(7), &aes, options.address);
    ASSERT_TRUE(heard && heard->counter);
    EXPECT_TRUE(!last || *heard->counter > *last);
    last = heard->counter;
  }
}

TEST_F(BleMeterTest, WithoutACounterNothingIsSentInTheClearInstead) {
  const std::array<std::uint8_t, 16> key = {1, 2, 3};
  hub::OpensslAes aes(key);
  counter.is_dead = true;
  start({.bind_key = &aes, .provisioned = true});
  live(5s);

  for (const auto& advert : radio.adverts) {
    EXPECT_EQ(std::ranges::search(advert, std::array{0xD2, 0xFC}).size(), 0u);
  }
}

TEST_F(BleMeterTest, AMeterThatIsNotToTellItsMainsAdvertisesImprovOnly) {
  meter.emplace(BleOptions{.name = "meter-1", .boot = boot, .mains = 0}, radio, counter, home);
  live(10s);

  ASSERT_EQ(radio.adverts.size(), 10u);
  for (const auto& advert : radio.adverts) {
    EXPECT_EQ(std::ranges::search(advert, std::array{0xD2, 0xFC}).size(), 0u);
  }
}

TEST_F(BleMeterTest, ASummaryIsReadInPartsOfWhateverSize) {
  start({.provisioned = true});
  live(5s);
  connect();

  for (const std::size_t part : {22u, 246u, 511u}) {
    const auto entries = told(read(BleValue::summary, part));
    ASSERT_EQ(entries.size(), 7u);  // Six circuits, one of which goes both ways.
    EXPECT_EQ(entries[0].imported, MilliwattHours{5'000'000});
    EXPECT_EQ(entries[1].imported, MilliwattHours{5'000'000});
    EXPECT_EQ(entries[2].exported, MilliwattHours{7'000});
  }
  EXPECT_EQ(read(BleValue::meter, 22),
            (Bytes{1, 8, 7, 6, 5, 4, 3, 2, 1, 2, 'm', 'e', 't', 'e', 'r', '-', '1'}));
}

TEST_F(BleMeterTest, ASummaryDoesNotChangeWhileItsPartsAreRead) {
  start({.provisioned = true});
  live(9s);
  connect();
  Bytes whole = read(BleValue::summary, 512), parts(20);
  ASSERT_EQ(meter->read(link, BleValue::summary, 0, parts, now), 20u);

  live(2s);  // Over its ten seconds.
  parts.resize(whole.size());
  ASSERT_EQ(meter->read(link, BleValue::summary, 20, std::span(parts).subspan(20), now),
            whole.size() - 20);

  EXPECT_EQ(parts, whole);
  live(4s);
  EXPECT_NE(read(BleValue::summary, 512), whole);
}

TEST_F(BleMeterTest, PowerInASummaryIsTheMeanSinceTheOneBefore) {
  start({.provisioned = true});
  live(25s);
  connect();

  const auto entries = told(read(BleValue::summary, 512));

  EXPECT_EQ(entries[0].power, Watts{600});
  EXPECT_EQ(entries[3].power, Watts{300});
}

TEST_F(BleMeterTest, NotifiedSummariesAreWholeThroughTheSmallestLink) {
  start({.provisioned = true});
  connect(true, least_mtu);
  meter->subscribed(link, BleValue::summary, true);
  room = 1;
  live(40s);

  std::array<std::uint8_t, max_att_value> buffer;
  measurement::Joiner joiner(buffer);
  std::size_t whole = 0;
  for (const auto& chunk : radio.notified[BleValue::summary]) {
    const auto message = joiner.add(chunk);
    if (!message) continue;
    ++whole;
    EXPECT_EQ(told({message->bytes.begin(), message->bytes.end()}).size(), 7u);
  }
  EXPECT_EQ(whole, 4u);
  EXPECT_EQ(radio.longest, 20u);
}

TEST_F(BleMeterTest, AStrangerReadsAndWritesNothingOfTheHome) {
  start({.provisioned = true});
  live(5s);
  connect(false);
  const Bytes anything = {0xC0, 1, 2};
  Bytes into(512);

  for (const auto& row : ble_characteristics) {
    SCOPED_TRACE(static_cast<int>(row.value));
    EXPECT_EQ(&firmware::row(row.value), &row);
    const auto read = meter->read(link, row.value, 0, into, now);
    const auto written = meter->write(link, row.value, anything, now);
    meter->subscribed(link, row.value, true);
    if (row.service == improv_service) {
      EXPECT_EQ(read.has_value(), row.reads);
      EXPECT_EQ(written.has_value(), row.writes);
      continue;
    }
    EXPECT_EQ(read.error(),
              row.reads ? AttError::insufficient_authentication : AttError::read_not_permitted);
    EXPECT_EQ(written.error(),
              row.writes ? AttError::insufficient_authentication : AttError::write_not_permitted);
  }
  live(30s);
  EXPECT_FALSE(meter->transport().is_up());
  EXPECT_EQ(radio.notified.count(BleValue::post) + radio.notified.count(BleValue::summary), 0u);

  // Nor does somebody else's bond help, or a link that is gone.
  meter->bonded(link + 1);
  EXPECT_FALSE(meter->read(link, BleValue::summary, 0, into, now));
  meter->disconnected(link);
  EXPECT_FALSE(meter->read(link, BleValue::improv_state, 0, into, now));
}

TEST_F(BleMeterTest, CentralsMayPairOnlyForAMinuteAfterTheButton) {
  start({.provisioned = true});
  EXPECT_FALSE(radio.may_pair);
  live(10s);
  EXPECT_FALSE(radio.may_pair);

  meter->open_window(now);
  live(59s);
  EXPECT_TRUE(radio.may_pair);
  live(2s);
  EXPECT_FALSE(radio.may_pair);
  EXPECT_FALSE(meter->window_is_open());
}

TEST_F(BleMeterTest, ThereIsOneCentralAtATimeAndASilentOneIsHungUp) {
  start({.provisioned = true});
  connect();
  meter->connected(link + 1, now);
  EXPECT_THAT(radio.hung_up, ElementsAre(link + 1));

  live(61s);
  EXPECT_EQ(radio.hung_up.back(), link);
}

// Improv's advert is the whole of a legacy advert: flags, service, state and capabilities.
TEST_F(BleMeterTest, ANewMeterShowsItselfToImprovAndStillTellsTheMains) {
  start();
  live(4s);

  const Bytes improv = {0x02, 0x01, 0x06, 0x11, 0x07, 0x00, 0x80, 0x26, 0x78, 0x74, 0x27,
                        0x63, 0x46, 0x72, 0x22, 0x28, 0x62, 0x68, 0x77, 0x46, 0x00, 0x09,
                        0x16, 0x77, 0x46, 0x01, 0x07, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(std::ranges::count(radio.adverts, improv), 2);
  EXPECT_EQ(radio.adverts[0][5], 0xD2);
}

TEST_F(BleMeterTest, APhoneGivesTheMeterItsNetworkOnceTheButtonWasPressed) {
  start();
  live(2s);
  connect(false, 23);
  for (const auto value :
       {BleValue::improv_state, BleValue::improv_error, BleValue::improv_result}) {
    meter->subscribed(link, value, true);
  }
  // Join "net" with "secret": command, length, two strings, and the low byte of their sum.
  Bytes join = {1, 11, 3, 'n', 'e', 't', 6, 's', 'e', 'c', 'r', 'e', 't'};
  join.push_back(improv::checksum(join));

  ASSERT_TRUE(meter->write(link, BleValue::improv_command, join, now));
  live(1s);
  EXPECT_TRUE(home.joins.empty());
  EXPECT_EQ(radio.notified[BleValue::improv_error].back(), Bytes{4});  // Not authorized.

  meter->open_window(now);
  ASSERT_TRUE(meter->write(link, BleValue::improv_command, join, now));
  live(1s);
  meter->joined(true);
  live(1s);

  EXPECT_THAT(home.joins, ElementsAre("net/secret"));
  EXPECT_EQ(radio.notified[BleValue::improv_state].back(), Bytes{4});  // Provisioned.
  // Command 1, 19 bytes, one string of 18, the sum: 22 bytes in two notifications of at most 20.
  Bytes result;
  for (const auto& part : radio.notified[BleValue::improv_result]) {
    EXPECT_LE(part.size(), 20u);
    result.insert(result.end(), part.begin(), part.end());
  }
  ASSERT_EQ(result.size(), 22u);
  EXPECT_EQ(std::string(result.begin() + 3, result.end() - 1), "http://lenz.local/");
  EXPECT_EQ(read(BleValue::improv_result, 20), result);
}

// The whole meter, with a hub that hears it only over Bluetooth.
class BleHistory : public BleMeterTest {
 protected:
  BleHistory() {
    start({.provisioned = true});
    for (std::size_t i = 0; i < board.chips(); ++i) {
      chips.emplace_back(board.bus(i), board.configs()[i]);
    }
    device.emplace(DeviceOptions{.name = "meter-1", .boot = 9}, chips, storage, window,
                   meter->transport());
    device->know_time(begin);
  }
  void live_whole(std::chrono::seconds time) {
    for (const Uptime until = now + time; now < until; now += 250ms) {
      board.advance(begin + now);
      radio.room = room;
      if (const auto* sample = device->sample(now)) meter->add(*sample);
      device->exchange(now);
      meter->step(now);
      answer();
    }
  }
  // Stores what has come whole, and says so.
  void answer() {
    for (const auto& chunk : std::exchange(radio.notified[BleValue::post], {})) {
      const auto message = joiner.add(chunk);
      if (!message) continue;
      std::vector<Sample> samples(measurement::max_samples_per_report);
      const auto decoded = measurement::decode(message->bytes, samples);
      ASSERT_TRUE(decoded);
      for (std::size_t i = 0; i < decoded->count; ++i) ++stored[samples[i].number];
      owes_answer = true;
    }
    if (!std::exchange(owes_answer, false)) return;
    const std::array ranges = {
        measurement::StoredRange{9, measurement::Stream::samples, 0, stored.rbegin()->first + 1}};
    Bytes text(200), written(20);
    text.resize(*measurement::encode(measurement::Answer{.ranges = ranges}, text));
    measurement::Cutter cutter(static_cast<std::uint8_t>(Mail::stored), text);
    for (; !cutter.is_over(); cutter.taken()) {
      const auto size = cutter.write(written);
      ASSERT_TRUE(meter->write(link, BleValue::mail, std::span(written).first(size), now));
    }
  }

  simulator::StepLoad scene;
  simulator::Board board{scene};
  std::vector<Atm90e32> chips;
  MemoryStorage storage{64 * 1024};
  std::array<Sample, 60> window;
  std::optional<Device> device;
  std::array<std::uint8_t, 4096> buffer;
  measurement::Joiner joiner{buffer};
  bool owes_answer = false;
  std::map<std::uint64_t, int> stored;  // How often each sample came.
};

TEST_F(BleHistory, AHubThatComesByGetsAllThatItLacksAndNothingTwice) {
  live_whole(120s);
  EXPECT_TRUE(stored.empty());

  connect();
  meter->subscribed(link, BleValue::post, true);
  live_whole(20s);

  EXPECT_EQ(stored.size(), 139u);
  EXPECT_TRUE(std::ranges::all_of(stored, [](const auto& one) { return one.second == 1; }));
  EXPECT_TRUE(device->outbox().empty());
}

TEST_F(BleHistory, AVisitThatBreaksOffAmidAReportLosesNothing) {
  room = 1;
  live_whole(60s);
  connect(true, least_mtu);
  meter->subscribed(link, BleValue::post, true);
  live_whole(2s);  // Eight chunks of a long report.
  ASSERT_TRUE(stored.empty());
  meter->disconnected(link);
  live_whole(10s);

  room = 20;
  connect();
  meter->subscribed(link, BleValue::post, true);
  live_whole(20s);

  EXPECT_EQ(stored.size(), 91u);
  EXPECT_EQ(device->outbox().lost(), 0u);
}

TEST_F(BleHistory, MailThatComesTooFastIsAskedForAgain) {
  connect();
  meter->subscribed(link, BleValue::post, true);
  const Bytes mail = {0xC0, 0};

  EXPECT_TRUE(meter->write(link, BleValue::mail, mail, now));
  EXPECT_EQ(meter->write(link, BleValue::mail, mail, now).error(),
            AttError::insufficient_resources);
  live_whole(1s);
  EXPECT_TRUE(meter->write(link, BleValue::mail, mail, now));
}

TEST(BleMemory, WhatBluetoothTakesOfTheMeter) {
  std::printf("BleMeter: %zu bytes of RAM\n", sizeof(BleMeter));
  EXPECT_LE(sizeof(BleMeter), 20'000u);
}

}  // namespace
}  // namespace firmware
