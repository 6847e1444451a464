#include "hub/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using measurement::Watts;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

Circuit circuit(const std::string& id, std::vector<ChannelUse> channels = {},
                const std::string& parent = "") {
  Circuit out;
  out.id = id;
  out.name = id;
  out.parent = parent;
  out.channels = std::move(channels);
  return out;
}

// A house in Portland with one circuit of each sort that the tests bend.
Home house() {
  Home home{.id = "oak-street",
            .name = "Oak Street",
            .zone = "America/Los_Angeles",
            .country = "US",
            .currency = "USD",
            .nominal_voltage_v = 120,
            .line_frequency_hz = 60,
            .phases = 2,
            .price_per_kwh = 0.17,
            .panels = {}};
  home.panels.push_back(
      {Timestamp{},
       PanelStyle::us,
       {circuit("mains", {{"meter-1", 0, 1}, {"meter-1", 1, 1}}),
        circuit("dryer", {{"meter-1", 2, 2}}, "mains"),
        circuit("garage", {{"meter-1", 3, 1}}, "mains"), circuit("car", {}, "garage")}});
  return home;
}

std::string fault(const std::function<void(Home&)>& bend) {
  auto home = house();
  bend(home);
  const auto result = check(home);
  return result ? "" : result.error();
}

TEST(Home, AHouseAsItShouldBeHasNoFault) {
  EXPECT_EQ(fault([](Home&) {}), "");
}

TEST(Home, TheFirstPanelHoldsForTheTimeBeforeItToo) {
  auto home = house();
  home.panels.front().valid_from = Timestamp{1000s};
  home.panels.push_back({Timestamp{2000s}, PanelStyle::din, {}});

  EXPECT_EQ(&panel_at(home, Timestamp{0s}), &home.panels[0]);
  EXPECT_EQ(&panel_at(home, Timestamp{1000s}), &home.panels[0]);
  EXPECT_EQ(&panel_at(home, Timestamp{2000s - 1ms}), &home.panels[0]);
  EXPECT_EQ(&panel_at(home, Timestamp{2000s}), &home.panels[1]);
  EXPECT_EQ(&panel_at(home, Timestamp{9000s}), &home.panels[1]);
}

TEST(Home, TwoClampsAreAddedOneMayStandForTwoAndAReversedOneIsTurned) {
  Sample sample(1);
  sample.put<Quantity::active_power>(0, Watts{500});
  sample.put<Quantity::active_power>(1, Watts{-200});

  const auto power = [&](std::vector<ChannelUse> uses) {
    return active_power(circuit("c", std::move(uses)), "meter-1", sample);
  };

  EXPECT_EQ(power({{"meter-1", 0, 1}, {"meter-1", 1, 1}}), Watts{300});
  EXPECT_EQ(power({{"meter-1", 0, 2}}), Watts{1000});
  EXPECT_EQ(power({{"meter-1", 1, -1}}), Watts{200});
}

TEST(Home, APowerThatWasNotMeasuredIsAbsentAndNotZero) {
  Sample sample(1);
  sample.put<Quantity::active_power>(0, Watts{500});

  const auto power = [&](std::vector<ChannelUse> uses) {
    return active_power(circuit("c", std::move(uses)), "meter-1", sample);
  };

  EXPECT_EQ(power({}), std::nullopt) << "no clamp";
  EXPECT_EQ(power({{"meter-1", 0, 1}, {"meter-1", 1, 1}}), std::nullopt) << "one clamp is silent";
  EXPECT_EQ(power({{"meter-1", 3, 1}}), std::nullopt) << "the meter has no such channel";
  EXPECT_EQ(power({{"meter-2", 0, 1}}), std::nullopt) << "another meter's clamp";
}

TEST(Home, ABreakerMayCarryItsRatingTimesTheVoltageItSwitches) {
  const auto capacity = [](int phases, double volts, int poles, double rating_a) {
    Home home;
    home.phases = phases;
    home.nominal_voltage_v = volts;
    Circuit breaker;
    breaker.poles = poles;
    breaker.rating_a = rating_a;
    return capacity_w(home, breaker);
  };

  EXPECT_EQ(capacity(2, 120, 1, 20), 2400);         // 20 A x 120 V.
  EXPECT_EQ(capacity(2, 120, 2, 30), 7200);         // 30 A x 240 V between the legs.
  EXPECT_EQ(capacity(1, 230, 2, 16), 3680);         // 16 A x 230 V: phase and neutral.
  EXPECT_EQ(capacity(3, 230, 3, 16), 11040);        // 3 x 16 A x 230 V.
  EXPECT_EQ(capacity(3, 230, 4, 16), 11040);        // The fourth pole is the neutral.
  EXPECT_EQ(capacity(2, 120, 1, 0), std::nullopt);  // Nobody knows.
}

TEST(Home, AWattHourIsCountedByOneCircuitAndThoseAboveIt) {
  EXPECT_EQ(fault([](Home& home) {
              home.panels[0].circuits[3].channels = {{"meter-1", 3, 1}};
            }),
            "")
      << "the car hangs under the garage and may share its clamp";
  EXPECT_EQ(fault([](Home& home) {
              home.panels[0].circuits[3].channels = {{"meter-1", 3, 1}};
              std::swap(home.panels[0].circuits[2], home.panels[0].circuits[3]);
            }),
            "")
      << "whichever stands first on the wall";
  EXPECT_EQ(fault([](Home& home) {
              home.panels[0].circuits[3].channels = {{"meter-1", 0, 1}};
            }),
            "")
      << "the mains are above the garage and so above the car";
  EXPECT_EQ(fault([](Home& home) {
              home.panels[0].circuits[3].channels = {{"meter-2", 2, 1}};
            }),
            "")
      << "channel 2 of another meter is another clamp";
  EXPECT_THAT(fault([](Home& home) {
                home.panels[0].circuits[3].channels = {{"meter-1", 2, 1}};
              }),
              AllOf(HasSubstr("\"oak-street\""), HasSubstr("\"car\""), HasSubstr("channel 2"),
                    HasSubstr("\"dryer\""), HasSubstr("take it out of one of them")));
  EXPECT_THAT(fault([](Home& home) {
                home.panels[0].circuits[1].channels = {{"meter-1", 2, 1}, {"meter-1", 2, 1}};
              }),
              HasSubstr("counts channel 2 twice"));
}

TEST(Home, EachFaultOfACircuitIsSaidWithItsPlaceAndItsRemedy) {
  struct Case {
    std::function<void(Circuit&)> bend;  // The dryer.
    const char* said;
  };
  const Case cases[] = {
      {[](Circuit& c) { c.parent = "roof"; }, "its parent \"roof\" is not on this panel"},
      {[](Circuit& c) { c.parent = "dryer"; }, "parents lead back to itself"},
      {[](Circuit& c) { c.id = "garage"; }, "has the same id"},
      {[](Circuit& c) { c.id = "Dryer"; }, "a-z, 0-9"},
      {[](Circuit& c) { c.id = ""; }, "a-z, 0-9"},
      {[](Circuit& c) { c.name = ""; }, "1 to 120 characters"},
      {[](Circuit& c) { c.name = std::string(121, 'x'); }, "1 to 120 characters"},
      {[](Circuit& c) { c.name = "\xC3"; }, "1 to 120 characters"},
      {[](Circuit& c) { c.name = "\xC0\x80"; }, "1 to 120 characters"},
      {[](Circuit& c) { c.room = std::string(121, 'x'); }, "at most 120 characters"},
      {[](Circuit& c) { c.rating_a = -1; }, "printed on the breaker"},
      {[](Circuit& c) { c.rating_a = std::nan(""); }, "printed on the breaker"},
      {[](Circuit& c) { c.poles = 5; }, "5 poles"},
      {[](Circuit& c) { c.position = -1; }, "count places from 1"},
      {[](Circuit& c) {
         c.legs = {1, 3};
       },
       "leg 3"},
      {[](Circuit& c) {
         c.legs = {2, 2};
       },
       "leg 2 twice"},
      {[](Circuit& c) {
         c.channels = {{"Meter 1", 2, 1}};
       },
       "its meter \"Meter 1\""},
      {[](Circuit& c) {
         c.channels = {{std::string(33, 'm'), 2, 1}};
       },
       "at most 32"},
      {[](Circuit& c) {
         c.channels = {{"meter-1", 42, 1}};
       },
       "no channel 42"},
      {[](Circuit& c) {
         c.channels = {{"meter-1", 2, 0}};
       },
       "multiplier 0"},
      {[](Circuit& c) {
         c.channels = {{"meter-1", 2, 1}, {"meter-2", 2, 1}};
       },
       "to one meter"},
  };
  for (const auto& [bend, said] : cases) {
    EXPECT_THAT(fault([&](Home& home) { bend(home.panels[0].circuits[1]); }),
                AllOf(HasSubstr("Home \"oak-street\", circuit"), HasSubstr(said)));
  }
}

TEST(Home, ALoopOfParentsIsFoundFromOutsideItToo) {
  const auto said = fault([](Home& home) {
    home.panels[0].circuits[0].parent = "garage";  // mains -> garage -> mains; dryer -> mains.
  });

  EXPECT_THAT(said, HasSubstr("parents lead back to itself"));
}

TEST(Home, ANameMayHave120CharactersOfAnyAlphabet) {
  std::string name;
  for (int i = 0; i < 120; ++i) name += "日";  // Three bytes each.

  EXPECT_EQ(fault([&](Home& home) { home.panels[0].circuits[1].name = name; }), "");
  EXPECT_THAT(fault([&](Home& home) { home.panels[0].circuits[1].name = name + "日"; }),
              HasSubstr("1 to 120 characters"));
}

TEST(Home, EachFaultOfTheHomeIsSaidWithItsRemedy) {
  struct Case {
    std::function<void(Home&)> bend;
    const char* said;
  };
  const Case cases[] = {
      {[](Home& h) { h.id = "a/b"; }, "its id \"a/b\""},
      {[](Home& h) { h.name = ""; }, "its name"},
      {[](Home& h) { h.zone = ""; }, "time zone"},
      {[](Home& h) { h.country = "us"; }, "its country \"us\""},
      {[](Home& h) { h.currency = "$"; }, "its currency \"$\""},
      {[](Home& h) { h.nominal_voltage_v = 0; }, "voltage of 0 V"},
      {[](Home& h) { h.line_frequency_hz = 55; }, "50 or 60"},
      {[](Home& h) { h.phases = 4; }, "4 phases"},
      {[](Home& h) { h.price_per_kwh = std::nan(""); }, "price"},
      {[](Home& h) { h.panels.clear(); }, "no panel"},
      {[](Home& h) { h.panels.push_back(h.panels[0]); }, "panel 2: it is not valid later"},
      {[](Home& h) { h.panels[0].circuits.resize(501); }, "501 circuits and may have 500"},
  };
  for (const auto& [bend, said] : cases) EXPECT_THAT(fault(bend), HasSubstr(said));
}

TEST(Home, AFaultOfALaterPanelIsFoundThere) {
  auto home = house();
  home.panels.push_back(home.panels[0]);
  home.panels[1].valid_from = Timestamp{1h};
  home.panels[1].circuits[2].poles = 0;

  const auto found = find_fault(home);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->panel, 1u);
  EXPECT_EQ(found->circuit, 2u);
}

// One board: two chips, the bus where CircuitSetup puts it.
Meter board() {
  Meter meter;
  meter.id = "meter-1";
  meter.chips = {MeterChip{.cs_pin = 5}, MeterChip{.cs_pin = 4}};
  return meter;
}

TEST(Home, AMeterOfSevenBoardsHasFourteenChips) {
  auto meter = board();
  EXPECT_EQ(meter.boards(), 1u);
  meter.chips.pop_back();
  EXPECT_EQ(meter.boards(), 1u) << "a split single-phase board has one chip";
  meter.chips.resize(14);
  EXPECT_EQ(meter.boards(), 7u);
}

TEST(Home, AMeterThatCannotBeIsRefused) {
  struct Case {
    std::function<void(Meter&)> bend;
    const char* said;
  };
  const Case cases[] = {
      {[](Meter& m) { m.id = "Meter 1"; }, "its id must be"},
      {[](Meter& m) { m.id = std::string(33, 'a'); }, "at most 32"},
      {[](Meter& m) { m.nominal_voltage_v = std::nan(""); }, "voltage"},
      {[](Meter& m) { m.line_frequency_hz = 55; }, "must be 50 or 60"},
      {[](Meter& m) { m.period = 199ms; }, "period of 199 ms"},
      {[](Meter& m) { m.period = 3'600'001ms; }, "period of 3600001 ms"},
      {[](Meter& m) { m.clock_pin = 64; }, "no pin 64"},
      {[](Meter& m) { m.miso_pin = 18; }, "two lines of its bus"},
      {[](Meter& m) { m.chips.clear(); }, "0 chips"},
      {[](Meter& m) { m.chips.resize(15); }, "15 chips"},
      {[](Meter& m) { m.chips[1].cs_pin = -1; }, "chip 2: its cs_pin -1"},
      {[](Meter& m) { m.chips[1].cs_pin = 23; }, "chip 2: its cs_pin 23 is one of the bus"},
      {[](Meter& m) { m.chips[1].cs_pin = 5; }, "chip 2: its cs_pin 5 is that of chip 1"},
      {[](Meter& m) { m.chips[0].pga = 3; }, "chip 1: its pga of 3"},
      {[](Meter& m) { m.chips[0].channels[2].current_gain = 0; }, "clamp 3, its current_gain of 0"},
      {[](Meter& m) { m.chips[0].channels[0].current_gain = 65536; }, "current_gain of 65536"},
      {[](Meter& m) { m.chips[0].channels[0].voltage_gain = 0; }, "voltage_gain of 0"},
      {[](Meter& m) { m.chips[0].channels[0].multiplier = 0; }, "multiplier of 0"},
      {[](Meter& m) { m.chips[0].channels[0].multiplier = 256; }, "multiplier of 256"},
      {[](Meter& m) { m.chips[0].channels[0].voltage_offset = -32769; }, "voltage_offset"},
      {[](Meter& m) { m.chips[0].channels[0].current_offset = 32768; }, "current_offset"},
      {[](Meter& m) { m.chips[0].channels[0].active_offset = 32768; }, "active_offset"},
      {[](Meter& m) { m.chips[0].channels[0].reactive_offset = 32768; }, "reactive_offset"},
  };
  EXPECT_EQ(fault([](Home& home) { home.meters = {board()}; }), "");
  for (const auto& [bend, said] : cases) {
    const auto sentence = fault([&](Home& home) {
      home.meters = {board()};
      bend(home.meters[0]);
    });
    EXPECT_THAT(sentence, AllOf(HasSubstr("Home \"oak-street\", meter \""), HasSubstr(said)));
  }
  EXPECT_THAT(fault([](Home& home) {
                home.meters = {board(), board()};
              }),
              HasSubstr("another meter has the same id"));
}

}  // namespace
}  // namespace hub
