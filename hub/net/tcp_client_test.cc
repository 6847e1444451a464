#include "hub/net/tcp_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "hub/net/loopback.h"

namespace hub {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class TcpClientTest : public OnLoopback {
 protected:
  void call(unsigned short port) {
    client.emplace(
        io, "127.0.0.1", port,
        TcpClient::Events{.connected = [this] { ++connections; },
                          .heard =
                              [this](std::span<const std::uint8_t> bytes) {
                                heard.append(bytes.begin(), bytes.end());
                              },
                          .lost = [this](const std::string& why) { losses.push_back(why); }});
  }
  bool is_connected() {
    return comes_true([&] { return connections == 1; });
  }

  int connections = 0;
  std::string heard;
  std::vector<std::string> losses;
  std::optional<TcpClient> client;
};

TEST_F(TcpClientTest, WhatIsSaidIsHeardInOrderBothWays) {
  BareServer server(io, [](auto& guest) {
    if (guest.said.ends_with("three")) guest.say("four");
  });
  call(server.port());
  EXPECT_FALSE(client->send({'0'})) << "not connected yet";
  ASSERT_TRUE(is_connected());

  for (const std::string word : {"one", "two", "three"}) {
    EXPECT_TRUE(client->send({word.begin(), word.end()}));
  }

  EXPECT_TRUE(comes_true([&] { return heard == "four"; })) << heard;
  EXPECT_EQ(server.guests().front().said, "onetwothree");
}

TEST_F(TcpClientTest, ANodeThatHangsUpOrIsHungUpOnIsCalledAgain) {
  BareServer server(io, [](auto& guest) { guest.hang_up(); });
  call(server.port());
  ASSERT_TRUE(is_connected());

  client->hang_up();
  EXPECT_FALSE(client->send({'0'}));
  ASSERT_TRUE(comes_true([&] { return connections == 2; }));
  EXPECT_TRUE(client->send({'0'}));  // At which this server hangs up.
  ASSERT_TRUE(comes_true([&] { return connections == 3; }));

  EXPECT_THAT(losses, ElementsAre("we hung up", "the other end hung up"));
}

TEST_F(TcpClientTest, WhereNobodyListensTheReasonIsTold) {
  call(deserted_port(io));

  ASSERT_TRUE(comes_true([&] { return !losses.empty(); }));
  EXPECT_THAT(losses, ElementsAre("Connection refused"));
}

TEST_F(TcpClientTest, ANodeThatReadsNothingDoesNotFillTheMemory) {
  BareServer server(io, [](auto&) {});
  call(server.port());
  ASSERT_TRUE(is_connected());

  // Nobody works meanwhile, so nothing leaves.
  const std::vector<std::uint8_t> kibibyte(1024, 'x');
  int taken = 0;
  while (taken < 2000 && client->send(kibibyte)) ++taken;

  EXPECT_EQ(taken, 1024);  // 1 MiB.
}

TEST_F(TcpClientTest, AClientThatIsGoneCallsNothing) {
  BareServer server(io, [](auto& guest) { guest.say("late"); });
  call(server.port());
  client.reset();  // Before it connects.
  let_work_for(20ms);
  EXPECT_EQ(connections, 0);

  call(server.port());
  ASSERT_TRUE(is_connected());
  client->send({'0'});
  ASSERT_TRUE(
      comes_true([&] { return !server.guests().empty() && server.guests().back().said == "0"; }));
  client.reset();  // With an answer on its way.
  let_work_for(20ms);
  EXPECT_EQ(heard, "");
  EXPECT_TRUE(losses.empty());
  EXPECT_TRUE(server.guests().back().is_gone);
}

TEST_F(TcpClientTest, AClientMayEndWithinWhatItCalls) {
  BareServer server(io, [](auto& guest) { guest.say("x"); });
  std::optional<TcpClient> other;
  bool has_heard = false;
  other.emplace(io, "127.0.0.1", server.port(),
                TcpClient::Events{.connected = [&] { other->send({'0'}); },
                                  .heard =
                                      [&](auto) {
                                        has_heard = true;
                                        other.reset();
                                      },
                                  .lost = [&](auto&) { ADD_FAILURE(); }});

  EXPECT_TRUE(comes_true([&] { return has_heard; }));
  let_work_for(10ms);
}

}  // namespace
}  // namespace hub
