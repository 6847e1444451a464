#include "insight/report/report_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "insight/report/october.h"

namespace insight {
namespace {

using testing::HasSubstr, testing::Not;

std::size_t count(std::string_view in, std::string_view what) {
  std::size_t found = 0;
  for (auto at = in.find(what); at != std::string_view::npos; at = in.find(what, at + 1)) ++found;
  return found;
}

// The first element that is not closed where it should be; empty: all are.
std::string first_fault(std::string_view html) {
  static const std::set<std::string, std::less<>> alone = {"meta", "rect", "line", "circle"};
  std::vector<std::string> open;
  for (auto at = html.find('<'); at != std::string_view::npos; at = html.find('<', at + 1)) {
    const bool is_end = html[at + 1] == '/';
    const auto begin = at + (is_end ? 2 : 1);
    const std::string name(html.substr(begin, html.find_first_of(" />\n", begin) - begin));
    if (name == "!doctype" || alone.contains(name)) continue;
    if (!is_end) {
      open.push_back(name);
    } else {
      if (open.empty() || open.back() != name) return name;
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

TEST(ReportPage, IsOneFileThatNeedsNothingElse) {
  const auto page = report_page(october());

  EXPECT_EQ(first_fault(page), "");
  EXPECT_THAT(page, testing::StartsWith("<!doctype html>\n<html lang=\"en\">"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
  EXPECT_THAT(page, Not(HasSubstr("style=")));  // Only the one style element, for a strict policy.
  EXPECT_EQ(count(page, "url("), count(page, "url(#"));
  EXPECT_EQ(count(page, "<h1"), 1);
  EXPECT_LT(page.size(), 60'000);
}

TEST(ReportPage, HasATableBehindEveryChart) {
  const auto page = report_page(october());

  EXPECT_EQ(count(page, "role=\"img\""), 2);
  EXPECT_EQ(count(page, "<summary>As a table</summary><table>"), 2);
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">12</th><td>21.4</td>"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">20</th><td>not measured</td>"));
}

TEST(ReportPage, DrawsAGapAsAGap) {
  // The 20th of 31 days: from (19.5 - 0.37) / 31 of the width.
  EXPECT_THAT(report_page(october()), HasSubstr("<rect x=\"61.71%\" y=\"24\" width=\"2.39%\" "
                                                "height=\"140\" class=\"gap\"/>"));
}

TEST(ReportPage, TellsMeasuredFromIdentifiedInWordsAndPatterns) {
  const auto page = report_page(october());

  EXPECT_THAT(page, HasSubstr("<bdi>Fridge</bdi><small>identified</small>"));
  EXPECT_THAT(page, HasSubstr("class=\"striped\"/></svg></th><td>41\u00a0kWh<small>±\u00a08"));
  EXPECT_THAT(page, HasSubstr("class=\"dotted\"/></svg></th><td>105\u00a0kWh"));
}

TEST(ReportPage, PrintsTheBillLineByLine) {
  const auto page = report_page(october());

  EXPECT_THAT(page, HasSubstr("Night<small>113.186\u00a0kWh × 0.1931</small></th><td>€21.86</td>"));
  EXPECT_THAT(page, HasSubstr("Tax<small>10\u00a0%</small></th><td>€10.00</td>"));
  EXPECT_THAT(page, HasSubstr("<td>−€9.80</td>"));
  EXPECT_THAT(page, HasSubstr("Total</th><td>€109.97</td>"));
  EXPECT_THAT(page, HasSubstr("Information, not a charge"));
  // 109.97 x 8.3 / 412.3
  EXPECT_THAT(page, HasSubstr("may be off by about €2.21"));
  EXPECT_THAT(page, HasSubstr("Next month it will be about <b>€131</b>, most likely €118 to €145"));
}

TEST(ReportPage, PutsWhatIsUrgentFirst) {
  auto facts = october();
  auto page = report_page(facts);
  EXPECT_LT(page.find("<b>Urgent:</b> The supply"), page.find("Where the energy went</h2>"));

  facts.findings.pop_back();
  page = report_page(facts);
  EXPECT_GT(page.find("The freezer works harder"), page.find("Where the energy went</h2>"));
}

TEST(ReportPage, SaysHowOftenItsAdviceCameTrue) {
  const auto page = report_page(october());

  EXPECT_THAT(page, HasSubstr("<bdi>Fridge</bdi>: replace it"));
  EXPECT_THAT(page, HasSubstr("8 of 10<small>5.8 to 10.2\u00a0years"));
  EXPECT_THAT(page, HasSubstr("The answer changes where a kWh costs about €0.19."));
  EXPECT_THAT(page, HasSubstr("Office: it was measured for 12 days"));
  EXPECT_THAT(page, HasSubstr("said 3 April 2026; came true"));
  EXPECT_THAT(page, HasSubstr("said 12 May 2026; did not come true. Not adjusted for the weather"));
  EXPECT_THAT(page, HasSubstr("Of 2 that could be checked, 1 came true."));
}

TEST(ReportPage, SaysOfEachClampHowItIsSet) {
  const auto page = report_page(october());

  EXPECT_THAT(page, HasSubstr("<bdi>Heat pump</bdi><small>SCT-006, calibrated on 12 May 2026; "
                              "most of it: what it was calibrated with</small>"));
  EXPECT_THAT(page, HasSubstr("<bdi>Tumble dryer</bdi><small>not calibrated; most of it: the "
                              "clamp, not calibrated</small>"));
  EXPECT_THAT(page, HasSubstr("1 of 2 clamps is not calibrated"));
}

TEST(ReportPage, SaysWhatIsMissing) {
  const auto page = report_page({.home = "New", .currency = "EUR", .month = october().month});

  EXPECT_EQ(first_fault(page), "");
  EXPECT_THAT(page, HasSubstr("cost not known"));
  EXPECT_THAT(page, HasSubstr("No circuit or appliance was measured apart"));
  EXPECT_THAT(page, HasSubstr("No tariff is set"));
  EXPECT_THAT(page, HasSubstr("nothing to compare it with yet"));
  EXPECT_THAT(page, HasSubstr("Too little was measured to tell what is always on"));
  EXPECT_THAT(page, HasSubstr("September 2026</th><td><small>not measured"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("inf")));
}

TEST(ReportPage, TakesNamesForText) {
  auto facts = october();
  const std::string name = "<script>\"&'";
  facts.home = name;
  facts.parts[0].name = name;
  facts.bill->tariff = name;
  facts.bill->lines[0].words = name;
  facts.bill->lines[0].unit = name;
  facts.findings[0].text = name;
  facts.advice[0].appliance = name;
  facts.advice[0].why = name;
  facts.advice[0].free_first = {name};
  facts.advice[0].candidates[1].name = name;
  facts.advice[0].candidates[1].price_source = name;
  facts.advice[2].appliance = name;
  facts.advice[2].not_yet = name;
  facts.scores[0].what = facts.scores[0].note = name;
  facts.quality.remarks = {name};
  facts.clamps[0].circuit = name;
  facts.clamps[0].model = name;

  const auto page = report_page(facts);

  EXPECT_EQ(first_fault(page), "");
  EXPECT_THAT(page, Not(HasSubstr(name)));
  // Twice: the title and the head; the part's name in its row and in two sentences; once the
  // others.
  EXPECT_EQ(count(page, "&lt;script&gt;&quot;&amp;&#39;"), 21);
}

}  // namespace
}  // namespace insight
