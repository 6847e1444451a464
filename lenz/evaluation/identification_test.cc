#include "lenz/evaluation/identification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "lenz/commands.h"
#include "lenz/evaluation/baselines.h"
#include "lenz/evaluation/lenz_method.h"
#include "lenz/evaluation/small_data.h"
#include "lenz/temporary_folder.h"

namespace lenz::evaluation {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

void say_nothing(const std::string&) {}

double value(const std::vector<Row>& rows, const std::string& method, const std::string& mode,
             const std::string& appliance, Metric metric) {
  for (const auto& row : rows) {
    if (row.house == "all" && row.heading.method == method && row.heading.mode == mode &&
        row.appliance == appliance) {
      return row.figures[static_cast<std::size_t>(metric)].value;
    }
  }
  ADD_FAILURE() << "no row of " << method << " " << appliance;
  return no_figure;
}

class IdentificationTest : public testing::Test {
 protected:
  IdentificationTest() { write_small_data(folder_.path()); }

  IdentificationPlan plan(std::initializer_list<const char*> scenes) const {
    IdentificationPlan made{.data = folder_.path(), .train = folder_.path()};
    for (const auto* scene : scenes) made.scenes.push_back(scene_called(scene));
    return made;
  }

  TemporaryFolder folder_;
};

class EverySceneTest : public IdentificationTest,
                       public testing::WithParamInterface<const char*> {};

TEST_P(EverySceneTest, IsEvaluatedWithAllBaselines) {
  const auto rows = evaluate_identification(plan({GetParam()}), baselines(1), say_nothing);

  const auto json = nlohmann::json::parse(json_of(rows)).at("rows");
  std::set<std::string> methods;
  for (const auto& row : json) {
    EXPECT_EQ(row.at("scene"), GetParam());
    methods.insert(row.at("method"));
    for (const auto& metric : metrics) EXPECT_TRUE(row.contains(std::string(metric.key)));
    if (row.at("method") == "zero" && row.at("n") > 0) {
      EXPECT_NEAR(row.at("nmae").get<double>(), 1, 1e-6) << row;
    }
  }
  EXPECT_EQ(methods.size(), 5U);
}

INSTANTIATE_TEST_SUITE_P(Scenes, EverySceneTest,
                         testing::Values("mains", "mains+1", "circuits", "mixed:2", "single"));

TEST_F(IdentificationTest, WhatIsEasyIsFoundInAHouseholdNeverSeen) {
  const auto rows = evaluate_identification(plan({"mains", "single"}), baselines(1), say_nothing);

  EXPECT_LT(value(rows, "trees", "revised", "kettle", Metric::nmae), 0.5);
  EXPECT_LT(value(rows, "delta_p", "revised", "kettle", Metric::nmae), 0.3);
  EXPECT_LT(value(rows, "hart", "live", "kettle", Metric::nmae), 0.3);
  EXPECT_GT(value(rows, "delta_p", "revised", "kettle", Metric::event_f1), 0.9);
  EXPECT_GT(value(rows, "mean", "revised", "kettle", Metric::nmae), 1);
}

TEST_F(IdentificationTest, AMixOfAppliancesThatWereSeenAloneIsTakenApart) {
  std::vector<std::unique_ptr<Method>> methods;
  methods.push_back(lenz_method(
      nullptr, [](CaseList, const std::set<ApplianceKind>&) { return insight::Model{}; }));

  const auto rows = evaluate_identification(plan({"mixed:2"}), methods, say_nothing);

  EXPECT_LT(value(rows, "lenz", "revised", "kettle", Metric::nmae), 0.05);
  EXPECT_LT(value(rows, "lenz", "revised", "fridge", Metric::nmae), 0.05);
  EXPECT_GT(value(rows, "lenz", "live", "kettle", Metric::event_f1), 0.95);
}

TEST_F(IdentificationTest, TheSameCommandGivesTheSameBytes) {
  const auto once = evaluate_identification(plan({"mains"}), baselines(1), say_nothing);
  const auto again = evaluate_identification(plan({"mains"}), baselines(1), say_nothing);

  EXPECT_EQ(json_of(once), json_of(again));
}

class Nobody final : public Owner {
 public:
  std::optional<ApplianceKind> answer(std::size_t, measurement::Timestamp,
                                      measurement::Timestamp) override {
    return std::nullopt;
  }
};

// Knows everything and counts.
class Asked final : public Owner {
 public:
  std::optional<ApplianceKind> answer(std::size_t channel, measurement::Timestamp begin,
                                      measurement::Timestamp end) override {
    channels.push_back(channel);
    EXPECT_LT(begin, end);
    return ApplianceKind::kettle;
  }
  bool is_asked_by_hub() const override { return true; }

  std::vector<std::size_t> channels;
};

TEST(LenzMethodTest, AHubAsksTwiceADayOfTheChannelWhereMostIsDrawn) {
  Channel large, small;
  std::vector<measurement::Timestamp> times;
  for (int second = 0; second < 3 * 86400; second += 10) {
    times.emplace_back(std::chrono::seconds(second));
    large.active_power_w.push_back(static_cast<float>(small_kettle_w(0, second)));
    small.active_power_w.push_back(static_cast<float>(small_fridge_w(0, second)));
  }
  for (auto* channel : {&large, &small}) {
    channel->interval_s = channel->hold_s = 10;
    channel->times = std::make_shared<const std::vector<measurement::Timestamp>>(times);
  }
  const std::vector<Channel> channels = {small, large};
  Asked owner;

  const auto made = lenz_method(nullptr, {})->estimate(channels, {}, owner);

  ASSERT_GE(owner.channels.size(), 2U);
  EXPECT_LE(owner.channels.size(), 6U);
  EXPECT_EQ(owner.channels[0], 1U);
  EXPECT_EQ(owner.channels[1], 0U);
  EXPECT_TRUE(made[1].revised.kinds.contains(ApplianceKind::kettle));
}

// All that is estimated, as bytes.
std::string estimates_of(const std::string& folder, const std::string& word) {
  Nobody nobody;
  const DataSet data(folder);
  const auto scene = scene_called(word);
  const auto house = Scenes(data, scene, {}).load(0);
  const auto training = TrainingSet(data, scene, 1).without(house->households);
  std::string bytes;
  const auto add = [&](const std::vector<float>& power) {
    bytes.append(reinterpret_cast<const char*>(power.data()), power.size() * sizeof(float));
  };
  for (const auto& method : baselines(1)) {
    method->fit(training, house->kinds());
    for (const auto& channel : method->estimate(house->channels, house->kinds(), nobody)) {
      for (const auto* powers : {&channel.live, &channel.revised}) {
        add(powers->rest);
        for (const auto& [kind, power] : powers->kinds) add(power);
      }
    }
  }
  return bytes;
}

TEST_F(IdentificationTest, NamesHaveNoPartInWhatIsEstimated) {
  const TemporaryFolder scrambled;
  write_small_data(scrambled.path(), {.prefix = "zz-", .fridge = "x7", .kettle = "a1"});

  for (const auto* scene : {"mains", "circuits"}) {
    const auto plain = estimates_of(folder_.path(), scene);
    EXPECT_FALSE(plain.empty());
    EXPECT_TRUE(plain == estimates_of(scrambled.path(), scene)) << scene;
  }
}

TEST_F(IdentificationTest, WhatIsSaidLiveDoesNotKnowWhatComes) {
  const DataSet data(folder_.path());
  const auto scene = scene_called("mains");
  auto house = *Scenes(data, scene, {}).load(0);
  const auto training = TrainingSet(data, scene, 1).without(house.households);
  auto cut = house.channels;
  const auto rows = cut[0].rows() / 2 + 7;
  cut[0].active_power_w.resize(rows);
  cut[0].times = std::make_shared<const std::vector<measurement::Timestamp>>(
      cut[0].times->begin(), cut[0].times->begin() + static_cast<std::ptrdiff_t>(rows));
  Nobody nobody;

  for (const auto& method : baselines(1)) {
    method->fit(training, house.kinds());
    const auto whole = method->estimate(house.channels, house.kinds(), nobody);
    const auto part = method->estimate(cut, house.kinds(), nobody);
    for (std::size_t row = 0; row < rows; ++row) {
      ASSERT_EQ(part[0].live.rest[row], whole[0].live.rest[row]) << method->name() << " " << row;
    }
  }
}

// Claims more than there is.
class Inventor final : public Method {
 public:
  std::string name() const override { return "inventor"; }
  void fit(CaseList, const std::set<ApplianceKind>&) override {}
  std::vector<ChannelEstimate> estimate(std::span<const Channel> channels,
                                        const std::set<ApplianceKind>&, Owner&) const override {
    std::vector<ChannelEstimate> made(channels.size());
    for (std::size_t i = 0; i < channels.size(); ++i) {
      fill_rest(channels[i], made[i].live);
      made[i].revised = made[i].live;
      made[i].revised.kinds[ApplianceKind::iron].assign(channels[i].rows(), 0.0F);
      made[i].revised.kinds[ApplianceKind::iron].back() = 0.2F;
    }
    return made;
  }
};

TEST_F(IdentificationTest, AMethodThatInventsPowerEndsTheEvaluation) {
  std::vector<std::unique_ptr<Method>> methods;
  methods.push_back(std::make_unique<Inventor>());

  EXPECT_THAT([&] { evaluate_identification(plan({"mains"}), methods, say_nothing); },
              ThrowsMessage<std::runtime_error>(HasSubstr("does not conserve power")));
}

// Knows what it is told, and asks about every hour.
class Curious final : public Method {
 public:
  std::string name() const override { return "curious"; }
  bool shows_names() const override { return true; }
  void fit(CaseList, const std::set<ApplianceKind>&) override {}
  std::vector<ChannelEstimate> estimate(std::span<const Channel> channels,
                                        const std::set<ApplianceKind>&,
                                        Owner& owner) const override {
    std::vector<ChannelEstimate> made(channels.size());
    for (std::size_t i = 0; i < channels.size(); ++i) {
      std::optional<ApplianceKind> known;
      for (auto time = channels[i].times->front(); time < channels[i].times->back();
           time += std::chrono::hours(1)) {
        const auto end = time + std::chrono::hours(1);
        if (const auto kind = owner.answer(i, time, end)) known = kind;
      }
      if (known) {
        made[i].revised.kinds[*known] = channels[i].active_power_w;
        made[i].revised_spans.push_back({.begin = channels[i].times->front(),
                                         .end = channels[i].times->back(),
                                         .energy_wh = 1,
                                         .kind = known,
                                         .is_shown = true});
      }
      fill_rest(channels[i], made[i].revised);
      made[i].live = made[i].revised;
      made[i].live_spans = made[i].revised_spans;
    }
    return made;
  }
};

TEST_F(IdentificationTest, AnsweredHoursAreNotScored) {
  std::vector<std::unique_ptr<Method>> methods;
  methods.push_back(std::make_unique<Curious>());
  auto with_labels = plan({"circuits"});
  with_labels.labels = {0, 1, 100};

  const auto rows = evaluate_identification(with_labels, methods, say_nothing);

  std::map<int, Row> kettles;
  for (const auto& row : rows) {
    if (row.house == "all" && row.appliance == "kettle" && row.heading.mode == "revised") {
      kettles.emplace(row.heading.labels, row);
    }
  }
  const auto type = [&](int labels) {
    return kettles.at(labels).figures[static_cast<std::size_t>(Metric::type_f1)].value;
  };
  EXPECT_EQ(type(0), 0);
  EXPECT_EQ(type(1), 1);
  // One hour of six is answered, then all.
  EXPECT_LT(kettles.at(1).n, kettles.at(0).n);
  EXPECT_GT(kettles.at(1).n, 0);
  EXPECT_EQ(kettles.at(100).n, 0);
}

// To which everything is a fridge.
class OneIdea final : public Method {
 public:
  std::string name() const override { return "one idea"; }
  bool shows_names() const override { return false; }
  void fit(CaseList, const std::set<ApplianceKind>&) override {}
  std::vector<ChannelEstimate> estimate(std::span<const Channel> channels,
                                        const std::set<ApplianceKind>&, Owner&) const override {
    std::vector<ChannelEstimate> made(channels.size());
    for (std::size_t i = 0; i < channels.size(); ++i) {
      made[i].live.kinds[ApplianceKind::fridge] = channels[i].active_power_w;
      fill_rest(channels[i], made[i].live);
      made[i].revised = made[i].live;
    }
    return made;
  }
};

TEST_F(IdentificationTest, ChannelsThatAreTakenForWhatTheyAreAreCounted) {
  auto shipped = plan({"circuits"});
  shipped.train.reset();
  shipped.recorded_kinds = {ApplianceKind::kettle};
  std::vector<std::unique_ptr<Method>> methods;
  methods.push_back(std::make_unique<OneIdea>());

  const auto rows = evaluate_identification(shipped, methods, say_nothing);

  const auto figure = [&](const std::string& appliance, Metric metric) {
    return value(rows, "one idea", "live", appliance, metric);
  };
  // Three houses have a circuit of each.
  EXPECT_EQ(figure("fridge", Metric::channels), 3);
  EXPECT_EQ(figure("fridge", Metric::channels_right), 1);
  EXPECT_EQ(figure("kettle", Metric::channels_right), 0);
  EXPECT_EQ(figure("macro", Metric::channels), 6);
  EXPECT_EQ(figure("macro", Metric::channels_right), 0.5);
  EXPECT_EQ(figure("three_or_more", Metric::channels_right), 0.5);
  // F1 of the fridges: 3 right, 3 wrong.
  EXPECT_NEAR(figure("three_or_more", Metric::type_f1), (2.0 / 3 + 0) / 2, 1e-9);
  EXPECT_EQ(figure("recorded", Metric::channels), 3);
  EXPECT_EQ(figure("recorded", Metric::channels_right), 0);
}

TEST_F(IdentificationTest, OfEachHouseOnlyTheFirstDaysAreShown) {
  write_small_house(folder_.path(), 4, 30 * 3600);
  const DataSet data(folder_.path());
  const auto rows_of = [&](std::string_view scene) {
    const auto one = Scenes(data, scene_called(scene), {.only = {"house-4"}}).load(0);
    return one->channels.front().rows();
  };

  EXPECT_EQ(rows_of("circuits"), 30U * 360);
  EXPECT_EQ(rows_of("circuits:1"), 24U * 360);
  EXPECT_EQ(rows_of("circuits:2"), 30U * 360);
}

TEST_F(IdentificationTest, WhatTheModelHasSeenStaysOutOfTheMeans) {
  auto shipped = plan({"mains"});
  shipped.train.reset();
  shipped.trained_on = {"house-2"};
  std::vector<std::unique_ptr<Method>> methods;
  methods.push_back(zero());

  const auto rows = evaluate_identification(shipped, methods, say_nothing);

  double seen = 0, unseen = 0, all = 0;
  for (const auto& row : rows) {
    if (row.appliance != "kettle" || row.heading.mode != "live") continue;
    if (row.house == "all") {
      all += row.n;
    } else {
      EXPECT_EQ(row.is_seen, row.house == "house-2");
      (row.is_seen ? seen : unseen) += row.n;
    }
  }
  EXPECT_GT(seen, 0);
  EXPECT_EQ(all, unseen);
}

TEST_F(IdentificationTest, ASceneThatNoHouseHasIsRefused) {
  auto with_panel = plan({"circuits"});
  with_panel.with_panel = true;

  EXPECT_THAT([&] { evaluate_identification(with_panel, baselines(1), say_nothing); },
              ThrowsMessage<std::runtime_error>(HasSubstr("and a panel file")));
}

// The sentence with which the command refuses.
std::string refusal(const EvaluateIdentificationOptions& options) {
  try {
    lenz::evaluate_identification(options);
  } catch (const std::runtime_error& why) {
    return why.what();
  }
  return "";
}

TEST_F(IdentificationTest, TheCommandSaysWhatIsWrong) {
  const auto with = [&](auto change) {
    EvaluateIdentificationOptions options{.data = folder_.path(), .train = folder_.path()};
    change(options);
    return refusal(options);
  };

  EXPECT_THAT(with([](auto& options) { options.data = "/nowhere"; }),
              HasSubstr("/nowhere: there are no recordings here"));
  EXPECT_THAT(with([](auto& options) { options.train = "/nowhere"; }),
              HasSubstr("/nowhere: there are no recordings here"));
  EXPECT_THAT(with([](auto& options) { options.scenes = {"attic"}; }),
              HasSubstr("There is no scene 'attic'"));
  EXPECT_THAT(with([](auto& options) {
                options.labels = {"0", "few"};
              }),
              HasSubstr("--labels few: write how many"));
  EXPECT_THAT(with([](auto& options) { options.houses = {"house-8"}; }),
              HasSubstr("There is no house and no device 'house-8'"));
}

TEST_F(IdentificationTest, ADamagedRecordingIsNamed) {
  write_file(folder_.path() + "/houses/house-2/samples.csv.gz", "\x1f\x8bnonsense");

  EXPECT_THAT(refusal({.data = folder_.path(), .train = folder_.path()}),
              HasSubstr("house-2/samples.csv.gz"));
}

TEST_F(IdentificationTest, OneHouseholdAloneHasNothingToLearnFrom) {
  std::filesystem::remove_all(folder_.path() + "/traces");
  for (const auto* house : {"house-2", "house-3"}) {
    std::filesystem::remove_all(folder_.path() + "/houses/" + house);
  }

  EXPECT_THAT(refusal({.data = folder_.path(), .train = folder_.path()}),
              HasSubstr("nothing is left to train on"));
}

TEST(SharedDataTest, ADayOfARealHouseIsScored) {
  const char* place = std::getenv("LENZ_DATA");
  const std::filesystem::path folder = place ? place : "../shared/data";
  if (!std::filesystem::exists(folder / "houses/refit-house-9-day")) {
    GTEST_SKIP() << "there is no such recording in " << folder;
  }
  IdentificationPlan plan{
      .data = folder, .houses = {"refit-house-9-day"}, .scenes = {scene_called("mains")}};
  std::vector<std::unique_ptr<Method>> methods;
  methods.push_back(zero());

  const auto rows = evaluate_identification(plan, methods, say_nothing);

  EXPECT_DOUBLE_EQ(value(rows, "zero", "live", "kettle", Metric::nmae), 1);
  EXPECT_EQ(value(rows, "zero", "live", "kettle", Metric::event_f1), 0);
  EXPECT_EQ(value(rows, "zero", "live", "macro", Metric::explained_share), 0);
}

}  // namespace
}  // namespace lenz::evaluation
