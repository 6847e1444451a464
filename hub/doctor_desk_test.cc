#include "hub/doctor_desk.h"

#include <gmock/gmock.h>

#include "hub/files/simulated_disk.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 11 / 30);

Home split_phase_home() {
  Home home{.id = "oak", .name = "Oak", .nominal_voltage_v = 120, .phases = 2};
  auto& panel = home.panels.emplace_back();
  panel.circuits = {{.id = "mains",
                     .name = "Mains",
                     .kind = CircuitKind::grid,
                     .legs = {1, 2},
                     .channels = {{"meter-1", 0, 1}, {"meter-1", 1, -1}}},
                    {.id = "solar",
                     .name = "Solar",
                     .kind = CircuitKind::solar,
                     .parent = "mains",
                     .legs = {1, 2},
                     .channels = {{"meter-1", 3, 2}}},
                    {.id = "shed", .name = "Shed", .legs = {1}, .channels = {{"meter-2", 0, 1}}}};
  auto& meter = home.meters.emplace_back();
  meter.id = "meter-1";
  meter.chips.resize(2);
  meter.chips[0].cs_pin = 5;
  meter.chips[1].cs_pin = 4;
  meter.chips[0].channels[0].current_gain = 13'759;
  meter.chips[0].channels[0].multiplier = 2;
  return home;
}

TEST(DoctorDesk, GivesTheDoctorAMetersPanelWithItsGainsAndPins) {
  const auto home = split_phase_home();

  const auto panel = wiring_panel(home, "meter-1", {});

  EXPECT_EQ(panel.phases, 2);
  ASSERT_EQ(panel.circuits.size(), 3U);
  EXPECT_EQ(panel.circuits[0].kind, insight::wiring::CircuitKind::grid);
  ASSERT_EQ(panel.circuits[0].clamps.size(), 2U);
  EXPECT_EQ(panel.circuits[0].clamps[0].current_gain, 27'518);
  EXPECT_EQ(panel.circuits[0].clamps[0].hardware_multiplier, 2);
  EXPECT_EQ(panel.circuits[0].clamps[1].multiplier, -1);
  EXPECT_EQ(panel.circuits[1].kind, insight::wiring::CircuitKind::production);
  EXPECT_EQ(panel.circuits[1].parent, 0U);
  EXPECT_TRUE(panel.circuits[2].clamps.empty());  // Another meter's.
  ASSERT_EQ(panel.chips.size(), 2U);
  EXPECT_EQ(panel.chips[1].cs_pin, 4);
}

TEST(DoctorDesk, KnowsTheMetersOfAPanel) {
  EXPECT_THAT(metered_devices(split_phase_home(), {}), ElementsAre("meter-1", "meter-2"));
}

// A phase with a dryer whose clamp is the wrong way round, a shed that draws nothing, and a breaker
// without a clamp, of which 20 minutes are stored.
struct StoredHouse {
  SimulatedDisk disk;
  SqliteStore store{disk, "/home"};
  Home home{.id = "elm", .name = "Elm", .nominal_voltage_v = 230, .phases = 1};

  StoredHouse() {
    home.panels.emplace_back().circuits = {{.id = "mains",
                                            .name = "Mains",
                                            .kind = CircuitKind::grid,
                                            .legs = {1},
                                            .channels = {{"meter-1", 0, 1}}},
                                           {.id = "dryer",
                                            .name = "Dryer",
                                            .parent = "mains",
                                            .legs = {1},
                                            .channels = {{"meter-1", 1, 1}}},
                                           {.id = "shed",
                                            .name = "Shed",
                                            .parent = "mains",
                                            .legs = {1},
                                            .channels = {{"meter-1", 2, 1}}},
                                           {.id = "attic", .name = "Attic", .parent = "mains"}};
    keep(20min);
  }

  void keep(std::chrono::seconds length) {
    std::vector<measurement::Sample> samples;
    for (std::uint64_t second = 0; second < static_cast<std::uint64_t>(length.count()); ++second) {
      auto& sample = samples.emplace_back(1);
      sample.number = second;
      sample.uptime = std::chrono::seconds(second);
      const float watts = second / 97 % 2 == 1 ? 1500 : 0;
      sample.put<Quantity::voltage>(0, {230});
      for (const auto& [channel, shown] : {std::pair(0U, watts + 80), {1U, -watts}, {2U, 0.F}}) {
        sample.put<Quantity::active_power>(channel, {shown});
        sample.put<Quantity::reactive_power>(channel, {0});
        sample.put<Quantity::current>(channel, {std::abs(shown) / 230});
      }
    }
    EXPECT_TRUE(store.append(
        {.device = "meter-1", .boot = 1, .period = 1s, .chips = 1, .booted_at = begin}, samples));
    EXPECT_TRUE(store.commit());
  }
};

TEST(DoctorDesk, LooksWhenSomebodyAsksAndAgainWhenThatIsOld) {
  StoredHouse house;
  DoctorDesk desk(house.store, house.home);
  auto now = begin + 20min;
  int steps = 0;
  const auto work = [&] {
    for (steps = 1; !*desk.step(now); ++steps) ASSERT_LT(steps, 100);
  };
  EXPECT_TRUE(*desk.step(now));  // Nobody has asked.

  EXPECT_THAT(desk.ask(now), IsEmpty());
  EXPECT_TRUE(desk.is_looking());
  work();

  EXPECT_GT(steps, 3);  // In pieces.
  const auto& found = desk.ask(now);
  EXPECT_FALSE(desk.is_looking());
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].until, begin + 20min - 1s);
  ASSERT_THAT(found[0].report.findings, SizeIs(1));
  EXPECT_EQ(found[0].report.findings[0].fault, insight::wiring::Fault::reversed);
  EXPECT_THAT(circuits_of(found[0].panel, found[0].report.findings[0].channels),
              ElementsAre("dryer"));
  now += DoctorDesk::good_for;
  EXPECT_THAT(desk.ask(now), SizeIs(1));  // The old one, until the new one is done.
  EXPECT_TRUE(desk.is_looking());
}

TEST(DoctorDesk, AfterAChangeOnlyNewSamplesCount) {
  StoredHouse house;
  DoctorDesk desk(house.store, house.home);
  const auto now = begin + 20min;
  desk.ask(now);
  while (!*desk.step(now)) {
  }

  desk.begin_anew(begin + 15min);

  EXPECT_THAT(desk.ask(now), IsEmpty());
  while (!*desk.step(now)) {
  }
  const auto& report = desk.ask(now)[0].report;
  EXPECT_EQ(report.length, 5min - 1s);
  EXPECT_THAT(report.findings, IsEmpty());
}

TEST(DoctorDesk, SaysOfWhatItSeesNothingAndWhy) {
  StoredHouse house;

  const auto found = examine_wiring(house.store, house.home, "meter-1", 30min);

  ASSERT_TRUE(found);
  const auto unseen = not_seen(*found);
  ASSERT_THAT(unseen, SizeIs(1));
  EXPECT_EQ(unseen[0].circuit, "shed");
  EXPECT_EQ(unseen[0].where, "CT3 (Shed)");
  const auto bare = without_clamp(house.home, begin);
  ASSERT_THAT(bare, SizeIs(1));
  EXPECT_EQ(bare[0].where, "Attic");
}

TEST(DoctorDesk, OfAMeterThatWasNeverHeardNothingIsSaid) {
  StoredHouse house;

  const auto found = examine_wiring(house.store, house.home, "meter-9", 30min);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->until, Timestamp{});
  EXPECT_EQ(found->report.length, 0ms);
  EXPECT_THAT(found->report.findings, IsEmpty());
}

}  // namespace
}  // namespace hub
