#include "hub/integrations/home_assistant_backfill.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "hub/integrations/home_assistant_house.h"

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

const std::string fridge = "sensor.lenz_maple_fridge_energy";
const std::string roof = "sensor.lenz_maple_roof_energy";

// Every hour of the sensor from `from` on, up to `end`, shows what the house has used in it.
void expect_hours_like_the_house(const House& house, const std::string& id, Timestamp from,
                                 Timestamp end, double (*kwh)(Timestamp)) {
  const auto shown = house.home_assistant.changes(id);
  for (auto hour = from; hour < end; hour += 1h) {
    const auto found = shown.find(hour);
    const double used = found == shown.end() ? 0 : found->second;
    EXPECT_NEAR(used, kwh(hour), 2e-6) << id << " at " << iso_time(hour);
  }
}

void expect_all_is_well(const House& house) {
  EXPECT_THAT(house.home_assistant.complaints, testing::IsEmpty());
  EXPECT_EQ(house.home_assistant.dips, 0);
  EXPECT_EQ(house.home_assistant.resets, 0);
  EXPECT_EQ(house.home_assistant.lost_hours, 0);
}

TEST(HomeAssistantBackfill, WhileAllGoesWellEachHourIsRight) {
  House house;
  house.run(6h);
  expect_hours_like_the_house(house, fridge, house_begins + 1h, house_begins + 5h,
                              House::fridge_kwh_in_hour);
  expect_hours_like_the_house(house, roof, house_begins + 1h, house_begins + 5h,
                              House::roof_kwh_in_hour);
  expect_all_is_well(house);
}

TEST(HomeAssistantBackfill, AMeterThatWasCutOffForADayLeavesNoSpikeWhenItReturns) {
  House house;
  house.run(4h);
  house.is_meter_connected = false;
  house.run(24h);
  house.is_meter_connected = true;
  house.run(3h);

  expect_hours_like_the_house(house, fridge, house_begins + 1h, house_begins + 30h,
                              House::fridge_kwh_in_hour);
  expect_hours_like_the_house(house, roof, house_begins + 1h, house_begins + 30h,
                              House::roof_kwh_in_hour);
  expect_all_is_well(house);
}

TEST(HomeAssistantBackfill, AHubThatWasOffForADayLeavesNoSpikeWhenItReturns) {
  House house;
  house.run(4h);
  house.stop_hub();
  house.run(24h);
  house.start_hub();
  house.run(3h);

  expect_hours_like_the_house(house, fridge, house_begins + 1h, house_begins + 30h,
                              House::fridge_kwh_in_hour);
  expect_all_is_well(house);
}

TEST(HomeAssistantBackfill, ADayWithoutTheBrokerLeavesNoSpikeWhenItReturns) {
  House house;
  house.run(4h);
  house.lose_broker();
  house.run(24h);
  house.regain_broker();
  house.run(3h);

  expect_hours_like_the_house(house, fridge, house_begins + 1h, house_begins + 30h,
                              House::fridge_kwh_in_hour);
  expect_hours_like_the_house(house, roof, house_begins + 1h, house_begins + 30h,
                              House::roof_kwh_in_hour);
  expect_all_is_well(house);
}

TEST(HomeAssistantBackfill, ADayWithoutHomeAssistantIsFilledInWhenItReturns) {
  House house;
  house.run(4h);
  house.home_assistant.go_down();
  house.conversation->lost("gone");
  house.run(24h);
  house.home_assistant.come_up(house.now);
  house.join_home_assistant();
  house.run(3h);

  expect_hours_like_the_house(house, fridge, house_begins + 1h, house_begins + 30h,
                              House::fridge_kwh_in_hour);
  expect_all_is_well(house);
}

// What the hub tells of a counter, over its whole life.
void expect_counters_never_fall(const House& house) {
  std::map<std::string, double> greatest;
  for (const auto& [topic, payload] : house.broker.log) {
    if (!topic.ends_with("/energy") || payload.empty()) continue;
    const auto message = nlohmann::json::parse(payload);
    for (const auto* key : {"imported", "exported"}) {
      auto& before = greatest[topic + key];
      EXPECT_GE(message.at(key).get<double>(), before) << topic;
      before = message.at(key);
    }
  }
}

StatisticsPlan run(House& house, StatisticsBackfill::Choice choice) {
  std::optional<StatisticsPlan> plan;
  house.backfill->run(choice, house.now, [&](std::expected<StatisticsPlan, std::string> result) {
    ASSERT_TRUE(result) << result.error();
    plan = *result;
  });
  return plan.value_or(StatisticsPlan{});
}

class CopyOfTheDisk {
 public:
  explicit CopyOfTheDisk(House& house) : path(house.folder + "_copy") {
    house.stop_hub();
    std::filesystem::copy(house.folder, path, std::filesystem::copy_options::recursive);
    house.start_hub();
  }
  ~CopyOfTheDisk() { std::filesystem::remove_all(path); }
  const std::string path;
};

TEST(HomeAssistantBackfill, AHubRestoredFromAnOldCopyTellsNothingTwice) {
  House house;
  house.run(3h);
  const CopyOfTheDisk copy(house);
  house.run(10h);
  house.restore(copy.path, true);
  house.run(4h);

  expect_hours_like_the_house(house, fridge, house_begins + 1h, house_begins + 16h,
                              House::fridge_kwh_in_hour);
  expect_counters_never_fall(house);
  expect_all_is_well(house);
}

TEST(HomeAssistantBackfill, WhatARestoredHubHasLostStaysAsHomeAssistantHasIt) {
  House house;
  house.run(3h);
  const CopyOfTheDisk copy(house);
  house.run(10h);
  house.unsent.clear();
  house.restore(copy.path, false);
  house.run(4h);

  // The meter's totals go on, so the lost hours' energy is known, though not which hour it was of.
  expect_hours_like_the_house(house, fridge, house_begins + 1h, house_begins + 12h,
                              House::fridge_kwh_in_hour);
  expect_hours_like_the_house(house, fridge, house_begins + 14h, house_begins + 16h,
                              House::fridge_kwh_in_hour);
  expect_counters_never_fall(house);
  expect_all_is_well(house);
}

TEST(HomeAssistantBackfill, ARestoredHubWritesNothingBeforeItHasCaughtUp) {
  House house;
  house.run(3h);
  const CopyOfTheDisk copy(house);
  house.run(10h);
  house.is_meter_connected = false;
  house.restore(copy.path, true);
  house.run(5min);
  const auto before = house.home_assistant.changes(fridge);

  const auto plan = run(house, {.all_hours = true});

  EXPECT_THAT(plan.notes, testing::Contains(testing::HasSubstr("caught up")));
  EXPECT_EQ(house.home_assistant.changes(fridge), before);
}

TEST(HomeAssistantBackfill, ARenamedCircuitKeepsItsHistory) {
  House house;
  house.run(3h);
  house.home.panels[0].circuits[1].name = "Kühlschrank";
  house.publisher->panel_changed(house.now);
  house.home_assistant.rename(fridge, "sensor.cold");
  house.is_meter_connected = false;
  house.run(5h);
  house.is_meter_connected = true;
  house.run(3h);

  expect_hours_like_the_house(house, "sensor.cold", house_begins + 1h, house_begins + 10h,
                              House::fridge_kwh_in_hour);
  EXPECT_EQ(house.home_assistant.by_id("sensor.cold")->device_name, "Kühlschrank");
  EXPECT_FALSE(house.home_assistant.hours.contains(fridge));
  expect_all_is_well(house);
}

TEST(HomeAssistantBackfill, RunTwiceItChangesNothing) {
  House house;
  house.run(3h);
  house.is_meter_connected = false;
  house.run(5h);
  house.is_meter_connected = true;
  house.run(2h);
  ASSERT_GT(house.written, 0u);

  const auto plan = run(house, {.write = true, .all_hours = true});

  EXPECT_TRUE(plan.is_empty()) << describe(plan);
  EXPECT_THAT(plan.notes, testing::IsEmpty());
}

// As a meter that was cut off from 08:00 to 13:00 has just returned, and nothing was put right yet.
struct OutageThatIsOver : House {
  OutageThatIsOver() {
    run(2h);
    is_meter_connected = false;
    run(5h);
    conversation->lost("kept away");
    is_meter_connected = true;
    run(2h);
    join_home_assistant();
  }
};

TEST(HomeAssistantBackfill, ADryRunSaysWhatItWouldWriteAndWritesNothing) {
  OutageThatIsOver house;
  const auto before = house.home_assistant.changes(fridge);
  ASSERT_GT(before.at(house_begins + 7h), 3);  // The spike: five hours in one.

  const auto plan = run(house, {.write = false});

  EXPECT_THAT(describe(plan),
              testing::HasSubstr("sensor.lenz_maple_fridge_energy (Fridge, Energy):"));
  EXPECT_EQ(house.home_assistant.changes(fridge), before);
}

TEST(HomeAssistantBackfill, WhatWasWrittenCanBeTakenBack) {
  OutageThatIsOver house;
  const auto before = house.home_assistant.changes(fridge);
  const auto plan = run(house, {});
  expect_hours_like_the_house(house, fridge, house_begins + 1h, house_begins + 8h,
                              House::fridge_kwh_in_hour);

  const auto undo = parse_undo(undo_file(plan, house.now));
  ASSERT_TRUE(undo);
  StatisticsWriter writer(*house.conversation);
  bool is_done = false;
  writer.write(*undo, [&](const auto& sent) { is_done = sent.has_value(); });

  EXPECT_TRUE(is_done);
  for (const auto& [hour, used] : house.home_assistant.changes(fridge)) {
    const auto found = before.find(hour);
    EXPECT_NEAR(used, found == before.end() ? 0 : found->second, 1e-9) << iso_time(hour);
  }
}

TEST(HomeAssistantBackfill, StatisticsOfOurOwnHaveEachHourFromTheFirstOn) {
  House house(StatisticsTarget::external);
  house.run(3h);
  house.is_meter_connected = false;
  house.run(5h);
  house.is_meter_connected = true;
  house.run(3h);

  expect_hours_like_the_house(house, "lenz:maple_fridge_energy", house_begins, house_begins + 10h,
                              House::fridge_kwh_in_hour);
  expect_hours_like_the_house(house, "lenz:maple_roof_energy", house_begins, house_begins + 10h,
                              House::roof_kwh_in_hour);
  EXPECT_THAT(house.home_assistant.complaints, testing::IsEmpty());
}

double fridge_wh_in_hour(Timestamp hour) { return 1000 * House::fridge_kwh_in_hour(hour); }

TEST(HomeAssistantBackfill, ASensorThatItsOwnerKeepsInWattHoursIsWrittenInThem) {
  House house;
  house.home_assistant.units[fridge] = "Wh";
  house.run(3h);
  house.is_meter_connected = false;
  house.run(5h);
  house.is_meter_connected = true;
  house.run(3h);

  const auto shown = house.home_assistant.changes(fridge);
  for (auto hour = house_begins + 1h; hour < house_begins + 10h; hour += 1h) {
    EXPECT_NEAR(shown.at(hour), fridge_wh_in_hour(hour), 2e-3) << iso_time(hour);
  }
  expect_all_is_well(house);
}

TEST(HomeAssistantBackfill, ASpikeThatItsOwnerTookAwayByHandStaysAway) {
  OutageThatIsOver house;
  auto& home_assistant = house.home_assistant;
  const auto at = house_begins + 7h;
  const double spike = home_assistant.changes(fridge).at(at) - House::fridge_kwh_in_hour(at);
  for (auto* table : {&home_assistant.hours, &home_assistant.short_term}) {
    for (auto& [start, row] : (*table)[fridge]) {
      if (start >= at) row.sum -= spike;
    }
  }

  const auto plan = run(house, {});

  for (const auto& [hour, used] : home_assistant.changes(fridge)) {
    EXPECT_GE(used, -1e-9) << iso_time(hour);
    EXPECT_LT(used, 1) << iso_time(hour);
  }
  EXPECT_THAT(plan.notes, testing::Contains(testing::HasSubstr("adjusted by hand")));
}

TEST(HomeAssistantBackfill, AWrongTokenIsSaidWithWhatToDo) {
  House house;
  house.home_assistant.token = "another";
  house.join_home_assistant();

  ASSERT_TRUE(house.conversation->refused());
  EXPECT_THAT(*house.conversation->refused(), testing::HasSubstr("long-lived token"));
  EXPECT_FALSE(house.conversation->is_ready());
}

TEST(HomeAssistantBackfill, ARoutineHourIsMadeExactWithoutAWordAboutIt) {
  House house;
  house.run(4h);
  EXPECT_EQ(house.written, 0u);

  house.is_meter_connected = false;
  house.run(4h);
  house.is_meter_connected = true;
  house.run(2h);
  EXPECT_GT(house.written, 0u);
}

TEST(HomeAssistantBackfill, AHomeAssistantThatFallsSilentEndsTheRunWithASentence) {
  OutageThatIsOver house;
  house.home_assistant.reply = [](const std::string&) {};
  std::string error;
  house.backfill->run({}, house.now, [&](const auto& result) {
    if (!result) error = result.error();
  });
  EXPECT_EQ(error, "");

  house.conversation->tick(house.now + 2min);

  EXPECT_EQ(error, "Home Assistant did not answer in time.");
}

// Whatever goes away and comes back, in whatever order: in the end each hour is right.
class HomeAssistantChaos : public testing::TestWithParam<unsigned> {};

TEST_P(HomeAssistantChaos, AfterAnyOutagesEachHourIsRight) {
  std::mt19937 random(GetParam());
  House house;
  house.run(3h);
  std::string story;
  for (int i = 0; i < 30; ++i) {
    const auto what = random() % 4;
    story += fmt::format("{}: {} ", iso_time(house.now), what);
    if (what == 0) house.is_meter_connected = !house.is_meter_connected;
    if (what == 1 && house.hub)
      house.stop_hub();
    else if (what == 1)
      house.start_hub();
    if (what == 2 && house.is_broker_up)
      house.lose_broker();
    else if (what == 2)
      house.regain_broker();
    if (what == 3 && house.home_assistant.is_up) {
      house.home_assistant.go_down();
      if (house.conversation) house.conversation->lost("gone");
    } else if (what == 3) {
      house.home_assistant.come_up(house.now);
      if (house.hub) house.join_home_assistant();
    }
    house.run(std::chrono::minutes(1 + random() % 150));
  }
  house.is_meter_connected = true;
  if (!house.is_broker_up) house.regain_broker();
  if (!house.hub) house.start_hub();
  if (!house.home_assistant.is_up) {
    house.home_assistant.come_up(house.now);
    house.join_home_assistant();
  }
  const auto end = std::chrono::floor<std::chrono::hours>(house.now);
  house.run(3h);

  SCOPED_TRACE("seed " + std::to_string(GetParam()) + ", " + story);
  expect_hours_like_the_house(house, fridge, house_begins + 1h, end + 2h,
                              House::fridge_kwh_in_hour);
  expect_hours_like_the_house(house, roof, house_begins + 1h, end + 2h, House::roof_kwh_in_hour);
  expect_counters_never_fall(house);
  expect_all_is_well(house);
}

INSTANTIATE_TEST_SUITE_P(Seeds, HomeAssistantChaos, testing::Range(1u, 21u));

}  // namespace
}  // namespace hub
