#include "hub/files/disk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>

namespace hub {
namespace {

using testing::ElementsAre;

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class DiskTest : public testing::Test {
 protected:
  DiskTest() {
    std::string name = (std::filesystem::temp_directory_path() / "lenz_disk_XXXXXX").string();
    folder = mkdtemp(name.data());
    path = folder + "/file";
  }
  ~DiskTest() override { std::filesystem::remove_all(folder); }

  std::unique_ptr<File> create(const std::string& name) {
    return disk.open(name, How::create).value();
  }
  static std::string text_of(File& file) {
    std::string text(100, '?');
    const auto size = file.read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    return text.substr(0, size.value());
  }
  static mode_t mode_of(const std::string& path) {
    struct stat found {};
    EXPECT_EQ(::stat(path.c_str(), &found), 0);
    return found.st_mode & 0777;
  }

  Disk disk;
  std::string folder, path;
};

TEST_F(DiskTest, WhatWasWrittenIsReadAndGapsAreZero) {
  const auto file = create(path);

  ASSERT_TRUE(file->write(3, bytes("abcdef")));
  ASSERT_TRUE(file->resize(6));
  ASSERT_TRUE(file->sync());

  EXPECT_EQ(text_of(*file), std::string("\0\0\0abc", 6));
  EXPECT_EQ(file->size().value(), 6u);
  EXPECT_EQ(disk.size(path).value(), 6u);
  EXPECT_EQ(disk.written().bytes, 6u);
  EXPECT_EQ(disk.written().syncs, 1u);
}

TEST_F(DiskTest, WhatTheHubKeepsIsReadByNobodyElse) {
  ::umask(022);
  std::ofstream(folder + "/old") << "was readable";
  ASSERT_EQ(mode_of(folder + "/old"), 0644u);

  create(path);
  create(folder + "/old");
  ASSERT_TRUE(disk.make_folder(folder + "/a/b"));

  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_EQ(mode_of(folder + "/old"), 0600u);
  EXPECT_EQ(mode_of(folder + "/a"), 0700u);
  EXPECT_EQ(mode_of(folder + "/a/b"), 0700u);
}

TEST_F(DiskTest, AMissingFileIsToldFromOneThatIsRefused) {
  EXPECT_EQ(disk.open(path, How::write).error(), FileError::missing);
  EXPECT_EQ(disk.remove(path).error(), FileError::missing);
  EXPECT_EQ(disk.size(path).error(), FileError::missing);
  EXPECT_EQ(disk.list(path).error(), FileError::missing);
  EXPECT_EQ(disk.open(folder, How::create).error(), FileError::unavailable);
}

TEST_F(DiskTest, ARenamedFileTakesThePlaceOfTheOther) {
  ASSERT_TRUE(create(path)->write(0, bytes("new")));
  ASSERT_TRUE(create(folder + "/other")->write(0, bytes("old")));

  ASSERT_TRUE(disk.rename(path, folder + "/other"));
  ASSERT_TRUE(disk.sync_folder(folder));

  EXPECT_THAT(disk.list(folder).value(), ElementsAre("other"));
  EXPECT_EQ(text_of(*disk.open(folder + "/other", How::read).value()), "new");
}

TEST_F(DiskTest, ALockOfOneOpenFileKeepsOutAllOthersAndOtherProgramsToo) {
  const auto one = create(path), other = create(path);
  const auto program = ::open(path.c_str(), O_RDWR);
  struct flock whole {};
  whole.l_type = F_WRLCK;

  EXPECT_TRUE(one->lock(0, 10, Lock::shared).value());
  EXPECT_TRUE(other->lock(0, 10, Lock::shared).value());
  EXPECT_FALSE(other->lock(5, 1, Lock::exclusive).value());
  EXPECT_TRUE(other->is_locked(0, 10).value());
  EXPECT_FALSE(other->is_locked(10, 10).value());
  EXPECT_NE(::fcntl(program, F_SETLK, &whole), 0);
  EXPECT_TRUE(one->lock(0, 10, Lock::none).value());
  EXPECT_TRUE(other->lock(5, 1, Lock::exclusive).value());
  ASSERT_TRUE(other->lock(0, 10, Lock::none));
  EXPECT_EQ(::fcntl(program, F_SETLK, &whole), 0);
  EXPECT_FALSE(one->lock(0, 10, Lock::shared).value());
  ::close(program);
}

TEST_F(DiskTest, MappedMemoryIsTheFile) {
  const auto one = create(path), other = create(path);
  ASSERT_TRUE(one->resize(2 * File::map_unit));

  const auto mine = one->map(File::map_unit, 100).value();
  const auto theirs = other->map(File::map_unit, 100).value();
  mine[7] = 42;

  EXPECT_EQ(theirs[7], 42);
  std::uint8_t read = 0;
  ASSERT_TRUE(one->read(File::map_unit + 7, {&read, 1}));
  EXPECT_EQ(read, 42);
}

TEST_F(DiskTest, AFileHasOneNameWhateverLinksLeadToIt) {
  create(path);
  std::filesystem::create_symlink(path, folder + "/link");
  std::filesystem::create_directory_symlink(folder, folder + "/here");

  const auto full = std::filesystem::canonical(folder).string();
  EXPECT_EQ(disk.full_path(folder + "/link").value(), full + "/file");
  EXPECT_EQ(disk.full_path(folder + "/here/new").value(), full + "/new");
  EXPECT_EQ(disk.full_path(folder + "/nowhere/new").error(), FileError::missing);
}

TEST_F(DiskTest, TheRoomThatIsLeftIsTheSystems) {
  const auto space = std::filesystem::space(folder);

  const auto room = disk.room(folder).value();

  // Others write at the same time.
  EXPECT_NEAR(static_cast<double>(room), static_cast<double>(space.available), 1e9);
}

}  // namespace
}  // namespace hub
