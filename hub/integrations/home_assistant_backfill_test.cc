#include "hub/integrations/home_assistant_backfill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace hub
