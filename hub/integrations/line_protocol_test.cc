#include "hub/integrations/line_protocol.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hub {
namespace {

using namespace std::chrono_literals;

constexpr measurement::Timestamp noon{1'700'000'000'000ms};

TEST(LineProtocol, APointIsWrittenAsInTheReference) {
  const auto line =
      Line("weather").tag("location", "us-midwest").number("temperature", 82).at(noon);

  EXPECT_EQ(line, "weather,location=us-midwest temperature=82 1700000000000\n");
}

TEST(LineProtocol, WhatWouldSeparateIsEscaped) {
  const auto line = Line("my, \"m\"")
                        .tag("a key", "v=1,2 3")
                        .integer("k =,", -5)
                        .text("s", "say \"5, 6 = C:\\\"")
                        .at(noon);

  EXPECT_EQ(line,
            "my\\,\\ \"m\",a\\ key=v\\=1\\,2\\ 3 k\\ \\=\\,=-5i,s=\"say \\\"5, 6 = C:\\\\\\\"\" "
            "1700000000000\n");
}

TEST(LineProtocol, ANameThatHoldsALineDoesNotBecomeOne) {
  const auto line =
      Line("m\nx").tag("t", "a\nb v=1 5").tag("u", "end\\").text("s", "c\nd v=1").at(noon);

  EXPECT_EQ(line, "m\\ x,t=a\\ b\\ v\\=1\\ 5,u=end/ s=\"c d v=1\" 1700000000000\n");
}

TEST(LineProtocol, WhatIsNotANumberIsNotSaid) {
  Line line("power");
  line.tag("circuit", "")
      .number("a", std::nan(""))
      .number("b", -std::numeric_limits<double>::infinity());

  EXPECT_EQ(line.at(noon), std::nullopt);
  EXPECT_EQ(line.number("c", 0.1).at(noon), "power c=0.1 1700000000000\n");
}

TEST(LineProtocol, ADoubleComesBackAsItWas) {
  const double third = 1.0 / 3;

  const auto line = *Line("m").number("v", third).number("w", 1e21).at(noon);

  EXPECT_EQ(std::stod(line.substr(line.find("v=") + 2)), third);
  EXPECT_NE(line.find("w=1e+21 "), std::string::npos);
}

TEST(LineProtocol, AWholeNumberMayBeAsLargeAs64BitsHold) {
  EXPECT_EQ(Line("m").integer("n", std::numeric_limits<std::int64_t>::min()).at(noon),
            "m n=-9223372036854775808i 1700000000000\n");
}

}  // namespace
}  // namespace hub
