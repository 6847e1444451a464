#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"
#include "lenz/commands.h"
#include "lenz/readings.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;

std::string content(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class ExportReadingsTest : public testing::Test {
 protected:
  ExportReadingsTest() {
    hub::Home home;
    home.id = "maple";
    home.name = "Maple";
    home.zone = "Europe/Berlin";
    home.country = "DE";
    home.currency = "EUR";
    hub::Circuit fridge{.id = "fridge", .name = "Fridge", .channels = {{"attic", 1, 1}}};
    home.panels = {{.circuits = {fridge}}};
    hub::save_home(home, folder.path() + "/home.toml");
    store.emplace(disk, folder.path());
  }

  // One sample of one chip. Absent where there is no value; totals are those of the boot.
  void add(const char* device, Timestamp time, std::optional<int> deciwatts,
           std::optional<int> imported_mwh, std::uint64_t boot = 1,
           measurement::Stream stream = measurement::Stream::samples) {
    Sample sample(1);
    sample.number = number++;
    sample.uptime = time - (noon - 1h);
    sample.put_steps(Quantity::voltage, 0, 2301);
    sample.put_steps(Quantity::active_power, 1, deciwatts);
    sample.put_steps(Quantity::imported, 1, imported_mwh);
    if (!store) store.emplace(disk, folder.path());
    ASSERT_TRUE(store->append(
        {.device = device, .boot = boot, .stream = stream, .chips = 1, .booted_at = noon - 1h},
        {&sample, 1}));
    ASSERT_TRUE(store->commit());
  }

  std::string exported(ExportReadingsOptions options) {
    options.data = folder.path();
    options.output = folder.path() + "/out";
    store.reset();
    EXPECT_EQ(export_readings(options), 0);
    EXPECT_FALSE(std::filesystem::exists(options.output + ".part"));
    return content(options.output);
  }

  TemporaryFolder folder;
  hub::Disk disk;
  std::optional<hub::SqliteStore> store;
  std::uint64_t number = 0;
};

TEST_F(ExportReadingsTest, ARowIsATimeAndWhatIsMissingIsEmpty) {
  add("attic", noon - 1s, 10, 100);
  add("attic", noon + 500ms, 1200, 133);
  add("attic", noon + 1500ms, std::nullopt, std::nullopt);
  add("attic", noon + 7s, -5, 133);  // After a gap: no row for it.

  EXPECT_EQ(exported({.begin = "2026-03-01T12:00Z"}),
            "time,device,voltage_0_v,active_power_1_w,imported_1_wh\n"
            "2026-03-01T12:00:00Z,attic,230.1,120.0,0.033\n"
            "2026-03-01T12:00:01Z,attic,230.1,,\n"
            "2026-03-01T12:00:07Z,attic,230.1,-0.5,0.000\n");
}

TEST_F(ExportReadingsTest, AStepHasItsMeanAndTheEnergyThatWasGainedInIt) {
  add("attic", noon - 10s, 0, 1000);
  for (int s = 0; s < 120; ++s)
    add("attic", noon + s * 1s, s < 60 ? 100 : 303, 1000 + 10 * (s + 1));

  EXPECT_EQ(exported({.begin = "2026-03-01T13:00", .step = "1m"}),  // In Berlin.
            "time,device,voltage_0_v,active_power_1_w,imported_1_wh\n"
            "2026-03-01T12:00:00Z,attic,230.1,10.0,0.600\n"
            "2026-03-01T12:01:00Z,attic,230.1,30.3,0.600\n");
}

TEST_F(ExportReadingsTest, AStepOfManyHoursHasAllOfThem) {
  for (int h = 0; h < 5; ++h) add("attic", noon + h * 1h, 100 * h, 1000 * (h + 1));

  EXPECT_EQ(exported({.step = "1d"}),
            "time,device,voltage_0_v,active_power_1_w,imported_1_wh\n"
            "2026-03-01T00:00:00Z,attic,230.1,20.0,5.000\n");
}

TEST_F(ExportReadingsTest, ARestartOfTheMeterLosesNoEnergy) {
  add("attic", noon, 0, 500, 1);
  number = 0;
  add("attic", noon + 1s, 0, 20, 2);  // Its totals began anew.

  EXPECT_THAT(exported({.step = "1m"}), HasSubstr("2026-03-01T12:00:00Z,attic,230.1,0.0,0.520\n"));
}

TEST_F(ExportReadingsTest, FastSamplesOfAnEdgeDoNotBendTheMean) {
  add("attic", noon, 100, 5);
  number = 0;
  add("attic", noon + 100ms, 30'000, 9, 1, measurement::Stream::edges);

  EXPECT_THAT(exported({}), HasSubstr("12:00:00Z,attic,230.1,10.0,0.009\n"));
}

TEST_F(ExportReadingsTest, LinesOfTheProtocolAreWholeSteps) {
  add("attic", noon, -12, 7);

  EXPECT_EQ(exported({.format = "line-protocol"}),
            "reading,channel=0,device=attic voltage_dv=2301i 1772366400000\n"
            "reading,channel=1,device=attic active_power_dw=-12i,imported_mwh=7i 1772366400000\n");
}

TEST_F(ExportReadingsTest, MetersStandInOneFileByTime) {
  add("attic", noon + 1s, 1, 1);
  number = 0;
  add("cellar", noon, 2, 1);
  add("cellar", noon + 2s, 3, 1);

  EXPECT_THAT(exported({}), HasSubstr(":00Z,cellar,230.1,0.2,0.001\n"
                                      "2026-03-01T12:00:01Z,attic,230.1,0.1,0.001\n"
                                      "2026-03-01T12:00:02Z,cellar,230.1,0.3,0.000\n"));
  EXPECT_EQ(exported({.devices = {"cellar"}}).find("attic"), std::string::npos);
  EXPECT_EQ(exported({.circuits = {"fridge"}}).find("cellar"), std::string::npos);
}

TEST_F(ExportReadingsTest, AnEmptyStoreGivesAHeader) { EXPECT_EQ(exported({}), "time,device\n"); }

TEST_F(ExportReadingsTest, AFolderWithoutAStoreIsNotMade) {
  const auto nowhere = folder.path() + "/nowhere";

  EXPECT_THROW(export_readings({.data = nowhere}), std::runtime_error);

  EXPECT_FALSE(std::filesystem::exists(nowhere));
}

TEST_F(ExportReadingsTest, AFileThatCannotBeWrittenIsSaid) {
  add("attic", noon, 1, 1);

  EXPECT_THROW(export_readings({.data = folder.path(), .output = folder.path() + "/no/file"}),
               std::runtime_error);
}

TEST_F(ExportReadingsTest, WhatMakesNoSenseIsSaidInASentence) {
  const auto complaint = [&](ExportReadingsOptions options) -> std::string {
    try {
      exported(options);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  add("attic", noon, 1, 1);
  EXPECT_THAT(complaint({.devices = {"garage"}}), HasSubstr("\"garage\""));
  EXPECT_THAT(complaint({.circuits = {"oven"}}), HasSubstr("\"oven\""));
  for (const char* step : {"", "s", "0s", "61s", "90s", "1", "-1s", "1.5m", "9999999m", "32d"}) {
    EXPECT_THAT(complaint({.step = step}), HasSubstr("step")) << step;
  }
  for (const char* time : {"yesterday", "2026-13-01", "2026-02-30", "2026-03-01T25:00",
                           "2026-03-01T12:00+1", "2026-03-01T12:00Zx", "2026-3-1"}) {
    EXPECT_THAT(complaint({.begin = time}), HasSubstr("no time")) << time;
  }
}

TEST(ReadingsTimes, AreReadWithTheirZoneOrInTheHomes) {
  const auto utc = [](std::string_view text, const std::string& zone = "Europe/Berlin",
                      Timestamp after = Timestamp::min()) {
    const auto time = parse_time(text, zone, after);
    return time ? utc_text(*time) : "none";
  };
  EXPECT_EQ(utc("2026-03-01"), "2026-02-28T23:00:00Z");
  EXPECT_EQ(utc("2026-07-01T12:00"), "2026-07-01T10:00:00Z");
  EXPECT_EQ(utc("2026-07-01 12:00:30"), "2026-07-01T10:00:30Z");
  EXPECT_EQ(utc("2026-07-01T12:00Z"), "2026-07-01T12:00:00Z");
  EXPECT_EQ(utc("2026-07-01T12:00-05:30"), "2026-07-01T17:30:00Z");
  EXPECT_EQ(utc("2026-07-01T12:00:00.25Z"), "2026-07-01T12:00:00Z");
  EXPECT_EQ(utc("2026-07-01T12:00", "America/New_York"), "2026-07-01T16:00:00Z");
  // The hour from 2 to 3 o'clock comes twice in that night, and not at all in this.
  const Timestamp first = std::chrono::sys_days(std::chrono::year(2026) / 10 / 25) + 30min;
  EXPECT_EQ(utc("2026-10-25T02:30"), "2026-10-25T00:30:00Z");
  EXPECT_EQ(utc("2026-10-25T02:30", "Europe/Berlin", first), "2026-10-25T01:30:00Z");
  EXPECT_EQ(utc("2026-03-29T02:30"), "none");
}

TEST(ReadingsNames, AColumnIsAQuantityAChannelAndAUnit) {
  EXPECT_EQ(column_name(Quantity::active_power, 12), "active_power_12_w");
  EXPECT_EQ(column_name(Quantity::chip_temperature, 3), "chip_temperature_3_c");
  for (std::size_t q = 0; q < measurement::measured_quantities; ++q) {
    const auto found = column_of(column_name(static_cast<Quantity>(q), 41));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->meaning.quantity, static_cast<Quantity>(q));
    EXPECT_EQ(found->channel, 41u);
  }
  EXPECT_EQ(column_of("active_power_7")->channel, 7u);
  for (const char* name : {"", "_", "active_power", "active_power_42_w", "active_power_1_a",
                           "power_1_w", "active_power_1w", "active_power_-1_w"}) {
    EXPECT_FALSE(column_of(name)) << name;
  }
  EXPECT_EQ(decimal_text(-5, 1), "-0.5");
  EXPECT_EQ(decimal_text(1234567, 3), "1234.567");
}

}  // namespace
}  // namespace lenz
