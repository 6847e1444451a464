#include "hub/files/simulated_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string_view>

#include "hub/files/disk.h"

namespace hub {
namespace {

using Failing = SimulatedDisk::Failing;
using testing::ElementsAre;
using testing::IsEmpty;

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string text_of(File& file) {
  std::string text(file.size().value(), '?');
  const auto size = file.read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text.substr(0, size.value());
}

std::string text_of(Files& files, const std::string& path) {
  const auto file = files.open(path, How::read);
  return file ? text_of(**file) : "no file";
}

std::string sectors(std::string_view letters) {
  std::string text;
  for (const char letter : letters) text += std::string(512, letter);
  return text;
}

// A file of two sectors, synced with its name.
class SimulatedDiskTest : public testing::Test {
 protected:
  SimulatedDiskTest() {
    EXPECT_TRUE(disk.make_folder("/data"));
    file = disk.open(path, How::create).value();
    EXPECT_TRUE(file->write(0, bytes(sectors("ab"))));
    EXPECT_TRUE(file->sync());
    EXPECT_TRUE(disk.sync_folder("/data"));
  }

  // What may be found after a power cut now.
  std::set<std::string> found(PowerCut cut, int seeds = 200) {
    std::set<std::string> texts;
    for (int seed = 0; seed < seeds; ++seed) {
      texts.insert(text_of(*disk.crash_image(static_cast<std::uint64_t>(seed), cut), path));
    }
    return texts;
  }

  SimulatedDisk disk;
  const std::string path = "/data/file";
  std::unique_ptr<File> file;
};

TEST_F(SimulatedDiskTest, WhatWasSyncedSurvivesEveryPowerCut) {
  for (const auto cut : power_cuts) EXPECT_THAT(found(cut), ElementsAre(sectors("ab")));
}

TEST_F(SimulatedDiskTest, WhatWasNotSyncedMayBeGoneOrThereOrThereInPart) {
  ASSERT_TRUE(file->write(0, bytes(sectors("AB"))));

  EXPECT_THAT(found(PowerCut::dropped), ElementsAre(sectors("ab")));
  EXPECT_THAT(found(PowerCut::kept), ElementsAre(sectors("AB")));
  EXPECT_THAT(found(PowerCut::reordered),
              ElementsAre(sectors("AB"), sectors("Ab"), sectors("aB"), sectors("ab")));
  EXPECT_EQ(text_of(*file), sectors("AB")) << "this disk goes on";
}

TEST_F(SimulatedDiskTest, AnEarlierMomentOfASectorMayBeFoundButNothingThatNeverWas) {
  ASSERT_TRUE(file->write(0, bytes("1")));
  ASSERT_TRUE(file->write(1, bytes("2")));

  std::set<std::string> begins;
  for (const auto& text : found(PowerCut::reordered)) begins.insert(text.substr(0, 3));
  EXPECT_THAT(begins, ElementsAre("12a", "1aa", "aaa"));
}

TEST_F(SimulatedDiskTest, OfTheLastSectorHalfMayBeNewAndTheRestIsAsItWas) {
  ASSERT_TRUE(file->write(0, bytes(sectors("AB"))));

  bool has_new_end = false, has_new_begin = false;
  for (const auto& text : found(PowerCut::torn)) {
    ASSERT_EQ(text.substr(0, 512), sectors("A"));
    const auto last = text.substr(512);
    has_new_begin |= last.front() == 'B' && last.back() == 'b';
    has_new_end |= last.front() == 'b' && last.back() == 'B';
    EXPECT_EQ(last.find_first_not_of("bB"), std::string::npos);
  }
  EXPECT_TRUE(has_new_begin && has_new_end);
}

TEST_F(SimulatedDiskTest, ASizeMaySurviveWithoutWhatWasWrittenThere) {
  ASSERT_TRUE(file->write(1024, bytes(sectors("C"))));

  EXPECT_THAT(found(PowerCut::reordered),
              ElementsAre(sectors("ab"), sectors("ab") + std::string(512, '\0'), sectors("abC")));
}

TEST_F(SimulatedDiskTest, ACutOffEndMayBeBack) {
  ASSERT_TRUE(file->resize(100));

  EXPECT_THAT(found(PowerCut::dropped), ElementsAre(sectors("ab")));
  EXPECT_THAT(found(PowerCut::kept), ElementsAre(std::string(100, 'a')));
  EXPECT_THAT(found(PowerCut::reordered), ElementsAre(std::string(100, 'a'), sectors("ab")));
}

TEST_F(SimulatedDiskTest, ANewNameMayVanishUntilItsFolderIsSynced) {
  const auto made = disk.open("/data/new", How::create).value();
  ASSERT_TRUE(made->write(0, bytes("new")));
  ASSERT_TRUE(made->sync());

  EXPECT_EQ(text_of(*disk.crash_image(1, PowerCut::dropped), "/data/new"), "no file");
  EXPECT_EQ(text_of(*disk.crash_image(1, PowerCut::kept), "/data/new"), "new");
  ASSERT_TRUE(disk.sync_folder("/data"));
  EXPECT_EQ(text_of(*disk.crash_image(1, PowerCut::dropped), "/data/new"), "new");
}

TEST_F(SimulatedDiskTest, ARenamedFileIsFoundUnderEitherNameAndNeverUnderNone) {
  const auto made = disk.open("/data/new", How::create).value();
  ASSERT_TRUE(made->write(0, bytes("new")));
  ASSERT_TRUE(made->sync());
  ASSERT_TRUE(disk.sync_folder("/data"));
  ASSERT_TRUE(disk.rename("/data/new", path));

  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto image = disk.crash_image(seed, PowerCut::reordered);
    const bool is_renamed = !image->open("/data/new", How::read);
    seen.insert(text_of(*image, path).substr(0, 3));
    EXPECT_EQ(is_renamed, text_of(*image, path) == "new");
  }
  EXPECT_THAT(seen, ElementsAre("aaa", "new"));
}

TEST_F(SimulatedDiskTest, ARemovedFileMayBeBack) {
  ASSERT_TRUE(disk.remove(path));

  EXPECT_THAT(disk.list("/data").value(), IsEmpty());
  EXPECT_THAT(found(PowerCut::dropped), ElementsAre(sectors("ab")));
  ASSERT_TRUE(disk.sync_folder("/data"));
  EXPECT_THAT(found(PowerCut::dropped), ElementsAre("no file"));
}

TEST_F(SimulatedDiskTest, AfterAFailedSyncALaterOneTellsNothingOfWhatWasWrittenBefore) {
  std::set<std::string> survivors;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(file->write(0, bytes(sectors("ab"))));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(file->write(0, bytes(sectors("AB"))));
    disk.fail_after(0, FileError::unavailable, Failing::once);

    EXPECT_EQ(file->sync().error(), FileError::unavailable);
    EXPECT_TRUE(file->sync());

    EXPECT_EQ(text_of(*file), sectors("AB")) << "readers see no difference";
    survivors.insert(text_of(*disk.crash_image(1, PowerCut::kept), path));
  }
  EXPECT_THAT(survivors, ElementsAre(sectors("AB"), sectors("Ab"), sectors("aB"), sectors("ab")));
  ASSERT_TRUE(file->write(0, bytes(sectors("AB"))));
  ASSERT_TRUE(file->sync());
  EXPECT_THAT(found(PowerCut::dropped), ElementsAre(sectors("AB"))) << "written again, it is there";
}

TEST_F(SimulatedDiskTest, ASizeThatAFailedSyncHasLostComesBackWithWhatIsWrittenAgain) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(file->write(1024, bytes(sectors("CD"))));
    disk.fail_after(0, FileError::unavailable, Failing::once);
    ASSERT_FALSE(file->sync());

    ASSERT_TRUE(file->write(1024, bytes(sectors("CD"))));
    ASSERT_TRUE(file->sync());

    EXPECT_THAT(found(PowerCut::dropped, 1), ElementsAre(sectors("abCD")));
    ASSERT_TRUE(file->resize(1024));
    ASSERT_TRUE(file->sync());
  }
}

TEST_F(SimulatedDiskTest, TheCallThatIsToFailFailsOnceOrFromThenOn) {
  const auto results = [this](Failing failing) {
    disk.fail_after(1, FileError::full, failing);
    std::string answers;
    for (int i = 0; i < 4; ++i) answers += file->size() ? 'y' : 'n';
    disk.heal();
    return answers + (file->size() ? 'y' : 'n');
  };

  EXPECT_EQ(results(Failing::once), "ynyyy");
  EXPECT_EQ(results(Failing::always), "ynnny");
}

TEST_F(SimulatedDiskTest, AFullDiskTakesWhatFitsAndSaysSo) {
  disk.set_capacity(1500);

  EXPECT_EQ(disk.room("/data").value(), 476u);
  EXPECT_EQ(file->write(1024, bytes(sectors("C"))).error(), FileError::full);
  EXPECT_EQ(file->size().value(), 1500u);
  EXPECT_EQ(disk.room("/data").value(), 0u);
  EXPECT_TRUE(file->write(0, bytes(sectors("AB")))) << "what is there can be written again";
  disk.set_capacity(2000);
  EXPECT_TRUE(file->write(1024, bytes(sectors("C"))));
}

TEST_F(SimulatedDiskTest, ATestIsCalledBeforeEachSync) {
  std::vector<std::string> seen;
  disk.before_sync = [&] {
    seen.push_back(text_of(*disk.crash_image(1, PowerCut::dropped), path));
  };
  ASSERT_TRUE(file->write(0, bytes(sectors("AB"))));

  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(disk.sync_folder("/data"));

  EXPECT_THAT(seen, ElementsAre(sectors("ab"), sectors("AB")));
}

// ---- The two worlds ----------------------------------------------------------------------------

// The same calls on both; what each answers, as text.
class TwoDisks {
 public:
  TwoDisks(Files& files, std::string folder, unsigned seed)
      : files_(files), folder_(std::move(folder)), random_(seed) {}

  std::string step() {
    const auto path = folder_ + "/" + std::string(1, static_cast<char>('a' + draw(3)));
    const auto slot = draw(4);
    auto& file = open_[slot];
    const auto offset = draw(3000), count = draw(2000);
    const auto pattern = Bytes(count, static_cast<std::uint8_t>(1 + draw(255)));
    const auto lock = static_cast<Lock>(draw(3));
    const auto call = draw(14);
    if (call >= 6 && !file) return "closed";
    switch (call) {
      case 0:
      case 1:
        return opened(file, files_.open(path, call == 0 ? How::create : How::write));
      case 2:
        return told(files_.remove(path));
      case 3:
        return told(files_.rename(path, folder_ + "/a"));
      case 4:
        return told(files_.size(path));
      case 5:
        return names(files_.list(folder_));
      case 6:
        file.reset();
        return "closed now";
      case 7:
      case 8:
        return told(file->write(offset, pattern));
      case 9:
        return told(file->resize(offset));
      case 10:
        return told(file->size());
      case 11: {
        Bytes into(count);
        const auto size = file->read(offset, into);
        return told(size) + std::string(into.begin(), into.end());
      }
      case 12:
        return told(file->lock(offset, 1 + count, lock)) + std::to_string(static_cast<int>(lock));
      default:
        return told(file->is_locked(offset, 1 + count)) + told(file->sync());
    }
  }

 private:
  using Bytes = std::vector<std::uint8_t>;

  std::size_t draw(std::size_t below) { return random_() % below; }

  static std::string opened(std::unique_ptr<File>& file,
                            std::expected<std::unique_ptr<File>, FileError> found) {
    if (!found) return told(std::expected<void, FileError>(std::unexpected(found.error())));
    file = std::move(*found);
    return "open";
  }
  static std::string told(const std::expected<void, FileError>& done) {
    return done ? "done" : "error " + std::to_string(static_cast<int>(done.error()));
  }
  template <class Number>
  static std::string told(const std::expected<Number, FileError>& number) {
    return number ? std::to_string(*number)
                  : "error " + std::to_string(static_cast<int>(number.error()));
  }
  static std::string names(const std::expected<std::vector<std::string>, FileError>& names) {
    std::string text;
    for (const auto& name : names.value()) text += name + " ";
    return text;
  }

  Files& files_;
  std::string folder_;
  std::mt19937 random_;
  std::array<std::unique_ptr<File>, 4> open_;
};

TEST(BothDisks, AnswerAlikeWhateverIsAskedOfThem) {
  std::string name = (std::filesystem::temp_directory_path() / "lenz_disks_XXXXXX").string();
  const std::string folder = mkdtemp(name.data());
  for (unsigned seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Disk disk;
    SimulatedDisk simulated;
    const auto place = folder + "/" + std::to_string(seed);
    ASSERT_TRUE(disk.make_folder(place));
    ASSERT_TRUE(simulated.make_folder(place));
    TwoDisks real(disk, place, seed), other(simulated, place, seed);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(real.step(), other.step()) << "step " << i;
    EXPECT_EQ(disk.written().bytes, simulated.written().bytes);
  }
  std::filesystem::remove_all(folder);
}

TEST(BothDisks, ShareMappedMemoryAlike) {
  std::string name = (std::filesystem::temp_directory_path() / "lenz_disks_XXXXXX").string();
  const std::string folder = mkdtemp(name.data());
  Disk disk;
  SimulatedDisk simulated;
  ASSERT_TRUE(simulated.make_folder(folder));
  for (Files* files : {static_cast<Files*>(&disk), static_cast<Files*>(&simulated)}) {
    const auto one = files->open(folder + "/file", How::create).value();
    const auto other = files->open(folder + "/file", How::create).value();
    ASSERT_TRUE(one->write(0, bytes("ab")));
    ASSERT_TRUE(one->resize(2 * File::map_unit));
    const auto mine = one->map(0, File::map_unit).value();
    const auto theirs = other->map(0, File::map_unit).value();

    mine[1] = 'B';
    ASSERT_TRUE(other->write(2, bytes("c")));

    EXPECT_EQ(std::string(theirs.begin(), theirs.begin() + 4), std::string("aBc\0", 4));
    EXPECT_EQ(text_of(*one).substr(0, 3), "aBc");
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace hub
