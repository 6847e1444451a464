#include "hub/meter_requests.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "measurement/request_codec.h"

namespace hub {
namespace {

using namespace std::chrono_literals;
using measurement::Reply;
using measurement::Request;
using measurement::Timestamp;
using Failure = MeterRequests::Failure;

constexpr Timestamp noon{std::chrono::hours(12)};

class MeterRequestsTest : public testing::Test {
 protected:
  struct Sent {
    std::string home, device;
    Request request;
  };
  std::vector<Sent> sent;
  bool is_up = true;
  std::uint64_t drawn = 0;
  MeterRequests requests{
      {.send =
           [this](std::string_view home, std::string_view device, std::string_view bytes) {
             if (!is_up) return false;
             const auto decoded = measurement::decode_request(
                 {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
             EXPECT_TRUE(decoded);
             sent.push_back({std::string(home), std::string(device), *decoded});
             return true;
           },
       .draw = [this] { return drawn++; }}};
  std::vector<std::string> outcomes;

  void ask(const std::string& device, Request::Kind kind = Request::Kind::identify,
           Timestamp now = noon) {
    requests.ask("home", device, {.kind = kind}, now,
                 [this, device](const std::expected<const Reply*, Failure>& answer) {
                   outcomes.push_back(
                       device + (answer ? fmt_of((*answer)->outcome) : fmt_of(answer.error())));
                 });
  }
  void reply(const std::string& device, const Reply& reply, std::string_view home = "home") {
    std::array<std::uint8_t, measurement::max_reply_bytes> bytes;
    const auto used = measurement::encode(reply, bytes);
    requests.heard(home, device, {reinterpret_cast<const char*>(bytes.data()), *used}, noon + 1s);
  }
  static std::string fmt_of(Reply::Outcome outcome) {
    return outcome == Reply::Outcome::done ? ": done" : ": refused";
  }
  static std::string fmt_of(Failure failure) {
    constexpr std::array words = {": busy", ": full", ": unreachable", ": silent"};
    return words.at(static_cast<std::size_t>(failure));
  }
  using Outcomes = std::vector<std::string>;
};

TEST_F(MeterRequestsTest, AReplyEndsTheWaitOfTheOneWhoAsked) {
  ask("meter-1");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].home, "home");
  EXPECT_EQ(sent[0].request.kind, Request::Kind::identify);
  EXPECT_NE(sent[0].request.id, 0u);
  EXPECT_EQ(outcomes, Outcomes{});

  reply("meter-1", {.id = sent[0].request.id, .kind = Request::Kind::identify});
  reply("meter-1", {.id = sent[0].request.id, .kind = Request::Kind::identify});

  EXPECT_EQ(outcomes, Outcomes{"meter-1: done"});
}

TEST_F(MeterRequestsTest, OnlyTheMeterThatWasAskedCanReply) {
  ask("meter-1");
  ask("meter-2");
  const auto id = sent[0].request.id;

  reply("meter-2", {.id = id});
  reply("meter-1", {.id = id}, "neighbour");
  reply("meter-1", {.id = id + 77});
  requests.heard("home", "meter-1", "no reply at all", noon);

  EXPECT_EQ(outcomes, Outcomes{});
}

TEST_F(MeterRequestsTest, AMeterIsAskedOneThingAtATime) {
  ask("meter-1");
  ask("meter-1");
  ask("meter-2");

  EXPECT_EQ(outcomes, Outcomes{"meter-1: busy"});
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(MeterRequestsTest, AMeterThatIsSilentIsGivenUp) {
  ask("meter-1");
  requests.expire(noon + MeterRequests::patience - 1ms);
  EXPECT_EQ(outcomes, Outcomes{});

  requests.expire(noon + MeterRequests::patience);
  reply("meter-1", {.id = sent[0].request.id});

  EXPECT_EQ(outcomes, Outcomes{"meter-1: silent"});
  ask("meter-1");
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(MeterRequestsTest, WithoutABrokerItIsSaidAtOnce) {
  is_up = false;
  ask("meter-1");
  is_up = true;
  ask("meter-1");

  EXPECT_EQ(outcomes, Outcomes{"meter-1: unreachable"});
  EXPECT_EQ(sent.size(), 1u);
}

TEST_F(MeterRequestsTest, SoManyWaitAndNoMore) {
  for (std::size_t i = 0; i <= MeterRequests::most_waiting; ++i) ask("m" + std::to_string(i));

  EXPECT_EQ(sent.size(), MeterRequests::most_waiting);
  EXPECT_EQ(outcomes, Outcomes{"m32: full"});
}

TEST_F(MeterRequestsTest, WhatAMeterSaidOfItselfIsKnownAsText) {
  EXPECT_FALSE(requests.condition("home", "meter-1"));
  ask("meter-1", Request::Kind::diagnostics);
  measurement::Diagnostics told;
  told.held = 7;
  told.firmware = "0.3.1\n\xFF";
  reply("meter-1",
        {.id = sent[0].request.id, .kind = Request::Kind::diagnostics, .diagnostics = told});

  const auto* known = requests.condition("home", "meter-1");

  ASSERT_TRUE(known);
  EXPECT_EQ(known->time, noon + 1s);
  EXPECT_EQ(known->diagnostics.held, 7u);
  EXPECT_EQ(known->firmware, "0.3.1??");
}

}  // namespace
}  // namespace hub
