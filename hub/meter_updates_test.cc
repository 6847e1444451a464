#include "hub/meter_updates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MeterUpdatesTest : public testing::Test {
 protected:
  bool is_up = true;
  std::vector<std::string> sent, said;
  MeterUpdates updates{[this](std::string_view home, std::string_view device,
                              std::string_view manifest) {
    if (is_up)
      sent.push_back(std::string(home) + "/" + std::string(device) + "/" + std::string(manifest));
    return is_up;
  }};
  bool tell(const std::string& device, const std::string& manifest) {
    return updates.tell("home", device, manifest, [this, manifest](std::string_view sentence) {
      said.push_back(manifest + ": " + std::string(sentence));
    });
  }
};

TEST_F(MeterUpdatesTest, WhatAMeterSaysIsOfTheLatestThatItWasTold) {
  EXPECT_TRUE(tell("meter-1", "a"));
  EXPECT_TRUE(tell("meter-1", "b"));
  EXPECT_TRUE(tell("meter-2", "b"));
  EXPECT_THAT(sent, ElementsAre("home/meter-1/a", "home/meter-1/b", "home/meter-2/b"));

  updates.heard("home", "meter-1", "It is written.");
  updates.heard("home", "meter-1", "Once more.");
  updates.heard("other", "meter-2", "Not from here.");

  EXPECT_THAT(said, ElementsAre("b: It is written."));
}

TEST_F(MeterUpdatesTest, WithoutABrokerNothingIsTold) {
  is_up = false;

  EXPECT_FALSE(tell("meter-1", "a"));
  updates.heard("home", "meter-1", "What?");

  EXPECT_THAT(said, IsEmpty());
}

TEST_F(MeterUpdatesTest, WhatIsSaidIsAShortTextAndNoMore) {
  tell("meter-1", "a");
  tell("meter-2", "b");

  updates.heard("home", "meter-1", "\x1b[2J\xff<b>");
  updates.heard("home", "meter-2", std::string(5'000, 'x'));

  EXPECT_THAT(said, ElementsAre("a: ?[2J?<b>", "b: " + std::string(200, 'x')));
}

}  // namespace
}  // namespace hub
