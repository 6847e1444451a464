#include "insight/identification/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace insight {
namespace {

using testing::HasSubstr;

Model small_model() {
  return {.card = "name: small\ndata: none\n", .parts = {{"kinds", "abc"}, {"mains", ""}}};
}

TEST(ModelTest, ItIsReadBackAsItWasWritten) {
  const auto read = read_model(bytes_of(small_model()));

  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read, small_model());
}

TEST(ModelTest, EveryDamageIsTold) {
  const auto bytes = bytes_of(small_model());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    EXPECT_FALSE(read_model(damaged)) << at;
    EXPECT_FALSE(read_model(std::string_view(bytes).substr(0, at))) << at;
  }
}

TEST(ModelTest, AnotherVersionIsNamed) {
  auto bytes = bytes_of(small_model());
  bytes[8] = 7;

  EXPECT_THAT(read_model(bytes).error(), HasSubstr("version 7"));
}

}  // namespace
}  // namespace insight
