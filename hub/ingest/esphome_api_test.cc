#include "hub/ingest/esphome_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "hub/ingest/esphome_like_node.h"

namespace hub {
namespace {

using measurement::Timestamp;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

// The base64 of the 32 bytes "0123456789abcdef0123456789abcdef".
constexpr const char* key_text = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
constexpr const char* key_bytes = "0123456789abcdef0123456789abcdef";

class EsphomeApiTest : public testing::Test {
 protected:
  struct Measured {
    std::string object_id;
    std::optional<float> value;
    bool is_retained;
  };

  void begin(const std::string& key = "", const std::string& mac = "") {
    api.emplace(
        "garage", key, mac,
        EsphomeApi::Events{
            .send = [this](EsphomeApi::Bytes bytes) { sent.append(bytes.begin(), bytes.end()); },
            .met = [this](const std::string& board) { met = board; },
            .announced = [this](const std::string& id,
                                const std::string& unit) { units[id] = unit; },
            .measured =
                [this](const std::string& id, std::optional<float> value, bool is_retained) {
                  measured.push_back({id, value, is_retained});
                },
            .ended = [this](const std::string& why) { ended.push_back(why); }});
    EsphomeNoise::Key ephemeral{};
    ephemeral[0] = 42;
    api->begin(ephemeral, now);
    talk();
  }

  // Both sides until nobody has anything to say; bytes arrive `piece` at a time.
  void talk() {
    while (!sent.empty()) to_us(session->hear(std::exchange(sent, {})), false);
  }
  void to_us(const std::string& bytes, bool then_talk = true) {
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const auto part = bytes.substr(at, piece);
      api->hear({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()}, now);
    }
    if (then_talk) talk();
  }

  Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
  EsphomeLikeNode node{"energy-meter", 6, false};
  std::optional<EsphomeLikeSession> session{node};
  std::optional<EsphomeApi> api;
  std::string sent, met;
  std::map<std::string, std::string> units;
  std::vector<Measured> measured;
  std::vector<std::string> ended;
  std::size_t piece = 4096;
};

TEST_F(EsphomeApiTest, AStockBoardIsHeardWithoutHomeAssistant) {
  node.set_power(1, 812.5);
  begin();
  ASSERT_TRUE(session->is_subscribed);
  measured.clear();

  to_us(session->publish(node.measure(0)));

  EXPECT_EQ(met, "acbc32890ea9");
  EXPECT_EQ(units["ct2_watts"], "W");
  EXPECT_EQ(units["meter_4-6_chip_temp"], "°C");
  std::map<std::string, std::optional<float>> values;
  for (const auto& one : measured) values[one.object_id] = one.value;
  EXPECT_EQ(values.at("ct2_watts"), 812.5f);
  EXPECT_EQ(values.at("ct1_watts"), 0.0f);
  EXPECT_FALSE(values.contains("ct4_watts"));  // The other chip's turn comes later.
  EXPECT_THAT(ended, ElementsAre());
}

TEST_F(EsphomeApiTest, WhatItHadBeforeWeCameIsNotTakenForNow) {
  node.measure(0);
  begin();

  ASSERT_FALSE(measured.empty());
  for (const auto& one : measured) EXPECT_TRUE(one.is_retained) << one.object_id;
  measured.clear();

  to_us(session->publish(node.measure(0)));

  ASSERT_FALSE(measured.empty());
  for (const auto& one : measured) EXPECT_FALSE(one.is_retained) << one.object_id;
}

TEST_F(EsphomeApiTest, AnEncryptedConversationIsUnderstoodHoweverItsBytesArrive) {
  node.key = key_bytes;
  for (const std::size_t size : {1u, 7u, 4096u}) {
    session.emplace(node);
    units.clear();
    piece = size;

    begin(key_text, "acbc32890ea9");
    measured.clear();
    to_us(session->publish(node.measure(1)));

    EXPECT_EQ(units.size(), node.sensors().size());
    EXPECT_EQ(measured.size(), 7u);  // Three amperes, three watts and a temperature.
  }
  EXPECT_THAT(ended, ElementsAre());
}

TEST_F(EsphomeApiTest, ANewerNodeThatLeavesItsNamesToUsIsUnderstood) {
  node.names_object_ids = false;
  node.api_minor = 14;

  begin();

  EXPECT_EQ(units["meter_1-3_chip_temp"], "°C");
  EXPECT_EQ(units["circuitsetup_energy_meter_total_kwh"], "kWh");
  EXPECT_THAT(session->asked, ElementsAre("hello"));
  EXPECT_TRUE(session->is_subscribed);
}

TEST_F(EsphomeApiTest, AnOlderNodeIsSignedInTo) {
  begin();

  EXPECT_THAT(session->asked, ElementsAre("hello", "connect"));
}

TEST_F(EsphomeApiTest, AWrongKeyIsTold) {
  node.key = std::string(32, 'x');
  session.emplace(node);

  begin(key_text);

  EXPECT_THAT(ended, ElementsAre(HasSubstr("The key is not the node's")));
}

TEST_F(EsphomeApiTest, AKeyWithATypingErrorIsTold) {
  begin("MDEyMzQ1");

  EXPECT_THAT(ended, ElementsAre(HasSubstr("not the base64 of 32 bytes")));
}

TEST_F(EsphomeApiTest, ANodeThatWantsEncryptionIsTold) {
  node.key = key_bytes;
  session.emplace(node);

  begin("");

  EXPECT_THAT(ended, ElementsAre(HasSubstr("The node wants encryption")));
}

TEST_F(EsphomeApiTest, ANodeThatDoesNotEncryptIsTold) {
  begin(key_text);

  EXPECT_TRUE(session->is_closed);
  EXPECT_THAT(api->explain_loss().value_or(""), HasSubstr("if it does not encrypt"));

  to_us(std::string("\0\0\2", 3));  // Others answer in plain text.
  EXPECT_THAT(ended, ElementsAre(HasSubstr("The node does not encrypt")));
}

TEST_F(EsphomeApiTest, AnotherBoardUnderTheSameNameIsNotMixedIn) {
  for (const auto* key : {"", key_text}) {
    node.key = *key ? key_bytes : "";
    session.emplace(node);
    ended.clear();

    begin(key, "010203040506");

    EXPECT_THAT(ended, ElementsAre(HasSubstr("acbc32890ea9 instead of 010203040506")));
    EXPECT_FALSE(session->is_subscribed);
    EXPECT_THAT(measured, testing::IsEmpty());
  }
}

TEST_F(EsphomeApiTest, TheNodeIsToldTheTimeForItsDailyEnergy) {
  begin();

  to_us(session->ask_time());

  EXPECT_EQ(session->time, 1772323200u);  // 2026-03-01 00:00 UTC: 20513 days of 86400 s.
}

TEST_F(EsphomeApiTest, ItsPingIsAnswered) {
  begin();

  to_us(session->ping());

  EXPECT_EQ(session->asked.back(), "pong");
}

TEST_F(EsphomeApiTest, ASilentNodeIsAskedAndThenGivenUp) {
  begin();

  now += 61s;
  api->tick(now);
  talk();
  EXPECT_EQ(session->asked.back(), "ping");
  EXPECT_THAT(ended, ElementsAre());

  now += 61s;
  api->tick(now);
  sent.clear();  // The answer never comes.
  now += 21s;
  api->tick(now);
  EXPECT_THAT(ended, ElementsAre(HasSubstr("has not answered")));
}

TEST_F(EsphomeApiTest, AGoodbyeEndsTheConversation) {
  begin();

  to_us(session->say_goodbye());

  EXPECT_THAT(ended, ElementsAre(HasSubstr("said goodbye")));
}

TEST_F(EsphomeApiTest, AMessageWithoutEndIsNotWaitedFor) {
  begin();

  to_us(std::string("\0\xff\xff\xff\x7f\x19", 6));

  EXPECT_THAT(ended, ElementsAre(HasSubstr("too long")));
}

TEST_F(EsphomeApiTest, NoiseOnTheLineDoesNoHarm) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 3000; ++i) {
    node.key = i % 2 ? key_bytes : "";
    session.emplace(node);
    sent.clear();
    begin(i % 2 ? key_text : "");
    auto bytes = session->publish(node.measure(0));
    for (int n = 0; n < 3; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
    measured.clear();

    to_us(bytes, false);

    EXPECT_LE(measured.size(), 20u);
  }
}

}  // namespace
}  // namespace hub
