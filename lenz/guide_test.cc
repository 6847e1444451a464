// Follows pages of docs/ literally: their commands, and what they say.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <boost/asio.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "lenz/temporary_folder.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

struct Command {
  std::string text, answer;
};

// The blocks of a page that are ```console, each a list of commands.
std::vector<std::vector<Command>> walks(const std::string& page) {
  std::ifstream in(page);
  std::vector<std::vector<Command>> found;
  bool is_walk = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      is_walk = line == "```console";
      if (is_walk) found.emplace_back();
    } else if (is_walk && line.starts_with("$ ")) {
      found.back().push_back({line.substr(2), ""});
    } else if (is_walk) {
      found.back().back().answer += line + "\n";
    }
  }
  return found;
}

std::uint16_t free_port() {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

// What each command of a script says, in one shell.
std::vector<std::string> run(const std::string& folder, const std::vector<Command>& commands) {
  const auto script = folder + "/walk.sh";
  {
    std::ofstream out(script);
    const auto program = std::filesystem::path(Workplace::program()).parent_path();
    out << "exec 2>&1\ncd " << folder << "\nPATH=" << program.string() << ":$PATH\n"
        << "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n";
    for (const auto& command : commands) out << command.text << "\nprintf '\\036'\n";
  }
  const std::string start = "timeout 60 bash " + script;
  std::FILE* pipe = ::popen(start.c_str(), "r");
  std::vector<std::string> said(1);
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c == '\036') {
      said.emplace_back();
    } else {
      said.back() += static_cast<char>(c);
    }
  }
  ::pclose(pipe);
  return said;
}

TEST(Guide, DataGoesInAndOutAsThePageSays) {
  TemporaryFolder folder;
  const auto pages = walks(LENZ_SOURCE_DIR "/docs/import_export.md");
  ASSERT_EQ(pages.size(), 2u);
  auto commands = pages[0];
  const bool has_all = std::system("command -v curl mosquitto > /dev/null") == 0;
  if (has_all) commands.insert(commands.end(), pages[1].begin(), pages[1].end());
  const auto port = std::to_string(free_port());
  for (auto& command : commands) replace_all(command.text, "8421", port);

  const auto said = run(folder.path(), commands);

  ASSERT_GE(said.size(), commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    EXPECT_EQ(said[i], commands[i].answer) << "$ " << commands[i].text;
  }
  if (!has_all) GTEST_SKIP() << "curl or mosquitto is not there: the hub's part was left out";
}

TEST(Guide, ABackupIsTakenCheckedAndRestoredAsThePageSays) {
  TemporaryFolder folder;
  const auto pages = walks(LENZ_SOURCE_DIR "/docs/backup.md");
  ASSERT_EQ(pages.size(), 1u);

  const auto said = run(folder.path(), pages[0]);

  ASSERT_GE(said.size(), pages[0].size());
  const std::regex time("lenz-[0-9]{8}-[0-9]{6}");
  for (std::size_t i = 0; i < pages[0].size(); ++i) {
    EXPECT_EQ(std::regex_replace(said[i], time, "lenz-YYYYMMDD-HHMMSS"), pages[0][i].answer)
        << "$ " << pages[0][i].text;
  }
}

TEST(Guide, TheDescriptionOfTheHttpApiIsYaml) {
  const auto api = YAML::LoadFile(LENZ_SOURCE_DIR "/docs/http_api.yaml");

  EXPECT_TRUE(api["paths"]["/api/session"]["post"]["summary"].IsScalar());
}

}  // namespace
}  // namespace lenz
