#include "hub/api/appliances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hub/api/small_world.h"
#include "hub/scripted_identifier.h"

namespace hub {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class AppliancesTest : public testing::Test {
 protected:
  void see(std::int64_t second, float watts) {
    world.store.seconds["meter-1"][second][0] = {.watts = watts};
    const auto time = new_year + std::chrono::seconds(second);
    measurement::Sample sample(1);
    sample.put<measurement::Quantity::active_power>(0, {watts});
    world.live.publish({"meter-1", time, sample});
    world.now = time;
    for (int i = 0; i < 10'000; ++i) {
      const auto done = world.analyst.step(world.now);
      ASSERT_TRUE(done);
      if (*done) return;
    }
    FAIL();
  }

  Response ask(std::string_view method, const std::string& path, std::string body = "",
               std::string cookie = "") {
    if (cookie.empty()) cookie = owner;
    return world.answer({.method = method,
                         .target = path,
                         .host = "localhost",
                         .content_type = "application/json",
                         .cookie = cookie,
                         .body = body});
  }
  Json appliances() { return Json::parse(ask("GET", base).body); }

  SmallWorld world;
  const std::string owner = world.signed_in();
  const std::string base = "/api/homes/home/appliances";
};

TEST_F(AppliancesTest, TheWattsOfAChannelAddUpToTheTenth) {
  see(101, 80);
  see(102, 540.26f);

  const auto channel = appliances()["channels"][0];

  EXPECT_EQ(channel["circuit"], "fridge");
  EXPECT_EQ(channel["power_w"], 540.3);
  EXPECT_EQ(channel["appliances"]["1"], 540.3);
  EXPECT_EQ(channel["unexplained_w"], 0);
}

TEST_F(AppliancesTest, AnAnswerNamesAnApplianceAndCanBeTakenBack) {
  see(101, 540);
  see(102, 540);
  const auto asked = appliances()["question"];
  ASSERT_EQ(asked["appliance"], 1);
  EXPECT_EQ(asked["guesses"][0]["kind"], "television");

  EXPECT_EQ(ask("POST", base + "/answer", R"({"appliance":1,"kind":"television"})").status, 204u);
  EXPECT_EQ(ask("POST", base + "/rename", R"({"appliance":1,"name":"<b>Big"})").status, 204u);

  auto all = appliances();
  EXPECT_EQ(all["appliances"][0]["certainty"], "confirmed");
  EXPECT_EQ(all["appliances"][0]["kind_name"], "television");
  EXPECT_EQ(all["appliances"][0]["name"], "<b>Big");
  EXPECT_TRUE(all["question"].is_null());
  for (int i = 0; i < 2; ++i) {
    const auto act = appliances()["last_act"]["id"].dump();
    EXPECT_EQ(ask("POST", base + "/rollback", "{\"act\":" + act + "}").status, 204u);
  }
  EXPECT_EQ(appliances()["appliances"][0]["certainty"], "unknown");
}

TEST_F(AppliancesTest, WhatIsMalformedIsRefusedWithASentence) {
  see(101, 540);
  for (const auto& [verb, body] : std::vector<std::pair<std::string, std::string>>{
           {"answer", "{}"},
           {"answer", R"({"appliance":1,"kind":"spaceship"})"},
           {"answer", R"({"appliance":7,"kind":"kettle"})"},
           {"answer", R"({"appliance":"1","kind":"kettle"})"},
           {"rename", R"({"appliance":1,"name":""})"},
           {"switched_on", R"({"name":"no kind"})"},
           {"switched_on", R"({"kind":"spaceship"})"},
           {"merge", R"({"appliance":1})"},
           {"merge", R"({"appliance":1,"into":1})"},
           {"split", R"({"run":"1-2"})"},
           {"split", R"({"run":"1-2-x"})"},
           {"split", R"({"run":"-1-2-3"})"},
           {"rollback", R"({"act":1})"},
           {"rollback", "not json"}}) {
    const auto response = ask("POST", base + "/" + verb, body);
    EXPECT_EQ(response.status, 400u) << verb << " " << body;
    EXPECT_THAT(response.body, HasSubstr("error"));
  }
}

TEST_F(AppliancesTest, WhatWasSwitchedOnJustNowIsNamed) {
  see(101, 40);
  see(102, 540);

  const auto answer = ask("POST", base + "/switched_on", R"({"kind":"toaster","name":"Red one"})");

  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.body, R"({"circuits":[]})");
  EXPECT_EQ(appliances()["appliances"][0]["name"], "Red one");
  for (int second = 103; second < 300; second += 60) see(second, 40);
  EXPECT_EQ(ask("POST", base + "/switched_on", R"({"kind":"iron"})").status, 400u);
}

TEST_F(AppliancesTest, OnlyTheOwnerMayCorrect) {
  const auto link = world.accounts.admit({"Ben", {"home"}}, world.now).value();
  const auto ben = "lenz_session=" + world.accounts.sign_in_with_link(link, world.now).value();

  EXPECT_EQ(ask("GET", base, "", ben).status, 200u);
  EXPECT_EQ(ask("POST", base + "/answer", R"({"appliance":1,"kind":"kettle"})", ben).status, 403u);
}

TEST_F(AppliancesTest, ALampThatIsSwitchedThreeTimesFindsItsBreakerAndItsOutletIsKept) {
  EXPECT_EQ(Json::parse(ask("GET", "/api/homes/home/breaker").body)["state"], "idle");
  for (int second = 101; second < 160; ++second) see(second, 40);
  EXPECT_EQ(ask("POST", "/api/homes/home/breaker", "{}").status, 204u);
  EXPECT_EQ(Json::parse(ask("GET", "/api/homes/home/breaker").body)["state"], "watching");
  for (int second = 160; second < 177; ++second) {
    const bool is_on = second >= 162 && second < 174 && (second - 162) % 4 < 2;
    see(second, is_on ? 100 : 40);
  }

  const auto search = Json::parse(ask("GET", "/api/homes/home/breaker").body);

  EXPECT_EQ(search["state"], "found");
  EXPECT_EQ(search["circuit"], "fridge");
  const std::string outlet = R"({"circuit":"fridge","room":"Kitchen","name":"left of the sink"})";
  EXPECT_EQ(ask("POST", "/api/homes/home/outlets", outlet).status, 204u);
  EXPECT_EQ(appliances()["outlets"], Json::array({Json::parse(outlet)}));
  EXPECT_EQ(
      ask("POST", "/api/homes/home/outlets", R"({"circuit":"x","room":"","name":"y"})").status,
      400u);
}

TEST_F(AppliancesTest, RunsOfARangeAreListedWithWhatTheyTook) {
  see(101, 40);
  see(102, 3600);
  see(112, 40);

  const auto runs =
      Json::parse(ask("GET", base + "/runs?begin=1767225600000&end=1767312000000").body);

  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0]["begin"], 1767225702000);
  EXPECT_EQ(runs[0]["end"], 1767225712000);
  EXPECT_EQ(runs[0]["energy_wh"], 10);
}

TEST_F(AppliancesTest, WhoListensIsToldTheSharesAsSoonAsTheyAreKnown) {
  see(101, 540);
  std::vector<std::string> told;
  auto response = ask("GET", "/api/homes/home/live");
  ASSERT_TRUE(response.stream);
  const auto listening =
      response.stream->start([&](std::string text) { told.push_back(std::move(text)); });
  told.clear();

  see(102, 2040);

  ASSERT_FALSE(told.empty());
  EXPECT_THAT(told.back(), HasSubstr("event: appliances\ndata: {\"now\":"));
  EXPECT_THAT(told.back(), HasSubstr("\"power_w\":2040.0"));
}

}  // namespace
}  // namespace hub
