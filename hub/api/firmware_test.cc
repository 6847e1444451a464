// Builds that are uploaded: what is taken, what is refused and why, and what is kept.

#include "hub/api/firmware.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "hub/api/firmware_build.h"
#include "hub/api/firmware_like.h"
#include "hub/api/shelf.h"
#include "hub/files/simulated_disk.h"

namespace hub {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;
using testing::HasSubstr;

constexpr Timestamp noon{std::chrono::hours(12)};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// Why a build is refused whose file was changed so.
std::string refusal_of(const BuildFiles& files) {
  const auto build = FirmwareBuild::of_file(tar_of(files));
  return build ? "taken" : build.error();
}

std::string refusal_with_arguments(std::string_view from, std::string_view to) {
  auto files = meter_build();
  auto& arguments = files["flasher_args.json"];
  arguments = replaced(arguments, from, to);
  return refusal_of(files);
}

std::string refusal_with_partition(const std::string& partition) {
  auto files = meter_build();
  auto& table = files["partition_table/partition-table.bin"];
  table = partition + table;
  return refusal_of(files);
}

TEST(FirmwareBuild, TellsWhatItIsAndWhereEachPartGoes) {
  const auto tar = tar_of(meter_build());

  const auto build = FirmwareBuild::of_file(tar);

  ASSERT_TRUE(build) << build.error();
  EXPECT_EQ(build->project, "lenz_meter");
  EXPECT_EQ(build->version, "0.3.1");
  EXPECT_EQ(build->chip, "esp32");
  EXPECT_EQ(build->flash_size, "4MB");
  ASSERT_EQ(build->parts.size(), 4u);
  EXPECT_EQ(build->parts[0].offset, 0x1000u);
  EXPECT_EQ(build->parts[3].name, "lenz_meter.bin");
  EXPECT_EQ(tar.substr(build->parts[2].at, build->parts[2].bytes), std::string(8192, '\xFF'));
  // head -c 20000 /dev/zero | tr "\0" b | sha256sum
  EXPECT_EQ(build->parts[0].sha256,
            "49a82a41772cfafe8b77be495a8d2fea49cd67100810a2911c12b524d6bf8b51");
}

TEST(FirmwareBuild, OfAnotherContentHasAnotherId) {
  auto files = meter_build();
  const auto first = FirmwareBuild::of_file(tar_of(files));
  files["lenz_meter.bin"].back() = 'c';

  EXPECT_EQ(FirmwareBuild::of_file(tar_of(meter_build()))->id, first->id);
  EXPECT_NE(FirmwareBuild::of_file(tar_of(files))->id, first->id);
}

TEST(FirmwareBuild, CalibrationAndSettingsAreNeverOverwritten) {
  // 20,000 bytes from 0x1000 end within 0x5fff: the fifth sector.
  EXPECT_THAT(refusal_with_partition(partition(1, 2, 0x5000, 0x1000, "cal")),
              HasSubstr("bootloader/bootloader.bin would overwrite the calibration"));
  EXPECT_EQ(refusal_with_partition(partition(1, 2, 0x6000, 0x1000, "cal")), "taken");
  EXPECT_THAT(refusal_with_partition(partition(1, 0x40, 0x20000, 0x1000, "cal")),
              HasSubstr("lenz_meter.bin would overwrite the calibration"));
  EXPECT_THAT(refusal_with_partition(partition(1, 2, 0x20000, 0x1000, "settings")),
              HasSubstr("the meter's settings (NVS)"));
  EXPECT_THAT(refusal_with_partition(partition(1, 4, 0x20000, 0x1000, "keys")),
              HasSubstr("the meter's settings (NVS)"));
  EXPECT_THAT(refusal_with_arguments("0xf000", "0xa000"), HasSubstr("ota_data_initial.bin would"));
}

TEST(FirmwareBuild, EachMistakeHasASentence) {
  EXPECT_THAT(refusal_with_arguments("0xf000", "0x5000"),
              HasSubstr("bootloader/bootloader.bin and ota_data_initial.bin overlap"));
  EXPECT_THAT(refusal_with_arguments("0x20000", "0x20010"), HasSubstr("at no multiple of 0x1000"));
  EXPECT_THAT(refusal_with_arguments("0x20000", "20000"), HasSubstr("at no multiple of 0x1000"));
  EXPECT_THAT(refusal_with_arguments("0x20000", "0x400000"), HasSubstr("beyond the flash of 4MB"));
  EXPECT_THAT(refusal_with_arguments("0x20000", "0xfffff000"), HasSubstr("beyond the flash"));
  EXPECT_THAT(refusal_with_arguments("ota_data_initial.bin", "../secret.bin"),
              HasSubstr("no path inside its folder"));
  EXPECT_THAT(refusal_with_arguments("ota_data_initial.bin", "other.bin"),
              HasSubstr("other.bin is missing"));
  EXPECT_THAT(refusal_with_arguments("\"esp32\"", "\"esp8266\""), HasSubstr("for no chip"));
  EXPECT_THAT(refusal_with_arguments("\"esp32\"", "\"esp32s3\""), HasSubstr("for another chip"));
  EXPECT_THAT(refusal_with_arguments("\"dio\", \"flash_size\"", "\"d o\", \"flash_size\""),
              HasSubstr("no flash_settings"));
  EXPECT_THAT(refusal_with_arguments("flash_files", "files"), HasSubstr("no flash_files"));
  EXPECT_THAT(refusal_with_arguments("{", ""), HasSubstr("no JSON"));
  EXPECT_THAT(refusal_with_arguments("\"app\"", "\"other\""), HasSubstr("no application"));

  auto files = meter_build();
  files["partition_table/partition-table.bin"] = "nothing";
  EXPECT_THAT(refusal_of(files), HasSubstr("is no partition table"));
  files = meter_build();
  files["ota_data_initial.bin"] = "";
  EXPECT_THAT(refusal_of(files), HasSubstr("ota_data_initial.bin is empty"));
  files = meter_build();
  files["lenz_meter.bin"] = std::string(200, 'x');
  EXPECT_THAT(refusal_of(files), HasSubstr("no image for an ESP32"));
  files = meter_build();
  files.erase("flasher_args.json");
  EXPECT_THAT(refusal_of(files), HasSubstr("There is no flasher_args.json"));
}

TEST(FirmwareBuild, ATarMayHoldOnlyPlainFilesInside) {
  for (const std::string name : {"/etc/passwd", "../x", "a/../../x", "a//b", "a\\b", "-x", "a b"}) {
    auto files = meter_build();
    files[name] = "x";
    EXPECT_THAT(refusal_of(files), HasSubstr("no path inside its folder")) << name;
  }
  EXPECT_THAT(FirmwareBuild::of_file(tar_of(meter_build(), '2')).error(),
              HasSubstr("no plain file"));
  EXPECT_THAT(FirmwareBuild::of_file("PK\x03\x04" + std::string(600, 'x')).error(),
              HasSubstr("no tar file"));
  EXPECT_THAT(FirmwareBuild::of_file("").error(), HasSubstr("no flasher_args.json"));
  const auto tar = tar_of(meter_build());
  EXPECT_THAT(FirmwareBuild::of_file(tar.substr(0, 6000)).error(),
              HasSubstr("ends in the middle of"));
}

TEST(FirmwareBuild, HasAStatedSize) {
  auto files = meter_build();
  files["large.bin"] = std::string(most_build_file_bytes, 'x');
  EXPECT_EQ(refusal_of(files), "taken");
  files["large.bin"] += 'x';
  EXPECT_THAT(refusal_of(files), HasSubstr("large.bin is larger than 16 MiB"));
  files["large.bin"].pop_back();
  files["other.bin"] = std::string(most_build_file_bytes, 'x');
  EXPECT_THAT(refusal_of(files), HasSubstr("larger than 32 MiB"));

  files = meter_build();
  for (int i = 0; files.size() < most_build_files; ++i) files[fmt::format("{}.map", i)] = "x";
  EXPECT_EQ(refusal_of(files), "taken");
  files["one_more.map"] = "x";
  EXPECT_THAT(refusal_of(files), HasSubstr("more than 32 files"));
}

// LENZ_SEED=n replays one run.
TEST(FirmwareBuild, WhateverIsSentIsTakenOrRefusedWithASentence) {
  const auto* given = std::getenv("LENZ_SEED");
  const auto seed = given ? std::strtoul(given, nullptr, 10) : std::random_device()();
  SCOPED_TRACE(fmt::format("LENZ_SEED={}", seed));
  std::mt19937 random(static_cast<std::mt19937::result_type>(seed));
  auto files = meter_build();
  files["bootloader/bootloader.bin"].resize(100);
  files["ota_data_initial.bin"].resize(100);
  const auto sound = tar_of(files);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    auto tar = sound;
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) {
      tar[random() % tar.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) tar.resize(random() % tar.size());

    const auto build = FirmwareBuild::of_file(tar);

    if (build) {
      for (const auto& part : build->parts) ASSERT_LE(part.at + part.bytes, tar.size());
    } else {
      ASSERT_TRUE(build.error().ends_with('.')) << build.error();
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

class FirmwareShelfTest : public testing::Test {
 protected:
  SimulatedDisk disk;
  FirmwareShelf shelf{disk, "data/firmware"};

  std::expected<FirmwareShelf::Kept, std::string> put(const std::string& tar, Timestamp now) {
    return shelf.put(tar, FirmwareBuild::of_file(tar).value(), now);
  }

  static std::string build(int version) {
    auto files = meter_build();
    files["lenz_meter.bin"] = image(0, "lenz_meter", fmt::format("0.{}", version));
    return tar_of(files);
  }
};

TEST_F(FirmwareShelfTest, KeepsABuildOverARestart) {
  const auto kept = put(build(1), noon);
  ASSERT_TRUE(kept) << kept.error();

  FirmwareShelf next(disk, "data/firmware");

  ASSERT_EQ(next.items().size(), 1u);
  EXPECT_EQ(next.items()[0].added, noon);
  EXPECT_EQ(next.items()[0].item.version, "0.1");
  EXPECT_EQ(part_of(next, kept->item.id, 0xf000), std::string(8192, '\xFF'));
  EXPECT_EQ(part_of(next, kept->item.id, 0xf001), "");
  EXPECT_EQ(part_of(next, "nothing", 0xf000), "");
}

TEST_F(FirmwareShelfTest, TheSameBuildIsKeptOnce) {
  ASSERT_TRUE(put(build(1), noon));
  ASSERT_TRUE(put(build(1), noon + 1s));

  FirmwareShelf next(disk, "data/firmware");
  ASSERT_EQ(next.items().size(), 1u);
  EXPECT_EQ(next.items()[0].added, noon + 1s);
}

TEST_F(FirmwareShelfTest, TheOldestOfManyGoes) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(put(build(i), noon + 1s * i));

  FirmwareShelf next(disk, "data/firmware");
  ASSERT_EQ(next.items().size(), FirmwareShelf::most_items);
  EXPECT_EQ(next.items().front().item.version, "0.5");
  EXPECT_EQ(next.items().back().item.version, "0.2");
}

TEST_F(FirmwareShelfTest, WhatIsRemovedIsGone) {
  const auto id = put(build(1), noon)->item.id;

  EXPECT_TRUE(shelf.remove(id));

  EXPECT_FALSE(shelf.remove(id));
  EXPECT_TRUE(FirmwareShelf(disk, "data/firmware").items().empty());
}

TEST_F(FirmwareShelfTest, ADamagedPartIsNotGiven) {
  const auto kept = put(build(1), noon);
  const auto& part = kept->item.parts[0];
  const auto names = disk.list("data/firmware");
  auto file = disk.open("data/firmware/" + names->front(), How::write);
  const std::uint8_t wrong = 'x';
  ASSERT_TRUE((*file)->write(part.at, {&wrong, 1}));

  EXPECT_EQ(part_of(shelf, kept->item.id, part.offset), "");
  EXPECT_TRUE(FirmwareShelf(disk, "data/firmware").items().empty());
}

TEST_F(FirmwareShelfTest, AFullDiskIsSaidAndLeavesWhatIsThere) {
  ASSERT_TRUE(put(build(1), noon));
  disk.set_capacity(disk.used() + 10'000);

  const auto refused = put(build(2), noon);

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("is full"));
  EXPECT_EQ(FirmwareShelf(disk, "data/firmware").items().size(), 1u);
}

}  // namespace
}  // namespace hub
