#include "firmware/boards/linux/file_storage.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>

namespace firmware::linux_board {
namespace {

class FileStorageTest : public testing::Test {
 protected:
  ~FileStorageTest() override { std::filesystem::remove_all(folder); }

  static std::string make_folder() {
    auto name = (std::filesystem::temp_directory_path() / "lenz-test-XXXXXX").string();
    return mkdtemp(name.data());
  }
  const std::string folder = make_folder();
};

TEST_F(FileStorageTest, WhatWasWrittenIsThereAfterARestart) {
  const std::array<std::uint8_t, 3> written = {1, 2, 3};
  { EXPECT_TRUE(FileStorage(folder + "/outbox", 4096).write(100, written)); }

  FileStorage again(folder + "/outbox", 4096);
  std::array<std::uint8_t, 3> read{};

  EXPECT_TRUE(again.read(100, read));
  EXPECT_EQ(read, written);
  EXPECT_EQ(std::filesystem::file_size(folder + "/outbox"), 4096u);
}

TEST_F(FileStorageTest, OnlyItsOwnerCanReadIt) {
  const FileStorage storage(folder + "/outbox", 4096);

  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder + "/outbox").permissions() & perms::all,
            perms::owner_read | perms::owner_write);
}

TEST_F(FileStorageTest, AFolderThatDoesNotExistIsNamedWithTheRemedy) {
  try {
    FileStorage(folder + "/nowhere/outbox", 4096);
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(folder + "/nowhere/outbox"), std::string::npos) << text;
    EXPECT_NE(text.find("check that its folder exists"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace firmware::linux_board
