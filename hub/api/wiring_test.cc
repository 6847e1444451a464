#include "hub/api/wiring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hub/api/small_world.h"

namespace hub {
namespace {

using Json = nlohmann::json;
using insight::wiring::Fault;

TEST(Wiring, AFindingNamesItsCircuitsWithWhatToDo) {
  WiringExamination examined{.device = "meter-1", .until = new_year};
  examined.panel.circuits.push_back({.id = "dryer", .name = "Dryer", .clamps = {{.channel = 4}}});
  examined.panel.circuits.push_back({.id = "shed", .name = "Shed", .clamps = {{.channel = 5}}});
  examined.report = {.silent = {5}, .length = 30min};
  examined.report.findings.push_back({.fault = Fault::reversed,
                                      .channels = {4},
                                      .confidence = 0.987F,
                                      .where = "CT5 (Dryer)",
                                      .evidence = "Its steps are negative.",
                                      .fix = "Turn it around."});
  examined.report.findings.push_back({.fault = Fault::dead_chip, .chip = 1});

  const auto told = Json::parse(wiring_text(examined));

  EXPECT_EQ(told["minutes"], 30);
  EXPECT_EQ(told["is_enough"], true);
  const Json expected = {{"fault", "reversed"},      {"title", "the wrong way round"},
                         {"channels", {4}},          {"circuits", {"dryer"}},
                         {"where", "CT5 (Dryer)"},   {"evidence", "Its steps are negative."},
                         {"fix", "Turn it around."}, {"confidence", 0.99}};
  EXPECT_EQ(told["findings"][0], expected);
  // All clamps of a chip that is dead.
  EXPECT_EQ(told["findings"][1]["circuits"], Json({"dryer", "shed"}));
  EXPECT_EQ(told["not_seen"][0]["circuit"], "shed");
  EXPECT_EQ(told["not_seen"][0]["where"], "CT6 (Shed)");
}

TEST(Wiring, WhoAsksIsToldThatItIsLookedAtAndThenWhatWasFound) {
  SmallWorld world;
  const auto send = [&](std::string_view method, const std::string& cookie) {
    return world.answer({.method = method,
                         .target = "/api/homes/home/wiring",
                         .host = "127.0.0.1:8080",
                         .content_type = "application/json",
                         .cookie = cookie,
                         .address = "127.0.0.1"});
  };
  const auto ask = [&](const std::string& cookie) { return send("GET", cookie); };
  const auto say_changed = [&](const std::string& cookie) { return send("POST", cookie); };
  EXPECT_EQ(ask("").status, 401u);
  const auto link = world.accounts.admit({"Bob", {"home"}}, world.now).value();
  const auto resident = "lenz_session=" + world.accounts.sign_in_with_link(link, world.now).value();

  const auto first = Json::parse(ask(resident).body);
  EXPECT_EQ(first["is_looking"], true);
  EXPECT_EQ(first["meters"], Json::array());
  EXPECT_EQ(first["without_clamp"][0]["circuit"], "spare");
  while (!*world.doctor.step(world.now)) {
  }

  const auto told = Json::parse(ask(resident).body);
  EXPECT_EQ(told["is_looking"], false);
  EXPECT_EQ(told["meters"][0]["device"], "meter-1");
  EXPECT_EQ(told["meters"][0]["until"], (new_year + 90s).time_since_epoch().count());
  EXPECT_EQ(told["meters"][0]["is_enough"], false);
  EXPECT_EQ(told["since"], nullptr);

  EXPECT_EQ(say_changed(resident).status, 403u);
  const auto anew = Json::parse(say_changed(world.signed_in()).body);

  EXPECT_EQ(anew["meters"], Json::array());
  EXPECT_EQ(anew["since"], world.now.time_since_epoch().count());
  EXPECT_EQ(world.accounts.acts(1)[0].what, "changed the wiring");
}

}  // namespace
}  // namespace hub
