#include "hub/pairing.h"

#include <gtest/gtest.h>

namespace hub {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;

constexpr Timestamp noon{std::chrono::hours(12)};
constexpr Pairing::Random drawn = {0x00, 0x44, 0x32, 0x14, 0xC7};  // 00000 00001 00010 ... 00111

class PairingTest : public testing::Test {
 protected:
  Pairing pairing;
  void open() { pairing.open("home", "meter-2", drawn, noon); }
};

TEST_F(PairingTest, NobodyComesInWhileNoWindowIsOpen) {
  EXPECT_FALSE(pairing.window(noon));
  EXPECT_FALSE(pairing.claim("", noon));
  EXPECT_FALSE(pairing.claim("0000-0000", noon));
}

TEST_F(PairingTest, TheCodeLetsOneMeterInAndClosesTheWindow) {
  open();
  ASSERT_EQ(pairing.window(noon)->code, "0123-4567");

  const auto window = pairing.claim("0123-4567", noon + 1s);

  ASSERT_TRUE(window);
  EXPECT_EQ(window->home, "home");
  EXPECT_EQ(window->device, "meter-2");
  EXPECT_FALSE(pairing.claim("0123-4567", noon + 1s));
}

TEST_F(PairingTest, ACodeIsReadAsItWasMeant) {
  for (const std::string_view typed : {"o12345 67", "OI23 4567", "0l23-4567", "0123-4567"}) {
    open();
    EXPECT_TRUE(pairing.claim(typed, noon)) << typed;
  }
}

TEST_F(PairingTest, ItClosesAfterTenMinutes) {
  open();

  EXPECT_TRUE(pairing.window(noon + 10min - 1ms));
  EXPECT_FALSE(pairing.claim("0123-4567", noon + 10min));
  EXPECT_FALSE(pairing.claim("0123-4567", noon));  // Not by setting the clock back either.
}

TEST_F(PairingTest, AClockThatWasSetBackMakesItNoLonger) {
  open();

  EXPECT_FALSE(pairing.claim("0123-4567", noon - 1h));
}

TEST_F(PairingTest, ItClosesAfterFiveWrongCodes) {
  open();
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(pairing.claim("0123-4568", noon));
  EXPECT_TRUE(pairing.window(noon));

  EXPECT_FALSE(pairing.claim("", noon));

  EXPECT_FALSE(pairing.claim("0123-4567", noon));
}

TEST_F(PairingTest, ANewWindowClosesTheOneBefore) {
  open();
  pairing.open("home", "meter-3", {0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, noon);

  EXPECT_FALSE(pairing.claim("0123-4567", noon));
  EXPECT_EQ(pairing.claim("zzzz-zzzz", noon)->device, "meter-3");
}

}  // namespace
}  // namespace hub
