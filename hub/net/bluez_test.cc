#include "hub/net/bluez.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "hub/net/fake_bluez.h"
#include "hub/net/loopback.h"

namespace hub {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Bytes = std::vector<std::uint8_t>;

const std::string meter = "54:48:E6:8F:80:A5";
const std::string stranger = "00:00:00:00:00:01";
const std::string data_uuid = "0000fcd2-0000-1000-8000-00805f9b34fb";
const std::string value_uuid = "d5140003-b9b6-4e6c-9199-e112c986a76e";

class BluezTest : public OnLoopback {
 protected:
  void begin() {
    bluez.emplace(
        io, Bluez::Options{.bus = bus.address(), .devices = {meter}, .service_data = data_uuid},
        Bluez::Events{.scanning = [this] { ++scans; },
                      .heard =
                          [this](const std::string& address, std::span<const std::uint8_t> data) {
                            heard.emplace_back(address, Bytes(data.begin(), data.end()));
                          },
                      .notified =
                          [this](const std::string&, const std::string& uuid,
                                 std::span<const std::uint8_t> value) {
                            notified.emplace_back(uuid, Bytes(value.begin(), value.end()));
                          },
                      .hung_up = [this](const std::string&) { ++hung_up; },
                      .trouble = [this](const std::string& why) { troubles.push_back(why); }});
  }
  Bluez::Done into(std::optional<Bluez::Result>& result) {
    return [&result](Bluez::Result done) { result = std::move(done); };
  }
  FakeBluez::Device& visited() {
    fake.emplace(io, bus.address());
    begin();
    EXPECT_TRUE(comes_true([&] { return scans > 0; }));
    auto& device = fake->add(meter, {value_uuid});
    fake->advertise(device, data_uuid, {0});
    EXPECT_TRUE(comes_true([&] { return !heard.empty(); }));
    std::optional<Bluez::Result> done;
    bluez->connect(meter, into(done));
    EXPECT_TRUE(comes_true([&] { return done.has_value(); }));
    EXPECT_TRUE(done && *done);
    return device;
  }

  PrivateBus bus;
  std::optional<FakeBluez> fake;
  std::optional<Bluez> bluez;
  int scans = 0, hung_up = 0;
  std::vector<std::pair<std::string, Bytes>> heard, notified;
  std::vector<std::string> troubles;
};

TEST_F(BluezTest, ADeviceIsHeardEachTimeItAdvertisesAndAStrangerIsNot) {
  fake.emplace(io, bus.address());
  begin();
  ASSERT_TRUE(comes_true([&] { return scans == 1; }));
  EXPECT_TRUE(fake->is_powered);
  EXPECT_TRUE(fake->filter.at("DuplicateData").get<bool>());

  auto& device = fake->add(meter);
  auto& other = fake->add(stranger);
  fake->advertise(other, data_uuid, {9});
  fake->advertise(device, data_uuid, {1, 2});
  fake->advertise(device, "0000180f-0000-1000-8000-00805f9b34fb", {3});
  fake->advertise(device, data_uuid, {1, 2});

  ASSERT_TRUE(comes_true([&] { return heard.size() == 2; }));
  EXPECT_THAT(heard, ElementsAre(std::pair(meter, Bytes{1, 2}), std::pair(meter, Bytes{1, 2})));
  EXPECT_THAT(troubles, IsEmpty());
}

TEST_F(BluezTest, AVisitedDeviceIsReadListenedToAndWrittenTo) {
  auto& device = visited();
  auto& value = FakeBluez::find(device, value_uuid);
  value.read = [] { return Bytes(300, 7); };
  Bytes written;
  value.written = [&](const Bytes& bytes) { written = bytes; };

  std::optional<Bluez::Result> read, listened, wrote;
  bluez->read(meter, value_uuid, into(read));
  bluez->listen(meter, value_uuid, into(listened));
  bluez->write(meter, value_uuid, {4, 5}, into(wrote));
  ASSERT_TRUE(comes_true([&] { return read && listened && wrote; }));

  EXPECT_EQ(*read, Bytes(300, 7));
  EXPECT_TRUE(*listened && *wrote);
  EXPECT_EQ(written, (Bytes{4, 5}));
  EXPECT_TRUE(value.is_listened_to);

  fake->notify(value, {6});
  ASSERT_TRUE(comes_true([&] { return !notified.empty(); }));
  EXPECT_THAT(notified, ElementsAre(std::pair(value_uuid, Bytes{6})));

  bluez->hang_up(meter);
  ASSERT_TRUE(comes_true([&] { return hung_up == 1; }));
  EXPECT_FALSE(device.is_connected);
}

TEST_F(BluezTest, WhatADeviceRefusesIsSaidInItsWords) {
  auto& device = visited();
  FakeBluez::find(device, value_uuid).read = []() -> Bytes {
    throw sdbus::Error("org.bluez.Error.NotPermitted", "Not paired");
  };
  std::optional<Bluez::Result> read, other;

  bluez->read(meter, value_uuid, into(read));
  bluez->read(meter, data_uuid, into(other));
  ASSERT_TRUE(comes_true([&] { return read && other; }));

  EXPECT_THAT(read->error(), HasSubstr("Not paired"));
  EXPECT_THAT(other->error(), HasSubstr("no such value"));
}

TEST_F(BluezTest, AConnectionThatIsRefusedOrBreaksIsToldOnce) {
  auto& device = visited();
  fake->hang_up(device);
  ASSERT_TRUE(comes_true([&] { return hung_up == 1; }));
  std::optional<Bluez::Result> refused, unknown;

  device.refuses = true;
  bluez->connect(meter, into(refused));
  bluez->connect(stranger, into(unknown));
  ASSERT_TRUE(comes_true([&] { return refused && unknown; }));

  EXPECT_THAT(refused->error(), HasSubstr("le-connection-abort"));
  EXPECT_THAT(unknown->error(), HasSubstr("not heard yet"));

  // One that goes away while its services are awaited.
  device.refuses = false;
  device.is_mute = true;
  refused.reset();
  bluez->connect(meter, into(refused));
  ASSERT_TRUE(comes_true([&] { return device.is_connected; }));
  fake->hang_up(device);
  ASSERT_TRUE(comes_true([&] { return refused.has_value(); }));
  EXPECT_FALSE(*refused);
}

TEST_F(BluezTest, AMachineWithoutBluetoothIsToldAndAskedAgainLater) {
  begin();
  ASSERT_TRUE(comes_true([&] { return !troubles.empty(); }));
  EXPECT_THAT(troubles[0], HasSubstr("org.bluez"));

  bluez.reset();
  troubles.clear();
  fake.emplace(io, bus.address(), false);
  begin();
  ASSERT_TRUE(comes_true([&] { return !troubles.empty(); }));
  EXPECT_THAT(troubles[0], HasSubstr("no Bluetooth adapter"));

  std::optional<Bluez::Result> read;
  bluez->read(meter, value_uuid, into(read));
  ASSERT_TRUE(comes_true([&] { return read.has_value(); }));
}

TEST_F(BluezTest, ABusThatDiesOrIsNotThereEndsNothingElse) {
  visited();
  fake.reset();
  ASSERT_TRUE(comes_true([&] { return hung_up == 1; }));  // BlueZ has gone.
  EXPECT_THAT(troubles, SizeIs(1));

  bluez.reset();
  bus.stop();
  begin();
  ASSERT_TRUE(comes_true([&] { return troubles.size() == 2; }));
  EXPECT_THAT(troubles[1], HasSubstr("there is no D-Bus"));
}

}  // namespace
}  // namespace hub
