#include "firmware/two_links.h"

#include <gtest/gtest.h>

#include <deque>

namespace firmware {
namespace {

struct Link final : Transport {
  bool is_up() const override { return up; }
  unsigned connections() const override { return connected; }
  bool send(Post, std::span<const std::uint8_t>) override { return up && (++sent, true); }
  std::optional<Received> receive(std::span<std::uint8_t>) override {
    if (mail == 0) return std::nullopt;
    --mail;
    return Received{Mail::stored, 0};
  }

  bool up = false;
  unsigned connected = 0;
  int sent = 0, mail = 0;
};

struct TwoLinksTest : testing::Test {
  Link network, bluetooth;
  TwoLinks links{network, bluetooth};
};

TEST_F(TwoLinksTest, TheNetworkCarriesTheReportsAndBluetoothWhenThereIsNone) {
  EXPECT_FALSE(links.is_up() || links.send(Post::report, {}));

  bluetooth.up = true;
  EXPECT_TRUE(links.is_up() && links.send(Post::report, {}));
  network.up = true;
  EXPECT_TRUE(links.send(Post::report, {}));
  network.up = false;
  EXPECT_TRUE(links.send(Post::reply, {}));

  EXPECT_EQ(network.sent, 1);
  EXPECT_EQ(bluetooth.sent, 2);
}

TEST_F(TwoLinksTest, WhatTheHubSaysIsHeardByBoth) {
  network.mail = bluetooth.mail = 1;

  EXPECT_TRUE(links.receive({}));
  EXPECT_TRUE(links.receive({}));
  EXPECT_FALSE(links.receive({}));
}

TEST_F(TwoLinksTest, AConnectionOfEitherMakesTheDeviceSayAgainWhatWasUnderWay) {
  ++network.connected;
  ++bluetooth.connected;

  EXPECT_EQ(links.connections(), 2u);
}

}  // namespace
}  // namespace firmware
