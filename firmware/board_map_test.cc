#include "firmware/board_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace firmware {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string said(const Assembly& assembly, const Finding& finding) {
  std::array<char, 256> buffer;
  return std::string(sentence(assembly, finding, buffer));
}

std::vector<Finding> found(const Assembly& assembly, bool conflicts) {
  std::array<Finding, 32> all;
  const auto count = check(assembly, all);
  std::vector<Finding> chosen;
  for (std::size_t i = 0; i < count; ++i) {
    if (all[i].is_conflict() == conflicts) chosen.push_back(all[i]);
  }
  return chosen;
}

std::vector<std::string> conflicts(const Assembly& assembly) {
  std::vector<std::string> sentences;
  for (const auto& finding : found(assembly, true)) sentences.push_back(said(assembly, finding));
  return sentences;
}

std::vector<std::string> cares(const Assembly& assembly) {
  std::vector<std::string> sentences;
  for (const auto& finding : found(assembly, false)) sentences.push_back(said(assembly, finding));
  return sentences;
}

std::string room(const Assembly& assembly) {
  std::array<char, 320> buffer;
  return std::string(sentence_of_room(assembly, buffer));
}

TEST(BoardMap, EveryBoardWorksAsItIsSoldWithEachNumberOfAddOns) {
  for (std::size_t board = 0; board < boards; ++board) {
    const auto& map = map_of(static_cast<Board>(board));
    for (std::size_t add_ons = 0; add_ons <= map.max_add_ons; ++add_ons) {
      const Assembly assembly{.board = static_cast<Board>(board), .add_ons = add_ons};

      EXPECT_THAT(conflicts(assembly), IsEmpty()) << map.name << " with " << add_ons;
      std::set<Pin> selects;
      for (std::size_t chip = 0; chip < assembly.chips(); ++chip) {
        EXPECT_TRUE(selects.insert(assembly.chip_select(chip)).second) << map.name << " " << chip;
      }
    }
  }
}

TEST(BoardMap, ABoardIsFoundByItsName) {
  EXPECT_EQ(board_named("6ch-lilygo"), Board::six_channel_lilygo);
  EXPECT_EQ(board_named("split"), Board::split_single_phase);
  EXPECT_EQ(board_named("7ch"), std::nullopt);
}

TEST(BoardMap, AChipIsNamedByItsBoardItsJumperAndItsClamps) {
  const Assembly assembly{.add_ons = 2};
  std::array<char, 48> buffer;

  EXPECT_EQ(place_of_chip(assembly, 0, buffer), "the main board, CS at 5 (CT1-CT3)");
  EXPECT_EQ(place_of_chip(assembly, 5, buffer), "add-on 2, jumper CS2 at 17 (CT16-CT18)");
  EXPECT_EQ(place_of_chip({.board = Board::split_single_phase}, 0, buffer),
            "the board, CS at 5 (CT1 and CT2)");
  EXPECT_LE(place_of_chip({.board = Board::six_channel, .add_ons = 6}, 13, buffer).size(), 48u);
}

TEST(BoardMap, AJumperThatIsSetOtherwiseIsKnown) {
  Assembly assembly{.add_ons = 1};
  assembly.chip_selects[2] = 13;

  EXPECT_EQ(assembly.chip_select(2), 13);
  EXPECT_EQ(assembly.chip_select(3), 16);
}

TEST(BoardMap, TwoJumpersOnOnePinAreToldWithBothPlaces) {
  Assembly assembly{.add_ons = 2};
  assembly.chip_selects[4] = 0;  // Where the first add-on is.

  EXPECT_THAT(
      conflicts(assembly),
      ElementsAre("GPIO0 would be used for the chip on add-on 2, jumper CS at 0 (CT13-CT15) and "
                  "for the chip on add-on 1, jumper CS at 0 (CT7-CT9): give one of them another "
                  "pin."));
}

TEST(BoardMap, MoreAddOnsThanJumpersAreRefused) {
  EXPECT_THAT(conflicts({.add_ons = 7}),
              ElementsAre("The 6-channel board with an ESP32 takes 6 add-ons and not 7: say how "
                          "many are stacked."));
  EXPECT_EQ(conflicts({.board = Board::split_single_phase, .add_ons = 1}).size(), 1u);
}

TEST(BoardMap, PinsThatCannotServeSayWhy) {
  Assembly assembly;
  assembly.modem = {.transmit = 35, .receive = 33};
  assembly.status_led = 6;

  EXPECT_THAT(conflicts(assembly),
              ElementsAre("GPIO35 can only be read, so it cannot be used for the modem's commands: "
                          "choose another.",
                          "GPIO33 cannot be used for the modem's answers, since interrupt outputs "
                          "of the metering chips drive it: choose another.",
                          "GPIO6 cannot be used for the status LED, since this controller has no "
                          "such pin or its flash is on it: choose another."));
}

TEST(BoardMap, AModemDoesNotTakeTheConsole) {
  Assembly assembly;
  assembly.modem = {.transmit = 1, .receive = 3};

  ASSERT_EQ(conflicts(assembly).size(), 2u);
  EXPECT_THAT(conflicts(assembly)[0], HasSubstr("the modem's commands and for the console"));
}

// What the vendor's maps leave of an ESP32: 12 to put out, 35, 36 and 39 to read.
TEST(BoardMap, SevenBoardsLeaveRoomForOneModemAndSaySo) {
  const Assembly assembly{.add_ons = 6};

  EXPECT_EQ(room(assembly),
            "Seven boards leave room for one AT modem: commands on GPIO12, answers on GPIO35, 36 "
            "or 39. GPIO12 needs a pull-down and no pull-up, since it must be low at start.");
}

TEST(BoardMap, AModemOnThePinThatIsLeftOfSevenBoardsWorksWithCare) {
  Assembly assembly{.add_ons = 6};
  assembly.modem = {.transmit = 12, .receive = 35};

  EXPECT_THAT(conflicts(assembly), IsEmpty());
  EXPECT_THAT(cares(assembly),
              ElementsAre(HasSubstr("GPIO2 is of the chip on add-on 3, jumper CS at 2 (CT19-CT21)"),
                          HasSubstr("GPIO12 must be low while the ESP32 starts")));
}

TEST(BoardMap, ASecondModemOnSevenBoardsFindsNoPin) {
  Assembly assembly{.add_ons = 6};
  assembly.modem = {.transmit = 12, .receive = 35};
  const auto left = room_of(assembly);

  ASSERT_TRUE(left);
  EXPECT_FALSE(left->fits_modem());
  EXPECT_THAT(room(assembly), HasSubstr("Seven boards leave no pins for a modem"));
}

TEST(BoardMap, ABareTransceiverNeedsOneBoardLess) {
  Assembly assembly{.add_ons = 6};
  assembly.transceiver.emplace();

  EXPECT_THAT(conflicts(assembly),
              ElementsAre("Seven boards leave no room for a bare transceiver, which needs two "
                          "outputs and an input: use an AT modem, or one board less."));
  assembly.add_ons = 5;
  EXPECT_THAT(conflicts(assembly), IsEmpty());
  EXPECT_THAT(room(assembly),
              HasSubstr("an AT modem or a bare transceiver: commands on GPIO15, 26 or "
                        "12, answers on GPIO35, 36 or 39"));
}

TEST(BoardMap, EachBoardLessFreesTwoOutputs) {
  for (std::size_t add_ons = 0; add_ons < 6; ++add_ons) {
    EXPECT_EQ(room_of({.add_ons = add_ons})->output_count,
              room_of({.add_ons = add_ons + 1})->output_count + 2);
  }
}

TEST(BoardMap, WhatIsNotKnownOfAnAdapterIsSaid) {
  const Assembly assembly{.board = Board::six_channel_waveshare};

  EXPECT_EQ(room_of(assembly), std::nullopt);
  EXPECT_THAT(room(assembly), HasSubstr("is not published: give a modem's pins yourself"));
}

TEST(BoardMap, PinsOfTheEthernetControllerAreTaken) {
  Assembly assembly{.board = Board::six_channel_lilygo};
  assembly.button = 13;

  EXPECT_THAT(conflicts(assembly),
              ElementsAre(HasSubstr("the button and for the Ethernet controller")));
}

TEST(BoardMap, EverySentenceFitsItsBufferWhole) {
  Assembly assembly{.board = Board::six_channel_waveshare, .add_ons = 6};
  std::array<char, 256> buffer;
  for (std::uint8_t trouble = 0; trouble <= static_cast<std::uint8_t>(Trouble::blocks_flashing);
       ++trouble) {
    const Finding finding{static_cast<Trouble>(trouble), 48, 13, 12};  // The longest names.
    EXPECT_EQ(sentence(assembly, finding, buffer).back(), '.');
  }
}

}  // namespace
}  // namespace firmware
