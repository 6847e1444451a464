#include "hub/integrations/home_assistant_energy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/integrations/home_assistant_house.h"

namespace hub {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

EnergyProposal::Result propose(House& house, bool save,
                               StatisticsTarget target = StatisticsTarget::sensor) {
  EnergyProposal proposal(house.home, target, *house.conversation);
  std::optional<EnergyProposal::Result> result;
  proposal.run(save, house.now, [&](auto done) {
    ASSERT_TRUE(done) << done.error();
    result = *done;
  });
  return result.value_or(EnergyProposal::Result{});
}

// The fridge hangs under a sub-panel in the kitchen, with a breaker without a clamp in between.
struct NestedHouse : House {
  NestedHouse() {
    auto& circuits = home.panels[0].circuits;
    auto kitchen = circuits[1];
    kitchen.id = "kitchen";
    kitchen.name = "Kitchen";
    kitchen.kind = CircuitKind::subpanel;
    circuits.push_back(kitchen);
    circuits[3].parent = "kitchen";  // The spare one.
    circuits[1].parent = "spare";
    stop_hub();
    start_hub();
    run(2min);
  }
};

TEST(EnergyProposal, GridAndRoofAreSourcesAndNestedCircuitsSayWhereTheyAreIncluded) {
  NestedHouse house;

  const auto [proposed, is_saved] = propose(house, false);

  const auto& sources = proposed.preferences["energy_sources"];
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[0]["stat_energy_from"], "sensor.lenz_maple_mains_energy");
  EXPECT_EQ(sources[0]["stat_energy_to"], "sensor.lenz_maple_mains_energy_returned");
  EXPECT_EQ(sources[1], json::parse(R"({"type":"solar",
    "stat_energy_from":"sensor.lenz_maple_roof_energy","config_entry_solar_forecast":null})"));
  EXPECT_EQ(proposed.preferences["device_consumption"], json::parse(R"([
    {"stat_consumption":"sensor.lenz_maple_fridge_energy","name":"Fridge",
     "included_in_stat":"sensor.lenz_maple_kitchen_energy"},
    {"stat_consumption":"sensor.lenz_maple_kitchen_energy","name":"Kitchen"}])"));
  EXPECT_FALSE(is_saved);
  EXPECT_TRUE(house.home_assistant.preferences.is_null());
}

TEST(EnergyProposal, SavedTwiceChangesNothing) {
  NestedHouse house;

  EXPECT_TRUE(propose(house, true).is_saved);
  const auto saved = house.home_assistant.preferences;
  const auto again = propose(house, true);

  EXPECT_FALSE(again.proposed.is_changed);
  EXPECT_FALSE(again.is_saved);
  EXPECT_EQ(house.home_assistant.preferences, saved);
}

TEST(EnergyProposal, AnOlderHomeAssistantGetsTheGridAsFlows) {
  NestedHouse house;
  house.home_assistant.knows_unified_grid = false;

  EXPECT_TRUE(propose(house, true).is_saved);

  const auto& grid = house.home_assistant.preferences["energy_sources"][0];
  EXPECT_EQ(grid["flow_from"][0]["stat_energy_from"], "sensor.lenz_maple_mains_energy");
  EXPECT_EQ(grid["flow_to"][0]["stat_energy_to"], "sensor.lenz_maple_mains_energy_returned");
  EXPECT_FALSE(propose(house, true).proposed.is_changed);
}

TEST(EnergyProposal, WhatTheOwnerHasEnteredStays) {
  NestedHouse house;
  const auto plug = json{{"stat_consumption", "sensor.plug"}, {"name", "Plug"}};
  const auto gas = json{{"type", "gas"}, {"stat_energy_from", "sensor.gas"}};
  const auto utility = json{{"type", "grid"},
                            {"stat_energy_from", "sensor.utility"},
                            {"stat_energy_to", nullptr},
                            {"cost_adjustment_day", 0}};
  house.home_assistant.preferences = {
      {"energy_sources", {gas, utility}},
      {"device_consumption",
       {plug,
        {{"stat_consumption", "sensor.lenz_maple_fridge_energy"}, {"name", "My old fridge"}}}},
      {"device_consumption_water", json::array()}};

  const auto [proposed, is_saved] = propose(house, true);

  ASSERT_TRUE(is_saved);
  const auto& saved = house.home_assistant.preferences;
  ASSERT_EQ(saved["energy_sources"].size(), 3u);  // And the roof; a second grid would count twice.
  EXPECT_EQ(saved["energy_sources"][0], gas);
  EXPECT_EQ(saved["energy_sources"][1], utility);
  EXPECT_EQ(saved["energy_sources"][2]["type"], "solar");
  EXPECT_EQ(saved["device_consumption"][0], plug);
  EXPECT_EQ(saved["device_consumption"][1]["name"], "My old fridge");
  EXPECT_EQ(saved["device_consumption"][1]["included_in_stat"], "sensor.lenz_maple_kitchen_energy");
  EXPECT_THAT(proposed.lines, testing::Contains(testing::HasSubstr("sensor.utility")));
}

TEST(EnergyProposal, StatisticsOfOurOwnHaveNoPrice) {
  NestedHouse house;
  house.home.price_per_kwh = 0.3;

  const auto ours = propose(house, false, StatisticsTarget::external).proposed.preferences;
  const auto sensors = propose(house, false).proposed.preferences;

  EXPECT_EQ(ours["energy_sources"][0]["stat_energy_from"], "lenz:maple_mains_energy");
  EXPECT_EQ(ours["energy_sources"][0]["number_energy_price"], nullptr);
  EXPECT_EQ(sensors["energy_sources"][0]["number_energy_price"], 0.3);
}

}  // namespace
}  // namespace hub
