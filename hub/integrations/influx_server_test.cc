// The mirror before a real InfluxDB 1.x. 2.x speaks the same lines; its requests are checked in
// influx_mirror_test.cc only.

#include <gtest/gtest.h>

#include "hub/integrations/influx_world.h"

namespace hub {
namespace {

class InfluxServerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!InfluxServer::is_installed()) GTEST_SKIP() << "InfluxDB is not installed (influxdb).";
    server = std::make_unique<InfluxServer>();
    server->query("CREATE DATABASE lenz");
    world.keeps_marker = false;
  }

  InfluxDb settings(InfluxSchema schema = InfluxSchema::lenz, bool scaled_integers = false) const {
    return {.url = server->url(),
            .database = "lenz",
            .schema = schema,
            .scaled_integers = scaled_integers};
  }
  auto post() {
    return [this](const InfluxMirror::Batch& batch) { return server->post(batch); };
  }
  // Until everything was written a second time too.
  void finish(InfluxMirror& mirror) {
    for (int i = 0; i < 4; ++i) {
      world.now += 1min;
      world.write(mirror, post());
    }
  }

  // Each hour's energy by InfluxDB's own sum, as "circuit hour" -> mWh.
  std::map<std::string, std::int64_t> hours(const std::string& field) {
    std::map<std::string, std::int64_t> found;
    const auto result = server->query(fmt::format(
        "SELECT sum({}) FROM energy WHERE time >= 0 AND time < '2030-01-01' GROUP BY circuit, "
        "time(1h) fill(none)",
        field));
    if (!result.contains("series")) return found;
    for (const auto& series : result["series"]) {
      for (const auto& row : series["values"]) {
        found[fmt::format("{} {}", series["tags"]["circuit"].get<std::string>(),
                          row[0].get<std::int64_t>())] = row[1];
      }
    }
    return found;
  }
  std::map<std::string, std::int64_t> ledger_hours(bool exported) {
    std::map<std::string, std::int64_t> found;
    for (const auto& circuit : world.home.panels[0].circuits) {
      for (const auto& hour : world.ledger.hours(circuit.id, {Installation::start, world.now})) {
        found[fmt::format("{} {}", circuit.id, hour.begin.time_since_epoch().count())] =
            (exported ? hour.gained.exported : hour.gained.imported).value;
      }
    }
    return found;
  }
  void expect_hours_as_in_the_ledger() {
    EXPECT_EQ(hours("imported_mwh"), ledger_hours(false));
    EXPECT_EQ(hours("exported_mwh"), ledger_hours(true));
  }
  std::int64_t count(const std::string& question) {
    const auto result = server->query(question);
    return result.contains("series") ? result["series"][0]["values"][0][1].get<std::int64_t>() : 0;
  }

  Installation world;
  std::unique_ptr<InfluxServer> server;
};

// 26 h: InfluxDB goes away after 2 h and stays away for 24; the meter is off-line from hour 5 to 8
// and restarts at hour 10. InfluxDB is killed in the middle of what it then gets to catch up with.
TEST_F(InfluxServerTest, AfterADayWithoutInfluxEveryHourHasItsEnergyOnce) {
  InfluxMirror mirror(world.home, world.store, world.ledger, settings(), world.listener());
  for (int minute = 0; minute < 26 * 60; ++minute) {
    if (minute == 120) server->stop();
    if (minute == 600) world.restart_meter();
    // Ten minutes at a time: a commit costs more than all the rest.
    world.measure_minute(minute % 10 == 9 && (minute < 300 || minute >= 480));
    world.write(mirror, post());
  }
  ASSERT_FALSE(world.told.empty());

  server->start();
  world.now += 2min;
  int requests = 0;
  world.write(mirror, [&](const InfluxMirror::Batch& batch) {
    if (++requests == 3) server->kill();
    const auto answer = server->post(batch);
    if (requests == 3) server->start();
    return answer;
  });
  for (int i = 0; i < 70; ++i) {  // Longer than it waits between tries.
    world.now += 1s;
    world.write(mirror, post());
  }
  finish(mirror);

  expect_hours_as_in_the_ledger();
  // One point a minute of each of 4 circuits, and one a step of 10 s.
  EXPECT_EQ(count("SELECT count(imported_mwh) FROM energy"), 4 * 26 * 60);
  EXPECT_EQ(count("SELECT count(active_power_w) FROM circuit"), 4 * 26 * 360);
  EXPECT_EQ(count("SELECT count(gap_s) FROM quality"), 26);
}

// A server that confirms what it has not kept loses its last seconds when it is killed. Here it
// keeps nothing of the first writing at all.
TEST_F(InfluxServerTest, WhatAServerConfirmedAndForgotIsWrittenAgain) {
  InfluxMirror mirror(world.home, world.store, world.ledger, settings(), world.listener());
  for (int minute = 0; minute < 60; ++minute) world.measure_minute(minute % 10 == 9);
  world.write(mirror, [](const InfluxMirror::Batch&) { return InfluxMirror::Answer{204, ""}; });

  finish(mirror);

  expect_hours_as_in_the_ledger();
  EXPECT_EQ(count("SELECT count(imported_mwh) FROM energy"), 4 * 60);
}

TEST_F(InfluxServerTest, OneThatIsEmptyAgainIsReportedAndGetsAllAgainWhenAsked) {
  InfluxMirror mirror(world.home, world.store, world.ledger, settings(InfluxSchema::samples),
                      world.listener());
  const auto let_pass = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      world.now += 1s;
      world.write(mirror, post());
    }
  };
  for (int minute = 0; minute < 20; ++minute) world.measure_minute(minute % 10 == 9);
  let_pass(130);
  EXPECT_EQ(count("SELECT count(number) FROM lenz_sample"), 20 * 12);
  EXPECT_TRUE(world.told.empty());
  server->query("DROP DATABASE lenz");
  server->query("CREATE DATABASE lenz");

  let_pass(610);
  EXPECT_EQ(count("SELECT count(number) FROM lenz_sample"), 0);
  ASSERT_EQ(world.told.size(), 1u);
  EXPECT_NE(world.told[0].find("lenz mirror resend"), std::string::npos) << world.told[0];
  mirror.resend();
  let_pass(130);

  EXPECT_EQ(count("SELECT count(number) FROM lenz_sample"), 20 * 12);
  EXPECT_EQ(count("SELECT count(imported_2_mwh) FROM lenz_sample"), 20 * 12);
}

// Each hour is the counter at its end minus that at its begin, to 1 mWh.
TEST_F(InfluxServerTest, InHomeAssistantsSchemaTheCountersTellTheSameHours) {
  InfluxMirror mirror(world.home, world.store, world.ledger, settings(InfluxSchema::home_assistant),
                      world.listener());
  for (int minute = 0; minute < 4 * 60; ++minute) {
    if (minute == 60) server->stop();
    world.measure_minute(minute % 10 == 9 && (minute < 90 || minute >= 150));
    world.write(mirror, post());
  }
  server->start();
  world.now += 2min;
  finish(mirror);

  const auto result = server->query(
      "SELECT last(value) FROM kWh WHERE entity_id = 'lenz_home_fridge_energy' AND domain = "
      "'sensor' GROUP BY time(1h, 1m) fill(none)");  // The counter at 1:00 ends hour 0.
  ASSERT_TRUE(result.contains("series"));
  const auto& rows = result["series"][0]["values"];
  const auto hours = world.ledger.hours("fridge", {Installation::start, world.now});
  ASSERT_EQ(hours.size(), 4u);
  ASSERT_EQ(rows.size(), 4u);
  double before = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double counter = rows[i][1];
    EXPECT_NEAR(counter - before, static_cast<double>(hours[i].gained.imported.value) / 1e6, 1e-6);
    before = counter;
  }
  EXPECT_EQ(count("SELECT count(value) FROM W"), 4 * 4 * 360);
}

TEST_F(InfluxServerTest, WholeStepsAreTheSameValuesInLessRoom) {
  world.base = 5'000;
  world.noise = 30;  // 500 to 503 W.
  for (int minute = 0; minute < 12 * 60; ++minute) world.measure_minute(minute % 10 == 9);
  const auto size_of = [&](bool scaled) {
    InfluxMirror mirror(world.home, world.store, world.ledger, settings(InfluxSchema::lenz, scaled),
                        world.listener());
    server->query("DROP DATABASE lenz");
    server->query("CREATE DATABASE lenz");
    finish(mirror);
    return server->size();
  };
  const auto floats = size_of(false);
  const double watts =
      server->query("SELECT sum(active_power_w) FROM circuit")["series"][0]["values"][0][1];
  const auto integers = size_of(true);
  const double tenths =
      server->query("SELECT sum(active_power_dw) FROM circuit")["series"][0]["values"][0][1];

  // Each of 4 x 4320 steps is rounded by 0.05 W at most.
  EXPECT_NEAR(tenths / 10, watts, 4 * 4320 * 0.05);
  EXPECT_LT(5 * integers, floats);  // A steady load, as most are.
  RecordProperty("bytes_as_floats", std::to_string(floats));
  RecordProperty("bytes_as_integers", std::to_string(integers));
  expect_hours_as_in_the_ledger();
}

}  // namespace
}  // namespace hub
