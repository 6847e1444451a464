#include "insight/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "insight/report/october.h"

namespace insight {
namespace {

using testing::Contains, testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::Not;

// With spaces that may break, to be read here.
std::vector<std::string> plain(std::vector<std::string> sentences) {
  constexpr std::string_view space = "\u00a0";
  for (auto& words : sentences) {
    for (auto at = words.find(space); at != std::string::npos; at = words.find(space)) {
      words.replace(at, space.size(), " ");
    }
  }
  return sentences;
}

TEST(Report, SaysFirstWhatWasUsedAndWhatItCost) {
  EXPECT_THAT(plain(summary(october())),
              ElementsAre("You used 412 ± 8 kWh in October 2026, for about €109.97.",
                          // 412.3 kWh in 30 measured days, 424.4 in 30: 0.9715.
                          "That is 3 % less a day than in September.",
                          "The largest parts were Heat pump (38 %), Fridge (10 %) and Tumble dryer "
                          "(9 %); 26 % is unknown.",
                          "The roof made 310 ± 6 kWh, and 121 ± 2 kWh of it went to the grid.",
                          "One finding is urgent.", "1 % of the time was not measured."));
}

TEST(Report, SaysWhatChangedAndWhyByItsRuns) {
  // For 30 measured days of 30 days of September nothing is scaled.
  EXPECT_THAT(
      plain(what_changed(october())),
      // 475 x 30/31 = 459.7 kWh; 412.3 / 459.7 = 0.897.
      ElementsAre("The home used 10 % less a day than in October 2025.",
                  "Heat pump took 38 kWh more than in as many days of September: it ran 310 times, "
                  "and 240 times in September.",
                  "What is unknown took 26.7 kWh less than in as many days of September.",
                  "Tumble dryer took 22.4 kWh less than in as many days of September: it ran 16 "
                  "times, and 25 times in September.",
                  "Fridge took 9.8 kWh more than in as many days of September.",
                  "What is always on draws 12 W more than in September.",
                  "It was colder outside: 8.2 °C on average, 14.1 °C in September."));
}

TEST(Report, SaysWhereEachRunTookMore) {
  auto facts = october();
  facts.parts[2].runs = 24;  // 38.4 / 24 = 1.6 kWh; 60.8 / 25 = 2.432.

  EXPECT_THAT(
      plain(what_changed(facts)),
      Contains("Tumble dryer took 22.4 kWh less than in as many days of September: each run "
               "took 1.6 kWh instead of 2.43 kWh."));
}

TEST(Report, ComparesDayForDay) {
  auto facts = october();
  facts.kwh_of_days.resize(15);  // The 12th is in it, the gap of the 20th is not.
  facts.made = std::chrono::sys_days{std::chrono::year{2026} / 10 / 16};

  // 424.4 kWh in 30 days are 212.2 in 15: 1.94 times as much.
  EXPECT_THAT(plain(highlights(facts)), Contains("That is 94 % more a day than in September."));
  EXPECT_THAT(plain(summary(facts)).front(), HasSubstr("in October 2026 so far"));

  facts.whole.kwh = 215;  // 1.3 % more.
  EXPECT_THAT(plain(highlights(facts)), Contains("That is about as much a day as in September."));
  facts.whole.kwh = 509.3;
  EXPECT_THAT(plain(highlights(facts)),
              Contains("That is 2.4 times as much a day as in September."));
}

TEST(Report, NamesTheYearWhereTheMonthBeforeIsOfAnother) {
  using namespace std::chrono;
  EXPECT_EQ(month_before(year{2026} / January), "December 2025");
  EXPECT_EQ(month_before(year{2026} / December), "November");
}

TEST(Report, RunsUntilTheLocalMonthIsOver) {
  using namespace std::chrono;
  auto facts = october();
  facts.made = sys_days{year{2026} / 10 / 31} + hours{22} + minutes{59};
  facts.utc_offset = hours{1};
  EXPECT_TRUE(is_running(facts));

  facts.made += minutes{1};
  EXPECT_FALSE(is_running(facts));
}

TEST(Report, SaysNothingOfWhatIsNotKnown) {
  const ReportFacts facts{.home = "New", .currency = "EUR", .month = october().month};

  EXPECT_THAT(what_changed(facts), IsEmpty());
  EXPECT_THAT(plain(summary(facts)), ElementsAre("You used 0 kWh in October 2026 so far.",
                                                 "Where it went is not known yet."));
}

}  // namespace
}  // namespace insight
