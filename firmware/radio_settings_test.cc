#include "firmware/radio_settings.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "firmware/rising_counter.h"
#include "simulator/key_values.h"

namespace firmware {
namespace {

using improv::Radio;
using Bytes = std::vector<std::uint8_t>;

const Assembly with_modem = {.modem = ModemPins{.transmit = 12, .receive = 35}};

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes count_from(std::uint8_t first, std::size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

// Channels 0 and 9 are mains; US915, the second eight channels, port 10, 30 s a day.
Bytes lorawan() {
  return Bytes{1, 2, 0, 0, 0, 0} + count_from(10, 8) + count_from(20, 8) + count_from(30, 16) +
         Bytes{1, 1, 2, 0, 10, 30, 0, 0, 0};
}

Bytes cellular(std::string_view name = "iot.operator-1", std::uint8_t kilobytes_high = 0x13) {
  return Bytes{0x88, kilobytes_high, 0, 0} + Bytes(name.begin(), name.end());
}

struct RadioSettingsTest : testing::Test {
  simulator::KeyValues memory;
  RadioSettings radios;

  std::string keep(Radio radio, const Bytes& bytes, const Assembly& assembly = with_modem) {
    const char* trouble = radios.keep(memory, radio, bytes, assembly);
    return trouble ? trouble : "";
  }
  RadioSettings after_restart(const Assembly& assembly = with_modem) {
    RadioSettings loaded;
    loaded.load(memory, assembly);
    return loaded;
  }
};

TEST_F(RadioSettingsTest, WhatIsSetCanBeReadBackButForItsKeys) {
  const auto told = [&](Radio radio) {
    Bytes bytes(improv::max_radio_settings);
    bytes.resize(radios.tell(radio, bytes));
    return bytes;
  };
  EXPECT_TRUE(told(Radio::lorawan).empty());

  keep(Radio::lorawan, lorawan());
  keep(Radio::bluetooth, Bytes{1, 0, 0, 0, 0, 0} + count_from(50, 16));
  auto without_key = lorawan();
  std::fill_n(without_key.begin() + 22, 16, std::uint8_t{0});
  EXPECT_EQ(told(Radio::lorawan), without_key);
  EXPECT_EQ(told(Radio::bluetooth), (Bytes{1, 0, 0, 0, 0, 0} + Bytes(16)));

  keep(Radio::cellular, cellular());
  EXPECT_EQ(told(Radio::cellular), cellular());
  EXPECT_TRUE(told(Radio::lorawan).empty());
}

TEST_F(RadioSettingsTest, AMeterFromTheFactoryHasNoRadioOn) {
  const auto loaded = after_restart();

  EXPECT_FALSE(loaded.bluetooth || loaded.lorawan || loaded.cellular);
}

TEST_F(RadioSettingsTest, WhatWasKeptIsThereAfterARestart) {
  ASSERT_EQ(keep(Radio::bluetooth, Bytes{3, 0, 0, 0, 0, 2} + count_from(1, 16)), "");
  ASSERT_EQ(keep(Radio::lorawan, lorawan()), "");

  const auto loaded = after_restart();

  ASSERT_TRUE(loaded.bluetooth && loaded.bluetooth->bind_key && loaded.lorawan);
  EXPECT_EQ(loaded.bluetooth->mains, 3u | std::uint64_t{1} << 41);
  EXPECT_EQ(loaded.bluetooth->bind_key->back(), 16);
  EXPECT_EQ(loaded.lorawan->mains, 0x201u);
  const auto& link = loaded.lorawan->link;
  EXPECT_EQ(link.dev_eui[0], 10);
  EXPECT_EQ(link.join_eui[7], 27);
  EXPECT_EQ(link.app_key[15], 45);
  EXPECT_EQ(link.region, LoraRegion::us915);
  EXPECT_TRUE(link.dwell_limited);
  EXPECT_EQ(link.sub_bands, 2);
  EXPECT_EQ(link.port, 10);
  EXPECT_EQ(link.air_time_a_day, std::chrono::seconds(30));
}

TEST_F(RadioSettingsTest, OneModemIsEitherOfLorawanOrCellular) {
  ASSERT_EQ(keep(Radio::lorawan, lorawan()), "");
  ASSERT_EQ(keep(Radio::cellular, cellular()), "");

  EXPECT_FALSE(radios.lorawan);
  const auto loaded = after_restart();
  EXPECT_FALSE(loaded.lorawan);
  ASSERT_TRUE(loaded.cellular);
  EXPECT_EQ(loaded.cellular->bytes_a_month, 5'000'000u);  // 0x1388 kB.
  EXPECT_EQ(loaded.cellular->access_point.view(), "iot.operator-1");
}

TEST_F(RadioSettingsTest, NothingSwitchesARadioOff) {
  ASSERT_EQ(keep(Radio::bluetooth, {1, 0, 0, 0, 0, 0}), "");
  ASSERT_EQ(keep(Radio::cellular, cellular()), "");

  EXPECT_EQ(keep(Radio::bluetooth, {}), "");
  EXPECT_EQ(keep(Radio::cellular, {}, Assembly{}), "");

  const auto loaded = after_restart();
  EXPECT_FALSE(radios.bluetooth || radios.cellular || loaded.bluetooth || loaded.cellular);
}

TEST_F(RadioSettingsTest, AModemWithoutPinsIsRefusedAndOffWhenTheyAreTakenAway) {
  EXPECT_NE(keep(Radio::lorawan, lorawan(), Assembly{}), "");
  EXPECT_TRUE(memory.kept.empty());

  ASSERT_EQ(keep(Radio::lorawan, lorawan()), "");
  EXPECT_FALSE(after_restart(Assembly{}).lorawan);
}

TEST_F(RadioSettingsTest, WhatMakesNoSenseIsRefusedWithTheReasonAndNothingChanges) {
  ASSERT_EQ(keep(Radio::cellular, cellular()), "");
  const auto before = memory.kept;
  auto zero_key = lorawan(), no_region = lorawan(), no_port = lorawan(), no_air = lorawan(),
       too_many = lorawan();
  std::fill_n(zero_key.begin() + 22, 16, std::uint8_t{0});
  no_region[38] = 5;
  no_port[42] = 224;
  no_air[43] = 0;
  too_many[5] = 4;  // Channel 42.
  for (const auto& wrong : {zero_key, no_region, no_port, no_air, too_many, lorawan() + Bytes{0},
                            Bytes{1}, Bytes(46, 1), Bytes(200, 1)}) {
    EXPECT_NE(keep(Radio::lorawan, wrong), "") << testing::PrintToString(wrong);
  }
  EXPECT_NE(keep(Radio::cellular, cellular("iot\",\"x")), "");  // Out of the modem's quotes.
  EXPECT_NE(keep(Radio::cellular, cellular("iot\r")), "");
  EXPECT_NE(keep(Radio::cellular, cellular("")), "");
  EXPECT_NE(keep(Radio::cellular, cellular(std::string(64, 'a'))), "");
  EXPECT_NE(keep(Radio::cellular, cellular("iot", 0)), "") << "136 kB";
  EXPECT_NE(keep(Radio::bluetooth, {1, 0, 0, 0, 0, 0, 7}), "") << "a key of one byte";

  EXPECT_EQ(memory.kept, before);
  EXPECT_TRUE(radios.cellular);
}

TEST_F(RadioSettingsTest, WhatTheFlashDidNotTakeIsNotOn) {
  memory.works = false;

  EXPECT_NE(keep(Radio::bluetooth, {1, 0, 0, 0, 0, 0}), "");
  EXPECT_FALSE(radios.bluetooth);
}

TEST_F(RadioSettingsTest, DamagedBytesInMemoryAreNeverASettingThatWouldBeRefused) {
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const auto radio = static_cast<Radio>(random() % 3);
    auto bytes = Bytes{1} + (radio == Radio::cellular ? cellular() : lorawan());
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    bytes.resize(1 + random() % bytes.size());
    memory.kept = {{"lorawan", bytes}, {"cellular", bytes}, {"bluetooth", bytes}};

    const auto loaded = after_restart();

    EXPECT_FALSE(loaded.lorawan && loaded.cellular);
    if (loaded.lorawan) {
      EXPECT_GT(loaded.lorawan->link.air_time_a_day.count(), 0);
      EXPECT_LE(loaded.lorawan->link.region, LoraRegion::in865);
    }
    if (loaded.cellular) {
      EXPECT_EQ(loaded.cellular->access_point.view().find_first_of("\"\r\n"),
                std::string_view::npos);
    }
  }
}

TEST(KeyedStorage, KeepsACounterThatNeverGivesANumberTwice) {
  simulator::KeyValues memory;
  std::uint32_t last = 0;
  for (int restart = 0; restart < 3; ++restart) {
    KeyedStorage<RisingCounter::storage_bytes> storage(memory, "adverts");
    RisingCounter counter(storage);
    for (int i = 0; i < 10; ++i) {
      const auto number = counter.next();
      ASSERT_TRUE(number);
      EXPECT_TRUE(*number > last || (restart == 0 && i == 0));
      last = *number;
    }
  }
}

}  // namespace
}  // namespace firmware
