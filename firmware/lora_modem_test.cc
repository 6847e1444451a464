#include "firmware/lora_modem.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "simulator/lora_modem.h"

namespace firmware {
namespace {

using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;

TEST(LoraAir, TheTimeOnTheAirIsThatOfTheModemMakersFormula) {
  // SF12 at 125 kHz: a symbol is 32.768 ms. 64 bytes: (512 - 48 + 44) / 40 = 12.7, so 13 blocks of
  // 5 symbols behind 8, and a preamble of 12.25: 85.25 symbols.
  EXPECT_EQ(lora_air_time(LoraRegion::eu868, 0, 51), 2'793'472us);
  // SF7: 1.024 ms; 255 bytes: (2040 - 28 + 44) / 28 = 73.4, so 74 blocks: 390.25 symbols.
  EXPECT_EQ(lora_air_time(LoraRegion::eu868, 5, 242), 399'616us);
  // SF10: 8.192 ms; 24 bytes: (192 - 40 + 44) / 40 = 4.9, so 5: 45.25 symbols, within 400 ms.
  EXPECT_EQ(lora_air_time(LoraRegion::us915, 0, 11), 370'688us);
  // SF8 at 500 kHz: 0.512 ms; 255 bytes: (2040 - 32 + 44) / 32 = 64.1, so 65: 345.25 symbols.
  EXPECT_EQ(lora_air_time(LoraRegion::us915, 4, 242), 176'768us);
}

TEST(LoraAir, NoUplinkOfADwellLimitedRegionIsLongerThanFourHundredMilliseconds) {
  for (const auto region : {LoraRegion::us915, LoraRegion::au915, LoraRegion::as923}) {
    for (unsigned rate = 0; rate < 16; ++rate) {
      if (const auto room = lora_room(region, rate, true); room > 0) {
        EXPECT_LE(lora_air_time(region, rate, room), 400ms) << "data rate " << rate;
      }
    }
  }
}

TEST(LoraAir, WhatIsSpentIsEarnedAgainAndNeverMoreThanTheShare) {
  AirBudget hour(36s, 1h);

  EXPECT_TRUE(hour.allows(36s, 0s));
  hour.spend(36s);
  EXPECT_FALSE(hour.allows(3s, 299s));  // 1 % of 299 s.
  EXPECT_TRUE(hour.allows(3s, 300s));
  EXPECT_FALSE(hour.allows(37s, 1000h));
  EXPECT_EQ(hour.pace(2'793'472us), 279'347ms);
}

TEST(LoraAir, HoweverOftenItIsAskedItEarnsTheSame) {
  AirBudget day(30s, 24h);
  day.spend(30s);

  bool is_allowed = false;
  for (Uptime now{}; now <= 12h; now += 7ms) is_allowed = day.allows(15s - 1ms, now);

  EXPECT_TRUE(is_allowed);
}

class LoraModemTest : public testing::Test {
 protected:
  void live(std::chrono::milliseconds time) {
    for (const Uptime until = now + time; now < until; now += 50ms) {
      world.advance(now);
      modem.step(now);
    }
  }
  // True: it was taken, and the modem has said how it went.
  bool send(std::size_t bytes) {
    const std::vector<std::uint8_t> uplink(bytes, 0xA5);
    const bool is_taken = modem.send(uplink, now);
    live(30s);
    return is_taken;
  }

  Uptime now{};
  simulator::LoraModem world{1};
  const LoraOptions options{.dev_eui = {0xAC, 0x1F, 9, 0xFF, 0xFE, 1, 2, 3},
                            .app_key = {1, 2, 3},
                            .port = 10,
                            .air_time_a_day = 24h};
  LoraModem modem{world, options};
};

TEST_F(LoraModemTest, AMeterJoinsAndItsUplinkArrives) {
  live(20s);
  ASSERT_TRUE(modem.is_joined());
  EXPECT_EQ(world.settings().back(), "AT+APPKEY=01020300000000000000000000000000");
  EXPECT_TRUE(std::ranges::count(world.settings(), "AT+DEVEUI=AC1F09FFFE010203") == 1);
  EXPECT_TRUE(std::ranges::count(world.settings(), "AT+BAND=4") == 1);

  EXPECT_EQ(modem.room(now), 51u);
  EXPECT_TRUE(send(51));

  ASSERT_EQ(world.heard().size(), 1u);
  EXPECT_EQ(world.heard()[0].port, 10u);
  EXPECT_EQ(world.heard()[0].bytes, std::vector<std::uint8_t>(51, 0xA5));
  EXPECT_EQ(modem.counts().sent, 1u);
}

TEST_F(LoraModemTest, TheRoomFollowsTheDataRateThatTheNetworkChose) {
  live(20s);
  world.data_rate = 5;  // Told in the window behind the next uplink.
  send(20);
  EXPECT_EQ(modem.room(now), 242u);

  world.data_rate = 3;
  EXPECT_TRUE(
      send(242));  // No longer allowed: refused by the modem, and the new rate is asked for.
  EXPECT_EQ(modem.counts().failed, 1u);
  EXPECT_EQ(modem.room(now), 100u);  // 115, less 15 that the network's own options may take.
  EXPECT_TRUE(send(100));
  EXPECT_EQ(modem.room(now), 115u);
}

TEST_F(LoraModemTest, AnUplinkThatTheNetworksOptionsLeaveNoRoomForIsCutShorter) {
  live(20s);
  world.options = 6;

  EXPECT_TRUE(send(51));
  EXPECT_EQ(modem.room(now), 36u);
  EXPECT_TRUE(send(36));

  EXPECT_EQ(world.heard().size(), 1u);
}

TEST_F(LoraModemTest, AtADataRateThatMayNotSpeakNothingIsSent) {
  world.data_rate = 9;
  live(20s);

  EXPECT_EQ(modem.room(now), 0u);
  EXPECT_FALSE(send(1));
  EXPECT_EQ(world.on_the_air(), 0u);
}

TEST_F(LoraModemTest, ARefusedJoinIsTriedAgainLessAndLessOften) {
  world.faults.refused_join = 1;
  live(24h);
  // After 1, 2, 4, ... 60 minutes: 6 tries in the first hour, then one an hour.
  EXPECT_GE(world.tries_to_join(), 26u);
  EXPECT_LE(world.tries_to_join(), 31u);

  world.faults.refused_join = 0;
  live(62min);
  EXPECT_TRUE(modem.is_joined());
}

TEST_F(LoraModemTest, AModemThatResetsItselfJoinsAgain) {
  live(20s);
  world.restart();
  live(30s);

  EXPECT_TRUE(modem.is_joined());
  EXPECT_EQ(world.joins(), 2u);
  EXPECT_TRUE(send(10));
  EXPECT_EQ(world.heard().size(), 1u);
}

TEST_F(LoraModemTest, AModemThatForgotItsSessionJoinsAgain) {
  live(20s);
  world.forget_session();

  EXPECT_TRUE(send(10));

  EXPECT_EQ(modem.counts().failed, 1u);
  EXPECT_EQ(world.joins(), 2u);
  EXPECT_TRUE(modem.is_joined());
}

TEST_F(LoraModemTest, ANetworkThatForgotTheMeterIsJoinedAgain) {
  live(20s);
  world.is_out_of_reach = true;
  const auto send_in_time = [&] {
    live(5min);  // So that there is time on the air for it.
    return send(1);
  };
  for (int i = 0; i < 63; ++i) ASSERT_TRUE(send_in_time());
  EXPECT_EQ(world.tries_to_join(), 1u);

  EXPECT_TRUE(send_in_time());
  EXPECT_FALSE(modem.is_joined());
  world.is_out_of_reach = false;
  live(5min);

  EXPECT_EQ(world.joins(), 2u);
  EXPECT_TRUE(modem.is_joined());
}

TEST_F(LoraModemTest, ANetworkThatAnswersNowAndThenIsNotLeft) {
  live(20s);
  for (int i = 0; i < 200; ++i) {
    live(5min);
    world.is_out_of_reach = i % 40 != 0;
    ASSERT_TRUE(send(1));
  }

  EXPECT_EQ(world.tries_to_join(), 1u);
}

TEST_F(LoraModemTest, ADeadModemIsResetAndComesBack) {
  live(20s);
  const auto before = modem.counts().resets;
  world.is_dead = true;
  send(10);
  live(60s);
  EXPECT_GT(modem.counts().resets, before);
  EXPECT_EQ(modem.room(now), 0u);

  world.is_dead = false;
  live(60s);
  EXPECT_TRUE(modem.is_joined());
}

TEST_F(LoraModemTest, EventsThatComeLateOrNeverHoldItUpForTwentySecondsAtMost) {
  live(20s);
  world.faults.late_event = 8s;
  EXPECT_TRUE(send(10));
  EXPECT_EQ(modem.counts().sent, 1u);

  world.faults.lost_event = 1;
  EXPECT_TRUE(send(10));
  EXPECT_EQ(modem.counts().failed, 1u);
  EXPECT_GT(modem.room(now), 0u);
  EXPECT_EQ(world.heard().size(), 2u);
}

TEST_F(LoraModemTest, TheNetworkTellsTheTime) {
  world.booted_at = Timestamp(std::chrono::sys_days(std::chrono::year(2026) / 11 / 30));
  live(20s);
  EXPECT_FALSE(modem.booted_at());

  send(10);

  ASSERT_TRUE(modem.booted_at());
  EXPECT_LE(std::chrono::abs(*modem.booted_at() - *world.booted_at), 1s);
}

TEST_F(LoraModemTest, ADateThatCouldBeTwoIsNotBelieved) {
  world.booted_at = Timestamp(std::chrono::sys_days(std::chrono::year(2026) / 11 / 3));
  live(20s);
  send(10);

  EXPECT_FALSE(modem.booted_at());
  EXPECT_GT(modem.room(now), 0u);
}

TEST_F(LoraModemTest, WhatTheNetworkSendsIsHandedOverOnce) {
  live(20s);
  world.send_down(7, {1, 2, 0xFE});
  send(10);

  std::array<std::uint8_t, 16> bytes{};
  const auto down = modem.receive(bytes);
  ASSERT_TRUE(down);
  EXPECT_EQ(down->port, 7);
  ASSERT_EQ(down->size, 3u);
  EXPECT_EQ(bytes[2], 0xFE);
  EXPECT_FALSE(modem.receive(bytes));
}

TEST_F(LoraModemTest, MoreThanItsShareOfTheHourIsNeverOnTheAir) {
  live(20s);
  std::chrono::microseconds on_the_air{};
  for (int i = 0; i < 240; ++i) {  // Two hours, an uplink every 30 s.
    if (send(51)) on_the_air += lora_air_time(LoraRegion::eu868, 0, 51);
  }

  EXPECT_GT(on_the_air, 90s);   // What the first hour had, and what the two earned.
  EXPECT_LE(on_the_air, 108s);  // 36 s of each, and the first 36.
}

TEST_F(LoraModemTest, ThroughADayOfFaultsItSendsAndNeverTooMuchOrTooLong) {
  world.faults = {.lost_line = 0.02,
                  .garbled_line = 0.02,
                  .lost_event = 0.02,
                  .lost_uplink = 0.1,
                  .late_event = 2s,
                  .refused_join = 0.3,
                  .reset = 0.01};
  world.booted_at = Timestamp(std::chrono::sys_days(std::chrono::year(2026) / 11 / 30));
  simulator::Chance chance(2);
  std::size_t taken = 0, offered = 0;
  for (const Uptime end = now + 24h; now < end;) {
    live(5min);
    ++offered;
    if (const auto room = modem.room(now); room > 0) taken += send(room);
    world.data_rate = static_cast<unsigned>(chance.uniform() * 6);
    ++offered;
    taken += send(1);  // In its windows the network may tell another data rate.
  }

  EXPECT_GT(taken, offered * 7 / 10);
  EXPECT_GT(world.heard().size(), taken * 7 / 10);
  for (const auto& uplink : world.heard()) {
    ASSERT_LE(uplink.bytes.size(), world.room[uplink.data_rate]);
  }
}

}  // namespace
}  // namespace firmware
