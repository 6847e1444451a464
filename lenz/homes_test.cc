#include "lenz/homes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "hub/api/routes.h"
#include "hub/config.h"
#include "hub/files/disk.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using measurement::Timestamp;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;

// A folder with the homes elm and oak.
class HomesTest : public testing::Test {
 protected:
  HomesTest() {
    for (const auto* id : {"elm", "oak"}) describe(id, id);
  }

  std::string folder_of(const std::string& id) const { return place.homes_folder() + "/" + id; }

  void describe(const std::string& id, const std::string& said_id) {
    hub::Home home;
    home.id = said_id;
    home.name = "Home " + said_id;
    home.zone = "Etc/UTC";
    home.country = "ZZ";
    home.currency = "EUR";
    auto& circuit = home.panels.emplace_back().circuits.emplace_back();
    circuit.id = circuit.name = "grid";
    circuit.channels = {{"meter-1", 0, 1}};
    fs::create_directories(folder_of(id));
    hub::save_home(home, folder_of(id) + "/home.toml");
  }

  void begin() { homes.emplace(around, place, "meter-1"); }

  unsigned ask(const std::string& path) {
    const hub::Routes routes(
        {.homes = homes->served(), .accounts = accounts, .now = [] { return noon; }},
        hub::Pages(folder.path()));
    const auto cookie = "lenz_session=" + session;
    const auto response =
        routes.answer({.method = "GET", .target = path, .host = "localhost", .cookie = cookie});
    body = response.body;
    return response.status;
  }

  // As a meter would.
  bool store(hub::Hub& hub, std::uint64_t number) {
    measurement::Sample sample(1);
    sample.number = number;
    sample.uptime = measurement::Uptime(1000 * (static_cast<std::int64_t>(number) + 1));
    sample.put<measurement::Quantity::active_power>(0, measurement::Watts{100});
    return hub.accept({{.device = "meter-1", .boot = 7, .chips = 1, .booted_at = noon - 1min},
                       {&sample, 1}},
                      noon) &&
           hub.confirm();
  }

  TemporaryFolder folder;
  Workplace place{folder.path()};
  boost::asio::io_context context;
  hub::Disk disk;
  std::vector<std::string> said;
  Surroundings around{
      context, disk, [] { return noon; }, [this](const std::string& text) { said.push_back(text); },
      20ms,    0};
  hub::Accounts accounts{disk,
                         place.accounts_file(),
                         [n = std::uint8_t{0}](std::span<std::uint8_t> bytes) mutable {
                           std::ranges::fill(bytes, ++n);
                         },
                         {1, 8 * 1024}};
  std::string session = accounts.sign_in_with_link(accounts.new_link(noon), noon).value();
  std::optional<Homes> homes;
  std::string body;
};

TEST_F(HomesTest, EachHomeIsStoredInItsOwnFolder) {
  begin();

  ASSERT_TRUE(store(*homes->hubs().at("elm"), 0));

  EXPECT_EQ(ask("/api/homes/elm/meters"), 200u);
  EXPECT_THAT(body, HasSubstr("\"reports\":1"));
  EXPECT_EQ(ask("/api/homes/oak/meters"), 200u);
  EXPECT_THAT(body, HasSubstr("\"reports\":0"));
  EXPECT_TRUE(fs::exists(folder_of("elm") + "/lenz.db"));
  EXPECT_TRUE(fs::exists(folder_of("oak") + "/lenz.db"));
  EXPECT_FALSE(fs::exists(place.store_file()));
}

TEST_F(HomesTest, AHomeThatIsDamagedAnswersWithItsOwnErrorAndDisturbsNoOther) {
  std::ofstream(folder_of("elm") + "/lenz.db") << "this is no database, and long enough to be one.";

  begin();

  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], HasSubstr("The home elm is not served: "));
  EXPECT_EQ(ask("/api/homes/elm/meters"), 503u);
  EXPECT_THAT(body, HasSubstr("restore it from a backup"));
  EXPECT_EQ(ask("/api/homes"), 200u);
  EXPECT_THAT(body, HasSubstr("\"error\""));
  EXPECT_TRUE(store(*homes->hubs().at("oak"), 0));
  EXPECT_EQ(ask("/api/homes/oak/meters"), 200u);
}

TEST_F(HomesTest, AHomeThatIsCalledOtherwiseThanItsFolderIsNotServed) {
  describe("elm", "oak");

  begin();

  EXPECT_EQ(ask("/api/homes/elm"), 503u);
  EXPECT_THAT(body, HasSubstr("as its folder"));
  EXPECT_EQ(ask("/api/homes/oak"), 200u);
}

TEST_F(HomesTest, AHomeInWhichAnotherProgramWorksIsNotServed) {
  const FolderLock other(folder_of("elm"));

  begin();

  EXPECT_EQ(ask("/api/homes/elm"), 503u);
  EXPECT_THAT(body, HasSubstr("Another program works"));
}

TEST_F(HomesTest, AFolderWithADescriptionOfItsOwnIsASingleHome) {
  fs::copy(folder_of("oak") + "/home.toml", place.home_file());

  begin();

  EXPECT_TRUE(homes->is_only());
  EXPECT_EQ(homes->served().size(), 1u);
  EXPECT_TRUE(fs::exists(place.store_file()));
}

TEST_F(HomesTest, TheLedgerIsOpenedWhenSomebodyAsksForIt) {
  begin();
  EXPECT_FALSE(fs::exists(folder_of("elm") + "/ledger.db"));

  EXPECT_NE(homes->served()[0].ledger(), nullptr);

  EXPECT_TRUE(fs::exists(folder_of("elm") + "/ledger.db"));
}

}  // namespace
}  // namespace lenz
