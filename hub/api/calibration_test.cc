#include "hub/api/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "hub/api/small_world.h"
#include "measurement/request_codec.h"

namespace hub {
namespace {

using Json = nlohmann::json;
using measurement::Reply;
using measurement::Request;
using testing::HasSubstr;

class CalibrationTest : public testing::Test {
 protected:
  SmallWorld world;
  std::string owner = world.signed_in();
  std::optional<Response> answer;

  Response ask(std::string_view method, const std::string& body, const std::string& cookie) {
    return world.answer({.method = method,
                         .target = "/api/homes/home/calibration",
                         .host = "127.0.0.1:8080",
                         .content_type = "application/json",
                         .cookie = cookie,
                         .body = body,
                         .address = "127.0.0.1"});
  }
  Json get() { return Json::parse(ask("GET", "", owner).body); }
  // Its answer is in `answer` once it has come.
  void step(const std::string& body) {
    answer.reset();
    auto response = ask("POST", body, owner);
    if (!response.later) {
      answer = std::move(response);
      return;
    }
    response.later([this](Response given) { answer = std::move(given); });
  }
  void reply(Reply reply) {
    std::array<std::uint8_t, measurement::max_reply_bytes> bytes;
    reply.id = 77;
    const auto used = measurement::encode(reply, bytes);
    world.requests.heard("home", "meter-1", {reinterpret_cast<const char*>(bytes.data()), *used},
                         world.now);
  }
  static Reply load_of(float watts) {
    Reply reply{.kind = Request::Kind::read_raw};
    reply.raw.windows = 24;
    reply.raw.channels[0] = {.voltage = {231, 0.1F},
                             .current = {watts / 231, 0.001F},
                             .active = {watts, 1},
                             .reactive = {0, 1},
                             .peak_current = 15};
    return reply;
  }
  void begin() {
    step(R"({"step":"begin","device":"meter-1","channel":0,"clamp":"SCT-013-030",
             "reference":"Wattmeter","percents":["0.2","0.2","0.2"]})");
    reply({.kind = Request::Kind::read_words});
    ASSERT_EQ(answer->status, 200u) << answer->body;
  }
  const std::string heater = R"("shown":["230.0","8.70","2001"],"kind":"resistive"})";
};

TEST_F(CalibrationTest, IsForTheOwnerAlone) {
  const auto link = world.accounts.admit({"Bob", {"home"}}, world.now).value();
  const auto bob = "lenz_session=" + world.accounts.sign_in_with_link(link, world.now).value();

  EXPECT_EQ(ask("GET", "", bob).status, 403u);
  EXPECT_EQ(ask("POST", R"({"step":"end"})", bob).status, 403u);
  EXPECT_EQ(ask("GET", "", "").status, 401u);
}

TEST_F(CalibrationTest, SaysOfEachClampHowItWasCalibratedAndWhatItMayBeOffBy) {
  const auto told = get();

  EXPECT_EQ(told["guide"], nullptr);
  EXPECT_EQ(told["clamps"][0]["name"], "SCT-006");
  EXPECT_EQ(told["channels"].size(), 1u);
  EXPECT_EQ(told["channels"][0]["device"], "meter-1");
  EXPECT_EQ(told["channels"][0]["circuit"], "fridge");
  EXPECT_EQ(told["channels"][0]["newest"], nullptr);
  EXPECT_GT(told["channels"][0]["uncalibrated"][1]["resistive_percent"], 4);
}

TEST_F(CalibrationTest, LeadsFromTheClampToWhatIsSetAndNotesWhoDidIt) {
  begin();
  EXPECT_EQ(get()["guide"]["result"], nullptr);
  step(R"({"step":"load",)" + heater);
  reply(load_of(1980));
  const auto read = Json::parse(answer->body)["guide"];
  EXPECT_EQ(read["loads"][0]["shown"][2], 2001);
  EXPECT_EQ(read["loads"][0]["meter"]["watts"], 1980);
  EXPECT_EQ(read["result"]["changes"][0]["word"], "voltage gain");
  EXPECT_GE(read["result"]["plus_minus"][1]["resistive_percent"], 0.2);
  EXPECT_EQ(read["record"], nullptr);

  step(R"({"step":"set"})");
  reply({.kind = Request::Kind::write_words});

  ASSERT_EQ(answer->status, 200u) << answer->body;
  const auto told = get();
  EXPECT_EQ(told["guide"]["record"]["reference"], "Wattmeter");
  EXPECT_EQ(told["channels"][0]["newest"]["by"], "the owner");
  EXPECT_EQ(world.accounts.acts(1)[0].what, "calibrated channel 0 of meter-1 against Wattmeter");
  EXPECT_EQ(world.accounts.acts(1)[0].outcome, "done");

  step(R"({"step":"check",)" + heater);
  reply(load_of(2000));
  EXPECT_EQ(Json::parse(answer->body)["guide"]["check"]["is_within"], true) << answer->body;

  step(R"({"step":"undo","device":"meter-1","channel":0})");
  reply({.kind = Request::Kind::write_words});
  EXPECT_EQ(get()["channels"][0]["newest"]["reference"], "undone: Wattmeter");
  EXPECT_EQ(get()["guide"], nullptr);
}

TEST_F(CalibrationTest, ARefusalIsASentenceAndTheCourseGoesOn) {
  begin();
  step(R"({"step":"load","shown":["-","-","-"],"kind":"resistive"})");
  EXPECT_EQ(answer->status, 409u);
  EXPECT_THAT(answer->body, HasSubstr("Three numbers or dashes"));
  step(R"({"step":"load",)" + heater);
  reply(load_of(-1980));
  EXPECT_EQ(answer->status, 409u);
  EXPECT_THAT(answer->body, HasSubstr("turn the clamp around"));
  step(R"({"step":"load",)" + heater);
  // As long as its readings may take, and no longer.
  world.requests.expire(world.now + MeterRequests::patience);
  EXPECT_FALSE(answer);
  world.requests.expire(world.now + MeterRequests::patience + 24 * MeterRequests::longest_window);
  EXPECT_EQ(answer->status, 409u);
  EXPECT_THAT(answer->body, HasSubstr("meter-1 does not reply"));
  EXPECT_TRUE(get()["guide"].is_object());

  step(R"({"step":"end"})");

  EXPECT_EQ(get()["guide"], nullptr);
}

TEST_F(CalibrationTest, TheMainsAreHeldAgainstTheBlinksOfTheUtilitysMeter) {
  world.homes[0].panels[0].circuits[0].kind = CircuitKind::grid;
  // 3 kW, of which the clamp shows 2.91: a blink every 1.2 s at 1000 to the kWh.
  Json blinks = Json::array();
  for (int i = 0; i < 60; ++i) {
    blinks.push_back((new_year + 101s).time_since_epoch().count() + 1200 * i);
  }
  for (int second = 100; second < 180; ++second) {
    world.store.seconds["meter-1"][second][0] = {.watts = 2910};
  }
  const Json body{{"step", "light"}, {"circuit", "fridge"},  {"blinks", blinks},
                  {"per_kwh", 1000}, {"class_percent", 1.0}, {"within_s", 0.2}};

  step(body.dump());

  ASSERT_EQ(answer->status, 200u) << answer->body;
  const auto counted = get()["light"];
  EXPECT_EQ(counted["blinks"], 59);
  EXPECT_EQ(counted["utility_wh"], 59);
  EXPECT_NEAR(counted["off_percent"].get<double>(), -3, 0.05);
  EXPECT_GE(counted["plus_minus_percent"], 0.95);
  step(R"({"step":"set_light"})");
  reply({.kind = Request::Kind::read_words});
  reply({.kind = Request::Kind::write_words});
  EXPECT_EQ(get()["light"]["is_set"], true);
  EXPECT_THAT(get()["channels"][0]["newest"]["reference"].get<std::string>(),
              HasSubstr("class 1, 59 blinks"));
  EXPECT_EQ(world.accounts.acts(1)[0].what, "calibrated fridge by the utility's meter");
}

TEST_F(CalibrationTest, TwoReadingsOfTheUtilitysMeterSetTheMainsAndAreNoted) {
  world.homes[0].panels[0].circuits[0].kind = CircuitKind::grid;
  // 3 kW for 12 hours, of which the clamp counted 34.92 kWh.
  world.store.seconds["meter-1"][90][0] = {.watts = 2910};
  world.store.seconds["meter-1"][43'299][0] = {.watts = 2910, .imported = 34'920'000};
  const auto read = [&](const char* kwh) {
    step(Json{{"step", "reading"},
              {"circuit", "fridge"},
              {"imported_kwh", kwh},
              {"exported_kwh", ""},
              {"class_percent", 1.0}}
             .dump());
    return answer->status;
  };
  EXPECT_EQ(read("much"), 409u);
  EXPECT_EQ(read("1000,0"), 200u) << answer->body;
  EXPECT_EQ(get()["readings"][0]["gain"], nullptr);
  step(R"({"step":"set_readings","circuit":"fridge"})");
  EXPECT_EQ(answer->status, 409u);
  world.now += 12h;
  EXPECT_EQ(read("1036.0"), 200u);

  const auto told = get()["readings"][0];

  EXPECT_EQ(told["rows"][0]["since_last"], nullptr);
  EXPECT_NEAR(told["rows"][1]["since_last"]["off_percent"].get<double>(), -3, 0.01);
  EXPECT_EQ(told["rows"][1]["by"], "the owner");
  EXPECT_EQ(told["drift"]["has_drifted"], false);
  EXPECT_EQ(world.accounts.acts(1)[0].what, "read 1036.0 kWh off the utility's meter of fridge");
  step(R"({"step":"set_readings","circuit":"fridge"})");
  reply({.kind = Request::Kind::read_words});
  reply({.kind = Request::Kind::write_words});
  ASSERT_EQ(answer->status, 200u) << answer->body;
  EXPECT_EQ(get()["channels"][0]["newest"]["reference"],
            "The utility's meter, class 1, 1000.0 to 1036.0 kWh");
  EXPECT_EQ(world.accounts.acts(1)[0].what, "calibrated fridge by readings of the utility's meter");
  EXPECT_EQ(world.accounts.acts(1)[0].outcome, "done");
  step(R"({"step":"take_back","circuit":"fridge"})");
  EXPECT_EQ(get()["readings"][0]["rows"].size(), 1u);
}

TEST_F(CalibrationTest, ALoadThatIsSwitchedIsWatchedAndSetsItsCircuit) {
  auto& circuits = world.homes[0].panels[0].circuits;
  circuits[0].kind = CircuitKind::grid;
  circuits[1].channels = {{"meter-1", 1, 1}};
  add_calibration({.device = "meter-1",
                   .channel = 0,
                   .time = world.now,
                   .reference = "Wattmeter",
                   .by = "Ada",
                   .volts = 230,
                   .accuracy = {.gain_limit = 0.2, .loads = {{.amperes = 10}}}},
                  world.folder.path / "calibrations.toml");
  step(Json{{"step", "switch"}, {"circuit", "fridge"}}.dump());
  EXPECT_EQ(answer->status, 409u);
  step(Json{{"step", "switch"}, {"circuit", circuits[1].id}}.dump());
  EXPECT_EQ(answer->status, 200u) << answer->body;
  EXPECT_EQ(get()["switched"]["change_percent"], nullptr);
  for (int second = 0; second < 60; ++second) {
    const bool is_on = second / 10 % 2 == 1;
    world.store.seconds["meter-1"][100 + second] = {{0, {.watts = is_on ? 2200.0F : 200.0F}},
                                                    {1, {.watts = is_on ? 1940.0F : 0.0F}}};
  }
  world.now += 60s;

  const auto told = get()["switched"];

  EXPECT_EQ(told["steps"].size(), 5u);
  EXPECT_EQ(told["steps"][0]["mains_w"], 2000);
  EXPECT_NEAR(told["change_percent"].get<double>(), 3.09, 0.01);
  EXPECT_LT(told["after_percent"], told["before_percent"]);
  step(R"({"step":"set_switched"})");
  reply({.kind = Request::Kind::read_words});
  reply({.kind = Request::Kind::write_words});
  EXPECT_EQ(get()["switched"]["is_set"], true);
  EXPECT_THAT(world.accounts.acts(1)[0].what, HasSubstr("by a load that was switched"));
  step(R"({"step":"end"})");
  EXPECT_EQ(get()["switched"], nullptr);
}

TEST_F(CalibrationTest, TheSumIsRefusedWithoutDaysAndAModelSetsItsWords) {
  step(R"({"step":"sum"})");
  EXPECT_EQ(answer->status, 409u);
  EXPECT_EQ(get()["sum"], nullptr);
  step(R"({"step":"set_sum","circuits":["fridge"]})");
  EXPECT_EQ(answer->status, 409u);

  step(R"({"step":"model","device":"meter-1","channel":0,"clamp":"SCT-013-000"})");
  reply({.kind = Request::Kind::read_words});
  const auto request = measurement::decode_request(
      {reinterpret_cast<const std::uint8_t*>(world.asked.back().bytes.data()),
       world.asked.back().bytes.size()});
  reply({.kind = Request::Kind::write_words});

  EXPECT_EQ(request->wanted.current_gain, 27'518);
  EXPECT_EQ(request->wanted.voltage_gain, request->expected.voltage_gain);
  EXPECT_EQ(get()["channels"][0]["newest"]["clamp"], "SCT-013-000");
  EXPECT_EQ(get()["channels"][0]["newest"]["reference"], "its model alone, SCT-013-000");
}

TEST_F(CalibrationTest, WhatIsNotWellFormedIsRefusedBeforeTheMeterIsAsked) {
  for (
      const std::string body :
      {R"({"step":"explode"})", R"([])", R"({"step":7})",
       R"({"step":"begin","device":"meter-9","channel":0,"clamp":"SCT-006","reference":"W","percents":["1","1","1"]})",
       R"({"step":"begin","device":"meter-1","channel":42,"clamp":"SCT-006","reference":"W","percents":["1","1","1"]})",
       R"({"step":"begin","device":"meter-1","channel":0,"clamp":"SCT-006","reference":"","percents":["1","1","1"]})",
       R"({"step":"begin","device":"meter-1","channel":0,"clamp":"SCT-006","reference":"W","percents":["1","1"]})",
       R"({"step":"reading","circuit":"fridge","imported_kwh":12,"exported_kwh":"","class_percent":1})",
       R"({"step":"reading","circuit":"fridge","imported_kwh":"12","exported_kwh":"","class_percent":0})",
       R"({"step":"switch"})", R"({"step":"set_sum","circuits":[]})",
       R"({"step":"set_sum","circuits":[3]})",
       R"({"step":"model","device":"meter-1","channel":0,"clamp":"other"})",
       R"({"step":"load","shown":[1,2,3],"kind":"resistive"})",
       R"({"step":"load","shown":["1","2","3"],"kind":"odd"})"}) {
    step(body);
    EXPECT_EQ(answer->status, 400u) << body;
  }
  EXPECT_TRUE(world.asked.empty());
}

}  // namespace
}  // namespace hub
