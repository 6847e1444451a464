#include "lenz/evaluation/mains_training.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace lenz::evaluation {
namespace {

using namespace std::chrono_literals;
using insight::ApplianceKind;

constexpr ApplianceKind kettle = ApplianceKind::kettle;

// A day at 10 s: a kettle for 3 minutes now and then, a heater of the same power for half an hour,
// and what is always on.
MainsRecording home(const std::string& household, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  MainsRecording made{.household = household, .interval_s = 10};
  auto& kettle_w = made.kinds_w[kettle];
  const float power_w = 1900 + static_cast<float>(random() % 900);
  int boils = 0, heats = 0;
  for (int i = 0; i < 8640; ++i) {
    if (random() % 700 == 0) boils = 18;
    if (random() % 1500 == 0) heats = 180;
    kettle_w.push_back(boils-- > 0 ? power_w : 0);
    const float heater_w = heats-- > 0 ? 2200 : 0;
    made.times.emplace_back(10s * i);
    made.mains_w.push_back(200 + heater_w + kettle_w.back() + static_cast<float>(random() % 10));
  }
  return made;
}

double nmae(const insight::MainsModel& model, const MainsRecording& recording) {
  insight::Disaggregator disaggregator(std::make_shared<const insight::MainsModel>(model));
  double missed = 0, drawn = 0;
  std::size_t i = 0;
  const auto settle = [&] {
    for (; const auto shares = disaggregator.take_settled(); ++i) {
      const float true_w = recording.kinds_w.at(kettle)[i];
      missed += std::abs(shares->of_kind[0].value - true_w);
      drawn += true_w;
    }
  };
  for (std::size_t row = 0; row < recording.times.size(); ++row) {
    disaggregator.take({.time = recording.times[row], .active_power = {recording.mains_w[row]}});
    settle();
  }
  disaggregator.end();
  settle();
  return missed / drawn;
}

MainsTraining training() {
  MainsTraining training(std::array{kettle},
                         {.on_rows = 100, .off_rows = 300, .rounds = 15, .depth = 3});
  for (int i = 0; i < 4; ++i)
    training.add(home("home-" + std::to_string(i), 10U + static_cast<unsigned>(i)));
  return training;
}

TEST(MainsTrainingTest, AKettleIsKnownInAHomeThatWasNotSeen) {
  const auto model = training().fit().model;

  ASSERT_EQ(model.kinds.size(), 1U);
  EXPECT_LT(nmae(model, home("another", 99)), 0.4);
}

TEST(MainsTrainingTest, WhatTheMainsDoNotShowIsNotSaid) {
  MainsTraining training(std::array{kettle},
                         {.on_rows = 100, .off_rows = 300, .rounds = 15, .depth = 3});
  for (unsigned i = 0; i < 4; ++i) {
    auto recording = home("home-" + std::to_string(i), 10 + i);
    recording.kinds_w = home("elsewhere", 20 + i).kinds_w;
    training.add(recording);
  }

  EXPECT_TRUE(training.fit().model.kinds.empty());
}

TEST(MainsTrainingTest, TheErrorIsThatOfHomesThatWereNotSeen) {
  const auto trained = training().fit();

  ASSERT_EQ(trained.nmae.size(), 1U);
  EXPECT_LT(trained.nmae[0], 0.5);
  EXPECT_GT(trained.nmae[0], nmae(trained.model, home("home-0", 10)));
}

TEST(MainsTrainingTest, TheSameHomesGiveTheSameModel) {
  EXPECT_TRUE(training().fit().model.bytes() == training().fit().model.bytes());
}

TEST(MainsTrainingTest, WhatIsLeftOutHasNoPart) {
  auto with = training();
  with.add(home("sealed", 50));

  const auto bytes = training().fit().model.bytes();
  EXPECT_TRUE(with.fit().model.bytes() != bytes);
  EXPECT_TRUE(with.fit(std::array{std::string("sealed")}).model.bytes() == bytes);
}

TEST(MainsTrainingTest, AKindOfOneHouseholdIsLeftOut) {
  MainsTraining training(std::array{kettle}, {});
  training.add(home("only", 1));

  EXPECT_TRUE(training.fit().model.kinds.empty());
}

}  // namespace
}  // namespace lenz::evaluation
