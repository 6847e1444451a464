#include "hub/caretaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "hub/files/simulated_disk.h"
#include "hub/hub.h"
#include "hub/store/sqlite_store.h"

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

constexpr auto period = 60s;

class CaretakerTest : public testing::Test {
 protected:
  CaretakerTest() {
    home.id = "home";
    home.zone = "Etc/UTC";
    Circuit fridge;
    fridge.id = "fridge";
    fridge.name = "Fridge";
    fridge.channels = {{"meter", 0, 1}};
    home.panels.emplace_back().circuits = {fridge};
    store.emplace(disk, "/home");
    open();
  }
  void open() {
    caretaker.reset();
    book.reset();
    book.emplace(disk, "/home/health.db");
    caretaker.emplace(*book, *store, home,
                      Caretaker::Surroundings{.utc_offset = [](Timestamp) { return 0min; }});
  }

  // A compressor of 100 W that runs for 15 minutes and rests for about `pause`.
  void cool(days from, days until, std::chrono::seconds pause) {
    std::vector<measurement::Sample> samples;
    const measurement::ReportHeader header{
        .device = "meter", .boot = 1, .period = period, .chips = 1, .booted_at = begin};
    const auto flush = [&] {
      ASSERT_TRUE(store->append(header, samples));
      samples.clear();
    };
    std::normal_distribution<double> spread(1, 0.05);
    bool is_on = false;
    auto turns = begin + from;
    for (auto time = begin + from; time < begin + until; time += period) {
      while (turns <= time) {
        is_on = !is_on;
        const auto length = std::chrono::duration<double>(is_on ? 900s : pause) * spread(random);
        turns += std::chrono::duration_cast<std::chrono::milliseconds>(length);
      }
      auto& sample = samples.emplace_back(1);
      sample.number = static_cast<std::uint64_t>((time - begin) / period);
      sample.uptime = time - begin;
      sample.put<Quantity::active_power>(0, {is_on ? 100.0F : 2.0F});
      if (samples.size() == 60) flush();
    }
    flush();
    ASSERT_TRUE(store->commit());
    ASSERT_TRUE(store->tidy(begin + until));
  }

  void look(Timestamp now) {
    for (int i = 0; i < 10'000; ++i) {
      const auto done = caretaker->step(now);
      ASSERT_TRUE(done);
      if (*done) return;
    }
    FAIL() << "it never comes to an end";
  }

  SimulatedDisk disk;
  Home home;
  std::mt19937 random{5};
  std::optional<SqliteStore> store;
  std::optional<FindingBook> book;
  std::optional<Caretaker> caretaker;
};

TEST_F(CaretakerTest, AFridgeThatWorksHarderIsFoundInWhatWasStoredAndStaysFoundAfterARestart) {
  cool(days(0), days(30), 1800s);
  cool(days(30), days(45), 1200s);

  look(begin + days(45));

  auto found = book->open_findings();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].asset, (Asset{Asset::Kind::circuit, "fridge"}));
  EXPECT_EQ(found[0].finding.change, Change::works_harder);
  EXPECT_NEAR(std::chrono::duration<double>(found[0].finding.since - begin) / days(1), 30, 2);
  open();
  look(begin + days(45) + 1min);
  ASSERT_THAT(book->open_findings(), SizeIs(1));
  EXPECT_EQ(book->open_findings()[0].number, found[0].number);
}

TEST_F(CaretakerTest, WhatPeopleCallExpectedIsNotSaidAgain) {
  cool(days(0), days(30), 1800s);
  cool(days(30), days(45), 1200s);
  look(begin + days(45));
  ASSERT_THAT(book->open_findings(), SizeIs(1));

  FindingBook::Writing writing(*book);
  ASSERT_TRUE(writing.answer(book->open_findings()[0].number, Feedback::expected, "",
                             begin + days(45) + 10s));
  ASSERT_TRUE(writing.finish());
  cool(days(45), days(50), 1200s);
  look(begin + days(50));

  EXPECT_THAT(book->open_findings(), IsEmpty());
}

TEST_F(CaretakerTest, APastThatComesLateIsLookedAt) {
  look(begin + days(45));
  ASSERT_EQ(book->conditions().at(0).watch, Condition::Watch::learning);

  cool(days(0), days(30), 1800s);
  cool(days(30), days(45), 1200s);
  look(begin + days(45) + 5s);
  look(begin + days(45) + 1min);

  EXPECT_THAT(book->open_findings(), SizeIs(1));
}

TEST_F(CaretakerTest, TwoAppliancesOnOneCircuitAreNotTakenForOne) {
  home.panels.front().circuits.front().name = "Fridge and freezer";
  cool(days(0), days(2), 1800s);

  look(begin + days(2));

  EXPECT_THAT(book->conditions(), IsEmpty());
}

TEST_F(CaretakerTest, AHeatPumpIsNotJudgedWithoutTheWeather) {
  home.panels.front().circuits.front().name = "Heat pump";
  cool(days(0), days(2), 1800s);

  look(begin + days(2));

  ASSERT_THAT(book->conditions(), SizeIs(1));
  EXPECT_EQ(book->conditions()[0].watch, Condition::Watch::not_visible);
}

TEST_F(CaretakerTest, ASumpPumpThatStandsStillInTheRainIsFoundWhereAGaugeTells) {
  home.panels.front().circuits.front() = {};
  auto& circuit = home.panels.front().circuits.front();
  circuit.id = "sump";
  circuit.name = "Sump pump";
  circuit.channels = {{"meter", 0, 1}};
  cool(days(0), days(8), 3600s);
  auto now = begin + days(8);
  look(now);
  const RainGauge gauge{.name = "Roof", .circuits = {"sump"}, .topic = "roof", .value = {}};
  const auto live = [&](int minutes, float watts, double mm_per_h) {
    for (int i = 0; i < minutes; ++i, now += period) {
      caretaker->hear(gauge, now, mm_per_h);
      const measurement::ReportHeader header{
          .device = "meter", .boot = 1, .period = period, .chips = 1, .booted_at = begin};
      std::vector<measurement::Sample> samples(1, measurement::Sample(1));
      samples[0].number = static_cast<std::uint64_t>((now - begin) / period);
      samples[0].uptime = now - begin;
      samples[0].put<Quantity::active_power>(0, {watts});
      ASSERT_TRUE(store->append(header, samples));
      ASSERT_TRUE(store->commit());
      look(now + 10s);
    }
  };

  for (int i = 0; i < 6; ++i) {
    live(30, 2, 6);
    live(15, 100, 6);
  }
  live(300, 2, 0);
  EXPECT_THAT(book->open_findings(), IsEmpty()) << "There was no need.";
  live(180, 2, 6);

  ASSERT_THAT(book->open_findings(), SizeIs(1));
  EXPECT_EQ(book->open_findings()[0].finding.change, Change::silent);
}

// What runs, and what people called it, is the analyst's to know.
TEST_F(CaretakerTest, TheWiresBehindAKettleThatSomebodyNamedAreWatched) {
  home.panels[0].circuits[0].id = home.panels[0].circuits[0].name = "kitchen";
  home.panels[0].circuits[0].legs = {1};
  LiveFeed live;
  Hub hub(*store, live);
  hub.admit("meter");
  Analyst analyst(disk, "/home/insight.db", *store, live, home,
                  {.model = nullptr, .utc_offset = [](Timestamp) { return 0min; }, .say = {}});
  caretaker.emplace(
      *book, *store, home,
      Caretaker::Surroundings{.utc_offset = [](Timestamp) { return 0min; }, .analyst = &analyst});
  std::normal_distribution<float> grid(230, 2);
  std::uint64_t number = 0;
  // Two and a half minutes of 24 ohm every two hours.
  const auto boil = [&](int from, int until, float wires_ohm) {
    for (auto time = begin + days(from); time < begin + days(until); time += 2h) {
      const float volts = grid(random);
      measurement::Report report{
          .header = {.device = "meter", .boot = 1, .period = 2s, .chips = 1, .booted_at = begin}};
      std::vector<measurement::Sample> samples;
      for (auto s = 0s; s < 4min; s += 2s) {
        const float amperes = s >= 60s && s < 210s ? volts / (24 + wires_ohm) : 0;
        auto& sample = samples.emplace_back(1);
        sample.number = number++;
        sample.uptime = time + s - begin;
        sample.put<Quantity::voltage>(0, {volts});
        sample.put<Quantity::current>(0, {amperes});
        sample.put<Quantity::active_power>(0, {volts * amperes + 30});
        sample.put<Quantity::reactive_power>(0, {0});
      }
      report.samples = samples;
      ASSERT_TRUE(hub.accept(report, time + 4min));
      ASSERT_TRUE(store->commit());
      for (auto now = time; now <= time + 5min; now += 100s) {
        for (bool is_done = false; !is_done;) is_done = analyst.step(now).value();
        look(now);
      }
    }
  };

  boil(0, 1, 0.2F);
  const auto known = analyst.appliances(begin + days(1));
  ASSERT_THAT(known, SizeIs(1));
  ASSERT_TRUE(analyst.answer(known[0].number, insight::ApplianceKind::kettle, "Kettle",
                             {.now = begin + days(1), .who = ""}));
  boil(1, 12, 0.2F);
  EXPECT_THAT(book->open_findings(), IsEmpty());
  boil(12, 20, 0.4F);

  ASSERT_THAT(book->open_findings(), SizeIs(1));
  EXPECT_EQ(book->open_findings()[0].finding.change, Change::element_resistance);
}

TEST_F(CaretakerTest, ACircuitThatIsGoneHasNoConditionAnyMore) {
  cool(days(0), days(2), 1800s);
  look(begin + days(2));
  ASSERT_THAT(book->conditions(), SizeIs(1));

  auto panel = home.panels.front();
  panel.valid_from = begin + days(2) + 1h;
  panel.circuits.clear();
  home.panels.push_back(panel);
  look(begin + days(2) + 2h);

  EXPECT_THAT(book->conditions(), IsEmpty());
}

}  // namespace
}  // namespace hub
