#include "measurement/manifest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace measurement {
namespace {

TEST(ManifestTest, AVersionIsThreeNumbersWrittenInOneWay) {
  EXPECT_EQ(version_of("1.4.0"), (Version{1, 4, 0}));
  EXPECT_LT(version_of("1.4.9"), version_of("1.4.10"));
  for (const auto text : {"", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.", "1..3", "-1.2.3",
                          "1.2.65536", "1.2.3 ", "+1.2.3"}) {
    EXPECT_EQ(version_of(text), std::nullopt) << text;
  }
}

TEST(ManifestTest, WhatIsCutChangedOrLongerIsNone) {
  std::ifstream file(LENZ_SOURCE_DIR "/tests/golden/update_v1");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  ASSERT_TRUE(read_manifest(text));

  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(read_manifest(std::string_view(text).substr(0, size))) << size;
  }
  EXPECT_FALSE(read_manifest(text + "x"));
  EXPECT_FALSE(read_manifest(text + std::string(max_manifest, '\n')));
  auto plain = text;
  plain.replace(plain.find("https"), 5, "http");
  EXPECT_FALSE(read_manifest(plain));
}

}  // namespace
}  // namespace measurement
