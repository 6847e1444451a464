// Reading through an engine is reading the store, step by step: before a real VictoriaMetrics and a
// real InfluxDB 1.x, and for InfluxDB 2.x before a fake.

#include "hub/engine/engine_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/engine/http_engine_line.h"
#include "hub/engine/influx_engine.h"
#include "hub/engine/victoria_engine.h"
#include "hub/integrations/victoria_world.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Stream;
using measurement::Timestamp;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr auto start = Installation::start;

class Filled {
 public:
  virtual ~Filled() = default;
  virtual void mirror(Installation&) = 0;
  virtual std::unique_ptr<Engine> engine(EngineLine&) = 0;
  virtual void hang() = 0;
  virtual void go_on() = 0;

 protected:
  static void fill(Installation& world, InfluxMirror& mirror,
                   const std::function<EngineAnswer(const EngineRequest&)>& post) {
    world.keeps_marker = false;
    for (int i = 0; i < 140; ++i) {
      world.now += 1s;
      world.write(mirror, post);
    }
    ASSERT_THAT(world.told, testing::IsEmpty());
  }
};

class FilledVictoria final : public Filled {
 public:
  void mirror(Installation& world) override {
    InfluxMirror mirror(world.home, world.store, world.ledger, server_.settings(),
                        world.listener());
    fill(world, mirror, [&](const EngineRequest& request) {
      server_.flush();
      return server_.post(request);
    });
    server_.flush();
  }
  std::unique_ptr<Engine> engine(EngineLine& line) override {
    return std::make_unique<VictoriaEngine>(server_.settings(), "home", line);
  }
  void hang() override { server_.hang(); }
  void go_on() override { server_.go_on(); }

 private:
  VictoriaServer server_;
};

class FilledInflux final : public Filled {
 public:
  FilledInflux() { server_.query("CREATE DATABASE lenz"); }
  void mirror(Installation& world) override {
    InfluxMirror mirror(world.home, world.store, world.ledger, settings(), world.listener());
    fill(world, mirror, [&](const EngineRequest& request) { return server_.post(request); });
  }
  std::unique_ptr<Engine> engine(EngineLine& line) override {
    return std::make_unique<InfluxEngine>(settings(), "home", line);
  }
  void hang() override { server_.hang(); }
  void go_on() override { server_.go_on(); }

 private:
  InfluxDb settings() const {
    return {.url = server_.url(), .database = "lenz", .schema = InfluxSchema::samples};
  }
  InfluxServer server_;
};

class EngineStoreTest : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    const bool is_influx = GetParam() == "influxdb";
    if (is_influx ? !InfluxServer::is_installed() : !VictoriaServer::is_installed()) {
      GTEST_SKIP() << "Its server is not installed (" << GetParam() << ").";
    }
    if (is_influx) {
      filled = std::make_unique<FilledInflux>();
    } else {
      filled = std::make_unique<FilledVictoria>();
    }
    engine = filled->engine(line);
  }

  void measure(int minutes) {
    for (int i = 0; i < minutes; ++i) world.measure_minute(i == minutes - 1);
  }
  // Of a second meter, whose boots overlap, as after a clock that was set back.
  void append(std::uint64_t boot, Stream stream, Timestamp from, std::chrono::milliseconds period,
              std::size_t count, std::int64_t total) {
    std::vector<measurement::Sample> samples;
    for (std::size_t i = 0; i < count; ++i) {
      auto& made = samples.emplace_back(1);
      made.number = i;
      made.uptime = static_cast<std::int64_t>(i) * period;
      made.put_steps(Quantity::voltage, 0, 2300 + static_cast<int>(i % 7));
      made.put_steps(Quantity::current, 1, 333 * static_cast<int>(i % 5));
      made.put_steps(Quantity::active_power, 1, -770 + static_cast<int>(i));
      if (i % 3 > 0) made.put_steps(Quantity::imported, 1, total += 17);
    }
    ASSERT_TRUE(world.store.append({.device = "second",
                                    .boot = boot,
                                    .stream = stream,
                                    .period = period,
                                    .chips = 1,
                                    .booted_at = from},
                                   samples));
    ASSERT_TRUE(world.store.commit());
    world.follow();
  }

  EngineStore store(Timestamp kept_since) {
    return {world.store,
            *engine,
            line,
            [kept_since] { return kept_since; },
            [this] { return world.now; },
            world.listener()};
  }

  static void expect_same(const std::vector<float>& found, const std::vector<float>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i])))
          << "step " << i << ": " << found[i] << " for " << expected[i];
    }
  }
  void expect_same(EngineStore& store, const Series& series, TimeRange range,
                   std::chrono::milliseconds step) {
    SCOPED_TRACE(fmt::format("{} {} {} at {} ms", series.device, row(series.quantity).name,
                             series.index, step.count()));
    auto found = store.read(series, range, step);
    for (int tries = 0; !found && tries < 20; ++tries) {  // On a machine that is busy.
      store.is_back();
      found = store.read(series, range, step);
    }
    const auto expected = world.store.read(series, range, step);
    ASSERT_TRUE(found);
    ASSERT_TRUE(expected);
    EXPECT_EQ(found->begin, expected->begin);
    expect_same(found->mean, expected->mean);
    expect_same(found->min, expected->min);
    expect_same(found->max, expected->max);
    ASSERT_EQ(found->gained.size(), expected->gained.size());
    for (std::size_t i = 0; i < found->gained.size(); ++i) {
      EXPECT_TRUE(found->gained[i] == expected->gained[i] ||
                  (std::isnan(found->gained[i]) && std::isnan(expected->gained[i])))
          << "step " << i << ": " << found->gained[i] << " for " << expected->gained[i];
    }
  }
  void expect_same_everywhere(EngineStore& store) {
    const TimeRange all{start - 1h, world.now};
    for (const auto& about : measurement::quantities) {
      for (const std::size_t index : {0, 1, 2}) {
        for (const auto* device : {"meter", "second"}) {
          for (const auto step : {7s, 60s, 300s, 3600s, 86'400s}) {
            expect_same(store, {device, about.id, index}, all, step);
          }
          expect_same(store, {device, about.id, index}, {start + 3'300'500ms, start + 65min}, 1s);
        }
      }
    }
  }

  Installation world;
  std::unique_ptr<Filled> filled;
  HttpEngineLine line;
  std::unique_ptr<Engine> engine;
};

TEST_P(EngineStoreTest, EveryStepIsThatOfTheEmbeddedStore) {
  measure(60);
  for (int i = 0; i < 20; ++i) world.measure_minute(false);  // Late.
  world.absent_channel = 1;
  measure(20);
  world.restart_meter();
  measure(30);
  append(21, Stream::samples, start + 123ms, 3s, 1'000, 5'000);
  append(22, Stream::samples, start + 10min, 10s, 300, 0);
  append(22, Stream::edges, start + 20min, 20ms, 50, 900);
  append(23, Stream::coarse, start + 40min, 60s, 60, 70);
  filled->mirror(world);

  auto all_in_the_engine = store(world.now);
  expect_same_everywhere(all_in_the_engine);
  auto half = store(start + 1h + 10s);
  expect_same_everywhere(half);
  EXPECT_FALSE(half.is_away());
}

TEST_P(EngineStoreTest, WhatIsRecentIsReadWithoutTheEngine) {
  measure(60);
  filled->mirror(world);
  filled->hang();
  auto engine_store = store(start + 30min);

  EXPECT_TRUE(engine_store.read({"meter", Quantity::voltage, 0}, {start + 30min, start + 1h}, 60s));
  EXPECT_FALSE(engine_store.is_away());
  filled->go_on();
}

TEST_P(EngineStoreTest, AnEngineThatHangsIsAskedOnceUntilItIsBack) {
  measure(60);
  filled->mirror(world);
  auto engine_store = store(start + 30min);
  const auto read = [&] {
    const auto begin = std::chrono::steady_clock::now();
    const auto points =
        engine_store.read({"meter", Quantity::voltage, 0}, {start, start + 1h}, 60s);
    return std::pair(points ? StoreError::full : points.error(),
                     std::chrono::steady_clock::now() - begin);
  };
  EXPECT_EQ(read().first, StoreError::full) << "no error";
  filled->hang();

  const auto [first, first_took] = read();
  EXPECT_EQ(first, StoreError::unavailable);
  EXPECT_LT(first_took, 400ms);
  const auto [second, second_took] = read();
  EXPECT_EQ(second, StoreError::unavailable);
  EXPECT_LT(second_took, 20ms);
  EXPECT_THAT(world.told, ElementsAre(HasSubstr("what is old cannot be shown")));

  filled->go_on();
  EXPECT_EQ(read().first, StoreError::unavailable);
  engine_store.is_back();
  EXPECT_EQ(read().first, StoreError::full);
  EXPECT_THAT(world.told, Contains(HasSubstr("answers again")));
}

TEST_P(EngineStoreTest, MoreStepsThanAnAnswerMayHaveAreRefused) {
  auto engine_store = store(start + 365 * 24h);

  EXPECT_EQ(
      engine_store.read({"meter", Quantity::voltage, 0}, {start, start + 100'001s}, 1s).error(),
      StoreError::too_long);
}

INSTANTIATE_TEST_SUITE_P(Real, EngineStoreTest, testing::Values("victoriametrics", "influxdb"),
                         [](const auto& which) { return std::string(which.param); });

// Answers everything alike, and keeps the questions.
class FakeLine final : public EngineLine {
 public:
  void allow(std::chrono::milliseconds) override {}
  EngineAnswer ask(const EngineRequest& request) override {
    asked.push_back(request);
    return answer;
  }

  std::vector<EngineRequest> asked;
  EngineAnswer answer;
};

// As docs.influxdata.com/influxdb/v2/reference/api/influxdb-1x/query describes it.
TEST(InfluxEngine, AVersionTwoIsAskedForItsBucketWithAToken) {
  FakeLine line;
  InfluxEngine engine({.url = "https://influx",
                       .version = 2,
                       .organisation = "our home",
                       .bucket = "my bucket",
                       .token = "t0ken==",
                       .schema = InfluxSchema::samples},
                      "home", line);
  line.answer = {200, R"({"results": [{"statement_id": 0, "series": [{"name": "lenz_sample",
      "tags": {"boot": "00000000000000ff", "since": "1772323100000", "stream": "coarse"},
      "columns": ["time", "count", "sum", "min", "max"],
      "values": [[1772323260000, 12, 27600, 2299, 2301]]}]}]})"};

  const auto parts = engine.parts({"meter", Quantity::voltage, 1}, {start, 60s, 2});

  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 1u);
  EXPECT_EQ(parts->front().boot, 255u);
  EXPECT_EQ(parts->front().stream, Stream::coarse);
  EXPECT_EQ(parts->front().since, start - 100s);
  EXPECT_THAT(parts->front().steps,
              ElementsAre(MinuteSummary{}, MinuteSummary{12, 27'600, 2'299, 2'301}));
  ASSERT_EQ(line.asked.size(), 1u);
  EXPECT_EQ(line.asked[0].url, "https://influx/query");
  EXPECT_THAT(line.asked[0].headers, Contains(Pair("Authorization", "Token t0ken==")));
  EXPECT_THAT(line.asked[0].body,
              AllOf(HasSubstr("db=my%20bucket&epoch=ms&q="), HasSubstr("voltage_1_dv")));
}

TEST(InfluxEngine, AnAnswerThatMakesNoSenseIsNone) {
  FakeLine line;
  InfluxEngine influx({.url = "http://i", .database = "d"}, "home", line);
  VictoriaEngine victoria({.url = "http://v"}, "home", line);
  const Series series{"meter", Quantity::voltage, 0};
  for (const EngineAnswer& answer : {EngineAnswer{0, "hangs"},
                                     {503, "busy"},
                                     {200, "<html>"},
                                     {200, "{}"},
                                     {200, "[1]"},
                                     {200, R"({"results": [{"error": "no such database"}]})"}}) {
    line.answer = answer;
    for (Engine* engine : {static_cast<Engine*>(&influx), static_cast<Engine*>(&victoria)}) {
      EXPECT_FALSE(engine->parts(series, {start, 60s, 2})) << answer.text;
      EXPECT_FALSE(engine->values(series, {start, start + 1min})) << answer.text;
      EXPECT_FALSE(engine->began("meter")) << answer.text;
    }
  }
}

}  // namespace
}  // namespace hub
