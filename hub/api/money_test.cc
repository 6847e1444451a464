#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hub/api/routes.h"
#include "hub/api/small_world.h"
#include "hub/measured_house.h"

namespace hub {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class MoneyTest : public testing::Test {
 protected:
  MoneyTest() {
    house.measure({MeasuredHouse::local(2026, 9, 1), now});
    house.home.price_per_kwh = 0.30;
    house.home.name = "<script>alert(1)</script>";
    house.add_appliance(3, "fridge", insight::ApplianceKind::fridge,
                        {MeasuredHouse::local(2026, 9, 1), now}, 0, 0.9);
    house.open();
    write_file(house.folder / "dist/index.html", "<h1>Lenz</h1>");
    advice.emplace(house.disk, (house.folder / "advice.db").string(), *house.desk, house.home,
                   AdviceDesk::Surroundings{
                       .appliances = {.known = [this](auto) { return house.known; },
                                      .runs = [this](auto range) { return house.runs_in(range); }},
                       .health = {},
                       .offers = {}});
    served = {{.id = "home",
               .home = &house.home,
               .store = &*house.store,
               .live = &live,
               .bill = [this] { return &*house.desk; },
               .advice = [this] { return &*advice; }}};
    cookie = "lenz_session=" + accounts.sign_in_with_link(accounts.new_link(now), now).value();
  }

  Response ask(std::string_view method, std::string_view target, std::string_view body = "") {
    return whole(routes.answer({.method = method,
                                .target = target,
                                .host = "localhost:8420",
                                .content_type = "application/json",
                                .cookie = cookie,
                                .body = body}));
  }
  Json got(std::string_view target) {
    const auto response = ask("GET", target);
    EXPECT_EQ(response.status, 200u) << response.body;
    return Json::parse(response.body);
  }
  void prepare() {
    house.prepare(now);
    while (!advice->step(now).value_or(true)) continue;
  }

  const measurement::Timestamp now = MeasuredHouse::local(2026, 11, 11);
  MeasuredHouse house;
  LiveFeed live;
  Accounts accounts{house.disk, (house.folder / "accounts.db").string(), counting_random(), cheap};
  std::optional<AdviceDesk> advice;
  std::vector<ServedHome> served;
  std::string cookie;
  Routes routes{{.homes = served, .accounts = accounts, .now = [this] { return now; }},
                Pages(house.folder / "dist")};
};

TEST_F(MoneyTest, ABillIsToldInDecimalTexts) {
  const auto bill = got("/api/homes/home/bill?period=2026-10");

  EXPECT_EQ(bill["trouble"], "");
  EXPECT_EQ(bill["total"], "446.40");
  EXPECT_EQ(bill["currency"], "EUR");
  EXPECT_EQ(bill["period"],
            (Json{{"begin", "2026-10-01"}, {"end", "2026-11-01"}, {"is_running", false}}));
  EXPECT_EQ(bill["periods"], (Json{"2026-11", "2026-10", "2026-09"}));
  EXPECT_EQ(bill["lines"][0]["quantity"], "1488");
  EXPECT_EQ(bill["lines"][0]["price"], "0.30");
  EXPECT_EQ(bill["lines"][0]["amount"], "446.40");
  EXPECT_EQ(bill["circuits"].back()["id"], nullptr);
  EXPECT_EQ(bill["appliances"][0]["id"], 3);
  EXPECT_EQ(bill["appliances"][0]["circuit"], "fridge");
  EXPECT_THAT(bill["note"].get<std::string>(), HasSubstr("nformation, not a charge"));
  EXPECT_EQ(got("/api/homes/home/bill")["period"]["is_running"], true);
  EXPECT_THAT(got("/api/homes/home/bill?period=2025-01")["trouble"].get<std::string>(),
              HasSubstr("Nothing was measured"));
  for (const auto* period : {"2026-13", "26-10", "2026-1", "x", ""}) {
    EXPECT_EQ(ask("GET", std::string("/api/homes/home/bill?period=") + period).status, 400u);
  }
}

TEST_F(MoneyTest, CostsAreThoseOfTheRange) {
  // 6 October, ten hours from 00:00 UTC: 2 kW and 0.8 kW at 0.30.
  const std::string range = "&begin=1791244800000&end=1791280800000&step=300";

  const auto cost = [](const char* amount, int wh) {
    return Json{{"amount", amount}, {"imported_wh", wh}, {"exported_wh", 0}, {"unpriced_wh", 0}};
  };
  EXPECT_EQ(got("/api/homes/home/costs?circuits=mains,oven" + range),
            (Json{{"trouble", ""},
                  {"circuits", {{"mains", cost("6.00", 20'000)}, {"oven", cost("2.40", 8'000)}}},
                  {"total", cost("8.40", 28'000)},
                  {"unpriced", ""}}));
  for (const auto* query : {"?circuits=oven&begin=1&end=2", "?begin=1&end=2&step=60",
                            "?circuits=oven&begin=0&end=31708800000&step=3600"}) {
    EXPECT_EQ(ask("GET", std::string("/api/homes/home/costs") + query).status, 400u) << query;
  }
  house.home.price_per_kwh.reset();
  house.open();
  EXPECT_THAT(got("/api/homes/home/costs?circuits=oven" + range)["trouble"].get<std::string>(),
              HasSubstr("No tariff is set"));
}

TEST_F(MoneyTest, WhereAPriceIsMissingTheRestIsTold) {
  const std::string tariff =
      "name = \"Dynamic\"\ncountry = \"DE\"\ncurrency = \"EUR\"\nsource = \"an exchange\"\n"
      "source_date = 2026-01-01\n[[version]]\nfrom = 2020-01-01\n[[version.energy]]\n"
      "name = \"Energy\"\nday_ahead_factor = 1\n";
  ASSERT_EQ(ask("PUT", "/api/homes/home/tariff", Json{{"text", tariff}}.dump()).status, 204u);
  // From 00:00 to 04:00 UTC on 6 October, but for one hour.
  ASSERT_EQ(
      ask("PUT", "/api/homes/home/tariff/prices",
          R"({"text": "2026-10-06T00:00Z,0.1\n2026-10-06T01:00Z,0.2\n2026-10-06T03:00Z,0.3"})")
          .status,
      204u);
  constexpr auto sentence =
      "No day-ahead price is known of 6 October, 03:00 to 04:00: the amount is without that of the "
      "2.80 kWh used then.";

  const auto costs = got(
      "/api/homes/home/costs?circuits=mains,oven&begin=1791244800000&end=1791259200000&step=900");

  EXPECT_EQ(
      costs["circuits"]["oven"],
      (Json{{"amount", "0.48"}, {"imported_wh", 3200}, {"exported_wh", 0}, {"unpriced_wh", 800}}));
  EXPECT_EQ(costs["total"]["amount"], "1.68");
  EXPECT_EQ(costs["total"]["unpriced_wh"], 2800);
  EXPECT_EQ(costs["unpriced"], sentence);
  const auto bill = got("/api/homes/home/bill?period=2026-10");
  EXPECT_EQ(bill["total"], "1.20");
  EXPECT_EQ(bill["unpriced_wh"], 1'482'000);  // All but three hours of 2 kWh.
  EXPECT_THAT(bill["unpriced"].get<std::string>(), HasSubstr("without that of the 1482.0 kWh"));
  const auto report = ask("GET", "/api/homes/home/report?month=2026-10");
  EXPECT_THAT(report.body, HasSubstr("without that of the 1482.0 kWh used then"));
}

TEST_F(MoneyTest, ATariffIsPutAndItsPriceIsTheHomes) {
  EXPECT_EQ(got("/api/homes/home")["price_per_kwh"], 0.3);
  const std::string tariff =
      "name = \"Flat\"\ncountry = \"DE\"\ncurrency = \"EUR\"\nsource = \"a contract\"\n"
      "source_date = 2026-01-01\n[[version]]\nfrom = 2020-01-01\n[[version.energy]]\n"
      "name = \"Energy\"\nprice = \"0.41\"\n";

  const auto put = ask("PUT", "/api/homes/home/tariff", Json{{"text", tariff}}.dump());

  EXPECT_EQ(put.status, 204u) << put.body;
  EXPECT_EQ(got("/api/homes/home")["price_per_kwh"], 0.41);
  const auto told = got("/api/homes/home/tariff");
  EXPECT_EQ(told["text"], tariff);
  EXPECT_EQ(told["price_now"], "0.41");
  EXPECT_EQ(got("/api/homes/home/bill?period=2026-10")["total"], "610.08");
  const auto wrong = ask("PUT", "/api/homes/home/tariff", R"({"text": "name = 3"})");
  EXPECT_EQ(wrong.status, 400u);
  EXPECT_THAT(wrong.body, HasSubstr("line 1"));
  EXPECT_EQ(ask("PUT", "/api/homes/home/tariff", "[]").status, 400u);
  EXPECT_EQ(ask("PUT", "/api/homes/home/tariff/prices", R"({"text": "x"})").status, 400u);
  EXPECT_EQ(ask("PUT", "/api/homes/home/tariff/prices",
                R"({"text": "2026-11-11T00:00Z,0.1\n2026-11-11T01:00Z,0.2"})")
                .status,
            204u);
  EXPECT_EQ(got("/api/homes/home/tariff")["prices_until"], 1794362400000);  // 02:00 UTC.
}

TEST_F(MoneyTest, RoomIsAskedForWithChecks) {
  EXPECT_EQ(got("/api/homes/home/room?what=charger&power_w=4600")["is_being_read"], true);
  prepare();

  const auto room =
      got("/api/homes/home/room?what=charger&power_w=4600&begin=22&end=6&kwh_a_day=5");

  EXPECT_EQ(room["fits"], true);
  EXPECT_EQ(room["legs"][0]["left_a"], 6.3);
  EXPECT_EQ(room["sheet"], nullptr);
  // 61 days of September and October: 61 x 5 kWh at 0.30 more.
  EXPECT_EQ(room["bill"], (Json{{"before", "878.40"}, {"after", "969.90"}}));
  for (const auto* query :
       {"what=pool&power_w=4600", "what=charger", "what=charger&power_w=1",
        "what=charger&power_w=x", "what=charger&power_w=4600&legs=4",
        "what=charger&power_w=4600&begin=3", "what=charger&power_w=4600&begin=3&end=3",
        "what=charger&power_w=4600&kwh_a_day=-1"}) {
    EXPECT_EQ(ask("GET", std::string("/api/homes/home/room?") + query).status, 400u) << query;
  }
}

TEST_F(MoneyTest, TheLastYearIsReplayedOnceItIsRead) {
  EXPECT_EQ(got("/api/homes/home/bill/replay")["is_being_read"], true);
  prepare();

  const auto replay = got("/api/homes/home/bill/replay");

  EXPECT_EQ(replay["trouble"], "");
  EXPECT_EQ(replay["begin"], "2026-09-01");
  EXPECT_EQ(replay["now"], "878.40");
  EXPECT_EQ(replay["rows"], Json::array());
}

TEST_F(MoneyTest, AdviceTakesWhatPeopleSay) {
  EXPECT_EQ(got("/api/homes/home/advice")["is_ready"], false);
  prepare();
  const auto one = got("/api/homes/home/advice")["appliances"][0];
  EXPECT_EQ(one["name"], "Fridge");
  EXPECT_EQ(one["facts"]["age_years"], nullptr);
  EXPECT_EQ(one["label_unit"], "kWh a year");

  const auto said =
      ask("POST", "/api/homes/home/advice/facts",
          R"({"appliance": 3, "age_years": 12.5, "own_price": "649.9", "size": null})");

  EXPECT_EQ(said.status, 204u) << said.body;
  const auto facts = got("/api/homes/home/advice")["appliances"][0]["facts"];
  EXPECT_EQ(facts["age_years"], 12.5);
  EXPECT_EQ(facts["own_price"], "649.90");
  for (const auto* body :
       {R"({"age_years": 3})", R"({"appliance": 9})", R"({"appliance": 3, "age_years": -1})",
        R"({"appliance": 3, "own_price": "cheap"})", "[]"}) {
    EXPECT_EQ(ask("POST", "/api/homes/home/advice/facts", body).status, 400u) << body;
  }
  EXPECT_EQ(ask("POST", "/api/homes/home/advice/done", R"({"prediction": 99})").status, 400u);
}

TEST_F(MoneyTest, AReportIsAPageThatMayDoNothing) {
  const auto report = ask("GET", "/api/homes/home/report?month=2026-10");

  EXPECT_EQ(report.status, 200u) << report.body;
  EXPECT_THAT(report.content_type, HasSubstr("text/html"));
  EXPECT_THAT(report.body, Not(HasSubstr("<script")));
  ASSERT_EQ(report.headers.size(), 1u);
  EXPECT_THAT(report.headers[0].second, HasSubstr("default-src 'none'"));
  EXPECT_THAT(report.headers[0].second, HasSubstr("sandbox"));
  EXPECT_EQ(ask("GET", "/api/homes/home/report").status, 200u);
  EXPECT_EQ(ask("GET", "/api/homes/home/report?month=2027-01").status, 404u);
  EXPECT_EQ(ask("GET", "/api/homes/home/report?month=10").status, 400u);
}

}  // namespace
}  // namespace hub
