#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"
#include "lenz/commands.h"
#include "lenz/folder_lock.h"
#include "lenz/reading_files.h"
#include "lenz/readings.h"
#include "lenz/stop.h"
#include "lenz/temporary_folder.h"
#include "simulator/recording.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using measurement::Quantity;
using measurement::Timestamp;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;
constexpr std::int64_t noon_s = 1'772'366'400;

std::string content(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::string bytes_of(auto value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

class ImportReadingsTest : public testing::Test {
 protected:
  ImportReadingsTest() {
    hub::Home home;
    home.id = "maple";
    home.name = "Maple";
    home.zone = "Europe/Berlin";
    home.country = "DE";
    home.currency = "EUR";
    home.panels.emplace_back();
    hub::save_home(home, folder.path() + "/home.toml");
  }

  std::string file(const std::string& name, std::string_view text) {
    const auto path = folder.path() + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string packed(const std::string& name, const std::string& text) {
    const auto path = file(name, "");
    const auto out = ::gzopen(path.c_str(), "wb");
    ::gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
    ::gzclose(out);
    return path;
  }

  // What the command prints, after its faults.
  std::string imported(ImportReadingsOptions options, const std::string& into = "") {
    options.data = folder.path() + into;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    try {
      import_readings(options);
    } catch (const std::runtime_error& error) {
      testing::internal::GetCapturedStdout();
      testing::internal::GetCapturedStderr();
      return error.what();
    }
    const auto faults = testing::internal::GetCapturedStderr();
    return faults + testing::internal::GetCapturedStdout();
  }
  std::string exported(ExportReadingsOptions options = {}, const std::string& from = "") {
    options.data = folder.path() + from;
    options.output = folder.path() + "/exported";
    export_readings(options);
    return content(options.output);
  }
  double gained_mwh(const std::string& device, std::size_t channel,
                    Quantity quantity = Quantity::imported) {
    hub::Disk disk;
    hub::SqliteStore store(disk, folder.path());
    const auto points = store.read({device, quantity, channel}, {noon - 24h, noon + 48h}, 1h);
    double sum = 0;
    for (const double mwh : points->gained) sum += std::isnan(mwh) ? 0 : mwh;
    return sum;
  }

  TemporaryFolder folder;
};

const std::string own =
    "time,device,voltage_0_v,current_0_a,active_power_0_w,imported_0_wh,exported_0_wh,voltage_3_v,"
    "chip_temperature_3_c\n"
    "2026-03-01T11:59:59Z,attic,230.1,0.512,-117.8,0.000,0.033,,\n"
    "2026-03-01T12:00:00Z,attic,230.2,,,0.000,0.001,229.9,41\n"
    "2026-03-01T12:00:00Z,cellar,231.0,1.000,5.0,100.001,0.000,,\n"
    "2026-03-02T12:00:00Z,attic,,1.000,230.0,64.000,0.000,,\n";

TEST_F(ImportReadingsTest, WhatWasExportedIsTheSameAfterItsImport) {
  EXPECT_EQ(imported({.path = file("own.csv", own)}),
            "4 rows read: 4 new, 0 known already, 0 refused.\n");

  EXPECT_EQ(exported(), own);
}

TEST_F(ImportReadingsTest, LineProtocolGoesOutAndInAndOutUnchanged) {
  imported({.path = file("own.csv", own)});
  const auto lines = exported({.format = "line-protocol"});

  EXPECT_THAT(imported({.path = file("own.lp", lines)}, "/second"),
              HasSubstr("5 rows read: 5 new, 0 known already, 0 refused."));

  EXPECT_EQ(exported({.format = "line-protocol"}, "/second"), lines);
  EXPECT_EQ(exported({}, "/second"), own);
}

TEST_F(ImportReadingsTest, AFileThatIsImportedTwiceChangesNothing) {
  imported({.path = file("own.csv", own)});

  EXPECT_EQ(imported({.path = file("own.csv", own)}),
            "4 rows read: 0 new, 4 known already, 0 refused.\n");

  EXPECT_EQ(exported(), own);
}

TEST_F(ImportReadingsTest, AnImportThatWasStoppedGoesOnAsIfItHadNotBeen) {
  std::string text = "time,active_power_0_w\n";
  for (int i = 0; i < 1500; ++i) {  // 288 a day.
    text += fmt::format("{},{}.7\n", utc_text(noon + i * 5min + i % 60 * 1s), i * 7919 % 3001);
  }
  const ImportReadingsOptions options{.path = file("power.csv", text), .device = "attic"};
  const auto child = ::fork();
  if (child == 0) {
    // It looks for the signal each 1,024 rows: in the fifth day.
    catch_stop_signals();
    ::raise(SIGTERM);
    imported(options, "/stopped");
    ::_exit(0);
  }
  ASSERT_GT(child, 0);
  ::waitpid(child, nullptr, 0);
  const auto before = exported({.step = "1m"}, "/stopped");
  const auto rows = std::ranges::count(before, '\n') - 1;
  EXPECT_EQ(rows, 144 + 3 * 288);  // From noon on, and three days: whole days only.

  EXPECT_EQ(
      imported(options, "/stopped"),
      fmt::format("1500 rows read: {} new, {} known already, 0 refused.\n", 1500 - rows, rows));

  imported(options, "/once");
  EXPECT_EQ(exported({.step = "1m"}, "/stopped"), exported({.step = "1m"}, "/once"));
}

TEST_F(ImportReadingsTest, PowerCountsUntilTheNextRowButNotOverAGap) {
  // 3.6 kW gain 1 Wh a second: 10 s, 10 s, then 2.5 times 10 s of the gap, and 10 s at the end.
  imported({.path = file("power.csv",
                         "time_s,active_power_2_kw\n1772366400,3.6\n1772366410,3.6\n"
                         "1772366420,3.6\n1772370000,-3.6\n"),
            .device = "attic"});

  EXPECT_EQ(gained_mwh("attic", 2), 45'000);
  EXPECT_EQ(gained_mwh("attic", 2, Quantity::exported), 10'000);
}

TEST_F(ImportReadingsTest, ColumnsOfOtherNamesAreSaidByTheOwner) {
  const auto path = file("other.csv", "\xEF\xBB\xBFtime,Kitchen\r\n2026-03-01 13:00,12.34\r\n\r\n");

  EXPECT_THAT(imported({.path = path, .device = "attic"}), HasSubstr("\"Kitchen\" names no"));
  EXPECT_THAT(imported({.path = path, .columns = {"Kitchen=4:active_power_w"}}),
              HasSubstr("--device"));
  EXPECT_EQ(imported({.path = path, .device = "attic", .columns = {"Kitchen=4:active_power_w"}}),
            "1 rows read: 1 new, 0 known already, 0 refused.\n");

  EXPECT_EQ(exported(),  // 13:00 in Berlin; a tenth is what is kept; one row stands for no time.
            "time,device,active_power_4_w,imported_4_wh,exported_4_wh\n"
            "2026-03-01T12:00:00Z,attic,12.3,0.000,0.000\n");
}

TEST_F(ImportReadingsTest, ACounterGivesWhatItRoseBy) {
  imported({.path = file("counter.csv",
                         "time,imported_total_1_kwh\n2026-03-01T12:00Z,1234.5\n"
                         "2026-03-01T12:01Z,1234.6\n2026-03-01T12:02Z,0.2\n"  // Began anew.
                         "2026-03-01T12:03Z,0.25\n"),
            .device = "attic"});

  EXPECT_EQ(gained_mwh("attic", 1), 100'000 + 50'000);
  EXPECT_THAT(exported({.step = "1m"}), HasSubstr("12:01:00Z,attic,100.000,0.000\n"));
}

TEST_F(ImportReadingsTest, DamagedRowsAreNamedAndTheOthersTaken) {
  const auto said = imported({.path = file("bad.csv",
                                           "time,active_power_0_w\n"
                                           "2026-03-01T12:00:00Z,1\n"
                                           "2026-03-01T12:00:01Z,1,2\n"
                                           "2026-03-01T12:00:02Z,abc\n"
                                           "2026-03-01T12:00:03Z,1e99\n"
                                           "2026-03-01T12:00:04Z,NaN\n"
                                           "2026-03-01T12:00:00Z,4\n"
                                           "yesterday,5\n"
                                           "1970-01-01T00:00:00Z,6\n"
                                           "2026-03-01T12:00:05Z,7"),
                              .device = "attic"});

  EXPECT_EQ(said,
            "line 3: has 3 cells where 2 are\n"
            "line 4: has \"abc\", which is no number\n"
            "line 5: has 1e99, which is beyond what a home's meter can read\n"
            "line 7: is not later than the one before\n"
            "line 8: has the time \"yesterday\", which is none\n"
            "8 rows read: 2 new, 0 known already, 6 refused.\n");
  EXPECT_THAT(exported(), HasSubstr("12:00:05Z,attic,7.0"));
}

TEST_F(ImportReadingsTest, ALineOfManyMegabytesIsSkippedNotRead) {
  std::ofstream out(folder.path() + "/long.csv");
  out << "time,active_power_0_w\n";
  const std::string piece(1 << 20, '7');
  for (int i = 0; i < 100; ++i) out << piece;
  out << "\n2026-03-01T12:00:00Z,1\n";
  out.close();

  EXPECT_EQ(imported({.path = folder.path() + "/long.csv", .device = "attic"}),
            "line 2: is longer than 65536 bytes\n"
            "2 rows read: 1 new, 0 known already, 1 refused.\n");
}

TEST_F(ImportReadingsTest, AFileThatIsNothingOfAllThatIsSaidSo) {
  EXPECT_THAT(imported({.path = file("empty", "")}), HasSubstr("--format"));
  EXPECT_THAT(imported({.path = file("text", "Dear diary")}), HasSubstr("--format"));
  EXPECT_THAT(imported({.path = folder.path() + "/nothing"}), HasSubstr("no such file"));
  EXPECT_THAT(imported({.path = file("x.csv", "time\n"), .device = "a"}), HasSubstr("header"));
  EXPECT_THAT(imported({.path = file("x.csv", own), .device = "A B"}), HasSubstr("a-z"));
  EXPECT_THAT(imported({.path = file("x.csv", own), .zone = "Europe/Nowhere"}),
              HasSubstr("no zone"));
  EXPECT_THAT(imported({.path = file("x.csv", own), .zone = "../../etc/passwd"}),
              HasSubstr("no zone"));
  EXPECT_THAT(imported({.path = file("x.csv", own), .columns = {"x=99"}}), HasSubstr("no column"));
}

TEST_F(ImportReadingsTest, BesideAHubNothingIsImported) {
  const FolderLock hub(folder.path());

  EXPECT_THAT(imported({.path = file("own.csv", own)}), HasSubstr("stop it, or write over HTTP"));
}

TEST_F(ImportReadingsTest, LinesOfTheBenchAreUnderstoodWithTheirSeconds) {
  EXPECT_EQ(
      imported({.path = file("bench.lp", fmt::format("pw,h=0,c=1 P=5.5,Q=1,V=230,I=0.1 {0}\r\n"
                                                     "pw,h=0,c=1 P=5.5 \n"
                                                     "pw,h=0,c=1 P=x {1}\n"
                                                     "pw,h=0,c=1 P=6,Q=1,V=230,I=0.1 {1}\n",
                                                     noon_s, noon_s + 1))}),
      "line 2: has a time that is too early: is the precision right?\n"
      "4 rows read: 2 new, 0 known already, 2 refused.\n");

  EXPECT_THAT(exported(), HasSubstr("12:00:01Z,0,230.0,0.100,6.0,1.0,"));
}

// --- IoTaWatt

TEST_F(ImportReadingsTest, AQueryOfIoTaWattHasLocalTimesAndNames) {
  // As its firmware prints them: a blank after each comma, null for what is missing.
  const auto path = file("query.csv",
                         "Time, Kitchen, Solar\r\n2026-03-01T13:00:00, 120.5, -3000\r\n"
                         "2026-03-01T13:00:05, null, -2990.55\r\n");

  EXPECT_EQ(imported({.path = path, .device = "iota"}),
            "2 rows read: 2 new, 0 known already, 0 refused.\n");

  EXPECT_EQ(exported().substr(0, 120).find("time,device,active_power_0_w"), 0u);
  EXPECT_THAT(exported(), HasSubstr("2026-03-01T12:00:00Z,iota,120.5,0.167,0.000,-3000.0,"));
  EXPECT_THAT(exported(), HasSubstr("2026-03-01T12:00:05Z,iota,,,,-2990.6,"));  // Away from zero.
}

TEST_F(ImportReadingsTest, WattHoursOfIoTaWattAreWhatWasGained) {
  imported({.path = file("wh.csv", "Time,Kitchen\n1772366400,12.5\n1772366460,0.5\n"),
            .device = "iota",
            .columns = {"Kitchen=7:imported_wh"}});

  EXPECT_EQ(gained_mwh("iota", 7), 13'000);
}

TEST_F(ImportReadingsTest, TheHourThatComesTwiceIsToldApartByItsOrder) {
  imported({.path = file("october.csv",
                         "Time, Kitchen\n2026-10-25T02:30:00, 1\n2026-10-25T02:59:00, 2\n"
                         "2026-10-25T02:01:00, 3\n2026-10-25T03:00:00, 4\n"),
            .device = "iota"});

  const auto text = exported();
  EXPECT_THAT(text, HasSubstr("2026-10-25T00:30:00Z,iota,1.0"));
  EXPECT_THAT(text, HasSubstr("2026-10-25T01:01:00Z,iota,3.0"));
  EXPECT_THAT(text, HasSubstr("2026-10-25T02:00:00Z,iota,4.0"));
}

// --- emoncms

class EmoncmsTest : public ImportReadingsTest {
 protected:
  // As PHPFina writes them: 16 bytes of meta, and floats.
  void fina(const std::string& id, std::uint32_t interval, std::uint32_t start,
            const std::vector<float>& values) {
    file("feeds/" + id + ".meta", bytes_of(std::uint32_t{0}) + bytes_of(std::uint32_t{0}) +
                                      bytes_of(interval) + bytes_of(start));
    std::string data;
    for (const float value : values) data += bytes_of(value);
    file("feeds/" + id + ".dat", data);
  }
  const std::string feeds = folder.path() + "/feeds";
  static constexpr float none = std::numeric_limits<float>::quiet_NaN();
};

TEST_F(EmoncmsTest, AFolderOfFeedsBecomesChannels) {
  fina("12", 10, noon_s, {3600, none, 360.25f});
  fina("13", 10, noon_s, {100.5f, 100.51f, none, 100.52f});
  fina("14", 10, noon_s, {1, 2});

  EXPECT_EQ(imported({.path = feeds,
                      .device = "emon",
                      .columns = {"12=0:active_power_w", "13=1:imported_total_kwh"}}),
            "5 rows read: 5 new, 0 known already, 0 refused.\n");

  // 3,600 W for 10 s and 360.3 W for 10 s, of which whole mWh count.
  EXPECT_EQ(gained_mwh("emon", 0), 10'000 + 1'000);
  EXPECT_NEAR(gained_mwh("emon", 1), 20'000, 10);  // 100.51 is no float: 7 digits.
  EXPECT_EQ(imported({.path = feeds,
                      .device = "emon",
                      .columns = {"12=0:active_power_w", "13=1:imported_total_kwh"}}),
            "5 rows read: 0 new, 5 known already, 0 refused.\n");
}

TEST_F(EmoncmsTest, PowerIsNotIntegratedWhereAnotherFeedCounts) {
  fina("12", 10, noon_s, {3600, 3600, 3600});
  fina("13", 10, noon_s + 5, {1, 1.25f});

  imported({.path = feeds,
            .device = "emon",
            .columns = {"12=0:active_power_w", "13=0:imported_total_kwh"}});

  EXPECT_EQ(gained_mwh("emon", 0), 250'000);
}

TEST_F(EmoncmsTest, ASingleFeedIsSaidByItsChannel) {
  fina("7", 60, noon_s, {5, 6});
  EXPECT_THAT(imported({.path = feeds + "/7.dat", .device = "emon"}),
              HasSubstr("--column 7=0:active_power_w"));

  imported({.path = feeds + "/7.meta", .device = "emon", .channel = 3});

  EXPECT_THAT(exported(), HasSubstr("12:01:00Z,emon,6.0"));
}

TEST_F(EmoncmsTest, RecordsOfATimeSeriesAreRead) {
  std::string data;
  for (const std::uint32_t second : {0, 7, 30}) {
    data += bytes_of(std::uint8_t{249}) + bytes_of(static_cast<std::uint32_t>(noon_s) + second) +
            bytes_of(static_cast<float>(second) + 0.5f);
  }
  const auto path = file("feeds/feed_9.MYD", data + "half");

  EXPECT_EQ(imported({.path = path, .device = "emon", .channel = 0}),
            "feed_9.MYD: is cut off after point 3\n"
            "4 rows read: 3 new, 0 known already, 1 refused.\n");

  EXPECT_THAT(exported(), HasSubstr("12:00:07Z,emon,7.5"));
}

TEST_F(EmoncmsTest, DamagedFeedsAreSaidInASentence) {
  fina("1", 0, noon_s, {1});
  EXPECT_THAT(imported({.path = feeds + "/1.dat", .device = "e", .channel = 0}),
              HasSubstr("a distance of 0 s"));
  fina("1", 10, noon_s, {1, std::numeric_limits<float>::infinity(), 3e38f, 4});
  EXPECT_THAT(imported({.path = feeds + "/1.dat", .device = "e", .channel = 0}),
              HasSubstr("4 rows read: 2 new, 0 known already, 2 refused."));
  fs::remove(feeds + "/1.meta");
  EXPECT_THAT(imported({.path = feeds + "/1.dat", .device = "e", .channel = 0}),
              HasSubstr("1.meta"));
}

TEST_F(EmoncmsTest, AFeedThatWasExportedAsCsvIsRead) {
  EXPECT_EQ(imported({.path = file("feed.csv", "1772366400,5.25\n1772366410,null\n1772366420,6\n"),
                      .device = "emon",
                      .channel = 0}),
            "2 rows read: 2 new, 0 known already, 0 refused.\n");
  EXPECT_EQ(
      imported(
          {.path = file("comma.csv", "2026-03-01 13:01:00;7,5\n"), .device = "emon", .channel = 0}),
      "1 rows read: 1 new, 0 known already, 0 refused.\n");

  EXPECT_THAT(exported(), HasSubstr("12:00:00Z,emon,5.3"));  // Half away from zero.
  EXPECT_THAT(exported(), HasSubstr("12:01:00Z,emon,7.5"));
}

// Whatever bytes come, there are rows that can be, or a sentence.
TEST_F(EmoncmsTest, DamageOfAnyKindIsNeverMoreThanAFault) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  fina("1", 10, noon_s, {1, 2, 3, 4});
  const std::vector<std::pair<std::string, std::string>> files = {
      {"own.csv", own},
      {"query.csv", "Time, Kitchen, Solar\r\n2026-03-01T13:00:00, 120.5, null\r\n1772366405, 1, 2"},
      {"feed.csv", "1772366400;5,25\n1772366410;6\n"},
      {"counter.csv", "time_s,imported_total_1_kwh\n1772366400,1234.5\n1772366410,1e3\n"},
      {"feeds/1.dat", content(feeds + "/1.dat")},
      {"feeds/1.meta", content(feeds + "/1.meta")},
      {"feeds/feed_2.MYD", std::string("\xF9\x40\x2A\xA4\x69\x00\x00\x20\x41", 9)}};
  const ColumnWords words{.by_name = {}, .channel = 3, .quantity = "", .zone = "Europe/Berlin"};
  std::size_t rows = 0;
  for (int i = 0; i < 3'000; ++i) {
    const auto& [name, whole] = files[random() % files.size()];
    auto bytes = whole;
    for (auto times = random() % 4; times > 0; --times) {
      const auto at = random() % bytes.size();
      if (random() % 4 == 0) bytes.resize(at + 1);
      bytes[std::min(at, bytes.size() - 1)] = static_cast<char>(random());
    }
    const auto path = file(name, bytes);
    try {
      const auto format = detect(path);
      if (format == ReadingFormat::line_protocol) continue;
      for (const auto& one : open_readings(path, format, words)) {
        ReadRow row;
        Timestamp newest{};
        for (auto got = one->next(row); got != ReadingFile::Got::end; got = one->next(row)) {
          if (got == ReadingFile::Got::fault) {
            EXPECT_FALSE(one->fault().empty());
            continue;
          }
          ++rows;
          EXPECT_TRUE(!row.device.empty() || row.time > newest) << "seed " << seed;
          newest = row.time;
          for (const auto& value : row.values) {
            const auto& use = one->columns().at(value.column);
            EXPECT_LT(use.channel, measurement::max_channels) << "seed " << seed;
            EXPECT_TRUE(hub::is_in_range(use.meaning.quantity, value.steps)) << "seed " << seed;
          }
        }
      }
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(folder.path())) << "seed " << seed;
    }
    file(name, whole);
  }
  EXPECT_GT(rows, 1'000u) << "Hardly anything was read, seed " << seed;
}

// --- Recordings

constexpr const char* small_recording = R"({
  "name": "small", "source": "hand", "licence": "none", "country": "GB", "nominal_voltage": 230,
  "line_frequency": 50, "interval_s": 10, "clock": "real", "start": "2026-03-01T12:00:00Z",
  "notes": "", "channels": [
  {"column": "mains_w", "role": "mains", "quantity": "active_power", "unit": "W", "label": "",
   "appliance": null, "parent": null},
  {"column": "mains_v", "role": "mains", "quantity": "voltage", "unit": "V", "label": "",
   "appliance": null, "parent": null},
  {"column": "fridge_w", "role": "circuit", "quantity": "active_power", "unit": "W", "label": "",
   "appliance": "fridge", "parent": "mains_w"},
  {"column": "fridge_on", "role": "circuit", "quantity": "on_status", "unit": "", "label": "",
   "appliance": "fridge", "parent": "mains_w"}]})";

TEST_F(ImportReadingsTest, ARecordingsColumnsAreChannelsAndARowCountsForItsInterval) {
  file("house/recording.json", small_recording);
  packed("house/samples-2026-03.csv.gz",
         "time_s,mains_w,mains_v,fridge_w,fridge_on\n1772366400,360,230.5,36,1\n"
         "1772366404,360,230.5,36,1\n1772366500,360,,,0\n");
  packed("house/samples-2026-04.csv.gz",
         "time_s,mains_w,mains_v,fridge_w,fridge_on\n1775000000,0,230,0,0\n");

  EXPECT_EQ(imported({.path = folder.path() + "/house", .device = "house"}),
            "4 rows read: 4 new, 0 known already, 0 refused.\n");

  // 360 W are 100 mWh a second: 4 s until the next row, then twice the interval of 10 s.
  EXPECT_EQ(gained_mwh("house", 0), 400 + 1000 + 1000);
  EXPECT_EQ(gained_mwh("house", 1), 40 + 100);
  EXPECT_THAT(exported(), HasSubstr("2026-03-01T12:00:00Z,house,230.5,360.0,"));
}

TEST_F(ImportReadingsTest, ARecordingThatIsCutOffIsRefused) {
  file("house/recording.json", small_recording);
  std::string text = "time_s,mains_w,mains_v,fridge_w,fridge_on\n";
  for (int i = 0; i < 20'000; ++i)
    text += fmt::format("{},{},230,1,1\n", noon_s + i * 10, i * 7919 % 3001);
  const auto path = packed("house/samples.csv.gz", text);
  fs::resize_file(path, fs::file_size(path) / 2);
  const ImportReadingsOptions options{.path = folder.path() + "/house", .device = "house"};

  // It is seen when its energy is surveyed, before anything is stored.
  EXPECT_THAT(imported(options), HasSubstr("damaged or cut off"));

  EXPECT_EQ(exported(), "time,device\n");
}

TEST_F(ImportReadingsTest, HalfANumberAtTheEndOfADamagedFileIsNotBelieved) {
  std::string text = "time,active_power_0_w\n";
  for (int i = 0; i < 20'000; ++i)
    text += fmt::format("{},{}\n", noon_s + i, 1000 + i * 7919 % 3001);
  const auto path = packed("power.csv.gz", text);
  fs::resize_file(path, fs::file_size(path) / 2);

  EXPECT_THAT(imported({.path = path, .device = "attic"}), HasSubstr("1 refused"));

  std::istringstream rows(exported());
  std::string row;
  std::getline(rows, row);
  int i = 0;
  for (; std::getline(rows, row); ++i) {
    ASSERT_THAT(row, HasSubstr(fmt::format(",attic,{}.0,", 1000 + i * 7919 % 3001)));
  }
  EXPECT_GT(i, 5'000);
}

TEST_F(ImportReadingsTest, ARealHouseKeepsItsEnergy) {
  const char* from_environment = std::getenv("LENZ_DATA");
  const fs::path house =
      fs::path(from_environment ? from_environment : "") / "houses/refit-house-1-day";
  if (!from_environment || !fs::exists(house)) {
    GTEST_SKIP() << "no recordings here (" << house << "); set LENZ_DATA to their folder";
  }

  EXPECT_THAT(imported({.path = house.string(), .device = "refit"}),
              HasSubstr("12767 rows read: 12767 new, 0 known already, 0 refused."));

  // What the columns say by the recording's own rule; each day rounds to whole mWh.
  simulator::Recording recording(house);
  std::vector<simulator::ChipInput> chips(measurement::max_chips);
  recording.advance(recording.begin(), chips);
  while (recording.advance(recording.end(), chips).until < recording.end()) {
  }
  hub::Disk disk;
  hub::SqliteStore store(disk, folder.path());
  for (std::size_t c = 0; c < recording.channels().size(); ++c) {
    const auto& name = recording.channels()[c].name;
    if (name.empty()) continue;
    const auto points =
        store.read({"refit", Quantity::imported, c}, {recording.begin(), recording.end() + 1h}, 1h);
    double sum = 0;
    for (const double mwh : points->gained) sum += std::isnan(mwh) ? 0 : mwh;
    EXPECT_NEAR(sum, static_cast<double>(recording.recorded_mwh(name).value), 2) << name;
  }
}

}  // namespace
}  // namespace lenz
