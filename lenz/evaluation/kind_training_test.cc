#include "lenz/evaluation/kind_training.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <sstream>

#include "insight/identification/channel_identifier.h"
#include "insight/identification/disaggregator.h"
#include "insight/identification/model.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;
using measurement::Timestamp;
using std::chrono::seconds;

// Kettles and lamps of different sizes, four runs each.
RecordedDevice device_of(ApplianceKind kind, int number) {
  const bool is_kettle = kind == ApplianceKind::kettle;
  const float watts = is_kettle ? 1600.0F + 150.0F * static_cast<float>(number)
                                : 20.0F + 8.0F * static_cast<float>(number);
  const int on_s = is_kettle ? 120 + 10 * number : 2400 + 60 * number;
  DeviceCollector collector;
  collector.begin();
  Timestamp now{std::chrono::days(20'000)};
  for (int i = 0; i < 4 * (on_s + 1800); ++i, now += seconds(1)) {
    const bool is_on = i % (on_s + 1800) >= 1800;
    collector.take({.time = now, .active_power = {is_on ? watts : 0}});
  }
  const auto name = std::string(insight::row(kind).word) + std::to_string(number);
  RecordedDevice device{.name = name, .household = name, .licence = "own", .kind = kind};
  collector.give(device);
  return device;
}

std::vector<RecordedDevice> devices() {
  std::vector<RecordedDevice> made;
  for (int i = 0; i < 8; ++i) {
    made.push_back(device_of(ApplianceKind::kettle, i));
    made.push_back(device_of(ApplianceKind::lamp, i));
  }
  return made;
}

TrainedKinds trained(const std::vector<RecordedDevice>& devices) {
  std::vector<const RecordedDevice*> all;
  for (const auto& device : devices) all.push_back(&device);
  return fit_kinds(all, {.forests = 2, .rounds = 10});
}

TEST(KindTrainingTest, KindsThatDifferAreToldApartAndShown) {
  const auto made = trained(devices());

  EXPECT_EQ(made.errors.devices, 16U);
  EXPECT_EQ(made.errors.kinds, 2U);
  EXPECT_GT(made.errors.macro_f1, 0.95);
  EXPECT_GT(made.errors.shown_share, 0.5);
  EXPECT_GT(made.errors.shown_precision.value, 0.95);
}

TEST(KindTrainingTest, TheSameDevicesGiveTheSameBytes) {
  const auto all = devices();

  EXPECT_EQ(trained(all).classifier.bytes(), trained(all).classifier.bytes());
}

TEST(KindTrainingTest, WhatHasNoLicenceDoesNotShip) {
  EXPECT_FALSE(may_ship(""));
  EXPECT_FALSE(may_ship("none stated; internal evaluation only"));
  EXPECT_TRUE(may_ship("CC BY 4.0"));
}

TEST(KindTrainingTest, TheModelThatComesWithLenzIsForItsFeaturesAndSaysWhereItIsFrom) {
  std::ifstream stream(LENZ_SOURCE_DIR "/models/appliances.lenzmodel", std::ios::binary);
  std::stringstream bytes;
  bytes << stream.rdbuf();

  const auto model = insight::read_model(bytes.str());

  ASSERT_TRUE(model) << model.error();
  EXPECT_THAT(model->card, testing::HasSubstr("trained_on: "));
  EXPECT_THAT(model->card, testing::HasSubstr("Open Database License"));
  EXPECT_THAT(model->card, testing::Not(testing::HasSubstr("redd-")));
  EXPECT_THAT(model->card, testing::Not(testing::HasSubstr("jackkelly")));
  EXPECT_NO_THROW(insight::ChannelIdentifier(std::make_shared<insight::Model>(*model), {}));
  ASSERT_TRUE(model->parts.contains("mains"));
  EXPECT_FALSE(insight::MainsModel::from(model->parts.at("mains")).kinds.empty());
}

}  // namespace
}  // namespace lenz::evaluation
