#include "firmware/time_base.h"

#include <gtest/gtest.h>

namespace firmware {
namespace {

using std::chrono::milliseconds;

measurement::Timestamp at(std::int64_t ms) { return measurement::Timestamp(milliseconds(ms)); }

TEST(TimeBase, ASmallCorrectionOfTheClockMovesNoSample) {
  TimeBase base;
  EXPECT_EQ(base.settle(at(1'000'000)), at(1'000'000));
  EXPECT_EQ(base.settle(at(1'000'400)), at(1'000'000));
  EXPECT_EQ(base.settle(at(999'500)), at(1'000'000));
}

TEST(TimeBase, AClockThatWasWrongIsFollowed) {
  TimeBase base;
  base.settle(at(1'000'000));
  EXPECT_EQ(base.settle(at(1'000'501)), at(1'000'501));
  EXPECT_EQ(base.settle(at(1'000'100)), at(1'000'501)) << "within half a second of it";
}

}  // namespace
}  // namespace firmware
