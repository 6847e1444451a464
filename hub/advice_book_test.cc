#include "hub/advice_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "hub/files/disk.h"

namespace hub {
namespace {

using insight::Decimal;
using measurement::Timestamp;
using namespace std::chrono_literals;

const Timestamp monday = std::chrono::sys_days(std::chrono::year(2026) / 11 / 30);

class AdviceBookTest : public testing::Test {
 protected:
  AdviceBookTest() {
    std::string name = (std::filesystem::temp_directory_path() / "lenz_advice_XXXXXX").string();
    folder = mkdtemp(name.data());
    open();
  }
  ~AdviceBookTest() override { std::filesystem::remove_all(folder); }
  void open() {
    book.reset();
    book.emplace(disk, folder + "/advice.db");
  }
  static BookedPrediction replace_fridge(double kwh) {
    return {.appliance = 3,
            .key = "replace",
            .what = "Replace the fridge",
            .said = monday,
            .predicted = {kwh - 20, kwh, kwh + 20}};
  }

  std::string folder;
  Disk disk;
  std::optional<AdviceBook> book;
};

TEST_F(AdviceBookTest, KeepsWhatPeopleSayOfAnAppliance) {
  const ApplianceFacts facts{.made = monday - std::chrono::days(4000),
                             .size = 300.5,
                             .label = 280,
                             .own_price = Decimal::parse("649.90").value()};
  ASSERT_TRUE(book->put(3, facts));

  open();

  EXPECT_EQ(book->facts(3), facts);
  EXPECT_EQ(book->facts(4), ApplianceFacts{});
}

TEST_F(AdviceBookTest, AnAdviceIsOnePredictionHoweverOftenItIsSaid) {
  ASSERT_TRUE(book->predict(replace_fridge(120)));
  auto again = replace_fridge(130);
  again.said += 24h;
  ASSERT_TRUE(book->predict(again));

  open();

  const auto found = book->predictions();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].said, monday);
  EXPECT_DOUBLE_EQ(found[0].predicted.median, 130);
  EXPECT_FALSE(found[0].done);
}

TEST_F(AdviceBookTest, OtherAdviceTakesItsPlaceUnlessItIsDone) {
  ASSERT_TRUE(book->predict(replace_fridge(120)));
  auto repair = replace_fridge(60);
  repair.key = "repair";
  ASSERT_TRUE(book->predict(repair));
  ASSERT_EQ(book->predictions().size(), 1u);
  const auto number = book->predictions()[0].number;

  EXPECT_TRUE(book->done(number, monday + 48h).value());
  EXPECT_FALSE(book->done(number, monday + 49h).value());
  EXPECT_FALSE(book->done(77, monday).value());
  ASSERT_TRUE(book->predict(replace_fridge(120)));
  ASSERT_TRUE(book->withdraw(BookedPrediction::Of::advice, 3));

  const auto found = book->predictions();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].key, "repair");
  EXPECT_EQ(found[0].done, monday + 48h);
}

TEST_F(AdviceBookTest, WhatWasMeasuredStandsBesideWhatWasPredicted) {
  ASSERT_TRUE(book->predict(replace_fridge(120)));
  const auto number = book->predictions()[0].number;
  ASSERT_TRUE(book->done(number, monday));

  ASSERT_TRUE(book->measured(number, std::nullopt, "Too few days yet."));
  EXPECT_FALSE(book->predictions()[0].measured);
  EXPECT_EQ(book->predictions()[0].note, "Too few days yet.");

  ASSERT_TRUE(book->measured(number, insight::Spread{90, 115.5, 140}, ""));
  ASSERT_TRUE(book->predictions()[0].measured);
  EXPECT_DOUBLE_EQ(book->predictions()[0].measured->median, 115.5);
}

TEST_F(AdviceBookTest, KnowsWhichReportWasMailedLast) {
  EXPECT_FALSE(book->mailed());
  ASSERT_TRUE(book->set_mailed(std::chrono::year(2026) / 10));
  ASSERT_TRUE(book->set_mailed(std::chrono::year(2026) / 11));

  open();

  EXPECT_EQ(book->mailed(), std::chrono::year(2026) / 11);
}

TEST_F(AdviceBookTest, ForecastsOfSeveralMonthsStandBesideEachOther) {
  BookedPrediction forecast{.of = BookedPrediction::Of::forecast,
                            .key = "2026-11",
                            .what = "November's bill",
                            .said = monday,
                            .predicted = {80, 90, 100}};
  ASSERT_TRUE(book->predict(forecast));
  forecast.key = "2026-12";
  ASSERT_TRUE(book->predict(forecast));

  EXPECT_EQ(book->predictions().size(), 2u);
  EXPECT_FALSE(book->predictions()[0].appliance);
}

TEST_F(AdviceBookTest, WhatItWasOutdoorsIsTheMeanOfItsHours) {
  for (int hour = 0; hour < 18; ++hour) {
    ASSERT_TRUE(book->put_outdoors(monday + std::chrono::hours(hour), hour < 9 ? -3.5 : 4.5));
  }

  open();

  EXPECT_DOUBLE_EQ(book->outdoors({monday, monday + 24h}).value(), 0.5);
  EXPECT_FALSE(book->outdoors({monday, monday + 25h}));  // Less than three quarters of it.
  EXPECT_FALSE(book->outdoors({monday, monday}));
  ASSERT_TRUE(book->put_outdoors(monday + std::chrono::days(401), 0));
  EXPECT_FALSE(book->outdoors({monday, monday + 24h}));
}

}  // namespace
}  // namespace hub
