#include "hub/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace hub {
namespace {

using measurement::Timestamp;
using measurement::Watts;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 2);
const Asset garage{Asset::Kind::circuit, "garage"};

Rule rule(RuleKind kind) {
  return {.name = "Garage",
          .kind = kind,
          .asset = garage,
          .power_w = row(kind).has_power ? 500. : 0,
          .length = row(kind).has_length ? 30min : 0min,
          .by = row(kind).has_time ? 20h : 0min,
          .energy_kwh = row(kind).has_energy ? 2. : 0};
}

// When it comes true, of what is drawn from `begin` on, ten seconds apart.
std::vector<Timestamp> told(RuleWatch& watch, Timestamp begin,
                            std::vector<std::pair<std::chrono::minutes, double>> parts) {
  std::vector<Timestamp> times;
  for (const auto& [length, watts] : parts) {
    for (const auto end = begin + length; begin < end; begin += 10s) {
      AssetNow now;
      if (watts >= 0) now.power = Watts{static_cast<float>(watts)};
      if (watch.step(begin, now, 0min)) times.push_back(begin);
    }
  }
  return times;
}

TEST(Rules, tell_of_much_power_once_it_has_lasted_and_only_once) {
  RuleWatch watch(rule(RuleKind::above));

  const auto times =
      told(watch, midnight, {{20min, 900}, {1min, 100}, {2h, 900}, {10min, 0}, {31min, 600}});

  EXPECT_THAT(times, testing::ElementsAre(midnight + 51min, midnight + 181min));
}

TEST(Rules, tell_of_little_power) {
  RuleWatch watch(rule(RuleKind::below));
  EXPECT_THAT(told(watch, midnight, {{1h, 900}, {1h, 100}}),
              testing::ElementsAre(midnight + 90min));
}

TEST(Rules, do_not_count_time_in_which_nothing_was_measured) {
  RuleWatch watch(rule(RuleKind::above));
  EXPECT_THAT(told(watch, midnight, {{20min, 900}, {20min, -1}, {20min, 900}}), IsEmpty());
}

TEST(Rules, tell_what_was_left_on) {
  RuleWatch watch(rule(RuleKind::left_on));
  EXPECT_THAT(told(watch, midnight, {{29min, 40}, {5min, 1}, {40min, 40}}),
              testing::ElementsAre(midnight + 64min));
}

TEST(Rules, tell_what_has_finished_when_it_was_off_for_two_minutes) {
  RuleWatch watch(rule(RuleKind::finished));
  EXPECT_THAT(
      told(watch, midnight, {{5min, 0}, {60min, 2000}, {1min, 0}, {9min, 2000}, {30min, 0}}),
      testing::ElementsAre(midnight + 77min));
}

TEST(Rules, believe_the_course_of_an_appliance_about_its_end) {
  RuleWatch watch(rule(RuleKind::finished));
  const AssetNow runs{
      .power = Watts{0}, .is_on = false, .has_run_today = true, .is_done = false, .today = {}};
  auto done = runs;
  done.is_done = true;

  EXPECT_FALSE(watch.step(midnight, runs, 0min));
  EXPECT_TRUE(watch.step(midnight + 10s, done, 0min));
  EXPECT_FALSE(watch.step(midnight + 20s, done, 0min));
}

TEST(Rules, tell_what_has_not_run_by_the_time_of_the_homes_clocks) {
  RuleWatch watch(rule(RuleKind::not_run));
  std::vector<Timestamp> times;
  // Two hours east of UTC it is 20:00 at 18:00 UTC. On the first day nobody saw the morning.
  for (auto now = midnight + 8h; now < midnight + 72h; now += 1min) {
    const bool runs = now > midnight + 57h && now < midnight + 58h;
    if (watch.step(now, {.power = Watts{runs ? 800.f : 0.f}}, 120min)) times.push_back(now);
  }
  EXPECT_THAT(times, testing::ElementsAre(midnight + 42h));
}

TEST(Rules, tell_of_a_days_energy_once_a_day) {
  RuleWatch watch(rule(RuleKind::energy));
  std::vector<Timestamp> times;
  for (auto now = midnight; now < midnight + 48h; now += 1min) {
    const auto of_day = (now - midnight) % 24h;
    const AssetNow asset{.today = measurement::MilliwattHours{of_day / 1min * 2000}};
    if (watch.step(now, asset, 0min)) times.push_back(now);
  }
  // 2 kWh are 2'000'000 mWh: more after 1001 minutes.
  EXPECT_THAT(times, testing::ElementsAre(midnight + 1001min, midnight + 24h + 1001min));
}

TEST(Rules, tell_of_a_mean_of_fifteen_minutes) {
  RuleWatch watch(rule(RuleKind::demand));
  const auto times = told(watch, midnight, {{30min, 400}, {15min, 800}});
  // With n of 15 minutes at 800 W the mean is 400 + 400 n/15: above 500 W from n = 4 on, of which
  // the fourth counts as soon as it has begun.
  EXPECT_THAT(times, testing::ElementsAre(midnight + 33min));
}

TEST(Rules, are_not_told_again_after_a_restart) {
  RuleWatch before(rule(RuleKind::above));
  ASSERT_THAT(told(before, midnight, {{40min, 900}}), testing::SizeIs(1));

  RuleWatch after(rule(RuleKind::above), before.memory());

  EXPECT_TRUE(after.is_true());
  EXPECT_THAT(told(after, midnight + 41min, {{60min, 900}}), IsEmpty());
}

TEST(Rules, begin_anew_with_a_damaged_memory) {
  EXPECT_FALSE(RuleWatch(rule(RuleKind::above), "\1\2").is_true());
}

TEST(Rules, say_what_came_true) {
  EXPECT_EQ(sentence(rule(RuleKind::above), "The circuit Garage"),
            "The circuit Garage has drawn more than 500 W for 30 min.");
  EXPECT_EQ(sentence(rule(RuleKind::energy), "The circuit Garage"),
            "The circuit Garage has taken more than 2 kWh today.");
}

class RulesFile : public testing::Test {
 protected:
  RulesFile() {
    std::string name = (std::filesystem::temp_directory_path() / "lenz_rules_XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~RulesFile() override { std::filesystem::remove_all(folder); }

  std::string complaint(const std::string& text) {
    std::ofstream(file()) << text;
    try {
      load_rules(file());
    } catch (const std::runtime_error& trouble) {
      return trouble.what();
    }
    return {};
  }
  std::filesystem::path file() const { return folder / "rules.toml"; }

  std::filesystem::path folder;
};

TEST_F(RulesFile, is_read_as_it_was_written) {
  Rules rules;
  rules.times = {.quiet_begin = 23h,
                 .quiet_end = 6h + 30min,
                 .digest_day = std::chrono::Friday,
                 .digest_at = 18h};
  for (const auto& kind : rule_kinds) {
    rules.rules.push_back(rule(kind.id));
    rules.rules.back().name = std::string(kind.word) + " \"quoted\"";
  }
  rules.rules[2].sending = Sending::at_once;

  save_rules(rules, file());

  EXPECT_EQ(load_rules(file()), rules);
}

TEST_F(RulesFile, that_is_not_there_has_no_rules) { EXPECT_EQ(load_rules(file()), Rules{}); }

TEST_F(RulesFile, says_in_a_sentence_what_is_wrong) {
  const std::string good = "[[rule]]\nname = \"a\"\nwhen = \"above\"\nasset = \"circuit a\"\n";
  EXPECT_THAT(complaint(good + "power_w = 5\n"),
              HasSubstr("line 1: the key \"for_min\" is missing"));
  EXPECT_THAT(complaint(good + "power_w = 0\nfor_min = 5\n"),
              HasSubstr("\"power_w\" must be from 1"));
  EXPECT_THAT(complaint(good + "power_w = 5\nfor_min = 5\nby = \"20:00\"\n"),
              HasSubstr("line 7: a rule of when = \"above\" has no key \"by\""));
  EXPECT_THAT(complaint("[[rule]]\nname = \"a\"\nwhen = \"often\"\n"),
              HasSubstr("\"when\" must be one of \"above\""));
  EXPECT_THAT(complaint("[[rule]]\nname=\"a\"\nwhen=\"finished\"\nasset=\"supply\"\n"),
              HasSubstr("\"asset\" must be like"));
  EXPECT_THAT(complaint("[notices]\nquiet_begin = \"25:00\"\n"),
              HasSubstr("line 2: \"quiet_begin\" must be like \"07:00\""));
  const std::string finished = "[[rule]]\nname=\"a\"\nwhen=\"finished\"\nasset=\"circuit a\"\n";
  EXPECT_THAT(complaint(finished + finished), HasSubstr("\"a\" is here twice"));
}

}  // namespace
}  // namespace hub
