#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "hub/config.h"
#include "lenz/child.h"
#include "lenz/simulated_homes.h"
#include "lenz/temporary_folder.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;

// Hub, broker and meters as they run.
TEST(Simulate, AHubOfManyHomesAcknowledgesEveryReportAndLosesNoneWhenItIsKilled) {
  const TemporaryFolder folder;
  const auto program = (fs::path(Workplace::program()).parent_path() / "lenz").string();
  const auto data = folder.path() + "/data", file = folder.path() + "/figures.json";

  // Of a sample a second loads switch too seldom to be sure of one.
  Child simulation({program, "simulate", "--homes", "12", "--rate", "20", "--for", "2", "--data",
                    data, "--commit-every", "100ms", "--json", file},
                   {.keep_output = true});
  ASSERT_EQ(simulation.wait(), 0);

  const auto figures = nlohmann::json::parse(std::ifstream(file));
  EXPECT_EQ(figures.at("lost"), 0);
  EXPECT_EQ(figures.at("never_acknowledged"), 0);
  const auto& step = figures.at("steps").at(0);
  const auto points_per_s = step.at("points_per_s").get<double>();
  EXPECT_GT(points_per_s, 12 * 20 * 120 / 10);  // A machine may be busy.
  EXPECT_LT(points_per_s, 12 * 20 * 120 * 1.25);
  EXPECT_GT(step.at("edge_sweeps_per_s").get<double>(), 0);
  EXPECT_GT(step.at("hub_rss_mib").get<double>(), 1);
  EXPECT_TRUE(fs::exists(data + "/homes/home-00011/lenz.db"));
}

TEST(Simulate, ASimulatedHomeIsOneThatAHubTakes) {
  EXPECT_TRUE(hub::check(simulated_home(42)));
  EXPECT_EQ(simulated_home(42).id, "home-00042");
  EXPECT_EQ(simulated_home(42).panels.at(0).circuits.size(), 30u);
}

}  // namespace
}  // namespace lenz
