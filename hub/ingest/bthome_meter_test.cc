#include "hub/ingest/bthome_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <vector>

#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

namespace fs = std::filesystem;
using measurement::BthomeReading;
using measurement::BthomeSeal;
using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Timestamp;
using measurement::Volts;
using measurement::Watts;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Optional;

using Bytes = std::vector<std::uint8_t>;

struct RunningHub {
  RunningHub(const fs::path& folder, const BluetoothMeter& config)
      : store(disk, folder.string()), hub(store, live), meter(config, hub, store, folder, [] {
          static std::uint64_t boots = 0;
          return ++boots;
        }) {}
  Disk disk;
  SqliteStore store;
  LiveFeed live;
  Hub hub;
  BthomeMeter meter;
};

class BthomeMeterTest : public testing::Test {
 protected:
  BthomeMeterTest() {
    auto name = (fs::temp_directory_path() / "bthome-XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  ~BthomeMeterTest() override {
    hub.reset();
    fs::remove_all(folder);
  }
  void start() {
    hub.reset();
    hub.emplace(folder, config);
  }

  // Service data of an advert after ten seconds at 1 kW each.
  Bytes advert(const BthomeSeal* seal) {
    std::array<std::uint8_t, 31> bytes;
    ++packet;
    const auto size = measurement::encode_bthome({.packet = packet,
                                                  .voltage = Volts{230},
                                                  .energy = MilliwattHours{energy},
                                                  .power = Watts{1000}},
                                                 seal, bytes);
    return {bytes.begin() + 7, bytes.begin() + static_cast<std::ptrdiff_t>(size)};
  }
  Bytes next() {
    now += 10s;
    energy += 2778;
    if (!is_sealed) return advert(nullptr);
    const BthomeSeal seal{aes, bluetooth_address(config.address), ++counter};
    return advert(&seal);
  }
  void hear(int adverts) {
    for (int i = 0; i < adverts; ++i) ASSERT_EQ(hub->meter.hear(next(), now), std::nullopt);
  }
  double gained() {
    const auto points =
        hub->store.read({"mains", Quantity::imported, 0}, {begin - 1h, begin + 24h}, 1h);
    double sum = 0;
    for (const auto gain : points->gained) sum += std::isnan(gain) ? 0 : gain;
    return sum;
  }
  std::size_t samples() { return hub->store.samples("mains", {begin - 1h, begin + 24h})->size(); }

  const std::array<std::uint8_t, 16> key = {0x23, 0x1D, 0x39, 0xC1, 0xD7, 0xCC, 0x1A, 0xB1,
                                            0xAE, 0xE2, 0x24, 0xCD, 0x09, 0x6D, 0xB9, 0x32};
  OpensslAes aes{key};
  BluetoothMeter config{.device = "mains", .address = "54:48:E6:8F:80:A5"};
  fs::path folder;
  std::optional<RunningHub> hub;
  const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
  Timestamp now = begin;
  std::uint8_t packet = 0;
  std::int64_t energy = 5'000'000;  // What the device counted before it was known: 5 kWh.
  std::uint32_t counter = 0;
  bool is_sealed = false;
};

TEST_F(BthomeMeterTest, TheMainsOfADeviceAreCountedFromItsFirstAdvertOn) {
  start();
  hear(37);

  // 36 x 2.778 Wh, told in whole Wh.
  EXPECT_NEAR(gained(), 100'008, 1'000);
  EXPECT_EQ(samples(), 37u);
  const auto last = hub->store.last("mains");
  EXPECT_EQ((*last)->sample.get<Quantity::active_power>(0), Watts{1000});
  EXPECT_EQ((*last)->sample.get<Quantity::voltage>(0), Volts{230});
}

TEST_F(BthomeMeterTest, AnAdvertThatIsHeardAgainIsNotMeasuredAgain) {
  start();
  const auto same = next();
  for (int i = 0; i < 5; ++i) {
    now += 10s;
    EXPECT_EQ(hub->meter.hear(same, now), std::nullopt);
  }
  hub->meter.tick(now);

  EXPECT_EQ(samples(), 1u);
}

TEST_F(BthomeMeterTest, ARestartOfTheHubCountsNothingTwiceAndLosesNothing) {
  start();
  hear(10);
  now += 1min;
  energy += 16'667;
  start();
  hear(10);

  EXPECT_NEAR(gained(), 19 * 2778 + 16'667, 1'000);
}

TEST_F(BthomeMeterTest, OnlyWhoHasTheKeyIsHeardAndOnlyOnce) {
  is_sealed = true;
  config.key = "231d39c1d7cc1ab1aee224cd096db932";
  start();
  const auto recorded = next();
  EXPECT_EQ(hub->meter.hear(recorded, now), std::nullopt);
  hear(5);
  const auto heard = samples();

  EXPECT_THAT(hub->meter.hear(recorded, now), Optional(HasSubstr("heard again")));
  EXPECT_THAT(hub->meter.hear(advert(nullptr), now), Optional(HasSubstr("not encrypted")));
  auto altered = next();
  altered[3] ^= 1;
  EXPECT_THAT(hub->meter.hear(altered, now), Optional(HasSubstr("bind key")));
  EXPECT_EQ(samples(), heard);

  start();  // It remembers the counter.
  EXPECT_THAT(hub->meter.hear(recorded, now), Optional(HasSubstr("heard again")));
  hear(2);
  EXPECT_EQ(samples(), heard + 2);
}

TEST_F(BthomeMeterTest, AKeyThatIsMissingAndADamagedCounterAreSaid) {
  is_sealed = true;
  start();
  EXPECT_THAT(hub->meter.hear(next(), now), Optional(HasSubstr("key_file")));
  EXPECT_EQ(samples(), 0u);

  std::ofstream(folder / "mains.counter") << "rubbish";
  EXPECT_THROW(start(), std::runtime_error);
}

}  // namespace
}  // namespace hub
