#include "lenz/evaluation/scenes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "lenz/evaluation/panel_file.h"
#include "lenz/evaluation/small_data.h"
#include "lenz/temporary_folder.h"

namespace lenz::evaluation {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class ScenesTest : public testing::Test {
 protected:
  ScenesTest() { write_small_data(folder_.path()); }

  TemporaryFolder folder_;
};

TEST(SceneTest, AWordIsReadAndWritten) {
  for (const auto* word :
       {"mains", "mains+8", "circuits", "circuits:7", "mixed:3", "mixed:3:simulated_q", "single"}) {
    EXPECT_EQ(scene_called(word).text(), word);
  }
  for (const auto* word :
       {"", "main", "mains+", "mains+x", "circuits:0", "mixed", "mixed:0", "mixed:3:q"}) {
    EXPECT_THAT([&] { scene_called(word); },
                ThrowsMessage<std::runtime_error>(HasSubstr("There is no scene")))
        << word;
  }
}

TEST_F(ScenesTest, ACircuitOfSeveralAppliancesIsWholeWhereAllHaveMeters) {
  const auto write = [&](const std::string& house, int unmetered_w) {
    const auto folder = std::filesystem::path(folder_.path()) / "houses" / house;
    write_file(folder / "recording.json", R"({
      "name": "a", "nominal_voltage": 230, "interval_s": 10, "clock": "none", "country": "GB",
      "channels": [
        {"column": "mains_w", "role": "mains"},
        {"column": "kitchen_w", "role": "circuit", "appliance": null, "parent": "mains_w"},
        {"column": "kettle_w", "role": "appliance", "appliance": "kettle", "parent": "kitchen_w"},
        {"column": "sockets_w", "role": "appliance", "appliance": "outlets",
         "parent": "kitchen_w"}]})");
    std::string text = "time_s,mains_w,kitchen_w,kettle_w,sockets_w\n";
    for (int second = 0; second < 3600; second += 10) {
      const auto kettle = small_kettle_w(0, second);
      const auto all = kettle + 20 + unmetered_w;
      text += fmt::format("{},{},{},{},20\n", second, all, all, kettle);
    }
    write_gzip(folder / "samples.csv.gz", text);
  };
  write("shared-a", 0);
  write("shared-b", 300);
  const DataSet data(folder_.path());
  const Scenes scenes(data, scene_called("circuits"), {.only = {"shared-a", "shared-b"}});

  const auto whole = scenes.load(0), part = scenes.load(1);

  ASSERT_TRUE(whole && part);
  for (const auto& house : {*whole, *part}) {
    ASSERT_EQ(house.channels.size(), 1U);
    ASSERT_EQ(house.truths[0].meters.size(), 1U);
    EXPECT_EQ(house.truths[0].meters[0].kind, ApplianceKind::kettle);
  }
  EXPECT_TRUE(whole->truths[0].is_whole);
  EXPECT_TRUE(whole->truths[0].judges(ApplianceKind::oven));
  EXPECT_FALSE(part->truths[0].judges(ApplianceKind::oven));
}

TEST_F(ScenesTest, MainsComeWithTheTruthOfTheirAppliances) {
  const DataSet data(folder_.path());
  const Scenes scenes(data, scene_called("mains"), {});

  const auto house = scenes.load(0);

  ASSERT_TRUE(house);
  ASSERT_EQ(house->channels.size(), 1U);
  EXPECT_TRUE(house->channels[0].facts.is_mains);
  EXPECT_EQ(house->channels[0].facts.words, "");
  EXPECT_EQ(house->channels[0].facts.utc_offset, std::nullopt);
  EXPECT_EQ(house->truths[0].meters.size(), 2U);
  EXPECT_FALSE(house->truths[0].is_whole);
}

TEST_F(ScenesTest, WhatHasAChannelOfItsOwnIsTakenFromTheMains) {
  const DataSet data(folder_.path());
  const Scenes scenes(data, scene_called("mains+1"), {});

  const auto house = scenes.load(0);

  ASSERT_TRUE(house);
  ASSERT_EQ(house->channels.size(), 2U);
  const auto rest = house->channels[0].facts.is_mains ? 0U : 1U;
  // The kettle uses more: 2,260 W for 160 of 5,000 s are 72 W, 95 W for 960 of 2,400 s 38 W.
  ASSERT_EQ(house->truths[1 - rest].meters.size(), 1U);
  EXPECT_EQ(house->truths[1 - rest].meters[0].kind, ApplianceKind::kettle);
  EXPECT_TRUE(house->truths[rest].judges(ApplianceKind::kettle));  // It is not there any more.
  const auto& fridge = house->truths[rest].meters.at(0).active_power_w;
  for (std::size_t row = 0; row < fridge.size(); ++row) {
    ASSERT_FLOAT_EQ(house->channels[rest].active_power_w[row], 50 + fridge[row]);
  }
}

TEST_F(ScenesTest, ATraceIsOnAnEvenGridAndItsGapsStay) {
  write_gzip(folder_.path() + "/traces/kettle/made-kettle-0/1.csv.gz",
             "time_s,active_power_w\n0,100\n7,200\n30,300\n200,400\n");
  const DataSet data(folder_.path());
  const Scenes scenes(data, scene_called("single"), {.only = {"made-kettle-0"}});

  const auto device = scenes.load(0);

  // Every 10 s; 300 W stand from 30 to 90 s, then nothing is known until 200 s.
  ASSERT_TRUE(device);
  const auto& channel = device->channels[0];
  EXPECT_EQ(channel.active_power_w[0], 100);
  EXPECT_EQ(channel.active_power_w[1], 200);
  EXPECT_EQ((*channel.times)[9], measurement::Timestamp(std::chrono::seconds(90)));
  EXPECT_EQ((*channel.times)[10], measurement::Timestamp(std::chrono::seconds(200)));
  EXPECT_EQ(channel.active_power_w[10], 400);
}

TEST_F(ScenesTest, AMixIsTheSumOfItsTracesAndTheSameAgain) {
  const DataSet data(folder_.path());
  const Scenes scenes(data, scene_called("mixed:2:simulated_q"), {});

  const auto mix = scenes.load(0), again = scenes.load(0), other = scenes.load(1);

  ASSERT_EQ(mix->truths[0].meters.size(), 2U);
  EXPECT_TRUE(mix->truths[0].is_whole);
  const auto& channel = mix->channels[0];
  for (std::size_t row = 0; row < channel.rows(); ++row) {
    float sum = 0;
    for (const auto& meter : mix->truths[0].meters) sum += meter.active_power_w[row];
    ASSERT_TRUE(sum == channel.active_power_w[row] || std::isnan(sum));
  }
  EXPECT_EQ(mix->fingerprint, again->fingerprint);
  EXPECT_NE(mix->fingerprint, other->fingerprint);
  EXPECT_EQ(channel.reactive_power_var.size(), channel.rows());
}

// The first trace of a device is known, the second is mixed; here they draw unlike powers.
TEST_F(ScenesTest, WhatIsKnownOfAMixIsNotWhatIsMixed) {
  std::string list =
      "appliance,device,file,source,licence,country,interval_s,rows,span_s,energy_wh,max_w,hold_s,"
      "clock\n";
  for (const auto* kind : {"fridge", "kettle"}) {
    for (const int part : {1, 2}) {
      const auto file = fmt::format("{0}/made-{0}/{1}.csv.gz", kind, part);
      list += fmt::format("{0},made-{0},{1},made,none,GB,10,0,0,0,0,60,none\n", kind, file);
      std::string text = "time_s,active_power_w\n";
      for (int second = 0; second < 7200; second += 10) {
        text += fmt::format("{},{}\n", second, 100 * part);
      }
      write_gzip(folder_.path() + "/traces/" + file, text);
    }
  }
  write_file(folder_.path() + "/traces/traces.csv", list);
  const DataSet data(folder_.path());
  const auto mix = Scenes(data, scene_called("mixed:1"), {}).load(0);

  ASSERT_EQ(mix->channels[0].known.size(), 1U);
  const auto& alone = mix->channels[0].known[0].alone;
  const auto greatest = [](const insight::Reading& one, const insight::Reading& other) {
    return one.active_power.value < other.active_power.value;
  };
  EXPECT_EQ(std::ranges::max_element(alone, greatest)->active_power.value, 100);
  EXPECT_EQ(std::ranges::max(mix->truths[0].meters[0].active_power_w), 200);
  EXPECT_EQ(mix->channels[0].known[0].kind, mix->truths[0].meters[0].kind);
}

TEST_F(ScenesTest, NothingOfAFoldIsInItsTraining) {
  // Two recordings of one household.
  write_small_house(folder_.path(), 1, 3600, {.prefix = "x-"});
  std::filesystem::rename(folder_.path() + "/houses/x-house-1",
                          folder_.path() + "/houses/house-1-months");
  const DataSet data(folder_.path());

  for (const auto* word : {"mains", "mains+1", "circuits", "mixed:2", "single"}) {
    const auto scene = scene_called(word);
    const Scenes scenes(data, scene, {});
    const TrainingSet training(data, scene, 1);
    ASSERT_GE(scenes.folds(), 2U);
    for (std::size_t fold = 0; fold < scenes.folds(); ++fold) {
      std::set<std::string> households;
      for (std::size_t i = 0; i < scenes.entries().size(); ++i) {
        const auto& entry = scenes.entries()[i];
        if (entry.fold != fold) continue;
        const auto scored = scenes.load(i);
        EXPECT_TRUE(std::ranges::includes(entry.households, scored->households)) << entry.name;
        households.insert(entry.households.begin(), entry.households.end());
      }
      const auto cases = training.without(households);
      EXPECT_FALSE(cases.empty());
      for (const auto& one : cases) {
        for (const auto& name : one->recordings) {
          EXPECT_FALSE(households.contains(household_of(name))) << word << " " << name;
        }
      }
    }
  }
}

TEST_F(ScenesTest, WhatIsNotThereIsNamed) {
  const DataSet data(folder_.path());

  EXPECT_THAT([&] { Scenes(data, scene_called("mains"), {.only = {"house-9"}}); },
              ThrowsMessage<std::runtime_error>(HasSubstr("no device 'house-9'")));
}

TEST_F(ScenesTest, APanelFileSaysWhatIsWrittenOnTheBreaker) {
  write_file(folder_.path() + "/panels/house-2.toml",
             "[[circuit]]\nchannel = \"kettle\"\nbreaker_a = 16.0\nwords = \"Kitchen\"\n");
  const DataSet data(folder_.path());
  const Scenes scenes(data, scene_called("circuits"), {.with_panel = true});

  EXPECT_FALSE(scenes.load(0));  // House 1 has no such file.
  const auto house = scenes.load(1);
  ASSERT_TRUE(house);
  const auto kettle = house->truths[0].meters[0].kind == ApplianceKind::kettle ? 0U : 1U;
  EXPECT_EQ(house->channels[kettle].facts.rating_a, 16);
  EXPECT_EQ(house->channels[kettle].facts.words, "Kitchen");
  EXPECT_EQ(house->channels[1 - kettle].facts.words, "");
}

TEST(PanelFileTest, AMistakeIsSaidWithItsLine) {
  const TemporaryFolder folder;
  const auto file = folder.path() + "/house.toml";
  write_file(file, "[[circuit]]\nchannel = \"kettle\"\npoles = 7\n");

  EXPECT_THAT([&] { read_panel(file); },
              ThrowsMessage<std::runtime_error>(HasSubstr("1 to 3 poles")));
}

}  // namespace
}  // namespace lenz::evaluation
