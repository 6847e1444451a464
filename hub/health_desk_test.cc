#include "hub/health_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "hub/files/simulated_disk.h"

namespace hub {
namespace {

using insight::Cause;
using insight::Change;
using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A Monday.
const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 2) + 12h;
const Asset kitchen{Asset::Kind::circuit, "kitchen"};

class HealthDeskTest : public testing::Test {
 protected:
  HealthDeskTest() {
    home.id = "home";
    home.name = "Maple Street";
    home.price_per_kwh = .3;
    home.currency = "EUR";
    auto& circuit = home.panels.emplace_back().circuits.emplace_back();
    circuit.id = "kitchen";
    circuit.name = "Kitchen";
    circuit.channels = {{"main", 0, 1}};
    std::string name = (std::filesystem::temp_directory_path() / "lenz_desk_XXXXXX").string();
    folder = ::mkdtemp(name.data());
    open();
  }
  ~HealthDeskTest() override {
    desk.reset();
    std::filesystem::remove_all(folder);
  }

  void open() {
    desk.reset();
    desk.emplace(disk, "health.db", folder / "rules.toml", home, live,
                 HealthDesk::Surroundings{
                     .analyst = {}, .ledger = {}, .utc_offset = [](Timestamp) { return 0min; }});
    desk->notices().set_channels({"email"});
  }

  // Each ten seconds these watts, looked at as it comes.
  void measure(std::chrono::minutes length, float watts) {
    for (const auto end = now + length; now < end; now += 10s) {
      measurement::Sample sample(1);
      sample.put<Quantity::active_power>(0, {watts});
      live.publish({"main", now, sample});
      ASSERT_TRUE(desk->step(now));
    }
  }
  void wait(std::chrono::minutes length) {
    for (const auto end = now + length; now < end; now += 10s) ASSERT_TRUE(desk->step(now));
  }

  FindingNumber find(Change change) {
    FindingBook::Writing writing(desk->book());
    const auto number = writing.put(kitchen, {.change = change,
                                              .since = now - 72h,
                                              .found = now,
                                              .confidence = .9f,
                                              .suspects = {{Cause::gasket_leak, .7f}},
                                              .evidence = {},
                                              .extra_wh_per_day = 210});
    EXPECT_TRUE(writing.finish());
    return number.value_or(0);
  }
  std::vector<Notice> sent() {
    std::vector<Notice> found;
    while (const auto one = desk->notices().next("email", now)) {
      desk->notices().done("email", *one, true, now);
      found.push_back(*one);
    }
    return found;
  }

  SimulatedDisk disk;
  Home home;
  LiveFeed live;
  std::filesystem::path folder;
  std::optional<HealthDesk> desk;
  Timestamp now = noon;
};

Rules one_rule() {
  Rules rules;
  rules.rules.push_back({.name = "Stove left on",
                         .kind = RuleKind::above,
                         .asset = kitchen,
                         .power_w = 500,
                         .length = 30min});
  return rules;
}

TEST_F(HealthDeskTest, tells_a_danger_at_once_and_once_with_whom_to_call) {
  find(Change::branch_resistance);
  measure(1min, 100);

  const auto notices = sent();
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_TRUE(notices[0].is_danger);
  EXPECT_EQ(notices[0].title, "The circuit Kitchen loses more voltage on its way than it used to.");
  EXPECT_THAT(notices[0].text, HasSubstr("call an electrician"));
  EXPECT_TRUE(desk->book().open_findings()[0].told);

  measure(1min, 100);
  open();
  measure(1min, 100);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(HealthDeskTest, keeps_what_can_wait_for_the_digest_unless_it_is_answered_before) {
  const auto number = find(Change::works_harder);
  measure(1min, 100);
  EXPECT_THAT(sent(), IsEmpty());

  ASSERT_TRUE(desk->answer(number, Feedback::expected, "ann", now));
  measure(1min, 100);

  now += 8 * 24h;
  measure(1min, 100);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(HealthDeskTest, tells_the_cost_at_the_homes_price) {
  const auto number = find(Change::works_harder);
  EXPECT_EQ(desk->text_of(*desk->book().finding(number), now).cost,
            "About 6.39 kWh a month more, or 1.92 EUR.");
}

TEST_F(HealthDeskTest, tells_when_a_rule_comes_true) {
  ASSERT_TRUE(desk->set(one_rule(), now));
  measure(31min, 900);

  const auto notices = sent();
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_EQ(notices[0].title, "Stove left on");
  EXPECT_EQ(notices[0].text, "The circuit Kitchen has drawn more than 500 W for 30 min.");
  EXPECT_TRUE(desk->is_true(one_rule().rules[0]));

  measure(1min, 900);
  open();
  measure(60min, 900);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(HealthDeskTest, refuses_rules_that_cannot_be_and_keeps_the_others) {
  ASSERT_TRUE(desk->set(one_rule(), now));
  auto twice = one_rule();
  twice.rules.push_back(twice.rules[0]);
  EXPECT_EQ(desk->set(twice, now).error(),
            "The rule \"Stove left on\" is there twice: rename one.");
  EXPECT_EQ(load_rules(folder / "rules.toml"), one_rule());
}

TEST_F(HealthDeskTest, leaves_a_file_of_rules_alone_that_it_does_not_understand) {
  std::ofstream(folder / "rules.toml") << "rule = 1\n";
  open();

  EXPECT_THAT(desk->rules_trouble(), HasSubstr("rules.toml, line 1"));
  EXPECT_FALSE(desk->set(one_rule(), now));
}

TEST_F(HealthDeskTest, sends_a_test_whatever_the_hour) {
  ASSERT_TRUE(desk->set(one_rule(), now));
  now += 12h;
  ASSERT_TRUE(desk->test("Stove left on", now));
  EXPECT_FALSE(desk->test("Another", now));

  const auto notices = sent();
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_THAT(notices[0].text, HasSubstr("more than 500 W"));
}

TEST_F(HealthDeskTest, tells_unasked_of_a_meter_that_is_silent_for_five_minutes) {
  measure(10min, 100);
  wait(4min);
  EXPECT_THAT(sent(), IsEmpty());

  wait(2min);

  const auto notices = sent();
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_THAT(notices[0].text, HasSubstr("The meter main has been silent since 12:09"));
  measure(1min, 100);
  EXPECT_THAT(desk->troubles(), IsEmpty());
}

TEST_F(HealthDeskTest, tells_of_an_integration_only_when_it_fails_for_long) {
  for (int i = 0; i < 9; ++i) {
    desk->trouble("integration mqtt", "The broker does not answer.", now);
    measure(1min, 100);
  }
  EXPECT_THAT(sent(), IsEmpty());
  desk->well("integration mqtt");
  desk->trouble("integration mqtt", "The broker does not answer.", now);
  measure(9min, 100);
  EXPECT_THAT(sent(), IsEmpty());

  measure(2min, 100);
  EXPECT_THAT(sent(), SizeIs(1));
}

TEST_F(HealthDeskTest, goes_on_when_the_disk_has_room_again) {
  find(Change::branch_resistance);
  disk.fail_after(0, FileError::full, SimulatedDisk::Failing::always);
  EXPECT_FALSE(desk->step(now));

  disk.heal();
  now += 10s;
  EXPECT_TRUE(desk->step(now));
  EXPECT_THAT(sent(), SizeIs(1));
}

}  // namespace
}  // namespace hub
