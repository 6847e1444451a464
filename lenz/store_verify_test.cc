#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"
#include "lenz/commands.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using namespace std::chrono_literals;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;

class StoreVerifyTest : public testing::Test {
 protected:
  // Two hours of a meter with one chip, packed in two segments.
  StoreVerifyTest() {
    hub::SqliteStore store(disk, folder.path());
    std::vector<Sample> samples;
    for (std::uint64_t n = 0; n < 120; ++n) {
      Sample& sample = samples.emplace_back(1);
      sample.number = n;
      sample.uptime = static_cast<std::int64_t>(n) * 1min;
      sample.put_steps(Quantity::active_power, 2, static_cast<std::int64_t>(n * 31 % 97));
    }
    EXPECT_TRUE(store.append(
        {.device = "attic", .boot = 1, .period = 1min, .chips = 1, .booted_at = noon}, samples));
    EXPECT_TRUE(store.commit());
    while (!store.tidy(noon + 24h).value()) {
    }
  }

  std::string verified(int expected) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(store_verify({.data = folder.path()}), expected);
    return testing::internal::GetCapturedStdout();
  }

  TemporaryFolder folder;
  hub::Disk disk;
};

TEST_F(StoreVerifyTest, AHealthyStoreIsOneLine) {
  EXPECT_EQ(verified(0), "2 hours, 0 minutes checked; 0 damaged.\n");
}

TEST_F(StoreVerifyTest, DamageIsNamedInWordsThatSayWhatIsConcerned) {
  const auto file = folder.path() + "/segment-2";
  const auto size = static_cast<int>(disk.size(file).value());
  // The last part before the index has the minutes of the only series: its last byte is flipped.
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekg(size - 4);
  const int index = bytes.get();  // Its length, below 256 here.
  const int place = size - 4 - index - 1;
  bytes.seekg(place);
  const int octet = bytes.get();
  bytes.seekp(place);
  bytes.put(static_cast<char>(octet ^ 1));
  bytes.close();

  EXPECT_THAT(
      verified(1),
      testing::MatchesRegex("segment-2, bytes [0-9]+ to " + std::to_string(place) +
                            ": attic, 2026-03-01 13:00 to 2026-03-01 14:00 UTC, "
                            "minutes of active_power of channel 2: this is not what was written.\n"
                            "2 hours, 0 minutes checked; 1 damaged.\n"));
}

TEST_F(StoreVerifyTest, ADamagedLedgerIsNamed) {
  std::ofstream(folder.path() + "/ledger.db") << std::string(8192, 'x');

  EXPECT_THAT(verified(1), testing::StartsWith("ledger.db: its structure is damaged"));
}

TEST_F(StoreVerifyTest, NothingIsMadeInAFolderWithoutAStore) {
  const auto nowhere = folder.path() + "/nowhere";

  EXPECT_THROW(store_verify({.data = nowhere}), std::runtime_error);

  EXPECT_FALSE(disk.list(nowhere));
}

}  // namespace
}  // namespace lenz
