// New meters, what is asked of meters, their firmware, and the book of who did it.

#include "hub/api/meters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "hub/api/firmware_like.h"
#include "hub/api/small_world.h"
#include "measurement/request_codec.h"
#include "simulator/signing_key.h"

namespace hub {
namespace {

using Json = nlohmann::json;
using measurement::Reply;
using measurement::Request;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class MetersTest : public testing::Test {
 protected:
  SmallWorld world;
  std::string owner = world.signed_in();
  std::string body_type = "application/json";

  Response ask(std::string_view method, const std::string& target, const std::string& body = "",
               const std::string& cookie = "owner") {
    return world.answer({.method = method,
                         .target = target,
                         .host = "127.0.0.1:8080",
                         .content_type = body_type,
                         .cookie = cookie == "owner" ? owner : cookie,
                         .body = body,
                         .address = "127.0.0.1"});
  }
  Json get(const std::string& target) {
    const auto response = ask("GET", target);
    EXPECT_EQ(response.status, 200u) << response.body;
    return Json::parse(response.body);
  }
  // "who: what: outcome", newest first.
  std::vector<std::string> acts() {
    std::vector<std::string> found;
    for (const auto& act : get("/api/acts")) {
      found.push_back(act["who"].get<std::string>() + ": " + act["what"].get<std::string>() + ": " +
                      act["outcome"].get<std::string>());
    }
    return found;
  }
};

// --- Requests

class RequestsTest : public MetersTest {
 protected:
  std::vector<Response> answers;

  Response request(const std::string& body, const std::string& device = "meter-1") {
    auto response = ask("POST", "/api/homes/home/meters/" + device + "/requests", body);
    if (response.later) {
      response.later([this](Response answer) { answers.push_back(std::move(answer)); });
    }
    return response;
  }
  void reply(Reply reply) {
    std::array<std::uint8_t, measurement::max_reply_bytes> bytes;
    reply.id = 77;
    const auto used = measurement::encode(reply, bytes);
    world.requests.heard("home", "meter-1", {reinterpret_cast<const char*>(bytes.data()), *used},
                         world.now);
  }
};

TEST_F(RequestsTest, TheAnswerIsTheMeters) {
  request(R"({"kind":"identify"})");
  ASSERT_EQ(world.asked.size(), 1u);
  EXPECT_EQ(world.asked[0].device, "meter-1");
  const auto& bytes = world.asked[0].bytes;
  const auto sent = measurement::decode_request(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  EXPECT_EQ(sent->kind, Request::Kind::identify);
  EXPECT_TRUE(answers.empty());
  EXPECT_THAT(acts(), ElementsAre("the owner: asked meter-1 to show itself: "));

  reply({.kind = Request::Kind::identify, .outcome = Reply::Outcome::not_supported});

  ASSERT_EQ(answers.size(), 1u);
  const auto told = Json::parse(answers[0].body);
  EXPECT_EQ(told["outcome"], "not_supported");
  EXPECT_EQ(told["sentence"], "This board cannot do that.");
  EXPECT_EQ(told["diagnostics"], nullptr);
  EXPECT_THAT(acts(), ElementsAre("the owner: asked meter-1 to show itself: not_supported"));
}

TEST_F(RequestsTest, WhatAMeterSaysOfItselfIsToldWithTheMetersFromThenOn) {
  request(R"({"kind":"diagnostics"})");
  measurement::Diagnostics told;
  told.uptime = 90s;
  told.chips = 3;
  told.chips_missing = 0b100;
  told.held = 12;
  told.firmware = "0.3.1";

  reply({.kind = Request::Kind::diagnostics, .diagnostics = told});

  const auto diagnostics = Json::parse(answers.at(0).body)["diagnostics"];
  EXPECT_EQ(diagnostics["firmware"], "0.3.1");
  EXPECT_EQ(diagnostics["uptime_s"], 90);
  EXPECT_EQ(diagnostics["chips_missing"], Json({2}));
  EXPECT_EQ(diagnostics["waiting"], 12);
  EXPECT_EQ(diagnostics["signal_dbm"], nullptr);
  EXPECT_EQ(get("/api/homes/home/meters")[0]["diagnostics"], diagnostics);
}

TEST_F(RequestsTest, WhatCannotBeAskedHasASentence) {
  EXPECT_EQ(request(R"({"kind":"explode"})").status, 400u);
  EXPECT_EQ(request(R"({"kind":"identify","more":1})").status, 400u);
  EXPECT_EQ(request("[").status, 400u);
  EXPECT_EQ(request(R"({"kind":"identify"})", "meter-9").status, 404u);
  EXPECT_EQ(request(R"({"kind":"identify"})", "METER").status, 404u);
  EXPECT_TRUE(world.asked.empty());
  EXPECT_THAT(acts(), ElementsAre());
}

TEST_F(RequestsTest, ASilentMeterIsSaidToBeSilent) {
  request(R"({"kind":"restart"})");
  request(R"({"kind":"restart"})");
  world.requests.expire(world.now + MeterRequests::patience);
  world.broker_is_up = false;
  request(R"({"kind":"restart"})");

  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0].status, 409u);
  EXPECT_EQ(answers[1].status, 504u);
  EXPECT_EQ(answers[2].status, 503u);
  EXPECT_THAT(acts(), ElementsAre("the owner: asked meter-1 to restart: broker away",
                                  "the owner: asked meter-1 to restart: busy",
                                  "the owner: asked meter-1 to restart: no reply"));
}

TEST_F(RequestsTest, OnlyTheOwnerAsks) {
  const auto link = world.accounts.admit({"Bob", {"home"}}, world.now).value();
  const auto bob = "lenz_session=" + world.accounts.sign_in_with_link(link, world.now).value();

  const auto refused =
      ask("POST", "/api/homes/home/meters/meter-1/requests", R"({"kind":"restart"})", bob);

  EXPECT_EQ(refused.status, 403u);
  EXPECT_TRUE(world.asked.empty());
}

// --- Updates

class UpdatesTest : public MetersTest {
 protected:
  simulator::SigningKey key;
  std::string app = image(0, "lenz_meter", "1.4.0");

  std::string file(std::string_view chip = "esp32", std::string_view version = "1.4.0") const {
    return key.manifest(version, simulator::bytes_of(app), chip) + app;
  }
  Response put(const std::string& body) {
    body_type = "application/octet-stream";
    auto response = ask("POST", "/api/updates", body);
    body_type = "application/json";
    return response;
  }
  Response update(const Json& body, const std::string& device = "meter-1") {
    return ask("POST", "/api/homes/home/meters/" + device + "/update", body.dump());
  }
  // The meter replies to what it was asked last.
  void reply(Request::Kind kind, Reply::Outcome outcome) {
    std::array<std::uint8_t, measurement::max_reply_bytes> bytes;
    const auto used = measurement::encode(Reply{.id = 77, .kind = kind, .outcome = outcome}, bytes);
    world.requests.heard("home", "meter-1",
                         {reinterpret_cast<const char*>(bytes.data()), used.value()}, world.now);
  }
};

TEST_F(UpdatesTest, AnUpdateOnTheShelfIsGivenToTheMeterAndWhatBecameOfItIsInTheBook) {
  const auto whole = file();
  const auto kept = Json::parse(put(whole).body);
  EXPECT_EQ(kept["version"], "1.4.0");
  EXPECT_EQ(kept["chip"], "esp32");
  EXPECT_EQ(kept["bytes"], app.size());
  EXPECT_EQ(kept["is_checked"], false);
  EXPECT_EQ(get("/api/updates"), Json::array({kept}));

  const auto response = update({{"update", kept["update"]}});

  EXPECT_EQ(response.status, 200u) << response.body;
  EXPECT_EQ(response.body, R"({"version":"1.4.0"})");
  ASSERT_EQ(world.asked.size(), 1u);
  const auto& bytes = world.asked[0].bytes;
  const auto request = measurement::decode_request(simulator::bytes_of(bytes));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, Request::Kind::take_update);
  EXPECT_EQ(std::string(request->data.begin(), request->data.end()) + app, whole);
  const auto sending = get("/api/homes/home/meters")[0]["update"];
  EXPECT_EQ(sending["stage"], "sending");
  EXPECT_EQ(sending["bytes"], app.size());
  EXPECT_EQ(sending["written"], 0);

  reply(Request::Kind::take_update, Reply::Outcome::forged);

  EXPECT_EQ(get("/api/homes/home/meters")[0]["update"]["stage"], "failed");
  EXPECT_THAT(acts(), ElementsAre(StartsWith("the owner: updates meter-1 to 1.4.0: The manifest is "
                                             "not signed with this meter's key"),
                                  "the owner: put update 1.4.0 for esp32 on the shelf: done"));
}

TEST_F(UpdatesTest, WhatIsNoUpdateIsRefusedInASentence) {
  const auto why = [&](const std::string& body) {
    const auto refused = put(body);
    EXPECT_EQ(refused.status, 400u);
    return refused.body;
  };
  EXPECT_THAT(why("x"), HasSubstr("what sign_update wrote"));
  EXPECT_THAT(why(file() + "x"), HasSubstr("not the one that was signed"));
  EXPECT_THAT(why(file("esp32s3")), HasSubstr("another chip than esp32s3"));
  EXPECT_THAT(why(file("z80")), HasSubstr("no chip that is known"));
  EXPECT_THAT(why(file("esp32", "1.4.1")), HasSubstr("version \\\"1.4.0\\\""));
  app = std::string(200, 'a');
  EXPECT_THAT(why(file()), HasSubstr("none for an ESP32"));
  EXPECT_EQ(put(std::string(SignedUpdate::most_bytes + 1, 'a')).status, 413u);
  EXPECT_EQ(get("/api/updates"), Json::array());
}

TEST_F(UpdatesTest, WithItsKeyTheHubTakesNothingElse) {
  world.signature = std::unexpected("It is signed with another key.");
  EXPECT_EQ(put(file()).status, 400u);
  world.signature = true;
  EXPECT_EQ(Json::parse(put(file()).body)["is_checked"], true);
}

TEST_F(UpdatesTest, OnlyWhatIsThereIsGivenAndOnlyToMeters) {
  const auto id = Json::parse(put(file()).body)["update"];

  EXPECT_EQ(update({{"update", 3}}).status, 400u);
  EXPECT_EQ(update({{"update", "0123456789abcdef"}}).status, 404u);
  EXPECT_EQ(update({{"update", id}}, "meter-9").status, 404u);
  EXPECT_EQ(ask("DELETE", "/api/updates?update=" + id.get<std::string>()).status, 204u);
  EXPECT_EQ(update({{"update", id}}).status, 404u);
  EXPECT_TRUE(world.asked.empty());
}

// --- The list

TEST_F(MetersTest, AMeterThatIsOnlyAdmittedIsNotListedBeforeItIsHeardOrPaired) {
  world.hub.admit("meter-2");
  EXPECT_EQ(get("/api/homes/home/meters").size(), 1u);

  world.paired.insert("meter-2");

  const auto meters = get("/api/homes/home/meters");
  ASSERT_EQ(meters.size(), 2u);
  EXPECT_EQ(meters[0]["is_paired"], false);
  EXPECT_EQ(meters[1]["device"], "meter-2");
  EXPECT_EQ(meters[1]["is_paired"], true);
  EXPECT_EQ(meters[1]["heard"], nullptr);
}

TEST_F(MetersTest, TheListSaysWhenTheNewestReportCame) {
  measurement::Sample sample(1);
  ASSERT_TRUE(world.hub.accept({{.device = "meter-1", .boot = 1}, {&sample, 1}}, world.now));

  EXPECT_EQ(get("/api/homes/home/meters")[0]["heard"], world.now.time_since_epoch().count());
}

// --- Pairing

class PairingRoutesTest : public MetersTest {
 protected:
  Response open(const std::string& device = "meter-2") {
    return ask("POST", "/api/homes/home/pairing", R"({"device":")" + device + R"("})");
  }
  Response claim(const std::string& code) {
    return ask("POST", "/api/pairing", R"({"code":")" + code + R"("})", "");
  }
};

TEST_F(PairingRoutesTest, OneMeterGetsOneCredentialThroughTheWindow) {
  EXPECT_EQ(claim("0123-4567").status, 403u);
  EXPECT_EQ(get("/api/homes/home/pairing")["window"], nullptr);

  const auto opened = Json::parse(open().body);
  EXPECT_EQ(opened["window"]["device"], "meter-2");
  EXPECT_EQ(opened["window"]["code"], "0123-4567");
  EXPECT_EQ(opened["window"]["until"], (world.now + 10min).time_since_epoch().count());
  EXPECT_EQ(opened["host"], "hub.local");

  const auto credential = claim("0123-4567");
  ASSERT_EQ(credential.status, 200u) << credential.body;
  EXPECT_EQ(Json::parse(credential.body), Json({{"home", "home"},
                                                {"device", "meter-2"},
                                                {"host", "hub.local"},
                                                {"port", 8883},
                                                {"user", "home/meter-2"},
                                                {"password", "CANARY"},
                                                {"certificate", "PEM"}}));
  EXPECT_EQ(claim("0123-4567").status, 403u);
  EXPECT_EQ(get("/api/homes/home/pairing")["window"], nullptr);
  EXPECT_THAT(acts(), ElementsAre("127.0.0.1: got the credential of meter-2 in home: done",
                                  "the owner: opened the window for meter-2: done"));
}

TEST_F(PairingRoutesTest, ACredentialIsToldOnlyOnce) {
  open();
  claim("0123-4567");

  for (const auto& row : Routes::table()) {
    if (row.method != "GET" || row.path.find("live") != std::string_view::npos) continue;
    std::string target(row.path);
    if (const auto at = target.find("{home}"); at != std::string::npos) {
      target.replace(at, 6, "home");
    }
    EXPECT_THAT(ask("GET", target).body, Not(HasSubstr("CANARY"))) << target;
  }
}

TEST_F(PairingRoutesTest, GuessingClosesTheWindowAndIsNoted) {
  open();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(claim("9999-9999").status, 403u);

  EXPECT_EQ(claim("0123-4567").status, 403u);

  const auto noted = acts();
  EXPECT_EQ(noted.size(), 6u);  // What is guessed at a closed window fills no book.
  EXPECT_EQ(noted[0], "127.0.0.1: gave a wrong code for meter-2: refused");
  EXPECT_TRUE(world.paired.empty());
}

TEST_F(PairingRoutesTest, NobodyComesInAfterTheWindowClosed) {
  open();
  EXPECT_EQ(ask("DELETE", "/api/homes/home/pairing", "{}").status, 204u);
  EXPECT_EQ(claim("0123-4567").status, 403u);

  open();
  world.now += 10min;
  EXPECT_EQ(claim("0123-4567").status, 403u);
  EXPECT_TRUE(world.paired.empty());
}

TEST_F(PairingRoutesTest, OnlyTheOwnerOpensTheWindow) {
  EXPECT_EQ(ask("POST", "/api/homes/home/pairing", R"({"device":"meter-2"})", "").status, 401u);
  const auto link = world.accounts.admit({"Bob", {"home"}}, world.now).value();
  const auto bob = "lenz_session=" + world.accounts.sign_in_with_link(link, world.now).value();
  EXPECT_EQ(ask("POST", "/api/homes/home/pairing", R"({"device":"meter-2"})", bob).status, 403u);
  EXPECT_EQ(ask("GET", "/api/homes/home/pairing", "", bob).status, 403u);  // It has the code.
}

TEST_F(PairingRoutesTest, WhatCannotBePairedHasASentence) {
  EXPECT_EQ(open("Meter 2").status, 400u);
  EXPECT_EQ(open("").status, 400u);
  EXPECT_EQ(open("hub").status, 409u);
  EXPECT_EQ(ask("POST", "/api/pairing", "[]", "").status, 400u);
  world.pairing.trouble = "No meter can reach this broker.";
  EXPECT_EQ(open().status, 409u);
  EXPECT_THAT(open().body, HasSubstr("No meter can reach this broker."));
  world.pairing.trouble = "";
  open();
  world.admission_trouble = "The disk is full.";
  EXPECT_EQ(claim("0123-4567").status, 503u);
  EXPECT_THAT(acts(),
              testing::Contains("127.0.0.1: got the credential of meter-2 in home: failed"));
}

TEST_F(PairingRoutesTest, ACredentialCanBeTakenBack) {
  open();
  claim("0123-4567");

  EXPECT_EQ(ask("DELETE", "/api/homes/home/meters/meter-2/credential", "{}").status, 204u);

  EXPECT_TRUE(world.paired.empty());
  EXPECT_EQ(ask("DELETE", "/api/homes/home/meters/meter-2/credential", "{}").status, 404u);
  EXPECT_EQ(acts()[0], "the owner: took the credential of meter-2 back: done");
}

// --- Firmware

class FirmwareRoutesTest : public MetersTest {
 protected:
  Response put(const std::string& tar) {
    body_type = "application/octet-stream";
    auto response = ask("POST", "/api/firmware", tar);
    body_type = "application/json";
    return response;
  }
};

TEST_F(FirmwareRoutesTest, ABuildIsListedAndItsPartsAreServed) {
  const auto tar = tar_of(meter_build());

  const auto kept = put(tar);

  ASSERT_EQ(kept.status, 200u) << kept.body;
  const auto builds = get("/api/firmware");
  ASSERT_EQ(builds.size(), 1u);
  EXPECT_EQ(builds[0], Json::parse(kept.body));
  EXPECT_EQ(builds[0]["project"], "lenz_meter");
  EXPECT_EQ(builds[0]["parts"][0]["offset"], 4096);
  EXPECT_EQ(builds[0]["command"],
            "esptool.py --chip esp32 --baud 460800 write_flash --flash_mode dio --flash_size 4MB "
            "--flash_freq 40m 0x1000 bootloader/bootloader.bin 0x8000 "
            "partition_table/partition-table.bin 0xf000 ota_data_initial.bin 0x20000 "
            "lenz_meter.bin");
  const auto part =
      ask("GET", "/api/firmware/part?offset=61440&build=" + builds[0]["build"].get<std::string>());
  EXPECT_EQ(part.status, 200u);
  EXPECT_EQ(part.content_type, "application/octet-stream");
  EXPECT_EQ(part.body, std::string(8192, '\xFF'));
  EXPECT_EQ(acts()[0], "the owner: put firmware lenz_meter 0.3.1 on the shelf: done");
}

TEST_F(FirmwareRoutesTest, WhatIsNotThereIsNotFound) {
  const auto id = Json::parse(put(tar_of(meter_build())).body)["build"].get<std::string>();
  for (const std::string& query :
       std::vector<std::string>{"", "?build=" + id, "?offset=61440", "?build=x&offset=61440",
                                "?build=" + id + "&offset=61441", "?build=" + id + "&offset=-1",
                                "?build=" + id + "&offset=61440&offset=1"}) {
    EXPECT_EQ(ask("GET", "/api/firmware/part" + query).status, 404u) << query;
  }
  EXPECT_EQ(ask("DELETE", "/api/firmware?build=../x", "{}").status, 404u);
  EXPECT_EQ(ask("DELETE", "/api/firmware?build=" + id, "{}").status, 204u);
  EXPECT_TRUE(get("/api/firmware").empty());
}

TEST_F(FirmwareRoutesTest, AFaultyBuildIsRefusedWithItsSentence) {
  auto files = meter_build();
  files.erase("lenz_meter.bin");

  const auto refused = put(tar_of(files));

  EXPECT_EQ(refused.status, 400u);
  EXPECT_THAT(refused.body, HasSubstr("lenz_meter.bin is missing"));
  EXPECT_TRUE(get("/api/firmware").empty());
}

TEST_F(FirmwareRoutesTest, ABuildIsNoJson) {
  EXPECT_EQ(ask("POST", "/api/firmware", "{}").status, 415u);
  body_type = "text/plain";
  EXPECT_EQ(ask("POST", "/api/firmware", "{}").status, 415u);
}

// --- The book

TEST_F(MetersTest, TheBookKeepsTheNewestAndCutsLongWordsBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 300; ++i) name += "ü";
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(
        world.accounts.note({world.now, name + "x", "home", "did " + std::to_string(i), ""}));
  }

  const auto kept = world.accounts.acts(2);

  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].what, "did 2");
  EXPECT_EQ(kept[0].who, name.substr(0, Accounts::most_act_bytes));
  world.accounts.note({world.now, "x" + name, "", "", ""});
  EXPECT_EQ(world.accounts.acts(1)[0].who, ("x" + name).substr(0, Accounts::most_act_bytes - 1));
}

}  // namespace
}  // namespace hub
