#include "hub/api/routes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <type_traits>

#include "hub/api/small_world.h"
#include "hub/api/url.h"

namespace hub {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

static_assert(!std::is_constructible_v<Route, std::string_view, std::string_view, Route::Handler,
                                       std::size_t>,
              "A row without a role must not compile.");

std::string with_home(std::string_view path, std::string_view home = "home") {
  std::string filled(path);
  if (const auto at = filled.find("{home}"); at != std::string::npos) {
    filled.replace(at, 6, home);
  }
  if (const auto at = filled.find("{device}"); at != std::string::npos) {
    filled.replace(at, 8, "meter-1");
  }
  return filled;
}

class RoutesTest : public testing::Test {
 protected:
  SmallWorld world;

  // What a browser on the hub's own page sends.
  Response ask(std::string_view method, const std::string& target, const std::string& cookie = "",
               const std::string& body = "") {
    return world.answer({.method = method,
                         .target = target,
                         .host = "127.0.0.1:8080",
                         .content_type = "application/json",
                         .cookie = cookie,
                         .body = body,
                         .address = "127.0.0.1"});
  }
  Json get(const std::string& target) {
    const auto response = ask("GET", target, world.signed_in());
    EXPECT_EQ(response.status, 200u) << response.body;
    return Json::parse(response.body);
  }
};

// --- The table

using Documented = std::set<std::tuple<std::string, std::string, std::string>>;

// docs/http_api.yaml by its indentation: paths at 2, methods at 4, roles at 6.
Documented documented() {
  std::ifstream in(LENZ_SOURCE_DIR "/docs/http_api.yaml");
  Documented found;
  std::string line, path, method;
  while (std::getline(in, line)) {
    const auto indent = line.find_first_not_of(' ');
    if (indent == std::string::npos) continue;
    const auto word = line.substr(indent, line.find(':') - indent);
    if (indent == 2 && word.starts_with("/")) path = word;
    if (indent == 4) method = word;
    if (indent == 6 && word == "x-role") {
      std::ranges::transform(method, method.begin(), [](char c) { return std::toupper(c); });
      found.emplace(method, path, line.substr(line.find(": ") + 2));
    }
  }
  return found;
}

TEST(Routes, AreThoseOfTheDocument) {
  Documented routes;
  for (const auto& row : Routes::table()) {
    constexpr std::array names = {"anyone", "resident", "owner", "scraper", "writer"};
    routes.emplace(row.method, row.path, names.at(static_cast<std::size_t>(row.role)));
  }

  EXPECT_EQ(routes, documented());
}

TEST_F(RoutesTest, AStrangerIsAskedToSignInEverywhereButAtTheDoor) {
  for (const auto& row : Routes::table()) {
    for (const std::string cookie :
         {"", "lenz_session=", "lenz_session=guess", "other=1; lenz_session=a; lenz_session=b"}) {
      const auto response =
          ask(row.method, with_home(row.path), cookie, row.method == "GET" ? "" : "{}");
      if (row.role != Role::anyone) {
        EXPECT_EQ(response.status, 401u) << row.method << " " << row.path << " " << cookie;
        EXPECT_THAT(response.body, Not(HasSubstr("Maple")));
        EXPECT_FALSE(response.stream);
      } else {
        const auto told = row.path == "/api/status"    ? "version"
                          : row.path == "/lenz-ca.crt" ? "BEGIN CERTIFICATE"
                                                       : "error";
        EXPECT_THAT(response.body, HasSubstr(told));
      }
    }
  }
}

TEST_F(RoutesTest, TheOwnerReachesEveryRoute) {
  for (const auto& row : Routes::table()) {
    if (row.role != Role::resident && row.role != Role::anyone) continue;
    auto target = with_home(row.path);
    if (target.ends_with("/gaps") || target.ends_with("/runs")) target += "?begin=0&end=1000";
    if (target.ends_with("/room")) target += "?what=charger&power_w=7200";
    if (target.ends_with("/report")) target += "?month=2026-01";
    if (target.ends_with("/history")) target += "?begin=0&end=1000&step=1&circuits=fridge";
    if (target.ends_with("/costs")) target += "?begin=0&end=1000&step=1&circuits=fridge";
    std::string body;
    if (row.path == "/api/account") body = R"({"name":"Ann","password":"open sesame"})";
    if (row.method == "POST") {
      body = fmt::format(R"({{"link":"{}"}})", world.accounts.new_link(world.now));
    }
    if (row.path == "/api/pairing") {
      world.window.open("home", "meter-2", {}, world.now);
      body = R"({"code":"0000-0000"})";
    }
    const auto cookie = row.method == "POST" ? "" : world.signed_in();

    const auto response = ask(row.method, target, cookie, body);

    const bool gives = row.method == "GET" || row.path == "/api/pairing";
    EXPECT_EQ(response.status, gives ? 200u : 204u)
        << row.method << " " << target << ": " << response.body;
  }
}

TEST_F(RoutesTest, TheTokenForMetricsOpensThemAndNothingElse) {
  for (const auto& row : Routes::table()) {
    for (const std::string authorization :
         {"Bearer a token for metrics", "Bearer a token for metrick", "Bearer ", "Basic YTpi",
          ""}) {
      const auto response = world.answer({.method = row.method,
                                          .target = with_home(row.path),
                                          .host = "localhost",
                                          .content_type = "application/json",
                                          .authorization = authorization,
                                          .body = row.method == "GET" ? "" : "{}"});
      const bool is_right = authorization == "Bearer a token for metrics";
      if (row.role == Role::scraper) {
        EXPECT_EQ(response.status, is_right ? 200u : 401u) << authorization;
        EXPECT_EQ(response.body.find("lenz_build_info") != std::string::npos, is_right);
      } else if (row.role == Role::resident) {
        EXPECT_EQ(response.status, 401u) << row.path;
      }
    }
  }
}

TEST_F(RoutesTest, TheOwnersCookieIsNoTokenForMetrics) {
  EXPECT_EQ(ask("GET", "/metrics", world.signed_in()).status, 401u);
}

TEST_F(RoutesTest, WithoutATokenThereAreNoMetrics) {
  const Routes routes({world.served, world.accounts, [] { return new_year; }},
                      Pages(world.folder.path / "dist"));
  for (const std::string_view authorization : {"", "Bearer", "Bearer "}) {
    EXPECT_EQ(routes
                  .answer({.method = "GET",
                           .target = "/metrics",
                           .host = "localhost",
                           .authorization = authorization})
                  .status,
              401u);
  }
}

TEST_F(RoutesTest, AnotherHomeIsNotFound) {
  for (const auto& row : Routes::table()) {
    if (row.path.find("{home}") == std::string_view::npos) continue;
    EXPECT_EQ(ask(row.method, with_home(row.path, "neighbour"), world.signed_in()).status, 404u);
  }
}

// Two homes with stores of their own, and somebody who lives in the first.
class ResidentTest : public RoutesTest {
 protected:
  ResidentTest() {
    neighbour.id = "neighbour";
    neighbour.name = "CANARY";
    neighbours_store.seconds["meter-1"][90][0] = {.watts = 4711};
    world.served.push_back({.id = "neighbour",
                            .home = &neighbour,
                            .store = &neighbours_store,
                            .live = &neighbours_live});
  }

  std::string resident() {
    const auto link = world.accounts.admit({"Bob", {"home"}}, world.now).value();
    return "lenz_session=" + world.accounts.sign_in_with_link(link, world.now).value();
  }

  Home neighbour = home_with({circuit("fridge", {{"meter-1", 0, 1}})});
  HandmadeStore neighbours_store;
  LiveFeed neighbours_live;
};

TEST_F(ResidentTest, SomebodyElsesHomeIsAsOneThatDoesNotExistOnEveryRoute) {
  const auto cookie = resident();
  for (const auto& row : Routes::table()) {
    if (row.path.find("{home}") == std::string_view::npos) continue;

    const auto others = ask(row.method, with_home(row.path, "neighbour"), cookie);
    const auto nobodys = ask(row.method, with_home(row.path, "nowhere"), cookie);

    EXPECT_EQ(others.status, 404u) << row.path;
    EXPECT_EQ(others.body, nobodys.body) << row.path;
    EXPECT_FALSE(others.stream) << row.path;
  }
}

TEST_F(ResidentTest, AResidentLearnsThatHeIsNotTheOwner) {
  const auto is_owner = [&](const std::string& cookie) {
    return Json::parse(ask("GET", "/api/status", cookie).body)["is_owner"];
  };

  EXPECT_EQ(is_owner(resident()), false);
  EXPECT_EQ(is_owner(world.signed_in()), true);
  EXPECT_EQ(is_owner(""), false);
}

TEST_F(ResidentTest, NoRouteTellsAResidentOfAnotherHome) {
  for (const auto& row : Routes::table()) {
    const auto query = "?circuits=fridge&begin=0&end=1800000000000&step=86400&home=neighbour";
    const auto response = ask(row.method, with_home(row.path) + query, resident());
    EXPECT_EQ(response.body.find("CANARY"), std::string::npos) << row.path;
    EXPECT_EQ(response.body.find("neighbour"), std::string::npos) << row.path;
    EXPECT_EQ(response.body.find("4711"), std::string::npos) << row.path;
  }
}

TEST_F(ResidentTest, TheOwnerSeesEachHomeWithItsOwnStore) {
  const auto cookie = world.signed_in();
  const auto range = "/history?circuits=fridge&step=1&begin=1767225690000&end=1767225691000";

  EXPECT_NE(ask("GET", "/api/homes", cookie).body.find("CANARY"), std::string::npos);
  EXPECT_NE(ask("GET", std::string("/api/homes/neighbour") + range, cookie).body.find("4711"),
            std::string::npos);
  EXPECT_NE(ask("GET", std::string("/api/homes/home") + range, cookie).body.find("80"),
            std::string::npos);
}

TEST_F(ResidentTest, AnOpenStreamEndsWhenTheHomeIsTakenAway) {
  const auto response = ask("GET", "/api/homes/home/live", resident());
  ASSERT_TRUE(response.stream);
  ASSERT_TRUE(response.stream->may_go_on());

  ASSERT_TRUE(world.accounts.admit({"Bob", {"neighbour"}}, world.now));

  EXPECT_FALSE(response.stream->may_go_on());
}

TEST_F(ResidentTest, AHomeThatCannotBeServedSaysWhyAndTheOtherAnswers) {
  world.served[1] = {.id = "neighbour", .trouble = "Its database is damaged."};
  const auto cookie = world.signed_in();

  for (const auto& row : Routes::table()) {
    if (row.path.find("{home}") == std::string_view::npos) continue;
    const auto response = ask(row.method, with_home(row.path, "neighbour"), cookie);
    EXPECT_EQ(response.status, 503u) << row.path;
    EXPECT_NE(response.body.find("Its database is damaged."), std::string::npos) << row.path;
  }
  EXPECT_EQ(ask("GET", "/api/homes/home", cookie).status, 200u);
  EXPECT_NE(ask("GET", "/api/homes", cookie).body.find("Its database is damaged."),
            std::string::npos);
}

TEST_F(ResidentTest, MetricsAreThoseOfTheHomeThatIsNamed) {
  const auto scrape = [&](const std::string& target) {
    return world.answer({.method = "GET",
                         .target = target,
                         .host = "localhost",
                         .authorization = "Bearer a token for metrics"});
  };

  EXPECT_EQ(scrape("/metrics").body.find("lenz_circuit"), std::string::npos);
  EXPECT_NE(scrape("/metrics").body.find("lenz_homes 2\n"), std::string::npos);
  EXPECT_NE(scrape("/metrics?home=neighbour").body.find("} 4711.0\n"), std::string::npos);
  EXPECT_EQ(scrape("/metrics?home=neighbour").body.find("home=\"home\""), std::string::npos);
  EXPECT_EQ(scrape("/metrics?home=nowhere").status, 404u);
}

TEST_F(RoutesTest, UnknownAddressesOfTheApiAnswerWithAnErrorInJson) {
  for (const std::string path : {"/api", "/api/", "/api/nothing", "/api/homes/", "/api/homes//live",
                                 "/api/homes/home/live/", "/api/status/", "/api/STATUS"}) {
    const auto response = ask("GET", path, world.signed_in());
    EXPECT_EQ(response.status, 404u) << path;
    EXPECT_TRUE(Json::parse(response.body).contains("error")) << path;
  }
}

TEST_F(RoutesTest, AWrongMethodIsToldTheRightOnes) {
  const auto response = ask("PATCH", "/api/session", world.signed_in());

  EXPECT_EQ(response.status, 405u);
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Allow", "POST, DELETE")));
}

// --- Where a request comes from

TEST_F(RoutesTest, ANameThatOnlyLeadsHereIsRefused) {
  const auto status_for = [&](std::string_view host, std::string_view target) {
    return world.answer({.method = "GET", .target = target, .host = host}).status;
  };
  for (const std::string_view target : {"/api/status", "/", "/assets/index.js"}) {
    for (const std::string_view host :
         {"", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1:80@x",
          "192.168.1.5", "0.0.0.0", "localhost:", "localhost:12a", "localhost:123456", "::1",
          "evil.example:127.0.0.1"}) {
      const auto expected = host == "localhost:" ? 200u : 421u;  // RFC 3986 allows an empty port.
      EXPECT_EQ(status_for(host, target), expected) << host << target;
    }
    for (const std::string_view host :
         {"127.0.0.1", "127.0.0.1:8080", "localhost", "LocalHost:1", "[::1]", "[::1]:65535"}) {
      EXPECT_EQ(status_for(host, target), 200u) << host << target;
    }
  }
}

TEST_F(RoutesTest, AnotherSiteCannotChangeAnything) {
  const auto cookie = world.signed_in();
  for (const auto& row : Routes::table()) {
    if (row.method == "GET") continue;
    for (const std::string_view origin :
         {"http://evil.example", "null", "http://localhost:8080", "http://127.0.0.1:8081",
          "127.0.0.1:8080", "file://127.0.0.1:8080", "http://127.0.0.1:8080.evil.example"}) {
      const auto response = world.answer({.method = row.method,
                                          .target = row.path,
                                          .host = "127.0.0.1:8080",
                                          .origin = origin,
                                          .content_type = "application/json",
                                          .cookie = cookie,
                                          .body = "{}"});
      EXPECT_EQ(response.status, 403u) << row.path << " " << origin;
    }
  }
  EXPECT_TRUE(world.accounts.user_of(cookie.substr(cookie.find('=') + 1), world.now));
}

TEST_F(RoutesTest, AFormOfAnotherSiteCannotChangeAnything) {
  const auto cookie = world.signed_in();
  for (const std::string_view type :
       {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
        "text/plain; application/json", "application/jsonx"}) {
    const auto response = world.answer({.method = "PUT",
                                        .target = "/api/account",
                                        .host = "localhost",
                                        .content_type = type,
                                        .cookie = cookie,
                                        .body = R"({"name":"Eve","password":"evil evil"})"});
    EXPECT_EQ(response.status, 415u) << type;
  }
  EXPECT_FALSE(world.accounts.owner());
}

// --- Signing in

std::string cookie_of(const Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "Set-Cookie") return value;
  }
  return "";
}

TEST_F(RoutesTest, ALinkSetsACookieThatScriptsAndOtherSitesCannotUse) {
  const auto body = fmt::format(R"({{"link":"{}"}})", world.accounts.new_link(world.now));

  const auto first = ask("POST", "/api/session", "", body);
  const auto second = ask("POST", "/api/session", "", body);

  EXPECT_EQ(first.status, 204u);
  EXPECT_THAT(cookie_of(first),
              testing::MatchesRegex("lenz_session=[A-Za-z0-9_-]+; HttpOnly; SameSite=Strict; "
                                    "Path=/; Max-Age=15552000"));  // 180 days
  const auto cookie = cookie_of(first).substr(0, cookie_of(first).find(';'));
  EXPECT_EQ(ask("GET", "/api/homes", cookie).status, 200u);
  EXPECT_EQ(second.status, 401u);
  EXPECT_EQ(cookie_of(second), "");
}

TEST_F(RoutesTest, AWrongNameAndAWrongPasswordGetTheSameAnswer) {
  ask("PUT", "/api/account", world.signed_in(), R"({"name":"Ann","password":"open sesame"})");

  const auto name = ask("POST", "/api/session", "", R"({"name":"Bob","password":"open sesame"})");
  const auto password = ask("POST", "/api/session", "", R"({"name":"Ann","password":"12345678"})");

  EXPECT_EQ(name.status, 401u);
  EXPECT_EQ(password.status, 401u);
  EXPECT_EQ(name.body, password.body);
  EXPECT_EQ(name.headers, password.headers);
}

TEST_F(RoutesTest, TooManyGuessesAreToldWhenToComeBack) {
  Response response;
  for (int i = 0; i < 4; ++i) {
    response = ask("POST", "/api/session", "", R"({"name":"Ann","password":"12345678"})");
  }

  EXPECT_EQ(response.status, 429u);
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Retry-After", "1")));
}

TEST_F(RoutesTest, SigningInTwiceLeavesOneSession) {
  const auto cookie = world.signed_in();
  const auto body = fmt::format(R"({{"link":"{}"}})", world.accounts.new_link(world.now));

  EXPECT_EQ(ask("POST", "/api/session", cookie, body).status, 204u);

  EXPECT_EQ(ask("GET", "/api/homes", cookie).status, 401u);
}

TEST_F(RoutesTest, SigningOutEndsTheSession) {
  const auto cookie = world.signed_in();

  EXPECT_EQ(ask("DELETE", "/api/session", cookie).status, 204u);

  EXPECT_EQ(ask("GET", "/api/homes", cookie).status, 401u);
}

TEST_F(RoutesTest, BodiesOfAnotherShapeAreRefused) {
  const std::string deep(4000, '[');
  for (const std::string& body : std::vector<std::string>{
           "", "null", "[]", "1e999", "\"x\"", "{", deep, R"({"link":1})", R"({"link":["a"]})",
           R"({"link":"a","more":"b"})", R"({"name":"Ann"})", R"({"name":"Ann","password":null})",
           R"({"name":["Ann"],"password":"12345678"})", "{\"link\":\"\xff\"}"}) {
    EXPECT_EQ(ask("POST", "/api/session", "", body).status, 400u) << body.substr(0, 60);
    EXPECT_EQ(ask("PUT", "/api/account", world.signed_in(), body).status, 400u)
        << body.substr(0, 60);
  }
}

TEST_F(RoutesTest, ABodyThatIsTooLongForItsAddressIsRefused) {
  EXPECT_EQ(ask("POST", "/api/session", "", std::string(4097, ' ')).status, 413u);
  EXPECT_EQ(ask("GET", "/api/homes", world.signed_in(), "x").status, 413u);
}

TEST_F(RoutesTest, AStrangerDoesNotLearnTheOwnersName) {
  ask("PUT", "/api/account", world.signed_in(), R"({"name":"Ann","password":"open sesame"})");

  const auto stranger = Json::parse(ask("GET", "/api/status").body);
  const auto owner = get("/api/status");

  EXPECT_EQ(stranger["signed_in"], false);
  EXPECT_EQ(stranger["name"], nullptr);
  EXPECT_EQ(stranger["has_password"], true);
  EXPECT_EQ(owner["signed_in"], true);
  EXPECT_EQ(owner["name"], "Ann");
}

TEST_F(RoutesTest, NoAnswerHoldsASecret) {
  world.accounts.new_link(world.now);
  ask("PUT", "/api/account", world.signed_in(), R"({"name":"Ann","password":"CANARY sesame"})");
  const auto cookie = world.signed_in();
  const auto session = cookie.substr(cookie.find('=') + 1);
  for (const auto& row : Routes::table()) {
    if (row.method != "GET") continue;
    const auto response = ask("GET", with_home(row.path), cookie);
    EXPECT_THAT(response.body, Not(HasSubstr("CANARY")));
    EXPECT_THAT(response.body, Not(HasSubstr("argon2")));
    EXPECT_THAT(response.body, Not(HasSubstr(session)));
    EXPECT_THAT(response.body, Not(HasSubstr(world.metrics_token)));
  }
}

// --- What is told

TEST_F(RoutesTest, AHomeIsToldWithItsPanelAndNamesAreOnlyText) {
  world.homes[0].name = "</script><script>alert(1)</script>\n\xff";

  const auto home = get("/api/homes/home");

  EXPECT_EQ(home["name"], "</script><script>alert(1)</script>\n\xEF\xBF\xBD");  // U+FFFD for \xff.
  EXPECT_EQ(home["zone"], "Europe/Berlin");
  EXPECT_EQ(home["price_per_kwh"], nullptr);
  EXPECT_EQ(home["panel"]["style"], "din");
  EXPECT_EQ(home["panel"]["valid_from"], 1'767'225'600'000);
  const auto& spare = home["panel"]["circuits"][1];
  EXPECT_EQ(spare["id"], "spare");
  EXPECT_EQ(spare["name"], "<script>alert(1)</script>");
  EXPECT_EQ(spare["kind"], "load");
  EXPECT_EQ(spare["parent"], nullptr);
  EXPECT_EQ(spare["rating_a"], nullptr);
  EXPECT_EQ(spare["capacity_w"], nullptr);
  EXPECT_EQ(spare["metered"], false);
  EXPECT_EQ(home["panel"]["circuits"][0]["metered"], true);
}

TEST_F(RoutesTest, EveryNameInEveryAnswerIsJsonText) {
  world.homes[0].panels[0].circuits[0].channels[0].device = "\"},<img src=x onerror=alert(1)>";
  for (const std::string path : {"/api/homes", "/api/homes/home", "/api/homes/home/meters",
                                 "/api/homes/home/gaps?begin=0&end=1"}) {
    const auto response = ask("GET", path, world.signed_in());
    EXPECT_TRUE(Json::accept(response.body)) << response.body;
    EXPECT_EQ(response.content_type, "application/json");
  }
}

TEST_F(RoutesTest, HistoryIsToldInWattsAndWattHours) {
  // The second of second 90, the only one measured: 80 W, and 5 mWh on the counter.
  const auto begin = (new_year + 89s).time_since_epoch().count();

  const auto history = get(fmt::format(
      "/api/homes/home/history?circuits=fridge,spare&begin={}&end={}&step=1", begin, begin + 2000));

  EXPECT_EQ(history["begin"], begin);
  EXPECT_EQ(history["step_ms"], 1000);
  EXPECT_EQ(history["circuits"]["fridge"]["mean"], Json::parse("[null, 80]"));
  EXPECT_EQ(history["circuits"]["fridge"]["max"], Json::parse("[null, 80]"));
  EXPECT_EQ(history["circuits"]["fridge"]["imported_wh"], 0.005);
  EXPECT_EQ(history["circuits"]["fridge"]["exported_wh"], 0);
  EXPECT_EQ(history["circuits"]["spare"]["mean"], Json::parse("[null, null]"));
}

TEST_F(RoutesTest, OnlyTheColumnsThatAreAskedForAreTold) {
  const auto begin = (new_year + 89s).time_since_epoch().count();
  const auto range = fmt::format("begin={}&end={}&step=1", begin, begin + 2000);

  const auto history = get("/api/homes/home/history?circuits=fridge&columns=energy,mean&" +
                           range)["circuits"]["fridge"];

  EXPECT_EQ(history, Json::parse(R"({"mean": [null, 80], "step_imported_wh": [null, 0.005],
                                     "step_exported_wh": [null, 0]})"));
}

// The example of docs/history_format.md.
TEST_F(RoutesTest, ThePackedHistoryIsThatOfItsPage) {
  world.homes[0].panels[0].circuits[0].id = "a";
  const auto begin = (new_year + 89s).time_since_epoch().count();
  const auto target =
      fmt::format("/api/homes/home/history?circuits=a&begin={}&end={}&step=1&columns=total,mean",
                  begin, begin + 2000);
  const auto cookie = world.signed_in();

  const auto asked = ask("GET", target + "&format=packed", cookie);
  const auto accepted = world.answer({.method = "GET",
                                      .target = target,
                                      .host = "localhost",
                                      .accept = "application/octet-stream",
                                      .cookie = cookie});

  // 1'767'225'689'000 ms as a number is A8 87 F0 B6 B7 33.
  const std::string expected(
      "\x01\xA8\x87\xF0\xB6\xB7\x33\xE8\x07\x02\x11\x01"
      "\x01"
      "a"
      "\x00\xC1\x0C"
      "\x05\x00",
      19);
  EXPECT_EQ(asked.content_type, "application/octet-stream");
  EXPECT_EQ(asked.body, expected);
  EXPECT_EQ(accepted.body, expected);
}

TEST_F(RoutesTest, AHistoryOfManyCircuitsHasFewerSteps) {
  std::string ids = "fridge";
  for (int c = 0; c < 41; ++c) {
    world.homes[0].panels[0].circuits.push_back(circuit(fmt::format("c{}", c), {}));
    ids += fmt::format(",c{}", c);
  }

  const auto path = "/api/homes/home/history?begin=0&step=1&circuits=" + ids;

  EXPECT_EQ(ask("GET", path + "&end=20001000", world.signed_in()).status, 400u);
  EXPECT_EQ(ask("GET", path + "&end=20000000", world.signed_in()).status, 200u);
}

TEST_F(RoutesTest, NowIsWhatEachCircuitShowedLast) {
  world.homes[0].panels[0].circuits.push_back(circuit("twice", {{"meter-1", 0, -2}}));
  world.homes[0].panels[0].circuits.push_back(circuit("unheard", {{"meter-2", 0, 1}}));

  const auto now = get("/api/homes/home/now");

  EXPECT_EQ(now,
            Json::parse(fmt::format(
                R"({{"now": {}, "circuits": {{
        "fridge": {{"time": {}, "active_power_w": 80, "reactive_power_var": null,
                    "voltage_v": null, "current_a": null}},
        "twice": {{"time": {}, "active_power_w": -160, "reactive_power_var": null,
                   "voltage_v": null, "current_a": null}}}}}})",
                world.now.time_since_epoch().count(), (new_year + 90s).time_since_epoch().count(),
                (new_year + 90s).time_since_epoch().count())));
}

TEST_F(RoutesTest, AQuestionAboutHistoryThatMakesNoSenseIsToldWhy) {
  const auto refused = [&](const std::string& query, unsigned status, const std::string& word) {
    const auto response = ask("GET", "/api/homes/home/history?" + query, world.signed_in());
    EXPECT_EQ(response.status, status) << query;
    EXPECT_THAT(response.body, HasSubstr(word)) << query;
  };
  const std::string all = "&circuits=fridge";
  refused("", 400, "begin");
  refused("begin[]=0&end=9000&step=1" + all, 400, "begin");
  refused("begin=-1&end=9000&step=1" + all, 400, "begin");
  refused("begin=NaN&end=9000&step=1" + all, 400, "begin");
  refused("begin=99999999999999999999&end=9000&step=1" + all, 400, "begin");
  refused("begin=9000&end=9000&step=1" + all, 400, "end");
  refused("begin=0&end=9223372036854775807&step=60" + all, 400, "end");
  refused("begin=0&end=9000&step=0" + all, 400, "step");
  refused("begin=0&end=9000&step=61" + all, 400, "step");
  refused("begin=0&end=9000&step=1e3" + all, 400, "step");
  refused("begin=0&end=9000&step=9223372036854775800" + all, 400, "step");
  refused("begin=0&end=100001000&step=1" + all, 400, "100000");
  refused("begin=0&end=9000&step=1&columns=" + all, 400, "columns");
  refused("begin=0&end=9000&step=1&columns=mean,," + all, 400, "columns");
  refused("begin=0&end=9000&step=1&columns=median" + all, 400, "columns");
  refused("begin=0&end=9000&step=1&format=xml" + all, 400, "format");
  refused("begin=0&end=9000&step=1", 400, "circuits");
  refused("begin=0&end=9000&step=1&circuits=,", 404, "circuit");
  refused("begin=0&end=9000&step=1&circuits=fridge,attic", 404, "circuit");
  refused("begin=0&begin=1&end=9000&step=1" + all, 400, "twice");
  refused("begin=%zz&end=9000&step=1" + all, 400, "query");
  EXPECT_EQ(
      get("/api/homes/home/history?begin=0&end=100000000&step=1&circuits=spare")["circuits"]
                                                                                ["spare"]["mean"]
                                                                                    .size(),
      100'000u);
}

TEST_F(RoutesTest, GapsAreListedOldestFirst) {
  world.store.holes = {{std::nullopt, {new_year + 5s, new_year + 9s}},
                       {3, {new_year + 1s, new_year + 2s}}};

  const auto gaps = get("/api/homes/home/gaps?begin=0&end=1800000000000");

  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0]["channel"], 3);
  EXPECT_EQ(gaps[0]["begin"], 1'767'225'601'000);
  EXPECT_EQ(gaps[1]["channel"], nullptr);
  EXPECT_EQ(gaps[1]["device"], "meter-1");
  EXPECT_EQ(gaps[1]["end"], 1'767'225'609'000);
}

TEST_F(RoutesTest, AGapOfWeeksIsOne) {
  world.store.seconds["meter-1"][3600 * 24 * 30][0] = {.watts = 70};
  world.store.holes = {{2, {new_year + 24h, new_year + 24h * 21}},
                       {2, {new_year + 24h * 25, new_year + 24h * 26}}};

  const auto gaps = get("/api/homes/home/gaps?begin=0&end=1800000000000");

  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0]["begin"], 1'767'312'000'000);
  EXPECT_EQ(gaps[0]["end"], 1'769'040'000'000);
  EXPECT_EQ(gaps[1]["begin"], 1'769'385'600'000);
}

TEST_F(RoutesTest, AtMostAThousandGapsAreListed) {
  world.store.holes.assign(1500, {std::nullopt, {new_year, new_year + 1s}});

  EXPECT_EQ(get("/api/homes/home/gaps?begin=0&end=1800000000000").size(), 1000u);
}

TEST_F(RoutesTest, MetersTellWhenTheyWereFirstAndLastHeard) {
  world.store.seconds["meter-1"][3600 * 30][0] = {.watts = 70};

  const auto meters = get("/api/homes/home/meters");

  ASSERT_EQ(meters.size(), 1u);
  EXPECT_EQ(meters[0]["device"], "meter-1");
  EXPECT_EQ(meters[0]["first"], 1'767'225'690'000);  // Second 90.
  EXPECT_EQ(meters[0]["last"], 1'767'225'600'000 + 108'000'000);
  EXPECT_EQ(meters[0]["reports"], 10);
  EXPECT_EQ(meters[0]["duplicate"], 2);
  EXPECT_EQ(meters[0]["lost"], 1);
  EXPECT_EQ(meters[0]["timed_on_arrival"], true);
  EXPECT_EQ(meters[0]["integrated_channels"], nlohmann::json({0, 2}));
}

TEST_F(RoutesTest, AMeterThatWasNeverHeardHasNoTimes) {
  world.store.seconds.clear();

  const auto meters = get("/api/homes/home/meters");

  EXPECT_EQ(meters[0]["first"], nullptr);
  EXPECT_EQ(meters[0]["last"], nullptr);
}

TEST_F(RoutesTest, ADiskThatDoesNotAnswerIsSaidNotShownAsNothing) {
  world.store.is_broken = true;
  const auto cookie = world.signed_in();

  EXPECT_EQ(ask("GET", "/api/homes/home/meters", cookie).status, 503u);
  EXPECT_EQ(
      ask("GET", "/api/homes/home/history?begin=0&end=9000&step=1&circuits=fridge", cookie).status,
      503u);
}

// --- Live

TEST_F(RoutesTest, AListenerHearsTheNewestSampleAtOnceAndEveryOneAfterIt) {
  const auto response = ask("GET", "/api/homes/home/live", world.signed_in());
  ASSERT_TRUE(response.stream);
  std::vector<std::string> heard;

  auto listening = response.stream->start([&](std::string text) { heard.push_back(text); });
  measurement::Sample sample(1);
  sample.put<measurement::Quantity::active_power>(0, {2060.26f});
  world.live.publish({"meter-1", new_year + 100s, sample});
  world.live.publish({"stranger", new_year + 101s, sample});
  sample.put_steps(measurement::Quantity::active_power, 0, std::nullopt);
  world.live.publish({"meter-1", new_year + 102s, sample});
  listening = {};
  world.live.publish({"meter-1", new_year + 103s, sample});

  // Second 90 was in the store; now is second 100.
  ASSERT_EQ(heard.size(), 3u);
  EXPECT_EQ(heard[0],
            "data: {\"now\":1767225700000,\"time\":1767225690000,\"device\":\"meter-1\","
            "\"circuits\":{\"fridge\":80}}\n\n");
  EXPECT_THAT(heard[1], HasSubstr("{\"fridge\":2060.3}"));
  EXPECT_THAT(heard[2], HasSubstr("{\"fridge\":null}"));
}

TEST_F(RoutesTest, AListenerMayGoOnOnlyWhileSignedIn) {
  const auto cookie = world.signed_in();
  const auto response = ask("GET", "/api/homes/home/live", cookie);
  ASSERT_TRUE(response.stream);
  EXPECT_TRUE(response.stream->may_go_on());

  ask("DELETE", "/api/session", cookie);

  EXPECT_FALSE(response.stream->may_go_on());
}

// --- The page

TEST_F(RoutesTest, ThePageIsServedWithItsTypes) {
  const auto page = ask("GET", "/");
  const auto script = ask("GET", "/assets/index.js?v=1");

  EXPECT_EQ(page.status, 200u);
  EXPECT_EQ(page.body, "<h1>Lenz</h1>");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(script.content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(ask("GET", "/%69ndex.html").status, 200u);
  EXPECT_EQ(ask("POST", "/").status, 405u);
}

TEST_F(RoutesTest, APageThatDidNotChangeIsNotSentAgain) {
  const auto first = ask("GET", "/");
  const auto tag = std::ranges::find(first.headers, std::string("ETag"),
                                     &std::pair<std::string, std::string>::first);
  ASSERT_NE(tag, first.headers.end());

  const auto again = world.answer(
      {.method = "GET", .target = "/", .host = "localhost", .if_none_match = tag->second});

  EXPECT_EQ(again.status, 304u);
  EXPECT_EQ(again.body, "");
}

TEST_F(RoutesTest, NoPathLeadsOutOfThePage) {
  std::filesystem::create_symlink(world.folder.path / "secret.txt",
                                  world.folder.path / "dist/link.txt");
  const Routes routes({world.served, world.accounts, [] { return new_year; }},
                      Pages(world.folder.path / "dist"));
  const std::string nul("/index.html%00.js");
  for (const std::string& path : std::vector<std::string>{"/../secret.txt",
                                                          "/%2e%2e/secret.txt",
                                                          "/..%2fsecret.txt",
                                                          "/%2e%2e%2fsecret.txt",
                                                          "/%252e%252e/secret.txt",
                                                          "//secret.txt",
                                                          "//etc/passwd",
                                                          "/..\\secret.txt",
                                                          "/..%5csecret.txt",
                                                          "/assets/../../secret.txt",
                                                          "/assets/../index.html",
                                                          "/./index.html",
                                                          "/index.html/",
                                                          "/index.html.",
                                                          "/INDEX.HTML",
                                                          "/assets",
                                                          "/assets/",
                                                          "/link.txt",
                                                          nul,
                                                          "/;/index.html",
                                                          "/index.html;x",
                                                          "/%c0%ae%c0%ae/secret.txt",
                                                          std::string("/index.html\0", 12),
                                                          "/%61pi/homes",
                                                          "//api/homes",
                                                          "/./api/homes"}) {
    const auto response = routes.answer({.method = "GET", .target = path, .host = "localhost"});
    EXPECT_EQ(response.status, 404u) << path;
    EXPECT_THAT(response.body, Not(HasSubstr("CANARY"))) << path;
  }
  for (const std::string path : {"/%", "/%2", "/%zz", "/%+1"}) {
    EXPECT_EQ(ask("GET", path).status, 400u) << path;
  }
  EXPECT_EQ(ask("GET", "http://localhost/").status, 400u);
  EXPECT_EQ(ask("GET", "").status, 400u);
}

// S7: no mutation of a protected path is answered with what it protects.
TEST_F(RoutesTest, NoMutationOfAPathGetsPastTheDoor) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {"%2e", "..", "/", "//",  ";x", "\\",  "%2f", "%00",
                                           ".",   "?",  "#", "%25", "A",  "%61", "./"};
  for (int i = 0; i < 10'000; ++i) {
    const auto& row = Routes::table()[random() % Routes::table().size()];
    if (row.role == Role::anyone) continue;
    auto path = with_home(row.path);
    for (auto times = 1 + random() % 3; times > 0; --times) {
      const auto& piece = pieces[random() % pieces.size()];
      const auto at = random() % (path.size() + 1);
      path.replace(at, random() % 2, piece);
    }
    const auto status = ask(row.method, path).status;
    EXPECT_TRUE(status == 400 || status == 401 || status == 404 || status == 405 ||
                (status == 200 && path.starts_with("/?")))
        << status << " for " << row.method << " " << path << ", seed " << seed;
  }
}

TEST(Pages, APageThatWasNotBuiltSaysSo) {
  const Pages pages("/nonexistent/dist");

  const auto response = pages.answer({.method = "GET", .target = "/", .host = "localhost"});

  EXPECT_EQ(response.status, 404u);
  EXPECT_THAT(response.body, HasSubstr("npm run build"));
}

}  // namespace
}  // namespace hub
