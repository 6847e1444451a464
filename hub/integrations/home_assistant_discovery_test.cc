#include "hub/integrations/home_assistant_discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/integrations/home_assistant_house.h"

namespace hub {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

const std::string fridge_config = "homeassistant/device/lenz_maple_fridge/config";

json bundle(const House& house, const std::string& topic) {
  return json::parse(house.broker.retained.at(topic));
}

TEST(HomeAssistantDiscovery, ACircuitBecomesADeviceInItsRoom) {
  House house;
  house.run(5min);

  const auto& home_assistant = house.home_assistant;
  EXPECT_THAT(home_assistant.complaints, testing::IsEmpty());
  const auto* power = home_assistant.by_id("sensor.lenz_maple_fridge_power");
  ASSERT_TRUE(power);
  EXPECT_EQ(power->device_name, "Fridge");
  EXPECT_EQ(power->area, "Kitchen");
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_fridge_power"), 600.0);
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_fridge_voltage"), 230.1);
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_fridge_current"), 3.0);
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_fridge_power_factor"), 0.869);  // 600 / 690.3
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_meter_frequency"), 49.98);
  EXPECT_EQ(home_assistant.by_id("sensor.lenz_maple_spare_power"), nullptr);  // No clamp.
}

TEST(HomeAssistantDiscovery, GridHasTwoCountersAndTheSunOneThatRises) {
  House house;
  house.run(5h);  // To 11:00: an hour of sun.

  const auto& home_assistant = house.home_assistant;
  // Five hours at 20 or 26 Wh a minute; told is the last minute that was over.
  EXPECT_NEAR(*home_assistant.shown("sensor.lenz_maple_mains_energy"), 6.72, 0.06);
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_mains_energy_returned"), 0.0);
  EXPECT_NEAR(*home_assistant.shown("sensor.lenz_maple_roof_energy"), 1.2, 0.06);
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_roof_power"), -600.0);
  EXPECT_EQ(home_assistant.by_id("sensor.lenz_maple_roof_energy_returned"), nullptr);
}

TEST(HomeAssistantDiscovery, ACircuitThatBeginsToGiveBackGetsASecondCounter) {
  House house;
  house.home.panels[0].circuits[2].kind = CircuitKind::load;  // A roof that nobody told us of.
  house.publisher->panel_changed(house.now);
  house.run(4h + 30min);  // 10:30: it has given back 0.6 kWh.
  EXPECT_EQ(house.home_assistant.by_id("sensor.lenz_maple_roof_energy_returned"), nullptr);

  house.run(1h);

  EXPECT_GT(house.home_assistant.shown("sensor.lenz_maple_roof_energy_returned"), 1.0);
  EXPECT_THAT(house.home_assistant.complaints, testing::IsEmpty());
}

TEST(HomeAssistantDiscovery, ASilentMeterMakesItsSensorsUnavailableNotZero) {
  House house;
  house.run(5min);
  house.is_meter_connected = false;
  house.run(5min);

  EXPECT_EQ(house.home_assistant.shown("sensor.lenz_maple_fridge_power"), std::nullopt);
  EXPECT_EQ(house.home_assistant.shown("sensor.lenz_maple_fridge_energy"), std::nullopt);
  // The panel on the wall is there all the same.
  EXPECT_EQ(house.home_assistant.shown("sensor.lenz_maple_panel"), 4.0);
}

// As the analyst tells it, and as it would be a moment later.
TEST(HomeAssistantDiscovery, AnApplianceWithANameBecomesADeviceAndOneThatIsOnlyDescribedDoesNot) {
  House house;
  std::vector<ApplianceState> told(2);
  told[0] = {.number = 3,
             .circuit = "fridge",
             .known = {.id = 1,
                       .kind = insight::ApplianceKind::washing_machine,
                       .certainty = insight::Certainty::likely},
             .power = {412.34f},
             .running_since = house.now,
             .today = {1'234'567},
             .course = ApplianceState::Course{insight::CycleState::running, 1401.0, {}, false}};
  told[1] = {.number = 4, .circuit = "fridge", .known = {.id = 2}};
  house.publisher->tell_appliances_of([&](measurement::Timestamp) { return told; });
  house.run(2min);

  const auto& home_assistant = house.home_assistant;
  EXPECT_THAT(home_assistant.complaints, testing::IsEmpty());
  const auto* power = home_assistant.by_id("sensor.lenz_maple_appliance_3_power");
  ASSERT_TRUE(power);
  EXPECT_EQ(power->device_name, "Washing machine");
  EXPECT_EQ(power->area, "Kitchen");
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_appliance_3_power"), 412.3);
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_appliance_3_energy_today"), 1.234);
  EXPECT_EQ(home_assistant.shown("sensor.lenz_maple_appliance_3_minutes_left"), 24.0);
  EXPECT_EQ(home_assistant.by_id("sensor.lenz_maple_appliance_4_power"), nullptr);
  const auto state = json::parse(house.broker.retained.at("lenz/maple/ha/appliance/3/state"));
  EXPECT_EQ(state["running"], "ON");
  EXPECT_EQ(state["course"], "running");
  EXPECT_EQ(state["done"], "OFF");

  told[0].known.name = "Old faithful";
  told[1].known.kind = insight::ApplianceKind::kettle;
  told[1].known.certainty = insight::Certainty::confirmed;
  house.run(2min);

  const auto config =
      json::parse(house.broker.retained.at("homeassistant/device/lenz_maple_appliance_3/config"));
  EXPECT_EQ(config["device"]["name"], "Old faithful");
  EXPECT_TRUE(home_assistant.by_id("sensor.lenz_maple_appliance_4_power"));
  EXPECT_EQ(home_assistant.by_id("sensor.lenz_maple_appliance_4_minutes_left"), nullptr);

  told.erase(told.begin());
  house.run(2min);
  EXPECT_EQ(house.broker.retained.count("homeassistant/device/lenz_maple_appliance_3/config"), 0u);
}

TEST(HomeAssistantDiscovery, DoneWentOnAndLeftOnAreToldAsTheyHappen) {
  House house;
  ApplianceState washer{
      .number = 3,
      .circuit = "fridge",
      .known = {.id = 1,
                .kind = insight::ApplianceKind::washing_machine,
                .certainty = insight::Certainty::likely},
      .course = ApplianceState::Course{insight::CycleState::running, 60.0, {}, false}};
  house.publisher->tell_appliances_of(
      [&](measurement::Timestamp) { return std::vector<ApplianceState>{washer}; });
  const auto told = [&](const char* key) {
    house.run(1min);
    return json::parse(house.broker.retained.at("lenz/maple/ha/appliance/3/state")).at(key);
  };
  EXPECT_EQ(told("done"), "OFF");
  EXPECT_TRUE(house.home_assistant.by_id("binary_sensor.lenz_maple_appliance_3_done"));
  EXPECT_TRUE(house.home_assistant.by_id("binary_sensor.lenz_maple_appliance_3_left_on"));

  washer.course = ApplianceState::Course{insight::CycleState::done, {}, house.now, false};
  EXPECT_EQ(told("done"), "ON");
  EXPECT_EQ(told("minutes_left"), nullptr);

  washer.course = ApplianceState::Course{insight::CycleState::running, {}, {}, true};
  EXPECT_EQ(told("done"), "OFF");
  EXPECT_EQ(told("went_on"), "ON");
  EXPECT_EQ(told("left_on"), "OFF");

  washer.is_left_on = true;
  EXPECT_EQ(told("left_on"), "ON");
  EXPECT_THAT(house.home_assistant.complaints, testing::IsEmpty());
}

TEST(HomeAssistantDiscovery, WhatIsFoundIsAProblemOfItsAssetAndEachNoticeAnEvent) {
  House house;
  HealthDesk desk(
      house.disk, house.folder + "/health.db", house.folder + "/rules.toml", house.home, house.feed,
      {.analyst = {}, .ledger = {}, .utc_offset = [](measurement::Timestamp) { return 0min; }});
  desk.notices().set_channels({"mqtt"});
  const Asset fridge{Asset::Kind::circuit, "fridge"};
  const auto write = [&](const std::function<void(FindingBook::Writing&)>& what) {
    FindingBook::Writing writing(desk.book());
    what(writing);
    ASSERT_TRUE(writing.finish());
    ASSERT_TRUE(desk.step(house.now));
  };
  house.publisher->tell_health_of([&] { return &desk; });
  house.publisher->panel_changed(house.now);
  write([&](auto& writing) { writing.put(Condition{.asset = fridge, .since = house.now}); });
  house.run(2min);
  const auto state = [&] {
    return json::parse(house.broker.retained.at("lenz/maple/ha/health/circuit_fridge"));
  };
  ASSERT_TRUE(house.home_assistant.by_id("binary_sensor.lenz_maple_health_circuit_fridge"));
  EXPECT_EQ(state()["problem"], "OFF");

  write([&](auto& writing) {
    writing.put(fridge, {.change = insight::Change::branch_resistance,
                         .since = house.now - 1h,
                         .found = house.now,
                         .confidence = .9f});
  });
  house.run(2min);

  EXPECT_EQ(state()["problem"], "ON");
  EXPECT_EQ(state()["findings"][0]["changed"],
            "The circuit Fridge loses more voltage on its way than it used to.");
  const auto* notice = house.home_assistant.by_id("event.lenz_maple_notice");
  ASSERT_TRUE(notice);
  ASSERT_EQ(notice->events.size(), 1u);
  EXPECT_EQ(notice->events[0]["event_type"], "danger");
  EXPECT_THAT(notice->events[0]["text"].get<std::string>(), testing::HasSubstr("electrician"));
  EXPECT_EQ(house.broker.retained.count("lenz/maple/ha/notice"), 0u) << "told again at each start";

  write([&](auto& writing) { writing.end(fridge, insight::Change::branch_resistance, house.now); });
  house.run(2min);
  EXPECT_EQ(state()["problem"], "OFF");
  EXPECT_EQ(notice->events.size(), 1u);
  EXPECT_THAT(house.home_assistant.complaints, testing::IsEmpty());
}

TEST(HomeAssistantDiscovery, APowerCutIsToldWithWhatDidNotComeBack) {
  House house;
  std::vector<ApplianceState> told(1);
  told[0] = {.number = 3,
             .circuit = "fridge",
             .known = {.id = 1,
                       .kind = insight::ApplianceKind::freezer,
                       .certainty = insight::Certainty::confirmed}};
  std::optional<PowerCuts::Report> report;
  house.publisher->tell_appliances_of([&](measurement::Timestamp) { return told; });
  house.publisher->tell_power_cuts_of([&](measurement::Timestamp) { return report; });
  house.publisher->panel_changed(house.now);
  const auto state = [&] {
    house.run(1min);
    return json::parse(house.broker.retained.at("lenz/maple/ha/power_cut"));
  };
  EXPECT_EQ(state()["power_cut"], nullptr);
  EXPECT_EQ(house.home_assistant.by_id("sensor.lenz_maple_power_cut")->device_name, "Maple Street");
  EXPECT_TRUE(house.home_assistant.by_id("binary_sensor.lenz_maple_power_cut_missing"));

  const measurement::Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;
  report = PowerCuts::Report{.cut = {noon, noon + 29min}, .not_back = {3}, .dark = {"mains"}};
  const auto cut = state();

  EXPECT_EQ(cut["power_cut"], "2026-03-01T12:00:00Z");
  EXPECT_EQ(cut["until"], "2026-03-01T12:29:00Z");
  EXPECT_EQ(cut["minutes"], 29.0);
  EXPECT_EQ(cut["not_back"], json::parse(R"(["Freezer", "Mains"])"));
  EXPECT_EQ(cut["power_cut_missing"], "ON");
  EXPECT_THAT(house.home_assistant.complaints, testing::IsEmpty());
}

TEST(HomeAssistantDiscovery, AHubThatIsOffMakesAllUnavailable) {
  House house;
  house.run(5min);
  house.stop_hub();
  house.run(1min);

  EXPECT_EQ(house.home_assistant.shown("sensor.lenz_maple_fridge_energy"), std::nullopt);
}

TEST(HomeAssistantDiscovery, AValueThatWasNotMeasuredIsUnknown) {
  House house;
  house.run(5min);
  measurement::Sample sample(1);
  sample.put_steps(measurement::Quantity::active_power, 1, 0);
  house.feed.publish({"meter", house.now, sample});
  house.publisher->tick(house.now + 10s);

  EXPECT_EQ(house.home_assistant.shown("sensor.lenz_maple_fridge_power"), 0.0);
  EXPECT_EQ(house.home_assistant.shown("sensor.lenz_maple_fridge_voltage"), std::nullopt);
  EXPECT_EQ(house.home_assistant.shown("sensor.lenz_maple_mains_power"), std::nullopt);
}

TEST(HomeAssistantDiscovery, PowerIsToldEveryFiveSecondsAndEnergyEveryMinute) {
  House house;
  house.run(5min);
  house.broker.log.clear();
  for (int second = 0; second < 60; ++second) {
    measurement::Sample sample(1);
    sample.put_steps(measurement::Quantity::active_power, 1, second);
    const auto now = house.now + std::chrono::seconds(second);
    house.feed.publish({"meter", now, sample});
    house.publisher->tick(now);
  }

  const auto told = [&](const std::string& topic) {
    return std::ranges::count(house.broker.log, topic, &std::pair<std::string, std::string>::first);
  };
  EXPECT_EQ(told("lenz/maple/ha/fridge/state"), 12);
  EXPECT_LE(told("lenz/maple/ha/fridge/energy"), 1);
}

TEST(HomeAssistantDiscovery, ARemovedCircuitDisappearsAndTheOthersStay) {
  House house;
  house.run(5min);
  house.stop_hub();
  std::erase_if(house.home.panels[0].circuits, [](const Circuit& c) { return c.id == "fridge"; });
  house.start_hub();
  house.run(5min);

  EXPECT_EQ(house.home_assistant.by_id("sensor.lenz_maple_fridge_power"), nullptr);
  EXPECT_FALSE(house.broker.retained.contains(fridge_config));
  EXPECT_TRUE(house.home_assistant.shown("sensor.lenz_maple_mains_power"));
}

TEST(HomeAssistantDiscovery, TheBundlesOfAnotherHubsHomeAreLeftAlone) {
  House house;
  const std::string other = "homeassistant/device/lenz_maple_tree_fridge/config";
  house.broker.retained[other] = json{
      {"device", {{"identifiers", {"x"}}, {"name", "x"}, {"via_device", "lenz_maple_tree"}}},
      {"origin", {{"name", "Lenz"}}},
      {"components", json::object()}}.dump();
  house.join_broker();
  house.run(5min);

  EXPECT_TRUE(house.broker.retained.contains(other));
}

TEST(HomeAssistantDiscovery, ASensorThatACircuitNoLongerHasIsTakenLeaveOfOnce) {
  House house;
  house.run(1min);
  auto old = bundle(house, fridge_config);
  old["components"]["exported"] = old["components"]["imported"];
  old["components"]["exported"]["unique_id"] = "lenz_maple_fridge_exported";
  old["components"]["exported"]["default_entity_id"] = "sensor.lenz_maple_fridge_energy_returned";
  house.stop_hub();
  house.broker.publish(fridge_config, old.dump(), true);
  house.broker.log.clear();
  house.start_hub();
  house.run(5min);

  std::vector<json> told;
  for (const auto& [topic, payload] : house.broker.log) {
    if (topic == fridge_config) told.push_back(json::parse(payload));
  }
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0]["components"]["exported"], (json{{"p", "sensor"}}));
  EXPECT_FALSE(told[1]["components"].contains("exported"));
  EXPECT_EQ(house.home_assistant.by_id("sensor.lenz_maple_fridge_energy_returned"), nullptr);
}

TEST(HomeAssistantDiscovery, ANewNameKeepsEveryId) {
  House house;
  house.run(5min);
  const auto before = house.home_assistant.registry;
  auto& fridge = house.home.panels[0].circuits[1];
  fridge.name = R"(He said "{{ states('x') }}" \ ثلاجة)";
  house.publisher->panel_changed(house.now);
  house.run(5min);

  EXPECT_EQ(house.home_assistant.registry, before);
  EXPECT_EQ(house.home_assistant.by_id("sensor.lenz_maple_fridge_power")->device_name, fridge.name);
  EXPECT_THAT(house.home_assistant.complaints, testing::IsEmpty());
}

TEST(HomeAssistantDiscovery, NothingIsToldBeforeWhatWasToldIsHeard) {
  House house;
  house.stop_hub();
  house.broker.retained["lenz/maple/ha/fridge/energy"] = R"({"imported":500.5,"exported":0})";
  house.start_hub();
  house.run(5min);

  // 500.5 kWh were told once: the counter goes on from there and does not fall back to some Wh.
  EXPECT_GE(house.home_assistant.shown("sensor.lenz_maple_fridge_energy"), 500.5);
}

TEST(HomeAssistantDiscovery, NonsenseAmongTheRetainedMessagesDoesNoHarm) {
  House house;
  house.stop_hub();
  house.broker.retained["lenz/maple/ha/fridge/energy"] = R"({"imported":1e300,"exported":"x"})";
  house.broker.retained["lenz/maple/ha/mains/energy"] = "[";
  house.broker.retained["lenz/maple/ha/energy"] = "1";
  house.broker.retained["homeassistant/device/x/config"] = R"({"device":[1]})";
  house.publisher.reset();
  house.home_assistant.go_down();
  house.start_hub();
  house.run(5min);

  const auto energy = json::parse(house.broker.retained.at("lenz/maple/ha/fridge/energy"));
  EXPECT_LT(energy.at("imported").get<double>(), 1);
}

TEST(HomeAssistantDiscovery, TheCardsLayoutIsTheWallWithNamesAsText) {
  House house;
  house.home.panels[0].circuits[1].name = "<b>Fridge</b>";
  house.home.price_per_kwh = 0.171;
  house.run(1min);

  const auto layout = json::parse(house.broker.retained.at("lenz/maple/ha/panel"));
  EXPECT_EQ(layout["home"], json::parse(R"({"id":"maple","name":"Maple Street","style":"din",
    "nominal_voltage_v":230,"line_frequency_hz":50,"phases":1,"currency":"EUR",
    "price_per_kwh":0.171})"));
  ASSERT_EQ(layout["circuits"].size(), 4u);
  // 16 A at 230 V are 3680 W.
  EXPECT_EQ(layout["circuits"][1], json::parse(R"({"id":"fridge","name":"<b>Fridge</b>",
    "kind":"load","parent":"mains","rating_a":16,"poles":1,"legs":[1],"position":0,
    "room":"Kitchen","capacity_w":3680,"power":"sensor.lenz_maple_fridge_power",
    "energy":"sensor.lenz_maple_fridge_energy"})"));
  EXPECT_EQ(layout["circuits"][3]["power"], nullptr);  // Spare: no clamp.
}

TEST(HomeAssistantDiscovery, IdsWithDashesBecomeEntityIds) {
  Home home = small_home();
  home.id = "my-home";

  EXPECT_EQ(default_entity_id(home, "ev--charger-", "power"),
            "sensor.lenz_my_home_ev_charger_power");
  EXPECT_EQ(unique_id(home, "ev--charger-", "power"), "lenz_my-home_ev--charger-_power");
  EXPECT_EQ(external_statistic_id(home, "fridge", "energy"), "lenz:my_home_fridge_energy");
}

TEST(HomeAssistantDiscovery, ALargePanelsMessagesStaySmall) {
  House house;
  auto& circuits = house.home.panels[0].circuits;
  while (circuits.size() < 200) {
    circuits.push_back(circuits[1]);
    circuits.back().id = "circuit_number_" + std::to_string(circuits.size());
  }
  house.run(1min);

  for (const auto& [topic, payload] : house.broker.retained) {
    if (!topic.ends_with("/config")) continue;
    EXPECT_LT(payload.size(), 8'000u) << topic;
  }
}

}  // namespace
}  // namespace hub
