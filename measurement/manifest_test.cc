#include "measurement/manifest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace measurement {
namespace {

std::string golden_update() {
  std::ifstream file(LENZ_SOURCE_DIR "/tests/golden/update_v2", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ManifestTest, AVersionIsThreeNumbersWrittenInOneWay) {
  EXPECT_EQ(version_of("1.4.0"), (Version{1, 4, 0}));
  EXPECT_LT(version_of("1.4.9"), version_of("1.4.10"));
  for (const auto text : {"", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.", "1..3", "-1.2.3",
                          "1.2.65536", "1.2.3 ", "+1.2.3"}) {
    EXPECT_EQ(version_of(text), std::nullopt) << text;
  }
}

TEST(ManifestTest, WhatIsCutChangedOrLongerIsNone) {
  const auto whole = golden_update();
  const std::string text(signed_image(whole).value().manifest);
  ASSERT_TRUE(read_manifest(text));

  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(read_manifest(std::string_view(text).substr(0, size))) << size;
  }
  EXPECT_FALSE(read_manifest(text + "x"));
  EXPECT_FALSE(read_manifest(text + std::string(max_manifest, '\n')));
}

TEST(ManifestTest, AnUpdateIsAManifestAndItsImage) {
  const auto file = golden_update();
  const auto update = signed_image(file);

  ASSERT_TRUE(update);
  EXPECT_EQ(update->image, "abc");
  EXPECT_EQ(read_manifest(update->manifest)->size, 3u);
  EXPECT_FALSE(signed_image(file.substr(1)));
  EXPECT_FALSE(signed_image(file.substr(0, update->manifest.size() - 1)));
  EXPECT_EQ(signed_image(update->manifest)->image, "");
}

}  // namespace
}  // namespace measurement
