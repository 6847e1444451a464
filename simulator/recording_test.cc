#include "simulator/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <stdexcept>

namespace simulator {
namespace {

using measurement::MilliwattHours;
using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

const Timestamp epoch{std::chrono::sys_days(std::chrono::January / 1 / 2020)};

struct House {
  double voltage = 230;
  std::string frequency = "50", interval_s = "10", clock = "none";
  std::string channels;  // JSON objects.
};

std::string channel(const std::string& column, const std::string& quantity,
                    const std::string& role = "circuit") {
  return "{\"column\":\"" + column + "\",\"role\":\"" + role + "\",\"quantity\":\"" + quantity +
         "\",\"parent\":null}";
}

class RecordingFolder : public testing::Test {
 protected:
  RecordingFolder() {
    std::string pattern = testing::TempDir() + "lenz-recording-XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  ~RecordingFolder() override { std::filesystem::remove_all(folder); }

  void describe(const House& house) {
    std::ofstream(folder / "recording.json")
        << "{\"nominal_voltage\":" << house.voltage << ",\"line_frequency\":" << house.frequency
        << ",\"interval_s\":" << house.interval_s << ",\"clock\":\"" << house.clock
        << "\",\"channels\":[" << house.channels << "]}";
  }
  void write(const std::string& rows, const std::string& file = "samples.csv.gz") {
    const auto out = ::gzopen((folder / file).c_str(), "wb");
    ASSERT_EQ(::gzwrite(out, rows.data(), static_cast<unsigned>(rows.size())),
              static_cast<int>(rows.size()));
    ::gzclose(out);
  }
  // A kettle and a fridge, a row each 10 s, with a hole from 30 s to 60 s.
  void write_kitchen() {
    describe({.channels =
                  channel("kettle_w", "active_power") + "," + channel("fridge_w", "active_power")});
    write(
        "time_s,kettle_w,fridge_w\n"
        "0,2000,100.5\n"
        "10,0,\n"
        "20,1000,80\n"
        "60,0,-20\n");
  }
  std::string complaint(const RecordingOptions& options = {}) {
    try {
      Recording recording(folder, options);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder;
};

// Plays to the end in the recording's own steps.
void play(Recording& recording) {
  std::vector<ChipInput> chips(recording.chips());
  for (auto now = recording.begin(); now < recording.end();) {
    now = recording.advance(now, chips).until;
  }
  recording.advance(recording.end(), chips);
}

TEST_F(RecordingFolder, ARowHoldsUntilTheNextAndAHoleIsAPowerCut) {
  write_kitchen();
  Recording recording(folder);
  std::vector<ChipInput> chips(recording.chips());
  struct Expected {
    std::chrono::seconds at;
    bool powered;
    Timestamp until;
    float kettle_w, fridge_w;
  };
  const Expected all[] = {
      {0s, true, epoch + 10s, 2000, 100.5}, {9s, true, epoch + 10s, 2000, 100.5},
      {10s, true, epoch + 20s, 0, 0},  // The empty cell is no load.
      {20s, true, epoch + 30s, 1000, 80},   {30s, false, epoch + 60s, 0, 0},
      {59s, false, epoch + 60s, 0, 0},      {60s, true, epoch + 70s, 0, -20},
      {70s, true, Timestamp::max(), 0, 0},  // Behind the end: mains and no load.
  };

  for (const auto& expected : all) {
    SCOPED_TRACE(expected.at.count());
    const auto moment = recording.advance(epoch + expected.at, chips);

    EXPECT_EQ(moment.powered, expected.powered);
    EXPECT_EQ(moment.until, expected.until);
    EXPECT_EQ(chips[0].voltage[0].value, expected.powered ? 230 : 0);
    EXPECT_EQ(chips[0].channels[0].fundamental_power.value, expected.kettle_w);
    EXPECT_EQ(chips[0].channels[1].fundamental_power.value, expected.fridge_w);
  }
}

TEST_F(RecordingFolder, TheEnergyIsWhatTheRowsSayForAsLongAsTheyStand) {
  write_kitchen();
  Recording recording(folder);

  play(recording);

  // Kettle: 2000 W x 10 s + 1000 W x 10 s = 30 kJ = 8333.3 mWh.
  EXPECT_EQ(recording.recorded_mwh("kettle_w"), MilliwattHours{8333});
  // Fridge: (100.5 + 80 - 20) W x 10 s = 1605 J = 445.8 mWh.
  EXPECT_EQ(recording.recorded_mwh("fridge_w"), MilliwattHours{446});
  EXPECT_THROW(recording.recorded_mwh("oven_w"), std::out_of_range);
  EXPECT_THROW(recording.recorded_mwh(""), std::out_of_range);
}

TEST_F(RecordingFolder, TheEnergyDoesNotDependOnTheStepsInWhichItIsPlayed) {
  write_kitchen();
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 100; ++i) {
    Recording recording(folder);
    std::vector<ChipInput> chips(recording.chips());

    for (auto now = epoch; now < recording.end(); now += 1ms * (1 + random() % 30'000)) {
      recording.advance(now, chips);
    }
    recording.advance(recording.end() + 1h, chips);

    ASSERT_EQ(recording.recorded_mwh("kettle_w"), MilliwattHours{8333});
    ASSERT_EQ(recording.recorded_mwh("fridge_w"), MilliwattHours{446});
  }
}

TEST_F(RecordingFolder, APartCanBePlayed) {
  write_kitchen();
  Recording recording(folder, {.begin_s = 5, .end_s = 25.5});
  std::vector<ChipInput> chips(recording.chips());

  const auto before = recording.advance(epoch, chips);
  EXPECT_FALSE(before.powered);
  EXPECT_EQ(before.until, epoch + 5s);
  EXPECT_EQ(recording.progress(), 0);
  EXPECT_EQ(recording.advance(epoch + 5s, chips).until, epoch + 10s);
  EXPECT_EQ(chips[0].channels[0].fundamental_power.value, 2000);
  EXPECT_EQ(recording.advance(epoch + 20s, chips).until, epoch + 25500ms);
  EXPECT_DOUBLE_EQ(recording.progress(), 15 / 20.5);
  EXPECT_TRUE(recording.advance(epoch + 28s, chips).powered);
  EXPECT_EQ(chips[0].channels[0].fundamental_power.value, 0);

  EXPECT_EQ(recording.progress(), 1);
  // 2000 W x 5 s + 1000 W x 5.5 s = 15.5 kJ = 4305.6 mWh.
  EXPECT_EQ(recording.recorded_mwh("kettle_w"), MilliwattHours{4306});
}

TEST_F(RecordingFolder, TheGreatestCurrentIsThatOfThePartThatIsPlayed) {
  write_kitchen();

  EXPECT_FLOAT_EQ(Recording(folder).channels()[0].greatest.value, 2000.0F / 230);
  EXPECT_FLOAT_EQ(Recording(folder, {.begin_s = 10}).channels()[0].greatest.value, 1000.0F / 230);
  EXPECT_FLOAT_EQ(Recording(folder, {.begin_s = 55}).channels()[1].greatest.value, 20.0F / 230);
}

TEST_F(RecordingFolder, ARowThatComesSoonerEndsTheOneBefore) {
  describe({.channels = channel("kettle_w", "active_power")});
  write("time_s,kettle_w\n0,3600\n4,0\n");
  Recording recording(folder);

  play(recording);

  EXPECT_EQ(recording.recorded_mwh("kettle_w"), MilliwattHours{4000});  // 3600 W x 4 s.
  EXPECT_EQ(recording.end(), epoch + 14s);
}

TEST_F(RecordingFolder, TimesAreRealWhereTheRecordingKnowsThem) {
  const auto kettle = channel("kettle_w", "active_power");
  write("time_s,kettle_w\n1400000000,1\n");

  describe({.clock = "real", .channels = kettle});
  EXPECT_EQ(Recording(folder, {.epoch = epoch}).begin(), Timestamp{1400000000s});
  describe({.clock = "none", .channels = kettle});
  EXPECT_EQ(Recording(folder, {.epoch = Timestamp{7s}}).begin(), Timestamp{1400000007s});
}

TEST_F(RecordingFolder, TheMonthsOfARecordingFollowEachOther) {
  describe({.channels = channel("kettle_w", "active_power")});
  write("time_s,kettle_w\n10,360", "samples-2014-02.csv.gz");  // Without a last line end.
  write("time_s,kettle_w\n0,3600\n", "samples-2014-01.csv.gz");
  Recording recording(folder);

  play(recording);

  EXPECT_EQ(recording.recorded_mwh("kettle_w"), MilliwattHours{11000});  // (3600 + 360) W x 10 s.
}

TEST_F(RecordingFolder, TheMainsOfAnAmericanHouseAreBothLegsOnAChipOfTheirOwn) {
  describe({.voltage = 120,
            .frequency = "60",
            .channels = channel("fridge_w", "active_power") + "," +
                        channel("mains_va", "apparent_power", "mains") + "," +
                        channel("oven_w", "active_power")});
  write("time_s,fridge_w,mains_va,oven_w\n0,120,4800,240\n");
  Recording recording(folder);
  std::vector<ChipInput> chips(recording.chips());

  recording.advance(epoch, chips);

  std::vector<std::string> names;
  for (const auto& each : recording.channels()) names.push_back(each.name);
  EXPECT_EQ(names, (std::vector<std::string>{"mains_va", "", "", "fridge_w", "oven_w"}));
  ASSERT_EQ(chips.size(), 2u);
  EXPECT_EQ(recording.line_frequency().value, 60);
  EXPECT_EQ(chips[0].frequency.value, 60);
  for (const auto volts : chips[0].voltage) EXPECT_EQ(volts.value, 240);
  for (const auto volts : chips[1].voltage) EXPECT_EQ(volts.value, 120);
  EXPECT_EQ(chips[0].channels[0].fundamental_power.value, 4800);
  EXPECT_EQ(chips[0].channels[0].reactive_power.value, 0);
  EXPECT_EQ(chips[0].channels[0].current.value, 20);  // 4800 W / 240 V.
  EXPECT_EQ(chips[0].channels[1].current.value, 0);
  EXPECT_EQ(chips[1].channels[0].current.value, 1);  // 120 W / 120 V.
  EXPECT_EQ(chips[1].channels[1].current.value, 2);  // 240 W / 120 V.
}

TEST_F(RecordingFolder, ApparentPowerIsNotPlayedWhereActivePowerWasRecorded) {
  describe({.channels = channel("mains_va", "apparent_power", "mains") + "," +
                        channel("mains_w", "active_power", "mains") + "," +
                        channel("fridge_on", "on_status")});
  write("time_s,mains_va,mains_w,fridge_on\n0,500,400,1\n");

  const Recording recording(folder);

  ASSERT_EQ(recording.channels().size(), 1u);
  EXPECT_EQ(recording.channels()[0].name, "mains_w");
}

TEST_F(RecordingFolder, WhatElseTheMeterRecordedIsUsed) {
  describe({.voltage = 200,
            .channels = channel("a_w", "active_power") + "," + channel("a_var", "reactive_power") +
                        "," + channel("b_w", "active_power") + "," +
                        channel("b_pf", "power_factor") + "," + channel("c_w", "active_power") +
                        "," + channel("c_a", "current")});
  write(
      "time_s,a_w,a_var,b_w,b_pf,c_w,c_a\n"
      "0,300,-400.25,800,0.8,100,1.5\n"
      "10,300,,800,,100,\n"
      "20,0,0,0,0,100,0.1\n");
  Recording recording(folder);
  std::vector<ChipInput> chips(recording.chips());
  const auto& [a, b, c] = chips[0].channels;

  recording.advance(epoch, chips);
  EXPECT_FLOAT_EQ(a.reactive_power.value, -400.25);
  EXPECT_NEAR(a.current.value, 2.501, 0.001);      // sqrt(300² + 400.25²) / 200 = 2.501.
  EXPECT_NEAR(b.reactive_power.value, 600, 1e-3);  // S = 800 / 0.8 = 1000, Q² = 1000² - 800².
  EXPECT_NEAR(b.current.value, 5, 1e-5);           // 1000 VA / 200 V.
  EXPECT_FLOAT_EQ(c.current.value, 1.5);           // More than 100 W / 200 V: it was distorted.
  recording.advance(epoch + 10s, chips);
  EXPECT_EQ(a.reactive_power.value, 0);
  EXPECT_EQ(b.reactive_power.value, 0);
  EXPECT_FLOAT_EQ(c.current.value, 0.5);
  recording.advance(epoch + 20s, chips);
  EXPECT_EQ(b.reactive_power.value, 0) << "a power factor of 0 says nothing about no power";
  EXPECT_FLOAT_EQ(c.current.value, 0.5) << "never less than the power needs";
}

TEST_F(RecordingFolder, AFaultyLineIsSaidWithItsFileAndNumber) {
  struct Case {
    const char* rows;
    const char* line;
    const char* said;
  };
  const Case cases[] = {
      {"time_s,a_w,b_w\n0,1,2\n10,1\n", "line 3", "2 cells where the header has 3"},
      {"time_s,a_w,b_w\n0,1,2\n10,1,2,3\n", "line 3", "4 cells where the header has 3"},
      {"time_s,a_w,b_w\n0,1,2\n\n", "line 3", "the time \"\" is not a number"},
      {"time_s,a_w,b_w\n0,1,2\n10,1,x\n", "line 3", "\"x\" in b_w is not a number"},
      {"time_s,a_w,b_w\n0,1,1e3\n", "line 2", "\"1e3\" in b_w is not a number"},
      {"time_s,a_w,b_w\n0,-,1\n", "line 2", "\"-\" in a_w is not a number"},
      {"time_s,a_w,b_w\n0,.,1\n", "line 2", "\".\" in a_w is not a number"},
      {"time_s,a_w,b_w\n0,1.2.3,1\n", "line 2", "\"1.2.3\" in a_w is not a number"},
      {"time_s,a_w,b_w\n0,1,9999999999999\n", "line 2", "in b_w is not a number"},
      {"time_s,a_w,b_w\n0,1,nan\n", "line 2", "\"nan\" in b_w is not a number"},
      {"time_s,a_w,b_w\n0,1,2.25\n", "line 2", "2.25 in b_w has more than one decimal"},
      {"time_s,a_w,b_w\nnow,1,2\n", "line 2", "the time \"now\" is not a number"},
      {"time_s,a_w,b_w\n10,1,2\n10,1,2\n", "line 3", "the time 10 is not later"},
      {"time_s,a_w,b_w\n10,1,2\n20,1,2\n15,1,2\n", "line 4", "the time 15 is not later"},
      {"time_s,b_w,a_w\n0,1,2\n", "line 1", "not the columns of recording.json"},
      {"", "line 1", "not the columns of recording.json"},
  };
  describe({.channels = channel("a_w", "active_power") + "," + channel("b_w", "active_power")});
  for (const auto& [rows, line, said] : cases) {
    write(rows);
    EXPECT_THAT(complaint(),
                AllOf(HasSubstr("samples.csv.gz: " + std::string(line)), HasSubstr(said)))
        << rows;
  }
}

TEST_F(RecordingFolder, ATimeThatFallsFromOneMonthToTheNextIsFound) {
  describe({.channels = channel("a_w", "active_power")});
  write("time_s,a_w\n100,1\n", "samples-2014-01.csv.gz");
  write("time_s,a_w\n50,1\n", "samples-2014-02.csv.gz");

  EXPECT_THAT(complaint(), HasSubstr("samples-2014-02.csv.gz: line 2: the time 50 is not later"));
}

TEST_F(RecordingFolder, AFileThatWasCutOffIsNotTakenForAShortOne) {
  write_kitchen();
  std::string rows = "time_s,kettle_w,fridge_w\n";
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    rows += std::to_string(10 * i) + "," + std::to_string(random() % 3000) + ",\n";
  }
  write(rows);
  ASSERT_EQ(complaint(), "");
  const auto file = folder / "samples.csv.gz";

  for (const auto rest :
       {std::filesystem::file_size(file) / 2, std::filesystem::file_size(file) - 1}) {
    std::filesystem::resize_file(file, rest);
    EXPECT_THAT(complaint(), AllOf(HasSubstr("samples.csv.gz"), HasSubstr("damaged or cut off")));
    write(rows);
  }
}

TEST_F(RecordingFolder, AFileThatIsNotCompressedIsRefused) {
  write_kitchen();
  std::ofstream(folder / "samples.csv.gz") << "time_s,kettle_w,fridge_w\n0,1,2\n";

  EXPECT_THAT(complaint(), HasSubstr("not a gzip file"));
}

TEST_F(RecordingFolder, AFolderWithoutARecordingIsRefused) {
  EXPECT_THAT(complaint(), AllOf(HasSubstr("recording.json"), HasSubstr("cannot be read")));
  describe({.channels = channel("a_w", "active_power")});
  EXPECT_THAT(complaint(), HasSubstr("there is no samples.csv.gz"));
  write("time_s,a_w\n");
  EXPECT_THAT(complaint(), HasSubstr("has no rows"));
}

TEST_F(RecordingFolder, ADescriptionThatIsNotOneIsRefused) {
  const auto kettle = channel("a_w", "active_power");
  struct Case {
    House house;
    const char* said;
  };
  const Case cases[] = {
      {{.interval_s = "null", .channels = kettle}, "not a recording's description"},
      {{.interval_s = "0", .channels = kettle}, "interval_s of 0"},
      {{.interval_s = "-3", .channels = kettle}, "interval_s of -3"},
      {{.clock = "broken", .channels = kettle}, "the clock \"broken\""},
      {{.frequency = "0", .channels = kettle}, "line_frequency of 0"},
      {{.voltage = 0, .channels = kettle}, "nominal_voltage"},
      {{.channels = "{}"}, "not a recording's description"},
      {{.channels = ""}, "no channel of power"},
      {{.channels = channel("a_v", "voltage")}, "no channel of power"},
  };
  write("time_s,a_w\n0,1\n");
  for (const auto& [house, said] : cases) {
    describe(house);
    EXPECT_THAT(complaint(), AllOf(HasSubstr("recording.json"), HasSubstr(said)));
  }
  std::ofstream(folder / "recording.json") << "[";
  EXPECT_THAT(complaint(), HasSubstr("not a recording's description"));
}

TEST_F(RecordingFolder, AHouseWithMoreCircuitsThanAMeterHasClampsIsRefused) {
  std::string channels = channel("c0_w", "active_power");
  for (int i = 1; i < 43; ++i)
    channels += "," + channel("c" + std::to_string(i) + "_w", "active_power");
  describe({.channels = channels});

  EXPECT_THAT(complaint(), HasSubstr("43 channels"));
}

TEST_F(RecordingFolder, APartOutsideTheRecordingIsRefused) {
  write_kitchen();

  EXPECT_THAT(complaint({.begin_s = 70}), HasSubstr("nothing to play"));
  EXPECT_THAT(complaint({.begin_s = 20, .end_s = 20}), HasSubstr("nothing to play"));
  EXPECT_THAT(complaint({.begin_s = 40, .end_s = 50}), HasSubstr("nothing to play"));
  EXPECT_EQ(complaint({.begin_s = 69}), "");
}

// The first hour of a real house, whose rows are 3 s apart without a hole: the energy of a column
// is the sum of its cells times 3 s. Here the cells are summed as text is read by the standard
// library.
TEST(RealRecording, TheFirstHourOfAHouseHasTheEnergyThatItsCellsSay) {
  const char* from_environment = std::getenv("LENZ_DATA");
  const auto data = from_environment
                        ? std::filesystem::path(from_environment)
                        : std::filesystem::path(LENZ_SOURCE_DIR).parent_path() / "shared/data";
  const auto house = data / "houses/redd-house-3";
  if (!std::filesystem::exists(house)) {
    GTEST_SKIP() << "no recordings here (" << house << "); set LENZ_DATA to their folder";
  }
  const auto file = ::gzopen((house / "samples.csv.gz").c_str(), "rb");
  std::vector<char> buffer(1 << 16);
  std::vector<std::string> names;
  std::vector<double> watts;
  for (int row = -1; row < 1200 && ::gzgets(file, buffer.data(), 1 << 16); ++row) {
    std::istringstream line(buffer.data());
    std::string cell;
    std::getline(line, cell, ',');
    if (row >= 0) {
      ASSERT_EQ(std::stoi(cell), row * 3);
    }
    for (std::size_t c = 0; std::getline(line, cell, ','); ++c) {
      if (cell.ends_with('\n')) cell.pop_back();
      if (row < 0) {
        names.push_back(cell);
        watts.push_back(0);
      } else if (!cell.empty()) {
        watts.at(c) += std::stod(cell);
      }
    }
  }
  ::gzclose(file);
  Recording recording(house, {.end_s = 3600});

  play(recording);

  ASSERT_EQ(names.size(), 20u);
  for (std::size_t c = 0; c < names.size(); ++c) {
    const double mwh = watts[c] * 3 / 3.6;  // W x 3 s in J; 3.6 J are 1 mWh.
    EXPECT_NEAR(static_cast<double>(recording.recorded_mwh(names[c]).value), mwh, 0.51) << names[c];
  }
  EXPECT_GT(watts[0], 0);
}

}  // namespace
}  // namespace simulator
