// Keeps layers.txt: no file includes what its folder must not know.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Words = std::set<std::string>;

// The lines of layers.txt: what stands before the colon, and the words behind it.
std::map<std::string, Words> rules_of(const fs::path& file) {
  std::map<std::string, Words> rules;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    line = line.substr(0, line.find('#'));
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream words(line.substr(colon + 1));
    auto& allowed = rules[line.substr(0, colon)];
    for (std::string word; words >> word;) allowed.insert(word);
  }
  return rules;
}

// `pattern` may end in a star.
bool matches(const std::string& header, const std::string& pattern) {
  return pattern.back() == '*' ? header.starts_with(pattern.substr(0, pattern.size() - 1))
                               : header == pattern;
}

bool lies_in_any(const std::string& file, const Words& places) {
  return std::ranges::any_of(places, [&](const std::string& place) {
    return file == place || file.starts_with(place + "/");
  });
}

// "hub/store/block.cc" -> "store"; "hub/home.cc" -> "hub".
std::string part_of_hub(const std::string& path) {
  const auto slash = path.find('/', 4);
  return slash == std::string::npos ? "hub" : path.substr(4, slash - 4);
}

bool is_checked(const fs::path& path) {
  const auto stem = path.stem().string();
  const bool is_free =
      stem.ends_with("_test") || stem.ends_with("_fuzz") || stem.ends_with("_bench");
  return !is_free && (path.extension() == ".h" || path.extension() == ".cc");
}

class Layers {
 public:
  explicit Layers(fs::path root) : root_(std::move(root)), rules_(rules_of(root_ / "layers.txt")) {}

  // A sentence for each forbidden include.
  std::vector<std::string> faults() {
    for (const auto& [layer, allowed] : rules_) {
      if (layer.find_first_of("/<") != std::string::npos || layer == "clock") continue;
      if (!fs::exists(root_ / layer)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(root_ / layer)) {
        if (is_checked(entry.path())) check(entry.path(), layer);
      }
    }
    return faults_;
  }

  std::size_t files() const { return files_; }

 private:
  void check(const fs::path& path, const std::string& layer) {
    const auto file = fs::relative(path, root_).generic_string();
    std::ifstream lines(path);
    ++files_;
    for (std::string line; std::getline(lines, line);) {
      std::smatch found;
      if (std::regex_search(line, found, include_)) {
        check_folder(file, layer, found[1]);
        check_header(file, found[1]);
      } else if (std::regex_search(line, clock_) && !lies_in_any(file, rules_["clock"])) {
        faults_.push_back(fmt::format("{} reads a clock: take the time as an argument", file));
      }
    }
  }

  void check_folder(const std::string& file, const std::string& layer, const std::string& header) {
    const auto other = header.substr(0, header.find('/'));
    if (other == header || !fs::is_directory(root_ / other)) return;
    if (other != layer && !rules_[layer].contains(other)) {
      faults_.push_back(
          fmt::format("{} includes {}: {} may not know {}", file, header, layer, other));
    }
    if (layer != "hub" || other != "hub") return;
    const auto part = part_of_hub(file), other_part = part_of_hub(header);
    if (part != other_part && !rules_["hub/" + part].contains(other_part)) {
      faults_.push_back(fmt::format("{} includes {}: in hub, {} may not know {}", file, header,
                                    part, other_part));
    }
  }

  void check_header(const std::string& file, const std::string& header) {
    for (const auto& [name, places] : rules_) {
      if (name.front() != '<' || !matches(header, name.substr(1, name.size() - 2))) continue;
      if (lies_in_any(file, places)) continue;
      faults_.push_back(fmt::format("{} includes {}: that belongs elsewhere", file, header));
    }
  }

  fs::path root_;
  std::map<std::string, Words> rules_;
  std::vector<std::string> faults_;
  std::size_t files_ = 0;
  const std::regex include_{R"re(^\s*#\s*include\s*["<]([^">]+)[">])re"};
  const std::regex clock_{
      R"(_clock::now\(|(^|[^.\w])time\((nullptr|NULL|0)\)|\bclock_gettime\(|\bgettimeofday\()"};
};

// A project of two files, to see the check find what was planted in one of them.
class PlantedFault : public testing::Test {
 protected:
  void SetUp() override {
    auto name = testing::TempDir() + "layers_test_XXXXXX";  // Others may run beside it.
    root_ = mkdtemp(name.data());
    fs::create_directories(root_ / "measurement");
    fs::create_directories(root_ / "hub/store");
    fs::create_directories(root_ / "hub/api");
    fs::create_directories(root_ / "simulator");
    fs::copy_file(fs::path(LENZ_SOURCE_DIR) / "layers.txt", root_ / "layers.txt");
  }
  void TearDown() override { fs::remove_all(root_); }

  std::vector<std::string> faults_of(const std::string& file, const std::string& text) {
    std::ofstream(root_ / file) << text << "\n";
    return Layers(root_).faults();
  }

  fs::path root_;
};

TEST(Layers, NoPartOfLenzKnowsWhatItMustNot) {
  Layers layers(LENZ_SOURCE_DIR);

  const auto faults = layers.faults();

  EXPECT_THAT(faults, testing::IsEmpty());
  EXPECT_GT(layers.files(), 20u);  // The check has seen the project.
}

TEST_F(PlantedFault, AFolderThatIncludesAHigherOneIsNamed) {
  EXPECT_THAT(faults_of("measurement/x.h", "#include \"hub/store/store.h\""),
              testing::ElementsAre(
                  "measurement/x.h includes hub/store/store.h: measurement may not know hub"));
}

TEST_F(PlantedFault, TheStoreMayNotKnowTheApi) {
  EXPECT_THAT(faults_of("hub/store/x.cc", "#include \"hub/api/routes.h\""),
              testing::ElementsAre(
                  "hub/store/x.cc includes hub/api/routes.h: in hub, store may not know api"));
}

TEST_F(PlantedFault, AVendorHeaderOutsideTheBoardsIsNamed) {
  EXPECT_THAT(faults_of("simulator/x.cc", "#include <mosquitto.h>"),
              testing::ElementsAre("simulator/x.cc includes mosquitto.h: that belongs elsewhere"));
}

TEST_F(PlantedFault, ReadingAClockIsNamed) {
  EXPECT_THAT(faults_of("hub/store/x.cc", "const auto t = std::chrono::system_clock::now();"),
              testing::ElementsAre("hub/store/x.cc reads a clock: take the time as an argument"));
}

TEST_F(PlantedFault, ATestMayIncludeAnything) {
  EXPECT_THAT(faults_of("measurement/x_test.cc", "#include \"hub/store/store.h\""),
              testing::IsEmpty());
}

}  // namespace
