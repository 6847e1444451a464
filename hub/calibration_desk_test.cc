// The guide's calibration with a simulated chip behind the meter's requests.

#include "hub/calibration_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "insight/calibration/bench_test.h"
#include "measurement/request_codec.h"

namespace hub {
namespace {

using insight::LoadKind;
using measurement::Quantity;
using measurement::Reply;
using measurement::Request;
using measurement::Timestamp;
using namespace std::chrono_literals;

using testing::HasSubstr;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 30) + 12h;

class CalibrationDeskTest : public testing::Test {
 protected:
  ~CalibrationDeskTest() override { std::filesystem::remove_all(folder); }

  static insight::BenchBoard board() {
    insight::Chance chance{std::mt19937_64(7)};
    auto drawn = insight::draw_board(chance);
    drawn.rated_a = 50;
    return drawn;
  }

  // The meter does what it is asked at once.
  bool send(std::string_view bytes) {
    const auto request = measurement::decode_request(
        {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    Reply reply{.id = request->id, .kind = request->kind, .words = bench.words()};
    if (request->kind == Request::Kind::read_raw) {
      reply.raw.windows = request->windows;
      reply.raw.channels[0] = bench.read(request->windows);
    } else if (request->kind == Request::Kind::write_words) {
      if (request->expected != bench.words()) {
        reply.outcome = Reply::Outcome::words_differ;
      } else {
        EXPECT_TRUE(bench.set(request->wanted));
        reply.words = bench.words();
      }
    }
    replies.push_back(reply);
    return is_up;
  }

  // What the desk answers, once the meter has replied.
  template <class Work>
  std::string done(Work work) {
    std::string said = "no answer";
    work(
        CalibrationDesk::Asking{requests, now, [&](const std::expected<void, std::string>& answer) {
                                  said = answer ? "" : answer.error();
                                }});
    for (const auto& reply : std::exchange(replies, {})) {
      std::array<std::uint8_t, measurement::max_reply_bytes> bytes;
      const auto used = measurement::encode(reply, bytes);
      requests.heard("home", "meter-1", {reinterpret_cast<const char*>(bytes.data()), *used}, now);
    }
    return said;
  }
  std::string begin(const std::string& clamp = "SCT-010-50") {
    return done([&](auto asking) {
      desk.begin({.device = "meter-1", .clamp = clamp, .reference = "Wattmeter", .by = "Ada"},
                 {"0.2", "0.2", "0.2"}, std::move(asking));
    });
  }
  Typed shown(double amperes) const {
    return {"230.00", fmt_number(amperes), fmt_number(230 * amperes)};
  }
  static std::string fmt_number(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.4f", value);
    return text.data();
  }
  std::string load(double amperes) {
    bench.apply(amperes, 0);
    return done([&](auto asking) {
      desk.read_load(shown(amperes), LoadKind::resistive, std::move(asking));
    });
  }
  std::string set() {
    return done([&](auto asking) { desk.set(std::move(asking)); });
  }
  std::string check(double amperes) {
    return done(
        [&](auto asking) { desk.check(shown(amperes), LoadKind::resistive, std::move(asking)); });
  }
  std::string undo() {
    return done([&](auto asking) { desk.undo("meter-1", 0, "Bob", std::move(asking)); });
  }

  insight::Bench bench{board()};
  bool is_up = true;
  std::vector<Reply> replies;
  const std::filesystem::path folder = [] {
    auto pattern = (std::filesystem::temp_directory_path() / "lenz_desk_XXXXXX").string();
    return std::filesystem::path(::mkdtemp(pattern.data()));
  }();
  Home home{.id = "home"};
  LiveFeed live;
  Timestamp now = noon;
  std::uint64_t drawn = 0;
  MeterRequests requests{{.send = [this](std::string_view, std::string_view,
                                         std::string_view bytes) { return send(bytes); },
                          .draw = [this] { return ++drawn; }}};
  CalibrationDesk desk{live, home, folder / "calibrations.toml"};
};

TEST_F(CalibrationDeskTest, FromTheClampToACheckThatHoldsAndBackAgain) {
  const auto before = bench.words();
  bench.apply(0, 0);
  ASSERT_EQ(begin(), "");
  EXPECT_EQ(done([&](auto asking) { desk.read_no_load(std::move(asking)); }), "");
  EXPECT_EQ(load(20), "");
  ASSERT_TRUE(desk.guide(now)->course.result());
  EXPECT_EQ(bench.words(), before);  // Nothing is set before it is asked for.

  EXPECT_EQ(set(), "");

  EXPECT_NE(bench.words(), before);
  EXPECT_EQ(check(20), "");
  const auto& check_now = *desk.guide(now)->check;
  EXPECT_NEAR(check_now.meter_w, 4600, 10);
  EXPECT_TRUE(check_now.is_within()) << check_now.off_percent;
  ASSERT_EQ(desk.records().size(), 1u);
  EXPECT_EQ(desk.records()[0].by, "Ada");

  EXPECT_EQ(undo(), "");

  EXPECT_EQ(bench.words(), before);
  const auto records = desk.records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].reference, "undone: Wattmeter");
  EXPECT_EQ(records[1].by, "Bob");
  // As one that nobody calibrated: class 1 and 1.6 % of the board's parts.
  EXPECT_DOUBLE_EQ(records[1].accuracy.gain_limit, 2.6);
  EXPECT_EQ(desk.guide(now), nullptr);
}

TEST_F(CalibrationDeskTest, WhatIsUndoneHasTheStatedErrorOfTheCalibrationBefore) {
  for (int i = 0; i < 2; ++i) {
    bench.apply(0, 0);
    ASSERT_EQ(begin(), "");
    ASSERT_EQ(load(10 + 10 * i), "");
    ASSERT_EQ(set(), "");
    now += 1h;
  }
  const auto first = desk.records()[0];

  EXPECT_EQ(undo(), "");

  EXPECT_EQ(bench.words(), first.after);
  EXPECT_EQ(desk.records()[2].accuracy.gain_limit, first.accuracy.gain_limit);
  EXPECT_EQ(desk.records()[2].accuracy.loads.size(), first.accuracy.loads.size());
}

TEST_F(CalibrationDeskTest, EachRefusalHasItsCauseAndLeavesTheCourseAsItWas) {
  EXPECT_THAT(begin("SCT-999"), HasSubstr("SCT-013-000"));
  EXPECT_THAT(load(10), HasSubstr("begin with the meter and clamp"));
  bench.apply(20, 0);
  ASSERT_EQ(begin(), "");
  EXPECT_THAT(done([&](auto asking) { desk.read_no_load(std::move(asking)); }),
              HasSubstr("flow through the clamp"));
  EXPECT_FALSE(desk.guide(now)->course.no_load());
  EXPECT_THAT(set(), HasSubstr("No load was read"));
  EXPECT_THAT(load(0), HasSubstr("which is no load"));
  EXPECT_EQ(load(10), "");
  EXPECT_THAT(check(10), HasSubstr("not set yet"));

  // Somebody else has set it meanwhile.
  auto other = bench.words();
  ++other.current_gain;
  ASSERT_TRUE(bench.set(other));
  EXPECT_NE(set(), "");
  EXPECT_EQ(bench.words(), other);
  EXPECT_TRUE(desk.records().empty());
}

TEST_F(CalibrationDeskTest, AMeterThatCannotBeAskedIsSaidSo) {
  is_up = false;
  EXPECT_THAT(begin(), HasSubstr("The broker is away"));
  EXPECT_EQ(desk.guide(now), nullptr);
  EXPECT_EQ(undo(), "This channel was never calibrated.");
}

TEST_F(CalibrationDeskTest, ABookThatIsNoneIsSaidBeforeTheMeterIsSet) {
  ASSERT_EQ(begin(), "");
  ASSERT_EQ(load(10), "");
  const auto before = bench.words();
  std::ofstream(folder / "calibrations.toml") << "calibration = 3\n";

  EXPECT_THAT(set(), HasSubstr("calibrations.toml"));

  EXPECT_EQ(bench.words(), before);
}

TEST_F(CalibrationDeskTest, TheNewestSamplesSayWhetherTheLoadIsSteady) {
  ASSERT_EQ(begin(), "");
  auto time = noon;
  const auto show = [&](float watts) {
    measurement::Sample sample(1);
    sample.put<Quantity::voltage>(0, {230});
    sample.put<Quantity::active_power>(0, {watts});
    live.publish({"meter-2", time, sample});
    live.publish({"meter-1", time += 1s, sample});
  };
  for (int i = 0; i < 3; ++i) show(2000);
  EXPECT_FALSE(desk.guide(now)->unrest());  // Too few.
  for (int i = 0; i < 8; ++i) show(2000 + static_cast<float>(i % 2));
  EXPECT_LT(*desk.guide(now)->unrest(), insight::most_unrest);
  EXPECT_EQ(desk.guide(now)->readings.size(), CalibrationDesk::watched);
  EXPECT_EQ(desk.guide(now)->readings.back().time, time);

  show(1900);

  EXPECT_GT(*desk.guide(now)->unrest(), insight::most_unrest);
}

TEST_F(CalibrationDeskTest, WhoGoesAwayEndsTheCourse) {
  ASSERT_EQ(begin(), "");
  now += CalibrationDesk::patience;
  EXPECT_EQ(desk.guide(now), nullptr);
}

}  // namespace
}  // namespace hub
