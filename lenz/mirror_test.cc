#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "lenz/commands.h"
#include "lenz/temporary_folder.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

TEST(MirrorResend, IsAskedOfTheHubByAFile) {
  const TemporaryFolder folder;
  const Workplace place(folder.path());
  std::ofstream(place.partners_file()) << "[victoriametrics]\nurl = \"http://v\"\n";

  EXPECT_EQ(mirror_resend({.data = folder.path()}), 0);

  EXPECT_TRUE(std::filesystem::exists(place.resend_file()));
}

TEST(MirrorResend, NeedsAFolderAndMakesNone) {
  const TemporaryFolder folder;
  const auto nowhere = folder.path() + "/nowhere";

  EXPECT_THAT([&] { mirror_resend({.data = nowhere}); },
              testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("no folder")));

  EXPECT_FALSE(std::filesystem::exists(nowhere));
}

TEST(MirrorResend, NeedsAMirror) {
  const TemporaryFolder folder;

  EXPECT_THAT([&] { mirror_resend({.data = folder.path()}); },
              testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("names no mirror")));
}

}  // namespace
}  // namespace lenz
