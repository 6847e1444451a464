#include "lenz/daily_backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

using measurement::Timestamp;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;

TEST(BackupSchedule, TheFirstIsMadeAnHourAfterTheStartAndThenOneADay) {
  BackupSchedule schedule(noon, std::nullopt);

  EXPECT_FALSE(schedule.is_due(noon + 1h - 1ms));
  EXPECT_TRUE(schedule.is_due(noon + 1h));
  schedule.begun(noon + 1h);
  schedule.ended(true, noon + 1h + 5min);
  EXPECT_FALSE(schedule.is_due(noon + 25h - 1ms));
  EXPECT_TRUE(schedule.is_due(noon + 25h));
}

TEST(BackupSchedule, OneOfTheLastDayIsEnough) {
  const BackupSchedule recent(noon, noon - 3h), old(noon, noon - 30h), ahead(noon, noon + 9h);

  EXPECT_FALSE(recent.is_due(noon + 21h - 1ms));
  EXPECT_TRUE(recent.is_due(noon + 21h));
  EXPECT_TRUE(old.is_due(noon + 1h));
  EXPECT_TRUE(ahead.is_due(noon + 1h));
}

TEST(BackupSchedule, AFailureIsSaidOnceAndTriedAgainAnHourLater) {
  BackupSchedule schedule(noon, std::nullopt);

  schedule.begun(noon + 1h);
  EXPECT_TRUE(schedule.ended(false, noon + 1h));
  EXPECT_FALSE(schedule.is_due(noon + 2h - 1ms));
  EXPECT_TRUE(schedule.is_due(noon + 2h));
  schedule.begun(noon + 2h);
  EXPECT_FALSE(schedule.ended(false, noon + 2h));
  schedule.begun(noon + 3h);
  EXPECT_TRUE(schedule.ended(true, noon + 3h));
  schedule.begun(noon + 27h);
  EXPECT_TRUE(schedule.ended(false, noon + 27h));
}

class DailyBackupTest : public testing::Test {
 protected:
  // Days pass: the clock is an hour later each time that it is looked at.
  std::vector<std::string> run(const std::string& script, const std::function<bool()>& is_over) {
    std::vector<std::string> said;
    boost::asio::io_context context;
    auto now = noon;
    const DailyBackup backup(
        context, {.command = {"sh", "-c", script}, .folder = folder.path(), .look_every = 1ms},
        [&] { return now += 1h; }, [&](const std::string& text) { said.push_back(text); });
    for (int i = 0; i < 5000 && !is_over(); ++i) context.run_one_for(20ms);
    EXPECT_TRUE(is_over());
    return said;
  }

  std::size_t runs() {
    std::ifstream file(folder.path() + "/runs");
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);) ++count;
    return count;
  }

  TemporaryFolder folder;
};

TEST_F(DailyBackupTest, TheHubRunsOneBackupAfterTheOther) {
  const auto said = run("echo >> " + folder.path() + "/runs", [&] { return runs() == 3; });

  EXPECT_THAT(said, IsEmpty());
}

TEST_F(DailyBackupTest, WhatFailsIsTriedAgainAndSaidOnce) {
  const auto said = run("echo >> " + folder.path() + "/runs; exit 1", [&] { return runs() == 4; });

  EXPECT_THAT(said, ElementsAre(HasSubstr(folder.path())));
}

}  // namespace
}  // namespace lenz
