#include "hub/integrations/home_assistant_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/integrations/home_assistant_house.h"

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

const Timestamp noon = house_begins + 6h;

// Hours of 1 kWh each, whose counter stands at `before` kWh at noon.
std::vector<HourOfEnergy> hours_of_one_kwh(int first, int count, std::int64_t before) {
  std::vector<HourOfEnergy> hours;
  for (int i = 0; i < count; ++i) {
    hours.push_back({.begin = noon + std::chrono::hours(first + i),
                     .gained = {{1'000'000}, {0}},
                     .counter = {{(before + first + i + 1) * 1'000'000}, {0}}});
  }
  return hours;
}

std::vector<StatisticsRow> rows(const DifferingRows& found) {
  std::vector<StatisticsRow> only;
  for (const auto& row : found.rows) only.push_back(row.row);
  return only;
}

TEST(StatisticsRows, MissingHoursContinueTheSumBeforeThem) {
  // At 12:00 the sensor had 100 kWh and a sum of 20. Three hours are missing, then all comes at
  // once.
  const std::vector<StatisticsRow> existing = {{noon - 1h, 100, 20}, {noon + 3h, 104, 24}};

  const auto found =
      differing_rows(hours_of_one_kwh(0, 4, 100), Direction::imported, existing, false);

  ASSERT_TRUE(found);
  EXPECT_EQ(rows(*found), (std::vector<StatisticsRow>{
                              {noon, 101, 21}, {noon + 1h, 102, 22}, {noon + 2h, 103, 23}}));
  EXPECT_EQ(found->note, "");
  // Taken back, a row that was not there shows nothing.
  EXPECT_EQ(found->rows[0].before, (StatisticsRow{noon, 100, 20}));
  EXPECT_FALSE(found->rows[0].existed);
}

TEST(StatisticsRows, HoursBeforeHomeAssistantKnewTheSensorAreLeftOut) {
  const std::vector<StatisticsRow> existing = {{noon + 2h, 103, 0.25}};

  const auto found =
      differing_rows(hours_of_one_kwh(0, 4, 100), Direction::imported, existing, false);

  ASSERT_TRUE(found);
  EXPECT_EQ(rows(*found), (std::vector<StatisticsRow>{{noon + 3h, 104, 1.25}}));
}

TEST(StatisticsRows, ASensorWithoutStatisticsIsLeftToHomeAssistantToBegin) {
  const auto found = differing_rows(hours_of_one_kwh(0, 4, 100), Direction::imported, {}, false);

  ASSERT_FALSE(found);
  EXPECT_EQ(found.error(), "has no statistics yet");
}

TEST(StatisticsRows, ACounterThatBeganAnewInBetweenKeepsItsStep) {
  // It was reset after 12:00: the hours before go on as they did, those after keep their sums.
  const std::vector<StatisticsRow> existing = {{noon - 1h, 100, 20}, {noon + 1h, 3, 25}};
  auto hours = hours_of_one_kwh(0, 2, 1);

  const auto found = differing_rows(hours, Direction::imported, existing, false);

  ASSERT_TRUE(found);
  EXPECT_EQ(rows(*found), (std::vector<StatisticsRow>{{noon, 101, 21}}));
  EXPECT_THAT(found->note, testing::HasSubstr("shows 3.000 kWh more"));
}

TEST(StatisticsRows, ACounterBehindHomeAssistantsIsNotWritten) {
  // Home Assistant has 102 kWh, the ledger 92 at the same time, and no hour that lacks them.
  const std::vector<StatisticsRow> existing = {
      {noon - 1h, 100, 20}, {noon, 101, 21}, {noon + 1h, 102, 22}};

  const auto found =
      differing_rows(hours_of_one_kwh(0, 2, 90), Direction::imported, existing, false);

  ASSERT_FALSE(found);
  EXPECT_THAT(found.error(), testing::HasSubstr("-10.000 kWh"));
}

TEST(StatisticsRows, OurOwnBeginAtTheEnergyOfTheirFirstHour) {
  const auto found = differing_rows(hours_of_one_kwh(0, 2, 100), Direction::imported, {}, true);

  ASSERT_TRUE(found);
  EXPECT_EQ(rows(*found), (std::vector<StatisticsRow>{{noon, 1, 1}, {noon + 1h, 2, 2}}));
}

TEST(StatisticsContinued, TheOldSensorsHoursComeBeforeOursWithoutAStep) {
  // The old sensor counted on for an hour after ours had begun.
  const std::vector<StatisticsRow> old_rows = {
      {noon, 900, 50}, {noon + 1h, 901, 51}, {noon + 2h, 903, 53}, {noon + 3h, 904, 54}};
  const std::vector<StatisticsRow> ours = {{noon + 3h, 7, 0.5}, {noon + 4h, 8, 1.5}};

  const auto change = continued(old_rows, ours);

  ASSERT_EQ(change.rows.size(), 3u);
  EXPECT_EQ(change.rows[2].row, old_rows[2]);
  ASSERT_TRUE(change.raise);
  EXPECT_EQ(change.raise->from, noon + 3h);
  EXPECT_EQ(change.raise->kwh, 53);  // So that 0.5 and 1.5 become 53.5 and 54.5.
}

TEST(StatisticsContinued, DoneTwiceItChangesNothingAndCutShortItGoesOn) {
  const std::vector<StatisticsRow> old_rows = {{noon, 900, 50}, {noon + 1h, 901, 51}};
  const std::vector<StatisticsRow> done = {
      {noon, 900, 50}, {noon + 1h, 901, 51}, {noon + 3h, 7, 51.5}};
  const std::vector<StatisticsRow> cut_short = {{noon, 900, 50}, {noon + 3h, 7, 0.5}};

  EXPECT_TRUE(continued(old_rows, done).rows.empty());
  EXPECT_FALSE(continued(old_rows, done).raise);
  const auto rest = continued(old_rows, cut_short);
  ASSERT_EQ(rest.rows.size(), 1u);
  EXPECT_EQ(rest.rows[0].row, old_rows[1]);
  ASSERT_TRUE(rest.raise);
  EXPECT_EQ(rest.raise->kwh, 51);
}

TEST(StatisticsContinuation, TheHistoryOfAReplacedSensorGoesOnUnderOurs) {
  House house;
  auto& home_assistant = house.home_assistant;
  // 48 hours of half a kilowatt-hour, kept in Wh.
  home_assistant.units["sensor.old"] = "Wh";
  for (int hour = 0; hour < 48; ++hour) {
    const double wh = 500 * (hour + 1);
    home_assistant.hours["sensor.old"][house_begins + std::chrono::hours(hour - 48)] = {wh, wh};
  }
  house.run(3h);
  const auto before = home_assistant.changes("sensor.lenz_maple_fridge_energy");
  StatisticsContinuation continuation(house.home, *house.conversation);
  const auto run = [&](bool write) {
    StatisticsPlan plan;
    continuation.run({.from = "sensor.old", .circuit = "fridge", .write = write}, house.now,
                     [&](auto done) {
                       ASSERT_TRUE(done) << done.error();
                       plan = *done;
                     });
    return plan;
  };
  EXPECT_EQ(run(false).rows(), 48u);
  ASSERT_EQ(home_assistant.changes("sensor.lenz_maple_fridge_energy"), before);

  const auto plan = run(true);

  house.run(3h);  // The compiler goes on from the raised sum.
  const auto shown = home_assistant.changes("sensor.lenz_maple_fridge_energy");
  for (int hour = -48; hour < 0; ++hour) {
    EXPECT_NEAR(shown.at(house_begins + std::chrono::hours(hour)), 0.5, 1e-9) << hour;
  }
  for (auto hour = house_begins + 1h; hour < house_begins + 5h; hour += 1h) {
    EXPECT_NEAR(shown.at(hour), House::fridge_kwh_in_hour(hour), 2e-6) << iso_time(hour);
  }
  EXPECT_TRUE(run(true).is_empty());
  EXPECT_THAT(home_assistant.complaints, testing::IsEmpty());

  const auto undo = parse_undo(undo_file(plan, house.now));
  ASSERT_TRUE(undo);
  StatisticsWriter writer(*house.conversation);
  writer.write(*undo, [](const auto& sent) { ASSERT_TRUE(sent); });
  for (const auto& [hour, used] : home_assistant.changes("sensor.lenz_maple_fridge_energy")) {
    if (hour == house_begins) continue;
    EXPECT_NEAR(used, hour < house_begins ? 0 : House::fridge_kwh_in_hour(hour), 0.02);
  }
}

TEST(StatisticsWriter, SendsAThousandRowsAtATime) {
  House house;
  StatisticsPlan plan;
  auto& change = plan.changes.emplace_back();
  change.statistic_id = "lenz:maple_fridge_energy";
  for (int hour = 0; hour < 2500; ++hour) {
    change.rows.push_back({{house_begins - std::chrono::hours(3000 - hour), 1, 1}, false, {}});
  }
  StatisticsWriter writer(*house.conversation);
  std::size_t sent = 0;
  writer.write(plan, [&](const auto& rows) { sent = rows.value_or(0); });

  EXPECT_EQ(sent, 2500u);
  EXPECT_EQ(house.home_assistant.requests.size(), 3u);
  EXPECT_THAT(house.home_assistant.complaints, testing::IsEmpty());
}

TEST(StatisticsUndo, AFileThatIsNoneIsRefusedWithASentence) {
  for (const auto* text :
       {"", "{}", R"({"format":"lenz-statistics-undo","version":1,"changes":[{}]})",
        R"({"format":"lenz-statistics-undo","version":2,"changes":[]})"}) {
    const auto parsed = parse_undo(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error(), testing::HasSubstr("not an undo file"));
  }
}

}  // namespace
}  // namespace hub
