#include "hub/integrations/influx_mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "hub/integrations/influx_world.h"

namespace hub {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

constexpr InfluxMirror::Answer taken{204, ""};

class InfluxMirrorTest : public testing::Test {
 protected:
  InfluxMirror mirror(InfluxDb settings) {
    return {world.home, world.store, world.ledger, std::move(settings), world.listener()};
  }
  InfluxDb one() const {
    return {.url = "http://influx:8086/",
            .database = "my db&x",
            .user = "ann",
            .password = "open sesame"};
  }
  static std::ptrdiff_t lines(const InfluxMirror::Batch& batch) {
    return std::ranges::count(batch.body, '\n');
  }
  void measure(int minutes) {
    for (int i = 0; i < minutes; ++i) world.measure_minute(i == minutes - 1);
  }

  Installation world;
};

TEST_F(InfluxMirrorTest, AVersionOneIsAskedForItsDatabaseWithoutASecretInTheAddress) {
  measure(1);
  auto influx = mirror(one());

  const auto batch = influx.next(world.now);

  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->url, "http://influx:8086/write?db=my%20db%26x&precision=ms");
  // base64 of "ann:open sesame".
  EXPECT_THAT(batch->headers,
              testing::Contains(Pair("Authorization", "Basic YW5uOm9wZW4gc2VzYW1l")));
}

TEST_F(InfluxMirrorTest, AVersionTwoIsAskedForItsBucketWithAToken) {
  measure(1);
  auto influx = mirror({.url = "https://influx",
                        .version = 2,
                        .organisation = "our home",
                        .bucket = "lenz",
                        .token = "t0ken=="});

  const auto batch = influx.next(world.now);

  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->url, "https://influx/api/v2/write?org=our%20home&bucket=lenz&precision=ms");
  EXPECT_THAT(batch->headers, testing::Contains(Pair("Authorization", "Token t0ken==")));
}

TEST_F(InfluxMirrorTest, TheMinuteThatRunsIsToldWhenItIsOver) {
  measure(1);
  auto influx = mirror(one());

  EXPECT_FALSE(influx.next(world.now - 1s));
  EXPECT_TRUE(influx.next(world.now));
}

// 4 circuits with 6 steps and an energy each; with the hour's quality and 5 names: 34 lines.
TEST_F(InfluxMirrorTest, EverythingIsWrittenTwiceBeforeTheBookmarkMoves) {
  measure(1);
  std::vector<std::ptrdiff_t> first, second, third;
  const auto note = [](std::vector<std::ptrdiff_t>& seen) {
    return [&seen](const auto& batch) {
      seen.push_back(lines(batch));
      return taken;
    };
  };
  {
    auto influx = mirror(one());
    world.write(influx, note(first));
  }
  auto influx = mirror(one());  // The hub was started again after the first writing.
  world.write(influx, note(second));
  world.now += 59s;
  EXPECT_EQ(world.write(influx, note(third)), 0);
  world.now += 1s;
  world.write(influx, note(third));

  EXPECT_THAT(first, ElementsAre(34));
  EXPECT_THAT(second, ElementsAre(34));
  EXPECT_THAT(third, ElementsAre(29));  // The names come once an hour.
  auto again = mirror(one());
  EXPECT_FALSE(again.next(world.now + 1h));
}

TEST_F(InfluxMirrorTest, AnotherDatabaseBeginsAtTheBeginning) {
  measure(1);
  auto influx = mirror(one());
  world.write(influx, [](const auto&) { return taken; });
  world.now += 1min;
  world.write(influx, [](const auto&) { return taken; });
  auto settings = one();
  settings.database = "other";

  auto other = mirror(settings);

  EXPECT_TRUE(other.next(world.now));
}

// 200 more circuits with 7 lines a minute: 4 minutes are more than a request may have.
TEST_F(InfluxMirrorTest, ARequestHasAtMostFiveThousandLines) {
  measure(8);
  for (int i = 0; i < 200; ++i) {
    auto more = world.home.panels[0].circuits[1];
    more.id = fmt::format("more-{}", i);
    world.home.panels[0].circuits.push_back(more);
  }
  auto influx = mirror(one());
  std::ptrdiff_t most = 0, all = 0;
  world.write(influx, [&](const auto& batch) {
    most = std::max(most, lines(batch));
    all += lines(batch);
    EXPECT_LE(batch.body.size(), InfluxMirror::most_bytes);
    return taken;
  });

  EXPECT_EQ(most, 5'000);
  EXPECT_GE(all, 8 * 204 * 7);
}

// 1, 2, 4, 8, 16, 32, 60, 60, ... s: in 10 minutes tries at 0, 1, 3, 7, 15, 31, 63, 123, ... s,
// which are 7 up to 63 s and 8 more up to 543 s.
TEST_F(InfluxMirrorTest, AServerThatIsAwayIsAskedLessAndLessOften) {
  measure(1);
  auto influx = mirror(one());
  int tries = 0;
  for (int i = 0; i < 600; ++i) {
    world.now += 1s;
    tries += world.write(influx, [](const auto&) { return InfluxMirror::Answer{0, "no route"}; });
  }

  EXPECT_EQ(tries, 15);
  EXPECT_LE(world.told.size(), 10u);
  EXPECT_THAT(world.told.front(), AllOf(HasSubstr("no route"), HasSubstr("nothing is lost")));
}

TEST_F(InfluxMirrorTest, WhatTheOwnerCanMendIsSaidWithoutASecret) {
  const std::vector<std::tuple<unsigned, std::string, std::string>> answers = {
      {401, "unauthorized", "check user and password_file"},
      {403, "forbidden", "GRANT WRITE"},
      {404, "database not found", "CREATE DATABASE \"my db&x\""},
      {503, "busy", "nothing is lost"}};
  for (const auto& [status, text, remedy] : answers) {
    measure(1);
    auto influx = mirror(one());
    const auto batch = influx.next(world.now);
    ASSERT_TRUE(batch);
    influx.done({status, text}, world.now);
    EXPECT_THAT(world.told.back(), AllOf(HasSubstr(remedy), HasSubstr(text),
                                         Not(HasSubstr("sesame")), Not(HasSubstr("YW5u"))));
  }
}

TEST_F(InfluxMirrorTest, OneLineThatIsRefusedDoesNotHoldUpTheOthers) {
  measure(1);
  auto influx = mirror(one());
  std::set<std::string> kept;
  const int requests = world.write(influx, [&](const InfluxMirror::Batch& batch) {
    if (batch.body.find("energy,circuit=roof") != std::string::npos) {
      return InfluxMirror::Answer{400, "field type conflict"};
    }
    for (std::size_t at = 0; at < batch.body.size(); at = batch.body.find('\n', at) + 1) {
      kept.insert(batch.body.substr(at, batch.body.find('\n', at) - at));
    }
    return taken;
  });

  EXPECT_EQ(kept.size(), 33u);
  EXPECT_LT(requests, 20);
  ASSERT_EQ(world.told.size(), 1u);
  EXPECT_THAT(world.told[0], AllOf(HasSubstr("energy,circuit=roof"), HasSubstr("conflict")));
}

TEST_F(InfluxMirrorTest, PointsThatInfluxIsToldToForgetAreNotTriedAgain) {
  measure(1);
  auto influx = mirror(one());

  const int requests = world.write(influx, [](const auto&) {
    return InfluxMirror::Answer{400, "partial write: points beyond retention policy dropped=29"};
  });

  EXPECT_EQ(requests, 1);
  EXPECT_THAT(world.told, ElementsAre(HasSubstr("older than it keeps them")));
}

TEST_F(InfluxMirrorTest, SettingsThatMakeNoSenseAreToldAtTheStart) {
  auto uneven = one();
  uneven.step = 7s;
  EXPECT_THROW(mirror(uneven), std::runtime_error);
  auto three = one();
  three.version = 3;
  EXPECT_THROW(mirror(three), std::runtime_error);
  auto secret = one();
  secret.url = "http://ann:sesame@influx";
  EXPECT_THROW(mirror(secret), std::runtime_error);
}

}  // namespace
}  // namespace hub
