#include "hub/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <stdexcept>

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class HomeFile : public testing::Test {
 protected:
  HomeFile() {
    std::string pattern = testing::TempDir() + "lenz-home-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    path = folder / "home.toml";
  }
  ~HomeFile() override { std::filesystem::remove_all(folder); }

  void write(const std::string& text) { std::ofstream(path) << text; }
  std::string read() {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // What load_home says of a text, or nothing.
  std::string complaint(const std::string& text) {
    write(text);
    try {
      load_home(path);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder, path;
};

const std::string plain_head = R"([home]
id = "linden"
name = "Lindenweg"
zone = "Europe/Berlin"
country = "DE"
currency = "EUR"
nominal_voltage_v = 230
line_frequency_hz = 50
phases = 3
)";
const std::string plain_panel = R"([[panel]]
valid_from = 2024-05-31T18:00:00Z
style = "din"
)";
const std::string plain = plain_head + plain_panel;  // Lines 1 to 12.

TEST_F(HomeFile, WhatIsWrittenInItIsWhatTheHubKnows) {
  write(plain + R"(
[[panel.circuit]]
id = "oven"
name = "Backofen \"groß\""
kind = "load"
rating_a = 16
poles = 3
legs = [1, 2, 3]
position = 4
room = "Küche"
netting = "per_phase"
channels = [
  { device = "meter-1", channel = 3, multiplier = -1.5 },
  { device = "meter-1", channel = 4 },
]

[[panel.circuit]]
id = "car"
name = "Auto"
kind = "ev"
parent = "oven"
)");

  const auto home = load_home(path);

  EXPECT_EQ(home.id, "linden");
  EXPECT_EQ(home.zone, "Europe/Berlin");
  EXPECT_EQ(home.nominal_voltage_v, 230);
  EXPECT_EQ(home.phases, 3);
  EXPECT_EQ(home.price_per_kwh, std::nullopt);
  ASSERT_EQ(home.panels.size(), 1u);
  // 19874 days after 1970-01-01 is 2024-05-31: 54 years of 365 days, 13 leap days, 151 days.
  EXPECT_EQ(home.panels[0].valid_from, Timestamp{(54 * 365 + 13 + 151) * 24h + 18h});
  ASSERT_EQ(home.panels[0].circuits.size(), 2u);
  const auto& oven = home.panels[0].circuits[0];
  EXPECT_EQ(oven.name, "Backofen \"groß\"");
  EXPECT_EQ(oven.rating_a, 16);
  EXPECT_EQ(oven.poles, 3);
  EXPECT_EQ(oven.legs, (std::vector{1, 2, 3}));
  EXPECT_EQ(oven.position, 4);
  EXPECT_EQ(oven.room, "Küche");
  EXPECT_EQ(oven.netting, Netting::per_phase);
  EXPECT_EQ(oven.channels, (std::vector<ChannelUse>{{"meter-1", 3, -1.5}, {"meter-1", 4, 1}}));
  EXPECT_EQ(home.panels[0].circuits[1].kind, CircuitKind::ev);
  EXPECT_EQ(home.panels[0].circuits[1].parent, "oven");
}

TEST_F(HomeFile, AMistakeIsSaidWithItsLineAndItsRemedy) {
  const auto circuit = plain + "[[panel.circuit]]\nid = \"a\"\nname = \"A\"\n";  // To line 15.
  const auto meter = plain +
                     "[[meter]]\nid = \"m\"\nnominal_voltage_v = 230\n"
                     "line_frequency_hz = 50\n";  // To line 16.
  const std::string chip = "[[meter.chip]]\ncs_pin = 5\nchannels = [{}, {}, {}]\n";
  struct Case {
    std::string text;
    const char* line;
    const char* said;
  };
  const Case cases[] = {
      {"[home]\nid = \n", "line 2", "not TOML"},
      {plain + "pahses = 3\n", "line 13", "a panel has no key \"pahses\""},
      {plain_head + "pahses = 3\n" + plain_panel, "line 10", "[home] has no key \"pahses\""},
      {circuit + "amps = 16\n", "line 16", "a circuit has no key \"amps\""},
      {circuit + "channels = [{device = \"m\", channel = 0, gain = 2}]\n", "line 16",
       "a channel has no key \"gain\""},
      {plain + "[hub]\n", "line 13", "the file has no key \"hub\""},
      {plain + "[store]\nsample_days = 9\n", "line 14", "[store] has no key \"sample_days\""},
      {plain + "[store]\nsamples_days = 0\n", "line 14", "\"samples_days\" must be 1 to 36500"},
      {plain + "[store]\nminutes_days = 9\n", "line 13", "not be less than \"samples_days\""},
      {plain + "[store]\nbudget_mb = 5\n", "line 13", "\"budget_mb\" must be 100 to"},
      {circuit + "poles = 1.5\n", "line 16", "\"poles\" must be a whole number"},
      {circuit + "poles = 9999999999\n", "line 16", "\"poles\" must be a whole number"},
      {circuit + "poles = true\n", "line 16", "\"poles\" must be a whole number"},
      {circuit + "rating_a = \"16\"\n", "line 16", "\"rating_a\" must be a number"},
      {circuit + "room = 3\n", "line 16", "\"room\" must be a text"},
      {circuit + "kind = \"oven\"\n", "line 16", "one of \"grid\", \"solar\""},
      {circuit + "netting = \"none\"\n", "line 16", "one of \"sum\", \"per_phase\""},
      {circuit + "channels = 3\n", "line 16", "must be a list"},
      {circuit + "channels = [3]\n", "line 16", "must be a table"},
      {circuit + "channels = [{device = \"m\", channel = -1}]\n", "line 16", "\"channel\""},
      {circuit + "channels = [{device = \"m\"}]\n", "line 16", "\"channel\" is missing"},
      {plain + "[[panel.circuit]]\nid = \"a\"\n", "line 13", "\"name\" is missing"},
      {plain_head + "[[panel]]\nstyle = \"din\"\nvalid_from = \"2024\"\n", "line 12",
       "must be a time in UTC"},
      {plain_head + "[[panel]]\nstyle = \"din\"\nvalid_from = 2024-05-31T18:00:00\n", "line 12",
       "must be a time in UTC"},
      {plain_head + "[[panel]]\nvalid_from = 2024-05-31T18:00:00Z\nstyle = \"uk\"\n", "line 12",
       "one of \"us\", \"din\""},
      {"home = 3\n" + plain_panel, "line 1", "\"home\" must be a table"},
      {plain_panel, "line 1", "\"home\" is missing"},
      {plain_head, "line 1", "\"panel\" is missing"},
      {circuit + "parent = \"b\"\n", "line 13", "circuit \"a\": its parent \"b\""},
      {circuit + "poles = 7\n", "line 13", "7 poles"},
      {plain + plain_panel, "line 13", "panel 2: it is not valid later"},
      {plain + "[meter]\n", "line 13", "\"meter\" must be a list"},
      {plain + "[[meter]]\nboards = 2\n", "line 14", "a meter has no key \"boards\""},
      {plain + "[[meter]]\nid = \"m\"\n", "line 13", "\"nominal_voltage_v\" is missing"},
      {meter, "line 13", "0 chips"},
      {meter + "[[meter.chip]]\npga = 1\n", "line 17", "\"cs_pin\" is missing"},
      {meter + "[[meter.chip]]\ncs_pin = 5\n", "line 17", "\"channels\" is missing"},
      {meter + "[[meter.chip]]\ncs_pin = 5\nchannels = [{}, {}]\n", "line 19", "has 3 channels"},
      {meter + "[[meter.chip]]\ncs_pin = 5\nchannels = [{}, {}, {gain = 1}]\n", "line 19",
       "no key \"gain\""},
      {meter + chip + chip, "line 20", "chip 2: its cs_pin 5 is that of chip 1"},
  };
  for (const auto& [text, line, said] : cases) {
    EXPECT_THAT(complaint(text),
                AllOf(HasSubstr(path.string() + ", " + line + ":"), HasSubstr(said)))
        << text;
  }
}

TEST_F(HomeFile, AFileThatIsNotThereOrTooLargeIsSaidByName) {
  EXPECT_THAT([&] { load_home(path); },
              testing::ThrowsMessage<std::runtime_error>(
                  AllOf(HasSubstr(path.string()), HasSubstr("cannot be read"))));
  EXPECT_THAT([&] { load_home(folder); },
              testing::ThrowsMessage<std::runtime_error>(
                  AllOf(HasSubstr(folder.string()), HasSubstr("cannot be read"))));

  const auto full = plain + "#" + std::string(max_home_file_bytes - plain.size() - 1, ' ');
  EXPECT_EQ(complaint(full), "") << "one MiB is still read";
  EXPECT_THAT(complaint(full + " "), HasSubstr("larger than 1048576 bytes"));
}

Meter random_meter(std::mt19937& random, int number) {
  const auto from = [&](int least, int most) {
    return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
  };
  Meter meter;
  meter.id = "meter-" + std::to_string(number);
  meter.nominal_voltage_v = std::ldexp(static_cast<double>(random()) + 1, -28);
  meter.line_frequency_hz = from(0, 1) ? 50 : 60;
  meter.period = std::chrono::milliseconds(from(200, 3'600'000));
  meter.clock_pin = from(40, 45);
  meter.miso_pin = from(46, 50);
  meter.mosi_pin = from(51, 63);
  const int chips = from(1, 14);
  for (int c = 0; c < chips; ++c) {
    MeterChip chip;
    chip.cs_pin = 2 * c + from(0, 1);
    chip.pga = 1 << from(0, 2);
    for (auto& clamp : chip.channels) {
      clamp.voltage_gain = from(1, 65535);
      clamp.current_gain = from(1, 65535);
      clamp.multiplier = from(1, 255);
      clamp.reversed = from(0, 1);
      for (auto offset : {&MeterChannel::voltage_offset, &MeterChannel::current_offset,
                          &MeterChannel::active_offset, &MeterChannel::reactive_offset}) {
        clamp.*offset = from(0, 1) ? from(-32768, 32767) : 0;
      }
    }
    meter.chips.push_back(chip);
  }
  return meter;
}

Home random_home(std::mt19937& random) {
  const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  const std::vector<std::string> names = {
      "Kitchen", "Küche \"2\"", "a\\b", "日本", "line\nbreak\ttab", "\x01\x7F", "'''", "#", " "};
  const auto name = [&] { return names[random() % names.size()]; };
  const auto number = [&] { return std::ldexp(static_cast<double>(random()) + 1, -28); };
  Home home{"h-1", name(), "Europe/Berlin", "DE", "EUR", number(), 50, 3, {}, {}};
  if (below(2)) home.price_per_kwh = number() - 1;
  if (below(2)) {
    home.retention.samples = std::chrono::days(1 + below(1000));
    home.retention.minutes = home.retention.samples + std::chrono::days(below(1000));
    if (below(2)) home.retention.exact = std::chrono::days(1 + below(1000));
    if (below(2)) home.retention.budget = (100 + random() % 1'000'000) * 1'000'000ull;
  }
  for (int p = 0; p <= below(3); ++p) {
    Panel panel{Timestamp{std::chrono::milliseconds(random()) + p * 24h * 100},
                below(2) ? PanelStyle::us : PanelStyle::din,
                {}};
    for (int c = 0; c < below(30); ++c) {
      Circuit circuit;
      circuit.id = "c" + std::to_string(c);
      circuit.name = name();
      circuit.kind = static_cast<CircuitKind>(below(6));
      if (c > 0 && below(2)) circuit.parent = "c" + std::to_string(below(static_cast<unsigned>(c)));
      circuit.rating_a = below(2) * number();
      circuit.poles = 1 + below(4);
      if (below(2)) circuit.legs = {3, 1};
      circuit.position = below(40);
      if (below(2)) circuit.room = name();
      circuit.netting = static_cast<Netting>(below(2));
      if (below(2)) circuit.channels = {{"m" + std::to_string(c), 41, -number()}};
      panel.circuits.push_back(circuit);
    }
    home.panels.push_back(panel);
  }
  for (int m = below(3); m > 0; --m) home.meters.push_back(random_meter(random, m));
  return home;
}

TEST_F(HomeFile, WhatIsSavedIsLoadedAgainToTheLastBit) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 200; ++i) {
    const auto home = random_home(random);

    save_home(home, path);

    ASSERT_EQ(load_home(path), home) << read();
  }
}

TEST_F(HomeFile, SavingReplacesTheFileWholeAndLeavesNothingElseBehind) {
  write(plain);
  ::chmod(path.c_str(), 0600);
  auto home = load_home(path);
  home.name = "Neuer Name";

  save_home(home, path);

  EXPECT_EQ(load_home(path).name, "Neuer Name");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0644u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST_F(HomeFile, AHomeWithAFaultIsNotSavedAndTheOldFileStays) {
  write(plain);
  auto home = load_home(path);
  home.phases = 7;

  EXPECT_THAT([&] { save_home(home, path); },
              testing::ThrowsMessage<std::runtime_error>(
                  AllOf(HasSubstr("was not written"), HasSubstr("7 phases"))));

  EXPECT_EQ(read(), plain);
}

TEST_F(HomeFile, AFolderThatCannotBeWrittenIsSaidByName) {
  write(plain);
  const auto home = load_home(path);
  const auto elsewhere = folder / "none" / "home.toml";

  EXPECT_THAT([&] { save_home(home, elsewhere); },
              testing::ThrowsMessage<std::runtime_error>(
                  AllOf(HasSubstr(elsewhere.string()), HasSubstr("cannot be written"))));
}

TEST_F(HomeFile, ASaveThatFailsLeavesNothingBehind) {
  write(plain);
  const auto home = load_home(path);
  const auto taken = folder / "taken";  // A folder cannot be replaced by a file.
  std::filesystem::create_directory(taken);

  EXPECT_THROW(save_home(home, taken), std::runtime_error);

  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 2)
      << "home.toml and the folder";
}

// The examples of the page of the format are files that work.
TEST_F(HomeFile, TheExamplesOfTheManualLoad) {
  std::ifstream page(std::string(LENZ_SOURCE_DIR) + "/docs/home_format.md");
  ASSERT_TRUE(page);
  std::vector<Home> homes;
  std::string example;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line == "```toml") {
      inside = true;
      example.clear();
    } else if (line == "```" && inside) {
      inside = false;
      write(example);
      homes.push_back(load_home(path));
    } else if (inside) {
      example += line + "\n";
    }
  }

  ASSERT_EQ(homes.size(), 2u);
  EXPECT_EQ(homes[0].country, "US");
  ASSERT_EQ(homes[0].meters.size(), 1u);
  EXPECT_EQ(homes[0].meters[0].chips[1].channels[0].multiplier, 2);
  EXPECT_EQ(homes[1].country, "DE");
}

}  // namespace
}  // namespace hub
