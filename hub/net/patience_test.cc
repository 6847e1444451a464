#include "hub/net/patience.h"

#include <gtest/gtest.h>

namespace hub {
namespace {

using namespace std::chrono_literals;

TEST(Patience, APartnerThatIsAwayIsAskedLessAndLessOften) {
  Patience patience(1s, 30s);

  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) EXPECT_EQ(patience.after(0s), wait);
}

TEST(Patience, APartnerThatWasThereForAMinuteIsAskedAgainAtOnceButNotOneThatSentUsAway) {
  Patience patience(1s, 30s);
  for (int i = 0; i < 5; ++i) patience.after(0s);

  EXPECT_EQ(patience.after(59s), 30s);
  EXPECT_EQ(patience.after(60s), 1s);
  EXPECT_EQ(patience.after(0s), 2s);
}

}  // namespace
}  // namespace hub
