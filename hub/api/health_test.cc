#include "hub/api/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hub/api/small_world.h"

namespace hub {
namespace {

using insight::Cause;
using insight::Change;
using insight::Feature;
using testing::HasSubstr;
using Json = nlohmann::json;

class HealthTest : public testing::Test {
 protected:
  Response ask(std::string_view method, const std::string& path, const std::string& body = "") {
    return world.answer({.method = method,
                         .target = path,
                         .host = "localhost",
                         .content_type = "application/json",
                         .cookie = owner,
                         .body = body});
  }
  Json get(const std::string& path) {
    const auto response = ask("GET", path);
    EXPECT_EQ(response.status, 200u) << response.body;
    return Json::parse(response.body);
  }
  FindingNumber find(const Asset& asset, Change change) {
    FindingBook::Writing writing(world.desk.book());
    const auto number = writing.put(
        asset,
        {.change = change,
         .since = world.now - 240h,
         .found = world.now - 24h,
         .confidence = .9f,
         .suspects = {{Cause::gasket_leak, .7f}},
         .evidence = {{.feature = Feature::duty,
                       .before = .31f,
                       .now = .4f,
                       .usual_spread = .02f,
                       .course = {{world.now - 48h, .4f}, {world.now - 24h, std::nanf("")}}}},
         .extra_wh_per_day = 210});
    EXPECT_TRUE(writing.finish());
    return number.value_or(0);
  }

  SmallWorld world;
  const std::string owner = world.signed_in();
  const std::string base = "/api/homes/home";
  const std::string times =
      R"({"quiet_begin":"22:00","quiet_end":"07:00","digest_day":"monday","digest_at":"08:00"})";
};

TEST_F(HealthTest, a_finding_is_told_with_its_words_and_its_course) {
  find({Asset::Kind::circuit, "fridge"}, Change::works_harder);

  const auto found = get(base + "/health")["open"];

  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["asset"], "circuit fridge");
  EXPECT_EQ(found[0]["change"], "works_harder");
  EXPECT_EQ(found[0]["urgency"], "digest");
  EXPECT_EQ(found[0]["text"]["changed"], "The circuit fridge works harder than it used to.");
  EXPECT_EQ(found[0]["evidence"][0]["before"], .31);
  EXPECT_EQ(found[0]["evidence"][0]["course"][1][1], nullptr);
  EXPECT_EQ(found[0]["suspects"][0]["cause"], "gasket_leak");
  EXPECT_EQ(found[0]["feedback"], nullptr);
}

TEST_F(HealthTest, an_answer_ends_a_finding) {
  const auto number = find({Asset::Kind::supply, ""}, Change::open_neutral);

  EXPECT_EQ(ask("POST", base + "/health/feedback",
                R"({"finding": )" + std::to_string(number) + R"(, "feedback": "wrong"})")
                .status,
            204u);

  const auto health = get(base + "/health");
  EXPECT_TRUE(health["open"].empty());
  EXPECT_EQ(health["ended"][0]["feedback"], "wrong");
  EXPECT_EQ(ask("POST", base + "/health/feedback", R"({"finding": 99, "feedback": "wrong"})").body,
            R"({"error":"There is no such finding."})");
  EXPECT_EQ(ask("POST", base + "/health/feedback", R"({"finding": 1, "feedback": ""})").status,
            400u);
}

TEST_F(HealthTest, how_an_asset_stands_is_told) {
  FindingBook::Writing writing(world.desk.book());
  writing.put(Condition{.asset = {Asset::Kind::supply, ""},
                        .watch = Condition::Watch::watched,
                        .since = world.now,
                        .note = "Neutral not watched.",
                        .trends = {{.feature = Feature::supply_ohm, .now = .12f}}});
  ASSERT_TRUE(writing.finish());

  const auto asset = get(base + "/health")["assets"][0];

  EXPECT_EQ(asset["name"], "The supply");
  EXPECT_EQ(asset["watch"], "watched");
  EXPECT_EQ(asset["note"], "Neutral not watched.");
  EXPECT_EQ(asset["trends"][0]["now"], .12);
  EXPECT_EQ(asset["trends"][0]["before"], nullptr);
}

TEST_F(HealthTest, rules_are_kept_as_they_were_sent) {
  const std::string rules =
      R"([{"name":"Fridge door","when":"above","asset":"circuit fridge","power_w":60,"for_min":90,"sending":"today"},)"
      R"({"name":"Fridge off","when":"not_run","asset":"circuit fridge","by":"12:00","sending":"at_once"},)"
      R"({"name":"Day","when":"energy","asset":"circuit fridge","energy_kwh":2.5,"sending":"digest"}])";

  ASSERT_EQ(ask("PUT", base + "/rules", R"({"times":)" + times + R"(,"rules":)" + rules + "}").body,
            "");

  const auto kept = get(base + "/rules");
  EXPECT_EQ(kept["times"], Json::parse(times));
  EXPECT_EQ(kept["rules"][0]["says"], "The circuit fridge has drawn more than 60 W for 90 min.");
  EXPECT_EQ(ask("PUT", base + "/rules", kept.dump()).status, 204u);
  EXPECT_EQ(get(base + "/rules"), kept);
}

TEST_F(HealthTest, a_rule_that_cannot_be_is_refused_in_one_sentence) {
  const auto refused = [&](const std::string& rule) {
    const auto response =
        ask("PUT", base + "/rules", R"({"times":)" + times + R"(,"rules":[)" + rule + "]}");
    EXPECT_EQ(response.status, 400u) << rule;
    return Json::parse(response.body).value("error", "");
  };
  const std::string begin =
      R"({"name":"a","when":"above","asset":"circuit fridge","sending":"today",)";
  EXPECT_EQ(refused("3"), "Rule 1 must be an object.");
  EXPECT_EQ(refused("{}"), "Rule 1 lacks \"name\": add it.");
  EXPECT_EQ(refused(begin + R"("power_w":1})"), "The rule \"a\" lacks \"for_min\": add it.");
  EXPECT_EQ(refused(begin + R"("power_w":0,"for_min":5})"),
            "The rule \"a\": \"power_w\" must be from 1 to 1000000.");
  EXPECT_EQ(refused(begin + R"("power_w":5,"for_min":1e300})"),
            "The rule \"a\": \"for_min\" is too long.");
  EXPECT_EQ(refused(begin + R"("power_w":5,"for_min":5,"by":"12:00"})"),
            "The rule \"a\" of \"above\" has no \"by\": take it out.");
  EXPECT_THAT(refused(R"({"name":"a","when":"often","asset":"x","sending":"today"})"),
              HasSubstr("\"when\" must be one of above, below"));
  EXPECT_TRUE(get(base + "/rules")["rules"].empty());
}

TEST_F(HealthTest, a_test_goes_to_the_channels) {
  world.desk.notices().set_channels({"email"});

  EXPECT_EQ(ask("POST", base + "/rules/test", "{}").status, 204u);
  EXPECT_EQ(ask("POST", base + "/rules/test", R"({"rule": "none"})").status, 400u);
  EXPECT_EQ(ask("POST", base + "/rules/test", "[").status, 400u);

  const auto health = get(base + "/health");
  EXPECT_EQ(health["notices"].size(), 1u);
  EXPECT_EQ(health["waiting"], 1);
  EXPECT_EQ(health["channels"][0], "email");
}

TEST_F(HealthTest, what_people_call_things_stays_text) {
  const std::string rule =
      R"({"name":"<script>\u0022","when":"finished","asset":"circuit fridge","sending":"today"})";
  ASSERT_EQ(
      ask("PUT", base + "/rules", R"({"times":)" + times + R"(,"rules":[)" + rule + "]}").status,
      204u);
  EXPECT_EQ(get(base + "/rules")["rules"][0]["name"], "<script>\"");
}

}  // namespace
}  // namespace hub
