// A whole meter with its firmware, a BlueZ that is faked on a D-Bus of our own, and the hub.

#include "hub/ingest/bluetooth_ingest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "firmware/ble_meter.h"
#include "firmware/device.h"
#include "hub/files/disk.h"
#include "hub/net/fake_bluez.h"
#include "hub/net/loopback.h"
#include "hub/store/sqlite_store.h"
#include "simulator/board.h"
#include "simulator/step_load.h"

namespace hub {
namespace {

namespace fs = std::filesystem;
using firmware::BleLink;
using firmware::BleValue;
using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

using Bytes = std::vector<std::uint8_t>;

const std::string address = "54:48:E6:8F:80:A5";
const std::string bthome = "0000fcd2-0000-1000-8000-00805f9b34fb";

std::string uuid_of(BleValue value) {
  std::string text;
  for (const auto byte : firmware::row(value).uuid) text += fmt::format("{:02x}", byte);
  for (const std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, "-");
  return text;
}

class Memory final : public firmware::Storage {
 public:
  explicit Memory(std::size_t size) : bytes_(size, 0xFF) {}
  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> into) override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return true;
  }
  bool write(std::size_t offset, std::span<const std::uint8_t> from) override {
    std::ranges::copy(from, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return true;
  }

 private:
  Bytes bytes_;
};

class NoNetwork final : public firmware::improv::Host {
 public:
  const firmware::improv::Identity& identity() const override { return who_; }
  firmware::improv::Links links() const override { return {}; }
  std::string_view url() const override { return {}; }
  std::string_view hostname() const override { return {}; }
  bool join(std::string_view, std::string_view) override { return false; }
  std::size_t scan(std::span<firmware::improv::Network>) override { return 0; }
  bool take_hostname(std::string_view) override { return false; }
  bool take_device_name(std::string_view) override { return false; }
  bool take_hub(const firmware::improv::HubAddress&) override { return false; }
  bool take_certificate(std::size_t, std::size_t, std::span<const std::uint8_t>) override {
    return false;
  }
  const char* take_radio(firmware::improv::Radio, std::span<const std::uint8_t>) override {
    return nullptr;
  }
  bool take_assembly(const firmware::Assembly&, int) override { return false; }
  std::optional<std::size_t> radio(firmware::improv::Radio,
                                   std::span<std::uint8_t>) const override {
    return std::nullopt;
  }
  const firmware::Assembly& assembly() const override { return assembly_; }
  int line_frequency() const override { return 0; }
  void identify() override {}

 private:
  firmware::improv::Identity who_;
  firmware::Assembly assembly_;
};

// The meter behind a device of the fake: its radio carries what D-Bus does.
class Meter final : public firmware::BleStack {
 public:
  explicit Meter(Timestamp begin) : begin_(begin) {
    for (std::size_t i = 0; i < board_.chips(); ++i) {
      chips_.emplace_back(board_.bus(i), board_.configs()[i]);
    }
    ble_.emplace(firmware::BleOptions{.name = "barn", .boot = 9, .provisioned = true}, *this,
                 counter_, host_);
    device_.emplace(firmware::DeviceOptions{.name = "barn", .boot = 9}, chips_, storage_, window_,
                    ble_->transport());
    device_->know_time(begin);
    ble_->know_time(begin);
  }

  void appear(FakeBluez& fake) {
    fake_ = &fake;
    std::vector<std::string> uuids;
    for (const auto& row : firmware::ble_characteristics) uuids.push_back(uuid_of(row.value));
    at_bluez_ = &fake.add(address, uuids);
    at_bluez_->connects = [this](bool comes) {
      if (!comes) return ble_->disconnected(1);
      ble_->connected(1, now_);
      ble_->agreed_on(1, 247);
      if (is_paired) ble_->bonded(1);
    };
    for (const auto& row : firmware::ble_characteristics) {
      auto& one = FakeBluez::find(*at_bluez_, uuid_of(row.value));
      const auto value = row.value;
      one.read = [this, value] {
        Bytes bytes(512);
        const auto size = ble_->read(1, value, 0, bytes, now_);
        if (!size) throw sdbus::Error("org.bluez.Error.NotPermitted", "Not paired");
        bytes.resize(*size);
        return bytes;
      };
      one.written = [this, value](const Bytes& bytes) {
        if (ble_->write(1, value, bytes, now_)) return;
        throw sdbus::Error("org.bluez.Error.Failed", "Insufficient resources");
      };
      one.listened = [this, value] { ble_->subscribed(1, value, true); };
    }
  }

  void step() {
    board_.advance(begin_ + now_);
    if (const auto* sample = device_->sample(now_)) {
      newest = *sample;
      ble_->add(*sample);
    }
    device_->exchange(now_);
    ble_->step(now_);
    now_ += 250ms;
  }

  bool is_paired = true;
  Sample newest;
  std::uint32_t waiting() const { return device_->outbox().waiting(); }
  int visits() const { return at_bluez_->visits; }

 private:
  bool advertise(std::span<const std::uint8_t> advert, std::span<const std::uint8_t>) override {
    if (fake_) fake_->advertise(*at_bluez_, bthome, {advert.begin() + 7, advert.end()});
    return true;
  }
  void let_pair(bool) override {}
  bool notify(BleLink, BleValue value, std::span<const std::uint8_t> bytes) override {
    auto& one = FakeBluez::find(*at_bluez_, uuid_of(value));
    if (one.is_listened_to) fake_->notify(one, {bytes.begin(), bytes.end()});
    return true;
  }
  void hang_up(BleLink) override { fake_->hang_up(*at_bluez_); }

  const Timestamp begin_;
  Uptime now_{};
  simulator::StepLoad scene_;
  simulator::Board board_{scene_};
  std::vector<firmware::Atm90e32> chips_;
  Memory counter_{firmware::RisingCounter::storage_bytes};
  Memory storage_{256 * 1024};
  std::array<Sample, 60> window_;
  NoNetwork host_;
  FakeBluez* fake_ = nullptr;
  FakeBluez::Device* at_bluez_ = nullptr;
  std::optional<firmware::BleMeter> ble_;
  std::optional<firmware::Device> device_;
};

class BluetoothIngestTest : public OnLoopback {
 protected:
  BluetoothIngestTest() {
    auto name = (fs::temp_directory_path() / "bluetooth-XXXXXX").string();
    folder = mkdtemp(name.data());
    store.emplace(disk, folder.string());
    hub.emplace(*store, live);
  }
  ~BluetoothIngestTest() override {
    ingest.reset();
    hub.reset();
    store.reset();
    fs::remove_all(folder);
  }

  void listen(const BluetoothMeter& config) {
    fake.scans = 0;
    ingest.emplace(
        io, *hub, *store, std::vector{config}, folder / "bluetooth", [this] { return now; },
        [this](const std::string& text) { said.push_back(text); }, bus.address());
    EXPECT_TRUE(comes_true([&] { return fake.scans > 0; }));
  }
  // Until it holds, for at most ten minutes of the house.
  bool live_until(const std::function<bool()>& holds) {
    for (int step = 0; step < 2400; ++step) {
      if (holds()) return true;
      meter.step();
      now += 250ms;
      let_work_for(10ms);
    }
    return false;
  }
  double gained(std::size_t channel) {
    const auto points =
        store->read({"barn", Quantity::imported, channel}, {begin - 1h, begin + 24h}, 1h);
    double sum = 0;
    for (const auto gain : points->gained) sum += std::isnan(gain) ? 0 : gain;
    return sum;
  }
  std::size_t count(measurement::Stream stream) {
    const auto kept = store->samples("barn", {begin - 1h, begin + 24h});
    return static_cast<std::size_t>(
        std::ranges::count(*kept, stream, [](const auto& one) { return one.stream; }));
  }

  const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
  Timestamp now = begin;
  PrivateBus bus;
  FakeBluez fake{io, bus.address()};
  Meter meter{begin};
  fs::path folder;
  Disk disk;
  std::optional<SqliteStore> store;
  LiveFeed live;
  std::optional<Hub> hub;
  std::vector<std::string> said;
  std::optional<BluetoothIngest> ingest;
};

TEST_F(BluetoothIngestTest, AnAdvertOfTheMainsIsASampleOfItsDevice) {
  listen({.device = "barn", .address = address});
  meter.appear(fake);

  ASSERT_TRUE(live_until([&] { return count(measurement::Stream::samples) > 0; }));
  const auto last = store->last("barn");
  EXPECT_TRUE((*last)->sample.get<Quantity::active_power>(0));
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(BluetoothIngestTest, AVisitBringsTotalsAndAllThatWasMissedOfTheSameMeterAndNothingTwice) {
  for (int i = 0; i < 4 * 300; ++i) {  // Five minutes out of reach.
    meter.step();
    now += 250ms;
  }
  ASSERT_GT(meter.waiting(), 290u);
  listen({.device = "barn", .address = address, .is_visited = true});
  meter.appear(fake);

  ASSERT_TRUE(live_until([&] { return meter.visits() > 0 && meter.waiting() == 0; }));
  const auto caught_up = now;
  ASSERT_TRUE(live_until([&] { return meter.visits() > 1; }));  // And comes again.
  EXPECT_LT(now - caught_up, 100s);  // A minute later: it does not stay for what is live.

  EXPECT_GT(count(measurement::Stream::samples), 290u);
  EXPECT_GE(count(measurement::Stream::coarse), 1u);
  // Heard both ways, its energy counts once: to the seconds since.
  for (std::size_t c = 0; c < meter.newest.channels(); ++c) {
    const auto total = meter.newest.get<Quantity::imported>(c)->value;
    EXPECT_LE(gained(c), static_cast<double>(total)) << c;
    EXPECT_GE(gained(c), 0.7 * static_cast<double>(total)) << c;
  }
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(BluetoothIngestTest, AMeterThatIsNotPairedOrNotTheOneIsSaidAndNotRead) {
  meter.is_paired = false;
  listen({.device = "barn", .address = address, .is_visited = true});
  meter.appear(fake);
  ASSERT_TRUE(live_until([&] { return !said.empty() && meter.visits() > 0; }));
  EXPECT_THAT(said, Contains(HasSubstr("pair it")));

  ingest.reset();
  said.clear();
  meter.is_paired = true;
  listen({.device = "shed", .address = address, .is_visited = true});
  ASSERT_TRUE(live_until([&] {
    return std::ranges::any_of(said, [](const auto& s) { return s.contains("calls"); });
  }));
  EXPECT_EQ(count(measurement::Stream::coarse) + count(measurement::Stream::samples), 0u);
}

TEST_F(BluetoothIngestTest, AMeterThatIsNotNearIsSaidAfterAWhile) {
  listen({.device = "barn", .address = address, .is_visited = true});
  now += 9min;
  let_work_for(600ms);
  EXPECT_THAT(said, IsEmpty());

  now += 2min;
  ASSERT_TRUE(comes_true([&] { return !said.empty(); }));
  EXPECT_THAT(said, Contains(HasSubstr("is not heard over Bluetooth")));
}

}  // namespace
}  // namespace hub
