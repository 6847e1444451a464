#include "hub/net/mqtt_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "hub/net/loopback.h"

namespace hub {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// MQTT 3.1.1 by hand: the first byte of each packet, OASIS Standard, chapter 3.
const std::string connack = "\x20\x02\x00\x00"s;
const std::string not_authorised = "\x20\x02\x00\x05"s;

// A broker that takes everybody and confirms nothing else.
void welcome(BareServer::Guest& guest) {
  if (guest.said.starts_with('\x10')) {
    guest.said.clear();
    guest.say(connack);
  }
}

class MqttClientTest : public OnLoopback {
 protected:
  void call(MqttLogin login) {
    client.emplace(
        io, std::move(login),
        MqttClient::Events{.connected = [this] { ++connections; },
                           .heard =
                               [this](const MqttMessage& message) {
                                 heard.push_back(std::string(message.topic) + "=" +
                                                 std::string(message.payload) +
                                                 (message.is_retained ? " (retained)" : ""));
                               },
                           .heard_all = [this] { heard.push_back("."); },
                           .lost = [this](const std::string& why) { losses.push_back(why); }});
  }

  int connections = 0;
  std::vector<std::string> heard, losses;
  std::optional<MqttClient> client;
};

TEST_F(MqttClientTest, ItSignsInWithItsWillAndSubscribes) {
  std::string sign_in, then;
  BareServer server(io, [&](auto& guest) {
    if (guest.said.starts_with('\x10')) {
      sign_in = guest.said;
      welcome(guest);
    } else {
      then = guest.said;
    }
  });

  call({.port = server.port(),
        .user = "lenz",
        .password = "word",
        .client_id = "hub",
        .topics = {"a/#"},
        .will = MqttLogin::Will{"s", "offline"}});
  ASSERT_TRUE(comes_true([&] { return !then.empty(); }));

  // Flags of CONNECT (3.1.2.3): user, password, will retained, of QoS 1, will, clean session; then
  // 15 s of keep-alive, and identifier, topic and message of the will, user and password, each
  // after its length.
  EXPECT_EQ(sign_in.substr(2),
            "\0\4MQTT\4\xEE\0\x0F"s + "\0\3hub\0\1s\0\7offline\0\4lenz\0\4word"s);
  // SUBSCRIBE (3.8): 8 more bytes, packet 1, the topic, QoS 1.
  EXPECT_EQ(then, "\x82\x08\0\1\0\3a/#\1"s);
  EXPECT_TRUE(client->is_connected());
}

TEST_F(MqttClientTest, MessagesThatCameTogetherAreHeardTogether) {
  // PUBLISH (3.3) with QoS 0: the second is retained.
  BareServer server(io, [](auto& guest) {
    if (guest.said.starts_with('\x10')) {
      guest.said.clear();
      guest.say(connack + "\x30\4\0\1ax"s + "\x31\4\0\1by"s);
    }
  });

  call({.port = server.port(), .client_id = "hub"});

  EXPECT_TRUE(comes_true([&] { return !heard.empty() && heard.back() == "."; }));
  EXPECT_THAT(heard, ElementsAre("a=x", "b=y (retained)", "."));
}

TEST_F(MqttClientTest, ABrokerThatSendsUsAwayIsSaidWithItsReasonAndAskedAgainSoon) {
  BareServer server(io, [](auto& guest) {
    guest.say(not_authorised);
    guest.hang_up();
  });

  call({.port = server.port(), .client_id = "hub"});

  // On this machine it is asked twice a second.
  EXPECT_TRUE(comes_true([&] { return losses.size() == 3; }, 2s));
  for (const auto& why : losses) EXPECT_THAT(why, HasSubstr("not authorised"));
  EXPECT_EQ(connections, 0);
}

TEST_F(MqttClientTest, WhereNobodyListensTheReasonIsTold) {
  call({.port = deserted_port(io), .client_id = "hub"});

  ASSERT_TRUE(comes_true([&] { return !losses.empty(); }));
  EXPECT_THAT(losses, ElementsAre("Connection refused"));
}

TEST_F(MqttClientTest, ABrokerThatConfirmsNothingDoesNotFillTheMemory) {
  BareServer server(io, welcome);
  call({.port = server.port(), .client_id = "hub"});
  EXPECT_FALSE(client->publish("a", "x", true)) << "not connected yet";
  ASSERT_TRUE(comes_true([&] { return client->is_connected(); }));

  const std::string large(1 << 20, 'x');
  int taken = 0;
  while (taken < 10 && client->publish("a", large, false)) ++taken;

  // 4 MiB, and a fourth message would exceed them with its topic.
  EXPECT_EQ(taken, 3);
  EXPECT_TRUE(client->publish("a", "small ones still go", false));
}

TEST_F(MqttClientTest, NothingThatWasNotConfirmedIsSaidAgainAfterALoss) {
  std::vector<std::string> said;  // By each guest, besides signing in.
  BareServer server(io, [&](auto& guest) {
    welcome(guest);
    if (guest.said.find("first") != std::string::npos) guest.hang_up();
    if (guest.said.find("second") != std::string::npos) said.push_back(guest.said);
  });
  call({.port = server.port(), .client_id = "hub"});
  ASSERT_TRUE(comes_true([&] { return connections == 1; }));
  ASSERT_TRUE(client->publish("a", "first", false));

  ASSERT_TRUE(comes_true([&] { return connections == 2; }));
  ASSERT_TRUE(client->publish("a", "second", false));

  ASSERT_TRUE(comes_true([&] { return !said.empty(); }));
  EXPECT_EQ(said[0].find("first"), std::string::npos);
  EXPECT_THAT(losses, SizeIs(1));
}

TEST_F(MqttClientTest, AClientMayEndWithinWhatItCallsAndCallsNothingAfterwards) {
  BareServer server(io, [](auto& guest) {
    if (guest.said.starts_with('\x10')) {
      guest.said.clear();
      guest.say(connack + "\x30\4\0\1ax"s + "\x30\4\0\1ay"s);
    }
  });
  std::optional<MqttClient> other;
  int messages = 0;
  other.emplace(io, MqttLogin{.port = server.port(), .client_id = "hub"},
                MqttClient::Events{.heard =
                                       [&](auto&) {
                                         ++messages;
                                         other.reset();
                                       },
                                   .heard_all = [&] { ADD_FAILURE(); },
                                   .lost = [&](auto&) { ADD_FAILURE(); }});

  ASSERT_TRUE(comes_true([&] { return messages > 0; }));
  // It has said goodbye: DISCONNECT (3.14), or hung up.
  EXPECT_TRUE(comes_true([&] { return server.guests().front().is_gone; }));
  EXPECT_EQ(messages, 1);
}

}  // namespace
}  // namespace hub
