// Hub, broker, a simulated meter and the command as they run.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "hub/config.h"
#include "lenz/child.h"
#include "lenz/simulated_homes.h"
#include "lenz/temporary_folder.h"
#include "lenz/workplace.h"
#include "simulator/boot_flash.h"
#include "simulator/signing_key.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

class UpdateTest : public testing::Test {
 protected:
  const TemporaryFolder folder;
  const std::string program = (fs::path(Workplace::program()).parent_path() / "lenz").string();
  const std::string data = folder.path() + "/data", trusted = folder.path() + "/update_key.pem";
  simulator::SigningKey key;

  UpdateTest() {
    fs::create_directories(data);
    hub::save_home(simulated_home(0), data + "/home.toml");
    key.write_public(trusted);
  }
  std::string update(std::string_view version, const simulator::SigningKey& signer) const {
    const auto file = fmt::format("{}/{}.update", folder.path(), version);
    const auto image = simulator::bootable_image(30'000, 2, version);
    std::ofstream(file, std::ios::binary)
        << signer.manifest(version, image) << std::string(image.begin(), image.end());
    return file;
  }
  // Its exit code, and what it said last.
  std::pair<int, std::string> give(const std::string& file) const {
    Child command({program, "update", file, "--data", data}, {.keep_output = true});
    std::string last;
    while (const auto line = command.read_line(120'000)) last = *line;
    return {command.wait(), last};
  }
};

TEST_F(UpdateTest, ASimulatedMeterTakesWhatItsKeyHasSignedAndNothingElse) {
  Child hub({program, "hub", "--data", data, "--port", "0", "--no-analysis"},
            {.keep_output = true});
  ASSERT_TRUE(hub.read_line(60'000));
  Child meter({program, "meter", "--data", data, "--house", "workbench", "--update-key", trusted},
              {.quiet_output = true});

  EXPECT_EQ(give(update("1.1.0", key)), std::pair(0, std::string("It runs 1.1.0, which stays.")));
  const auto [forged, why] = give(update("1.2.0", simulator::SigningKey()));
  EXPECT_EQ(forged, 1);
  EXPECT_NE(why.find("not signed with this meter's key"), std::string::npos) << why;
  const auto [older, because] = give(update("1.0.9", key));
  EXPECT_EQ(older, 1);
  EXPECT_NE(because.find("raise the version"), std::string::npos) << because;
}

}  // namespace
}  // namespace lenz
