// The whole bench, against a simulated board in a simulated kitchen.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>

#include "firmware/boards/linux/file_storage.h"
#include "lenz/bench_steps.h"
#include "lenz/simulated_meter.h"
#include "lenz/temporary_folder.h"
#include "measurement/report_codec.h"

namespace lenz {
namespace {

using firmware::linux_board::FileStorage;
using measurement::Sample;
using measurement::Timestamp;
using nlohmann::json;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr double volts = 231;

// One clamp that sees what is switched on, on a board of two chips.
class Kitchen final : public simulator::Scene {
 public:
  const std::vector<simulator::Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override { return {50}; }
  Moment advance(Timestamp now, std::span<simulator::ChipInput> chips) override {
    for (auto& chip : chips) {
      chip = {};
      chip.frequency = {50};
      chip.voltage.fill({static_cast<float>(volts)});
    }
    const double watts = (lamp ? lamp_watts : 0) + (heater ? 1900.0 : 0);
    chips[0].channels[0] = {.fundamental_power = {static_cast<float>(turned ? -watts : watts)},
                            .current = {static_cast<float>(watts / volts)}};
    return {.powered = powered, .until = now + 250ms};
  }

  double lamp_watts = 60;
  bool lamp = false, heater = false, turned = false, powered = true;

 private:
  std::vector<simulator::Channel> channels_ =
      std::vector<simulator::Channel>(6, {.name = "clamp", .greatest = measurement::Amperes{20}});
};

// The network between meter and hub, and the hub's answers.
class Network final : public firmware::Transport {
 public:
  Network(BenchLog& log, const Timestamp& now) : log_(log), now_(now) {}

  bool is_up() const override { return up; }
  unsigned connections() const override { return connected; }
  bool send(firmware::Post, std::span<const std::uint8_t> report) override {
    std::vector<Sample> samples(measurement::max_samples_per_report);
    const auto decoded = measurement::decode(report, samples);
    const auto taken = std::span(samples).first(decoded->count);
    if (eats > 0) {
      --eats;
    } else {
      log_.take(decoded->header, taken, now_);
    }
    stored_ = {.boot = decoded->header.boot,
               .stream = decoded->header.stream,
               .begin = 0,
               .end = taken.back().number + 1};
    answers_ = true;
    return true;
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    if (!answers_ || !up) return std::nullopt;
    answers_ = false;
    const auto size = measurement::encode(measurement::Answer{{&stored_, 1}}, buffer).value();
    return Received{firmware::Mail::stored, size};
  }

  bool up = true;
  unsigned connected = 1;
  int eats = 0;  // Reports that the hub stores and the bench never hears.

 private:
  BenchLog& log_;
  const Timestamp& now_;
  measurement::StoredRange stored_;
  bool answers_ = false;
};

// Somebody who does what is asked for, and types what a reference would show.
class SimulatedBench final : public Bench {
 public:
  explicit SimulatedBench(const std::string& folder)
      : storage_(folder + "/outbox", 256 << 10),
        meter_(kitchen, {.device = "meter-1", .seed = 7}, storage_, network) {}

  Timestamp now() override { return now_; }
  void say(const std::string& sentence) override { said.push_back(sentence); }

  std::optional<std::string> ask(const std::string& question) override {
    asked.push_back(question);
    listen(20s);  // It takes a while.
    const auto has = [&](const char* word) { return question.find(word) != std::string::npos; };
    if (is_away && is_away(question)) return std::nullopt;
    if (has("witch")) {
      kitchen.lamp = has("the lamp on") || has("lamp and heater on");
      kitchen.heater = has("heater alone on") || has("lamp and heater on");
    }
    if (has("the other way round now")) kitchen.turned = true;
    if (has("switch everything off")) kitchen.lamp = kitchen.heater = false;
    if (has("Take the board's supply away")) kitchen.powered = false;
    if (has("its supply again")) kitchen.powered = true;
    if (has("Switch the Wi-Fi off")) network.up = false;
    if (has("network on again")) {
      network.up = true;
      ++network.connected;
    }
    if (has("voltmeter show")) {
      if (!first_try.empty()) return std::exchange(first_try, {});
      return std::to_string(volts) + " 0.5";
    }
    if (has("power meter show")) {
      return std::to_string((kitchen.lamp ? 60 : 0) + (kitchen.heater ? 1900 : 0)) + " 1";
    }
    if (has("Enter keeps") || has("Enter tries again")) return after_trouble;
    return "";
  }

  void listen(milliseconds time) override {
    for (const auto end = now_ + time; now_ < end; now_ += 250ms) {
      meter_.sample(now_);
      if (network.up) meter_.exchange(now_ - Timestamp{});
    }
  }

  BenchLog log{0};
  Kitchen kitchen;
  Timestamp now_{1'800'000'000s + 15h + 50min};  // Ten minutes to midnight, UTC.
  Network network{log, now_};
  std::vector<std::string> said, asked;
  std::function<bool(const std::string& question)> is_away;  // From this question on.
  std::string after_trouble = "s";
  std::string first_try;  // What is typed of the voltmeter before it is right.

 private:
  FileStorage storage_;
  SimulatedMeter meter_;
};

class BenchTest : public testing::Test {
 protected:
  bool run() {
    BenchRecord record(folder.path() + "/bench", "6ch", last_bench_step(),
                       {{"board", "6ch"}, {"device", "meter-1"}}, bench.now());
    file = record.file();
    return run_bench(bench, record, bench.log, setup);
  }
  json rows() const { return json::parse(std::ifstream(file)).at("rows"); }
  json row(const std::string& step) const {
    for (const auto& row : rows()) {
      if (row.at("step") == step) return row;
    }
    return {};
  }
  std::vector<std::string> verdicts() const {
    std::vector<std::string> all;
    for (const auto& row : rows()) {
      all.push_back(row["step"].get<std::string>() + " " + row["verdict"].get<std::string>());
    }
    return all;
  }

  TemporaryFolder folder;
  SimulatedBench bench{folder.path()};
  // A day is an hour here, and ten minutes are 25 s.
  BenchSetup setup{.image_sha256 = "0f", .quickened = 24};
  std::string file;
};

TEST_F(BenchTest, ASoundBoardPassesEveryStep) {
  EXPECT_TRUE(run());

  EXPECT_THAT(verdicts(),
              ElementsAre("flash passed", "chips passed", "voltage passed", "no_load passed",
                          "lamp passed", "heater passed", "both passed", "lamp_reversed passed",
                          "heater_reversed passed", "both_reversed passed", "power_cut passed",
                          "link_cut passed", "unattended passed"));
  EXPECT_EQ(std::filesystem::path(file).filename(), "2027-01-15-6ch.json");
  EXPECT_NEAR(row("voltage")["figures"]["voltage_v"].get<double>(), volts, 0.1);
  EXPECT_NEAR(row("both_reversed")["figures"]["power_w"].get<double>(), -1960, 2);
  EXPECT_GE(row("link_cut")["figures"]["away_s"].get<double>(), 25);
  EXPECT_EQ(row("unattended")["readings"].size(), 24u);
  const auto lamp = row("lamp");
  EXPECT_EQ(lamp["readings"].size(), lamp["figures"]["readings"].get<std::size_t>());
  EXPECT_GE(lamp["readings"].size(), 10u);
  EXPECT_NEAR(lamp["readings"][0][3].get<double>(), 60, 0.1);
}

TEST_F(BenchTest, WhoeverStopsGoesOnWhereTheyWere) {
  bench.is_away = [](const std::string& question) {
    return question.find("heater alone") != std::string::npos;
  };
  EXPECT_FALSE(run());
  EXPECT_EQ(rows().size(), 5u);
  const auto first_file = file;

  bench.is_away = {};
  bench.asked.clear();
  bench.listen(15min);
  EXPECT_TRUE(run());

  EXPECT_EQ(file, first_file);
  EXPECT_THAT(bench.asked.front(), HasSubstr("the heater alone on"));
  EXPECT_EQ(rows().size(), 13u);
}

TEST_F(BenchTest, ARecordThatIsCompleteIsNotTouchedByTheNextOne) {
  EXPECT_TRUE(run());
  const auto first_file = file;
  bench.is_away = [](const std::string&) { return true; };

  EXPECT_FALSE(run());

  EXPECT_NE(file, first_file);
}

TEST_F(BenchTest, AnImageThatNobodyNamedIsAskedFor) {
  setup.image_sha256.clear();
  bench.is_away = [](const std::string& question) {
    return question.find("voltmeter") != std::string::npos;
  };

  EXPECT_FALSE(run());

  EXPECT_EQ(row("flash")["verdict"], "skipped");
  EXPECT_THAT(row("flash")["why"].get<std::string>(), HasSubstr("--firmware FILE"));
}

TEST_F(BenchTest, ALampThatIsBrokenIsNotMeasured) {
  bench.kitchen.lamp_watts = 0;
  bench.is_away = [](const std::string& question) {
    return question.find("heater alone") != std::string::npos;
  };

  EXPECT_FALSE(run());

  EXPECT_EQ(row("lamp")["verdict"], "skipped");
  EXPECT_THAT(row("lamp")["why"].get<std::string>(),
              HasSubstr("The clamp sees only 0.0 W: check that the lamp is on"));
  EXPECT_TRUE(row("lamp")["readings"].empty());
}

TEST_F(BenchTest, WithoutAMeterNothingIsMeasured) {
  bench.network.up = false;

  EXPECT_TRUE(run());

  for (const auto& row : rows()) EXPECT_EQ(row["verdict"], "skipped") << row;
  EXPECT_THAT(row("lamp")["why"].get<std::string>(), HasSubstr("The meter says nothing"));
  EXPECT_THAT(row("lamp_reversed")["why"].get<std::string>(), HasSubstr("was skipped"));
}

TEST_F(BenchTest, AClampThatCountsTooMuchFails) {
  bench.kitchen.lamp_watts = 63;  // The reference goes on showing 60.
  bench.after_trouble = "";
  bench.is_away = [](const std::string& question) {
    return question.find("heater alone") != std::string::npos;
  };

  EXPECT_FALSE(run());

  // 3 W of 60 W, where 3 % and the reference's 1 W are allowed.
  EXPECT_EQ(row("lamp")["verdict"], "failed");
  EXPECT_THAT(row("lamp")["why"].get<std::string>(), HasSubstr("+5.00 %, of ±4.67 %"));
}

TEST_F(BenchTest, ASampleThatNeverComesFailsTheDay) {
  bench.after_trouble = "";
  bool eaten = false;
  bench.is_away = [&](const std::string& question) {
    if (!eaten && question.find("Leave the board alone") != std::string::npos) {
      eaten = true;
      bench.network.eats = 3;
    }
    return false;
  };

  EXPECT_TRUE(run());

  EXPECT_EQ(row("unattended")["verdict"], "failed");
  EXPECT_EQ(row("unattended")["figures"]["missing_samples"], 3);
}

TEST_F(BenchTest, AChipThatDoesNotAnswerIsNamedWithItsJumper) {
  setup.assembly.add_ons = 1;
  bench.after_trouble = "";
  bench.is_away = [](const std::string& question) {
    return question.find("voltmeter") != std::string::npos;
  };

  EXPECT_FALSE(run());

  EXPECT_EQ(row("chips")["verdict"], "failed");
  EXPECT_THAT(row("chips")["why"].get<std::string>(),
              HasSubstr("add-on 1, jumper CS at 0 (CT7-CT9): the chip says nothing."));
}

TEST_F(BenchTest, AReferenceThatCannotBeReadOrTrustedIsAskedForAgain) {
  bench.is_away = [](const std::string& question) {
    return question.find("everything off") != std::string::npos;
  };
  for (const auto* typed : {"about 230", "0 0", "231 20"}) {
    bench.first_try = typed;
    bench.said.clear();
    EXPECT_FALSE(run());
    EXPECT_THAT(bench.said, testing::Contains(testing::AnyOf(HasSubstr("write two numbers"),
                                                             HasSubstr("proves nothing"))));
    EXPECT_DOUBLE_EQ(row("voltage")["figures"]["reference"]["value"].get<double>(), volts);
    std::filesystem::remove(file);
  }
}

TEST_F(BenchTest, AFileThatIsNoRecordIsLeftAlone) {
  std::filesystem::create_directories(folder.path() + "/bench");
  std::ofstream(folder.path() + "/bench/2027-01-15-6ch.json") << "{}";

  EXPECT_THROW(run(), std::runtime_error);
}

TEST(BenchReferenceTest, AValueComesWithWhatItMayBeOff) {
  EXPECT_DOUBLE_EQ(parse_reference("230.4 0.5")->value, 230.4);
  EXPECT_DOUBLE_EQ(parse_reference("230.4 0.5")->plus_minus, 0.5);
  EXPECT_DOUBLE_EQ(parse_reference(" 61 ")->plus_minus, 0);
  for (const auto* text : {"", "about 60", "60 W", "60 -1", "60 1 2", "inf", "60 nan"}) {
    EXPECT_FALSE(parse_reference(text)) << text;
  }
}

}  // namespace
}  // namespace lenz
