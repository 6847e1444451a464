// Every panel that Grafana is given, asked of a real InfluxDB as Grafana asks it, and compared with
// the store. How Grafana draws the answers is not tried here.

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>
#include <set>

#include "hub/integrations/home_assistant_sensors.h"
#include "hub/integrations/influx_world.h"

namespace hub {
namespace {

using Json = nlohmann::json;
using measurement::Quantity;
using measurement::Timestamp;
namespace fs = std::filesystem;

const fs::path folder = LENZ_SOURCE_DIR "/integrations/grafana";

// "TARGET/TAG/COLUMN/MINUTE" -> number. The column stands where there are several, the minute since
// the start where the query groups by time or lists points.
using Numbers = std::map<std::string, double>;

struct Reading {
  Timestamp time;
  double value;
};
using Readings = std::map<std::string, std::vector<Reading>>;  // By circuit.

constexpr auto day_of_berlin = [](Timestamp time) {  // In winter, an hour before UTC's.
  return std::chrono::floor<std::chrono::days>(time + 1h) - 1h;
};

std::int64_t minute(Timestamp time) { return (time - Installation::start) / 1min; }

class GrafanaTest : public testing::Test {
 protected:
  // 26 h: silent from minute 300 to 390, the fridge's channel absent from 600 to 630.
  void SetUp() override {
    if (!InfluxServer::is_installed()) GTEST_SKIP() << "InfluxDB is not installed (influxdb).";
    server_ = std::make_unique<InfluxServer>();
    server_->query("CREATE DATABASE lenz");
    for (int i = 0; i < 26 * 60; ++i) {
      if (i == 300) {
        world_.arrive();
        world_.lose(3);
        world_.now += 90min;
        i = 390;
      }
      world_.absent_channel = i >= 600 && i < 630 ? std::optional<std::size_t>(2) : std::nullopt;
      world_.measure_minute(i % 10 == 9);
    }
    end_ = world_.now;
    world_.now += 1min;
    InfluxMirror mirror(world_.home, world_.store, world_.ledger,
                        {.url = server_->url(), .database = "lenz"}, world_.listener());
    world_.write(mirror, [this](const auto& batch) { return server_->post(batch); });
    EXPECT_EQ(world_.told, std::vector<std::string>{});
    read_store();
  }

  // --- What the store says

  void read_store() {
    const auto kept = world_.store.samples("meter", {Installation::start, end_}).value();
    for (const auto& [boot, stream, time, sample] : kept) {
      const auto value = [&](Quantity q, std::size_t index) {
        const auto steps = sample.steps(q, index);
        return steps ? static_cast<double>(*steps) * row(q).resolution : std::nan("");
      };
      const auto watts = [&](std::size_t c) { return value(Quantity::active_power, c); };
      const auto put = [&](Readings& readings, const char* circuit, double number) {
        if (!std::isnan(number)) readings[circuit].push_back({time, number});
      };
      // The panel of the installation, by hand.
      put(power_, "main", watts(0) + watts(1));
      put(power_, "fridge", watts(2));
      put(power_, "roof", -watts(3));
      put(power_, "pair", watts(4) + 2 * watts(5));
      put(voltage_, "fridge", value(Quantity::voltage, 0));
      put(voltage_, "roof", value(Quantity::voltage, 1));
      put(current_, "fridge", value(Quantity::current, 2));
      put(current_, "roof", value(Quantity::current, 3));
      put(reactive_, "fridge", value(Quantity::reactive_power, 2));
      put(reactive_, "roof", -value(Quantity::reactive_power, 3));
    }
    for (const auto& [circuit, currents] : current_) factor_[circuit] = power_factors(circuit);
  }

  // Of every 10 s: mean power by mean voltage times mean current.
  std::vector<Reading> power_factors(const std::string& circuit) {
    std::map<Timestamp, std::array<std::vector<double>, 3>> steps;
    const auto collect = [&](Readings& readings, std::size_t index) {
      for (const auto& [time, value] : readings[circuit]) {
        steps[Timestamp(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch() / 10s *
                        10s)]
            .at(index)
            .push_back(value);
      }
    };
    collect(power_, 0);
    collect(voltage_, 1);
    collect(current_, 2);
    std::vector<Reading> factors;
    for (const auto& [time, values] : steps) {
      if (values[2].empty() || mean(values[1]) * mean(values[2]) < 1) continue;
      factors.push_back({time, mean(values[0]) / (mean(values[1]) * mean(values[2]))});
    }
    return factors;
  }

  static double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }
  static double greatest(const std::vector<double>& values) { return std::ranges::max(values); }
  static double least(const std::vector<double>& values) { return std::ranges::min(values); }

  // Reduced by ten minutes, the interval of these tests.
  static void add(Numbers& numbers, const std::string& target, const Readings& readings,
                  double (*reduce)(const std::vector<double>&),
                  const std::set<std::string>& only = {}) {
    for (const auto& [circuit, list] : readings) {
      if (!only.empty() && !only.contains(circuit)) continue;
      std::map<std::int64_t, std::vector<double>> buckets;
      for (const auto& [time, value] : list) buckets[minute(time) / 10 * 10].push_back(value);
      for (const auto& [begin, values] : buckets) {
        numbers[fmt::format("{}/{}//{}", target, circuit, begin)] = reduce(values);
      }
    }
  }

  // Of the newest 10 s, which are two samples.
  double newest_power(const std::string& circuit) {
    const auto& list = power_.at(circuit);
    return (list[list.size() - 1].value + list[list.size() - 2].value) / 2;
  }

  double energy(const std::string& circuit, Direction direction) {
    double sum = 0;
    for (const auto& [begin, wh] : hours(circuit, direction)) sum += wh;
    return sum;
  }
  std::map<Timestamp, double> hours(const std::string& circuit, Direction direction) {
    std::map<Timestamp, double> found;
    for (const auto& hour : world_.ledger.hours(circuit, {Installation::start, end_})) {
      const auto& gained = hour.gained;
      const auto mwh = direction == Direction::imported ? gained.imported : gained.exported;
      found[hour.begin] += static_cast<double>(mwh.value) / 1000;
    }
    return found;
  }
  std::map<Timestamp, double> days(const std::string& circuit, Direction direction) {
    std::map<Timestamp, double> found;
    for (const auto& [begin, wh] : hours(circuit, direction)) found[day_of_berlin(begin)] += wh;
    return found;
  }

  std::map<std::string, Numbers> expected_overview();
  std::map<std::string, Numbers> expected_circuits();
  std::map<std::string, Numbers> expected_bill();
  std::map<std::string, Numbers> expected_quality();

  // --- What Grafana asks

  std::map<std::string, std::string> variables(const Json& dashboard) {
    std::map<std::string, std::string> values;
    for (const auto& variable : dashboard["templating"]["list"]) {
      const std::string name = variable["name"];
      if (variable["type"] == "textbox") {
        values[name] = variable["query"];
        continue;
      }
      EXPECT_EQ(variable["datasource"]["uid"], "lenz-influxdb");
      std::set<std::string> found;
      const auto result = server_->query(substituted(variable["query"], values));
      if (result.contains("series")) {
        for (const auto& row : result["series"][0]["values"]) found.insert(row[1]);
      }
      EXPECT_FALSE(found.empty()) << name;
      const bool is_multi = variable["multi"];
      values[name] = is_multi ? fmt::format("({})", fmt::join(found, "|")) : *found.begin();
    }
    return values;
  }

  std::string substituted(std::string query, const std::map<std::string, std::string>& values) {
    const auto replace = [&](const std::string& what, const std::string& by) {
      for (auto at = query.find(what); at != std::string::npos; at = query.find(what, at)) {
        query.replace(at, what.size(), by);
      }
    };
    replace("$timeFilter", fmt::format("time >= {}ms and time <= {}ms",
                                       Installation::start.time_since_epoch().count(),
                                       end_.time_since_epoch().count() - 1));
    replace("$__interval", "10m");
    for (const auto& [name, value] : values) replace("$" + name, value);
    EXPECT_FALSE(std::regex_search(query, std::regex(R"(\$[A-Za-z_{])"))) << query;
    return query;
  }

  Numbers numbers(const Json& panel, const std::map<std::string, std::string>& values) {
    Numbers found;
    for (const auto& target : panel["targets"]) {
      EXPECT_EQ(target["datasource"]["uid"], "lenz-influxdb");
      const auto query = substituted(target["query"], values);
      const bool has_times =
          query.find("GROUP BY time(") != std::string::npos || query.find('(') > query.find("FROM");
      const auto result = server_->query(query);
      EXPECT_TRUE(result.contains("series")) << panel["title"] << " shows nothing: " << query;
      if (!result.contains("series")) continue;
      for (const auto& series : result["series"]) {
        std::string tag;
        if (series.contains("tags")) {
          for (const auto& [key, value] : series["tags"].items()) tag = value;
        }
        const auto& columns = series["columns"];
        for (const auto& row : series["values"]) {
          const auto at =
              has_times ? std::to_string(minute(Timestamp(std::chrono::milliseconds(row[0])))) : "";
          for (std::size_t i = 1; i < columns.size(); ++i) {
            const auto key =
                fmt::format("{}/{}/{}/{}", target["refId"].get<std::string>(), tag,
                            columns.size() > 2 ? columns[i].get<std::string>() : "", at);
            if (row[i].is_number()) found[key] = row[i];
            if (row[i].is_string()) texts_[tag] += row[i].get<std::string>() + "; ";
          }
        }
      }
    }
    return found;
  }

  void expect_panels(const std::string& file, std::map<std::string, Numbers> expected) {
    std::ifstream in(folder / "dashboards" / file);
    const auto dashboard = Json::parse(in);
    const auto values = variables(dashboard);
    for (const auto& panel : dashboard["panels"]) {
      const std::string title = panel["title"];
      const auto found = numbers(panel, values);
      ASSERT_TRUE(expected.contains(title)) << "Nothing is known of the panel " << title;
      const auto wanted = expected.extract(title).mapped();
      EXPECT_EQ(found.size(), wanted.size()) << title;
      for (const auto& [key, number] : wanted) {
        const auto same = found.find(key);
        if (same == found.end()) {
          ADD_FAILURE() << title << " has no " << key;
          break;
        }
        // A field is rounded to a tenth of its quantity's resolution.
        EXPECT_NEAR(same->second, number, 0.011) << title << " " << key;
      }
    }
    EXPECT_TRUE(expected.empty()) << "There is no panel " << expected.begin()->first;
  }

  Installation world_;
  std::unique_ptr<InfluxServer> server_;
  Timestamp end_;
  Readings power_, voltage_, current_, reactive_, factor_;
  std::map<std::string, std::string> texts_;  // Of a table, by tag.
  const std::vector<std::string> circuits_ = {"main", "fridge", "roof", "pair"};
};

std::map<std::string, Numbers> GrafanaTest::expected_overview() {
  std::map<std::string, Numbers> panels;
  panels["Grid now"]["A///"] = newest_power("main");
  panels["Drawn from the grid"]["A///"] = energy("main", Direction::imported);
  panels["Fed into the grid"]["A///"] = energy("main", Direction::exported);
  panels["Made by the sun"]["A///"] = energy("roof", Direction::exported);
  add(panels["Power of grid and sun"], "A", power_, mean, {"main"});
  add(panels["Power of grid and sun"], "B", power_, mean, {"roof"});
  auto& by_hour = panels["Energy from the grid by hour"];
  for (const auto& [begin, wh] : hours("main", Direction::imported)) {
    by_hour[fmt::format("A///{}", minute(begin))] = wh;
  }
  for (const auto& [begin, wh] : hours("main", Direction::exported)) {
    by_hour[fmt::format("B///{}", minute(begin))] = -wh;
  }
  for (const auto& circuit : circuits_) {
    panels["Circuits now"][fmt::format("A/{}//", circuit)] = newest_power(circuit);
    panels["Energy of the circuits"][fmt::format("A/{}//", circuit)] =
        energy(circuit, Direction::imported);
  }
  return panels;
}

std::map<std::string, Numbers> GrafanaTest::expected_circuits() {
  std::map<std::string, Numbers> panels;
  add(panels["Power"], "A", power_, mean);
  add(panels["Least and greatest power"], "A", power_, greatest);
  add(panels["Least and greatest power"], "B", power_, least);
  add(panels["Current"], "A", current_, mean);
  add(panels["Voltage"], "A", voltage_, mean);
  add(panels["Power factor"], "A", factor_, mean);
  add(panels["Reactive power"], "A", reactive_, mean);
  for (const auto& circuit : circuits_) {
    for (const auto& [begin, wh] : days(circuit, Direction::imported)) {
      panels["Energy by day"][fmt::format("A/{}//{}", circuit, minute(begin))] = wh;
    }
  }
  panels["Names"];  // Texts.
  return panels;
}

std::map<std::string, Numbers> GrafanaTest::expected_bill() {
  std::map<std::string, Numbers> panels;
  panels["Cost"]["A///"] = energy("main", Direction::imported) / 1000 * 0.30;
  panels["Drawn from the grid"]["A///"] = energy("main", Direction::imported);
  panels["Fed into the grid"]["A///"] = energy("main", Direction::exported);
  for (const auto& [begin, wh] : days("main", Direction::imported)) {
    panels["Cost by day"][fmt::format("A///{}", minute(begin))] = wh / 1000 * 0.30;
    panels["Days"][fmt::format("A//drawn/{}", minute(begin))] = wh;
    panels["Days"][fmt::format("A//cost/{}", minute(begin))] = wh / 1000 * 0.30;
  }
  for (const auto& [begin, wh] : days("main", Direction::exported)) {
    panels["Days"][fmt::format("A//fed in/{}", minute(begin))] = wh;
  }
  for (const auto& circuit : circuits_) {
    panels["Cost of the circuits"][fmt::format("A/{}//", circuit)] =
        energy(circuit, Direction::imported) / 1000 * 0.30;
  }
  return panels;
}

// The silence took hour 5 whole and half of hour 6; the fridge's channel half of hour 10.
std::map<std::string, Numbers> GrafanaTest::expected_quality() {
  const auto tally = world_.store.tally("meter").value();
  std::map<std::string, Numbers> panels;
  panels["Measured"]["A/meter//"] = 24.5 / 26;
  panels["Samples lost"]["A/meter//"] = 3;
  panels["Reports"]["A/meter//"] = static_cast<double>(tally.reports);
  panels["Reports that came twice"]["A/meter//"] = static_cast<double>(tally.duplicate);
  for (int hour = 0; hour < 26; ++hour) {
    const auto key = fmt::format("A/meter//{}", 60 * hour);
    panels["Measured by hour"][key] = hour == 5 ? 0 : hour == 6 ? 0.5 : 1;
    panels["Time without samples by hour"][key] = hour == 5 ? 3600 : hour == 6 ? 1800 : 0;
    panels["Time with a channel absent by hour"][key] = hour == 10 ? 1800 : 0;
  }
  panels["Hours with gaps"] = {
      {"A/meter/without samples/300", 3600}, {"A/meter/channels absent/300", 0},
      {"A/meter/measured/300", 0},           {"A/meter/without samples/360", 1800},
      {"A/meter/channels absent/360", 0},    {"A/meter/measured/360", 0.5},
      {"A/meter/without samples/600", 0},    {"A/meter/channels absent/600", 1800},
      {"A/meter/measured/600", 1},
  };
  return panels;
}

TEST_F(GrafanaTest, EveryPanelShowsWhatTheStoreHolds) {
  expect_panels("overview.json", expected_overview());
  expect_panels("circuits.json", expected_circuits());
  expect_panels("bill.json", expected_bill());
  expect_panels("quality.json", expected_quality());

  EXPECT_EQ(texts_["fridge"], "The fridge; ; load; ; ");
  EXPECT_EQ(texts_["main"], "The main; ; grid; ; ");
}

TEST(Grafana, NoPanelHidesAnotherAndEveryDashboardNamesTheDataSource) {
  std::set<std::string> uids;
  for (const auto& file : fs::directory_iterator(folder / "dashboards")) {
    std::ifstream in(file.path());
    const auto dashboard = Json::parse(in);
    EXPECT_TRUE(uids.insert(dashboard["uid"].get<std::string>()).second) << file.path();
    std::set<int> ids;
    std::set<std::pair<int, int>> places;
    for (const auto& panel : dashboard["panels"]) {
      EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << panel["title"];
      EXPECT_EQ(panel["datasource"]["uid"], "lenz-influxdb");
      EXPECT_FALSE(panel["fieldConfig"]["defaults"]["unit"].get<std::string>().empty());
      const auto& at = panel["gridPos"];
      for (int x = at["x"]; x < at["x"].get<int>() + at["w"].get<int>(); ++x) {
        EXPECT_LT(x, 24);
        for (int y = at["y"]; y < at["y"].get<int>() + at["h"].get<int>(); ++y) {
          EXPECT_TRUE(places.emplace(x, y).second) << panel["title"];
        }
      }
    }
  }
  EXPECT_EQ(uids.size(), 4u);
}

TEST(Grafana, TheDataSourceHoldsNoSecret) {
  std::ifstream in(folder / "provisioning/datasources/lenz.yaml");
  const std::string text{std::istreambuf_iterator<char>(in), {}};

  EXPECT_NE(text.find("uid: lenz-influxdb\n"), std::string::npos);
  EXPECT_NE(text.find("password: $LENZ_INFLUXDB_PASSWORD\n"), std::string::npos);
}

}  // namespace
}  // namespace hub
