#include "insight/identification/forest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "insight/identification/forest_training.h"

namespace insight {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Three kinds in the corners of a square, with a third input that says nothing.
Examples corners() {
  Examples examples{.inputs = 3};
  for (int i = 0; i < 300; ++i) {
    const int kind = i % 3;
    const auto x = static_cast<float>(kind == 1) + 0.001F * static_cast<float>(i % 7);
    const auto y = static_cast<float>(kind == 2) + 0.001F * static_cast<float>(i % 5);
    examples.add(std::array{x, y, static_cast<float>(i % 11)}, static_cast<float>(kind));
  }
  return examples;
}

TEST(ForestTest, ItTellsKindsApartThatItWasShown) {
  const auto forest = train(corners(), {.outputs = 3, .rounds = 60});

  std::array<float, 3> chances{};
  forest.evaluate(std::array{1.0F, 0.0F, 5.0F}, chances);

  EXPECT_GT(chances[1], 0.9F);
  EXPECT_NEAR(chances[0] + chances[1] + chances[2], 1, 1e-5);
}

TEST(ForestTest, AMeanIsThatOfItsLabels) {
  Examples skewed{.inputs = 1};
  for (int i = 0; i < 1000; ++i) skewed.add(std::array{0.0F}, i % 5 == 0 ? 100.0F : 0.0F);

  std::array<float, 1> mean{};
  const TrainingOptions options{.objective = Objective::mean, .rounds = 100, .row_share = 1};
  train(skewed, options).evaluate(std::array{0.0F}, mean);

  EXPECT_NEAR(mean[0], 20, 0.5);
}

TEST(ForestTest, TheSameExamplesGiveTheSameForest) {
  const TrainingOptions options{.outputs = 3, .rounds = 10};

  EXPECT_EQ(train(corners(), options).bytes(), train(corners(), options).bytes());
}

TEST(ForestTest, WhatIsUnknownHasAWayToo) {
  const auto forest = train(corners(), {.outputs = 3, .rounds = 20});

  std::array<float, 3> chances{};
  forest.evaluate(std::array{nan, nan, nan}, chances);

  EXPECT_NEAR(chances[0] + chances[1] + chances[2], 1, 1e-5);
}

TEST(ForestTest, ItIsReadBackAsItWasWritten) {
  const auto forest = train(corners(), {.outputs = 3, .rounds = 10});
  const auto bytes = forest.bytes() + "rest";

  std::string_view left = bytes;
  const auto read = Forest::take(left);

  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->bytes(), forest.bytes());
  EXPECT_EQ(left, "rest");
}

TEST(ForestTest, DamageIsFoundOrLeadsNowhereElse) {
  const auto bytes = train(corners(), {.outputs = 3, .rounds = 3}).bytes();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto damaged = bytes;
    damaged[at] = static_cast<char>(~damaged[at]);
    std::string_view left = damaged;
    const auto read = Forest::take(left);
    if (!read || read->inputs() != 3) continue;
    std::vector<float> outputs(read->outputs());
    if (!outputs.empty()) read->evaluate(std::array{1.0F, 0.0F, 5.0F}, outputs);  // It returns.
  }
  std::string_view cut = std::string_view(bytes).substr(0, bytes.size() / 2);
  EXPECT_FALSE(Forest::take(cut));
}

}  // namespace
}  // namespace insight
