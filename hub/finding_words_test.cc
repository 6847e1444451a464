#include "hub/finding_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

namespace hub {
namespace {

using insight::Cause;
using insight::Change;
using insight::Feature;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const measurement::Timestamp night = std::chrono::sys_days(std::chrono::year(2026) / 3 / 2) + 23h;
const std::optional<Price> price = Price{.3, "EUR"};

const insight::Finding leaks = {
    .change = Change::works_harder,
    .since = night,
    .found = night + 240h,
    .confidence = .9f,
    .suspects = {{Cause::gasket_leak, .7f}, {Cause::warm_place, .2f}},
    .evidence = {{.feature = Feature::duty, .before = .31f, .now = .4f, .usual_spread = .02f}},
    .extra_wh_per_day = 210};

TEST(FindingWords, say_what_changed_how_sure_what_it_costs_and_what_to_do) {
  const auto text = text_of(leaks, "The freezer", price, 60min);

  EXPECT_EQ(text.changed, "The freezer works harder than it used to.");
  EXPECT_EQ(text.since, "Since about 3 March 2026.");  // 23:00 UTC is midnight there.
  EXPECT_EQ(text.sure, "Quite sure: 9 of 10 such findings were right in tests.");
  EXPECT_EQ(text.evidence, "Share of the time on: 40 %, before 31 % (± 2 %).");
  // 210 Wh * 30.4375 = 6392 Wh; 6.392 * 0.30 = 1.92.
  EXPECT_EQ(text.cost, "About 6.39 kWh a month more, or 1.92 EUR.");
  EXPECT_THAT(text.danger, IsEmpty());
  EXPECT_THAT(text.check, HasSubstr("sheet of paper"));
  EXPECT_EQ(text.causes, "Likely a door that does not seal; it could also be a warmer place.");
}

TEST(FindingWords, say_kilowatt_hours_alone_where_no_price_is_known) {
  EXPECT_EQ(text_of(leaks, "The freezer", {}, 0min).cost, "About 6.39 kWh a month more.");
}

TEST(FindingWords, say_the_minute_of_what_has_just_begun) {
  auto stuck = leaks;
  stuck.change = Change::does_not_start;
  stuck.found = stuck.since + 5min;

  EXPECT_EQ(text_of(stuck, "The freezer", {}, 0min).since, "Since 2 March 2026, 23:00.");
}

TEST(FindingWords, never_say_always) {
  auto sure = leaks;
  sure.confidence = 1;
  EXPECT_EQ(text_of(sure, "It", {}, 0min).sure,
            "Almost certain: 99 of 100 such findings were right in tests.");
  sure.confidence = 0;
  EXPECT_EQ(text_of(sure, "It", {}, 0min).sure, "How sure this is was not tested.");
}

TEST(FindingWords, call_help_for_every_danger_and_the_utility_for_the_supply) {
  for (const auto& row : insight::changes) {
    insight::Finding finding;
    finding.change = row.id;
    const auto danger = text_of(finding, "It", {}, 0min).danger;
    if (row.urgency != insight::Urgency::danger) {
      EXPECT_THAT(danger, IsEmpty()) << row.word;
      continue;
    }
    EXPECT_THAT(danger, HasSubstr("witch")) << row.word;
    EXPECT_THAT(danger, HasSubstr("electrician")) << row.word;
    const bool is_of_supply = row.id == Change::supply_resistance ||
                              row.id == Change::neutral_resistance ||
                              row.id == Change::open_neutral;
    if (is_of_supply) {
      EXPECT_THAT(danger, HasSubstr("utility")) << row.word;
    }
  }
}

TEST(FindingWords, promise_nothing) {
  for (const auto& change : insight::changes) {
    insight::Finding finding = leaks;
    finding.change = change.id;
    finding.suspects.clear();
    for (const auto& cause : insight::causes) {
      finding.suspects = {{cause.id, .5f}};
      auto text = lines_of(text_of(finding, "It", price, 0min));
      std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
      EXPECT_THAT(text, Not(HasSubstr("safe")));
      EXPECT_THAT(text, Not(HasSubstr("no fault")));
    }
  }
}

TEST(FindingWords, call_an_asset_as_people_call_it) {
  Panel panel;
  panel.circuits.emplace_back();
  panel.circuits[0].id = "kitchen";
  panel.circuits[0].name = "Kitchen, left";
  std::vector<ApplianceState> appliances(3);
  appliances[0].number = 1;
  appliances[0].known.name = "anna's kettle";
  appliances[1].number = 2;
  appliances[1].known.kind = insight::ApplianceKind::fridge;
  appliances[1].known.certainty = insight::Certainty::likely;
  appliances[2].number = 3;
  appliances[2].known.description = "about 500 W";
  const auto name = [&](const char* asset) { return name_of(*asset_in(asset), panel, appliances); };

  EXPECT_EQ(name("appliance 1"), "Anna's kettle");
  EXPECT_EQ(name("appliance 2"), "The fridge");
  EXPECT_EQ(name("appliance 3"), "What is about 500 W");
  EXPECT_EQ(name("appliance 4"), "Appliance 4");
  EXPECT_EQ(name("circuit kitchen"), "The circuit Kitchen, left");
  EXPECT_EQ(name("circuit gone"), "The circuit gone");
  EXPECT_EQ(name("meter main"), "The meter main");
  EXPECT_EQ(name("supply"), "The supply");
}

}  // namespace
}  // namespace hub
