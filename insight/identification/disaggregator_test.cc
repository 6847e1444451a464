#include "insight/identification/disaggregator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "insight/identification/forest_training.h"

namespace insight {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Shares = Disaggregator::Shares;

// Says 2 kW of kettle and 80 W of fridge wherever the power is above 1 kW and 50 W; its forests
// grow from what they shall say.
std::shared_ptr<const MainsModel> small_model() {
  MainsModel model;
  for (const auto& [kind, from_w, power_w] : {std::tuple{ApplianceKind::kettle, 1000.0F, 2000.0F},
                                              {ApplianceKind::fridge, 50.0F, 80.0F}}) {
    const auto view = [&](std::size_t inputs) {
      Examples power{.inputs = inputs};
      for (int i = 0; i < 200; ++i) {
        std::vector<float> row(inputs, std::numeric_limits<float>::quiet_NaN());
        row[0] = 20.0F * static_cast<float>(i);
        power.add(row, row[0] > from_w ? power_w : 0);
      }
      return KindForests::View{.power = train(power, {.objective = Objective::mean,
                                                      .rounds = 100,
                                                      .row_share = 1,
                                                      .column_share = 1,
                                                      .lambda = 0}),
                               .said_from = {power_w / 2}};
    };
    model.kinds.push_back({.kind = kind,
                           .least = {0},
                           .live = view(WindowFeatures::live_count()),
                           .settled = view(WindowFeatures::settled_count())});
  }
  return std::make_shared<const MainsModel>(std::move(model));
}

// A home of all kinds of trouble: pulses, solar power, holes, NaN, time that stands still.
std::vector<Reading> troubled_day(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Reading> readings;
  Timestamp time{};
  float level = 100;
  for (int i = 0; i < 20'000; ++i) {
    const auto luck = random() % 1000;
    if (luck < 20) level = static_cast<float>(random() % 5000) - 800;
    time += luck == 500 ? 45min : luck == 501 ? 0s : 1s + std::chrono::seconds(random() % 7);
    const float noise = static_cast<float>(random() % 100) / 10;
    readings.push_back(
        {.time = time,
         .active_power = {luck > 990 ? std::numeric_limits<float>::quiet_NaN() : level + noise}});
  }
  return readings;
}

std::vector<Shares> all_settled(Disaggregator& disaggregator) {
  std::vector<Shares> all;
  while (const auto shares = disaggregator.take_settled()) all.push_back(*shares);
  return all;
}

void expect_conserved(const Shares& shares) {
  float sum = shares.unexplained.value;
  for (const auto share : shares.of_kind) {
    EXPECT_GE(share.value, 0);
    sum += share.value;
  }
  EXPECT_NEAR(sum, shares.measured.value, 0.05);
  if (shares.measured.value >= 0) {
    EXPECT_GE(shares.unexplained.value, 0);
  } else {
    EXPECT_EQ(shares.unexplained, shares.measured);
  }
}

TEST(DisaggregatorTest, WhatIsSaidOfAReadingMakesItUpAlways) {
  Disaggregator disaggregator(small_model());
  std::size_t measured = 0, settled = 0;

  std::optional<Timestamp> last;
  for (const auto& reading : troubled_day(1)) {
    disaggregator.take(reading);
    if (last && reading.time <= *last) continue;
    last = reading.time;
    if (std::isnan(reading.active_power.value)) {
      EXPECT_FALSE(disaggregator.live());
      continue;
    }
    ++measured;
    ASSERT_TRUE(disaggregator.live());
    EXPECT_EQ(disaggregator.live()->measured, reading.active_power);
    expect_conserved(*disaggregator.live());
    for (const auto& shares : all_settled(disaggregator)) expect_conserved(shares), ++settled;
  }
  disaggregator.end();
  for (const auto& shares : all_settled(disaggregator)) expect_conserved(shares), ++settled;

  EXPECT_EQ(settled, measured);
}

TEST(DisaggregatorTest, WhatIsSaidAtOnceKnowsNothingOfTheFuture) {
  const auto readings = troubled_day(2);
  Disaggregator whole(small_model()), cut(small_model());

  for (std::size_t i = 0; i < 5000; ++i) cut.take(readings[i]);
  for (std::size_t i = 0; i < 5000; ++i) {
    whole.take(readings[i]);
  }

  ASSERT_EQ(whole.live().has_value(), cut.live().has_value());
  EXPECT_EQ(whole.live()->of_kind, cut.live()->of_kind);
}

TEST(DisaggregatorTest, AKettleIsSeenWithin6Seconds) {
  Disaggregator disaggregator(small_model());

  for (int second = 0; second < 606; ++second) {
    disaggregator.take({.time = Timestamp(std::chrono::seconds(second)),
                        .active_power = {second < 600 ? 120.0F : 2220.0F}});
  }

  EXPECT_NEAR(disaggregator.live()->of_kind[0].value, 2000, 1);
  EXPECT_NEAR(disaggregator.live()->of_kind[1].value, 80, 1);
  EXPECT_NEAR(disaggregator.live()->unexplained.value, 140, 1);
}

TEST(DisaggregatorTest, WhereMoreIsExpectedThanThereIsAllGetLess) {
  Disaggregator disaggregator(small_model());

  for (int second = 0; second < 606; ++second) {
    disaggregator.take({.time = Timestamp(std::chrono::seconds(second)),
                        .active_power = {second < 600 ? 120.0F : 1560.0F}});
  }

  EXPECT_NEAR(disaggregator.live()->of_kind[0].value, 1500, 1);  // 2000 of 2080, of 1560.
  EXPECT_NEAR(disaggregator.live()->of_kind[1].value, 60, 1);
  EXPECT_NEAR(disaggregator.live()->unexplained.value, 0, 0.1);
}

TEST(DisaggregatorTest, WhatIsSettledIsTwoHoursOldOrAtTheEnd) {
  Disaggregator disaggregator(small_model());
  const auto at = [](int minute) { return Timestamp(std::chrono::minutes(minute)); };

  for (int minute = 0; minute < 180; ++minute) {
    disaggregator.take({.time = at(minute), .active_power = {200}});
  }
  const auto settled = all_settled(disaggregator);
  disaggregator.end();

  ASSERT_FALSE(settled.empty());
  EXPECT_EQ(settled.front().time, at(0));
  EXPECT_EQ(settled.back().time, at(179 - 120));
  EXPECT_EQ(settled.size() + all_settled(disaggregator).size(), 180U);
}

TEST(DisaggregatorTest, TheSameReadingsGiveTheSameShares) {
  Disaggregator one(small_model()), other(small_model());

  for (const auto& reading : troubled_day(3)) {
    one.take(reading);
    other.take(reading);
  }
  const auto of_one = all_settled(one), of_other = all_settled(other);

  ASSERT_EQ(of_one.size(), of_other.size());
  for (std::size_t i = 0; i < of_one.size(); ++i) EXPECT_EQ(of_one[i].of_kind, of_other[i].of_kind);
}

TEST(DisaggregatorTest, AModelIsReadBackAsItWasWritten) {
  const auto bytes = small_model()->bytes();

  EXPECT_EQ(MainsModel::from(bytes).bytes(), bytes);
}

TEST(DisaggregatorTest, ADamagedModelIsRefusedInASentence) {
  const auto bytes = small_model()->bytes();

  EXPECT_THAT([&] { MainsModel::from(bytes.substr(0, bytes.size() / 2)); },
              ThrowsMessage<std::runtime_error>(HasSubstr("get the model file anew")));
  EXPECT_THAT([&] { MainsModel::from(bytes + "x"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("is damaged")));
  auto of_another = bytes;
  of_another[0] = 9;
  EXPECT_THAT([&] { MainsModel::from(of_another); },
              ThrowsMessage<std::runtime_error>(HasSubstr("of another version")));
}

}  // namespace
}  // namespace insight
