#include "lenz/evaluation/data_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "lenz/evaluation/small_data.h"
#include "lenz/temporary_folder.h"

namespace lenz::evaluation {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

void write_house(const fs::path& folder, const std::string& samples) {
  write_file(folder / "houses/one/recording.json", R"({
    "name": "one", "nominal_voltage": 120, "interval_s": 3, "clock": "none", "country": "US",
    "channels": [
      {"column": "mains_va", "role": "mains", "quantity": "apparent_power"},
      {"column": "kettle_w", "role": "appliance", "quantity": "active_power",
       "label": "Kettle", "appliance": "kettle", "parent": "mains_va"},
      {"column": "kettle_on", "role": "appliance", "quantity": "on_status"}]})");
  write_gzip(folder / "houses/one/samples.csv.gz", samples);
}

TEST(DataSetTest, AHouseIsReadWithItsHoles) {
  const TemporaryFolder folder;
  write_house(folder.path(), "time_s,mains_va,kettle_w,kettle_on\n0,100,,0\n3,2100.5,2000,1\n");

  const auto house = DataSet(folder.path()).house("one");

  ASSERT_EQ(house.channels.size(), 2U);
  EXPECT_THAT(house.channels[0].active_power_w, ElementsAre(100, 2100.5));
  EXPECT_TRUE(std::isnan(house.channels[1].active_power_w[0]));
  EXPECT_EQ(house.channels[1].active_power_w[1], 2000);
  EXPECT_EQ(house.channels[1].parent, "mains");
  EXPECT_EQ(house.channels[1].appliance, insight::ApplianceKind::kettle);
  EXPECT_FALSE(house.has_clock);
}

TEST(DataSetTest, ALineThatIsNoneIsNamed) {
  const TemporaryFolder folder;
  write_house(folder.path(), "time_s,mains_va,kettle_w\n0,100,1\n3,100\n");
  const DataSet data(folder.path());

  EXPECT_THAT([&] { data.house("one"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("samples.csv.gz: line 3: there are 2")));
}

TEST(DataSetTest, TimesThatFallAreRefused) {
  const TemporaryFolder folder;
  write_house(folder.path(), "time_s,mains_va,kettle_w\n3,100,1\n3,100,1\n");
  const DataSet data(folder.path());

  EXPECT_THAT([&] { data.house("one"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("line 3: time_s must rise")));
}

TEST(DataSetTest, AFolderWithoutRecordingsSaysWhatItWants) {
  const TemporaryFolder folder;

  EXPECT_THAT([&] { DataSet data(folder.path()); },
              ThrowsMessage<std::runtime_error>(HasSubstr("there are no recordings here")));
}

TEST(DataSetTest, RecordingsOfOneHouseholdAreKnownAsThat) {
  EXPECT_EQ(household_of("refit-house-20-day"), household_of("refit-house-20-months"));
  EXPECT_NE(household_of("refit-house-2-day"), household_of("refit-house-20-day"));
  EXPECT_EQ(household_of("ampds2-bedroom-b1e"), household_of("ampds2-winter-week"));
  EXPECT_EQ(household_of("jackkelly-kettle"), household_of("ukdale-house-1-3-days"));
  EXPECT_EQ(household_of("eco-house-1-kettle"), "eco-house-1");
  EXPECT_EQ(household_of("kehkok-lab-1"), household_of("kehkok-lab-4"));
}

TEST(DataSetTest, AllSharedRecordingsAreRead) {
  const char* place = std::getenv("LENZ_DATA");
  const fs::path folder = place ? place : "../shared/data";
  if (!fs::exists(folder)) GTEST_SKIP() << "there are no recordings in " << folder;
  const DataSet data(folder);

  for (const auto& name : data.houses()) EXPECT_FALSE(data.house(name).times.empty()) << name;
  for (const auto& trace : data.traces()) {
    EXPECT_FALSE(data.samples(trace).times.empty()) << trace.file;
  }
}

}  // namespace
}  // namespace lenz::evaluation
