#include "firmware/boards/linux/file_key_values.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace firmware::linux_board {
namespace {

class FileKeyValuesTest : public testing::Test {
 protected:
  ~FileKeyValuesTest() override { std::filesystem::remove_all(folder); }

  static std::string make_folder() {
    auto name = (std::filesystem::temp_directory_path() / "lenz-test-XXXXXX").string();
    return mkdtemp(name.data());
  }
  const std::string folder = make_folder();
  std::array<std::uint8_t, 8> read{};
};

TEST_F(FileKeyValuesTest, WhatWasPutIsThereAfterARestart) {
  const std::array<std::uint8_t, 3> first = {1, 2, 3}, second = {4, 5, 6};
  {
    FileKeyValues kept(folder + "/kept");
    EXPECT_TRUE(kept.put("words", first));
    EXPECT_TRUE(kept.put("words", second));
  }

  FileKeyValues again(folder + "/kept");

  EXPECT_EQ(again.get("words", read), 3u);
  EXPECT_EQ(read[0], 4);
  EXPECT_FALSE(again.get("others", read));
}

TEST_F(FileKeyValuesTest, WhatDoesNotFitIsNotRead) {
  FileKeyValues kept(folder);
  ASSERT_TRUE(kept.put("long", std::array<std::uint8_t, 9>{}));

  EXPECT_FALSE(kept.get("long", read));
}

TEST_F(FileKeyValuesTest, AWriteThatWasCutOffLeavesWhatWasThere) {
  FileKeyValues kept(folder);
  ASSERT_TRUE(kept.put("words", std::array<std::uint8_t, 3>{1, 2, 3}));
  std::ofstream(folder + "/words.part") << "x";

  EXPECT_EQ(kept.get("words", read), 3u);
  EXPECT_EQ(read[0], 1);
}

TEST_F(FileKeyValuesTest, ErasedIsErased) {
  FileKeyValues kept(folder);
  ASSERT_TRUE(kept.put("words", std::array<std::uint8_t, 3>{}));

  EXPECT_TRUE(kept.erase_all());

  EXPECT_FALSE(kept.get("words", read));
}

TEST_F(FileKeyValuesTest, AFolderThatCannotBeMadeIsNamed) {
  std::ofstream(folder + "/file") << "x";

  EXPECT_THROW(FileKeyValues(folder + "/file/kept"), std::runtime_error);
}

}  // namespace
}  // namespace firmware::linux_board
