#include "firmware/update.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "simulator/boot_flash.h"
#include "simulator/signing_key.h"

namespace firmware {
namespace {

using measurement::Uptime;
using simulator::BootFlash;
using simulator::bytes_of;
using simulator::digest_of;
using simulator::hexadecimal;
using simulator::SigningKey;
using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

// FIPS 180-4's examples.
TEST(Sha256, AgreesWithTheStandard) {
  EXPECT_EQ(hexadecimal(digest_of(bytes_of("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hexadecimal(digest_of({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(
      hexadecimal(digest_of(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hexadecimal(digest_of(Bytes(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

class UpdateTest : public testing::Test {
 protected:
  static constexpr std::size_t slot_size = 64 * 1024;

  std::string manifest(std::string_view version, std::span<const std::uint8_t> image) const {
    return key.manifest(version, image);
  }
  std::expected<void, UpdateError> install(BootFlash& meter, std::string_view manifest,
                                           std::span<const std::uint8_t> image) {
    Update update(meter, key, running);
    if (const auto begun = update.begin(manifest); !begun) return begun;
    for (std::size_t at = 0; at < image.size(); at += 1024) {
      const auto part = image.subspan(at, std::min<std::size_t>(1024, image.size() - at));
      if (const auto written = update.write(at, part); !written) return written;
    }
    return update.finish();
  }
  static bool runs(const BootFlash& flash, const Bytes& image) {
    return std::ranges::equal(flash.running_image().first(image.size()), image);
  }

  SigningKey key;
  Running running{{1, 3, 9}, "esp32"};
  const Bytes old_image = simulator::bootable_image(40'000, 1);
  const Bytes new_image = simulator::bootable_image(50'000, 2);
  BootFlash flash{slot_size, old_image};
};

constexpr Soundness sound{.chips_answer = true, .storage_works = true, .hub_heard = true};

TEST_F(UpdateTest, ASignedImageRunsAfterTheRestartAndStaysOnceItIsSound) {
  ASSERT_EQ(flash.boot(), 0);
  ASSERT_TRUE(install(flash, manifest("1.4.0", new_image), new_image));
  EXPECT_TRUE(runs(flash, old_image));

  EXPECT_EQ(flash.boot(), 1);
  EXPECT_TRUE(runs(flash, new_image));
  EXPECT_EQ(Trial(flash).step(Uptime{1000}, sound), Trial::Verdict::kept);
  EXPECT_EQ(flash.boot(), 1);
  EXPECT_FALSE(flash.is_on_trial());
}

TEST_F(UpdateTest, AnImageThatIsNotSoundWithinFiveMinutesFallsBack) {
  for (int missing = 0; missing < 3; ++missing) {
    BootFlash meter(slot_size, old_image);
    meter.boot();
    ASSERT_TRUE(install(meter, manifest("1.4.0", new_image), new_image));
    meter.boot();
    ASSERT_TRUE(runs(meter, new_image));

    Soundness partly = sound;
    (missing == 0   ? partly.chips_answer
     : missing == 1 ? partly.storage_works
                    : partly.hub_heard) = false;
    Trial trial(meter);
    EXPECT_EQ(trial.step(Uptime{299'999}, partly), Trial::Verdict::running);
    EXPECT_EQ(trial.step(Uptime{300'000}, partly), Trial::Verdict::failed);
    EXPECT_TRUE(runs(meter, old_image));
    EXPECT_FALSE(meter.is_on_trial());
  }
}

TEST_F(UpdateTest, AnImageThatCrashesBeforeItIsKeptFallsBackAtTheNextStart) {
  flash.boot();
  ASSERT_TRUE(install(flash, manifest("1.4.0", new_image), new_image));
  flash.boot();
  flash.boot();

  EXPECT_TRUE(runs(flash, old_image));
}

TEST_F(UpdateTest, WhileAnImageIsOnTrialNoOtherIsTaken) {
  flash.boot();
  ASSERT_TRUE(install(flash, manifest("1.4.0", new_image), new_image));
  flash.boot();

  EXPECT_EQ(install(flash, manifest("1.5.0", old_image), old_image).error(), UpdateError::on_trial);
}

TEST_F(UpdateTest, EachReasonToRefuseHasItsName) {
  flash.boot();
  const auto refused = [&](const std::string& manifest, std::span<const std::uint8_t> image) {
    const auto result = install(flash, manifest, image);
    return result ? "taken" : sentence(result.error());
  };
  const auto good = manifest("1.4.0", new_image);
  auto longer = new_image;
  longer.push_back(0);
  auto damaged = new_image;
  damaged[20'000] ^= 1;
  const Bytes huge(slot_size + 1, 0xE9);
  const Bytes unbootable(1000, 1);

  EXPECT_THAT(refused("hello", new_image), HasSubstr("not a manifest"));
  EXPECT_THAT(refused(SigningKey().manifest("1.4.0", new_image), new_image),
              HasSubstr("not signed with this meter's key"));
  EXPECT_THAT(refused(key.manifest("1.4.0", new_image, "esp32s3"), new_image),
              HasSubstr("another controller"));
  EXPECT_THAT(refused(manifest("1.3.9", new_image), new_image), HasSubstr("raise the version"));
  EXPECT_THAT(refused(manifest("1.2.10", new_image), new_image), HasSubstr("raise the version"));
  EXPECT_THAT(refused(manifest("1.4.0", huge), huge), HasSubstr("larger than the meter's slot"));
  EXPECT_THAT(refused(good, longer), HasSubstr("longer than its manifest"));
  EXPECT_THAT(refused(good, std::span(new_image).first(49'999)), HasSubstr("ended early"));
  EXPECT_THAT(refused(good, damaged), HasSubstr("not the one that was signed"));
  EXPECT_THAT(refused(manifest("1.4.0", unbootable), unbootable), HasSubstr("bootloader refuses"));
  flash.cut_power_after(5);
  EXPECT_THAT(refused(good, new_image), HasSubstr("flash could not be written"));
  flash.restore_power();
  EXPECT_EQ(flash.boot(), 0);
  EXPECT_TRUE(runs(flash, old_image));
}

TEST_F(UpdateTest, WhatSignUpdateMakesIsTakenByTheMeterThatHasItsKey) {
  auto name = (std::filesystem::temp_directory_path() / "lenz-test-XXXXXX").string();
  const std::string folder = mkdtemp(name.data());
  const auto file = [&](const char* last) { return folder + "/" + last; };
  std::ofstream(file("meter.bin"), std::ios::binary)
      .write(reinterpret_cast<const char*>(new_image.data()),
             static_cast<std::streamsize>(new_image.size()));
  const auto run = [](const std::string& command) { return std::system(command.c_str()); };
  ASSERT_EQ(run("openssl ecparam -name prime256v1 -genkey -noout -out " + file("private.pem")), 0);
  ASSERT_EQ(run("openssl ec -in " + file("private.pem") + " -pubout -out " + file("key.pem") +
                " 2>" + file("log")),
            0);
  ASSERT_EQ(run(LENZ_SOURCE_DIR "/firmware/boards/esp32/sign_update " + file("meter.bin") +
                " 1.4.0 esp32 " + file("private.pem") + " >" + file("update")),
            0);
  std::ifstream written(file("update"), std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(written), {});
  SigningKey trusted(file("key.pem"));
  std::filesystem::remove_all(folder);

  flash.boot();
  Update update(flash, trusted, running);
  const auto made = measurement::signed_image(text);
  ASSERT_TRUE(made);
  ASSERT_TRUE(update.begin(made->manifest)) << made->manifest;
  ASSERT_TRUE(update.write(0, bytes_of(made->image)));
  EXPECT_TRUE(update.finish());
  EXPECT_EQ(Update(flash, key, running).begin(made->manifest).error(), UpdateError::forged);
}

TEST_F(UpdateTest, TheGoldenManifestIsReadAsItsPageSays) {
  std::ifstream file(LENZ_SOURCE_DIR "/tests/golden/update_v2", std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});

  const auto golden = measurement::signed_image(text);
  ASSERT_TRUE(golden) << text;
  EXPECT_EQ(golden->image, "abc");
  const auto manifest = read_manifest(golden->manifest);
  ASSERT_TRUE(manifest) << text;
  EXPECT_EQ(manifest->version, (Version{1, 4, 0}));
  EXPECT_EQ(manifest->chip, "esp32");
  EXPECT_EQ(manifest->size, 3u);
  EXPECT_EQ(manifest->digest, digest_of(bytes_of("abc")));
  SigningKey signer(LENZ_SOURCE_DIR "/tests/golden/update_key_v2.pem");
  EXPECT_TRUE(signer.is_genuine(bytes_of(manifest->signed_text),
                                std::span(manifest->signature).first(manifest->signature_size)));
}

TEST_F(UpdateTest, BytesWithoutAManifestAreRefused) {
  flash.boot();
  Update update(flash, key, running);

  EXPECT_EQ(update.write(0, new_image).error(), UpdateError::unexpected_image);
  EXPECT_EQ(update.finish().error(), UpdateError::unexpected_image);
}

TEST_F(UpdateTest, APieceThatComesTwiceIsWrittenOnce) {
  flash.boot();
  Update update(flash, key, running);
  ASSERT_TRUE(update.begin(manifest("1.4.0", new_image)));
  const auto half = std::span(new_image).first(25'000);

  ASSERT_TRUE(update.write(0, half));
  ASSERT_TRUE(update.write(0, half));
  ASSERT_TRUE(update.write(30'000, half));

  EXPECT_EQ(update.written(), 25'000u);
  ASSERT_TRUE(update.write(25'000, std::span(new_image).subspan(25'000)));
  EXPECT_TRUE(update.finish());
}

// Every change of a manifest, of an image, or of which belongs to which.
TEST_F(UpdateTest, FiveThousandMutatedImagesAndManifestsAreRefused) {
  constexpr unsigned seed = 20;  // Change it to try others.
  std::mt19937 random(seed);
  flash.boot();
  const auto good = manifest("1.4.0", new_image);
  const auto mutate = [&](auto bytes) {
    using Byte = typename decltype(bytes)::value_type;
    if (bytes.empty()) return bytes;
    const auto at = random() % bytes.size();
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (random() % 6) {
      case 0:
        bytes[at] = static_cast<Byte>(bytes[at] ^ 1 << random() % 7);
        break;
      case 1:
        bytes.erase(place);
        break;
      case 2:
        bytes.insert(place, static_cast<Byte>(random()));
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        std::swap(bytes[at], bytes[random() % bytes.size()]);
        break;
      case 5:
        const auto tail = std::vector<Byte>(place, bytes.end());
        bytes.insert(bytes.end(), tail.begin(), tail.end());
        break;
    }
    return bytes;
  };
  int mutated = 0;
  while (mutated < 5000) {
    auto text = good;
    auto image = new_image;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      if (random() % 5 == 0) {
        image = mutate(std::move(image));
      } else {
        text = mutate(std::move(text));
      }
    }
    if (text == good && image == new_image) continue;
    ++mutated;
    ASSERT_FALSE(install(flash, text, image)) << "seed " << seed << ", number " << mutated << "\n"
                                              << text;
  }

  EXPECT_EQ(flash.boot(), 0);
  EXPECT_TRUE(runs(flash, old_image));
  EXPECT_TRUE(install(flash, good, new_image));
}

// The whole way: erase, write, choose, restart, keep, restart. The image is cut before and within
// each sector that is erased, and amid its bytes, all else at each byte that is programmed.
TEST_F(UpdateTest, APowerCutAnywhereLeavesTheOldImageOrTheNew) {
  const auto third_image = simulator::bootable_image(45'000, 3);
  const auto walk = [&](BootFlash& meter, const Bytes& image) {
    const bool installed = install(meter, manifest("1.4.0", image), image).has_value();
    if (!installed || meter.boot() < 0 || !meter.is_on_trial() || !runs(meter, image)) return;
    Trial(meter).step(Uptime{1000}, sound);
    meter.boot();
  };
  const auto cut_everywhere = [&](const BootFlash& before, const Bytes& old, const Bytes& image) {
    auto whole = before;
    walk(whole, image);
    ASSERT_TRUE(runs(whole, image));
    const auto written = (image.size() + BootFlash::sector - 1) / BootFlash::sector + image.size();
    const auto steps = whole.steps() - before.steps();
    int olds = 0, news = 0;
    for (std::uint64_t half = 0; half < 2 * steps;) {
      auto meter = before;
      meter.cut_power_after(half / 2, half % 2 == 1);
      walk(meter, image);
      meter.restore_power();

      ASSERT_GE(meter.boot(), 0) << "cut after " << half / 2;
      ASSERT_TRUE(runs(meter, old) || runs(meter, image)) << "cut after " << half / 2;
      ++(runs(meter, old) ? olds : news);
      if (runs(meter, old)) walk(meter, image);
      ASSERT_TRUE(runs(meter, image) && meter.has_power()) << "cut after " << half / 2;

      // A sector is a step to erase and its bytes to program, of two halves each.
      constexpr std::uint64_t of_sector = 2 * (BootFlash::sector + 1);
      const auto within = half % of_sector;
      const auto next = within < 2 ? 1 : within == 2 ? of_sector / 2 : of_sector - within;
      half += half < 2 * written ? std::min(next, 2 * written - half) : 1;
    }
    EXPECT_GT(olds, 0);
    EXPECT_GT(news, 0);
    fmt::print("{} cuts: {} booted the old image, {} the new.\n", olds + news, olds, news);
  };

  flash.boot();
  cut_everywhere(flash, old_image, new_image);
  walk(flash, new_image);
  cut_everywhere(flash, new_image, third_image);
}

}  // namespace
}  // namespace firmware
