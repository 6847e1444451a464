#include "lenz/esphome_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

#include "hub/config.h"
#include "lenz/commands.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using measurement::Quantity;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path examples = fs::path(LENZ_SOURCE_DIR) / "tests/esphome";

class EsphomeYaml : public testing::Test {
 protected:
  EsphomeYaml() {
    std::string pattern = testing::TempDir() + "lenz-esphome-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    file = folder / "meter.yaml";
  }
  ~EsphomeYaml() override { fs::remove_all(folder); }

  EsphomeFile read(const std::string& text) {
    std::ofstream(file) << text;
    return read_esphome(file);
  }
  std::string complaint(const std::string& text) {
    try {
      read(text);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  static std::string content(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path folder, file;
};

// One chip as the manual of ESPHome shows it; lines 1 to 5, the phase from line 6.
const std::string chip =
    "sensor:\n  - platform: atm90e32\n    cs_pin: 5\n    line_frequency: 50Hz\n    gain_pga: 1X\n";

TEST_F(EsphomeYaml, TheStockFileGivesItsClampsWithTheOwnersNamesAndGains) {
  const auto read = read_esphome(examples / "stock_with_add_on.yaml");

  EXPECT_EQ(read.meter.id, "energy-meter");
  EXPECT_EQ(read.meter.line_frequency_hz, 60);
  EXPECT_EQ(read.meter.nominal_voltage_v, 120);
  ASSERT_EQ(read.meter.chips.size(), 4u);
  // CS 5 and 4 on the main board, 0 and 16 on the first add-on, whose jumper was moved to 17.
  EXPECT_EQ(read.meter.chips[0].cs_pin, 5);
  EXPECT_EQ(read.meter.chips[1].cs_pin, 4);
  EXPECT_EQ(read.meter.chips[2].cs_pin, 0);
  EXPECT_EQ(read.meter.chips[3].cs_pin, 17);
  // 200 A clamps: half of 27518, and what they say twice.
  EXPECT_EQ(read.meter.chips[0].channels[0].current_gain, 13759);
  EXPECT_EQ(read.meter.chips[0].channels[0].multiplier, 2);
  EXPECT_EQ(read.meter.chips[0].channels[2].multiplier, 1);
  EXPECT_EQ(read.meter.chips[1].channels[0].voltage_gain, 7311);
  EXPECT_EQ(read.meter.chips[3].channels[2].current_gain, 8650);
  EXPECT_EQ(read.clamps.size(), 12u);
  EXPECT_EQ(read.clamps.at(0), "Mains L1");
  EXPECT_EQ(read.clamps.at(2), "CT3");
  EXPECT_EQ(read.clamps.at(11), "Dryer");
  EXPECT_EQ(read.node.channels, 12u);
  EXPECT_EQ(read.node.address, "192.168.1.77");
}

TEST_F(EsphomeYaml, OnlyEntitiesThatWereRenamedAreListed) {
  const auto read = read_esphome(examples / "stock_with_add_on.yaml");

  std::map<std::string, std::pair<Quantity, std::size_t>> listed;
  for (const auto& entity : read.node.entities) {
    listed[entity.object_id] = {entity.quantity, entity.index};
    EXPECT_EQ(entity.factor, 1);
  }
  // Two mains and the fridge have amps, watts, var, harmonic and peak; the dryer amps and watts;
  // "Voltage 2" is the fourth chip's here.
  EXPECT_EQ(listed.size(), 3u * 5 + 2 + 1);
  EXPECT_EQ(listed["fridge_watts"], std::pair(Quantity::active_power, std::size_t{3}));
  EXPECT_EQ(listed["mains_l2_peak_a"], std::pair(Quantity::peak_current, std::size_t{1}));
  EXPECT_EQ(listed["dryer_amps"], std::pair(Quantity::current, std::size_t{11}));
  EXPECT_EQ(listed["voltage_2"], std::pair(Quantity::voltage, std::size_t{3}));
}

TEST_F(EsphomeYaml, ARenamedBoardInOneFileIsUnderstoodAndTheRestIsToldByLine) {
  const auto read = read_esphome(examples / "renamed_board.yaml");

  EXPECT_EQ(read.meter.id, "energy_meter_haus");
  EXPECT_EQ(read.zone, "Europe/Berlin");
  EXPECT_EQ(read.meter.period, std::chrono::seconds(5));
  ASSERT_EQ(read.meter.chips.size(), 2u);
  const auto& clamps = read.meter.chips[0].channels;
  EXPECT_EQ(clamps[0].current_gain, 20893) << "41787 / 2";
  EXPECT_EQ(clamps[0].multiplier, 2);
  EXPECT_FALSE(clamps[0].reversed);
  EXPECT_EQ(clamps[1].multiplier, 1);
  EXPECT_TRUE(clamps[1].reversed);
  EXPECT_EQ(clamps[2].multiplier, 1) << "0.001 makes kW of W";
  EXPECT_EQ(clamps[2].active_offset, -12);
  EXPECT_EQ(read.meter.chips[1].pga, 2);
  EXPECT_EQ(read.clamps, (std::map<std::size_t, std::string>{
                             {0, "Wallbox"}, {1, "Solaranlage"}, {2, "Küche"}, {3, "Herd"}}));
  ASSERT_TRUE(read.mqtt);
  EXPECT_EQ(read.mqtt->host, "192.168.1.10");
  const auto entity = [&](std::string_view id) {
    const auto found = std::ranges::find(read.node.entities, id, &hub::EsphomeEntity::object_id);
    return found == read.node.entities.end() ? hub::EsphomeEntity{} : *found;
  };
  EXPECT_EQ(entity("haus_k_che_power").factor, 1000);
  // The chip's counter of import counts what a reversed clamp exports.
  EXPECT_EQ(entity("haus_solaranlage_bezug").quantity, Quantity::exported);
  EXPECT_EQ(entity("haus_solaranlage_bezug").index, 1u);
  EXPECT_THAT(read.remarks, Contains(AllOf(HasSubstr("line 98"), HasSubstr("\"wobble\""))));
  EXPECT_THAT(read.remarks, Contains(AllOf(HasSubstr("line 58"), HasSubstr("\"throttle\""))));
}

TEST_F(EsphomeYaml, TheSplitPhaseBoardHasOneChipAndTwoClamps) {
  const auto read = read_esphome(examples / "split_single_phase.yaml");

  ASSERT_EQ(read.meter.chips.size(), 1u);
  EXPECT_EQ(read.meter.boards(), 1u);
  EXPECT_EQ(read.meter.chips[0].channels[2].voltage_gain, 3920);
  EXPECT_EQ(read.clamps, (std::map<std::size_t, std::string>{{0, "CT1"}, {2, "CT2"}}));
}

// A node of some boards with settings that no two clamps share.
hub::Meter random_meter(std::mt19937& random, std::size_t chips) {
  const auto from = [&](int least, int most) {
    return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
  };
  hub::Meter meter;
  meter.id = "energy-meter";
  meter.line_frequency_hz = from(0, 1) ? 50 : 60;
  meter.nominal_voltage_v = from(100, 250) / 2.0;
  meter.period = std::chrono::milliseconds(from(200, 20'000));
  for (std::size_t c = 0; c < chips; ++c) {
    auto& each = meter.chips.emplace_back();
    each.cs_pin = static_cast<int>(c) + 25;
    each.pga = 1 << from(0, 2);
    for (auto& clamp : each.channels) {
      if (from(0, 4) == 0) continue;
      clamp = {from(7000, 7003),    from(1, 65535), from(1, 4),  from(0, 1) == 1,
               from(-32768, 32767), from(0, 1),     from(-9, 9), from(0, 9)};
    }
  }
  return meter;
}

TEST_F(EsphomeYaml, TheWayBackGivesTheSameValuesForOneToSevenBoardsAndTheSplitBoard) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> names = {"Fridge",  "CT5", "Heat Power", "Küche \"2\"", "a\\b: #",
                                          "100 W A", "'''", "{x}",        "true",        "12"};
  for (std::size_t chips : {1, 2, 4, 6, 8, 10, 12, 14, 3}) {
    const auto meter = random_meter(random, chips);
    std::map<std::size_t, std::string> clamps;
    for (std::size_t c = 0; c < chips * 3; ++c) {
      if (random() % 4) clamps[c] = names[random() % names.size()] + " " + std::to_string(c);
    }

    const auto text = write_esphome(meter, clamps);
    const auto back = read(text);

    EXPECT_EQ(back.meter, meter) << text;
    EXPECT_EQ(back.clamps, clamps) << text;
  }
}

TEST_F(EsphomeYaml, TheExamplesSurviveTheWayThereAndBack) {
  for (const char* name :
       {"renamed_board.yaml", "split_single_phase.yaml", "stock_with_add_on.yaml"}) {
    const auto first = read_esphome(examples / name);

    const auto text = write_esphome(first.meter, first.clamps);
    const auto second = read(text);

    EXPECT_EQ(second.meter, first.meter) << text;
    EXPECT_EQ(second.clamps, first.clamps) << text;
    EXPECT_THAT(text, AllOf(HasSubstr("password: !secret wifi_password"),
                            HasSubstr("key: !secret api_encryption_key")));
  }
}

TEST_F(EsphomeYaml, AWrongFileIsRefusedWithOneSentenceAndItsLine) {
  struct Case {
    std::string text;
    const char* place;
    const char* said;
  };
  const Case cases[] = {
      {"", "meter.yaml", "is not the YAML of an ESPHome node"},
      {"esphome:\n  name: x\n", "meter.yaml", "no sensor of platform atm90e32"},
      {"a: 1\nb: [2\nc: 3\n", "line 3", "not YAML"},
      {"a: *nowhere\n", "line 1", "not YAML"},
      {"sensor:\n- platform: atm90e32\n", "line 2", "no cs_pin"},
      {"sensor:\n- platform: atm90e32\n  cs_pin: x7\n", "line 3", "no pin"},
      {"sensor:\n- platform: atm90e32\n  cs_pin: {pcf8574: hub, number: 1}\n", "line 3", "pcf8574"},
      {"sensor:\n- platform: atm90e32\n  cs_pin: 5\n  line_frequency: 55Hz\n", "line 4", "50Hz"},
      {chip + chip.substr(8), "line 7", "cs_pin 5 is that of the chip at meter.yaml, line 3"},
      {chip + "    phase_a:\n      gain_ct: 0\n", "line 7", "gain_ct of \"0\" cannot be"},
      {chip + "    phase_a:\n      gain_ct: 65536\n", "line 7", "from 1 to 65535"},
      {chip + "    phase_a:\n      gain_ct: ${cal}\n", "line 7", "no substitution"},
      {"spi:\n  clk_pin: 5\n" + chip, "meter.yaml", "cs_pin 5 is one of the bus"},
      {"packages:\n  p: github://someone/meters/six.yaml@main\n", "meter.yaml",
       "missing beside it: six.yaml"},
      {"a: &a [*a]\n", "line 1", "beyond"},
      {"a: !include meter.yaml\n", "meter.yaml", "include one another"},
      {"substitutions: {a: \"${b}${b}${b}\", b: \"" + std::string(2000, 'x') + "\"}\nc: ${a}\n",
       "line 2", "longer than 4096"},
  };
  for (const auto& [text, place, said] : cases) {
    EXPECT_THAT(complaint(text), AllOf(HasSubstr(place), HasSubstr(said))) << text;
  }
}

TEST_F(EsphomeYaml, AFileThatIsTooLargeOrGrowsByAliasesIsRefused) {
  EXPECT_THAT(complaint(std::string(10 << 20, '#')), HasSubstr("larger than 1048576 bytes"));

  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 8; ++k) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_THAT(complaint(bomb), HasSubstr("beyond 50000 nodes"));
  EXPECT_THAT(complaint("a: " + std::string(100'000, '[')), HasSubstr("not YAML"));
}

TEST_F(EsphomeYaml, NamesFromOutsideStayNames) {
  const auto read = this->read(
      chip + "    phase_a:\n      power: {name: \"Ev\\x1b[2Jil\\n\\\"quoted\\\" Watts\"}\n" +
      "    phase_b:\n      power: {name: \"冷蔵庫 Watts\"}\n" +
      "    phase_c:\n      power: {name: \"冷凍庫 Watts\"}\n    \"wob\\x1bble\": 1\n");

  EXPECT_EQ(read.clamps.at(0), "Ev [2Jil \"quoted\"");
  const auto circuits = circuits_of(read, {});
  ASSERT_EQ(circuits.size(), 3u);
  EXPECT_EQ(circuits[0].id, "ev__2jil__quoted_");
  EXPECT_EQ(circuits[1].id, "___") << "three characters that an id cannot have";
  EXPECT_EQ(circuits[2].id, "____2") << "unique";
  EXPECT_THAT(read.remarks, Contains(HasSubstr("wob?ble")));
}

TEST_F(EsphomeYaml, APackageOnTheNetIsToldUnlessACopyLiesBesideTheFile) {
  const std::string main = "packages:\n  p: github://someone/meters/two.yaml@main\n" + chip;
  EXPECT_THAT(read(main).remarks,
              Contains(AllOf(HasSubstr("line 2"), HasSubstr("put that file beside meter.yaml"))));

  std::ofstream(folder / "two.yaml") << "sensor:\n  - platform: atm90e32\n    cs_pin: 4\n"
                                        "    line_frequency: 50Hz\n";

  const auto read = this->read(main);
  EXPECT_THAT(read.remarks, testing::Not(Contains(HasSubstr("two.yaml"))));
  EXPECT_EQ(read.meter.chips.size(), 2u);
}

TEST_F(EsphomeYaml, TheImportWritesAHomeAndASecondOneChangesNothing) {
  const auto data = folder / "data";
  const ImportEsphomeOptions options{.file = (examples / "stock_with_add_on.yaml").string(),
                                     .data = data.string()};
  ASSERT_EQ(import_esphome(options), 0);
  auto home = hub::load_home(data / "home.toml");
  ASSERT_EQ(home.meters.size(), 1u);
  EXPECT_EQ(home.panels.back().circuits.size(), 12u);
  EXPECT_EQ(hub::load_partners(data / "partners.toml").esphome.size(), 1u);

  // The owner corrects a circuit; the next import respects it.
  home.panels.back().circuits[3].name = "Freezer";
  hub::save_home(home, data / "home.toml");
  const auto before = content(data / "home.toml") + content(data / "partners.toml");
  ASSERT_EQ(import_esphome(options), 0);

  EXPECT_EQ(content(data / "home.toml") + content(data / "partners.toml"), before);
}

TEST_F(EsphomeYaml, ADryRunWritesNothing) {
  ASSERT_EQ(import_esphome({.file = (examples / "renamed_board.yaml").string(),
                            .data = (folder / "data").string(),
                            .dry_run = true}),
            0);
  EXPECT_FALSE(fs::exists(folder / "data"));
}

TEST_F(EsphomeYaml, WhatWasImportedIsExportedAgain) {
  const auto data = (folder / "data").string();
  const auto yaml = (examples / "renamed_board.yaml").string();
  ASSERT_EQ(import_esphome({.file = yaml, .data = data, .device = "haus"}), 0);
  EXPECT_EQ(hub::load_partners(folder / "data/partners.toml").esphome.at(0).topic_prefix,
            "energy_meter_haus");

  ASSERT_EQ(export_esphome({.data = data, .output = file.string()}), 0);

  auto expected = read_esphome(yaml).meter;
  expected.id = "haus";
  EXPECT_EQ(read_esphome(file).meter, expected);
  EXPECT_THROW(export_esphome({.data = data, .device = "other"}), std::runtime_error);
}

TEST_F(EsphomeYaml, SecretsAreTakenFromTheirFileAndNeverTold) {
  // Base64 of 32 zero bytes: 43 A and =.
  const auto key = std::string(43, 'A') + "=";
  std::ofstream(folder / "secrets.yaml") << "api_key: " << key << "\n";

  const auto read = this->read("api:\n  encryption:\n    key: !secret api_key\n" + chip);

  EXPECT_EQ(read.node.key, key);
  for (const auto& remark : read.remarks) EXPECT_THAT(remark, testing::Not(HasSubstr(key)));
  EXPECT_THAT(complaint("wifi:\n  password: *hunter2\n"), testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace lenz
