#include "hub/ingest/written_points.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Timestamp;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;
constexpr std::int64_t noon_s = 1'772'366'400;  // 2026-03-01T12:00Z

TEST(FieldMeaning, NamesAreThoseOfQuantitiesWithTheirUnitLast) {
  const auto steps = [](std::string_view field, std::int64_t number) {
    const auto meaning = meaning_of(field);
    return meaning ? steps_of(*meaning, {number, 0}) : std::nullopt;
  };
  EXPECT_EQ(steps("active_power_w", -12), -120);
  EXPECT_EQ(steps("active_power_dw", 12), 12);
  EXPECT_EQ(steps("active_power_kw", 2), 20'000);
  EXPECT_EQ(steps("P", 5), 50);
  EXPECT_EQ(steps("q", 5), 50);
  EXPECT_EQ(steps("V", 230), 2300);
  EXPECT_EQ(steps("voltage_dv", 2301), 2301);
  EXPECT_EQ(steps("frequency_chz", 4998), 4998);
  EXPECT_EQ(steps("i", 2), 2000);
  EXPECT_EQ(steps("current_ma", 17), 17);
  EXPECT_EQ(steps("chip_temperature_c", 41), 41);
  EXPECT_EQ(steps("imported_wh", 3), 3000);
  EXPECT_EQ(steps("exported_mwh", 3), 3);
  EXPECT_EQ(steps("imported_kwh", 3), 3'000'000);
  EXPECT_FALSE(meaning_of("power"));
  EXPECT_FALSE(meaning_of("active_power_a"));
  EXPECT_FALSE(meaning_of("active_powerw"));
  EXPECT_FALSE(meaning_of(""));
  EXPECT_TRUE(meaning_of("active_power_max_w")->is_ignored);
  EXPECT_TRUE(meaning_of("power_factor")->is_ignored);
  EXPECT_EQ(steps("imported_wh", -3), std::nullopt);          // A counter only rises.
  EXPECT_EQ(steps("active_power_kw", 50'000), std::nullopt);  // No home draws 50 MW.
}

class WrittenPointsTest : public testing::Test {
 protected:
  WrittenPointsTest() {
    std::string pattern = testing::TempDir() + "lenz-points-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    Circuit whole{.id = "fridge", .channels = {{"meter-1", 4, 1}}};
    Circuit doubled{.id = "oven", .channels = {{"meter-1", 5, 2}}};
    home.id = "maple";
    home.panels = {{.circuits = {whole, doubled}}};
    begin();
  }
  ~WrittenPointsTest() override {
    points.reset();
    written.reset();
    store.reset();
    std::filesystem::remove_all(folder);
  }
  void begin() {
    points.reset();
    written.reset();
    store.reset();
    store = std::make_unique<SqliteStore>(disk, folder);
    written = std::make_unique<WrittenSamples>(*store);
    points = std::make_unique<WrittenPoints>(*written, home);
  }
  WrittenPoints::Taken take(std::string_view text) {
    const auto taken = points->take(text, 1s, noon);
    EXPECT_TRUE(taken && store->commit());
    return taken.value_or(WrittenPoints::Taken{});
  }
  std::string complaint(std::string_view text) {
    const auto taken = take(text);
    return taken.first ? taken.first->why : "";
  }
  std::optional<std::int64_t> newest(const std::string& device, Quantity quantity,
                                     std::size_t index) {
    const auto last = store->last(device);
    if (!last || !*last) return std::nullopt;
    return (*last)->sample.steps(quantity, index);
  }

  Disk disk;
  std::string folder;
  Home home;
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<WrittenSamples> written;
  std::unique_ptr<WrittenPoints> points;
};

TEST_F(WrittenPointsTest, ThePointsOfABenchFindTheirBreakers) {
  const auto taken =
      take(fmt::format("pw,h=3,c=0 P=-812.4,Q=33.1,V=231.2,I=3.52 {0}\n"
                       "pw,h=3,c=29 P=0,Q=0,V=230.9,I=0 {0}\n"
                       "pw,h=3,c=0 P=-810,Q=33,V=231.3,I=3.5 {1}\n"
                       "pw,h=3,c=29 P=1.5,Q=0,V=231,I=0.02 {1}\n",
                       noon_s, noon_s + 1));

  EXPECT_EQ(taken.lines, 4u);
  EXPECT_EQ(taken.refused, 0u);
  EXPECT_EQ(taken.added, 4u);
  EXPECT_EQ(taken.newest, noon + 1s);
  const auto kept = store->samples("3", {noon, noon + 1h});
  ASSERT_EQ(kept->size(), 2u);
  const auto& first = kept->front();
  EXPECT_EQ(first.time, noon);
  EXPECT_EQ(first.sample.steps(Quantity::active_power, 0), -8124);
  EXPECT_EQ(first.sample.steps(Quantity::reactive_power, 0), 331);
  EXPECT_EQ(first.sample.steps(Quantity::current, 0), 3520);
  EXPECT_EQ(first.sample.steps(Quantity::voltage, 0), 2312);
  EXPECT_EQ(first.sample.steps(Quantity::voltage, 9), 2309);
  EXPECT_EQ(first.sample.steps(Quantity::active_power, 29), 0);
  EXPECT_FALSE(first.sample.steps(Quantity::active_power, 1));
}

TEST_F(WrittenPointsTest, AReadingBringsItsOwnEnergy) {
  take(
      fmt::format("reading,channel=2,device=attic active_power_dw=36000i,imported_mwh=7i {}\n"
                  "reading,channel=2,device=attic active_power_dw=36000i {}\n",
                  noon_s, noon_s + 1));

  const auto points_of_hour = store->read({"attic", Quantity::imported, 2}, {noon, noon + 1h}, 1h);
  EXPECT_EQ(points_of_hour->gained.at(0), 7);
  EXPECT_EQ(store->origin("attic")->integrated, 0u);
}

TEST_F(WrittenPointsTest, APointOfTheMirrorGoesToTheClampOfItsCircuit) {
  take(
      fmt::format("circuit,circuit=fridge,home=maple active_power_w=80.5,active_power_min_w=79,"
                  "power_factor=0.9 {}\n",
                  noon_s));

  EXPECT_EQ(newest("meter-1", Quantity::active_power, 4), 805);
  EXPECT_THAT(complaint(fmt::format("circuit,circuit=oven,home=maple active_power_w=1 {}", noon_s)),
              HasSubstr("one whole clamp"));
}

TEST_F(WrittenPointsTest, LinesInAnyOrderLandInTheirSeconds) {
  std::string text;
  for (const int second : {5, 1, 3, 1, 5}) {
    text +=
        fmt::format("r,device=a,channel={} P={} {}\n", text.size() % 3, second, noon_s + second);
  }

  EXPECT_EQ(take(text).refused, 0u);

  EXPECT_EQ(store->samples("a", {noon, noon + 1min})->size(), 3u);
}

TEST_F(WrittenPointsTest, WritingTwiceIsWritingOnceAlsoWhatOnlyAChipHas) {
  const auto text = fmt::format(
      "r,device=a,channel=0 V=230 {0}\nr,device=a,channel=1 P=5 {0}\n"
      "r,device=a,channel=0 V=231 {1}\n",
      noon_s, noon_s + 1);
  EXPECT_EQ(take(text).added, 3u);

  EXPECT_EQ(take(text).added, 0u);
  begin();
  const auto again = take(text);

  EXPECT_EQ(again.added, 0u);
  EXPECT_EQ(again.known, 3u);
  EXPECT_EQ(store->samples("a", {noon, noon + 1min})->size(), 2u);
}

TEST_F(WrittenPointsTest, WhatIsGoodIsTakenAndTheFirstBadLineIsNamed) {
  const auto taken = take(fmt::format(
      "r,device=a,channel=0 P=1 {0}\n\n# A comment.\nr,device=a,channel=0 watts=1 {1}\nnonsense\n"
      "r,device=a,channel=0 P=3 {2}",
      noon_s, noon_s + 1, noon_s + 2));

  EXPECT_EQ(taken.lines, 4u);
  EXPECT_EQ(taken.refused, 2u);
  ASSERT_TRUE(taken.first);
  EXPECT_EQ(taken.first->line, 4u);
  EXPECT_EQ(taken.first->why, "has a field that is no quantity");
  EXPECT_EQ(store->samples("a", {noon, noon + 1min})->size(), 2u);
}

TEST_F(WrittenPointsTest, FieldsChangePlacesFromLineToLineAndAfterARefusedOne) {
  const auto taken =
      take(fmt::format("r,device=a,channel=0 P=1,V=230 {0}\n"
                       "r,device=b,channel=0 V=231,P=2 {0}\n"
                       "r,device=A,channel=0 P=9,I=9 {0}\n"  // No name of a device.
                       "r,device=c,channel=0 P=3,I=3 {0}\n"
                       "r,device=c,channel=1 I=x,P=9 {0}\n"
                       "r,device=c,channel=2 I=4,P=4 {0}\n"
                       "r,device=c,channel=1 I=5 {0}\n"
                       "r,device=c,channel=3 I=6,P=6 {0}\n",
                       noon_s));

  EXPECT_EQ(taken.refused, 2u);
  EXPECT_EQ(newest("a", Quantity::active_power, 0), 10);
  EXPECT_EQ(newest("b", Quantity::active_power, 0), 20);
  EXPECT_EQ(newest("b", Quantity::voltage, 0), 2310);
  EXPECT_EQ(newest("c", Quantity::active_power, 0), 30);
  EXPECT_EQ(newest("c", Quantity::current, 0), 3000);
  EXPECT_EQ(newest("c", Quantity::current, 1), 5000);
  EXPECT_EQ(newest("c", Quantity::active_power, 1), std::nullopt);
  EXPECT_EQ(newest("c", Quantity::current, 2), 4000);
  EXPECT_EQ(newest("c", Quantity::active_power, 3), 60);
}

TEST_F(WrittenPointsTest, EachFaultIsSaidInWords) {
  EXPECT_THAT(complaint("r,channel=0 P=1"), HasSubstr("\"device\""));
  EXPECT_THAT(complaint("r,device=UPPER,channel=0 P=1"), HasSubstr("\"device\""));
  EXPECT_THAT(complaint("r,device=a P=1"), HasSubstr("\"channel\""));
  EXPECT_THAT(complaint("r,device=a,channel=42 P=1"), HasSubstr("0 to 41"));
  EXPECT_THAT(complaint("r,device=a,channel=-1 P=1"), HasSubstr("0 to 41"));
  EXPECT_THAT(complaint("r,device=a,device=b,channel=1 P=1"), HasSubstr("well formed"));
  EXPECT_THAT(complaint("r,device=a,channel=1 P=NaN"), HasSubstr("no number"));
  EXPECT_THAT(complaint("r,device=a,channel=1 P=\"5\""), HasSubstr("no number"));
  EXPECT_THAT(complaint("r,device=a,channel=1 P=1e300"), HasSubstr("beyond"));
  EXPECT_THAT(complaint("r,device=a,channel=1 power_factor=1"), HasSubstr("nothing"));
  EXPECT_THAT(complaint("r,device=a,channel=1 P=1 99999999999999999"), HasSubstr("precision"));
  EXPECT_FALSE(newest("a", Quantity::active_power, 1));
}

TEST_F(WrittenPointsTest, ThereIsAnEndToDevices) {
  std::string text;
  for (std::size_t i = 0; i <= WrittenPoints::most_devices; ++i) {
    text += fmt::format("r,device=d{},channel=0 P=1 {}\n", i, noon_s);
  }

  const auto taken = take(text);

  EXPECT_EQ(taken.refused, 1u);
  EXPECT_EQ(taken.first->why, "is of one device too many");
}

}  // namespace
}  // namespace hub
