#include "hub/finding_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "hub/files/simulated_disk.h"

namespace hub {
namespace {

using insight::Cause;
using insight::Change;
using insight::Feature;
using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;
const Asset freezer{Asset::Kind::appliance, "3"};

insight::Finding works_harder(Timestamp since) {
  return {.change = Change::works_harder,
          .since = since,
          .found = since + 72h,
          .confidence = .9f,
          .suspects = {{Cause::gasket_leak, .7f}, {Cause::warm_place, .2f}},
          .evidence = {{.feature = Feature::duty,
                        .before = .31f,
                        .now = .4f,
                        .usual_spread = .02f,
                        .course = {{since, .4f}, {since + 24h, std::nanf("")}}}},
          .extra_wh_per_day = 210};
}

class FindingBookTest : public testing::Test {
 protected:
  FindingNumber put(const insight::Finding& finding) {
    FindingBook::Writing writing(book);
    const auto number = writing.put(freezer, finding);
    EXPECT_TRUE(writing.finish());
    return number.value_or(0);
  }
  void answer(FindingNumber number, Feedback feedback, Timestamp time) {
    FindingBook::Writing writing(book);
    EXPECT_TRUE(writing.answer(number, feedback, "ann", time));
    EXPECT_TRUE(writing.finish());
  }

  SimulatedDisk disk;
  FindingBook book{disk, "health.db"};
};

TEST_F(FindingBookTest, keeps_a_finding_with_its_evidence) {
  const auto number = put(works_harder(noon));

  FindingBook again(disk, "health.db");
  const auto found = again.finding(number);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->asset, freezer);
  EXPECT_EQ(found->finding.change, Change::works_harder);
  EXPECT_EQ(found->finding.since, noon);
  EXPECT_EQ(found->finding.found, noon + 72h);
  EXPECT_NEAR(found->finding.confidence, .9, 1e-3);
  EXPECT_NEAR(found->finding.extra_wh_per_day, 210, .1);
  ASSERT_THAT(found->finding.suspects, SizeIs(2));
  EXPECT_EQ(found->finding.suspects[1].cause, Cause::warm_place);
  EXPECT_NEAR(found->finding.suspects[1].probability, .2, 1e-3);
  ASSERT_THAT(found->finding.evidence, SizeIs(1));
  const auto& evidence = found->finding.evidence[0];
  EXPECT_EQ(evidence.feature, Feature::duty);
  EXPECT_EQ(evidence.before, .31f);
  ASSERT_THAT(evidence.course, SizeIs(2));
  EXPECT_EQ(evidence.course[1].time, noon + 24h);
  EXPECT_TRUE(std::isnan(evidence.course[1].value));
  EXPECT_FALSE(found->ended || found->told || found->answered);
}

TEST_F(FindingBookTest, says_a_change_of_an_asset_once_and_when_it_was_found_first) {
  const auto first = put(works_harder(noon));
  auto later = works_harder(noon - 24h);
  later.found = noon + 240h;

  EXPECT_EQ(put(later), first);

  const auto open = book.open_findings();
  ASSERT_THAT(open, SizeIs(1));
  EXPECT_EQ(open[0].finding.since, noon - 24h);
  EXPECT_EQ(open[0].finding.found, noon + 72h);
}

TEST_F(FindingBookTest, ends_what_an_asset_does_not_show_any_more) {
  const auto first = put(works_harder(noon));
  auto starts = works_harder(noon);
  starts.change = Change::starts_often;

  FindingBook::Writing writing(book);
  writing.put_all(freezer, FindingBook::Scope::equipment, {starts}, noon + 100h);
  ASSERT_TRUE(writing.finish());

  ASSERT_THAT(book.open_findings(), SizeIs(1));
  EXPECT_EQ(book.open_findings()[0].finding.change, Change::starts_often);
  ASSERT_THAT(book.ended_findings(10), SizeIs(1));
  EXPECT_EQ(book.ended_findings(10)[0].number, first);
  EXPECT_EQ(book.ended_findings(10)[0].ended, noon + 100h);
}

TEST_F(FindingBookTest, does_not_say_again_what_was_told_of_an_asset_that_has_a_name_now) {
  const auto number = put(works_harder(noon));
  const Asset named{Asset::Kind::appliance, "4"};

  FindingBook::Writing writing(book);
  writing.told(number, noon + 80h);
  writing.rename(freezer, named);
  EXPECT_EQ(writing.put(named, works_harder(noon)), number);
  ASSERT_TRUE(writing.finish());

  ASSERT_THAT(book.open_findings(), SizeIs(1));
  EXPECT_EQ(book.open_findings()[0].asset, named);
  EXPECT_EQ(book.open_findings()[0].told, noon + 80h);
}

TEST_F(FindingBookTest, opens_what_was_answered_only_for_a_change_that_began_later) {
  answer(put(works_harder(noon)), Feedback::expected, noon + 100h);

  EXPECT_EQ(put(works_harder(noon + 90h)), 0);
  EXPECT_THAT(book.open_findings(), IsEmpty());
  ASSERT_THAT(book.answered(freezer), SizeIs(1));
  EXPECT_EQ(book.answered(freezer)[0].feedback, Feedback::expected);
  EXPECT_EQ(book.answered(freezer)[0].who, "ann");

  EXPECT_NE(put(works_harder(noon + 101h)), 0);
  EXPECT_THAT(book.open_findings(), SizeIs(1));
}

TEST_F(FindingBookTest, remembers_when_a_finding_was_told_first) {
  const auto number = put(works_harder(noon));
  for (const auto time : {noon + 80h, noon + 90h}) {
    FindingBook::Writing writing(book);
    writing.told(number, time);
    ASSERT_TRUE(writing.finish());
  }

  EXPECT_EQ(book.finding(number)->told, noon + 80h);
}

TEST_F(FindingBookTest, keeps_how_an_asset_stands_and_what_its_watch_learnt) {
  {
    FindingBook::Writing writing(book);
    writing.put(Condition{.asset = {Asset::Kind::supply, ""},
                          .watch = Condition::Watch::watched,
                          .since = noon,
                          .note = "Neutral not watched.",
                          .trends = {{.feature = Feature::supply_ohm, .now = .12f}}});
    writing.remember("supply", std::string("\0\1", 2));
    ASSERT_TRUE(writing.finish());
  }

  const auto conditions = book.conditions();
  ASSERT_THAT(conditions, SizeIs(1));
  EXPECT_EQ(conditions[0].watch, Condition::Watch::watched);
  EXPECT_EQ(conditions[0].note, "Neutral not watched.");
  ASSERT_THAT(conditions[0].trends, SizeIs(1));
  EXPECT_EQ(conditions[0].trends[0].now, .12f);
  EXPECT_EQ(book.memory("supply"), std::string("\0\1", 2));
  EXPECT_EQ(book.memory("other"), "");
}

TEST_F(FindingBookTest, keeps_nothing_of_a_writing_that_failed) {
  FindingBook::Writing writing(book);
  writing.put(freezer, works_harder(noon));
  writing.remember("freezer", std::string(FindingBook::longest_memory + 1, 'x'));

  EXPECT_FALSE(writing.finish());
  EXPECT_THAT(book.open_findings(), IsEmpty());
}

TEST_F(FindingBookTest, keeps_nothing_of_a_writing_that_the_disk_refused) {
  FindingBook::Writing writing(book);
  writing.put(freezer, works_harder(noon));
  disk.fail_after(0, FileError::unavailable, SimulatedDisk::Failing::always);

  EXPECT_FALSE(writing.finish());

  const auto image = disk.crash_image(1, PowerCut::kept);
  EXPECT_THAT(FindingBook(*image, "health.db").open_findings(), IsEmpty());
}

TEST_F(FindingBookTest, leaves_the_oldest_of_the_ended_out) {
  FindingBook::Writing writing(book);
  for (std::size_t i = 0; i <= FindingBook::most_ended; ++i) {
    writing.put(freezer, works_harder(noon + i * 1h));
    writing.end(freezer, Change::works_harder, noon + i * 1h + 30min);
  }
  ASSERT_TRUE(writing.finish());

  const auto ended = book.ended_findings(2 * FindingBook::most_ended);
  EXPECT_THAT(ended, SizeIs(FindingBook::most_ended));
  EXPECT_EQ(ended.back().finding.since, noon + 1h);
}

TEST(Asset, is_read_as_it_is_written) {
  for (const auto& asset : {freezer, Asset{Asset::Kind::circuit, "kitchen"},
                            Asset{Asset::Kind::meter, "main"}, Asset{Asset::Kind::supply, ""}}) {
    EXPECT_EQ(asset_in(text_of(asset)), asset);
  }
  for (const char* bad : {"", "appliance", "supply 3", "moon 1"})
    EXPECT_FALSE(asset_in(bad)) << bad;
}

}  // namespace
}  // namespace hub
