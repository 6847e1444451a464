// The mirror before a real VictoriaMetrics and everything that can happen to one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/integrations/victoria_world.h"

namespace hub {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class VictoriaServerTest : public testing::Test {
 protected:
  using Post = std::function<EngineAnswer(const EngineRequest&)>;

  void SetUp() override {
    if (!VictoriaServer::is_installed()) {
      GTEST_SKIP() << "VictoriaMetrics is not installed (victoria-metrics).";
    }
    world.keeps_marker = false;
  }
  void start(VictoriaServer::Flags flags = VictoriaServer::good()) {
    server = std::make_unique<VictoriaServer>(std::move(flags));
  }
  std::unique_ptr<InfluxMirror> mirror() {
    return std::make_unique<InfluxMirror>(world.home, world.store, world.ledger, server->settings(),
                                          world.listener());
  }

  // A question is not asked before what was written shows.
  EngineAnswer post(const EngineRequest& request) {
    if (request.url.find("/api/v1/") != std::string::npos) server->flush();
    return server->post(request);
  }
  void write(InfluxMirror& mirror, const Post& by) {
    world.now += 1s;
    world.write(mirror, by);
  }
  // Seconds go by, and the meter is still.
  void let_pass(InfluxMirror& mirror, int seconds) {
    for (int i = 0; i < seconds; ++i) write(mirror, [&](const auto& batch) { return post(batch); });
  }
  // Ten minutes of measuring at once: a commit costs more than all the rest.
  void measure(int minutes) {
    for (int i = 0; i < minutes; ++i) world.measure_minute(i % 10 == 9 || i == minutes - 1);
  }

  // Point by point, hour by hour.
  static void expect_same(const VictoriaServer::Points& engine,
                          const VictoriaServer::Points& store) {
    ASSERT_FALSE(store.empty());
    using Hours = std::map<std::string, std::size_t>;
    const auto hours = [](const VictoriaServer::Points& points) {
      Hours found;
      for (const auto& [series, values] : points) {
        for (const auto& [time, value] : values) {
          ++found[fmt::format("hour {} {}", time / 3'600'000, series)];
        }
      }
      return found;
    };
    const auto in_engine = hours(engine), in_store = hours(store);
    for (const auto& [hour, count] : in_store) {
      const auto found = in_engine.find(hour);
      EXPECT_EQ(found == in_engine.end() ? 0 : found->second, count) << hour;
    }
    EXPECT_TRUE(engine == store);
  }
  void expect_all_that_is_stored() {
    expect_same(server->points(),
                points_of(world.store, "meter", {Installation::start, world.now}));
  }
  bool was_told(const std::string& what) const {
    return std::ranges::any_of(world.told, [&](const std::string& sentence) {
      return sentence.find(what) != std::string::npos;
    });
  }

  Installation world;
  std::unique_ptr<VictoriaServer> server;
};

TEST_F(VictoriaServerTest, EverySampleIsThereOnceThoughSomeCameLateAndTheMeterRestarted) {
  start();
  const auto engine = mirror();
  measure(60);
  let_pass(*engine, 5);
  for (int i = 0; i < 30; ++i) world.measure_minute(false);
  let_pass(*engine, 65);
  world.absent_channel = 2;
  world.restart_meter();
  measure(30);

  let_pass(*engine, 130);

  expect_all_that_is_stored();
  EXPECT_THAT(world.told, IsEmpty());
}

// It has confirmed and loses its last seconds.
TEST_F(VictoriaServerTest, WhatItForgetsWhenItIsKilledIsSentAgain) {
  start();
  auto engine = mirror();
  let_pass(*engine, 5);
  measure(60);
  write(*engine, [&](const auto& batch) { return server->post(batch); });
  server->kill();
  server->start();
  const auto left = server->points();
  ASSERT_TRUE(left != points_of(world.store, "meter", {Installation::start, world.now}))
      << "it forgot nothing";

  let_pass(*engine, 130);

  expect_all_that_is_stored();
}

TEST_F(VictoriaServerTest, ANewHubGoesOnWhereTheOldOneWasKilled) {
  start();
  measure(60);
  int requests = 0;
  {
    const auto engine = mirror();
    let_pass(*engine, 3);
    world.now += 1s;
    while (const auto batch = engine->next(world.now)) {
      if (++requests == 3) break;  // Its answer is never heard.
      engine->done(post(*batch), world.now);
    }
  }
  const auto engine = mirror();

  let_pass(*engine, 130);

  expect_all_that_is_stored();
}

TEST_F(VictoriaServerTest, WhileItHangsAnswersErrorsOrIsSlowNothingIsLostOrDoubled) {
  start();
  const auto engine = mirror();
  let_pass(*engine, 5);
  measure(60);
  server->hang();
  let_pass(*engine, 10);  // Tries after 1, 2 and 4 s more.
  server->go_on();
  EXPECT_TRUE(was_told("does not answer"));
  let_pass(*engine, 20);

  measure(60);
  int errors = 0, slow = 0;
  for (int i = 0; i < 40; ++i) {
    write(*engine, [&](const EngineRequest& request) {
      if (errors < 3) return ++errors, EngineAnswer{503, "busy"};
      const auto answer = post(request);
      // It comes after the time limit: the engine has it, and the mirror does not know.
      if (slow < 3) return ++slow, EngineAnswer{0, "no answer within 30 s"};
      return answer;
    });
  }
  let_pass(*engine, 190);

  EXPECT_EQ(errors + slow, 6);
  expect_all_that_is_stored();
}

TEST_F(VictoriaServerTest, OneThatIsStartedEmptyIsReportedAndGetsAllAgainWhenAsked) {
  start();
  const auto engine = mirror();
  measure(60);
  let_pass(*engine, 140);
  expect_all_that_is_stored();
  world.told.clear();

  server->stop();
  server->forget();
  server->start();
  measure(10);
  let_pass(*engine, 610);  // It is looked at every ten minutes.
  EXPECT_TRUE(was_told("has lost what it had confirmed"));
  EXPECT_TRUE(was_told("lenz mirror resend"));
  engine->resend();
  let_pass(*engine, 140);

  expect_all_that_is_stored();
  world.told.clear();
  let_pass(*engine, 1300);
  EXPECT_THAT(world.told, IsEmpty());
}

// Faults of all kinds in any order; LENZ_ENGINE_SEEDS of them, by default one.
TEST_F(VictoriaServerTest, AfterAnyFaultsEverySampleIsThereOnce) {
  const char* wanted = std::getenv("LENZ_ENGINE_SEEDS");
  for (unsigned seed = 1; seed <= (wanted ? std::stoul(wanted) : 1); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random(seed);
    Installation fresh;
    fresh.keeps_marker = false;
    start();
    const auto make_mirror = [&] {
      return std::make_unique<InfluxMirror>(fresh.home, fresh.store, fresh.ledger,
                                            server->settings(), fresh.listener());
    };
    auto engine = make_mirror();
    const auto let_pass = [&](std::size_t seconds, const Post& by) {
      for (std::size_t i = 0; i < seconds; ++i) {
        fresh.now += 1s;
        fresh.write(*engine, by);
      }
    };
    const Post good = [&](const EngineRequest& request) { return post(request); };
    const Post unheard = [&](const EngineRequest& request) {
      post(request);
      return EngineAnswer{0, "no answer in time"};
    };
    const Post busy = [](const auto&) { return EngineAnswer{503, "busy"}; };
    for (int step = 0; step < 12; ++step) {
      for (auto i = random() % 30 + 1; i > 0; --i) fresh.measure_minute(i % 5 == 1);
      switch (random() % 6) {
        case 0:
          server->settle();  // Else minutes of this world would be none of the server's.
          let_pass(random() % 10, good);
          server->kill();
          server->start();
          break;
        case 1:
          server->hang();
          let_pass(random() % 5 + 1, good);
          server->go_on();
          break;
        case 2:
          let_pass(random() % 40, busy);
          break;
        case 3:
          let_pass(random() % 40, unheard);
          break;
        case 4:
          engine = make_mirror();  // The hub was killed.
          break;
        default:
          fresh.restart_meter();
      }
      let_pass(random() % 130, good);
    }
    let_pass(600, good);
    expect_same(server->points(),
                points_of(fresh.store, "meter", {Installation::start, fresh.now}));
  }
}

TEST_F(VictoriaServerTest, WhatItNeverKeepsHoldsUpNothingElse) {
  start();
  const auto engine = mirror();
  measure(30);
  const std::string lost =
      fmt::format(" {}\n", (Installation::start + 5s).time_since_epoch().count());
  const auto leaky = [&](EngineRequest request) {
    if (const auto end = request.body.find(lost); end != std::string::npos) {
      const auto begin = request.body.rfind('\n', end) + 1;
      request.body.erase(begin, end + lost.size() - begin);
    }
    return post(request);
  };

  for (int i = 0; i < 3'900; ++i) write(*engine, leaky);  // An hour, and the rest.

  auto expected = points_of(world.store, "meter", {Installation::start, world.now});
  for (auto& [series, values] : expected) {
    values.erase((Installation::start + 5s).time_since_epoch().count());
  }
  EXPECT_TRUE(server->points() == expected);
  EXPECT_THAT(world.told, testing::ElementsAre(HasSubstr("are left out")));
  world.told.clear();
  measure(10);
  let_pass(*engine, 140);
  EXPECT_THAT(world.told, IsEmpty());
}

TEST_F(VictoriaServerTest, OneThatKeepsPointsTwiceGetsNoneUntilItsFlagIsGiven) {
  start({"-retentionPeriod=100y"});
  const auto engine = mirror();
  measure(10);

  let_pass(*engine, 30);

  EXPECT_THAT(world.told,
              Contains(AllOf(HasSubstr("twice"), HasSubstr("-dedup.minScrapeInterval=1ms"))));
  EXPECT_THAT(server->points(), IsEmpty());

  server->stop();
  server->start();
  let_pass(*engine, 140);
  expect_all_that_is_stored();
}

TEST_F(VictoriaServerTest, OneThatThinsPointsOutGetsNone) {
  start({"-dedup.minScrapeInterval=10s", "-retentionPeriod=100y"});
  const auto engine = mirror();
  measure(10);

  let_pass(*engine, 30);

  EXPECT_THAT(world.told, Each(AllOf(HasSubstr("lie close together"),
                                     HasSubstr("-dedup.minScrapeInterval=1ms"))));
  EXPECT_THAT(world.told, Not(IsEmpty()));
  EXPECT_THAT(server->points(), IsEmpty());
}

TEST_F(VictoriaServerTest, OneThatDropsWhatIsOldGetsNone) {
  // By default it would be a month, which the days of this test are older than.
  start({"-dedup.minScrapeInterval=1ms", "-retentionPeriod=8y"});
  const auto engine = mirror();
  measure(10);

  let_pass(*engine, 30);

  EXPECT_THAT(world.told, Each(AllOf(HasSubstr("ten years"), HasSubstr("-retentionPeriod=100y"))));
  EXPECT_THAT(world.told, Not(IsEmpty()));
  EXPECT_THAT(server->points(), IsEmpty());
}

}  // namespace
}  // namespace hub
