#include "insight/wiring/examination.h"

#include <gmock/gmock.h>

#include <cmath>
#include <complex>
#include <functional>
#include <numbers>

namespace insight::wiring {
namespace {

using measurement::Quantity;
using measurement::Timestamp;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double degree = std::numbers::pi / 180;

// What a wire of some leg draws in W and var at a second: on and off in its own rhythm.
std::complex<double> rhythm(std::size_t second, std::size_t every, std::complex<double> va) {
  return second / every % 2 == 1 ? va : std::complex<double>();
}

// A house of three circuits on the first two legs, with clamps on a chip of the first leg's
// voltage: channels 0 and 1 (and 2) are the mains, the circuits begin at 3.
struct House {
  int phases = 2;
  std::vector<int> legs{1, 1, 2};  // Where the circuits really hang.
  std::vector<std::complex<double>> va{{1500, 0}, {600, 450}, {900, 30}};
  std::vector<std::size_t> every{97, 61, 143};
  std::size_t seconds = 1200;

  double leg_angle(int leg) const { return -360. * (leg - 1) / phases * degree; }

  Panel panel() const {
    Panel entered{.phases = phases};
    entered.circuits.push_back({.id = "mains", .name = "Mains", .kind = CircuitKind::grid});
    for (int leg = 1; leg <= phases; ++leg) {
      entered.circuits[0].legs.push_back(leg);
      // The second leg is mirrored in the first one's voltage: entered so.
      entered.circuits[0].clamps.push_back({.channel = static_cast<std::size_t>(leg) - 1,
                                            .multiplier = phases == 2 && leg == 2 ? -1. : 1.});
    }
    for (std::size_t i = 0; i < legs.size(); ++i) {
      auto& circuit = entered.circuits.emplace_back();
      circuit.id = circuit.name = "circuit " + std::to_string(i + 1);
      circuit.parent = 0;
      circuit.legs = {legs[i]};
      circuit.clamps.push_back(
          {.channel = 3 + i, .multiplier = phases == 2 && legs[i] == 2 ? -1. : 1.});
    }
    return entered;
  }

  // `change` alters each sample, as a mistake would.
  Recorder record(const std::function<void(measurement::Sample&)>& change = {}) const {
    Recorder recorder(2);
    for (std::size_t second = 0; second < seconds; ++second) {
      measurement::Sample sample(2);
      std::vector<std::complex<double>> mains(static_cast<std::size_t>(phases));
      const auto put = [&](std::size_t channel, std::complex<double> power) {
        sample.put<Quantity::active_power>(channel, {static_cast<float>(power.real())});
        sample.put<Quantity::reactive_power>(channel, {static_cast<float>(power.imag())});
        sample.put<Quantity::current>(channel, {static_cast<float>(std::abs(power) / 120)});
      };
      for (std::size_t i = 0; i < legs.size(); ++i) {
        const auto own = rhythm(second, every[i], va[i]) * std::polar(1., -leg_angle(legs[i]));
        mains[static_cast<std::size_t>(legs[i]) - 1] += own;
        put(3 + i, own);
      }
      for (std::size_t leg = 0; leg < mains.size(); ++leg) put(leg, mains[leg]);
      for (std::size_t chip = 0; chip < 2; ++chip) sample.put<Quantity::voltage>(chip, {120});
      if (change) change(sample);
      recorder.take(Timestamp(std::chrono::seconds(second)), sample);
    }
    return recorder;
  }
};

void turn(measurement::Sample& sample, std::size_t channel) {
  for (const auto q : {Quantity::active_power, Quantity::reactive_power}) {
    sample.put_steps(q, channel, -*sample.steps(q, channel));
  }
}

TEST(WiringExamination, SaysNothingOfAPanelThatIsRight) {
  const House house;

  const auto report = examine(house.panel(), house.record());

  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.silent, IsEmpty());
}

TEST(WiringExamination, FindsAClampThatIsTheWrongWayRound) {
  const House house;

  const auto report = examine(house.panel(), house.record([](auto& sample) { turn(sample, 4); }));

  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].fault, Fault::reversed);
  EXPECT_THAT(report.findings[0].channels, ElementsAre(4));
  EXPECT_THAT(report.findings[0].where, HasSubstr("CT5 (circuit 2)"));
  EXPECT_THAT(report.findings[0].fix, HasSubstr("multiplier to -1"));
}

TEST(WiringExamination, FindsAReversedClampOnTheMainsThemselves) {
  const House house;

  const auto report = examine(house.panel(), house.record([](auto& sample) { turn(sample, 0); }));

  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].fault, Fault::reversed);
  EXPECT_THAT(report.findings[0].channels, ElementsAre(0));
}

// Opposite leg: the power is negated, which a turned clamp does too. The mains tell them apart.
TEST(WiringExamination, TellsTheOppositeLegFromATurnedClamp) {
  House house;
  auto entered = house.panel();
  house.legs[1] = 2;

  const auto report = examine(entered, house.record());

  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].fault, Fault::wrong_leg);
  EXPECT_THAT(report.findings[0].channels, ElementsAre(4));
  EXPECT_EQ(report.findings[0].leg, 2);
}

// A neighbouring phase's voltage: P cos 120 = -P/2, power factor 0.5.
TEST(WiringExamination, NamesTheClampsOfThreePhasesWithoutAVoltageOfTheirOwn) {
  House house{.phases = 3, .legs = {1, 2, 3}};

  const auto report = examine(house.panel(), house.record());

  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].fault, Fault::no_own_voltage);
  EXPECT_THAT(report.findings[0].channels, ElementsAre(1, 2, 4, 5));
}

TEST(WiringExamination, TakesAMotorsLowPowerFactorForWhatItIs) {
  House house;
  house.va = {{300, 420}, {250, 300}, {400, 480}};

  EXPECT_THAT(examine(house.panel(), house.record()).findings, IsEmpty());
}

TEST(WiringExamination, TakesASolarInvertersNegativePowerForWhatItIs) {
  House house;
  house.va[1] = {-2500, 60};
  auto entered = house.panel();
  entered.circuits[2].kind = CircuitKind::production;

  EXPECT_THAT(examine(entered, house.record()).findings, IsEmpty());
}

TEST(WiringExamination, NamesClampsWithTooLittleLoadInsteadOfGuessing) {
  House house;
  house.va[2] = {6, -4};

  const auto report = examine(house.panel(), house.record([](auto& sample) { turn(sample, 5); }));

  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.silent, testing::Contains(5));
}

TEST(WiringExamination, FindsTwoClampsOnOneWire) {
  const House house;

  const auto report = examine(house.panel(), house.record([](auto& sample) {
    for (const auto q : {Quantity::active_power, Quantity::reactive_power}) {
      sample.put_steps(q, 4, sample.steps(q, 3));
    }
  }));

  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings[0].fault, Fault::doubled);
  EXPECT_THAT(report.findings[0].channels, ElementsAre(3, 4));
}

void exchange(measurement::Sample& sample, std::size_t channel, std::size_t other) {
  for (const auto q : {Quantity::active_power, Quantity::reactive_power}) {
    const auto own = *sample.steps(q, channel);
    sample.put_steps(q, channel, *sample.steps(q, other));
    sample.put_steps(q, other, own);
  }
}

TEST(WiringExamination, FindsAClampOfTheMainsThatIsExchangedWithACircuits) {
  const House house{.legs = {1, 1, 1}};

  const auto report =
      examine(house.panel(), house.record([](auto& sample) { exchange(sample, 0, 4); }));

  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].fault, Fault::swapped);
  EXPECT_THAT(report.findings[0].channels, ElementsAre(0, 4));
}

// Two circuits that each hang on the other's leg read the same.
TEST(WiringExamination, SaysBothThingsThatExchangedCircuitsMayBe) {
  const House house;

  const auto report =
      examine(house.panel(), house.record([](auto& sample) { exchange(sample, 4, 5); }));

  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].fault, Fault::swapped);
  EXPECT_THAT(report.findings[0].fix,
              HasSubstr("enter leg 2 for circuit 2 and leg 1 for circuit 3"));
}

TEST(WiringExamination, NamesTheTypeOfAClampThatWasSetWrong) {
  House house;
  auto entered = house.panel();
  entered.circuits[1].clamps[0].current_gain = 27'518;  // SCT-013-000; an SCT-006 says 2.47 times.

  const auto report = examine(entered, house.record([](auto& sample) {
    for (const auto q : {Quantity::active_power, Quantity::reactive_power}) {
      sample.put_steps(q, 3, *sample.steps(q, 3) * 2470 / 1000);
    }
  }));

  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].fault, Fault::wrong_type);
  EXPECT_THAT(report.findings[0].types, ElementsAre("SCT-006"));
}

TEST(WiringExamination, NamesTheChipSelectOfADeadBoard) {
  const House house;
  auto entered = house.panel();
  entered.chips = {{.cs_pin = 5}, {.cs_pin = 4}, {.cs_pin = 0}, {.cs_pin = 16}};
  Recorder recorder(4);
  for (std::size_t second = 0; second < 900; ++second) {
    measurement::Sample sample(4);
    for (std::size_t chip = 0; chip < 3; ++chip) sample.put<Quantity::voltage>(chip, {120});
    recorder.take(Timestamp(std::chrono::seconds(second)), sample);
  }

  const auto report = examine(entered, recorder);

  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].fault, Fault::dead_chip);
  EXPECT_THAT(report.findings[0].where, HasSubstr("chip 4 (add-on 1, CT10-CT12"));
  EXPECT_THAT(report.findings[0].fix, HasSubstr("GPIO 16"));
}

TEST(WiringExamination, SeesWhereTheChipsCurrentEnds) {
  const House house;

  const auto report = examine(house.panel(), house.record([](auto& sample) {
    sample.template put<Quantity::current>(0, {65.535F});
  }));

  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings[0].fault, Fault::current_limit);
  EXPECT_THAT(report.findings[0].channels, ElementsAre(0));
}

TEST(WiringExamination, TakesTenMinutesAtLeast) {
  House house;
  house.seconds = 500;

  EXPECT_THAT(examine(house.panel(), house.record([](auto& s) { turn(s, 3); })).findings,
              IsEmpty());
}

}  // namespace
}  // namespace insight::wiring
