#include "firmware/settings.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "simulator/key_values.h"

namespace firmware {
namespace {

constexpr improv::HubAddress hub{"mqtts://hub.local:8883", "home", "cellar", "s3cret"};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Settings, WhatWasKeptIsThereAfterARestart) {
  simulator::KeyValues memory;
  Settings settings;
  ASSERT_TRUE(settings.keep_network(memory, "home net", "a password"));
  ASSERT_TRUE(settings.keep_names(memory, "cellar-meter", "Cellar panel"));
  ASSERT_TRUE(settings.keep_hub(memory, hub));
  ASSERT_TRUE(settings.keep_certificate(memory, 0, 6, bytes_of("abc")));
  EXPECT_FALSE(settings.has_hub()) << "half a certificate is none";
  ASSERT_TRUE(settings.keep_certificate(memory, 3, 6, bytes_of("def")));
  Assembly built{.board = Board::six_channel_lilygo, .add_ons = 3, .status_led = 42};
  built.chip_selects[4] = 40;
  ASSERT_TRUE(settings.keep_assembly(memory, built, 60));

  Settings again;
  again.load(memory);

  EXPECT_EQ(again.network.view(), "home net");
  EXPECT_EQ(again.password.view(), "a password");
  EXPECT_EQ(again.hostname.view(), "cellar-meter");
  EXPECT_EQ(again.title.view(), "Cellar panel");
  EXPECT_EQ(std::string(again.hub.c_str()), "mqtts://hub.local:8883");
  EXPECT_EQ(again.home.view(), "home");
  EXPECT_EQ(again.device.view(), "cellar");
  EXPECT_EQ(again.credential.view(), "s3cret");
  EXPECT_EQ(again.certificate.view(), "abcdef");
  EXPECT_TRUE(again.has_network() && again.has_hub());
  EXPECT_EQ(again.assembly.board, Board::six_channel_lilygo);
  EXPECT_EQ(again.assembly.chips(), 8u);
  EXPECT_EQ(again.assembly.chip_select(4), 40);
  EXPECT_EQ(again.assembly.status_led, 42);
  EXPECT_EQ(again.line_frequency, 60);
}

TEST(Settings, AMeterFromTheFactoryKnowsNothing) {
  simulator::KeyValues memory;
  Settings settings;
  settings.load(memory);

  EXPECT_FALSE(settings.has_network());
  EXPECT_FALSE(settings.has_hub());
  EXPECT_EQ(settings.assembly.chips(), 2u);
}

TEST(Settings, AHubWithoutEncryptionOrWithNamesOfNoHubIsRefused) {
  simulator::KeyValues memory;
  Settings settings;
  for (const auto& wrong : {improv::HubAddress{"mqtt://hub", "home", "cellar", "s"},
                            improv::HubAddress{"mqtts://", "home", "cellar", "s"},
                            improv::HubAddress{"mqtts://hub", "my/home", "cellar", "s"},
                            improv::HubAddress{"mqtts://hub", "home", "#", "s"}}) {
    EXPECT_FALSE(settings.keep_hub(memory, wrong)) << wrong.uri << wrong.home << wrong.device;
  }
  const std::string longest(65, 's');
  EXPECT_FALSE(settings.keep_hub(memory, {"mqtts://hub", "home", "cellar", longest}));
  EXPECT_FALSE(settings.has_hub());
}

TEST(Settings, PartsOfACertificateComeInOrder) {
  simulator::KeyValues memory;
  Settings settings;
  ASSERT_TRUE(settings.keep_certificate(memory, 0, 6, bytes_of("abc")));

  EXPECT_FALSE(settings.keep_certificate(memory, 4, 6, bytes_of("ef")));
  EXPECT_FALSE(settings.keep_certificate(memory, 3, 6, bytes_of("defg")));
  EXPECT_TRUE(memory.kept.empty());
  EXPECT_TRUE(settings.keep_certificate(memory, 0, 2, bytes_of("xy"))) << "begun anew";
  EXPECT_EQ(settings.certificate.view(), "xy");
}

TEST(Settings, AnAssemblyThatCannotWorkIsNotTakenFromMemory) {
  simulator::KeyValues memory;
  Settings settings;
  Assembly built{.add_ons = 2};
  built.chip_selects[4] = 5;  // The main board's.
  ASSERT_TRUE(settings.keep_assembly(memory, built, 50));

  Settings again;
  again.load(memory);

  EXPECT_EQ(again.assembly.add_ons, 0u);
}

TEST(Settings, WhatTheFlashDidNotTakeIsNotSaidToBeKept) {
  simulator::KeyValues memory;
  memory.works = false;
  Settings settings;

  EXPECT_FALSE(settings.keep_network(memory, "home net", "a password"));
  EXPECT_FALSE(settings.has_network());
  EXPECT_FALSE(settings.keep_hub(memory, hub));
  EXPECT_FALSE(Calibrations(memory).keep(0, {}));
}

TEST(Calibrations, SurviveWhenAllElseIsForgotten) {
  simulator::KeyValues settings, own;
  Settings meter;
  ASSERT_TRUE(meter.keep_network(settings, "home net", "a password"));
  ChannelConfig words{.voltage_gain = 7300, .current_gain = 27'500, .pga = 2, .multiplier = 2};
  words.active_offset = -7;
  words.phase_delay = 36;
  words.curve[0] = {.milliamperes = 50, .gain_ppm = 1200, .lead_microradians = -300};
  ASSERT_TRUE(Calibrations(own).keep(41, words));

  settings.erase_all();

  EXPECT_EQ(Calibrations(own).of(41), words);
  EXPECT_EQ(Calibrations(own).of(40), std::nullopt);
}

TEST(Calibrations, ADamagedOneIsNone) {
  simulator::KeyValues own;
  ASSERT_TRUE(Calibrations(own).keep(3, {.current_gain = 27'500}));
  own.kept["channel_3"].resize(3);

  EXPECT_EQ(Calibrations(own).of(3), std::nullopt);
}

}  // namespace
}  // namespace firmware
