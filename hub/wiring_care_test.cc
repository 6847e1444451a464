#include "hub/wiring_care.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "hub/files/simulated_disk.h"

namespace hub {
namespace {

using insight::Change;
using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;
using std::chrono::days;
using testing::IsEmpty;
using testing::SizeIs;

const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
constexpr float kettle_ohm = 24.0F, kettle_w = 230 * 230 / kettle_ohm;

// A kitchen with a kettle that boils for three minutes every two hours.
class WiringCareTest : public testing::Test {
 protected:
  WiringCareTest() {
    home.id = "home";
    home.zone = "Etc/UTC";
    Circuit kitchen;
    kitchen.id = "kitchen";
    kitchen.rating_a = 16;
    kitchen.legs = {1};
    kitchen.channels = {{"meter", 0, 1}};
    home.panels.emplace_back().circuits = {kitchen};
    open();
  }
  void open() {
    care.emplace(book, home, begin);
    care->set_known_load(home.panels[0].circuits[0], {kettle_w});
  }

  // `wires_ohm` lie between panel and kettle. With a plug, that tells its voltage each 20 s.
  void boil(days from, days until, float wires_ohm, bool has_plug = false) {
    std::normal_distribution<float> grid(230, 2), noise(0, 0.02F);
    for (auto time = begin + from; time < begin + until; time += 2h) {
      const float volts = grid(random);
      for (auto s = 0s; s < 5min; s += 4s) {
        const bool is_on = s >= 60s && s < 4min;
        measurement::Sample sample(1);
        const float at_panel = volts + noise(random);
        const float amperes = is_on ? at_panel / (kettle_ohm + wires_ohm) : 0;
        sample.put<Quantity::voltage>(0, {at_panel});
        sample.put<Quantity::current>(0, {amperes});
        sample.put<Quantity::active_power>(0, {at_panel * amperes + 30});
        sample.put<Quantity::reactive_power>(0, {0});
        const bool says = has_plug && s.count() % 20 == 0;
        if (says) care->hear("kitchen", time + s, {at_panel - amperes * wires_ohm});
        care->take("meter", time + s, sample);
      }
    }
    tell(begin + until);
  }
  void tell(Timestamp now) {
    FindingBook::Writing writing(book);
    care->tell(writing, now);
    care->remember(writing);
    ASSERT_TRUE(writing.finish());
  }

  SimulatedDisk disk;
  Home home;
  FindingBook book{disk, "/health.db"};
  std::mt19937 random{7};
  std::optional<WiringCare> care;
};

TEST_F(WiringCareTest, AKettleShowsAContactThatComesLoose) {
  boil(days(0), days(12), 0.2F);
  EXPECT_THAT(book.open_findings(), IsEmpty());

  boil(days(12), days(20), 0.4F);

  ASSERT_THAT(book.open_findings(), SizeIs(1));
  EXPECT_EQ(book.open_findings()[0].asset, (Asset{Asset::Kind::circuit, "kitchen"}));
  EXPECT_EQ(book.open_findings()[0].finding.change, Change::element_resistance);
}

TEST_F(WiringCareTest, TheMainBreakerIsGuardedToo) {
  Circuit mains;
  mains.id = "mains";
  mains.kind = CircuitKind::grid;
  mains.rating_a = 25;
  mains.legs = {1};
  mains.channels = {{"meter", 1, 1}};
  home.panels[0].circuits.push_back(mains);
  open();
  for (auto time = begin; time < begin + 20min; time += 2s) {
    measurement::Sample sample(1);
    sample.put<Quantity::current>(1, {42});
    care->take("meter", time, sample);
  }
  tell(begin + 20min);

  ASSERT_THAT(book.open_findings(), SizeIs(1));
  EXPECT_EQ(book.open_findings()[0].asset, (Asset{Asset::Kind::circuit, "mains"}));
  EXPECT_EQ(book.open_findings()[0].finding.change, Change::breaker_overload);
}

TEST_F(WiringCareTest, APlugShowsItWithinADay) {
  boil(days(0), days(6), 0.2F, true);
  EXPECT_THAT(book.open_findings(), IsEmpty());

  boil(days(6), days(7), 0.4F, true);

  ASSERT_THAT(book.open_findings(), SizeIs(1));
  const auto finding = book.open_findings()[0].finding;
  EXPECT_EQ(finding.change, Change::branch_resistance);
  EXPECT_NEAR(finding.evidence[0].now, 0.4, 0.05);
}

TEST_F(WiringCareTest, WhatItLearntOfTheWiresOutlivesARestart) {
  boil(days(0), days(6), 0.2F, true);

  open();
  boil(days(6), days(7), 0.4F, true);

  EXPECT_THAT(book.open_findings(), SizeIs(1));
}

TEST_F(WiringCareTest, AfterARepairWhatIsThenIsUsual) {
  boil(days(0), days(6), 0.2F, true);
  boil(days(6), days(7), 0.4F, true);
  ASSERT_THAT(book.open_findings(), SizeIs(1));

  FindingBook::Writing writing(book);
  ASSERT_TRUE(
      writing.answer(book.open_findings()[0].number, Feedback::expected, "", begin + days(7)));
  ASSERT_TRUE(writing.finish());
  care->hear_answers();
  boil(days(7), days(13), 0.4F, true);

  EXPECT_THAT(book.open_findings(), IsEmpty());
}

TEST_F(WiringCareTest, ALoadThatIsAnotherIsLearntAnew) {
  boil(days(0), days(12), 0.2F);

  care->set_known_load(home.panels[0].circuits[0], {kettle_w * 1.1F});  // The same, seen elsewhere.
  boil(days(12), days(20), 0.4F);
  ASSERT_THAT(book.open_findings(), SizeIs(1));
  care->set_known_load(home.panels[0].circuits[0], {kettle_w * 1.5F});
  tell(begin + days(20));

  EXPECT_THAT(book.open_findings(), IsEmpty());
}

}  // namespace
}  // namespace hub
